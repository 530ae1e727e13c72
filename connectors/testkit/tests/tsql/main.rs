//! The engine that runs T-SQL: every rule of its semantics, statement by statement. Without PostgreSQL
//! the tests say so and pass, unless `CELOSIA_REQUIRE_SOURCES` names `sqlserver`.

mod questions;

use celosia_connector_testkit::cluster::PostgresCluster;
use celosia_connector_testkit::double::engine::{
    Bind, Engine, EngineError, EngineSession, Login, Outcome,
};
use celosia_connector_testkit::double::tsql::TsqlEngine;
use celosia_connector_testkit::script::{Spelling, script};
use std::sync::Arc;
use tokio::sync::OnceCell;

async fn engine() -> Option<Arc<TsqlEngine>> {
    let cluster = match PostgresCluster::shared() {
        Ok(cluster) => cluster,
        Err(reason) => {
            let required = std::env::var("CELOSIA_REQUIRE_SOURCES");
            assert!(!required.is_ok_and(|sources| sources.contains("sqlserver")), "{reason}");
            eprintln!("skipped: {reason}");
            return None;
        }
    };
    Some(TsqlEngine::start(cluster).await.expect("an engine"))
}

async fn session(engine: &Arc<TsqlEngine>, user: &str) -> Box<dyn EngineSession> {
    let login = Login { user: user.into(), database: String::new() };
    engine.session(&login).await.expect("a session")
}

/// Rows as text: `|` between columns, NULL as `NULL`, one row a line; or the error's number.
async fn ask(session: &mut Box<dyn EngineSession>, sql: &str, binds: &[Bind]) -> String {
    let told = |error: EngineError| format!("error {}", error.number);
    match session.execute(sql, binds).await {
        Err(error) => told(error),
        Ok(Outcome::Done { affected }) => format!("done {affected}"),
        Ok(Outcome::Rows(_)) => {
            let mut lines = Vec::new();
            loop {
                match session.rows(1_000).await {
                    Err(error) => return told(error),
                    Ok(rows) if rows.is_empty() => return lines.join("\n"),
                    Ok(rows) => lines.extend(rows.into_iter().map(|row| {
                        let cells =
                            row.into_iter().map(|cell| cell.unwrap_or_else(|| "NULL".into()));
                        cells.collect::<Vec<_>>().join("|")
                    })),
                }
            }
        }
    }
}

/// The engine that the tests share that change nothing, loaded.
async fn loaded() -> Option<Arc<TsqlEngine>> {
    static LOADED: OnceCell<Option<Arc<TsqlEngine>>> = OnceCell::const_new();
    let load = || async {
        let engine = engine().await?;
        engine.load(&script(Spelling::SqlServer)).await.expect("the fixture");
        engine.load(WIDE).await.expect("more tables");
        Some(engine)
    };
    LOADED.get_or_init(load).await.clone()
}

/// Runs each statement as the reader and compares what it gives.
async fn check(cases: &[(&str, &str)]) {
    let Some(engine) = loaded().await else { return };
    let mut session = session(&engine, "reader").await;
    for (sql, expected) in cases {
        assert_eq!(ask(&mut session, sql, &[]).await, *expected, "{sql}");
    }
}

/// The native types of a statement's columns.
async fn types(session: &mut Box<dyn EngineSession>, sql: &str) -> String {
    match session.execute(sql, &[]).await {
        Ok(Outcome::Rows(columns)) => {
            columns.into_iter().map(|column| column.native).collect::<Vec<_>>().join(" ")
        }
        other => format!("{other:?}"),
    }
}

fn bind(name: &str, native: &str, value: &str) -> Bind {
    Bind { name: Some(name.into()), native: native.into(), value: Some(value.into()) }
}

