//! What is read: types, discovery, drift.

use crate::support::{both_ways, connector, fetch, rendered, source, statement, whole};
use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, UInt64Type};
use arrow_array::{
    Array, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Decimal256Array, Float32Array,
    Float64Array, Int16Array, Int32Array, Int64Array, StringArray, Time64MicrosecondArray,
    TimestampMicrosecondArray,
};
use arrow_buffer::i256;
use celosia_connector_api::query::UNFIT;
use celosia_connector_api::{
    Connector, ErrorCode, OperandClass, RenderedQuery, TableDescription, TableKind,
};
use celosia_connector_postgres::{PostgresConfig, PostgresConnector};

#[tokio::test(flavor = "multi_thread")]
async fn every_type_arrives_exactly() {
    let Some(source) = source(
        "CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE DOMAIN price AS numeric(8,3); \
         CREATE DOMAIN final_price AS price NOT NULL DEFAULT 0; CREATE TYPE pair AS (a int, b text); \
         CREATE TABLE t (i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, n38 numeric(38,10), \
           n50 numeric(50,5), n numeric, s text, v varchar(5), c char(4), u uuid, b bytea, d date, \
           ti time, ts timestamp, tz timestamptz, iv interval, j json, jb jsonb, m mood, a int[], \
           p final_price, bo bool, ip inet, wide numeric(100,20), co pair, ttz timetz, na name, \
           tags text[]); \
         INSERT INTO t VALUES (-32768, -2147483648, -9223372036854775808, 'NaN', '-Infinity', \
           -9999999999999999999999999999.9999999999, 123456789012345678901234567890123456789012345.67891, \
           -9999999999999999999999999999999999999999999999.999999999999999999999999999999, \
           E'h\\u00e9 \\U0001F600', '', 'ab', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '\\x00ff', \
           '4713-12-31 BC', '23:59:59.999999', '0001-01-01 00:00:00', '2024-02-29 23:00:00-08', \
           '1 year 2 mons 3 days 04:05:06.789', '{\"a\": 1}', '{\"b\":  2}', 'glad', '{1,NULL,3}', \
           12345.678, true, '10.0.0.1/8', 1.5, (1,'x'), '12:00+02', 'na', '{\"a,b\",\"\\\"\"}'); \
         INSERT INTO t (p) VALUES (0);",
    ) else {
        return;
    };
    let query = whole(&source, "t").await;
    let native: Vec<&str> = query.table.columns.iter().map(|c| c.native_type.as_str()).collect();
    assert_eq!(&native[20..23], ["public.mood", "integer[]", "numeric(8,3)"]);
    let [by_copy, prepared] = both_ways(&rendered(&source, &query));
    let batches = fetch(&source.connector, &by_copy).await.unwrap();
    assert_eq!(batches.len(), 1);
    assert_eq!(fetch(&source.connector, &prepared).await.unwrap(), batches);
    let column = |name: &str| batches[0].column_by_name(name).unwrap().slice(0, 1);
    let same = |name: &str, expected: &dyn Array| assert_eq!(&*column(name), expected, "{name}");
    same("i2", &Int16Array::from(vec![i16::MIN]));
    same("i4", &Int32Array::from(vec![i32::MIN]));
    same("i8", &Int64Array::from(vec![i64::MIN]));
    let nan = column("f4");
    let nan = nan.as_any().downcast_ref::<Float32Array>().unwrap().value(0);
    assert_eq!(nan.to_bits(), f32::NAN.to_bits());
    same("f8", &Float64Array::from(vec![f64::NEG_INFINITY]));
    let n38 = Decimal128Array::from(vec![-(10_i128.pow(38) - 1)]);
    same("n38", &n38.with_precision_and_scale(38, 10).unwrap());
    let digits = i256::from_string("12345678901234567890123456789012345678901234567891").unwrap();
    let n50 = Decimal256Array::from(vec![digits]).with_precision_and_scale(50, 5).unwrap();
    same("n50", &n50);
    let digits = i256::from_string(&format!("-{}", "9".repeat(76))).unwrap();
    let free = Decimal256Array::from(vec![digits]).with_precision_and_scale(76, 30).unwrap();
    same("n", &free);
    for (name, text) in [
        ("s", "hé 😀"),
        ("v", ""),
        ("c", "ab  "),
        ("u", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("j", "{\"a\": 1}"),
        ("jb", "{\"b\": 2}"),
        ("m", "glad"),
        ("a", "[1,null,3]"),
        ("ip", "10.0.0.1/8"),
        ("wide", "1.50000000000000000000"),
        ("co", "(1,x)"),
        ("ttz", "12:00:00+02"),
        ("na", "na"),
        ("tags", "[\"a,b\",\"\\\"\"]"),
    ] {
        same(name, &StringArray::from(vec![text]));
    }
    same("b", &BinaryArray::from(vec![&[0_u8, 255][..]]));
    let first = chrono::NaiveDate::from_ymd_opt(-4712, 12, 31).unwrap();
    let days = first.signed_duration_since(chrono::NaiveDate::default()).num_days();
    same("d", &Date32Array::from(vec![days as i32]));
    same("ti", &Time64MicrosecondArray::from(vec![86_399_999_999]));
    same("ts", &TimestampMicrosecondArray::from(vec![-62_135_596_800_000_000]));
    let instant = TimestampMicrosecondArray::from(vec![1_709_276_400_000_000]);
    same("tz", &instant.with_timezone("+00:00"));
    let interval = arrow_buffer::IntervalMonthDayNano::new(14, 3, 14_706_789_000_000);
    same("iv", &arrow_array::IntervalMonthDayNanoArray::from(vec![interval]));
    assert_eq!(column("p").as_primitive::<Decimal128Type>().value(0), 12_345_678);
    same("bo", &BooleanArray::from(vec![true]));
    for (field, column) in batches[0].schema().fields().iter().zip(batches[0].columns()) {
        assert_eq!(column.is_null(1), field.name() != "p", "{}", field.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_exact_form_is_refused_by_name() {
    let Some(source) = source(
        "CREATE TABLE t (n numeric, n2 numeric(10,2), d date, ts timestamp, tz timestamptz, ti time);",
    ) else {
        return;
    };
    let query = rendered(&source, &whole(&source, "t").await);
    for (column, value) in [
        ("n", "'NaN'"),
        ("n", "'Infinity'"),
        ("n", "1e47"),
        ("n", "1e-31"),
        ("n2", "'NaN'"),
        ("d", "'infinity'"),
        ("d", "'-infinity'"),
        ("ts", "'infinity'"),
        ("ts", "'294276-12-31 23:59:59'"),
        ("tz", "'-infinity'"),
        ("ti", "'24:00:00'"),
    ] {
        let sql = format!("TRUNCATE t; INSERT INTO t ({column}) VALUES ({value})");
        source.cluster.execute(&source.database, &sql).unwrap();
        for query in both_ways(&query) {
            let error = fetch(&source.connector, &query).await.unwrap_err();
            assert_eq!(error.code, ErrorCode::UnrepresentableValue, "{column} {value}: {error:?}");
            assert_eq!(error.subject.as_deref(), Some(column), "{value}");
            let deferred = RenderedQuery { defer_unfit: true, ..query };
            let batches = fetch(&source.connector, &deferred).await.unwrap();
            let unfit = batches[0].column_by_name(UNFIT).unwrap();
            assert_ne!(unfit.as_primitive::<UInt64Type>().value(0), 0, "{column} {value}");
            assert!(batches[0].column_by_name(column).unwrap().is_null(0), "{column} {value}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn discovery_lists_what_the_login_may_read() {
    let Some(source) = source(
        "CREATE TABLE a (id int PRIMARY KEY, secret text, name text COLLATE \"C\", de text COLLATE \"de-x-icu\"); \
         COMMENT ON TABLE a IS 'the a'; COMMENT ON COLUMN a.name IS 'its name'; \
         CREATE TABLE b (x int, y int, a_id int REFERENCES a, PRIMARY KEY (y, x)); \
         CREATE TABLE c (id int, b_x int, b_y int, FOREIGN KEY (b_y, b_x) REFERENCES b (y, x), n int REFERENCES a); \
         CREATE TABLE hidden (id int PRIMARY KEY); ALTER TABLE c ADD h int REFERENCES hidden; \
         CREATE VIEW v AS SELECT id FROM a; CREATE MATERIALIZED VIEW mv AS SELECT id FROM a; \
         CREATE TABLE p (id int, PRIMARY KEY (id)) PARTITION BY RANGE (id); \
         CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100); \
         CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (100) TO (200); \
         INSERT INTO p SELECT generate_series(1, 150); ANALYZE p1; ANALYZE p2; ANALYZE a; \
         CREATE SCHEMA other; CREATE TABLE other.t (id int); CREATE SCHEMA closed; CREATE TABLE closed.t (id int); \
         CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false); \
         CREATE TABLE l (t text COLLATE loose, u text); \
         CREATE ROLE reader_d LOGIN; GRANT SELECT ON b, c, v, mv, p, l, closed.t TO reader_d; \
         GRANT USAGE ON SCHEMA other TO reader_d; GRANT SELECT ON other.t TO reader_d; \
         GRANT SELECT (id, name, de) ON a TO reader_d; ALTER ROLE reader_d SET log_statement = 'all';",
    ) else {
        return;
    };
    let url = source.cluster.url(&source.database, "reader_d");
    let found = connector(&url, 1).describe().await.unwrap();
    assert!(found.server.starts_with("PostgreSQL"));
    let names: Vec<String> =
        found.tables.iter().map(|t| format!("{}.{}", t.schema, t.name)).collect();
    let expected = [
        "other.t",
        "public.a",
        "public.b",
        "public.c",
        "public.l",
        "public.mv",
        "public.p",
        "public.v",
    ];
    assert_eq!(names, expected);
    let table =
        |name: &str| found.tables.iter().find(|t| t.schema == "public" && t.name == name).unwrap();
    let a = table("a");
    let columns: Vec<&str> = a.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(
        (columns, a.primary_key.clone()),
        (vec!["id", "name", "de"], vec!["id".to_string()])
    );
    assert_eq!((a.comment.as_deref(), a.row_estimate), (Some("the a"), Some(0)));
    assert_eq!(a.columns[1].comment.as_deref(), Some("its name"));
    assert!(!a.columns[0].nullable && a.columns[1].nullable);
    // Two collations of their own in one table cannot be compared with each other.
    assert_eq!(a.columns[1].class, OperandClass::Text);
    assert_eq!(a.columns[2].class, OperandClass::Opaque);
    assert_eq!(table("l").columns[0].class, OperandClass::Opaque);
    assert_eq!(table("l").columns[1].class, OperandClass::Text);
    assert_eq!(table("b").primary_key, ["y", "x"]);
    assert_eq!(table("b").row_estimate, None);
    let keys = &table("c").foreign_keys;
    assert_eq!(keys.len(), 2, "{keys:?}");
    let to_b = keys.iter().find(|k| k.referenced_table == "b").unwrap();
    assert_eq!(
        (&to_b.columns[..], &to_b.referenced_columns[..]),
        (&["b_y".to_string(), "b_x".into()][..], &["y".to_string(), "x".into()][..])
    );
    assert_eq!((table("p").kind, table("p").row_estimate), (TableKind::Partitioned, Some(150)));
    assert_eq!((table("v").kind, table("mv").kind), (TableKind::View, TableKind::MaterializedView));
    // The server's own log: four catalog statements, whatever the number of tables.
    let log = "SELECT count(*) FROM regexp_split_to_table(pg_read_file(\
        current_setting('data_directory') || '/../log'), E'\\n') AS line \
        WHERE line LIKE '%LOG:  execute%pg_class c JOIN%'";
    assert_eq!(source.cluster.execute("postgres", log).unwrap(), "3");
    let mut config = PostgresConfig::parse(&url).unwrap();
    config.schemas = vec!["other".into()];
    let found = PostgresConnector::new(config).unwrap().describe().await.unwrap();
    assert_eq!(found.tables.len(), 1);
    let readers = connector(&url, 1);
    let secret = statement("SELECT secret FROM public.a", &[arrow_schema::DataType::Utf8]);
    assert_eq!(fetch(&readers, &secret).await.unwrap_err().code, ErrorCode::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_table_is_an_outdated_catalog() {
    for way in 0..2 {
        a_change_is_noticed(way).await;
    }
}

async fn a_change_is_noticed(way: usize) {
    let Some(source) = source("CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x')")
    else {
        return;
    };
    let current = async || both_ways(&rendered(&source, &whole(&source, "t").await))[way].clone();
    let query = current().await;
    // Both sessions prepare the statement.
    let both =
        futures::future::join(fetch(&source.connector, &query), fetch(&source.connector, &query));
    assert!(both.await.0.is_ok());
    // The second change keeps the length of every value.
    for change in ["bigint", "timestamp USING '2024-01-01'"] {
        let query = current().await;
        fetch(&source.connector, &query).await.unwrap();
        let change = format!("ALTER TABLE t ALTER a TYPE {change}");
        source.cluster.execute(&source.database, &change).unwrap();
        for _ in 0..3 {
            let error = fetch(&source.connector, &query).await.unwrap_err();
            assert_eq!(error.code, ErrorCode::CatalogOutdated, "{error:?}");
        }
        let query = current().await;
        for _ in 0..3 {
            assert_eq!(fetch(&source.connector, &query).await.unwrap()[0].num_rows(), 1);
        }
    }
    let query = current().await;
    for change in ["ALTER TABLE t RENAME b TO c", "DROP TABLE t"] {
        source.cluster.execute(&source.database, change).unwrap();
        let error = fetch(&source.connector, &query).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::CatalogOutdated);
    }
    let description: Vec<TableDescription> = source.connector.describe().await.unwrap().tables;
    assert!(description.is_empty());
}
