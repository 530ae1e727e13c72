//! Rows of either driver into Arrow builders, one column at a time.

use crate::numeric::Digits;
use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Decimal128Builder, Decimal256Builder, Float32Builder,
    Float64Builder, Int16Builder, Int32Builder, Int64Builder, StringBuilder,
    TimestampMicrosecondBuilder, UInt64Builder,
};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, SchemaRef, TimeUnit};
use celosia_connector_api::query::unfit_bit;
use celosia_connector_api::{ConnectorError, ErrorCode, RenderedQuery};
use std::sync::Arc;

/// Bytes after which a batch is full, whatever its rows: text offsets are 32 bits wide.
const BATCH_BYTES: usize = 16 << 20;
/// Values a builder has room for before it grows; most answers are short.
const SHORT: usize = 32;

/// A value is of another type than the catalog promised.
#[derive(Debug)]
pub(crate) struct Mismatch;

/// What a driver's row gives; `None` is NULL.
pub(crate) trait Cells {
    /// Columns of the row.
    fn len(&self) -> usize;
    /// Prints a NUMBER's digits; `false` is NULL.
    fn number(&self, at: usize, digits: &mut Digits) -> Result<bool, Mismatch>;
    fn text<R>(&self, at: usize, read: impl FnOnce(Option<&str>) -> R) -> Result<R, Mismatch>;
    fn bytes<R>(&self, at: usize, read: impl FnOnce(Option<&[u8]>) -> R) -> Result<R, Mismatch>;
    fn float(&self, at: usize) -> Result<Option<f32>, Mismatch>;
    fn double(&self, at: usize) -> Result<Option<f64>, Mismatch>;
    fn boolean(&self, at: usize) -> Result<Option<bool>, Mismatch>;
    fn moment(&self, at: usize) -> Result<Option<Moment>, Mismatch>;
}

/// A DATE or TIMESTAMP as its fields; one with a zone is in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) year: i32,
    pub(crate) month: u8,
    pub(crate) day: u8,
    pub(crate) hour: u8,
    pub(crate) minute: u8,
    pub(crate) second: u8,
    pub(crate) nanosecond: u32,
}

impl Moment {
    /// Microseconds since 1970; what is finer is cut. The server's calendar is Julian before 1582: a day
    /// that only that calendar has is refused.
    fn micros(self) -> Result<i64, &'static str> {
        // Before Christ the server has no year 0, Arrow has.
        let year = if self.year < 0 { self.year + 1 } else { self.year };
        let date = chrono::NaiveDate::from_ymd_opt(year, self.month.into(), self.day.into());
        let date = date.ok_or("a day that is in no calendar but the server's")?;
        let time = (self.hour.into(), self.minute.into(), self.second.into());
        date.and_hms_nano_opt(time.0, time.1, time.2, self.nanosecond)
            .map(|moment| moment.and_utc().timestamp_micros())
            .ok_or("a malformed time stamp")
    }
}

impl Moment {
    /// The moment so many seconds earlier; `None` where it is no moment.
    pub(crate) fn earlier(self, seconds: i32) -> Option<Self> {
        use chrono::{Datelike, Timelike};
        let date = chrono::NaiveDate::from_ymd_opt(self.year, self.month.into(), self.day.into())?;
        let (hour, minute, second) = (self.hour.into(), self.minute.into(), self.second.into());
        let moment = date.and_hms_nano_opt(hour, minute, second, self.nanosecond)?;
        let moment = moment.checked_sub_signed(chrono::TimeDelta::seconds(seconds.into()))?;
        let small = |value: u32| u8::try_from(value).ok();
        Some(Self {
            year: moment.year(),
            month: small(moment.month())?,
            day: small(moment.day())?,
            hour: small(moment.hour())?,
            minute: small(moment.minute())?,
            second: small(moment.second())?,
            nanosecond: moment.nanosecond(),
        })
    }
}

/// Rows on their way to batches.
pub(crate) struct Batches {
    schema: SchemaRef,
    columns: Vec<Column>,
    /// What was unfit, row by row, where that is deferred.
    unfit: Option<UInt64Builder>,
    rows: usize,
    bytes: usize,
    batch_rows: usize,
}

