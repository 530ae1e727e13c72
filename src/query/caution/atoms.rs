//! The columns of a statement: each column of each table it reads, and each value it computes for a row or
//! a group, once.

use super::shown;
use crate::model::{Mask, TableRef};
use crate::query::leaf::GovernedTable;
use crate::query::lineage::origin;
use arrow_schema::DataType;
use celosia_connector_api::TextHabit;
use datafusion::catalog::TableProvider;
use std::collections::BTreeSet;

/// A set of atoms, by their numbers.
pub(super) type Set = BTreeSet<usize>;

/// One column and what is known of its values.
#[derive(Debug, Clone, Default)]
pub(super) struct Atom {
    /// The full names of the stored columns whose values these are.
    pub(super) names: BTreeSet<String>,
    /// The masks they are shown by; a pseudonym is none here, since equal values have equal ones.
    pub(super) masks: BTreeSet<&'static str>,
    /// How their sources read them as text.
    pub(super) habits: BTreeSet<Reading>,
    /// Some of them come from a source that keeps empty texts.
    pub(super) keeps_empty: bool,
    /// Some of them come from a source where an empty text is NULL.
    pub(super) loses_empty: bool,
    /// And may be NULL there.
    pub(super) may_have_lost: bool,
}

/// What a source's comparison of a text does not look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reading {
    pub(super) case: bool,
    pub(super) accents: bool,
    pub(super) padding: bool,
}

impl Atom {
    /// A column of a governed table.
    pub(super) fn stored(table: &GovernedTable, index: usize) -> Self {
        let granted = &table.grant().columns()[index];
        // It enters plans for the policy's sake and has no name.
        if granted.is_counted() {
            return Self::default();
        }
        let mut atom = Self {
            names: BTreeSet::from([shown(&origin(table, index).column)]),
            ..Self::default()
        };
        match granted.declared_mask() {
            None | Some(Mask::Pseudonym { .. }) => atom.read(table, index),
            Some(mask) => {
                atom.masks.insert(mask.name());
            }
        }
        atom
    }

    fn read(&mut self, table: &GovernedTable, index: usize) {
        if *table.schema().field(index).data_type() != DataType::Utf8 {
            return;
        }
        let column = &table.entry().description.columns[table.grant().columns()[index].column()];
        let TextHabit { ignores_case, ignores_accents, pads, empty_is_null } =
            table.connector().dialect().text_habit(column);
        self.habits.insert(Reading { case: ignores_case, accents: ignores_accents, padding: pads });
        self.keeps_empty = !empty_is_null;
        self.loses_empty = empty_is_null;
        self.may_have_lost = empty_is_null && column.nullable;
    }

    /// A column whose rows come from this one and from others.
    pub(super) fn mix(&mut self, other: &Self) {
        self.names.extend(other.names.iter().cloned());
        self.masks.extend(&other.masks);
        self.habits.extend(&other.habits);
        self.keeps_empty |= other.keeps_empty;
        self.loses_empty |= other.loses_empty;
        self.may_have_lost |= other.may_have_lost;
    }
}

/// The keys of a table that its caller may see, as places in the grant: the primary key and what a foreign key
/// of a table of the same statement refers to.
pub(super) fn visible_keys(
    table: &GovernedTable,
    others: &[GovernedTable],
) -> Vec<BTreeSet<usize>> {
    let description = &table.entry().description;
    let named = std::iter::once(&description.primary_key).chain(&description.unique_keys);
    let mut keys: Vec<_> = named.filter_map(|names| places(table, names)).collect();
    for other in others {
        for key in &other.entry().description.foreign_keys {
            let reference = &table.entry().reference;
            if places(other, &key.columns).is_some() && refers(other, key, reference) {
                keys.extend(places(table, &key.referenced_columns));
            }
        }
    }
    keys
}

/// The columns of a table that refer to a table of the same statement: many rows refer to one.
pub(super) fn references(table: &GovernedTable, others: &[GovernedTable]) -> Vec<BTreeSet<usize>> {
    let keys = table.entry().description.foreign_keys.iter();
    let known = keys.filter(|key| {
        others.iter().any(|other| {
            refers(table, key, &other.entry().reference)
                && places(other, &key.referenced_columns).is_some()
        })
    });
    known.filter_map(|key| places(table, &key.columns)).collect()
}

fn refers(from: &GovernedTable, key: &crate::model::ForeignKey, to: &TableRef) -> bool {
    let source = &from.entry().reference.source;
    to.source == *source
        && *to.schema == *key.referenced_schema
        && *to.table == *key.referenced_table
}

/// Where the columns of a key are in the grant. `None` where one of them is hidden, or where its mask may give
/// several values one look.
fn places(table: &GovernedTable, names: &[String]) -> Option<BTreeSet<usize>> {
    let columns = &table.entry().description.columns;
    let place = |name: &String| {
        table.grant().columns().iter().position(|granted| {
            let tells_apart =
                matches!(granted.declared_mask(), None | Some(Mask::Pseudonym { .. }));
            tells_apart && !granted.is_counted() && columns[granted.column()].name == *name
        })
    };
    let places: Option<BTreeSet<usize>> = names.iter().map(place).collect();
    places.filter(|places| !places.is_empty())
}
