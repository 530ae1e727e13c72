//! `extract` and `date_part` over everything that a column can hold, with PostgreSQL's seconds.
//!
//! The engine's own function cuts the fraction off seconds, knows no century, and has no part for a day that is
//! 262,143 years away. Times and intervals without a day are left to it. Years are counted with a year 0.

use super::patterns::calendar::{date_of, days_of, iso_year, iso_year_begins, weekday};
use super::patterns::{Unsupported, micros};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, DurationMicrosecondType, Int32Type, IntervalMonthDayNanoType,
    Time64MicrosecondType,
};
use arrow_array::{Array, ArrayRef, PrimitiveArray};
use arrow_schema::{DataType, Field as Column, FieldRef, TimeUnit};
use datafusion::arrow::compute::cast;
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult};
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use std::sync::Arc;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 86_400 * SECOND;
/// Digits of a number below 60 with six behind the point; those of milliseconds are as many.
const DIGITS: u8 = 8;

/// The function, around the engine's.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct DatePart {
    inner: Arc<ScalarUDF>,
}

impl DatePart {
    /// The function's name.
    pub(super) const NAME: &'static str = "date_part";

    pub(super) fn new(inner: Arc<ScalarUDF>) -> Self {
        Self { inner }
    }
}

/// Plans `extract(part FROM x)`.
#[derive(Debug)]
pub(super) struct ExtractPlanner {
    function: Arc<ScalarUDF>,
}

impl ExtractPlanner {
    pub(super) fn new(function: Arc<ScalarUDF>) -> Self {
        Self { function }
    }
}

impl ExprPlanner for ExtractPlanner {
    fn plan_extract(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(PlannerResult::Planned(self.function.call(args)))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Of a minute, with so many digits behind the point.
    Second(i8),
    Millennium,
    Century,
    Decade,
    Year,
    IsoYear,
    Quarter,
    Month,
    Week,
    Day,
    DayOfWeek,
    IsoDayOfWeek,
    DayOfYear,
    Hour,
    Minute,
    /// A part that the engine computes as well.
    Engines,
}

/// The words for parts, as PostgreSQL has them.
const PARTS: &[(&str, Part)] = &[
    ("second", Part::Second(6)),
    ("seconds", Part::Second(6)),
    ("sec", Part::Second(6)),
    ("millisecond", Part::Second(3)),
    ("milliseconds", Part::Second(3)),
    ("msec", Part::Second(3)),
    ("millennium", Part::Millennium),
    ("century", Part::Century),
    ("decade", Part::Decade),
    ("year", Part::Year),
    ("years", Part::Year),
    ("isoyear", Part::IsoYear),
    ("quarter", Part::Quarter),
    ("qtr", Part::Quarter),
    ("month", Part::Month),
    ("months", Part::Month),
    ("week", Part::Week),
    ("weeks", Part::Week),
    ("day", Part::Day),
    ("days", Part::Day),
    ("dow", Part::DayOfWeek),
    ("isodow", Part::IsoDayOfWeek),
    ("doy", Part::DayOfYear),
    ("hour", Part::Hour),
    ("hours", Part::Hour),
    ("minute", Part::Minute),
    ("minutes", Part::Minute),
    ("epoch", Part::Engines),
    ("microsecond", Part::Engines),
    ("microseconds", Part::Engines),
];

impl Part {
    fn of(value: Option<&ScalarValue>) -> Result<Self, Unsupported> {
        let word = value.and_then(|value| value.try_as_str().flatten()).unwrap_or_default();
        let word = word.trim_matches(['\'', '"']).to_ascii_lowercase();
        let part = PARTS.iter().find(|(name, _)| *name == word);
        part.map(|(_, part)| *part).ok_or_else(|| {
            Unsupported::new(
                "a part of a date that is none of the known ones",
                "use year, quarter, month, week, day, dow, isodow, doy, isoyear, hour, minute, second, \
                 milliseconds, microseconds, epoch, decade, century or millennium",
            )
        })
    }

