//! How many rows one fetch brings: many, as each is a round trip, but not more than fit a few megabytes,
//! since the driver holds all of them at once. How wide a column is was found by discovery, by its name alone:
//! of two columns of one name the wider counts.

use celosia_connector_api::query::RenderedColumn;
use parking_lot::RwLock;
use std::collections::HashMap;

/// The bytes that the rows of one fetch should stay below.
const BYTES: usize = 4 << 20;
/// The most rows of one fetch.
const MOST: usize = 2_000;
/// The fewest.
const FEWEST: usize = 4;
/// What a value is taken to need beside its text or bytes.
const CELL: usize = 64;
/// What a column is taken for that discovery has not seen.
const UNKNOWN: usize = 4_000;

/// The widths of columns by name.
#[derive(Debug, Default)]
pub(crate) struct FetchSizes(RwLock<HashMap<String, usize>>);

impl FetchSizes {
    /// What discovery found: the bytes of the longest value by column name.
    pub(crate) fn learn(&self, widths: HashMap<String, usize>) {
        *self.0.write() = widths;
    }

    /// Rows of one fetch for a result of these columns that is read in batches of so many rows.
    pub(crate) fn rows(&self, columns: &[RenderedColumn], batch_rows: usize) -> u32 {
        let known = self.0.read();
        let width = |column: &RenderedColumn| match column.data_type {
            arrow_schema::DataType::Utf8 | arrow_schema::DataType::Binary => {
                // Most values are much shorter than they may be.
                CELL + known.get(&column.name).copied().unwrap_or(UNKNOWN) / 4
            }
            _ => CELL,
        };
        let width: usize = columns.iter().map(width).sum();
        let rows = (BYTES / width.max(1)).clamp(FEWEST, MOST);
        // Who reads in small batches wants the first one soon.
        let rows = rows.min(batch_rows.max(100));
        u32::try_from(rows).unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::DataType;

    #[test]
    fn wide_rows_come_in_small_fetches() {
        let sizes = FetchSizes::default();
        sizes.learn(HashMap::from([("LOB".to_string(), 8 << 20), ("SHORT".to_string(), 20)]));
        let column = |name: &str, data_type| RenderedColumn { name: name.to_string(), data_type };
        let number = column("N", DataType::Int64);
        assert_eq!(sizes.rows(std::slice::from_ref(&number), 8_192), 2_000);
        assert_eq!(sizes.rows(std::slice::from_ref(&number), 16), 100);
        assert_eq!(sizes.rows(&[], 8_192), 2_000);
        assert_eq!(sizes.rows(&[number, column("SHORT", DataType::Utf8)], 8_192), 2_000);
        assert_eq!(sizes.rows(&[column("LOB", DataType::Utf8)], 8_192), 4);
        assert_eq!(sizes.rows(&[column("NEW", DataType::Utf8)], 8_192), 2_000);
    }
}
