//! Oracle's SQL in, rows out: one case for each rule that the engine models.

use celosia_connector_testkit::cluster::PostgresCluster;
use celosia_connector_testkit::data::oracle_tables;
use celosia_connector_testkit::double::engine::{
    Bind, Engine, EngineError, EngineSession, Login, Outcome, ResultColumn,
};
use celosia_connector_testkit::double::plsql::{OracleEngine, Release};
use celosia_connector_testkit::script::{Spelling, script};
use std::sync::Arc;

/// A database of a release; `None` where there is no PostgreSQL to run it.
async fn engine(release: Release) -> Option<Arc<OracleEngine>> {
    match PostgresCluster::shared() {
        Ok(cluster) => {
            Some(OracleEngine::start_release(cluster, release).await.expect("a database"))
        }
        Err(reason) => {
            let required = std::env::var("CELOSIA_REQUIRE_SOURCES");
            assert!(!required.is_ok_and(|sources| sources.contains("postgres")), "{reason}");
            eprintln!("skipped: {reason}");
            None
        }
    }
}

async fn session(engine: &Arc<OracleEngine>, user: &str) -> Box<dyn EngineSession> {
    let login = Login { user: user.to_string(), database: "CELOSIA".to_string() };
    engine.session(&login).await.expect("a session")
}

async fn ask(
    session: &mut Box<dyn EngineSession>,
    sql: &str,
    binds: &[Bind],
) -> Result<(Vec<ResultColumn>, Vec<Vec<Option<String>>>), EngineError> {
    let columns = match session.execute(sql, binds).await? {
        Outcome::Rows(columns) => columns,
        Outcome::Done { .. } => return Ok((Vec::new(), Vec::new())),
    };
    let mut rows = Vec::new();
    loop {
        let more = session.rows(1_000).await?;
        if more.is_empty() {
            return Ok((columns, rows));
        }
        rows.extend(more);
    }
}

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

/// The rows of a statement in one line: `|` between cells, ` / ` between rows.
async fn told(session: &mut Box<dyn EngineSession>, sql: &str, binds: &[Bind]) -> String {
    match ask(session, sql, binds).await {
        Err(error) => format!("ORA-{:05}", error.number),
        Ok((_, rows)) => {
            let cell = |cell: &Option<String>| cell.clone().unwrap_or_else(|| "NULL".to_string());
            let line = |row: &Vec<Option<String>>| row.iter().map(cell).collect::<Vec<_>>().join("|");
            rows.iter().map(line).collect::<Vec<_>>().join(" / ")
        }
    }
}

