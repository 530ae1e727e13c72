//! Literals, operators and functions.

use super::{engine, hold, session};
use celosia_connector_testkit::double::plsql::Release;

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
        // The days that the calendar left out.
        ("SELECT TO_TIMESTAMP('1582-10-10 12:34:56.5', 'YYYY-MM-DD HH24:MI:SS.FF6'), \
         TO_DATE('1582-10-14', 'YYYY-MM-DD'), TO_DATE('1582-10-04', 'YYYY-MM-DD') FROM DUAL",
         "1582-10-15 12:34:56.5|1582-10-15 00:00:00|1582-10-04 00:00:00"),
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
