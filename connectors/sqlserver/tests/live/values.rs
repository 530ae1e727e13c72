//! Values at their extremes, and what has no exact form.

use crate::support::{Source, columns, fetch, statement, until};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{
    Array, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array,
    Int16Array, Int32Array, Int64Array, StringArray, Time64MicrosecondArray,
    TimestampMicrosecondArray,
};
use arrow_schema::{DataType, TimeUnit};
use celosia_connector_api::query::{UNFIT, unfit_bit};
use celosia_connector_api::{ErrorCode, Value};
use celosia_connector_testkit::double::canned::Answer;
use celosia_connector_testkit::double::engine::EngineError;
use std::sync::Arc;

const STAMP: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()))
}

fn decimal(values: Vec<i128>, precision: u8, scale: i8) -> Arc<dyn Array> {
    Arc::new(Decimal128Array::from(values).with_precision_and_scale(precision, scale).unwrap())
}

#[tokio::test]
async fn every_type_arrives_exactly() {
    let most = 10_i128.pow(38) - 1;
    let whole = "9".repeat(38);
    let last = -62_135_596_800_000_000;
    let cases: Vec<(&str, &str, DataType, Arc<dyn Array>)> = vec![
        ("bit", "t", DataType::Boolean, Arc::new(BooleanArray::from(vec![true]))),
        ("tinyint", "255", DataType::Int16, Arc::new(Int16Array::from(vec![255]))),
        ("smallint", "-32768", DataType::Int16, Arc::new(Int16Array::from(vec![i16::MIN]))),
        ("int", "-2147483648", DataType::Int32, Arc::new(Int32Array::from(vec![i32::MIN]))),
        (
            "bigint",
            "-9223372036854775808",
            DataType::Int64,
            Arc::new(Int64Array::from(vec![i64::MIN])),
        ),
        ("decimal(38,0)", &whole, DataType::Decimal128(38, 0), decimal(vec![most], 38, 0)),
        (
            "decimal(38,38)",
            "-0.00000000000000000000000000000000000001",
            DataType::Decimal128(38, 38),
            decimal(vec![-1], 38, 38),
        ),
        (
            "decimal(19,4)",
            "-922337203685477.5808",
            DataType::Decimal128(19, 4),
            decimal(vec![i128::from(i64::MIN)], 19, 4),
        ),
        ("numeric(5,2)", "-999.99", DataType::Decimal128(5, 2), decimal(vec![-99_999], 5, 2)),
        ("real", "-3.4028235e38", DataType::Float32, Arc::new(Float32Array::from(vec![f32::MIN]))),
        (
            "float",
            "2.2250738585072014e-308",
            DataType::Float64,
            Arc::new(Float64Array::from(vec![f64::MIN_POSITIVE])),
        ),
        ("date", "0001-01-01", DataType::Date32, Arc::new(Date32Array::from(vec![-719_162]))),
        ("date", "9999-12-31", DataType::Date32, Arc::new(Date32Array::from(vec![2_932_896]))),
        (
            "time(7)",
            "23:59:59.9999999",
            DataType::Time64(TimeUnit::Microsecond),
            Arc::new(Time64MicrosecondArray::from(vec![86_399_999_999])),
        ),
        (
            "time(0)",
            "00:00:01",
            DataType::Time64(TimeUnit::Microsecond),
            Arc::new(Time64MicrosecondArray::from(vec![1_000_000])),
        ),
        (
            "datetime",
            "1753-01-01 00:00:00.003",
            STAMP,
            Arc::new(TimestampMicrosecondArray::from(vec![-6_847_804_799_997_000])),
        ),
        (
            "datetime",
            "1970-01-01 23:59:59.997",
            STAMP,
            Arc::new(TimestampMicrosecondArray::from(vec![86_399_997_000])),
        ),
        (
            "smalldatetime",
            "1970-01-01 00:01:00",
            STAMP,
            Arc::new(TimestampMicrosecondArray::from(vec![60_000_000])),
        ),
        (
            "datetime2(7)",
            "1970-01-01 00:00:00.0000019",
            STAMP,
            Arc::new(TimestampMicrosecondArray::from(vec![1])),
        ),
        (
            "datetime2(7)",
            "1969-12-31 23:59:59.9999999",
            STAMP,
            Arc::new(TimestampMicrosecondArray::from(vec![-1])),
        ),
        (
            "datetime2(0)",
            "0001-01-01 00:00:00",
            STAMP,
            Arc::new(TimestampMicrosecondArray::from(vec![last])),
        ),
        (
            "datetimeoffset(7)",
            "1970-01-01 02:00:00.0000019+02:00",
            instant(),
            Arc::new(TimestampMicrosecondArray::from(vec![1]).with_timezone("+00:00")),
        ),
        ("varchar(50)", "déjà €", DataType::Utf8, Arc::new(StringArray::from(vec!["déjà €"]))),
        ("char(5)", "ab   ", DataType::Utf8, Arc::new(StringArray::from(vec!["ab   "]))),
        (
            "nvarchar(50)",
            "日本 😀 a\u{308}",
            DataType::Utf8,
            Arc::new(StringArray::from(vec!["日本 😀 a\u{308}"])),
        ),
        ("nvarchar(max)", "", DataType::Utf8, Arc::new(StringArray::from(vec![""]))),
        ("ntext", "ñ", DataType::Utf8, Arc::new(StringArray::from(vec!["ñ"]))),
        (
            "varbinary(max)",
            "\\x00ff",
            DataType::Binary,
            Arc::new(BinaryArray::from(vec![&[0_u8, 255][..]])),
        ),
        (
            "binary(3)",
            "\\x000100",
            DataType::Binary,
            Arc::new(BinaryArray::from(vec![&[0_u8, 1, 0][..]])),
        ),
        (
            "rowversion",
            "\\x00000000000007d1",
            DataType::Binary,
            Arc::new(BinaryArray::from(vec![&[0_u8, 0, 0, 0, 0, 0, 7, 0xd1][..]])),
        ),
        (
            "uniqueidentifier",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            DataType::Utf8,
            Arc::new(StringArray::from(vec!["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"])),
        ),
        ("xml", "<a>é</a>", DataType::Utf8, Arc::new(StringArray::from(vec!["<a>é</a>"]))),
    ];
    let source = Source::usual().await;
    let connector = source.connector();
    for (at, (native, value, data_type, expected)) in cases.into_iter().enumerate() {
        let sql = format!("SELECT {at}");
        source.answer(&sql, &[native], vec![vec![Some(value.to_string())], vec![None]]);
        let found = fetch(&connector, &statement(&sql, &[data_type])).await;
        let batches = found.unwrap_or_else(|error| panic!("{native}: {error:?}"));
        let column = batches[0].column(0);
        assert_eq!(&*column.slice(0, 1), &*expected, "{native} {value}");
        assert!(column.len() == 2 && column.is_null(1), "{native} NULL");
    }
}

