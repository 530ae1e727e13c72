//! The suite's rows as SQL Server stores them: its floats are finite.

use super::{Cell, Kind, Table, numbered, tables};
use celosia_connector_api::Value;

/// Every table as a SQL Server database gives it back.
pub fn sqlserver_tables() -> Vec<Table> {
    let mut tables = tables(false);
    tables.push(ticks());
    for cell in tables.iter_mut().flat_map(|table| &mut table.rows).flatten() {
        *cell = stored(cell.take());
    }
    tables
}

/// Moments that are finer at the server than they are read, and the ticks of `datetime`.
fn ticks() -> Table {
    let row = |micros: i64, millis: i64| {
        [Value::Timestamp(micros), Value::TimestampUtc(micros), Value::Timestamp(millis * 1_000)]
            .map(Some)
    };
    let rows = [
        row(-62_135_596_800_000_000, -6_847_804_800_000),
        row(-1, -3),
        row(0, 0),
        row(1, 3),
        row(999_999, 7),
        row(1_000_000, 10),
        row(253_402_300_799_999_998, 253_402_300_799_997),
        [None, None, None],
    ];
    let columns = vec![
        ("id", Kind::Integer),
        ("at", Kind::Timestamp),
        ("instant", Kind::TimestampUtc),
        ("tick", Kind::Timestamp),
    ];
    Table { name: "ticks", columns, rows: numbered(rows) }
}

/// A large number stands for infinity.
fn stored(cell: Cell) -> Cell {
    match cell {
        Some(Value::Float(value)) if value.is_infinite() => {
            Some(Value::Float(1e300_f64.copysign(value)))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_float_is_infinite() {
        let tables = sqlserver_tables();
        let cells = tables.iter().flat_map(|table| &table.rows).flatten();
        let floats: Vec<f64> = cells
            .filter_map(
                |cell| if let Some(Value::Float(value)) = cell { Some(*value) } else { None },
            )
            .collect();
        assert!(floats.contains(&-1e300) && floats.iter().all(|value| value.is_finite()));
    }
}
