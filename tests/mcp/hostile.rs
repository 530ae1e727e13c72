//! What somebody may send who means no good, as data: frames, requests, arguments, and rows (`hostile/*.yaml`).
//! Each has its own clear answer, and the server goes on.

use super::client::{Client, LEGACY, MODERN};
use super::http::{self, Request};
use super::server::Server;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::sync::Arc;

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
/// What no answer to a stranger may say: where it was made, or how.
const NEVER: &[&str] =
    &["panicked", "src/", ".rs:", "RUST_BACKTRACE", "\"internal\"", "datafusion"];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Frame {
    name: String,
    body: String,
    times: Option<usize>,
    after: Option<String>,
    status: u16,
    code: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    request: Vec<String>,
    status: Vec<u16>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    tool: String,
    arguments: Json,
    code: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cell {
    name: String,
    value: String,
    #[serde(default)]
    redacted: bool,
}

/// How many cases there are.
pub fn count() -> usize {
    let frames: Vec<Frame> = cases(include_str!("hostile/frames.yaml"));
    let requests: Vec<Written> = cases(include_str!("hostile/http.yaml"));
    let calls: Vec<Call> = cases(include_str!("hostile/arguments.yaml"));
    let cells: Vec<Cell> = cases(include_str!("hostile/values.yaml"));
    frames.len() + requests.len() + calls.len() + cells.len()
}

fn cases<T: for<'de> Deserialize<'de>>(text: &str) -> Vec<T> {
    serde_saphyr::from_str(text).expect("a list of cases")
}

/// Fails once, with everything that is wrong.
fn hold(failures: Vec<String>, server: &Arc<Server>) {
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    Client::new(server, "analyst", MODERN).still_answers();
    let log = server.log();
    assert!(!log.contains("panicked"), "{log}");
}

fn says_too_much(text: &str) -> Option<&'static str> {
    NEVER.iter().copied().find(|word| text.contains(word))
}

#[test]
fn a_hostile_frame_has_a_clear_answer() {
    let server = Server::shared();
    let key = server.demo.key("analyst");
    let mut failures = Vec::new();
    for case in cases::<Frame>(include_str!("hostile/frames.yaml")) {
        let body = case.body.repeat(case.times.unwrap_or(1)) + &case.after.unwrap_or_default();
        let request = Request::post(body).bearer(&key).header("MCP-Protocol-Version", "2025-11-25");
        let reply = request.send(server.address);
        let text = reply.text();
        let code = match text.is_empty() {
            true => None,
            false => reply.messages().pop().and_then(|message| message["error"]["code"].as_i64()),
        };
        if (reply.status, code) != (case.status, case.code) || says_too_much(&text).is_some() {
            failures.push(format!("{}: {} {code:?}: {text}", case.name, reply.status));
        }
    }
    hold(failures, &server);
}

#[test]
fn a_hostile_request_has_a_clear_answer() {
    let server = Server::shared();
    let key = server.demo.key("analyst");
    let mut failures = Vec::new();
    for case in cases::<Written>(include_str!("hostile/http.yaml")) {
        let many: Vec<String> = (0..500).map(|n| format!("X-{n}: x")).collect();
        let text = case
            .request
            .join("\r\n")
            .replacen("\r\nHost: ", "\r\nConnection: close\r\nHost: ", 1)
            .replace("{key}", &key)
            .replace("{host}", &server.address.to_string())
            .replace("{ping}", PING)
            .replace("{many}", &many.join("\r\n"))
            .replace("{long}", &"x".repeat(300_000));
        let (status, said) = http::written(server.address, format!("{text}\r\n").as_bytes());
        let told = said.contains(&key) || says_too_much(&said).is_some();
        if !case.status.contains(&status) || told {
            failures.push(format!("{}: {status}: {said}", case.name));
        }
    }
    hold(failures, &server);
}

#[test]
fn a_hostile_argument_is_named() {
    let server = Server::shared();
    let client = Client::new(&server, "analyst", MODERN);
    let mut failures = Vec::new();
    for case in cases::<Call>(include_str!("hostile/arguments.yaml")) {
        let reply = client.send(&client.call_request(&case.tool, case.arguments.clone()));
        let message = reply.messages().pop().unwrap();
        let error = &message["result"]["structuredContent"]["error"];
        let code = match message.get("error") {
            Some(_) => Some("protocol"),
            None => error["code"].as_str(),
        };
        let told = says_too_much(&message.to_string());
        if code != Some(case.code.as_str()) || told.is_some() {
            failures.push(format!("{} {}: {message}", case.tool, case.arguments));
        }
    }
    hold(failures, &server);
}

/// In both eras: what a model reads is one line of the block of data, without anything that acts.
#[test]
fn a_hostile_value_is_only_data() {
    let server = Server::shared();
    let mut failures = Vec::new();
    for era in [LEGACY, MODERN] {
        let client = Client::new(&server, "analyst", era);
        for case in cases::<Cell>(include_str!("hostile/values.yaml")) {
            let arguments = json!({"sql": "SELECT $1 AS v", "params": [case.value]});
            let result = client.call("query", arguments);
            let text = result["content"][0]["text"].as_str().unwrap();
            let shown = &result["structuredContent"]["rows"][0][0];
            let whole = *shown == json!(case.value);
            if whole == case.redacted || !is_framed(text) || acts(text) {
                failures.push(format!("{} ({era:?}): {shown}: {text:?}", case.name));
            }
        }
    }
    hold(failures, &server);
}

/// Whether the block of data is a header and one row, and the only one.
fn is_framed(text: &str) -> bool {
    let lines: Vec<&str> = text.lines().collect();
    let fences: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].starts_with("```")).collect();
    matches!(fences[..], [first, last] if last == first + 3)
}

/// Whether a text has something that a reader does not see, or that a viewer would act on.
fn acts(text: &str) -> bool {
    let unseen = |c: char| {
        c != '\n'
            && (c.is_control()
                || matches!(c, '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{3164}' | '\u{200b}'..='\u{200f}'
                    | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}'
                    | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{ffff}' | '\u{e0000}'..='\u{e0fff}'))
    };
    let active = ["](", "][", "]:", "<s", "</", "<!", "<?", "<i", "<h", "<t"];
    text.chars().any(unseen) || active.iter().any(|part| text.contains(part))
}
