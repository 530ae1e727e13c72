//! Bad input over HTTP: each is a clear error, and the server goes on.

use super::client::{Client, ERAS, LEGACY, MODERN};
use super::http::Request;
use super::server::Server;
use serde_json::{Value as Json, json};

/// A body that would be answered.
fn ping() -> Request {
    Request::post(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#)
}

#[test]
fn what_is_no_message_is_refused_with_a_reason() {
    let server = Server::shared();
    let client = Client::new(&server, "analyst", LEGACY);
    let key = server.demo.key("analyst");
    let long = json!({"jsonrpc": "2.0", "id": 1, "method": "ping", "x": "x".repeat(1 << 20)});
    let cases: Vec<(&str, Vec<u8>, u16, i64, &str)> = vec![
        ("empty", b"".into(), 400, -32700, "not JSON"),
        ("broken off", b"{\"jsonrpc\":".into(), 400, -32700, "not JSON"),
        ("no JSON", b"hello".into(), 400, -32700, "not JSON"),
        (
            "no UTF-8",
            b"{\"jsonrpc\":\"2.0\",\"method\":\"\xff\xfe\"}".into(),
            400,
            -32700,
            "not UTF-8",
        ),
        ("a batch", b"[]".into(), 400, -32600, "one message at a time"),
        ("no message", b"{}".into(), 400, -32600, "not a JSON-RPC 2.0 request"),
        (
            "another version",
            b"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}".into(),
            400,
            -32600,
            "2.0",
        ),
        ("deep", "[".repeat(100_000).into(), 400, -32700, "not JSON"),
        ("too large", long.to_string().into(), 413, -32000, "larger than 1048576 bytes"),
    ];
    for (name, body, status, code, words) in cases {
        let reply = Request::post(body).bearer(&key).send(server.address);
        assert_eq!(reply.status, status, "{name}: {}", reply.text());
        let error = &reply.json()["error"];
        assert_eq!(error["code"], code, "{name}: {error}");
        assert!(error["message"].as_str().unwrap().contains(words), "{name}: {error}");
        client.still_answers();
    }
}

#[test]
fn a_request_needs_the_right_headers() {
    let server = Server::shared();
    let client = Client::new(&server, "analyst", LEGACY);
    let ping = ping().bearer(&server.demo.key("analyst"));
    assert_eq!(ping.send(server.address).status, 200);
    for (name, value, status, words) in [
        ("Content-Type", "text/plain", 415, "Content-Type: application/json"),
        ("Content-Type", "", 415, "Content-Type: application/json"),
        ("Accept", "text/html", 406, "Accept: application/json"),
        // One strange name is enough, whichever of the two it is.
        ("Host", "evil.example", 403, "server.allowed_hosts"),
        ("Origin", "http://evil.example", 403, "server.allowed_origins"),
        ("Origin", "null", 403, "server.allowed_origins"),
    ] {
        let reply = ping.clone().header(name, value).send(server.address);
        assert_eq!(reply.status, status, "{name}: {value}: {}", reply.text());
        let hint = reply.json()["error"]["data"]["hint"].to_string();
        assert!(hint.contains(words), "{name}: {value}: {hint}");
        client.still_answers();
    }
    let own = format!("http://{}", server.address);
    assert_eq!(ping.clone().header("Origin", &own).send(server.address).status, 200);
    assert_eq!(ping.header("Host", "localhost:1").send(server.address).status, 200);
}

#[test]
fn nobody_is_answered_without_a_key() {
    let server = Server::shared();
    let key = server.demo.key("analyst");
    let unknown = format!("Bearer cel_{}", "0".repeat(64));
    let short = format!("Bearer {}", &key[..key.len() - 1]);
    let basic = format!("Basic {key}");
    let other = format!("bearer {key} {key}");
    for (header, error) in [
        ("", ""),
        (&*unknown, "invalid_token"),
        (&short, "invalid_token"),
        (&basic, "invalid_token"),
        (&other, "invalid_token"),
    ] {
        let reply = ping().header("Authorization", header).send(server.address);
        assert_eq!(reply.status, 401, "{header}");
        let challenge = reply.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("Bearer realm=\"celosia\""), "{challenge}");
        assert!(challenge.contains(error), "{challenge}");
        assert!(reply.json()["error"]["data"]["hint"].is_string());
    }
    // The key comes first: without one, nothing says what else is wrong.
    let reply = Request::post("x").header("Host", "evil.example").send(server.address);
    assert_eq!(reply.status, 401);
    assert_eq!(ping().bearer(&key).send(server.address).status, 200);
}

#[test]
fn other_paths_and_methods_say_where_to_go() {
    let server = Server::shared();
    let key = server.demo.key("analyst");
    assert_eq!(Request::get("/healthz").send(server.address).json(), json!({"status": "ok"}));
    assert_eq!(Request::get("/readyz").send(server.address).status, 200);
    let reply = Request::get("/mcp").bearer(&key).send(server.address);
    assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")));
    let reply = Request::get("/").send(server.address);
    assert_eq!(reply.status, 404);
    assert!(reply.text().contains("/mcp"));
}

#[test]
fn wrong_methods_and_tools_are_protocol_errors() {
    let server = Server::shared();
    for era in ERAS {
        let client = Client::new(&server, "analyst", era);
        let error =
            |method: &str, params: Json| client.ask(method, params)["error"]["code"].clone();
        assert_eq!(error("tools/call", json!({"name": "drop_table", "arguments": {}})), -32602);
        assert_eq!(error("no/such", json!({})), -32601);
        assert_eq!(error("tools/list", json!({"cursor": "forged"})), -32602);
        assert_eq!(error("resources/list", json!({"cursor": "forged"})), -32602);
        client.still_answers();
    }
    let client = Client::new(&server, "analyst", MODERN);
    let reply = client.send(&client.request("no/such", json!({})));
    assert_eq!(reply.status, 404, "the newest era says it by HTTP too");
}

