//! Encoders from Arrow columns to text and JSON: one per column and batch, chosen once.

use super::temporal::{push_date, push_interval, push_padded, push_time, push_timestamp};
use crate::error::{Code, Error, Result};
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayAccessor, ArrowPrimitiveType, BooleanArray, PrimitiveArray};
use arrow_buffer::{NullBuffer, OffsetBuffer, i256};
use arrow_schema::{DataType, IntervalUnit, TimeUnit};
use serde_json::{Map, Number, Value as Json};
use std::fmt::Write;
use std::ops::Range;

/// The largest whole number that every JSON reader keeps.
const SAFE_INTEGER: u64 = 1 << 53;

/// One cell, on its way to text and JSON.
pub(super) enum Form<'a> {
    /// An SQL NULL; nothing was written.
    Null,
    /// TRUE or FALSE; its text was written.
    Boolean(bool),
    /// A JSON number; its text was written.
    Number(Number),
    /// A JSON string of digits, signs and letters; its text was written.
    Digits,
    /// A JSON string; nothing was written.
    Text(&'a str),
    /// A JSON array or object; nothing was written.
    Nested(Json),
}

/// One column of one batch.
pub(super) struct Column<'a> {
    nulls: Option<NullBuffer>,
    encoder: Box<dyn Encode + 'a>,
}

impl<'a> Column<'a> {
    /// The encoder of a column called `name`.
    pub(super) fn of(array: &'a dyn Array, name: &str) -> Result<Self> {
        let encoder = encoder(array, name)?;
        Ok(Self { nulls: array.logical_nulls(), encoder })
    }

    /// The cell of a row; see [`Form`] for what is written to `out`.
    pub(super) fn form(&self, row: usize, out: &mut String) -> Form<'_> {
        match &self.nulls {
            Some(nulls) if nulls.is_null(row) => Form::Null,
            _ => self.encoder.form(row, out),
        }
    }

    /// The cell as JSON alone.
    fn json(&self, row: usize) -> Json {
        let mut text = String::new();
        match self.form(row, &mut text) {
            Form::Null => Json::Null,
            Form::Boolean(value) => Json::Bool(value),
            Form::Number(number) => Json::Number(number),
            Form::Digits => Json::String(text),
            Form::Text(text) => Json::String(text.to_string()),
            Form::Nested(json) => json,
        }
    }
}

/// The cells of a column that are not NULL.
trait Encode {
    fn form(&self, row: usize, out: &mut String) -> Form<'_>;
}

/// Whole numbers.
struct Integers<'a, T: ArrowPrimitiveType>(&'a PrimitiveArray<T>);

impl<T: ArrowPrimitiveType<Native: Into<i64>>> Encode for Integers<'_, T> {
    fn form(&self, row: usize, out: &mut String) -> Form<'_> {
        let number: i64 = self.0.value(row).into();
        if number < 0 {
            out.push('-');
        }
        push_padded(out, number.unsigned_abs(), 1);
        if number.unsigned_abs() > SAFE_INTEGER {
            Form::Digits
        } else {
            Form::Number(number.into())
        }
    }
}

/// Values that become text which needs no quotes.
struct Written<'a, T: ArrowPrimitiveType, W> {
    array: &'a PrimitiveArray<T>,
    write: W,
}

impl<T: ArrowPrimitiveType, W: Fn(T::Native, &mut String)> Encode for Written<'_, T, W> {
    fn form(&self, row: usize, out: &mut String) -> Form<'_> {
        (self.write)(self.array.value(row), out);
        Form::Digits
    }
}

/// Values that become a form by a function.
struct Formed<'a, T: ArrowPrimitiveType, F> {
    array: &'a PrimitiveArray<T>,
    form: F,
}

impl<T, F> Encode for Formed<'_, T, F>
where
    T: ArrowPrimitiveType,
    F: Fn(T::Native, &mut String) -> Form<'static>,
{
    fn form(&self, row: usize, out: &mut String) -> Form<'_> {
        (self.form)(self.array.value(row), out)
    }
}

struct Booleans<'a>(&'a BooleanArray);

impl Encode for Booleans<'_> {
    fn form(&self, row: usize, out: &mut String) -> Form<'_> {
        let value = self.0.value(row);
        out.push_str(if value { "true" } else { "false" });
        Form::Boolean(value)
    }
}

struct Texts<'a, A>(&'a A);

impl<'a, A> Encode for Texts<'a, A>
where
    &'a A: ArrayAccessor<Item = &'a str>,
{
    fn form(&self, row: usize, _: &mut String) -> Form<'_> {
        Form::Text(self.0.value(row))
    }
}

