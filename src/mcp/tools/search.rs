//! `search`: which tables and columns fit a question.

use super::{Call, ToolResult, reading};
use crate::mcp::arguments::Arguments;
use crate::mcp::reply;
use rmcp::model::Tool;
use serde_json::json;

pub(super) const NAME: &str = "search";
const DEFAULT_LIMIT: usize = 10;
const MOST: usize = 50;

pub(super) fn definition() -> Tool {
    reading(
        NAME,
        "Find tables",
        "Find the tables and columns that fit a question, best first. Start here.",
        json!({
            "type": "object",
            "properties": {
                "question": {
                    "type": "string",
                    "description": "The question or its key words, e.g. \"orders per customer\""
                },
                "limit": {
                    "type": "integer", "minimum": 1, "maximum": MOST,
                    "description": "Tables to return (default 10)"
                }
            },
            "required": ["question"],
            "additionalProperties": false
        }),
    )
}

pub(super) fn call(call: &Call<'_>, mut given: Arguments) -> ToolResult {
    let question = given.text("question", "\"orders per customer\"")?;
    let limit = given.count("limit", 1, "10")?.unwrap_or(DEFAULT_LIMIT).min(MOST);
    given.finish()?;
    let found = call.backend.search(call.principal, &question, limit);
    Ok(reply::success(found.text, found.structured))
}
