//! The decision: rules, a caller and a table give a grant or nothing. Pure, and closed in doubt.

use super::bind::{Attributes, bind};
use super::error::Place;
use super::filter::Filter;
use super::grant::{AggregateOnly, ColumnGrant, Grant, Reading};
use super::mask::fitted;
use super::pattern::{Glob, Names};
use super::rules::{Opening, Restriction, Rules};
use crate::model::{ColumnDescription, Mask, Predicate, Principal, TableDescription, TableEntry};
use arrow_schema::DataType;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What of `table` is open to `principal`; `None` where the table is hidden.
pub fn decide(rules: &Rules, principal: &Principal, table: &TableEntry) -> Option<Grant> {
    let names = Names::of(table);
    let openings = openings(rules, principal, table, &names);
    let opened = any(openings.iter().map(|opening| &opening.rows));
    let mut columns = Vec::new();
    for (index, description) in table.description.columns.iter().enumerate() {
        let opening: Vec<&Bound<'_>> =
            openings.iter().filter(|opening| opening.opens(&names.columns[index])).collect();
        if opening.is_empty() {
            continue;
        }
        let visible = any(opening.iter().map(|opening| &opening.rows));
        let everywhere = visible == Predicate::Constant(true) || visible == opened;
        let (mask, aggregate) =
            resolve_entity(strongest_mask(rules, principal, &names, index, description), table);
        columns.push(ColumnGrant {
            column: index,
            mask,
            visible: (!everywhere).then_some(visible),
            aggregate,
            reading: Reading::Shown,
        });
    }
    if columns.is_empty() {
        return None;
    }
    let mut filters = role_filters(&openings, &opened, &columns, &names);
    let mut parts = vec![opened];
    for (name, rows) in restrictions(rules, principal, table, &names) {
        if rows != Predicate::Constant(true) {
            filters.push(name.to_string());
            parts.push(rows);
        }
    }
    let row_filter = simplify(Predicate::And(parts));
    let roles: BTreeSet<&str> = openings.iter().map(|opening| opening.role).collect();
    Some(Grant {
        table: table.reference.clone(),
        roles: roles.into_iter().map(String::from).collect(),
        row_filter: (row_filter != Predicate::Constant(true)).then_some(row_filter),
        columns,
        filters,
    })
}

/// Why rules that are meant for the caller and the table do not open it, for an administrator: these
/// texts name columns that the caller may not see.
pub fn explain_closed(rules: &Rules, principal: &Principal, table: &TableEntry) -> Vec<String> {
    let names = Names::of(table);
    let attributes = Attributes::Of(principal.attributes());
    let mut reasons = Vec::new();
    let mut note = |place: &Place, filter: &Filter, consequence: &str| {
        if let Err(reason) = bind(filter, &table.description, attributes) {
            reasons.push(format!("{place}: {consequence}: {}", reason.0));
        }
    };
    for role in principal.roles().iter().filter_map(|role| rules.roles.get(role)) {
        for opening in role.openings.iter().filter(|opening| opening.is_meant(&names)) {
            if let Some(filter) = &opening.rows {
                note(&opening.rows_place, filter, "opens nothing");
            }
        }
    }
    for rule in applying(rules, principal, &names) {
        note(&rule.rows_place, &rule.rows, "closes every row");
    }
    reasons
}

/// A mask and the name of its rule.
type NamedMask = (Mask, Arc<str>);

/// An opening of the caller that applies to the table.
struct Bound<'a> {
    role: &'a str,
    columns: Option<&'a [(Glob, String)]>,
    rows: Predicate,
}

impl Bound<'_> {
    fn opens(&self, column: &str) -> bool {
        self.columns.is_none_or(|globs| globs.iter().any(|(glob, _)| glob.matches(column)))
    }
}

/// The caller's openings of the table. One whose filter does not bind opens nothing, and one that
/// opens no column opens no row either.
fn openings<'a>(
    rules: &'a Rules,
    principal: &Principal,
    table: &TableEntry,
    names: &Names,
) -> Vec<Bound<'a>> {
    let mut found = Vec::new();
    for role in principal.roles().iter().filter_map(|role| rules.roles.get(role)) {
        for opening in role.openings.iter().filter(|opening| opening.is_meant(names)) {
            let Some(rows) = opening_rows(opening, principal, table) else { continue };
            let bound = Bound { role: &role.name, columns: opening.columns.as_deref(), rows };
            if names.columns.iter().any(|column| bound.opens(column)) {
                found.push(bound);
            }
        }
    }
    found
}

fn opening_rows(opening: &Opening, principal: &Principal, table: &TableEntry) -> Option<Predicate> {
    let Some(filter) = &opening.rows else { return Some(Predicate::Constant(true)) };
    let attributes = Attributes::Of(principal.attributes());
    bind(filter, &table.description, attributes).ok().map(simplify)
}

/// The restrictions on the table that the caller is not excepted from, by name. One that does not
/// bind closes every row.
fn restrictions<'a>(
    rules: &'a Rules,
    principal: &'a Principal,
    table: &TableEntry,
    names: &'a Names,
) -> Vec<(&'a str, Predicate)> {
    applying(rules, principal, names)
        .map(|rule| {
            let attributes = Attributes::Of(principal.attributes());
            let rows = bind(&rule.rows, &table.description, attributes).map(simplify);
            (rule.name.as_str(), rows.unwrap_or(Predicate::Constant(false)))
        })
        .collect()
}

