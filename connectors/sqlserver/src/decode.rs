//! The driver's values into Arrow builders, one column at a time.

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float32Builder,
    Float64Builder, Int16Builder, Int32Builder, Int64Builder, StringBuilder,
    Time64MicrosecondBuilder, TimestampMicrosecondBuilder, UInt64Builder,
};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, SchemaRef, TimeUnit};
use celosia_connector_api::query::unfit_bit;
use celosia_connector_api::{ConnectorError, ErrorCode, RenderedQuery, Value};
use std::fmt::Write;
use std::sync::Arc;
use tiberius::numeric::Numeric;
use tiberius::time::{Date, DateTime, DateTime2, SmallDateTime, Time};
use tiberius::{Column as Described, ColumnData, ColumnType, Row};

/// Bytes after which a batch is full, whatever its rows: text offsets are 32 bits wide.
const BATCH_BYTES: usize = 16 << 20;
/// Values a builder has room for before it grows; most answers are short.
const SHORT: usize = 32;
/// Days from 0001-01-01 to 1970-01-01, and from 1900-01-01.
const YEAR_ONE: i64 = 719_162;
const YEAR_1900: i64 = 25_567;
const DAY: i64 = 86_400_000_000;

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

    /// The server's types must be the ones the catalog promised; they are told once.
    pub(crate) fn check(&self, found: &[Described]) -> Result<(), ConnectorError> {
        if !self.columns.is_empty() && found.len() != self.columns.len() {
            return Err(outdated(format!("{} columns for {}", found.len(), self.columns.len())));
        }
        for (column, described) in self.columns.iter().zip(found) {
            if !column.accepts(described.column_type()) {
                return Err(outdated(format!("a column is {:?} now", described.column_type())));
            }
        }
        Ok(())
    }

    /// Takes one row; says whether the batch is full.
    pub(crate) fn push(&mut self, row: &Row) -> Result<bool, ConnectorError> {
        if row.len() < self.columns.len() {
            return Err(outdated("fewer columns than expected".to_string()));
        }
        let mut unfit = 0;
        for (index, (column, (_, value))) in self.columns.iter_mut().zip(row.cells()).enumerate() {
            match column.push(value) {
                Ok(bytes) => self.bytes += bytes,
                Err(reason) if self.unfit.is_some() => {
                    tracing::trace!(reason, "an unfit value was put off");
                    column.push_null();
                    unfit |= unfit_bit(index);
                }
                Err(reason) => {
                    let name = self.schema.field(index).name();
                    return Err(ConnectorError::unrepresentable(name, reason));
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

/// The builder of one column.
enum Column {
    Boolean(BooleanBuilder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    Decimal(Decimal128Builder, u8, u8),
    Text(StringBuilder),
    Bytes(BinaryBuilder),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    Timestamp(TimestampMicrosecondBuilder, bool),
}

impl Column {
    fn new(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Boolean => Column::Boolean(BooleanBuilder::with_capacity(SHORT)),
            DataType::Int16 => Column::Int16(Int16Builder::with_capacity(SHORT)),
            DataType::Int32 => Column::Int32(Int32Builder::with_capacity(SHORT)),
            DataType::Int64 => Column::Int64(Int64Builder::with_capacity(SHORT)),
            DataType::Float32 => Column::Float32(Float32Builder::with_capacity(SHORT)),
            DataType::Float64 => Column::Float64(Float64Builder::with_capacity(SHORT)),
            DataType::Decimal128(precision, scale) => {
                let builder =
                    Decimal128Builder::with_capacity(SHORT).with_data_type(data_type.clone());
                Column::Decimal(builder, *precision, u8::try_from(*scale).ok()?)
            }
            DataType::Utf8 => Column::Text(StringBuilder::new()),
            DataType::Binary => Column::Bytes(BinaryBuilder::new()),
            DataType::Date32 => Column::Date(Date32Builder::with_capacity(SHORT)),
            DataType::Time64(TimeUnit::Microsecond) => {
                Column::Time(Time64MicrosecondBuilder::with_capacity(SHORT))
            }
            DataType::Timestamp(TimeUnit::Microsecond, zone) => {
                let builder = TimestampMicrosecondBuilder::with_capacity(SHORT);
                Column::Timestamp(builder.with_timezone_opt(zone.clone()), zone.is_some())
            }
            _ => return None,
        })
    }

    fn accepts(&self, native: ColumnType) -> bool {
        use ColumnType as T;
        let whole = matches!(native, T::Int1 | T::Int2 | T::Int4 | T::Int8 | T::Intn);
        match self {
            Column::Boolean(_) => matches!(native, T::Bit | T::Bitn),
            Column::Int16(_) => whole && !matches!(native, T::Int4 | T::Int8),
            Column::Int32(_) => whole && native != T::Int8,
            Column::Int64(_) => whole,
            Column::Float32(_) => matches!(native, T::Float4 | T::Floatn),
            Column::Float64(_) => matches!(native, T::Float4 | T::Float8 | T::Floatn),
            Column::Decimal(..) => matches!(native, T::Decimaln | T::Numericn),
            Column::Text(_) => matches!(
                native,
                T::BigVarChar
                    | T::BigChar
                    | T::NVarchar
                    | T::NChar
                    | T::Text
                    | T::NText
                    | T::Xml
                    | T::Guid
                    | T::SSVariant
            ),
            Column::Bytes(_) => {
                matches!(native, T::BigVarBin | T::BigBinary | T::Image | T::Udt)
            }
            Column::Date(_) => native == T::Daten,
            Column::Time(_) => native == T::Timen,
            Column::Timestamp(_, true) => native == T::DatetimeOffsetn,
            Column::Timestamp(_, false) => {
                matches!(native, T::Datetime2 | T::Datetime | T::Datetime4 | T::Datetimen)
            }
        }
    }

    /// Takes one value and says how many bytes it had; an error where it has no exact form.
    fn push(&mut self, value: &ColumnData<'static>) -> Result<usize, &'static str> {
        match (self, value) {
            (Column::Boolean(builder), ColumnData::Bit(value)) => builder.append_option(*value),
            (Column::Int16(builder), value) => builder.append_option(whole(value)?),
            (Column::Int32(builder), value) => builder.append_option(whole(value)?),
            (Column::Int64(builder), value) => builder.append_option(whole(value)?),
            (Column::Float32(builder), ColumnData::F32(value)) => builder.append_option(*value),
            (Column::Float64(builder), ColumnData::F64(value)) => builder.append_option(*value),
            (Column::Float64(builder), ColumnData::F32(value)) => {
                builder.append_option(value.map(f64::from));
            }
            (Column::Decimal(builder, precision, scale), ColumnData::Numeric(value)) => {
                let digits = value.map(|value| rescaled(value, *precision, *scale));
                builder.append_option(digits.transpose()?);
            }
            (Column::Text(builder), value) => return text(builder, value),
            (Column::Bytes(builder), ColumnData::Binary(value)) => {
                builder.append_option(value.as_deref());
                return Ok(value.as_ref().map_or(0, |value| value.len()));
            }
            (Column::Date(builder), ColumnData::Date(value)) => {
                builder.append_option(value.map(date).transpose()?);
            }
            (Column::Time(builder), ColumnData::Time(value)) => {
                builder.append_option(value.map(time).transpose()?);
            }
            (Column::Timestamp(builder, true), ColumnData::DateTimeOffset(value)) => {
                let micros = value.map(|value| moment(value.datetime2()));
                builder.append_option(micros.transpose()?);
            }
            (Column::Timestamp(builder, false), value) => builder.append_option(wall_clock(value)?),
            _ => return Err("a value of another type than its column's"),
        }
        Ok(8)
    }

    fn push_null(&mut self) {
        match self {
            Column::Boolean(builder) => builder.append_null(),
            Column::Int16(builder) => builder.append_null(),
            Column::Int32(builder) => builder.append_null(),
            Column::Int64(builder) => builder.append_null(),
            Column::Float32(builder) => builder.append_null(),
            Column::Float64(builder) => builder.append_null(),
            Column::Decimal(builder, ..) => builder.append_null(),
            Column::Text(builder) => builder.append_null(),
            Column::Bytes(builder) => builder.append_null(),
            Column::Date(builder) => builder.append_null(),
            Column::Time(builder) => builder.append_null(),
            Column::Timestamp(builder, _) => builder.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Column::Boolean(builder) => Arc::new(builder.finish()),
            Column::Int16(builder) => Arc::new(builder.finish()),
            Column::Int32(builder) => Arc::new(builder.finish()),
            Column::Int64(builder) => Arc::new(builder.finish()),
            Column::Float32(builder) => Arc::new(builder.finish()),
            Column::Float64(builder) => Arc::new(builder.finish()),
            Column::Decimal(builder, ..) => Arc::new(builder.finish()),
            Column::Text(builder) => Arc::new(builder.finish()),
            Column::Bytes(builder) => Arc::new(builder.finish()),
            Column::Date(builder) => Arc::new(builder.finish()),
            Column::Time(builder) => Arc::new(builder.finish()),
            Column::Timestamp(builder, _) => Arc::new(builder.finish()),
        }
    }
}

/// A whole number; a wider one than the column promised is refused.
fn whole<T>(value: &ColumnData<'static>) -> Result<Option<T>, &'static str>
where
    T: TryFrom<i64>,
{
    let number = match value {
        ColumnData::U8(value) => value.map(i64::from),
        ColumnData::I16(value) => value.map(i64::from),
        ColumnData::I32(value) => value.map(i64::from),
        ColumnData::I64(value) => *value,
        _ => return Err("a value of another type than its column's"),
    };
    number.map(|number| T::try_from(number).map_err(|_| "a number beyond its type")).transpose()
}

fn rescaled(value: Numeric, precision: u8, scale: u8) -> Result<i128, &'static str> {
    let (digits, own) = (value.value(), value.scale());
    let power = |by: u8| 10_i128.checked_pow(u32::from(by)).ok_or("a scale beyond 38 digits");
    let digits = if own <= scale {
        digits.checked_mul(power(scale - own)?).ok_or("more digits than the type has")?
    } else {
        let unit = power(own - scale)?;
        if digits % unit != 0 {
            return Err("more digits behind the point than the type has");
        }
        digits / unit
    };
    let bound = 10_u128.pow(u32::from(precision.min(38)));
    if digits.unsigned_abs() < bound { Ok(digits) } else { Err("more digits than the type has") }
}

fn date(value: Date) -> Result<i32, &'static str> {
    i32::try_from(i64::from(value.days()) - YEAR_ONE).map_err(|_| "a date beyond its type")
}

/// Microseconds of the day; what is finer is cut.
fn time(value: Time) -> Result<i64, &'static str> {
    let increments = i128::from(value.increments());
    let micros = match value.scale() {
        scale @ 0..=6 => increments * 10_i128.pow(u32::from(6 - scale)),
        7 => increments / 10,
        _ => return Err("a time of an unknown scale"),
    };
    let micros = i64::try_from(micros).map_err(|_| "a time beyond the day")?;
    if micros < DAY { Ok(micros) } else { Err("a time beyond the day") }
}

fn moment(value: DateTime2) -> Result<i64, &'static str> {
    Ok(i64::from(date(value.date())?) * DAY + time(value.time())?)
}

fn wall_clock(value: &ColumnData<'static>) -> Result<Option<i64>, &'static str> {
    match value {
        ColumnData::DateTime2(value) => value.map(moment).transpose(),
        ColumnData::DateTime(value) => value.map(ticks).transpose(),
        ColumnData::SmallDateTime(value) => value.map(minutes).transpose(),
        _ => Err("a value of another type than its column's"),
    }
}

/// A tick of 1/300 s as the server shows it: in milliseconds that end in 0, 3 or 7.
fn ticks(value: DateTime) -> Result<i64, &'static str> {
    let millis = (i64::from(value.seconds_fragments()) * 10 + 1) / 3;
    if millis * 1_000 >= DAY {
        return Err("a time beyond the day");
    }
    Ok((i64::from(value.days()) - YEAR_1900) * DAY + millis * 1_000)
}

fn minutes(value: SmallDateTime) -> Result<i64, &'static str> {
    let minutes = i64::from(value.seconds_fragments());
    if minutes >= 24 * 60 {
        return Err("a time beyond the day");
    }
    Ok((i64::from(value.days()) - YEAR_1900) * DAY + minutes * 60_000_000)
}

