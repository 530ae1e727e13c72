//! SQLite's `strftime`, `julianday`, `unixepoch`, `date` and `datetime`, with SQLite's answers: what cannot be read
//! is NULL, and months that overflow run into the next.
//!
//! ```text
//! date(d, '+1 month')      ->  sqlite_date(d, '+1 month')
//! strftime('%Y', 'now')    ->  strftime('%Y', now())
//! ```

mod moment;

use super::calls::{Call, argument, refused, rename, text, text_of, whole};
use super::dates::Work;
use super::template::fill;
use crate::error::Result as Outcome;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, StringArray};
use arrow_schema::DataType;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use moment::Moment;
use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArgumentList, FunctionArguments, ObjectName,
};
use std::sync::Arc;

/// The most modifiers of a call.
const MOST_ARGUMENTS: usize = 10;

/// The functions, by the names the engine has them under.
pub(in crate::query) fn own() -> Vec<(&'static str, ScalarUDF)> {
    [Kind::Strftime, Kind::JulianDay, Kind::UnixEpoch, Kind::Date, Kind::DateTime]
        .into_iter()
        .map(|kind| (kind.name(), ScalarUDF::new_from_impl(SqliteTime::new(kind))))
        .collect()
}

/// The translation of a call of one of them; `None` for every other.
pub(super) fn translate(call: &Call, work: &mut Work<'_>) -> Outcome<Option<Expr>> {
    let arguments = call.arguments.as_slice();
    let kind = match (call.name.as_str(), arguments) {
        ("strftime", _) => Kind::Strftime,
        ("julianday", _) => Kind::JulianDay,
        ("unixepoch", _) => Kind::UnixEpoch,
        ("datetime", _) => Kind::DateTime,
        ("date", [one]) if is_now(one) => {
            work.notes.add("DATE('now') as current_date");
            return fill("current_date", &[], work.budget).map(Some);
        }
        ("date", [_, _, ..]) => Kind::Date,
        _ => return Ok(None),
    };
    if arguments.len() > MOST_ARGUMENTS {
        return Err(refused("too many modifiers", "use at most eight"));
    }
    let mut given = arguments.iter().cloned();
    let mut taken = Vec::new();
    if kind == Kind::Strftime {
        taken.push(text(format(given.next().as_ref())?));
    }
    taken.push(given.next().unwrap_or_else(|| text("now")));
    for modifier in given {
        if text_of(&modifier).is_some_and(|written| !moment::is_modifier(written)) {
            return Err(refused(
                "this modifier of a date is not known",
                "use '+7 days', '-1 month', 'start of month' or 'weekday 0', or add an INTERVAL",
            ));
        }
        taken.push(modifier);
    }
    for value in &mut taken {
        if is_now(value) {
            *value = fill("now()", &[], work.budget)?;
        }
    }
    work.notes.add(format!("{} as SQLite has it", call.name.to_uppercase()));
    Ok(Some(called(kind.name(), taken)))
}

/// `date('now') - d`: texts that begin like a number are that number to SQLite, so a date is its year.
pub(super) fn years(expr: &Expr, work: &mut Work<'_>) -> Outcome<Option<Expr>> {
    let Expr::BinaryOp { left, op: BinaryOperator::Minus, right } = expr else { return Ok(None) };
    if !is_date(left) || whole(right).is_some() || matches!(right.as_ref(), Expr::Interval(_)) {
        return Ok(None);
    }
    work.notes.add("a date of SQLite minus a date as the difference of their years");
    let sides = [left.as_ref().clone(), right.as_ref().clone()];
    // What begins like no number is an error, where SQLite takes it for 0.
    const YEARS: &str = "strftime('%Y', $1) - CAST(split_part(CAST($2 AS text), '-', 1) AS bigint)";
    fill(YEARS, &sides, work.budget).map(Some)
}

/// Whether this is a call that only SQLite has, and that gives a date as a text.
fn is_date(expr: &Expr) -> bool {
    let Expr::Function(function) = expr else { return false };
    Call::of(function).is_some_and(|call| match (call.name.as_str(), call.arguments.as_slice()) {
        ("datetime", _) | ("date", [_, _, ..]) => true,
        ("date", [one]) => is_now(one),
        _ => false,
    })
}

