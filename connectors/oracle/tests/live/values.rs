//! Values at their extremes, over the wire of both releases.

use crate::support::{cells, column, connector, context, double, failed, list, query, read, url};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int64Type, TimestampMicrosecondType,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use celosia_connector_api::query::UNFIT;
use celosia_connector_api::{ErrorCode, RenderedQuery};
use celosia_connector_testkit::double::canned::Answer;
use celosia_connector_testkit::double::tns::{ServerVersion, TnsOptions};
use std::time::Duration;

const SQL: &str = "SELECT * FROM \"V\"";

async fn rows_of(native: &str, values: &[Option<&str>], data_type: DataType) -> Vec<RecordBatch> {
    let mut found: Vec<Vec<RecordBatch>> = Vec::new();
    for version in [ServerVersion::V19, ServerVersion::V23] {
        found.push(asked(version, native, values, &wanted(data_type.clone())).await.expect("rows"));
    }
    assert_eq!(found[0], found[1], "19c and 23ai differ");
    found.remove(0)
}

fn wanted(data_type: DataType) -> RenderedQuery {
    query(SQL, &[("C", data_type)])
}

async fn asked(
    version: ServerVersion,
    native: &str,
    values: &[Option<&str>],
    query: &RenderedQuery,
) -> Result<Vec<RecordBatch>, celosia_connector_api::ConnectorError> {
    let rows = values.iter().map(|value| cells(&[*value])).collect();
    let answer = Answer::rows(vec![column("C", native)], rows);
    let options = TnsOptions { version, ..TnsOptions::default() };
    let server = double(list(&[(SQL, answer)]), options).await;
    let connector = connector(&url(&server), |_| ());
    read(&*connector, query, &context(Duration::from_secs(20))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_are_exact() {
    let forty = "1234567890123456789012345678901234567890";
    let values =
        [Some(forty), Some("-0.000000000000000000000000000001"), Some("0"), None, Some("1e2")];
    let batches = rows_of("NUMBER", &values[..4], DataType::Decimal256(76, 30)).await;
    let column = batches[0].column(0).as_primitive::<Decimal256Type>();
    assert_eq!(column.value(0).to_string(), format!("{forty}{}", "0".repeat(30)));
    assert_eq!(column.value(1).to_string(), "-1");
    assert_eq!(column.value(2).to_string(), "0");
    assert!(column.is_null(3));
    let most = "9".repeat(38);
    let values = [Some(most.as_str()), Some("-1"), None];
    let batches = rows_of("NUMBER(38)", &values, DataType::Decimal128(38, 0)).await;
    let column = batches[0].column(0).as_primitive::<Decimal128Type>();
    assert_eq!((column.value(0), column.value(1)), (10_i128.pow(38) - 1, -1));
    let values = [Some("999999999999999999"), Some("-999999999999999999"), Some("100")];
    let batches = rows_of("NUMBER(18)", &values, DataType::Int64).await;
    let column = batches[0].column(0).as_primitive::<Int64Type>();
    assert_eq!(column.values().to_vec(), [999_999_999_999_999_999, -999_999_999_999_999_999, 100]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_is_named_or_deferred() {
    let values = [Some("0.0000000000000000000000000000001"), Some("2")];
    let mut wanted = wanted(DataType::Decimal256(76, 30));
    let error = asked(ServerVersion::V23, "NUMBER", &values, &wanted).await;
    let error = failed(error, ErrorCode::UnrepresentableValue);
    assert_eq!(error.subject.as_deref(), Some("C"));
    wanted.defer_unfit = true;
    let batches = asked(ServerVersion::V23, "NUMBER", &values, &wanted).await.expect("rows");
    assert!(batches[0].column(0).is_null(0) && batches[0].column(0).is_valid(1));
    let unfit = batches[0].column_by_name(UNFIT).expect("the column of unfit values");
    assert_eq!(unfit.as_primitive::<arrow_array::types::UInt64Type>().values().to_vec(), [1, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_column_of_another_type_is_an_outdated_catalog() {
    for (native, value, data_type) in [
        ("VARCHAR2(10)", "x", DataType::Int64),
        ("NUMBER(5)", "1", DataType::Utf8),
        ("DATE", "2024-01-02 00:00:00", DataType::Binary),
        ("RAW(4)", "\\x00", DataType::Timestamp(TimeUnit::Microsecond, None)),
    ] {
        let found = asked(ServerVersion::V23, native, &[Some(value)], &wanted(data_type)).await;
        failed(found, ErrorCode::CatalogOutdated);
    }
    let two = query(SQL, &[("C", DataType::Utf8), ("D", DataType::Utf8)]);
    let found = asked(ServerVersion::V23, "VARCHAR2(10)", &[Some("x")], &two).await;
    failed(found, ErrorCode::CatalogOutdated);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floats_keep_their_specials() {
    let values = [Some("NaN"), Some("Infinity"), Some("-Infinity"), Some("0.1"), None];
    let batches = rows_of_floats("BINARY_DOUBLE", &values, DataType::Float64).await;
    let column = batches[0].column(0).as_primitive::<Float64Type>();
    assert!(column.value(0).is_nan() && column.is_null(4));
    assert_eq!(column.values()[1..4].to_vec(), [f64::INFINITY, f64::NEG_INFINITY, 0.1]);
    let batches = rows_of_floats("BINARY_FLOAT", &values, DataType::Float32).await;
    let column = batches[0].column(0).as_primitive::<Float32Type>();
    assert!(column.value(0).is_nan() && column.is_null(4));
    assert_eq!(column.values()[1..4].to_vec(), [f32::INFINITY, f32::NEG_INFINITY, 0.1]);
}

/// NaN is not equal to itself, so the two releases are not compared.
async fn rows_of_floats(
    native: &str,
    values: &[Option<&str>],
    data_type: DataType,
) -> Vec<RecordBatch> {
    asked(ServerVersion::V19, native, values, &wanted(data_type)).await.expect("rows")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_is_exact_to_the_microsecond() {
    let plain = DataType::Timestamp(TimeUnit::Microsecond, None);
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()));
    for (native, text, data_type, micros) in [
        ("DATE", "1970-01-01 00:00:01", plain.clone(), 1_000_000),
        ("DATE", "0001-01-01 00:00:00", plain.clone(), -62_135_596_800_000_000),
        ("DATE", "9999-12-31 23:59:59", plain.clone(), 253_402_300_799_000_000),
        ("TIMESTAMP(6)", "1970-01-01 00:00:00.000001", plain.clone(), 1),
        ("TIMESTAMP(9)", "1969-12-31 23:59:59.999999999", plain.clone(), -1),
        ("TIMESTAMP(0)", "1970-01-01 00:00:00", plain.clone(), 0),
        ("TIMESTAMP(6) WITH TIME ZONE", "1970-01-01 00:00:00.5+00", instant.clone(), 500_000),
        ("TIMESTAMP(6) WITH LOCAL TIME ZONE", "1970-01-01 00:00:01+00", instant, 1_000_000),
    ] {
        let batches = rows_of(native, &[Some(text), None], data_type).await;
        let column = batches[0].column(0).as_primitive::<TimestampMicrosecondType>();
        assert_eq!(column.value(0), micros, "{native} {text}");
        assert!(column.is_null(1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_and_bytes_are_kept() {
    let long = "ñ日本😀".repeat(30_000);
    for (native, text) in [
        ("VARCHAR2(4000)", "ñandú 日本 😀"),
        ("NVARCHAR2(100)", "ñandú 日本 😀"),
        ("CHAR(8)", "pad     "),
        ("CLOB", long.as_str()),
        ("NCLOB", long.as_str()),
    ] {
        let batches = rows_of(native, &[Some(text), None], DataType::Utf8).await;
        let column = batches[0].column(0).as_string::<i32>();
        assert!(column.value(0) == text, "{native}: {} bytes", column.value(0).len());
        assert!(column.is_null(1));
    }
    for native in ["RAW(2000)", "BLOB"] {
        let batches = rows_of(native, &[Some("\\x00ff10"), None], DataType::Binary).await;
        let column = batches[0].column(0).as_binary::<i32>();
        assert_eq!(column.value(0), [0, 255, 16]);
        assert!(column.is_null(1));
    }
}
