//! Sources and tables as resources, filtered to what the caller may see.

use super::artifact::{Artifact, FILE_TEMPLATE};
use super::cursor::Cursors;
use super::uri::{self, Target};
use super::{Backend, view};
use crate::error::{Code, Error};
use crate::model::Principal;
use crate::query::{ChartRequest, ExportRequest, VisibleName};
use crate::results::legible;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rmcp::ErrorData;
use rmcp::model::{
    ListResourcesResult, ReadResourceResult, Resource, ResourceContents, ResourceTemplate,
};

/// Entries of one page.
const PAGE: usize = 200;
const MARKDOWN: &str = "text/markdown";

/// The template of a source's URI.
pub(super) const SOURCE_TEMPLATE: &str = "celosia://{source}";
/// The template of a table's URI.
pub(super) const TABLE_TEMPLATE: &str = "celosia://{source}/{schema}/{table}";

/// One page of the sources and tables that the caller may see.
pub(super) fn list(
    backend: &dyn Backend,
    cursors: &Cursors,
    principal: &Principal,
    cursor: Option<&str>,
) -> Result<ListResourcesResult, ErrorData> {
    let tables = backend.visible_tables(principal);
    let entries = entries(&tables);
    let start = match cursor {
        None => 0,
        Some(cursor) => {
            let last = cursors.open(principal.user(), cursor).ok_or_else(bad_cursor)?;
            entries.partition_point(|entry| entry.uri.as_str() <= last)
        }
    };
    let mut page: Vec<Resource> = entries.into_iter().skip(start).take(PAGE + 1).collect();
    let more = page.len() > PAGE;
    page.truncate(PAGE);
    let next = page.last().filter(|_| more).map(|last| cursors.seal(principal.user(), &last.uri));
    let mut result = ListResourcesResult::with_all_items(page);
    result.next_cursor = next;
    Ok(result)
}

/// The templates, which are the same for everybody.
pub(super) fn templates() -> Vec<ResourceTemplate> {
    vec![
        ResourceTemplate::new(SOURCE_TEMPLATE, "source")
            .with_title("Source")
            .with_description("The tables of one source that you may see")
            .with_mime_type(MARKDOWN),
        ResourceTemplate::new(TABLE_TEMPLATE, "table")
            .with_title("Table")
            .with_description("Columns, keys, joins and masks of one table")
            .with_mime_type(MARKDOWN),
        ResourceTemplate::new(FILE_TEMPLATE, "result")
            .with_title("Result")
            .with_description("A result of yours as a file: csv, parquet or arrow"),
    ]
}

/// What a resource says. One that is hidden, one that is somebody else's and one that does not exist give the
/// same error.
pub(super) async fn read(
    backend: &dyn Backend,
    principal: &Principal,
    uri: &str,
    client: String,
) -> Result<ReadResourceResult, ErrorData> {
    if let Some(artifact) = Artifact::parse(uri) {
        let made = made(backend, principal, artifact, uri, client).await;
        return made.map(|contents| ReadResourceResult::new(vec![contents])).map_err(|error| {
            match error.code {
                Code::UnknownHandle => not_found(uri),
                Code::InvalidArgument | Code::InvalidStatement | Code::ResourceLimit => {
                    ErrorData::invalid_params(legible(&error.to_string()).into_owned(), None)
                }
                _ => failed(&error),
            }
        });
    }
    let tables = backend.visible_tables(principal);
    let name = uri::parse(uri).and_then(|target| visible_name(&tables, &target));
    let name = name.ok_or_else(|| not_found(uri))?;
    let reply = backend.describe(principal, &name).map_err(|error| failed(&error))?;
    let text = ResourceContents::text(reply.text, uri).with_mime_type(MARKDOWN);
    Ok(ReadResourceResult::new(vec![text]))
}

/// Something of a kept result, made now.
async fn made(
    backend: &dyn Backend,
    principal: &Principal,
    artifact: Artifact,
    uri: &str,
    client: String,
) -> Result<ResourceContents, Error> {
    let chart = |handle, chart| {
        backend.chart(principal, ChartRequest { handle, chart, client: client.clone() })
    };
    Ok(match artifact {
        Artifact::View => page(view::VIEW.to_owned(), uri),
        Artifact::File { handle, format } => {
            let request = ExportRequest { handle, format, client: client.clone() };
            let export = backend.export(principal, request).await?;
            let blob = STANDARD.encode(export.bytes);
            ResourceContents::blob(blob, uri).with_mime_type(format.media_type())
        }
        Artifact::Picture { handle, chart: spec } => {
            let svg = chart(handle, spec).await?.drawing.svg;
            ResourceContents::text(svg, uri).with_mime_type(view::PICTURE)
        }
        Artifact::Page { handle, chart: spec } => {
            page(view::page(&chart(handle, spec).await?.drawing.svg), uri)
        }
    })
}

fn page(html: String, uri: &str) -> ResourceContents {
    ResourceContents::text(html, uri).with_mime_type(view::PAGE).with_meta(view::page_meta())
}

