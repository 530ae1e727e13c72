//! `search`: which tables, columns and stored values fit a question.

use super::{Call, ToolResult, reading};
use crate::mcp::arguments::Arguments;
use crate::mcp::reply;
use crate::query::SearchRequest;
use rmcp::model::Tool;
use serde_json::json;

pub(super) const NAME: &str = "search";
const DEFAULT_LIMIT: usize = 10;
const MOST: usize = 50;

pub(super) fn definition() -> Tool {
    reading(
        NAME,
        "Find tables",
        "Find the tables, columns and stored values that fit a question, best first, and their joins. \
         Start here.",
        json!({
            "type": "object",
            "properties": {
                "question": {
                    "type": "string",
                    "description": "The question or its key words, e.g. \"orders per customer\""
                },
                "limit": {
                    "type": "integer", "minimum": 1, "maximum": MOST,
                    "description": "Tables to return (default 10; with max_tokens, as many as fit)"
                },
                "max_tokens": {
                    "type": "integer", "minimum": 100,
                    "description": "About how long the reply may be"
                }
            },
            "required": ["question"],
            "additionalProperties": false
        }),
    )
}

pub(super) async fn call(call: Call<'_>, mut given: Arguments) -> ToolResult {
    let question = given.text("question", "\"orders per customer\"")?;
    let max_tokens = given.count("max_tokens", 100, "4000")?;
    let limit = match (given.count("limit", 1, "10")?, max_tokens) {
        (None, Some(_)) => None,
        (limit, _) => Some(limit.unwrap_or(DEFAULT_LIMIT).min(MOST)),
    };
    given.finish()?;
    let request = SearchRequest { question, limit, max_tokens, client: call.client };
    let found = call.backend.search(call.principal, request).await?;
    Ok(reply::success(found.text, found.structured))
}