#[tokio::test]
async fn the_fixture_loads() {
    check(&[
        ("SELECT COUNT(*) FROM [dbo].[big]", "20000"),
        ("SELECT TOP (1) [id] FROM [dbo].[endless]", "0"),
        (
            "SELECT [b], [d] FROM numbers WHERE [id] IN (1, 6) ORDER BY id",
            "t|-99999999999.9999\nt|12.5000",
        ),
        (
            "SELECT [at], [instant], [clock] FROM moments WHERE id = 2",
            "1582-10-15 00:00:00.000001|1582-10-15 00:00:00.000001+00|00:00:00.000001",
        ),
        ("SELECT [new\nline], [a\"b] FROM [select \"from\" 'x'; -- ñ] WHERE id = 3", "w3|q3"),
    ])
    .await;
}

#[tokio::test]
async fn text_is_compared_as_collations_say() {
    check(&[
            // Blanks at the end do not count, not even under a binary collation; LIKE counts them.
            ("SELECT id FROM texts WHERE t = 'A' ORDER BY id", "3\n4\n5"),
            ("SELECT id FROM texts WHERE t COLLATE Latin1_General_BIN2 = 'a' ORDER BY id", "3\n5"),
            ("SELECT id FROM texts WHERE t IN (N'AB', 'z ') ORDER BY id", "7\n8\n9\n12\n13"),
            ("SELECT id FROM texts WHERE t COLLATE Latin1_General_BIN2 LIKE 'a'", "3"),
            ("SELECT id FROM texts WHERE t = N'É' ORDER BY id", "17\n18\n19"),
            ("SELECT COUNT(*) FROM texts x JOIN texts y ON x.t = y.t WHERE x.id = 3", "3"),
            ("SELECT CASE WHEN 'a' = 'A  ' THEN 1 ELSE 0 END", "1"),
            ("SELECT 1 WHERE N'a' IN (N'b', N'A ') AND 'a' NOT IN ('b', 'c')", "1"),
            ("SELECT CASE WHEN 'a' COLLATE Latin1_General_BIN2 = 'A' THEN 1 ELSE 0 END", "0"),
            ("SELECT COUNT(*) FROM people GROUP BY region ORDER BY 1", "1\n2\n5"),
            // A binary collation orders by UTF-16 units: surrogates come before U+E000.
            ("SELECT id FROM texts WHERE u > N'日' AND id IN (27, 28, 29) ORDER BY u", "27\n28\n29"),
            ("SELECT id FROM texts WHERE id BETWEEN 29 AND 32 ORDER BY t COLLATE Latin1_General_BIN2", "29\n32\n30\n31"),
            ("SELECT id FROM texts WHERE id BETWEEN 29 AND 32 ORDER BY t COLLATE Latin1_General_100_BIN2_UTF8", "30\n31\n29\n32"),
            ("SELECT 1 WHERE N'a' COLLATE Latin1_General_BIN2 = N'b' COLLATE Latin1_General_CI_AS", "error 468"),
            ("SELECT t COLLATE Nowhere_CI FROM texts", "error 448"),
        ],
    )
    .await;
}

#[tokio::test]
async fn like_is_that_of_t_sql() {
    check(&[
            ("SELECT t FROM texts WHERE t LIKE 'a[_]b' OR t LIKE N'a\\_b' ESCAPE '\\'", "a_b"),
            ("SELECT t FROM texts WHERE t LIKE 'a[%]b' OR t LIKE 'a!%b' ESCAPE '!'", "a%b"),
            ("SELECT COUNT(*) FROM texts WHERE t LIKE '[a-b][^b]b'", "4"),
            ("SELECT 1 WHERE 'a]' LIKE 'a]' AND '[' LIKE '[[]' AND 'x' NOT LIKE '[' AND 'a-' LIKE 'a[x-]'", "1"),
            ("SELECT 1 WHERE N'AB' LIKE N'a_' AND NOT N'AB' LIKE N'a_' COLLATE Latin1_General_BIN2", "1"),
            // Blanks at the end count in wide text alone.
            ("SELECT 1 WHERE 'a ' LIKE 'a' AND N'a ' NOT LIKE N'a' AND 'a' NOT LIKE 'a '", "1"),
            // A character outside the basic plane is two, unless the collation counts characters.
            ("SELECT id FROM texts WHERE id IN (29, 30) AND t LIKE N'_'", "30"),
            ("SELECT id FROM texts WHERE id IN (29, 30) AND t COLLATE Latin1_General_100_CI_AS_SC LIKE N'_'", "29\n30"),
            ("SELECT 1 WHERE 'a' LIKE 'a' ESCAPE 'xy'", "error 506"),
            ("SELECT 1 WHERE N'line' + NCHAR(10) + N'break' LIKE 'line%k'", "1"),
        ],
    )
    .await;
}

