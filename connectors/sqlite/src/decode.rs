//! Stored values into Arrow builders: exactly, or an error that names the column (deferred where the
//! query says so).

use crate::types;
use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int16Builder,
    Int32Builder, Int64Builder, StringBuilder, Time64MicrosecondBuilder,
    TimestampMicrosecondBuilder, UInt64Builder,
};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, SchemaRef, TimeUnit};
use celosia_connector_api::query::unfit_bit;
use celosia_connector_api::{ConnectorError, ErrorCode, RenderedQuery};
use sqlx::sqlite::{SqliteRow, SqliteValueRef};
use sqlx::{Decode, Row, Sqlite, TypeInfo, ValueRef};
use std::sync::Arc;

/// A batch is handed on when its text and bytes reach this, however few its rows.
const BATCH_BYTES: usize = 4 << 20;

/// Rows on their way into a batch.
pub(crate) struct BatchBuilder {
    schema: SchemaRef,
    columns: Vec<ColumnBuilder>,
    /// What was unfit, row by row, where that is deferred.
    unfit: Option<UInt64Builder>,
    most_rows: usize,
    rows: usize,
    bytes: usize,
}

impl BatchBuilder {
    /// A builder for the result of `query`.
    pub(crate) fn new(query: &RenderedQuery, most_rows: usize) -> Result<Self, ConnectorError> {
        let columns = query
            .columns
            .iter()
            .map(|column| ColumnBuilder::new(&column.name, &column.data_type))
            .collect::<Result<Vec<_>, _>>()?;
        let most_rows = most_rows.max(1);
        let unfit = query.defer_unfit.then(|| UInt64Builder::with_capacity(START));
        Ok(Self { schema: query.schema(), columns, unfit, most_rows, rows: 0, bytes: 0 })
    }

    /// The schema of every batch.
    pub(crate) fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Takes a row in; a query without output columns takes in its existence only.
    pub(crate) fn push(&mut self, row: &SqliteRow) -> Result<(), ConnectorError> {
        let mut unfit = 0;
        for (index, column) in self.columns.iter_mut().enumerate() {
            let value = row.try_get_raw(index).map_err(|error| {
                ConnectorError::new(ErrorCode::QueryFailed, "fewer columns than asked for")
                    .with_source(error)
            })?;
            match column.push(value) {
                Ok(bytes) => self.bytes += bytes,
                Err(_) if self.unfit.is_some() => {
                    column.values.append_null();
                    unfit |= unfit_bit(index);
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(builder) = &mut self.unfit {
            builder.append_value(unfit);
        }
        self.rows += 1;
        Ok(())
    }

    /// Whether the batch should be handed on.
    pub(crate) fn is_full(&self) -> bool {
        self.rows >= self.most_rows || self.bytes >= BATCH_BYTES
    }

    /// The rows so far as a batch, if there are any; the builder starts anew.
    pub(crate) fn take(&mut self) -> Result<Option<RecordBatch>, ConnectorError> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        if rows == 0 {
            return Ok(None);
        }
        let unfit = self.unfit.as_mut().map(|unfit| Arc::new(unfit.finish()) as ArrayRef);
        let arrays = self.columns.iter_mut().map(ColumnBuilder::finish).chain(unfit).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options).map(Some).map_err(
            |error| {
                ConnectorError::new(ErrorCode::QueryFailed, "building a batch").with_source(error)
            },
        )
    }
}

struct ColumnBuilder {
    name: String,
    values: Values,
}

enum Values {
    Boolean(BooleanBuilder),
    Short(Int16Builder),
    Middle(Int32Builder),
    Integer(Int64Builder),
    Float(Float64Builder),
    Decimal(Decimal128Builder, u8, u8),
    Text(StringBuilder),
    Bytes(BinaryBuilder),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    Timestamp(TimestampMicrosecondBuilder),
    TimestampUtc(TimestampMicrosecondBuilder),
}

/// Most reads are look-ups: a builder starts small and grows.
const START: usize = 16;

impl ColumnBuilder {
    fn new(name: &str, data_type: &DataType) -> Result<Self, ConnectorError> {
        let timestamps =
            || TimestampMicrosecondBuilder::with_capacity(START).with_data_type(data_type.clone());
        let values = match data_type {
            DataType::Boolean => Values::Boolean(BooleanBuilder::with_capacity(START)),
            DataType::Int16 => Values::Short(Int16Builder::with_capacity(START)),
            DataType::Int32 => Values::Middle(Int32Builder::with_capacity(START)),
            DataType::Int64 => Values::Integer(Int64Builder::with_capacity(START)),
            DataType::Float64 => Values::Float(Float64Builder::with_capacity(START)),
            DataType::Decimal128(precision, scale) if *scale >= 0 => Values::Decimal(
                Decimal128Builder::with_capacity(START).with_data_type(data_type.clone()),
                *precision,
                scale.unsigned_abs(),
            ),
            DataType::Utf8 => Values::Text(StringBuilder::with_capacity(START, START * 16)),
            DataType::Binary => Values::Bytes(BinaryBuilder::with_capacity(START, START * 16)),
            DataType::Date32 => Values::Date(Date32Builder::with_capacity(START)),
            DataType::Time64(TimeUnit::Microsecond) => {
                Values::Time(Time64MicrosecondBuilder::with_capacity(START))
            }
            DataType::Timestamp(TimeUnit::Microsecond, None) => Values::Timestamp(timestamps()),
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
                Values::TimestampUtc(timestamps())
            }
            other => {
                let context = format!("column {name}: {other} is not read from SQLite");
                return Err(ConnectorError::new(ErrorCode::QueryFailed, context));
            }
        };
        Ok(Self { name: name.to_string(), values })
    }

