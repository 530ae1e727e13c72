//! `date_trunc` over everything that a column can hold.
//!
//! The engine's own counts in nanoseconds, so that a time stamp before 1678 or after 2262 is an error. Like
//! it, this one gives a time stamp without a zone for a date. PostgreSQL's calendar begins within 4713 BC:
//! a week, month, quarter or year from before 4712 BC is an error there, and NULL here and in what is pushed.

use super::patterns::calendar::{date_of, days_of};
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, TimestampMicrosecondType};
use arrow_array::{Array, PrimitiveArray};
use arrow_schema::{DataType, TimeUnit};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// 1970-01-01 was a Thursday; weeks begin on Mondays.
const MONDAY: i64 = -3 * DAY;

/// 4712-01-01 BC, a year after the first day that PostgreSQL knows.
const EARLIEST: i64 = -2_440_184 * DAY;

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct DateTrunc {
    signature: Signature,
}

impl DateTrunc {
    pub(super) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for DateTrunc {
    fn name(&self) -> &str {
        "date_trunc"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(match &types[1] {
            DataType::Date32 => DataType::Timestamp(TimeUnit::Microsecond, None),
            moment => moment.clone(),
        })
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let micros = |zone| DataType::Timestamp(TimeUnit::Microsecond, zone);
        let moment = match types {
            [_, DataType::Timestamp(_, zone)] => micros(zone.clone()),
            [_, DataType::Date32] => DataType::Date32,
            [_, DataType::Null] => micros(None),
            [_, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View] => micros(None),
            _ => return plan_err!("date_trunc takes a unit and a date or time stamp"),
        };
        Ok(vec![DataType::Utf8, moment])
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let ColumnarValue::Scalar(unit) = &args.args[0] else {
            return exec_err!("the unit of date_trunc is a constant");
        };
        let Some(unit) = unit.try_as_str().flatten().and_then(Unit::of) else {
            return exec_err!("date_trunc does not know this unit");
        };
        let moments = args.args[1].to_array(args.number_rows)?;
        let DataType::Timestamp(_, zone) = moments.data_type() else {
            let days = moments.as_primitive::<Date32Type>().iter();
            let cut: PrimitiveArray<TimestampMicrosecondType> =
                days.map(|day| day.and_then(|day| unit.cut(of_day(day)?))).collect();
            return Ok(ColumnarValue::Array(Arc::new(cut)));
        };
        let moments = moments.as_primitive::<TimestampMicrosecondType>();
        let cut: PrimitiveArray<TimestampMicrosecondType> =
            moments.iter().map(|moment| moment.and_then(|moment| unit.cut(moment))).collect();
        Ok(ColumnarValue::Array(Arc::new(cut.with_timezone_opt(zone.clone()))))
    }
}

/// The beginning of a day; NULL where it is in a year that time stamps do not reach the end of.
fn of_day(day: i32) -> Option<i64> {
    let day = i64::from(day);
    (day < days_of(294_247, 1, 1)).then_some(day)?.checked_mul(DAY)
}

#[derive(Debug, Clone, Copy)]
enum Unit {
    /// A fixed number of microseconds, counted from a moment.
    Fixed(i64, i64),
    /// A number of months of a year.
    Months(i64),
}

impl Unit {
    fn of(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "microsecond" | "microseconds" => Unit::Fixed(1, 0),
            "millisecond" | "milliseconds" => Unit::Fixed(1_000, 0),
            "second" => Unit::Fixed(SECOND, 0),
            "minute" => Unit::Fixed(60 * SECOND, 0),
            "hour" => Unit::Fixed(3_600 * SECOND, 0),
            "day" => Unit::Fixed(DAY, 0),
            "week" => Unit::Fixed(7 * DAY, MONDAY),
            "month" => Unit::Months(1),
            "quarter" => Unit::Months(3),
            "year" => Unit::Months(12),
            _ => return None,
        })
    }

    /// The beginning of the unit; NULL where it may lie before everything that can be counted.
    fn cut(self, moment: i64) -> Option<i64> {
        let long = !matches!(self, Unit::Fixed(length, _) if length <= DAY);
        if long && moment < EARLIEST {
            return None;
        }
        match self {
            Unit::Fixed(length, from) => {
                let since = moment.checked_sub(from)?;
                moment.checked_sub(since.rem_euclid(length))
            }
            Unit::Months(months) => {
                let day = date_of(moment.div_euclid(DAY));
                let month = (day.month - 1) / months * months + 1;
                days_of(day.year, month, 1).checked_mul(DAY)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, NaiveDate};

    #[test]
    fn units_begin_where_the_calendar_says() {
        let micros =
            |text: &str| DateTime::parse_from_rfc3339(text).expect("a time").timestamp_micros();
        for (unit, moment, expected) in [
            ("week", "2024-03-03T10:00:00Z", "2024-02-26T00:00:00Z"),
            ("week", "1969-12-31T23:59:59Z", "1969-12-29T00:00:00Z"),
            ("month", "1969-12-31T23:59:59.999999Z", "1969-12-01T00:00:00Z"),
            ("quarter", "0001-06-30T00:00:00Z", "0001-04-01T00:00:00Z"),
            ("year", "9999-12-31T23:59:59.999999Z", "9999-01-01T00:00:00Z"),
            ("hour", "1969-12-31T23:59:59.999999Z", "1969-12-31T23:00:00Z"),
        ] {
            let cut = Unit::of(unit).expect("a unit").cut(micros(moment));
            assert_eq!(cut, Some(micros(expected)), "{unit} of {moment}");
        }
        assert!(Unit::of("epoch").is_none());
        let first = NaiveDate::from_ymd_opt(-4711, 1, 1).and_then(|day| day.and_hms_opt(0, 0, 0));
        assert_eq!(first.map(|first| first.and_utc().timestamp_micros()), Some(EARLIEST));
        let month = Unit::of("month").expect("a unit");
        assert_eq!((month.cut(EARLIEST), month.cut(EARLIEST - 1)), (Some(EARLIEST), None));
    }
}
