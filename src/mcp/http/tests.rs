//! The HTTP surface, driven without a socket.

use super::*;
use crate::mcp::testing::{StubBackend, principal};
use crate::model::Principal;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, header};
use serde_json::Value as Json;
use tower::ServiceExt;

/// Knows one key, `key`, of the user ana.
struct OneKey;

#[async_trait::async_trait]
impl Authenticate for OneKey {
    async fn authenticate(&self, authorization: Option<&str>) -> Result<Principal, Challenge> {
        let reason = match authorization {
            Some("Bearer key") => return Ok(principal("ana")),
            Some("Bearer limited") => return Ok(principal("zoe")),
            Some(_) => ChallengeReason::Invalid,
            None => ChallengeReason::Missing,
        };
        Err(Challenge { realm: "celosia".into(), reason, scopes: Vec::new() })
    }
}

struct Server {
    app: Router,
    backend: Arc<StubBackend>,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }
}

impl Server {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut HttpConfig)) -> Self {
        let mut config = HttpConfig::new("127.0.0.1:8017".parse().unwrap());
        change(&mut config);
        let backend = StubBackend::shared();
        let stop = CancellationToken::new();
        let ready: Readiness = Arc::new(|| false);
        let app = router(&config, backend.clone(), Arc::new(OneKey), ready, stop).unwrap();
        Self { app, backend }
    }

    async fn send(&self, request: Request) -> Answer {
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn post(&self, body: impl Into<Body>, extra: &[(&str, &str)]) -> Answer {
        self.send(request(body, extra)).await
    }

    /// A call of a tool in the era before 2026.
    async fn call(&self, tool: &str, arguments: Json) -> Json {
        let params = json!({"name": tool, "arguments": arguments});
        let answer = self.post(message("tools/call", params).to_string(), &[]).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.json()
    }
}

/// A good request; `extra` headers replace its own, and an empty value removes one.
fn request(body: impl Into<Body>, extra: &[(&str, &str)]) -> Request {
    let mut request = Request::post("/mcp")
        .header(header::HOST, "localhost:8017")
        .header(header::AUTHORIZATION, "Bearer key")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "application/json, text/event-stream")
        .body(body.into())
        .unwrap();
    for (name, value) in extra {
        let name: header::HeaderName = name.parse().unwrap();
        if value.is_empty() {
            request.headers_mut().remove(name);
        } else {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
    }
    request
}

fn message(method: &str, params: Json) -> Json {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
}

fn ping() -> String {
    message("ping", json!({})).to_string()
}

