//! A large table that several executors read, each a part, all in one snapshot.

use super::nodes::{Inside, executors};
use crate::support::ask::{Said, ask};
use crate::support::lab::{self, cluster, scratch, sqlite};
use crate::support::policy::{self, rules_of};
use crate::support::{block_on, load};
use celosia::policy::Rules;
use celosia::query::{Engine, Parts};
use celosia_connector_api::{Budget, Budgeted, Connector};
use celosia_connector_postgres::{PostgresConfig, PostgresConnector};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const SALES: &str = "CREATE TABLE sales (id int8 PRIMARY KEY, region text, amount int8, pad text);
    INSERT INTO sales SELECT i, (ARRAY['EU', 'US', 'APAC'])[1 + i % 3], i, repeat('x', 60)
    FROM generate_series(1, 120000) i; ANALYZE sales";
const REGIONS: &str = "CREATE TABLE regions (region TEXT, name TEXT, more INTEGER);
    INSERT INTO regions VALUES ('EU', 'Europe', 0), ('US', 'States', 0), ('APAC', 'Asia', 0);";
const OPEN: &str = "roles: {all: {open: [{tables: \"shop.*.*\"}, {tables: \"desk.*.*\"}]}}";

/// The regions' sums, of which no source can make a part alone.
const SQL: &str = "SELECT r.name, count(*) AS n, sum(s.amount + r.more) AS total FROM sales s \
                   JOIN regions r ON r.region = s.region GROUP BY r.name ORDER BY r.name";

/// A source that three sessions may read at the same time.
fn shop(url: &str) -> Arc<dyn Connector> {
    let mut config = PostgresConfig::parse(url).expect("a URL");
    config.concurrency = 6;
    let connector = PostgresConnector::new(config).expect("a connector");
    let budget = Budget { concurrency: 6, readers: 3, ..Budget::default() };
    Arc::new(Budgeted::new(Arc::new(connector), budget))
}

struct Place {
    url: String,
    database: String,
    regions: PathBuf,
}

impl Place {
    async fn make() -> Option<Self> {
        let cluster = cluster()?;
        let url = cluster.create_database().expect("a database");
        let database = url.split('/').nth(3).and_then(|rest| rest.split('?').next());
        let database = database.expect("a name").to_string();
        cluster.execute(&database, SALES).expect("rows");
        let regions = scratch().join(format!("regions-{database}.db"));
        load::sqlite(&regions, REGIONS.into()).await;
        Some(Self { url, database, regions })
    }

    fn sources(&self) -> Vec<(String, Arc<dyn Connector>)> {
        vec![("shop".into(), shop(&self.url)), ("desk".into(), sqlite(&self.regions))]
    }

    /// An engine with two executors.
    async fn engine(&self, rules: &Arc<Rules>) -> (Engine, Inside) {
        let inside = Inside::start(async || self.sources(), rules, 2).await;
        let parts = lab::parts(self.sources()).await;
        let executors = Some(executors(inside.port));
        let parts = Parts { rules: rules.clone(), executors, ..parts };
        (Engine::new(parts).expect("an engine"), inside)
    }
}

async fn asked(engine: &Engine) -> Said {
    let said = ask(engine, &policy::named("ana", &["all"]), SQL).await;
    assert_eq!(said.error(), None, "{}", said.everything());
    assert_eq!(said.place()["engine"], "ballista", "{}", said.everything());
    said
}

/// What the receipt says of the large table.
fn sales(said: &Said) -> serde_json::Value {
    let sources = said.sources.as_array().expect("a list");
    sources.iter().find(|source| source["name"] == "shop").expect("it was read").clone()
}

#[test]
fn executors_read_parts_of_one_snapshot() {
    block_on(async {
        let Some(place) = Place::make().await else { return };
        let (engine, _inside) = place.engine(&rules_of(OPEN, "")).await;
        // What one region gains another loses; a row that moves goes to another page.
        let transfers = "DO $$ BEGIN FOR i IN 1..500 LOOP \
            UPDATE sales SET amount = amount + CASE WHEN id <= 60000 THEN 1 ELSE -1 END \
            WHERE id IN (1 + i * 59, 120000 - i * 59); COMMIT; END LOOP; END $$";
        let stop = Arc::new(AtomicBool::new(false));
        let (told, database) = (stop.clone(), place.database.clone());
        let writer = std::thread::spawn(move || {
            let cluster = cluster().expect("it is there");
            while !told.load(Ordering::Relaxed) {
                cluster.execute(&database, transfers).expect("moved");
            }
        });
        for _ in 0..5 {
            let said = asked(&engine).await;
            let number = |row: &serde_json::Value, column: usize| -> i64 {
                let value = &row[column];
                value.as_i64().or_else(|| value.as_str()?.parse().ok()).expect("a number")
            };
            let sum = |column| said.rows.iter().map(|row| number(row, column)).sum::<i64>();
            assert_eq!((sum(1), sum(2)), (120_000, 120_000 * 120_001 / 2), "{:?}", said.rows);
            let sales = sales(&said);
            assert_eq!(
                (&sales["readers"], &sales["one_snapshot"]),
                (&3.into(), &true.into()),
                "{sales}"
            );
            assert_eq!(sales["rows"], 120_000);
        }
        stop.store(true, Ordering::Relaxed);
        writer.join().expect("it ends");
        // Neither statements nor the snapshot are left.
        let open = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND state <> 'idle' \
             AND application_name LIKE 'celosia%'",
            place.database
        );
        crate::mcp::eventually("no session is left in a transaction", || {
            let cluster = cluster().expect("it is there");
            (cluster.execute("postgres", &open).expect("the view") == "0").then_some(())
        });
    });
}

#[test]
fn how_many_parts_there_are_is_not_told_where_rows_are_hidden() {
    block_on(async {
        let Some(place) = Place::make().await else { return };
        let rows = "rows: \"region = 'EU'\"";
        let roles = format!(
            "roles: {{all: {{open: [{{tables: \"shop.public.sales\", {rows}}}, {{tables: \"desk.*.*\"}}]}}}}"
        );
        let (engine, _inside) = place.engine(&rules_of(&roles, "")).await;
        let said = asked(&engine).await;
        assert_eq!(said.rows.len(), 1, "{:?}", said.rows);
        let sales = sales(&said);
        assert!(sales.get("readers").is_none() && sales["rows"] == 40_000, "{sales}");
    });
}
