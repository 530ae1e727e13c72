//! `query`: one statement, its first page and its receipt.

use super::{Call, ToolResult, reading, schema};
use crate::error::Error;
use crate::mcp::arguments::Arguments;
use crate::mcp::{progress, reply};
use crate::query::{Answer, QueryRequest};
use crate::results::render;
use rmcp::model::{CallToolResult, Tool};
use serde_json::{Value as Json, json};

pub(super) const NAME: &str = "query";
const EXAMPLE: &str = "\"SELECT count(*) FROM shop.main.orders\"";

pub(super) fn definition() -> Tool {
    reading(
        NAME,
        "Run a query",
        "Run one read-only SELECT (PostgreSQL dialect). It may join tables of different sources, \
         named source.schema.table. Returns the first page, a handle for the rest, and a receipt. \
         Values can be masked and rows filtered by policy.",
        json!({
            "type": "object",
            "properties": {
                "sql": { "type": "string", "description": "One SELECT, WITH or VALUES statement" },
                "params": params_schema(),
                "limit": {
                    "type": "integer", "minimum": 1,
                    "description": "Rows of the first page"
                }
            },
            "required": ["sql"],
            "additionalProperties": false
        }),
    )
    .with_raw_output_schema(schema(json!({
        "type": "object",
        "properties": {
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

pub(super) async fn call(call: Call<'_>, given: Arguments) -> ToolResult {
    let accepts_cost = call.accepts_cost;
    let request = QueryRequest { accepts_cost, ..request(given, true, call.client)? };
    let work = call.backend.query(call.principal, request, call.cancel);
    let answer = progress::reporting(call.peer, call.progress, work).await?;
    attested(answer)
}

/// The statement that the arguments ask for; `explain` takes no limit.
pub(super) fn request(
    mut given: Arguments,
    limited: bool,
    client: String,
) -> Result<QueryRequest, Error> {
    let sql = given.text("sql", EXAMPLE)?;
    let parameters = given.parameters("params")?;
    let limit = if limited { given.count("limit", 1, "100")? } else { None };
    given.finish()?;
    Ok(QueryRequest { sql, parameters, limit, accepts_cost: false, client })
}

pub(super) fn params_schema() -> Json {
    json!({
        "description": "Values for $1, $2, ... as a list, or for $name as an object",
        "anyOf": [
            {
                "type": "array",
                "items": {
                    "anyOf": [
                        { "type": "string" },
                        { "type": "number" },
                        { "type": "boolean" },
                        { "type": "null" }
                    ]
                }
            },
            { "type": "object" }
        ]
    })
}

pub(super) fn columns_schema() -> Json {
    json!({
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "name": { "type": "string" },
                "type": { "type": "string" },
                "masked": { "type": "string" }
            }
        }
    })
}

pub(super) fn rows_schema() -> Json {
    json!({ "type": "array", "items": { "type": "array" } })
}

pub(super) fn warnings_schema() -> Json {
    json!({ "type": "array", "items": { "type": "string" } })
}

/// No receipt, no rows: both leave in one reply.
pub(super) fn attested(answer: Answer) -> Result<CallToolResult, Error> {
    let (text, structured) = written(answer)?;
    Ok(reply::success(text, structured))
}

/// The same in its two forms.
pub(super) fn written(answer: Answer) -> Result<(String, Json), Error> {
    let receipt = serde_json::to_value(&answer.receipt)
        .map_err(|error| Error::internal(format!("a receipt cannot be written: {error}")))?;
    let rendered = render(&answer.page)?;
    let (mut text, mut structured) = (rendered.text, rendered.structured);
    reply::attest(&mut text, &mut structured, receipt, answer.warnings);
    Ok((text, structured))
}
