//! The statements that load the suite's tables: a script per dialect, and the rows of [`crate::data`].

use crate::data::{Cell, tables};
use celosia_connector_api::Value;

/// How a dialect spells the literals of its fixture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// SQLite; text may hold U+0000.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// The whole script: tables, views, keys, then every row, in an order that keys allow.
pub fn script(spelling: Spelling) -> String {
    let mut script = match spelling {
        Spelling::Sqlite => include_str!("../fixtures/sqlite.sql"),
        Spelling::Postgres => include_str!("../fixtures/postgres.sql"),
    }
    .to_string();
    for table in tables(spelling == Spelling::Sqlite) {
        let name = table.name.replace('"', "\"\"");
        for row in &table.rows {
            let kinds = table.columns.iter().map(|(_, kind)| *kind);
            let cells: Vec<String> =
                row.iter().zip(kinds).map(|(cell, kind)| literal(spelling, cell, kind)).collect();
            script.push_str(&format!("INSERT INTO \"{name}\" VALUES ({});\n", cells.join(", ")));
        }
    }
    script
}

fn literal(spelling: Spelling, cell: &Cell, kind: crate::data::Kind) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let Some(value) = cell else { return "NULL".to_string() };
    match value {
        Value::Integer(micros) if kind == crate::data::Kind::Time => quoted(&time_text(*micros)),
        Value::Boolean(value) => if *value { "TRUE" } else { "FALSE" }.to_string(),
        // The smallest integer is a double where a minus is applied to a literal.
        Value::Integer(i64::MIN) => format!("({} - 1)", i64::MIN + 1),
        Value::Integer(value) => value.to_string(),
        Value::Decimal { unscaled, scale } => Value::decimal_text(*unscaled, *scale),
        Value::Float(value) if value.is_infinite() => match spelling {
            Spelling::Sqlite => if *value > 0.0 { "9e999" } else { "-9e999" }.to_string(),
            Spelling::Postgres => format!("'{value}'::float8"),
        },
        Value::Float(value) => match spelling {
            Spelling::Sqlite => format!("{value:e}"),
            Spelling::Postgres => format!("'{value:e}'::float8"),
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

fn hex(spelling: Spelling, bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    match spelling {
        Spelling::Sqlite => format!("X'{digits}'"),
        Spelling::Postgres => format!("'\\x{digits}'::bytea"),
    }
}

fn time_text(micros: i64) -> String {
    let stamp = Value::timestamp_text(micros).unwrap_or_default();
    stamp.split(' ').nth(1).unwrap_or_default().to_string()
}
