//! Two databases that differ only in hidden rows and masked cells give identical replies to every
//! statement: held for generated statements, with and without pushdown, on every kind of source.
//!
//! `CELOSIA_SEED` repeats a run, `CELOSIA_STATEMENTS` makes it longer or shorter.

mod expr;
mod expressions;
mod generate;
mod query;
mod words;

use crate::support::ask::{Said, ask, differing};
use crate::support::lab::{Bench, benches};
use crate::support::rng::Rng;
use crate::support::world::World;
use crate::support::{block_on, policy};
use celosia::model::Principal;
use futures::StreamExt;
use generate::Generator;
use query::Query;
use std::collections::BTreeMap;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Statements of one run.
const STATEMENTS: usize = 5_000;
/// Statements that run at the same time; each runs in two or three worlds.
const AT_ONCE: usize = 3;
/// Failures of each part of a reply that are made smaller and shown.
const SHOWN: usize = 2;

/// A generated statement and where it is asked.
struct Trial {
    number: usize,
    bench: &'static Bench,
    pushdown: bool,
    /// Also compared with the other setting of pushdown.
    across: bool,
    who: Principal,
    query: Query,
}

/// What a trial gave.
enum Verdict {
    /// Rows.
    Rows,
    /// An answer without rows.
    Empty,
    /// The same error twice; its code.
    Error(String),
    /// A difference.
    Differs(String),
}

#[test]
fn hidden_rows_and_masked_cells_change_no_reply() {
    let seed = number("CELOSIA_SEED").unwrap_or_else(now);
    let count = number("CELOSIA_STATEMENTS").map_or(STATEMENTS, |count| count as usize);
    println!("CELOSIA_SEED={seed} CELOSIA_STATEMENTS={count}");
    let started = Instant::now();
    let benches = benches();
    let trials = (0..count).map(|number| trial(seed, number, &benches));
    let verdicts: Vec<(Trial, Verdict)> = block_on(
        futures::stream::iter(trials)
            .map(|trial| async {
                let verdict = trial.verdict(&trial.query).await;
                (trial, verdict)
            })
            .buffered(AT_ONCE)
            .collect(),
    );
    let tally = Tally::of(&verdicts);
    println!("{tally:?} in {:.0} s", started.elapsed().as_secs_f64());
    let mut failures = Vec::new();
    let mut shown = Vec::new();
    let mut of_part: BTreeMap<&str, usize> = BTreeMap::new();
    for (trial, verdict) in &verdicts {
        let Verdict::Differs(how) = verdict else { continue };
        failures.push(trial.number);
        let seen = of_part.entry(part(how)).or_default();
        *seen += 1;
        if *seen <= SHOWN {
            shown.push(block_on(trial.smallest()));
        }
    }
    assert!(
        failures.is_empty(),
        "CELOSIA_SEED={seed}: {} of {count} statements differ:\n\n{}",
        failures.len(),
        shown.join("\n\n")
    );
    assert!(
        tally.rows * 100 >= count * 40,
        "CELOSIA_SEED={seed}: only {} of {count} statements gave rows: {tally:?}",
        tally.rows
    );
}

