//! `search`: the tables that fit a question, the values it names, and how the tables are joined.

use super::describe::{Describer, columns_line, description, one_line, source_names};
use super::known;
use super::request::{Reply, SearchRequest};
use super::scan_plan::virtual_name;
use super::session::View;
use super::ties;
use super::values::Values;
use crate::catalog::{Hit, Index, VisibleTable, Why};
use crate::model::{TableEntry, TableRef};
use crate::policy::{ColumnGrant, Grant};
use crate::results::legible;
use crate::semantics::Semantics;
use serde_json::{Map, Value as Json, json};
use std::fmt::Write;
use std::sync::Arc;

/// Tables of a reply that has a budget and no other limit.
pub(super) const MOST: usize = 250;
/// Tables whose description is in a reply with a budget; the others are names.
const DESCRIBED: usize = 10;
/// Tables whose joins are told.
const JOINED: usize = 5;
/// Bytes of text that are one token, at least: names are dense.
const BYTES_A_TOKEN: usize = 3;
/// Characters of a value that are shown.
const VALUE: usize = 60;

/// The tables that fit a question.
pub(super) fn search(d: &Describer<'_>, values: &Values, request: &SearchRequest) -> Reply {
    let index = index(d, values);
    let hits = index.search(&request.question, request.limit.unwrap_or(MOST));
    reply(d, &index, request, &hits)
}

/// The reply that has these tables, in their order.
pub(super) fn reply(
    d: &Describer<'_>,
    index: &Index,
    request: &SearchRequest,
    hits: &[Hit],
) -> Reply {
    let view = &*d.view;
    let mut budget = Budget { left: request.max_tokens.map(|most| most * BYTES_A_TOKEN) };
    let (mut text, mut tables) = (String::new(), Vec::with_capacity(hits.len()));
    let next = "Next: describe a table for its columns, then query.";
    budget.take(next.len());
    let mut known = definitions(d, &request.question);
    known.lines.retain(|line| budget.take(line.len() + 1));
    let mut cut = false;
    for (at, hit) in hits.iter().enumerate() {
        let Some(grant) = view.grant(&hit.entry) else { continue };
        let is_short = request.max_tokens.is_some() && at >= DESCRIBED;
        let shown = Shown::of(hit, &grant, d, is_short);
        let line = shown.line(hit);
        if !budget.take(line.len()) && at > 0 {
            cut = true;
            break;
        }
        text.push_str(&line);
        tables.push(shown.json());
    }
    let mut joins = Vec::new();
    let first: Vec<TableRef> =
        hits.iter().take(JOINED).map(|hit| hit.entry.reference.clone()).collect();
    for step in index.paths(&first) {
        let Some(line) = ties::step(d, &step).filter(|line| budget.take(line.len() + 6)) else {
            continue;
        };
        let _ = writeln!(text, "join {}", legible(&line));
        joins.push(line);
    }
    for line in &known.lines {
        let _ = writeln!(text, "{line}");
    }
    if tables.is_empty() {
        text.push_str(
            "No table that is open to you matches. Try other words, or describe a source: ",
        );
        text.push_str(&source_names(view).join(", "));
    } else {
        text.push_str(next);
    }
    let mut structured = json!({ "tables": tables, "joins": joins, "truncated": cut });
    if let (Json::Object(all), Json::Object(more)) = (&mut structured, known.lists) {
        all.extend(more);
    }
    Reply { text, structured }
}

/// The index over what the caller may see.
pub(super) fn index(d: &Describer<'_>, values: &Values) -> Index {
    let view = &*d.view;
    view.index(values.version(), || visible_tables(view, d.semantics, values))
}

/// What an organisation has defined for a question.
pub(super) struct Definitions {
    pub(super) lines: Vec<String>,
    /// The same as data: lists by kind, those alone that have something.
    pub(super) lists: Json,
}

/// The definitions that a question may mean, verified questions and metrics among them.
pub(super) fn definitions(d: &Describer<'_>, question: &str) -> Definitions {
    let (mut lines, mut lists) = (Vec::new(), Map::new());
    for kind in d.defined(question) {
        let (list, entry) = known::entry(d, kind);
        lines.push(entry.text);
        if let Some(list) = lists.entry(list).or_insert_with(|| json!([])).as_array_mut() {
            list.push(entry.structured);
        }
    }
    Definitions { lines, lists: Json::Object(lists) }
}

/// Stored values that a question names, as lines; of columns alone whose every cell the caller may see.
pub(super) fn value_lines(d: &Describer<'_>, values: &Values, question: &str) -> Vec<String> {
    const TABLES: usize = 5;
    let hits = index(d, values).search(question, TABLES);
    let mut lines = Vec::new();
    for hit in &hits {
        let Some(grant) = d.view.grant(&hit.entry) else { continue };
        let shown = Shown::of(hit, &grant, d, false);
        for (column, value) in &shown.values {
            let (table, column) = (legible(&shown.table), legible(column));
            let value = one_line(value).replace('\'', "''");
            lines.push(format!("value {table}.{column} = '{value}'"));
        }
    }
    lines
}