#[tokio::test]
async fn text_functions_keep_blanks_and_count_units() {
    check(&[
            ("SELECT LEN('ab  '), LEN(N'😀'), LEN(N'😀' COLLATE Latin1_General_100_CI_AS_SC), DATALENGTH(N'😀 '), DATALENGTH('ab ')", "2|2|1|6|3"),
            ("SELECT LEFT(t, 2) + '|', RIGHT(t, 1) + '|', SUBSTRING(t, 2, 5) + '|', t + N'|', CONCAT(t, NULL, 1, '|') FROM texts WHERE id = 5", "a || || ||a ||a 1|"),
        ("SELECT SUBSTRING('hello', 0, 3), RIGHT('ab', 5), REPLACE('Hello', 'L', '.'), CHARINDEX('L', 'hello'), CHARINDEX('l', 'hello', 4)", "he|ab|He..o|3|4"),
            ("SELECT REPLACE(N'aB' COLLATE Latin1_General_BIN2, 'b', '.'), CHARINDEX('b', 'aB' COLLATE Latin1_General_BIN2), CHARINDEX(N'b', N'😀b')", "aB|0|3"),
            ("SELECT UPPER('ß é'), LOWER('ÄB'), LTRIM('  x ') + '|', RTRIM(' x  ') + '|', TRIM(' x ') + '|'", "ß É|äb|x || x||x|"),
            ("SELECT REVERSE('abc'), REPLICATE('ab', 2), STUFF('hello', 2, 3, 'X'), SPACE(2) + '|', PATINDEX('%l[^l]%', 'hello'), QUOTENAME('a]b')", "cba|abab|hXo|  ||4|[a]]b]"),
            ("SELECT NCHAR(26085), UNICODE(N'日'), CHAR(233), ASCII('é'), CAST(N'日' AS varchar(5)), CAST(N'abc' AS nvarchar(2)) + '|'", "日|26085|é|233|?|ab|"),
            ("SELECT STRING_AGG(name, ',') WITHIN GROUP (ORDER BY name DESC) FROM people WHERE id < 4", "Chloé,Bo,Ana"),
            ("SELECT CAST('a' AS char(3)) + '|', CAST(N'ab' AS varbinary(8)), CAST(0x6100 AS nvarchar(9)), CONVERT(varchar(9), 0x0aff, 1)", "a  ||\\x61006200|a|0x0AFF"),
            ("SELECT LEFT('a', -1)", "error 537"),
            ("SELECT 'a' || 'b'", "error 102"),
            ("SELECT length('a')", "error 195"),
        ],
    )
    .await;
}

