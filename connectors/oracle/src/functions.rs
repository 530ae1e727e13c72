//! What Oracle computes exactly as the engine does, and cannot fail at. See
//! [`celosia_connector_api::functions`].
//!
//! Not here, and why: an empty text is NULL, so nothing that may come out empty (`substr` from somewhere,
//! trims); `||` and REPLACE may raise an error on a text of 4,000 bytes; `upper` and `lower` follow the
//! session's language; days and weeks are counted in the Julian calendar before 1582; a NUMBER becomes the
//! double next to it by rules of Oracle's own; sums of doubles depend on the order of rows.

use celosia_connector_api::functions::Argument::{Exactly, NonEmpty, Of, Pattern, Positive, Word};
use celosia_connector_api::functions::class::{DECIMAL, INTEGER, TEXT, TIMESTAMP};
use celosia_connector_api::{Argument, ClassSet, FunctionRule as Rule, OperandClass};

/// Classes that are grouped as the engine does: no floats, since Arrow tells -0.0 from 0.0, and nothing
/// finer at the server than it is read.
pub(crate) const GROUPED: ClassSet = ClassSet::of(&[
    OperandClass::Boolean,
    OperandClass::Integer,
    OperandClass::Decimal,
    OperandClass::Text,
    OperandClass::Bytes,
    OperandClass::Timestamp,
    OperandClass::TimestampUtc,
]);
const DISTINCT: Argument = Of(GROUPED);
/// Whatever is no large object.
const COUNTED: Argument = Of(ClassSet::of(&[
    OperandClass::Boolean,
    OperandClass::Integer,
    OperandClass::Decimal,
    OperandClass::Float,
    OperandClass::Text,
    OperandClass::Bytes,
    OperandClass::Timestamp,
    OperandClass::TimestampUtc,
    OperandClass::TimestampFine,
    OperandClass::TimestampUtcFine,
]));
const ORDERED: Argument = Of(ClassSet::of(&[
    OperandClass::Integer,
    OperandClass::Decimal,
    OperandClass::Timestamp,
    OperandClass::TimestampUtc,
]));
const CARRIED: Argument = Of(ClassSet::of(&[
    OperandClass::Integer,
    OperandClass::Decimal,
    OperandClass::Text,
    OperandClass::Bytes,
    OperandClass::Timestamp,
    OperandClass::TimestampUtc,
]));

/// The rules, as far as they hold in the database's character set.
pub(crate) fn rules(utf8: bool) -> &'static [Rule] {
    if utf8 { &ALL } else { COMMON }
}

/// Where text is stored in UTF-8: its bytes, characters and order are the engine's.
const OF_UTF8: &[Rule] = &[
    Rule::scalar("character_length", &[TEXT], "LENGTH({0})", "length(t)"),
    Rule::scalar("octet_length", &[TEXT], "LENGTHB({0})", "octet_length(t)"),
    Rule::scalar("strpos", &[TEXT, NonEmpty], "INSTR({0}, {1})", "strpos(t, 'b')"),
    Rule::scalar(
        "substr",
        &[TEXT, Exactly(1), Positive],
        "SUBSTR({0}, 1, {1})",
        "substring(t FROM 1 FOR 2)",
    ),
    Rule::scalar("left", &[TEXT, Positive], "SUBSTR({0}, 1, {1})", "left(t, 2)"),
    Rule::scalar(
        "right",
        &[TEXT, Positive],
        "SUBSTR({0}, - LEAST({1}, LENGTH({0})))",
        "right(t, 2)",
    ),
    Rule::aggregate("min", &[TEXT], "MIN({0})", "min(t)"),
    Rule::aggregate("max", &[TEXT], "MAX({0})", "max(t)"),
];

