//! A large table of PostgreSQL that several sessions read: the answer of one, and what the receipt says of it.

use super::fixture::Pair;
use crate::support::block_on;
use crate::support::lab::{cluster, parts, postgres};
use crate::support::policy::rules_of;
use celosia::query::{Engine, Parts};
use celosia_connector_api::{Budget, Budgeted, Connector};
use celosia_connector_postgres::{PostgresConfig, PostgresConnector};
use std::sync::Arc;

const TABLE: &str = "CREATE TABLE sales (id int8 PRIMARY KEY, region text, amount numeric(12,2));
    INSERT INTO sales SELECT i, (ARRAY['EU', 'US', 'APAC'])[1 + i % 3], (i % 9973) / 7.0 FROM generate_series(1, 200000) i;
    CREATE TABLE notes AS SELECT id, repeat('n', 40) AS note FROM sales; ANALYZE";
/// None of them can be computed at the source.
const STATEMENTS: [&str; 3] = [
    "SELECT region, count(*) AS n, stddev(amount) AS spread FROM sales GROUP BY region ORDER BY region",
    "SELECT count(*) AS n, stddev(amount) AS spread FROM sales WHERE amount > 100",
    "SELECT stddev(s.id) AS spread FROM sales s",
];

fn connector(url: &str, readers: usize) -> Arc<dyn Connector> {
    let mut config = PostgresConfig::parse(url).expect("a URL");
    config.concurrency = 4;
    let connector = PostgresConnector::new(config).expect("a connector");
    let budget = Budget { concurrency: 4, readers, ..Budget::default() };
    Arc::new(Budgeted::new(Arc::new(connector), budget))
}

async fn engine(connector: Arc<dyn Connector>, roles: &str, pushdown: bool) -> Engine {
    let parts = parts(vec![("shop".into(), connector)]).await;
    Engine::new(Parts { rules: rules_of(roles, ""), pushdown, ..parts }).expect("an engine")
}

fn pair(roles: &str) -> Option<Pair> {
    let cluster = cluster()?;
    let url = cluster.create_database().expect("a database");
    let database = url.split('/').nth(3).and_then(|rest| rest.split('?').next()).expect("a name");
    cluster.execute(database, TABLE).expect("rows");
    Some(block_on(async {
        Pair {
            pushed: engine(connector(&url, 2), roles, true).await,
            local: engine(postgres(&url), roles, false).await,
        }
    }))
}

#[test]
fn several_sessions_give_the_answer_of_one() {
    let Some(pair) = pair("roles: {all: {open: [{tables: \"shop.*.*\"}]}}") else { return };
    for sql in STATEMENTS {
        let (shared, alone) = block_on(pair.ask(sql));
        assert_eq!(shared.error(), None, "{sql}: {}", shared.everything());
        assert_eq!(shared.ordered(), alone.ordered(), "{sql}");
        assert_eq!(shared.sources[0]["readers"], 2, "{sql}: {}", shared.sources);
        assert!(alone.sources[0].get("readers").is_none(), "{}", alone.sources);
    }
    let (few, _) = block_on(pair.ask("SELECT stddev(amount) AS spread FROM sales WHERE id < 50"));
    assert!(few.sources[0].get("readers").is_none(), "{}", few.sources);
}

#[test]
fn how_many_sessions_read_is_not_told_where_rows_are_hidden() {
    let rows = "rows: \"region = 'EU'\"";
    let roles = format!("roles: {{all: {{open: [{{tables: \"shop.public.sales\", {rows}}}]}}}}");
    let Some(pair) = pair(&roles) else { return };
    let (shared, alone) = block_on(pair.ask(STATEMENTS[0]));
    assert_eq!(shared.error(), None, "{}", shared.everything());
    assert_eq!(shared.ordered(), alone.ordered());
    assert_eq!(shared.rows.len(), 1);
    assert!(shared.sources[0].get("readers").is_none(), "{}", shared.sources);
}