#[tokio::test]
async fn numbers_have_the_types_and_digits_of_t_sql() {
    check(&[
            ("SELECT 7 / 2, -7 / 2, 7.0 / 2, 2.0 / 3, 10 / 4e0, 7 % 4", "3|-3|3.500000|0.666666|2.5|3"),
            ("SELECT CAST(1.9 AS int), CAST(-1.9e0 AS bigint), CAST('12' AS int), CAST(2.345 AS decimal(5, 2)), CAST(5 AS bit)", "1|-1|12|2.35|t"),
            ("SELECT AVG(x), SUM(x), COUNT(*) FROM (SELECT CAST(1 AS int) AS x UNION ALL SELECT 2) AS d", "1|3|2"),
            ("SELECT AVG(d), SUM(d) FROM (SELECT CAST(1 AS decimal(5, 2)) AS d UNION ALL SELECT CAST(1 AS decimal(5, 2)) UNION ALL SELECT CAST(3 AS decimal(5, 2))) AS x", "1.666666|5.00"),
            ("SELECT ISNULL(b, 0) FROM numbers WHERE id = 3 AND b IS NULL", "f"),
            ("SELECT COUNT(*) FROM numbers WHERE b = 1", "5"),
            ("SELECT CEILING(1.2), FLOOR(-1.2), ROUND(2.345, 2), ROUND(25, -1), ABS(-1.5), POWER(2.0e0, 3)", "2|-2|2.350|30|1.5|8"),
            ("SELECT CAST(1.5 AS money) / 3, CAST(2.5 AS smallmoney) * 2", "0.5000|5.0000"),
            ("SELECT CAST(0.1e0 AS varchar(30)), CAST(1234567e0 AS varchar(30)), CONVERT(varchar(30), 0.1e0, 3)", "0.1|1.23457e+006|0.1"),
            ("SELECT TRY_CAST('x' AS int), TRY_CAST('7' AS int), TRY_CONVERT(date, 'x')", "NULL|7|NULL"),
            ("SELECT 1 / 0", "error 8134"),
            ("SELECT CAST(2147483647 AS int) + 1", "error 8115"),
            ("SELECT CAST(300 AS tinyint)", "error 220"),
            ("SELECT CAST('x' AS int)", "error 245"),
            ("SELECT SUM(id) FROM (SELECT 9223372036854775807 AS id UNION ALL SELECT 1) AS d", "9223372036854775808"),
            ("SELECT SUM(i) FROM numbers WHERE i > 0", "error 8115"),
        ],
    )
    .await;
}

#[tokio::test]
async fn moments_are_those_of_t_sql() {
    check(&[
            ("SELECT CAST('2024-01-01T00:00:00.005' AS datetime), CAST('2024-01-01 10:10:31' AS smalldatetime)", "2024-01-01 00:00:00.007|2024-01-01 10:11:00"),
            ("SELECT DATEADD(month, 1, CAST('2024-01-31' AS date)), DATEADD(ns, 1500, CAST('2024-01-01' AS datetime2))", "2024-02-29|2024-01-01 00:00:00.000001"),
            ("SELECT DATEDIFF(year, '2023-12-31', '2024-01-01'), DATEDIFF(hour, '2024-01-01 10:59', '2024-01-01 11:00'), DATEDIFF(week, '2024-01-06', '2024-01-07')", "1|1|1"),
            ("SELECT YEAR(day), MONTH(day), DAY(day), DATEPART(weekday, day), DATEPART(dayofyear, day), DATENAME(month, day) FROM moments WHERE id = 7", "2024|3|31|1|91|March"),
            ("SELECT DATEFROMPARTS(2024, 2, 29), DATETIME2FROMPARTS(2024, 1, 2, 3, 4, 5, 678, 3), DATETIMEOFFSETFROMPARTS(2024, 1, 2, 3, 4, 5, 0, 1, 30, 0)", "2024-02-29|2024-01-02 03:04:05.678|2024-01-02 01:34:05+00"),
            ("SELECT CAST(SWITCHOFFSET(instant, 0) AS datetime2(6)), at AT TIME ZONE 'UTC', DATETRUNC(month, day), EOMONTH(day) FROM moments WHERE id = 6", "2000-02-29 12:34:56|2000-02-29 12:34:56+00|2000-02-01|2000-02-29"),
            ("SELECT CAST(at AS nvarchar(40)), CAST(instant AS nvarchar(40)), CAST(clock AS varchar(40)), CAST(CAST(at AS datetime) AS varchar(30)), CONVERT(varchar(10), day, 112) FROM moments WHERE id = 6", "2000-02-29 12:34:56.000000|2000-02-29 12:34:56.000000 +00:00|12:34:56.000000|Feb 29 2000 12:34PM|20000229"),
            ("SELECT id FROM moments WHERE day >= '2024-01-01' AND at < '2025-01-01'", "7"),
            ("SELECT DATEFROMPARTS(2024, 2, 30)", "error 289"),
            ("SELECT CAST('no date' AS date)", "error 241"),
        ],
    )
    .await;
}