/// The statement `number` of a run.
fn trial(seed: u64, number: usize, benches: &[&'static Bench]) -> Trial {
    let mut rng = Rng::new(seed ^ (number as u64).wrapping_mul(0xd134_2543_de82_ef95));
    let nicknames = rng.chance(30);
    let across = rng.chance(34);
    let query = Generator::new(rng.next(), nicknames).statement();
    Trial {
        number,
        bench: benches[number % benches.len()],
        pushdown: (number / benches.len()).is_multiple_of(2),
        across,
        who: if nicknames { policy::both() } else { policy::analyst() },
        query,
    }
}

impl Trial {
    async fn verdict(&self, query: &Query) -> Verdict {
        let sql = query.to_string();
        let ask = |world, pushdown| ask(self.bench.engine(world, pushdown), &self.who, &sql);
        let other = async {
            match self.across {
                true => Some(ask(World::A, !self.pushdown).await),
                false => None,
            }
        };
        let (a, b, other) =
            futures::join!(ask(World::A, self.pushdown), ask(World::B, self.pushdown), other);
        if a.everything() != b.everything() {
            return Verdict::Differs(difference("world A", &a, "world B", &b));
        }
        if let Some(other) = other
            && !agree(query, &a, &other)
        {
            return Verdict::Differs(difference("one pushdown", &a, "the other", &other));
        }
        match a.error() {
            Some("internal") => Verdict::Differs(format!("an error of ours, {}", a.text)),
            Some(code) => Verdict::Error(code.to_string()),
            None if a.rows.is_empty() => Verdict::Empty,
            None => Verdict::Rows,
        }
    }

    /// The failure, with its statement made as small as it goes.
    async fn smallest(&self) -> String {
        const ATTEMPTS: usize = 300;
        let mut query = self.query.clone();
        let mut attempts = 0;
        'shrinking: loop {
            for smaller in query.smaller() {
                attempts += 1;
                if attempts > ATTEMPTS {
                    break 'shrinking;
                }
                if matches!(self.verdict(&smaller).await, Verdict::Differs(_)) {
                    query = smaller;
                    continue 'shrinking;
                }
            }
            break;
        }
        let difference = match self.verdict(&query).await {
            Verdict::Differs(difference) => difference,
            _ => "(the smaller statement does not fail every time)".into(),
        };
        format!(
            "statement {} on {:?}, pushdown {}, as {}\n  was: {}\n  now: {query}\n{difference}",
            self.number,
            self.bench.store,
            self.pushdown,
            self.who.user(),
            self.query
        )
    }
}

/// Whether pushdown changed nothing that SQL defines. An expression that is not needed may or may not
/// be computed, so an error of evaluation may come with one setting only.
fn agree(query: &Query, one: &Said, other: &Said) -> bool {
    let raised = |said: &Said| said.error() == Some("evaluation");
    if raised(one) || raised(other) || !query.is_determined() {
        return true;
    }
    // Which rows come before the server's limit is not defined without an order.
    let cut = |said: &Said| said.head["truncated"] == true;
    if query.order.is_none() && cut(one) && cut(other) {
        return one.head["columns"] == other.head["columns"];
    }
    if query.order.is_some() {
        one.ordered() == other.ordered()
    } else {
        one.unordered() == other.unordered()
    }
}

fn difference(first: &str, one: &Said, second: &str, other: &Said) -> String {
    let part = one.part_that_differs(other);
    let lines = differing(&one.everything(), &other.everything());
    format!("{part}, between {first} (-) and {second} (+):\n{lines}")
}

/// How many statements ended how.
#[derive(Debug, Default)]
struct Tally {
    rows: usize,
    empty: usize,
    differ: usize,
    #[allow(dead_code, reason = "it is printed")]
    errors: BTreeMap<String, usize>,
    #[allow(dead_code, reason = "it is printed")]
    parts: BTreeMap<String, usize>,
}

impl Tally {
    fn of(verdicts: &[(Trial, Verdict)]) -> Self {
        let mut tally = Self::default();
        for (_, verdict) in verdicts {
            match verdict {
                Verdict::Rows => tally.rows += 1,
                Verdict::Empty => tally.empty += 1,
                Verdict::Differs(how) => {
                    tally.differ += 1;
                    *tally.parts.entry(part(how).to_string()).or_default() += 1;
                }
                Verdict::Error(code) => *tally.errors.entry(code.clone()).or_default() += 1,
            }
        }
        tally
    }
}

/// The part of the reply that a difference begins with.
fn part(difference: &str) -> &str {
    difference.split(',').next().unwrap_or_default()
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {text}")))
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    since.as_nanos() as u64 % 1_000_000_000
}
