//! How visible tables hang together: by foreign keys, and by columns named as another table's key.

use super::document::{Document, folded};
use super::search::VisibleTable;
use crate::model::{OperandClass, TableRef};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The ties between tables of an index, by their places in it.
#[derive(Debug, Default)]
pub(super) struct Joins {
    ties: Vec<Vec<Tie>>,
    keys: Vec<Vec<u32>>,
}

/// One way from a table to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tie {
    to: u32,
    /// Columns here with the columns there, by their indexes.
    columns: Vec<(usize, usize)>,
    is_declared: bool,
}

/// One step of a path: these columns of a table are equal to those of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The table the step leaves.
    pub from: TableRef,
    /// The table it reaches.
    pub to: TableRef,
    /// Indexes of the columns that are equal, in `from` and in `to`.
    pub columns: Vec<(usize, usize)>,
    /// Whether a foreign key says so; else names and types alone do.
    pub is_declared: bool,
}

/// By table: the cost of the way to it, and its last step (the table it leaves, the place of its tie).
type Reached = HashMap<u32, (u32, Option<(u32, usize)>)>;

/// What a step costs: a declared one is worth a detour over another, not over two.
const DECLARED: u32 = 10;
const GUESSED: u32 = 25;
/// Longer paths are no help.
const LONGEST: u32 = 50;
/// A column's name that more tables have is no hint.
const COMMON: usize = 40;

impl Joins {
    pub(super) fn of(visible: &[VisibleTable], documents: &[Arc<Document>]) -> Self {
        let mut joins = Self { ties: vec![Vec::new(); visible.len()], keys: Vec::new() };
        joins.add_declared(visible);
        let keys = |ties: &Vec<Tie>| {
            let mut keys: Vec<u32> = ties.iter().map(|tie| tie.to).collect();
            keys.sort_unstable();
            keys.dedup();
            keys
        };
        joins.keys = joins.ties.iter().map(keys).collect();
        joins.add_guessed(visible, documents);
        joins
    }

    /// The tables with a foreign key to or from this one, by their names.
    pub(super) fn keys_of(&self, table: u32) -> &[u32] {
        &self.keys[table as usize]
    }

    /// The cheapest way between two tables, as ties with the tables they leave.
    pub(super) fn path(&self, from: u32, to: u32) -> Option<Vec<(u32, &Tie)>> {
        let mut open = std::collections::BTreeSet::from([(0_u32, from)]);
        let mut best: Reached = HashMap::from([(from, (0, None))]);
        while let Some((cost, at)) = open.pop_first() {
            if at == to {
                return Some(self.walked(&best, to));
            }
            if best.get(&at).is_some_and(|(known, _)| *known < cost) {
                continue;
            }
            for (place, tie) in self.ties[at as usize].iter().enumerate() {
                let cost = cost + if tie.is_declared { DECLARED } else { GUESSED };
                if cost <= LONGEST && best.get(&tie.to).is_none_or(|(known, _)| cost < *known) {
                    best.insert(tie.to, (cost, Some((at, place))));
                    open.insert((cost, tie.to));
                }
            }
        }
        None
    }

    fn walked(&self, best: &Reached, to: u32) -> Vec<(u32, &Tie)> {
        let mut steps = Vec::new();
        let mut at = to;
        while let Some((_, Some((from, place)))) = best.get(&at) {
            steps.push((*from, &self.ties[*from as usize][*place]));
            at = *from;
        }
        steps.reverse();
        steps
    }

    /// Foreign keys and joins that are written down, both ways, where all their columns may be seen at both ends.
    fn add_declared(&mut self, visible: &[VisibleTable]) {
        let places: HashMap<&TableRef, u32> =
            visible.iter().map(|table| &table.entry.reference).zip(0_u32..).collect();
        for (at, table) in (0_u32..).zip(visible) {
            for key in &table.entry.description.foreign_keys {
                let source = &table.entry.reference.source;
                let target = TableRef::new(source, &key.referenced_schema, &key.referenced_table);
                let Some(&to) = places.get(&target).filter(|to| **to != at) else { continue };
                let here = seen(table, &key.columns);
                let there = seen(&visible[to as usize], &key.referenced_columns);
                if let (Some(here), Some(there)) = (here, there) {
                    self.tie(at, to, here.into_iter().zip(there).collect(), true);
                }
            }
            for (target, on) in &table.joins {
                let Some(&to) = places.get(target).filter(|to| **to != at) else { continue };
                let (here, there): (Vec<String>, Vec<String>) = on.iter().cloned().unzip();
                let there = seen(&visible[to as usize], &there);
                if let (Some(here), Some(there)) = (seen(table, &here), there) {
                    self.tie(at, to, here.into_iter().zip(there).collect(), true);
                }
            }
        }
    }