/// The constant format of `strftime`, which SQLite also takes in double quotes.
fn format(given: Option<&Expr>) -> Outcome<String> {
    let written = match given {
        Some(Expr::Identifier(ident)) if ident.quote_style == Some('"') => {
            Some(ident.value.as_str())
        }
        Some(other) => text_of(other),
        None => None,
    };
    written.filter(|format| moment::is_format(format)).map(str::to_string).ok_or_else(|| {
        refused(
            "this format of strftime is not accepted",
            "use to_char(d, 'YYYY-MM-DD HH24:MI:SS')",
        )
    })
}

fn is_now(expr: &Expr) -> bool {
    text_of(expr).is_some_and(|text| text.eq_ignore_ascii_case("now"))
}

fn called(name: &str, arguments: Vec<Expr>) -> Expr {
    let args = arguments.into_iter().map(argument).collect();
    let list = FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() };
    let mut function = Function {
        name: ObjectName(Vec::new()),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(list),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    };
    rename(&mut function, name);
    Expr::Function(function)
}

/// Which function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Strftime,
    JulianDay,
    UnixEpoch,
    Date,
    DateTime,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Strftime => "strftime",
            Self::JulianDay => "julianday",
            Self::UnixEpoch => "unixepoch",
            Self::Date => "sqlite_date",
            Self::DateTime => "sqlite_datetime",
        }
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct SqliteTime {
    kind: Kind,
    signature: Signature,
}

impl SqliteTime {
    fn new(kind: Kind) -> Self {
        Self { kind, signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for SqliteTime {
    fn name(&self) -> &str {
        self.kind.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.kind {
            Kind::JulianDay => DataType::Float64,
            Kind::UnixEpoch => DataType::Int64,
            _ => DataType::Utf8,
        })
    }

    /// Everything is read from its text, as SQLite stores it.
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let least = if self.kind == Kind::Strftime { 2 } else { 1 };
        if types.len() < least || types.len() > MOST_ARGUMENTS {
            return plan_err!("{} has too few or too many arguments", self.name());
        }
        Ok(vec![DataType::Utf8; types.len()])
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let arrays = args
            .args
            .iter()
            .map(|value| value.to_array(rows))
            .collect::<Result<Vec<ArrayRef>>>()?;
        let texts: Vec<&StringArray> =
            arrays.iter().map(|array| array.as_string::<i32>()).collect();
        let formats = usize::from(self.kind == Kind::Strftime);
        let moments = (0..rows).map(|row| moment_of(&texts[formats..], row));
        let array: ArrayRef = match self.kind {
            Kind::JulianDay => {
                Arc::new(moments.map(|m| m.map(Moment::julian_day)).collect::<Float64Array>())
            }
            Kind::UnixEpoch => {
                Arc::new(moments.map(|m| m.map(Moment::seconds)).collect::<Int64Array>())
            }
            Kind::Date => Arc::new(moments.map(|m| m?.show("%Y-%m-%d")).collect::<StringArray>()),
            Kind::DateTime => {
                Arc::new(moments.map(|m| m?.show("%Y-%m-%d %H:%M:%S")).collect::<StringArray>())
            }
            Kind::Strftime => {
                let shown = moments.enumerate().map(|(row, m)| m?.show(value(texts[0], row)?));
                Arc::new(shown.collect::<StringArray>())
            }
        };
        Ok(ColumnarValue::Array(array))
    }
}

fn value(texts: &StringArray, row: usize) -> Option<&str> {
    (!texts.is_null(row)).then(|| texts.value(row))
}

fn moment_of(texts: &[&StringArray], row: usize) -> Option<Moment> {
    let (first, modifiers) = texts.split_first()?;
    let mut modifiers = modifiers.iter().map(|texts| value(texts, row)).peekable();
    let seconds =
        modifiers.peek().is_some_and(|m| m.is_some_and(|m| m.eq_ignore_ascii_case("unixepoch")));
    let mut moment = Moment::read(value(first, row)?, seconds)?;
    for modifier in modifiers.skip(usize::from(seconds)) {
        moment = moment.modified(modifier?)?;
    }
    Some(moment)
}
