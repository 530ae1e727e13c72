//! The suite's rows as SQL Server stores them: its floats are finite.

use super::{Cell, Table, tables};
use celosia_connector_api::Value;

/// Every table as a SQL Server database gives it back.
pub fn sqlserver_tables() -> Vec<Table> {
    let mut tables = tables(false);
    for cell in tables.iter_mut().flat_map(|table| &mut table.rows).flatten() {
        *cell = stored(cell.take());
    }
    tables
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
