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
    pub(super) aggregate: Option<AggregateOnly>,
    pub(super) reading: Reading,
}

/// How a column that is only open to aggregates may be aggregated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AggregateOnly {
    /// The fewest entities, or rows, behind an aggregate that is shown.
    pub min_group: u32,
    /// The index in the table of the column that tells entities apart; `None` counts rows.
    pub entity: Option<usize>,
}

/// What a column of a grant is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Reading {
    /// Its governed values.
    #[default]
    Shown,
    /// Its stored values, for a guarded aggregate alone.
    Aggregated,
    /// Its stored values, to count the entities behind such an aggregate. It has no name.
    Counted,
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

    /// The same grant for the inside of an aggregate that is guarded: columns that are only open to
    /// aggregates have their stored values, and what tells their entities apart follows the other columns.
    pub fn inside_aggregates(&self) -> Grant {
        let mut inside = self.clone();
        let mut entities = Vec::new();
        for column in &mut inside.columns {
            let Some(aggregate) = column.aggregate else { continue };
            column.reading = Reading::Aggregated;
            entities.extend(aggregate.entity.filter(|entity| !entities.contains(entity)));
        }
        inside.columns.extend(entities.into_iter().map(|column| ColumnGrant {
            column,
            mask: None,
            visible: None,
            aggregate: None,
            reading: Reading::Counted,
        }));
        inside
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

    /// The mask on the values that are read, which fits the column's type; its constants are of that
    /// type. A column that is only open to aggregates has no values outside of them.
    pub fn mask(&self) -> Option<&Mask> {
        match (self.aggregate, self.reading) {
            (Some(_), Reading::Aggregated) => None,
            (Some(_), _) => Some(&Mask::Null),
            (None, _) => self.declared_mask(),
        }
    }

    /// The mask that the policy puts on the column.
    pub fn declared_mask(&self) -> Option<&Mask> {
        self.mask.as_ref().map(|(mask, _)| mask)
    }

    /// Whether the column is only open to aggregates, and to which.
    pub fn aggregate_only(&self) -> Option<AggregateOnly> {
        self.aggregate
    }

    /// Whether the column is read to count entities, and may not be named.
    pub fn is_counted(&self) -> bool {
        self.reading == Reading::Counted
    }

    /// Whether stored values are read that must not show.
    pub fn is_inside_aggregate(&self) -> bool {
        self.reading != Reading::Shown
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
