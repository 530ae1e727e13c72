//! The order of tables: each by its own words, its source by how much of the question it knows, and then
//! one after the other by what each adds to those before.

use super::asked::Asked;
use super::document::{Field, Told};
use super::search::{Content, Index};
use super::terms::Posting;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// A schema of a source.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) tables: u32,
}

/// What a source's knowledge of the question counts, beside the best table's own words.
const SOURCE: f32 = 1.2;
/// A source with many tables knows many words by chance.
const SIZE: f32 = 0.2;
/// What the second-best places of a word count.
const OTHER_PLACES: f32 = 0.3;
/// Tables that are weighed against each other.
const FIRST: usize = 60;
/// What a word counts that no table before has.
const NEW_WORDS: f32 = 1.0;
/// What a key to a table before counts, and the most that several may.
const KEY: f32 = 0.25;
const KEYS: f32 = 0.3;
/// The tables tied to these come after so many matches, and so many of them.
const NEIGHBOURS_AFTER: usize = 4;
const NEIGHBOURS: usize = 3;

/// A term of the question, and the words that it may be a form of.
#[derive(Debug)]
struct Wanted {
    term: usize,
    words: Vec<(u8, f32)>,
}

/// A term of the question in a table.
#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    wanted: u32,
    /// The names and values there that have it.
    from: u32,
    named: u16,
    told: Told,
}

/// What a word of the question counts for a table.
#[derive(Debug, Clone, Copy)]
struct Cell {
    table: u32,
    word: u8,
    weight: f32,
}

/// What speaks for each table. Tables are looked at one after the other, each with all words at once.
#[derive(Debug)]
pub(super) struct Evidence {
    wanted: Vec<Wanted>,
    /// Where the entries of each table begin, and the end.
    starts: Vec<u32>,
    entries: Vec<Entry>,
    /// By table, then by word.
    cells: Vec<Cell>,
    own: Vec<f32>,
    words: Vec<u64>,
    totals: Vec<f32>,
    /// The best table's own words, and the best total.
    most: f32,
    best: f32,
}

impl Evidence {
    pub(super) fn of(content: &Content, asked: &[Asked]) -> Self {
        let mut wanted: BTreeMap<usize, Vec<(u8, f32)>> = BTreeMap::new();
        for (at, word) in (0_u8..).zip(asked) {
            for &(term, factor) in &word.forms {
                wanted.entry(term).or_default().push((at, factor));
            }
        }
        let wanted = wanted.into_iter().map(|(term, words)| Wanted { term, words }).collect();
        let tables = content.documents.len();
        let mut evidence = Self {
            wanted,
            starts: Vec::new(),
            entries: Vec::new(),
            cells: Vec::new(),
            own: vec![0.0; tables],
            words: vec![0; tables],
            totals: vec![0.0; tables],
            most: f32::MIN_POSITIVE,
            best: f32::MIN_POSITIVE,
        };
        evidence.gather(content);
        let sources = evidence.weigh(content, asked);
        evidence.sum_up(content, &sources);
        evidence
    }

    pub(super) fn words(&self, table: u32) -> u64 {
        self.words[table as usize]
    }

    pub(super) fn total(&self, table: u32) -> f32 {
        self.totals[table as usize]
    }

    /// The terms of the question by table.
    fn gather(&mut self, content: &Content) {
        let mut counts = vec![0_u32; content.documents.len() + 1];
        let postings = |wanted: &Wanted| content.terms.postings(wanted.term);
        for posting in self.wanted.iter().flat_map(postings) {
            counts[posting.table as usize + 1] += 1;
        }
        let mut end = 0;
        for count in &mut counts {
            end += *count;
            *count = end;
        }
        self.starts = counts;
        let mut next = self.starts.clone();
        self.entries = vec![Entry::default(); end as usize];
        for (wanted, of) in (0_u32..).zip(&self.wanted) {
            let mut from = content.terms.named_from(of.term);
            for posting in postings(of) {
                let place = &mut next[posting.table as usize];
                let Posting { named, told, .. } = *posting;
                self.entries[*place as usize] = Entry { wanted, from, named, told };
                (*place, from) = (*place + 1, from + u32::from(named));
            }
        }
    }

