//! What an organisation has defined, as lines of a reply: metrics, words, verified questions, views and tools. Only
//! what the caller may see gets here.

use super::describe::{Describer, one_line};
use super::meanings::{VIEWS, metric_sql, sees_column};
use super::request::Reply;
use super::session::View;
use crate::catalog::{Item, Items};
use crate::model::TableRef;
use crate::results::{legible, name as shown, seen};
use crate::semantics::{ColumnRef, Metric};
use serde_json::{Value as Json, json};
use std::fmt::Write;

/// Definitions of a reply.
const MOST: usize = 6;

/// What a definition is, and its place among those of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Metric(usize),
    Term(usize),
    Verified(usize),
    View(usize),
    Tool(usize),
}

/// The words of what a caller may see.
#[derive(Debug)]
pub(super) struct Knowledge {
    kinds: Vec<Kind>,
    items: Items,
}

impl Knowledge {
    /// Takes in everything the caller may see.
    pub(super) fn of(view: &View) -> Self {
        let (semantics, offered) = (&view.meanings().semantics, view.offered());
        let (mut kinds, mut items) = (Vec::new(), Vec::new());
        let mut add = |kind, name: &str, more: &[String], text: Option<&String>| {
            kinds.push(kind);
            let phrases = std::iter::once(name.to_string()).chain(more.iter().cloned());
            items.push(Item {
                phrases: phrases.collect(),
                texts: text.into_iter().cloned().collect(),
            });
        };
        for &at in &offered.verified {
            let verified = &semantics.verified()[at];
            add(Kind::Verified(at), &verified.defined.name, &verified.questions, None);
        }
        for &at in &offered.metrics {
            let metric = &semantics.metrics()[at];
            let text = metric.description.as_ref();
            add(Kind::Metric(at), &metric.defined.name, &metric.synonyms, text);
        }
        for &at in &offered.terms {
            let term = &semantics.glossary()[at];
            add(Kind::Term(at), &term.defined.name, &term.synonyms, Some(&term.description));
        }
        for &at in &offered.views {
            let curated = &semantics.views()[at];
            let text = curated.description.as_ref();
            add(Kind::View(at), &curated.defined.name, &curated.synonyms, text);
        }
        for &at in &offered.tools {
            let tool = &semantics.tools()[at];
            add(Kind::Tool(at), &tool.defined.name, &[], Some(&tool.description));
        }
        Self { kinds, items: Items::build(&items) }
    }

    /// What a question may mean, best first.
    pub(super) fn search(&self, question: &str) -> Vec<Kind> {
        self.items.search(question, MOST).into_iter().map(|at| self.kinds[at]).collect()
    }
}

/// A definition as a line, and as data with the name of its list.
pub(super) fn entry(d: &Describer<'_>, kind: Kind) -> (&'static str, Reply) {
    let semantics = d.semantics;
    match kind {
        Kind::Metric(at) => ("metrics", metric(d, &semantics.metrics()[at])),
        Kind::Term(at) => {
            let term = &semantics.glossary()[at];
            let (name, meaning) = (&term.defined.name, &term.description);
            (
                "glossary",
                Reply {
                    text: format!("term {}: {}", one_line(name), one_line(meaning)),
                    structured: json!({ "term": name, "meaning": meaning }),
                },
            )
        }
        Kind::Verified(at) => {
            let verified = &semantics.verified()[at];
            let question = verified.questions.first().map_or("", String::as_str);
            let sql = on_one_line(&verified.sql);
            (
                "verified",
                Reply {
                    text: format!("verified \"{}\": {}", one_line(question), seen(&sql)),
                    structured: json!({ "name": verified.defined.name, "question": question, "sql": verified.sql }),
                },
            )
        }
        Kind::View(at) => ("views", view_line(d, at)),
        Kind::Tool(at) => {
            let tool = &semantics.tools()[at];
            let (name, description) = (&tool.defined.name, &tool.description);
            (
                "tools",
                Reply {
                    text: format!("tool {name} - {}", one_line(description)),
                    structured: json!({ "tool": name, "description": description }),
                },
            )
        }
    }
}

