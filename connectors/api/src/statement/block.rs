//! One SELECT in the making.

use crate::relation::Shape;
use crate::{Dialect, Operand, OperandClass};

/// A SELECT whose parts are still apart.
#[derive(Debug, Clone, Default)]
pub(super) struct Block {
    /// What follows FROM.
    pub(super) from: String,
    /// Whether FROM is one table, so that it needs no parentheses within a join.
    pub(super) single: bool,
    pub(super) conditions: Vec<String>,
    /// The columns.
    pub(super) cells: Vec<Cell>,
    /// What rows are grouped by; an empty list is one group of all.
    pub(super) groups: Option<Vec<String>>,
    /// What follows GROUP BY where it is more than that list.
    pub(super) sets: Option<String>,
    pub(super) having: Vec<String>,
    pub(super) order: Vec<String>,
    pub(super) skip: u64,
    pub(super) fetch: Option<u64>,
    /// Whether a column is a window function.
    pub(super) windowed: bool,
    /// Whether the source has put the rows together, by a join for instance.
    pub(super) mixed: bool,
}

/// One column of a SELECT.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    /// What stands in conditions, joins, groups and orders.
    pub(super) operand: String,
    /// What is selected.
    pub(super) value: String,
    /// A condition, where the value would have to be made from one.
    pub(super) condition: Option<String>,
    /// Whether it is a column's name and nothing more.
    pub(super) plain: bool,
    /// Whether a source may make an index of it while a statement runs: a stored column, or one of rows
    /// that are all made first.
    pub(super) keyed: bool,
    pub(super) shape: Shape,
}

impl Cell {
    /// A computed column.
    pub(super) fn computed(sql: String, shape: Shape) -> Self {
        Self {
            operand: sql.clone(),
            value: sql,
            condition: None,
            plain: false,
            keyed: false,
            shape,
        }
    }

    /// A column that says whether a condition holds.
    pub(super) fn of_condition(condition: String, shape: Shape) -> Self {
        let (operand, value) = (String::new(), String::new());
        Self { operand, value, condition: Some(condition), plain: false, keyed: false, shape }
    }
}

impl Cell {
    /// What rows can be ordered by so that those with other values of this column are apart.
    fn order_keys(&self, dialect: &dyn Dialect) -> Option<Vec<String>> {
        if let Some(condition) = &self.condition {
            return Some(vec![dialect.truth_value(condition)?]);
        }
        if !reads_a_column(&self.operand) {
            return Some(Vec::new());
        }
        let class = self.shape.class;
        let stored = self.shape.stored.as_ref();
        let column = stored.map(|(table, column)| &table.columns[*column]);
        let operand = Operand { sql: &self.operand, class, column, digits: None };
        if !dialect.relational().group.contains(class) {
            return Some(vec![dialect.settling_key(&operand)?]);
        }
        let key = dialect.group_key(&operand);
        Some(std::iter::once(key.value).chain(key.more).collect())
    }
}

/// Whether an item of an order is a key, in any direction: then no two rows are equal by it that differ in
/// the key. What is computed from the key, as its lower case, is another thing.
fn is_by(dialect: &dyn Dialect, item: &str, key: &str) -> bool {
    let spelled = [key.to_string(), dialect.operand(key, OperandClass::Text, true)];
    let directed = |operand: &String| {
        let directions = [(false, false), (false, true), (true, false), (true, true)];
        directions.iter().any(|(down, nulls)| item == dialect.sort_key(operand, *down, *nulls))
    };
    item == key || spelled.iter().any(directed)
}

/// Whether an expression names a column; sources refuse an order by a constant.
fn reads_a_column(sql: &str) -> bool {
    sql.match_indices('t').any(|(at, _)| {
        let rest = sql[at + 1..].trim_start_matches(|c: char| c.is_ascii_digit());
        rest.len() < sql.len() - at - 1 && rest.starts_with('.')
    })
}

impl Block {
    pub(super) fn shapes(&self) -> Vec<Shape> {
        self.cells.iter().map(|cell| cell.shape.clone()).collect()
    }

    /// Whether nothing has happened to the rows but joins and conditions.
    pub(super) fn is_flat(&self) -> bool {
        self.groups.is_none() && !self.is_paged() && self.order.is_empty() && !self.windowed
    }

    /// Whether rows are left out by their number.
    pub(super) fn is_paged(&self) -> bool {
        self.skip > 0 || self.fetch.is_some()
    }

