//! Binary values into Arrow builders, one column at a time.

use crate::numeric;
use crate::types::oid;
use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Decimal256Builder,
    Float32Builder, Float64Builder, Int16Builder, Int32Builder, Int64Builder,
    IntervalMonthDayNanoBuilder, PrimitiveBuilder, Time64MicrosecondBuilder,
    TimestampMicrosecondBuilder,
};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, BinaryArray, StringArray};
use arrow_buffer::IntervalMonthDayNano;
use arrow_schema::{DataType, TimeUnit};
use std::sync::Arc;

/// Values a builder has room for before it grows; most answers are short.
const SHORT: usize = 32;
/// Days from 1970-01-01 to 2000-01-01, where PostgreSQL counts from.
const EPOCH_DAYS: i32 = 10_957;
/// The same in microseconds.
const EPOCH_MICROS: i64 = 946_684_800_000_000;
const DAY_MICROS: i64 = 86_400_000_000;

/// How the server sends text.
#[derive(Clone, Copy)]
pub(crate) enum TextForm {
    Plain,
    /// One version byte, then text.
    Jsonb,
    /// Sixteen bytes.
    Uuid,
}

/// The values of one column on their way to an array.
pub(crate) enum Column {
    Boolean(BooleanBuilder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    /// With the bound of its units, and its scale.
    Decimal128(Decimal128Builder, u128, u8),
    Decimal256(Decimal256Builder, u8, u8),
    /// Its bytes are proven to be UTF-8 when they are taken, all at once.
    Text(BinaryBuilder, TextForm),
    Binary(BinaryBuilder),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    Timestamp(TimestampMicrosecondBuilder, u32),
    Interval(IntervalMonthDayNanoBuilder),
}

impl Column {
    /// A column of this type; `None` where there is no decoder.
    pub(crate) fn new(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Boolean => Self::Boolean(BooleanBuilder::with_capacity(SHORT)),
            DataType::Int16 => Self::Int16(Int16Builder::with_capacity(SHORT)),
            DataType::Int32 => Self::Int32(Int32Builder::with_capacity(SHORT)),
            DataType::Int64 => Self::Int64(Int64Builder::with_capacity(SHORT)),
            DataType::Float32 => Self::Float32(Float32Builder::with_capacity(SHORT)),
            DataType::Float64 => Self::Float64(Float64Builder::with_capacity(SHORT)),
            DataType::Decimal128(digits, scale) => {
                let builder = Decimal128Builder::with_capacity(SHORT);
                let builder = builder.with_data_type(data_type.clone());
                let limit = numeric::limit_128(*digits);
                Self::Decimal128(builder, limit, u8::try_from(*scale).ok()?)
            }
            DataType::Decimal256(digits, scale) => {
                let builder = Decimal256Builder::with_capacity(SHORT);
                let builder = builder.with_data_type(data_type.clone());
                Self::Decimal256(builder, *digits, u8::try_from(*scale).ok()?)
            }
            DataType::Utf8 => {
                Self::Text(BinaryBuilder::with_capacity(SHORT, SHORT * 16), TextForm::Plain)
            }
            DataType::Binary => Self::Binary(BinaryBuilder::with_capacity(SHORT, SHORT * 16)),
            DataType::Date32 => Self::Date(Date32Builder::with_capacity(SHORT)),
            DataType::Time64(TimeUnit::Microsecond) => {
                Self::Time(Time64MicrosecondBuilder::with_capacity(SHORT))
            }
            DataType::Timestamp(TimeUnit::Microsecond, zone) => {
                let builder = TimestampMicrosecondBuilder::with_capacity(SHORT);
                let native = if zone.is_some() { oid::TIMESTAMPTZ } else { oid::TIMESTAMP };
                Self::Timestamp(builder.with_data_type(data_type.clone()), native)
            }
            DataType::Interval(arrow_schema::IntervalUnit::MonthDayNano) => {
                Self::Interval(IntervalMonthDayNanoBuilder::with_capacity(SHORT))
            }
            _ => return None,
        })
    }

    /// Whether values of this native type can be read into the column, and so how.
    pub(crate) fn accepts(&mut self, native: u32) -> bool {
        match self {
            Self::Boolean(_) => native == oid::BOOL,
            Self::Int16(_) => native == oid::INT2,
            Self::Int32(_) => native == oid::INT4,
            Self::Int64(_) => native == oid::INT8,
            Self::Float32(_) => native == oid::FLOAT4,
            Self::Float64(_) => native == oid::FLOAT8,
            Self::Decimal128(..) | Self::Decimal256(..) => native == oid::NUMERIC,
            Self::Text(_, form) => {
                *form = match native {
                    oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME | oid::JSON => {
                        TextForm::Plain
                    }
                    oid::JSONB => TextForm::Jsonb,
                    oid::UUID => TextForm::Uuid,
                    _ => return false,
                };
                true
            }
            Self::Binary(_) => native == oid::BYTEA,
            Self::Date(_) => native == oid::DATE,
            Self::Time(_) => native == oid::TIME,
            Self::Timestamp(_, expected) => native == *expected,
            Self::Interval(_) => native == oid::INTERVAL,
        }
    }

    /// Takes the binary form of a value, or NULL. What has no exact form is refused, and not taken.
    pub(crate) fn push(&mut self, bytes: Option<&[u8]>) -> Result<(), &'static str> {
        let Some(bytes) = bytes else {
            self.push_null();
            return Ok(());
        };
        match self {
            Self::Boolean(builder) => builder.append_value(fixed::<1>(bytes)?[0] != 0),
            Self::Int16(builder) => builder.append_value(i16::from_be_bytes(fixed(bytes)?)),
            Self::Int32(builder) => builder.append_value(i32::from_be_bytes(fixed(bytes)?)),
            Self::Int64(builder) => builder.append_value(i64::from_be_bytes(fixed(bytes)?)),
            Self::Float32(builder) => {
                let value = f32::from_be_bytes(fixed(bytes)?);
                builder.append_value(if value.is_nan() { f32::NAN } else { value });
            }
            Self::Float64(builder) => {
                let value = f64::from_be_bytes(fixed(bytes)?);
                builder.append_value(if value.is_nan() { f64::NAN } else { value });
            }
            Self::Decimal128(builder, limit, scale) => {
                builder.append_value(numeric::decode_128(bytes, *limit, *scale)?);
            }
            Self::Decimal256(builder, digits, scale) => {
                builder.append_value(numeric::decode_256(bytes, *digits, *scale)?);
            }
            Self::Text(builder, form) => text(builder, *form, bytes)?,
            Self::Binary(builder) => builder.append_value(bytes),
            Self::Date(builder) => builder.append_value(date(bytes)?),
            Self::Time(builder) => builder.append_value(time(bytes)?),
            Self::Timestamp(builder, _) => builder.append_value(timestamp(bytes)?),
            Self::Interval(builder) => builder.append_value(interval(bytes)?),
        }
        Ok(())
    }

    /// Takes a NULL.
    pub(crate) fn push_null(&mut self) {
        match self {
            Self::Boolean(builder) => builder.append_null(),
            Self::Int16(builder) => builder.append_null(),
            Self::Int32(builder) => builder.append_null(),
            Self::Int64(builder) => builder.append_null(),
            Self::Float32(builder) => builder.append_null(),
            Self::Float64(builder) => builder.append_null(),
            Self::Decimal128(builder, ..) => builder.append_null(),
            Self::Decimal256(builder, ..) => builder.append_null(),
            Self::Text(builder, _) => builder.append_null(),
            Self::Binary(builder) => builder.append_null(),
            Self::Date(builder) => builder.append_null(),
            Self::Time(builder) => builder.append_null(),
            Self::Timestamp(builder, _) => builder.append_null(),
            Self::Interval(builder) => builder.append_null(),
        }
    }

    /// The values taken so far, and the rows where one was no text, which are NULL then; as many as
    /// `next` more are expected.
    pub(crate) fn finish(&mut self, next: usize) -> (ArrayRef, Vec<usize>) {
        let array = match self {
            Self::Text(builder, _) => return as_text(&finish_bytes(builder, next)),
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Int16(builder) => finish(builder, next),
            Self::Int32(builder) => finish(builder, next),
            Self::Int64(builder) => finish(builder, next),
            Self::Float32(builder) => finish(builder, next),
            Self::Float64(builder) => finish(builder, next),
            Self::Decimal128(builder, ..) => finish(builder, next),
            Self::Decimal256(builder, ..) => finish(builder, next),
            Self::Binary(builder) => Arc::new(finish_bytes(builder, next)),
            Self::Date(builder) => finish(builder, next),
            Self::Time(builder) => finish(builder, next),
            Self::Timestamp(builder, _) => finish(builder, next),
            Self::Interval(builder) => finish(builder, next),
        };
        (array, Vec::new())
    }
}

