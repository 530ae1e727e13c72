//! What a caller may see of one table.

use crate::model::{Mask, Predicate, TableRef};
use std::sync::Arc;

/// The rows and columns of one table that are open to one caller. Only [`super::decide`] makes one.
#[must_use]
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    pub(super) table: TableRef,
    pub(super) roles: Vec<String>,
    pub(super) row_filter: Option<Predicate>,
    pub(super) columns: Vec<ColumnGrant>,
    pub(super) filters: Vec<String>,
}

/// One column that is open, at least on some rows.
#[must_use]
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnGrant {
    pub(super) column: usize,
    pub(super) mask: Option<(Mask, Arc<str>)>,
    pub(super) visible: Option<Predicate>,
}

impl Grant {
    /// The table.
    pub fn table(&self) -> &TableRef {
        &self.table
    }

    /// The rows that are open, over the stored columns; `None` opens every row.
    pub fn row_filter(&self) -> Option<&Predicate> {
        self.row_filter.as_ref()
    }

    /// The open columns in the table's order; there is at least one.
    pub fn columns(&self) -> &[ColumnGrant] {
        &self.columns
    }

    /// The names of what filters rows or cells: `role analyst`, or a restriction's name.
    pub fn filters(&self) -> &[String] {
        &self.filters
    }

    /// The caller's roles that open the table.
    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    /// Why the table looks as it does, one sentence each, with column names from `column_name`.
    pub fn explain<'a>(&self, column_name: impl Fn(usize) -> &'a str) -> Vec<String> {
        let mut reasons = vec![format!(
            "{} is open by role {}: {} columns",
            self.table,
            self.roles.join(", "),
            self.columns.len()
        )];
        if self.row_filter.is_some() {
            reasons.push(format!("its rows are filtered by {}", self.filters.join(", ")));
        }
        for column in &self.columns {
            let name = column_name(column.column);
            if let Some((mask, rule)) = &column.mask {
                reasons.push(format!("{name} is masked ({}) by rule \"{rule}\"", mask.name()));
            }
            if column.visible.is_some() {
                reasons.push(format!("{name} is NULL on rows that no role opens it on"));
            }
        }
        reasons
    }
}

impl ColumnGrant {
    /// The column's index in the table.
    pub fn column(&self) -> usize {
        self.column
    }

    /// The mask, which fits the column's type; its constants are of that type.
    pub fn mask(&self) -> Option<&Mask> {
        self.mask.as_ref().map(|(mask, _)| mask)
    }

    /// The name of the rule that masks the column.
    pub fn rule(&self) -> Option<&str> {
        self.mask.as_ref().map(|(_, rule)| rule.as_ref())
    }

    /// The open rows on which the column is open; elsewhere it is NULL. `None`: on every open row.
    pub fn visible(&self) -> Option<&Predicate> {
        self.visible.as_ref()
    }
}
