//! The words of a set of documents: in how many tables each is, and so what it says about one.
//!
//! What is counted here is counted over the reader's own documents, and anew where one of them is another. So a
//! table that the reader may not see has no part in any number.

use super::document::{Document, Field, Named, Packed, Told};
use std::collections::HashMap;
use std::sync::Arc;

/// What a stem says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Term {
    /// Schemas of sources that have it.
    pub(super) groups: u32,
    /// What it says about a table.
    pub(super) rarity: f32,
    /// Its letters, as bits: two stems whose letters differ much are no slip of each other.
    pub(super) letters: u32,
    /// So many values have it that it counts only where it is a whole one; and names of columns.
    common_value: bool,
    common_column: bool,
}

impl Term {
    /// Whether a name or value of this rarity counts for it, where it may be a part of one.
    pub(super) fn counts_in(&self, field: Field, size: f32) -> bool {
        let is_common = match field {
            Field::Value => self.common_value,
            Field::Column => self.common_column,
            _ => false,
        };
        !is_common || size <= self.rarity * 1.001
    }
}

/// A document that has a term.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Posting {
    pub(super) table: u32,
    /// The term's place among the document's stems.
    pub(super) stem: u32,
    /// How many names and values have it there.
    pub(super) named: u16,
    pub(super) told: Told,
}

/// All words of a set of documents.
#[derive(Debug, Default)]
pub(super) struct Terms {
    /// Sorted.
    stems: Packed,
    known: Vec<Term>,
    /// Where the postings of each term begin, and the end.
    starts: Vec<u32>,
    postings: Vec<Posting>,
    /// Where the names and values of each term begin, and the end: those of one posting after those of another.
    named_starts: Vec<u32>,
    named: Vec<Named>,
    /// The first place of each table, and the end.
    first: Vec<u32>,
    /// By place: the rarity of all words of a name or value.
    sizes: Vec<f32>,
    /// Tables that are described at length say every word: what each counts there.
    scales: Vec<f32>,
}

/// Values, and names of columns, that a word may be a part of. Where it is in more it says little, and counts
/// only where it is all of them.
const PART_OF_VALUES: u32 = 2_000;
const PART_OF_COLUMNS: u32 = 5_000;

impl Terms {
    /// Counts the words of every document; `group_of` says which schema of which source each belongs to.
    pub(super) fn of(documents: &[Arc<Document>], group_of: &[u32]) -> Self {
        let mut counted = Counted::default();
        for (document, group) in documents.iter().zip(group_of) {
            counted.add(document, *group);
        }
        counted.finish(documents)
    }

    /// What is known of a term.
    pub(super) fn known(&self, term: usize) -> &Term {
        &self.known[term]
    }

    /// The documents that have a term, in their order.
    pub(super) fn postings(&self, term: usize) -> &[Posting] {
        &self.postings[self.starts[term] as usize..self.starts[term + 1] as usize]
    }

    /// The names and values that have a term, in the order of its postings.
    pub(super) fn named_from(&self, term: usize) -> u32 {
        self.named_starts[term]
    }

    /// So many of them from there on.
    pub(super) fn named(&self, from: u32, count: u16) -> &[Named] {
        &self.named[from as usize..][..usize::from(count)]
    }

    /// The posting of a term in one document.
    pub(super) fn posting(&self, term: usize, table: u32) -> Option<&Posting> {
        let postings = self.postings(term);
        let at = postings.binary_search_by_key(&table, |posting| posting.table).ok()?;
        postings.get(at)
    }

    /// The most places that a document has.
    pub(super) fn most_places(&self) -> usize {
        let places = self.first.windows(2).map(|pair| pair[1] - pair[0]);
        places.max().unwrap_or_default() as usize
    }

    /// The sizes of a document's places.
    pub(super) fn sizes(&self, table: u32) -> &[f32] {
        let at = table as usize;
        &self.sizes[self.first[at] as usize..self.first[at + 1] as usize]
    }

    /// What a word of a description counts in a document.
    pub(super) fn scale(&self, table: u32) -> f32 {
        self.scales[table as usize]
    }

    /// The place of a stem among the known ones.
    pub(super) fn find(&self, stem: &str) -> Option<usize> {
        let at = self.below(|known| known < stem);
        (at < self.stems.len() && self.stems.get(at) == stem).then_some(at)
    }

    /// The known stems that begin with `prefix`.
    pub(super) fn beginning(&self, prefix: &str) -> impl Iterator<Item = (usize, &str)> {
        let from = self.below(|known| known < prefix);
        let known = (from..self.stems.len()).map(|at| (at, self.stems.get(at)));
        known.take_while(move |(_, known)| known.starts_with(prefix))
    }

    /// How many of the sorted stems come first, by `is_below`.
    fn below(&self, is_below: impl Fn(&str) -> bool) -> usize {
        let (mut from, mut to) = (0, self.stems.len());
        while from < to {
            let middle = usize::midpoint(from, to);
            if is_below(self.stems.get(middle)) { from = middle + 1 } else { to = middle }
        }
        from
    }
}

