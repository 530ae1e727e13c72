//! The order of tables: each by its own words, its source by how much of the question it knows, and then
//! one after the other by what each adds to those before.

use super::asked::Asked;
use super::search::Index;
use super::terms::Field;

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

/// What speaks for each table.
#[derive(Debug)]
pub(super) struct Evidence {
    /// By place: the rarity of the question's words that are in it.
    said: Vec<f32>,
    /// Word, table, weight.
    cells: Vec<(u8, u32, f32)>,
    own: Vec<f32>,
    words: Vec<u64>,
    totals: Vec<f32>,
    /// The best table's own words.
    most: f32,
}

impl Evidence {
    pub(super) fn of(index: &Index, asked: &[Asked]) -> Self {
        let mut evidence = Self {
            said: said(index, asked),
            cells: Vec::new(),
            own: vec![0.0; index.tables.len()],
            words: vec![0; index.tables.len()],
            totals: vec![0.0; index.tables.len()],
            most: f32::MIN_POSITIVE,
        };
        let sources = evidence.add_words(index, asked);
        evidence.sum_up(index, &sources);
        evidence
    }

    pub(super) fn said(&self, place: u32) -> f32 {
        self.said[place as usize]
    }

    pub(super) fn words(&self, table: u32) -> u64 {
        self.words[table as usize]
    }

    pub(super) fn total(&self, table: u32) -> f32 {
        self.totals[table as usize]
    }

    /// Each word counts for a table where it is said best, and a little elsewhere. Gives what each
    /// schema knows: every word where its best table says it.
    fn add_words(&mut self, index: &Index, asked: &[Asked]) -> Vec<f32> {
        let mut sources = vec![0.0_f32; index.groups.len()];
        let mut best = vec![[0.0_f32; Field::COUNT]; index.tables.len()];
        let mut by_source = vec![0.0_f32; index.groups.len()];
        for (at, word) in (0_u8..).zip(asked) {
            for &(term, factor) in &word.forms {
                let term = &index.terms.known[term].1;
                let mut add = |table: u32, field: Field, share: f32| {
                    let known = &mut best[table as usize][field as usize];
                    *known = known.max(factor * field.weight() * share);
                };
                for &at in &term.named {
                    let place = &index.terms.places[at as usize];
                    add(place.table, place.field, place.share(self.said[at as usize]));
                }
                term.told.iter().for_each(|told| add(told.table, told.field, told.share));
            }
            for (table, fields) in (0_u32..).zip(&mut best) {
                let most = fields.iter().copied().fold(0.0, f32::max);
                if most == 0.0 {
                    continue;
                }
                let strength = most + OTHER_PLACES * (fields.iter().sum::<f32>() - most);
                *fields = [0.0; Field::COUNT];
                let weight = strength * word.rarity;
                self.cells.push((at, table, weight));
                self.own[table as usize] += weight;
                self.words[table as usize] |= 1 << at;
                let source = &mut by_source[index.group_of[table as usize] as usize];
                *source = source.max(strength * word.source_rarity);
            }
            for (known, source) in sources.iter_mut().zip(&mut by_source) {
                *known += std::mem::take(source);
            }
        }
        sources
    }

    fn sum_up(&mut self, index: &Index, sources: &[f32]) {
        let known = sources.iter().zip(&index.groups);
        let known: Vec<f32> = known
            .map(|(known, group)| known / (1.0 + SIZE * (group.tables.max(1) as f32).ln()))
            .collect();
        let most_known = known.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        self.most = self.own.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        for table in 0..self.totals.len() {
            if self.words[table] != 0 {
                let source = known[index.group_of[table] as usize] / most_known;
                self.totals[table] = self.own[table] / self.most + SOURCE * source;
            }
        }
    }
}

/// The rarity of the question's words in each place. A stem that two words may mean counts once.
fn said(index: &Index, asked: &[Asked]) -> Vec<f32> {
    let mut sure = std::collections::BTreeMap::new();
    for &(term, factor) in asked.iter().flat_map(|word| &word.forms) {
        let known = sure.entry(term).or_insert(factor);
        *known = factor.max(*known);
    }
    let mut said = vec![0.0; index.terms.places.len()];
    for (term, factor) in sure {
        let term = &index.terms.known[term].1;
        for &place in &term.named {
            said[place as usize] += factor * term.rarity;
        }
    }
    said
}

impl Index {
    /// The tables of an answer in their order, with the table that each is a mere neighbour of.
    pub(super) fn picked(&self, evidence: &Evidence, limit: usize) -> Vec<(u32, Option<u32>)> {
        let mut ranked: Vec<u32> = (0_u32..)
            .zip(&evidence.words)
            .filter(|(_, words)| **words != 0)
            .map(|(t, _)| t)
            .collect();
        ranked.sort_by(|a, b| self.by_total(evidence, *a, *b));
        let mut rest = ranked.split_off(FIRST.min(ranked.len()));
        let mut choice = Choice::of(evidence, ranked, self.tables.len());
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
            for &neighbour in self.joins.keys_of(table) {
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

    fn by_total(&self, evidence: &Evidence, a: u32, b: u32) -> std::cmp::Ordering {
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
    fn of(evidence: &Evidence, tables: Vec<u32>, all: usize) -> Self {
        let mut slots = vec![usize::MAX; all];
        tables.iter().enumerate().for_each(|(slot, table)| slots[*table as usize] = slot);
        let candidate = |table| Candidate { table, words: Vec::new(), keys: 0.0 };
        let mut left: Vec<Candidate> = tables.into_iter().map(candidate).collect();
        for &(word, table, weight) in &evidence.cells {
            if let Some(candidate) = left.get_mut(slots[table as usize]) {
                candidate.words.push((word, weight));
            }
        }
        Self { left, covered: [0.0; 64] }
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
        let best = evidence.totals.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        let gain = KEY * evidence.total(table) / best;
        let tied = index.joins.keys_of(table);
        for candidate in self.left.iter_mut() {
            if tied.contains(&candidate.table) {
                candidate.keys = (candidate.keys + gain).min(KEYS);
            }
        }
    }
}
