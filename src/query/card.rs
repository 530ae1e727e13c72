//! One table in few tokens: a line a column, with its meaning and some governed values, then keys, joins,
//! metrics and what the policy does.

use super::describe::{Describer, clipped_line, description, one_line};
use super::find::is_wholly_open;
use super::known;
use super::request::Reply;
use super::scan_plan::{governed_schema, virtual_name};
use super::ties;
use crate::catalog::SourceState;
use crate::model::{ColumnDescription, TableEntry, TableKind, sql_type_name};
use crate::policy::{ColumnGrant, Grant};
use crate::results::{legible, name as shown};
use crate::semantics::{ColumnMeaning, TableMeaning};
use arrow_schema::DataType;
use serde_json::{Map, Value as Json, json};
use std::fmt::Write;
use std::sync::Arc;

/// Characters of a column's line, about: 25 tokens.
const WIDTH: usize = 96;
/// Characters of a description that are shown however long the rest is.
const LEAST_TEXT: usize = 24;
/// Values of a column that are shown, and characters of each.
const SAMPLES: usize = 3;
const SAMPLE: usize = 16;
/// Characters of all the values that a column may have.
const VALUES: usize = 80;

/// One table, as the caller may see it.
pub(super) fn card(d: &Describer<'_>, entry: &Arc<TableEntry>, grant: &Grant) -> Reply {
    let meaning = d.semantics.table(&entry.reference);
    let mut text = headline(d, entry, grant, meaning);
    let mut columns = Vec::new();
    let schema = governed_schema(grant, entry);
    for (granted, field) in grant.columns().iter().zip(schema.fields()) {
        if granted.is_counted() {
            continue;
        }
        let column =
            Column::of(d, (&**entry, grant), granted, meaning, field.name(), field.data_type());
        text.push('\n');
        text.push_str(&column.line());
        columns.push(column.json());
    }
    let joins = ties::of_table(d, entry);
    for join in &joins {
        let _ = write!(text, "\njoin {}", legible(join));
    }
    let metrics = known::metrics_of(d, &entry.reference);
    for metric in &metrics {
        let _ = write!(text, "\n{}", metric.text);
    }
    for filter in grant.filters() {
        let _ = write!(text, "\nrows limited by: {filter}");
    }
    if let Some(SourceState::Down { .. }) = source_state(d, entry) {
        text.push_str("\nnote: the source is not reachable right now; queries on this table fail until it is back");
    }
    let mut structured = json!({
        "table": entry.reference.to_string(),
        "kind": kind(entry),
        "description": description(d, entry),
        "columns": columns,
        "joins": joins,
        "row_filters": grant.filters(),
        "rows": row_estimate(entry, grant),
    });
    let time = time_column(entry, grant, meaning);
    let freshness = meaning.and_then(|meaning| meaning.freshness.clone());
    for (key, value) in [("time", time), ("freshness", freshness)] {
        if let Some(value) = value {
            structured[key] = value.into();
        }
    }
    if !metrics.is_empty() {
        structured["metrics"] = metrics.into_iter().map(|metric| metric.structured).collect();
    }
    Reply { text, structured }
}

fn headline(
    d: &Describer<'_>,
    entry: &TableEntry,
    grant: &Grant,
    meaning: Option<&TableMeaning>,
) -> String {
    let mut text = format!("{} {}", kind(entry), legible(&entry.reference.to_string()));
    if let Some(description) = description(d, entry) {
        let _ = write!(text, " - {}", one_line(&description));
    }
    let rows = row_estimate(entry, grant).map(|rows| format!("about {rows} rows"));
    let time = time_column(entry, grant, meaning).map(|time| format!("dated by {}", shown(&time)));
    let freshness = meaning.and_then(|meaning| meaning.freshness.as_deref()).map(one_line);
    let facts: Vec<String> = [rows, time, freshness].into_iter().flatten().collect();
    if !facts.is_empty() {
        let _ = write!(text, " ({})", facts.join("; "));
    }
    text
}

/// The column that says when, where the caller may see it.
fn time_column(
    entry: &TableEntry,
    grant: &Grant,
    meaning: Option<&TableMeaning>,
) -> Option<String> {
    let stored = meaning?.time.as_ref()?;
    let open = |c: &&ColumnGrant| entry.description.columns[c.column()].name == *stored;
    let granted = grant.columns().iter().find(open)?;
    Some(virtual_name(grant, entry, granted.column()))
}

/// A column as it is shown.
struct Column {
    name: String,
    type_name: String,
    is_key: bool,
    unit: Option<String>,
    /// How the caller's view of it differs from what is stored.
    notes: Vec<String>,
    mask: Option<String>,
    description: Option<String>,
    values: Vec<(String, Option<String>)>,
    samples: Vec<String>,
    is_text: bool,
}

