//! The script of SQL Server's fixture: batches separated by lines `GO`, in a schema of one's choice.

use super::time_text;
use crate::data::{Kind, sqlserver_tables};
use celosia_connector_api::Value;

/// The most rows of one INSERT.
const MOST_ROWS: usize = 500;
/// What stands in the template where the schema's name belongs.
const SCHEMA: &str = "{schema}";

/// The whole script in a schema; one that is not `dbo` is made first.
pub fn sqlserver_script(schema: &str) -> String {
    let mut script = String::new();
    if schema != "dbo" {
        script.push_str(&format!("CREATE SCHEMA {};\nGO\n", quoted(schema)));
    }
    let template = include_str!("../../fixtures/sqlserver.sql");
    script.push_str(&template.replace(SCHEMA, schema));
    for table in sqlserver_tables() {
        for rows in table.rows.chunks(MOST_ROWS) {
            let rows: Vec<String> = rows
                .iter()
                .map(|row| {
                    let kinds = table.columns.iter().map(|(_, kind)| *kind);
                    let cells = row.iter().zip(kinds).map(|(cell, kind)| match cell {
                        Some(value) => literal(value, kind),
                        None => "NULL".to_string(),
                    });
                    format!("({})", cells.collect::<Vec<_>>().join(", "))
                })
                .collect();
            let (schema, name) = (quoted(schema), quoted(table.name));
            script.push_str(&format!(
                "INSERT INTO {schema}.{name} VALUES\n  {};\nGO\n",
                rows.join(",\n  ")
            ));
        }
    }
    script
}

/// Takes away what [`sqlserver_script`] made, as far as it is there.
pub fn sqlserver_drop(schema: &str) -> String {
    let views = ["shop_names", "slow", "endless"].map(|name| ("VIEW", name));
    let others =
        ["staff", "shops", "regions", "empty", "big", "thousand"].map(|name| ("TABLE", name));
    let tables = sqlserver_tables();
    let tables = tables.iter().map(|table| ("TABLE", table.name));
    let mut script: String = views
        .into_iter()
        .chain(others)
        .chain(tables)
        .map(|(kind, name)| format!("DROP {kind} IF EXISTS {}.{};\n", quoted(schema), quoted(name)))
        .collect();
    if schema != "dbo" {
        script.push_str(&format!("DROP SCHEMA IF EXISTS {};\n", quoted(schema)));
    }
    script
}

pub(super) fn literal(value: &Value, kind: Kind) -> String {
    let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
    match value {
        Value::Integer(micros) if kind == Kind::Time => text(&time_text(*micros)),
        Value::Boolean(value) => u8::from(*value).to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Decimal { unscaled, scale } => Value::decimal_text(*unscaled, *scale),
        Value::Float(value) => format!("{value:e}"),
        Value::Text(value) => format!("N{}", text(value)),
        Value::Bytes(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("0x{digits}")
        }
        Value::Date(days) => text(&Value::date_text(*days).unwrap_or_default()),
        Value::Timestamp(micros) => text(&moment_text(*micros)),
        Value::TimestampUtc(micros) => {
            text(&format!("{} +00:00", Value::timestamp_text(*micros).unwrap_or_default()))
        }
    }
}

/// `datetime` reads no more than three digits of a second.
fn moment_text(micros: i64) -> String {
    let text = Value::timestamp_text(micros).unwrap_or_default();
    text.strip_suffix("000").map(str::to_string).unwrap_or(text)
}

fn quoted(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}
