//! The words of what a reader may see, and every place where each is said.

use super::VisibleTable;
use super::words::{is_stop_word, stem, words};
use std::collections::HashMap;

/// Where a word is said; what is said there weighs so much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Source,
    Table,
    TableText,
    Column,
    ColumnText,
    Value,
}

impl Field {
    pub(super) const COUNT: usize = 6;

    pub(super) fn weight(self) -> f32 {
        match self {
            Self::Source => 0.5,
            Self::Table => 3.0,
            Self::Column => 2.0,
            Self::Value => 1.5,
            Self::TableText | Self::ColumnText => 1.0,
        }
    }

    fn is_text(self) -> bool {
        matches!(self, Self::TableText | Self::ColumnText)
    }
}

/// One name, comment or value.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) table: u32,
    pub(super) column: Option<u16>,
    pub(super) field: Field,
    /// Of a name or value: the rarity of all its words. Of others: what a word of it counts.
    size: f32,
}

impl Place {
    /// How much a word counts here, where `said` is the rarity of the words that the question says
    /// of this place: a name that is said whole counts more, and part of a value little.
    pub(super) fn share(&self, said: f32) -> f32 {
        match self.field {
            Field::Table | Field::Column => 0.5 + 0.5 * self.part(said),
            Field::Value => self.part(said),
            Field::Source | Field::TableText | Field::ColumnText => self.size,
        }
    }

    /// The part of it that the question says, by rarity.
    pub(super) fn part(&self, said: f32) -> f32 {
        if self.size > 0.0 { (said / self.size).min(1.0) } else { 0.0 }
    }
}

/// A stem and where it is.
#[derive(Debug, Default)]
pub(super) struct Term {
    /// Places, in the order of their tables.
    pub(super) places: Vec<u32>,
    /// Those of them that are names and values: what the rest of the question says of them counts.
    pub(super) named: Vec<u32>,
    /// What it counts in the other fields, best of each table.
    pub(super) told: Vec<Told>,
    /// Tables that have it.
    pub(super) tables: u32,
    /// Schemas of sources that have it.
    pub(super) groups: u32,
    /// What it says about a table.
    pub(super) rarity: f32,
}

/// What a stem counts in a field of a table that is no name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    pub(super) table: u32,
    pub(super) field: Field,
    pub(super) share: f32,
}

/// All words of a set of tables.
#[derive(Debug, Default)]
pub(super) struct Terms {
    pub(super) places: Vec<Place>,
    /// By stem, sorted.
    pub(super) known: Vec<(Box<str>, Term)>,
    /// The first place of each table, and the end.
    pub(super) starts: Vec<u32>,
    /// The stored form of values, by their places.
    pub(super) literals: HashMap<u32, Box<str>>,
}

impl Terms {
    /// Takes in every table; `group_of` says which schema of which source each belongs to.
    pub(super) fn of(visible: &[VisibleTable], group_of: &[u32]) -> Self {
        let mut gathered = Gathered::default();
        for (at, table) in (0_u32..).zip(visible) {
            gathered.add_table(at, table);
        }
        gathered.finish(group_of)
    }

    /// The places of a stem that are in one table.
    pub(super) fn places_in(&self, term: usize, table: u32) -> &[u32] {
        let places = &self.known[term].1.places;
        let start = self.starts[table as usize];
        let end = self.starts.get(table as usize + 1).copied().unwrap_or(u32::MAX);
        let from = places.partition_point(|place| *place < start);
        let to = from + places[from..].partition_point(|place| *place < end);
        &places[from..to]
    }

    /// The place of a stem among the known ones.
    pub(super) fn find(&self, stem: &str) -> Option<usize> {
        self.known.binary_search_by(|(known, _)| (**known).cmp(stem)).ok()
    }

    /// The known stems that begin with `prefix`.
    pub(super) fn beginning(&self, prefix: &str) -> impl Iterator<Item = (usize, &str)> {
        let from = self.known.partition_point(|(known, _)| &**known < prefix);
        let known =
            self.known[from..].iter().take_while(move |(known, _)| known.starts_with(prefix));
        (from..).zip(known.map(|(known, _)| &**known))
    }
}

