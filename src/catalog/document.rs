//! The words of one table, as its reader sees it, and every place where each is said.
//!
//! A [`Document`] is made of a [`VisibleTable`] alone. So one serves whoever sees the same of the table, now
//! and after the catalog has changed elsewhere: `digest` names everything that it is made of.

use super::search::VisibleTable;
use super::words::{is_stop_word, stem, words};
use std::collections::HashMap;
use std::sync::Arc;

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

    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::TableText | Self::ColumnText)
    }

    /// Whether it is a name or a value: of these it counts how much of them is said.
    pub(super) fn is_named(self) -> bool {
        matches!(self, Self::Table | Self::Column | Self::Value)
    }
}

/// A name or value that has a word, and which of them it is; in four bytes, since there are millions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Named(u32);

impl Named {
    const KIND: u32 = 30;
    /// Nothing yet.
    pub(super) const NONE: Self = Self(0);

    fn new(place: u32, field: Field) -> Self {
        let kind = match field {
            Field::Table => 0,
            Field::Column => 1,
            _ => 2,
        };
        Self(place | kind << Self::KIND)
    }

    pub(super) fn place(self) -> usize {
        (self.0 & ((1 << Self::KIND) - 1)) as usize
    }

    pub(super) fn field(self) -> Field {
        match self.0 >> Self::KIND {
            0 => Field::Table,
            1 => Field::Column,
            _ => Field::Value,
        }
    }
}

/// What a word counts in the fields that are no names, by the fewest words around it; 0 where it is not said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Told([u16; 3]);

impl Told {
    const FIELDS: [Field; 3] = [Field::Source, Field::TableText, Field::ColumnText];

    fn add(&mut self, place: Place) {
        for (least, field) in self.0.iter_mut().zip(Self::FIELDS) {
            if field == place.field && (*least == 0 || place.words < *least) {
                *least = place.words;
            }
        }
    }

    /// The fields, with what the word counts there before it is weighed.
    pub(super) fn shares(self) -> impl Iterator<Item = (Field, f32)> {
        let said = self.0.into_iter().zip(Self::FIELDS).filter(|(words, _)| *words > 0);
        said.map(|(words, field)| (field, share_of(words)))
    }
}

/// What one word counts among so many.
fn share_of(words: u16) -> f32 {
    1.0 / (1.0 + 0.05 * f32::from(words))
}

/// One name, comment or value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    column: u16,
    words: u16,
    pub(super) field: Field,
}

impl Place {
    const NO_COLUMN: u16 = u16::MAX;

    pub(super) fn column(self) -> Option<u16> {
        (self.column != Self::NO_COLUMN).then_some(self.column)
    }

    /// What one word counts in a sentence.
    pub(super) fn told(self) -> f32 {
        share_of(self.words)
    }
}

/// Texts one after the other.
#[derive(Debug, Default)]
pub(super) struct Packed {
    text: String,
    ends: Vec<u32>,
}

impl Packed {
    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
    }

    pub(super) fn get(&self, at: usize) -> &str {
        let from = if at == 0 { 0 } else { self.ends[at - 1] as usize };
        &self.text[from..self.ends[at] as usize]
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|at| self.get(at))
    }

    pub(super) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }
}

/// Lists one after the other.
#[derive(Debug)]
struct Lists<T> {
    starts: Vec<u32>,
    items: Vec<T>,
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Self { starts: vec![0], items: Vec::new() }
    }
}

impl<T> Lists<T> {
    fn push(&mut self, items: impl Iterator<Item = T>) {
        self.items.extend(items);
        self.starts.push(u32::try_from(self.items.len()).unwrap_or(u32::MAX));
    }

    fn get(&self, at: usize) -> &[T] {
        &self.items[self.starts[at] as usize..self.starts[at + 1] as usize]
    }

    fn shrink(&mut self) {
        self.starts.shrink_to_fit();
        self.items.shrink_to_fit();
    }
}