/// A request of 2026-07-28 and its headers.
async fn modern(server: &Server, method: &str, mut params: Json, name: Option<&str>) -> Answer {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "7"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let mut headers = vec![("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)];
    headers.extend(name.map(|name| ("mcp-name", name)));
    server.post(message(method, params).to_string(), &headers).await
}

#[tokio::test]
async fn a_request_without_a_caller_is_challenged() {
    let server = Server::new();
    let answer = server.post(ping(), &[("authorization", "")]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer realm=\"celosia\"");
    assert!(answer.json()["error"]["data"]["hint"].as_str().unwrap().contains("Bearer"));
    for wrong in ["Bearer", "Bearer key2", "Basic key", "bearer  key"] {
        let answer = server.post(ping(), &[("authorization", wrong)]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{wrong}");
        let challenge = answer.headers[header::WWW_AUTHENTICATE].to_str().unwrap();
        assert!(challenge.contains("invalid_token"), "{challenge}");
    }
    let mut twice = request(ping(), &[]);
    twice.headers_mut().append(header::AUTHORIZATION, "Bearer key".parse().unwrap());
    assert_eq!(server.send(twice).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_caller_is_asked_before_anything_else() {
    let server = Server::new();
    for extra in [("host", "evil.com"), ("origin", "https://evil.com"), ("content-type", "x/y")] {
        let answer = server.post("garbage", &[("authorization", ""), extra]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{extra:?}");
    }
    assert!(server.backend.calls.lock().is_empty());
}

#[tokio::test]
async fn strange_hosts_and_origins_are_forbidden() {
    let server = Server::new();
    for extra in [
        ("host", "evil.com"),
        ("origin", "https://evil.com"),
        ("origin", "null"),
        ("origin", "http://localhost:3000"),
    ] {
        let answer = server.post(ping(), &[extra]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{extra:?}");
        assert!(answer.json()["error"]["message"].is_string());
    }
    let same = server.post(ping(), &[("origin", "http://localhost:8017")]).await;
    assert_eq!(same.status, StatusCode::OK, "{}", same.body);
}

#[tokio::test]
async fn configured_hosts_and_origins_pass_both_checks() {
    let server = Server::with(|config| {
        config.allowed_hosts = vec!["data.example.com".into()];
        config.allowed_origins = vec!["https://app.example.com".into()];
    });
    for origin in ["https://app.example.com", "https://data.example.com"] {
        let extra = [("host", "data.example.com"), ("origin", origin)];
        let answer = server.post(ping(), &extra).await;
        assert_eq!(answer.status, StatusCode::OK, "{origin}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_large_body_is_refused_clearly() {
    let server = Server::with(|config| config.max_body_bytes = 1000);
    for size in [1001, 5_000, 100_000] {
        let answer = server.post(vec![b' '; size], &[]).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(answer.json()["error"]["message"].as_str().unwrap().contains("1000 bytes"));
    }
    let mut exact = ping();
    exact.push_str(&" ".repeat(1000 - exact.len()));
    assert_eq!(server.post(exact, &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn garbage_is_a_json_rpc_error_and_the_server_goes_on() {
    let server = Server::new();
    for (body, code) in [
        (&b"{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"\xff\"}"[..], -32700),
        (b"{\"jsonrpc\":", -32700),
        (b"", -32700),
        (b"[]", -32600),
        (b"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]", -32600),
        (b"{\"id\":1}", -32600),
        (b"null", -32600),
    ] {
        let answer = server.post(body.to_vec(), &[]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.json()["error"]["code"], code, "{}", answer.body);
    }
    assert_eq!(server.post(ping(), &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn refusals_are_json() {
    let server = Server::new();
    for (extra, status) in [
        (("content-type", "text/plain"), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (("content-type", ""), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (("accept", "text/html"), StatusCode::NOT_ACCEPTABLE),
        (("mcp-protocol-version", "1999-01-01"), StatusCode::BAD_REQUEST),
    ] {
        let answer = server.post(ping(), &[extra]).await;
        assert_eq!(answer.status, status, "{extra:?}: {}", answer.body);
        assert!(answer.json()["error"]["data"]["hint"].is_string(), "{}", answer.body);
    }
    for accept in ["", "*/*"] {
        assert_eq!(server.post(ping(), &[("accept", accept)]).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn other_methods_and_paths_say_where_to_go() {
    let server = Server::new();
    for method in [Method::GET, Method::DELETE, Method::PUT] {
        let mut request = request("", &[]);
        *request.method_mut() = method;
        let answer = server.send(request).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.headers[header::ALLOW], "POST");
    }
    let elsewhere = server.send(Request::get("/").body(Body::empty()).unwrap()).await;
    assert_eq!(elsewhere.status, StatusCode::NOT_FOUND);
    assert!(elsewhere.body.contains("/mcp"));
    let health = server.send(Request::get("/healthz").body(Body::empty()).unwrap()).await;
    assert_eq!((health.status, health.json()["status"].as_str()), (StatusCode::OK, Some("ok")));
    let ready = server.send(Request::get("/readyz").body(Body::empty()).unwrap()).await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn one_request_too_many_is_told_to_come_back() {
    let server = Server::with(|config| config.max_requests = 1);
    let sleep = message("tools/call", json!({"name": "query", "arguments": {"sql": "sleep"}}));
    let app = server.app.clone();
    let running = tokio::spawn(app.oneshot(request(sleep.to_string(), &[])));
    while server.backend.calls.lock().is_empty() {
        tokio::task::yield_now().await;
    }
    let answer = server.post(ping(), &[]).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.headers[header::RETRY_AFTER], "1");
    // A client that goes away frees its place and stops its statement.
    running.abort();
    let _ = running.await;
    while server.backend.cancelled.lock().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.post(ping(), &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_full_server_does_not_even_ask_who_calls() {
    let server = Server::with(|config| config.max_requests = 1);
    let sleep = message("tools/call", json!({"name": "query", "arguments": {"sql": "sleep"}}));
    let running = tokio::spawn(server.app.clone().oneshot(request(sleep.to_string(), &[])));
    while server.backend.calls.lock().is_empty() {
        tokio::task::yield_now().await;
    }
    // A body that never comes, from nobody.
    let body = Body::from_stream(futures::stream::pending::<Result<&'static str, io::Error>>());
    let answer = server.post(body, &[("authorization", "Bearer wrong")]).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    running.abort();
}

#[tokio::test]
async fn whose_plan_is_used_up_is_told_when_to_come_back_before_the_body_is_read() {
    let server = Server::new();
    let body = Body::from_stream(futures::stream::pending::<Result<&'static str, io::Error>>());
    let answer = server.post(body, &[("authorization", "Bearer limited")]).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.headers[header::RETRY_AFTER], "3");
    let error = &answer.json()["error"];
    assert_eq!(error["message"], "too many requests of yours");
    assert_eq!(error["data"]["hint"], "send fewer");
    assert_eq!(server.post(ping(), &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_cut_and_stopped() {
    let server = Server::with(|config| config.request_timeout = Duration::from_millis(50));
    let sleep = message("tools/call", json!({"name": "query", "arguments": {"sql": "sleep"}}));
    let answer = server.post(sleep.to_string(), &[]).await;
    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
    while server.backend.cancelled.lock().is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_old_eras_are_negotiated() {
    let server = Server::new();
    for (asked, answered) in [
        ("2025-11-25", "2025-11-25"),
        ("2025-06-18", "2025-06-18"),
        ("2025-03-26", "2025-03-26"),
        ("2024-11-05", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
    ] {
        let client = json!({"name": "test", "version": "1"});
        let params = json!({"protocolVersion": asked, "capabilities": {}, "clientInfo": client});
        let answer = server.post(message("initialize", params).to_string(), &[]).await.json();
        assert_eq!(answer["result"]["protocolVersion"], answered);
        assert_eq!(answer["result"]["serverInfo"]["name"], "celosia");
        let capabilities = answer["result"]["capabilities"].as_object().unwrap();
        let names: Vec<&str> = capabilities.keys().map(String::as_str).collect();
        assert_eq!(names, ["completions", "prompts", "resources", "tools"]);
        assert!(answer["result"]["instructions"].as_str().unwrap().contains("search"));
    }
    let list = server.post(message("tools/list", json!({})).to_string(), &[]).await.json();
    assert_eq!(list["result"]["tools"].as_array().unwrap().len(), 6);
    assert!(
        list["result"].get("cacheScope").is_none() && list["result"].get("resultType").is_none()
    );
}

#[tokio::test]
async fn the_new_era_is_discovered() {
    let server = Server::new();
    let answer = modern(&server, "server/discover", json!({}), None).await;
    let result = answer.json()["result"].clone();
    let versions = ["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];
    assert_eq!(result["supportedVersions"], json!(versions));
    assert_eq!(result["cacheScope"], "private");
    for list in ["tools/list", "resources/list", "resources/templates/list", "prompts/list"] {
        let result = modern(&server, list, json!({}), None).await.json()["result"].clone();
        assert_eq!(result["cacheScope"], "private", "{list}");
        assert!(result["ttlMs"].as_u64().unwrap() > 0, "{list}");
    }
    let called = modern(
        &server,
        "tools/call",
        json!({"name": "explain", "arguments": {"sql": "x"}}),
        Some("explain"),
    );
    assert_eq!(called.await.json()["result"]["structuredContent"]["plan"], "x");
    assert_eq!(server.backend.calls.lock()[0], "explain ana test/7");
    let mismatch = modern(&server, "tools/list", json!({}), None).await;
    assert_eq!(mismatch.status, StatusCode::OK);
    let removed = modern(&server, "initialize", json!({}), None).await;
    assert_eq!(removed.status, StatusCode::NOT_FOUND);
    assert_eq!(removed.json()["error"]["code"], -32601);
    let wrong = message("tools/list", json!({})).to_string();
    let wrong = server.post(wrong, &[("mcp-protocol-version", "2026-07-28")]).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(wrong.json()["error"]["code"].is_i64());
}

#[tokio::test]
async fn a_bad_argument_is_for_the_model_and_a_bad_tool_for_the_client() {
    let server = Server::new();
    let answer = server.call("query", json!({"limit": 5})).await;
    assert_eq!(answer["result"]["isError"], true);
    assert_eq!(answer["result"]["structuredContent"]["error"]["code"], "invalid_argument");
    let text = answer["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("\"sql\" is missing") && text.contains("for example"), "{text}");
    let answer = server.call("query", json!({"sql": "nonsense"})).await;
    assert_eq!(answer["result"]["structuredContent"]["error"]["hint"], "write one SELECT");
    let answer = server.call("query", json!({"sql": "panic"})).await;
    assert_eq!(answer["result"]["structuredContent"]["error"]["code"], "internal");
    let answer = server.call("fetch", json!({"handle": "x", "format": "xml"})).await;
    assert_eq!(answer["result"]["isError"], true);
    assert_eq!(server.call("drop_everything", json!({})).await["error"]["code"], -32602);
    assert_eq!(server.call("query", json!([1])).await["error"]["code"], -32602);
    let unknown = server.post(message("tables/drop", json!({})).to_string(), &[]).await;
    assert_eq!(unknown.json()["error"]["code"], -32601);
}

#[tokio::test]
async fn hidden_resources_and_forged_cursors() {
    let server = Server::new();
    let read = async |uri: &str| {
        let params = json!({"uri": uri});
        server.post(message("resources/read", params).to_string(), &[]).await.body
    };
    assert!(read("celosia://shop/main/t0001").await.contains("about shop.main.t0001"));
    // The asked URI is echoed; nothing else may differ.
    let error = async |uri: &str| read(uri).await.replace(uri, "URI");
    assert_eq!(error(StubBackend::HIDDEN).await, error("celosia://shop/main/nothing").await);
    for list in ["resources/list", "tools/list", "prompts/list", "resources/templates/list"] {
        let body = message(list, json!({"cursor": "forged"})).to_string();
        assert_eq!(server.post(body, &[]).await.json()["error"]["code"], -32602, "{list}");
    }
}

#[tokio::test]
async fn a_long_call_reports_its_progress() {
    let server = Server::new();
    let mut body =
        message("tools/call", json!({"name": "query", "arguments": {"sql": "sleep 1300"}}));
    body["params"]["_meta"] = json!({"progressToken": "p"});
    let answer = server.post(body.to_string(), &[]).await;
    assert_eq!(answer.headers[header::CONTENT_TYPE], "text/event-stream");
    assert!(answer.body.contains("notifications/progress"), "{}", answer.body);
    assert!(answer.body.contains("still running after 1 s"), "{}", answer.body);
    assert!(answer.body.contains("this is not SQL"), "{}", answer.body);
}
