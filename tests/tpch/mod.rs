//! TPC-H: the 22 questions over every store give the answer of the engine, and PostgreSQL is sent one
//! statement for each.

mod data;

use crate::pushdown::fixture::{Pair, difference, engines};
use crate::support::block_on;
use crate::support::load::Store;

const QUERIES: &str = include_str!("queries.sql");

/// Questions whose last step is a quotient of sums: a division by zero is an error of the engine, so the
/// division is the engine's, over the rows of one statement.
const DIVIDED: [&str; 3] = ["8", "14", "17"];
const DIVISION: &str = "projection runs here: / is not on the list of postgres";

/// Name and text of each question.
pub(crate) fn queries() -> Vec<(&'static str, String)> {
    let blocks = QUERIES.split("\n-- Q").skip(1).filter_map(|block| block.split_once('\n'));
    let queries: Vec<_> = blocks.map(|(name, sql)| (name, sql.trim().replace('\n', " "))).collect();
    assert_eq!(queries.len(), 22);
    queries
}

fn pair(store: Store, scale: f64) -> Option<Pair> {
    block_on(engines(store, "tpch", &data::tables(scale)))
}

/// The questions whose answer differs with pushdown, and how.
fn failures(store: Store, scale: f64) -> Vec<String> {
    let Some(pair) = pair(store, scale) else { return Vec::new() };
    let (mut failures, mut answered) = (Vec::new(), 0);
    for (name, sql) in queries() {
        let (pushed, local) = block_on(pair.ask(&sql));
        answered += usize::from(!local.rows.is_empty());
        if pushed.ordered() != local.ordered() || local.error().is_some() {
            let difference = difference(&pushed.ordered(), &local.ordered());
            failures.push(format!("{store:?} Q{name}: {}\n{difference}", pushed.sources));
        }
    }
    assert!(answered >= 18, "only {answered} of 22 have rows");
    failures
}

#[test]
fn postgres_gives_the_local_answers_in_one_statement_each() {
    let failures = failures(Store::Postgres, 0.01);
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    let Some(pair) = pair(Store::Postgres, 0.01) else { return };
    let mut parts = Vec::new();
    for (name, sql) in queries() {
        let plan = block_on(pair.plan(&sql));
        let statements = plan.iter().filter(|line| line.starts_with("GovernedScan")).count();
        let divides = plan.iter().any(|line| line.ends_with(DIVISION));
        let whole = plan[0].starts_with("GovernedScan");
        if statements != 1 || divides != DIVIDED.contains(&name) || whole == divides {
            parts.push(format!("Q{name}:\n{}", plan.join("\n")));
        }
    }
    assert!(parts.is_empty(), "{} of 22:\n{}", parts.len(), parts.join("\n\n"));
}

#[test]
fn sqlite_gives_the_local_answers() {
    let failures = failures(Store::Sqlite, 0.01);
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn sql_server_gives_the_local_answers() {
    let failures = failures(Store::SqlServer, 0.002);
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn oracle_gives_the_local_answers() {
    let failures = failures(Store::Oracle, 0.002);
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
