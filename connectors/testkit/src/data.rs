//! The rows of the suite, the same for every dialect: types at their extremes, awkward text, people.

mod oracle;
mod sqlserver;

use arrow_schema::{DataType, TimeUnit};
use celosia_connector_api::Value;

pub use oracle::{HOSTILE_ORACLE, oracle_tables};
pub use sqlserver::sqlserver_tables;

/// A cell as it is compared: `None` is NULL; a time of day is its microseconds as an integer.
pub type Cell = Option<Value>;
/// One row of cells.
pub type Row = Vec<Cell>;

/// What a column holds, whatever the dialect calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// TRUE, FALSE.
    Boolean,
    /// 64 bits.
    Integer,
    /// Exact decimals of this precision and scale.
    Decimal(u8, i8),
    /// A double.
    Float,
    /// Text.
    Text,
    /// A UUID.
    Uuid,
    /// Bytes.
    Bytes,
    /// A date.
    Date,
    /// A time of day.
    Time,
    /// A wall-clock time stamp.
    Timestamp,
    /// An instant.
    TimestampUtc,
}

impl Kind {
    /// The Arrow type it arrives in, unless a fixture says otherwise.
    pub fn data_type(self) -> DataType {
        let micros = TimeUnit::Microsecond;
        match self {
            Kind::Boolean => DataType::Boolean,
            Kind::Integer => DataType::Int64,
            Kind::Decimal(precision, scale) => DataType::Decimal128(precision, scale),
            Kind::Float => DataType::Float64,
            Kind::Text | Kind::Uuid => DataType::Utf8,
            Kind::Bytes => DataType::Binary,
            Kind::Date => DataType::Date32,
            Kind::Time => DataType::Time64(micros),
            Kind::Timestamp => DataType::Timestamp(micros, None),
            Kind::TimestampUtc => DataType::Timestamp(micros, Some("+00:00".into())),
        }
    }
}

