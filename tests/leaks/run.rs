//! One case against all engines of a bench: the worlds agree, pushdown changes nothing, no secret shows.

use super::case::{Case, Pushdown};
use crate::support::ask::{Said, differing, tool};
use crate::support::lab::Bench;
use crate::support::load::Store;
use crate::support::world::World;
use crate::support::{block_on, policy, secret};
use futures::StreamExt;
use serde_json::Value as Json;

/// What came of some cases.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Replies that were looked at.
    pub runs: usize,
    /// What was wrong, under the names of the cases.
    pub failures: Vec<String>,
}

/// Cases that run at the same time.
const AT_ONCE: usize = 4;

/// Runs every case on a bench.
pub fn all(bench: &Bench, cases: &[Case]) -> Outcome {
    let checked =
        futures::stream::iter(cases).map(|case| Box::pin(check(bench, case))).buffered(AT_ONCE);
    let outcomes: Vec<Outcome> = block_on(checked.collect());
    outcomes.into_iter().fold(Outcome::default(), |mut all, one| {
        all.runs += one.runs;
        all.failures.extend(one.failures);
        all
    })
}

async fn check(bench: &Bench, case: &Case) -> Outcome {
    let ask = |world, pushdown| ask(bench, case, world, pushdown);
    let (a, b) = futures::join!(ask(World::A, true), ask(World::B, true));
    let mut complaints = Vec::new();
    same(&mut complaints, "the worlds differ", &a.everything(), &b.everything());
    let mut replies = vec![a, b];
    // Without pushdown a matrix is the same statement on rows of another origin: once is enough.
    if !case.expanded || bench.store == Store::Sqlite {
        let (a_off, b_off) = futures::join!(ask(World::A, false), ask(World::B, false));
        let what = "the worlds differ without pushdown";
        same(&mut complaints, what, &a_off.everything(), &b_off.everything());
        let a = &replies[0];
        if case.pushdown == Pushdown::Same {
            let what = "pushdown changes the reply";
            same(&mut complaints, what, &a_off.unordered(), &a.unordered());
            if ordered(case) {
                let what = "pushdown changes the order";
                same(&mut complaints, what, &a_off.ordered(), &a.ordered());
            }
        }
        replies.extend([a_off, b_off]);
    }
    let mut runs = replies.len();
    // Nothing of what these callers see is missing in world C.
    if !case.expanded && matches!(case.who.as_str(), "" | "analyst" | "nobody") {
        let c = without_version(ask(World::C, true).await);
        let a = without_version(replies[0].clone());
        same(&mut complaints, "hidden is not absent", &a.everything(), &c.everything());
        runs += 1;
    }
    for said in &replies {
        complaints.extend(expected(bench, case, said));
    }
    complaints.dedup();
    let failures = complaints
        .into_iter()
        .take(2)
        .map(|complaint| format!("[{:?}] {}: {complaint}\n  {}", bench.store, case.name, case.sql))
        .collect();
    Outcome { runs, failures }
}

async fn ask(bench: &Bench, case: &Case, world: World, pushdown: bool) -> Said {
    let argument = case.sql.replace("{schema}", bench.store.schema());
    let who = policy::principal(&case.who);
    tool(bench.engine(world, pushdown), &who, &case.tool, &argument).await
}

/// What the case itself expects of each reply, and what every reply must be free of.
fn expected(bench: &Bench, case: &Case, said: &Said) -> Vec<String> {
    let mut complaints = Vec::new();
    let all = said.everything();
    if !case.raw {
        let found = secret::found(&all);
        if !found.is_empty() {
            complaints.push(format!("the reply holds {found:?}:\n{}", cut(&all)));
        }
    }
    for word in &case.absent {
        let word = word.replace("{schema}", bench.store.schema());
        let answer = all.replace(&case.sql, "");
        if !case.sql.contains(&word) && answer.contains(&word) {
            complaints.push(format!("the reply holds {word:?}:\n{}", cut(&all)));
        }
    }
    let wanted = case.error.as_deref();
    let must_answer = case.ok || case.rows.is_some();
    if (wanted.is_some() && said.error() != wanted) || (must_answer && said.error().is_some()) {
        complaints.push(format!("expected {wanted:?}, got {}", cut(&all)));
    } else if said.error() == Some("internal") {
        complaints.push(format!("an error of ours: {}", cut(&all)));
    }
    if let (Some(rows), None) = (&case.rows, said.error())
        && !alike(rows, &said.rows, ordered(case))
    {
        let found = cut(&Json::from(said.rows.clone()).to_string());
        complaints.push(format!("expected rows {}, got {found}", Json::from(rows.clone())));
    }
    complaints
}

/// Whether the statement orders its rows: it has an ORDER BY outside all parentheses.
fn ordered(case: &Case) -> bool {
    let mut depth = 0_usize;
    case.sql.char_indices().any(|(at, c)| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && case.sql[at..].starts_with("ORDER BY")
    })
}

/// Enough of a reply to see what it is.
fn cut(text: &str) -> String {
    text.chars().take(1_200).collect()
}

fn alike(expected: &[Json], found: &[Json], ordered: bool) -> bool {
    if ordered {
        return expected == found;
    }
    let sorted = |rows: &[Json]| {
        let mut rows: Vec<String> = rows.iter().map(Json::to_string).collect();
        rows.sort();
        rows
    };
    sorted(expected) == sorted(found)
}

fn same(complaints: &mut Vec<String>, what: &str, one: &str, other: &str) {
    if one != other {
        complaints.push(format!("{what}:\n{}", differing(one, other)));
    }
}

/// The version of the catalog is the version of everything in it.
fn without_version(mut said: Said) -> Said {
    if let Some(receipt) = said.receipt.as_object_mut() {
        receipt.shift_remove("catalog_version");
    }
    said
}