struct Bytes<'a, A>(&'a A);

impl<'a, A> Encode for Bytes<'a, A>
where
    &'a A: ArrayAccessor<Item = &'a [u8]>,
{
    fn form(&self, row: usize, out: &mut String) -> Form<'_> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        out.push_str("\\x");
        for byte in self.0.value(row) {
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        Form::Digits
    }
}

struct Nulls;

impl Encode for Nulls {
    fn form(&self, _: usize, _: &mut String) -> Form<'_> {
        Form::Null
    }
}

struct Lists<'a> {
    items: Column<'a>,
    range: Box<dyn Fn(usize) -> Range<usize> + 'a>,
}

impl Encode for Lists<'_> {
    fn form(&self, row: usize, _: &mut String) -> Form<'_> {
        Form::Nested((self.range)(row).map(|item| self.items.json(item)).collect())
    }
}

struct Structs<'a>(Vec<(&'a str, Column<'a>)>);

impl Encode for Structs<'_> {
    fn form(&self, row: usize, _: &mut String) -> Form<'_> {
        let fields = self.0.iter().map(|(name, column)| ((*name).to_string(), column.json(row)));
        Form::Nested(Json::Object(fields.collect()))
    }
}

struct Maps<'a> {
    keys: Column<'a>,
    values: Column<'a>,
    offsets: &'a OffsetBuffer<i32>,
}

impl Encode for Maps<'_> {
    fn form(&self, row: usize, _: &mut String) -> Form<'_> {
        let mut object = Map::new();
        for at in range_of(self.offsets, row) {
            let key = match self.keys.json(at) {
                Json::String(key) => key,
                other => other.to_string(),
            };
            object.insert(key, self.values.json(at));
        }
        Form::Nested(Json::Object(object))
    }
}

struct Dictionaries<'a> {
    keys: Vec<usize>,
    values: Column<'a>,
}

impl Encode for Dictionaries<'_> {
    fn form(&self, row: usize, out: &mut String) -> Form<'_> {
        self.values.form(self.keys[row], out)
    }
}

fn encoder<'a>(array: &'a dyn Array, name: &str) -> Result<Box<dyn Encode + 'a>> {
    let found = scalar(array).or_else(|| timed(array));
    match found {
        Some(encoder) => Ok(encoder),
        None => nested(array, name),
    }
}

fn scalar<'a>(array: &'a dyn Array) -> Option<Box<dyn Encode + 'a>> {
    Some(match array.data_type() {
        DataType::Null => Box::new(Nulls),
        DataType::Boolean => Box::new(Booleans(array.as_boolean())),
        DataType::Int8 => Box::new(Integers(array.as_primitive::<Int8Type>())),
        DataType::Int16 => Box::new(Integers(array.as_primitive::<Int16Type>())),
        DataType::Int32 => Box::new(Integers(array.as_primitive::<Int32Type>())),
        DataType::Int64 => Box::new(Integers(array.as_primitive::<Int64Type>())),
        DataType::UInt8 => Box::new(Integers(array.as_primitive::<UInt8Type>())),
        DataType::UInt16 => Box::new(Integers(array.as_primitive::<UInt16Type>())),
        DataType::UInt32 => Box::new(Integers(array.as_primitive::<UInt32Type>())),
        DataType::UInt64 => formed::<UInt64Type, _>(array, unsigned),
        DataType::Float16 => formed::<Float16Type, _>(array, |v, out| single(v.to_f32(), out)),
        DataType::Float32 => formed::<Float32Type, _>(array, single),
        DataType::Float64 => formed::<Float64Type, _>(array, double),
        DataType::Decimal32(_, scale) => decimal::<Decimal32Type, _>(array, *scale),
        DataType::Decimal64(_, scale) => decimal::<Decimal64Type, _>(array, *scale),
        DataType::Decimal128(_, scale) => decimal::<Decimal128Type, _>(array, *scale),
        DataType::Decimal256(_, scale) => {
            let scale = *scale;
            written::<Decimal256Type, _>(array, move |v, out| push_wide(out, v, scale))
        }
        DataType::Utf8 => Box::new(Texts(array.as_string::<i32>())),
        DataType::LargeUtf8 => Box::new(Texts(array.as_string::<i64>())),
        DataType::Utf8View => Box::new(Texts(array.as_string_view())),
        DataType::Binary => Box::new(Bytes(array.as_binary::<i32>())),
        DataType::LargeBinary => Box::new(Bytes(array.as_binary::<i64>())),
        DataType::BinaryView => Box::new(Bytes(array.as_binary_view())),
        DataType::FixedSizeBinary(_) => Box::new(Bytes(array.as_fixed_size_binary())),
        _ => return None,
    })
}

