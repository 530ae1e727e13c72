//! What to write instead of a column that is not there: near names in reach, where the column lives instead, and
//! the place in the text.
//!
//! Everything comes from the statement and from what its caller may see, so a hidden column is proposed no more
//! than one that does not exist.

use super::scan_plan::governed_schema;
use super::session::View;
use super::spellings::Reading;
use crate::catalog::closeness;
use crate::model::TableRef;
use datafusion::common::Column;
use sqlparser::tokenizer::{Token, Tokenizer};
use std::collections::BTreeSet;

/// Names that are proposed.
const MOST: usize = 3;
/// Columns that are listed where none is near.
const MOST_LISTED: usize = 40;
/// What it costs a name to be another table's.
const ELSEWHERE: u32 = 3;
/// A name this near needs no look at other tables.
const NEAR: u32 = 4;

/// What a wrong name is looked for in.
#[derive(Clone, Copy)]
pub(super) struct Reach<'a> {
    /// The statement.
    pub(super) sql: &'a str,
    /// What the caller may see.
    pub(super) view: &'a View,
    /// The tables that the statement reads.
    pub(super) tables: &'a BTreeSet<TableRef>,
}

/// What to write instead of `wanted`, where `valid` are in reach.
pub(super) fn of_column(wanted: &Column, valid: &[Column], reach: Option<Reach<'_>>) -> String {
    let near = near(wanted, valid);
    let place = reach.and_then(|reach| place(wanted, reach.sql));
    let place = place.map(|place| format!(" ({place})")).unwrap_or_default();
    let best = near.first().map_or(u32::MAX, |(cost, _)| *cost);
    let mut hints = Vec::new();
    if !near.is_empty() {
        let names: Vec<&str> = near.iter().map(|(_, name)| name.as_str()).collect();
        hints.push(format!("did you mean {}?", names.join(", ")));
    }
    if let Some(reach) = reach.filter(|_| best > NEAR) {
        let elsewhere = elsewhere(&wanted.name, reach);
        if !elsewhere.is_empty() {
            hints.push(format!("\"{}\" is a column of {}", wanted.name, elsewhere.join(", ")));
        }
    }
    if hints.is_empty() {
        let names: Vec<&str> = valid.iter().map(|column| column.name.as_str()).collect();
        hints.push(format!("columns in scope: {}", listed(names)));
    }
    format!("{}{place}", hints.join("; "))
}

/// The nearest of the names in reach, as they can be written, best first.
fn near(wanted: &Column, valid: &[Column]) -> Vec<(u32, String)> {
    let relation = |column: &Column| column.relation.as_ref().map(|r| r.table().to_string());
    let asked = relation(wanted);
    let mut found: Vec<(u32, String)> = valid
        .iter()
        .filter_map(|column| {
            let by_name = closeness(&wanted.name, &column.name)?;
            let table = relation(column);
            let cost = match (&asked, &table) {
                (None, _) => by_name,
                (Some(asked), Some(table)) if asked == table => by_name,
                // The alias may be the slip.
                (Some(asked), Some(table)) => {
                    by_name + closeness(asked, table).map_or(ELSEWHERE, |cost| cost.min(ELSEWHERE))
                }
                (Some(_), None) => by_name + ELSEWHERE,
            };
            let twice = valid.iter().filter(|other| other.name == column.name).count() > 1;
            let shown = quoted(&column.name);
            let written = match table {
                Some(table) if asked.is_some() || twice => format!("{}.{shown}", quoted(&table)),
                _ => shown,
            };
            Some((cost, written))
        })
        .collect();
    found.sort();
    found.dedup_by(|one, other| one.1 == other.1);
    found.truncate(MOST);
    found
}

/// Tables that have the column and are not read; those of the same sources first.
fn elsewhere(name: &str, reach: Reach<'_>) -> Vec<String> {
    let tables = reach.view.tables();
    let mut found: Vec<(bool, String)> = tables
        .iter()
        .filter(|(entry, _)| !reach.tables.contains(&entry.reference))
        .filter(|(entry, grant)| {
            let schema = governed_schema(grant, entry);
            schema.fields().iter().any(|field| field.name().eq_ignore_ascii_case(name))
        })
        .map(|(entry, _)| {
            let near = reach.tables.iter().any(|table| table.source == entry.reference.source);
            (!near, entry.reference.to_string())
        })
        .collect();
    found.sort();
    found.into_iter().take(MOST).map(|(_, name)| name).collect()
}

/// Where a name stands in the text.
fn place(wanted: &Column, sql: &str) -> Option<String> {
    let tokens = Tokenizer::new(&Reading::default(), sql).tokenize_with_location().ok()?;
    let is_word = |token: &Token, name: &str| matches!(token, Token::Word(word) if word.value.eq_ignore_ascii_case(name));
    let relation = wanted.relation.as_ref().map(|relation| relation.table());
    let found = tokens.iter().enumerate().find(|(index, token)| {
        let behind = match relation {
            None => true,
            Some(relation) => {
                *index >= 2
                    && tokens[index - 1].token == Token::Period
                    && is_word(&tokens[index - 2].token, relation)
            }
        };
        behind && is_word(&token.token, &wanted.name)
    });
    let start = found?.1.span.start;
    Some(format!("line {}, column {}", start.line, start.column))
}

/// A name as it is written in a statement.
fn quoted(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain { name.to_string() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

fn listed(mut names: Vec<&str>) -> String {
    names.sort_unstable();
    names.dedup();
    let more = if names.len() > MOST_LISTED { ", ..." } else { "" };
    format!("{}{more}", names[..names.len().min(MOST_LISTED)].join(", "))
}