fn finish<T: ArrowPrimitiveType>(builder: &mut PrimitiveBuilder<T>, next: usize) -> ArrayRef {
    let array = builder.finish();
    if next > 0 {
        let data_type = array.data_type().clone();
        *builder = PrimitiveBuilder::with_capacity(next).with_data_type(data_type);
    }
    Arc::new(array)
}

fn finish_bytes(builder: &mut BinaryBuilder, next: usize) -> BinaryArray {
    let array = builder.finish();
    if next > 0 {
        // As long as these, and a little longer.
        let bytes = array.value_data().len();
        *builder = BinaryBuilder::with_capacity(next, bytes + bytes / 8);
    }
    array
}

/// The bytes as text, and the rows that hold none.
fn as_text(bytes: &BinaryArray) -> (ArrayRef, Vec<usize>) {
    if let Ok(text) = StringArray::try_from_binary(bytes.clone()) {
        return (Arc::new(text), Vec::new());
    }
    let mut unfit = Vec::new();
    let text: StringArray = bytes
        .iter()
        .enumerate()
        .map(|(row, value)| {
            let text = std::str::from_utf8(value?);
            text.inspect_err(|_| unfit.push(row)).ok()
        })
        .collect();
    (Arc::new(text), unfit)
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], &'static str> {
    bytes.try_into().map_err(|_| "a value of unexpected length")
}