/// The words of one table.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// Each stem once.
    pub(super) stems: Packed,
    /// By stem: the names and values that have it, in their order.
    named: Lists<Named>,
    /// By stem: the other places.
    others: Lists<u32>,
    pub(super) places: Vec<Place>,
    /// The stored form of the values, which are the last places.
    literals: Vec<Arc<str>>,
    /// Words of all its descriptions.
    pub(super) length: f32,
    /// The names of the columns that may be seen, as joins compare them.
    pub(super) folded: Packed,
}

impl Document {
    /// The names and values that have a stem; more than could ever tell anything are left out.
    pub(super) fn named(&self, stem: usize) -> &[Named] {
        let named = self.named.get(stem);
        &named[..named.len().min(usize::from(u16::MAX))]
    }

    /// What a stem counts in its other places.
    pub(super) fn told(&self, stem: usize) -> Told {
        let mut told = Told::default();
        self.others.get(stem).iter().for_each(|place| told.add(self.places[*place as usize]));
        told
    }

    /// Every place of a stem.
    pub(super) fn said(&self, stem: usize) -> impl Iterator<Item = u32> {
        let named = self.named.get(stem).iter().map(|named| named.0 & ((1 << Named::KIND) - 1));
        named.chain(self.others.get(stem).iter().copied())
    }

    /// The stored form of a value.
    pub(super) fn literal(&self, place: u32) -> Option<&str> {
        let at = (place as usize).checked_sub(self.places.len() - self.literals.len())?;
        self.literals.get(at).map(|literal| &**literal)
    }
}

/// Words of a value beyond these say nothing.
const VALUE_WORDS: usize = 12;

/// Makes documents. A word is stemmed once, however many tables have it.
#[derive(Default)]
pub(super) struct Reader {
    by_word: HashMap<String, Word>,
    by_stem: HashMap<String, u32>,
    stems: Packed,
    /// By stem: the last document that has it, and its place there.
    last: Vec<(u32, u32)>,
    document: u32,
    /// By stem: the last name or text that has it.
    last_place: Vec<u64>,
    place: u64,
    /// The document at hand, and its words by stem.
    made: Document,
    said: Vec<Vec<u32>>,
    /// The stems of the name or text at hand.
    current: Vec<u32>,
    whole: String,
}

/// A word that was seen before.
#[derive(Clone, Copy)]
struct Word {
    stem: u32,
    is_stop_word: bool,
}

impl Reader {
    /// The words of a table.
    pub(super) fn document(&mut self, table: &VisibleTable) -> Document {
        self.document += 1;
        self.names(table);
        let description = &table.entry.description;
        for &at in &table.columns {
            let (Some(column), Ok(place)) = (description.columns.get(at), u16::try_from(at)) else {
                self.made.folded.push("");
                continue;
            };
            self.add_name(&column.name, Some(place), Field::Column);
            self.made.folded.push(&folded(&column.name));
            for (_, name) in table.column_synonyms.iter().filter(|(of, _)| *of == at) {
                self.add_name(name, Some(place), Field::Column);
            }
            let meant = table.column_texts.iter().filter(|(of, _)| *of == at);
            for text in column.comment.iter().chain(meant.map(|(_, text)| text)) {
                self.add_text(text, Some(place), Field::ColumnText);
            }
        }
        for (at, value) in &table.values {
            if let (true, Ok(place)) = (table.columns.contains(at), u16::try_from(*at)) {
                self.add_value(value, place);
            }
        }
        self.finish()
    }

    fn names(&mut self, table: &VisibleTable) {
        let reference = &table.entry.reference;
        self.add_name(&reference.source, None, Field::Source);
        self.add_name(&reference.schema, None, Field::Source);
        self.add_name(&reference.table, None, Field::Table);
        for name in &table.synonyms {
            self.add_name(name, None, Field::Table);
        }
        for text in table.entry.description.comment.iter().chain(&table.texts) {
            self.add_text(text, None, Field::TableText);
        }
    }

