//! What a caller may know of tables before asking: tables, sources, and what a question needs.

use super::card::card;
use super::find;
use super::known;
use super::request::{DescribeRequest, Reply, VisibleName};
use super::scan_plan::governed_schema;
use super::session::{View, Visible};
use super::ties;
use super::values::Values;
use crate::catalog::Why;
use crate::error::{Code, Error, Result};
use crate::model::{TableEntry, TableRef};
use crate::policy::Grant;
use crate::results::{Redactor, legible, name as shown};
use crate::semantics::Semantics;
use serde_json::{Value as Json, json};
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

/// Tables of a source that are listed with their columns; beyond, names only.
const MAX_LISTED: usize = 40;
/// Bytes of a source that is told whole: 8,000 tokens, at three bytes each.
const WHOLE: usize = 24_000;
/// Tables that may fit.
const MAX_WHOLE: usize = 120;
/// Tables of one request.
const MAX_NAMES: usize = 12;
/// Tables that are described for a question.
const PACK: usize = 5;

/// Who asks, and what is known of the tables.
pub(super) struct Describer<'a> {
    pub(super) view: Arc<View>,
    pub(super) semantics: &'a Semantics,
    /// Where secrets are taken out of comments, too.
    pub(super) redactor: Option<&'a Redactor>,
    /// Stored values, where the reply may show some.
    pub(super) values: Option<&'a Values>,
    /// A verified question that is as if it were not: whether it is answered without it is being found out.
    pub(super) withheld: Option<&'a str>,
    /// Values as the caller sees them, of tables that are not wholly open.
    pub(super) seen: HashMap<TableRef, Arc<Seen>>,
}

/// Some values of a table by the name of the column, as its caller sees them.
#[derive(Clone, Default)]
pub(super) struct Seen(pub(super) HashMap<String, Vec<String>>);

/// Never the values.
impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "values of {} columns", self.0.len())
    }
}

impl Describer<'_> {
    /// What is defined for a question, best first.
    pub(super) fn defined(&self, question: &str) -> Vec<known::Kind> {
        let mut found = self.view.knowledge().search(question);
        if let Some(name) = self.withheld {
            let verified = self.semantics.verified();
            found.retain(|kind| {
                !matches!(kind, known::Kind::Verified(at) if verified[*at].defined.name == name)
            });
        }
        found
    }

    pub(super) fn clean(&self, text: String) -> String {
        match self.redactor {
            Some(redactor) => redactor.text(&text).into_owned(),
            None => text,
        }
    }
}

/// What was asked for: tables by their names, a source, or what a question needs.
pub(super) fn answer(
    d: &Describer<'_>,
    values: &Values,
    request: &DescribeRequest,
) -> Result<Reply> {
    match (&request.name, &request.question) {
        (Some(names), _) => describe_all(d, values, names),
        (None, Some(question)) => Ok(pack(d, values, question)),
        (None, None) => Err(not_a_name(d)),
    }
}

/// The tables that a request means, but for those of a whole source.
pub(super) fn named(d: &Describer<'_>, values: &Values, request: &DescribeRequest) -> Vec<Visible> {
    let view = &d.view;
    match (&request.name, &request.question) {
        (Some(names), _) => {
            let sources = source_names(view);
            let is_source = |name: &String| sources.iter().any(|s| s.eq_ignore_ascii_case(name));
            let names = listed(names).into_iter().filter(|name| !is_source(name)).take(MAX_NAMES);
            let resolved = names.filter_map(|name| {
                let parts = name_parts(&name);
                let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
                view.resolve(&parts).ok()
            });
            resolved.collect()
        }
        (None, Some(question)) => wanted(d, values, question),
        (None, None) => Vec::new(),
    }
}

