//! Two databases that differ only in hidden rows and masked cells give identical replies to every
//! statement, and pushdown changes none: held for generated statements on every kind of source, over
//! written worlds (`tests/support`) and over generated ones (`schema`).
//!
//! `CELOSIA_SEED` repeats a run, `CELOSIA_STATEMENTS` makes each of the two longer or shorter,
//! `CELOSIA_SCHEMAS` says how many schemas are generated. `just fuzz` runs long.

mod expr;
mod expressions;
mod found;
mod generate;
mod query;
mod schema;
mod subject;
mod trial;
mod words;

use crate::support::block_on;
use futures::StreamExt;
use std::collections::BTreeMap;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use subject::Subject;
use trial::{Tally, Trial, Verdict, part};

/// Statements over the fixed worlds.
const STATEMENTS: usize = 2_500;
/// Statements over generated schemas.
const GENERATED: usize = 3_000;
/// Generated schemas, spread over the kinds of sources.
const SCHEMAS: u64 = 12;
/// Statements that run at the same time; each runs in two or three worlds.
const AT_ONCE: usize = 3;
/// Failures of each part of a reply that are made smaller and shown.
const SHOWN: usize = 2;

#[test]
fn hidden_rows_and_masked_cells_change_no_reply() {
    let (seed, count) = (seed(), count(STATEMENTS));
    println!("CELOSIA_SEED={seed} CELOSIA_STATEMENTS={count}");
    let (failures, rows) = ask(seed, count, &subject::fixed(), 34);
    assert!(failures.is_empty(), "CELOSIA_SEED={seed}:\n\n{}", failures.join("\n\n"));
    assert!(rows * 100 >= count * 40, "CELOSIA_SEED={seed}: only {rows} of {count} gave rows");
}

/// One test, not one for each schema: the schemas are made and asked one after the other.
#[test]
fn nor_do_they_over_generated_schemas_and_policies() {
    let (seed, count) = (seed(), count(GENERATED));
    let schemas = number("CELOSIA_SCHEMAS").unwrap_or(SCHEMAS).max(1);
    println!("CELOSIA_SEED={seed} CELOSIA_STATEMENTS={count} CELOSIA_SCHEMAS={schemas}");
    let count = count.div_ceil(schemas as usize);
    let (mut all, mut asked, mut answered) = (Vec::new(), 0, 0);
    for seed in seed..seed + schemas {
        let Some(subject) = block_on(schema::subject(seed)) else { continue };
        let (failures, rows) = ask(seed, count, &[subject], 50);
        (asked, answered) = (asked + count, answered + rows);
        let again = format!("CELOSIA_SEED={seed} CELOSIA_STATEMENTS={count} CELOSIA_SCHEMAS=1");
        let failures = failures.into_iter().map(|failure| format!("{again}: {failure}"));
        all.extend(failures.inspect(|failure| println!("{failure}\n")));
    }
    assert!(all.is_empty(), "{}", all.join("\n\n"));
    // Values at the ends of their types are often too large to be computed with.
    assert!(answered * 100 >= asked * 33, "only {answered} of {asked} gave rows");
}

/// Differences over a bench of somebody else's, each statement asked with both of its engines.
#[cfg(feature = "ballista")]
pub(crate) fn wrong(bench: &'static crate::support::lab::Bench, most: usize) -> Vec<String> {
    let (seed, count) = (seed(), count(most));
    println!("CELOSIA_SEED={seed} CELOSIA_STATEMENTS={count}");
    let (mut failures, rows) = ask(seed, count, &subject::over(&[bench]), 100);
    if rows * 100 < count * 40 {
        failures.push(format!("only {rows} of {count} gave rows"));
    }
    failures
}

/// Asks `count` statements. Gives differences of every kind, each with a small statement, and how many
/// statements had rows.
fn ask(seed: u64, count: usize, subjects: &[Subject], across: usize) -> (Vec<String>, usize) {
    let started = Instant::now();
    let trials = (0..count).map(|number| Trial::new(seed, number, subjects, across).run());
    let verdicts: Vec<(Trial<'_>, Verdict)> =
        block_on(futures::stream::iter(trials).buffered(AT_ONCE).collect());
    let tally = Tally::of(verdicts.iter().map(|(_, verdict)| verdict));
    println!("{}: {tally:?} in {:.0} s", subjects[0].name, started.elapsed().as_secs_f64());
    let mut shown = Vec::new();
    let mut of_part: BTreeMap<&str, usize> = BTreeMap::new();
    for (trial, verdict) in &verdicts {
        let Verdict::Differs(how) = verdict else { continue };
        let seen = of_part.entry(part(how)).or_default();
        *seen += 1;
        if *seen <= SHOWN {
            shown.push(block_on(trial.smallest()));
        }
    }
    if tally.differ > 0 {
        shown.push(format!("{} of {count} statements differ", tally.differ));
    }
    (shown, tally.rows)
}

fn seed() -> u64 {
    number("CELOSIA_SEED").unwrap_or_else(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        since.as_nanos() as u64 % 1_000_000_000
    })
}

fn count(most: usize) -> usize {
    number("CELOSIA_STATEMENTS").map_or(most, |count| count as usize)
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {text}")))
}
