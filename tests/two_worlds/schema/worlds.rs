//! The rows of a table in two worlds that are the same to the caller.

use super::filter::Attributes;
use super::kinds::Holds;
use super::masks;
use super::policy::TablePolicy;
use super::table::{Part, Table};
use super::values::{fitted, value};
use crate::support::rng::Rng;
use celosia_connector_api::Value;
use celosia_connector_testkit::data::{Cell, Row};

/// A table's rows in both worlds, and its policy.
#[derive(Debug)]
pub struct Filled {
    /// What is open.
    pub policy: TablePolicy,
    /// The rows of world A and of world B.
    pub rows: [Vec<Row>; 2],
}

/// Rows and a policy for `table`, whose references point at rows of `before`.
pub fn fill(
    table: &Table,
    before: &[Filled],
    attributes: &mut Attributes,
    rng: &mut Rng,
) -> Filled {
    let mut maker = Maker { table, before, next: 0 };
    let count = rng.below(50) + 14;
    let mut rows: Vec<Row> = (0..count).map(|_| maker.row(rng)).collect();
    if !table.is_keyed() && table.columns.iter().all(|column| column.part != Part::Unique) {
        let again: Vec<Row> = rows.iter().take(5).cloned().collect();
        rows.extend(again);
    }
    let policy = TablePolicy::generate(table, &rows, attributes, rng);
    let mut others = Vec::new();
    for row in &rows {
        if policy.is_open(row) {
            others.push(maker.alike(&policy, row, rng));
        } else if rng.chance(35) {
            others.push(row.clone());
        }
        // Rows of world B alone, which nobody sees.
        if rng.chance(25) {
            let more = maker.row(rng);
            others.extend((!policy.is_open(&more)).then_some(more));
        }
    }
    Filled { policy, rows: [rows, others] }
}

struct Maker<'a> {
    table: &'a Table,
    before: &'a [Filled],
    /// The number of the next row: keys are made of it.
    next: i64,
}

impl Maker<'_> {
    fn row(&mut self, rng: &mut Rng) -> Row {
        self.next += 1;
        (0..self.table.columns.len()).map(|at| self.cell(at, rng)).collect()
    }

    fn cell(&self, at: usize, rng: &mut Rng) -> Cell {
        let column = &self.table.columns[at];
        if column.nullable && rng.chance(18) {
            return None;
        }
        match column.part {
            Part::Key => Some(numbered(column.declared.holds, self.next)),
            Part::Unique => Some(numbered(column.declared.holds, self.next * 3 - 40)),
            Part::Reference(parent) => {
                let parent = &self.before[parent];
                // Both worlds have these rows.
                let open: Vec<&Row> =
                    parent.rows[0].iter().filter(|row| parent.policy.is_open(row)).collect();
                open.get(rng.below(open.len())).and_then(|row| row[0].clone())
            }
            Part::Plain => Some(value(column.declared.holds, self.table.store, rng)),
        }
    }

    /// A row that the caller cannot tell from this one, with other values wherever that is possible.
    fn alike(&self, policy: &TablePolicy, row: &Row, rng: &mut Rng) -> Row {
        let seen = policy.governed(self.table, row);
        let mut other = row.clone();
        for (at, column) in self.table.columns.iter().enumerate() {
            if matches!(column.part, Part::Key | Part::Unique) {
                continue;
            }
            for _ in 0..3 {
                let kept = other[at].clone();
                other[at] = match (&policy.masks[at], &kept) {
                    (Some(mask), Some(cell)) if rng.chance(80) && column.part == Part::Plain => {
                        Some(masks::near(mask, column.declared, cell, self.table.store, rng))
                    }
                    _ => self.cell(at, rng),
                };
                if let (Some(Value::Text(text)), Holds::Text(length, letters)) =
                    (&mut other[at], column.declared.holds)
                {
                    *text = fitted(text, length, letters);
                }
                if policy.governed(self.table, &other) == seen {
                    break;
                }
                other[at] = kept;
            }
        }
        other
    }
}

/// A key made of a number.
fn numbered(holds: Holds, number: i64) -> Value {
    match holds {
        Holds::Text(..) => Value::Text(format!("k{number}")),
        _ => Value::Integer(number),
    }
}