/// Sources and tables in the order of their URIs, which is the order that cursors count in.
fn entries(tables: &[VisibleName]) -> Vec<Resource> {
    let mut entries = Vec::with_capacity(tables.len() + 8);
    let mut source = None;
    for table in tables {
        if source != Some(&*table.source) {
            source = Some(&*table.source);
            entries.push(source_entry(&table.source));
        }
        entries.push(table_entry(table));
    }
    entries.sort_by(|a, b| a.uri.cmp(&b.uri));
    entries.dedup_by(|a, b| a.uri == b.uri);
    entries
}

fn source_entry(source: &str) -> Resource {
    Resource::new(uri::source_uri(source), source)
        .with_description("Source: its tables")
        .with_mime_type(MARKDOWN)
}

fn table_entry(table: &VisibleName) -> Resource {
    let name = format!("{}.{}.{}", table.source, table.schema, table.table);
    let entry = Resource::new(uri::table_uri(&table.source, &table.schema, &table.table), name)
        .with_mime_type(MARKDOWN);
    match &table.description {
        Some(description) => entry.with_description(legible(description)),
        None => entry,
    }
}

/// The name to describe, if the target is among what the caller may see.
fn visible_name(tables: &[VisibleName], target: &Target) -> Option<String> {
    match target {
        Target::Source(source) => {
            tables.iter().any(|table| *table.source == **source).then(|| identifier(source))
        }
        Target::Table { source, schema, table } => tables
            .iter()
            .any(|seen| {
                *seen.source == **source && *seen.schema == **schema && *seen.table == **table
            })
            .then(|| [source, schema, table].map(|part| identifier(part)).join(".")),
    }
}

/// A part of a name, in double quotes where a dot or a quote in it would be read wrong.
fn identifier(part: &str) -> String {
    if part.contains(['.', '"']) {
        format!("\"{}\"", part.replace('"', "\"\""))
    } else {
        part.to_owned()
    }
}

/// Says nothing of what was asked for: the hidden and the non-existent are alike.
fn not_found(uri: &str) -> ErrorData {
    let message = "no such resource; resources/list names those you may read";
    ErrorData::resource_not_found(message, Some(serde_json::json!({ "uri": uri })))
}

fn bad_cursor() -> ErrorData {
    ErrorData::invalid_params("this cursor is not valid here; list again without a cursor", None)
}

fn failed(error: &Error) -> ErrorData {
    tracing::error!(code = error.code.as_str(), cause = ?error.source, "a resource cannot be read");
    ErrorData::internal_error(error.to_string(), None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mcp::testing::{StubBackend, principal};

    #[test]
    fn every_table_is_listed_once_over_the_pages() {
        let backend = StubBackend::with_tables(450);
        let (cursors, ana) = (Cursors::new(), principal("ana"));
        let (mut seen, mut cursor, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = list(&backend, &cursors, &ana, cursor.as_deref()).unwrap();
            assert!(page.resources.len() <= PAGE);
            seen.extend(page.resources.into_iter().map(|resource| resource.uri));
            pages += 1;
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!((pages, seen.len()), (3, 451));
        let mut unique = seen.clone();
        unique.dedup();
        assert_eq!(unique.len(), seen.len());
        assert!(seen.contains(&"celosia://shop".to_owned()));
        assert!(seen.contains(&"celosia://shop/main/t0449".to_owned()));
    }

    #[test]
    fn a_forged_cursor_is_invalid_params() {
        let backend = StubBackend::with_tables(3);
        let error = list(&backend, &Cursors::new(), &principal("ana"), Some("2")).unwrap_err();
        assert_eq!(error.code, rmcp::model::ErrorCode::INVALID_PARAMS);
    }

    #[tokio::test]
    async fn hidden_and_non_existent_are_the_same() {
        let backend = StubBackend::with_tables(3);
        let ana = principal("ana");
        let read = async |uri: &str| super::read(&backend, &ana, uri, String::new()).await;
        assert!(read("celosia://shop/main/t0001").await.is_ok());
        assert!(read("celosia://shop").await.is_ok());
        assert!(read("ui://celosia/chart").await.is_ok());
        let mut errors = Vec::new();
        for uri in [
            StubBackend::HIDDEN,
            "celosia://shop/main/nothing",
            "celosia://nowhere",
            "celosia://shop/main",
            "celosia-result://h_none/rows.csv",
            "celosia-result://h_none/bar/x/y/chart.svg",
            "ui://celosia/chart/h_none/bar/x/y",
            "file:///etc/passwd",
        ] {
            // The asked URI is echoed; nothing else may differ.
            errors.push(format!("{:?}", read(uri).await.unwrap_err()).replace(uri, "URI"));
        }
        assert!(errors.iter().all(|error| error == &errors[0]), "{errors:?}");
    }

    #[test]
    fn a_dot_in_a_name_is_quoted() {
        assert_eq!(identifier("plain"), "plain");
        assert_eq!(identifier("a.b"), "\"a.b\"");
        assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
    }
}
