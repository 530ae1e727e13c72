//! The tools: few, with small schemas. Every list of tools costs its reader tokens in each conversation.

mod ask;
mod chart;
mod declared;
mod describe;
mod explain;
mod fetch;
mod query;
mod search;

use super::Backend;
use super::arguments::Arguments;
use crate::error::Result;
use crate::model::Principal;
use crate::semantics::{self, Semantics};
use crate::telemetry::ToolCall;
use rmcp::model::ToolAnnotations;
use rmcp::model::{CallToolRequestParams, CallToolResult, JsonObject, ProgressToken, Tool};
use rmcp::service::{Peer, RoleServer};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};
use tokio_util::sync::CancellationToken;

/// The tools that a caller may use, as `tools/list` shows them.
pub(super) fn listed(backend: &dyn Backend, principal: &Principal) -> Vec<Tool> {
    let declared = backend.tools(principal).into_iter().map(declared::definition);
    let is_there = |tool: &Tool| tool.name != ask::NAME || backend.has_model();
    let mut own: Vec<Tool> = all().into_iter().filter(is_there).collect();
    if backend.has_executors() {
        own.iter_mut().filter(|tool| tool.name == query::NAME).for_each(query::offer_places);
    }
    own.into_iter().chain(declared).collect()
}

/// What a list of tools costs its reader at most, in tokens of four characters.
const MOST_TOKENS: usize = 2_500;

/// What is wrong with the tools of a semantic layer: those of one role cost too much, beside the server's own.
pub fn check_tools(semantics: &Semantics) -> Vec<String> {
    let own = size(&all());
    let roles = semantics.tools().iter().flat_map(|tool| &tool.defined.roles);
    let roles: BTreeSet<Option<&String>> = roles.map(Some).chain([None]).collect();
    let cost = |role: Option<&String>| {
        let is_for = |tool: &&semantics::Tool| {
            let roles = &tool.defined.roles;
            roles.is_empty() || role.is_some_and(|role| roles.contains(role))
        };
        let tools = semantics.tools().iter().filter(is_for).map(declared::of_definition);
        own + size(&tools.collect::<Vec<_>>())
    };
    let costs = roles.into_iter().map(|role| (cost(role), role));
    let Some((tokens, role)) = costs.max().filter(|(tokens, _)| *tokens > MOST_TOKENS) else {
        return Vec::new();
    };
    let whose = role.map(|role| format!(" of the role {role}")).unwrap_or_default();
    vec![format!(
        "tools: the list{whose} costs about {tokens} tokens of every conversation, more than \
         {MOST_TOKENS}: declare fewer tools, shorten descriptions, or give them to roles"
    )]
}

fn size(tools: &[Tool]) -> usize {
    serde_json::to_string(tools).map_or(usize::MAX / 2, |wire| wire.chars().count() / 4)
}

/// The server's own tools, `ask` among them, which is there where a language model is.
pub(super) fn all() -> Vec<Tool> {
    static ALL: LazyLock<Vec<Tool>> = LazyLock::new(|| {
        vec![
            search::definition(),
            describe::definition(),
            query::definition(),
            fetch::definition(),
            explain::definition(),
            chart::definition(),
            ask::definition(),
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
    /// Whether the client's protocol has links to resources in results.
    pub(super) links: bool,
}

impl Call<'_> {
    /// Runs the tool. `None` where no tool has the name.
    pub(super) async fn run(self, request: CallToolRequestParams) -> Option<ToolResult> {
        let given = request.arguments;
        let caller = self.principal;
        // A name that a caller made up is no label: a declared tool is counted under its own once it is known.
        let built_in = semantics::RESERVED.contains(&request.name.as_ref());
        let mut counted =
            ToolCall::begin(if built_in { request.name.clone() } else { "declared".into() });
        let result = match request.name.as_ref() {
            search::NAME => search::call(self, Arguments::new(search::NAME, given)).await,
            describe::NAME => describe::call(self, Arguments::new(describe::NAME, given)).await,
            query::NAME => query::call(self, Arguments::new(query::NAME, given)).await,
            fetch::NAME => fetch::call(self, Arguments::new(fetch::NAME, given)).await,
            explain::NAME => explain::call(self, Arguments::new(explain::NAME, given)).await,
            chart::NAME => chart::call(self, Arguments::new(chart::NAME, given)).await,
            ask::NAME if self.backend.has_model() => {
                ask::call(self, Arguments::new(ask::NAME, given)).await
            }
            name => match declared::call(self, name, given).await {
                Some(result) => {
                    counted.named(name.to_string());
                    result
                }
                None => {
                    counted.unknown(caller);
                    return None;
                }
            },
        };
        counted.end(caller, result.as_ref().err());
        Some(result)
    }
}

/// A tool that only reads, and only what the server's configuration names.
fn reading(
    name: &'static str,
    title: &'static str,
    description: &'static str,
    input: Json,
) -> Tool {
    Tool::new(name, description, schema(input)).with_title(title).with_annotations(read_only())
}

fn read_only() -> ToolAnnotations {
    ToolAnnotations::new().read_only(true).destructive(false).idempotent(true).open_world(false)
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
        assert!(tokens <= 2_000, "tools/list takes {tokens} tokens");
    }

    #[test]
    fn no_declared_tool_takes_the_name_of_ours() {
        for tool in all() {
            assert!(semantics::RESERVED.contains(&tool.name.as_ref()), "{}", tool.name);
        }
    }

    #[test]
    fn a_list_that_costs_too_much_is_refused() {
        let tool = |name: usize, roles: &str| {
            let text = "what it answers ".repeat(20);
            format!("  t{name}: {{ sql: SELECT 1, roles: [{roles}], description: {text} }}\n")
        };
        let check = |roles: [&str; 2]| {
            let tools: String = (0..30).map(|at| tool(at, roles[at % 2])).collect();
            let text = format!("version: 1\ntools:\n{tools}");
            check_tools(&Semantics::parse("a.yaml", &text).unwrap())
        };
        assert!(check(["a", "a"])[0].contains("the list of the role a costs about"));
        assert!(check(["", ""])[0].contains("the list costs about"));
        assert!(check_tools(&Semantics::default()).is_empty());
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
