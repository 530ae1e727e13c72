//! `fetch`: the rest of a result, without asking the sources again.

use super::query::{columns_schema, rows_schema, warnings_schema};
use super::{Call, ToolResult, reading, schema};
use crate::error::{Code, Error};
use crate::mcp::arguments::{Arguments, quoted};
use crate::mcp::reply;
use crate::query::{FetchRequest, Fetched};
use crate::results::{NOTE, fenced, legible_csv, render};
use rmcp::model::Tool;
use serde_json::{Value as Json, json};

pub(super) const NAME: &str = "fetch";
const CSV: &str = "csv";

pub(super) fn definition() -> Tool {
    reading(
        NAME,
        "Fetch more rows",
        "More rows of a query's result, by the handle that query returned. Nothing runs again. \
         format \"csv\" returns the whole stored result as CSV.",
        json!({
            "type": "object",
            "properties": {
                "handle": { "type": "string", "description": "The handle of a query's reply" },
                "offset": {
                    "type": "integer", "minimum": 0,
                    "description": "Index of the first row (default 0)"
                },
                "limit": { "type": "integer", "minimum": 1, "description": "Rows to return" },
                "format": { "type": "string", "enum": [CSV] }
            },
            "required": ["handle"],
            "additionalProperties": false
        }),
    )
    .with_raw_output_schema(schema(json!({
        "type": "object",
        "properties": {
            "columns": columns_schema(),
            "rows": rows_schema(),
            "row_count": { "type": "integer" },
            "offset": { "type": "integer" },
            "truncated": { "type": "boolean" },
            "handle": { "type": "string" },
            "csv": { "type": "string" },
            "warnings": warnings_schema(),
            "error": { "type": "object" }
        }
    })))
}

pub(super) async fn call(call: Call<'_>, mut given: Arguments) -> ToolResult {
    let handle = given.text("handle", "\"the handle of a query's reply\"")?;
    let offset = given.count("offset", 0, "100")?;
    let limit = given.count("limit", 1, "100")?;
    let format = given.optional_text("format", "\"csv\"")?;
    given.finish()?;
    if let Some(format) = format.as_deref().filter(|format| *format != CSV) {
        let message = format!("fetch: there is no format {}", quoted(format));
        return Err(Error::new(Code::InvalidArgument, message)
            .with_hint("leave \"format\" out for rows, or use \"format\": \"csv\""));
    }
    let request = FetchRequest { handle, offset, limit, format, client: call.client };
    let fetched = call.backend.fetch(call.principal, request).await?;
    page(fetched)
}

fn page(fetched: Fetched) -> ToolResult {
    let Fetched { page, warnings, export } = fetched;
    let (mut text, mut structured) = match export {
        Some(export) => {
            let mut fields = serde_json::Map::new();
            fields.insert("row_count".into(), page.row_count.into());
            fields.insert("offset".into(), page.offset.into());
            fields.insert("truncated".into(), page.truncated.into());
            if let Some(handle) = page.handle {
                fields.insert("handle".into(), handle.into());
            }
            fields.insert(CSV.into(), export.clone().into());
            (fenced(&legible_csv(&export)), Json::Object(fields))
        }
        None => {
            let rendered = render(&page)?;
            (rendered.text, rendered.structured)
        }
    };
    match structured.get(CSV) {
        // Between the lines of a file they would be rows of it.
        Some(_) => {
            text.insert_str(0, &format!("{}{NOTE}\n", reply::warning_lines(&warnings)));
        }
        None => reply::lead_with_warnings(&mut text, &warnings),
    }
    if let Json::Object(fields) = &mut structured {
        fields.insert("warnings".into(), warnings.into());
    }
    Ok(reply::success(text, structured))
}
