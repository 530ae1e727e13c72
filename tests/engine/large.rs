//! Joins that are larger than memory: the answers are those of joins that are not, and nothing stays on disk.

use crate::mcp::eventually;
use crate::support::ask::{Said, ask};
use crate::support::lab::{limits, parts, scratch, sqlite};
use crate::support::load;
use crate::support::policy::rules_of;
use crate::support::{block_on, policy};
use celosia::query::{Engine, Limits, Parts};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Keys that are there once, several times, many times, and not at all.
const ORDERS: &str =
    "CREATE TABLE orders (id INTEGER NOT NULL, customer INTEGER, region TEXT, pad TEXT NOT NULL);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 160000)
    INSERT INTO orders SELECT i, CASE WHEN i % 101 = 0 THEN NULL ELSE i * 7 % 150000 END,
      CASE i % 4 WHEN 0 THEN NULL ELSE 'region ' || (i % 1000) END, printf('%060d', i) FROM n;
    CREATE TABLE customers (id INTEGER, region TEXT, name TEXT NOT NULL);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 160000)
    INSERT INTO customers SELECT CASE WHEN i % 97 = 0 THEN NULL ELSE i * 11 % 200000 END,
      CASE i % 500 WHEN 0 THEN NULL ELSE 'region ' || (i % 1500) END, printf('%060d', i) FROM n;
";
const JOINS: &[&str] = &[
    "SELECT count(*) AS n, sum(o.id) AS s, min(o.pad) AS a, max(c.name) AS b FROM orders o JOIN customers c ON o.customer = c.id",
    "SELECT count(*) AS n, count(c.id) AS k, sum(o.id) AS s, max(c.name) AS b, max(o.pad) AS p \
     FROM orders o LEFT JOIN customers c ON o.customer = c.id AND o.id % 3 = length(c.name) % 3",
    "SELECT count(*) AS n, count(o.id) AS k, max(o.pad) AS a, max(c.name) AS b FROM orders o FULL JOIN customers c ON o.customer = c.id",
    "SELECT count(*) AS n, max(o.pad) AS p FROM orders o WHERE EXISTS (SELECT 1 FROM customers c WHERE c.id = o.customer AND c.name > o.pad)",
    "SELECT count(*) AS n, max(o.pad) AS p FROM orders o WHERE NOT EXISTS (SELECT 1 FROM customers c WHERE c.id = o.customer)",
    "SELECT count(*) AS n, max(o.pad) AS p, max(c.name) AS q FROM orders o JOIN customers c ON (o.region IS NOT DISTINCT FROM c.region) AND o.customer = c.id",
    "SELECT o.id, o.pad, c.name FROM orders o JOIN customers c ON o.customer = c.id ORDER BY o.id DESC, c.name LIMIT 7",
    "SELECT o.region, count(*) AS n, max(p.pad || c.name) AS x FROM orders o JOIN customers c ON o.customer = c.id \
     JOIN orders p ON p.id = o.id GROUP BY o.region ORDER BY n DESC, o.region LIMIT 9",
];

/// Nothing is done at the source, in so much memory and on so much disk.
async fn engine(memory: usize, spill: u64) -> Engine {
    let file = scratch().join("large.db");
    let rules = rules_of("roles: {all: {open: [{tables: \"*.*.*\"}]}}", "");
    let limits = Limits { memory, spill, ..limits() };
    let parts = parts(vec![("shop".into(), sqlite(&file))]).await;
    Engine::new(Parts { rules, limits, pushdown: false, ..parts }).expect("an engine")
}

/// Less than either side of a join needs.
const SMALL: usize = 12 << 20;

/// The directories of this process's engines.
fn directories() -> HashSet<PathBuf> {
    let prefix = format!("celosia-spill-{}-", std::process::id());
    let ours = std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
    let ours = ours.filter(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.starts_with(&prefix) && !name.ends_with(".lock")
    });
    ours.map(|entry| entry.path()).collect()
}

/// Files below a directory of an engine, which has one directory for all of them.
fn files(directory: &Path) -> usize {
    let all = |path: &Path| std::fs::read_dir(path).into_iter().flatten().flatten();
    all(directory).flat_map(|made| all(&made.path())).count()
}

#[test]
fn joins_that_do_not_fit_into_memory_go_to_files() {
    block_on(async {
        load::sqlite(&scratch().join("large.db"), ORDERS.into()).await;
        let who = policy::named("ana", &["all"]);
        let (large, no_disk) = (engine(256 << 20, 0).await, engine(SMALL, 0).await);
        let others = directories();
        let small = engine(SMALL, 1 << 30).await;
        let own: Vec<PathBuf> = directories().difference(&others).cloned().collect();
        assert!(!own.is_empty());
        for sql in JOINS {
            let (right, said) = (ask(&large, &who, sql).await, ask(&small, &who, sql).await);
            assert_eq!(right.error(), None, "{sql}: {}", right.everything());
            assert_eq!(said.error(), None, "{sql}: {}", said.everything());
            assert_eq!(said.ordered(), right.ordered(), "{sql}");
            // It was begun in memory.
            let asked = |said: &Said| said.sources.as_array().map_or(0, Vec::len);
            assert!(asked(&said) > asked(&right), "{sql}: {}", said.sources);
        }
        let without = ask(&no_disk, &who, JOINS[0]).await;
        assert_eq!(without.error(), Some("resource_limit"), "{}", without.everything());
        // Another test's engine may have been made at the same time.
        eventually("no file is left", || own.iter().all(|own| files(own) == 0).then_some(()));
        drop(small);
        assert!(own.iter().any(|own| !own.exists()));
    });
}
