//! Storing a world: statements for both dialects, a SQLite file, a PostgreSQL database.

use super::world::{Cell, Table};
use celosia_connector_testkit::cluster::PostgresCluster;
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use std::path::Path;

/// Whose literals are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Store {
    /// A SQLite file.
    Sqlite,
    /// A PostgreSQL database.
    Postgres,
}

impl Store {
    /// The schema that its tables are in.
    pub fn schema(self) -> &'static str {
        match self {
            Store::Sqlite => "main",
            Store::Postgres => "public",
        }
    }
}

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

/// The statements that make `tables` and fill them.
pub fn script(store: Store, tables: &[Table]) -> String {
    let mut script = match store {
        Store::Sqlite => SLOW_SQLITE.to_string(),
        Store::Postgres => SLOW_POSTGRES.to_string(),
    };
    for table in tables {
        let columns: Vec<String> = table
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| {
                let key = if at == 0 { " PRIMARY KEY" } else { "" };
                format!("\"{}\" {}{key}", column.name, column.declared)
            })
            .collect();
        let reference = match (store, table.name) {
            (Store::Sqlite, "orders") => ", FOREIGN KEY (person_id) REFERENCES people (id)",
            _ => "",
        };
        let name = table.name;
        script.push_str(&format!("CREATE TABLE \"{name}\" ({}{reference});\n", columns.join(", ")));
        for rows in table.rows.chunks(BATCH) {
            let rows: Vec<String> = rows.iter().map(|row| tuple(store, row)).collect();
            script.push_str(&format!("INSERT INTO \"{name}\" VALUES {};\n", rows.join(",\n")));
        }
    }
    match store {
        Store::Sqlite => script.push_str("ANALYZE;\n"),
        Store::Postgres if tables.iter().any(|table| table.name == "people") => {
            script.push_str(KEYS_POSTGRES);
        }
        Store::Postgres => script.push_str("ANALYZE;\n"),
    }
    script
}

fn tuple(store: Store, row: &[Cell]) -> String {
    let cells: Vec<String> = row.iter().map(|cell| literal(store, cell)).collect();
    format!("({})", cells.join(", "))
}

fn literal(store: Store, cell: &Cell) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    match cell {
        Cell::Null => "NULL".into(),
        Cell::Int(value) => value.to_string(),
        Cell::Dec(text) => text.clone(),
        Cell::Float(value) if store == Store::Postgres => format!("'{value:e}'::float8"),
        Cell::Float(value) => format!("{value:e}"),
        Cell::Text(text) | Cell::Time(text) => quoted(text),
        Cell::Bool(value) => if *value { "TRUE" } else { "FALSE" }.into(),
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