#[tokio::test]
async fn values_are_bound_in_their_own_types() {
    let source = Source::usual().await;
    source.answer("SELECT @P1", &["int"], vec![]);
    let connector = source.connector();
    let mut query = statement("SELECT @P1", &[DataType::Int32]);
    let cases = [
        (Value::Boolean(true), "bit", "t"),
        (Value::Integer(i64::MIN), "bigint", "-9223372036854775808"),
        (Value::Float(f64::MIN_POSITIVE), "float", "2.2250738585072014e-308"),
        (Value::Text("日本 😀".into()), "nvarchar(4000)", "日本 😀"),
        (Value::Text("x".repeat(5_000)), "nvarchar(max)", &"x".repeat(5_000)),
        (Value::Bytes(vec![0, 255]), "varbinary(8000)", "\\x00ff"),
        (Value::Decimal { unscaled: -5, scale: 2 }, "nvarchar(4000)", "-0.05"),
        (Value::Date(-719_162), "date", "0001-01-01"),
        (Value::Timestamp(-1), "datetime2(7)", "1969-12-31 23:59:59.999999"),
        (Value::TimestampUtc(1), "datetimeoffset(7)", "1970-01-01 00:00:00.000001"),
    ];
    for (value, native, text) in cases {
        query.parameters = vec![value];
        fetch(&connector, &query).await.unwrap();
        let statements = source.double.record().statements();
        let bind = &statements.iter().rfind(|s| s.sql == "SELECT @P1").unwrap().binds[0];
        assert_eq!(bind.name.as_deref(), Some("@P1"));
        assert!(bind.native.starts_with(native.trim_end_matches("(7)")), "{bind:?} for {native}");
        let found = bind.value.as_deref().unwrap_or_default();
        assert!(found.starts_with(text), "{found:?} for {text:?}");
    }
}

