//! How tables are joined, in the caller's names: keys, joins that are written down, and ways between tables.

use super::describe::Describer;
use super::scan_plan::virtual_name;
use super::session::View;
use crate::catalog::Step;
use crate::model::{ForeignKey, TableEntry, TableRef};
use crate::policy::Grant;
use crate::semantics::{Cardinality, Semantics};
use std::sync::Arc;

/// A table and what the caller may see of it.
type Side = (Arc<TableEntry>, Arc<Grant>);

/// The table's joins in both directions, between columns that are open on both sides.
pub(super) fn of_table(d: &Describer<'_>, entry: &Arc<TableEntry>) -> Vec<String> {
    let view = &*d.view;
    let Some(here) = view.grant(entry).map(|known| (entry.clone(), known)) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (to, columns, cardinality) in leaving(d.semantics, entry) {
        found.extend(side(view, &to).and_then(|to| line(&here, &to, &columns, cardinality)));
    }
    for other in view.snapshot().referencing(&entry.reference) {
        let Some(there) = side(view, &other.reference) else { continue };
        for (to, columns, cardinality) in keys(&other) {
            if to == entry.reference {
                found.extend(line(&there, &here, &columns, cardinality));
            }
        }
    }
    for (from, meaning) in d.semantics.tables() {
        for join in meaning.joins.iter().filter(|join| join.to == entry.reference) {
            let from = side(view, from);
            found.extend(from.and_then(|from| line(&from, &here, &join.on, join.cardinality)));
        }
    }
    found.sort();
    found.dedup();
    found
}

/// One step of a way between tables; what only names and types suggest says so.
pub(super) fn step(d: &Describer<'_>, step: &Step) -> Option<String> {
    let (from, to) = (side(&d.view, &step.from)?, side(&d.view, &step.to)?);
    let name = |side: &Side, at: usize| side.0.description.columns[at].name.clone();
    let columns = step.columns.iter();
    let columns: Vec<(String, String)> =
        columns.map(|(here, there)| (name(&from, *here), name(&to, *there))).collect();
    let cardinality = cardinality(d.semantics, &from.0, &to.0, &columns).or_else(|| {
        cardinality(d.semantics, &to.0, &from.0, &turned(&columns)).map(Cardinality::turned)
    });
    let line = line(&from, &to, &columns, cardinality)?;
    Some(if step.is_declared { line } else { format!("{line} (by name, not declared)") })
}

fn turned(columns: &[(String, String)]) -> Vec<(String, String)> {
    columns.iter().map(|(here, there)| (there.clone(), here.clone())).collect()
}

type Tie = (TableRef, Vec<(String, String)>, Option<Cardinality>);

/// Every join that a table's own keys or words name.
fn leaving(semantics: &Semantics, entry: &TableEntry) -> Vec<Tie> {
    let mut ties = keys(entry);
    let meaning = semantics.table(&entry.reference);
    let joins = meaning.into_iter().flat_map(|meaning| &meaning.joins);
    ties.extend(joins.map(|join| (join.to.clone(), join.on.clone(), join.cardinality)));
    ties
}

fn keys(entry: &TableEntry) -> Vec<Tie> {
    let key = |key: &ForeignKey| {
        let source = &entry.reference.source;
        let to = TableRef::new(source, &key.referenced_schema, &key.referenced_table);
        let columns = key.columns.iter().cloned().zip(key.referenced_columns.iter().cloned());
        let primary = &entry.description.primary_key;
        let is_whole = !primary.is_empty()
            && primary.len() == key.columns.len()
            && primary.iter().all(|column| key.columns.contains(column));
        let cardinality = if is_whole { Cardinality::OneToOne } else { Cardinality::ManyToOne };
        (to, columns.collect(), Some(cardinality))
    };
    entry.description.foreign_keys.iter().map(key).collect()
}

fn cardinality(
    semantics: &Semantics,
    from: &TableEntry,
    to: &TableEntry,
    columns: &[(String, String)],
) -> Option<Cardinality> {
    let mut ties = leaving(semantics, from).into_iter();
    ties.find_map(|(table, on, cardinality)| {
        cardinality.filter(|_| table == to.reference && on == columns)
    })
}

fn side(view: &View, table: &TableRef) -> Option<Side> {
    let entry = view.snapshot().get(table)?.clone();
    let grant = view.grant(&entry)?;
    Some((entry, grant))
}

fn line(
    from: &Side,
    to: &Side,
    columns: &[(String, String)],
    cardinality: Option<Cardinality>,
) -> Option<String> {
    let name = |(entry, grant): &Side, column: &String| {
        let open = |c: &&crate::policy::ColumnGrant| {
            !c.is_counted() && entry.description.columns[c.column()].name == *column
        };
        let open = grant.columns().iter().find(open)?;
        Some(format!("{}.{}", entry.reference.table, virtual_name(grant, entry, open.column())))
    };
    let conditions = columns.iter();
    let conditions: Option<Vec<String>> = conditions
        .map(|(here, there)| Some(format!("{} = {}", name(from, here)?, name(to, there)?)))
        .collect();
    let how = cardinality.map(|how| format!(" ({})", how.as_str())).unwrap_or_default();
    let (from, to) = (&from.0.reference, &to.0.reference);
    conditions.map(|conditions| format!("{from} to {to} ON {}{how}", conditions.join(" AND ")))
}