impl Batches {
    /// Batches of at most `batch_rows` rows.
    pub(crate) fn new(query: &RenderedQuery, batch_rows: usize) -> Result<Self, ConnectorError> {
        let schema = query.schema();
        let columns = query.columns.iter().map(|column| Column::new(&column.data_type));
        let columns = columns.collect::<Option<Vec<_>>>().ok_or_else(|| {
            ConnectorError::new(ErrorCode::QueryFailed, format!("no decoder for {schema:?}"))
        })?;
        let unfit = query.defer_unfit.then(|| UInt64Builder::with_capacity(SHORT));
        Ok(Self { schema, columns, unfit, rows: 0, bytes: 0, batch_rows: batch_rows.max(1) })
    }

    /// The schema of every batch.
    pub(crate) fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Takes one row; says whether the batch is full.
    pub(crate) fn push(&mut self, row: &impl Cells) -> Result<bool, ConnectorError> {
        if !self.columns.is_empty() && row.len() != self.columns.len() {
            return Err(outdated(format!("{} columns for {}", row.len(), self.columns.len())));
        }
        let mut unfit = 0;
        for (index, column) in self.columns.iter_mut().enumerate() {
            let name = || self.schema.field(index).name();
            match column.push(row, index, &mut self.bytes) {
                Err(Mismatch) => {
                    return Err(outdated(format!("column {} is of another type now", name())));
                }
                Ok(Ok(())) => {}
                Ok(Err(reason)) if self.unfit.is_none() => {
                    return Err(ConnectorError::unrepresentable(name(), reason));
                }
                Ok(Err(_)) => {
                    column.push_null();
                    unfit |= unfit_bit(index);
                }
            }
        }
        if let Some(builder) = &mut self.unfit {
            builder.append_value(unfit);
        }
        self.rows += 1;
        Ok(self.rows >= self.batch_rows || self.bytes >= BATCH_BYTES)
    }

    /// The rows taken so far; `None` where there are none.
    pub(crate) fn take(&mut self) -> Result<Option<RecordBatch>, ConnectorError> {
        if self.rows == 0 {
            return Ok(None);
        }
        let unfit = self.unfit.as_mut().map(|unfit| Arc::new(unfit.finish()) as ArrayRef);
        let arrays = self.columns.iter_mut().map(Column::finish).chain(unfit).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        (self.rows, self.bytes) = (0, 0);
        RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
            .map(Some)
            .map_err(|error| ConnectorError::new(ErrorCode::QueryFailed, error.to_string()))
    }
}

fn outdated(context: String) -> ConnectorError {
    ConnectorError::new(ErrorCode::CatalogOutdated, context)
}

