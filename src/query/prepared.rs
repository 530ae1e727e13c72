//! Plans that are kept for the next time the same caller asks the same question.
//!
//! A kept plan lives in its caller's [`View`](super::session::View), which stands for one principal, one
//! policy and one catalog: a change of any of them starts afresh, and no plan is ever shared.

use super::caution::Watched;
use super::digests::Digests;
use super::inspect::Effects;
use super::request::Parameters;
use crate::model::{ColumnInfo, Lineage, TableRef, Warning};
use crate::telemetry;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The longest statement whose plan is kept.
const MAX_TEXT: usize = 8 * 1024;
/// Plans kept for one caller.
const MAX_PLANS: u64 = 256;
/// Words that give another value each time: what holds one is planned anew.
const VOLATILE: &[&str] = &[
    "now",
    "current_date",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "random",
    "today",
    // What is translated to one of these.
    "curdate",
    "getdate",
    "getutcdate",
    "newid",
    "rand",
    "sysdate",
    "sysdatetime",
    "systimestamp",
    "sysutcdatetime",
    "unix_timestamp",
    "utc_date",
    "utc_timestamp",
    // Of SQLite, which says `'now'`.
    "datetime",
    "julianday",
    "strftime",
    "unixepoch",
];

/// A governed plan and what is known of its statement.
#[must_use]
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    /// The statement without literals, for the audit.
    pub(super) normalized: String,
    /// Its short hash.
    pub(super) fingerprint: String,
    /// The digests of its values; those of a template are the statement's own.
    pub(super) digests: Digests,
    /// The tables it reads.
    pub(super) references: BTreeSet<TableRef>,
    /// The answer's columns.
    pub(super) columns: Vec<ColumnInfo>,
    /// Where they come from.
    pub(super) lineage: Vec<Lineage>,
    /// How the answer may be misread.
    pub(super) warnings: Vec<Warning>,
    /// And where its rows are such.
    pub(super) watched: Option<Watched>,
    /// The optimised plan; of a template, with parameters.
    pub(super) logical: LogicalPlan,
    /// The physical plan with its effects, where it can be run again as it is.
    pub(super) physical: Option<(Arc<dyn ExecutionPlan>, Effects)>,
}

/// What a kept plan is found by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    kind: Kind,
    sql: String,
    parameters: String,
    /// The most rows of the answer, which are part of the plan.
    rows: usize,
}

/// A template must never be found by a statement that merely reads like one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Statement,
    Template,
}

impl Key {
    /// The key of a statement with its parameters and a cap; `None` for one whose plan is not kept.
    pub(super) fn of(sql: &str, parameters: &Parameters, rows: usize) -> Option<Self> {
        if sql.len() > MAX_TEXT {
            return None;
        }
        let parameters = match parameters {
            Parameters::None => String::new(),
            Parameters::Positional(values) => serde_json::to_string(values).ok()?,
            Parameters::Named(values) => serde_json::to_string(values).ok()?,
        };
        (parameters.len() <= MAX_TEXT).then(|| Self {
            kind: Kind::Statement,
            sql: sql.to_string(),
            parameters,
            rows,
        })
    }

    /// The key of a template.
    pub(super) fn of_template(text: &str, rows: usize) -> Option<Self> {
        (text.len() <= MAX_TEXT).then(|| Self {
            kind: Kind::Template,
            sql: text.to_string(),
            parameters: String::new(),
            rows,
        })
    }
}

/// Whether a statement gives the same plan each time.
pub(super) fn is_stable(normalized: &str) -> bool {
    !normalized
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|word| VOLATILE.contains(&word))
}

/// The plans kept for one caller.
#[derive(Debug)]
pub(super) struct Plans(moka::sync::Cache<Key, Arc<Prepared>>);

impl Plans {
    pub(super) fn new() -> Self {
        Self(moka::sync::Cache::new(MAX_PLANS))
    }

    pub(super) fn get(&self, key: &Key) -> Option<Arc<Prepared>> {
        let found = self.0.get(key);
        let kind = if key.kind == Kind::Template { "template" } else { "statement" };
        telemetry::plan_sought(kind, found.is_some());
        found
    }

    pub(super) fn keep(&self, key: Key, prepared: Arc<Prepared>) {
        self.0.insert(key, prepared);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parameters_are_part_of_the_key() {
        let key = |value| Key::of("SELECT $1", &Parameters::Positional(vec![value]), 9);
        assert_ne!(key(json!(1)), key(json!("1")));
        assert_eq!(key(json!(1)), key(json!(1)));
        assert_ne!(Key::of("a", &Parameters::None, 9), Key::of_template("a", 9));
        assert_ne!(Key::of("a", &Parameters::None, 9), Key::of("a", &Parameters::None, 8));
        assert_eq!(Key::of(&"x".repeat(MAX_TEXT + 1), &Parameters::None, 9), None);
    }

    #[test]
    fn what_changes_by_itself_is_not_kept() {
        assert!(!is_stable("select now ( )"));
        assert!(!is_stable("select * from t where d < current_date"));
        assert!(is_stable("select known from nowhere"));
    }
}
