//! Which tables a question is about: a lexical ranking over names, comments and meanings.
//!
//! A pure function over what the caller may see: a table or column that is not handed in cannot
//! change a rank. An [`Index`] may be kept for as long as that set stays the same.

use super::terms::{Posting, Term, Terms, neighbours};
use super::words::{is_stop_word, stem, words};
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
    /// Descriptions and synonyms of the table, besides its comment.
    pub texts: Vec<String>,
    /// Descriptions and synonyms of columns that may be seen, besides their comments.
    pub column_texts: Vec<(usize, String)>,
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

/// Foreign-key neighbours come after this many matches.
const NEIGHBOURS_AFTER: usize = 4;
/// Words of a question that count: their set is kept as bits.
const WORDS: usize = 64;
/// Columns named in a hit.
const COLUMNS_PER_HIT: usize = 5;
/// Known words that are looked at for an unknown one.
const EXPANSIONS: usize = 32;

/// The words of a set of visible tables.
#[derive(Debug)]
pub struct Index {
    tables: Vec<Arc<TableEntry>>,
    terms: BTreeMap<String, Term>,
    neighbours: Vec<Vec<u32>>,
}

impl Index {
    /// Takes in everything the reader may see.
    pub fn build(visible: &[VisibleTable]) -> Self {
        let mut terms = Terms::default();
        for (at, table) in (0_u32..).zip(visible) {
            terms.add_table(at, table);
        }
        let tables = visible.iter().map(|table| table.entry.clone()).collect();
        Self { tables, terms: terms.finish(), neighbours: neighbours(visible) }
    }

    /// The tables `question` may be about, best first, at most `limit`.
    pub fn search(&self, question: &str, limit: usize) -> Vec<Hit> {
        let asked = self.asked(question);
        let mut scores: Vec<Score> = Vec::new();
        scores.resize_with(self.tables.len(), Score::default);
        for (at, (word, term)) in asked.iter().enumerate() {
            if let Some((found, factor)) = self.find(term, word) {
                let weight = self.rarity(found) * factor;
                for posting in &found.postings {
                    scores[posting.table as usize].add(posting, weight, at);
                }
            }
        }
        let found = (0_u32..).zip(scores).filter(|(_, score)| score.words != 0);
        let mut ranked: Vec<Ranked> = found
            .map(|(table, score)| Ranked { table, total: score.total(asked.len()), score })
            .collect();
        self.favour_sources(&mut ranked);
        ranked
            .sort_by(|a, b| b.total.total_cmp(&a.total).then_with(|| self.order(a.table, b.table)));
        self.hits(ranked, &asked, limit)
    }

    /// The question's words with their stems, without stop words; neighbours also as one word.
    fn asked(&self, question: &str) -> Vec<(String, String)> {
        let mut asked: Vec<(String, String)> = Vec::new();
        let mut pairs = Vec::new();
        let mut last = String::new();
        words(question, |word| {
            let pair = format!("{last}{word}");
            if !last.is_empty() && self.terms.contains_key(&stem(&pair)) {
                pairs.push((pair.clone(), stem(&pair)));
            }
            last = word.to_string();
            if !is_stop_word(word) {
                asked.push((word.to_string(), stem(word)));
            }
        });
        asked.extend(pairs);
        let mut seen = HashSet::new();
        asked.retain(|(_, term)| seen.insert(term.clone()));
        asked.truncate(WORDS);
        asked
    }

    /// The term, or for an unknown one the shortest that begins so, or the longest it begins with.
    fn find(&self, term: &str, word: &str) -> Option<(&Term, f32)> {
        if let Some(found) = self.terms.get(term) {
            return Some((found, 1.0));
        }
        if term.chars().count() < 4 {
            return None;
        }
        let longer = self.terms.range(term.to_string()..);
        let longer = longer.take_while(|(known, _)| known.starts_with(term)).take(EXPANSIONS);
        if let Some((_, found)) = longer.min_by_key(|(known, _)| known.len()) {
            return Some((found, 0.5));
        }
        let ends = word.char_indices().map(|(at, _)| at).filter(|&at| at >= 4).rev();
        let mut shorter = ends.filter_map(|at| self.terms.get(&word[..at]));
        shorter.next().map(|term| (term, 0.4))
    }

