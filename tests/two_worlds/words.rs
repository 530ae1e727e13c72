//! What statements are made of: tables, columns, and values that an attacker would try.

use super::expr::{TYPES, Type};
use crate::support::rng::Rng;

/// The tables, columns and values of the statements of a run.
#[derive(Debug)]
pub struct Words {
    /// The tables.
    pub tables: Vec<Table>,
    /// The types that columns have, by weight.
    pub types: Vec<(usize, Type)>,
    /// Values of each type, in the order of [`TYPES`].
    pub literals: Vec<Vec<String>>,
}

/// A table.
#[derive(Debug)]
pub struct Table {
    /// How often it is chosen.
    pub weight: usize,
    /// Its name, quoted where that is needed.
    pub name: String,
    /// Its open columns; references and keys come before other whole numbers.
    pub columns: Vec<Column>,
    /// The columns that tell its open rows apart; none where some are the same.
    pub keys: Vec<String>,
}

/// An open column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name, quoted where that is needed.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// What is zero on hidden rows or raw cells, seldom on an open row: ` - 3`, or nothing for the column itself.
    pub zeroes: Vec<String>,
    /// Every open text is a number, no hidden one is.
    pub digits: bool,
    /// It is open to sums, averages and counts alone.
    pub aggregate: bool,
}

impl Words {
    /// Values of a type.
    pub fn literals(&self, ty: Type) -> Vec<&str> {
        self.literals[ty as usize].iter().map(String::as_str).collect()
    }

    /// One of the tables.
    pub fn table(&self, rng: &mut Rng) -> &Table {
        let weights: Vec<(usize, usize)> =
            self.tables.iter().enumerate().map(|(at, table)| (table.weight, at)).collect();
        &self.tables[rng.weighted(&weights)]
    }
}

/// The tables of the fixed worlds; `nicknames` where the caller sees them.
pub fn fixed(nicknames: bool) -> Words {
    let tables = TABLES.iter().map(|(weight, name)| Table {
        weight: *weight,
        name: (*name).into(),
        columns: columns(name).filter(|column| nicknames || column.name != "nickname").collect(),
        keys: vec!["id".into()],
    });
    let literals = TYPES.iter().map(|ty| literals(*ty).iter().map(|l| l.to_string()).collect());
    Words { tables: tables.collect(), types: TYPE_WEIGHTS.to_vec(), literals: literals.collect() }
}

/// Numbers and texts more often.
const TYPE_WEIGHTS: &[(usize, Type)] = &[
    (30, Type::Int),
    (26, Type::Text),
    (10, Type::Bool),
    (9, Type::Float),
    (9, Type::Dec),
    (8, Type::Date),
    (8, Type::Time),
];

/// Tables by weight.
const TABLES: &[(usize, &str)] = &[(55, "people"), (25, "orders"), (17, "tickets"), (3, "events")];

/// The open columns of a table.
fn columns(table: &str) -> impl Iterator<Item = Column> {
    use Type::{Bool, Date, Dec, Float, Int, Text, Time};
    let columns: &'static [(&str, Type)] = match table {
        "people" => &[
            ("id", Int),
            ("manager_id", Int),
            ("salary", Int),
            ("score", Int),
            ("level", Int),
            ("name", Text),
            ("email", Text),
            ("phone", Text),
            ("tax_id", Text),
            ("badge", Text),
            ("region", Text),
            ("code", Text),
            ("nickname", Text),
            ("bonus", Dec),
            ("born", Date),
            ("joined", Time),
            ("rate", Float),
            ("active", Bool),
        ],
        "orders" => &[
            ("person_id", Int),
            ("id", Int),
            ("region", Text),
            ("status", Text),
            ("note", Text),
            ("amount", Dec),
            ("fee", Float),
            ("placed", Time),
        ],
        "tickets" => &[
            ("person_id", Int),
            ("id", Int),
            ("priority", Int),
            ("person_tax", Text),
            ("subject", Text),
            ("status", Text),
            ("opened", Date),
        ],
        _ => &[("seq", Int), ("id", Int), ("kind", Text), ("amount", Float), ("day", Date)],
    };
    columns.iter().map(|(name, ty)| {
        let is_of = |zero: &&&str| zero.split(' ').next() == Some(*name);
        let zeroes = ZEROES.iter().filter(is_of).map(|zero| zero[name.len()..].to_string());
        let digits = *name == "code";
        Column { name: (*name).into(), ty: *ty, zeroes: zeroes.collect(), digits, aggregate: false }
    })
}

/// Values of a type: open ones, masked ones, raw ones of either world, and ends of the range.
fn literals(ty: Type) -> &'static [&'static str] {
    match ty {
        Type::Int => &[
            "0",
            "1",
            "2",
            "3",
            "4",
            "5",
            "7",
            "10",
            "50",
            "88",
            "100",
            "-1",
            "17731",
            "12218",
            "10000",
            "20000",
            "3000",
            "2147483648",
            "9223372036854775807",
        ],
        Type::Float => &[
            "CAST(0.5 AS DOUBLE PRECISION)",
            "CAST(217.6875 AS DOUBLE PRECISION)",
            "CAST(168.6875 AS DOUBLE PRECISION)",
            "CAST(200 AS DOUBLE PRECISION)",
            "CAST(0 AS DOUBLE PRECISION)",
        ],
        Type::Dec => &[
            "CAST(0.01 AS DECIMAL(12,2))",
            "CAST(99.99 AS DECIMAL(12,2))",
            "CAST(8208.81 AS DECIMAL(12,2))",
            "CAST(500 AS DECIMAL(12,2))",
        ],
        Type::Text => &[
            "'EU'",
            "'NA'",
            "'X'",
            "''",
            "'a'",
            "'('",
            "'101'",
            "'Ada 06'",
            "'paid'",
            "'void'",
            "'p_'",
            "'SECRETxA1@mail.example'",
            "'SECRETxB999@mail.example'",
            "'***@mail.example'",
            "'[redacted]'",
            "'****1007'",
            "'SECRETxA-badge-1'",
        ],
        Type::Bool => &["true", "false"],
        Type::Date => &[
            "DATE '1951-07-13'",
            "DATE '1951-02-03'",
            "DATE '1951-01-01'",
            "DATE '2024-01-01'",
            "DATE '9999-12-31'",
        ],
        Type::Time => &[
            "TIMESTAMP '2011-02-03 10:11:12'",
            "TIMESTAMP '2011-02-01 00:00:00'",
            "TIMESTAMP '2024-03-01 00:00:00'",
            "TIMESTAMP '9999-12-31 23:59:59'",
        ],
        Type::Instant | Type::Bytes | Type::Clock => &[],
    }
}

/// Patterns of LIKE.
pub const PATTERNS: &[&str] =
    &["SECRET%", "%A1%", "***%", "%o%", "_da%", "%@%.example", "[%", "p\\_%", "%", "", "70_"];

/// Regular expressions.
pub const REGEXES: &[&str] = &["^SECRET", "[0-9]+", "a.*1$", "^\\\\*", "(EU|NA)", "."];

/// Divisors that are zero on hidden rows or raw cells, seldom on an open row.
const ZEROES: &[&str] = &[
    "id - 3",
    "id - 4",
    "id - 7",
    "id - 13",
    "id - 9",
    "score",
    "salary - 17731",
    "salary - 12218",
    "level - 2",
    "level - 999",
    "person_id - 3",
    "priority",
    "seq",
    "id - 14",
];