impl Column {
    fn of(
        d: &Describer<'_>,
        (entry, grant): (&TableEntry, &Grant),
        granted: &ColumnGrant,
        meaning: Option<&TableMeaning>,
        name: &str,
        data_type: &DataType,
    ) -> Self {
        let column = &entry.description.columns[granted.column()];
        let meaning = meaning.and_then(|table| table.columns.get(&column.name));
        let described =
            meaning.and_then(|m| m.description.clone()).or_else(|| column.comment.clone());
        let is_plain = granted.declared_mask().is_none()
            && granted.mask().is_none()
            && granted.aggregate_only().is_none();
        let values = meaning.filter(|_| is_plain).map(|m| values(d, m)).unwrap_or_default();
        let samples = match values.is_empty() {
            true => samples(d, (entry, grant), granted, name, data_type),
            false => Vec::new(),
        };
        Self {
            name: name.to_string(),
            type_name: sql_type_name(data_type),
            is_key: is_key(entry, column),
            unit: meaning.and_then(|m| m.unit.clone()),
            notes: notes(granted),
            mask: granted.declared_mask().map(|mask| mask.name().to_string()),
            description: described.map(|text| d.clean(text)),
            values,
            samples,
            is_text: matches!(data_type, DataType::Utf8),
        }
    }

    fn line(&self) -> String {
        let mut line = format!("  {} {}", shown(&self.name), self.type_name);
        if self.is_key {
            line.push_str(" key");
        }
        if let Some(unit) = &self.unit {
            let _ = write!(line, " {}", one_line(unit));
        }
        for note in &self.notes {
            let _ = write!(line, " [{note}]");
        }
        let tail = self.tail();
        if let Some(description) = &self.description {
            let taken = line.chars().count() + tail.chars().count() + 3;
            let _ = write!(
                line,
                " - {}",
                clipped_line(description, WIDTH.saturating_sub(taken).max(LEAST_TEXT))
            );
        }
        line.push_str(&tail);
        line
    }

    /// The values that it may have, or some that it has.
    fn tail(&self) -> String {
        let mut tail = String::new();
        if !self.values.is_empty() {
            let values: Vec<String> =
                self.values.iter().map(|(value, _)| self.value(value)).collect();
            let _ = write!(tail, " one of: {}", clipped_line(&values.join(", "), VALUES));
        } else if !self.samples.is_empty() {
            let samples: Vec<String> =
                self.samples.iter().map(|sample| self.value(sample)).collect();
            let _ = write!(tail, " e.g. {}", samples.join(", "));
        }
        tail
    }

    fn value(&self, value: &str) -> String {
        let value = clipped_line(value, SAMPLE);
        if self.is_text { format!("'{}'", value.replace('\'', "''")) } else { value }
    }

    fn json(&self) -> Json {
        let mut json = json!({
            "name": self.name,
            "type": self.type_name,
            "key": self.is_key,
            "masked": self.mask,
            "description": self.description,
        });
        if let Some(unit) = &self.unit {
            json["unit"] = unit.clone().into();
        }
        if !self.samples.is_empty() {
            json["samples"] = self.samples.clone().into();
        }
        if !self.values.is_empty() {
            let values = self.values.iter().cloned();
            let values: Map<String, Json> = values.map(|(value, of)| (value, of.into())).collect();
            json["values"] = values.into();
        }
        json
    }
}

/// Some values: stored ones where every cell is open as it is stored, else those that the caller sees.
fn samples(
    d: &Describer<'_>,
    (entry, grant): (&TableEntry, &Grant),
    granted: &ColumnGrant,
    name: &str,
    data_type: &DataType,
) -> Vec<String> {
    // Of a time stamp the day alone would be shown.
    if matches!(data_type, DataType::Timestamp(..)) {
        return Vec::new();
    }
    let known = match d.values {
        Some(known) if is_wholly_open(grant, granted.column()) => {
            known.samples(entry, granted.column())
        }
        _ => {
            let seen = d.seen.get(&entry.reference).and_then(|seen| seen.0.get(name));
            seen.cloned().unwrap_or_default()
        }
    };
    known.into_iter().take(SAMPLES).map(|sample| d.clean(sample)).collect()
}

fn values(d: &Describer<'_>, meaning: &ColumnMeaning) -> Vec<(String, Option<String>)> {
    let clean = |text: &String| d.clean(text.clone());
    meaning.values.iter().map(|(value, of)| (clean(value), of.as_ref().map(clean))).collect()
}

fn is_key(entry: &TableEntry, column: &ColumnDescription) -> bool {
    entry.description.primary_key.contains(&column.name)
}

fn notes(granted: &ColumnGrant) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(aggregate) = granted.aggregate_only() {
        let least = aggregate.min_group;
        notes.push(format!("aggregate_only: count, sum or avg over at least {least}"));
    } else if let Some(mask) = granted.mask() {
        notes.push(format!("masked: {}", mask.name()));
    }
    if granted.visible().is_some() {
        notes.push("NULL on some rows".into());
    }
    notes
}

fn source_state(d: &Describer<'_>, entry: &TableEntry) -> Option<SourceState> {
    let sources = d.view.snapshot().sources();
    sources.iter().find(|s| s.name == entry.reference.source).map(|s| s.state)
}

/// Rounded, and only where every row is open: an estimate over hidden rows would be a count of them.
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
