//! What a source may be asked for is one budget for the server and all its executors.

use super::nodes::{Inside, executors};
use super::split::{ROLES, Split, placed, split};
use crate::support::ask::request;
use crate::support::lab::{self, Place};
use crate::support::{block_on, policy};
use celosia::error::Code;
use celosia::limits::{Meter, Plans};
use celosia::model::{PlanLimits, Rate, SourceLimits};
use celosia::query::{Engine, Parts};
use celosia_connector_api::{Budget, Budgeted, Connector};
use celosia_connector_postgres::{PostgresConfig, PostgresConnector};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const SQL: &str = "SELECT p_type, count(*) AS n FROM lineitem JOIN part ON l_partkey = p_partkey \
                   GROUP BY p_type ORDER BY n DESC, p_type";

/// The source `shop` within this budget.
fn shop(split: &Split, budget: Budget) -> Arc<dyn Connector> {
    let connector: Arc<dyn Connector> = match &split.shop {
        Place::File(file) => lab::sqlite(file),
        Place::Url(url) => {
            let config = PostgresConfig::parse(url).expect("a URL");
            Arc::new(PostgresConnector::new(config).expect("a connector"))
        }
    };
    Arc::new(Budgeted::new(connector, budget))
}

/// An engine whose source `shop` has this budget, with executors that have the usual one.
async fn engine(
    split: &Split,
    inside: &Inside,
    shop: Arc<dyn Connector>,
    change: impl FnOnce(&mut Parts),
) -> Engine {
    let mut sources = split.sources();
    sources[0].1 = shop;
    let mut parts = lab::parts(sources).await;
    parts.rules = policy::rules_of(ROLES, "");
    parts.executors = Some(executors(inside.port));
    change(&mut parts);
    Engine::new(parts).expect("an engine")
}

async fn inside(split: &Split) -> Inside {
    Inside::start(async || split.sources(), &policy::rules_of(ROLES, ""), 2).await
}

#[test]
fn a_statement_elsewhere_waits_for_its_places() {
    block_on(async {
        let split = split().await;
        let inside = inside(&split).await;
        let budget = Budget { concurrency: 2, queue: 1, ..Budget::default() };
        let shop = shop(&split, budget);
        let engine = engine(&split, &inside, shop.clone(), |_| ()).await;
        let soon = || Instant::now() + Duration::from_secs(30);
        let taken = shop.reserve(2, soon()).await.expect("places").expect("there are two");
        // One statement waits for a place, and there is no room for a second that waits.
        let waits = placed(&engine, SQL);
        tokio::pin!(waits);
        let refused = async {
            while shop.load().waiting == 0 {
                tokio::task::yield_now().await;
            }
            placed(&engine, SQL).await.0
        };
        let refused = tokio::select! {
            (said, _) = &mut waits => panic!("it did not wait: {}", said.everything()),
            refused = refused => refused,
        };
        assert!(refused.text.contains("too many statements wait"), "{}", refused.everything());
        drop(taken);
        let (said, place) = waits.await;
        assert_eq!(
            (said.error(), &place["engine"]),
            (None, &"ballista".into()),
            "{}",
            said.everything()
        );
        assert_eq!(shop.load().running, 0, "the places are given back");
    });
}

#[test]
fn more_reads_than_a_source_takes_at_a_time_stay_here() {
    block_on(async {
        let split = split().await;
        let inside = inside(&split).await;
        let shop = shop(&split, Budget { concurrency: 1, ..Budget::default() });
        let engine = engine(&split, &inside, shop, |_| ()).await;
        let (said, place) = placed(&engine, SQL).await;
        assert_eq!(
            (said.error(), &place["engine"]),
            (None, &"ballista".into()),
            "{}",
            said.everything()
        );
        let twice = "SELECT count(*) AS n FROM part JOIN orders ON o_custkey = p_partkey \
                     WHERE p_size = 3 AND o_clerk IN (SELECT o_clerk FROM orders JOIN part ON o_custkey = p_partkey WHERE p_size = 4)";
        let (said, place) = placed(&engine, twice).await;
        assert!(said.error().is_none() && place.is_null(), "{}", said.everything());
    });
}

#[test]
fn a_days_rows_and_the_pace_of_a_source_hold_there() {
    block_on(async {
        let split = split().await;
        let inside = inside(&split).await;
        let few = |meter: Arc<Meter>| {
            let (split, inside) = (&split, &inside);
            async move {
                let shop = shop(split, Budget::default());
                engine(split, inside, shop, |parts| parts.meter = meter).await
            }
        };
        let limits = PlanLimits { remote_rows_per_day: Some(3_000), ..PlanLimits::default() };
        let plans = Plans::new(
            BTreeMap::from([("default".to_string(), limits)]),
            BTreeMap::new(),
            BTreeMap::new(),
        );
        let asker = few(Meter::new(plans, None)).await;
        let (said, _) = placed(&asker, SQL).await;
        assert_eq!(said.error(), Some("limit_reached"), "{}", said.everything());
        assert!(said.text.contains("plan \"default\" allows 3000"), "{}", said.text);
        let of_shop = |limits| {
            let sources = BTreeMap::from([("shop".to_string(), limits)]);
            Meter::new(Plans::new(BTreeMap::new(), BTreeMap::new(), sources), None)
        };
        let slow = SourceLimits {
            statements: Some(Rate { per_second: 0.001, burst: 1 }),
            rows_per_day: None,
        };
        let asker = few(of_shop(slow)).await;
        let who = policy::named("ana", &["all"]);
        let ask = || asker.query(&who, request(SQL), CancellationToken::new());
        assert!(ask().await.is_ok());
        let error = ask().await.expect_err("the second comes too soon");
        assert_eq!(error.code, Code::LimitReached, "{error:?}");
    });
}