fn timed<'a>(array: &'a dyn Array) -> Option<Box<dyn Encode + 'a>> {
    use DataType::{Date32, Date64, Duration, Interval, Time32, Time64, Timestamp};
    Some(match array.data_type() {
        Date32 => written::<Date32Type, _>(array, |v, out| push_date(out, v.into())),
        Date64 => {
            written::<Date64Type, _>(array, |v, out| push_date(out, v.div_euclid(86_400_000)))
        }
        Time32(TimeUnit::Second) => {
            written::<Time32SecondType, _>(array, |v, out| push_time(out, v.into(), 1))
        }
        Time32(_) => {
            written::<Time32MillisecondType, _>(array, |v, out| push_time(out, v.into(), 1000))
        }
        Time64(TimeUnit::Microsecond) => {
            written::<Time64MicrosecondType, _>(array, |v, out| push_time(out, v, MICROS))
        }
        Time64(_) => written::<Time64NanosecondType, _>(array, |v, out| push_time(out, v, NANOS)),
        Timestamp(TimeUnit::Second, zone) => stamp::<TimestampSecondType>(array, 1, zone.is_some()),
        Timestamp(TimeUnit::Millisecond, zone) => {
            stamp::<TimestampMillisecondType>(array, 1000, zone.is_some())
        }
        Timestamp(TimeUnit::Microsecond, zone) => {
            stamp::<TimestampMicrosecondType>(array, MICROS, zone.is_some())
        }
        Timestamp(TimeUnit::Nanosecond, zone) => {
            stamp::<TimestampNanosecondType>(array, NANOS, zone.is_some())
        }
        Duration(TimeUnit::Second) => span::<DurationSecondType>(array, 1),
        Duration(TimeUnit::Millisecond) => span::<DurationMillisecondType>(array, 1000),
        Duration(TimeUnit::Microsecond) => span::<DurationMicrosecondType>(array, MICROS),
        Duration(TimeUnit::Nanosecond) => span::<DurationNanosecondType>(array, NANOS),
        Interval(IntervalUnit::YearMonth) => {
            written::<IntervalYearMonthType, _>(array, |v, out| {
                push_interval(out, v.into(), 0, 0, 1);
            })
        }
        Interval(IntervalUnit::DayTime) => written::<IntervalDayTimeType, _>(array, |v, out| {
            push_interval(out, 0, v.days.into(), v.milliseconds.into(), 1000);
        }),
        Interval(IntervalUnit::MonthDayNano) => {
            written::<IntervalMonthDayNanoType, _>(array, |v, out| {
                push_interval(out, v.months.into(), v.days.into(), v.nanoseconds, NANOS);
            })
        }
        _ => return None,
    })
}

fn nested<'a>(array: &'a dyn Array, name: &str) -> Result<Box<dyn Encode + 'a>> {
    Ok(match array.data_type() {
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let range = Box::new(|row| range_of(list.offsets(), row));
            Box::new(Lists { items: Column::of(list.values(), name)?, range })
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            let range = Box::new(|row| range_of(list.offsets(), row));
            Box::new(Lists { items: Column::of(list.values(), name)?, range })
        }
        DataType::FixedSizeList(_, _) => {
            let list = array.as_fixed_size_list();
            let length = usize::try_from(list.value_length()).unwrap_or_default();
            let range = Box::new(move |row| row * length..(row + 1) * length);
            Box::new(Lists { items: Column::of(list.values(), name)?, range })
        }
        DataType::Struct(fields) => {
            let columns = fields.iter().zip(array.as_struct().columns());
            let columns = columns.map(|(f, c)| Ok((f.name().as_str(), Column::of(c, name)?)));
            Box::new(Structs(columns.collect::<Result<_>>()?))
        }
        DataType::Map(_, _) => {
            let map = array.as_map();
            let keys = Column::of(map.keys(), name)?;
            let values = Column::of(map.values(), name)?;
            Box::new(Maps { keys, values, offsets: map.offsets() })
        }
        DataType::Dictionary(_, _) => {
            let dictionary = array.as_any_dictionary();
            if dictionary.values().is_empty() {
                return Ok(Box::new(Nulls));
            }
            let values = Column::of(dictionary.values(), name)?;
            Box::new(Dictionaries { keys: dictionary.normalized_keys(), values })
        }
        other => {
            let message = format!("column \"{name}\" has a type that cannot be shown ({other})");
            return Err(Error::new(Code::InvalidStatement, message)
                .with_hint("cast it to text in the statement"));
        }
    })
}

