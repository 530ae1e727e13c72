//! The same attacks through the surface: the frames of a client over MCP, and the frames that come back.

use super::case::Case;
use crate::support::ask::differing;
use crate::support::lab::Bench;
use crate::support::world::World;
use crate::support::{block_on, policy, secret};
use celosia::mcp::{Backend, stdio};
use celosia::query::Engine;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use tokio::io::{
    AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf,
};
use tokio_util::sync::CancellationToken;

/// A client on the other end of the pipes of a server.
struct Client {
    write: WriteHalf<DuplexStream>,
    read: Lines<BufReader<ReadHalf<DuplexStream>>>,
    asked: u64,
}

/// Bytes on their way in one direction.
const PIPE: usize = 1 << 20;

impl Client {
    async fn connect(engine: &Arc<Engine>, who: &str) -> Self {
        let (ours, theirs) = tokio::io::duplex(PIPE);
        let (input, output) = tokio::io::split(theirs);
        let backend: Arc<dyn Backend> = engine.clone();
        let never = CancellationToken::new();
        tokio::spawn(stdio::serve_streams(backend, policy::principal(who), input, output, never));
        let (read, write) = tokio::io::split(ours);
        let mut client = Self { write, read: BufReader::new(read).lines(), asked: 0 };
        let hello = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        });
        let answer = client.ask("initialize", hello).await;
        assert!(answer["result"].is_object(), "{answer}");
        client.send(json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        client
    }

    async fn send(&mut self, message: Json) {
        let line = format!("{message}\n");
        self.write.write_all(line.as_bytes()).await.expect("the server reads");
    }

    async fn ask(&mut self, method: &str, params: Json) -> Json {
        self.asked += 1;
        let id = self.asked;
        self.send(json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await;
        loop {
            let line = self.read.next_line().await.expect("a line").expect("the server goes on");
            let message: Json = serde_json::from_str(&line).expect("JSON");
            if message["id"] == id {
                return message;
            }
        }
    }

    /// The frame that a case comes back in, without what names the request.
    async fn call(&mut self, case: &Case, schema: &str) -> String {
        let argument = case.sql.replace("{schema}", schema);
        let key = match case.tool.as_str() {
            "describe" => "name",
            "search" => "question",
            "fetch" => "handle",
            _ => "sql",
        };
        let arguments = json!({ key: argument });
        let mut frame =
            self.ask("tools/call", json!({"name": case.tool, "arguments": arguments})).await;
        let mut text = normalised(&mut frame);
        text.push('\n');
        text.push_str(
            &frame["result"]["content"][0]["text"]
                .as_str()
                .unwrap_or_default()
                .replace("\\n", "\n"),
        );
        text
    }
}

/// The frame without ids, times and handles.
fn normalised(frame: &mut Json) -> String {
    frame.as_object_mut().and_then(|frame| frame.shift_remove("id"));
    let structured = &mut frame["result"]["structuredContent"];
    let handle = structured["handle"].as_str().map(String::from);
    let mut id = None;
    if let Some(receipt) = structured["receipt"].as_object_mut() {
        id = receipt.shift_remove("id");
        for key in ["ms", "audit_seq", "catalog_age_ms"] {
            receipt.shift_remove(key);
        }
        for source in receipt.get_mut("sources").and_then(Json::as_array_mut).into_iter().flatten()
        {
            source.as_object_mut().and_then(|source| source.shift_remove("ms"));
        }
    }
    // The text says what the structured content says.
    let mut text = frame["result"]["content"][0]["text"].as_str().unwrap_or_default().to_string();
    for word in [handle.as_deref(), id.as_ref().and_then(Json::as_str)].into_iter().flatten() {
        text = text.replace(word, "_");
    }
    frame["result"]["content"][0]["text"] = json!(without_times(&text));
    if handle.is_some() {
        frame["result"]["structuredContent"]["handle"] = json!("_");
    }
    frame.to_string()
}

/// The text with `in 1.5 ms` as `in _ ms`.
fn without_times(text: &str) -> String {
    let mut parts = text.split(" ms").map(|part| match part.rsplit_once(" in ") {
        Some((before, number)) if number.parse::<f64>().is_ok() => format!("{before} in _"),
        _ => part.to_string(),
    });
    let first = parts.next().unwrap_or_default();
    parts.fold(first, |text, part| format!("{text} ms{part}"))
}

/// Runs cases of one caller through both worlds' surfaces; what was wrong.
pub fn all(bench: &Bench, pushdown: bool, who: &str, cases: &[&Case]) -> Vec<String> {
    block_on(async {
        let connect = |world| Client::connect(bench.engine(world, pushdown), who);
        let (mut a, mut b) = (connect(World::A).await, connect(World::B).await);
        let mut complaints = Vec::new();
        for case in cases {
            let schema = bench.store.schema();
            let (one, other) = tokio::join!(a.call(case, schema), b.call(case, schema));
            let name = format!("[{:?}, pushdown {pushdown}] {}", bench.store, case.name);
            if one != other {
                complaints.push(format!("{name}: the worlds differ\n{}", differing(&one, &other)));
            }
            let found = secret::found(&one);
            if !case.raw && !found.is_empty() {
                complaints.push(format!("{name}: the frame holds {found:?}"));
            }
        }
        complaints
    })
}