/// The code, and a word of the hint.
const MISTAKES: &[(&str, &str, &str, &str)] = &[
    ("query", r#"{}"#, "invalid_argument", "SELECT"),
    ("query", r#"{"sql": 7}"#, "invalid_argument", "SELECT"),
    ("query", r#"{"sql": " "}"#, "invalid_argument", "SELECT"),
    ("query", r#"{"sql": "SELECT 1", "lmit": 5}"#, "invalid_argument", "limit"),
    ("query", r#"{"sql": "SELECT 1", "limit": 0}"#, "invalid_argument", "100"),
    ("query", r#"{"sql": "SELECT 1", "limit": "ten"}"#, "invalid_argument", "100"),
    ("query", r#"{"sql": "SELECT $1", "params": "x"}"#, "invalid_argument", "params"),
    ("query", r#"{"sql": "SELEC 1"}"#, "syntax", "PostgreSQL"),
    ("query", r#"{"sql": "SELECT * FROM no_such"}"#, "unknown_name", "search"),
    ("query", r#"{"sql": "SELECT * FROM customer"}"#, "unknown_name", "shop.main.customers"),
    ("query", r#"{"sql": "SELECT emial FROM customers"}"#, "unknown_name", "email"),
    ("query", r#"{"sql": "SELECT no_such(1)"}"#, "unknown_name", ""),
    ("query", r#"{"sql": "DELETE FROM orders"}"#, "not_allowed", "read-only"),
    ("query", r#"{"sql": "SELECT 1; SELECT 2"}"#, "not_allowed", "one SELECT"),
    ("query", r#"{"sql": "EXPLAIN SELECT 1"}"#, "not_allowed", "explain"),
    ("query", r#"{"sql": "SELECT 1 / 0"}"#, "evaluation", "NULLIF"),
    ("query", r#"{"sql": "SELECT $1"}"#, "invalid_parameter", "params"),
    (
        "query",
        r#"{"sql": "SELECT $1", "params": [1, 2]}"#,
        "invalid_parameter",
        "one value for each",
    ),
    ("query", r#"{"sql": "SELECT $a", "params": {"b": 1}}"#, "invalid_parameter", "params"),
    ("explain", r#"{"sql": "SELECT * FROM no_such"}"#, "unknown_name", "search"),
    ("describe", r#"{"name": "shop.main.no_such"}"#, "unknown_name", ""),
    ("describe", r#"{}"#, "invalid_argument", "shop.main.customers"),
    ("search", r#"{"question": ""}"#, "invalid_argument", ""),
    ("fetch", r#"{"handle": "forged"}"#, "unknown_handle", "run the query again"),
    ("fetch", r#"{"handle": "h_AAAAAAAAAAAAAAAAAAAAAA"}"#, "unknown_handle", "run the query again"),
    ("fetch", r#"{"handle": "x", "format": "xlsx"}"#, "invalid_argument", "csv"),
];

#[test]
fn a_mistake_of_the_model_comes_back_with_a_hint() {
    let server = Server::shared();
    for era in [LEGACY, MODERN] {
        let client = Client::new(&server, "analyst", era);
        for (tool, arguments, code, hint) in MISTAKES {
            let error = client.error(tool, serde_json::from_str(arguments).unwrap());
            assert_eq!(error["code"], *code, "{tool} {arguments}: {error}");
            let told =
                error["hint"].as_str().unwrap_or_else(|| panic!("{tool} {arguments}: {error}"));
            assert!(told.contains(hint), "{tool} {arguments}: {error}");
            assert_eq!(error["retry"], "never", "{tool} {arguments}: {error}");
        }
        client.still_answers();
    }
}

/// Errors of the planner are in our words, and say what to do next.
#[test]
fn a_statement_that_cannot_be_planned_is_explained() {
    let server = Server::shared();
    let client = Client::new(&server, "analyst", MODERN);
    for sql in ["SELECT id FROM customers GROUP BY region", "SELECT upper(id, name) FROM customers"]
    {
        let error = client.error("query", json!({"sql": sql}));
        assert_eq!(error["code"], "invalid_statement", "{sql}: {error}");
        assert!(error["hint"].is_string(), "{sql}: {error}");
    }
    client.still_answers();
}

/// A value that does not fit its column is the parameter's fault, and the error says which one.
#[test]
fn a_parameter_of_the_wrong_type_is_named() {
    let server = Server::shared();
    let client = Client::new(&server, "analyst", MODERN);
    let sql = "SELECT id FROM shop.main.orders WHERE id = $1";
    let error = client.error("query", json!({"sql": sql, "params": ["abc"]}));
    assert_eq!(error["code"], "invalid_parameter", "{error}");
    assert!(error["message"].as_str().unwrap().contains("$1"), "{error}");
    client.still_answers();
}

#[test]
fn a_handle_is_its_owners() {
    let server = Server::shared();
    let analyst = Client::new(&server, "analyst", MODERN);
    let sql = "SELECT id FROM shop.main.orders ORDER BY id LIMIT 9";
    let handle = analyst.answer("query", json!({"sql": sql, "limit": 2}))["handle"].take();
    let fetch = json!({"handle": handle});
    assert_eq!(analyst.answer("fetch", fetch.clone())["row_count"], 9);
    let forged = analyst.error("fetch", json!({"handle": "h_AAAAAAAAAAAAAAAAAAAAAA"}));
    for role in ["support", "compliance"] {
        let error = Client::new(&server, role, MODERN).error("fetch", fetch.clone());
        assert_eq!(error, forged, "{role} learns nothing from a handle that exists");
    }
}
