//! What statements are made of: tables, columns, and values that an attacker would try.

use super::expr::Type;

/// Tables by weight.
pub const TABLES: &[(usize, &str)] =
    &[(55, "people"), (25, "orders"), (17, "tickets"), (3, "events")];

/// The open columns of a table.
pub fn columns(table: &str, nicknames: bool) -> impl Iterator<Item = (&'static str, Type)> {
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
    columns.iter().copied().filter(move |(name, _)| nicknames || *name != "nickname")
}

/// Values of a type: open ones, masked ones, raw ones of either world, and ends of the range.
pub fn literals(ty: Type) -> &'static [&'static str] {
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
    }
}

/// Patterns of LIKE.
pub const PATTERNS: &[&str] =
    &["SECRET%", "%A1%", "***%", "%o%", "_da%", "%@%.example", "[%", "p\\_%", "%", "", "70_"];

/// Regular expressions.
pub const REGEXES: &[&str] = &["^SECRET", "[0-9]+", "a.*1$", "^\\\\*", "(EU|NA)", "."];

/// Divisors that are zero on hidden rows or raw cells, seldom on an open row.
pub const ZEROES: &[&str] = &[
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
