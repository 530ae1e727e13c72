//! What SQLite computes exactly as the engine does, and cannot fail at. See
//! [`celosia_connector_api::functions`].
//!
//! SQLite computes with whatever is stored: text counts as 0 in arithmetic. A value that is not of its
//! column's type therefore comes out as a value that is of no type of the result, and is an error where
//! it is read, as the stored value itself would be.
//!
//! Not here, and why: `length`, `substr`, `left`, `right` and `reverse` end at U+0000; `upper` and `lower`
//! know ASCII only; `||` and `replace` may make a text too long out of a hidden one; whole numbers are 64
//! bits wide, so that `+` may turn into a double; a decimal is a double or text, of which only sums and
//! extremes are exact; a time stamp with an offset has no fixed place for its parts.

use celosia_connector_api::functions::Argument::{NonEmpty, Of, Pattern, Positive, Word};
use celosia_connector_api::functions::class::{
    ANY, BOOLEAN, DATE, DECIMAL, INTEGER, TEXT, TIMESTAMP,
};
use celosia_connector_api::{Argument, ClassSet, FunctionRule as Rule, OperandClass, Spelled};

/// What is computed from a date, where it is one.
macro_rules! of_date {
    ($value:expr) => {
        of_date!($value, "'unfit'")
    };
    ($value:expr, $unfit:expr) => {
        concat!(
            "CASE WHEN date({0}) = {0} THEN ",
            $value,
            " WHEN {0} IS NOT NULL THEN ",
            $unfit,
            " END"
        )
    };
}
/// What is computed from a time stamp, where it is one without an offset.
macro_rules! of_moment {
    ($value:expr) => {
        of_moment!($value, "'unfit'")
    };
    ($value:expr, $unfit:expr) => {
        concat!(
            "CASE WHEN date(substr({0}, 1, 10)) = substr({0}, 1, 10) \
             AND substr({0}, 11) NOT GLOB '*[^0-9:. TZz]*' THEN ",
            $value,
            " WHEN {0} IS NOT NULL THEN ",
            $unfit,
            " END"
        )
    };
}

/// Classes that are grouped as the engine does: no floats, since Arrow tells -0.0 from 0.0, and no
/// decimals, since 0.5 may be stored as a double and as text.
pub(crate) const GROUPED: ClassSet = ClassSet::of(&[
    OperandClass::Boolean,
    OperandClass::Integer,
    OperandClass::Text,
    OperandClass::Bytes,
    OperandClass::Date,
    OperandClass::Timestamp,
]);
/// Grouped by what is stored.
const ONE_FORM: Argument =
    Of(ClassSet::of(&[OperandClass::Boolean, OperandClass::Integer, OperandClass::Date]));
const CARRIED: Argument = Of(ClassSet::of(&[
    OperandClass::Boolean,
    OperandClass::Integer,
    OperandClass::Decimal,
    OperandClass::Text,
    OperandClass::Bytes,
    OperandClass::Date,
    OperandClass::Timestamp,
]));
const ORDERED: Argument = Of(ClassSet::of(&[
    OperandClass::Integer,
    OperandClass::Decimal,
    OperandClass::Text,
    OperandClass::Date,
    OperandClass::Timestamp,
]));

