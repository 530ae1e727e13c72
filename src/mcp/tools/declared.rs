//! Tools that an organisation declared: their parameters are the arguments, their answers those of `query`.

use super::query::{attested, warnings_schema};
use super::{Call, ToolResult, read_only, schema};
use crate::mcp::progress;
use crate::query::{DeclaredTool, ToolRequest};
use crate::semantics;
use rmcp::model::{JsonObject, Tool};
use serde_json::json;

/// A tool as a list shows it.
pub(super) fn definition(tool: DeclaredTool) -> Tool {
    let DeclaredTool { name, description, input, columns } = tool;
    let columns: Vec<String> =
        columns.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
    // Small: every word of it is read in each conversation.
    let output = json!({
        "type": "object",
        "properties": {
            "columns": { "type": "array", "items": { "type": "object" } },
            "rows": {
                "type": "array",
                "items": { "type": "array" },
                "description": columns.join(", ")
            },
            "receipt": { "type": "object" },
            "warnings": warnings_schema(),
            "error": { "type": "object" }
        }
    });
    let title = title(&name);
    Tool::new(name, description, schema(input))
        .with_title(title)
        .with_annotations(read_only())
        .with_raw_output_schema(schema(output))
}

/// `top_products` as people read it.
fn title(name: &str) -> String {
    let words = name.replace('_', " ");
    let first = words.chars().next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(words.chars().skip(1)).collect()
}

/// The same of a definition whose columns are those that are written down.
pub(super) fn of_definition(tool: &semantics::Tool) -> Tool {
    definition(DeclaredTool {
        name: tool.defined.name.clone(),
        description: tool.description.clone(),
        input: tool.input_schema(),
        columns: tool.output.clone(),
    })
}

/// `None` where the caller has no tool of this name.
pub(super) async fn call(
    call: Call<'_>,
    name: &str,
    given: Option<JsonObject>,
) -> Option<ToolResult> {
    let arguments = given.unwrap_or_default();
    let (name, accepts_cost) = (name.to_string(), call.accepts_cost);
    let request = ToolRequest { name, arguments, accepts_cost, client: call.client };
    let work = call.backend.call_tool(call.principal, request, call.cancel);
    let answer = progress::reporting(call.peer, call.progress, work).await?;
    Some(answer.and_then(attested))
}
