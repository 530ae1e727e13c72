//! Storing a world: statements for every dialect, a SQLite file, a PostgreSQL database, servers that
//! speak the protocols of SQL Server and Oracle.

use super::world::{Cell, Table};
use celosia_connector_testkit::cluster::PostgresCluster;
use celosia_connector_testkit::double::plsql::{OracleEngine, Release};
use celosia_connector_testkit::double::tds::{TdsDouble, TdsOptions};
use celosia_connector_testkit::double::tns::{ServerVersion, TnsDouble, TnsOptions};
use celosia_connector_testkit::double::tsql::TsqlEngine;
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use std::collections::BTreeSet;
use std::path::Path;

/// Whose literals are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Store {
    /// A SQLite file.
    Sqlite,
    /// A PostgreSQL database.
    Postgres,
    /// A database behind SQL Server's protocol.
    SqlServer,
    /// A database behind Oracle's protocol.
    Oracle,
}

impl Store {
    /// The schema that its tables are in.
    pub fn schema(self) -> &'static str {
        match self {
            Store::Sqlite => "main",
            Store::Postgres => "public",
            Store::SqlServer => "dbo",
            Store::Oracle => ORACLE_OWNER,
        }
    }

    /// The name as its statements spell it.
    pub fn quote(self, name: &str) -> String {
        match self {
            Store::SqlServer => format!("[{name}]"),
            _ => format!("\"{name}\""),
        }
    }

    /// The store's name for a type that SQLite and PostgreSQL spell alike.
    fn declared(self, declared: &'static str) -> &'static str {
        match (self, declared) {
            (Store::SqlServer, "TEXT") => "nvarchar(1000)",
            (Store::SqlServer, "DOUBLE PRECISION") => "float",
            (Store::SqlServer, "TIMESTAMP") => "datetime2(6)",
            (Store::SqlServer, "BOOLEAN") => "bit",
            (Store::SqlServer, "TIMESTAMP WITH TIME ZONE") => "datetimeoffset(6)",
            (Store::Oracle, "BIGINT") => "NUMBER(18)",
            (Store::Oracle, "TEXT") => "VARCHAR2(1000 CHAR)",
            (Store::Oracle, "DOUBLE PRECISION") => "BINARY_DOUBLE",
            (Store::Oracle, "TIMESTAMP") => "TIMESTAMP(6)",
            (Store::Oracle, "SMALLINT") => "NUMBER(5)",
            (Store::Oracle, "INTEGER") => "NUMBER(10)",
            (Store::Oracle, "TIMESTAMP WITH TIME ZONE") => "TIMESTAMP(6) WITH TIME ZONE",
            (Store::Oracle, "DECIMAL(15,2)") => "NUMBER(15,2)",
            (Store::Oracle, "DECIMAL(10,4)") => "NUMBER(10,4)",
            (Store::Oracle, "DECIMAL(12,2)") => "NUMBER(12,2)",
            (Store::Oracle, "DECIMAL(10,2)") => "NUMBER(10,2)",
            (_, other) => other,
        }
    }

    /// Between two statements.
    pub fn separator(self) -> &'static str {
        match self {
            Store::Sqlite | Store::Postgres => ";\n",
            Store::SqlServer => "\nGO\n",
            Store::Oracle => "\n/\n",
        }
    }
}

/// The schema of the worlds in Oracle.
const ORACLE_OWNER: &str = "CELOSIA";

/// Rows of one INSERT.
const BATCH: usize = 500;

/// What every database holds beside its tables: a view that runs for days and yields nothing.
const SLOW_SQLITE: &str = "CREATE VIEW slow AS
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
  SELECT CAST(i AS INTEGER) AS id FROM n WHERE i < 0;
";
const SLOW_POSTGRES: &str = "CREATE VIEW slow AS SELECT a.i::bigint AS id
  FROM generate_series(1, 100000) a (i), generate_series(1, 100000) b (i), generate_series(1, 100000) c (i)
  WHERE a.i + b.i + c.i < 0;
";