/// The rules.
pub(crate) const RULES: &[Rule] = &[
    Rule::scalar("/", &[INTEGER, Positive], QUOTIENT, "n / 7"),
    Rule::scalar("%", &[INTEGER, Positive], REST, "n % 7"),
    Rule::scalar("cast text", &[INTEGER], SHOWN, "CAST(n AS text)"),
    Rule::scalar("cast double", &[INTEGER], DOUBLE, "CAST(n AS double precision)"),
    // Text; these go by its bytes, U+0000 included. What is no text in such a column is bytes.
    Rule::scalar("octet_length", &[TEXT], BYTES, "octet_length(t)"),
    Rule::scalar("strpos", &[TEXT, NonEmpty], PLACE, "strpos(t, 'b')"),
    Rule::scalar(
        "btrim",
        &[TEXT],
        "CASE typeof({0}) WHEN 'blob' THEN {0} ELSE trim({0}) END",
        "trim(t)",
    ),
    Rule::scalar(
        "ltrim",
        &[TEXT],
        "CASE typeof({0}) WHEN 'blob' THEN {0} ELSE ltrim({0}) END",
        "ltrim(t)",
    ),
    Rule::scalar(
        "rtrim",
        &[TEXT],
        "CASE typeof({0}) WHEN 'blob' THEN {0} ELSE rtrim({0}) END",
        "rtrim(t)",
    ),
    // Dates. SQLite's own date() takes other spellings as well, and gives the one that is read.
    Rule::scalar(
        "date_part",
        &[Word("year"), DATE],
        of_date!("CAST(substr({0}, 1, 4) AS INTEGER)"),
        "extract(year FROM y)",
    ),
    Rule::scalar(
        "date_part",
        &[Word("year"), TIMESTAMP],
        of_moment!("CAST(substr({0}, 1, 4) AS INTEGER)"),
        "extract(year FROM z)",
    ),
    Rule::scalar(
        "date_part",
        &[Word("quarter"), DATE],
        of_date!("(CAST(substr({0}, 6, 2) AS INTEGER) + 2) / 3"),
        "extract(quarter FROM y)",
    ),
    Rule::scalar(
        "date_part",
        &[Word("quarter"), TIMESTAMP],
        of_moment!("(CAST(substr({0}, 6, 2) AS INTEGER) + 2) / 3"),
        "extract(quarter FROM z)",
    ),
    Rule::scalar(
        "date_part",
        &[Word("month"), DATE],
        of_date!("CAST(substr({0}, 6, 2) AS INTEGER)"),
        "extract(month FROM y)",
    ),
    Rule::scalar(
        "date_part",
        &[Word("month"), TIMESTAMP],
        of_moment!("CAST(substr({0}, 6, 2) AS INTEGER)"),
        "extract(month FROM z)",
    ),
    Rule::scalar(
        "date_part",
        &[Word("day"), DATE],
        of_date!("CAST(substr({0}, 9, 2) AS INTEGER)"),
        "extract(day FROM y)",
    ),
    Rule::scalar(
        "date_part",
        &[Word("day"), TIMESTAMP],
        of_moment!("CAST(substr({0}, 9, 2) AS INTEGER)"),
        "extract(day FROM z)",
    ),
    Rule::scalar(
        "date_part",
        &[Word("dow"), DATE],
        of_date!("CAST(strftime('%w', {0}) AS INTEGER)"),
        "extract(dow FROM y)",
    ),
    Rule::scalar(
        "date_part",
        &[Word("doy"), DATE],
        of_date!("CAST(strftime('%j', {0}) AS INTEGER)"),
        "extract(doy FROM y)",
    ),
    Rule::scalar(
        "date_part",
        &[Word("hour"), TIMESTAMP],
        of_moment!("CAST(substr({0} || ' 00:00', 12, 2) AS INTEGER)"),
        "extract(hour FROM z)",
    ),
    Rule::scalar(
        "date_part",
        &[Word("minute"), TIMESTAMP],
        of_moment!("CAST(substr({0} || ' 00:00', 15, 2) AS INTEGER)"),
        "extract(minute FROM z)",
    ),
    Rule::scalar(
        "date_trunc",
        &[Word("year"), TIMESTAMP],
        of_moment!("substr({0}, 1, 4) || '-01-01 00:00:00'"),
        "date_trunc('year', z)",
    ),
    Rule::scalar(
        "date_trunc",
        &[Word("quarter"), TIMESTAMP],
        of_moment!(
            "substr({0}, 1, 5) || substr('01040710', \
             (CAST(substr({0}, 6, 2) AS INTEGER) - 1) / 3 * 2 + 1, 2) || '-01 00:00:00'"
        ),
        "date_trunc('quarter', z)",
    ),
    Rule::scalar(
        "date_trunc",
        &[Word("month"), TIMESTAMP],
        of_moment!("substr({0}, 1, 7) || '-01 00:00:00'"),
        "date_trunc('month', z)",
    ),
    Rule::scalar(
        "date_trunc",
        &[Word("day"), TIMESTAMP],
        of_moment!("substr({0}, 1, 10) || ' 00:00:00'"),
        "date_trunc('day', z)",
    ),
    Rule::scalar(
        "date_trunc",
        &[Word("hour"), TIMESTAMP],
        of_moment!("substr({0}, 1, 10) || ' ' || substr({0} || ' 00', 12, 2) || ':00:00'"),
        "date_trunc('hour', z)",
    ),
    Rule::scalar(
        "date_trunc",
        &[Word("minute"), TIMESTAMP],
        of_moment!("substr({0}, 1, 10) || ' ' || substr({0} || ' 00:00', 12, 5) || ':00'"),
        "date_trunc('minute', z)",
    ),
    Rule::scalar(
        "date_trunc",
        &[Word("year"), DATE],
        of_date!("substr({0}, 1, 4) || '-01-01 00:00:00'"),
        "date_trunc('year', y)",
    ),
    Rule::scalar(
        "date_trunc",
        &[Word("quarter"), DATE],
        of_date!(
            "substr({0}, 1, 5) || substr('01040710', \
             (CAST(substr({0}, 6, 2) AS INTEGER) - 1) / 3 * 2 + 1, 2) || '-01 00:00:00'"
        ),
        "date_trunc('quarter', y)",
    ),
    Rule::scalar(
        "date_trunc",
        &[Word("month"), DATE],
        of_date!("substr({0}, 1, 7) || '-01 00:00:00'"),
        "date_trunc('month', y)",
    ),
    Rule::scalar(
        "date_trunc",
        &[Word("day"), DATE],
        of_date!("{0} || ' 00:00:00'"),
        "date_trunc('day', y)",
    ),
    Rule::scalar("cast date", &[TIMESTAMP], of_moment!("substr({0}, 1, 10)"), "CAST(z AS date)"),
    // A text that is no text is refused where it is read.
    Rule::scalar(
        "to_char",
        &[DATE, Pattern("YYYY")],
        of_date!("substr({0}, 1, 4)", "x'00'"),
        "to_char(y, 'yyyy')",
    ),
    Rule::scalar(
        "to_char",
        &[TIMESTAMP, Pattern("YYYY")],
        of_moment!("substr({0}, 1, 4)", "x'00'"),
        "to_char(z, 'YYYY')",
    ),
    Rule::scalar(
        "to_char",
        &[DATE, Pattern("YYYY-MM")],
        of_date!("substr({0}, 1, 7)", "x'00'"),
        "to_char(y, 'YYYY-MM')",
    ),
    Rule::scalar(
        "to_char",
        &[TIMESTAMP, Pattern("YYYY-MM")],
        of_moment!("substr({0}, 1, 7)", "x'00'"),
        "to_char(z, 'YYYY-MM')",
    ),
    Rule::scalar(
        "to_char",
        &[TIMESTAMP, Pattern("YYYY-MM-DD")],
        of_moment!("substr({0}, 1, 10)", "x'00'"),
        "to_char(z, 'YYYY-MM-DD')",
    ),
    // Aggregates.
    Rule::aggregate("count", &[], "COUNT(*)", "count(*)"),
    Rule::aggregate("count", &[ANY], "COUNT({0})", "count(t)"),
    Rule::aggregate("count distinct", &[ONE_FORM], "COUNT(DISTINCT {0})", "count(DISTINCT y)"),
    Rule::aggregate(
        "count distinct",
        &[TEXT],
        "COUNT(DISTINCT {0} COLLATE BINARY)",
        "count(DISTINCT t)",
    ),
    // See `sum`.
    Rule::aggregate("sum", &[DECIMAL], "SUM({0})", "sum(d)"),
    Rule::aggregate("min", &[ORDERED], "MIN({0})", "min(t)"),
    Rule::aggregate("max", &[ORDERED], "MAX({0})", "max(z)"),
    Rule::aggregate("bool_and", &[BOOLEAN], "MIN({0})", "bool_and(b)"),
    Rule::aggregate("bool_or", &[BOOLEAN], "MAX({0})", "bool_or(b)"),
    // Windows.
    Rule::window("row_number", &[], "ROW_NUMBER()", "row_number() OVER (ORDER BY id)"),
    Rule::window("rank", &[], "RANK()", "rank() OVER (PARTITION BY b ORDER BY i)"),
    Rule::window("dense_rank", &[], "DENSE_RANK()", "dense_rank() OVER (ORDER BY t)"),
    Rule::window("lag", &[CARRIED], "LAG({0})", "lag(i) OVER (ORDER BY id)"),
    Rule::window("lead", &[CARRIED], "LEAD({0})", "lead(d) OVER (PARTITION BY z ORDER BY id)"),
    Rule::window(
        "first_value",
        &[CARRIED],
        "FIRST_VALUE({0})",
        "first_value(t) OVER (PARTITION BY b ORDER BY id)",
    ),
    Rule::window(
        "last_value",
        &[CARRIED],
        "LAST_VALUE({0})",
        "last_value(i) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)",
    ),
];