    fn entries(&self, table: u32) -> &[Entry] {
        let at = table as usize;
        &self.entries[self.starts[at] as usize..self.starts[at + 1] as usize]
    }

    /// Each word counts for a table where it is said best, and a little elsewhere. Gives what each
    /// schema knows: every word where its best table says it.
    fn weigh(&mut self, content: &Content, asked: &[Asked]) -> Vec<f32> {
        let groups = content.groups.len();
        let mut known = vec![0.0_f32; groups * asked.len()];
        let mut best = vec![[0.0_f32; Field::COUNT]; asked.len()];
        let mut said = vec![0.0_f32; content.terms.most_places()];
        for at in (0_u32..).take(content.documents.len()) {
            if self.entries(at).is_empty() {
                continue;
            }
            let table = InTable::of(content, at);
            self.say(&table, &mut said);
            let mut seen = 0_u64;
            for entry in self.entries(at) {
                let wanted = &self.wanted[entry.wanted as usize];
                let shares = table.shares(wanted.term, entry, &said);
                for &(word, factor) in &wanted.words {
                    seen |= 1 << word;
                    for (best, share) in best[usize::from(word)].iter_mut().zip(shares) {
                        *best = best.max(factor * share);
                    }
                }
            }
            self.unsay(&table, &mut said);
            while seen != 0 {
                let word = seen.trailing_zeros() as usize;
                seen &= seen - 1;
                let fields = std::mem::take(&mut best[word]);
                let most = fields.iter().copied().fold(0.0, f32::max);
                if most > 0.0 {
                    let strength = most + OTHER_PLACES * (fields.iter().sum::<f32>() - most);
                    self.add(at, word, strength * asked[word].rarity);
                    let group = content.group_of[at as usize] as usize;
                    let known = &mut known[word * groups + group];
                    *known = known.max(strength * asked[word].source_rarity);
                }
            }
        }
        let of_group = |group| (0..asked.len()).map(|word| known[word * groups + group]).sum();
        (0..groups).map(of_group).collect()
    }

    fn add(&mut self, table: u32, word: usize, weight: f32) {
        let at = u8::try_from(word).unwrap_or(u8::MAX);
        self.cells.push(Cell { table, word: at, weight });
        self.own[table as usize] += weight;
        self.words[table as usize] |= 1 << word;
    }

    /// Adds the rarity of the question's words to each place of a table. A stem that two words may mean counts once.
    fn say(&self, table: &InTable<'_>, said: &mut [f32]) {
        for entry in self.entries(table.at) {
            let wanted = &self.wanted[entry.wanted as usize];
            let sure = wanted.words.iter().map(|(_, factor)| *factor).fold(0.0, f32::max);
            let term = table.content.terms.known(wanted.term);
            for &named in table.content.terms.named(entry.from, entry.named) {
                if term.counts_in(named.field(), table.sizes[named.place()]) {
                    said[named.place()] += sure * term.rarity;
                }
            }
        }
    }

    /// Takes it away again.
    fn unsay(&self, table: &InTable<'_>, said: &mut [f32]) {
        for entry in self.entries(table.at) {
            for named in table.content.terms.named(entry.from, entry.named) {
                said[named.place()] = 0.0;
            }
        }
    }

    /// Calls `each` with every place of a table where a word of the question is said: the word, the place, what it counts
    /// there, and the part of it that the question says.
    pub(super) fn said_in(
        &self,
        content: &Content,
        table: u32,
        mut each: impl FnMut(u8, u32, f32, f32),
    ) {
        let table = InTable::of(content, table);
        let document = &content.documents[table.at as usize];
        let mut said = vec![0.0_f32; document.places.len()];
        self.say(&table, &mut said);
        for entry in self.entries(table.at) {
            let wanted = &self.wanted[entry.wanted as usize];
            let Some(posting) = content.terms.posting(wanted.term, table.at) else { continue };
            for place in document.said(posting.stem as usize) {
                let (of, at) = (document.places[place as usize], place as usize);
                let part = table.part(at, said[at]);
                let share = match of.field.is_named() {
                    true => of_name(of.field, part),
                    false => table.of_text(of.field, of.told()),
                };
                for &(word, factor) in &wanted.words {
                    each(word, place, factor * share, part);
                }
            }
        }
    }