/// The letters of a stem as bits.
pub(super) fn letters(stem: &str) -> u32 {
    stem.chars().fold(0, |letters, letter| letters | 1 << (u32::from(letter) % 32))
}

/// Where a stem was met.
#[derive(Clone, Copy, Default)]
struct Met {
    tables: u32,
    groups: u32,
    last_group: Option<u32>,
    values: u32,
    columns: u32,
    named: u32,
}

impl Met {
    fn term(self, stem: &str, all: usize) -> Term {
        let (all, with) = (all as f32, self.tables as f32);
        Term {
            groups: self.groups,
            rarity: (1.0 + (all - with + 0.5) / (with + 0.5)).ln(),
            letters: letters(stem),
            common_value: self.values > PART_OF_VALUES,
            common_column: self.columns > PART_OF_COLUMNS,
        }
    }
}

/// Stems in the order in which they were met.
#[derive(Default)]
struct Counted<'a> {
    by_stem: HashMap<&'a str, u32>,
    met: Vec<Met>,
    /// By document and stem: its place among those that were met.
    order: Vec<u32>,
}

impl<'a> Counted<'a> {
    fn add(&mut self, document: &'a Document, group: u32) {
        for (at, stem) in document.stems.iter().enumerate() {
            let next = u32::try_from(self.met.len()).unwrap_or(u32::MAX);
            let known = *self.by_stem.entry(stem).or_insert(next);
            if known == next {
                self.met.push(Met::default());
            }
            self.order.push(known);
            let met = &mut self.met[known as usize];
            met.tables += 1;
            met.groups += u32::from(met.last_group != Some(group));
            met.last_group = Some(group);
            for named in document.named(at) {
                met.named += 1;
                met.values += u32::from(named.field() == Field::Value);
                met.columns += u32::from(named.field() == Field::Column);
            }
        }
    }

    fn finish(self, documents: &[Arc<Document>]) -> Terms {
        let mut stems: Vec<(&str, u32)> = self.by_stem.into_iter().collect();
        stems.sort_unstable();
        let mut terms = Terms { scales: scales(documents), ..Terms::default() };
        let mut sorted = vec![0_u32; stems.len()];
        let (mut end, mut named) = (0, 0);
        terms.starts.push(end);
        terms.named_starts.push(named);
        for (at, (stem, place)) in (0_u32..).zip(stems) {
            let met = self.met[place as usize];
            terms.stems.push(stem);
            terms.known.push(met.term(stem, documents.len()));
            (end, named) = (end + met.tables, named + met.named);
            terms.starts.push(end);
            terms.named_starts.push(named);
            sorted[place as usize] = at;
        }
        terms.stems.shrink();
        terms.fill(documents, &self.order, &sorted);
        terms
    }
}

impl Terms {
    /// Takes in where each term is, and the sizes of names and values. `order` has the terms of each document as they were met,
    /// `sorted` their places among the stems.
    fn fill(&mut self, documents: &[Arc<Document>], order: &[u32], sorted: &[u32]) {
        let mut next = self.starts.clone();
        let mut next_named = self.named_starts.clone();
        self.postings.resize(order.len(), Posting::default());
        let named = self.named_starts.last().copied().unwrap_or_default();
        self.named.resize(named as usize, Named::NONE);
        self.first.push(0);
        let mut order = order.iter();
        for (table, document) in (0_u32..).zip(documents) {
            let first = self.sizes.len();
            self.sizes.resize(first + document.places.len(), 0.0);
            let sizes = &mut self.sizes[first..];
            for (stem, met) in (0_u32..).zip(order.by_ref().take(document.stems.len())) {
                let term = sorted[*met as usize] as usize;
                let (rarity, named) = (self.known[term].rarity, document.named(stem as usize));
                let count = u16::try_from(named.len()).unwrap_or(u16::MAX);
                let told = document.told(stem as usize);
                let (place, from) = (&mut next[term], &mut next_named[term]);
                self.postings[*place as usize] = Posting { table, stem, named: count, told };
                let end = *from + u32::from(count);
                self.named[*from as usize..end as usize].copy_from_slice(named);
                (*place, *from) = (*place + 1, end);
                named.iter().for_each(|named| sizes[named.place()] += rarity);
            }
            self.first.push(u32::try_from(self.sizes.len()).unwrap_or(u32::MAX));
        }
    }
}

fn scales(documents: &[Arc<Document>]) -> Vec<f32> {
    let lengths = documents.iter().map(|document| document.length);
    let mean = lengths.clone().sum::<f32>() / documents.len().max(1) as f32;
    let scale = |length: f32| match mean > 0.0 {
        true => 1.0 / (1.0 + 0.4 * (length / mean).ln_1p()),
        false => 1.0,
    };
    lengths.map(scale).collect()
}