    fn rarity(&self, term: &Term) -> f32 {
        let (all, with) = (self.tables.len() as f32, term.tables as f32);
        (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
    }

    /// Questions are mostly about one source: its tables gain a tenth.
    fn favour_sources(&self, ranked: &mut [Ranked]) {
        let mut sums: HashMap<Arc<str>, f32> = HashMap::new();
        for hit in ranked.iter() {
            *sums.entry(self.source(hit.table)).or_default() += hit.total;
        }
        let most = sums.values().copied().fold(f32::MIN_POSITIVE, f32::max);
        for hit in ranked.iter_mut() {
            let sum = sums.get(&self.source(hit.table)).copied().unwrap_or_default();
            hit.total *= 1.0 + 0.1 * sum / most;
        }
    }

    /// Matches, with the neighbours of the best ones after those.
    fn hits(&self, ranked: Vec<Ranked>, asked: &[(String, String)], limit: usize) -> Vec<Hit> {
        let best: Vec<u32> = ranked.iter().take(NEIGHBOURS_AFTER).map(|hit| hit.table).collect();
        let mut hits = Vec::with_capacity(limit.min(self.tables.len()));
        let mut seen: HashSet<u32> = best.iter().copied().collect();
        let mut rest = ranked.into_iter().take(limit);
        hits.extend(rest.by_ref().take(NEIGHBOURS_AFTER).map(|hit| self.hit(hit, asked)));
        let mut left = (limit.saturating_sub(NEIGHBOURS_AFTER) / 2).max(2);
        for &table in &best {
            for &neighbour in &self.neighbours[table as usize] {
                if left > 0 && seen.insert(neighbour) {
                    hits.push(self.neighbour(neighbour, table));
                    left -= 1;
                }
            }
        }
        hits.extend(rest.filter(|hit| !seen.contains(&hit.table)).map(|hit| self.hit(hit, asked)));
        hits.truncate(limit);
        hits
    }

    fn hit(&self, ranked: Ranked, asked: &[(String, String)]) -> Hit {
        let mut columns = ranked.score.columns;
        columns.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        columns.truncate(COLUMNS_PER_HIT);
        let said = asked.iter().enumerate().filter(|(at, _)| ranked.score.words & (1 << at) != 0);
        Hit {
            entry: self.tables[ranked.table as usize].clone(),
            score: ranked.total,
            columns: columns.into_iter().map(|(column, _)| usize::from(column)).collect(),
            why: Why::Words(said.map(|(_, (word, _))| word.clone()).collect()),
        }
    }

    fn neighbour(&self, table: u32, of: u32) -> Hit {
        Hit {
            entry: self.tables[table as usize].clone(),
            score: 0.0,
            columns: Vec::new(),
            why: Why::Neighbour(self.tables[of as usize].reference.clone()),
        }
    }

    fn source(&self, table: u32) -> Arc<str> {
        self.tables[table as usize].reference.source.clone()
    }

    fn order(&self, a: u32, b: u32) -> std::cmp::Ordering {
        self.tables[a as usize].reference.cmp(&self.tables[b as usize].reference)
    }
}

/// What speaks for one table.
#[derive(Debug, Default)]
struct Score {
    table: f32,
    columns: Vec<(u16, f32)>,
    /// The question's words that are in it, as bits.
    words: u64,
}

/// A table with its score.
struct Ranked {
    table: u32,
    score: Score,
    total: f32,
}

impl Score {
    fn add(&mut self, posting: &Posting, weight: f32, asked: usize) {
        self.words |= 1 << asked;
        let weight = weight * posting.weight;
        match posting.column {
            None => self.table += weight,
            Some(column) => match self.columns.iter_mut().find(|(at, _)| *at == column) {
                Some((_, score)) => *score += weight,
                None => self.columns.push((column, weight)),
            },
        }
    }

