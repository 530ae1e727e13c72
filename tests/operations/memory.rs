//! A statement that takes more memory than there is ends before the process holds more than it may, and nobody else
//! notices.

use super::load::Load;
use crate::mcp::client::{Client, MODERN};
use crate::mcp::server::{Demo, Server};
use serde_json::json;
use std::sync::Arc;

/// A window over all rows keeps every one of them, and the engine's own asks no pool for it: 15 million texts, which made
/// the process 783 MiB large.
const GREEDY: &str = "SELECT max(longest) AS longest FROM (SELECT max(i.order_id || ' ' || t.subject) OVER () AS longest, \
                      i.id AS id FROM shop.main.order_items i CROSS JOIN support.main.tickets t) w";
const LIMITS: &str = "limits: { memory: 32MiB, time: 120s, process_memory: 512MiB }\nresults: { memory: 16MiB }\naudit: {";
const CEILING_KIB: u64 = 512 * 1024;

/// The most that the process has held, in KiB.
fn peak(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

#[test]
fn a_statement_that_takes_too_much_memory_is_ended_and_the_others_go_on() {
    let demo = Arc::new(Demo::new());
    let path = demo.write("narrow.yaml", &demo.config(&[("audit: {", LIMITS)]));
    let server = Arc::new(Server::serve(&demo, &path));
    let client = Client::new(&server, "analyst", MODERN);
    let load = Load::start(server.address, &super::changes::question(&server));
    load.goes_on();
    for _ in 0..3 {
        let error = client.error("query", json!({"sql": GREEDY}));
        assert_eq!(error["code"], "resource_limit", "{error}");
        load.goes_on();
    }
    let answered = load.end();
    let peak = peak(server.process.id());
    println!("{answered} answers beside three greedy statements, {peak:?} KiB held at most");
    if let Some(peak) = peak {
        assert!(peak < CEILING_KIB, "{peak} KiB of {CEILING_KIB}");
    }
}
