//! Joins across two sources: the same rows whether keys are sent or not, and few rows fetched.

use super::fixture::difference;
use crate::support::ask::{Said, ask};
use crate::support::lab::{cluster, parts, remote, scratch};
use crate::support::load::{self, Store};
use crate::support::world::{Cell, Table, columns, text, unless};
use crate::support::{block_on, policy};
use celosia::query::{Engine, Parts};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::Mutex;

const STATEMENTS: &str = include_str!("across.sql");

fn tables() -> Vec<Table> {
    let colour = |id: i64| text(["red", "green", "blue", "grey"][(id % 4) as usize]);
    let day = |id: i64| Cell::Time(format!("2024-{:02}-{:02}", id % 12 + 1, id % 28 + 1));
    let few = (0..60).map(|id| {
        let parent = unless(id % 5 == 0, Cell::Int(id / 7));
        vec![Cell::Int(id), text(format!("name {}", id % 9)), colour(id), parent, day(id)]
    });
    let middle = (0..9_000).map(|id| vec![Cell::Int(id), Cell::Int(id * 7 % 100)]);
    let many = (0..30_000).map(|id| {
        vec![
            Cell::Int(id),
            unless(id % 19 == 0, Cell::Int(id * 7 % 80)),
            Cell::Int(id * 11 % 12_000),
            Cell::Dec(format!("{}.{:02}", id * 13 % 99, id % 100)),
            text(format!("name {}", id % 400)),
            day(id * 3),
        ]
    });
    let few_columns = [
        ("id", "INTEGER"),
        ("name", "TEXT"),
        ("colour", "TEXT"),
        ("parent", "INTEGER"),
        ("since", "DATE"),
    ];
    let many_columns = [
        ("id", "INTEGER"),
        ("few_id", "BIGINT"),
        ("middle_id", "INTEGER"),
        ("price", "DECIMAL(15,2)"),
        ("colour", "TEXT"),
        ("sold", "DATE"),
    ];
    vec![
        Table { name: "few", columns: columns(&few_columns), rows: few.collect() },
        Table {
            name: "middle",
            columns: columns(&[("id", "INTEGER"), ("weight", "INTEGER")]),
            rows: middle.collect(),
        },
        Table { name: "many", columns: columns(&many_columns), rows: many.collect() },
    ]
}

/// Where the tables are; they are loaded when a store is first asked for.
async fn url(store: Store) -> Option<String> {
    static LOADED: Mutex<BTreeMap<String, String>> = Mutex::const_new(BTreeMap::new());
    let mut loaded = LOADED.lock().await;
    let name = format!("{store:?}");
    if let Some(url) = loaded.get(&name) {
        return Some(url.clone());
    }
    let script = load::script(store, &tables());
    let url = match store {
        Store::Sqlite => {
            let file = scratch().join("across.db");
            load::sqlite(&file, script).await;
            file.display().to_string()
        }
        Store::Postgres => load::postgres(cluster()?, &script),
        Store::SqlServer => load::sqlserver(cluster()?, &script).await,
        Store::Oracle => load::oracle(cluster()?, &script).await,
    };
    loaded.insert(name, url.clone());
    Some(url)
}

/// Engines with and without pushdown over two stores.
pub(super) async fn engines(left: Store, right: Store) -> Option<(Engine, Engine)> {
    let (left, right) = (remote(left, &url(left).await?), remote(right, &url(right).await?));
    let engine = async |pushdown| {
        let sources = [("left_side".into(), left.clone()), ("right_side".into(), right.clone())];
        let mut parts = parts(sources.into()).await;
        let open = "roles: {all: {open: [{tables: \"*.*.*\"}]}}";
        parts.rules = policy::rules_of(open, "");
        parts.limits.time = Duration::from_secs(120);
        Engine::new(Parts { pushdown, ..parts }).expect("an engine")
    };
    Some((engine(true).await, engine(false).await))
}

fn same_rows(left: Store, right: Store) {
    let Some((pushed, local)) = block_on(engines(left, right)) else { return };
    let who = policy::named("ana", &["all"]);
    let mut failures = Vec::new();
    for sql in STATEMENTS.lines().filter(|line| !line.starts_with("--")) {
        let (a, b) =
            block_on(async { (ask(&pushed, &who, sql).await, ask(&local, &who, sql).await) });
        if a.ordered() != b.ordered() || b.error().is_some() {
            let difference = difference(&a.ordered(), &b.ordered());
            failures.push(format!("{sql}\n{}\n{}\n{difference}", a.sources, b.head));
        }
    }
    assert!(failures.is_empty(), "{left:?} and {right:?}:\n{}", failures.join("\n\n"));
}

#[test]
fn sqlite_and_postgres_are_joined() {
    same_rows(Store::Sqlite, Store::Postgres);
}

#[test]
fn postgres_and_sqlite_are_joined() {
    same_rows(Store::Postgres, Store::Sqlite);
}

#[test]
fn sql_server_and_oracle_are_joined() {
    same_rows(Store::SqlServer, Store::Oracle);
}

fn rows_read(said: &Said) -> Vec<u64> {
    let sources = said.sources.as_array().cloned().unwrap_or_default();
    sources.iter().map(|source| source["rows"].as_u64().unwrap_or(0)).collect()
}

#[test]
fn no_more_rows_are_fetched_than_have_a_key() {
    let Some((pushed, _)) = block_on(engines(Store::Sqlite, Store::Postgres)) else { return };
    let who = policy::named("ana", &["all"]);
    let read = |sql: &str| {
        let said = block_on(ask(&pushed, &who, sql));
        assert_eq!(said.error(), None, "{sql}: {}", said.everything());
        rows_read(&said)
    };
    let join = "FROM left_side.few f JOIN right_side.many m ON m.few_id = f.id";
    // Three keys of one side; 30,000 / 80 rows have each, but for those without a key.
    let few = read(&format!("SELECT f.id, m.id {join} WHERE f.colour = 'red' AND f.id < 12"));
    assert_eq!(few[0], 3);
    assert!(few[1] > 1_000 && few[1] <= 3 * 375, "{few:?}");
    // No key, no question.
    assert_eq!(read(&format!("SELECT f.id, m.id {join} WHERE f.colour = 'mauve'")), [0]);
    // The wrong side is tried first where it promises more; it is given up after its first rows.
    let turned = read(
        "SELECT a.id, b.name FROM left_side.many a JOIN right_side.few b ON a.few_id = b.id \
         WHERE a.price > 0 LIMIT 1000",
    );
    assert_eq!(turned.len(), 3, "{turned:?}");
    assert!(turned[0] > 10_000 && turned[0] < 20_000 && turned[1] == 60, "{turned:?}");
}