/// Tables, with the ways between them, or one source.
fn describe_all(d: &Describer<'_>, values: &Values, names: &str) -> Result<Reply> {
    let names = listed(names);
    if let [one] = &names[..] {
        return describe(d, one);
    }
    if names.len() > MAX_NAMES {
        let text = format!("at most {MAX_NAMES} names are described at once");
        return Err(Error::new(Code::InvalidArgument, text));
    }
    let (mut cards, mut tables) = (Vec::new(), Vec::new());
    for name in &names {
        cards.push(describe(d, name)?);
        let parts = name_parts(name);
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        tables.extend(d.view.resolve(&parts).ok().map(|(entry, _)| entry.reference.clone()));
    }
    Ok(joined(d, values, cards, &tables))
}

/// One table, view or source.
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
    let folded: Vec<String> = parts.iter().map(|part| part.to_lowercase()).collect();
    if let Some(curated) = view.curated(&folded) {
        return Ok(known::view_card(d, curated));
    }
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    if parts.is_empty() || parts.len() > 3 || parts.iter().any(|part| part.is_empty()) {
        return Err(not_a_name(d));
    }
    let (entry, grant) = view.resolve(&parts)?;
    Ok(card(d, &entry, &grant))
}

fn not_a_name(d: &Describer<'_>) -> Error {
    let sources = source_names(&d.view).join(", ");
    Error::new(Code::InvalidArgument, "this is not the name of a table or source")
        .with_hint(format!("write source.schema.table, or one of the sources: {sources}"))
}

/// The tables of what is defined for a question, then those that its words fit. What merely has a key to
/// them is a way between them at most.
fn wanted(d: &Describer<'_>, values: &Values, question: &str) -> Vec<Visible> {
    let defined = d.defined(question).into_iter();
    let defined = defined.flat_map(|kind| known::tables(d, kind));
    let hits = find::index(d, values).search(question, PACK).into_iter();
    let hits = hits.filter(|hit| matches!(hit.why, Why::Words(_)));
    let hits = hits.map(|hit| hit.entry.reference.clone());
    let mut wanted: Vec<Visible> = Vec::new();
    for table in defined.chain(hits) {
        let Some(entry) = d.view.snapshot().get(&table) else { continue };
        let is_new = wanted.iter().all(|(known, _)| known.reference != table);
        if let Some(grant) = d.view.grant(entry).filter(|_| is_new) {
            wanted.push((entry.clone(), grant));
        }
    }
    wanted.truncate(PACK);
    wanted
}

/// The tables that a question needs, with the ways between them and what is defined for it.
fn pack(d: &Describer<'_>, values: &Values, question: &str) -> Reply {
    let wanted = wanted(d, values, question);
    let tables: Vec<TableRef> = wanted.iter().map(|(entry, _)| entry.reference.clone()).collect();
    let cards = wanted.iter().map(|(entry, grant)| card(d, entry, grant));
    let Reply { mut text, mut structured } = joined(d, values, cards.collect(), &tables);
    let known = find::definitions(d, question);
    for line in known.lines {
        let _ = write!(text, "\n{line}");
    }
    if let (Json::Object(all), Json::Object(more)) = (&mut structured, known.lists) {
        all.extend(more);
    }
    if tables.is_empty() {
        text.push_str("No table that is open to you matches. Describe a source: ");
        text.push_str(&source_names(&d.view).join(", "));
    }
    Reply { text, structured }
}

/// Several cards, and how their tables are joined: shortest and most certain ways first.
fn joined(d: &Describer<'_>, values: &Values, cards: Vec<Reply>, tables: &[TableRef]) -> Reply {
    let texts: Vec<&str> = cards.iter().map(|card| card.text.as_str()).collect();
    let mut text = texts.join("\n\n");
    let index = find::index(d, values);
    let mut paths: Vec<String> = Vec::new();
    for step in index.paths(tables).iter().filter_map(|step| ties::step(d, step)) {
        let line = format!("path {}", legible(&step));
        if !paths.contains(&step) {
            let _ = write!(text, "{}{line}", if paths.is_empty() { "\n\n" } else { "\n" });
            paths.push(step);
        }
    }
    let cards: Vec<Json> = cards.into_iter().map(|card| card.structured).collect();
    Reply { text, structured: json!({ "tables": cards, "paths": paths }) }
}

