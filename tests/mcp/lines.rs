//! Bad input over stdio: lines that are no messages, and ends that come early.

use super::server::{Demo, celosia};
use super::stdio::Lines;
use serde_json::json;
use std::io::Read;

const GOOD: &str = "SELECT COUNT(*) AS n FROM support.main.agents";

#[test]
fn an_end_before_the_first_request_is_clean() {
    let demo = Demo::new();
    let ended = celosia(&["demo", "--stdio", "--data", demo.text()]);
    assert!(ended.status.success(), "{ended:?}");
    assert!(ended.stdout.is_empty(), "stdout belongs to the protocol");
    let mut lines = Lines::demo(&demo, "analyst");
    lines.write(b"\n\n");
    assert_eq!(lines.end(), (Vec::new(), Default::default()));
}

#[test]
fn garbage_is_answered_and_the_server_goes_on() {
    let demo = Demo::new();
    let mut lines = Lines::demo(&demo, "analyst");
    let initialize = "before the handshake";
    for stage in [initialize, "after it"] {
        for (garbage, code) in [
            (&b"hello"[..], -32700),
            (b"{\"jsonrpc\":\"2.0\",", -32700),
            (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", -32700),
            (b"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]", -32600),
            (b"{\"id\":1}", -32600),
            (b"null", -32600),
        ] {
            lines.write(garbage);
            lines.write(b"\n");
            let answer = lines.hear();
            let said = String::from_utf8_lossy(garbage);
            assert_eq!(answer["error"]["code"], code, "{stage}: {said}: {answer}");
        }
        if stage == initialize {
            lines = lines.initialized("2025-11-25");
        }
    }
    assert_eq!(lines.call("query", json!({"sql": GOOD}))["row_count"], 1);
    let (rest, status) = lines.end();
    assert!(rest.is_empty() && status.success(), "{rest:?} {status}");
}

#[test]
fn a_line_too_long_is_answered_by_its_id() {
    let demo = Demo::new();
    let mut lines = Lines::demo(&demo, "analyst").initialized("2025-06-18");
    let sql = format!("SELECT '{}'", "x".repeat(2 << 20));
    let answer = lines.ask("tools/call", json!({"name": "query", "arguments": {"sql": sql}}));
    assert_eq!(answer["error"]["code"], -32600, "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().contains("1048576"), "{answer}");
    assert_eq!(lines.call("query", json!({"sql": GOOD}))["row_count"], 1);
}

#[test]
fn errors_are_the_same_as_over_http() {
    let demo = Demo::new();
    let mut lines = Lines::demo(&demo, "support").initialized("2025-11-25");
    let answer = lines.ask("tools/call", json!({"name": "no_such", "arguments": {}}));
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    let answer = lines.ask("no/such", json!({}));
    assert_eq!(answer["error"]["code"], -32601, "{answer}");
    let error = lines.call("query", json!({"sql": "SELECT * FROM shop.main.products"}));
    assert_eq!(error["error"]["code"], "unknown_name", "{error}");
    let error = lines.call("query", json!({"sql": "SELEC"}));
    assert_eq!(error["error"]["code"], "syntax", "{error}");
    let error = lines.call("fetch", json!({"handle": "forged"}));
    assert_eq!(error["error"]["code"], "unknown_handle", "{error}");
    assert_eq!(lines.call("query", json!({"sql": GOOD}))["row_count"], 1);
}

/// What was asked before the input ended is answered, and the audit knows how it went.
#[test]
fn a_client_that_leaves_early_loses_nothing() {
    let demo = Demo::new();
    let mut lines = Lines::demo(&demo, "compliance").initialized("2025-11-25");
    let params = json!({"name": "query", "arguments": {"sql": GOOD}});
    lines.say(&json!({"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": params}));
    let (rest, status) = lines.end();
    assert!(status.success());
    assert!(rest.len() == 1 && rest[0].contains("\"id\":9"), "{rest:?}");
}

/// No row value, no literal and no parameter reaches the log.
#[test]
fn the_log_holds_no_values() {
    let demo = Demo::new();
    let mut lines = Lines::demo(&demo, "compliance").initialized("2025-11-25");
    let sql = "SELECT name FROM shop.main.customers WHERE id = 1";
    let name = lines.call("query", json!({"sql": sql}))["rows"][0][0].take();
    let name = name.as_str().unwrap().to_string();
    let fails = "SELECT CAST(name AS INT) FROM shop.main.customers WHERE id = 1";
    assert_eq!(lines.call("query", json!({"sql": fails}))["error"]["code"], "evaluation");
    let fails =
        json!({"sql": "SELECT id FROM shop.main.orders WHERE id = $1", "params": ["sesame"]});
    assert!(lines.call("query", fails)["error"].is_object());
    let mut log = lines.log();
    drop(lines);
    for file in ["audit.db", "audit.db-wal"] {
        let mut bytes = Vec::new();
        if let Ok(mut audit) = std::fs::File::open(demo.path().join(file)) {
            audit.read_to_end(&mut bytes).unwrap();
        }
        log.push_str(&String::from_utf8_lossy(&bytes));
    }
    assert!(log.contains("CAST(name AS INT)") || log.contains("evaluation"), "the audit was read");
    for value in [&*name, "sesame"] {
        assert!(!log.contains(value), "{value:?} is in the log or the audit");
    }
}