/// Text, a UUID in its canonical form, or a value of a variant as it would be written.
fn text(builder: &mut StringBuilder, value: &ColumnData<'static>) -> Result<usize, &'static str> {
    let mut shown = String::new();
    match value {
        ColumnData::String(Some(text)) => {
            builder.append_value(text);
            return Ok(text.len());
        }
        ColumnData::Guid(Some(id)) => {
            builder.append_value(id.hyphenated().encode_lower(&mut [0; 36]));
            return Ok(36);
        }
        ColumnData::Xml(Some(document)) => shown.push_str(document.as_ref().as_ref()),
        ColumnData::U8(Some(value)) => shown = value.to_string(),
        ColumnData::I16(Some(value)) => shown = value.to_string(),
        ColumnData::I32(Some(value)) => shown = value.to_string(),
        ColumnData::I64(Some(value)) => shown = value.to_string(),
        ColumnData::F32(Some(value)) => shown = value.to_string(),
        ColumnData::F64(Some(value)) => shown = value.to_string(),
        ColumnData::Bit(Some(value)) => shown.push(if *value { '1' } else { '0' }),
        ColumnData::Numeric(Some(value)) => {
            shown = Value::decimal_text(value.value(), value.scale())
        }
        ColumnData::Binary(Some(bytes)) => {
            shown.push_str("0x");
            for byte in bytes.iter() {
                // Writing to a string cannot fail.
                let _ = write!(shown, "{byte:02x}");
            }
        }
        ColumnData::Date(Some(value)) => shown = spelled(Value::date_text(date(*value)?))?,
        ColumnData::Time(Some(value)) => {
            shown = spelled(Value::timestamp_text(time(*value)?))?.split_off(11);
        }
        ColumnData::DateTimeOffset(Some(value)) => {
            shown = spelled(Value::timestamp_text(moment(value.datetime2())?))? + "+00";
        }
        ColumnData::DateTime2(Some(_))
        | ColumnData::DateTime(Some(_))
        | ColumnData::SmallDateTime(Some(_)) => {
            shown = spelled(wall_clock(value)?.and_then(Value::timestamp_text))?;
        }
        _ => {
            builder.append_null();
            return Ok(0);
        }
    }
    builder.append_value(&shown);
    Ok(shown.len())
}

fn spelled(text: Option<String>) -> Result<String, &'static str> {
    text.ok_or("a moment outside the years 1 to 9999")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_every_digit_or_are_refused() {
        let of = Numeric::new_with_scale;
        assert_eq!(rescaled(of(125, 2), 10, 4), Ok(12_500));
        assert_eq!(rescaled(of(12_500, 4), 10, 2), Ok(125));
        assert!(rescaled(of(12_501, 4), 10, 2).is_err());
        assert!(rescaled(of(1_000, 0), 3, 0).is_err());
        assert!(rescaled(of(i128::MAX, 0), 38, 4).is_err());
    }

    #[test]
    fn times_are_cut_and_never_overflow() {
        assert_eq!(time(Time::new(863_999_999_999, 7)), Ok(DAY - 1));
        assert_eq!(time(Time::new(19, 7)), Ok(1));
        assert_eq!(time(Time::new(1, 0)), Ok(1_000_000));
        for bad in [Time::new(u64::MAX, 7), Time::new(864_000_000_000, 7), Time::new(86_400, 0)] {
            assert!(time(bad).is_err());
        }
        let last = DateTime2::new(Date::new(3_652_058), Time::new(863_999_999_999, 7));
        assert_eq!(
            moment(last).ok().and_then(Value::timestamp_text).as_deref(),
            Some("9999-12-31 23:59:59.999999")
        );
    }

    #[test]
    fn ticks_are_shown_in_three_digits() {
        let shown: Vec<i64> =
            (0..4).map(|at| ticks(DateTime::new(25_567, at)).unwrap() / 1_000).collect();
        assert_eq!(shown, [0, 3, 7, 10]);
        assert_eq!(ticks(DateTime::new(25_567, 25_919_999)), Ok(DAY - 3_000));
        assert!(ticks(DateTime::new(0, u32::MAX)).is_err());
        assert_eq!(minutes(SmallDateTime::new(25_567, 1)), Ok(60_000_000));
        assert!(minutes(SmallDateTime::new(0, 1_440)).is_err());
    }

    #[test]
    fn a_variant_is_written_as_text() {
        let mut builder = StringBuilder::new();
        for value in [
            ColumnData::I32(Some(-7)),
            ColumnData::Binary(Some(vec![0, 255].into())),
            ColumnData::Numeric(Some(Numeric::new_with_scale(-5, 2))),
            ColumnData::Time(Some(Time::new(10, 7))),
            ColumnData::String(None),
        ] {
            text(&mut builder, &value).unwrap();
        }
        let found = builder.finish();
        let found: Vec<Option<&str>> = found.iter().collect();
        assert_eq!(
            found,
            [Some("-7"), Some("0x00ff"), Some("-0.05"), Some("00:00:00.000001"), None]
        );
    }
}
