//! What a caller may know about tables before asking: compact cards.
//!
//! Row counts are shown only for tables whose every row is open, and rounded: an estimate over hidden
//! rows would be a count of them.

use super::request::{Reply, VisibleName};
use super::scan_plan::{governed_schema, virtual_name};
use super::session::View;
use crate::catalog::SourceState;
use crate::error::{Code, Error, Result};
use crate::model::{ForeignKey, TableEntry, TableKind, TableRef, sql_type_name};
use crate::policy::Grant;
use crate::results::{Redactor, legible, name as shown};
use crate::semantics::Semantics;
use serde_json::{Value as Json, json};
use std::fmt::Write;
use std::sync::Arc;

/// Tables of a source that are listed with their columns; beyond, names only.
const MAX_WHOLE: usize = 40;

/// Who asks, and what is known of the tables.
pub(super) struct Describer<'a> {
    pub(super) view: Arc<View>,
    pub(super) semantics: &'a Semantics,
    /// Where secrets are taken out of comments, too.
    pub(super) redactor: Option<&'a Redactor>,
}

impl Describer<'_> {
    pub(super) fn clean(&self, text: String) -> String {
        match self.redactor {
            Some(redactor) => redactor.text(&text).into_owned(),
            None => text,
        }
    }
}

/// One table, or all of a source.
pub(super) fn describe(d: &Describer<'_>, name: &str) -> Result<Reply> {
    let view = &*d.view;
    let sources = source_names(view);
    if let Some(source) = sources.iter().find(|source| source.eq_ignore_ascii_case(name.trim())) {
        return Ok(describe_source(d, source));
    }
    if let Some(error) = view.absent(name.trim()) {
        return Err(error);
    }
    let parts = name_parts(name);
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    if parts.is_empty() || parts.len() > 3 || parts.iter().any(|part| part.is_empty()) {
        return Err(Error::new(Code::InvalidArgument, "this is not the name of a table or source")
            .with_hint(format!(
                "write source.schema.table, or one of the sources: {}",
                sources.join(", ")
            )));
    }
    let (entry, grant) = view.resolve(&parts)?;
    Ok(describe_table(d, &entry, &grant))
}

/// The parts of a dotted name; a part in double quotes may hold dots, and quotes written twice.
fn name_parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut letters = name.trim().chars().peekable();
    while let Some(letter) = letters.next() {
        let part = parts.len() - 1;
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                parts[part].push('"');
            }
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            _ => parts[part].push(letter),
        }
    }
    parts
}

/// The tables the caller may see.
pub(super) fn names(d: &Describer<'_>) -> Vec<VisibleName> {
    d.view
        .tables()
        .iter()
        .map(|(entry, _)| VisibleName {
            source: entry.reference.source.to_string(),
            schema: entry.reference.schema.to_string(),
            table: entry.reference.table.to_string(),
            description: description(d, entry),
        })
        .collect()
}

fn describe_table(d: &Describer<'_>, entry: &Arc<TableEntry>, grant: &Grant) -> Reply {
    let view = &*d.view;
    let mut text = headline(d, entry, grant);
    let mut columns = Vec::new();
    let schema = governed_schema(grant, entry);
    let joins = joins(view, entry, grant);
    for (granted, field) in grant.columns().iter().zip(schema.fields()) {
        let column = &entry.description.columns[granted.column()];
        let meaning = d.semantics.table(&entry.reference).and_then(|t| t.columns.get(&column.name));
        let described =
            meaning.and_then(|m| m.description.clone()).or_else(|| column.comment.clone());
        let described = described.map(|text| d.clean(text));
        let type_name = sql_type_name(field.data_type());
        let key = entry.description.primary_key.contains(&column.name);
        let _ = write!(text, "\n  {} {type_name}", shown(field.name()));
        if key {
            text.push_str(" key");
        }
        if let Some(aggregate) = granted.aggregate_only() {
            let _ = write!(
                text,
                " [aggregate_only: count, sum or avg over at least {}]",
                aggregate.min_group
            );
        } else if let Some(mask) = granted.mask() {
            let _ = write!(text, " [masked: {}]", mask.name());
        }
        if granted.visible().is_some() {
            text.push_str(" [NULL on some rows]");
        }
        if let Some(described) = &described {
            let _ = write!(text, " - {}", one_line(described));
        }
        columns.push(json!({
            "name": field.name(),
            "type": type_name,
            "key": key,
            "masked": granted.declared_mask().map(|mask| mask.name()),
            "description": described,
        }));
    }
    for join in &joins {
        let _ = write!(text, "\njoin {}", legible(join));
    }
    for filter in grant.filters() {
        let _ = write!(text, "\nrows limited by: {filter}");
    }
    if let Some(SourceState::Down { .. }) = source_state(view, &entry.reference) {
        text.push_str("\nnote: the source is not reachable right now; queries on this table fail until it is back");
    }
    let structured = json!({
        "table": entry.reference.to_string(),
        "kind": kind(entry),
        "description": description(d, entry),
        "columns": columns,
        "joins": joins,
        "row_filters": grant.filters(),
        "rows": row_estimate(entry, grant),
    });
    Reply { text, structured }
}

