//! The words of a question, and the known words that each may mean.

use super::suggest::distance;
use super::terms::{Terms, letters};
use super::words::{is_stop_word, stem, without_identifiers, words};
use std::collections::{BTreeMap, HashSet};

/// A word of a question.
#[derive(Debug)]
pub(super) struct Asked {
    /// As it was written, folded.
    pub(super) word: String,
    /// The known stems it may mean, and how surely.
    pub(super) forms: Vec<(usize, f32)>,
    /// What it says about a table.
    pub(super) rarity: f32,
    /// What it says about a source.
    pub(super) source_rarity: f32,
}

/// Words of a question that count: their set is kept as bits.
const WORDS: usize = 64;
/// The start that words of one family share.
const FAMILY: usize = 4;
/// Another word of its family.
const RELATED: f32 = 0.5;
/// A short form that everybody uses.
const ABBREVIATED: f32 = 0.8;
/// A word with a slip of the pen.
const MISSPELT: f32 = 0.8;

/// The question's words that say anything; neighbours also as one word, where that is known.
pub(super) fn asked(terms: &Terms, groups: usize, question: &str) -> Vec<Asked> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut seen = HashSet::new();
    let mut last = String::new();
    words(&without_identifiers(question), |word| {
        if !is_stop_word(word) {
            let stem = stem(word);
            if seen.insert(stem.clone()) {
                found.push((word.to_string(), stem));
            }
        }
        let pair = format!("{last}{word}");
        let joined = stem(&pair);
        if !last.is_empty() && terms.find(&joined).is_some() && seen.insert(joined.clone()) {
            found.push((pair, joined));
        }
        last.clear();
        last.push_str(word);
    });
    found.truncate(WORDS);
    found.into_iter().filter_map(|(word, stem)| weighed(terms, groups, word, &stem)).collect()
}

/// The word with its forms; nothing where none is known.
fn weighed(terms: &Terms, groups: usize, word: String, stem: &str) -> Option<Asked> {
    let forms = forms(terms, stem);
    let exact = terms.find(stem);
    let (mut rarity, mut with) = (f32::INFINITY, 0);
    for &(at, _) in forms.iter().filter(|(at, _)| exact.is_none_or(|exact| exact == *at)) {
        let term = terms.known(at);
        rarity = rarity.min(term.rarity);
        with = with.max(term.groups);
    }
    let source_rarity = (1.0 + groups as f32 / (with as f32 + 0.5)).ln();
    (!forms.is_empty()).then_some(Asked { word, forms, rarity, source_rarity })
}

/// The stem itself, its family, its abbreviations; of an unknown one what it begins, or a misspelling.
fn forms(terms: &Terms, stem: &str) -> Vec<(usize, f32)> {
    let mut forms = BTreeMap::new();
    if let Some(at) = terms.find(stem) {
        forms.insert(at, 1.0);
    }
    let is_known = !forms.is_empty();
    for short in ABBREVIATIONS.iter().filter(|names| names.contains(&stem)).flat_map(|n| n.iter()) {
        if let Some(at) = terms.find(short) {
            forms.entry(at).or_insert(ABBREVIATED);
        }
    }
    let Some(start) = stem.char_indices().nth(FAMILY - 1).map(|(at, c)| at + c.len_utf8()) else {
        return forms.into_iter().collect();
    };
    if !stem.starts_with(|c: char| c.is_ascii_digit()) {
        for (at, known) in terms.beginning(&stem[..start]) {
            if is_related(stem, known) {
                let is_slip = !is_known && is_one_slip(stem, known);
                forms.entry(at).or_insert(if is_slip { MISSPELT } else { RELATED });
            }
        }
        if forms.is_empty() {
            let shortest = terms.beginning(stem).min_by_key(|(_, known)| known.len());
            forms.extend(shortest.map(|(at, _)| (at, RELATED)));
        }
        if forms.is_empty() {
            misspelt(terms, stem, &mut forms);
        }
    }
    forms.into_iter().collect()
}

/// Whether two stems are forms of one word: their endings differ, not more.
fn is_related(a: &str, b: &str) -> bool {
    let common = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let (rest_a, rest_b) = (a.chars().count() - common, b.chars().count() - common);
    match (rest_a, rest_b) {
        (0, rest) => rest <= 3 || common >= 5,
        (rest, 0) => rest <= 5,
        _ => common >= 5 && rest_a <= 3 && rest_b <= 3,
    }
}

fn is_one_slip(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    a.len() == b.len() && distance(&a, &b, 1).is_some()
}

/// Known stems with the same first letter that are one slip away, or two where the word is long.
fn misspelt(terms: &Terms, stem: &str, forms: &mut BTreeMap<usize, f32>) {
    let (written, has) = (stem.chars().collect::<Vec<char>>(), letters(stem));
    let (Some(first), true) = (written.first(), written.len() >= 5) else { return };
    let most = if written.len() >= 8 { 2 } else { 1 };
    let mut other = Vec::new();
    for (at, known) in terms.beginning(first.encode_utf8(&mut [0; 4])) {
        // A slip takes one letter away and brings one, at most.
        let differ = (terms.known(at).letters ^ has).count_ones() as usize;
        if differ <= 2 * most && known.len().abs_diff(stem.len()) <= most {
            other.clear();
            other.extend(known.chars());
            if distance(&written, &other, most).is_some() {
                forms.insert(at, MISSPELT);
            }
        }
    }
}

/// Stems that stand for each other in names of columns.
const ABBREVIATIONS: [&[&str]; 31] = [
    &["acct", "account"],
    &["addr", "address"],
    &["amt", "amount"],
    &["avg", "averag"],
    &["bal", "balanc"],
    &["cd", "code"],
    &["cnt", "count"],
    &["ctry", "country"],
    &["curr", "currency"],
    &["cust", "customer"],
    &["dept", "department"],
    &["desc", "descr", "description"],
    &["dob", "birthdat", "birthday", "birth"],
    &["dt", "date"],
    &["emp", "employe"],
    &["fname", "firstnam"],
    &["inv", "invoic"],
    &["lat", "latitud"],
    &["lname", "lastnam"],
    &["lng", "lon", "longitud"],
    &["mgr", "manager"],
    &["no", "num", "nbr", "number"],
    &["org", "organization"],
    &["pct", "percent", "percentag"],
    &["prod", "product"],
    &["qty", "quantity"],
    &["ref", "referenc"],
    &["tel", "phon", "telephon"],
    &["txn", "trans", "transaction"],
    &["yr", "year"],
    &["gender", "sex"],
];