/// Keys and comments. The keys are declared and not enforced: open rows point at hidden ones.
const KEYS_POSTGRES: &str = "
ALTER TABLE orders ADD FOREIGN KEY (person_id) REFERENCES people (id) NOT VALID;
COMMENT ON TABLE people IS 'Customers and staff';
COMMENT ON COLUMN people.score IS 'Points of the loyalty programme';
ANALYZE;
";

const SLOW_SQLSERVER: &str = "CREATE VIEW slow AS
  WITH n (i) AS (SELECT v.i FROM (VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)) AS v (i)),
       m (i) AS (SELECT a.i + 10 * b.i + 100 * c.i FROM n AS a CROSS JOIN n AS b CROSS JOIN n AS c)
  SELECT CAST(a.i AS bigint) AS id FROM m AS a CROSS JOIN m AS b CROSS JOIN m AS c CROSS JOIN m AS d
  WHERE a.i + b.i + c.i + d.i < 0";
const SLOW_ORACLE: &str = "CREATE VIEW \"slow\" AS
  WITH n (i) AS (SELECT 0 FROM dual UNION ALL SELECT 1 FROM dual UNION ALL SELECT 2 FROM dual
    UNION ALL SELECT 3 FROM dual UNION ALL SELECT 4 FROM dual UNION ALL SELECT 5 FROM dual
    UNION ALL SELECT 6 FROM dual UNION ALL SELECT 7 FROM dual UNION ALL SELECT 8 FROM dual
    UNION ALL SELECT 9 FROM dual),
       m (i) AS (SELECT a.i + 10 * b.i + 100 * c.i FROM n a CROSS JOIN n b CROSS JOIN n c)
  SELECT CAST(a.i AS NUMBER(18)) AS \"id\" FROM m a CROSS JOIN m b CROSS JOIN m c CROSS JOIN m d
  WHERE a.i + b.i + c.i + d.i < 0";

/// The statements that make `tables` and fill them.
pub fn script(store: Store, tables: &[Table]) -> String {
    let mut script = match store {
        Store::Sqlite => SLOW_SQLITE.to_string(),
        Store::Postgres => SLOW_POSTGRES.to_string(),
        Store::SqlServer => format!("{SLOW_SQLSERVER}{}", store.separator()),
        Store::Oracle => format!("{SLOW_ORACLE}{}", store.separator()),
    };
    for table in tables {
        for statement in statements(store, table) {
            script.push_str(&statement);
            script.push_str(store.separator());
        }
    }
    match store {
        Store::Postgres if tables.iter().any(|table| table.name == "people") => {
            script.push_str(KEYS_POSTGRES);
        }
        Store::Sqlite | Store::Postgres => script.push_str("ANALYZE;\n"),
        Store::SqlServer => {}
        Store::Oracle => {
            script.push_str("BEGIN DBMS_STATS.GATHER_SCHEMA_STATS(USER); END;");
            script.push_str(store.separator());
        }
    }
    script
}

/// CREATE TABLE and the INSERTs of one table.
fn statements(store: Store, table: &Table) -> Vec<String> {
    let keyed = first_is_a_key(table);
    let columns: Vec<String> = table
        .columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let key = if at == 0 && keyed { " PRIMARY KEY" } else { "" };
            format!("{} {}{key}", store.quote(column.name), store.declared(column.declared))
        })
        .collect();
    let reference = match (store, table.name) {
        (Store::Sqlite, "orders") if table.columns.iter().any(|c| c.name == "person_id") => {
            ", FOREIGN KEY (person_id) REFERENCES people (id)"
        }
        _ => "",
    };
    let name = store.quote(table.name);
    let mut statements = vec![format!("CREATE TABLE {name} ({}{reference})", columns.join(", "))];
    for rows in table.rows.chunks(BATCH) {
        let rows: Vec<String> = rows.iter().map(|row| tuple(store, row)).collect();
        statements.push(format!("INSERT INTO {name} VALUES {}", rows.join(",\n")));
    }
    statements
}

fn first_is_a_key(table: &Table) -> bool {
    let keys: BTreeSet<String> = table.rows.iter().map(|row| format!("{:?}", row[0])).collect();
    keys.len() == table.rows.len()
}

