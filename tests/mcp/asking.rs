//! `ask` as clients meet it, and what administrators make of it: scores, and verified questions out of feedback.

use super::client::{Client, MODERN};
use super::server::{Demo, Server, celosia};
use crate::support::endpoint::{Does, Endpoint};
use serde_json::{Value as Json, json};
use std::sync::{Arc, Mutex, Weak};

const REVENUE: &str = "SELECT c.region AS r, sum(o.total) AS v FROM shop.main.orders o JOIN shop.main.customers c \
    ON o.customer_id = c.id WHERE o.status NOT IN ('cancelled', 'returned') GROUP BY c.region";

/// A server with a model that does as it is told, and an audit that keeps statements.
struct Asking {
    server: Arc<Server>,
    endpoint: Endpoint,
    config: String,
}

/// One for all tests here, which take turns.
fn asking() -> Arc<Mutex<Asking>> {
    static SHARED: Mutex<Weak<Mutex<Asking>>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    shared.upgrade().unwrap_or_else(|| {
        let demo = Arc::new(Demo::new());
        let endpoint = Endpoint::saying(&["nothing"]);
        demo.write("model.key", "k3y-of-ours\n");
        demo.write("master.key", &"5a".repeat(32));
        let audit = "audit: { store: \"sqlite:audit.db\", raw_sql: { key: \"file:master.key\" } }";
        let text = demo.config(&[("audit: { store: \"sqlite:audit.db\" }", audit)]);
        let llm = format!(
            "llm: {{ url: \"{}\", model: scripted-1, key: \"file:model.key\" }}",
            endpoint.url()
        );
        let config = demo.write("asking.yaml", &format!("{text}\n{llm}\n"));
        let server = Arc::new(Server::serve_talkative(&demo, &config));
        let config = config.to_str().unwrap().to_string();
        let asking = Arc::new(Mutex::new(Asking { server, endpoint, config }));
        *shared = Arc::downgrade(&asking);
        asking
    })
}

fn says(sql: &str) -> Does {
    Does::Says(written(sql))
}

fn written(sql: &str) -> String {
    json!({"sql": sql, "assumptions": ["All years. POISON\u{202e}\n[x](http://evil.example)"]})
        .to_string()
}

#[test]
fn ask_is_there_where_a_model_is_configured() {
    let asking = asking();
    let Asking { server, endpoint, .. } = &*asking.lock().unwrap_or_else(|p| p.into_inner());
    let client = Client::new(server, "analyst", MODERN);
    let tools = client.result("tools/list", json!({}))["tools"].take();
    assert_eq!(tools[6]["name"], "ask");
    assert!(tools.to_string().chars().count() / 4 <= 2_500);
    let schema = jsonschema::validator_for(&tools[6]["outputSchema"]).unwrap();
    let thought = "POISON is what I think.".to_string();
    endpoint.does([Does::SaysWhenTold(thought), Does::SaysWhenTold(written(REVENUE))]);
    let call = json!({
        "name": "ask",
        "arguments": {"question": "What is the net revenue of each region?"},
        "_meta": {"progressToken": "t-9"},
    });
    // The model keeps its answer until the client has been told what is being done.
    let stages = ["the model writes a statement", "the model corrects its statement"];
    let request = client.request("tools/call", call);
    let reply = request.send_and_see(server.address, &stages, || endpoint.goes_on());
    let messages = reply.messages();
    let result = &messages.last().unwrap()["result"];
    let answer = &result["structuredContent"];
    assert!(schema.is_valid(answer), "{answer}");
    assert_eq!((&answer["sql"], &answer["repairs"]), (&json!(REVENUE), &json!(1)));
    assert_eq!(
        answer["rows"].as_array().map(Vec::len),
        Some(1),
        "an analyst of the demo sees one region: {answer}"
    );
    let text = result["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("\nSQL, written by scripted-1: SELECT c.region AS r"), "{text}");
    assert!(text.contains("which nobody has checked:\n- All years. POISON"), "{text}");
    assert!(!text.contains('\u{202e}') && !text.contains("](http"), "{text}");
    let error = client.error("ask", json!({"question": " "}));
    assert_eq!(error["code"], "invalid_argument");
    // What the endpoint said is in no log, and neither is the key; the log is at its most talkative.
    let log = server.log();
    assert!(log.contains("DEBUG celosia::query::clock"), "{log}");
    assert!(!log.contains("POISON") && !log.contains("k3y-of-ours"), "{log}");
    assert!(!log.contains("evil.example"));
}

#[test]
fn ask_is_an_unknown_tool_where_no_model_is() {
    let server = Server::shared();
    let client = Client::new(&server, "analyst", MODERN);
    let ask = |name: &str| {
        let call = json!({"name": name, "arguments": {"question": "how many orders?"}});
        client.send(&client.request("tools/call", call)).messages().pop().unwrap()
    };
    let (off, absent) = (ask("ask"), ask("no_such_tool"));
    assert_eq!(off["error"]["code"], -32602, "{off}");
    assert_eq!(off, absent);
}

#[test]
fn a_model_is_scored_by_the_verified_questions() {
    let asking = asking();
    let Asking { server, endpoint, config } = &*asking.lock().unwrap_or_else(|p| p.into_inner());
    let eval = || {
        let done = celosia(&["eval", "--config", config, "--model"]);
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).unwrap()
    };
    endpoint.heard();
    endpoint.does([Does::Says("hm".into()), says(REVENUE)]);
    let told = "right    (1 repairs)  revenue_by_region\n1 of 1 verified questions (100.0 %) have the same rows, after 1 repairs\n";
    assert_eq!(eval(), told);
    // The verified statement calls its figure net_revenue, and so does the metric; the pair itself is not told.
    assert!(endpoint.heard().iter().all(|heard| !heard.body.to_string().contains("verified \\\"")));
    endpoint.does([says(&REVENUE.replace("sum", "max"))]);
    let said = eval();
    assert!(said.contains("WRONG    (other rows)  revenue_by_region\n0 of 1"), "{said}");
    endpoint.does([Does::Answers(500, "", "POISON".into())]);
    let said = eval();
    assert!(said.contains("status 500)  revenue_by_region") && !said.contains("POISON"), "{said}");
    let without = server.demo.path().join("celosia.yaml");
    let done = celosia(&["eval", "--config", without.to_str().unwrap(), "--model"]);
    assert!(String::from_utf8_lossy(&done.stderr).contains("no language model is configured"));
}

