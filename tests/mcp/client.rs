//! A client of either era, over HTTP, that leaves out nothing the protocol asks for.

use super::http::{Reply, Request};
use super::server::Server;
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// The eras that are served. The older ones begin with `initialize`.
pub const ERAS: [Era; 4] =
    [Era::Initialized("2025-03-26"), Era::Initialized("2025-06-18"), LEGACY, MODERN];
/// The newest era with `initialize`.
pub const LEGACY: Era = Era::Initialized("2025-11-25");
/// The era of requests that stand for themselves.
pub const MODERN: Era = Era::Stateless;
/// The version of [`MODERN`].
pub const NEWEST: &str = "2026-07-28";

/// How a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    Initialized(&'static str),
    Stateless,
}

/// Somebody with a key.
#[derive(Debug, Clone)]
pub struct Client {
    server: Arc<Server>,
    key: String,
    era: Era,
    capabilities: Json,
}

impl Client {
    /// The holder of a role's key.
    pub fn new(server: &Arc<Server>, role: &str, era: Era) -> Self {
        Self::holding(server, &server.demo.key(role), era)
    }

    /// The holder of a key or a token.
    pub fn holding(server: &Arc<Server>, key: &str, era: Era) -> Self {
        Self { server: server.clone(), key: key.to_string(), era, capabilities: json!({}) }
    }

    /// The same client with more abilities.
    pub fn able(self, capabilities: Json) -> Self {
        Self { capabilities, ..self }
    }

    /// The request that asks for `method`.
    pub fn request(&self, method: &str, mut params: Json) -> Request {
        if self.era == Era::Stateless {
            for (name, value) in [
                ("protocolVersion", json!(NEWEST)),
                ("clientInfo", json!({"name": "tests", "version": "1"})),
                ("clientCapabilities", self.capabilities.clone()),
            ] {
                params["_meta"][format!("io.modelcontextprotocol/{name}")] = value;
            }
        }
        let body = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
        let request = Request::post(body.to_string()).bearer(&self.key);
        match self.era {
            Era::Initialized(version) => request.header("MCP-Protocol-Version", version),
            Era::Stateless => {
                let name = params["name"].as_str().or(params["uri"].as_str()).unwrap_or_default();
                request
                    .header("MCP-Protocol-Version", NEWEST)
                    .header("Mcp-Method", method)
                    .header("Mcp-Name", name)
            }
        }
    }

    pub fn send(&self, request: &Request) -> Reply {
        request.send(self.server.address)
    }

    /// The answer to `method`: the whole message.
    pub fn ask(&self, method: &str, params: Json) -> Json {
        let reply = self.send(&self.request(method, params));
        let message = reply.messages().pop().unwrap();
        assert_eq!(message["id"], 7, "{message}");
        message
    }

    /// The result of `method`.
    pub fn result(&self, method: &str, params: Json) -> Json {
        let mut message = self.ask(method, params);
        assert!(message.get("error").is_none(), "{method}: {message}");
        message["result"].take()
    }

    /// The request that calls a tool.
    pub fn call_request(&self, tool: &str, arguments: Json) -> Request {
        self.request("tools/call", json!({"name": tool, "arguments": arguments}))
    }

    /// The result of a tool.
    pub fn call(&self, tool: &str, arguments: Json) -> Json {
        let result = self.result("tools/call", json!({"name": tool, "arguments": arguments}));
        assert_eq!(result["content"].as_array().unwrap().len(), 1, "{result}");
        result
    }

    /// The structured answer of a tool that succeeds.
    pub fn answer(&self, tool: &str, arguments: Json) -> Json {
        let mut result = self.call(tool, arguments);
        assert_eq!(result["isError"], false, "{result}");
        result["structuredContent"].take()
    }

    /// The error of a tool that fails: `code`, `message`, `hint`, `retry`.
    pub fn error(&self, tool: &str, arguments: Json) -> Json {
        let mut result = self.call(tool, arguments);
        assert_eq!(result["isError"], true, "{result}");
        let error = result["structuredContent"]["error"].take();
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!(text.contains(error["message"].as_str().unwrap()), "{text}");
        if let Some(hint) = error["hint"].as_str() {
            assert!(text.contains(hint), "{text}");
        }
        error
    }

    /// The rows of a statement.
    pub fn rows(&self, sql: &str) -> Json {
        self.answer("query", json!({"sql": sql}))["rows"].take()
    }

    /// The server still does its work.
    pub fn still_answers(&self) {
        assert_eq!(
            self.rows("SELECT COUNT(*) FROM support.main.agents").as_array().unwrap().len(),
            1
        );
    }
}
