//! What a source expects of a statement, asked before it runs.

use crate::support::ask::{ask, request};
use crate::support::lab::{self, Place};
use crate::support::load::Store;
use crate::support::world::World;
use crate::support::{block_on, policy};
use celosia::error::Code;
use celosia::query::{Engine, QueryRequest};
use celosia_connector_api::{Budget, Budgeted, Connector, Estimated, RefuseAbove};
use celosia_connector_postgres::{PostgresConfig, PostgresConnector};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// An engine whose source `shop` is asked first; `None` without PostgreSQL.
async fn engine(most: RefuseAbove) -> Option<Engine> {
    let Place::Url(url) = lab::place(Store::Postgres, World::A).await? else { return None };
    let config = PostgresConfig::parse(&url).expect("a URL");
    let postgres = Arc::new(PostgresConnector::new(config).expect("a connector"));
    let asked: Arc<dyn Connector> = Arc::new(Estimated::new(postgres, most));
    let shop: Arc<dyn Connector> = Arc::new(Budgeted::new(asked, Budget::default()));
    let desk = lab::sqlite(&lab::desk_file(World::A).await);
    let parts = lab::parts(vec![("shop".into(), shop), ("desk".into(), desk)]).await;
    Some(Engine::new(parts).expect("an engine"))
}

fn above(cost: Option<f64>, rows: Option<f64>) -> RefuseAbove {
    RefuseAbove { cost, rows, ask: false }
}

#[test]
fn a_person_may_let_it_run_where_the_administrator_says_so() {
    let sql = "SELECT count(*) AS n FROM events";
    for (ask, accepts_cost, error) in [
        (true, true, None),
        (true, false, Some(Code::CostlyUnlessAccepted)),
        (false, true, Some(Code::TooCostly)),
    ] {
        let most = RefuseAbove { ask, ..above(Some(0.000_1), None) };
        let Some(engine) = block_on(engine(most)) else { return };
        let request = QueryRequest { accepts_cost, ..request(sql) };
        let answer = block_on(engine.query(&policy::analyst(), request, CancellationToken::new()));
        assert_eq!(answer.err().map(|error| error.code), error, "{ask} {accepts_cost}");
    }
}

#[test]
fn a_statement_that_is_too_much_is_refused_before_it_runs() {
    let wide = "SELECT count(*) AS n FROM events a JOIN events b ON a.kind <> b.kind";
    let narrow = "SELECT kind FROM events WHERE seq = 3";
    for (most, refused) in [
        (above(Some(1e12), Some(1e12)), &[][..]),
        (above(None, Some(5_000.0)), &[wide]),
        (above(Some(0.000_1), None), &[wide, narrow]),
    ] {
        let Some(engine) = block_on(engine(most)) else { return };
        for sql in [wide, narrow] {
            let said = block_on(ask(&engine, &policy::analyst(), sql));
            let expected = refused.contains(&sql).then_some("too_costly");
            assert_eq!(said.error(), expected, "{most:?} {sql}: {}", said.everything());
            if said.error().is_some() {
                assert!(said.text.contains("filter by a key or a range"), "{}", said.text);
                // The numbers stay where they are.
                let digits = said.text.chars().any(|c| c.is_ascii_digit());
                assert!(!digits, "{}", said.text);
            }
        }
    }
}