const QUOTIENT: &str =
    "CASE typeof({0}) WHEN 'integer' THEN {0} / {1} WHEN 'null' THEN NULL ELSE 'unfit' END";
const REST: &str =
    "CASE typeof({0}) WHEN 'integer' THEN {0} % {1} WHEN 'null' THEN NULL ELSE 'unfit' END";
const SHOWN: &str = "CASE typeof({0}) WHEN 'integer' THEN CAST({0} AS TEXT) \
                     WHEN 'null' THEN NULL ELSE x'00' END";
const DOUBLE: &str = "CASE typeof({0}) WHEN 'integer' THEN CAST({0} AS REAL) \
                      WHEN 'null' THEN NULL ELSE 'unfit' END";
const BYTES: &str = "CASE typeof({0}) WHEN 'blob' THEN 'unfit' ELSE octet_length({0}) END";
const PLACE: &str = "CASE typeof({0}) WHEN 'blob' THEN 'unfit' ELSE instr({0}, {1}) END";

/// The one form of a time stamp among those that are read: `2024-01-01T10:00Z` is
/// `2024-01-01 10:00:00.000000`.
pub(crate) fn one_form(moment: &str) -> String {
    let bare = format!("rtrim({moment}, 'Zz')");
    format!(
        "substr({moment}, 1, 10) || ' ' || substr(substr({bare}, 12) \
         || substr('00:00:00.000000', max(length({bare}) - 10, 1)), 1, 15)"
    )
}

