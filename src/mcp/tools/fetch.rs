//! `fetch`: what can be done with a result without asking the sources again: its next page, a file of it, a
//! statement over it.

use super::query::{self, columns_schema, params_schema, rows_schema, warnings_schema};
use super::{Call, ToolResult, reading, schema};
use crate::error::{Code, Error};
use crate::mcp::arguments::{Arguments, quoted};
use crate::mcp::artifact::Artifact;
use crate::mcp::{progress, reply};
use crate::query::{ExportRequest, FetchRequest, Fetched, Parameters, QueryRequest};
use crate::results::{FileFormat, NOTE, fenced, legible_csv, render};
use rmcp::model::{ContentBlock, Resource, Tool};
use serde_json::{Value as Json, json};

pub(super) const NAME: &str = "fetch";
pub(super) const HANDLE: &str = "The handle or receipt id of a query's reply";
const CSV: &str = "csv";

pub(super) fn definition() -> Tool {
    reading(
        NAME,
        "Fetch more rows",
        "More rows of a query's result, by its handle; the query does not run again. sql runs a SELECT \
         over the whole stored result, as table result. format \"csv\" returns it as CSV, \
         \"parquet\" and \"arrow\" as a link to a file.",
        json!({
            "type": "object",
            "properties": {
                "handle": { "type": "string", "description": HANDLE },
                "offset": {
                    "type": "integer", "minimum": 0,
                    "description": "Index of the first row (default 0)"
                },
                "limit": { "type": "integer", "minimum": 1, "description": "Rows to return" },
                "format": { "type": "string", "enum": [CSV, "parquet", "arrow"] },
                "sql": {
                    "type": "string",
                    "description": "For example SELECT region, sum(n) FROM result GROUP BY 1"
                },
                "params": params_schema()
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
            "file": { "type": "object" },
            "receipt": { "type": "object" },
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
    let sql = given.optional_text("sql", "\"SELECT count(*) FROM result\"")?;
    let parameters = given.parameters("params")?;
    given.finish()?;
    let format = format.map(|name| known(&name)).transpose()?;
    match (sql, format) {
        (Some(_), Some(_)) => Err(apart("\"sql\" and \"format\"")),
        (Some(_), None) if offset.is_some() => Err(apart("\"sql\" and \"offset\"")),
        (Some(sql), None) => {
            let request = QueryRequest {
                sql,
                parameters,
                limit,
                accepts_cost: call.accepts_cost,
                client: call.client,
                ..QueryRequest::default()
            };
            let work = call.backend.requery(call.principal, &handle, request, call.cancel);
            query::attested(progress::reporting(call.peer, call.progress, work).await?)
        }
        (None, _) if parameters != Parameters::None => {
            let message = "fetch: \"params\" are of use with \"sql\" only";
            Err(Error::new(Code::InvalidArgument, message))
        }
        (None, Some(format)) if format != FileFormat::Csv => file(call, handle, format).await,
        (None, format) => {
            let format = format.map(|format| format.name().to_owned());
            let request =
                FetchRequest { handle: handle.clone(), offset, limit, format, client: call.client };
            page(&handle, call.backend.fetch(call.principal, request).await?)
        }
    }
}

fn known(name: &str) -> Result<FileFormat, Error> {
    FileFormat::named(name).ok_or_else(|| {
        let message = format!("fetch: there is no format {}", quoted(name));
        Error::new(Code::InvalidArgument, message).with_hint(
            "leave \"format\" out for rows, or use \"format\": \"csv\", \"parquet\" or \"arrow\"",
        )
    })
}

fn apart(two: &str) -> Error {
    let message = format!("fetch: {two} cannot be used together");
    Error::new(Code::InvalidArgument, message)
        .with_hint("a result of \"sql\" has a handle or receipt id of its own; fetch that")
}

/// A link to a file, which is made when it is read.
async fn file(call: Call<'_>, handle: String, format: FileFormat) -> ToolResult {
    let request = ExportRequest { handle: handle.clone(), format, client: call.client };
    let export = call.backend.export(call.principal, request).await?;
    let uri = Artifact::File { handle, format }.uri();
    let (rows, bytes) = (export.rows, export.bytes.len());
    let mut text = format!(
        "{rows} rows as a {} file of {bytes} bytes: read the resource {uri} while the result is kept.\n",
        format.name()
    );
    reply::lead_with_warnings(&mut text, &export.warnings);
    let structured = json!({
        "row_count": rows,
        "truncated": export.truncated,
        "file": { "uri": uri, "media_type": format.media_type(), "bytes": bytes },
        "warnings": export.warnings,
    });
    let mut result = reply::success(text, structured);
    if call.links {
        let link = Resource::new(&uri, format!("rows.{}", format.name()))
            .with_mime_type(format.media_type())
            .with_size(bytes as u64);
        result.content.push(ContentBlock::resource_link(link));
    }
    Ok(result)
}

fn page(handle: &str, fetched: Fetched) -> ToolResult {
    let Fetched { page, warnings, export } = fetched;
    let (mut text, mut structured) = match export {
        Some(export) => {
            let format = FileFormat::Csv;
            let uri = Artifact::File { handle: handle.to_owned(), format }.uri();
            let mut fields = serde_json::Map::new();
            fields.insert("row_count".into(), page.row_count.into());
            fields.insert("offset".into(), page.offset.into());
            fields.insert("truncated".into(), page.truncated.into());
            if let Some(handle) = page.handle {
                fields.insert("handle".into(), handle.into());
            }
            let file =
                json!({ "uri": uri, "media_type": format.media_type(), "bytes": export.len() });
            fields.insert("file".into(), file);
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
