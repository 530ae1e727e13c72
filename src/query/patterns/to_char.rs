//! `to_char(moment, pattern)` and `to_char(number, pattern)`: total, whatever the row holds.

use super::calendar::days_of;
use super::dates::{Part, parts};
use super::figures::Figures;
use super::numbers::NumberPattern;
use super::show::Moment;
use super::{Unsupported, checked, constant};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int64Type,
    TimestampMicrosecondType,
};
use arrow_array::{Array, ArrayRef, StringArray};
use arrow_schema::{DataType, Field, FieldRef, TimeUnit};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

/// The digits of a number that mean something.
const DIGITS_OF_DOUBLE: usize = 15;
const DIGITS_OF_REAL: usize = 6;

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(in super::super) struct ToChar {
    signature: Signature,
}

impl ToChar {
    /// The function's name.
    pub(in super::super) const NAME: &'static str = "to_char";

    pub(in super::super) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for ToChar {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    /// Reads the pattern, so that one that is not supported is an error before anything runs.
    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let [value, _] = args.arg_fields else {
            let hint = "such as to_char(d, 'YYYY-MM-DD') or to_char(n, 'FM999,990.00')";
            return Err(Unsupported::new("to_char takes a value and a pattern", hint).into());
        };
        if coerced(value.data_type()).is_none() {
            let hint = "cast the value first, such as to_char(CAST(x AS date), 'YYYY-MM-DD')";
            let text = "to_char takes a date, a time stamp or a number";
            return Err(Unsupported::new(text, hint).into());
        }
        if let Some(pattern) = constant(Self::NAME, &args)? {
            Pattern::new(&pattern, value.data_type())?;
        }
        Ok(Arc::new(Field::new(Self::NAME, DataType::Utf8, true)))
    }

    /// What does not fit is refused above, where there are words for it.
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(match types {
            [value, _] => vec![coerced(value).unwrap_or_else(|| value.clone()), DataType::Utf8],
            other => other.to_vec(),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let ColumnarValue::Scalar(pattern) = &args.args[1] else {
            return exec_err!("the pattern of to_char is a constant");
        };
        // PostgreSQL shows a moment as NULL where the pattern is empty, and a number as an empty text.
        let of_number = args.args[0].data_type().is_numeric();
        let pattern = checked(Self::NAME, pattern)?;
        let Some(pattern) = pattern.filter(|pattern| of_number || !pattern.is_empty()) else {
            return Ok(ColumnarValue::Scalar(ScalarValue::Utf8(None)));
        };
        let scalar = matches!(args.args[0], ColumnarValue::Scalar(_));
        let values = args.args[0].to_array(if scalar { 1 } else { args.number_rows })?;
        let shown = Pattern::new(&pattern, values.data_type())?.show(&values)?;
        if scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&shown, 0)?));
        }
        Ok(ColumnarValue::Array(Arc::new(shown)))
    }
}

/// The type in which values of a type are shown; `None` where they are not.
fn coerced(value: &DataType) -> Option<DataType> {
    Some(match value {
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        DataType::Date64 => DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::UInt64 => DataType::Decimal128(20, 0),
        whole if whole.is_integer() => DataType::Int64,
        DataType::Float16 => DataType::Float32,
        DataType::Null => DataType::Date32,
        DataType::Date32
        | DataType::Float32
        | DataType::Float64
        | DataType::Decimal128(_, _)
        | DataType::Decimal256(_, _) => value.clone(),
        _ => return None,
    })
}

enum Pattern {
    Moment(Vec<Part>),
    Number(NumberPattern),
}

impl Pattern {
    fn new(pattern: &str, data_type: &DataType) -> Result<Self, Unsupported> {
        match data_type {
            number if number.is_numeric() => NumberPattern::new(pattern).map(Self::Number),
            _ => parts(pattern).map(Self::Moment),
        }
    }

    fn show(&self, values: &ArrayRef) -> Result<StringArray> {
        match self {
            Self::Moment(parts) => moments(values, parts),
            Self::Number(pattern) => numbers(values, pattern),
        }
    }
}

fn moments(values: &ArrayRef, parts: &[Part]) -> Result<StringArray> {
    // Where PostgreSQL's time stamps end; a later date has no form there.
    let end = days_of(294_277, 1, 1);
    match values.data_type() {
        DataType::Date32 => {
            let days = values.as_primitive::<Date32Type>().iter();
            let days = days.map(|day| day.map(i64::from).filter(|day| *day < end));
            Ok(written(days, |day, out| Moment::of_day(day).show(parts, out)))
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let micros = values.as_primitive::<TimestampMicrosecondType>().iter();
            let zoned = zone.is_some();
            Ok(written(micros, |micros, out| Moment::new(micros, zoned).show(parts, out)))
        }
        _ => exec_err!("to_char takes a date, a time stamp or a number"),
    }
}

fn numbers(values: &ArrayRef, pattern: &NumberPattern) -> Result<StringArray> {
    let places = pattern.fraction;
    let exact = |unscaled: String, scale: i8, out: &mut String| {
        pattern.show(&Figures::decimal(&unscaled, scale, places), out);
    };
    Ok(match values.data_type() {
        DataType::Int64 => written(values.as_primitive::<Int64Type>().iter(), |value, out| {
            exact(value.to_string(), 0, out);
        }),
        DataType::Decimal128(_, scale) => {
            let values = values.as_primitive::<Decimal128Type>().iter();
            written(values, |value, out| exact(value.to_string(), *scale, out))
        }
        DataType::Decimal256(_, scale) => {
            let values = values.as_primitive::<Decimal256Type>().iter();
            written(values, |value, out| exact(value.to_string(), *scale, out))
        }
        DataType::Float64 => written(values.as_primitive::<Float64Type>().iter(), |value, out| {
            pattern.show(&Figures::float(value, DIGITS_OF_DOUBLE, places), out);
        }),
        DataType::Float32 => written(values.as_primitive::<Float32Type>().iter(), |value, out| {
            pattern.show(&Figures::float(f64::from(value), DIGITS_OF_REAL, places), out);
        }),
        _ => return exec_err!("to_char takes a date, a time stamp or a number"),
    })
}

/// One text for each value, NULL for NULL.
fn written<T>(
    values: impl Iterator<Item = Option<T>>,
    mut write: impl FnMut(T, &mut String),
) -> StringArray {
    let mut text = String::new();
    values
        .map(|value| {
            value.map(|value| {
                text.clear();
                write(value, &mut text);
                text.clone()
            })
        })
        .collect()
}