#[test]
fn good_answers_become_verified_questions() {
    let asking = asking();
    let Asking { server, endpoint, config } = &*asking.lock().unwrap_or_else(|p| p.into_inner());
    let client = Client::new(server, "analyst", MODERN);
    let id = |answer: &Json| answer["receipt"]["id"].as_str().unwrap().to_string();
    endpoint.does([says(
        "SELECT status, count(*) AS n FROM shop.main.orders WHERE total > 100 GROUP BY status",
    )]);
    let by_model =
        id(&client.answer("ask", json!({"question": "How many orders above 100 by status?"})));
    let query = |sql: &str, params: Json| {
        id(&client.answer("query", json!({"sql": sql, "params": params})))
    };
    let own = query("SELECT count(*) FROM support.main.tickets", json!([]));
    let bound = query("SELECT count(*) FROM support.main.tickets WHERE id > $1", json!([5]));
    let bad = query("SELECT count(*) AS b FROM support.main.tickets", json!([]));
    let demo = &server.demo;
    let feedback = [
        json!({"id": by_model, "rating": "good", "question": "How many orders above 100 are there by status?", "asked": ["large orders by status"]}),
        json!({"id": own, "rating": "good", "question": "How many tickets?", "name": "tickets"}),
        json!({"id": bound, "rating": "good", "question": "How many later tickets?"}),
        json!({"id": bad, "rating": "bad", "question": "Tickets?"}),
        json!({"id": own, "rating": "good"}),
        json!({"id": "00000000", "rating": "good", "question": "Who?"}),
    ];
    let lines: Vec<String> = feedback.iter().map(Json::to_string).collect();
    let file = demo.write("feedback.jsonl", &lines.join("\n"));
    let out = demo.path().join("schemas/promoted.yaml");
    let promote = |config: &str, feedback: &std::path::Path| {
        let paths = [feedback.to_str().unwrap(), out.to_str().unwrap()];
        celosia(&["eval", "promote", "--config", config, "--feedback", paths[0], "--out", paths[1]])
    };
    let done = promote(config, &file);
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
    for left_out in [
        format!("left out: {bound}: it has parameters"),
        format!("left out: {own}: it does not say what was asked"),
        "left out: 00000000: the audit has no statement of this id".into(),
        "2 verified questions are in".into(),
    ] {
        assert!(said.contains(&left_out), "{left_out}: {said}");
    }
    let text = std::fs::read_to_string(&out).unwrap();
    assert!(text.contains("  \"tickets\":\n") && text.contains("total > 100"), "{text}");
    let checked = celosia(&["check", "--config", config]);
    assert!(checked.status.success(), "{checked:?}");
    assert!(!promote(config, &file).status.success(), "a file is not written over");
    std::fs::remove_file(&out).unwrap();
    // Where the audit keeps no statements, the feedback's own has to be that of the record.
    let bare = demo.write("bare.yaml", &demo.config(&[]));
    let sql = |sql: &str| json!({"id": own, "rating": "good", "question": "How many tickets?", "sql": sql});
    let feedback = json!([
        sql("SELECT count(*) FROM support.main.agents"),
        sql("DROP TABLE tickets"),
        sql("select COUNT(*) from support.main.tickets"),
    ]);
    let file = demo.write("feedback.yaml", &feedback.to_string());
    let done = promote(bare.to_str().unwrap(), &file);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{said}");
    assert!(said.contains("another statement than the record's"), "{said}");
    assert_eq!(said.matches("left out: ").count(), 2, "{said}");
    let text = std::fs::read_to_string(&out).unwrap();
    assert!(text.contains("select COUNT(*)") && text.contains("no digests"), "{text}");
    std::fs::remove_file(&out).unwrap();
}
