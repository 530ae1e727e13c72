//! `ask`: a question in words, answered by a statement that the configured language model writes. It is listed where there is one.

use super::query::{columns_schema, rows_schema, warnings_schema, written};
use super::{Call, ToolResult, reading, schema};
use crate::mcp::arguments::Arguments;
use crate::mcp::{progress, reply};
use crate::query::{AskRequest, Asked, Stage};
use crate::results::{legible, seen};
use rmcp::model::Tool;
use serde_json::{Value as Json, json};
use std::fmt::Write;

pub(super) const NAME: &str = "ask";

pub(super) fn definition() -> Tool {
    reading(
        NAME,
        "Ask in words",
        "Answers a question: a language model of the server writes one SELECT, which runs as yours would. \
         Returns rows, the SQL, what was assumed (unchecked) and a receipt. For hard questions write the \
         SQL yourself.",
        json!({
            "type": "object",
            "properties": {
                "question": { "type": "string", "description": "With period and units, where they matter" },
                "limit": { "type": "integer", "minimum": 1, "description": "Rows of the first page" }
            },
            "required": ["question"],
            "additionalProperties": false
        }),
    )
    .with_raw_output_schema(schema(json!({
        "type": "object",
        "properties": {
            "sql": { "type": "string" },
            "assumptions": { "type": "array", "items": { "type": "string" } },
            "model": { "type": "string" },
            "repairs": { "type": "integer" },
            "columns": columns_schema(),
            "rows": rows_schema(),
            "row_count": { "type": "integer" },
            "truncated": { "type": "boolean" },
            "handle": { "type": "string" },
            "receipt": { "type": "object" },
            "warnings": warnings_schema(),
            "error": { "type": "object" }
        }
    })))
}

pub(super) async fn call(call: Call<'_>, mut given: Arguments) -> ToolResult {
    let question = given.text("question", "\"orders per region in 2024\"")?;
    let limit = given.count("limit", 1, "100")?;
    given.finish()?;
    let (stage, stages) = Stage::seen();
    let client = call.client;
    let request = AskRequest { question, limit, withheld: None, client, stage };
    let work = call.backend.ask(call.principal, request, call.cancel);
    let asked = progress::reporting_stages(call.peer, call.progress, stages, work).await?;
    let Asked { answer, sql, assumptions, model, repairs } = asked;
    let (mut text, mut structured) = written(answer)?;
    // Writing to a String cannot fail.
    let _ = write!(text, "\nSQL, written by {}: {}", legible(&model), seen(&on_one_line(&sql)));
    if !assumptions.is_empty() {
        text.push_str("\nAssumed, in the model's words, which nobody has checked:");
        for assumption in &assumptions {
            let _ = write!(text, "\n- {}", legible(assumption));
        }
    }
    if let Json::Object(fields) = &mut structured {
        fields.insert("sql".into(), sql.into());
        fields.insert("assumptions".into(), assumptions.into());
        fields.insert("model".into(), model.into());
        fields.insert("repairs".into(), repairs.into());
    }
    Ok(reply::success(text, structured))
}

/// On one line, unless a comment would swallow the rest of it.
fn on_one_line(sql: &str) -> String {
    if sql.contains("--") { sql.to_string() } else { sql.replace('\n', " ") }
}