    /// The words of a name, and the name as one word.
    fn add_name(&mut self, name: &str, column: Option<u16>, field: Field) {
        let mut whole = std::mem::take(&mut self.whole);
        whole.clear();
        words(name, |word| {
            whole.push_str(word);
            let word = self.word(word);
            self.current.push(word.stem);
        });
        let several = self.current.len() > 1;
        self.place(column, field);
        if several {
            let word = self.word(&whole);
            self.current.push(word.stem);
            self.place(column, field);
        }
        self.whole = whole;
    }

    /// The words of a sentence.
    fn add_text(&mut self, text: &str, column: Option<u16>, field: Field) {
        words(text, |word| {
            let word = self.word(word);
            if !word.is_stop_word {
                self.current.push(word.stem);
            }
        });
        self.place(column, field);
    }

    /// The words of a value, which is kept as it is stored.
    fn add_value(&mut self, value: &Arc<str>, column: u16) {
        words(value, |word| {
            if self.current.len() < VALUE_WORDS {
                let word = self.word(word);
                self.current.push(word.stem);
            }
        });
        if self.place(Some(column), Field::Value) {
            self.made.literals.push(value.clone());
        }
    }

    /// Makes a place of the stems at hand; says whether there are any.
    fn place(&mut self, column: Option<u16>, field: Field) -> bool {
        // In the order in which they are said: that of their numbers would depend on tables that were read before.
        self.place += 1;
        let (last, this) = (&mut self.last_place, self.place);
        self.current.retain(|stem| std::mem::replace(&mut last[*stem as usize], this) != this);
        if self.current.is_empty() {
            return false;
        }
        let at = u32::try_from(self.made.places.len()).unwrap_or(u32::MAX);
        let words = u16::try_from(self.current.len()).unwrap_or(u16::MAX);
        let column = column.unwrap_or(Place::NO_COLUMN);
        self.made.places.push(Place { column, words, field });
        if field.is_text() {
            self.made.length += f32::from(words);
        }
        let current = std::mem::take(&mut self.current);
        for &stem in &current {
            let here = self.here(stem);
            self.said[here].push(at);
        }
        self.current = current;
        self.current.clear();
        true
    }

    /// The place of a stem in the document at hand.
    fn here(&mut self, stem: u32) -> usize {
        let (document, here) = self.last[stem as usize];
        if document == self.document {
            return here as usize;
        }
        let here = self.said.len();
        self.made.stems.push(self.stems.get(stem as usize));
        self.last[stem as usize] = (self.document, u32::try_from(here).unwrap_or(u32::MAX));
        self.said.push(Vec::new());
        here
    }

    fn word(&mut self, word: &str) -> Word {
        if let Some(&known) = self.by_word.get(word) {
            return known;
        }
        let next = u32::try_from(self.by_stem.len()).unwrap_or(u32::MAX);
        let stem = stem(word);
        let at = match self.by_stem.get(&stem) {
            Some(&known) => known,
            None => {
                self.stems.push(&stem);
                self.last.push((0, 0));
                self.last_place.push(0);
                self.by_stem.insert(stem, next);
                next
            }
        };
        let known = Word { stem: at, is_stop_word: is_stop_word(word) };
        self.by_word.insert(word.to_string(), known);
        known
    }

    fn finish(&mut self) -> Document {
        let mut made = std::mem::take(&mut self.made);
        let Document { named, others, places, .. } = &mut made;
        for said in self.said.drain(..) {
            let field = |place: u32| places[place as usize].field;
            let (names, rest): (Vec<u32>, Vec<u32>) =
                said.into_iter().partition(|place| field(*place).is_named());
            named.push(names.into_iter().map(|place| Named::new(place, field(place))));
            others.push(rest.into_iter());
        }
        named.shrink();
        others.shrink();
        places.shrink_to_fit();
        made.stems.shrink();
        made.folded.shrink();
        made.literals.shrink_to_fit();
        made
    }
}

/// The stems of a name's words as one word.
pub(super) fn folded(name: &str) -> String {
    let mut folded = String::new();
    words(name, |word| folded.push_str(&stem(word)));
    folded
}
