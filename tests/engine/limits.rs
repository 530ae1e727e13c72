//! Bounds: deadlines of the engine's own work, places, memory.

use super::engine;
use crate::support::ask::{ask, request};
use crate::support::lab;
use crate::support::load::Store;
use crate::support::{block_on, policy};
use celosia::error::Code;
use celosia::query::Engine;
use celosia_connector_api::Retry;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Long after the deadlines here on a busy machine, and long before the statements would end.
const SOON: Duration = Duration::from_secs(20);

/// An engine with one place and little time.
fn hurried(time: Duration) -> Engine {
    let engine = block_on(lab::engine_with(Store::Sqlite, |parts| {
        parts.limits.time = time;
        parts.limits.concurrency = 1;
    }));
    engine.expect("SQLite is always here")
}

/// Waits until an engine with one place answers again.
pub async fn until_free(engine: &Engine) {
    const LIMIT: Duration = Duration::from_secs(60);
    let started = Instant::now();
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    loop {
        tick.tick().await;
        let said = ask(engine, &policy::analyst(), "SELECT 1 AS one").await;
        match said.error() {
            None => return,
            // It waits for the place as long as it may take itself.
            Some("overloaded" | "deadline_exceeded") if started.elapsed() < LIMIT => {}
            Some(_) => panic!("not free after {:?}: {}", started.elapsed(), said.everything()),
        }
    }
}

#[test]
fn a_deadline_stops_the_engines_own_work() {
    for sql in [
        "SELECT count(*) AS n FROM events a CROSS JOIN events b CROSS JOIN events c WHERE a.seq + b.seq + c.seq < 0",
        "SELECT count(*) AS n FROM events a JOIN events b ON a.kind < b.kind JOIN events c ON b.kind < c.kind",
        "SELECT sum(length(a.kind || b.kind)) AS n FROM events a, events b, orders c",
        "SELECT count(*) AS n FROM events a, events b GROUP BY CUBE (a.seq, a.kind, a.amount, b.seq, b.kind, \
         b.amount)",
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS c FROM n",
    ] {
        let engine = hurried(Duration::from_millis(700));
        let started = Instant::now();
        let said = block_on(ask(&engine, &policy::analyst(), sql));
        assert!(
            matches!(said.error(), Some("deadline_exceeded" | "resource_limit")),
            "{sql}: {}",
            said.everything()
        );
        assert!(started.elapsed() < SOON, "{sql}: {:?}", started.elapsed());
        block_on(until_free(&engine));
    }
}

#[test]
fn a_statement_without_a_place_waits_and_one_too_many_is_turned_away_at_once() {
    const MANY: usize = 12;
    let engine = hurried(Duration::from_secs(30));
    block_on(async {
        let who = policy::analyst();
        let cancel = CancellationToken::new();
        let slow = || {
            Box::pin(engine.query(&who, request("SELECT count(*) AS n FROM slow"), cancel.clone()))
        };
        let mut running: FuturesUnordered<_> = (0..MANY).map(|_| slow()).collect();
        // One runs, some wait; of the rest the first comes back now, the others long before their time.
        let first =
            running.next().await.expect("one of them").expect_err("there is no room for all");
        assert_eq!(first.code, Code::Overloaded, "{first}");
        assert!(first.to_string().contains("try again"), "{first}");
        assert_eq!(first.retry(), Retry::Later);
        cancel.cancel();
        let others: Vec<_> =
            running.map(|answer| answer.expect_err("it runs for ever").code).collect().await;
        let cancelled = others.iter().filter(|code| **code == Code::Cancelled).count();
        assert!(cancelled >= 2 && others.len() == MANY - 1, "{others:?}");
        until_free(&engine).await;
    });
}

#[test]
fn a_cancelled_request_is_not_begun() {
    let cancel = CancellationToken::new();
    cancel.cancel();
    let answer = block_on(engine().query(&policy::analyst(), request("SELECT 1 AS one"), cancel));
    // It may have been quicker than its cancellation, but it is never anything else.
    assert!(answer.map_or_else(|e| e.code == Code::Cancelled, |a| a.page.row_count == 1));
}

#[test]
fn memory_is_bounded() {
    let engine = block_on(lab::engine_with(Store::Sqlite, |parts| parts.limits.memory = 1 << 20));
    let engine = engine.expect("SQLite is always here");
    let sql = "SELECT a.seq, array_agg(repeat(b.kind, 10)) AS x FROM events a JOIN events b ON a.kind = b.kind GROUP BY a.seq";
    let said = block_on(ask(&engine, &policy::analyst(), sql));
    assert!(
        matches!(said.error(), Some("resource_limit" | "deadline_exceeded")),
        "{}",
        said.everything()
    );
    assert_eq!(block_on(ask(&engine, &policy::analyst(), "SELECT 1 AS one")).error(), None);
}
