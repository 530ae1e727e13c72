//! SQLite joins by nested loops: what would look at every pair of rows is not sent to it. A statement that
//! did, over these tables, would not end in time.

use crate::support::ask::ask;
use crate::support::lab::{parts, remote, scratch};
use crate::support::load::{self, Store};
use crate::support::{block_on, policy};
use celosia::query::{Engine, Parts};

const SCRIPT: &str = "
CREATE TABLE a (id INTEGER PRIMARY KEY, x BIGINT, t TEXT);
CREATE TABLE b (id INTEGER PRIMARY KEY, y BIGINT, t TEXT);
INSERT INTO a WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
  SELECT i, nullif((i * 7919) % 30000, 7), 't' || ((i * 7919) % 30000) FROM n;
INSERT INTO b WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
  SELECT i, nullif((i * 104729) % 30000, 29), 't' || ((i * 104729) % 30000) FROM n;
";

const QUESTIONS: &[&str] = &[
    "SELECT count(*) AS n FROM a JOIN b ON a.x = b.y",
    "SELECT count(*) AS n FROM a JOIN b ON a.t = b.t",
    "SELECT count(*) AS n FROM a LEFT JOIN b ON a.x = b.y",
    "SELECT count(*) AS n FROM a JOIN (SELECT t, count(*) AS c FROM b GROUP BY t) g ON g.t = a.t AND g.c > a.id",
    "SELECT count(*) AS n FROM a LEFT JOIN (SELECT t, count(*) AS c FROM b GROUP BY t) g ON g.t = a.t WHERE g.c IS NULL",
    "SELECT count(*) AS n FROM a JOIN b ON a.x = coalesce(b.y, 1)",
    "SELECT count(*) AS n FROM a LEFT JOIN b ON coalesce(a.x, 1) = b.y",
    "SELECT count(*) AS n FROM a RIGHT JOIN b ON a.x = b.y",
    "SELECT count(*) AS n FROM a LEFT JOIN b ON a.t = b.t AND b.id > 7 WHERE b.y IS NULL",
    "SELECT count(*) AS n FROM (SELECT coalesce(x, 1) AS x FROM a) a LEFT JOIN (SELECT coalesce(y, 1) AS y FROM b) b ON a.x = b.y",
    "SELECT count(*) AS n FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.y = a.x AND b.id > a.id)",
    "SELECT count(*) AS n FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.y = a.x AND b.t = a.t)",
    "SELECT count(*) AS n FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.y = a.x AND b.id > a.id)",
    "SELECT count(*) AS n FROM a FULL JOIN b ON a.x = b.y",
    "SELECT count(*) AS n FROM a WHERE x IN (SELECT y FROM b)",
    "SELECT count(*) AS n FROM a WHERE x NOT IN (SELECT y FROM b)",
    "SELECT count(*) AS n FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.y = a.x AND b.id > 5)",
    "SELECT count(*) AS n FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.y = a.x)",
    "SELECT count(*) AS n FROM a WHERE a.id < 0 OR EXISTS (SELECT 1 FROM b WHERE b.y = a.x)",
    "SELECT count(*) AS n FROM a WHERE t IN (SELECT t FROM b)",
    "SELECT count(*) AS n FROM a JOIN (SELECT y, count(*) AS c FROM b GROUP BY y) g ON g.y = a.x",
    "SELECT count(*) AS n FROM a LEFT JOIN (SELECT y, count(*) AS c FROM b GROUP BY y) g ON g.y = a.x",
];

#[test]
fn no_join_at_sqlite_looks_at_every_pair() {
    block_on(async {
        let file = scratch().join("pushdown-joins.db");
        load::sqlite(&file, SCRIPT.into()).await;
        let engine = async |pushdown| {
            let url = file.display().to_string();
            let mut parts = parts(vec![("shop".into(), remote(Store::Sqlite, &url))]).await;
            parts.rules = policy::rules_of("roles: {all: {open: [{tables: \"shop.*.*\"}]}}", "");
            Engine::new(Parts { pushdown, ..parts }).expect("an engine")
        };
        let who = policy::named("ana", &["all"]);
        let (pushed, local) = (engine(true).await, engine(false).await);
        for sql in QUESTIONS {
            let (there, here) = (ask(&pushed, &who, sql).await, ask(&local, &who, sql).await);
            assert_eq!(here.error(), None, "{sql}: {}", here.everything());
            assert_eq!(there.unordered(), here.unordered(), "{sql}: {}", there.sources);
        }
    });
}