#[tokio::test]
async fn rows_are_ordered_and_cut_as_t_sql_says() {
    check(&[
            ("SELECT age FROM people WHERE id IN (1, 3) ORDER BY age", "NULL\n34"),
            ("SELECT age FROM people WHERE id IN (1, 3) ORDER BY age DESC", "34\nNULL"),
            ("SELECT TOP 2 id FROM people ORDER BY id DESC", "8\n7"),
            ("SELECT TOP (1) WITH TIES age FROM people WHERE age = 34 ORDER BY age", "34\n34"),
            ("SELECT id FROM people ORDER BY id OFFSET 2 ROWS FETCH NEXT 2 ROWS ONLY", "3\n4"),
            ("SELECT TOP (1) id FROM people UNION ALL SELECT TOP (1) id FROM blobs", "1\n1"),
            ("SELECT ROW_NUMBER() OVER (ORDER BY age) AS r FROM people WHERE id = 3 OR id = 1 ORDER BY r", "1\n2"),
            ("WITH c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < 3) SELECT n FROM c ORDER BY n OPTION (MAXRECURSION 9)", "1\n2\n3"),
            ("SELECT p.id, x.n FROM people p CROSS APPLY (SELECT COUNT(*) AS n FROM people q WHERE q.region = p.region) AS x WHERE p.id = 2", "2|2"),
            ("SELECT IIF(1 = 1, 'a', 'b'), COALESCE(NULL, 3), NULLIF(1, 1), CHOOSE(2, 'a', 'b')", "a|3|NULL|b"),
            ("SELECT ID, P.Name FROM People AS P WHERE iD = 1", "1|Ana"),
            ("SELECT id FROM people LIMIT 1", "error 102"),
            ("SELECT id FROM people ORDER BY id FETCH NEXT 1 ROWS ONLY", "error 102"),
            ("SELECT id FROM people ORDER BY id NULLS FIRST", "error 102"),
            ("SELECT d.id FROM (SELECT id FROM people ORDER BY id) AS d", "error 1033"),
            ("SELECT id > 1 FROM people", "error 102"),
            ("SELECT TRUE", "error 207"),
            ("SELECT id FROM people WHERE 1", "error 4145"),
            ("SELECT id::int FROM people", "error 102"),
            ("SELECT id FROM people WHERE id IS TRUE", "error 102"),
            ("SELECT nope FROM people", "error 207"),
            ("SELECT n.id FROM people AS p", "error 4104"),
            ("SELECT id FROM nope", "error 208"),
            ("SELECT @missing", "error 137"),
            ("SELECT id, FROM people", "error 102"),
            ("SELECT region, id FROM people GROUP BY region", "error 8120"),
        ],
    )
    .await;
}

#[tokio::test]
async fn results_say_their_native_types() {
    let Some(engine) = loaded().await else { return };
    let mut session = session(&engine, "loader").await;
    for (sql, expected) in [
        ("SELECT * FROM moments", "bigint date datetime2(6) datetimeoffset(6) time(6)"),
        (
            "SELECT c, w, v, m, r, t, s, dt, sdt, bi, rv, x FROM wide",
            "char(3) nchar(3) varchar(9) money real tinyint smallint datetime smalldatetime binary(4) timestamp xml",
        ),
        (
            "SELECT COUNT(*), SUM(age), AVG(age), MAX(name), COUNT_BIG(*) FROM people",
            "int bigint bigint nvarchar(200) bigint",
        ),
        (
            "SELECT d * d, d / 3, d + 1, SUM(d) OVER (), AVG(d) OVER () FROM numbers",
            "decimal(37,8) decimal(20,6) decimal(19,4) decimal(38,4) decimal(38,6)",
        ),
        (
            "SELECT CAST(1 AS tinyint), CAST(1 AS decimal(9, 3)), CAST(N'a' AS nchar(4)), 1.50, 1e0, N'abc', NULL",
            "tinyint decimal(9,3) nchar(4) decimal(3,2) float nvarchar(3) int",
        ),
        ("SELECT x.q FROM (SELECT d / 3 AS q FROM numbers) AS x", "decimal(20,6)"),
        (
            "SELECT [at], name FROM (SELECT * FROM moments) AS m, (SELECT * FROM shop_names) AS s",
            "datetime2(6) nvarchar(100)",
        ),
    ] {
        assert_eq!(types(&mut session, sql).await, expected, "{sql}");
    }
    let stored = "SELECT c + '|', dt, sdt, bi, v FROM wide";
    let expected = "a  ||2024-01-01 00:00:00.007|2024-01-01 10:11:00|\\x01000000|v";
    assert_eq!(ask(&mut session, stored, &[]).await, expected);
    let Ok(Outcome::Rows(columns)) =
        session.execute("SELECT t, u, id AS ID, 1 FROM texts", &[]).await
    else {
        panic!("no rows");
    };
    let named: Vec<_> = columns.iter().map(|c| (c.name.as_str(), c.collation.as_deref())).collect();
    let expected = [
        ("t", Some("SQL_Latin1_General_CP1_CI_AS")),
        ("u", Some("Latin1_General_100_BIN2")),
        ("ID", None),
        ("", None),
    ];
    assert_eq!(named, expected);
}

