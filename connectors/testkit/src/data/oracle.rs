//! The suite's rows as Oracle stores them: no empty text, no double quotes in names, 4,000 characters
//! at most, whole numbers of 64 bits as NUMBER(19), and before 23ai no truth values.

use super::{Cell, DAY, HOSTILE, Kind, Row, Table, tables};
use celosia_connector_api::Value;

/// The name of the table that is hard to quote, where a name may hold no double quotes.
pub const HOSTILE_ORACLE: &str = "select 'from' 'x'; -- ñ";
/// The most characters of a VARCHAR2 column.
const LONGEST: usize = 4_000;

/// Every table as an Oracle database gives it back; `booleans` where it has that type (23ai). Without
/// it, a truth value is the integer 1 or 0.
pub fn oracle_tables(booleans: bool) -> Vec<Table> {
    tables(false).into_iter().map(|table| stored(table, booleans)).collect()
}

fn stored(table: Table, booleans: bool) -> Table {
    let columns: Vec<_> = table.columns.into_iter().map(|(n, kind)| column(n, kind)).collect();
    let kinds: Vec<Kind> = columns.iter().map(|(_, kind)| *kind).collect();
    let row = |row: Row| -> Row {
        row.into_iter().zip(&kinds).map(|(value, kind)| cell(value, *kind, booleans)).collect()
    };
    let name = if table.name == HOSTILE { HOSTILE_ORACLE } else { table.name };
    Table { name, columns, rows: table.rows.into_iter().map(row).collect() }
}

fn column(name: &'static str, kind: Kind) -> (&'static str, Kind) {
    let kind = match kind {
        Kind::Integer if name != "id" => Kind::Decimal(19, 0),
        // A DATE has a time; a time of day has no type.
        Kind::Date => Kind::Timestamp,
        Kind::Time => Kind::Text,
        other => other,
    };
    (if name == "a\"b" { "a'b" } else { name }, kind)
}

fn cell(value: Cell, kind: Kind, booleans: bool) -> Cell {
    Some(match (value?, kind) {
        (Value::Text(text), _) if text.is_empty() => return None,
        (Value::Bytes(bytes), _) if bytes.is_empty() => return None,
        (Value::Text(text), _) => Value::Text(text.chars().take(LONGEST).collect()),
        (Value::Integer(value), Kind::Decimal(..)) => {
            Value::Decimal { unscaled: value.into(), scale: 0 }
        }
        (Value::Integer(micros), Kind::Text) => {
            let stamp = Value::timestamp_text(micros).unwrap_or_default();
            Value::Text(stamp.split(' ').nth(1).unwrap_or_default().to_string())
        }
        (Value::Date(days), _) => Value::Timestamp(i64::from(days) * DAY),
        (Value::Boolean(value), _) if !booleans => Value::Integer(value.into()),
        (other, _) => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_oracle_cannot_hold_is_held_as_it_would() {
        for booleans in [false, true] {
            let tables = oracle_tables(booleans);
            let cells = tables.iter().flat_map(|table| table.rows.iter().flatten().flatten());
            for cell in cells {
                match cell {
                    Value::Text(text) => assert!((1..=4_000).contains(&text.chars().count())),
                    Value::Bytes(bytes) => assert!(!bytes.is_empty()),
                    Value::Boolean(_) => assert!(booleans),
                    Value::Date(_) => panic!("a date without a time"),
                    _ => {}
                }
            }
            let names = tables.iter().flat_map(|t| t.columns.iter().map(|(name, _)| *name));
            assert!(names.chain(tables.iter().map(|t| t.name)).all(|name| !name.contains('"')));
        }
    }
}
