//! Columns that are only open to aggregates: exact over groups that are large enough, NULL below, and
//! nothing else; on every store, with and without pushdown.

use crate::support::ask::{Said, ask, tool};
use crate::support::lab;
use crate::support::load::{self, Store};
use crate::support::world::{Cell, Table, columns, text};
use crate::support::{block_on, policy};
use celosia::query::Engine;
use serde_json::Value as Json;
use std::path::Path;

const ROLES: &str =
    "roles: {analyst: {open: [{tables: 'shop.*.pay', columns: [id, dept, salary]}]}}";
const BY_ENTITY: &str = "{aggregate_only: {min_group: 3, entity: person}}";
const BY_ROW: &str = "{aggregate_only: {min_group: 3}}";
/// What no reply may hold.
const SECRETS: [&str; 3] = ["9000000000000000", "123456", "person"];

/// Department a has three people, b two (with more rows, and sums that do not fit), c two with a salary.
fn pay() -> Table {
    let rows: [(i64, &str, Option<i64>); 11] = [
        (1, "a", Some(10)),
        (2, "a", Some(20)),
        (3, "a", Some(30)),
        (3, "a", Some(40)),
        (4, "b", Some(9_000_000_000_000_000_000)),
        (5, "b", Some(9_000_000_000_000_000_001)),
        (5, "b", Some(9_000_000_000_000_000_002)),
        (5, "b", Some(1)),
        (6, "c", Some(123_456)),
        (7, "c", Some(123_457)),
        (8, "c", None),
    ];
    let cells = |(id, (person, dept, salary)): (usize, (i64, &'static str, Option<i64>))| {
        let id = i64::try_from(id).expect("small") + 1;
        vec![Cell::Int(id), Cell::Int(person), text(dept), salary.map_or(Cell::Null, Cell::Int)]
    };
    let declared = [("id", "BIGINT"), ("person", "BIGINT"), ("dept", "TEXT"), ("salary", "BIGINT")];
    Table {
        name: "pay",
        columns: columns(&declared),
        rows: rows.into_iter().enumerate().map(cells).collect(),
    }
}

async fn engine(store: Store, mask: &str, pushdown: bool) -> Option<Engine> {
    let masks =
        format!("version: 1\nmasks: [{{name: pay, columns: ['*.*.*.salary'], mask: {mask}}}]");
    engine_of(store, ROLES, &masks, pushdown).await
}

async fn engine_of(store: Store, roles: &str, masks: &str, pushdown: bool) -> Option<Engine> {
    static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let script = load::script(store, &[pay()]);
    let url = match store {
        Store::Sqlite => {
            let file = lab::scratch().join(format!("pay-{number}.db"));
            load::sqlite(&file, script).await;
            file.display().to_string()
        }
        Store::Postgres => load::postgres(lab::cluster()?, &script),
        Store::SqlServer => load::sqlserver(lab::cluster()?, &script).await,
        Store::Oracle => load::oracle(lab::cluster()?, &script).await,
    };
    let mut parts = lab::parts(vec![("shop".into(), lab::remote(store, &url))]).await;
    parts.rules = policy::rules_of(roles, masks);
    let problems = parts.rules.check(parts.catalog.snapshot().tables(), &[]);
    assert!(problems.is_empty(), "{problems:?}");
    parts.pushdown = pushdown;
    Some(Engine::new(parts).expect("an engine"))
}

/// Rows with numbers as numbers, however they travel.
fn rows(said: &Said) -> String {
    assert_eq!(said.error(), None, "{}", said.head);
    let cell = |cell: &Json| match cell {
        Json::Null => "-".to_string(),
        Json::String(text) => text.parse::<f64>().map_or(text.clone(), |n| n.to_string()),
        other => other.as_f64().map_or(other.to_string(), |n| n.to_string()),
    };
    let row =
        |row: &Json| row.as_array().expect("a row").iter().map(cell).collect::<Vec<_>>().join(" ");
    said.rows.iter().map(row).collect::<Vec<_>>().join("; ")
}

/// On every store, with and without pushdown.
fn everywhere(mask: &str, hold: impl AsyncFn(&Engine, &str)) {
    for store in [Store::Sqlite, Store::Postgres, Store::SqlServer, Store::Oracle] {
        for pushdown in [true, false] {
            block_on(async {
                if let Some(engine) = engine(store, mask, pushdown).await {
                    hold(&engine, &format!("{store:?}, pushdown {pushdown}")).await;
                }
            });
        }
    }
}

#[test]
fn large_groups_are_exact_and_small_ones_are_null() {
    let analyst = policy::named("ana", &["analyst"]);
    everywhere(BY_ENTITY, async |engine, place| {
        for (sql, expected) in [
            (
                "SELECT dept, sum(salary), count(salary), avg(salary), count(*) FROM pay \
                 GROUP BY dept ORDER BY dept",
                "a 100 4 25 4; b - - - 4; c - - - 3",
            ),
            // Values that appear twice are one person's all the same.
            (
                "SELECT p.dept, count(p.salary) FROM pay p JOIN pay q ON p.dept = q.dept \
                 GROUP BY p.dept ORDER BY p.dept",
                "a 16; b -; c -",
            ),
            (
                "SELECT dept, sum(salary) * 2 AS twice FROM pay GROUP BY dept \
                 HAVING sum(salary) > 50 OR sum(salary) IS NULL ORDER BY sum(salary), dept",
                "a 200; b -; c -",
            ),
            (
                "SELECT sum(salary) FILTER (WHERE id <= 3), sum(salary) FILTER (WHERE id <= 2) FROM pay",
                "60 -",
            ),
            ("SELECT sum(salary) FROM pay WHERE id = 1", "-"),
            ("SELECT avg(salary), count(salary) FROM pay WHERE id > 100", "- -"),
            ("SELECT (SELECT sum(salary) FROM pay WHERE id < 5) AS total", "100"),
            (
                "SELECT d.dept, d.total FROM (SELECT dept, sum(salary) AS total FROM pay GROUP BY dept) d \
                 ORDER BY d.dept",
                "a 100; b -; c -",
            ),
            ("SELECT dept, count(*) FROM pay GROUP BY dept ORDER BY dept", "a 4; b 4; c 3"),
        ] {
            let said = ask(engine, &analyst, sql).await;
            assert_eq!(rows(&said), expected, "{place}: {sql}");
            let warned = said.head["warnings"].to_string().contains("suppressed");
            assert_eq!(warned, sql.contains("salary"), "{place}: {sql}: {}", said.head);
            // Not even in the SQL of the receipt, which counts by a hidden column.
            let told = said.everything();
            for secret in SECRETS {
                assert!(!told.contains(secret), "{place}: {sql}: {told}");
            }
        }
    });
}

#[test]
fn rows_are_counted_where_no_entity_is_named() {
    let analyst = policy::named("ana", &["analyst"]);
    everywhere(BY_ROW, async |engine, place| {
        let sql = "SELECT dept, count(salary) FROM pay GROUP BY dept ORDER BY dept";
        assert_eq!(rows(&ask(engine, &analyst, sql).await), "a 4; b 4; c -", "{place}");
        // A join would count rows as often as it likes.
        let joined = "SELECT count(p.salary) FROM pay p JOIN pay q ON p.dept = q.dept";
        assert_eq!(ask(engine, &analyst, joined).await.error(), Some("not_allowed"), "{place}");
    });
}

#[test]
fn every_other_use_is_refused_in_the_same_words() {
    let analyst = policy::named("ana", &["analyst"]);
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine/aggregate_only_refused.sql");
    let hostile = std::fs::read_to_string(file).expect("the statements");
    everywhere(BY_ENTITY, async |engine, place| {
        for sql in hostile.lines() {
            let said = ask(engine, &analyst, sql).await;
            let words = "column \"salary\" may only be aggregated, not read or compared";
            assert_eq!(said.head["message"], words, "{place}: {sql}: {}", said.everything());
        }
        for hidden in ["person", "\"\u{1}entity 1\"", "\"\u{1}count 0\""] {
            let sql = format!("SELECT sum(salary), max({hidden}) FROM pay");
            assert!(ask(engine, &analyst, &sql).await.error().is_some(), "{place}: {sql}");
        }
    });
}

/// The groups of rows that the source has joined, and that are grouped here, are found in those rows' order.
#[test]
fn groups_do_not_come_in_the_order_of_values_that_may_only_be_aggregated() {
    let analyst = policy::named("ana", &["analyst"]);
    everywhere(BY_ENTITY, async |engine, place| {
        let sql = "SELECT reverse(q.dept), sum(p.salary) FROM pay p JOIN pay q ON p.id = q.id \
             GROUP BY reverse(q.dept)";
        let said = ask(engine, &analyst, sql).await;
        assert_eq!(rows(&said), "a 100; b -; c -", "{place}: {}", said.head);
    });
}

#[test]
fn a_table_says_what_may_be_aggregated() {
    block_on(async {
        let engine = engine(Store::Sqlite, BY_ENTITY, true).await.expect("SQLite");
        let said = engine.describe(&policy::named("ana", &["analyst"]), "pay").expect("a table");
        assert!(
            said.text.contains("[aggregate_only: count, sum or avg over at least 3]"),
            "{}",
            said.text
        );
        assert!(!said.text.contains("person"));
    });
}

#[test]
fn a_filter_by_a_hidden_column_does_not_name_it() {
    const ROLES: &str = "roles: {analyst: {open: [{tables: 'shop.*.pay', columns: [id, dept], rows: 'person > 1'}]}}";
    let analyst = policy::named("ana", &["analyst"]);
    for store in [Store::Sqlite, Store::Postgres] {
        block_on(async {
            let Some(engine) = engine_of(store, ROLES, "", true).await else { return };
            let sql =
                "SELECT dept, count(*) AS n FROM pay WHERE id > 2 GROUP BY dept ORDER BY dept";
            let asked = ask(&engine, &analyst, sql).await;
            assert_eq!(rows(&asked), "a 2; b 4; c 3", "{store:?}");
            let explained = tool(&engine, &analyst, "explain", sql).await;
            for said in [asked, explained] {
                let told = said.everything();
                assert!(told.contains("hidden") && !told.contains("person"), "{store:?}: {told}");
            }
        });
    }
}

/// The guard is part of the plan, so it goes down with what it guards. Small groups are suppressed at the
/// source, but for sums of whole numbers, whose last cast may fail and is the engine's.
#[test]
fn a_guarded_aggregate_is_one_statement_at_postgres() {
    let analyst = policy::named("ana", &["analyst"]);
    block_on(async {
        let Some(pushed) = engine(Store::Postgres, BY_ENTITY, true).await else { return };
        let local = engine(Store::Postgres, BY_ENTITY, false).await.expect("the same server");
        let hold = async |sql: &str, whole: bool| {
            let explained = tool(&pushed, &analyst, "explain", sql).await;
            assert_eq!(explained.text.matches("GovernedScan").count(), 1, "{}", explained.text);
            assert_eq!(explained.text.starts_with("GovernedScan"), whole, "{}", explained.text);
            let sources = explained.sources.as_array().cloned().unwrap_or_default();
            assert_eq!(sources.len(), 1, "{sources:?}");
            let (there, here) =
                (ask(&pushed, &analyst, sql).await, ask(&local, &analyst, sql).await);
            assert_eq!(there.ordered(), here.ordered());
            assert!(rows(&there).contains("b - "), "{}", rows(&there));
            // A row for each group came back, and not those of which it is made.
            assert_eq!(there.sources[0]["rows"], there.rows.len(), "{}", there.sources);
            assert!(here.sources[0]["rows"].as_u64() > there.sources[0]["rows"].as_u64());
            sources[0]["sql"].as_str().unwrap_or_default().to_string()
        };
        let sql = "SELECT dept, count(salary) AS c, count(*) AS n FROM pay WHERE id < 9 GROUP BY dept ORDER BY dept";
        insta::assert_snapshot!(hold(sql, true).await, @r#"SELECT t1."dept", CAST(CASE WHEN COUNT(DISTINCT CASE WHEN t1."salary" IS NOT NULL THEN t1."hidden" END) >= CAST($1 AS bigint) THEN COUNT(t1."salary") END AS bigint) AS "c2", CAST(COUNT(*) AS bigint) AS "c3" FROM "public"."pay" AS t1 WHERE t1."id" < CAST($2 AS bigint) GROUP BY t1."dept" ORDER BY (t1."dept" COLLATE "C") ASC NULLS LAST"#);
        let sql = "SELECT dept, sum(salary) AS s, count(*) AS n FROM pay WHERE id < 9 GROUP BY dept ORDER BY dept";
        insta::assert_snapshot!(hold(sql, false).await, @r#"SELECT t1."dept", CAST(SUM(CAST(t1."salary" AS numeric)) AS numeric(38,0)) AS "c2", CAST(COUNT(*) AS bigint) AS "c3", CAST(COUNT(DISTINCT CASE WHEN t1."salary" IS NOT NULL THEN t1."hidden" END) AS bigint) AS "c4" FROM "public"."pay" AS t1 WHERE t1."id" < CAST($1 AS bigint) GROUP BY t1."dept" ORDER BY t1."dept""#);
    });
}
