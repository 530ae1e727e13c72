//! `search` over a large catalog: 10,000 tables with 500,000 columns, each with a comment and four values, of a made-up
//! vocabulary in which few words are common and most are rare. Says how long an index takes, what it takes anew after a
//! change, and how long answers take, at their percentiles.
//!
//! `cargo bench --bench search -- [tables]`

// Measurements print.
#![allow(clippy::print_stdout)]

use arrow_schema::DataType;
use celosia::catalog::{Index, Indexes, VisibleTable};
use celosia::model::{ColumnDescription, OperandClass, TableDescription, TableEntry, TableRef};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

// As the server has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const TABLES: usize = 10_000;
const COLUMNS: usize = 50;
const VALUES: usize = 4;
/// Different words of names and comments, and of values.
const WORDS: usize = 8_000;
const VALUE_WORDS: usize = 60_000;
const QUESTIONS: usize = 1_000;

fn main() {
    let given = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let tables = given.unwrap_or(TABLES);
    let mut random = StdRng::seed_from_u64(42);
    let mut visible: Vec<VisibleTable> = (0..tables).map(|at| table(&mut random, at)).collect();
    visible.sort_by(|a, b| a.entry.reference.cmp(&b.entry.reference));
    println!("{tables} tables, {} columns", tables * COLUMNS);

    let indexes = Indexes::default();
    let before = resident();
    let index = timed("made", || indexes.of(&visible));
    println!("beside the catalog: {} MiB", resident().saturating_sub(before) >> 20);
    drop(timed("for another who sees the same", || indexes.of(&visible)));
    drop(timed("for one who sees nine tenths", || indexes.of(&visible[..tables * 9 / 10])));
    visible[tables / 2].texts.push("a comment that was not there".into());
    drop(timed("after a change of one table", || indexes.of(&visible)));
    answers(&index);
}

fn answers(index: &Index) {
    let mut random = StdRng::seed_from_u64(7);
    let mut times: Vec<Duration> = (0..QUESTIONS)
        .map(|_| {
            let question = question(&mut random);
            let started = Instant::now();
            black_box(index.search(&question, 10));
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    println!(
        "answers: p50 {:?}, p95 {:?}, p99 {:?}, at worst {:?}",
        at(50),
        at(95),
        at(99),
        at(100)
    );
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let done = work();
    println!("{what}: {:?}", started.elapsed());
    done
}

/// Bytes of memory that the process has, where that can be known.
fn resident() -> usize {
    const PAGE: usize = 4_096;
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or_default() * PAGE
}

fn table(random: &mut StdRng, at: usize) -> VisibleTable {
    let columns = (0..COLUMNS).map(|column| {
        let name = match column {
            0 => "id".to_string(),
            1 => "name".to_string(),
            2 => "created_at".to_string(),
            3 => format!("{}_id", word(random, WORDS)),
            _ => words(random, 3, "_"),
        };
        ColumnDescription {
            name,
            native_type: "text".into(),
            data_type: DataType::Utf8,
            nullable: true,
            comment: Some((0..8).map(|_| word(random, WORDS)).collect::<Vec<_>>().join(" ")),
            class: OperandClass::Text,
            collation: None,
            read_as_text: false,
        }
    });
    let description = TableDescription {
        columns: columns.collect(),
        comment: Some((0..10).map(|_| word(random, WORDS)).collect::<Vec<_>>().join(" ")),
        primary_key: vec!["id".into()],
        ..TableDescription::default()
    };
    let value = |place: usize| (place / VALUES, words(random, 2, " ").into());
    let values = (0..COLUMNS * VALUES).map(value).collect();
    let name = format!("{}_{}", words(random, 3, "_"), at % 7);
    let (source, schema) = (format!("source{:02}", at % 40), format!("schema{}", at % 3));
    VisibleTable {
        entry: Arc::new(TableEntry {
            reference: TableRef::new(&source, &schema, &name),
            description: Arc::new(description),
        }),
        columns: (0..COLUMNS).collect(),
        synonyms: vec![],
        texts: vec![],
        column_synonyms: vec![],
        column_texts: vec![],
        values,
        joins: vec![],
    }
}

/// Four to twelve words; one in twelve is in every table, one in ten has a slip of the pen, a fourth are of values.
fn question(random: &mut StdRng) -> String {
    let count = random.random_range(4..=12);
    let words = (0..count).map(|at| match random.random_range(0..60) {
        0..5 => "name".to_string(),
        5..11 => {
            let mut word = word(random, WORDS);
            word.insert(2, 'x');
            word
        }
        _ if at % 4 == 3 => word(random, VALUE_WORDS),
        _ => word(random, WORDS),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// One word or more.
fn words(random: &mut StdRng, most: usize, between: &str) -> String {
    let count = random.random_range(1..=most);
    let of = if between == " " { VALUE_WORDS } else { WORDS };
    (0..count).map(|_| word(random, of)).collect::<Vec<_>>().join(between)
}

/// A word out of so many: the first are said often.
fn word(random: &mut StdRng, out_of: usize) -> String {
    const SYLLABLES: [&str; 32] = [
        "ba", "cor", "de", "fin", "ga", "hol", "in", "jo", "ka", "lem", "mo", "nir", "or", "pas",
        "qui", "ros", "sa", "tel", "ur", "ven", "wa", "xi", "yor", "zu", "bri", "cla", "dro",
        "fle", "gru", "pla", "sta", "tri",
    ];
    let place = (out_of as f64 + 1.0).powf(random.random::<f64>()) - 1.0;
    let mut rest = (place as usize).min(out_of - 1) + 7;
    let mut word = String::new();
    while rest > 0 || word.len() < 4 {
        word.push_str(SYLLABLES[rest % SYLLABLES.len()]);
        rest /= SYLLABLES.len();
    }
    word
}
