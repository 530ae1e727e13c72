//! Semi, anti, NOT IN and mark joins: a condition on the left rows.

use super::Renderer;
use super::block::{Block, Cell};
use super::relations::conjuncts;
use crate::relation::Shape;
use crate::{Comparison, Expression, JoinKind, Node};
use arrow_schema::DataType;

impl Renderer<'_> {
    /// The left rows, under the condition that there are right ones or are none.
    pub(super) fn matching(
        &mut self,
        mut left: Block,
        right: Block,
        kind: JoinKind,
        on: Option<&Expression>,
        cells: &[Cell],
    ) -> Option<Block> {
        left.mixed = true;
        if kind == JoinKind::NotIn {
            let Node::Compare { left: key, right: other, .. } = &on?.node else { return None };
            let (key, other) = self.comparable(key, other, cells)?;
            let rows = matches_of(&other, &right.from, &right.conditions);
            left.conditions.push(format!("{key} NOT IN ({rows})"));
            return Some(left);
        }
        let width = left.cells.len();
        let found = match self.dialect.relational().hashes {
            true => Found::Row(self.by_row(&right, on, cells)?),
            false => match self.by_key(&right, on, cells, width) {
                Some(found) => found,
                // It is made a join of.
                None if kind == JoinKind::Semi && self.is_linear(kind, on, cells, width) => {
                    Found::Row(self.by_row(&right, on, cells)?)
                }
                None => return None,
            },
        };
        let mark = Shape::computed(&DataType::Boolean);
        match (kind, found) {
            (JoinKind::Semi, Found::Row(found) | Found::Key(found)) => left.conditions.push(found),
            (JoinKind::Anti, Found::Row(found)) => left.conditions.push(format!("NOT {found}")),
            (JoinKind::Anti, Found::Key(found)) => {
                left.conditions.push(format!("({found}) IS NOT TRUE"));
            }
            (_, Found::Row(found)) => left.cells.push(Cell::of_condition(found, mark)),
            (_, Found::Key(found)) => {
                left.cells.push(Cell::of_condition(format!("({found}) IS TRUE"), mark));
            }
        }
        Some(left)
    }

    /// Whether a join takes no longer than both inputs and what comes out: a source that does not hash
    /// needs a key of which it can make an index, on the side that it looks up.
    pub(super) fn is_linear(
        &self,
        kind: JoinKind,
        on: Option<&Expression>,
        cells: &[Cell],
        width: usize,
    ) -> bool {
        let Some(on) = on.filter(|_| !self.dialect.relational().hashes) else { return true };
        let keyed = |side: &Expression| side.column().is_some_and(|index| cells[index].keyed);
        conjuncts(on).filter_map(|part| pair(part, width)).any(|(left, right)| match kind {
            JoinKind::Inner => keyed(left) || keyed(right),
            JoinKind::Right => keyed(left),
            _ => keyed(right),
        })
    }

    /// Whether there is a right row for a left one.
    fn by_row(&mut self, right: &Block, on: Option<&Expression>, cells: &[Cell]) -> Option<String> {
        let mut conditions = right.conditions.clone();
        for part in on.into_iter().flat_map(conjuncts) {
            conditions.push(self.condition(part, cells)?);
        }
        Some(format!("EXISTS ({})", matches_of("1", &right.from, &conditions)))
    }

    /// The same by keys that are looked up among all of the right rows, which are read once. `None` where
    /// something else than equal keys makes a match.
    fn by_key(
        &mut self,
        right: &Block,
        on: Option<&Expression>,
        cells: &[Cell],
        width: usize,
    ) -> Option<Found> {
        let mut conditions = right.conditions.clone();
        let (mut keys, mut others) = (Vec::new(), Vec::new());
        for part in on.into_iter().flat_map(conjuncts) {
            let condition = self.condition(part, cells)?;
            match pair(part, width) {
                Some((key, other)) => {
                    let class = key.narrow().class;
                    let (key, other) =
                        (self.operand_sql(key, cells)?, self.operand_sql(other, cells)?);
                    conditions.push(format!("{other} IS NOT NULL"));
                    keys.push(self.dialect.operand(&key, class, false));
                    others.push(self.dialect.operand(&other, class, false));
                }
                None if is_of(part, width..cells.len()) => conditions.push(condition),
                None => return None,
            }
        }
        if keys.is_empty() {
            let rows = matches_of("1", &right.from, &conditions);
            return Some(Found::Row(format!("EXISTS ({rows})")));
        }
        let key = if keys.len() == 1 { keys.remove(0) } else { format!("({})", keys.join(", ")) };
        let rows = matches_of(&others.join(", "), &right.from, &conditions);
        Some(Found::Key(format!("{key} IN ({rows})")))
    }
}

/// Whether there is a row: never unknown, or unknown where the key is NULL.
enum Found {
    Row(String),
    Key(String),
}

/// The sides of an equality of a left row with a right one.
pub(super) fn pair(part: &Expression, width: usize) -> Option<(&Expression, &Expression)> {
    let Node::Compare { operator: Comparison::Equal, left, right } = &part.node else {
        return None;
    };
    if is_of(left, 0..width) && is_of(right, width..usize::MAX) {
        Some((left, right))
    } else if is_of(right, 0..width) && is_of(left, width..usize::MAX) {
        Some((right, left))
    } else {
        None
    }
}

/// Whether an expression reads these columns only, and one of them at least.
fn is_of(expression: &Expression, range: std::ops::Range<usize>) -> bool {
    let (mut some, mut all) = (false, true);
    expression.columns(&mut |index| {
        some = true;
        all &= range.contains(&index);
    });
    some && all
}

pub(super) fn matches_of(selected: &str, from: &str, conditions: &[String]) -> String {
    let mut sql = format!("SELECT {selected} FROM {from}");
    if !conditions.is_empty() {
        sql.push_str(&format!(" WHERE {}", conditions.join(" AND ")));
    }
    sql
}