    fn sum_up(&mut self, content: &Content, sources: &[f32]) {
        let known = sources.iter().zip(&content.groups);
        let known: Vec<f32> = known
            .map(|(known, group)| known / (1.0 + SIZE * (group.tables.max(1) as f32).ln()))
            .collect();
        let most_known = known.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        self.most = self.own.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        for table in 0..self.totals.len() {
            if self.words[table] != 0 {
                let source = known[content.group_of[table] as usize] / most_known;
                self.totals[table] = self.own[table] / self.most + SOURCE * source;
            }
        }
        self.best = self.totals.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    }
}

/// A table of an index with what is counted of it there.
struct InTable<'a> {
    at: u32,
    content: &'a Content,
    sizes: &'a [f32],
    scale: f32,
}

impl<'a> InTable<'a> {
    fn of(content: &'a Content, at: u32) -> Self {
        Self { at, content, sizes: content.terms.sizes(at), scale: content.terms.scale(at) }
    }

    /// What a term counts here in each field, at best.
    fn shares(&self, term: usize, entry: &Entry, said: &[f32]) -> [f32; Field::COUNT] {
        let mut shares = [0.0_f32; Field::COUNT];
        for (field, share) in entry.told.shares() {
            shares[field as usize] = self.of_text(field, share);
        }
        let term = self.content.terms.known(term);
        for &named in self.content.terms.named(entry.from, entry.named) {
            let (field, place) = (named.field(), named.place());
            if term.counts_in(field, self.sizes[place]) {
                let best = &mut shares[field as usize];
                *best = best.max(of_name(field, self.part(place, said[place])));
            }
        }
        shares
    }

    /// The part of a name or value that the question says, by rarity.
    fn part(&self, place: usize, said: f32) -> f32 {
        let size = self.sizes[place];
        if size > 0.0 { (said / size).min(1.0) } else { 0.0 }
    }

    /// What a word counts among others. Tables that are described at length say every word.
    fn of_text(&self, field: Field, share: f32) -> f32 {
        field.weight() * if field.is_text() { share * self.scale } else { share }
    }
}

/// What a word counts in a name or value of which the question says such a part: a name that is said whole counts more, and
/// part of a value little.
fn of_name(field: Field, part: f32) -> f32 {
    field.weight() * if field == Field::Value { part } else { 0.5 + 0.5 * part }
}

impl Index {
    /// The tables of an answer in their order, with the table that each is a mere neighbour of.
    pub(super) fn picked(&self, evidence: &Evidence, limit: usize) -> Vec<(u32, Option<u32>)> {
        let mut ranked: Vec<u32> = (0_u32..)
            .zip(&evidence.words)
            .filter(|(_, words)| **words != 0)
            .map(|(t, _)| t)
            .collect();
        // Neighbours may be among them, and are told before.
        let most = FIRST.max(limit) + 2 * NEIGHBOURS;
        let order = |a: &u32, b: &u32| self.by_total(evidence, *a, *b);
        if ranked.len() > most {
            ranked.select_nth_unstable_by(most, order);
            ranked.truncate(most);
        }
        ranked.sort_unstable_by(order);
        let mut rest = ranked.split_off(FIRST.min(ranked.len()));
        let mut choice = Choice::of(evidence, ranked);
        let mut picked: Vec<(u32, Option<u32>)> = Vec::new();
        while picked.len() < limit {
            if picked.len() == NEIGHBOURS_AFTER {
                let near = self.nearest_neighbours(evidence, &picked);
                near.iter().for_each(|(table, _)| choice.take(*table));
                picked.extend(near);
            }
            let Some(table) = choice.next(evidence) else { break };
            choice.add(self, evidence, table);
            picked.push((table, None));
        }
        if picked.len() < NEIGHBOURS_AFTER {
            picked.extend(self.nearest_neighbours(evidence, &picked));
        }
        rest.retain(|table| picked.iter().all(|(known, _)| known != table));
        picked.extend(rest.into_iter().map(|table| (table, None)));
        picked.truncate(limit);
        picked
    }

