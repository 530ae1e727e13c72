//! Both eras of the protocol, over both transports.

use super::client::{Client, ERAS, Era, LEGACY, MODERN, NEWEST};
use super::http::Request;
use super::server::{Demo, Server};
use super::stdio::Lines;
use serde_json::{Value as Json, json};

const VERSIONS: [&str; 4] = ["2025-03-26", "2025-06-18", "2025-11-25", NEWEST];

fn hello(version: &str) -> Json {
    let client = json!({"name": "tests", "version": "1"});
    json!({"protocolVersion": version, "capabilities": {}, "clientInfo": client})
}

fn is_celosia(greeting: &Json, server_info: &Json) {
    assert_eq!(server_info["name"], "celosia", "{greeting}");
    let capabilities = json!({"completions": {}, "prompts": {}, "resources": {}, "tools": {}});
    assert_eq!(greeting["capabilities"], capabilities);
    let instructions = greeting["instructions"].as_str().unwrap();
    for word in ["search", "describe", "query", "PostgreSQL", "receipt"] {
        assert!(instructions.contains(word), "{word} in {instructions}");
    }
}

#[test]
fn an_older_client_agrees_on_its_version() {
    let server = Server::shared();
    for (asked, agreed) in [
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2024-11-05", "2025-11-25"),
        ("not a version", "2025-11-25"),
        // That era has no `initialize`; who sends one gets the newest that has it.
        (NEWEST, "2025-11-25"),
    ] {
        let message =
            json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello(asked)});
        let request = Request::post(message.to_string()).bearer(&server.demo.key("analyst"));
        let reply = request.send(server.address);
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("mcp-session-id"), None, "no sessions are kept");
        let result = &reply.json()["result"];
        assert_eq!(result["protocolVersion"], agreed, "{asked}");
        is_celosia(result, &result["serverInfo"]);
    }
}

#[test]
fn a_stateless_client_discovers_the_server() {
    let server = Server::shared();
    let found = Client::new(&server, "analyst", MODERN).result("server/discover", json!({}));
    assert_eq!(found["supportedVersions"], json!(VERSIONS));
    assert_eq!(
        (&found["resultType"], &found["cacheScope"]),
        (&json!("complete"), &json!("private"))
    );
    is_celosia(&found, &found["_meta"]["io.modelcontextprotocol/serverInfo"]);
}

#[test]
fn every_era_asks_and_is_answered_alike() {
    let server = Server::shared();
    let sql = "SELECT id, name, email FROM shop.main.customers ORDER BY id LIMIT 5";
    let rows: Vec<Json> =
        ERAS.iter().map(|era| Client::new(&server, "analyst", *era).rows(sql)).collect();
    assert_eq!(rows[0].as_array().unwrap().len(), 5);
    assert!(rows.iter().all(|other| *other == rows[0]), "{rows:?}");
}

#[test]
fn only_the_newest_era_has_cache_hints() {
    let server = Server::shared();
    for (method, params) in [
        ("tools/list", json!({})),
        ("prompts/list", json!({})),
        ("resources/list", json!({})),
        ("resources/templates/list", json!({})),
        ("resources/read", json!({"uri": "celosia://shop"})),
    ] {
        let modern = Client::new(&server, "analyst", MODERN).result(method, params.clone());
        assert_eq!(modern["cacheScope"], "private", "{method}: a list that roles change");
        assert!(modern["ttlMs"].as_u64().unwrap() > 0, "{method}");
        let legacy = Client::new(&server, "analyst", LEGACY).result(method, params);
        assert!(legacy.get("cacheScope").is_none() && legacy.get("ttlMs").is_none(), "{method}");
    }
}

#[test]
fn stdio_speaks_both_eras() {
    let demo = Demo::new();
    let sql = json!({"sql": "SELECT name FROM shop.main.customers ORDER BY id LIMIT 1"});
    let mut answers = Vec::new();
    for version in &VERSIONS[..3] {
        let mut lines = Lines::demo(&demo, "analyst").initialized(version);
        assert_eq!(lines.ask("ping", json!({}))["result"], json!({}));
        answers.push(lines.call("query", sql.clone())["rows"].take());
        assert!(lines.end().1.success());
    }
    let mut lines = Lines::demo(&demo, "analyst");
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": NEWEST,
        "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let found = lines.ask("server/discover", json!({"_meta": meta.clone()}));
    assert_eq!(found["result"]["supportedVersions"], json!(VERSIONS));
    let call = json!({"name": "query", "arguments": sql, "_meta": meta});
    let mut answer = lines.ask("tools/call", call);
    assert_eq!(answer["result"]["resultType"], "complete", "{answer}");
    answers.push(answer["result"]["structuredContent"]["rows"].take());
    let masked = answers[0][0][0].as_str().unwrap();
    assert!(masked.ends_with("****"), "{masked}");
    assert!(answers.iter().all(|other| *other == answers[0]), "{answers:?}");
}

#[test]
fn the_headers_of_the_newest_era_must_match_the_message() {
    let server = Server::shared();
    let client = Client::new(&server, "analyst", MODERN);
    let request = client.call_request("search", json!({"question": "orders"}));
    assert_eq!(client.send(&request).status, 200);
    for (name, value) in
        [("Mcp-Method", "tools/list"), ("Mcp-Method", ""), ("Mcp-Name", "query"), ("Mcp-Name", "")]
    {
        let reply = client.send(&request.clone().header(name, value));
        assert_eq!(reply.status, 400, "{name}: {value}");
        assert_eq!(reply.json()["error"]["code"], -32020, "{name}: {value}");
    }
    let strange = Client::new(&server, "analyst", Era::Initialized("1999-01-01"));
    let reply = strange.send(&strange.request("tools/list", json!({})));
    assert_eq!(reply.status, 400);
    let hint = reply.json()["error"]["data"]["hint"].to_string();
    assert!(VERSIONS.iter().all(|version| hint.contains(version)), "{hint}");
}

#[test]
fn a_notification_is_taken_without_an_answer() {
    let server = Server::shared();
    let message = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let request = Request::post(message.to_string()).bearer(&server.demo.key("analyst"));
    let reply = request.header("MCP-Protocol-Version", "2025-11-25").send(server.address);
    assert_eq!((reply.status, reply.body.len()), (202, 0));
}
