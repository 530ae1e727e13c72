//! One node's output: what its columns are made of, and what is known of its rows.

use super::atoms::Set;
use super::keys::Rows;
use crate::model::Warning;
use crate::query::pushdown::is_widening;
use datafusion::common::DFSchema;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator};

/// One column.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    /// The atoms it is computed from.
    pub(super) atoms: Set,
    /// It is its only atom, and not something else made of it.
    same: bool,
}

impl Cell {
    /// The column that is an atom.
    pub(super) fn of(atom: usize) -> Self {
        Self { atoms: Set::from([atom]), same: true }
    }

    /// The atom it is.
    pub(super) fn atom(&self) -> Option<usize> {
        self.atoms.first().copied().filter(|_| self.same && self.atoms.len() == 1)
    }
}

/// What is known of one node's output.
#[derive(Debug, Clone, Default)]
pub(super) struct Level {
    pub(super) cells: Vec<Cell>,
    pub(super) rows: Rows,
    /// Joins below that repeat rows, and no grouping above them yet.
    pub(super) fans: Vec<Warning>,
}

impl Level {
    /// An expression over these columns.
    pub(super) fn cell(&self, expr: &Expr, schema: &DFSchema) -> Cell {
        cell(&self.cells, expr, schema)
    }

    /// At most one row is left.
    pub(super) fn one_row(mut self) -> Self {
        self.rows.keys.push(Set::new());
        self.rows.complete = true;
        self
    }

    /// The rows on which a condition holds.
    pub(super) fn narrowed(mut self, predicate: &Expr, schema: &DFSchema) -> Self {
        for part in split_conjunction(predicate) {
            let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = part else {
                continue;
            };
            let atom = |expr: &Expr| self.cell(expr, schema).atom();
            match (atom(left), atom(right)) {
                (Some(left), Some(right)) => self.rows.equal.push((left, right)),
                (Some(fixed), None) if right.column_refs().is_empty() => {
                    self.rows.constant.insert(fixed);
                }
                (None, Some(fixed)) if left.column_refs().is_empty() => {
                    self.rows.constant.insert(fixed);
                }
                _ => {}
            }
        }
        self
    }
}

/// An expression over columns. A cast that loses nothing changes nothing.
pub(super) fn cell(cells: &[Cell], expr: &Expr, schema: &DFSchema) -> Cell {
    match expr {
        Expr::Alias(alias) => cell(cells, &alias.expr, schema),
        Expr::Column(column) => {
            let index = schema.maybe_index_of_column(column);
            index.and_then(|index| cells.get(index)).cloned().unwrap_or_default()
        }
        Expr::Cast(cast) => {
            let inner = cell(cells, &cast.expr, schema);
            let from = cast.expr.get_type(schema);
            let widens = from.is_ok_and(|from| is_widening(&from, cast.field.data_type()));
            Cell { same: inner.same && widens, ..inner }
        }
        computed => {
            let columns = computed.column_refs().into_iter();
            let cells = columns.filter_map(|c| cells.get(schema.maybe_index_of_column(c)?));
            Cell { atoms: cells.flat_map(|cell| cell.atoms.iter().copied()).collect(), same: false }
        }
    }
}
