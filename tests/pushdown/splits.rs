//! A large table that several sessions read: the answer of one, and what the receipt says of it.

use super::fixture::Pair;
use crate::support::block_on;
use crate::support::lab::{cluster, parts, read_by};
use crate::support::load::{self, Store};
use crate::support::policy::rules_of;
use celosia::query::{Engine, Parts};
use celosia::telemetry::Observed;
use celosia_connector_api::Connector;
use std::sync::Arc;

const STORES: [Store; 3] = [Store::Postgres, Store::SqlServer, Store::Oracle];
const POSTGRES: &str = "CREATE TABLE sales (id int8 PRIMARY KEY, region text, amount numeric(12,2));
    INSERT INTO sales SELECT i, (ARRAY['EU', 'US', 'APAC'])[1 + i % 3], (i % 9973) / 7.0 FROM generate_series(1, 200000) i;
    CREATE TABLE notes AS SELECT id, repeat('n', 40) AS note FROM sales; ANALYZE;
";
const SQLSERVER: &str = "CREATE VIEW numbers AS
  WITH n (i) AS (SELECT v.i FROM (VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)) AS v (i)),
       m (i) AS (SELECT a.i + 10 * b.i + 100 * c.i FROM n AS a CROSS JOIN n AS b CROSS JOIN n AS c)
  SELECT CAST(a.i * 1000 + b.i + 1 AS bigint) AS i FROM m AS a CROSS JOIN m AS b WHERE a.i < 200
GO
CREATE TABLE sales (id bigint NOT NULL PRIMARY KEY, region varchar(10) NOT NULL, amount decimal(12,2) NOT NULL)
GO
INSERT INTO sales (id, region, amount)
  SELECT i, CASE i % 3 WHEN 0 THEN 'EU' WHEN 1 THEN 'US' ELSE 'APAC' END, CAST(i % 9973 AS decimal(12,2)) FROM numbers
GO
";
const ORACLE: &str = "CREATE TABLE \"sales\" (\"id\" NUMBER(18) NOT NULL, \"region\" VARCHAR2(10) NOT NULL, \"amount\" NUMBER(12,2) NOT NULL)
/
INSERT INTO \"sales\" SELECT LEVEL, DECODE(MOD(LEVEL, 3), 0, 'EU', 1, 'US', 'APAC'), MOD(LEVEL, 9973) / 4 FROM DUAL CONNECT BY LEVEL <= 200000
/
BEGIN DBMS_STATS.GATHER_SCHEMA_STATS(USER); END;
/
";
/// How often a statement is asked for its second session.
const TRIES: usize = 5;
/// None of them can be computed at the source.
const STATEMENTS: [&str; 3] = [
    "SELECT region, count(*) AS n, stddev(amount) AS spread FROM sales GROUP BY region ORDER BY region",
    "SELECT count(*) AS n, stddev(amount) AS spread FROM sales WHERE amount > 100",
    "SELECT stddev(s.id) AS spread FROM sales s",
];

async fn engine(store: Store, url: &str, readers: usize, roles: &str, pushdown: bool) -> Engine {
    // As a server has it.
    let shop: Arc<dyn Connector> = Arc::new(Observed::new("shop", read_by(store, url, readers)));
    let parts = parts(vec![("shop".into(), shop)]).await;
    Engine::new(Parts { rules: rules_of(roles, ""), pushdown, ..parts }).expect("an engine")
}

async fn pair(store: Store, roles: &str) -> Option<Pair> {
    let cluster = cluster()?;
    let url = match store {
        Store::SqlServer => load::sqlserver(cluster, SQLSERVER).await,
        Store::Oracle => load::oracle(cluster, ORACLE).await,
        _ => load::postgres(cluster, POSTGRES),
    };
    Some(Pair {
        pushed: engine(store, &url, 2, roles, true).await,
        local: engine(store, &url, 1, roles, false).await,
    })
}

#[test]
fn several_sessions_give_the_answer_of_one() {
    for store in STORES {
        block_on(async {
            let roles = "roles: {all: {open: [{tables: \"shop.*.*\"}]}}";
            let Some(pair) = pair(store, roles).await else { return };
            for sql in STATEMENTS {
                let (shared, alone) = pair.ask(sql).await;
                assert_eq!(shared.error(), None, "{store:?} {sql}: {}", shared.everything());
                assert_eq!(shared.ordered(), alone.ordered(), "{store:?} {sql}");
                // A second session is taken if one is to be had at once; on a busy machine it may not be.
                let mut shared = shared;
                for _ in 0..TRIES {
                    if shared.sources[0]["readers"] == 2 {
                        break;
                    }
                    shared = pair.ask(sql).await.0;
                }
                let told = &shared.sources[0];
                assert_eq!(told["readers"], 2, "{store:?} {sql}: {told}");
                assert_eq!(told["one_snapshot"], store == Store::Postgres, "{store:?}: {told}");
                assert!(alone.sources[0].get("readers").is_none(), "{}", alone.sources);
            }
            // PostgreSQL says by its plan that an index serves a range; of the others single values are known alone.
            let narrow = if store == Store::Postgres { "id < 50" } else { "id IN (7, 8, 9)" };
            let few = format!("SELECT stddev(amount) AS spread FROM sales WHERE {narrow}");
            let (few, _) = pair.ask(&few).await;
            assert_eq!(few.error(), None, "{store:?}: {}", few.everything());
            assert!(few.sources[0].get("readers").is_none(), "{store:?}: {}", few.sources);
        });
    }
}

#[test]
fn how_many_sessions_read_is_not_told_where_rows_are_hidden() {
    for store in STORES {
        block_on(async {
            let rows = "rows: \"region = 'EU'\"";
            let roles = format!("roles: {{all: {{open: [{{tables: \"shop.*.sales\", {rows}}}]}}}}");
            let Some(pair) = pair(store, &roles).await else { return };
            let (shared, alone) = pair.ask(STATEMENTS[0]).await;
            assert_eq!(shared.error(), None, "{store:?}: {}", shared.everything());
            assert_eq!(shared.ordered(), alone.ordered(), "{store:?}");
            assert_eq!(shared.rows.len(), 1, "{store:?}");
            for unsaid in ["readers", "one_snapshot"] {
                assert!(shared.sources[0].get(unsaid).is_none(), "{store:?}: {}", shared.sources);
            }
        });
    }
}