enum Column {
    Boolean(BooleanBuilder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    Decimal128(Decimal128Builder, u8, u8),
    Decimal256(Decimal256Builder, u8, u8),
    Text(StringBuilder),
    Binary(BinaryBuilder),
    Timestamp(TimestampMicrosecondBuilder),
}

type Fit = Result<(), &'static str>;

impl Column {
    fn new(data_type: &DataType) -> Option<Self> {
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
                Self::Decimal128(builder, *digits, u8::try_from(*scale).ok()?)
            }
            DataType::Decimal256(digits, scale) => {
                let builder = Decimal256Builder::with_capacity(SHORT);
                let builder = builder.with_data_type(data_type.clone());
                Self::Decimal256(builder, *digits, u8::try_from(*scale).ok()?)
            }
            DataType::Utf8 => Self::Text(StringBuilder::with_capacity(SHORT, SHORT * 16)),
            DataType::Binary => Self::Binary(BinaryBuilder::with_capacity(SHORT, SHORT * 16)),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                let builder = TimestampMicrosecondBuilder::with_capacity(SHORT);
                Self::Timestamp(builder.with_data_type(data_type.clone()))
            }
            _ => return None,
        })
    }

    fn push(&mut self, row: &impl Cells, at: usize, size: &mut usize) -> Result<Fit, Mismatch> {
        *size += 8;
        match self {
            Self::Boolean(builder) => builder.append_option(row.boolean(at)?),
            // Parts of dates and the like; what is stored is 64 bits wide.
            Self::Int16(builder) => match number(row, at, short)? {
                Ok(value) => builder.append_option(value),
                Err(reason) => return Ok(Err(reason)),
            },
            Self::Int32(builder) => match number(row, at, short)? {
                Ok(value) => builder.append_option(value),
                Err(reason) => return Ok(Err(reason)),
            },
            Self::Int64(builder) => match number(row, at, Digits::integer)? {
                Ok(value) => builder.append_option(value),
                Err(reason) => return Ok(Err(reason)),
            },
            Self::Float32(builder) => {
                builder
                    .append_option(row.float(at)?.map(|v| if v.is_nan() { f32::NAN } else { v }));
            }
            Self::Float64(builder) => {
                builder
                    .append_option(row.double(at)?.map(|v| if v.is_nan() { f64::NAN } else { v }));
            }
            Self::Decimal128(builder, digits, scale) => {
                match number(row, at, |number| number.narrow(*digits, *scale))? {
                    Ok(value) => builder.append_option(value),
                    Err(reason) => return Ok(Err(reason)),
                }
            }
            Self::Decimal256(builder, digits, scale) => {
                match number(row, at, |number| number.wide(*digits, *scale))? {
                    Ok(value) => builder.append_option(value),
                    Err(reason) => return Ok(Err(reason)),
                }
            }
            Self::Text(builder) => row.text(at, |text| {
                *size += text.map_or(0, str::len);
                builder.append_option(text);
            })?,
            Self::Binary(builder) => row.bytes(at, |bytes| {
                *size += bytes.map_or(0, <[u8]>::len);
                builder.append_option(bytes);
            })?,
            Self::Timestamp(builder) => match row.moment(at)?.map(Moment::micros).transpose() {
                Ok(value) => builder.append_option(value),
                Err(reason) => return Ok(Err(reason)),
            },
        }
        Ok(Ok(()))
    }

    fn push_null(&mut self) {
        match self {
            Self::Boolean(builder) => builder.append_null(),
            Self::Int16(builder) => builder.append_null(),
            Self::Int32(builder) => builder.append_null(),
            Self::Int64(builder) => builder.append_null(),
            Self::Float32(builder) => builder.append_null(),
            Self::Float64(builder) => builder.append_null(),
            Self::Decimal128(builder, ..) => builder.append_null(),
            Self::Decimal256(builder, ..) => builder.append_null(),
            Self::Text(builder) => builder.append_null(),
            Self::Binary(builder) => builder.append_null(),
            Self::Timestamp(builder) => builder.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Int16(builder) => Arc::new(builder.finish()),
            Self::Int32(builder) => Arc::new(builder.finish()),
            Self::Int64(builder) => Arc::new(builder.finish()),
            Self::Float32(builder) => Arc::new(builder.finish()),
            Self::Float64(builder) => Arc::new(builder.finish()),
            Self::Decimal128(builder, ..) => Arc::new(builder.finish()),
            Self::Decimal256(builder, ..) => Arc::new(builder.finish()),
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Binary(builder) => Arc::new(builder.finish()),
            Self::Timestamp(builder) => Arc::new(builder.finish()),
        }
    }
}

fn short<T: TryFrom<i64>>(number: &Digits) -> Result<T, &'static str> {
    T::try_from(number.integer()?).map_err(|_| "a number beyond its type")
}

type Read<T> = Result<Option<T>, &'static str>;

fn number<T>(
    row: &impl Cells,
    at: usize,
    read: impl FnOnce(&Digits) -> Result<T, &'static str>,
) -> Result<Read<T>, Mismatch> {
    let mut digits = Digits::new();
    if !row.number(at, &mut digits)? {
        return Ok(Ok(None));
    }
    Ok(read(&digits).map(Some))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(year: i32, month: u8, day: u8) -> Moment {
        Moment { year, month, day, hour: 0, minute: 0, second: 0, nanosecond: 0 }
    }

    #[test]
    fn moments_are_cut_to_microseconds() {
        let fine = Moment { nanosecond: 1_999, ..moment(1970, 1, 1) };
        assert_eq!(fine.micros(), Ok(1));
        let before = Moment {
            hour: 23,
            minute: 59,
            second: 59,
            nanosecond: 999_999_999,
            ..moment(1969, 12, 31)
        };
        assert_eq!(before.micros(), Ok(-1));
    }

    #[test]
    fn years_before_christ_are_exact_or_refused() {
        assert!(moment(-4712, 1, 1).micros().is_ok_and(|micros| micros < 0));
        // A leap day of the Julian calendar.
        assert!(moment(1500, 2, 29).micros().is_err());
        let (last, first) = (moment(-1, 12, 31).micros(), moment(1, 1, 1).micros());
        assert_eq!(last.map(|day| day + 86_400_000_000), first);
        assert!(moment(2023, 13, 1).micros().is_err());
        assert!(Moment { hour: 24, ..moment(2023, 1, 1) }.micros().is_err());
    }
}
