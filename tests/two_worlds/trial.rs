//! One generated statement: asked in both worlds and both ways, and made smaller where replies differ.

use super::generate::Generator;
use super::query::Query;
use super::subject::Subject;
use crate::support::ask::{Said, differing};
use crate::support::rng::Rng;
use crate::support::world::World;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A generated statement and where it is asked.
#[derive(Debug)]
pub struct Trial<'a> {
    /// Its number in the run.
    pub number: usize,
    subject: &'a Subject,
    pushdown: bool,
    /// Also compared with the other setting of pushdown.
    across: bool,
    query: Query,
}

/// What a trial gave.
#[derive(Debug)]
pub enum Verdict {
    /// Rows.
    Rows,
    /// An answer without rows.
    Empty,
    /// The same error twice; its code.
    Error(String),
    /// A difference.
    Differs(String),
}

impl<'a> Trial<'a> {
    /// The statement `number` of a run; `across` of a hundred are also compared without pushdown.
    pub fn new(seed: u64, number: usize, subjects: &'a [Subject], across: usize) -> Self {
        let mut rng = Rng::new(seed ^ (number as u64).wrapping_mul(0xd134_2543_de82_ef95));
        let across = rng.chance(across);
        let subject = &subjects[number % subjects.len()];
        let query = Generator::new(rng.next(), &subject.words).statement();
        let pushdown = (number / subjects.len()).is_multiple_of(2);
        Self { number, subject, pushdown, across, query }
    }

    /// What the whole statement gives.
    pub async fn run(self) -> (Self, Verdict) {
        let verdict = self.verdict(&self.query).await;
        (self, verdict)
    }

    async fn verdict(&self, query: &Query) -> Verdict {
        let sql = query.to_string();
        let ask = |world, pushdown| self.subject.ask(world, pushdown, &sql);
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
    pub async fn smallest(&self) -> String {
        const ATTEMPTS: usize = 300;
        // A statement that differs by its time takes its time at every attempt.
        const ENOUGH: Duration = Duration::from_secs(120);
        let started = Instant::now();
        let mut query = self.query.clone();
        let mut attempts = 0;
        'shrinking: loop {
            for smaller in query.smaller() {
                attempts += 1;
                if attempts > ATTEMPTS || started.elapsed() > ENOUGH {
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
        let sent = self.subject.sent(&query.to_string()).await;
        format!(
            "statement {} on {}, pushdown {}, as {}\n  was: {}\n  now: {query}\n{difference}\n  sent: {sent}\n{}",
            self.number,
            self.subject.name,
            self.pushdown,
            self.subject.who.user(),
            self.query,
            self.subject.description
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
pub struct Tally {
    /// With rows.
    pub rows: usize,
    /// Without.
    pub empty: usize,
    /// Differently in two worlds or two ways.
    pub differ: usize,
    /// With errors, by code.
    pub errors: BTreeMap<String, usize>,
    /// The parts of the replies that differ.
    pub parts: BTreeMap<String, usize>,
}

impl Tally {
    /// Of these.
    pub fn of<'a>(verdicts: impl IntoIterator<Item = &'a Verdict>) -> Self {
        let mut tally = Self::default();
        for verdict in verdicts {
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
pub fn part(difference: &str) -> &str {
    difference.split(',').next().unwrap_or_default()
}