    /// Appends a value and says how many bytes it brought; the only error is an unfit value, for
    /// which nothing was appended.
    fn push(&mut self, value: SqliteValueRef<'_>) -> Result<usize, ConnectorError> {
        let stored = Stored::of(&value);
        if stored == Stored::Null {
            self.values.append_null();
            return Ok(1);
        }
        match self.values.append(stored, value) {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(ConnectorError::unrepresentable(
                &self.name,
                format!("a stored {stored:?} value does not conform to the declared type"),
            )),
            Err(error) => {
                Err(ConnectorError::unrepresentable(&self.name, format!("{stored:?}: {error}")))
            }
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match &mut self.values {
            Values::Boolean(builder) => Arc::new(builder.finish()),
            Values::Short(builder) => Arc::new(builder.finish()),
            Values::Middle(builder) => Arc::new(builder.finish()),
            Values::Integer(builder) => Arc::new(builder.finish()),
            Values::Float(builder) => Arc::new(builder.finish()),
            Values::Decimal(builder, _, _) => Arc::new(builder.finish()),
            Values::Text(builder) => Arc::new(builder.finish()),
            Values::Bytes(builder) => Arc::new(builder.finish()),
            Values::Date(builder) => Arc::new(builder.finish()),
            Values::Time(builder) => Arc::new(builder.finish()),
            Values::Timestamp(builder) | Values::TimestampUtc(builder) => {
                Arc::new(builder.finish())
            }
        }
    }
}

/// SQLite's storage classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stored {
    Null,
    Integer,
    Real,
    Text,
    Blob,
}

impl Stored {
    fn of(value: &SqliteValueRef<'_>) -> Self {
        if value.is_null() {
            return Stored::Null;
        }
        match value.type_info().name() {
            "INTEGER" => Stored::Integer,
            "REAL" => Stored::Real,
            "TEXT" => Stored::Text,
            _ => Stored::Blob,
        }
    }
}

type Appended = Result<Option<usize>, sqlx::error::BoxDynError>;

impl Values {
    fn append_null(&mut self) {
        match self {
            Values::Boolean(builder) => builder.append_null(),
            Values::Short(builder) => builder.append_null(),
            Values::Middle(builder) => builder.append_null(),
            Values::Integer(builder) => builder.append_null(),
            Values::Float(builder) => builder.append_null(),
            Values::Decimal(builder, _, _) => builder.append_null(),
            Values::Text(builder) => builder.append_null(),
            Values::Bytes(builder) => builder.append_null(),
            Values::Date(builder) => builder.append_null(),
            Values::Time(builder) => builder.append_null(),
            Values::Timestamp(builder) | Values::TimestampUtc(builder) => builder.append_null(),
        }
    }