/// The most digits that a double holds every number of.
const DOUBLE_DIGITS: u16 = 15;
/// Numbers of so many digits do not overflow in a sum, however many they are.
const SMALL_DIGITS: u16 = 9;

/// Digits in front of the point and behind it, where every value of the decimal is stored as a number;
/// `None` where some may be stored as text.
fn plain_digits(argument: &Spelled<'_>) -> Option<(u16, u16)> {
    let narrow = argument.expression.narrow();
    let (whole, fraction) = narrow.digits();
    let plain = narrow.class == OperandClass::Integer || whole + fraction <= DOUBLE_DIGITS;
    plain.then_some((whole, fraction))
}

/// Whether the smallest stored number is the smallest value.
pub(crate) fn is_ordered(argument: &Spelled<'_>) -> bool {
    argument.expression.class != OperandClass::Decimal || plain_digits(argument).is_some()
}

/// The exact sum, whatever its size: values are brought to whole numbers, of which billions and what is
/// left are added apart, and it arrives as `billions 'e9 ' rest 'e-2'`. A stored value that is no such
/// decimal is a text among them, by which the sum becomes a double and is not read.
pub(crate) fn sum(argument: &Spelled<'_>, over: &str) -> Option<String> {
    let (whole, fraction) = plain_digits(argument)?;
    let x = &argument.sql;
    let (number, fits) = if argument.expression.narrow().class == OperandClass::Integer {
        (x.clone(), format!("typeof({x}) = 'integer'"))
    } else {
        let (unit, most) = (10_u64.pow(fraction.into()), 10_u64.pow(whole.into()));
        let near = format!("round({x} * {unit}.0)");
        let fits = format!(
            "typeof({x}) IN ('integer', 'real') AND abs({x}) < {most} AND {near} / {unit}.0 = {x}"
        );
        (format!("CAST({near} AS INTEGER)"), fits)
    };
    let checked = |number: &str| {
        format!("SUM(CASE WHEN {fits} THEN {number} WHEN {x} IS NOT NULL THEN 'unfit' END){over}")
    };
    let power = if fraction == 0 { String::new() } else { format!(" || 'e-{fraction}'") };
    if whole + fraction <= SMALL_DIGITS {
        return Some(format!("({}{power})", checked(&number)));
    }
    let rest = checked(&format!("{number} % 1000000000"));
    Some(format!("(SUM({number} / 1000000000){over} || 'e9 ' || {rest}{power})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::DataType;
    use celosia_connector_api::{Expression, Node};

    #[test]
    fn a_sum_is_sent_where_numbers_are_stored_as_numbers() {
        let of = |data_type: DataType| {
            let expression = Expression::new(Node::Column(0), data_type);
            sum(&Spelled { sql: "x".into(), expression: &expression }, " OVER ()")
        };
        assert!(of(DataType::Decimal128(16, 2)).is_none());
        let small = of(DataType::Decimal128(9, 2)).expect("sent");
        assert!(small.ends_with("END) OVER () || 'e-2')") && !small.contains("e9"), "{small}");
        let large = of(DataType::Int64).expect("sent");
        assert!(large.starts_with("(SUM(x / 1000000000) OVER () || 'e9 ' || SUM("), "{large}");
    }
}
