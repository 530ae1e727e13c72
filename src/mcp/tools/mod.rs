//! The tools: few, with small schemas. Every list of tools costs its reader tokens in each conversation.

mod describe;
mod explain;
mod fetch;
mod query;
mod search;

use super::Backend;
use super::arguments::Arguments;
use crate::error::Result;
use crate::model::Principal;
use rmcp::model::ToolAnnotations;
use rmcp::model::{CallToolRequestParams, CallToolResult, JsonObject, ProgressToken, Tool};
use rmcp::service::{Peer, RoleServer};
use serde_json::Value as Json;
use std::sync::{Arc, LazyLock};
use tokio_util::sync::CancellationToken;

/// All tools, as `tools/list` shows them.
pub(super) fn all() -> Vec<Tool> {
    static ALL: LazyLock<Vec<Tool>> = LazyLock::new(|| {
        vec![
            search::definition(),
            describe::definition(),
            query::definition(),
            fetch::definition(),
            explain::definition(),
        ]
    });
    ALL.clone()
}

/// A call and what surrounds it.
pub(super) struct Call<'a> {
    pub(super) backend: &'a dyn Backend,
    pub(super) principal: &'a Principal,
    pub(super) peer: &'a Peer<RoleServer>,
    pub(super) progress: Option<ProgressToken>,
    /// Fires when the client cancels or goes away.
    pub(super) cancel: CancellationToken,
    /// Whether a person has been asked and wants the statement to run, whatever it costs.
    pub(super) accepts_cost: bool,
    /// The client's name and version, for the audit.
    pub(super) client: String,
}

impl Call<'_> {
    /// Runs the tool. `None` where no tool has the name.
    pub(super) async fn run(self, request: CallToolRequestParams) -> Option<ToolResult> {
        let given = request.arguments;
        Some(match request.name.as_ref() {
            search::NAME => search::call(self, Arguments::new(search::NAME, given)).await,
            describe::NAME => describe::call(&self, Arguments::new(describe::NAME, given)),
            query::NAME => query::call(self, Arguments::new(query::NAME, given)).await,
            fetch::NAME => fetch::call(self, Arguments::new(fetch::NAME, given)).await,
            explain::NAME => explain::call(self, Arguments::new(explain::NAME, given)).await,
            _ => return None,
        })
    }
}

/// A tool that only reads, and only what the server's configuration names.
fn reading(
    name: &'static str,
    title: &'static str,
    description: &'static str,
    input: Json,
) -> Tool {
    let annotations = ToolAnnotations::new()
        .read_only(true)
        .destructive(false)
        .idempotent(true)
        .open_world(false);
    Tool::new(name, description, schema(input)).with_title(title).with_annotations(annotations)
}

/// A schema written as JSON.
fn schema(value: Json) -> Arc<JsonObject> {
    let Json::Object(fields) = value else { return Arc::default() };
    Arc::new(fields)
}

/// What came of a tool.
pub(super) type ToolResult = Result<CallToolResult>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_small() {
        let wire = serde_json::to_string(&all()).unwrap();
        let tokens = wire.len() / 4;
        println!("tools/list: {} characters, about {tokens} tokens", wire.len());
        assert!(tokens <= 1_500, "tools/list takes {tokens} tokens");
    }

    #[test]
    fn every_tool_only_reads_a_closed_world() {
        for tool in all() {
            let annotations = tool.annotations.unwrap();
            assert_eq!(annotations.read_only_hint, Some(true), "{}", tool.name);
            assert_eq!(annotations.destructive_hint, Some(false), "{}", tool.name);
            assert_eq!(annotations.idempotent_hint, Some(true), "{}", tool.name);
            assert_eq!(annotations.open_world_hint, Some(false), "{}", tool.name);
            assert!(tool.title.is_some() && tool.description.is_some());
        }
    }

    #[test]
    fn schemas_are_portable() {
        for tool in all() {
            assert_eq!(tool.input_schema["type"], "object");
            assert_eq!(tool.input_schema["additionalProperties"], false, "{}", tool.name);
            portable(&Json::Object(tool.input_schema.as_ref().clone()), true);
            if let Some(output) = tool.output_schema {
                // An error is structured content too, and some clients check it against this.
                assert!(output.get("required").is_none(), "{}", tool.name);
                portable(&Json::Object(output.as_ref().clone()), true);
            }
        }
    }

    /// No list of types, no bare boolean for a schema, no format that only some clients know.
    fn portable(value: &Json, is_schema: bool) {
        match value {
            Json::Object(fields) => {
                assert!(!is_schema || !fields.contains_key("format"), "{value}");
                assert!(!fields.get("type").is_some_and(Json::is_array), "{value}");
                for (key, inner) in fields {
                    let schema = !matches!(key.as_str(), "properties");
                    if key == "items" || !schema {
                        assert!(inner.is_object(), "{key}: {inner}");
                    }
                    portable(inner, schema);
                }
            }
            Json::Array(items) => items.iter().for_each(|inner| portable(inner, is_schema)),
            _ => {}
        }
    }
}
