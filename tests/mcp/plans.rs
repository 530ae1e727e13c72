//! Plans as callers meet them: 429 over HTTP, a tool's error over stdio; and what `celosia usage` says of it.

use super::client::{Client, MODERN};
use super::eventually;
use super::server::{Demo, Server, celosia};
use super::stdio::Lines;
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const PLANS: &str = "plans:
  default: { requests_per_second: 1000, burst: 1000 }
  rare: { requests_per_second: 0.02, burst: 2 }
  daily: { remote_rows_per_day: 50 }
usage: { file: usage.db }
semantics:";

/// The demo with plans: support asks rarely, compliance reads little a day.
fn planned(demo: &Demo) -> PathBuf {
    let config = demo.config(&[
        ("semantics:", PLANS),
        ("  support:\n    open:", "  support:\n    plan: rare\n    open:"),
        ("  compliance:\n    open:", "  compliance:\n    plan: daily\n    open:"),
    ]);
    demo.write("planned.yaml", &config)
}

/// What `celosia usage` says, a line for each object.
fn usage(config: &Path, more: &[&str]) -> String {
    let config = config.to_str().unwrap();
    let done = celosia(&[&["usage", "--config", config], more].concat());
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn who_asks_too_often_gets_429_and_is_told_when_to_come_back() {
    let demo = Arc::new(Demo::new());
    let server = Arc::new(Server::serve(&demo, &planned(&demo)));
    let support = Client::new(&server, "support", MODERN);
    for _ in 0..2 {
        support.still_answers();
    }
    let request = support.call_request("query", json!({"sql": "SELECT 1"}));
    let refused = support.send(&request);
    assert_eq!(refused.status, 429, "{}", refused.text());
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((20..=50).contains(&wait), "{wait}");
    let error = refused.json();
    assert!(error["error"]["message"].as_str().unwrap().contains("plan"), "{error}");
    assert!(error["error"]["data"]["hint"].as_str().unwrap().contains("\"rare\""), "{error}");
    Client::new(&server, "analyst", MODERN).still_answers();
}

#[test]
fn a_days_rows_outlive_the_server_and_usage_tells_of_them() {
    let demo = Arc::new(Demo::new());
    let config = planned(&demo);
    let ask = |sql: &str, written: &str| {
        let server = Arc::new(Server::serve(&demo, &config));
        let client = Client::new(&server, "compliance", MODERN);
        let result = client.call("query", json!({"sql": sql}));
        // A server that is killed loses what it has not written yet.
        let told = eventually("what was used is written down", || {
            let told = usage(&config, &["--json"]);
            told.contains(written).then_some(told)
        });
        (result, told)
    };
    let forty = "SELECT id FROM shop.main.orders LIMIT 40";
    let (answered, told) = ask(forty, "\"rows_returned\":40");
    assert_eq!(answered["isError"], false, "{answered}");
    let rows: Vec<Json> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let caller = rows.iter().find(|row| row["plan"] == "daily").expect("the caller");
    assert_eq!((&caller["remote_rows"], &caller["rows_returned"]), (&json!(40), &json!(40)));
    assert_eq!((&caller["requests"], &caller["kind"]), (&json!(1), &json!("api_key")));
    let source = rows.iter().find(|row| row["kind"] == "source").expect("the source");
    assert_eq!((&source["name"], &source["remote_rows"]), (&json!("shop"), &json!(40)));

    let (ended, _) = ask(forty, "\"refusals\":1");
    let error = &ended["structuredContent"]["error"];
    assert_eq!(error["code"], "limit_reached", "{ended}");
    assert_eq!(error["retry"], "later");
    assert!(error["retry_after_seconds"].as_u64().unwrap() <= 86_400, "{error}");
    let (refused, _) = ask("SELECT 1", "\"refusals\":2");
    assert_eq!(refused["structuredContent"]["error"]["code"], "limit_reached", "{refused}");

    let csv = usage(&config, &["--csv", "--since", "2020-01-01"]);
    assert!(csv.starts_with("day,kind,issuer,name,plan,requests,"), "{csv}");
    assert!(
        csv.lines().any(|line| line.contains(",api_key,,") && line.contains(",daily,")),
        "{csv}"
    );
    assert_eq!(usage(&config, &["--since", "2999-01-01", "--json"]), "");
    assert!(usage(&config, &[]).contains("remote_rows"));
}

#[test]
fn a_plan_holds_over_stdio_too_and_a_keys_plan_goes_before_its_roles() {
    let demo = Arc::new(Demo::new());
    let rare = "plans: { rare: { requests_per_second: 0.02, burst: 1 } }\nsemantics:";
    let config = demo.config(&[
        ("semantics:", rare),
        ("  analyst:\n    open:", "  analyst:\n    plan: rare\n    open:"),
    ]);
    let file = demo.write("stdio.yaml", &config);
    let arguments = ["stdio", "--config", file.to_str().unwrap()];
    let mut lines = Lines::start(&arguments).initialized("2025-11-25");
    let one = json!({"sql": "SELECT 1"});
    assert_eq!(lines.call("query", one.clone())["row_count"], 1);
    let refused = lines.call("query", one.clone());
    assert_eq!(refused["error"]["code"], "limit_reached", "{refused}");
    assert!(refused["error"]["retry_after_seconds"].as_u64().unwrap() > 20, "{refused}");

    let config = demo.config(&[("semantics:", rare)]);
    let file = demo.write("keyed.yaml", &config);
    let keys = std::fs::read_to_string(demo.path().join("keys.yaml")).unwrap();
    let keys = keys.replacen("roles: [support]", "roles: [support]\n    plan: rare", 1);
    demo.write("keys.yaml", &keys);
    let server = Arc::new(Server::serve(&demo, &file));
    let support = Client::new(&server, "support", MODERN);
    support.still_answers();
    assert_eq!(support.send(&support.call_request("query", one)).status, 429);
}
