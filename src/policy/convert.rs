//! Literals and attributes as values of a column's type; no conversion that could change a meaning.

use crate::model::{Attribute, ColumnDescription, OperandClass, Value};
use arrow_schema::DataType;
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike};

/// A literal of a filter or the value of an attribute, before it meets a column.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Boolean(bool),
    /// Digits with an optional sign and point.
    Number(String),
    Text(String),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds, wall clock.
    Timestamp(i64),
    /// Microseconds, UTC.
    TimestampUtc(i64),
}

impl Literal {
    /// The attribute's values; a list gives each of its items.
    pub(super) fn of_attribute(attribute: &Attribute) -> Vec<Literal> {
        match attribute {
            Attribute::Text(text) => vec![Literal::Text(text.clone())],
            Attribute::Integer(number) => vec![Literal::Number(number.to_string())],
            Attribute::Boolean(value) => vec![Literal::Boolean(*value)],
            Attribute::List(items) => items.iter().flat_map(Literal::of_attribute).collect(),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Literal::Boolean(_) => "a boolean",
            Literal::Number(_) => "a number",
            Literal::Text(_) => "text",
            Literal::Date(_) => "a date",
            Literal::Timestamp(_) => "a timestamp",
            Literal::TimestampUtc(_) => "a timestamp with a zone",
        }
    }
}

/// The literal as a value that can be compared with `column`, or why not.
pub(super) fn to_value(literal: &Literal, column: &ColumnDescription) -> Result<Value, String> {
    typed(literal, &column.data_type, column.class).ok_or_else(|| {
        let type_name = crate::model::sql_type_name(&column.data_type);
        format!("{} does not fit column \"{}\" of type {type_name}", literal.kind(), column.name)
    })
}

fn typed(literal: &Literal, data_type: &DataType, class: OperandClass) -> Option<Value> {
    use DataType as T;
    match (data_type, literal) {
        (T::Boolean, Literal::Boolean(value)) => Some(Value::Boolean(*value)),
        (T::Int8 | T::Int16 | T::Int32 | T::Int64, Literal::Number(digits))
        | (T::UInt8 | T::UInt16 | T::UInt32 | T::UInt64, Literal::Number(digits)) => {
            digits.parse().ok().map(Value::Integer)
        }
        (T::Decimal128(_, scale) | T::Decimal256(_, scale), Literal::Number(digits)) => {
            decimal(digits, u8::try_from(*scale).unwrap_or(0))
        }
        (T::Float32 | T::Float64, Literal::Number(digits)) => {
            digits.parse::<f64>().ok().filter(|value| value.is_finite()).map(Value::Float)
        }
        (T::Utf8 | T::LargeUtf8 | T::Utf8View, Literal::Text(text)) => match class {
            OperandClass::Uuid => uuid(text).map(Value::Text),
            _ => Some(Value::Text(text.clone())),
        },
        (T::Date32, Literal::Date(days)) => Some(Value::Date(*days)),
        (T::Date32, Literal::Text(text)) => parse_date(text).map(Value::Date),
        (T::Timestamp(_, zone), literal) => instant(literal, zone.is_some()),
        _ => None,
    }
}

fn instant(literal: &Literal, utc: bool) -> Option<Value> {
    let (micros, zoned) = match literal {
        Literal::Date(days) => (i64::from(*days).checked_mul(86_400_000_000)?, false),
        Literal::Timestamp(micros) => (*micros, false),
        Literal::TimestampUtc(micros) => (*micros, true),
        Literal::Text(text) => parse_timestamp(text)?,
        Literal::Boolean(_) | Literal::Number(_) => return None,
    };
    match (utc, zoned) {
        (true, _) => Some(Value::TimestampUtc(micros)),
        (false, false) => Some(Value::Timestamp(micros)),
        (false, true) => None,
    }
}

/// The number exactly, with at least `scale` digits behind the point where they fit.
pub(super) fn decimal(digits: &str, scale: u8) -> Option<Value> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let written = u8::try_from(fraction.len()).ok().filter(|written| *written <= 38)?;
    let sign_only = matches!(whole.trim_start_matches('-'), "") && fraction.is_empty();
    let unscaled: i128 = format!("{whole}{fraction}").parse().ok().filter(|_| !sign_only)?;
    let within = |value: i128| value.unsigned_abs() < 10_u128.pow(38);
    let widened = u32::from(scale.min(38).saturating_sub(written));
    let rescaled = 10_i128.checked_pow(widened).and_then(|unit| unscaled.checked_mul(unit));
    match rescaled.filter(|value| within(*value)) {
        Some(unscaled) => Some(Value::Decimal { unscaled, scale: scale.min(38).max(written) }),
        None => within(unscaled).then_some(Value::Decimal { unscaled, scale: written }),
    }
}

/// A UUID in the form columns are read in: lower case, with hyphens.
fn uuid(text: &str) -> Option<String> {
    let well_formed = text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        });
    well_formed.then(|| text.to_ascii_lowercase())
}

/// Days since 1970-01-01 of `YYYY-MM-DD`.
pub(super) fn parse_date(text: &str) -> Option<i32> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    let exact = text.len() == 10 && (1..=9999).contains(&date.year());
    exact.then(|| date.num_days_from_ce() - 719_163)
}

