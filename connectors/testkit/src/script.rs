//! The statements that load the suite's tables: a script per dialect, and the rows of [`crate::data`].

mod sqlserver;

use crate::data::{Cell, Kind, Table, oracle_tables, sqlserver_tables, tables};
use celosia_connector_api::Value;

pub use sqlserver::{sqlserver_drop, sqlserver_script};

/// How a dialect spells the literals of its fixture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// SQLite; text may hold U+0000.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// Oracle 19c to 23ai; a line `/` ends a statement.
    Oracle {
        /// Truth is a BOOLEAN (23ai only) instead of a NUMBER(1).
        booleans: bool,
    },
    /// SQL Server 2016 and later, in the schema `dbo`; a line `GO` ends a batch. For another schema see
    /// [`sqlserver_script`].
    SqlServer,
}

impl Spelling {
    fn tables(self) -> Vec<Table> {
        match self {
            Spelling::Oracle { booleans } => oracle_tables(booleans),
            Spelling::SqlServer => sqlserver_tables(),
            other => tables(other == Spelling::Sqlite),
        }
    }

    /// Tables, views and keys.
    fn template(self) -> String {
        match self {
            Spelling::Sqlite => include_str!("../fixtures/sqlite.sql").to_string(),
            Spelling::Postgres => include_str!("../fixtures/postgres.sql").to_string(),
            Spelling::Oracle { booleans } => {
                let truth = if booleans { "BOOLEAN" } else { "NUMBER(1)" };
                include_str!("../fixtures/oracle.sql").replace("$BOOLEAN", truth)
            }
            Spelling::SqlServer => sqlserver_script("dbo"),
        }
    }

    fn end(self) -> &'static str {
        if let Spelling::Oracle { .. } = self { "\n/" } else { ";" }
    }
}

/// The whole script: tables, views, keys, then every row, in an order that keys allow.
pub fn script(spelling: Spelling) -> String {
    let mut script = spelling.template();
    if spelling == Spelling::SqlServer {
        return script;
    }
    for table in spelling.tables() {
        let name = table.name.replace('"', "\"\"");
        for row in &table.rows {
            let kinds = table.columns.iter().map(|(_, kind)| *kind);
            let cells: Vec<String> =
                row.iter().zip(kinds).map(|(cell, kind)| literal(spelling, cell, kind)).collect();
            let cells = cells.join(", ");
            let end = spelling.end();
            script.push_str(&format!("INSERT INTO \"{name}\" VALUES ({cells}){end}\n"));
        }
    }
    if let Spelling::Oracle { .. } = spelling {
        script.push_str("COMMIT\n/\nBEGIN DBMS_STATS.GATHER_SCHEMA_STATS(USER); END;\n/\n");
    }
    script
}

/// A cell as a literal of the dialect.
pub fn literal(spelling: Spelling, cell: &Cell, kind: Kind) -> String {
    let Some(value) = cell else { return "NULL".to_string() };
    match spelling {
        Spelling::Oracle { .. } => return oracle(value),
        Spelling::SqlServer => return sqlserver::literal(value, kind),
        Spelling::Sqlite | Spelling::Postgres => {}
    }
    match value {
        Value::Integer(micros) if kind == Kind::Time => quoted(&time_text(*micros)),
        Value::Boolean(value) => if *value { "TRUE" } else { "FALSE" }.to_string(),
        // The smallest integer is a double where a minus is applied to a literal.
        Value::Integer(i64::MIN) => format!("({} - 1)", i64::MIN + 1),
        Value::Integer(value) => value.to_string(),
        Value::Decimal { unscaled, scale } => Value::decimal_text(*unscaled, *scale),
        Value::Float(value) if value.is_infinite() => match spelling {
            Spelling::Sqlite => if *value > 0.0 { "9e999" } else { "-9e999" }.to_string(),
            _ => format!("'{value}'::float8"),
        },
        Value::Float(value) => match spelling {
            Spelling::Sqlite => format!("{value:e}"),
            _ => format!("'{value:e}'::float8"),
        },
        Value::Text(text) if text.contains('\0') => {
            format!("CAST({} AS TEXT)", hex(spelling, text.as_bytes()))
        }
        Value::Text(text) => quoted(text),
        Value::Bytes(bytes) => hex(spelling, bytes),
        Value::Date(days) => quoted(&Value::date_text(*days).unwrap_or_default()),
        Value::Timestamp(micros) => quoted(&Value::timestamp_text(*micros).unwrap_or_default()),
        Value::TimestampUtc(micros) => {
            quoted(&format!("{}+00:00", Value::timestamp_text(*micros).unwrap_or_default()))
        }
    }
}

/// Oracle's literals say their type; none depends on the session's formats.
fn oracle(value: &Value) -> String {
    let stamp = |micros: i64| Value::timestamp_text(micros).unwrap_or_default();
    match value {
        Value::Boolean(value) => if *value { "TRUE" } else { "FALSE" }.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Decimal { unscaled, scale } => Value::decimal_text(*unscaled, *scale),
        Value::Float(value) if value.is_infinite() => {
            format!("{}BINARY_DOUBLE_INFINITY", if *value > 0.0 { "" } else { "-" })
        }
        Value::Float(value) => format!("{value:e}d"),
        Value::Text(text) => quoted(text),
        Value::Bytes(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("HEXTORAW('{digits}')")
        }
        Value::Date(days) => format!("DATE '{}'", Value::date_text(*days).unwrap_or_default()),
        Value::Timestamp(micros) => format!("TIMESTAMP '{}'", stamp(*micros)),
        Value::TimestampUtc(micros) => format!("TIMESTAMP '{} +00:00'", stamp(*micros)),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn hex(spelling: Spelling, bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    match spelling {
        Spelling::Sqlite => format!("X'{digits}'"),
        _ => format!("'\\x{digits}'::bytea"),
    }
}

fn time_text(micros: i64) -> String {
    let stamp = Value::timestamp_text(micros).unwrap_or_default();
    stamp.split(' ').nth(1).unwrap_or_default().to_string()
}
