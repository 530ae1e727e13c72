//! `to_char`, `to_date` and `to_timestamp` with PostgreSQL's patterns and PostgreSQL's answers.
//!
//! The engine has functions of these names whose patterns are others, so that `YYYY-MM` came out as
//! itself. Here a pattern is a constant and is read while the statement is planned: what is not known
//! is an error that says what to write instead, and no row can make [`ToChar`] fail.

pub(super) mod calendar;
mod dates;
mod figures;
mod numbers;
mod read;
mod show;
mod to_char;
mod to_time;

pub(super) use to_char::ToChar;
pub(super) use to_time::{NOT_READABLE, OUT_OF_RANGE, ToTime};

use arrow_array::ArrayRef;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use arrow_schema::TimeUnit;
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::ReturnFieldArgs;
use std::fmt;

/// The longest pattern: it is written out, a little longer perhaps, for every row.
const MOST_CHARACTERS: usize = 256;

/// A pattern, or a use of one, that is not supported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unsupported {
    text: String,
    /// What to write instead.
    pub(super) hint: String,
}

impl Unsupported {
    pub(super) fn new(text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { text: text.into(), hint: hint.into() }
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Unsupported {}

impl From<Unsupported> for DataFusionError {
    fn from(unsupported: Unsupported) -> Self {
        DataFusionError::External(Box::new(unsupported))
    }
}

/// Upper case, lower case, or a capital first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Letters {
    Upper,
    Lower,
    Title,
}

impl Letters {
    /// A word of ASCII letters that is written with a capital first.
    fn apply(self, word: &str) -> String {
        match self {
            Self::Upper => word.to_ascii_uppercase(),
            Self::Lower => word.to_ascii_lowercase(),
            Self::Title => word.to_string(),
        }
    }
}

/// The microseconds since 1970 began of time stamps in any unit.
pub(super) fn micros(values: &ArrayRef, unit: TimeUnit) -> Vec<Option<i64>> {
    fn each<T: ArrowPrimitiveType<Native = i64>>(
        values: &ArrayRef,
        micros: impl Fn(i64) -> Option<i64>,
    ) -> Vec<Option<i64>> {
        let values = values.as_primitive::<T>().iter();
        values.map(|value| value.and_then(&micros)).collect()
    }
    match unit {
        TimeUnit::Second => each::<TimestampSecondType>(values, |v| v.checked_mul(1_000_000)),
        TimeUnit::Millisecond => each::<TimestampMillisecondType>(values, |v| v.checked_mul(1_000)),
        TimeUnit::Microsecond => each::<TimestampMicrosecondType>(values, Some),
        TimeUnit::Nanosecond => {
            each::<TimestampNanosecondType>(values, |v| Some(v.div_euclid(1_000)))
        }
    }
}

/// The constant pattern of a call, which is its last argument; `None` where it is NULL.
fn constant(name: &str, args: &ReturnFieldArgs<'_>) -> Result<Option<String>, Unsupported> {
    match args.scalar_arguments.last().copied().flatten() {
        Some(value) => checked(name, value),
        None => Err(Unsupported::new(
            format!("the pattern of {name} must be a constant text"),
            format!("write it in place, such as {name}(x, 'YYYY-MM-DD')"),
        )),
    }
}

fn checked(name: &str, value: &ScalarValue) -> Result<Option<String>, Unsupported> {
    let pattern = value.try_as_str().flatten().map(str::to_string);
    match &pattern {
        Some(text) if text.chars().count() > MOST_CHARACTERS || text.contains('\0') => {
            Err(Unsupported::new(
                format!("the pattern of {name} is too long"),
                format!("use at most {MOST_CHARACTERS} characters; join longer texts with ||"),
            ))
        }
        _ => Ok(pattern),
    }
}

/// The rest of `text` behind the characters of a quoted part, each of which `take` is given; a backslash
/// takes the next character as it is.
fn quoted<'t>(text: &'t str, take: &mut impl FnMut(char)) -> &'t str {
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        match next {
            '"' => break,
            '\\' => take(rest.next().unwrap_or('\\')),
            other => take(other),
        }
    }
    rest.as_str()
}

/// The ending of an ordinal number.
fn ordinal(digits: &str, letters: Letters) -> &'static str {
    let bytes = digits.as_bytes();
    let teen = bytes.len() > 1 && bytes[bytes.len() - 2] == b'1';
    let ending = match bytes.last() {
        Some(b'1') if !teen => ("ST", "st"),
        Some(b'2') if !teen => ("ND", "nd"),
        Some(b'3') if !teen => ("RD", "rd"),
        Some(b'0'..=b'9') => ("TH", "th"),
        _ => ("", ""),
    };
    if letters == Letters::Upper { ending.0 } else { ending.1 }
}
