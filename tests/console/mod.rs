//! The page for people and what it asks: who is shown what, and that no row's value is among it.
// Helpers of tests may panic and print as tests do.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod api;
mod browser;
mod manifest;
mod switch;

use crate::mcp::http::{Reply, Request};
use crate::mcp::server::Server;
use serde_json::Value as Json;

/// A part of the interface: its path, and a question where it is asked one.
const PARTS: &[(&str, Option<&str>)] = &[
    ("/console/api/me", None),
    ("/console/api/connect", None),
    ("/console/api/catalog", Some("{}")),
    ("/console/api/table", Some(r#"{"name": "shop.main.customers"}"#)),
    ("/console/api/queries", Some("{}")),
    ("/console/api/policy/diff", Some("{}")),
    ("/console/api/sources", None),
    ("/console/api/audit", None),
    ("/console/api/audit/verify", Some("{}")),
];

/// Those of administrators alone.
const ADMINISTRATORS: &[&str] = &[
    "/console/api/policy/diff",
    "/console/api/sources",
    "/console/api/audit",
    "/console/api/audit/verify",
];

/// The request for a part.
fn asking(path: &'static str, question: Option<&str>) -> Request {
    match question {
        Some(question) => Request::post(question).to(path),
        None => Request::get(path),
    }
}

/// The reply to the holder of a role's key.
fn reply(server: &Server, role: &str, path: &'static str, question: Option<&str>) -> Reply {
    asking(path, question).bearer(&server.demo.key(role)).send(server.address)
}

/// The answer to the holder of a role's key.
fn answer(server: &Server, role: &str, path: &'static str, question: Json) -> Json {
    let question = (!question.is_null()).then(|| question.to_string());
    let reply = reply(server, role, path, question.as_deref());
    assert_eq!(reply.status, 200, "{path} as {role}: {}", reply.text());
    reply.json()
}