fn tuple(store: Store, row: &[Cell]) -> String {
    let cells: Vec<String> = row.iter().map(|cell| literal(store, cell)).collect();
    format!("({})", cells.join(", "))
}

fn literal(store: Store, cell: &Cell) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    match (cell, store) {
        (Cell::Null, _) => "NULL".into(),
        // The extremes of hidden rows, as far as NUMBER(18) goes.
        (Cell::Int(value), Store::Oracle) => {
            let most = 10_i64.pow(18) - 1;
            (*value).clamp(-most, most).to_string()
        }
        (Cell::Int(value), _) => value.to_string(),
        (Cell::Dec(text), _) => text.clone(),
        (Cell::Float(value), Store::Postgres) => format!("'{value:e}'::float8"),
        (Cell::Float(value), Store::Oracle) => format!("{value:e}d"),
        (Cell::Float(value), _) => format!("{value:e}"),
        (Cell::Text(text), Store::SqlServer) => format!("N{}", quoted(text)),
        (Cell::Time(text), Store::Oracle) if text.len() == 10 => format!("DATE {}", quoted(text)),
        (Cell::Time(text), Store::Oracle) => format!("TIMESTAMP {}", quoted(text)),
        (Cell::Text(text) | Cell::Time(text), _) => quoted(text),
        (Cell::Bool(value), Store::SqlServer) => u8::from(*value).to_string(),
        (Cell::Bool(value), _) => if *value { "TRUE" } else { "FALSE" }.into(),
    }
}

/// Makes a SQLite file of these statements.
pub async fn sqlite(path: &Path, script: String) {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let options = options.pragma("foreign_keys", "OFF").pragma("synchronous", "OFF");
    let mut connection = options.connect().await.expect("a new SQLite file");
    let script = format!("BEGIN;\n{script}COMMIT;\n");
    let done = sqlx::raw_sql(sqlx::AssertSqlSafe(script)).execute(&mut connection).await;
    done.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    sqlx::Connection::close(connection).await.expect("the file is closed");
}

/// Makes a PostgreSQL database of these statements; gives the URL of a login that may only read.
pub fn postgres(cluster: &PostgresCluster, script: &str) -> String {
    const READER: &str = "celosia_reader";
    let url = cluster.create_database().expect("a database");
    let database = url.rsplit('/').next().and_then(|rest| rest.split('?').next()).expect("a name");
    let grants = format!(
        "DO $$ BEGIN CREATE ROLE {READER} LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
         GRANT SELECT ON ALL TABLES IN SCHEMA public TO {READER};\n"
    );
    cluster.execute(database, &format!("{script}{grants}")).expect("the world is loaded");
    cluster.url(database, READER)
}

/// A server that speaks SQL Server's protocol over these statements; gives the URL of a login that may
/// only read. It runs as long as the process.
pub async fn sqlserver(cluster: &PostgresCluster, script: &str) -> String {
    let engine = TsqlEngine::start(cluster).await.expect("an engine");
    engine.load(script).await.expect("the world is loaded");
    let double = TdsDouble::start(engine, TdsOptions::default()).await.expect("a server");
    let authority = double.authority_file().expect("a certificate");
    let (port, authority) = (double.port(), authority.display());
    let url = format!(
        "sqlserver://reader:Reader-1-secret@127.0.0.1:{port}/celosia?trust_certificate={authority}"
    );
    Box::leak(Box::new(double));
    url
}

/// The same for Oracle's protocol.
pub async fn oracle(cluster: &PostgresCluster, script: &str) -> String {
    let engine = OracleEngine::start_release(cluster, Release::V23).await.expect("an engine");
    engine.load(script).await.expect("the world is loaded");
    let options = TnsOptions { version: ServerVersion::V23, ..TnsOptions::default() };
    let double = TnsDouble::start(engine, options).await.expect("a server");
    let url = format!("oracle://reader:Reader-1-secret@127.0.0.1:{}/CELOSIA", double.port());
    Box::leak(Box::new(double));
    url
}
