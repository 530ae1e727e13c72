//! `describe`: one table or source.

use super::{Call, ToolResult, reading};
use crate::mcp::arguments::Arguments;
use crate::mcp::reply;
use rmcp::model::Tool;
use serde_json::json;

pub(super) const NAME: &str = "describe";

pub(super) fn definition() -> Tool {
    reading(
        NAME,
        "Describe a table",
        "Columns, types, keys, joins and masks of one table, or the tables of one source. \
         Read it before you write SQL.",
        json!({
            "type": "object",
            "properties": {
                "name": {
                    "type": "string",
                    "description": "source.schema.table, or a source, as search named it"
                }
            },
            "required": ["name"],
            "additionalProperties": false
        }),
    )
}

pub(super) fn call(call: &Call<'_>, mut given: Arguments) -> ToolResult {
    let name = given.text("name", "\"shop.main.customers\"")?;
    given.finish()?;
    let described = call.backend.describe(call.principal, name.trim())?;
    Ok(reply::success(described.text, described.structured))
}
