//! What stops a statement stops it at its source.

use crate::support::ask::request;
use crate::support::lab::{self, Place};
use crate::support::load::Store;
use crate::support::world::World;
use crate::support::{block_on, policy};
use celosia::error::Code;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const SLOW: &str = "SELECT count(*) AS n FROM slow";

/// Statements of ours that the server is running in a database.
fn running(database: &str) -> String {
    let cluster = lab::cluster().expect("a cluster");
    let sql = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND state = 'active' \
         AND usename = 'celosia_reader'"
    );
    cluster.execute("postgres", &sql).expect("the server's session view")
}

/// Waits until the server runs as many statements of ours.
async fn until_running(database: &str, count: &str) {
    const LIMIT: Duration = Duration::from_secs(15);
    let started = Instant::now();
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    loop {
        let found = running(database);
        if found == count {
            return;
        }
        assert!(started.elapsed() < LIMIT, "{found} statements run in {database}, not {count}");
        tick.tick().await;
    }
}

/// A database of its own, so that nobody else's statements are seen.
fn own_database() -> Option<(String, String)> {
    let cluster = lab::cluster()?;
    let script =
        crate::support::load::script(Store::Postgres, &crate::support::world::shop(World::A));
    let url = crate::support::load::postgres(cluster, &script);
    let database = url.rsplit('/').next()?.split('?').next()?.to_string();
    Some((url, database))
}

async fn engine_over(url: &str, time: Duration) -> celosia::query::Engine {
    let mut parts = lab::parts(vec![("shop".into(), lab::postgres(url))]).await;
    parts.limits.time = time;
    parts.limits.concurrency = 1;
    celosia::query::Engine::new(parts).expect("an engine")
}

#[test]
fn a_cancelled_statement_stops_at_the_server() {
    let Some((url, database)) = own_database() else { return };
    block_on(async {
        let engine = engine_over(&url, Duration::from_secs(60)).await;
        let who = policy::analyst();
        let cancel = CancellationToken::new();
        let seen = async {
            until_running(&database, "1").await;
            cancel.cancel();
        };
        let (answer, ()) = tokio::join!(engine.query(&who, request(SLOW), cancel.clone()), seen);
        assert_eq!(answer.expect_err("cancelled").code, Code::Cancelled);
        until_running(&database, "0").await;
        let after = engine.query(
            &who,
            request("SELECT count(*) AS n FROM people"),
            CancellationToken::new(),
        );
        assert_eq!(after.await.expect("the engine goes on").page.row_count, 1);
    });
}

#[test]
fn a_caller_who_goes_away_stops_the_statement() {
    let Some((url, database)) = own_database() else { return };
    block_on(async {
        let engine = engine_over(&url, Duration::from_secs(60)).await;
        let who = policy::analyst();
        {
            let asked = engine.query(&who, request(SLOW), CancellationToken::new());
            tokio::select! {
                answer = asked => panic!("it should run for days: {answer:?}"),
                () = until_running(&database, "1") => {}
            }
        }
        until_running(&database, "0").await;
    });
}

#[test]
fn a_deadline_stops_the_statement_at_the_server() {
    let Some((url, database)) = own_database() else { return };
    block_on(async {
        let engine = engine_over(&url, Duration::from_millis(800)).await;
        let started = Instant::now();
        let answer =
            engine.query(&policy::analyst(), request(SLOW), CancellationToken::new()).await;
        let error = answer.expect_err("it runs for days");
        assert_eq!(error.code, Code::DeadlineExceeded, "{error}");
        assert!(started.elapsed() < Duration::from_secs(8), "after {:?}", started.elapsed());
        until_running(&database, "0").await;
    });
}

#[test]
fn a_statement_is_named_after_its_query() {
    let Some((url, database)) = own_database() else { return };
    block_on(async {
        let engine = engine_over(&url, Duration::from_secs(60)).await;
        let cancel = CancellationToken::new();
        let seen = async {
            until_running(&database, "1").await;
            let sql = format!(
                "SELECT application_name FROM pg_stat_activity WHERE datname = '{database}' \
                 AND usename = 'celosia_reader' AND state = 'active'"
            );
            let name =
                lab::cluster().expect("a cluster").execute("postgres", &sql).expect("a name");
            cancel.cancel();
            name
        };
        let who = policy::analyst();
        let (_, name) = tokio::join!(engine.query(&who, request(SLOW), cancel.clone()), seen);
        let id = name.rsplit([' ', ':', '/', '-']).next().unwrap_or_default();
        let is_id = id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit());
        assert!(name.contains("celosia") && is_id, "{name:?} does not name a query");
    });
}

#[test]
fn a_deadline_stops_a_statement_of_sqlite() {
    let engine = block_on(lab::engine_with(Store::Sqlite, |parts| {
        parts.limits.time = Duration::from_millis(500);
        parts.limits.concurrency = 1;
    }));
    let engine = engine.expect("SQLite is always here");
    let started = Instant::now();
    let answer =
        block_on(engine.query(&policy::analyst(), request(SLOW), CancellationToken::new()));
    assert_eq!(answer.expect_err("it runs for ever").code, Code::DeadlineExceeded);
    assert!(started.elapsed() < Duration::from_secs(8), "after {:?}", started.elapsed());
    // The one place is free again, so nothing runs on.
    block_on(super::limits::until_free(&engine));
    assert!(matches!(block_on(lab::place(Store::Sqlite, World::A)), Some(Place::File(_))));
}
