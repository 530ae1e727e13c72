//! The suite's script, bound values, rights, transactions, and statements that are broken off.

use super::{SHOP, ask, bind, engine, hold, session, told};
use celosia_connector_testkit::data::oracle_tables;
use celosia_connector_testkit::double::engine::Bind;
use celosia_connector_testkit::double::plsql::Release;
use celosia_connector_testkit::script::{Spelling, script};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fixture_is_loaded_and_read() {
    for release in [Release::V19, Release::V23] {
        let Some(engine) = engine(release).await else { return };
        let booleans = release == Release::V23;
        engine.load(&script(Spelling::Oracle { booleans })).await.expect("loaded");
        let mut reader = session(&engine, "reader").await;
        for table in oracle_tables(booleans) {
            let sql = format!("SELECT * FROM CELOSIA.\"{}\" ORDER BY \"id\"", table.name);
            let (columns, rows) = ask(&mut reader, &sql, &[]).await.expect("read");
            assert_eq!(rows.len(), table.rows.len(), "{}", table.name);
            let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            let expected: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, expected);
            for (row, expected) in rows.iter().zip(&table.rows) {
                let nulls: Vec<bool> = row.iter().map(Option::is_none).collect();
                let expected: Vec<bool> = expected.iter().map(Option::is_none).collect();
                assert_eq!(nulls, expected, "{} {row:?}", table.name);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_are_bound_with_their_types() {
    let Some(engine) = engine(Release::V19).await else { return };
    let mut session = session(&engine, "app").await;
    let null = Bind { name: None, native: "NUMBER".into(), value: None };
    let named = |name: &str, value: &str| Bind {
        name: Some(name.to_string()),
        ..bind("VARCHAR2(10)", value)
    };
    let cases: &[(&str, Vec<Bind>, &str)] = &[
        ("SELECT :1 + 1 FROM DUAL", vec![bind("NUMBER", "9007199254740993")], "9007199254740994"),
        (
            "SELECT :1, :2 FROM DUAL",
            vec![bind("VARCHAR2(4)", "it's :x"), null.clone()],
            "it's :x|NULL",
        ),
        ("SELECT NVL(:1, 'null') FROM DUAL", vec![bind("VARCHAR2(1)", "")], "null"),
        ("SELECT :a || :b || :a FROM DUAL", vec![named(":A", "x"), named("b", "y")], "xyx"),
        (
            "SELECT :a || :b || :a FROM DUAL",
            vec![bind("VARCHAR2(1)", "x"), bind("VARCHAR2(1)", "y")],
            "xyx",
        ),
        (
            "SELECT :1 || :1 FROM DUAL",
            vec![bind("VARCHAR2(1)", "x"), bind("VARCHAR2(1)", "y")],
            "xy",
        ),
        ("SELECT :1 FROM DUAL", vec![], "ORA-01008"),
        ("SELECT 1 FROM DUAL", vec![null], "ORA-01036"),
        ("SELECT 1 FROM DUAL WHERE CAST('a' AS CHAR(3)) = :1", vec![bind("VARCHAR2(3)", "a")], ""),
        ("SELECT 1 FROM DUAL WHERE CAST('a' AS CHAR(3)) = :1", vec![bind("CHAR(1)", "a")], "1"),
        (
            "SELECT :1 - :2 FROM DUAL",
            vec![bind("DATE", "2024-01-02 12:00:00"), bind("DATE", "2024-01-01 00:00:00")],
            "1.5",
        ),
        (
            "SELECT TO_TIMESTAMP_TZ(:1, 'YYYY-MM-DD HH24:MI:SS.FF6 TZH:TZM') FROM DUAL",
            vec![bind("VARCHAR2(40)", "9999-12-31 23:59:59.999999 +00:00")],
            "9999-12-31 23:59:59.999999+00",
        ),
        ("SELECT RAWTOHEX(:1) FROM DUAL", vec![bind("RAW(2)", "\\x0aff")], "0AFF"),
        ("SELECT :1 / 0d FROM DUAL", vec![bind("BINARY_DOUBLE", "-1")], "-Infinity"),
        ("SELECT 1 FROM DUAL WHERE '10' = :1", vec![bind("NUMBER", "10")], "1"),
        ("SELECT ':1', \":1\" FROM (SELECT 1 AS \":1\" FROM DUAL) -- :1", vec![], ":1|1"),
    ];
    let mut wrong = Vec::new();
    for (sql, binds, expected) in cases {
        let found = told(&mut session, sql, binds).await;
        if found != *expected {
            wrong.push(format!("{sql}\n    gave {found}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_read_and_owners_write() {
    let Some(engine) = engine(Release::V19).await else { return };
    engine.load_as("app", SHOP).await.expect("loaded");
    let mut reader = session(&engine, "reader").await;
    let denied = "ORA-01031";
    hold(&mut reader, &[
        ("INSERT INTO app.customers (id, name) VALUES (9, 'x')", denied),
        ("UPDATE app.customers SET name = 'x'", denied),
        ("DELETE FROM app.customers", denied),
        ("DELETE FROM app.nowhere", "ORA-00942"),
        ("DELETE FROM customers", "ORA-00942"),
        ("MERGE INTO app.customers c USING DUAL ON (1 = 1) WHEN MATCHED THEN UPDATE SET name = 'x'", denied),
        ("CREATE TABLE t (id NUMBER)", denied),
        ("CREATE TABLE app.t (id NUMBER)", denied),
        ("DROP TABLE app.customers", denied),
        ("DROP TABLE app.nowhere", "ORA-00942"),
        ("ALTER TABLE app.customers ADD x NUMBER", denied),
        ("TRUNCATE TABLE app.customers", denied),
        ("CREATE VIEW v AS SELECT 1 x FROM DUAL", denied),
        ("CREATE SYNONYM s FOR app.customers", denied),
        ("CREATE INDEX i ON app.customers (city)", denied),
        ("COMMENT ON TABLE app.customers IS 'x'", denied),
        ("GRANT SELECT ON app.customers TO PUBLIC", denied),
        ("LOCK TABLE app.customers IN EXCLUSIVE MODE", denied),
        ("SELECT id FROM app.customers FOR UPDATE", denied),
        ("BEGIN DELETE FROM app.customers; END;", denied),
        ("BEGIN EXECUTE IMMEDIATE 'DROP TABLE app.customers'; END;", denied),
        ("BEGIN DBMS_STATS.GATHER_SCHEMA_STATS('APP'); END;", denied),
        ("WITH x AS (SELECT 1 a FROM DUAL) SELECT a FROM x", "1"),
        ("BEGIN DBMS_APPLICATION_INFO.SET_MODULE('m', 'a'); DBMS_SESSION.SET_IDENTIFIER('i'); END;", ""),
        ("SET TRANSACTION READ ONLY", ""),
        ("SET TRANSACTION READ ONLY", "ORA-01453"),
        ("SELECT nope FROM DUAL", "ORA-00904"),
        ("SELECT COUNT(*) FROM app.customers", "3"),
        ("SELECT 1 / (id - 2) FROM app.customers ORDER BY id", "ORA-01476"),
        ("SELECT COUNT(*) FROM app.customers", "3"),
        ("ROLLBACK", ""),
        ("ALTER SESSION SET CURRENT_SCHEMA = app TIME_ZONE = '+00:00' NLS_SORT = BINARY", ""),
        ("SELECT COUNT(*) FROM customers", "3"),
    ])
    .await;
    let mut owner = session(&engine, "app").await;
    let mut other = session(&engine, "app").await;
    hold(
        &mut owner,
        &[
            ("SET TRANSACTION READ ONLY", ""),
            ("DELETE FROM orders", "ORA-01456"),
            ("COMMIT", ""),
            ("INSERT INTO customers (id, name) VALUES (4, 'Di')", ""),
            ("INSERT INTO customers (id, name) VALUES (4, 'Di')", "ORA-00001"),
            ("INSERT INTO customers (id, name) VALUES (5, '')", "ORA-01400"),
            (
                "INSERT INTO customers (id, name) VALUES (5, 'much too long for its column')",
                "ORA-12899",
            ),
            ("INSERT INTO customers (id, name) VALUES (5, 'ñññññññññññ')", "ORA-12899"),
            ("INSERT INTO orders (id, customer) VALUES (5, 99)", "ORA-02291"),
            ("DELETE FROM customers WHERE id = 1", "ORA-02292"),
            ("INSERT INTO orders (id, total) VALUES (5, -1)", "ORA-02290"),
            ("INSERT INTO orders (id, total) VALUES (5, 123456789.1)", "ORA-01438"),
            ("INSERT INTO customers VALUES (5, 'x')", "ORA-00947"),
            ("UPDATE customers c SET c.name = c.name || '!' WHERE c.id = 4", ""),
            ("SELECT name FROM customers WHERE id = 4", "Di!"),
            ("INSERT INTO totals VALUES (1, 'x', 1)", "ORA-01732"),
            ("DELETE FROM sys.dual", denied),
        ],
    )
    .await;
    assert_eq!(told(&mut other, "SELECT COUNT(*) FROM customers", &[]).await, "3");
    hold(
        &mut owner,
        &[("COMMIT", ""), ("DELETE FROM customers WHERE id = 4", ""), ("ROLLBACK", "")],
    )
    .await;
    assert_eq!(told(&mut other, "SELECT name FROM customers WHERE id = 4", &[]).await, "Di!");
    hold(
        &mut owner,
        &[
            ("ALTER TABLE customers ADD (extra NUMBER(3) DEFAULT 7)", ""),
            ("SELECT MAX(extra) FROM customers", "7"),
            ("SELECT data_precision FROM user_tab_columns WHERE column_name = 'EXTRA'", "3"),
            ("ALTER TABLE customers DROP COLUMN extra", ""),
            ("SELECT extra FROM customers", "ORA-00904"),
            ("CREATE TABLE copies AS SELECT id, name FROM customers WHERE id < 3", ""),
            ("SELECT * FROM copies ORDER BY 1", "1|Ana / 2|Bo"),
            ("CREATE TABLE copies (id NUMBER)", "ORA-00955"),
            ("CREATE TABLE t (b BOOLEAN)", "ORA-00902"),
            ("TRUNCATE TABLE copies", ""),
            ("SELECT COUNT(*) FROM copies", "0"),
            ("DROP TABLE copies PURGE", ""),
            ("SELECT COUNT(*) FROM copies", "ORA-00942"),
            ("DROP TABLE orders CASCADE CONSTRAINTS", ""),
            ("SELECT COUNT(*) FROM user_constraints WHERE table_name = 'ORDERS'", "0"),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_is_stopped_and_the_session_goes_on() {
    let Some(engine) = engine(Release::V19).await else { return };
    engine.load(&script(Spelling::Oracle { booleans: false })).await.expect("loaded");
    let mut session = session(&engine, "reader").await;
    for transaction in [false, true] {
        if transaction {
            session.execute("SET TRANSACTION READ ONLY", &[]).await.expect("begun");
        }
        let endless = "SELECT \"id\" FROM CELOSIA.\"endless\"";
        session.execute(endless, &[]).await.expect("started");
        assert_eq!(session.rows(100).await.expect("rows").len(), 100);
        // Given up without a word: the next statement stops it.
        assert_eq!(told(&mut session, "SELECT 1 FROM DUAL", &[]).await, "1");
        session.execute(endless, &[]).await.expect("started");
        session.cancel().await;
        assert!(session.rows(1).await.expect("nothing").is_empty());
        let soon = std::time::Duration::from_millis(50);
        for sql in ["SELECT \"id\" FROM CELOSIA.\"slow\"", "BEGIN DBMS_SESSION.SLEEP(60); END;"] {
            assert!(tokio::time::timeout(soon, session.execute(sql, &[])).await.is_err(), "{sql}");
            session.cancel().await;
            assert_eq!(told(&mut session, "SELECT 2 FROM DUAL", &[]).await, "2");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_say_where() {
    let Some(engine) = engine(Release::V19).await else { return };
    let mut session = session(&engine, "app").await;
    for (sql, position, message) in [
        ("SELECT 1, nope FROM DUAL", 10, "ORA-00904: \"NOPE\": invalid identifier"),
        ("SELECT é\nFROM )", 14, "ORA-00903: invalid table name"),
    ] {
        let error = ask(&mut session, sql, &[]).await.expect_err("refused");
        assert_eq!((error.position, error.message.as_str()), (Some(position), message));
    }
}