    /// Appends what conforms; `None` for what does not.
    fn append(&mut self, stored: Stored, value: SqliteValueRef<'_>) -> Appended {
        match (self, stored) {
            (Values::Text(builder), Stored::Text) => {
                let text = text(value)?;
                builder.append_value(text);
                Ok(Some(text.len()))
            }
            // Parts of dates and the like; what is stored is 64 bits wide.
            (Values::Short(builder), Stored::Integer) => {
                let value = i16::try_from(integer(value)?).ok();
                Ok(appended(value.map(|value| builder.append_value(value))))
            }
            (Values::Middle(builder), Stored::Integer) => {
                let value = i32::try_from(integer(value)?).ok();
                Ok(appended(value.map(|value| builder.append_value(value))))
            }
            (Values::Integer(builder), Stored::Integer) => {
                builder.append_value(integer(value)?);
                Ok(Some(8))
            }
            (Values::Boolean(builder), Stored::Integer) => {
                let value = integer(value)?;
                let known = matches!(value, 0 | 1);
                Ok(appended(known.then(|| builder.append_value(value == 1))))
            }
            (Values::Float(builder), Stored::Real) => {
                builder.append_value(<f64 as Decode<Sqlite>>::decode(value)?);
                Ok(Some(8))
            }
            // A view may give an integer for a double; what a double holds exactly is the same value.
            (Values::Float(builder), Stored::Integer) => {
                let value = integer(value)?;
                let exact = value.unsigned_abs() <= 1 << 53;
                Ok(appended(exact.then(|| builder.append_value(value as f64))))
            }
            (Values::Bytes(builder), Stored::Blob) => {
                let bytes = <&[u8] as Decode<Sqlite>>::decode(value)?;
                builder.append_value(bytes);
                Ok(Some(bytes.len()))
            }
            (Values::Decimal(builder, precision, scale), Stored::Integer) => {
                let number =
                    types::decimal_of_text(&integer(value)?.to_string(), *precision, *scale);
                Ok(appended(number.map(|number| builder.append_value(number))))
            }
            (Values::Decimal(builder, precision, scale), Stored::Real) => {
                // The fewest digits that give the double back.
                let shortest = format!("{:e}", <f64 as Decode<Sqlite>>::decode(value)?);
                let number = types::decimal_of_text(&shortest, *precision, *scale);
                Ok(appended(number.map(|number| builder.append_value(number))))
            }
            (Values::Decimal(builder, precision, scale), Stored::Text) => {
                let text = text(value)?;
                let number = types::decimal_of_text(text, *precision, *scale)
                    .or_else(|| types::decimal_of_sum(text, *precision, *scale));
                Ok(appended(number.map(|number| builder.append_value(number))))
            }
            (Values::Date(builder), Stored::Text) => {
                Ok(appended(types::date_of_text(text(value)?).map(|day| builder.append_value(day))))
            }
            (Values::Time(builder), Stored::Text) => Ok(appended(
                types::time_of_text(text(value)?).map(|time| builder.append_value(time)),
            )),
            (Values::Timestamp(builder), Stored::Text) => {
                let micros = types::timestamp_of_text(text(value)?);
                Ok(appended(micros.map(|micros| builder.append_value(micros))))
            }
            (Values::TimestampUtc(builder), Stored::Text) => {
                let micros = types::instant_of_text(text(value)?);
                Ok(appended(micros.map(|micros| builder.append_value(micros))))
            }
            _ => Ok(None),
        }
    }
}

fn appended(done: Option<()>) -> Option<usize> {
    done.map(|()| 16)
}

fn integer(value: SqliteValueRef<'_>) -> Result<i64, sqlx::error::BoxDynError> {
    <i64 as Decode<Sqlite>>::decode(value)
}

/// The whole text, embedded NULs included; text that is not UTF-8 is an error.
fn text(value: SqliteValueRef<'_>) -> Result<&str, sqlx::error::BoxDynError> {
    <&str as Decode<Sqlite>>::decode(value)
}