fn applying<'a>(
    rules: &'a Rules,
    principal: &'a Principal,
    names: &'a Names,
) -> impl Iterator<Item = &'a Restriction> {
    rules.restrictions.iter().filter(|rule| {
        !is_excepted(principal, &rule.except)
            && rule.tables.iter().any(|pattern| pattern.matches(names))
    })
}

/// The strongest mask on the column that the caller is not excepted from; of equals the first. A
/// mask that does not fit the column makes it NULL.
fn strongest_mask(
    rules: &Rules,
    principal: &Principal,
    names: &Names,
    index: usize,
    column: &ColumnDescription,
) -> Option<NamedMask> {
    let mut strongest: Option<NamedMask> = None;
    for rule in &rules.masks {
        let matches = rule.columns.iter().any(|(p, _)| rules.matches(p, names, index));
        if !matches || is_excepted(principal, &rule.except) {
            continue;
        }
        let mask = fitted(&rule.mask, column).unwrap_or(Mask::Null);
        if strongest.as_ref().is_none_or(|(other, _)| mask.strength() > other.strength()) {
            strongest = Some((mask, rule.name.clone()));
        }
    }
    strongest
}

/// The mask, with the column that tells its entities apart. One whose entity cannot be had closes.
fn resolve_entity(
    mask: Option<NamedMask>,
    table: &TableEntry,
) -> (Option<NamedMask>, Option<AggregateOnly>) {
    let Some((Mask::AggregateOnly { min_group, entity }, rule)) = &mask else {
        return (mask, None);
    };
    let min_group = *min_group;
    let found = match entity {
        None => Some(None),
        Some(name) => entity_column(name, &table.description).map(Some),
    };
    match found {
        Some(entity) => (mask, Some(AggregateOnly { min_group, entity })),
        None => (Some((Mask::Null, rule.clone())), None),
    }
}

/// The column that `name` means as an entity: one whose values can be told apart exactly.
pub(super) fn entity_column(name: &str, table: &TableDescription) -> Option<usize> {
    let exact = table.columns.iter().position(|column| column.name == name);
    let mut alike = (0..table.columns.len())
        .filter(|index| table.columns[*index].name.eq_ignore_ascii_case(name));
    let found = exact.or_else(|| alike.next().filter(|_| alike.next().is_none()))?;
    let countable = matches!(
        table.columns[found].data_type,
        DataType::Int16 | DataType::Int32 | DataType::Int64 | DataType::Utf8 | DataType::Date32
    );
    countable.then_some(found)
}

fn is_excepted(principal: &Principal, except: &BTreeSet<String>) -> bool {
    except.iter().any(|role| principal.has_role(role))
}

/// The roles whose filters shape the rows, or the cells of a column that is open on some rows only.
fn role_filters(
    openings: &[Bound<'_>],
    opened: &Predicate,
    columns: &[ColumnGrant],
    names: &Names,
) -> Vec<String> {
    let partial = |opening: &Bound<'_>| {
        columns.iter().any(|c| c.visible.is_some() && opening.opens(&names.columns[c.column]))
    };
    let filters = openings
        .iter()
        .filter(|opening| opening.rows != Predicate::Constant(true))
        .filter(|opening| *opened != Predicate::Constant(true) || partial(opening));
    let roles: BTreeSet<&str> = filters.map(|opening| opening.role).collect();
    roles.into_iter().map(|role| format!("role {role}")).collect()
}

/// Some part holds, simplified.
fn any<'a>(parts: impl Iterator<Item = &'a Predicate>) -> Predicate {
    simplify(Predicate::Or(parts.cloned().collect()))
}

/// The same predicate, also where it is NULL, without constants, nesting and repeated parts.
pub(super) fn simplify(predicate: Predicate) -> Predicate {
    match predicate {
        Predicate::And(parts) => connect(parts, true),
        Predicate::Or(parts) => connect(parts, false),
        Predicate::Not(part) => match simplify(*part) {
            Predicate::Constant(value) => Predicate::Constant(!value),
            part => Predicate::Not(Box::new(part)),
        },
        other => other,
    }
}

/// AND, whose neutral element is TRUE, or OR, whose neutral element is FALSE.
fn connect(parts: Vec<Predicate>, neutral: bool) -> Predicate {
    let mut kept: Vec<Predicate> = Vec::new();
    for part in parts {
        let flat = match simplify(part) {
            Predicate::And(parts) if neutral => parts,
            Predicate::Or(parts) if !neutral => parts,
            Predicate::Constant(value) if value == neutral => continue,
            Predicate::Constant(value) => return Predicate::Constant(value),
            other => vec![other],
        };
        for part in flat {
            if !kept.contains(&part) {
                kept.push(part);
            }
        }
    }
    match (kept.len(), neutral) {
        (0, _) => Predicate::Constant(neutral),
        (1, _) => kept.remove(0),
        (_, true) => Predicate::And(kept),
        (_, false) => Predicate::Or(kept),
    }
}

#[cfg(test)]
mod tests;