/// Gathers the terms of tables. A word is stemmed once, however often it comes.
#[derive(Default)]
struct Gathered {
    terms: Vec<Term>,
    places: Vec<Place>,
    starts: Vec<u32>,
    literals: HashMap<u32, Box<str>>,
    by_stem: HashMap<String, usize>,
    by_word: HashMap<String, Word>,
    /// The terms of the name or text at hand.
    current: Vec<usize>,
    whole: String,
}

/// A word that was seen before.
#[derive(Clone, Copy)]
struct Word {
    at: usize,
    is_stop_word: bool,
}

/// Words of a value beyond these say nothing.
const VALUE_WORDS: usize = 12;

impl Gathered {
    /// Takes in everything that may be seen of a table.
    fn add_table(&mut self, table: u32, visible: &VisibleTable) {
        self.starts.push(u32::try_from(self.places.len()).unwrap_or(u32::MAX));
        let reference = &visible.entry.reference;
        let description = &visible.entry.description;
        self.add_name(&reference.source, table, None, Field::Source);
        self.add_name(&reference.schema, table, None, Field::Source);
        self.add_name(&reference.table, table, None, Field::Table);
        for name in &visible.synonyms {
            self.add_name(name, table, None, Field::Table);
        }
        for text in description.comment.iter().chain(&visible.texts) {
            self.add_text(text, table, None, Field::TableText);
        }
        for &at in &visible.columns {
            let (Some(column), Ok(place)) = (description.columns.get(at), u16::try_from(at)) else {
                continue;
            };
            self.add_name(&column.name, table, Some(place), Field::Column);
            for (_, name) in visible.column_synonyms.iter().filter(|(of, _)| *of == at) {
                self.add_name(name, table, Some(place), Field::Column);
            }
            let meant = visible.column_texts.iter().filter(|(of, _)| *of == at);
            for text in column.comment.iter().chain(meant.map(|(_, text)| text)) {
                self.add_text(text, table, Some(place), Field::ColumnText);
            }
        }
        for (at, value) in &visible.values {
            if let (true, Ok(place)) = (visible.columns.contains(at), u16::try_from(*at)) {
                self.add_value(value, table, place);
            }
        }
    }

    /// The words of a name, and the name as one word.
    fn add_name(&mut self, name: &str, table: u32, column: Option<u16>, field: Field) {
        self.whole.clear();
        words(name, |word| {
            self.whole.push_str(word);
            let term = term(&mut self.terms, &mut self.by_stem, &mut self.by_word, word);
            self.current.push(term.at);
        });
        let several = self.current.len() > 1;
        self.place(table, column, field);
        if several {
            let whole = term(&mut self.terms, &mut self.by_stem, &mut self.by_word, &self.whole);
            self.current.push(whole.at);
            self.place(table, column, field);
        }
    }

    /// The words of a sentence.
    fn add_text(&mut self, text: &str, table: u32, column: Option<u16>, field: Field) {
        words(text, |word| {
            let term = term(&mut self.terms, &mut self.by_stem, &mut self.by_word, word);
            if !term.is_stop_word {
                self.current.push(term.at);
            }
        });
        self.place(table, column, field);
    }

    /// The words of a value, which is kept as it is stored.
    fn add_value(&mut self, value: &str, table: u32, column: u16) {
        words(value, |word| {
            if self.current.len() < VALUE_WORDS {
                let term = term(&mut self.terms, &mut self.by_stem, &mut self.by_word, word);
                self.current.push(term.at);
            }
        });
        if let Some(place) = self.place(table, Some(column), Field::Value) {
            self.literals.insert(place, value.into());
        }
    }