fn describe_source(d: &Describer<'_>, source: &str) -> Reply {
    let view = &*d.view;
    let tables = view.tables();
    let mine: Vec<&(Arc<TableEntry>, Arc<Grant>)> =
        tables.iter().filter(|(entry, _)| &*entry.reference.source == source).collect();
    let mut text = format!("source {source}: {} tables open to you", mine.len());
    let whole = mine.len() <= MAX_WHOLE;
    let mut listed = Vec::with_capacity(mine.len());
    for (entry, grant) in &mine {
        let names: Vec<String> =
            governed_schema(grant, entry).fields().iter().map(|f| f.name().clone()).collect();
        let _ = write!(text, "\n{}", legible(&entry.reference.to_string()));
        if whole {
            let _ = write!(text, "({})", columns_line(&names));
        }
        if let Some(description) = description(d, entry) {
            let _ = write!(text, " - {}", one_line(&description));
        }
        listed.push(json!({
            "table": entry.reference.to_string(),
            "description": description(d, entry),
            "columns": if whole { Json::from(names) } else { Json::Null },
        }));
    }
    Reply { text, structured: json!({ "source": source, "tables": listed }) }
}

fn headline(d: &Describer<'_>, entry: &TableEntry, grant: &Grant) -> String {
    let mut text = format!("{} {}", kind(entry), legible(&entry.reference.to_string()));
    if let Some(description) = description(d, entry) {
        let _ = write!(text, " - {}", one_line(&description));
    }
    if let Some(rows) = row_estimate(entry, grant) {
        let _ = write!(text, " (about {rows} rows)");
    }
    text
}

/// Declared joins in both directions, between columns that are open on both sides.
fn joins(view: &View, entry: &Arc<TableEntry>, grant: &Grant) -> Vec<String> {
    let mut found = Vec::new();
    for key in &entry.description.foreign_keys {
        let target =
            TableRef::new(&entry.reference.source, &key.referenced_schema, &key.referenced_table);
        if let Some((other, other_grant)) = visible(view, &target) {
            found.extend(join_text(entry, grant, key, &other, &other_grant));
        }
    }
    for other in view.snapshot().referencing(&entry.reference) {
        let Some(other_grant) = view.grant(&other) else { continue };
        for key in &other.description.foreign_keys {
            if *key.referenced_table == *entry.reference.table
                && *key.referenced_schema == *entry.reference.schema
            {
                found.extend(join_text(&other, &other_grant, key, entry, grant));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

fn visible(view: &View, table: &TableRef) -> Option<(Arc<TableEntry>, Arc<Grant>)> {
    let entry = view.snapshot().get(table)?.clone();
    let grant = view.grant(&entry)?;
    Some((entry, grant))
}

fn join_text(
    from: &TableEntry,
    from_grant: &Grant,
    key: &ForeignKey,
    to: &TableEntry,
    to_grant: &Grant,
) -> Option<String> {
    let name = |entry: &TableEntry, grant: &Grant, column: &String| {
        let open = grant
            .columns()
            .iter()
            .find(|c| entry.description.columns[c.column()].name == *column)?;
        Some(format!("{}.{}", entry.reference.table, virtual_name(grant, entry, open.column())))
    };
    let conditions: Option<Vec<String>> = key
        .columns
        .iter()
        .zip(&key.referenced_columns)
        .map(|(a, b)| Some(format!("{} = {}", name(from, from_grant, a)?, name(to, to_grant, b)?)))
        .collect();
    conditions.map(|conditions| {
        format!("{} to {} ON {}", from.reference, to.reference, conditions.join(" AND "))
    })
}

pub(super) fn source_names(view: &View) -> Vec<String> {
    let mut names: Vec<String> =
        view.tables().iter().map(|(entry, _)| entry.reference.source.to_string()).collect();
    names.dedup();
    names
}

fn source_state(view: &View, table: &TableRef) -> Option<SourceState> {
    view.snapshot().sources().iter().find(|s| s.name == table.source).map(|s| s.state)
}

pub(super) fn description(d: &Describer<'_>, entry: &TableEntry) -> Option<String> {
    d.semantics
        .table(&entry.reference)
        .and_then(|meaning| meaning.description.clone())
        .or_else(|| entry.description.comment.clone())
        .map(|text| d.clean(text))
}

fn row_estimate(entry: &TableEntry, grant: &Grant) -> Option<u64> {
    let rows = entry.description.row_estimate.filter(|_| grant.row_filter().is_none())?;
    let mut unit = 1;
    while rows / unit >= 100 {
        unit *= 10;
    }
    Some((rows + unit / 2) / unit * unit)
}

fn kind(entry: &TableEntry) -> &'static str {
    match entry.description.kind {
        TableKind::View | TableKind::MaterializedView => "view",
        _ => "table",
    }
}

/// A stored text on one line, without characters that could fake a line of ours.
pub(super) fn one_line(text: &str) -> String {
    const MOST: usize = 160;
    let line: String =
        text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).take(MOST).collect();
    legible(line.trim()).into_owned()
}

/// Names of columns in a list.
pub(super) fn columns_line(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().map(|name| shown(name)).collect();
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_at_dots_outside_quotes() {
        assert_eq!(name_parts("shop.main.orders"), ["shop", "main", "orders"]);
        assert_eq!(name_parts("a.\"b.c\".\"d\"\"e\""), ["a", "b.c", "d\"e"]);
    }
}
