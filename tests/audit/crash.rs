//! The process is killed at any moment: every answer that a client got has its two records, and the chain holds.

use crate::mcp::client::{Client, MODERN};
use crate::mcp::server::{Demo, Server, celosia};
use crate::support::rng::Rng;
use serde_json::{Value as Json, json};
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How often it is killed.
const KILLS: u64 = 30;
/// Clients that ask at the same time.
const CLIENTS: usize = 3;

#[test]
fn a_killed_process_loses_no_record_of_rows_that_left() {
    let seed =
        std::env::var("CELOSIA_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(20_261_126);
    println!("seed {seed}");
    let mut random = Rng::new(seed);
    let demo = Arc::new(Demo::new());
    let key = demo.path().join("audit-signing.pem");
    std::fs::write(&key, super::keys::ONE).unwrap();
    let proofs = "audit: { store: \"sqlite:audit.db\", checkpoints: { records: 20, interval: 1s, \
        signing_key: \"file:audit-signing.pem\", anchor: { file: audit.anchor } }, \
        sinks: { file: { kind: jsonl, file: audit.jsonl, format: records, rotate: 1GiB } }";
    let config =
        demo.write("crash.yaml", &demo.config(&[("audit: { store: \"sqlite:audit.db\"", proofs)]));
    let answered = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..KILLS {
        let server = Arc::new(Server::serve(&demo, &config));
        let process = server.process.id();
        let over = Arc::new(AtomicBool::new(false));
        let pause = Duration::from_micros(random.below(120_000) as u64);
        let killer = {
            let (over, started) = (over.clone(), std::time::Instant::now());
            std::thread::spawn(move || {
                while started.elapsed() < pause {
                    std::thread::yield_now();
                }
                let killed =
                    std::process::Command::new("kill").args(["-9", &process.to_string()]).status();
                over.store(true, Ordering::Relaxed);
                assert!(killed.unwrap().success());
            })
        };
        std::thread::scope(|scope| {
            for client in 0..CLIENTS {
                let (server, over, answered) = (&server, &over, &answered);
                scope.spawn(move || ask(server, client, over, answered));
            }
        });
        killer.join().unwrap();
    }
    let config = config.to_str().unwrap();
    let verified = celosia(&["audit", "verify", "--config", config]);
    let said = String::from_utf8([verified.stdout, verified.stderr].concat()).unwrap();
    assert!(verified.status.success(), "{said}");
    let exported = celosia(&["audit", "export", "--config", config, "--format", "jsonl"]);
    let exported = String::from_utf8(exported.stdout).unwrap();
    let (mut opened, mut closed) = (HashSet::new(), HashSet::new());
    let records: Vec<Json> =
        exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for record in &records {
        let id = record["id"].as_str().unwrap().to_string();
        match record["kind"].as_str().unwrap() {
            "open" => opened.insert(id),
            "close" if record["body"]["status"] == "answered" => closed.insert(id),
            _ => true,
        };
    }
    let answered = answered.lock().unwrap();
    println!("{} answers, {} records; {said}", answered.len(), records.len());
    assert!(answered.len() as u64 > KILLS, "the server was killed before it answered at all");
    for id in answered.iter() {
        assert!(
            opened.contains(id) && closed.contains(id),
            "{id} was answered and is not recorded"
        );
    }
    // The sink has everything too, perhaps some of it twice, once a server lives long enough.
    let server = Server::serve(&demo, std::path::Path::new(config));
    let wanted: Vec<i64> = records.iter().map(|record| record["seq"].as_i64().unwrap()).collect();
    crate::mcp::eventually("the sink has every record", || {
        let lines = super::lines(&demo.path().join("audit.jsonl"));
        let got: HashSet<i64> = lines.iter().map(|line| line["seq"].as_i64().unwrap()).collect();
        wanted.iter().all(|seq| got.contains(seq)).then_some(())
    });
    drop(server);
}

/// Asks until the server is gone; keeps the id of each answer that came whole.
fn ask(server: &Arc<Server>, number: usize, over: &AtomicBool, answered: &Mutex<Vec<String>>) {
    let client = Client::new(server, "analyst", MODERN);
    let mut n = 0;
    while !over.load(Ordering::Relaxed) {
        n += 1;
        let id = 1 + (n * 7 + number) % 50;
        let sql = format!("SELECT id, total FROM shop.main.orders WHERE id = {id}");
        let request = client.call_request("query", json!({"sql": sql}));
        let Some(reply) = request.try_send(server.address) else { continue };
        let Some(message) = reply.messages().pop() else { continue };
        let receipt = &message["result"]["structuredContent"]["receipt"];
        let id = receipt["id"].as_str().expect("an answer with its receipt").to_string();
        answered.lock().unwrap().push(id);
    }
}
