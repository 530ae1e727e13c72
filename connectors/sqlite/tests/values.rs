//! Stored values in columns that lean another way, and what discovery makes of odd tables.

mod support;

use celosia_connector_api::{Connector, ErrorCode, OperandClass, TableKind, Value};
use celosia_connector_testkit::subject::{select, select_all};
use sqlx::Connection;
use support::{Database, run, table};

fn text(text: &str) -> Option<Value> {
    Some(Value::Text(text.to_string()))
}

#[tokio::test]
async fn what_has_no_type_is_read_as_the_text_of_its_value() {
    let script = "CREATE TABLE t (id INTEGER PRIMARY KEY, loose, doc JSON, n NUMERIC, name STRING);
        INSERT INTO t VALUES (1, 9223372036854775807, '[1.50]', '9007199254740993', '007'),
          (2, 0.1 + 0.2, 5, 0.1, 'x'), (3, 'te''xt', '1.50', 1e300, NULL), (4, '', NULL, 'abc', ''),
          (5, 1e20, 'null', 0.1 + 0.2, 2)";
    let database = Database::create(script).await;
    let connector = database.connector(1);
    let t = table(&connector, "t").await;
    assert!(t.columns[1..].iter().all(|c| c.class == OperandClass::Opaque && c.read_as_text));
    let rows = run(&connector, &select(&t, &[1, 2, 3, 4])).await.expect("rows").rows;
    let expected = [
        [text("9223372036854775807"), text("[1.50]"), text("9007199254740993"), text("7")],
        [text("0.30000000000000004"), text("5"), text("0.1"), text("x")],
        [text("te'xt"), text("1.5"), text("1.0e+300"), None],
        [text(""), None, text("abc"), text("")],
        [text("1.0e+20"), text("null"), text("0.30000000000000004"), text("2")],
    ];
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn numbers_keep_every_digit() {
    let database = Database::create("CREATE TABLE t (f REAL, d DECIMAL(38, 10), i BIGINT)").await;
    let mut writer = database.writer().await;
    let floats = [5e-324, -0.0, f64::MAX, -1e-300, 0.1 + 0.2];
    for float in floats {
        let insert = sqlx::query("INSERT INTO t VALUES (?, ?, ?)").bind(float);
        let insert = insert.bind("123456789.0123456789").bind(i64::MIN);
        insert.execute(&mut writer).await.expect("written");
    }
    writer.close().await.expect("closed");
    let connector = database.connector(1);
    let rows = run(&connector, &select(&table(&connector, "t").await, &[0, 2])).await;
    for (row, float) in rows.expect("rows").rows.iter().zip(floats) {
        assert_eq!(row, &[Some(Value::Float(float)), Some(Value::Integer(i64::MIN))]);
    }
}

#[tokio::test]
async fn decimals_come_from_integers_doubles_and_text() {
    let script = "CREATE TABLE t (d DECIMAL(12, 3)); INSERT INTO t VALUES (1), (-0.125), ('12.5'), (1e8), (0.1)";
    let database = Database::create(script).await;
    let connector = database.connector(1);
    let rows =
        run(&connector, &select_all(&table(&connector, "t").await)).await.expect("rows").rows;
    let expected = [1_000, -125, 12_500, 100_000_000_000, 100];
    let expected = expected.map(|unscaled| vec![Some(Value::Decimal { unscaled, scale: 3 })]);
    assert_eq!(rows, expected);
    for bad in ["0.1 + 0.2", "1e9", "9e999", "'x'", "X'31'"] {
        database.write(&format!("DELETE FROM t; INSERT INTO t VALUES ({bad})")).await;
        let error =
            run(&connector, &select_all(&table(&connector, "t").await)).await.expect_err(bad);
        assert_eq!(error.code, ErrorCode::UnrepresentableValue, "{bad}");
    }
}

#[tokio::test]
async fn text_is_whole_and_utf8_or_refused() {
    let script = "CREATE TABLE t (s TEXT); INSERT INTO t VALUES (CAST(X'61ff' AS TEXT))";
    let database = Database::create(script).await;
    let connector = database.connector(1);
    let error =
        run(&connector, &select_all(&table(&connector, "t").await)).await.expect_err("not text");
    assert_eq!(
        (error.code, error.subject.as_deref()),
        (ErrorCode::UnrepresentableValue, Some("s"))
    );
}

#[tokio::test]
async fn a_utf16_database_is_read_and_its_text_is_compared_here() {
    let script = "PRAGMA encoding = 'UTF-16le';
        CREATE TABLE t (id INTEGER PRIMARY KEY, s TEXT); INSERT INTO t VALUES (1, 'ñ😀'), (2, '')";
    let database = Database::create(script).await;
    let connector = database.connector(1);
    let t = table(&connector, "t").await;
    assert_eq!(t.columns[1].class, OperandClass::Opaque);
    let rows = run(&connector, &select(&t, &[1])).await.expect("rows").rows;
    assert_eq!(rows, [[text("ñ😀")], [text("")]]);
}

#[tokio::test]
async fn discovery_survives_odd_tables() {
    let script = "CREATE TABLE a (id INTEGER PRIMARY KEY DESC, x INT, g TEXT AS (x || '!'));
        CREATE TABLE b (k TEXT, v REAL, PRIMARY KEY (k)) WITHOUT ROWID;
        CREATE TABLE c (k TEXT PRIMARY KEY, p REFERENCES nowhere, q REFERENCES b, r REFERENCES a (absent)) STRICT;";
    // A STRICT table must name its types.
    let script = script
        .replace("p REF", "p INT REF")
        .replace("q REF", "q TEXT REF")
        .replace("r REF", "r ANY REF");
    let database = Database::create(&format!(
        "{script} CREATE VIEW broken AS SELECT x FROM nowhere; CREATE VIRTUAL TABLE notes USING fts5 (body);
         CREATE VIEW odd AS SELECT count(*) AS n, k, v + 1 AS w FROM b; INSERT INTO notes VALUES ('note');
         INSERT INTO a (id, x) VALUES (1, 2); ANALYZE;"
    ))
    .await;
    let connector = database.connector(1);
    let description = connector.describe().await.expect("a description");
    let names: Vec<&str> = description.tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c", "notes", "odd"]);
    let [a, b, c, notes, odd] = &description.tables[..] else { panic!("five tables") };
    assert_eq!((a.primary_key.as_slice(), a.columns.len()), (&["id".to_string()][..], 3));
    assert!(a.columns[0].nullable, "a descending key is not the rowid");
    assert!(!b.columns[0].nullable && b.columns[1].nullable && c.columns[1].nullable);
    assert_eq!(c.foreign_keys.len(), 1, "{:?}", c.foreign_keys);
    assert_eq!(c.foreign_keys[0].referenced_columns, ["k"]);
    assert_eq!((notes.columns.len(), odd.kind), (1, TableKind::View));
    assert!(description.server.starts_with("SQLite 3."));
    for table in description.tables {
        let found = run(&connector, &select_all(&std::sync::Arc::new(table.clone()))).await;
        assert!(found.is_ok(), "{}: {found:?}", table.name);
    }
}
