//! Oracle's SQL in, rows out: one case for each rule that the engine models.

mod expressions;
mod queries;
mod sessions;
mod wire;

use celosia_connector_testkit::cluster::PostgresCluster;
use celosia_connector_testkit::double::engine::{
    Bind, Engine, EngineError, EngineSession, Login, Outcome, ResultColumn,
};
use celosia_connector_testkit::double::plsql::{OracleEngine, Release};
use std::sync::Arc;

/// Tables with every type and kind of constraint.
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

/// The rows of a statement in one line: `|` between cells, ` / ` between rows.
async fn told(session: &mut Box<dyn EngineSession>, sql: &str, binds: &[Bind]) -> String {
    match ask(session, sql, binds).await {
        Err(error) => format!("ORA-{:05}", error.number),
        Ok((_, rows)) => {
            let cell = |cell: &Option<String>| cell.clone().unwrap_or_else(|| "NULL".to_string());
            let line =
                |row: &Vec<Option<String>>| row.iter().map(cell).collect::<Vec<_>>().join("|");
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

fn bind(native: &str, value: &str) -> Bind {
    Bind { name: None, native: native.to_string(), value: Some(value.to_string()) }
}
