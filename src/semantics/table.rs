//! What tables and columns mean, and whether they are there.

use super::Cardinality;
use super::file::{self, Table};
use super::meaning::reference;
use super::place::{Place, SemanticsError};
use crate::model::{TableEntry, TableRef};
use std::collections::{BTreeMap, HashMap};

/// What a table means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableMeaning {
    /// One or two sentences.
    pub description: Option<String>,
    /// Other names that people use.
    pub synonyms: Vec<String>,
    /// The column that says when, where a question names none.
    pub time: Option<String>,
    /// How new its rows are.
    pub freshness: Option<String>,
    /// Columns by their names as the source stores them.
    pub columns: HashMap<String, ColumnMeaning>,
    /// How it is joined to others, beside its foreign keys.
    pub joins: Vec<DeclaredJoin>,
    pub(super) place: Place,
}

/// What a column means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMeaning {
    /// One sentence.
    pub description: Option<String>,
    /// The unit of its values.
    pub unit: Option<String>,
    /// Other names that people use.
    pub synonyms: Vec<String>,
    /// Every value it may have, with what it means where that is not plain.
    pub values: BTreeMap<String, Option<String>>,
    place: Place,
}

/// A way to another table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredJoin {
    /// The other table.
    pub to: TableRef,
    /// Columns here with those there.
    pub on: Vec<(String, String)>,
    /// How many rows here meet how many there.
    pub cardinality: Option<Cardinality>,
    place: Place,
}

/// The tables there are, and the sources whose tables are not known.
pub(super) struct Known<'a> {
    pub(super) tables: HashMap<&'a TableRef, &'a TableEntry>,
    pub(super) absent: &'a [std::sync::Arc<str>],
}

impl Known<'_> {
    /// The first of `columns` that a table lacks, or the table itself, in words. A table of an absent source may have
    /// anything.
    pub(super) fn lacks<'c>(
        &self,
        table: &TableRef,
        columns: impl IntoIterator<Item = &'c String>,
    ) -> Option<String> {
        let Some(entry) = self.tables.get(table) else {
            let absent = self.absent.contains(&table.source);
            return (!absent).then(|| format!("there is no table {table}"));
        };
        let known = &entry.description.columns;
        let missing =
            columns.into_iter().find(|name| !known.iter().any(|column| column.name == **name));
        missing.map(|name| format!("{table} has no column {name}"))
    }
}

impl TableMeaning {
    pub(super) fn of(table: Table, place: Place) -> Result<Self, SemanticsError> {
        let mut columns = HashMap::new();
        for entry in table.columns.0 {
            let place = place.line(entry.line);
            let file::Column { description, unit, synonyms, values } = entry.value;
            let meaning =
                ColumnMeaning { description, unit, synonyms, values, place: place.clone() };
            if columns.insert(entry.name.clone(), meaning).is_some() {
                return Err(place.error(format!("column {} is described twice", entry.name)));
            }
        }
        let mut joins = Vec::new();
        for join in table.joins {
            let place = place.line(join.referenced.line());
            let file::Join { to, on, cardinality } = join.value;
            let Some(to) = reference(&to) else {
                return Err(place.error(format!("joins: \"{to}\" is not source.schema.table")));
            };
            if on.is_empty() {
                return Err(place.error("joins: on: name the columns that are equal"));
            }
            joins.push(DeclaredJoin { to, on: on.into_iter().collect(), cardinality, place });
        }
        Ok(Self {
            description: table.description,
            synonyms: table.synonyms,
            time: table.time,
            freshness: table.freshness,
            columns,
            joins,
            place,
        })
    }

    pub(super) fn check(
        &self,
        table: &TableRef,
        known: &Known<'_>,
        errors: &mut Vec<SemanticsError>,
    ) {
        if let Some(lacking) = known.lacks(table, &self.time) {
            errors.push(self.place.error(lacking));
            if !known.tables.contains_key(table) {
                return;
            }
        }
        for (name, column) in &self.columns {
            errors.extend(known.lacks(table, [name]).map(|lacking| column.place.error(lacking)));
        }
        for join in &self.joins {
            let here = join.on.iter().map(|(here, _)| here);
            let there = join.on.iter().map(|(_, there)| there);
            let lacking = known.lacks(table, here).or_else(|| known.lacks(&join.to, there));
            errors.extend(lacking.map(|lacking| join.place.error(format!("joins: {lacking}"))));
        }
    }
}

impl Cardinality {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Cardinality::OneToOne => "one to one",
            Cardinality::OneToMany => "one to many",
            Cardinality::ManyToOne => "many to one",
            Cardinality::ManyToMany => "many to many",
        }
    }

    /// The same join, seen from the other table.
    #[must_use]
    pub fn turned(self) -> Self {
        match self {
            Cardinality::OneToMany => Cardinality::ManyToOne,
            Cardinality::ManyToOne => Cardinality::OneToMany,
            same => same,
        }
    }
}
