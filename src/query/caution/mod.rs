//! Wrong-number guards: ways in which a right answer may be the wrong number for its reader.
//!
//! ```text
//! SELECT sum(p.amount) FROM lineitem l JOIN payments p ON p.order_id = l.order_id
//!   fan_out: rows of shop.main.lineitem and shop.main.payments are joined by columns that are unique on
//!   neither side (...), so one row may count several times in sum; ...
//! ```
//!
//! There are few of them, and each says what to check. They are written from the statement and from what its
//! caller may see of the catalog: never from a hidden column, a hidden row, a stored value or a statistic. So
//! two callers who differ in what is hidden from them read the same. Where the catalog does not say enough
//! (a view, a table without a key) nothing is said.
//!
//! [`written`] looks at the plan as it was written: casts and limits that are there are the caller's own.
//! [`planned`] looks at the optimised plan before it is cut, where every comparison of two tables is a join.

mod atoms;
mod checks;
mod habits;
mod keys;
mod level;
mod limits;
mod texts;
mod walk;
mod written;

pub(super) use habits::{Habits, Watched, differing};

use crate::model::Warning;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{LogicalPlan, Operator};

/// Rows that a join repeats are added up or counted.
const FAN_OUT: &str = "fan_out";
/// Texts are compared byte by byte that a source compares otherwise.
const TEXT_COLLATION: &str = "text_collation";
/// A text that is empty at one source is NULL at another.
const EMPTY_TEXT: &str = "empty_text";
/// Digits of a decimal are lost before it is used.
const DECIMAL_NARROWED: &str = "decimal_narrowed";
/// A time stamp with a zone is compared with one that has none.
const TIME_ZONE: &str = "time_zone";
/// An aggregate or a join is over some of the rows.
const TRUNCATED_INPUT: &str = "truncated_input";
/// A text is compared with a number.
const TEXT_AS_NUMBER: &str = "text_as_number";
/// Which rows are the first depends on where NULLs are, and their database has them elsewhere.
const NULL_ORDER: &str = "null_order";
/// LIKE minds case, and their database's does not.
const LIKE_CASE: &str = "like_case";
/// Masks are compared, not values.
const MASKED_COMPARED: &str = "masked_compared";

/// What the plan of a statement as it was written gives to say.
pub(super) fn written(plan: &LogicalPlan) -> Vec<Warning> {
    let mut found = written::warnings(plan);
    found.extend(limits::warnings(plan));
    found
}

/// What the optimised plan gives to say.
pub(super) fn planned(plan: &LogicalPlan) -> Vec<Warning> {
    walk::warnings(plan)
}

/// A stored result that is not all of its statement's rows.
pub(super) fn of_kept(rows: usize) -> Warning {
    let text = format!(
        "the stored result holds the first {rows} rows only, so totals made of it are not those of all rows; \
         aggregate in the query instead"
    );
    Warning { code: TRUNCATED_INPUT, text, columns: Vec::new() }
}

/// All of them, each once, in a fixed order.
pub(super) fn settled(mut warnings: Vec<Warning>) -> Vec<Warning> {
    warnings.sort();
    warnings.dedup();
    warnings
}

/// Whether a value that a template leaves open can change what is said.
pub(super) fn matters(value: &ScalarValue) -> bool {
    value.try_as_str().flatten().is_some_and(str::is_empty)
}

/// Whether an operator compares two values.
fn compares(operator: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(operator, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}

/// A name that stays on its line.
fn shown(name: &str) -> String {
    name.chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
        .collect()
}

/// `a`, `a and b`, `a, b and c`.
fn listed<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => (*one).to_string(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