    /// Rows that a source has put together come in an order of their values where the statement leaves it
    /// open: that in which a source finds them depends on what it knows of hidden rows. Groups are told
    /// apart by their keys, joined rows by all of their columns: last by those that only an aggregate may
    /// read, since whoever groups the rows finds the groups in their order. `None` where a column has no
    /// order there.
    pub(super) fn settle_order(&mut self, dialect: &dyn Dialect) -> Option<()> {
        let keys: Vec<String> = match &self.groups {
            Some(groups) => groups.clone(),
            None if self.mixed => {
                let mut cells: Vec<&Cell> = self.cells.iter().collect();
                cells.sort_by_key(|cell| cell.shape.aggregated);
                let keys = cells.into_iter().map(|cell| cell.order_keys(dialect));
                keys.collect::<Option<Vec<_>>>()?.concat()
            }
            None => return Some(()),
        };
        for key in keys {
            // Some sources refuse to order by one thing twice.
            if !self.order.iter().any(|item| is_by(dialect, item, &key)) {
                self.order.push(key);
            }
        }
        Some(())
    }

    /// Adds a condition on the rows or, once they are grouped, on the groups.
    pub(super) fn restrict(&mut self, condition: String) {
        if self.groups.is_some() {
            self.having.push(condition);
        } else {
            self.conditions.push(condition);
        }
    }

    /// The text, with a name for each column that has none of its own.
    pub(super) fn select(&self, dialect: &dyn Dialect, names: &[Option<String>]) -> String {
        let mut columns: Vec<String> = self
            .cells
            .iter()
            .zip(names)
            .map(|(cell, name)| match name {
                Some(name) => format!("{} AS {name}", cell.value),
                None => cell.value.clone(),
            })
            .collect();
        if columns.is_empty() {
            columns.push("1 AS one".to_string());
        }
        let first = match self.fetch {
            Some(rows) if self.skip == 0 => dialect.limit_first(rows),
            _ => String::new(),
        };
        let mut sql = format!("SELECT {first}{}", columns.join(", "));
        let mut clause = |word: &str, parts: &[String], by: &str| {
            if !parts.is_empty() {
                sql.push_str(&format!(" {word} {}", parts.join(by)));
            }
        };
        clause("FROM", std::slice::from_ref(&self.from), "");
        clause("WHERE", &self.conditions, " AND ");
        match &self.sets {
            Some(sets) => clause("GROUP BY", std::slice::from_ref(sets), ""),
            None => clause("GROUP BY", self.groups.as_deref().unwrap_or_default(), ", "),
        }
        clause("HAVING", &self.having, " AND ");
        clause("ORDER BY", &self.order, ", ");
        match (self.skip, self.fetch) {
            (0, None) => {}
            (0, Some(rows)) => sql.push_str(&dialect.limit(rows)),
            (skip, fetch) => sql.push_str(&dialect.page(skip, fetch, !self.order.is_empty())),
        }
        sql
    }
}

/// Whether a name is one that a computed column at another place may have.
pub(super) fn is_numbered(name: &str, index: usize) -> bool {
    let number = name.strip_prefix(['c', 'C']).filter(|rest| !rest.is_empty());
    number.is_some_and(|number| {
        number.bytes().all(|b| b.is_ascii_digit()) && number != (index + 1).to_string()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ColumnDescription, Value};

    #[test]
    fn a_column_has_no_other_ones_number() {
        assert!(is_numbered("c2", 0) && is_numbered("C10", 2) && is_numbered("c02", 1));
        assert!(!is_numbered("c2", 1) && !is_numbered("c", 0) && !is_numbered("cx1", 0));
    }

    /// A dialect with nothing of its own.
    #[derive(Debug)]
    struct Plain;

    impl Dialect for Plain {
        fn name(&self) -> &'static str {
            "plain"
        }

        fn placeholder(&self, position: usize, _: &Value) -> String {
            format!("${position}")
        }

        fn read_column(&self, quoted: &str, _: &ColumnDescription) -> String {
            quoted.to_string()
        }
    }

    #[test]
    fn an_order_is_by_a_key_in_any_direction_but_not_by_what_is_made_of_it() {
        for item in ["t1.a", "t1.a ASC NULLS LAST", "t1.a DESC NULLS FIRST"] {
            assert!(is_by(&Plain, item, "t1.a"), "{item}");
        }
        for item in ["lower(t1.a) ASC NULLS LAST", "t1.a + 1 ASC NULLS LAST", "t1.ab", "t2.a"] {
            assert!(!is_by(&Plain, item, "t1.a"), "{item}");
        }
    }
}