const COMMON: &[Rule] = &[
    Rule::scalar("+", &[INTEGER, INTEGER], "({0} + {1})", "n % 100 + n % 7"),
    Rule::scalar("-", &[INTEGER, INTEGER], "({0} - {1})", "n % 100 - n % 7"),
    Rule::scalar("*", &[INTEGER, INTEGER], "({0} * {1})", "extract(day FROM z) * 2"),
    Rule::scalar("/", &[INTEGER, Positive], "TRUNC({0} / {1})", "n / 7"),
    Rule::scalar("%", &[INTEGER, Positive], "MOD({0}, {1})", "n % 7"),
    Rule::scalar("+", &[DECIMAL, DECIMAL], "({0} + {1})", "d + e"),
    Rule::scalar("-", &[DECIMAL, DECIMAL], "({0} - {1})", "1 - d"),
    Rule::scalar("*", &[DECIMAL, DECIMAL], "({0} * {1})", "d * (1 - e)"),
    Rule::scalar("negative", &[DECIMAL], "(- {0})", "- d"),
    Rule::scalar("abs", &[DECIMAL], "ABS({0})", "abs(d)"),
    Rule::scalar("cast text", &[INTEGER], "TO_CHAR({0})", "CAST(n AS text)"),
    // The engine counts a year 0 before the year 1.
    Rule::scalar("date_part", &[Word("year"), TIMESTAMP], YEAR, "extract(year FROM z)"),
    Rule::scalar("date_part", &[Word("quarter"), TIMESTAMP], QUARTER, "extract(quarter FROM z)"),
    Rule::scalar(
        "date_part",
        &[Word("month"), TIMESTAMP],
        "EXTRACT(MONTH FROM {0})",
        "extract(month FROM z)",
    ),
    Rule::scalar(
        "date_part",
        &[Word("day"), TIMESTAMP],
        "EXTRACT(DAY FROM {0})",
        "extract(day FROM y)",
    ),
    // A DATE has hours, but not for EXTRACT.
    Rule::scalar(
        "date_part",
        &[Word("hour"), TIMESTAMP],
        "EXTRACT(HOUR FROM CAST({0} AS TIMESTAMP))",
        "extract(hour FROM z)",
    ),
    Rule::scalar(
        "date_part",
        &[Word("minute"), TIMESTAMP],
        "EXTRACT(MINUTE FROM CAST({0} AS TIMESTAMP))",
        "extract(minute FROM z)",
    ),
    Rule::scalar(
        "date_trunc",
        &[Word("year"), TIMESTAMP],
        "TRUNC({0}, 'YYYY')",
        "date_trunc('year', z)",
    ),
    Rule::scalar(
        "date_trunc",
        &[Word("quarter"), TIMESTAMP],
        "TRUNC({0}, 'Q')",
        "date_trunc('quarter', z)",
    ),
    Rule::scalar(
        "date_trunc",
        &[Word("month"), TIMESTAMP],
        "TRUNC({0}, 'MM')",
        "date_trunc('month', y)",
    ),
    Rule::scalar(
        "date_trunc",
        &[Word("day"), TIMESTAMP],
        "TRUNC({0}, 'DD')",
        "date_trunc('day', z)",
    ),
    Rule::scalar(
        "date_trunc",
        &[Word("hour"), TIMESTAMP],
        "TRUNC({0}, 'HH24')",
        "date_trunc('hour', z)",
    ),
    Rule::scalar(
        "date_trunc",
        &[Word("minute"), TIMESTAMP],
        "TRUNC({0}, 'MI')",
        "date_trunc('minute', z)",
    ),
    Rule::scalar(
        "to_char",
        &[TIMESTAMP, Pattern("YYYY")],
        "TO_CHAR({0}, 'YYYY')",
        "to_char(z, 'YYYY')",
    ),
    Rule::scalar(
        "to_char",
        &[TIMESTAMP, Pattern("YYYY-MM")],
        "TO_CHAR({0}, 'YYYY-MM')",
        "to_char(z, 'YYYY-MM')",
    ),
    Rule::scalar(
        "to_char",
        &[TIMESTAMP, Pattern("YYYY-MM-DD")],
        "TO_CHAR({0}, 'YYYY-MM-DD')",
        "to_char(y, 'YYYY-MM-DD')",
    ),
    Rule::scalar("to_char", &[TIMESTAMP, Pattern("MM")], "TO_CHAR({0}, 'MM')", "to_char(z, 'mm')"),
    // Aggregates.
    Rule::aggregate("count", &[], "COUNT(*)", "count(*)"),
    Rule::aggregate("count", &[COUNTED], "COUNT({0})", "count(t)"),
    Rule::aggregate("count distinct", &[DISTINCT], "COUNT(DISTINCT {0})", "count(DISTINCT t)"),
    Rule::aggregate("sum", &[INTEGER], "SUM({0})", "sum(extract(day FROM z))"),
    Rule::aggregate("sum", &[DECIMAL], "SUM({0})", "sum(d)"),
    Rule::aggregate("min", &[ORDERED], "MIN({0})", "min(d)"),
    Rule::aggregate("max", &[ORDERED], "MAX({0})", "max(z)"),
    // Windows.
    Rule::window("row_number", &[], "ROW_NUMBER()", "row_number() OVER (ORDER BY id)"),
    Rule::window("rank", &[], "RANK()", "rank() OVER (PARTITION BY b ORDER BY i)"),
    Rule::window("dense_rank", &[], "DENSE_RANK()", "dense_rank() OVER (ORDER BY z)"),
    Rule::window("lag", &[CARRIED], "LAG({0})", "lag(i) OVER (ORDER BY id)"),
    Rule::window("lead", &[CARRIED], "LEAD({0})", "lead(t) OVER (PARTITION BY b ORDER BY id)"),
    Rule::window(
        "first_value",
        &[CARRIED],
        "FIRST_VALUE({0})",
        "first_value(t) OVER (PARTITION BY t ORDER BY id)",
    ),
    Rule::window(
        "last_value",
        &[CARRIED],
        "LAST_VALUE({0})",
        "last_value(i) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)",
    ),
];

static ALL: [Rule; OF_UTF8.len() + COMMON.len()] = all();

const fn all() -> [Rule; OF_UTF8.len() + COMMON.len()] {
    let mut all = [COMMON[0]; OF_UTF8.len() + COMMON.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = if at < OF_UTF8.len() { OF_UTF8[at] } else { COMMON[at - OF_UTF8.len()] };
        at += 1;
    }
    all
}

const YEAR: &str = "(EXTRACT(YEAR FROM {0}) \
                    + CASE WHEN EXTRACT(YEAR FROM {0}) < 0 THEN 1 ELSE 0 END)";
const QUARTER: &str = "CEIL(EXTRACT(MONTH FROM {0}) / 3)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_character_set_opens_more() {
        let knows = |utf8: bool, name: &str| rules(utf8).iter().any(|rule| rule.name == name);
        assert!(knows(true, "left") && !knows(false, "left"));
        assert!(knows(true, "lag") && knows(false, "lag"));
        assert_eq!(rules(true).last(), COMMON.last());
    }
}
