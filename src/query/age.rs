//! `age(later, earlier)`: years, months and days between two moments, as people count them.
//!
//! The days that are missing for a whole month are counted in the month of the earlier moment, as
//! PostgreSQL does; subtracting would give days alone.

use super::patterns::Unsupported;
use super::patterns::calendar::{date_of, length_of_month};
use arrow_array::PrimitiveArray;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    IntervalMonthDayNano, IntervalMonthDayNanoType, TimestampMicrosecondType,
};
use arrow_schema::{DataType, Field, FieldRef, IntervalUnit, TimeUnit};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

const DAY: i64 = 86_400_000_000;

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Age {
    signature: Signature,
}

impl Age {
    /// The function's name.
    pub(super) const NAME: &'static str = "age";

    pub(super) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Age {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Interval(IntervalUnit::MonthDayNano))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let is_moment = |field: &FieldRef| matches!(field.data_type(), DataType::Timestamp(_, _));
        match args.arg_fields {
            [later, earlier] if is_moment(later) && is_moment(earlier) => {
                Ok(Arc::new(Field::new(Self::NAME, self.return_type(&[])?, true)))
            }
            _ => {
                let hint =
                    "write age(current_date, x) for the age of today; cast texts to date first";
                Err(Unsupported::new("age takes two dates or time stamps", hint).into())
            }
        }
    }

    /// What does not fit is refused above, where there are words for it.
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let moment = |data_type: &DataType| match data_type {
            DataType::Date32 | DataType::Null | DataType::Timestamp(_, _) => {
                DataType::Timestamp(TimeUnit::Microsecond, None)
            }
            other => other.clone(),
        };
        Ok(types.iter().map(moment).collect())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let sides = ColumnarValue::values_to_arrays(&args.args)?;
        let later = sides[0].as_primitive::<TimestampMicrosecondType>();
        let earlier = sides[1].as_primitive::<TimestampMicrosecondType>();
        let ages = later.iter().zip(earlier.iter());
        let ages: PrimitiveArray<IntervalMonthDayNanoType> =
            ages.map(|(later, earlier)| Some(age(later?, earlier?))).collect();
        if scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&ages, 0)?));
        }
        Ok(ColumnarValue::Array(Arc::new(ages)))
    }
}

fn age(later: i64, earlier: i64) -> IntervalMonthDayNano {
    if later < earlier {
        let (months, days, time) = between(later, earlier);
        return interval(-months, -days, -time);
    }
    let (months, days, time) = between(earlier, later);
    interval(months, days, time)
}

fn interval(months: i64, days: i64, micros: i64) -> IntervalMonthDayNano {
    // Moments of 64 bits are no more than 7,100,000 months apart; days are of one month, the time of one day.
    let narrow = |value: i64| i32::try_from(value).unwrap_or(0);
    IntervalMonthDayNano::new(narrow(months), narrow(days), micros * 1_000)
}

/// Months, days and microseconds from one moment to a later one.
fn between(from: i64, to: i64) -> (i64, i64, i64) {
    let (first, last) = (date_of(from.div_euclid(DAY)), date_of(to.div_euclid(DAY)));
    let mut months = (last.year - first.year) * 12 + last.month - first.month;
    let mut days = last.day - first.day;
    let mut time = to.rem_euclid(DAY) - from.rem_euclid(DAY);
    if time < 0 {
        (time, days) = (time + DAY, days - 1);
    }
    let month = length_of_month(first.year, first.month);
    while days < 0 {
        (days, months) = (days + month, months - 1);
    }
    (months, days, time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[test]
    fn months_are_those_of_the_earlier_moment() {
        let micros =
            |text: &str| DateTime::parse_from_rfc3339(text).expect("a time").timestamp_micros();
        for (later, earlier, expected) in [
            ("2024-03-01T00:00:00Z", "2024-01-31T00:00:00Z", (1, 1, 0)),
            ("2024-01-31T00:00:00Z", "2024-03-01T00:00:00Z", (-1, -1, 0)),
            ("2001-04-10T00:00:00Z", "1957-06-13T00:00:00Z", (43 * 12 + 9, 27, 0)),
            ("2024-01-02T01:00:00Z", "2024-01-01T02:00:00Z", (0, 0, 23 * 3_600_000_000_000)),
        ] {
            let found = age(micros(later), micros(earlier));
            assert_eq!((found.months, found.days, found.nanoseconds), expected, "{later}");
        }
    }
}
