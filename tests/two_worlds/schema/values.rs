//! Values at the ends of their types and those that are easily taken for others, and many that are the same.

use super::kinds::{Holds, Letters};
use crate::support::load::Store;
use crate::support::rng::Rng;
use celosia_connector_api::Value;

const DAY: i64 = 86_400_000_000;

const WORDS: &[&str] = &[
    "abc",
    "ABC",
    "Abc",
    "abc ",
    " abc",
    "abd",
    "ab",
    "b",
    "x",
    "X",
    "a%b",
    "a_b",
    "axb",
    "a\\b",
    "[a]",
    "(",
    "it's",
    "0",
    "007",
    "-7",
    "1e3",
    "12345678",
    "ana@example.org",
    "Bo@x",
    "@",
    "NULL",
    "true",
    "2024-02-29",
    "élan",
    "ELAN",
    "ß",
    "ss",
    "ÿ",
];
const WIDE: &[&str] = &[
    "e\u{301}lan",
    "İ",
    "ı",
    "日本",
    "日本語",
    "😀",
    "😀x",
    "\u{e000}",
    "\u{fffd}",
    "Ⅷ",
    "ﬀ",
    "\u{200d}",
    "a\u{308}",
    "Σ",
    "ς",
];
const JSON: &[&str] = &["{}", "[]", "{\"a\": 1}", "[1, 2]", "null", "\"x\"", "7", "true"];
const UUIDS: &[&str] = &[
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "123e4567-e89b-12d3-a456-426614174000",
    "a0000000-0000-4000-8000-000000000000",
];

/// A value that a column may hold at a store.
pub fn value(holds: Holds, store: Store, rng: &mut Rng) -> Value {
    match holds {
        Holds::Whole(least, most) => Value::Integer(whole(least, most, rng)),
        Holds::Decimal(digits, scale) => Value::Decimal { unscaled: decimal(digits, rng), scale },
        Holds::Double => Value::Float(double(store, rng)),
        Holds::Single => Value::Float(single(rng)),
        Holds::Text(length, letters) => Value::Text(text(length, letters, store, rng)),
        Holds::Boolean => Value::Boolean(rng.chance(50)),
        Holds::Date(first, last) => Value::Date(day(first, last, rng)),
        Holds::Moment(first, last, step) => Value::Timestamp(moment(first, last, step, rng)),
        Holds::Instant(first, last, step) => {
            Value::TimestampUtc(moment(first + 1, last - 1, step, rng))
        }
        Holds::Uuid => Value::Text(rng.pick(UUIDS).into()),
        Holds::Bytes(most) => Value::Bytes(bytes(most, store, rng)),
        Holds::Clock => Value::Integer(
            [0, 1, DAY - 1, 45_296_000_000, 45_296_789_000, 3_600_000_000][rng.below(6)],
        ),
    }
}

fn whole(least: i64, most: i64, rng: &mut Rng) -> i64 {
    let value = match rng.below(12) {
        0 => least,
        1 => most,
        2 => least.saturating_add(1),
        3 => most - 1,
        4 => (rng.next() >> (rng.below(60) + 1)) as i64,
        5 => -(rng.below(9) as i64),
        _ => rng.below(12) as i64,
    };
    value.clamp(least, most)
}

fn decimal(digits: u8, rng: &mut Rng) -> i128 {
    let most = 10_i128.pow(digits.into()) - 1;
    let value = match rng.below(10) {
        0 => most,
        1 => -most,
        2 => 1,
        3 => -1,
        4 => 0,
        5 => most / 3,
        6 => -(rng.below(2_000) as i128),
        _ => rng.below(40) as i128 * 25,
    };
    value.clamp(-most, most)
}

fn double(store: Store, rng: &mut Rng) -> f64 {
    const FINITE: [f64; 11] =
        [0.0, 0.5, -1.5, 100.25, 0.1, 0.1 + 0.2, 1e300, -1e300, 1e15, 3.0, -7.0];
    match (rng.below(16), store) {
        (0, Store::Sqlite | Store::Postgres | Store::Oracle) => f64::INFINITY,
        (1, Store::Sqlite | Store::Postgres | Store::Oracle) => f64::NEG_INFINITY,
        (2, Store::Postgres) => f64::NAN,
        // SQLite keeps no sign of zero.
        (3, Store::Postgres | Store::SqlServer | Store::Oracle) => -0.0,
        (4, _) => f64::MIN_POSITIVE,
        _ => FINITE[rng.below(FINITE.len())],
    }
}

fn single(rng: &mut Rng) -> f64 {
    [0.0, 0.5, -1.5, 100.25, 0.1, f32::MAX, f32::MIN, f32::MIN_POSITIVE, 3.0, 1e10, -0.0]
        [rng.below(11)]
    .into()
}

fn text(length: usize, letters: Letters, store: Store, rng: &mut Rng) -> String {
    let word = match (letters, rng.below(10)) {
        (Letters::Json, _) => rng.pick(JSON).to_string(),
        (Letters::Any | Letters::Padded, 0..=2) => rng.pick(WIDE).to_string(),
        (_, 3) => format!("{}{}", rng.pick(WORDS), rng.pick(WORDS)),
        (_, 4) if store != Store::Oracle => String::new(),
        (_, 5..=7) => rng.pick(&["red", "green", "Red", "blue"]).to_string(),
        _ => rng.pick(WORDS).to_string(),
    };
    fitted(&word, length, letters)
}

/// A text as a column of that length gives it back.
pub fn fitted(text: &str, length: usize, letters: Letters) -> String {
    let text: String = text.chars().take(length).collect();
    match letters {
        Letters::Padded | Letters::LatinPadded => format!("{text:<length$}"),
        _ => text,
    }
}

/// The ends of the calendar, of the century, of the epoch, and days of one year.
fn day(first: i32, last: i32, rng: &mut Rng) -> i32 {
    let day = match rng.below(12) {
        0 => first,
        1 => last,
        2 => -1,
        3 => 0,
        // 1582-10-20, 1600-02-29, 1999-12-31, 2024-02-29
        4 => [-141_421, -135_080, 10_956, 19_782][rng.below(4)],
        5 => rng.below(30_000) as i32,
        _ => 19_723 + rng.below(14) as i32 * 31,
    };
    day.clamp(first, last)
}

fn moment(first: i32, last: i32, step: i64, rng: &mut Rng) -> i64 {
    let of_day = match rng.below(6) {
        0 => DAY - 1,
        1 => 1,
        2 => 9_000_000_000,
        3 => 45_296_789_000,
        _ => 0,
    };
    let micros = i64::from(day(first, last, rng)) * DAY + of_day;
    micros - micros.rem_euclid(step)
}

fn bytes(most: usize, store: Store, rng: &mut Rng) -> Vec<u8> {
    let all: [&[u8]; 7] = [b"\0", b"\0\0", b"\xff", b"a", b"abc", b"\x80\x81", b""];
    let count = if store == Store::Oracle { 6 } else { 7 };
    let bytes = all[rng.below(count)];
    bytes[..bytes.len().min(most)].to_vec()
}
