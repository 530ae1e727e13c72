//! What a value is, and the comparison or computation of two values that fits.

use arrow_schema::DataType;
use sqlparser::ast::{BinaryOperator, DataType as SqlType, Expr, Value};

/// What a value is, as far as comparing and computing goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Text,
    /// A text in quotes, which may be read as another type.
    Written,
    Number,
    Date,
    Time,
    Boolean,
    Interval,
}

impl Family {
    pub(super) fn of(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Date32 => Self::Date,
            DataType::Timestamp(..) => Self::Time,
            DataType::Boolean => Self::Boolean,
            DataType::Interval(_) => Self::Interval,
            other if other.is_string() => Self::Text,
            other if other.is_numeric() => Self::Number,
            _ => return None,
        })
    }

    pub(super) fn of_sql(data_type: &SqlType) -> Option<Self> {
        use SqlType as T;
        Some(match data_type {
            T::Date => Self::Date,
            T::Timestamp(..) | T::Datetime(_) => Self::Time,
            T::Boolean | T::Bool => Self::Boolean,
            T::Interval { .. } => Self::Interval,
            T::Text | T::Varchar(_) => Self::Text,
            T::Int(_) | T::Integer(_) | T::BigInt(_) | T::SmallInt(_) | T::Numeric(_) => {
                Self::Number
            }
            T::Decimal(_) | T::DoublePrecision | T::Real | T::Float(_) => Self::Number,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text | Self::Written => "text",
            Self::Number => "a number",
            Self::Date => "date",
            Self::Time => "timestamp",
            Self::Boolean => "boolean",
            Self::Interval => "interval",
        }
    }

    pub(super) fn is_moment(self) -> bool {
        matches!(self, Self::Date | Self::Time)
    }
}

/// A comparison that fits.
pub(super) fn compared(
    left: &Expr,
    l: Family,
    op: &BinaryOperator,
    right: &Expr,
    r: Family,
) -> Option<String> {
    use Family::{Boolean, Number, Text, Written};
    Some(match (l, r) {
        (l, Number) if l.is_moment() => match year(right) {
            Some(year) => format!("extract(year FROM {left}) {op} {year}"),
            None => format!("{left} {op} DATE 'YYYY-MM-DD'"),
        },
        (Number, r) if r.is_moment() => match year(left) {
            Some(year) => format!("{year} {op} extract(year FROM {right})"),
            None => format!("DATE 'YYYY-MM-DD' {op} {right}"),
        },
        (l, Written) if l.is_moment() => format!("{left} {op} DATE 'YYYY-MM-DD'"),
        (Written, r) if r.is_moment() => format!("DATE 'YYYY-MM-DD' {op} {right}"),
        (Boolean, Number | Written) => format!("{left} {op} {}", truth(right)),
        (Number | Written, Boolean) => format!("{} {op} {right}", truth(left)),
        (Number, Text | Written) | (Boolean, Text) => format!("CAST({left} AS text) {op} {right}"),
        (Text | Written, Number) | (Text, Boolean) => format!("{left} {op} CAST({right} AS text)"),
        (l, Text) if l.is_moment() => format!("{left} {op} CAST({right} AS {})", l.name()),
        (Text, r) if r.is_moment() => format!("CAST({left} AS {}) {op} {right}", r.name()),
        _ => return None,
    })
}

/// A computation that fits.
pub(super) fn computed(
    left: &Expr,
    l: Family,
    op: &BinaryOperator,
    right: &Expr,
    r: Family,
) -> Option<String> {
    use BinaryOperator::{Minus, Plus};
    use Family::{Boolean, Number, Text, Written};
    let days = |n: &Expr| match n {
        Expr::Value(value) => format!("INTERVAL '{value} days'"),
        other => format!("CAST(concat({other}, ' days') AS interval)"),
    };
    Some(match (l, r) {
        (l, Number) if l.is_moment() && matches!(op, Plus | Minus) => {
            format!("{left} {op} {}", days(right))
        }
        (Number, r) if r.is_moment() && *op == Plus => format!("{right} + {}", days(left)),
        (l, Text | Written) if l.is_moment() => {
            format!("{left} {op} CAST({right} AS {})", l.name())
        }
        (Text | Written, r) if r.is_moment() => {
            format!("CAST({left} AS {}) {op} {right}", r.name())
        }
        (Boolean, _) | (_, Boolean) => {
            let whole = |expr: &Expr, family| match family {
                Boolean => format!("CAST({expr} AS integer)"),
                _ => expr.to_string(),
            };
            format!("{} {op} {}", whole(left, l), whole(right, r))
        }
        (Text | Written, _) | (_, Text | Written) => {
            let number = |expr: &Expr, family| match family {
                Text | Written => format!("CAST({expr} AS numeric)"),
                _ => expr.to_string(),
            };
            format!("{} {op} {}", number(left, l), number(right, r))
        }
        (l, _) if l.is_moment() => format!("extract(epoch FROM {left}) {op} {right}"),
        _ => return None,
    })
}

pub(super) fn is_comparison(op: &BinaryOperator) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq)
}

/// Whether a text in quotes looks like a value of a family.
pub(super) fn reads(family: Family, written: &Expr) -> bool {
    let Expr::Value(value) = written else { return true };
    let Value::SingleQuotedString(text) = &value.value else { return true };
    let text = text.trim();
    match family {
        Family::Number => text.parse::<f64>().is_ok(),
        Family::Date | Family::Time => text
            .get(..10)
            .is_some_and(|day| chrono::NaiveDate::parse_from_str(day, "%Y-%m-%d").is_ok()),
        Family::Boolean => ["true", "false", "t", "f", "1", "0", "yes", "no"]
            .contains(&text.to_lowercase().as_str()),
        _ => true,
    }
}

/// A number that may be a year.
fn year(expr: &Expr) -> Option<u32> {
    let Expr::Value(value) = expr else { return None };
    let Value::Number(digits, _) = &value.value else { return None };
    digits.parse().ok().filter(|year| (1000..3000).contains(year))
}

fn truth(expr: &Expr) -> &'static str {
    match expr.to_string().to_lowercase().trim_matches('\'') {
        "0" | "false" | "f" | "no" | "n" => "false",
        _ => "true",
    }
}
