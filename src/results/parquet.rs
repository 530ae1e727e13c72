//! A whole result as a Parquet file.
//!
//! What Parquet has no type for becomes what the others read as well: an interval the text that a page
//! shows, whole seconds milliseconds.

use super::encode::{Column, Form};
use super::files::{unwritten, with_schema};
use super::store::StoredResult;
use crate::error::Result;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Time32MillisecondType, Time32SecondType, TimestampMillisecondType,
    TimestampSecondType,
};
use arrow_array::{Array, ArrayRef, StringArray};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use std::sync::Arc;

const MILLISECONDS_A_DAY: i64 = 86_400_000;

/// The file; `schema` has the result's columns under names that differ.
///
/// # Errors
/// A column of a type that the file cannot hold.
pub(super) fn parquet(result: &StoredResult, schema: &SchemaRef) -> Result<Vec<u8>> {
    let fields = schema
        .fields()
        .iter()
        .map(|field| Field::clone(field).with_data_type(written_as(field.data_type())));
    let schema: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let compressed = WriterProperties::builder().set_compression(Compression::SNAPPY);
    let writer = ArrowWriter::try_new(Vec::new(), schema.clone(), Some(compressed.build()));
    let mut writer = writer.map_err(unwritten)?;
    for batch in &result.batches {
        let columns = batch.columns().iter().zip(&result.columns);
        let columns = columns.map(|(array, column)| written(array, &column.name));
        let columns = columns.collect::<Result<Vec<ArrayRef>>>()?;
        let batch = with_schema(columns, batch, &schema).map_err(unwritten)?;
        writer.write(&batch).map_err(unwritten)?;
    }
    writer.into_inner().map_err(unwritten)
}

/// The type that a column is written as.
fn written_as(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Interval(_) | DataType::Duration(_) => DataType::Utf8,
        DataType::Date64 => DataType::Date32,
        DataType::Time32(TimeUnit::Second) => DataType::Time32(TimeUnit::Millisecond),
        DataType::Timestamp(TimeUnit::Second, zone) => {
            DataType::Timestamp(TimeUnit::Millisecond, zone.clone())
        }
        other => other.clone(),
    }
}

/// The column in that type.
fn written(array: &ArrayRef, name: &str) -> Result<ArrayRef> {
    let milliseconds = |seconds: i64| match seconds.checked_mul(1_000) {
        Some(milliseconds) => Ok(milliseconds),
        None => Err(ArrowError::ArithmeticOverflow("a time beyond every calendar".into())),
    };
    Ok(match array.data_type() {
        DataType::Interval(_) | DataType::Duration(_) => Arc::new(texts(array, name)?),
        DataType::Date64 => {
            let days = array.as_primitive::<Date64Type>();
            let day = |at: i64| i32::try_from(at.div_euclid(MILLISECONDS_A_DAY));
            let day = |at| day(at).map_err(|e| ArrowError::ExternalError(Box::new(e)));
            Arc::new(days.try_unary::<_, Date32Type, _>(day).map_err(unwritten)?)
        }
        DataType::Time32(TimeUnit::Second) => {
            // A day has fewer seconds than would overflow.
            let times = array.as_primitive::<Time32SecondType>();
            Arc::new(times.unary::<_, Time32MillisecondType>(|at| at.saturating_mul(1_000)))
        }
        DataType::Timestamp(TimeUnit::Second, zone) => {
            let times = array.as_primitive::<TimestampSecondType>();
            let times = times.try_unary::<_, TimestampMillisecondType, _>(milliseconds);
            Arc::new(times.map_err(unwritten)?.with_timezone_opt(zone.clone()))
        }
        _ => array.clone(),
    })
}

/// The column as a page shows it.
fn texts(array: &ArrayRef, name: &str) -> Result<StringArray> {
    let column = Column::of(array, name)?;
    let text = |row| {
        let mut text = String::new();
        match column.form(row, &mut text) {
            Form::Null => None,
            Form::Text(text) => Some(text.to_string()),
            Form::Nested(json) => Some(json.to_string()),
            Form::Boolean(_) | Form::Number(_) | Form::Digits => Some(text),
        }
    };
    Ok((0..array.len()).map(text).collect())
}