/// The names of a list; a comma in double quotes is part of one.
fn listed(text: &str) -> Vec<String> {
    let mut names = vec![String::new()];
    let mut quoted = false;
    for letter in text.trim().trim_end_matches(',').chars() {
        let last = names.len() - 1;
        match letter {
            ',' if !quoted => names.push(String::new()),
            letter => {
                quoted ^= letter == '"';
                names[last].push(letter);
            }
        }
    }
    names.iter().map(|name| name.trim().to_string()).collect()
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

/// Every table of a source with its columns, where that is not too much; else their names.
fn describe_source(d: &Describer<'_>, source: &str) -> Reply {
    let tables = d.view.tables();
    let mine: Vec<&(Arc<TableEntry>, Arc<Grant>)> =
        tables.iter().filter(|(entry, _)| &*entry.reference.source == source).collect();
    let text = format!("source {source}: {} tables open to you", mine.len());
    if mine.len() <= MAX_WHOLE
        && let Some(whole) = whole_source(d, source, &text, &mine)
    {
        return whole;
    }
    list_source(d, source, text, &mine)
}

fn whole_source(
    d: &Describer<'_>,
    source: &str,
    headline: &str,
    tables: &[&(Arc<TableEntry>, Arc<Grant>)],
) -> Option<Reply> {
    let mut text = headline.to_string();
    let mut listed = Vec::with_capacity(tables.len());
    for (entry, grant) in tables {
        let card = card(d, entry, grant);
        text.push_str("\n\n");
        text.push_str(&card.text);
        if text.len() > WHOLE {
            return None;
        }
        listed.push(card.structured);
    }
    Some(Reply { text, structured: json!({ "source": source, "tables": listed }) })
}

fn list_source(
    d: &Describer<'_>,
    source: &str,
    mut text: String,
    tables: &[&(Arc<TableEntry>, Arc<Grant>)],
) -> Reply {
    let whole = tables.len() <= MAX_LISTED;
    let mut listed = Vec::with_capacity(tables.len());
    for (entry, grant) in tables {
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

pub(super) fn source_names(view: &View) -> Vec<String> {
    let mut names: Vec<String> =
        view.tables().iter().map(|(entry, _)| entry.reference.source.to_string()).collect();
    names.dedup();
    names
}

pub(super) fn description(d: &Describer<'_>, entry: &TableEntry) -> Option<String> {
    d.semantics
        .table(&entry.reference)
        .and_then(|meaning| meaning.description.clone())
        .or_else(|| entry.description.comment.clone())
        .map(|text| d.clean(text))
}

/// A stored text on one line, without characters that could fake a line of ours.
pub(super) fn one_line(text: &str) -> String {
    const MOST: usize = 160;
    let line: String =
        text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).take(MOST).collect();
    legible(line.trim()).into_owned()
}

/// The same within so many characters; one that is cut says so.
pub(super) fn clipped_line(text: &str, most: usize) -> String {
    let line = one_line(text);
    if line.chars().count() <= most {
        return line;
    }
    let mut clipped: String = line.chars().take(most.saturating_sub(2)).collect();
    // At a word, where there is one near.
    if let Some(space) = clipped.rfind(' ').filter(|space| space * 3 > clipped.len() * 2) {
        clipped.truncate(space);
    }
    clipped.push_str("..");
    clipped
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

    #[test]
    fn names_of_a_list_are_split_at_commas_outside_quotes() {
        assert_eq!(listed("a.b.c, \"x,y\".d"), ["a.b.c", "\"x,y\".d"]);
        assert_eq!(listed(" shop, "), ["shop"]);
    }

    #[test]
    fn a_clipped_line_says_so() {
        assert_eq!(clipped_line("Value of the whole order", 40), "Value of the whole order");
        assert_eq!(clipped_line("Value of the whole order", 20), "Value of the whole..");
        assert_eq!(clipped_line("abcdefghijkl", 8), "abcdef..");
    }
}