#[tokio::test]
async fn what_has_no_exact_form_is_refused_by_name_or_put_off() {
    let source = Source::usual().await;
    let connector = source.connector();
    let rows = vec![vec![Some("1".into()), Some("123.45".into())]];
    source.answer("SELECT 1", &["int", "decimal(10,2)"], rows);
    let mut query = statement("SELECT 1", &[DataType::Int32, DataType::Decimal128(4, 1)]);
    let error = fetch(&connector, &query).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::UnrepresentableValue, "{error:?}");
    assert_eq!(error.subject.as_deref(), Some("c1"));
    query.defer_unfit = true;
    let batch = fetch(&connector, &query).await.unwrap().remove(0);
    assert!(batch.column(1).is_null(0) && !batch.column(0).is_null(0));
    let unfit = batch.column_by_name(UNFIT).unwrap();
    assert_eq!(unfit.as_primitive::<arrow_array::types::UInt64Type>().value(0), unfit_bit(1));
}

#[tokio::test]
async fn a_column_of_another_type_is_an_outdated_catalog() {
    let source = Source::usual().await;
    let connector = source.connector();
    source.answer("SELECT 1", &["nvarchar(5)"], vec![]);
    for expected in [&[DataType::Int32][..], &[DataType::Utf8, DataType::Utf8]] {
        let error = fetch(&connector, &statement("SELECT 1", expected)).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::CatalogOutdated, "{error:?}");
    }
    assert!(fetch(&connector, &statement("SELECT 1", &[DataType::Utf8])).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_error_in_the_middle_of_the_rows_ends_the_stream() {
    let source = Source::usual().await;
    let row = |at: u64| match at {
        0..1_500 => Ok(Some(vec![Some(at.to_string())])),
        _ => Err(EngineError::new(8134, "Divide by zero error encountered.")),
    };
    source.canned.answer("SELECT 1", Answer { columns: columns(&["bigint"]), row: Arc::new(row) });
    source.answer("SELECT 2", &["bigint"], vec![vec![Some("2".into())]]);
    let connector = source.connector();
    let error = fetch(&connector, &statement("SELECT 1", &[DataType::Int64])).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::QueryFailed, "{error:?}");
    assert!(!error.to_string().contains("zero") && error.context.contains("8134"));
    let after = fetch(&connector, &statement("SELECT 2", &[DataType::Int64])).await.unwrap();
    assert_eq!(after[0].column(0).as_primitive::<Int64Type>().value(0), 2);
    // The session lived on, and its transaction did not.
    let record = source.double.record();
    let first = record.statements().iter().find(|s| s.sql == "SELECT 1").unwrap().session;
    until("the session was thrown away", || {
        let statements = record.statements();
        statements.iter().any(|s| s.session == first && s.sql.contains("ROLLBACK"))
    })
    .await;
}

#[tokio::test]
async fn a_variant_is_read_as_text() {
    let source = Source::usual().await;
    source.answer("SELECT 1", &["sql_variant"], vec![vec![Some("déjà".into())], vec![None]]);
    let connector = source.connector();
    let found = fetch(&connector, &statement("SELECT 1", &[DataType::Utf8])).await.unwrap();
    let found: Vec<Option<&str>> = found[0].column(0).as_string::<i32>().iter().collect();
    assert_eq!(found, [Some("déjà"), None]);
}