#[cfg(test)]
mod tests {
    use super::super::files::{FileFormat, file};
    use super::*;
    use crate::model::ColumnInfo;
    use arrow_array::types::{Int32Type, IntervalMonthDayNano};
    use arrow_array::{
        BinaryArray, BooleanArray, Date32Array, Date64Array, Decimal128Array, Decimal256Array,
        DurationMicrosecondArray, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array,
        IntervalMonthDayNanoArray, ListArray, NullArray, RecordBatch, StringViewArray, StructArray,
        Time32SecondArray, Time64MicrosecondArray, Time64NanosecondArray,
        TimestampMicrosecondArray, TimestampNanosecondArray, TimestampSecondArray, UInt64Array,
    };
    use arrow_buffer::i256;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    fn stored(columns: Vec<(&str, ArrayRef)>) -> StoredResult {
        let fields: Vec<Field> = columns
            .iter()
            .map(|(name, a)| Field::new(*name, a.data_type().clone(), true))
            .collect();
        let info = |(name, _): &(&str, ArrayRef)| ColumnInfo {
            name: (*name).into(),
            type_name: "text".into(),
            masked: (*name == "email").then(|| "email".into()),
        };
        let info = columns.iter().map(info).collect();
        let arrays = columns.into_iter().map(|(_, array)| array).collect();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("a batch");
        StoredResult { columns: info, batches: vec![batch.clone(), batch], truncated: false }
    }

