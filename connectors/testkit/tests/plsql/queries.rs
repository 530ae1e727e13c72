//! Queries, the types of their columns, and the dictionary.

use super::{SHOP, ask, bind, engine, hold, session, told};
use celosia_connector_testkit::double::engine::ResultColumn;
use celosia_connector_testkit::double::plsql::Release;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_questions_are_one_statement() {
    let Some(engine) = engine(Release::V19).await else { return };
    engine.load_as("app", SHOP).await.expect("loaded");
    let mut session = session(&engine, "app").await;
    hold(&mut session, &[
        ("SELECT t1.id, t3.total FROM customers t1 LEFT JOIN (orders t2 INNER JOIN orders t3 ON t2.id = t3.id) \
          ON t1.id = t2.customer AND t3.total > 6 ORDER BY t1.id, t3.total", "1|20.00 / 2|7.00 / 3|NULL"),
        // An empty text is NULL, in groups as well.
        ("SELECT t1.c1, COUNT(*) FROM (SELECT CASE id WHEN 1 THEN '' WHEN 2 THEN 'x' END c1 FROM customers) t1 \
          GROUP BY t1.c1 ORDER BY t1.c1 ASC NULLS FIRST", "NULL|2 / x|1"),
        ("SELECT COUNT(DISTINCT CASE id WHEN 1 THEN '' ELSE name END) FROM customers", "2"),
        ("SELECT customer, SUM(total) s FROM orders GROUP BY customer HAVING COUNT(*) > 1", "1|25.50"),
        ("SELECT SUM(CASE WHEN total > 6 THEN 1 END) FROM orders", "2"),
        ("SELECT id FROM customers WHERE NOT EXISTS (SELECT 1 FROM orders t2 WHERE t2.customer = customers.id)", "3"),
        ("SELECT t1.i FROM (SELECT id i FROM customers UNION ALL SELECT id FROM orders) t1 ORDER BY t1.i DESC \
          OFFSET 1 ROWS FETCH NEXT 2 ROWS ONLY", "11 / 10"),
        ("SELECT TRUNC(SUM(total) * 1000000 / COUNT(*)) * 0.000001 FROM orders", "10.833333"),
        ("SELECT EXTRACT(HOUR FROM CAST(born AS TIMESTAMP)) FROM customers WHERE id = 1", "0"),
        ("SELECT EXTRACT(HOUR FROM born) FROM customers WHERE id = 1", "ORA-30076"),
        ("SELECT ROW_NUMBER() OVER (PARTITION BY name) FROM customers", "ORA-30485"),
        ("SELECT LAG(id) OVER () FROM customers", "ORA-30485"),
        ("SELECT t1.id, t2.id FROM customers t1 CROSS JOIN orders t2 FETCH FIRST 1 ROWS ONLY", "ORA-00918"),
        ("SELECT COUNT(*) FILTER (WHERE id > 1) FROM customers", "ORA-00933"),
        ("SELECT t1.id FROM customers AS t1", "ORA-00933"),
        ("SELECT COUNT(*) > 1 FROM customers", "ORA-00923"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_have_addresses() {
    let Some(engine) = engine(Release::V19).await else { return };
    engine.load_as("app", SHOP).await.expect("loaded");
    let mut session = session(&engine, "app").await;
    hold(&mut session, &[
        ("SELECT ROWIDTOCHAR(ROWID) FROM customers ORDER BY ROWID",
         "AAASupAAEAAAAAAAAB / AAASupAAEAAAAAAAAC / AAASupAAEAAAAAAAAD"),
        ("SELECT id FROM customers WHERE ROWID >= CHARTOROWID('AAASupAAEAAAAAAAAC') \
          AND ROWID < CHARTOROWID('AAASupAAEAAAAAAAAD')", "2"),
        ("SELECT id FROM customers WHERE ROWID < CHARTOROWID('AAASupAAE//////P//')", "ORA-01410"),
        ("SELECT id FROM customers WHERE ROWID < CHARTOROWID('AAASupAAED//////P/')", "ORA-01410"),
        ("SELECT c.id FROM customers c WHERE c.ROWID = CHARTOROWID(ROWIDTOCHAR(c.rowid)) ORDER BY 1", "1 / 2 / 3"),
        ("SELECT ROWIDTOCHAR(MIN(s.r)) FROM (SELECT ROWID AS r, NTILE(2) OVER (ORDER BY ROWID) AS tile FROM customers) s \
          GROUP BY s.tile ORDER BY s.tile", "AAASupAAEAAAAAAAAB / AAASupAAEAAAAAAAAD"),
        ("SELECT ROWID FROM customers", "ORA-03001"),
        ("SELECT name FROM customers WHERE id = 1", "Ana"),
        ("SELECT id FROM customers WHERE ROWID = CHARTOROWID('x')", "ORA-01410"),
        ("SELECT t.ROWID FROM (SELECT id FROM customers) t", "ORA-00904"),
        ("SELECT COUNT(*) - COUNT(id) FROM customers SAMPLE BLOCK (50)", "0"),
        ("SELECT COUNT(*) - COUNT(id) FROM app.customers SAMPLE (0.5) WHERE id > 1", "0"),
        ("SELECT COUNT(*) FROM customers SAMPLE (100)", "ORA-30562"),
        ("SELECT COUNT(*) FROM customers SAMPLE BLOCK (0)", "ORA-30562"),
        ("SELECT COUNT(*) FROM customers c SAMPLE (5)", "ORA-00933"),
        ("SELECT COUNT(*) FROM customers TABLESAMPLE SYSTEM (5)", "ORA-00933"),
        ("SELECT COUNT(*) FROM totals SAMPLE (5)", "ORA-03001"),
        ("SELECT row_movement, cluster_name, compress_for FROM user_tables WHERE table_name = 'CUSTOMERS'",
         "DISABLED|NULL|NULL"),
        ("ALTER TABLE customers ENABLE ROW MOVEMENT", ""),
        ("SELECT row_movement FROM all_tables WHERE owner = 'APP' AND table_name = 'CUSTOMERS'", "ENABLED"),
        ("ALTER TABLE totals ENABLE ROW MOVEMENT", "ORA-00942"),
    ])
    .await;
}

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
        ("SELECT name FROM customers FOR UPDATE", "Ana / Bo / Cy"),
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
        (
            "SELECT * FROM customers",
            "ID NUMBER(10)!, NAME VARCHAR2(20)!, CITY CHAR(8), NOTE CLOB, \
         BORN DATE, RATE FLOAT(126), LIMIT_ NUMBER(8,-2)",
        ),
        (
            "SELECT * FROM orders",
            "ID NUMBER(38)!, CUSTOMER NUMBER(10), TOTAL NUMBER(10,2)!, \
         PLACED TIMESTAMP(3), PAID TIMESTAMP(6) WITH TIME ZONE, SEEN TIMESTAMP(9) WITH LOCAL TIME ZONE, \
         TOOK INTERVAL DAY(3) TO SECOND(2), WARRANTY INTERVAL YEAR(2) TO MONTH, CODE RAW(4), BODY BLOB, \
         LABEL NVARCHAR2(10), RATIO BINARY_DOUBLE, SHARE_ BINARY_FLOAT, FLAG CHAR(1 CHAR)",
        ),
        (
            "SELECT c.id, x.name n FROM customers c, (SELECT name, id FROM customers) x",
            "ID NUMBER(10)!, N VARCHAR2(20)!",
        ),
        ("SELECT customer, total FROM totals", "CUSTOMER NUMBER(10)!, TOTAL NUMBER"),
        ("SELECT city FROM cities", "CITY CHAR(8)"),
        (
            "SELECT 'abc', 1 + 1, name || 'x', SYSDATE, SYSTIMESTAMP FROM customers",
            "'ABC' CHAR(3), 1+1 NUMBER, NAME||'X' VARCHAR2(4000), SYSDATE DATE, \
          SYSTIMESTAMP TIMESTAMP(6) WITH TIME ZONE",
        ),
        (
            "SELECT CAST(1 AS NUMBER(5, 1)) a, CAST('x' AS VARCHAR2(7)) b, CAST(NULL AS DATE) c, \
         CAST(born AS TIMESTAMP(3)) d, COUNT(*) e, MAX(city) f, HEXTORAW('00') g, TO_CLOB('x') h, 1d i \
         FROM customers GROUP BY born",
            "A NUMBER(5,1), B VARCHAR2(7 CHAR), C DATE, D TIMESTAMP(3), E NUMBER, F CHAR(2000 CHAR), \
          G RAW(2000), H CLOB, I BINARY_DOUBLE",
        ),
        (
            "SELECT born - born a, placed - placed b, born + 1 c FROM customers, orders",
            "A NUMBER, B INTERVAL DAY(9) TO SECOND(6), C DATE",
        ),
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
    hold(
        &mut other,
        &[
            (
                "SELECT table_name FROM all_tables WHERE owner = 'APP' ORDER BY 1",
                "CITIES / CUSTOMERS",
            ),
            ("SELECT COUNT(*) FROM all_tab_columns WHERE table_name = 'ORDERS'", "0"),
            ("SELECT id FROM app.orders", "ORA-00942"),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn truth_is_a_type_since_23ai() {
    let Some(engine) = engine(Release::V23).await else { return };
    let script = "CREATE TABLE t (id NUMBER PRIMARY KEY, b BOOLEAN, j JSON)\n/\n\
                  INSERT INTO t VALUES (1, TRUE, '{\"a\": 1}')\n/\nINSERT INTO t VALUES (2, FALSE, NULL)\n/\n";
    engine.load_as("app", script).await.expect("loaded");
    let mut session = session(&engine, "app").await;
    hold(
        &mut session,
        &[
            ("SELECT id FROM t WHERE b", "1"),
            ("SELECT id FROM t WHERE NOT b OR b IS NULL", "2"),
            ("SELECT id FROM t WHERE b = FALSE", "2"),
            ("SELECT id FROM t WHERE b IS TRUE", "1"),
            ("SELECT 1 = 1, b FROM t ORDER BY id", "t|t / t|f"),
            ("SELECT 1", "1"),
            ("SELECT JSON_SERIALIZE(j) FROM t WHERE id = 1", "{\"a\": 1}"),
            ("SELECT version FROM product_component_version", "23.4.0.24.05"),
        ],
    )
    .await;
    let (columns, _) = ask(&mut session, "SELECT b, j FROM t", &[]).await.expect("read");
    let natives: Vec<&str> = columns.iter().map(|column| column.native.as_str()).collect();
    assert_eq!(natives, ["BOOLEAN", "JSON"]);
    assert_eq!(
        told(&mut session, "SELECT id FROM t WHERE b = :1", &[bind("BOOLEAN", "t")]).await,
        "1"
    );
}
