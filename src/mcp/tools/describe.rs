//! `describe`: tables, one source, or what a question needs.

use super::{Call, ToolResult, reading};
use crate::mcp::arguments::Arguments;
use crate::mcp::reply;
use crate::query::DescribeRequest;
use rmcp::model::Tool;
use serde_json::json;

pub(super) const NAME: &str = "describe";
const EXAMPLE: &str = "\"shop.main.customers\"";

pub(super) fn definition() -> Tool {
    reading(
        NAME,
        "Describe tables",
        "Columns, types, keys, joins, masks, metrics and some values of tables, and how to join them; \
         or all of one source. Read it before you write SQL.",
        json!({
            "type": "object",
            "properties": {
                "name": {
                    "type": "string",
                    "description": "source.schema.table, several with commas between, or a source"
                },
                "question": {
                    "type": "string",
                    "description": "Instead of a name: describes the tables that fit"
                }
            },
            "additionalProperties": false
        }),
    )
}

pub(super) async fn call(call: Call<'_>, mut given: Arguments) -> ToolResult {
    let question = given.optional_text("question", "\"orders per customer\"")?;
    let question = question.filter(|question| !question.trim().is_empty());
    let name = match &question {
        // A name is more certain, where both are given.
        Some(_) => given.optional_text("name", EXAMPLE)?.filter(|name| !name.trim().is_empty()),
        None => Some(given.text("name", EXAMPLE)?),
    };
    given.finish()?;
    let request = DescribeRequest { name, question, client: call.client };
    let described = call.backend.describe_with_values(call.principal, request).await?;
    Ok(reply::success(described.text, described.structured))
}