/// Microseconds since 1970-01-01 of `YYYY-MM-DD[ HH:MM[:SS[.ffffff]][zone]]`, and whether a zone was
/// named.
pub(super) fn parse_timestamp(text: &str) -> Option<(i64, bool)> {
    if let Some(days) = parse_date(text) {
        return Some((i64::from(days) * 86_400_000_000, false));
    }
    let text = text.replacen('T', " ", 1).replacen('Z', "+00:00", 1);
    let plain = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"];
    let zoned = ["%Y-%m-%d %H:%M:%S%.f%:z", "%Y-%m-%d %H:%M%:z", "%Y-%m-%d %H:%M:%S%.f%#z"];
    let wall = plain.iter().find_map(|form| NaiveDateTime::parse_from_str(&text, form).ok());
    let (time, is_zoned) = match wall {
        Some(wall) => (wall, false),
        None => {
            let zoned = zoned.iter().find_map(|form| DateTime::parse_from_str(&text, form).ok())?;
            (zoned.naive_utc(), true)
        }
    };
    let nanos = time.nanosecond();
    let exact = nanos % 1_000 == 0 && nanos < 1_000_000_000 && (1..=9999).contains(&time.year());
    exact.then(|| (time.and_utc().timestamp_micros(), is_zoned))
}

#[cfg(test)]
mod tests {
    use super::super::samples::column;
    use super::*;
    use arrow_schema::TimeUnit;

    fn number(digits: &str, data_type: DataType) -> Option<Value> {
        typed(&Literal::Number(digits.into()), &data_type, OperandClass::Opaque)
    }

    #[test]
    fn numbers_are_exact() {
        let decimal = |unscaled, scale| Some(Value::Decimal { unscaled, scale });
        assert_eq!(number("-5", DataType::Int16), Some(Value::Integer(-5)));
        assert_eq!(number("1.5", DataType::Int64), None);
        assert_eq!(number("9223372036854775808", DataType::Int64), None);
        assert_eq!(number("1.5", DataType::Decimal128(10, 2)), decimal(150, 2));
        assert_eq!(number("7", DataType::Decimal128(10, 2)), decimal(700, 2));
        assert_eq!(number("-0.555", DataType::Decimal128(10, 2)), decimal(-555, 3));
        assert_eq!(number("7", DataType::Decimal128(10, -2)), decimal(7, 0));
        let nines = "9".repeat(38);
        assert_eq!(number(&nines, DataType::Decimal128(38, 2)), decimal(nines.parse().unwrap(), 0));
        assert_eq!(number(&"9".repeat(39), DataType::Decimal128(38, 0)), None);
        assert_eq!(number("1.2.3", DataType::Decimal128(10, 2)), None);
        assert_eq!(number("0.5", DataType::Float64), Some(Value::Float(0.5)));
    }

    #[test]
    fn a_value_of_another_kind_does_not_fit() {
        let text = Literal::Text("EU".into());
        for data_type in [DataType::Int64, DataType::Boolean, DataType::Date32, DataType::Binary] {
            assert_eq!(typed(&text, &data_type, OperandClass::Opaque), None, "{data_type}");
        }
        assert_eq!(number("1", DataType::Utf8), None);
        assert_eq!(number("1", DataType::Boolean), None);
        let error = to_value(&text, &column("id", DataType::Int64)).unwrap_err();
        assert_eq!(error, "text does not fit column \"id\" of type bigint");
    }

    #[test]
    fn dates_and_instants_are_read_strictly() {
        assert_eq!(parse_date("1970-01-02"), Some(1));
        assert_eq!(parse_date("0001-01-01"), Some(-719_162));
        for bad in ["1970-1-2", "1970-02-30", "10000-01-01", "0000-01-01", "1970-01-02 ", ""] {
            assert_eq!(parse_date(bad), None, "{bad:?}");
        }
        let hour = 3_600_000_000;
        for (text, expected) in [
            ("1970-01-01", Some((0, false))),
            ("1970-01-01 01:00", Some((hour, false))),
            ("1970-01-01T01:00:00.5", Some((hour + 500_000, false))),
            ("1970-01-01T01:00:00Z", Some((hour, true))),
            ("1970-01-01 02:00:00+01:00", Some((hour, true))),
            ("1970-01-01 02:00:00+01", Some((hour, true))),
            ("1969-12-31 23:59:59.999999", Some((-1, false))),
            ("1970-01-01 01:00:00.1234567", None),
            ("1970-01-01 23:59:60", None),
            ("1970-01-01 24:00", None),
        ] {
            assert_eq!(parse_timestamp(text), expected, "{text}");
        }
    }

    #[test]
    fn zones_are_never_dropped() {
        let micro =
            |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
        let zoned = Literal::Text("1970-01-01 00:00:00+01:00".into());
        let instant = -3_600_000_000;
        assert_eq!(typed(&zoned, &micro(None), OperandClass::Timestamp), None);
        assert_eq!(
            typed(&zoned, &micro(Some("+00:00")), OperandClass::TimestampUtc),
            Some(Value::TimestampUtc(instant))
        );
        assert_eq!(
            typed(&Literal::Date(1), &micro(None), OperandClass::Timestamp),
            Some(Value::Timestamp(86_400_000_000))
        );
    }

    #[test]
    fn uuids_take_their_stored_form() {
        let upper = Literal::Text("123E4567-E89B-12D3-A456-426614174000".into());
        assert_eq!(
            typed(&upper, &DataType::Utf8, OperandClass::Uuid),
            Some(Value::Text("123e4567-e89b-12d3-a456-426614174000".into()))
        );
        assert_eq!(typed(&Literal::Text("x".into()), &DataType::Utf8, OperandClass::Uuid), None);
    }
}
