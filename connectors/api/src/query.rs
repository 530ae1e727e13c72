//! One governed read of one table, as data, and what a dialect makes of it.

use crate::{Mask, Predicate, Splits, TableDescription, Value};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use std::sync::Arc;

/// A governed read of one table: the policy is the innermost level, the caller's part is around it.
#[derive(Debug, Clone)]
pub struct TableRead {
    /// The table as discovery described it.
    pub table: Arc<TableDescription>,
    /// The policy's row filter, over the table's columns by index.
    pub row_filter: Option<Predicate>,
    /// What is read, in order. May be empty: then only the number of rows matters.
    pub output: Vec<OutputColumn>,
    /// The caller's condition, over `output` by index, so over governed values.
    pub predicate: Option<Predicate>,
    /// The order in which rows are wanted, most significant key first.
    pub order: Vec<SortKey>,
    /// At most this many rows.
    pub limit: Option<u64>,
}

/// One table is one description.
impl PartialEq for TableRead {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.table, &other.table)
            && self.row_filter == other.row_filter
            && self.output == other.output
            && self.predicate == other.predicate
            && self.order == other.order
            && self.limit == other.limit
    }
}

/// One column of a governed read.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputColumn {
    /// Index of the table's column.
    pub column: usize,
    /// The mask to apply at the source; the dialect must be able to spell it.
    pub mask: Option<Mask>,
    /// Rows on which the cell is open; it is NULL on the others.
    pub visible: Option<Predicate>,
    /// Whether a guarded aggregate alone may read it, so that not even the order of rows may follow from
    /// its values.
    pub aggregated: bool,
}

impl OutputColumn {
    /// The stored values of a column.
    pub fn open(column: usize) -> Self {
        Self { column, mask: None, visible: None, aggregated: false }
    }

    /// A column behind a mask.
    pub fn masked(column: usize, mask: Mask) -> Self {
        Self { mask: Some(mask), ..Self::open(column) }
    }
}

/// One key of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortKey {
    /// Index into the output.
    pub output: usize,
    /// Largest first.
    pub descending: bool,
    /// NULLs before everything else.
    pub nulls_first: bool,
}

/// A statement ready to be sent.
#[derive(Debug, Clone)]
pub struct RenderedQuery {
    /// The statement, with placeholders and no literal.
    pub sql: String,
    /// The bound values, in the order of the placeholders.
    pub parameters: Vec<Value>,
    /// Name, type and spelling of each column that comes back.
    pub columns: Vec<RenderedColumn>,
    /// A stored value without an exact form is no error: it arrives as NULL, and every batch has one
    /// more column, [`UNFIT`], that says where. For whoever may look at rows that no caller may see.
    pub defer_unfit: bool,
    /// How many rows will come, at most or by estimate, where that is known: a connector may have one
    /// way for few rows and another one for many. Never a condition of the answer.
    pub rows_hint: Option<u64>,
    /// The same statement in parts, where several sessions may read it at the same time.
    pub splits: Option<Splits>,
}

/// The last column of every batch where unfit values are deferred: unsigned 64-bit numbers, 0 where
/// the row is whole, else the [`unfit_bit`] of each output that was unfit.
pub const UNFIT: &str = "__unfit";

/// The bit that stands for an output in [`UNFIT`]; those from the 64th on share the last one.
pub fn unfit_bit(output: usize) -> u64 {
    1 << output.min(63)
}

/// One column of a statement's result.
#[derive(Debug, Clone, PartialEq)]
pub struct RenderedColumn {
    /// The column's name.
    pub name: String,
    /// The Arrow type its values must arrive in.
    pub data_type: DataType,
}

impl TableRead {
    /// The result's columns, in order.
    pub fn columns(&self) -> Vec<RenderedColumn> {
        self.output
            .iter()
            .map(|output| {
                let column = &self.table.columns[output.column];
                let data_type = match &output.mask {
                    Some(mask) => mask.output_type(&column.data_type),
                    None => column.data_type.clone(),
                };
                RenderedColumn { name: column.name.clone(), data_type }
            })
            .collect()
    }
}

impl RenderedQuery {
    /// The Arrow schema of the result; every column is nullable.
    pub fn schema(&self) -> SchemaRef {
        let fields = self.columns.iter().map(|c| Field::new(&c.name, c.data_type.clone(), true));
        let unfit = self.defer_unfit.then(|| Field::new(UNFIT, DataType::UInt64, true));
        Arc::new(Schema::new(fields.chain(unfit).collect::<Vec<_>>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_have_bits_of_their_own_up_to_the_last() {
        assert_eq!(
            [0, 1, 62, 63, 64, 1_000].map(unfit_bit),
            [1, 2, 1 << 62, 1 << 63, 1 << 63, 1 << 63]
        );
    }
}
