//! Long statements: they report progress, and they end when nobody waits for them any more.

use super::client::{Client, LEGACY, MODERN};
use super::eventually;
use super::http::hang_up_after;
use super::server::{Demo, Server, celosia, settles};
use super::stdio::Lines;
use serde_json::{Value as Json, json};
use std::sync::Arc;

const HASH_JOIN: &str = "SELECT COUNT(*) FROM shop.main.order_items a \
    JOIN shop.main.order_items b ON a.quantity = b.quantity \
    JOIN shop.main.order_items c ON b.quantity = c.quantity \
    JOIN shop.main.order_items d ON c.quantity = d.quantity";
const RECURSION: &str = "WITH RECURSIVE r(n) AS \
    (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 1000000000) SELECT COUNT(*) FROM r";
/// Joins that make rows out of what they hold, without asking their inputs for more.
const CROSS_JOIN: &str = "SELECT COUNT(*) FROM shop.main.order_items a \
    CROSS JOIN shop.main.order_items b CROSS JOIN shop.main.order_items c";
const NESTED_LOOPS: &str = "SELECT COUNT(*) FROM shop.main.order_items a \
    JOIN shop.main.order_items b ON a.quantity + b.quantity > 1 \
    JOIN shop.main.order_items c ON c.quantity + b.quantity > 1";
const SORT: &str = "SELECT a.id FROM shop.main.order_items a \
    CROSS JOIN shop.main.order_items b ORDER BY a.unit_price * b.unit_price";

/// A call that wants to know how it goes.
fn call(sql: &str) -> Json {
    json!({"name": "query", "arguments": {"sql": sql}, "_meta": {"progressToken": "t-1"}})
}

/// Asks over HTTP, hangs up after the first progress, and expects the statement to end.
fn ends_with_its_connection(sql: &str) {
    let server = Arc::new(Server::demo());
    for era in [LEGACY, MODERN] {
        let client = Client::new(&server, "analyst", era);
        let cancelled = server.log().matches("code=\"cancelled\"").count();
        let stream = client.request("tools/call", call(sql)).open(server.address);
        hang_up_after(stream, "\"progressToken\":\"t-1\",\"progress\":1");
        eventually("the call is cancelled", || {
            (server.log().matches("code=\"cancelled\"").count() > cancelled).then_some(())
        });
        settles(&server.process, "the statement has ended");
        client.still_answers();
    }
    let store = format!("sqlite:{}", server.demo.path().join("audit.db").display());
    let verdict = celosia(&["audit", "verify", "--store", &store]);
    let verdict = String::from_utf8(verdict.stdout).unwrap();
    assert!(verdict.contains("0 without an outcome"), "{verdict}");
}

#[test]
fn a_closed_connection_ends_a_hash_join() {
    ends_with_its_connection(HASH_JOIN);
}

#[test]
fn a_closed_connection_ends_a_recursion() {
    ends_with_its_connection(RECURSION);
}

#[test]
fn a_closed_connection_ends_a_cross_join() {
    ends_with_its_connection(CROSS_JOIN);
}

#[test]
fn a_closed_connection_ends_nested_loops() {
    ends_with_its_connection(NESTED_LOOPS);
}

#[test]
fn a_closed_connection_ends_a_sort() {
    ends_with_its_connection(SORT);
}

#[test]
fn a_cancelled_call_ends_over_stdio() {
    let demo = Demo::new();
    let mut lines = Lines::demo(&demo, "analyst").initialized("2025-11-25");
    lines.say(
        &json!({"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": call(HASH_JOIN)}),
    );
    let mut last = 0.0;
    for _ in 0..2 {
        let report = lines.hear();
        assert_eq!(report["method"], "notifications/progress", "{report}");
        assert_eq!(report["params"]["progressToken"], "t-1");
        let progress = report["params"]["progress"].as_f64().unwrap();
        assert!(progress > last, "progress grows: {report}");
        last = progress;
    }
    let cancel = json!({"requestId": 5, "reason": "no longer wanted"});
    lines.say(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancel}));
    settles(&lines.process, "the statement has ended");
    lines.say(&json!({"jsonrpc": "2.0", "id": 6, "method": "ping"}));
    let answer = loop {
        let message = lines.hear();
        assert_ne!(message["id"], 5, "a cancelled call is not answered: {message}");
        if message["id"] == 6 {
            break message;
        }
    };
    assert_eq!(answer["result"], json!({}));
    assert_eq!(lines.call("query", json!({"sql": "SELECT 1"}))["rows"], json!([[1]]));
    // The end of the input ends what still runs.
    lines.say(
        &json!({"jsonrpc": "2.0", "id": 8, "method": "tools/call", "params": call(HASH_JOIN)}),
    );
    lines.hear();
}

/// Asks under a limit of two seconds, and expects the statement to end with its time.
fn ends_with_its_time(sql: &str) {
    let demo = Arc::new(Demo::new());
    let config = demo.config(&[("semantics:", "limits: { time: 2s }\nsemantics:")]);
    let server = Arc::new(Server::serve(&demo, &demo.write("short.yaml", &config)));
    let client = Client::new(&server, "analyst", MODERN);
    let error = client.error("query", json!({"sql": sql}));
    assert_eq!(error["code"], "deadline_exceeded", "{error}");
    assert_eq!(error["retry"], "later");
    client.still_answers();
    settles(&server.process, "the statement has ended");
    client.still_answers();
}

#[test]
fn a_hash_join_ends_with_its_time() {
    ends_with_its_time(HASH_JOIN);
}

#[test]
fn a_cross_join_ends_with_its_time() {
    ends_with_its_time(CROSS_JOIN);
}
