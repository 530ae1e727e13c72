//! `query`: one statement, its first page and its receipt.

use super::{Backend, Call, ToolResult, reading, schema};
use crate::error::{Code, Error};
use crate::mcp::arguments::Arguments;
use crate::mcp::{progress, reply};
use crate::query::{Answer, QueryRequest, RunOn};
use crate::results::render;
use rmcp::model::{CallToolResult, Tool};
use serde_json::{Value as Json, json};
use std::sync::Arc;

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

/// Adds the choice of where a statement runs, for servers that have one.
pub(super) fn offer_places(tool: &mut Tool) {
    let mut input = tool.input_schema.as_ref().clone();
    if let Some(Json::Object(properties)) = input.get_mut("properties") {
        let names: Vec<&str> = PLACES.iter().map(|(name, _)| *name).collect();
        let choice = json!({
            "type": "string", "enum": names,
            "description": "Where to run it; leave it out unless the user says so"
        });
        properties.insert(RUN_ON.into(), choice);
    }
    tool.input_schema = Arc::new(input);
}

/// The argument that says where a statement runs.
const RUN_ON: &str = "run_on";
const PLACES: [(&str, RunOn); 2] = [("server", RunOn::Server), ("executors", RunOn::Executors)];

pub(super) async fn call(call: Call<'_>, mut given: Arguments) -> ToolResult {
    let accepts_cost = call.accepts_cost;
    let run_on = run_on(&mut given, call.backend)?;
    let request = QueryRequest { accepts_cost, run_on, ..request(given, true, call.client)? };
    let work = call.backend.query(call.principal, request, call.cancel);
    let answer = progress::reporting(call.peer, call.progress, work).await?;
    attested(answer)
}

fn run_on(given: &mut Arguments, backend: &dyn Backend) -> Result<RunOn, Error> {
    // Who has no choice is not told of one.
    if !backend.has_executors() && !given.has(RUN_ON) {
        return Ok(RunOn::default());
    }
    let Some(place) = given.choice(RUN_ON, &PLACES)? else { return Ok(RunOn::default()) };
    if place == RunOn::Executors && !backend.has_executors() {
        return Err(Error::new(Code::InvalidArgument, "this server has no executors")
            .with_hint("leave \"run_on\" out: the statement runs in the server's own process"));
    }
    Ok(place)
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
    Ok(QueryRequest { sql, parameters, limit, client, ..QueryRequest::default() })
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