    /// The part of a moment.
    fn of_moment(self, micros: i64) -> i64 {
        let (days, time) = (micros.div_euclid(DAY), micros.rem_euclid(DAY));
        let date = date_of(days);
        let monday = (weekday(days) + 6) % 7;
        match self {
            Self::Second(_) | Self::Engines => time % MINUTE,
            Self::Millennium => round(date.year, 1_000),
            Self::Century => round(date.year, 100),
            Self::Decade => date.year.div_euclid(10),
            Self::Year => date.year,
            Self::IsoYear => iso_year(days),
            Self::Quarter => (date.month - 1) / 3 + 1,
            Self::Month => date.month,
            Self::Week => (days - iso_year_begins(iso_year(days))) / 7 + 1,
            Self::Day => date.day,
            Self::DayOfWeek => weekday(days),
            Self::IsoDayOfWeek => monday + 1,
            Self::DayOfYear => days - days_of(date.year, 1, 1) + 1,
            Self::Hour => time / (60 * MINUTE),
            Self::Minute => time / MINUTE % 60,
        }
    }
}

/// Which hundred or thousand years a year is in: the first begins with the year 1, and there is none
/// between it and the one before, which is -1.
fn round(year: i64, years: i64) -> i64 {
    if year > 0 { (year + years - 1) / years } else { -((years - year) / years) }
}

impl ScalarUDFImpl for DatePart {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let moment = args.arg_fields[1].data_type();
        match Part::of(args.scalar_arguments[0])? {
            Part::Second(scale) => {
                let data_type = DataType::Decimal128(DIGITS, scale);
                Ok(Arc::new(Column::new(Self::NAME, data_type, true)))
            }
            part if is_ours(part, moment) => {
                Ok(Arc::new(Column::new(Self::NAME, DataType::Int32, true)))
            }
            Part::Millennium | Part::Century | Part::Decade => {
                let hint = "take it from a date or a time stamp";
                Err(Unsupported::new("a century of a time or an interval", hint).into())
            }
            _ => self.inner.return_field_from_args(args),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let ColumnarValue::Scalar(word) = &args.args[0] else {
            return exec_err!("the part of a date is a constant");
        };
        let part = Part::of(Some(word))?;
        let scalar = matches!(args.args[1], ColumnarValue::Scalar(_));
        if !matches!(part, Part::Second(_)) && !is_ours(part, &args.args[1].data_type()) {
            return self.inner.invoke_with_args(args);
        }
        let values = args.args[1].to_array(if scalar { 1 } else { args.number_rows })?;
        let parts = parts(part, &values)?;
        if scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&parts, 0)?));
        }
        Ok(ColumnarValue::Array(parts))
    }

    /// A year is a range of the column, which a source can be asked for.
    fn preimage(
        &self,
        args: &[Expr],
        value: &Expr,
        info: &SimplifyContext,
    ) -> Result<PreimageResult> {
        self.inner.inner().preimage(args, value, info)
    }
}

/// Whether a part is computed here; values without a day are the engine's.
fn is_ours(part: Part, data_type: &DataType) -> bool {
    part != Part::Engines && matches!(data_type, DataType::Date32 | DataType::Timestamp(_, _))
}

fn parts(part: Part, values: &ArrayRef) -> Result<ArrayRef> {
    let moments = moments(values)?;
    Ok(match part {
        Part::Second(scale) => {
            let seconds = moments.into_iter().map(|micros| {
                let fraction = micros.map(|micros| match values.data_type() {
                    DataType::Interval(_) | DataType::Duration(_) => micros % MINUTE,
                    _ => part.of_moment(micros),
                });
                fraction.map(i128::from)
            });
            let seconds: PrimitiveArray<Decimal128Type> = seconds.collect();
            Arc::new(seconds.with_data_type(DataType::Decimal128(DIGITS, scale)))
        }
        part => {
            let numbers = moments
                .into_iter()
                .map(|micros| micros.and_then(|micros| i32::try_from(part.of_moment(micros)).ok()));
            Arc::new(numbers.collect::<PrimitiveArray<Int32Type>>())
        }
    })
}

/// Microseconds since 1970 began, or since midnight, or of an interval's time.
fn moments(values: &ArrayRef) -> Result<Vec<Option<i64>>> {
    Ok(match values.data_type() {
        DataType::Date32 => {
            let days = values.as_primitive::<Date32Type>().iter();
            days.map(|day| day.map(|day| i64::from(day) * DAY)).collect()
        }
        DataType::Timestamp(unit, _) => micros(values, *unit),
        DataType::Time32(_) | DataType::Time64(_) => {
            let times = cast(values, &DataType::Time64(TimeUnit::Microsecond))?;
            times.as_primitive::<Time64MicrosecondType>().iter().collect()
        }
        DataType::Duration(_) => {
            let spans = cast(values, &DataType::Duration(TimeUnit::Microsecond))?;
            spans.as_primitive::<DurationMicrosecondType>().iter().collect()
        }
        DataType::Interval(_) => {
            let whole = DataType::Interval(arrow_schema::IntervalUnit::MonthDayNano);
            let spans = cast(values, &whole)?;
            let spans = spans.as_primitive::<IntervalMonthDayNanoType>().iter();
            spans.map(|span| span.map(|span| span.nanoseconds / 1_000)).collect()
        }
        _ => return exec_err!("there are no seconds in such a value"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn centuries_have_no_year_0() {
        let part = |part: Part, year| part.of_moment(days_of(year, 7, 1) * DAY);
        for (year, century, millennium, decade) in [
            (2024, 21, 3, 202),
            (2000, 20, 2, 200),
            (1, 1, 1, 0),
            (0, -1, -1, 0),
            (-99, -1, -1, -10),
            (-100, -2, -1, -10),
            (-1000, -11, -2, -100),
        ] {
            assert_eq!(part(Part::Century, year), century, "{year}");
            assert_eq!(part(Part::Millennium, year), millennium, "{year}");
            assert_eq!(part(Part::Decade, year), decade, "{year}");
        }
    }
}