    /// Columns named as another table's key: `customer_id` where there is `customers(id)` or
    /// `client(customer_id)`, of one class of type, in this source or another.
    fn add_guessed(&mut self, visible: &[VisibleTable], documents: &[Arc<Document>]) {
        let mut keys: BTreeMap<String, Vec<(u32, usize)>> = BTreeMap::new();
        for (at, table) in (0_u32..).zip(visible) {
            let description = &table.entry.description;
            if let [key] = &description.primary_key[..]
                && let Some(columns) = seen(table, std::slice::from_ref(key))
            {
                keys.entry(key_name(&table.entry.reference.table, key))
                    .or_default()
                    .push((at, columns[0]));
            }
        }
        let mut holders: HashMap<&str, Vec<(u32, usize)>> =
            keys.keys().map(|name| (name.as_str(), Vec::new())).collect();
        for ((at, table), document) in (0_u32..).zip(visible).zip(documents) {
            for (&column, name) in table.columns.iter().zip(document.folded.iter()) {
                if let Some(holders) = holders.get_mut(name).filter(|_| !name.is_empty()) {
                    holders.push((at, column));
                }
            }
        }
        for (name, keys) in &keys {
            let holders = &holders[name.as_str()];
            if keys.len() > COMMON || holders.len() > COMMON {
                continue;
            }
            for &(to, key) in keys {
                for &(at, column) in holders {
                    let same = class(visible, at, column) == class(visible, to, key);
                    if at != to && same && !self.is_tied(at, to) {
                        self.tie(at, to, vec![(column, key)], false);
                    }
                }
            }
        }
    }

    fn is_tied(&self, a: u32, b: u32) -> bool {
        self.ties[a as usize].iter().any(|tie| tie.to == b)
    }

    fn tie(&mut self, a: u32, b: u32, columns: Vec<(usize, usize)>, is_declared: bool) {
        let back = columns.iter().map(|(here, there)| (*there, *here)).collect();
        for (at, tie) in [
            (a, Tie { to: b, columns, is_declared }),
            (b, Tie { to: a, columns: back, is_declared }),
        ] {
            if !self.ties[at as usize].contains(&tie) {
                self.ties[at as usize].push(tie);
            }
        }
    }
}

impl super::Index {
    /// How the tables can be joined: for each after the first, the way to the one of those before that it is
    /// nearest to. A table that nothing ties is left out.
    pub fn paths(&self, tables: &[TableRef]) -> Vec<Step> {
        let place = |table: &TableRef| {
            self.tables.iter().position(|entry| entry.reference == *table).map(|at| at as u32)
        };
        let places: Vec<u32> = tables.iter().filter_map(place).collect();
        let mut steps: Vec<Step> = Vec::new();
        for (at, &to) in places.iter().enumerate().skip(1) {
            let ways = places[..at].iter().filter_map(|from| self.content.joins.path(*from, to));
            let cost = |way: &Vec<(u32, &Tie)>| -> u32 {
                way.iter().map(|(_, tie)| if tie.is_declared { DECLARED } else { GUESSED }).sum()
            };
            for (from, tie) in ways.min_by_key(cost).into_iter().flatten() {
                let step = Step {
                    from: self.tables[from as usize].reference.clone(),
                    to: self.tables[tie.to as usize].reference.clone(),
                    columns: tie.columns.clone(),
                    is_declared: tie.is_declared,
                };
                if !steps.contains(&step) {
                    steps.push(step);
                }
            }
        }
        steps
    }
}

/// The columns of these names, where all of them may be seen.
fn seen(table: &VisibleTable, names: &[String]) -> Option<Vec<usize>> {
    let columns = &table.entry.description.columns;
    let of = |name: &String| {
        let is_it = |at: &&usize| columns.get(**at).is_some_and(|column| column.name == *name);
        table.columns.iter().find(is_it).copied()
    };
    names.iter().map(of).collect()
}

fn class(visible: &[VisibleTable], table: u32, column: usize) -> Option<OperandClass> {
    visible[table as usize].entry.description.columns.get(column).map(|column| column.class)
}

/// What other tables call a key: a bare `id` or `code` is that of its table.
fn key_name(table: &str, key: &str) -> String {
    const BARE: [&str; 6] = ["id", "key", "code", "no", "number", "uuid"];
    let name = folded(key);
    if BARE.contains(&name.as_str()) { folded(&format!("{table}_{key}")) } else { name }
}