/// The metrics that are computed over a table.
pub(super) fn metrics_of(d: &Describer<'_>, table: &TableRef) -> Vec<Reply> {
    let metrics = d.view.offered().metrics.iter().map(|at| &d.semantics.metrics()[*at]);
    metrics.filter(|m| m.table == *table).map(|m| metric(d, m)).collect()
}

/// A curated view with its columns.
pub(super) fn view_card(d: &Describer<'_>, at: usize) -> Reply {
    let Reply { mut text, mut structured } = view_line(d, at);
    let mut columns = Vec::new();
    for (name, kind) in d.view.meanings().view_columns(at) {
        let _ = write!(text, "\n  {} {kind}", shown(name));
        columns.push(json!({ "name": name, "type": kind }));
    }
    let tables: Vec<String> =
        d.view.meanings().view_tables(at).map(|table| table.to_string()).collect();
    let _ = write!(
        text,
        "\nreads {}; what you see of it is limited as theirs is",
        legible(&tables.join(", "))
    );
    structured["columns"] = columns.into();
    structured["reads"] = tables.into();
    Reply { text, structured }
}

fn view_line(d: &Describer<'_>, at: usize) -> Reply {
    let curated = &d.semantics.views()[at];
    let name = format!("{}.{}.{}", VIEWS[0], VIEWS[1], curated.defined.name);
    let columns: Vec<&str> =
        d.view.meanings().view_columns(at).iter().map(|(name, _)| name.as_str()).collect();
    let mut text = format!("view {name}");
    if let Some(description) = &curated.description {
        let _ = write!(text, " - {}", one_line(description));
    }
    let structured =
        json!({ "view": name, "description": curated.description, "columns": columns });
    Reply { text, structured }
}

fn metric(d: &Describer<'_>, metric: &Metric) -> Reply {
    let name = &metric.defined.name;
    let sql = metric_sql(&metric.expression, &metric.table, &metric.filters, name);
    let dimensions = metric.dimensions.iter().filter(|by| sees_column(&d.view, by));
    let dimensions: Vec<String> = dimensions.map(|by| by_name(metric, by)).collect();
    let time = metric.time.clone().or_else(|| d.semantics.table(&metric.table)?.time.clone());
    let time = time.filter(|column| {
        let table = metric.table.clone();
        sees_column(&d.view, &ColumnRef { table, column: column.clone() })
    });
    let mut text = format!("metric {name}");
    if let Some(unit) = &metric.unit {
        let _ = write!(text, " {}", one_line(unit));
    }
    if let Some(description) = &metric.description {
        let _ = write!(text, " - {}", one_line(description).trim_end_matches('.'));
    }
    let filters = metric.filters.join(" AND ");
    let _ = write!(
        text,
        ": {} over {}",
        legible(&metric.expression),
        legible(&metric.table.to_string())
    );
    if !filters.is_empty() {
        let _ = write!(text, " where {}", legible(&filters));
    }
    if !dimensions.is_empty() {
        let _ = write!(text, "; by {}", legible(&dimensions.join(", ")));
    }
    if let Some(time) = &time {
        let _ = write!(text, "; dated by {}", shown(time));
    }
    if let Some(grain) = metric.grain {
        let _ = write!(text, ", a {} or longer", grain.as_str());
    }
    let mut structured: Json = json!({
        "metric": name,
        "description": metric.description,
        "unit": metric.unit,
        "sql": sql,
        "dimensions": dimensions,
        "time": time,
    });
    if let Some(grain) = metric.grain {
        structured["grain"] = grain.as_str().into();
    }
    Reply { text, structured }
}

/// A statement on one line, unless it has a comment to its end.
fn on_one_line(sql: &str) -> String {
    let lines = sql.lines().map(str::trim).filter(|line| !line.is_empty());
    let between = if sql.contains("--") { "\n" } else { " " };
    lines.collect::<Vec<_>>().join(between)
}

/// A dimension: a column of the metric's own table, or another by its full name.
fn by_name(metric: &Metric, by: &ColumnRef) -> String {
    match by.table == metric.table {
        true => by.column.clone(),
        false => format!("{}.{}", by.table, by.column),
    }
}