    /// The file read back as one batch.
    fn read(result: &StoredResult) -> RecordBatch {
        let bytes = file(result, FileFormat::Parquet).expect("written");
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes));
        let mut reader = reader.expect("a file").with_batch_size(1_000).build().expect("read");
        let batch = reader.next().expect("rows").expect("a batch");
        assert!(reader.next().is_none());
        batch
    }

    /// Every type that a result may have and that Parquet knows, each with a NULL.
    fn known() -> Vec<(&'static str, ArrayRef)> {
        let decimals = |precision, scale, values: [Option<i128>; 3]| -> ArrayRef {
            let array = Decimal128Array::from(values.to_vec());
            Arc::new(array.with_precision_and_scale(precision, scale).expect("fits"))
        };
        let most = 10_i128.pow(38) - 1;
        let wide = i256::from_i128(most).wrapping_mul(i256::from_i128(1_000));
        let wide = Decimal256Array::from(vec![Some(wide), None, Some(i256::MINUS_ONE)]);
        let lists = [Some(vec![Some(1), None]), None, Some(vec![])];
        let part: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None, Some(3)]));
        let part_field = Arc::new(Field::new("part", DataType::Int32, true));
        let times = vec![Some(-62_135_596_800_000_000), None, Some(253_402_300_799_999_999)];
        vec![
            (
                "truth",
                Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])) as ArrayRef,
            ),
            ("small", Arc::new(Int16Array::from(vec![Some(i16::MIN), None, Some(i16::MAX)]))),
            ("whole", Arc::new(Int32Array::from(vec![Some(i32::MIN), None, Some(i32::MAX)]))),
            ("big", Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(i64::MAX)]))),
            ("unsigned", Arc::new(UInt64Array::from(vec![Some(0), None, Some(u64::MAX)]))),
            ("real", Arc::new(Float32Array::from(vec![Some(0.1), None, Some(f32::MIN)]))),
            ("double", Arc::new(Float64Array::from(vec![Some(-0.0), None, Some(f64::INFINITY)]))),
            ("money", decimals(9, 2, [Some(-12_345), None, Some(999_999_999)])),
            ("price", decimals(18, 4, [Some(-1), None, Some(10_i128.pow(18) - 1)])),
            ("amount", decimals(38, 10, [Some(-most), None, Some(most)])),
            ("wide", Arc::new(wide.with_precision_and_scale(60, 20).expect("fits"))),
            ("text", Arc::new(StringArray::from(vec![Some("señal \0 \u{1f600}"), None, Some("")]))),
            (
                "view",
                Arc::new(StringViewArray::from(vec![
                    Some("a longer text than twelve"),
                    None,
                    Some("b"),
                ])),
            ),
            ("bytes", Arc::new(BinaryArray::from(vec![Some(&b"\x00\xff"[..]), None, Some(b"")]))),
            ("day", Arc::new(Date32Array::from(vec![Some(-719_162), None, Some(2_932_896)]))),
            (
                "hour",
                Arc::new(Time64MicrosecondArray::from(vec![Some(0), None, Some(86_399_999_999)])),
            ),
            (
                "hour9",
                Arc::new(Time64NanosecondArray::from(vec![
                    Some(1),
                    None,
                    Some(86_399_999_999_999),
                ])),
            ),
            ("at", Arc::new(TimestampMicrosecondArray::from(times.clone()))),
            ("instant", Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC"))),
            (
                "at9",
                Arc::new(TimestampNanosecondArray::from(vec![
                    Some(i64::MIN),
                    None,
                    Some(i64::MAX),
                ])),
            ),
            ("list", Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists))),
            ("record", Arc::new(StructArray::from(vec![(part_field, part)]))),
            ("nothing", Arc::new(NullArray::new(3))),
        ]
    }

    #[test]
    fn every_type_comes_back_as_it_was() {
        let columns = known();
        let back = read(&stored(columns.clone()));
        assert_eq!(back.num_rows(), 6, "two batches are one group of rows");
        for (at, (name, array)) in columns.iter().enumerate() {
            assert_eq!(back.schema().field(at).name(), name);
            assert_eq!(back.column(at).data_type(), array.data_type(), "{name}");
            for from in [0, 3] {
                assert_eq!(&back.column(at).slice(from, 3), array, "{name}");
            }
        }
    }

    #[test]
    fn what_parquet_has_no_type_for_is_what_a_page_shows() {
        let span = IntervalMonthDayNano::new(14, 3, 4_500_000_000);
        let back = read(&stored(vec![
            ("span", Arc::new(IntervalMonthDayNanoArray::from(vec![Some(span), None]))),
            ("lasts", Arc::new(DurationMicrosecondArray::from(vec![Some(90_000_000), None]))),
            ("day", Arc::new(Date64Array::from(vec![Some(-86_400_000), None]))),
            ("hour", Arc::new(Time32SecondArray::from(vec![Some(61), None]))),
            ("at", Arc::new(TimestampSecondArray::from(vec![Some(-1), None]).with_timezone("UTC"))),
        ]));
        let texts = |at: usize| back.column(at).as_string::<i32>().iter().collect::<Vec<_>>();
        assert_eq!(texts(0)[..2], [Some("P1Y2M3DT4.5S"), None]);
        assert_eq!(texts(1)[..2], [Some("PT1M30S"), None]);
        assert_eq!(back.column(2).as_primitive::<Date32Type>().iter().next(), Some(Some(-1)));
        assert_eq!(back.column(3).as_primitive::<Time32MillisecondType>().value(0), 61_000);
        let at = back.column(4).as_primitive::<TimestampMillisecondType>();
        assert_eq!((at.value(0), at.is_null(1), at.timezone()), (-1_000, true, Some("UTC")));
    }

    #[test]
    fn names_differ_and_masks_are_said() {
        let column = || Arc::new(StringArray::from(vec!["a"])) as ArrayRef;
        let back = read(&stored(vec![("email", column()), ("email", column())]));
        let schema = back.schema();
        assert_eq!(
            (schema.field(0).name().as_str(), schema.field(1).name().as_str()),
            ("email", "email_2")
        );
        assert_eq!(schema.field(0).metadata()["celosia.masked"], "email");
    }

    #[test]
    fn a_time_that_is_no_time_is_an_error() {
        let at = TimestampSecondArray::from(vec![i64::MAX]);
        let result = stored(vec![("at", Arc::new(at))]);
        let error = file(&result, FileFormat::Parquet).expect_err("no such time");
        assert!(error.to_string().contains("cannot hold"), "{error}");
    }
}
