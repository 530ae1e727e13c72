//! A grouping that is asked for each row of another table: a correlated scalar subquery, which the engine has
//! made a join with all groups. With an index by its keys a source answers it faster row by row, and does so for
//! the text that the statement was written as; here that text is made again.
//!
//! ```sql
//! SELECT ... FROM "parts" AS t1 WHERE EXISTS (
//!   SELECT 1 FROM (SELECT MIN(t2."cost") AS "c1" FROM "offers" AS t2
//!                  WHERE t1."id" = t2."part" GROUP BY t2."part") AS t3
//!   WHERE t1."cost" = t3."c1")
//! ```

use super::Renderer;
use super::block::{Block, Cell};
use super::matching::{matches_of, pair};
use super::relations::conjuncts;
use crate::{Expression, JoinKind, Node, RemoteQuery};

/// An equality of an outer row with a key of the groups.
struct Key<'a> {
    condition: &'a Expression,
    /// The key among the columns of the condition.
    named: usize,
    /// The key among the columns below the grouping.
    grouped: usize,
}

impl Renderer<'_> {
    /// The join, where the right side is a grouping by keys that the condition compares.
    pub(super) fn join_per_row(
        &mut self,
        left: &RemoteQuery,
        right: &RemoteQuery,
        kind: JoinKind,
        on: &Expression,
    ) -> Option<Block> {
        if !matches!(kind, JoinKind::Inner | JoinKind::Left | JoinKind::Semi) {
            return None;
        }
        let mut left = self.joinable(left, false)?;
        let width = left.cells.len();
        let (mut keys, mut rest) = (Vec::new(), Vec::new());
        for part in conjuncts(on) {
            match key(part, right, width) {
                Some(key) => keys.push(key),
                None => rest.push(part),
            }
        }
        if keys.is_empty() {
            return None;
        }
        let inner = self.groups_of_row(right, &keys, &left.cells)?;
        let inner = self.nest(inner)?;
        let mut cells = left.cells.clone();
        cells.extend(inner.cells.iter().cloned());
        let rest = rest.into_iter().map(|part| self.condition(part, &cells));
        let rest = rest.collect::<Option<Vec<_>>>()?;
        left.mixed = true;
        if kind == JoinKind::Semi {
            left.conditions.push(format!("EXISTS ({})", matches_of("1", &inner.from, &rest)));
            return Some(left);
        }
        let word = if kind == JoinKind::Left { "LEFT" } else { "INNER" };
        let on = match rest.is_empty() {
            true => self.dialect.constant(true).to_string(),
            false => rest.join(" AND "),
        };
        left.from = format!("{} {word} JOIN LATERAL {} ON {on}", left.from, inner.from);
        left.single = false;
        left.cells = cells;
        Some(left)
    }

    /// The groups of which a row of the outer table asks for one.
    fn groups_of_row(
        &mut self,
        query: &RemoteQuery,
        keys: &[Key<'_>],
        outer: &[Cell],
    ) -> Option<Block> {
        match query {
            RemoteQuery::Project { input, columns } => {
                let block = self.groups_of_row(input, keys, outer)?;
                self.project(block, columns)
            }
            RemoteQuery::Filter { input, predicate } => {
                let block = self.groups_of_row(input, keys, outer)?;
                self.filter(block, predicate)
            }
            RemoteQuery::Aggregate { input, groups, sets, aggregates } => {
                let mut block = self.relation(input)?;
                if !block.is_flat() {
                    block = self.nest(block)?;
                }
                // Without an index, each row would cost as much as all groups.
                keys.iter().any(|key| is_indexed(&block.cells[key.grouped])).then_some(())?;
                let below = block.cells.len();
                let cells: Vec<Cell> = block.cells.iter().chain(outer).cloned().collect();
                for key in keys {
                    let number = |index| match index == key.named {
                        true => key.grouped,
                        false => below + index,
                    };
                    let condition = key.condition.renumbered(&number);
                    let condition = self.condition(&condition, &cells)?;
                    block.restrict(condition);
                }
                self.aggregate(block, groups, sets, aggregates)
            }
            _ => None,
        }
    }
}

fn is_indexed(cell: &Cell) -> bool {
    cell.shape
        .stored
        .as_ref()
        .is_some_and(|(table, column)| table.indexed.contains(&table.columns[*column].name))
}

/// The part of a condition that asks for a group.
fn key<'a>(condition: &'a Expression, right: &RemoteQuery, width: usize) -> Option<Key<'a>> {
    let (_, key) = pair(condition, width)?;
    let Node::Column(named) = key.node else { return None };
    let grouped = grouped_by(right, named - width)?;
    Some(Key { condition, named, grouped })
}

/// The column below a grouping that a column above it is.
fn grouped_by(query: &RemoteQuery, column: usize) -> Option<usize> {
    let index = |expression: &Expression| match expression.node {
        Node::Column(index) => Some(index),
        _ => None,
    };
    match query {
        RemoteQuery::Project { input, columns } => grouped_by(input, index(columns.get(column)?)?),
        RemoteQuery::Filter { input, .. } => grouped_by(input, column),
        RemoteQuery::Aggregate { groups, sets, .. } if sets.is_empty() => {
            index(groups.get(column)?)
        }
        _ => None,
    }
}
