//! What the search index takes in of a table, and with what weight.

use super::search::VisibleTable;
use super::words::{is_stop_word, stem, words};
use crate::model::TableRef;
use std::collections::{BTreeMap, HashMap};

/// A stem and where it is.
#[derive(Debug, Default)]
pub(super) struct Term {
    pub(super) postings: Vec<Posting>,
    /// Tables that have it.
    pub(super) tables: u32,
}

/// One place of a stem.
#[derive(Debug, Clone, Copy)]
pub(super) struct Posting {
    pub(super) table: u32,
    /// The column it is in; none for the table's own words.
    pub(super) column: Option<u16>,
    pub(super) weight: f32,
}

impl Term {
    /// One posting for each place; the heaviest stays.
    fn add(&mut self, posting: Posting) {
        let of_table = self.postings.iter_mut().rev().take_while(|p| p.table == posting.table);
        let mut known = false;
        for before in of_table {
            known = true;
            if before.column == posting.column {
                before.weight = before.weight.max(posting.weight);
                return;
            }
        }
        self.tables += u32::from(!known);
        self.postings.push(posting);
    }
}

/// Gathers the terms of tables. A word is stemmed once, however often it comes.
#[derive(Default)]
pub(super) struct Terms {
    terms: Vec<Term>,
    by_stem: HashMap<String, usize>,
    by_word: HashMap<String, Word>,
    /// The terms of the name or text at hand.
    current: Vec<usize>,
    whole: String,
}

impl Terms {
    /// Takes in everything that may be seen of the table at `place`.
    pub(super) fn add_table(&mut self, table: u32, visible: &VisibleTable) {
        let reference = &visible.entry.reference;
        let description = &visible.entry.description;
        let of_table = Posting { table, column: None, weight: 0.0 };
        self.add_name(&reference.table, of_table.weighing(3.0));
        self.add_name(&reference.schema, of_table.weighing(0.3));
        self.add_name(&reference.source, of_table.weighing(0.3));
        for text in description.comment.iter().chain(&visible.texts) {
            self.add_text(text, of_table.weighing(1.5));
        }
        for &at in &visible.columns {
            let (Some(column), Ok(place)) = (description.columns.get(at), u16::try_from(at)) else {
                continue;
            };
            let of_column = Posting { table, column: Some(place), weight: 0.0 };
            self.add_name(&column.name, of_column.weighing(2.0));
            let meant = visible.column_texts.iter().filter(|(of, _)| *of == at);
            for text in column.comment.iter().chain(meant.map(|(_, text)| text)) {
                self.add_text(text, of_column.weighing(1.0));
            }
        }
    }

    /// All terms by their stems.
    pub(super) fn finish(mut self) -> BTreeMap<String, Term> {
        let terms = &mut self.terms;
        self.by_stem.into_iter().map(|(stem, at)| (stem, std::mem::take(&mut terms[at]))).collect()
    }

    /// The words of a name, and the name as one word. A word of a short name weighs more.
    fn add_name(&mut self, name: &str, posting: Posting) {
        self.whole.clear();
        words(name, |word| {
            self.whole.push_str(word);
            let term = term(&mut self.terms, &mut self.by_stem, &mut self.by_word, word);
            self.current.push(term.at);
        });
        let count = self.current.len();
        let share = posting.weighing(posting.weight * (0.6 + 0.4 / count.max(1) as f32));
        self.current.drain(..).for_each(|term| self.terms[term].add(share));
        if count > 1 {
            let whole = term(&mut self.terms, &mut self.by_stem, &mut self.by_word, &self.whole);
            self.terms[whole.at].add(posting);
        }
    }

    /// The words of a sentence. A word of a long one weighs less.
    fn add_text(&mut self, text: &str, posting: Posting) {
        words(text, |word| {
            let term = term(&mut self.terms, &mut self.by_stem, &mut self.by_word, word);
            if !term.is_stop_word {
                self.current.push(term.at);
            }
        });
        let share = posting.weighing(posting.weight / (1.0 + 0.05 * self.current.len() as f32));
        self.current.drain(..).for_each(|term| self.terms[term].add(share));
    }
}

/// A word that was seen before.
#[derive(Clone, Copy)]
struct Word {
    at: usize,
    is_stop_word: bool,
}

impl Posting {
    fn weighing(self, weight: f32) -> Self {
        Self { weight, ..self }
    }
}

/// The place of a word's term, which is made where it is new.
fn term(
    terms: &mut Vec<Term>,
    by_stem: &mut HashMap<String, usize>,
    by_word: &mut HashMap<String, Word>,
    word: &str,
) -> Word {
    if let Some(&known) = by_word.get(word) {
        return known;
    }
    let at = *by_stem.entry(stem(word)).or_insert_with(|| {
        terms.push(Term::default());
        terms.len() - 1
    });
    let known = Word { at, is_stop_word: is_stop_word(word) };
    by_word.insert(word.to_string(), known);
    known
}

/// Tables tied by a foreign key, both ways, where all its columns may be seen at both ends.
pub(super) fn neighbours(visible: &[VisibleTable]) -> Vec<Vec<u32>> {
    let places: HashMap<&TableRef, u32> =
        visible.iter().map(|table| &table.entry.reference).zip(0_u32..).collect();
    let mut neighbours = vec![Vec::new(); visible.len()];
    for (at, table) in (0_u32..).zip(visible) {
        for key in &table.entry.description.foreign_keys {
            let source = &table.entry.reference.source;
            let target = TableRef::new(source, &key.referenced_schema, &key.referenced_table);
            let Some(&to) = places.get(&target) else { continue };
            let seen =
                sees(table, &key.columns) && sees(&visible[to as usize], &key.referenced_columns);
            if seen && to != at {
                neighbours[at as usize].push(to);
                neighbours[to as usize].push(at);
            }
        }
    }
    neighbours
}

fn sees(table: &VisibleTable, names: &[String]) -> bool {
    let columns = &table.entry.description.columns;
    let visible = |name: &String| {
        table.columns.iter().any(|&at| columns.get(at).is_some_and(|column| column.name == *name))
    };
    names.iter().all(visible)
}