const MICROS: i64 = 1_000_000;
const NANOS: i64 = 1_000_000_000;

fn written<'a, T, W>(array: &'a dyn Array, write: W) -> Box<dyn Encode + 'a>
where
    T: ArrowPrimitiveType,
    W: Fn(T::Native, &mut String) + 'a,
{
    Box::new(Written { array: array.as_primitive::<T>(), write })
}

fn formed<'a, T, F>(array: &'a dyn Array, form: F) -> Box<dyn Encode + 'a>
where
    T: ArrowPrimitiveType,
    F: Fn(T::Native, &mut String) -> Form<'static> + 'a,
{
    Box::new(Formed { array: array.as_primitive::<T>(), form })
}

fn decimal<'a, T, N>(array: &'a dyn Array, scale: i8) -> Box<dyn Encode + 'a>
where
    T: ArrowPrimitiveType<Native = N>,
    N: Into<i128>,
{
    written::<T, _>(array, move |v, out| push_decimal(out, v.into(), scale))
}

fn stamp<'a, T: ArrowPrimitiveType<Native = i64>>(
    array: &'a dyn Array,
    per_second: i64,
    is_instant: bool,
) -> Box<dyn Encode + 'a> {
    written::<T, _>(array, move |v, out| {
        push_timestamp(out, v, per_second);
        if is_instant {
            out.push('Z');
        }
    })
}

fn span<'a, T>(array: &'a dyn Array, per_second: i64) -> Box<dyn Encode + 'a>
where
    T: ArrowPrimitiveType<Native = i64>,
{
    written::<T, _>(array, move |v, out| push_interval(out, 0, 0, v, per_second))
}

fn unsigned(number: u64, out: &mut String) -> Form<'static> {
    push_padded(out, number, 1);
    if number > SAFE_INTEGER { Form::Digits } else { Form::Number(number.into()) }
}

fn double(number: f64, out: &mut String) -> Form<'static> {
    let Some(number) = Number::from_f64(number) else {
        out.push_str(if number.is_nan() {
            "NaN"
        } else if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        });
        return Form::Digits;
    };
    // Writing to a string does not fail.
    let _ = write!(out, "{number}");
    Form::Number(number)
}

/// The double with the same shortest digits: 0.1 stays 0.1.
fn single(number: f32, out: &mut String) -> Form<'static> {
    double(format!("{number}").parse().unwrap_or(f64::from(number)), out)
}

/// The digits with the point where the scale puts it.
fn push_decimal(out: &mut String, value: i128, scale: i8) {
    if value < 0 {
        out.push('-');
    }
    let magnitude = value.unsigned_abs();
    match (u64::try_from(magnitude), u32::try_from(scale)) {
        (Ok(small), Ok(scale @ 0..=19)) => {
            let unit = 10_u64.pow(scale);
            push_padded(out, small / unit, 1);
            if scale > 0 {
                out.push('.');
                push_padded(out, small % unit, scale as usize);
            }
        }
        _ => push_digits(out, &magnitude.to_string(), scale),
    }
}

/// A wide decimal loses the zeros behind its point: its scale is not the column's.
fn push_wide(out: &mut String, value: i256, scale: i8) {
    let digits = value.to_string();
    let magnitude = digits.strip_prefix('-').unwrap_or(&digits);
    if magnitude.len() < digits.len() {
        out.push('-');
    }
    push_digits(out, magnitude, scale);
    if scale > 0 {
        let kept = out.trim_end_matches('0').trim_end_matches('.').len();
        out.truncate(kept);
    }
}

fn push_digits(out: &mut String, digits: &str, scale: i8) {
    let scale_digits = usize::from(scale.unsigned_abs());
    if scale <= 0 {
        out.push_str(digits);
        if digits != "0" {
            out.extend(std::iter::repeat_n('0', scale_digits));
        }
        return;
    }
    let padded = format!("{digits:0>width$}", width = scale_digits + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale_digits);
    out.push_str(whole);
    out.push('.');
    out.push_str(fraction);
}

fn range_of<O: arrow_array::OffsetSizeTrait>(
    offsets: &OffsetBuffer<O>,
    row: usize,
) -> Range<usize> {
    offsets[row].as_usize()..offsets[row + 1].as_usize()
}