fn text(builder: &mut BinaryBuilder, form: TextForm, bytes: &[u8]) -> Result<(), &'static str> {
    match (form, bytes.split_first()) {
        (TextForm::Plain, _) => builder.append_value(bytes),
        (TextForm::Jsonb, Some((1, text))) => builder.append_value(text),
        (TextForm::Jsonb, _) => return Err("an unknown version of jsonb"),
        (TextForm::Uuid, _) => builder.append_value(uuid(fixed(bytes)?)),
    }
    Ok(())
}

fn uuid(bytes: [u8; 16]) -> [u8; 36] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut out = [b'-'; 36];
    let mut at = 0;
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            at += 1;
        }
        out[at] = HEX[usize::from(byte >> 4)];
        out[at + 1] = HEX[usize::from(byte & 15)];
        at += 2;
    }
    out
}

fn date(bytes: &[u8]) -> Result<i32, &'static str> {
    match i32::from_be_bytes(fixed(bytes)?) {
        i32::MIN | i32::MAX => Err("an infinite date"),
        days => days.checked_add(EPOCH_DAYS).ok_or("a date out of range"),
    }
}

fn time(bytes: &[u8]) -> Result<i64, &'static str> {
    match i64::from_be_bytes(fixed(bytes)?) {
        micros @ 0..DAY_MICROS => Ok(micros),
        _ => Err("the time 24:00"),
    }
}

fn timestamp(bytes: &[u8]) -> Result<i64, &'static str> {
    match i64::from_be_bytes(fixed(bytes)?) {
        i64::MIN | i64::MAX => Err("an infinite time stamp"),
        micros => micros.checked_add(EPOCH_MICROS).ok_or("a time stamp out of range"),
    }
}

fn interval(bytes: &[u8]) -> Result<IntervalMonthDayNano, &'static str> {
    let bytes: [u8; 16] = fixed(bytes)?;
    let micros = i64::from_be_bytes(fixed(&bytes[..8])?);
    let days = i32::from_be_bytes(fixed(&bytes[8..12])?);
    let months = i32::from_be_bytes(fixed(&bytes[12..])?);
    let nanos = micros.checked_mul(1_000).ok_or("an interval out of range")?;
    Ok(IntervalMonthDayNano::new(months, days, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinity_has_no_form() {
        assert!(date(&i32::MAX.to_be_bytes()).is_err() && date(&i32::MIN.to_be_bytes()).is_err());
        assert!(timestamp(&i64::MAX.to_be_bytes()).is_err());
        assert_eq!(date(&0_i32.to_be_bytes()), Ok(10_957));
        assert_eq!(timestamp(&(-EPOCH_MICROS).to_be_bytes()), Ok(0));
        assert!(time(&DAY_MICROS.to_be_bytes()).is_err());
        assert!(interval(&[0x7f; 16]).is_err());
        assert!(date(&[0; 3]).is_err());
    }

    #[test]
    fn what_is_no_text_is_told_by_its_row() {
        let values = [Some(&b"a"[..]), None, Some(b"\xff"), Some("é".as_bytes()), Some(b"")];
        let (array, unfit) = as_text(&BinaryArray::from_iter(values));
        let expected = StringArray::from(vec![Some("a"), None, None, Some("é"), Some("")]);
        assert_eq!((array.as_ref(), unfit), (&expected as &dyn Array, vec![2]));
        // Two halves of a character in two values are none.
        let (array, unfit) = as_text(&BinaryArray::from_iter_values([b"\xc3", b"\xa9"]));
        assert_eq!((array.null_count(), unfit), (2, vec![0, 1]));
    }

    #[test]
    fn uuids_are_canonical() {
        let bytes = 0x123e_4567_e89b_12d3_a456_4266_1417_4000_u128.to_be_bytes();
        assert_eq!(&uuid(bytes), b"123e4567-e89b-12d3-a456-426614174000");
    }
}