const WIDE: &str = "
CREATE TABLE dbo.wide (
  Id int IDENTITY(1, 1) PRIMARY KEY CLUSTERED, c char(3), w nchar(3), v varchar(9) DEFAULT 'v', m money,
  r real, t tinyint, s smallint, dt datetime, sdt smalldatetime, bi binary(4), rv rowversion, x xml
)
INSERT INTO dbo.wide (C, w, m, r, t, s, dt, sdt, bi)
  VALUES ('a', N'é', 1.2345, 1.5, 255, -1, '2024-01-01 00:00:00.005', '2024-01-01 10:10:31', 0x01)
GO
CREATE TABLE dbo.beside (a int NOT NULL, b int, CONSTRAINT beside_key PRIMARY KEY NONCLUSTERED (a))
GO
CREATE SYNONYM dbo.folk FOR [dbo].[people]
GO
CREATE SCHEMA [other one]
GO
CREATE TABLE [other one].hidden (a int NOT NULL, b nvarchar(10) COLLATE Latin1_General_CS_AS UNIQUE)
DENY SELECT ON [other one].hidden TO reader
GO
";

#[tokio::test]
async fn the_catalog_tells_what_was_declared() {
    let Some(engine) = loaded().await else { return };
    let mut reader = session(&engine, "reader").await;
    for (sql, expected) in [
        (
            "SELECT c.name, TYPE_NAME(c.user_type_id), c.max_length, c.precision, c.scale, c.is_nullable, c.is_identity FROM sys.columns c WHERE c.object_id = OBJECT_ID('wide') AND c.column_id IN (1, 3, 5, 9)",
            "Id|int|4|10|0|f|t\nw|nchar|6|0|0|t|f\nm|money|8|19|4|t|f\ndt|datetime|8|23|3|t|f",
        ),
        (
            "SELECT name, collation_name FROM sys.columns WHERE object_id = OBJECT_ID('dbo.texts') ORDER BY column_id",
            "id|NULL\nt|SQL_Latin1_General_CP1_CI_AS\nu|Latin1_General_100_BIN2",
        ),
        (
            "SELECT s.name, o.name, o.type FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id WHERE o.name IN ('people', 'shop_names', 'folk', 'hidden') ORDER BY 2",
            "dbo|folk|SN\ndbo|people|U \ndbo|shop_names|V ",
        ),
        ("SELECT base_object_name FROM sys.synonyms", "[dbo].[people]"),
        ("SELECT TOP 1 name FROM Folk ORDER BY id", "Ana"),
        (
            "SELECT c.name FROM sys.indexes i JOIN sys.index_columns k ON k.object_id = i.object_id AND k.index_id = i.index_id JOIN sys.columns c ON c.object_id = k.object_id AND c.column_id = k.column_id WHERE i.is_primary_key = 1 AND i.object_id = OBJECT_ID('regions') ORDER BY k.key_ordinal",
            "code\ncountry",
        ),
        (
            "SELECT i.index_id, i.type_desc, i.is_primary_key FROM sys.indexes i WHERE i.object_id = OBJECT_ID('wide') ORDER BY i.index_id",
            "1|CLUSTERED|t",
        ),
        (
            "SELECT i.index_id, i.type_desc, i.is_primary_key FROM sys.indexes i WHERE i.object_id = OBJECT_ID('beside') ORDER BY i.index_id",
            "0|HEAP|f\n2|NONCLUSTERED|t",
        ),
        (
            "SELECT pc.name, rc.name FROM sys.foreign_keys f JOIN sys.foreign_key_columns k ON k.constraint_object_id = f.object_id JOIN sys.columns pc ON pc.object_id = k.parent_object_id AND pc.column_id = k.parent_column_id JOIN sys.columns rc ON rc.object_id = k.referenced_object_id AND rc.column_id = k.referenced_column_id WHERE f.parent_object_id = OBJECT_ID('shops') ORDER BY k.constraint_column_id",
            "region|code\ncountry|country",
        ),
        (
            "SELECT minor_id, value FROM sys.extended_properties WHERE name = N'MS_Description' ORDER BY minor_id",
            "0|Customers of the shops\n5|Where the person's data may be read",
        ),
        (
            "SELECT SUM(rows) FROM sys.partitions WHERE object_id = OBJECT_ID('big') AND index_id IN (0, 1)",
            "20000",
        ),
        (
            "SELECT DB_NAME(), SCHEMA_NAME(), SUSER_SNAME(), @@TRANCOUNT, SERVERPROPERTY('ProductMajorVersion')",
            "celosia|dbo|reader|0|16",
        ),
        ("SELECT TABLE_TYPE FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME = 'slow'", "VIEW"),
        (
            "SELECT HAS_PERMS_BY_NAME('dbo.people', 'OBJECT', 'SELECT'), HAS_PERMS_BY_NAME('dbo.people', 'OBJECT', 'INSERT')",
            "1|0",
        ),
        ("SELECT PARSENAME('[a]]b].c', 2), PARSENAME('c', 2)", "a]b|NULL"),
    ] {
        assert_eq!(ask(&mut reader, sql, &[]).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn rights_and_transactions_hold() {
    let Some(engine) = engine().await else { return };
    engine.load(&script(Spelling::SqlServer)).await.expect("the fixture");
    engine.load(WIDE).await.expect("more tables");
    let mut reader = session(&engine, "reader").await;
    for (sql, expected) in [
        ("DELETE FROM people", "error 229"),
        ("UPDATE people SET name = 'x'", "error 229"),
        ("INSERT INTO shops (id, name) VALUES (1, 'x')", "error 229"),
        ("CREATE TABLE dbo.x (a int)", "error 262"),
        ("DROP TABLE people", "error 229"),
        ("SELECT * FROM [other one].hidden", "error 229"),
        ("EXEC xp_cmdshell 'x'", "error 2812"),
        ("WITH g AS (DELETE FROM people RETURNING id) SELECT id FROM g", "error 102"),
    ] {
        assert_eq!(ask(&mut reader, sql, &[]).await, expected, "{sql}");
    }
    let mut owner = session(&engine, "loader").await;
    for (sql, expected) in [
        (
            "SET NOCOUNT ON; SET XACT_ABORT OFF SET LOCK_TIMEOUT 500 BEGIN TRAN DELETE FROM people WHERE Id = 1",
            "done 1",
        ),
        ("SELECT 1 / 0", "error 8134"),
        ("SELECT COUNT(*), @@TRANCOUNT FROM people", "7|1"),
        ("ROLLBACK", "done 0"),
        ("SELECT COUNT(*), @@TRANCOUNT FROM people", "8|0"),
        ("COMMIT", "error 3902"),
        ("SET XACT_ABORT ON; BEGIN TRANSACTION; DELETE FROM people WHERE id = 1", "done 1"),
        ("SELECT 1 / 0", "error 8134"),
        ("SELECT COUNT(*), @@TRANCOUNT FROM people", "8|0"),
        ("DECLARE @n int = 2; SET @n = @n + 1; IF @n = 3 SELECT @n AS n", "3"),
        (
            "SELECT TOP 2 id FROM people ORDER BY id; UPDATE people SET NAME = N'x' WHERE ID = 1",
            "1\n2",
        ),
        ("SELECT name FROM people WHERE id = 1", "x"),
        ("INSERT INTO people (id) VALUES (1)", "error 515"),
        ("INSERT INTO people (id, name) VALUES (1, 'x')", "error 2627"),
        ("INSERT INTO shops (id, name, country, region) VALUES (1, 'x', 'c', 'r')", "error 547"),
        ("INSERT INTO wide (c) VALUES ('abcd')", "error 2628"),
        ("DROP TABLE nope", "error 3701"),
        ("DROP TABLE IF EXISTS nope; SET NOWHERE ON", "error 195"),
    ] {
        assert_eq!(ask(&mut owner, sql, &[]).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn parameters_are_values_of_their_types() {
    let Some(engine) = loaded().await else { return };
    let mut session = session(&engine, "reader").await;
    let text = [bind("@P1", "nvarchar(4000)", "a"), bind("@P2", "nvarchar(4000)", "A ")];
    let equal = "SELECT id FROM texts WHERE (t = @P1 AND t COLLATE Latin1_General_BIN2 = @P1 AND \
                 DATALENGTH(t) = DATALENGTH(@P1))";
    assert_eq!(ask(&mut session, equal, &text).await, "3");
    assert_eq!(ask(&mut session, "SELECT 1 WHERE @P1 = @P2", &text).await, "1");
    let page = [bind("@P1", "bigint", "2"), bind("@p2", "bigint", "1")];
    let sql = "SELECT id FROM people ORDER BY id OFFSET (@P1) ROWS FETCH NEXT @P2 ROWS ONLY";
    assert_eq!(ask(&mut session, sql, &page).await, "3");
    assert_eq!(
        ask(&mut session, "SELECT TOP (@P1) id FROM people ORDER BY id", &page).await,
        "1\n2"
    );
    let values = [
        bind("@P1", "varbinary(8000)", "\\x00ff"),
        bind("@P2", "datetime2(7)", "2024-01-02 03:04:05.678901"),
        bind("@P3", "uniqueidentifier", "123e4567-e89b-12d3-a456-426614174000"),
        bind("@P4", "bit", "t"),
        Bind { name: Some("@P5".into()), native: "decimal(38,4)".into(), value: None },
    ];
    let answer = ask(&mut session, "SELECT @P1, @P2, @P3, @P4, @P5", &values).await;
    let expected = "\\x00ff|2024-01-02 03:04:05.678901|123e4567-e89b-12d3-a456-426614174000|t|NULL";
    assert_eq!(answer, expected);
    let found = types(&mut session, "SELECT CAST(1 AS bit)").await;
    assert_eq!(found, "bit");
    let quoted = [bind("@P1", "nvarchar(max)", "x' OR '1'='1")];
    assert_eq!(ask(&mut session, "SELECT id FROM texts WHERE t = @P1", &quoted).await, "58");
}

#[tokio::test]
async fn what_runs_is_cancelled() {
    let Some(engine) = loaded().await else { return };
    let mut session = session(&engine, "reader").await;
    assert_eq!(ask(&mut session, "BEGIN TRAN", &[]).await, "done 0");
    let slow = session.execute("SELECT id FROM slow", &[]);
    let patience = std::time::Duration::from_millis(200);
    let outcome = tokio::time::timeout(patience, slow).await;
    if let Ok(outcome) = outcome {
        assert!(matches!(outcome, Ok(Outcome::Rows(_))), "{outcome:?}");
        assert!(tokio::time::timeout(patience, session.rows(1)).await.is_err());
    }
    session.cancel().await;
    assert_eq!(ask(&mut session, "SELECT @@TRANCOUNT", &[]).await, "1");
    let endless = session.execute("SELECT id FROM endless", &[]).await.expect("rows");
    assert!(matches!(endless, Outcome::Rows(_)));
    assert_eq!(session.rows(10).await.expect("rows").len(), 10);
    session.cancel().await;
    session.cancel().await;
    assert_eq!(ask(&mut session, "SELECT 1", &[]).await, "1");
    assert_eq!(ask(&mut session, "ROLLBACK", &[]).await, "done 0");
}
