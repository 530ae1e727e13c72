//! What is cut off for a source, node by node: the plan that the engine would run by itself, the one it runs,
//! and what the source is sent (`tests/pushdown/statements.sql` compares the rows).

mod apart;
mod joins;
mod levels;

use super::fixture::pair;
use crate::support::ask::tool;
use crate::support::load::Store;
use crate::support::{block_on, policy};
use celosia::model::Principal;
use celosia::query::Engine;

/// Both plans of a statement over PostgreSQL.
fn shown(sql: &str) -> Option<String> {
    let pair = block_on(pair(Store::Postgres))?;
    let who = policy::named("ana", &["all"]);
    Some(both(&pair.pushed, &pair.local, &who, sql))
}

fn both(pushed: &Engine, local: &Engine, who: &Principal, sql: &str) -> String {
    let explain = |engine| block_on(tool(engine, who, "explain", sql));
    let (before, after) = (explain(local), explain(pushed));
    assert_eq!((before.error(), after.error()), (None, None), "{}", after.everything());
    let sources = after.sources.as_array().cloned().unwrap_or_default();
    let sent: Vec<String> = sources
        .iter()
        .map(|source| {
            let text = |key: &str| source[key].as_str().unwrap_or_default().to_string();
            format!("{}: {}", text("name"), text("sql"))
        })
        .collect();
    format!(
        "before\n{}\nafter\n{}\n{}",
        before.text.trim_end(),
        after.text.trim_end(),
        sent.join("\n")
    )
}
