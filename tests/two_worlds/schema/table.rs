//! Generated tables: columns of the types of a store, keys, references.

use super::kinds::{Asked, Declared, KEYS, types};
use super::names::Names;
use crate::support::load::Store;
use crate::support::rng::Rng;

/// A generated table.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its source: `shop`, which is at the store of the schema, or `desk`, a SQLite file.
    pub source: &'static str,
    /// Where it is.
    pub store: Store,
    /// Its columns; the key, if there is one, and a reference come first.
    pub columns: Vec<Column>,
    /// A column that has an index; only SQLite's tables are read in one order with and without.
    pub indexed: Option<usize>,
}

/// A generated column.
#[derive(Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub declared: &'static Declared,
    /// It may be NULL.
    pub nullable: bool,
    /// What it is to the table.
    pub part: Part,
}

/// What a column is to its table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Part {
    /// The primary key.
    Key,
    /// The key of another table of the schema.
    Reference(usize),
    /// Another key.
    Unique,
    /// Nothing special.
    Plain,
}

impl Table {
    /// Whether it has a primary key.
    pub fn is_keyed(&self) -> bool {
        self.columns[0].part == Part::Key
    }
}

/// The tables of a schema at a store; the last may be in the other source.
pub fn tables(store: Store, rng: &mut Rng) -> Vec<Table> {
    let count = rng.below(3) + 2;
    let mut names = Names::default();
    let mut tables: Vec<Table> = Vec::new();
    for at in 0..count {
        let elsewhere = at > 0 && at + 1 == count && rng.chance(40);
        let (source, store) = if elsewhere { ("desk", Store::Sqlite) } else { ("shop", store) };
        let name = names.table(store, rng);
        let columns = columns(store, source, &tables, rng);
        let indexed = Some(rng.below(columns.len())).filter(|at| {
            let ordered = columns[*at].declared.asked == Asked::Order;
            store == Store::Sqlite && *at > 0 && ordered && rng.chance(60)
        });
        tables.push(Table { name, source, store, columns, indexed });
    }
    tables
}

fn columns(store: Store, source: &str, before: &[Table], rng: &mut Rng) -> Vec<Column> {
    let types = types(store);
    let mut names = Names::default();
    let mut columns = Vec::new();
    let mut add = |rng: &mut Rng, declared: &'static Declared, part: Part| {
        let nullable = match part {
            Part::Key | Part::Unique => false,
            Part::Reference(_) => true,
            Part::Plain => rng.chance(75),
        };
        columns.push(Column { name: names.column(store, rng), declared, nullable, part });
    };
    if rng.chance(80) {
        let declared = &types[rng.below(KEYS)];
        add(rng, declared, Part::Key);
    }
    let parents: Vec<usize> = (0..before.len())
        .filter(|at| before[*at].source == source && before[*at].is_keyed())
        .collect();
    if !parents.is_empty() && rng.chance(70) {
        let parent = parents[rng.below(parents.len())];
        add(rng, before[parent].columns[0].declared, Part::Reference(parent));
    }
    if rng.chance(15) {
        let declared = &types[rng.below(KEYS - 1)];
        add(rng, declared, Part::Unique);
    }
    for _ in 0..rng.below(6) + 3 {
        // Whole numbers and texts are what tables are joined by.
        let at = if rng.chance(25) { rng.below(KEYS) } else { rng.below(types.len()) };
        add(rng, &types[at], Part::Plain);
    }
    columns
}