    /// The table's own words, its best column, a little of the others; less where much of the
    /// question is not in it.
    fn total(&self, asked: usize) -> f32 {
        let best = self.columns.iter().map(|(_, score)| *score).fold(0.0, f32::max);
        let all: f32 = self.columns.iter().map(|(_, score)| *score).sum();
        let others = (all - best).min(2.0 * best);
        let covered = self.words.count_ones() as f32 / asked.max(1) as f32;
        (self.table + best + 0.3 * others) * (0.5 + 0.5 * covered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ColumnDescription, ForeignKey, OperandClass, TableDescription};

    fn table(name: &str, columns: &str, references: &[(&str, &str)]) -> VisibleTable {
        let parts: Vec<&str> = name.split('.').collect();
        let columns: Vec<_> = columns.split_whitespace().map(column).collect();
        let key = |(column, table): &(&str, &str)| ForeignKey {
            columns: vec![(*column).into()],
            referenced_schema: parts[1].into(),
            referenced_table: (*table).into(),
            referenced_columns: vec!["id".into()],
        };
        let description = TableDescription {
            foreign_keys: references.iter().map(key).collect(),
            columns,
            ..Default::default()
        };
        VisibleTable {
            columns: (0..description.columns.len()).collect(),
            entry: Arc::new(TableEntry {
                reference: TableRef::new(parts[0], parts[1], parts[2]),
                description: Arc::new(description),
            }),
            texts: vec![],
            column_texts: vec![],
        }
    }

    fn column(name: &str) -> ColumnDescription {
        ColumnDescription {
            name: name.into(),
            native_type: String::new(),
            data_type: arrow_schema::DataType::Utf8,
            nullable: true,
            comment: None,
            class: OperandClass::Text,
            collation: None,
            read_as_text: false,
        }
    }

    fn shop() -> Vec<VisibleTable> {
        let mut tables = vec![
            table("shop.main.customers", "id name email city region created_at", &[]),
            table(
                "shop.main.orders",
                "id customer_id ordered_at status total",
                &[("customer_id", "customers")],
            ),
            table(
                "shop.main.order_items",
                "id order_id product_id quantity unit_price",
                &[("order_id", "orders"), ("product_id", "products")],
            ),
            table("shop.main.products", "id name category price", &[]),
            table(
                "support.main.tickets",
                "id customer_id agent_id opened_at status subject",
                &[("agent_id", "agents")],
            ),
            table("support.main.agents", "id name email team", &[]),
        ];
        tables[1].column_texts.push((4, "revenue of the order in euros".into()));
        tables[4].texts.push("incidencias de los clientes".into());
        tables
    }

    fn names(hits: &[Hit]) -> Vec<&str> {
        hits.iter().map(|hit| &*hit.entry.reference.table).collect()
    }

    #[test]
    fn the_table_that_is_asked_for_comes_first() {
        for (question, first) in [
            ("How many orders are there?", "orders"),
            ("list the customers in each region", "customers"),
            ("which product category sells best", "products"),
            ("OrderItems", "order_items"),
            ("order items quantity", "order_items"),
            ("revenue by month", "orders"),
            ("¿cuántas incidencias están abiertas?", "tickets"),
            ("tickets opened by agent", "tickets"),
            ("cust", "customers"),
        ] {
            let hits = search(&shop(), question, 10);
            assert_eq!(names(&hits)[0], first, "{question}: {:?}", names(&hits));
        }
    }

    #[test]
    fn hits_say_why() {
        let hits = search(&shop(), "total revenue of orders", 10);
        assert_eq!(hits[0].columns[0], 4);
        assert_eq!(
            hits[0].why,
            Why::Words(["total", "revenue", "orders"].map(String::from).to_vec())
        );
        let neighbour =
            hits.iter().find(|hit| &*hit.entry.reference.table == "customers").expect("tied");
        assert_eq!(neighbour.why, Why::Neighbour(TableRef::new("shop", "main", "orders")));
    }

    #[test]
    fn neighbours_do_not_push_matches_out_of_the_first_four() {
        let hits = search(&shop(), "status id customer name email", 10);
        let words = |hit: &Hit| matches!(hit.why, Why::Words(_));
        assert!(hits.iter().take(4).all(words), "{:?}", names(&hits));
        assert_eq!(names(&hits).iter().collect::<HashSet<_>>().len(), hits.len());
        assert_eq!(search(&shop(), "status", 1).len(), 1);
    }

    #[test]
    fn what_is_hidden_changes_nothing() {
        let (mut with, mut without) = (shop(), shop());
        for tables in [&mut with, &mut without] {
            tables[1].column_texts.clear();
        }
        // The same column hidden, and not there at all.
        with[1].columns = vec![0, 2, 3];
        let mut description = (*without[1].entry.description).clone();
        description.columns.remove(1);
        description.columns.remove(3);
        description.foreign_keys.clear();
        let reference = without[1].entry.reference.clone();
        without[1].entry = Arc::new(TableEntry { reference, description: Arc::new(description) });
        without[1].columns = vec![0, 1, 2];
        for question in ["total orders", "customer", "customer orders", "status of total"] {
            let found = |tables: &[VisibleTable]| -> Vec<(String, f32, Why)> {
                let hits = search(tables, question, 10).into_iter();
                hits.map(|hit| (hit.entry.reference.to_string(), hit.score, hit.why)).collect()
            };
            assert_eq!(found(&with), found(&without), "{question}");
        }
    }

    #[test]
    fn a_question_of_nothing_finds_nothing() {
        for question in ["", "the of and", "zzzz", "¿?"] {
            assert!(search(&shop(), question, 10).is_empty(), "{question}");
        }
        assert!(search(&[], "orders", 10).is_empty());
    }
}
