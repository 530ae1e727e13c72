//! Whole statements over every store: the same rows with and without pushdown.

use super::fixture::{difference, pair};
use crate::support::block_on;
use crate::support::load::Store;
use std::collections::BTreeMap;

const STORES: [Store; 4] = [Store::Sqlite, Store::Postgres, Store::SqlServer, Store::Oracle];

/// Statements, one to a line.
const STATEMENTS: &str = include_str!("statements.sql");

#[test]
fn whole_statements_give_the_local_answer() {
    let mut failures = Vec::new();
    let (mut count, mut whole) = (0, BTreeMap::<String, usize>::new());
    for store in STORES {
        let Some(pair) = block_on(pair(store)) else { continue };
        for sql in STATEMENTS.lines().filter(|line| !line.is_empty() && !line.starts_with("--")) {
            count += 1;
            let (pushed, local) = block_on(pair.ask(sql));
            let kept = block_on(pair.stays_here(sql));
            *whole.entry(format!("{store:?}")).or_default() += usize::from(kept.is_empty());
            for line in kept.iter().filter(|line| line.contains("runs here")) {
                println!("{store:?}: {sql}\n    {line}");
            }
            let outermost = |word| sql.rfind(word) > sql.rfind(')').or(Some(0));
            let ordered = outermost("ORDER BY");
            let same = match ordered {
                true => pushed.ordered() == local.ordered(),
                false => pushed.unordered() == local.unordered(),
            };
            if !same || local.error().is_some() {
                failures.push(format!(
                    "{store:?}: {sql}\n  {}\n{}",
                    block_on(pair.sent(sql)),
                    difference(&pushed.ordered(), &local.ordered())
                ));
            }
        }
    }
    println!("{count} statements; those that are one statement there: {whole:?}");
    assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures.join("\n\n"));
}