    /// Tables tied by a key to the picked ones: by how many, and then by their own words.
    fn nearest_neighbours(
        &self,
        evidence: &Evidence,
        picked: &[(u32, Option<u32>)],
    ) -> Vec<(u32, Option<u32>)> {
        let mut near: Vec<(u32, u32, usize)> = Vec::new();
        for &(table, _) in picked {
            for &neighbour in self.content.joins.keys_of(table) {
                match near.iter_mut().find(|(known, ..)| *known == neighbour) {
                    Some((_, _, ties)) => *ties += 1,
                    None => near.push((neighbour, table, 1)),
                }
            }
        }
        near.retain(|(table, ..)| picked.iter().all(|(known, _)| known != table));
        near.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| self.by_total(evidence, a.0, b.0)));
        near.into_iter().take(NEIGHBOURS).map(|(table, of, _)| (table, Some(of))).collect()
    }

    fn by_total(&self, evidence: &Evidence, a: u32, b: u32) -> Ordering {
        let (of_a, of_b) = (evidence.total(a), evidence.total(b));
        let names = || self.tables[a as usize].reference.cmp(&self.tables[b as usize].reference);
        of_b.total_cmp(&of_a).then_with(names)
    }
}

/// The tables that may come next.
struct Choice {
    left: Vec<Candidate>,
    /// The best weight of each word so far.
    covered: [f32; 64],
}

struct Candidate {
    table: u32,
    words: Vec<(u8, f32)>,
    keys: f32,
}

impl Choice {
    fn of(evidence: &Evidence, tables: Vec<u32>) -> Self {
        let candidate = |table| {
            let from = evidence.cells.partition_point(|cell| cell.table < table);
            let cells = evidence.cells[from..].iter().take_while(|cell| cell.table == table);
            let words = cells.map(|cell| (cell.word, cell.weight)).collect();
            Candidate { table, words, keys: 0.0 }
        };
        Self { left: tables.into_iter().map(candidate).collect(), covered: [0.0; 64] }
    }

    /// The best of those left: by its own words, by words that are new, by keys.
    fn next(&self, evidence: &Evidence) -> Option<u32> {
        let mut best: Option<(f32, u32)> = None;
        for candidate in &self.left {
            let new = candidate.words.iter();
            let new =
                new.map(|(word, weight)| (weight - self.covered[usize::from(*word)]).max(0.0));
            let score = evidence.total(candidate.table)
                + NEW_WORDS * new.sum::<f32>() / evidence.most
                + candidate.keys;
            if best.is_none_or(|(most, _)| score > most) {
                best = Some((score, candidate.table));
            }
        }
        best.map(|(_, table)| table)
    }

    fn take(&mut self, table: u32) {
        self.left.retain(|candidate| candidate.table != table);
    }

    /// Takes a table: its words are covered, and the tables it has keys to gain.
    fn add(&mut self, index: &Index, evidence: &Evidence, table: u32) {
        let Some(at) = self.left.iter().position(|candidate| candidate.table == table) else {
            return;
        };
        let chosen = self.left.remove(at);
        for (word, weight) in chosen.words {
            let covered = &mut self.covered[usize::from(word)];
            *covered = covered.max(weight);
        }
        let gain = KEY * evidence.total(table) / evidence.best;
        let tied = index.content.joins.keys_of(table);
        for candidate in self.left.iter_mut() {
            if tied.contains(&candidate.table) {
                candidate.keys = (candidate.keys + gain).min(KEYS);
            }
        }
    }
}