/// Holds a table of cases, and tells all that fail.
async fn hold(session: &mut Box<dyn EngineSession>, cases: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (sql, expected) in cases {
        let found = told(session, sql, &[]).await;
        if found != *expected {
            let error = ask(session, sql, &[]).await.err().map(|error| error.message);
            wrong.push(format!("{sql}\n    gave {found}, not {expected} {error:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expressions_mean_what_they_mean_in_oracle() {
    let Some(engine) = engine(Release::V19).await else { return };
    let mut session = session(&engine, "app").await;
    hold(&mut session, &[
        // The empty string is NULL.
        ("SELECT '' FROM DUAL", "NULL"),
        ("SELECT NVL('', 'x') FROM DUAL", "x"),
        ("SELECT LENGTH('') FROM DUAL", "NULL"),
        ("SELECT 1 FROM DUAL WHERE '' = ''", ""),
        ("SELECT 1 FROM DUAL WHERE '' IS NULL", "1"),
        ("SELECT 1 FROM DUAL WHERE 'a' <> ''", ""),
        ("SELECT 'a' || NULL || 'b' || '' FROM DUAL", "ab"),
        ("SELECT '' || NULL FROM DUAL", "NULL"),
        ("SELECT TRIM('   ') FROM DUAL", "NULL"),
        ("SELECT SUBSTR('abc', 4) FROM DUAL", "NULL"),
        ("SELECT REPLACE('aaa', 'a') FROM DUAL", "NULL"),
        ("SELECT REPLACE('abc', 'b', '') FROM DUAL", "ac"),
        ("SELECT CASE WHEN '' IS NULL THEN 'null' END FROM DUAL", "null"),
        ("SELECT COALESCE('', NULL, 'z') FROM DUAL", "z"),
        // Numbers.
        ("SELECT 7 / 2 FROM DUAL", "3.5"),
        ("SELECT 1 / 3 FROM DUAL", "0.3333333333333333333333333333333333333333"),
        ("SELECT 10 / 3 FROM DUAL", "3.33333333333333333333333333333333333333"),
        ("SELECT 2 / 3 FROM DUAL", "0.6666666666666666666666666666666666666667"),
        ("SELECT 1 / 0 FROM DUAL", "ORA-01476"),
        ("SELECT 9007199254740993 + 1 FROM DUAL", "9007199254740994"),
        ("SELECT 12345678901234567890123456789012345678 FROM DUAL",
         "12345678901234567890123456789012345678"),
        ("SELECT '5' + 1 FROM DUAL", "6"),
        ("SELECT TO_NUMBER('x') FROM DUAL", "ORA-01722"),
        ("SELECT TO_NUMBER(' 1.50 ') FROM DUAL", "1.50"),
        ("SELECT TO_CHAR(0.5) || ',' || TO_CHAR(-0.25) || ',' || 1.50 FROM DUAL", ".5,-.25,1.5"),
        ("SELECT MOD(7, 0), MOD(-7, 3), SIGN(-2), ABS(-2) FROM DUAL", "7|-1|-1|2"),
        ("SELECT ROUND(2.5), ROUND(-2.5), ROUND(1234.567, -2), TRUNC(-1.9), TRUNC(1.29, 1) FROM DUAL",
         "3|-3|1200|-1|1.2"),
        ("SELECT CEIL(1.2), FLOOR(-1.2), POWER(2, 10), BITAND(6, 3) FROM DUAL",
         "2|-2|1024.0000000000000000|2"),
        ("SELECT GREATEST(1, 2), GREATEST(1, NULL), LEAST('b', 'a') FROM DUAL", "2|NULL|a"),
        ("SELECT 1.5d / 0d, -1f / 0f, 1.5d * 2 FROM DUAL", "Infinity|-Infinity|3"),
        ("SELECT BINARY_DOUBLE_INFINITY, BINARY_DOUBLE_NAN FROM DUAL", "Infinity|NaN"),
        ("SELECT CAST('12.345' AS NUMBER(5, 2)) FROM DUAL", "12.35"),
        ("SELECT CAST(1234 AS NUMBER(3)) FROM DUAL", "ORA-01438"),
        ("SELECT CAST(150 AS NUMBER(5, -2)) FROM DUAL", "200"),
        // Text: characters, not bytes; positions from either end.
        ("SELECT LENGTH('ñ😀'), LENGTHB('ñ😀') FROM DUAL", "2|6"),
        ("SELECT SUBSTR('hello', 0, 2), SUBSTR('hello', -3), SUBSTR('hello', -3, 2) FROM DUAL",
         "he|llo|ll"),
        ("SELECT SUBSTR('hello', -6), SUBSTR('hello', 2, 0), SUBSTR('😀ñ', 2, 1) FROM DUAL",
         "NULL|NULL|ñ"),
        ("SELECT INSTR('abcabc', 'c'), INSTR('abcabc', 'c', 4), INSTR('abcabc', 'c', -1), \
         INSTR('abcabc', 'b', 1, 2), INSTR('abc', 'x') FROM DUAL", "3|6|6|5|0"),
        ("SELECT LPAD('7', 3, '0'), RPAD('ab', 4, '*'), LPAD('abc', 2), LPAD('a', 0) FROM DUAL",
         "007|ab**|ab|NULL"),
        ("SELECT UPPER('ñandú'), LOWER('ÄB'), INITCAP('ana maria') FROM DUAL", "ÑANDÚ|äb|Ana Maria"),
        ("SELECT TRIM(BOTH 'x' FROM 'xaxx'), LTRIM('  a'), RTRIM('abb', 'b') FROM DUAL", "a|a|a"),
        ("SELECT CHR(65), ASCII('A'), TRANSLATE('abc', 'ab', 'xy') FROM DUAL", "A|65|xyc"),
        ("SELECT RPAD('x', 3000, 'x') || RPAD('x', 3000, 'x') FROM DUAL", "ORA-01489"),
        ("SELECT N'ñ', q'[it's]', 'it''s' FROM DUAL", "ñ|it's|it's"),
        ("SELECT DECODE(NULL, NULL, 'n', 'x'), DECODE(2, 1, 'a', 2, 'b', 'c'), DECODE(9, 1, 'a') FROM DUAL",
         "n|b|NULL"),
        ("SELECT NVL2(NULL, 'a', 'b'), NULLIF(1, 1), NVL(NULL, 5) FROM DUAL", "b|NULL|5"),
        ("SELECT CAST('abcdef' AS VARCHAR2(3)) FROM DUAL", "abc"),
        ("SELECT CAST('ab' AS CHAR(4)) || '|' FROM DUAL", "ab  |"),
        ("SELECT RAWTOHEX(HEXTORAW('00ff')), RAWTOHEX(UTL_RAW.CAST_TO_RAW('A')), \
         UTL_RAW.CAST_TO_VARCHAR2(HEXTORAW('4142')), HEXTORAW('') FROM DUAL", "00FF|41|AB|NULL"),
        ("SELECT HEXTORAW('xy') FROM DUAL", "ORA-01465"),
        ("SELECT LENGTH(TO_CLOB('ab') || TO_CLOB('c')) FROM DUAL", "3"),
        // Comparison: CHAR is padded only against CHAR.
        ("SELECT 1 FROM DUAL WHERE 'a' = 'a  '", "1"),
        ("SELECT 1 FROM DUAL WHERE CAST('a' AS VARCHAR2(5)) = CAST('a ' AS VARCHAR2(5))", ""),
        ("SELECT 1 FROM DUAL WHERE CAST('a' AS CHAR(5)) = 'a'", "1"),
        ("SELECT 1 FROM DUAL WHERE CAST('a' AS CHAR(5)) = CAST('a' AS VARCHAR2(5))", ""),
        ("SELECT LENGTH(CAST('a' AS CHAR(5))) FROM DUAL", "5"),
        ("SELECT 1 FROM DUAL WHERE CAST('B' AS VARCHAR2(1)) < CAST('a' AS VARCHAR2(1))", "1"),
        // LIKE.
        ("SELECT 1 FROM DUAL WHERE 'a%b' LIKE 'a\\%b' ESCAPE '\\'", "1"),
        ("SELECT 1 FROM DUAL WHERE 'a\\b' LIKE 'a\\\\b' ESCAPE '\\'", "1"),
        ("SELECT 1 FROM DUAL WHERE 'axb' LIKE 'a\\xb' ESCAPE '\\'", "ORA-01424"),
        ("SELECT 1 FROM DUAL WHERE 'axb' LIKE 'axb\\' ESCAPE '\\'", "ORA-01424"),
        ("SELECT 1 FROM DUAL WHERE 'a' LIKE 'a' ESCAPE 'xy'", "ORA-01425"),
        ("SELECT 1 FROM DUAL WHERE 'a\\b' LIKE 'a\\b'", "1"),
        ("SELECT 1 FROM DUAL WHERE 'a' LIKE ''", ""),
        ("SELECT 1 FROM DUAL WHERE NOT 'abc' LIKE 'b%' AND 'abc' NOT LIKE 'B%'", "1"),
        ("SELECT 1 FROM DUAL WHERE REGEXP_LIKE('Abc', '^a', 'i')", "1"),
        // No truth before 23ai.
        ("SELECT 1 = 1 FROM DUAL", "ORA-00923"),
        ("SELECT 1 FROM DUAL WHERE 1", "ORA-00920"),
        ("SELECT TRUE FROM DUAL", "ORA-00904"),
        ("SELECT 1", "ORA-00923"),
        ("SELECT 1 FROM DUAL WHERE 1 = 1 OR 1 = 0 AND NOT 1 = 1", "1"),
        ("SELECT CASE WHEN 1 = 1 THEN 'y' ELSE 'n' END FROM DUAL", "y"),
        // The session.
        ("SELECT USER, SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA') FROM DUAL", "APP|APP"),
        ("SELECT dummy FROM dual", "X"),
        ("SELECT * FROM sys.dual d", "X"),
        ("SELECT 1 FROM DUAL AS d", "ORA-00933"),
        ("SELECT 1 FROM DUAL LIMIT 1", "ORA-00933"),
        ("SELECT 1 FROM DUAL;", "ORA-00933"),
        ("SELECT nope FROM DUAL", "ORA-00904"),
        ("SELECT nope(1) FROM DUAL", "ORA-00904"),
        ("SELECT pg_sleep(1) FROM DUAL", "ORA-00904"),
        ("SELECT 1 FROM nope", "ORA-00942"),
        ("SELECT 1 FROM pg_catalog.pg_class", "ORA-00942"),
        ("SELECT 1 FROM", "ORA-00903"),
        ("SELECT FROM DUAL", "ORA-00936"),
        ("SELEKT 1", "ORA-00900"),
        ("SELECT 'x FROM DUAL", "ORA-01756"),
        ("SELECT COUNT(* FROM DUAL", "ORA-00907"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dates_have_times_and_count_in_days() {
    let Some(engine) = engine(Release::V19).await else { return };
    let mut session = session(&engine, "app").await;
    hold(&mut session, &[
        ("SELECT DATE '2024-02-28' + 2 FROM DUAL", "2024-03-01 00:00:00"),
        ("SELECT DATE '2024-03-01' - DATE '2024-02-28' FROM DUAL", "2"),
        ("SELECT TO_DATE('2024-01-01 12', 'YYYY-MM-DD HH24') - DATE '2024-01-01' FROM DUAL", "0.5"),
        ("SELECT DATE '2024-01-01' + 1/24 FROM DUAL", "2024-01-01 01:00:00"),
        ("SELECT DATE '2024-01-01' + INTERVAL '90' MINUTE FROM DUAL", "2024-01-01 01:30:00"),
        ("SELECT TIMESTAMP '2024-01-02 00:00:00.5' - TIMESTAMP '2024-01-01 00:00:00' FROM DUAL",
         "1 day 00:00:00.5"),
        ("SELECT TIMESTAMP '2024-01-01 10:00:00.5' + 1 FROM DUAL", "2024-01-02 10:00:00"),
        ("SELECT CAST(TIMESTAMP '2024-01-01 10:00:00.9' AS DATE) FROM DUAL", "2024-01-01 10:00:00"),
        ("SELECT CAST(DATE '2024-01-01' AS TIMESTAMP(6)) FROM DUAL", "2024-01-01 00:00:00"),
        ("SELECT TO_DATE('2024-02-30', 'YYYY-MM-DD') FROM DUAL", "ORA-01839"),
        ("SELECT TO_DATE('hello', 'YYYY-MM-DD') FROM DUAL", "ORA-01858"),
        ("SELECT DATE '2024-1-1' FROM DUAL", "ORA-01861"),
        ("SELECT TO_TIMESTAMP('2024-01-02 03:04:05.678901', 'YYYY-MM-DD HH24:MI:SS.FF6') FROM DUAL",
         "2024-01-02 03:04:05.678901"),
        ("SELECT TO_TIMESTAMP('0001-01-01 00:00:00.000001', 'YYYY-MM-DD HH24:MI:SS.FF6') FROM DUAL",
         "0001-01-01 00:00:00.000001"),
        ("SELECT TO_TIMESTAMP('9999-12-31 23:59:59.999999', 'YYYY-MM-DD HH24:MI:SS.FF6') FROM DUAL",
         "9999-12-31 23:59:59.999999"),
        ("SELECT TO_TIMESTAMP_TZ('2024-01-02 03:04:05.5 +02:00', 'YYYY-MM-DD HH24:MI:SS.FF6 TZH:TZM') \
         FROM DUAL", "2024-01-02 01:04:05.5+00"),
        ("SELECT TO_TIMESTAMP('2024-01-02 03:04:05.1234567', 'YYYY-MM-DD HH24:MI:SS.FF9') FROM DUAL",
         "2024-01-02 03:04:05.123456"),
        ("SELECT TIMESTAMP '2024-01-02 03:04:05 +02:00' FROM DUAL", "2024-01-02 01:04:05+00"),
        ("SELECT SYS_EXTRACT_UTC(TIMESTAMP '2024-01-02 03:04:05 +02:00') FROM DUAL",
         "2024-01-02 01:04:05"),
        ("SELECT FROM_TZ(TIMESTAMP '2024-01-02 03:04:05', '+02:00') AT TIME ZONE 'UTC' FROM DUAL",
         "2024-01-02 01:04:05+00"),
        ("SELECT TO_CHAR(DATE '2024-01-02', 'YYYY-MM-DD\"T\"HH24:MI:SS') FROM DUAL",
         "2024-01-02T00:00:00"),
        ("SELECT TO_CHAR(TIMESTAMP '2024-01-02 03:04:05.5', 'YYYY-MM-DD HH24:MI:SS.FF3') FROM DUAL",
         "2024-01-02 03:04:05.500"),
        ("SELECT TRUNC(TO_DATE('2024-05-17 13:14', 'YYYY-MM-DD HH24:MI')) FROM DUAL",
         "2024-05-17 00:00:00"),
        ("SELECT TRUNC(DATE '2024-05-17', 'YYYY'), TRUNC(DATE '2024-05-17', 'MM'), \
         TRUNC(DATE '2024-05-17', 'Q'), TRUNC(DATE '2024-05-17', 'IW') FROM DUAL",
         "2024-01-01 00:00:00|2024-05-01 00:00:00|2024-04-01 00:00:00|2024-05-13 00:00:00"),
        ("SELECT ROUND(DATE '2024-07-01', 'YYYY'), ROUND(DATE '2024-05-15', 'MM'), \
         ROUND(DATE '2024-05-16', 'MM') FROM DUAL",
         "2025-01-01 00:00:00|2024-05-01 00:00:00|2024-06-01 00:00:00"),
        ("SELECT ADD_MONTHS(DATE '2024-01-31', 1), ADD_MONTHS(DATE '2024-02-29', 1) FROM DUAL",
         "2024-02-29 00:00:00|2024-03-31 00:00:00"),
        ("SELECT MONTHS_BETWEEN(DATE '2024-03-31', DATE '2024-02-29'), \
         MONTHS_BETWEEN(DATE '2024-02-15', DATE '2024-01-01') FROM DUAL",
         "1|1.4516129032258064516129032258064516129"),
        ("SELECT LAST_DAY(DATE '2024-02-10') FROM DUAL", "2024-02-29 00:00:00"),
        ("SELECT EXTRACT(YEAR FROM DATE '2024-02-10'), \
         EXTRACT(SECOND FROM TIMESTAMP '2024-01-01 00:00:05.25') FROM DUAL", "2024|5.25"),
        ("SELECT 1 FROM DUAL WHERE DATE '2024-01-01' < TIMESTAMP '2024-01-01 00:00:00.1'", "1"),
        ("SELECT 1 FROM DUAL WHERE SYSDATE > DATE '2024-01-01' AND SYSTIMESTAMP > DATE '2024-01-01'",
         "1"),
        ("SELECT MAX(d) FROM (SELECT DATE '2024-01-01' d FROM DUAL UNION ALL SELECT NULL FROM DUAL)",
         "2024-01-01 00:00:00"),
        ("SELECT INTERVAL '1-2' YEAR TO MONTH, INTERVAL '1 02:03:04.5' DAY TO SECOND FROM DUAL",
         "1 year 2 mons|1 day 02:03:04.5"),
        ("ALTER SESSION SET NLS_DATE_FORMAT = 'YYYY-MM-DD HH24:MI:SS'", ""),
        ("SELECT TO_CHAR(DATE '2024-01-02') || 'x' FROM DUAL", "2024-01-02 00:00:00x"),
        ("SELECT TO_DATE('2024-01-02 03:04:05') FROM DUAL", "2024-01-02 03:04:05"),
    ])
    .await;
}

const SHOP: &str = r#"
CREATE TABLE customers (
  id NUMBER(10) CONSTRAINT customers_pk PRIMARY KEY,
  name VARCHAR2(20) NOT NULL,
  city CHAR(8),
  note CLOB,
  born DATE,
  rate FLOAT,
  limit_ NUMBER(8, -2)
)
/
CREATE TABLE orders (
  id INTEGER PRIMARY KEY,
  customer NUMBER(10) CONSTRAINT orders_customer REFERENCES customers,
  total NUMBER(10, 2) DEFAULT 0 NOT NULL,
  placed TIMESTAMP(3),
  paid TIMESTAMP WITH TIME ZONE,
  seen TIMESTAMP(9) WITH LOCAL TIME ZONE,
  took INTERVAL DAY(3) TO SECOND(2),
  warranty INTERVAL YEAR TO MONTH,
  code RAW(4),
  body BLOB,
  label NVARCHAR2(10),
  ratio BINARY_DOUBLE,
  share_ BINARY_FLOAT,
  flag CHAR(1 CHAR),
  UNIQUE (customer, placed),
  CHECK (total >= 0)
)
/
INSERT INTO customers VALUES (1, 'Ana', 'Madrid', 'first', DATE '1990-05-17', 1.5, 149)
/
INSERT INTO customers VALUES (2, 'Bo', 'Oslo', '', NULL, NULL, 150)
/
INSERT INTO customers (id, name) VALUES (3, 'Cy')
/
INSERT INTO orders (id, customer, total, placed, code, body, label, ratio)
  VALUES (10, 1, 5.5, TIMESTAMP '2024-01-01 00:00:00.1234', HEXTORAW('0aff'), EMPTY_BLOB(), N'ñ', 0.1)
/
INSERT INTO orders (id, customer, total, placed) VALUES (11, 1, 20, TIMESTAMP '2024-01-02 00:00:00')
/
INSERT INTO orders (id, customer, total) VALUES (12, 2, 7)
/
CREATE OR REPLACE FORCE VIEW totals (customer, name, total) AS
  SELECT c.id, c.name, SUM(o.total) FROM customers c JOIN orders o ON o.customer = c.id GROUP BY c.id, c.name
  WITH READ ONLY
/
CREATE MATERIALIZED VIEW cities BUILD IMMEDIATE REFRESH COMPLETE ON DEMAND AS SELECT id, city FROM customers
/
CREATE PUBLIC SYNONYM clients FOR customers
/
CREATE UNIQUE INDEX by_name ON customers (name)
/
COMMENT ON TABLE customers IS 'Who buys'
/
COMMENT ON COLUMN customers.name IS 'It''s a name'
/
COMMENT ON MATERIALIZED VIEW cities IS 'Where they live'
/
GRANT SELECT ON customers TO reader
/
BEGIN DBMS_STATS.GATHER_SCHEMA_STATS(USER); END;
/
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_are_answered() {
    let Some(engine) = engine(Release::V19).await else { return };
    engine.load_as("app", SHOP).await.expect("loaded");
    let mut session = session(&engine, "app").await;
    hold(&mut session, &[
        ("SELECT name FROM customers ORDER BY born", "Ana / Bo / Cy"),
        ("SELECT name FROM customers ORDER BY born DESC, id", "Bo / Cy / Ana"),
        ("SELECT name FROM customers ORDER BY born DESC NULLS LAST, id DESC", "Ana / Cy / Bo"),
        ("SELECT id, limit_ FROM customers ORDER BY 1", "1|100 / 2|200 / 3|NULL"),
        ("SELECT id FROM customers WHERE city = 'Oslo'", "2"),
        ("SELECT id FROM customers WHERE city = CAST('Oslo' AS VARCHAR2(8))", ""),
        ("SELECT LENGTH(city) FROM customers WHERE id = 2", "8"),
        ("SELECT note FROM customers WHERE id < 3 ORDER BY id", "first / NULL"),
        ("SELECT id FROM customers WHERE note = 'first'", "ORA-00932"),
        ("SELECT id FROM customers WHERE note LIKE 'f%'", "1"),
        ("SELECT id FROM customers ORDER BY note", "ORA-00932"),
        ("SELECT DISTINCT note FROM customers", "ORA-00932"),
        ("SELECT placed FROM orders WHERE id = 10", "2024-01-01 00:00:00.123"),
        ("SELECT code, body, label, ratio FROM orders WHERE id = 10", "\\x0aff|\\x|ñ|0.1"),
        ("SELECT COUNT(*), COUNT(born), SUM(id), AVG(id), MIN(name), MAX(born) FROM customers",
         "3|1|6|2|Ana|1990-05-17 00:00:00"),
        ("SELECT COUNT(*) / 2 FROM customers", "1.5"),
        ("SELECT COUNT(*) / COUNT(born) FROM customers", "3"),
        ("SELECT SUM(id) FROM customers WHERE id > 9", "NULL"),
        ("SELECT c.name, SUM(o.total) s FROM customers c LEFT JOIN orders o ON o.customer = c.id \
         GROUP BY c.name HAVING COUNT(*) > 0 ORDER BY s DESC NULLS LAST", "Ana|25.50 / Bo|7.00 / Cy|NULL"),
        ("SELECT name, id FROM customers GROUP BY name", "ORA-00979"),
        ("SELECT name, COUNT(*) OVER (), ROW_NUMBER() OVER (ORDER BY id DESC), \
         LAG(name, 1) OVER (ORDER BY id) FROM customers ORDER BY id", "Ana|3|3|NULL / Bo|3|2|Ana / Cy|3|1|Bo"),
        ("SELECT SUM(total) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) \
         FROM orders ORDER BY id", "5.50 / 25.50 / 32.50"),
        ("SELECT LISTAGG(name, ', ') WITHIN GROUP (ORDER BY id DESC) FROM customers", "Cy, Bo, Ana"),
        ("SELECT id FROM customers WHERE ROWNUM <= 2", "1 / 2"),
        ("SELECT id FROM customers WHERE ROWNUM < 2 AND id > 1", "2"),
        ("SELECT id FROM customers WHERE ROWNUM <= 1 ORDER BY id DESC", "1"),
        ("SELECT COUNT(*) FROM customers WHERE ROWNUM <= 2", "2"),
        ("SELECT * FROM (SELECT id FROM customers ORDER BY id DESC) WHERE ROWNUM = 1", "3"),
        ("SELECT ROWNUM, id FROM customers ORDER BY id", "1|1 / 2|2 / 3|3"),
        ("SELECT id FROM customers ORDER BY id FETCH FIRST 2 ROWS ONLY", "1 / 2"),
        ("SELECT id FROM customers ORDER BY id OFFSET 1 ROWS FETCH NEXT 1 ROW ONLY", "2"),
        ("SELECT id FROM customers ORDER BY id FETCH FIRST 9223372036854775807 ROWS ONLY", "1 / 2 / 3"),
        ("SELECT id FROM customers FETCH FIRST 0 ROWS ONLY", ""),
        ("SELECT id FROM customers MINUS SELECT customer FROM orders", "3"),
        ("SELECT id FROM customers WHERE id < 2 UNION ALL SELECT 9 FROM DUAL ORDER BY 1", "1 / 9"),
        ("SELECT id FROM customers INTERSECT SELECT 2 FROM DUAL", "2"),
        ("WITH t AS (SELECT id i FROM customers), u (n) AS (SELECT 1 FROM DUAL UNION ALL \
         SELECT n + 1 FROM u WHERE n < 3) SELECT t.i, u.n FROM t, u WHERE t.i = u.n ORDER BY 1",
         "1|1 / 2|2 / 3|3"),
        ("SELECT (SELECT MAX(total) FROM orders o WHERE o.customer = c.id) FROM customers c ORDER BY id",
         "20.00 / 7.00 / NULL"),
        ("SELECT id FROM customers WHERE id IN (SELECT customer FROM orders) \
         AND EXISTS (SELECT 1 FROM orders WHERE total > 10 AND customer = customers.id)", "1"),
        ("SELECT (SELECT id FROM customers) FROM DUAL", "ORA-01427"),
        ("SELECT x.\"ID\" FROM app.customers x WHERE x.Id BETWEEN 2 AND 3 AND x.id NOT IN (3)", "2"),
        ("SELECT app.customers.id FROM app.customers WHERE APP.customers.id = 1", "1"),
        ("SELECT id FROM \"customers\"", "ORA-00942"),
        ("SELECT \"id\" FROM customers", "ORA-00904"),
        ("SELECT name FROM clients WHERE clients.id = 1", "Ana"),
        ("SELECT id FROM customers c, orders o", "ORA-00918"),
        ("SELECT * FROM totals ORDER BY customer", "1|Ana|25.50 / 2|Bo|7.00"),
        ("SELECT c.name, o.id FROM customers c FULL OUTER JOIN orders o ON c.born = o.placed \
         WHERE c.id = 1", "Ana|NULL"),
        ("SELECT name FROM customers JOIN orders USING (id)", ""),
        ("SELECT LEVEL FROM DUAL CONNECT BY LEVEL <= 3", "1 / 2 / 3"),
        ("SELECT CASE name WHEN 'Ana' THEN 1 ELSE 0 END FROM customers WHERE id = 1", "1"),
        ("SELECT name FROM customers FOR UPDATE", "ORA-03001"),
        ("SELECT id, name FROM customers WHERE (id, name) IN ((1, 'Ana'), (2, 'X'))", "1|Ana"),
    ])
    .await;
    let list = |items: usize| {
        let items: Vec<String> = (1..=items).map(|item| item.to_string()).collect();
        format!("SELECT id FROM customers WHERE id IN ({}) AND id = 1", items.join(", "))
    };
    assert_eq!(told(&mut session, &list(1_000), &[]).await, "1");
    assert_eq!(told(&mut session, &list(1_001), &[]).await, "ORA-01795");
    let chain = vec!["id = 1"; 1_500].join(" OR ");
    let sql = format!("SELECT id FROM customers WHERE {chain}");
    assert_eq!(told(&mut session, &sql, &[]).await, "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn columns_keep_their_native_types() {
    let Some(engine) = engine(Release::V19).await else { return };
    engine.load_as("app", SHOP).await.expect("loaded");
    let mut session = session(&engine, "app").await;
    let cases: &[(&str, &str)] = &[
        ("SELECT * FROM customers", "ID NUMBER(10)!, NAME VARCHAR2(20)!, CITY CHAR(8), NOTE CLOB, \
         BORN DATE, RATE FLOAT(126), LIMIT_ NUMBER(8,-2)"),
        ("SELECT * FROM orders", "ID NUMBER(38)!, CUSTOMER NUMBER(10), TOTAL NUMBER(10,2)!, \
         PLACED TIMESTAMP(3), PAID TIMESTAMP(6) WITH TIME ZONE, SEEN TIMESTAMP(9) WITH LOCAL TIME ZONE, \
         TOOK INTERVAL DAY(3) TO SECOND(2), WARRANTY INTERVAL YEAR(2) TO MONTH, CODE RAW(4), BODY BLOB, \
         LABEL NVARCHAR2(10), RATIO BINARY_DOUBLE, SHARE_ BINARY_FLOAT, FLAG CHAR(1 CHAR)"),
        ("SELECT c.id, x.name n FROM customers c, (SELECT name, id FROM customers) x",
         "ID NUMBER(10)!, N VARCHAR2(20)!"),
        ("SELECT customer, total FROM totals", "CUSTOMER NUMBER(10)!, TOTAL NUMBER"),
        ("SELECT city FROM cities", "CITY CHAR(8)"),
        ("SELECT 'abc', 1 + 1, name || 'x', SYSDATE, SYSTIMESTAMP FROM customers",
         "'ABC' CHAR(3), 1+1 NUMBER, NAME||'X' VARCHAR2(4000), SYSDATE DATE, \
          SYSTIMESTAMP TIMESTAMP(6) WITH TIME ZONE"),
        ("SELECT CAST(1 AS NUMBER(5, 1)) a, CAST('x' AS VARCHAR2(7)) b, CAST(NULL AS DATE) c, \
         CAST(born AS TIMESTAMP(3)) d, COUNT(*) e, MAX(city) f, HEXTORAW('00') g, TO_CLOB('x') h, 1d i \
         FROM customers GROUP BY born",
         "A NUMBER(5,1), B VARCHAR2(7 CHAR), C DATE, D TIMESTAMP(3), E NUMBER, F CHAR(2000 CHAR), \
          G RAW(2000), H CLOB, I BINARY_DOUBLE"),
        ("SELECT born - born a, placed - placed b, born + 1 c FROM customers, orders",
         "A NUMBER, B INTERVAL DAY(9) TO SECOND(6), C DATE"),
    ];
    let mut wrong = Vec::new();
    for (sql, expected) in cases {
        let (columns, _) = ask(&mut session, sql, &[]).await.expect(sql);
        let one = |column: &ResultColumn| {
            let mark = if column.nullable { "" } else { "!" };
            format!("{} {}{mark}", column.name, column.native)
        };
        let found = columns.iter().map(one).collect::<Vec<_>>().join(", ");
        let expected = expected.split_whitespace().collect::<Vec<_>>().join(" ");
        if found != expected {
            wrong.push(format!("{sql}\n    gave {found}\n    not  {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dictionary_tells_what_was_declared() {
    let Some(engine) = engine(Release::V19).await else { return };
    engine.load_as("app", SHOP).await.expect("loaded");
    engine.hide("other", "APP", "ORDERS").await.expect("hidden");
    let mut reader = session(&engine, "reader").await;
    hold(&mut reader, &[
        ("SELECT o.object_name, o.object_type, NVL(c.comments, m.comments), t.num_rows, t.partitioned \
         FROM all_objects o LEFT JOIN all_tables t ON t.owner = o.owner AND t.table_name = o.object_name \
         LEFT JOIN all_tab_comments c ON c.owner = o.owner AND c.table_name = o.object_name \
         LEFT JOIN all_mview_comments m ON m.owner = o.owner AND m.mview_name = o.object_name \
         WHERE o.object_type IN ('TABLE', 'VIEW', 'MATERIALIZED VIEW') AND o.secondary = 'N' \
         AND o.temporary = 'N' AND NVL(t.nested, 'NO') = 'NO' AND NVL(t.dropped, 'NO') = 'NO' \
         AND NVL(t.iot_type, 'IOT') = 'IOT' AND o.owner IN \
         (SELECT u.username FROM all_users u WHERE u.oracle_maintained = 'N') \
         ORDER BY o.owner, o.object_name, o.object_type",
         "CITIES|MATERIALIZED VIEW|Where they live|3|NO / CITIES|TABLE|Where they live|3|NO / \
         CUSTOMERS|TABLE|Who buys|3|NO / ORDERS|TABLE|NULL|3|NO / TOTALS|VIEW|NULL|NULL|NULL"),
        ("SELECT column_name, data_type, data_length, data_precision, data_scale, char_length, char_used, \
         nullable, collation FROM all_tab_columns WHERE owner = 'APP' AND table_name = 'CUSTOMERS' \
         ORDER BY column_id",
         "ID|NUMBER|22|10|0|0|NULL|N|NULL / NAME|VARCHAR2|20|NULL|NULL|20|B|N|USING_NLS_COMP / \
         CITY|CHAR|8|NULL|NULL|8|B|Y|USING_NLS_COMP / NOTE|CLOB|4000|NULL|NULL|0|NULL|Y|NULL / \
         BORN|DATE|7|NULL|NULL|0|NULL|Y|NULL / RATE|FLOAT|22|126|NULL|0|NULL|Y|NULL / \
         LIMIT_|NUMBER|22|8|-2|0|NULL|Y|NULL"),
        ("SELECT column_name, data_type, data_length, data_precision, data_scale FROM all_tab_columns \
         WHERE owner = 'APP' AND table_name = 'ORDERS' AND column_id BETWEEN 4 AND 9 ORDER BY column_id",
         "PLACED|TIMESTAMP(3)|11|NULL|3 / PAID|TIMESTAMP(6) WITH TIME ZONE|13|NULL|6 / \
         SEEN|TIMESTAMP(9) WITH LOCAL TIME ZONE|11|NULL|9 / TOOK|INTERVAL DAY(3) TO SECOND(2)|11|3|2 / \
         WARRANTY|INTERVAL YEAR(2) TO MONTH|5|2|0 / CODE|RAW|4|NULL|NULL"),
        ("SELECT m.comments FROM all_col_comments m WHERE m.column_name = 'NAME' AND table_name = 'CUSTOMERS'",
         "It's a name"),
        ("SELECT c.constraint_type, c.r_owner, c.r_constraint_name, k.column_name FROM all_constraints c \
         JOIN all_cons_columns k ON k.owner = c.owner AND k.constraint_name = c.constraint_name \
         WHERE c.status = 'ENABLED' AND c.owner IN ('APP') AND c.constraint_type IN ('P', 'U', 'R') \
         ORDER BY c.table_name, c.constraint_type, k.position",
         "P|NULL|NULL|ID / P|NULL|NULL|ID / R|APP|CUSTOMERS_PK|CUSTOMER / U|NULL|NULL|CUSTOMER / \
         U|NULL|NULL|PLACED"),
        ("SELECT s.owner, s.synonym_name, s.table_owner, s.table_name FROM all_synonyms s \
         WHERE s.db_link IS NULL", "PUBLIC|CLIENTS|APP|CUSTOMERS"),
        ("SELECT parameter, value FROM nls_database_parameters WHERE parameter IN \
         ('NLS_CHARACTERSET', 'NLS_NCHAR_CHARACTERSET', 'NLS_RDBMS_VERSION') ORDER BY parameter",
         "NLS_CHARACTERSET|AL32UTF8 / NLS_NCHAR_CHARACTERSET|AL16UTF16 / NLS_RDBMS_VERSION|19.22.0.0.0"),
        ("SELECT version FROM product_component_version", "19.22.0.0.0"),
        ("SELECT version_full FROM v$instance", "19.22.0.0.0"),
        ("SELECT privilege FROM session_privs", "CREATE SESSION"),
        ("SELECT COUNT(*) FROM user_tables", "0"),
        ("SELECT index_name, column_name FROM all_ind_columns", "BY_NAME|NAME"),
    ])
    .await;
    let mut other = session(&engine, "other").await;
    hold(&mut other, &[
        ("SELECT table_name FROM all_tables WHERE owner = 'APP' ORDER BY 1", "CITIES / CUSTOMERS"),
        ("SELECT COUNT(*) FROM all_tab_columns WHERE table_name = 'ORDERS'", "0"),
        ("SELECT id FROM app.orders", "ORA-00942"),
    ])
    .await;
}
