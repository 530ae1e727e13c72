//! Which definitions a question is about: a small lexical index beside that of tables.
//!
//! As there, a pure function over what is handed in. A definition is meant where the question says most of one
//! of its phrases: a metric's name, a word of the glossary, another way to ask a verified question.

use super::words::{is_stop_word, stem, without_identifiers, words};
use std::collections::{BTreeSet, HashMap};

/// Something that a question may mean.
#[derive(Debug, Clone, Default)]
pub struct Item {
    /// Its name, synonyms, or the questions it answers.
    pub phrases: Vec<String>,
    /// What is said of it besides.
    pub texts: Vec<String>,
}

/// The words of a set of items.
#[derive(Debug, Default)]
pub struct Items {
    /// By stem: the phrases it is in.
    said: HashMap<String, Vec<u32>>,
    /// By stem: the items whose text it is in.
    told: HashMap<String, Vec<u32>>,
    phrases: Vec<Phrase>,
    items: usize,
}

#[derive(Debug)]
struct Phrase {
    item: u32,
    /// The rarity of all its words.
    weight: f32,
}

/// What of a phrase and of the question must be the other's too, weighed by rarity.
const LEAST: f32 = 0.55;
/// What the question's own words count, beside the phrase's.
const ASKED: f32 = 0.35;
/// What a word in a description counts.
const TOLD: f32 = 0.3;

impl Items {
    /// Takes everything in that the reader may see.
    pub fn build(items: &[Item]) -> Self {
        let mut built = Self { items: items.len(), ..Self::default() };
        let mut sets: Vec<BTreeSet<String>> = Vec::new();
        for (at, item) in (0_u32..).zip(items) {
            for phrase in &item.phrases {
                let stems = stems(phrase);
                let place = u32::try_from(built.phrases.len()).unwrap_or(u32::MAX);
                for stem in &stems {
                    built.said.entry(stem.clone()).or_default().push(place);
                }
                built.phrases.push(Phrase { item: at, weight: 0.0 });
                sets.push(stems);
            }
            for stem in item.texts.iter().flat_map(|text| stems(text)) {
                let told = built.told.entry(stem).or_default();
                if told.last() != Some(&at) {
                    told.push(at);
                }
            }
        }
        for (place, stems) in sets.iter().enumerate() {
            built.phrases[place].weight = stems.iter().map(|stem| built.rarity(stem)).sum();
        }
        built
    }

    /// The items `question` may be about, best first, at most `limit`.
    pub fn search(&self, question: &str, limit: usize) -> Vec<usize> {
        if self.items == 0 {
            return Vec::new();
        }
        let asked = stems(&without_identifiers(question));
        let whole: f32 = asked.iter().map(|stem| self.rarity(stem)).sum();
        let mut said = vec![0.0_f32; self.phrases.len()];
        let mut told = vec![0.0_f32; self.items];
        for stem in &asked {
            let rarity = self.rarity(stem);
            for place in self.said.get(stem).into_iter().flatten() {
                said[*place as usize] += rarity;
            }
            for item in self.told.get(stem).into_iter().flatten() {
                told[*item as usize] += rarity;
            }
        }
        let mut scores = vec![0.0_f32; self.items];
        for (phrase, said) in self.phrases.iter().zip(&said).filter(|(_, said)| **said > 0.0) {
            let of_phrase = said / phrase.weight.max(f32::MIN_POSITIVE);
            let score = of_phrase * (1.0 - ASKED + ASKED * said / whole);
            let best = &mut scores[phrase.item as usize];
            *best = best.max(score);
        }
        for (score, told) in scores.iter_mut().zip(&told).filter(|(_, told)| **told > 0.0) {
            *score += TOLD * told / whole;
        }
        let mut found: Vec<usize> = (0..self.items).filter(|at| scores[*at] >= LEAST).collect();
        found.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
        found.truncate(limit);
        found
    }

    /// Words that few phrases have tell more.
    fn rarity(&self, stem: &str) -> f32 {
        let phrases = self.said.get(stem).map_or(0, Vec::len) as f32;
        (1.0 + (self.phrases.len() as f32 + 1.0) / (phrases + 1.0)).ln()
    }
}

fn stems(text: &str) -> BTreeSet<String> {
    let mut stems = BTreeSet::new();
    words(text, |word| {
        if !is_stop_word(word) {
            stems.insert(stem(word));
        }
    });
    stems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items() -> Items {
        let item = |phrases: &[&str], text: &str| Item {
            phrases: phrases.iter().map(ToString::to_string).collect(),
            texts: vec![text.to_string()],
        };
        Items::build(&[
            item(&["net_revenue", "turnover"], "Value of paid orders"),
            item(&["active customer"], "Somebody with an order within 90 days"),
            item(&["How many orders did each region place last month?"], ""),
            item(&["refund rate"], "Share of orders that were refunded"),
        ])
    }

    #[test]
    fn a_phrase_that_is_said_is_found() {
        let items = items();
        for (question, wanted) in [
            ("net revenue per month", Some(0)),
            ("what was our turnover in March", Some(0)),
            ("how many active customers are there", Some(1)),
            ("orders by region last month", Some(2)),
            ("customers", None),
            ("weather in Paris", None),
            ("", None),
        ] {
            assert_eq!(items.search(question, 5).first().copied(), wanted, "{question}");
        }
    }

    #[test]
    fn what_is_not_handed_in_moves_nothing() {
        assert!(Items::build(&[]).search("net revenue", 5).is_empty());
        assert_eq!(items().search("refund rate of active customers", 1).len(), 1);
    }
}
