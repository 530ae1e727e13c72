//! What the sources are sent, what a plan looks like, what is explained.

use crate::support::ask::{ask, tool};
use crate::support::lab::{Bench, benches};
use crate::support::load::Store;
use crate::support::world::World;
use crate::support::{block_on, policy};

/// The bench of a store, if it is here.
fn bench(store: Store) -> Option<&'static Bench> {
    benches().into_iter().find(|bench| bench.store == store)
}

/// The SQL that the sources are sent for a statement, one per line.
fn sent(store: Store, who: &celosia::model::Principal, sql: &str) -> Option<String> {
    let said = block_on(ask(bench(store)?.engine(World::A, true), who, sql));
    assert_eq!(said.error(), None, "{sql}: {}", said.everything());
    let sources = said.sources.as_array().cloned().unwrap_or_default();
    let lines = sources.iter().map(|source| {
        format!(
            "{}: {}",
            source["name"].as_str().unwrap_or_default(),
            source["sql"].as_str().unwrap_or_default()
        )
    });
    Some(lines.collect::<Vec<_>>().join("\n"))
}

const MASKED: &str = "SELECT id, email, phone, salary, born, badge FROM people \
                      WHERE region = 'EU' AND email LIKE '***@corp%' ORDER BY id LIMIT 3";

#[test]
fn the_sql_of_a_masked_and_filtered_table_in_sqlite() {
    let sql = sent(Store::Sqlite, &policy::analyst(), MASKED).expect("SQLite is always here");
    insta::assert_snapshot!(sql, @"");
}

#[test]
fn the_sql_of_a_masked_and_filtered_table_in_postgres() {
    let Some(sql) = sent(Store::Postgres, &policy::analyst(), MASKED) else { return };
    insta::assert_snapshot!(sql, @"");
}

#[test]
fn the_sql_of_cells_that_one_of_two_roles_opens() {
    let sql = sent(
        Store::Sqlite,
        &policy::both(),
        "SELECT id, name, nickname FROM people WHERE score > 80",
    );
    insta::assert_snapshot!(sql.expect("SQLite is always here"), @"");
    let Some(sql) = sent(
        Store::Postgres,
        &policy::both(),
        "SELECT id, name, nickname FROM people WHERE score > 80",
    ) else {
        return;
    };
    insta::assert_snapshot!(sql, @"");
}

#[test]
fn an_expression_that_can_fail_stays_here() {
    let sql = sent(
        Store::Sqlite,
        &policy::analyst(),
        "SELECT id FROM people WHERE 1 / (id - 3) < 5 AND region = 'EU'",
    );
    insta::assert_snapshot!(sql.expect("SQLite is always here"), @"");
}

#[test]
fn an_explanation() {
    let engine = bench(Store::Sqlite).expect("SQLite is always here").engine(World::A, true);
    let sql = "SELECT p.region, count(*) AS n, max(p.salary) AS s FROM people p JOIN orders o ON o.person_id = p.id \
               WHERE o.status = 'paid' GROUP BY p.region";
    let said = block_on(tool(engine, &policy::analyst(), "explain", sql));
    insta::assert_snapshot!(said.text, @"");
    insta::assert_snapshot!(serde_json::to_string_pretty(&said.head).expect("json"), @"");
}

#[test]
fn a_description() {
    let engine = bench(Store::Sqlite).expect("SQLite is always here").engine(World::A, true);
    let said = block_on(tool(engine, &policy::analyst(), "describe", "orders"));
    insta::assert_snapshot!(said.text, @"");
}
