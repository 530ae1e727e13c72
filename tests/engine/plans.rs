//! Plans: what one caller may ask for, without a word to the others.

use super::limits::until_free;
use crate::support::ask::{ask, request};
use crate::support::lab;
use crate::support::load::Store;
use crate::support::{block_on, policy};
use celosia::error::Code;
use celosia::limits::{Meter, Plans};
use celosia::model::{PlanLimits, Rate, SourceLimits};
use celosia::query::Engine;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// An engine where analysts have a plan and the source `shop` has limits.
fn engine(limits: PlanLimits, shop: SourceLimits) -> Engine {
    let named = BTreeMap::from([("tight".to_string(), limits)]);
    let roles = BTreeMap::from([("analyst".to_string(), "tight".to_string())]);
    let plans = Plans::new(named, roles, BTreeMap::from([("shop".to_string(), shop)]));
    let engine = lab::engine_with(Store::Sqlite, |parts| parts.meter = Meter::new(plans, None));
    block_on(engine).expect("SQLite is always here")
}

fn planned(limits: PlanLimits) -> Engine {
    engine(limits, SourceLimits::default())
}

#[test]
fn a_plan_has_fewer_rows_bytes_and_less_time_than_the_server() {
    let engine = planned(PlanLimits { rows: Some(3), ..PlanLimits::default() });
    let sql = "SELECT seq FROM events ORDER BY seq";
    let said = block_on(ask(&engine, &policy::analyst(), sql));
    assert_eq!(said.rows.len(), 3, "{}", said.everything());
    assert!(said.head["warnings"].to_string().contains("limit of 3 rows"), "{}", said.head);
    // The same words from somebody without a plan: nobody's cap is in a plan that another one gets.
    let other = block_on(ask(&engine, &policy::both(), sql));
    assert_eq!(other.rows.len(), 3, "one of the roles has the plan, the other has none of its own");

    let engine = planned(PlanLimits { bytes: Some(64), ..PlanLimits::default() });
    let said = block_on(ask(&engine, &policy::analyst(), "SELECT kind, seq FROM events"));
    assert!(said.head["warnings"].to_string().contains("limit of 64 bytes"), "{}", said.head);

    let time = Some(Duration::from_millis(300));
    let engine = planned(PlanLimits { time, ..PlanLimits::default() });
    let said = block_on(ask(&engine, &policy::analyst(), "SELECT count(*) AS n FROM slow"));
    assert_eq!(said.error(), Some("deadline_exceeded"), "{}", said.everything());
}

#[test]
fn too_many_statements_of_one_caller_do_not_keep_another_waiting() {
    let engine = planned(PlanLimits { concurrent_queries: Some(1), ..PlanLimits::default() });
    block_on(async {
        let (who, cancel) = (policy::analyst(), CancellationToken::new());
        let slow = request("SELECT count(*) AS n FROM slow");
        let slow = Box::pin(engine.query(&who, slow, cancel.clone()));
        let meanwhile = Box::pin(async {
            // The slow one is polled beside this until it has begun.
            let refused = loop {
                let said = Box::pin(engine.query(&who, request("SELECT 1"), cancel.clone())).await;
                if let Err(error) = said {
                    break error;
                }
                tokio::task::yield_now().await;
            };
            assert_eq!((refused.code, refused.retry_seconds()), (Code::LimitReached, Some(1)));
            assert!(refused.to_string().contains("allows 1 at a time"), "{refused}");
            let other = policy::named("olga", &["analyst"]);
            assert_eq!(ask(&engine, &other, "SELECT 1 AS one").await.error(), None);
            cancel.cancel();
        });
        let (slow, ()) = tokio::join!(slow, meanwhile);
        assert_eq!(slow.expect_err("it was cancelled").code, Code::Cancelled);
        until_free_of_limits(&engine).await;
    });
}

/// Waits until the cancelled statement has really ended.
async fn until_free_of_limits(engine: &Engine) {
    for _ in 0..10_000 {
        match ask(engine, &policy::analyst(), "SELECT 1 AS one").await.error() {
            Some("limit_reached") => tokio::task::yield_now().await,
            other => return assert_eq!(other, None),
        }
    }
    until_free(engine).await;
}

/// Reads all of a table that has more rows than the limits here.
const MUCH: &str = "SELECT sum(length(kind || seq)) AS n FROM shop.main.events";
const MOST: u64 = 5_000;

#[test]
fn a_days_rows_end_in_the_middle_of_a_statement() {
    let limits = PlanLimits { remote_rows_per_day: Some(MOST), ..PlanLimits::default() };
    let engine = planned(limits);
    let who = policy::analyst();
    let said = block_on(ask(&engine, &who, "SELECT count(*) AS n FROM people"));
    assert_eq!(said.error(), None, "{}", said.everything());
    for sql in [MUCH, "SELECT 1 AS one", "SELECT count(*) AS n FROM people"] {
        let said = block_on(ask(&engine, &who, sql));
        assert_eq!(said.error(), Some("limit_reached"), "{sql}: {}", said.everything());
        assert!(said.text.contains("00:00 UTC"), "{}", said.text);
    }
    let other = policy::named("olga", &["analyst"]);
    assert_eq!(block_on(ask(&engine, &other, "SELECT 1 AS one")).error(), None);
}

#[test]
fn a_sources_rows_are_those_of_all_callers() {
    let shop = SourceLimits { rows_per_day: Some(MOST), statements: None };
    let engine = engine(PlanLimits::default(), shop);
    let few = "SELECT count(*) AS n FROM shop.main.people";
    let (one, other) = (policy::analyst(), policy::named("olga", &["analyst"]));
    assert_eq!(block_on(ask(&engine, &one, few)).error(), None);
    for (who, sql) in [(&one, MUCH), (&other, few)] {
        let said = block_on(ask(&engine, who, sql));
        assert_eq!(said.error(), Some("limit_reached"), "{}", said.everything());
        assert!(said.text.contains("source \"shop\""), "{}", said.text);
    }
    assert_eq!(block_on(ask(&engine, &other, "SELECT 1 AS one")).error(), None);
}

#[test]
fn a_source_that_is_asked_too_often_makes_statements_wait_for_their_turn() {
    let statements = Some(Rate { per_second: 0.001, burst: 1 });
    let shop = SourceLimits { rows_per_day: None, statements };
    let engine = engine(PlanLimits::default(), shop);
    let sql = "SELECT count(*) AS n FROM shop.main.events";
    assert_eq!(block_on(ask(&engine, &policy::analyst(), sql)).error(), None);
    let said = block_on(ask(&engine, &policy::analyst(), sql));
    assert_eq!(said.error(), Some("limit_reached"), "{}", said.everything());
    assert!(said.text.contains("other sources still answer"), "{}", said.text);
}

#[test]
fn requests_that_come_too_often_are_told_when_to_come_back() {
    let requests = Some(Rate { per_second: 0.1, burst: 2 });
    let engine = planned(PlanLimits { requests, ..PlanLimits::default() });
    let admit = |who| block_on(engine.admit(&who));
    for _ in 0..2 {
        admit(policy::analyst()).expect("a burst");
    }
    let refused = admit(policy::analyst()).expect_err("too many");
    assert_eq!(refused.code, Code::LimitReached);
    assert!((9..=10).contains(&refused.retry_seconds().expect("when")), "{refused:?}");
    admit(policy::nobody()).expect("somebody else");
}
