//! Which tables a question is about: a lexical ranking over names, comments, meanings and values.
//!
//! A pure function over what the caller may see: a table, column or value that is not handed in cannot
//! change a rank. An [`Index`] may be kept for as long as that set stays the same, and what it is made of
//! serves whoever sees the same (`indexes`).

use super::asked::{Asked, asked};
use super::digest::{Digest, digest, digest_of};
use super::document::{Document, Field, Reader};
use super::joins::Joins;
use super::rank::{Evidence, Group};
use super::terms::Terms;
use crate::model::{TableEntry, TableRef};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// A table as its reader sees it.
#[derive(Debug, Clone)]
pub struct VisibleTable {
    /// The table.
    pub entry: Arc<TableEntry>,
    /// Indexes of the columns that may be seen.
    pub columns: Vec<usize>,
    /// Other names of the table.
    pub synonyms: Vec<String>,
    /// Descriptions of the table, besides its comment.
    pub texts: Vec<String>,
    /// Other names of columns that may be seen.
    pub column_synonyms: Vec<(usize, String)>,
    /// Descriptions of columns that may be seen, besides their comments.
    pub column_texts: Vec<(usize, String)>,
    /// Some values of columns whose every cell may be seen as it is stored.
    pub values: Vec<(usize, Arc<str>)>,
    /// Joins that are written down: the other table, and columns here with columns there.
    pub joins: Vec<(TableRef, Vec<(String, String)>)>,
}

/// A table that a question may be about.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The table.
    pub entry: Arc<TableEntry>,
    /// Its score; comparable within one search only.
    pub score: f32,
    /// Indexes of the columns that match, best first.
    pub columns: Vec<usize>,
    /// Values that the question names, with their columns, as they are stored.
    pub values: Vec<(usize, String)>,
    /// Why it is here.
    pub why: Why,
}

/// Why a table was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// These words of the question.
    Words(Vec<String>),
    /// A foreign key ties it to this table, which matches.
    Neighbour(TableRef),
}

/// Searches once.
pub fn search(visible: &[VisibleTable], question: &str, limit: usize) -> Vec<Hit> {
    Index::build(visible).search(question, limit)
}

/// Columns named in a hit.
const COLUMNS_PER_HIT: usize = 5;
/// Values named in a hit.
const VALUES_PER_HIT: usize = 3;
/// The part of a value that must be said before it is shown; less than all, for slips of the pen.
const SAID: f32 = 0.75;

/// The words of a set of visible tables. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Index {
    pub(super) tables: Arc<[Arc<TableEntry>]>,
    pub(super) content: Arc<Content>,
}

/// What an index knows of its tables, by their places in it. Nothing in it is of a reader: whoever sees the same has the
/// same.
#[derive(Debug)]
pub(super) struct Content {
    /// Names what it was made of.
    pub(super) digest: Digest,
    pub(super) documents: Vec<Arc<Document>>,
    pub(super) terms: Terms,
    pub(super) joins: Joins,
    /// The schema of a source that each table is in.
    pub(super) group_of: Vec<u32>,
    pub(super) groups: Vec<Group>,
}

impl Content {
    /// What is known of these tables; `documents` are theirs, in the same order.
    pub(super) fn of(
        digest: Digest,
        visible: &[VisibleTable],
        documents: Vec<Arc<Document>>,
    ) -> Self {
        let mut places = HashMap::new();
        let mut groups: Vec<Group> = Vec::new();
        let mut group_of = Vec::with_capacity(visible.len());
        for TableRef { source, schema, .. } in visible.iter().map(|t| &t.entry.reference) {
            let group = *places.entry((source, schema)).or_insert(groups.len());
            if group == groups.len() {
                groups.push(Group::default());
            }
            groups[group].tables += 1;
            group_of.push(u32::try_from(group).unwrap_or(u32::MAX));
        }
        let terms = Terms::of(&documents, &group_of);
        let joins = Joins::of(visible, &documents);
        Self { digest, documents, terms, joins, group_of, groups }
    }
}

impl Index {
    /// Takes in everything the reader may see.
    pub fn build(visible: &[VisibleTable]) -> Self {
        let mut reader = Reader::default();
        let documents = visible.iter().map(|table| Arc::new(reader.document(table))).collect();
        let digests: Vec<Digest> = visible.iter().map(digest).collect();
        let content = Content::of(digest_of(&digests), visible, documents);
        Self { tables: entries(visible), content: Arc::new(content) }
    }

    /// The tables `question` may be about, best first, at most `limit`.
    pub fn search(&self, question: &str, limit: usize) -> Vec<Hit> {
        let asked = asked(&self.content.terms, self.content.groups.len(), question);
        let evidence = Evidence::of(&self.content, &asked);
        let picked = self.picked(&evidence, limit);
        let hits = picked.into_iter().map(|(table, neighbour_of)| {
            let words = evidence.words(table);
            let said = asked.iter().enumerate().filter(|(at, _)| words & (1 << at) != 0);
            let said: Vec<String> = said.map(|(_, asked)| asked.word.clone()).collect();
            let (columns, values) = self.matches(&asked, &evidence, table);
            Hit {
                entry: self.tables[table as usize].clone(),
                score: if neighbour_of.is_none() { evidence.total(table) } else { 0.0 },
                columns,
                values,
                why: match neighbour_of.filter(|_| said.is_empty()) {
                    Some(of) => Why::Neighbour(self.tables[of as usize].reference.clone()),
                    None => Why::Words(said),
                },
            }
        });
        hits.collect()
    }

    /// The columns and values of a table that the question speaks of.
    fn matches(
        &self,
        asked: &[Asked],
        evidence: &Evidence,
        table: u32,
    ) -> (Vec<usize>, Vec<(usize, String)>) {
        let document = &self.content.documents[table as usize];
        let mut found = Matches::default();
        evidence.said_in(&self.content, table, |word, at, share, part| {
            let place = document.places[at as usize];
            let Some(column) = place.column() else { return };
            let best = found.columns.entry((column, word)).or_default();
            *best = best.max(share * asked[usize::from(word)].rarity);
            if place.field == Field::Value && part >= SAID {
                found.values.insert(at, part);
            }
        });
        found.best(document)
    }
}

pub(super) fn entries(visible: &[VisibleTable]) -> Arc<[Arc<TableEntry>]> {
    visible.iter().map(|table| table.entry.clone()).collect()
}

/// What speaks for one table, by column.
#[derive(Debug, Default)]
struct Matches {
    columns: BTreeMap<(u16, u8), f32>,
    values: BTreeMap<u32, f32>,
}

impl Matches {
    fn best(self, document: &Document) -> (Vec<usize>, Vec<(usize, String)>) {
        let mut columns: BTreeMap<u16, f32> = BTreeMap::new();
        for ((column, _), strength) in self.columns {
            *columns.entry(column).or_default() += strength;
        }
        let mut columns: Vec<(u16, f32)> = columns.into_iter().collect();
        columns.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        columns.truncate(COLUMNS_PER_HIT);
        let mut values: Vec<(u32, f32)> = self.values.into_iter().collect();
        values.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let mut seen = HashSet::new();
        let values = values.into_iter().filter_map(|(place, _)| {
            let column = usize::from(document.places[place as usize].column()?);
            let literal = document.literal(place)?.to_string();
            seen.insert((column, literal.clone())).then_some((column, literal))
        });
        let values = values.take(VALUES_PER_HIT).collect();
        (columns.into_iter().map(|(column, _)| usize::from(column)).collect(), values)
    }
}

#[cfg(test)]
mod tests;
