//! A statement that its source expects to be much work runs where a person says so, and only that one.

use super::client::{Client, MODERN};
use super::server::{Demo, Server};
use crate::support::block_on;
use crate::support::endpoint::Endpoint;
use crate::support::lab::{self, Place};
use crate::support::load::Store;
use crate::support::world::World;
use serde_json::{Value as Json, json};
use std::sync::Arc;

const SQL: &str = "SELECT count(*) AS n FROM pg.public.events";
/// A tool of the organisation that asks the same.
const TOOL: &str = "version: 1
tools:
  how_many:
    description: How many events there are.
    sql: SELECT count(*) AS n FROM pg.public.events
    output: { n: bigint }
";

/// A server with a PostgreSQL source for which everything is too much; `None` without PostgreSQL.
fn server() -> Option<Arc<Server>> {
    let Place::Url(url) = block_on(lab::place(Store::Postgres, World::A))? else { return None };
    let demo = Arc::new(Demo::new());
    demo.write("pg.url", &url);
    let source = "sources:\n  pg: { kind: postgres, url: \"file:pg.url\", over_privileged: accepted, \
                  refuse_above: { cost: 0.0001, ask: true } }\n";
    let config = demo.config(&[
        ("sources:\n", source),
        (
            "[\"shop.main.*\", \"support.main.*\"]",
            "[\"shop.main.*\", \"support.main.*\", \"pg.public.*\"]",
        ),
    ]);
    demo.write("schemas/asked.yaml", TOOL);
    let model = Endpoint::saying(&[&json!({"sql": SQL}).to_string()]);
    let llm = format!("llm: {{ url: \"{}\", model: scripted-1 }}", model.url());
    let path = demo.write("asked.yaml", &format!("{config}\n{llm}\n"));
    Some(Arc::new(Server::serve(&demo, &path)))
}

fn call(sql: &str, answer: Option<(&str, &Json)>) -> Json {
    let mut call = json!({"name": "query", "arguments": {"sql": sql}});
    if let Some((action, state)) = answer {
        call["inputResponses"] = json!({"run_it": {"action": action}});
        call["requestState"] = state.clone();
    }
    call
}

#[test]
fn a_person_is_asked_and_the_answer_counts_for_just_this() {
    let Some(server) = server() else { return };
    let unable = Client::new(&server, "compliance", MODERN);
    let refused = unable.error("query", json!({"sql": SQL}));
    assert_eq!((&refused["code"], &refused["retry"]), (&json!("too_costly"), &json!("never")));

    let able = unable.able(json!({"elicitation": {}}));
    let asked = able.result("tools/call", call(SQL, None));
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let question = &asked["inputRequests"]["run_it"];
    assert_eq!(question["method"], "elicitation/create", "{asked}");
    let message = question["params"]["message"].as_str().unwrap();
    assert!(message.ends_with("Run the statement nevertheless?"), "{message}");
    assert!(!message.chars().any(|c| c.is_ascii_digit()), "no number of the estimate: {message}");
    let state = &asked["requestState"];

    let ran = able.result("tools/call", call(SQL, Some(("accept", state))));
    assert_eq!(ran["structuredContent"]["row_count"], 1, "{ran}");
    let declined = able.result("tools/call", call(SQL, Some(("decline", state))));
    assert_eq!(declined["structuredContent"]["error"]["code"], "too_costly", "{declined}");
    let other = call(&SQL.replace("events", "orders"), Some(("accept", state)));
    let again = able.result("tools/call", other);
    assert_eq!(again["resultType"], "input_required", "{again}");
    let forged = able.result("tools/call", call(SQL, Some(("accept", &json!("rs1.AAAA.AAAA")))));
    assert_eq!(forged["resultType"], "input_required", "{forged}");

    // A declared tool is asked about as what it runs.
    let tool = json!({"name": "how_many", "arguments": {}});
    let asked = able.result("tools/call", tool.clone());
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let mut accepted = tool;
    accepted["inputResponses"] = json!({"run_it": {"action": "accept"}});
    accepted["requestState"] = asked["requestState"].clone();
    let ran = able.result("tools/call", accepted);
    assert_eq!(ran["structuredContent"]["row_count"], 1, "{ran}");

    // What a model writes may be another statement the next time: nobody can say yes to it.
    let question = json!({"question": "how many events are there"});
    let refused = able.error("ask", question);
    assert_eq!((&refused["code"], &refused["retry"]), (&json!("too_costly"), &json!("never")));
}