/// What is left of a reply's bytes; all of them where the caller set no budget.
struct Budget {
    left: Option<usize>,
}

impl Budget {
    fn take(&mut self, bytes: usize) -> bool {
        match self.left.as_mut() {
            None => true,
            Some(left) if *left < bytes => false,
            Some(left) => {
                *left -= bytes;
                true
            }
        }
    }
}

/// A hit in the caller's names.
struct Shown {
    table: String,
    description: Option<String>,
    columns: Vec<String>,
    values: Vec<(String, String)>,
}

impl Shown {
    fn of(hit: &Hit, grant: &Grant, d: &Describer<'_>, is_short: bool) -> Self {
        let table = hit.entry.reference.to_string();
        if is_short {
            return Self { table, description: None, columns: Vec::new(), values: Vec::new() };
        }
        let name = |column: &usize| virtual_name(grant, &hit.entry, *column);
        let value =
            |(column, value): &(usize, String)| (name(column), clipped(&d.clean(value.clone())));
        Self {
            table,
            description: description(d, &hit.entry),
            columns: hit.columns.iter().map(name).collect(),
            values: hit.values.iter().map(value).collect(),
        }
    }

    fn line(&self, hit: &Hit) -> String {
        let mut line = legible(&self.table).into_owned();
        if let Some(description) = &self.description {
            let _ = write!(line, " - {}", one_line(description));
        }
        if !self.columns.is_empty() {
            let _ = write!(line, " [matches: {}]", columns_line(&self.columns));
        }
        for (column, value) in &self.values {
            let _ = write!(
                line,
                " [value: {} = '{}']",
                legible(column),
                one_line(value).replace('\'', "''")
            );
        }
        if let Why::Neighbour(of) = &hit.why {
            let _ = write!(line, " [joins {}]", legible(&of.to_string()));
        }
        line.push('\n');
        line
    }

    fn json(&self) -> Json {
        let values = self.values.iter();
        let values: Vec<Json> =
            values.map(|(column, value)| json!({ "column": column, "value": value })).collect();
        let mut json = json!({ "table": self.table, "description": self.description, "columns": self.columns });
        if !values.is_empty() {
            json["values"] = values.into();
        }
        json
    }
}

fn clipped(value: &str) -> String {
    value.chars().take(VALUE).collect()
}

fn visible_tables(view: &View, semantics: &Semantics, values: &Values) -> Vec<VisibleTable> {
    let tables = view.tables();
    tables.iter().map(|(entry, grant)| visible_table(entry, grant, semantics, values)).collect()
}

fn visible_table(
    entry: &Arc<TableEntry>,
    grant: &Grant,
    semantics: &Semantics,
    values: &Values,
) -> VisibleTable {
    let columns: Vec<usize> = grant.columns().iter().map(ColumnGrant::column).collect();
    let meaning = semantics.table(&entry.reference);
    let synonyms = meaning.map(|m| m.synonyms.clone()).unwrap_or_default();
    let texts = meaning.and_then(|m| m.description.clone()).into_iter().collect();
    let (mut column_synonyms, mut column_texts) = (Vec::new(), Vec::new());
    for &index in &columns {
        let named = entry.description.columns.get(index);
        if let Some(column) = named.and_then(|c| meaning?.columns.get(&c.name)) {
            column_synonyms.extend(column.synonyms.iter().map(|name| (index, name.clone())));
            column_texts.extend(column.description.iter().map(|text| (index, text.clone())));
            let shown = values_are_shown(grant, index);
            let said = column.values.iter().filter(|_| shown);
            let said = said.flat_map(|(value, of)| [Some(value), of.as_ref()]).flatten();
            column_texts.extend(said.map(|text| (index, text.clone())));
        }
    }
    let values = values.of(entry, |column| is_wholly_open(grant, column));
    let joins = meaning.into_iter().flat_map(|meaning| &meaning.joins);
    let joins = joins.map(|join| (join.to.clone(), join.on.clone()));
    VisibleTable {
        entry: entry.clone(),
        columns,
        synonyms,
        texts,
        column_synonyms,
        column_texts,
        values,
        joins: joins.collect(),
    }
}

/// Whether a column's declared values may be told: it is not masked.
fn values_are_shown(grant: &Grant, column: usize) -> bool {
    grant.columns().iter().any(|granted| {
        granted.column() == column
            && granted.declared_mask().is_none()
            && granted.mask().is_none()
            && granted.aggregate_only().is_none()
    })
}

/// Whether the caller may see every cell of a column as it is stored. Otherwise a value of it could be of
/// a row or a cell that is not open.
pub(super) fn is_wholly_open(grant: &Grant, column: usize) -> bool {
    grant.row_filter().is_none()
        && grant.columns().iter().any(|granted| {
            granted.column() == column
                && granted.declared_mask().is_none()
                && granted.mask().is_none()
                && granted.aggregate_only().is_none()
                && granted.visible().is_none()
        })
}
