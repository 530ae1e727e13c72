//! The allow-list of functions, operators, aggregates and window functions, as data.
//!
//! A dialect lists what gives exactly the local answer at its source, by operand class, with its
//! spelling and the case that shows it: a rule without a case cannot be written. The suite runs every
//! case at the source and locally over the same rows.
//!
//! A listed function is *total*: whatever the operands, it raises no error, so it may run beside a
//! policy filter in any order a source picks.

use crate::{ClassSet, OperandClass, Spelled};

/// One function, operator, aggregate or window function of one dialect.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FunctionRule {
    /// The engine's name, such as `substr` or `+`; an aggregate over distinct values is `count distinct`.
    pub name: &'static str,
    /// Where it may stand.
    pub kind: FunctionKind,
    /// What it may be given.
    pub arguments: &'static [Argument],
    /// How it is spelled, with `{0}`, `{1}`, ... for its arguments.
    pub spelling: &'static str,
    /// An expression over the table of cases whose answer at the source is compared with the local one.
    pub case: &'static str,
}

/// Where a function may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionKind {
    /// Anywhere.
    Scalar,
    /// Over the rows of a group; also over a window where the dialect has windows.
    Aggregate,
    /// Over a window only.
    Window,
}

/// What may stand in one place of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument {
    /// An expression of one of these classes.
    Of(ClassSet),
    /// Exactly this constant text, which becomes part of the spelling.
    Word(&'static str),
    /// Exactly this constant text, or the same in lower case, which becomes part of the spelling.
    Pattern(&'static str),
    /// A constant whole number from 0 to 1,000,000; bound.
    Natural,
    /// A constant whole number from 1 to 1,000,000; bound.
    Positive,
    /// Exactly this constant whole number, which becomes part of the spelling.
    Exactly(i64),
    /// A constant text that is not empty; bound.
    NonEmpty,
    /// A constant text that is not empty and has none of these in it, in any case; bound.
    Without(&'static [&'static str]),
}

impl FunctionRule {
    /// A rule for a scalar function or an operator.
    pub const fn scalar(
        name: &'static str,
        arguments: &'static [Argument],
        spelling: &'static str,
        case: &'static str,
    ) -> Self {
        Self { name, kind: FunctionKind::Scalar, arguments, spelling, case }
    }

    /// A rule for an aggregate.
    pub const fn aggregate(
        name: &'static str,
        arguments: &'static [Argument],
        spelling: &'static str,
        case: &'static str,
    ) -> Self {
        Self { name, kind: FunctionKind::Aggregate, arguments, spelling, case }
    }

    /// A rule for a window function.
    pub const fn window(
        name: &'static str,
        arguments: &'static [Argument],
        spelling: &'static str,
        case: &'static str,
    ) -> Self {
        Self { name, kind: FunctionKind::Window, arguments, spelling, case }
    }

    /// The spelling with its arguments.
    pub fn spelled(&self, arguments: &[Spelled<'_>]) -> String {
        let mut sql = String::with_capacity(self.spelling.len() + 16);
        let mut rest = self.spelling;
        while let Some(at) = rest.find('{') {
            let index = rest.as_bytes().get(at + 1);
            let index = index.map_or(usize::MAX, |b| usize::from(b.wrapping_sub(b'0')));
            match arguments.get(index) {
                Some(argument) if rest.as_bytes().get(at + 2) == Some(&b'}') => {
                    sql.push_str(&rest[..at]);
                    sql.push_str(&argument.sql);
                    rest = &rest[at + 3..];
                }
                _ => {
                    sql.push_str(&rest[..=at]);
                    rest = &rest[at + 1..];
                }
            }
        }
        sql.push_str(rest);
        sql
    }
}

/// Shorthands for the tables of rules.
pub mod class {
    use super::{Argument, ClassSet, OperandClass};

    /// Truth.
    pub const BOOLEAN: Argument = Argument::Of(ClassSet::of(&[OperandClass::Boolean]));
    /// Whole numbers.
    pub const INTEGER: Argument = Argument::Of(ClassSet::of(&[OperandClass::Integer]));
    /// Exact decimals.
    pub const DECIMAL: Argument = Argument::Of(ClassSet::of(&[OperandClass::Decimal]));
    /// Text under a deterministic collation.
    pub const TEXT: Argument = Argument::Of(ClassSet::of(&[OperandClass::Text]));
    /// Calendar dates.
    pub const DATE: Argument = Argument::Of(ClassSet::of(&[OperandClass::Date]));
    /// Wall-clock time stamps.
    pub const TIMESTAMP: Argument = Argument::Of(ClassSet::of(&[OperandClass::Timestamp]));
    /// Instants.
    pub const INSTANT: Argument = Argument::Of(ClassSet::of(&[OperandClass::TimestampUtc]));
    /// Anything that may be counted.
    pub const ANY: Argument = Argument::Of(ClassSet::of(&OperandClass::ALL));
}

/// What every dialect with relational operators spells by itself: each with its case, as the rules.
pub const CORE_CASES: &[(&str, &str)] = &[
    ("comparison", "CASE WHEN i > 0 THEN 1 WHEN i <= -5 THEN 2 ELSE 3 END"),
    ("equality of text", "CASE WHEN t = 'abc' THEN 'x' ELSE t END"),
    ("and, or, not", "CASE WHEN NOT (i > 0 AND (n < 5 OR t IS NULL)) THEN 1 ELSE 0 END"),
    ("case without else", "CASE WHEN i IN (1, 2, 3) THEN n END"),
    ("coalesce", "coalesce(i, n, 7)"),
    ("nullif", "nullif(i, 1)"),
    ("between", "CASE WHEN i BETWEEN -10 AND 10 THEN 1 WHEN i NOT BETWEEN -10 AND 10 THEN 0 END"),
    ("is null", "CASE WHEN t IS NULL THEN 'none' WHEN t IS NOT NULL THEN 'some' END"),
    ("not in", "CASE WHEN i NOT IN (1, 2) THEN 1 ELSE 0 END"),
    ("widening", "coalesce(CAST(i AS bigint), n)"),
];