    /// Makes a place of the terms at hand.
    fn place(&mut self, table: u32, column: Option<u16>, field: Field) -> Option<u32> {
        self.current.sort_unstable();
        self.current.dedup();
        if self.current.is_empty() {
            return None;
        }
        let at = u32::try_from(self.places.len()).ok()?;
        let count = self.current.len() as f32;
        let size = match field {
            Field::Source | Field::TableText | Field::ColumnText => 1.0 / (1.0 + 0.05 * count),
            Field::Table | Field::Column | Field::Value => 0.0,
        };
        self.places.push(Place { table, column, field, size });
        self.current.drain(..).for_each(|term| self.terms[term].places.push(at));
        Some(at)
    }

    /// Rarities, and what depends on them.
    fn finish(mut self, group_of: &[u32]) -> Terms {
        let scales = self.text_scales(group_of.len());
        for term in &mut self.terms {
            term.places.shrink_to_fit();
            let (mut table, mut group) = (u32::MAX, u32::MAX);
            for &place in &term.places {
                let here = self.places[place as usize].table;
                if here != table {
                    table = here;
                    term.tables += 1;
                    term.groups += u32::from(group_of[here as usize] != group);
                    group = group_of[here as usize];
                }
            }
            let (all, with) = (group_of.len() as f32, term.tables as f32);
            term.rarity = (1.0 + (all - with + 0.5) / (with + 0.5)).ln();
            for &place in &term.places {
                let place = &mut self.places[place as usize];
                if matches!(place.field, Field::Table | Field::Column | Field::Value) {
                    place.size += term.rarity;
                }
            }
        }
        for place in self.places.iter_mut().filter(|place| place.field.is_text()) {
            place.size *= scales[place.table as usize];
        }
        for term in &mut self.terms {
            term.divide(&self.places);
        }
        let terms = &mut self.terms;
        let known = self.by_stem.into_iter();
        let mut known: Vec<(Box<str>, Term)> = known
            .map(|(stem, at)| (stem.into_boxed_str(), std::mem::take(&mut terms[at])))
            .collect();
        known.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Terms { places: self.places, known, starts: self.starts, literals: self.literals }
    }

    /// Tables that are described at length say every word: each counts less there.
    fn text_scales(&self, tables: usize) -> Vec<f32> {
        let mut lengths = vec![0.0_f32; tables];
        for term in &self.terms {
            for &place in &term.places {
                let place = &self.places[place as usize];
                if place.field.is_text() {
                    lengths[place.table as usize] += 1.0;
                }
            }
        }
        let mean = lengths.iter().sum::<f32>() / tables.max(1) as f32;
        let scale = |length: &f32| match mean > 0.0 {
            true => 1.0 / (1.0 + 0.4 * (length / mean).ln_1p()),
            false => 1.0,
        };
        lengths.iter().map(scale).collect()
    }
}

/// Values, and names of columns, that a word may be a part of. Where it is in more it says little, and counts
/// only where it is all of them.
const PART_OF_VALUES: usize = 2_000;
const PART_OF_COLUMNS: usize = 5_000;

impl Term {
    /// Sorts out which places are names and values, and what the others count.
    fn divide(&mut self, places: &[Place]) {
        let (mut values, mut columns) = (0, 0);
        for &at in &self.places {
            let place = &places[at as usize];
            match place.field {
                Field::Table | Field::Column | Field::Value => {
                    self.named.push(at);
                    values += usize::from(place.field == Field::Value);
                    columns += usize::from(place.field == Field::Column);
                }
                field => self.told.push(Told { table: place.table, field, share: place.size }),
            }
        }
        let rarity = self.rarity;
        self.named.retain(|at| {
            let place = &places[*at as usize];
            let is_common = match place.field {
                Field::Value => values > PART_OF_VALUES,
                Field::Column => columns > PART_OF_COLUMNS,
                _ => false,
            };
            !is_common || place.size <= rarity * 1.001
        });
        let order = |told: &Told| (told.table, told.field as u8);
        self.told.sort_by(|a, b| order(a).cmp(&order(b)).then(b.share.total_cmp(&a.share)));
        self.told.dedup_by_key(|told| order(told));
        self.named.shrink_to_fit();
        self.told.shrink_to_fit();
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
