//! `to_date(text, pattern)`, `to_timestamp(text, pattern)` and `to_timestamp(seconds)`.
//!
//! A text that does not fit its pattern and a moment that no time stamp can name are ordinary errors, whose
//! words hold no value.

use super::dates::parts;
use super::read::Reader;
use super::{Unsupported, checked, constant};
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, PrimitiveArray};
use arrow_schema::{DataType, Field, FieldRef, TimeUnit};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

/// What a call says whose text does not fit.
pub(in super::super) const NOT_READABLE: &str = "a text does not fit the pattern it is read with";
/// What a call says whose moment is too far away.
pub(in super::super) const OUT_OF_RANGE: &str = "a date or time stamp is out of range";

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// 2000-01-01, from which PostgreSQL counts.
const MILLENNIUM: i64 = 10_957 * DAY;
/// Days from 1970 to the first day of PostgreSQL's calendar, to the last one whose microseconds fit 64 bits,
/// and to the end of PostgreSQL's dates.
const FIRST: i64 = -2_440_588;
const END: i64 = 106_751_991;
const END_OF_DATES: i64 = 2_145_042_906;

/// One of the functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Date,
    Timestamp,
}

/// The functions.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(in super::super) struct ToTime {
    kind: Kind,
    signature: Signature,
}

impl ToTime {
    /// `to_date`.
    pub(in super::super) fn date() -> Self {
        Self::new(Kind::Date)
    }

    /// `to_timestamp`.
    pub(in super::super) fn timestamp() -> Self {
        Self::new(Kind::Timestamp)
    }

    fn new(kind: Kind) -> Self {
        Self { kind, signature: Signature::user_defined(Volatility::Immutable) }
    }

    fn data_type(&self) -> DataType {
        match self.kind {
            Kind::Date => DataType::Date32,
            Kind::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
        }
    }

    fn usage(&self) -> Unsupported {
        match self.kind {
            Kind::Date => Unsupported::new(
                "to_date takes a text and a pattern",
                "such as to_date(t, 'YYYY-MM-DD'); write CAST(x AS date) for a time stamp or an ISO date",
            ),
            Kind::Timestamp => Unsupported::new(
                "to_timestamp takes a text and a pattern, or the seconds since 1970",
                "such as to_timestamp(t, 'YYYY-MM-DD HH24:MI:SS'); write CAST(x AS timestamp) for an ISO text",
            ),
        }
    }
}

impl ScalarUDFImpl for ToTime {
    fn name(&self) -> &str {
        match self.kind {
            Kind::Date => "to_date",
            Kind::Timestamp => "to_timestamp",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.data_type())
    }

    /// Reads the pattern, so that one that is not supported is an error before anything runs.
    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let is_text =
            |field: &FieldRef| field.data_type().is_string() || field.data_type().is_null();
        match args.arg_fields {
            [text, pattern] if is_text(text) && is_text(pattern) => {
                if let Some(pattern) = constant(self.name(), &args)? {
                    Reader::new(parts(&pattern)?)?;
                }
            }
            [seconds] if self.kind == Kind::Timestamp && seconds.data_type().is_numeric() => {}
            _ => return Err(self.usage().into()),
        }
        Ok(Arc::new(Field::new(self.name(), self.data_type(), true)))
    }

    /// What does not fit is refused above, where there are words for it.
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let coerced = |data_type: &DataType| match data_type {
            text if text.is_string() || text.is_null() => DataType::Utf8,
            number if number.is_numeric() => DataType::Float64,
            other => other.clone(),
        };
        Ok(types.iter().map(coerced).collect())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = matches!(args.args[0], ColumnarValue::Scalar(_));
        let values = args.args[0].to_array(if scalar { 1 } else { args.number_rows })?;
        let moments = match args.args.get(1) {
            None => self.of_seconds(&values)?,
            Some(ColumnarValue::Scalar(pattern)) => match checked(self.name(), pattern)? {
                Some(pattern) => self.of_texts(&values, &pattern)?,
                None => arrow_array::new_null_array(&self.data_type(), values.len()),
            },
            Some(_) => return exec_err!("the pattern of to_date and to_timestamp is a constant"),
        };
        if scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&moments, 0)?));
        }
        Ok(ColumnarValue::Array(moments))
    }
}

impl ToTime {
    fn of_texts(&self, values: &ArrayRef, pattern: &str) -> Result<ArrayRef> {
        let reader = Reader::new(parts(pattern)?)?;
        let read = |text| match reader.read(text) {
            Some(read) => Ok(read),
            None => exec_err!("{NOT_READABLE}"),
        };
        let texts = values.as_string::<i32>().iter();
        Ok(match self.kind {
            Kind::Date => {
                let days = texts.map(|text| {
                    let Some(text) = text else { return Ok(None) };
                    within(FIRST, read(text)?.days, END_OF_DATES)
                        .map(|days| i32::try_from(days).ok())
                });
                Arc::new(days.collect::<Result<PrimitiveArray<Date32Type>>>()?)
            }
            Kind::Timestamp => {
                let moments = texts.map(|text| {
                    let Some(text) = text else { return Ok(None) };
                    let read = read(text)?;
                    let days = within(FIRST, read.days, END)?;
                    Ok(Some(rounded(days * DAY + read.time, read.precision)))
                });
                self.moments(moments.collect::<Result<_>>()?)
            }
        })
    }

    fn of_seconds(&self, values: &ArrayRef) -> Result<ArrayRef> {
        let moments = values.as_primitive::<Float64Type>().iter().map(|seconds| {
            let Some(seconds) = seconds else { return Ok(None) };
            moment(seconds).map(Some)
        });
        Ok(self.moments(moments.collect::<Result<_>>()?))
    }

    fn moments(&self, moments: PrimitiveArray<TimestampMicrosecondType>) -> ArrayRef {
        Arc::new(moments.with_data_type(self.data_type()))
    }
}

fn within(first: i64, days: i64, end: i64) -> Result<i64> {
    if (first..end).contains(&days) { Ok(days) } else { exec_err!("{OUT_OF_RANGE}") }
}

/// A moment with fewer digits of a second, rounded away from the beginning of 2000.
fn rounded(micros: i64, precision: Option<u8>) -> i64 {
    let Some(precision) = precision else { return micros };
    let unit = 10_i64.pow(6 - u32::from(precision));
    let since = micros - MILLENNIUM;
    let up = (since.abs() + unit / 2) / unit * unit;
    MILLENNIUM + if since < 0 { -up } else { up }
}

/// The moment so many seconds after 1970 began, to the nearest microsecond that PostgreSQL finds: it
/// counts from 2000.
fn moment(seconds: f64) -> Result<i64> {
    let day = 86_400.0;
    let (first, end) = (FIRST as f64 * day, END as f64 * day);
    if !(seconds >= first && seconds < end) {
        return exec_err!("{OUT_OF_RANGE}");
    }
    let millennium = (MILLENNIUM / SECOND) as f64;
    let micros = ((seconds - millennium) * 1e6).round_ties_even();
    let micros = micros as i64;
    Ok(MILLENNIUM + micros)
}