/// One table: its columns (the first is the key `id`) and its rows in the order of `id`.
#[derive(Debug, Clone)]
pub struct Table {
    /// The table's name.
    pub name: &'static str,
    /// Names and kinds of the columns.
    pub columns: Vec<(&'static str, Kind)>,
    /// The rows.
    pub rows: Vec<Row>,
}

/// The name of the table that is hard to quote.
pub const HOSTILE: &str = "select \"from\" 'x'; -- ñ";

/// Every table that is filled from here; `nul` adds text with U+0000 where a source can store it.
pub fn tables(nul: bool) -> Vec<Table> {
    vec![numbers(), texts(nul), blobs(), moments(), people(), secrets(nul), hostile()]
}

fn numbers() -> Table {
    let int = |value: i64| Some(Value::Integer(value));
    let dec = |unscaled: i128| Some(Value::Decimal { unscaled, scale: 4 });
    let float = |value: f64| Some(Value::Float(value));
    let truth = |value: bool| Some(Value::Boolean(value));
    let rows = [
        [int(i64::MIN), int(i64::MIN), dec(-999_999_999_999_999), float(f64::MIN), truth(true)],
        [int(i64::MIN + 1), int(i64::MIN), dec(-10_000), float(-1.5), truth(false)],
        [int(-1), int(1), dec(-1), float(-0.625), None],
        [int(0), int(0), dec(0), float(0.0), truth(false)],
        [int(1), None, dec(1), float(f64::MIN_POSITIVE), truth(true)],
        [None, int(1), dec(125_000), float(0.1), truth(true)],
        [None, None, None, None, None],
        [int(9_007_199_254_740_992), int(9_007_199_254_740_993), dec(5), float(0.1 + 0.2), None],
        [
            int(9_007_199_254_740_993),
            int(9_007_199_254_740_992),
            dec(10_000),
            float(1.0),
            truth(false),
        ],
        [int(i64::MAX - 1), int(i64::MAX), dec(123_456_789_012_345), float(1e15), truth(true)],
        [int(i64::MAX), int(i64::MAX), dec(999_999_999_999_999), float(f64::MAX), truth(true)],
        [int(7), int(8), dec(70_000), float(f64::INFINITY), truth(false)],
        [int(8), int(7), dec(80_000), float(f64::NEG_INFINITY), truth(false)],
    ];
    let columns = vec![
        ("id", Kind::Integer),
        ("i", Kind::Integer),
        ("j", Kind::Integer),
        ("d", Kind::Decimal(18, 4)),
        ("f", Kind::Float),
        ("b", Kind::Boolean),
    ];
    Table { name: "numbers", columns, rows: numbered(rows) }
}

/// Text that is easily compared, padded, folded or quoted wrongly.
const AWKWARD: &[&str] = &[
    "",
    " ",
    "a",
    "A",
    "a ",
    " a",
    "ab",
    "aB",
    "AB",
    "b",
    "B",
    "Z",
    "z",
    "ä",
    "a\u{308}",
    "Ä",
    "é",
    "e\u{301}",
    "É",
    "ñ",
    "ß",
    "ss",
    "SS",
    "İ",
    "i",
    "I",
    "ı",
    "日本",
    "😀",
    "\u{e000}",
    "\u{fffd}",
    "\u{10ffff}",
    "%",
    "_",
    "a%b",
    "a_b",
    "axb",
    "\\",
    "a\\b",
    "'",
    "''",
    "\"",
    "`",
    "0",
    "007",
    "7",
    "1e3",
    "NULL",
    "null",
    "true",
    "line\nbreak",
    "cr\r\n",
    "tab\t",
    "\u{1}",
    "\u{7f}",
    "\u{feff}x",
    "\u{200d}",
    "x' OR '1'='1",
    "--",
    "$1 ?1 %s",
];

fn texts(nul: bool) -> Table {
    let long = "x".repeat(5_000);
    let mut all: Vec<Cell> = AWKWARD.iter().map(|t| text(t)).collect();
    all.extend([text(&long), None]);
    if nul {
        all.extend([text("a\0b"), text("\0"), text("a\0")]);
    }
    let count = all.len();
    // The second column pairs most values with another one, and some with themselves.
    let rows = (0..count).map(|at| {
        let other = if at % 5 == 0 { at } else { (at + 1) % count };
        [all[at].clone(), all[other].clone()]
    });
    let columns = vec![("id", Kind::Integer), ("t", Kind::Text), ("u", Kind::Text)];
    Table { name: "texts", columns, rows: numbered(rows) }
}

fn blobs() -> Table {
    let bytes = |bytes: &[u8]| Some(Value::Bytes(bytes.to_vec()));
    let every: Vec<u8> = (0..=255).collect();
    let rows = [
        [bytes(b""), text("00000000-0000-0000-0000-000000000000")],
        [bytes(b"\0"), text("ffffffff-ffff-ffff-ffff-ffffffffffff")],
        [bytes(b"\0\0"), text("123e4567-e89b-12d3-a456-426614174000")],
        [bytes(b"\xff"), text("123e4567-e89b-12d3-a456-426614174001")],
        [bytes(b"a"), None],
        [bytes(&every), text("00000000-0000-0000-0000-00000000000a")],
        [None, text("a0000000-0000-4000-8000-000000000000")],
    ];
    let columns = vec![("id", Kind::Integer), ("b", Kind::Bytes), ("u", Kind::Uuid)];
    Table { name: "blobs", columns, rows: numbered(rows) }
}

/// Days from 1970-01-01 to 0001-01-01 and to 9999-12-31.
const FIRST_DAY: i32 = -719_162;
const LAST_DAY: i32 = 2_932_896;
const DAY: i64 = 86_400_000_000;

fn moments() -> Table {
    let row = |day: i32, time: i64| {
        let micros = i64::from(day) * DAY + time;
        [
            Some(Value::Date(day)),
            Some(Value::Timestamp(micros)),
            Some(Value::TimestampUtc(micros)),
            Some(Value::Integer(time)),
        ]
    };
    let rows = [
        row(FIRST_DAY, 0),
        row(-141_427, 1),
        row(-1, DAY - 1),
        row(0, 0),
        row(0, 1),
        row(11_016, 45_296_000_000),
        // 02:30 of a night whose clocks went from 2 to 3 in Europe.
        row(19_813, 9_000_000_000),
        row(LAST_DAY, DAY - 1),
        [None, None, None, None],
    ];
    let columns = vec![
        ("id", Kind::Integer),
        ("day", Kind::Date),
        ("at", Kind::Timestamp),
        ("instant", Kind::TimestampUtc),
        ("clock", Kind::Time),
    ];
    Table { name: "moments", columns, rows: numbered(rows) }
}

fn people() -> Table {
    let row =
        |name, email: Option<&str>, phone: Option<&str>, region: Option<&str>, age: Option<i64>| {
            let open = |value: Option<&str>| value.and_then(text);
            [text(name), open(email), open(phone), open(region), age.map(Value::Integer)]
        };
    let rows = [
        row("Ana", Some("ana@example.org"), Some("+34 600 000 001"), Some("EU"), Some(34)),
        row("Bo", Some("bo@example.com"), Some("555-0101"), Some("US"), Some(61)),
        row("Chloé", None, None, Some("EU"), None),
        row("Dai", Some("dai@example.org"), Some("12"), None, Some(18)),
        row("Eve", Some("not an address"), Some("+44 20 7946 0000"), Some("eu"), Some(34)),
        row("Fay", Some("fay@example.com"), Some("555-0102"), Some("US"), Some(i64::MAX)),
        row("Gil", Some("gil@example.org"), Some("555-0103"), Some("EU"), Some(-1)),
        row("Hal", Some("@"), Some(""), Some("EU "), Some(0)),
    ];
    let columns = vec![
        ("id", Kind::Integer),
        ("name", Kind::Text),
        ("email", Kind::Text),
        ("phone", Kind::Text),
        ("region", Kind::Text),
        ("age", Kind::Integer),
    ];
    Table { name: "people", columns, rows: numbered(rows) }
}

/// What masks are tried on: input, then as `email`, `last4`, first 3, and 2 with 2.
pub const MASKED: &[[&str; 5]] = &[
    ["ana@example.org", "***@example.org", "****.org", "ana****", "an****rg"],
    ["no address", "***", "****ress", "no ****", "no****ss"],
    ["@", "***@", "****", "****", "****"],
    ["a@b@c", "***@b@c", "****", "****", "****"],
    ["", "***", "****", "****", "****"],
    ["1234567", "***", "****", "123****", "****"],
    ["12345678", "***", "****5678", "123****", "12****78"],
    ["ñandú@ñu.es", "***@ñu.es", "****u.es", "ñan****", "ña****es"],
    ["😀😀😀😀😀😀😀😀", "***", "****😀😀😀😀", "😀😀😀****", "😀😀****😀😀"],
    ["a\u{308}o\u{308}u\u{308}", "***", "****", "a\u{308}o****", "****"],
    ["        ", "***", "****    ", "   ****", "  ****  "],
    ["%_\\%_\\%_", "***", "****_\\%_", "%_\\****", "%_****%_"],
];

/// The same for text with U+0000, which shows nothing.
pub const MASKED_NUL: &[[&str; 5]] = &[
    ["ana\0@example.org", "***", "****", "****", "****"],
    ["ana@exa\0mple.org", "***", "****", "****", "****"],
    ["123456789\0", "***", "****", "****", "****"],
];

fn secrets(nul: bool) -> Table {
    let extra = if nul { MASKED_NUL } else { &[] };
    let inputs = MASKED.iter().chain(extra).map(|case| [text(case[0])]);
    let columns = vec![("id", Kind::Integer), ("s", Kind::Text)];
    Table { name: "secrets", columns, rows: numbered(inputs.chain([[None]])) }
}

fn hostile() -> Table {
    let columns = vec![
        ("id", Kind::Integer),
        ("select", Kind::Text),
        ("a\"b", Kind::Text),
        ("a`b", Kind::Text),
        ("%s $1 ?1", Kind::Text),
        (" lead", Kind::Text),
        ("ÑANDÚ", Kind::Text),
        ("new\nline", Kind::Text),
    ];
    let row = |tail: &str| -> [Cell; 7] {
        ["s", "q", "b", "p", "l", "n", "w"].map(|head| text(&format!("{head}{tail}")))
    };
    Table { name: HOSTILE, columns, rows: numbered([row("1"), row("2"), row("3")]) }
}

fn text(text: &str) -> Cell {
    Some(Value::Text(text.to_string()))
}

fn numbered<const N: usize>(rows: impl IntoIterator<Item = [Cell; N]>) -> Vec<Row> {
    let key = |at| Some(Value::Integer(at));
    (1_i64..).zip(rows).map(|(at, row)| [key(at)].into_iter().chain(row).collect()).collect()
}
