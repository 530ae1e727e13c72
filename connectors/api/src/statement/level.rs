//! A SELECT that others read from: as a derived table, or by a name after WITH where it is read twice.

use super::Renderer;
use super::block::{Block, Cell, is_numbered};
use crate::RemoteQuery;

/// A whole SELECT and the names of its columns.
#[derive(Debug, Clone)]
pub(super) struct Level {
    pub(super) sql: String,
    /// Quoted.
    names: Vec<String>,
    /// Its columns, as one reads them from above.
    cells: Vec<Cell>,
    mixed: bool,
}

impl Level {
    /// The level as what follows FROM.
    pub(super) fn named(self, from: String, alias: &str) -> Block {
        let cells = self.cells.into_iter().zip(self.names).map(|(cell, name)| {
            let name = format!("{alias}.{name}");
            Cell { operand: name.clone(), value: name, ..cell }
        });
        let (cells, mixed) = (cells.collect(), self.mixed);
        Block { from, single: true, cells, mixed, ..Block::default() }
    }
}

/// A grouping that stands at several places of a tree.
pub(super) struct Repeated<'a> {
    query: &'a RemoteQuery,
    /// Its name after WITH and its text, once it has been made.
    made: Option<(String, Level)>,
}

/// The groupings that stand at several places.
pub(super) fn repeated(query: &RemoteQuery) -> Vec<Repeated<'_>> {
    let mut groupings = Vec::new();
    collect(query, &mut groupings);
    let mut several: Vec<Repeated<'_>> = Vec::new();
    for (index, query) in groupings.iter().enumerate() {
        if groupings[..index].contains(query) && !several.iter().any(|r| r.query == *query) {
            several.push(Repeated { query, made: None });
        }
    }
    several
}

fn collect<'a>(query: &'a RemoteQuery, groupings: &mut Vec<&'a RemoteQuery>) {
    if let RemoteQuery::Aggregate { .. } = query {
        groupings.push(query);
    }
    query.inputs().into_iter().for_each(|input| collect(input, groupings));
}

impl<'a> Renderer<'a> {
    /// Makes a grouping, or names it where it has been made.
    pub(super) fn once(
        &mut self,
        query: &RemoteQuery,
        make: impl FnOnce(&mut Self) -> Option<Block>,
    ) -> Option<Block> {
        let Some(index) = self.repeated.iter().position(|known| known.query == query) else {
            return make(self);
        };
        if self.repeated[index].made.is_none() {
            let block = make(self)?;
            let level = self.level(block)?;
            let name = format!("s{}", self.with.len() + 1);
            self.with.push(format!("{name} AS ({})", level.sql));
            self.repeated[index].made = Some((name, level));
        }
        let alias = self.alias();
        let (name, level) = self.repeated[index].made.clone()?;
        Some(level.named(self.dialect.named_table(&name, &alias), &alias))
    }

    /// The block as a whole SELECT.
    pub(super) fn level(&mut self, mut block: Block) -> Option<Level> {
        if block.is_paged() {
            block.settle_order(self.dialect)?;
        } else {
            block.order.clear();
        }
        let mixed = block.mixed || block.groups.is_some();
        let made = block.groups.is_some() || block.is_paged() || block.windowed;
        let mut names: Vec<String> = Vec::with_capacity(block.cells.len());
        for (index, cell) in block.cells.iter().enumerate() {
            let stored = cell.shape.stored.as_ref().filter(|_| cell.plain);
            let name = stored
                .map(|(table, column)| self.dialect.derived_name(&table.columns[*column].name));
            let name = name.filter(|name| !names.iter().any(|n| n.eq_ignore_ascii_case(name)));
            let name = name.filter(|name| !is_numbered(name, index));
            names.push(name.unwrap_or_else(|| format!("c{}", index + 1)));
        }
        for cell in &mut block.cells {
            cell.value = self.value_of(cell)?;
            cell.condition = None;
        }
        let names: Vec<String> = names.iter().map(|name| self.dialect.quote(name)).collect();
        let selected: Vec<_> = names.iter().cloned().map(Some).collect();
        let sql = block.select(self.dialect, &selected);
        let cells = block.cells.into_iter().map(|cell| Cell {
            keyed: made || (cell.keyed && cell.plain),
            plain: true,
            ..cell
        });
        Some(Level { sql, names, cells: cells.collect(), mixed })
    }
}
