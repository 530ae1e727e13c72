//! A literal on its way to a source: always bound, never spelled into SQL.

use arrow_schema::{DataType, TimeUnit};

/// A typed value bound as a parameter.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Value {
    /// TRUE or FALSE.
    Boolean(bool),
    /// A 64-bit integer; narrower integers are widened.
    Integer(i64),
    /// An exact decimal: `unscaled * 10^-scale`.
    Decimal {
        /// The digits without the point.
        unscaled: i128,
        /// Digits behind the point, 0 to 38.
        scale: u8,
    },
    /// A finite or non-finite double.
    Float(#[cfg_attr(feature = "serde", serde(with = "bits"))] f64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01 00:00, wall clock without a zone.
    Timestamp(i64),
    /// Microseconds since the Unix epoch, UTC.
    TimestampUtc(i64),
}

impl Value {
    /// The Arrow type this value has when it is evaluated locally.
    pub fn data_type(&self) -> DataType {
        match self {
            Value::Boolean(_) => DataType::Boolean,
            Value::Integer(_) => DataType::Int64,
            Value::Decimal { scale, .. } => DataType::Decimal128(38, *scale as i8),
            Value::Float(_) => DataType::Float64,
            Value::Text(_) => DataType::Utf8,
            Value::Bytes(_) => DataType::Binary,
            Value::Date(_) => DataType::Date32,
            Value::Timestamp(_) => DataType::Timestamp(TimeUnit::Microsecond, None),
            Value::TimestampUtc(_) => {
                DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()))
            }
        }
    }

    /// The value's decimal digits with its point, for binding a decimal as text.
    pub fn decimal_text(unscaled: i128, scale: u8) -> String {
        let scale = usize::from(scale);
        let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let sign = if unscaled < 0 { "-" } else { "" };
        if fraction.is_empty() {
            format!("{sign}{whole}")
        } else {
            format!("{sign}{whole}.{fraction}")
        }
    }

    /// `YYYY-MM-DD` for a date within the years 1 to 9999, the range every dialect can spell.
    pub fn date_text(days: i32) -> Option<String> {
        let date = chrono::NaiveDate::from_num_days_from_ce_opt(days.checked_add(719_163)?)?;
        use chrono::Datelike;
        (1..=9999).contains(&date.year()).then(|| date.format("%Y-%m-%d").to_string())
    }

    /// `YYYY-MM-DD HH:MM:SS.ffffff` for an instant within the years 1 to 9999.
    pub fn timestamp_text(micros: i64) -> Option<String> {
        let instant = chrono::DateTime::from_timestamp_micros(micros)?.naive_utc();
        use chrono::Datelike;
        (1..=9999)
            .contains(&instant.year())
            .then(|| instant.format("%Y-%m-%d %H:%M:%S%.6f").to_string())
    }
}

/// A double by its bits, so that each one comes back as it was.
#[cfg(feature = "serde")]
mod bits {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &f64, output: S) -> Result<S::Ok, S::Error> {
        value.to_bits().serialize(output)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<f64, D::Error> {
        u64::deserialize(input).map(f64::from_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_every_digit() {
        assert_eq!(Value::decimal_text(-5, 2), "-0.05");
        assert_eq!(Value::decimal_text(12345, 2), "123.45");
        assert_eq!(Value::decimal_text(i128::MAX, 0), i128::MAX.to_string());
        assert_eq!(Value::decimal_text(0, 3), "0.000");
    }

    #[test]
    fn dates_outside_the_common_range_are_not_spelled() {
        assert_eq!(Value::date_text(0).as_deref(), Some("1970-01-01"));
        assert_eq!(Value::date_text(i32::MIN), None);
        assert_eq!(Value::timestamp_text(1).as_deref(), Some("1970-01-01 00:00:00.000001"));
    }
}
