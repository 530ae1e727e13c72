//! What PostgreSQL computes exactly as the engine does, and cannot fail at. See
//! [`celosia_connector_api::functions`].
//!
//! Not here, and why: `upper`, `lower` and `initcap` follow the database's locale; `lpad` counts other
//! characters; floating point overflows with an error; `round`, `floor` and division have other types
//! or scales; `||` and `replace` can make a text too long for the server out of a hidden one, which is
//! an error; a cast that may not fit raises one, too; `sum` and `avg` of doubles depend on the order
//! of rows; ILIKE follows a locale, as `upper` does; a date plus an interval may leave the calendar, and
//! `string_agg` may grow beyond what a value can hold, which are errors; `stddev` of numbers is a numeric of other
//! digits; a percentile is a double of 64-bit numbers and interpolates otherwise, but for the median of
//! small ones; `to_char` shows D, G, S and names of zones by the server's settings; `to_date` and
//! `to_timestamp` fail on a text that does not fit.

use celosia_connector_api::FunctionRule as Rule;
use celosia_connector_api::functions::Argument::{Natural, NonEmpty, Of, Positive, Without, Word};
use celosia_connector_api::functions::class::{
    ANY, BOOLEAN, DATE, DECIMAL, INSTANT, INTEGER, TEXT, TIMESTAMP,
};
use celosia_connector_api::{Argument, ClassSet, OperandClass};

/// Classes that are grouped and ordered as the engine does: no floats, since Arrow tells -0.0 from 0.0.
pub(crate) const EXACT: ClassSet = ClassSet::of(&[
    OperandClass::Boolean,
    OperandClass::Integer,
    OperandClass::Decimal,
    OperandClass::Text,
    OperandClass::Uuid,
    OperandClass::Bytes,
    OperandClass::Date,
    OperandClass::Timestamp,
    OperandClass::TimestampUtc,
]);
/// Classes with a smallest and a greatest value; the server has none of booleans, UUIDs and bytes.
const ORDERED: Argument = Of(ClassSet::of(&[
    OperandClass::Integer,
    OperandClass::Decimal,
    OperandClass::Text,
    OperandClass::Date,
    OperandClass::Timestamp,
    OperandClass::TimestampUtc,
]));

/// Patterns without names of time zones.
const MOMENTS: Argument = Without(&["TZ", "OF"]);
/// Patterns without what the server takes from its locale.
const NUMBERS: Argument = Without(&["D", "G", "S"]);

/// The rules.
pub(crate) const RULES: &[Rule] = &[
    // The engine widens whole numbers to 64 bits first; what might not fit them is not sent.
    Rule::scalar("+", &[INTEGER, INTEGER], "(CAST({0} AS bigint) + {1})", "i + s"),
    Rule::scalar("-", &[INTEGER, INTEGER], "(CAST({0} AS bigint) - {1})", "i - s"),
    Rule::scalar("*", &[INTEGER, INTEGER], "(CAST({0} AS bigint) * {1})", "i * i"),
    Rule::scalar("/", &[INTEGER, Positive], "({0} / {1})", "n / 7"),
    Rule::scalar("%", &[INTEGER, Positive], "({0} % {1})", "n % 7"),
    Rule::scalar("&", &[INTEGER, Natural], "({0} & {1})", "n & 6"),
    Rule::scalar("+", &[DECIMAL, DECIMAL], "({0} + {1})", "d + e"),
    Rule::scalar("-", &[DECIMAL, DECIMAL], "({0} - {1})", "1 - d"),
    Rule::scalar("*", &[DECIMAL, DECIMAL], "({0} * {1})", "d * (1 - e)"),
    Rule::scalar("negative", &[DECIMAL], "(- {0})", "- d"),
    Rule::scalar("abs", &[DECIMAL], "abs({0})", "abs(d)"),
    // Text.
    Rule::scalar("character_length", &[TEXT], "char_length({0})", "length(t)"),
    Rule::scalar("octet_length", &[TEXT], "octet_length({0})", "octet_length(t)"),
    Rule::scalar("substr", &[TEXT, Positive], "substr({0}, CAST({1} AS integer))", "substr(t, 2)"),
    Rule::scalar(
        "substr",
        &[TEXT, Positive, Natural],
        "substr({0}, CAST({1} AS integer), CAST({2} AS integer))",
        "substring(t FROM 2 FOR 3)",
    ),
    Rule::scalar("left", &[TEXT, Natural], "left({0}, CAST({1} AS integer))", "left(t, 2)"),
    Rule::scalar("right", &[TEXT, Natural], "right({0}, CAST({1} AS integer))", "right(t, 2)"),
    Rule::scalar("strpos", &[TEXT, NonEmpty], "strpos({0}, {1})", "strpos(t, 'b')"),
    Rule::scalar("starts_with", &[TEXT, NonEmpty], "starts_with({0}, {1})", "starts_with(t, 'a')"),
    Rule::scalar("btrim", &[TEXT], "btrim({0})", "trim(t)"),
    Rule::scalar("ltrim", &[TEXT], "ltrim({0})", "ltrim(t)"),
    Rule::scalar("rtrim", &[TEXT], "rtrim({0})", "rtrim(t)"),
    Rule::scalar("reverse", &[TEXT], "reverse({0})", "reverse(t)"),
    Rule::scalar(
        "split_part",
        &[TEXT, NonEmpty, Positive],
        "split_part({0}, {1}, CAST({2} AS integer))",
        "split_part(t, 'b', 2)",
    ),
    Rule::scalar("cast text", &[INTEGER], "CAST({0} AS text)", "CAST(n AS text)"),
    Rule::scalar(
        "cast double",
        &[INTEGER],
        "CAST({0} AS double precision)",
        "CAST(n AS double precision)",
    ),
    // Dates. Infinity has no parts; the engine counts a year 0 before the year 1.
    Rule::scalar("date_part", &[Word("year"), DATE], YEAR, "extract(year FROM y)"),
    Rule::scalar("date_part", &[Word("year"), TIMESTAMP], YEAR, "extract(year FROM z)"),
    Rule::scalar("date_part", &[Word("quarter"), DATE], QUARTER, "extract(quarter FROM y)"),
    Rule::scalar("date_part", &[Word("quarter"), TIMESTAMP], QUARTER, "extract(quarter FROM z)"),
    Rule::scalar("date_part", &[Word("month"), DATE], MONTH, "extract(month FROM y)"),
    Rule::scalar("date_part", &[Word("month"), TIMESTAMP], MONTH, "extract(month FROM z)"),
    Rule::scalar("date_part", &[Word("day"), DATE], DAY, "extract(day FROM y)"),
    Rule::scalar("date_part", &[Word("day"), TIMESTAMP], DAY, "extract(day FROM z)"),
    Rule::scalar("date_part", &[Word("dow"), DATE], WEEKDAY, "extract(dow FROM y)"),
    Rule::scalar("date_part", &[Word("dow"), TIMESTAMP], WEEKDAY, "extract(dow FROM z)"),
    Rule::scalar("date_part", &[Word("isodow"), DATE], ISO_WEEKDAY, "extract(isodow FROM y)"),
    Rule::scalar("date_part", &[Word("isodow"), TIMESTAMP], ISO_WEEKDAY, "extract(isodow FROM z)"),
    Rule::scalar("date_part", &[Word("doy"), DATE], YEARDAY, "extract(doy FROM y)"),
    Rule::scalar("date_part", &[Word("doy"), TIMESTAMP], YEARDAY, "extract(doy FROM z)"),
    Rule::scalar("date_part", &[Word("week"), DATE], WEEK, "extract(week FROM y)"),
    Rule::scalar("date_part", &[Word("week"), TIMESTAMP], WEEK, "extract(week FROM z)"),
    Rule::scalar("date_part", &[Word("isoyear"), DATE], ISO_YEAR, "extract(isoyear FROM y)"),
    Rule::scalar("date_part", &[Word("isoyear"), TIMESTAMP], ISO_YEAR, "extract(isoyear FROM z)"),
    Rule::scalar("date_part", &[Word("second"), TIMESTAMP], SECOND, "extract(second FROM z)"),
    Rule::scalar("date_part", &[Word("year"), INSTANT], UTC_YEAR, "extract(year FROM u)"),
    Rule::scalar("date_part", &[Word("quarter"), INSTANT], UTC_QUARTER, "extract(quarter FROM u)"),
    Rule::scalar("date_part", &[Word("month"), INSTANT], UTC_MONTH, "extract(month FROM u)"),
    Rule::scalar("date_part", &[Word("week"), INSTANT], UTC_WEEK, "extract(week FROM u)"),
    Rule::scalar("date_part", &[Word("day"), INSTANT], UTC_DAY, "extract(day FROM u)"),
    Rule::scalar("date_part", &[Word("dow"), INSTANT], UTC_WEEKDAY, "extract(dow FROM u)"),
    Rule::scalar("date_part", &[Word("hour"), INSTANT], UTC_HOUR, "extract(hour FROM u)"),
    Rule::scalar("date_part", &[Word("minute"), INSTANT], UTC_MINUTE, "extract(minute FROM u)"),
    Rule::scalar("date_part", &[Word("hour"), TIMESTAMP], HOUR, "extract(hour FROM z)"),
    Rule::scalar("date_part", &[Word("minute"), TIMESTAMP], MINUTE, "extract(minute FROM z)"),
    // The server's calendar begins within 4713 BC: what would begin before it is NULL on both sides.
    Rule::scalar("date_trunc", &[Word("year"), TIMESTAMP], TRUNC_YEAR, "date_trunc('year', z)"),
    Rule::scalar(
        "date_trunc",
        &[Word("quarter"), TIMESTAMP],
        TRUNC_QUARTER,
        "date_trunc('quarter', z)",
    ),
    Rule::scalar("date_trunc", &[Word("month"), TIMESTAMP], TRUNC_MONTH, "date_trunc('month', z)"),
    Rule::scalar("date_trunc", &[Word("week"), TIMESTAMP], TRUNC_WEEK, "date_trunc('week', z)"),
    Rule::scalar(
        "date_trunc",
        &[Word("day"), TIMESTAMP],
        "date_trunc('day', {0})",
        "date_trunc('day', z)",
    ),
    Rule::scalar(
        "date_trunc",
        &[Word("hour"), TIMESTAMP],
        "date_trunc('hour', {0})",
        "date_trunc('hour', z)",
    ),
    Rule::scalar(
        "date_trunc",
        &[Word("minute"), TIMESTAMP],
        "date_trunc('minute', {0})",
        "date_trunc('minute', z)",
    ),
    Rule::scalar("date_trunc", &[Word("year"), DATE], TRUNC_DATE_YEAR, "date_trunc('year', y)"),
    Rule::scalar(
        "date_trunc",
        &[Word("quarter"), DATE],
        TRUNC_DATE_QUARTER,
        "date_trunc('quarter', y)",
    ),
    Rule::scalar("date_trunc", &[Word("month"), DATE], TRUNC_DATE_MONTH, "date_trunc('month', y)"),
    Rule::scalar("date_trunc", &[Word("week"), DATE], TRUNC_DATE_WEEK, "date_trunc('week', y)"),
    Rule::scalar("date_trunc", &[Word("day"), DATE], TRUNC_DATE_DAY, "date_trunc('day', y)"),
    Rule::scalar("date_trunc", &[Word("year"), INSTANT], TRUNC_UTC_YEAR, "date_trunc('year', u)"),
    Rule::scalar(
        "date_trunc",
        &[Word("month"), INSTANT],
        TRUNC_UTC_MONTH,
        "date_trunc('month', u)",
    ),
    Rule::scalar(
        "date_trunc",
        &[Word("day"), INSTANT],
        "date_trunc('day', {0}, 'UTC')",
        "date_trunc('day', u)",
    ),
    Rule::scalar(
        "date_trunc",
        &[Word("hour"), INSTANT],
        "date_trunc('hour', {0}, 'UTC')",
        "date_trunc('hour', u)",
    ),
    Rule::scalar("cast date", &[TIMESTAMP], "CAST({0} AS date)", "CAST(z AS date)"),
    Rule::scalar(
        "to_char",
        &[DATE, MOMENTS],
        "CASE WHEN {0} < date '294277-01-01' THEN to_char(CAST({0} AS timestamp), {1}) END",
        "to_char(y, 'FMDay, DDth Month YYYY AD, IYYY-IW-ID')",
    ),
    Rule::scalar(
        "to_char",
        &[TIMESTAMP, MOMENTS],
        "to_char({0}, {1})",
        "to_char(z, 'YYYY-MM-DD\"T\"HH24:MI:SS.US p.m. Q DDD')",
    ),
    Rule::scalar(
        "to_char",
        &[INSTANT, MOMENTS],
        "to_char({0} AT TIME ZONE 'UTC', {1})",
        "to_char(u, 'Dy DD Mon YYYY HH12:MI AM')",
    ),
    Rule::scalar(
        "to_char",
        &[INTEGER, NUMBERS],
        "to_char(CAST({0} AS bigint), {1})",
        "to_char(n, '9,999,999,999,999,990.0PR')",
    ),
    Rule::scalar(
        "to_char",
        &[DECIMAL, NUMBERS],
        "CASE WHEN {0} <> numeric 'NaN' THEN to_char({0}, {1}) END",
        "to_char(d, 'FM999,999,990.9 \"x\"')",
    ),
    // Aggregates.
    Rule::aggregate("count", &[], "COUNT(*)", "count(*)"),
    Rule::aggregate("count", &[ANY], "COUNT({0})", "count(t)"),
    Rule::aggregate("count distinct", &[Of(EXACT)], "COUNT(DISTINCT {0})", "count(DISTINCT t)"),
    Rule::aggregate("sum", &[INTEGER], "SUM({0})", "sum(i)"),
    Rule::aggregate("sum", &[DECIMAL], "SUM({0})", "sum(d)"),
    Rule::aggregate("min", &[ORDERED], "MIN({0})", "min(t)"),
    Rule::aggregate("max", &[ORDERED], "MAX({0})", "max(t)"),
    Rule::aggregate("median", &[INTEGER], MEDIAN, "median(i)"),
    Rule::aggregate("bool_and", &[BOOLEAN], "bool_and({0})", "bool_and(b)"),
    Rule::aggregate("bool_or", &[BOOLEAN], "bool_or({0})", "bool_or(b)"),
    // Windows.
    Rule::window("row_number", &[], "ROW_NUMBER()", "row_number() OVER (ORDER BY id)"),
    Rule::window("rank", &[], "RANK()", "rank() OVER (PARTITION BY b ORDER BY i)"),
    Rule::window("dense_rank", &[], "DENSE_RANK()", "dense_rank() OVER (ORDER BY t)"),
    Rule::window("lag", &[Of(EXACT)], "LAG({0})", "lag(i) OVER (ORDER BY id)"),
    Rule::window("lead", &[Of(EXACT)], "LEAD({0})", "lead(t) OVER (PARTITION BY b ORDER BY id)"),
    Rule::window(
        "first_value",
        &[Of(EXACT)],
        "FIRST_VALUE({0})",
        "first_value(t) OVER (PARTITION BY b ORDER BY id)",
    ),
    Rule::window(
        "last_value",
        &[Of(EXACT)],
        "LAST_VALUE({0})",
        "last_value(i) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)",
    ),
];

const MEDIAN: &str = "percentile_cont(0.5) WITHIN GROUP (ORDER BY CAST({0} AS double precision))";
const YEAR: &str = "CASE WHEN isfinite({0}) THEN CAST(extract(year FROM {0}) AS integer) \
                    + CASE WHEN {0} < date '0001-01-01' THEN 1 ELSE 0 END END";
const QUARTER: &str = "CASE WHEN isfinite({0}) THEN CAST(extract(quarter FROM {0}) AS integer) END";
const MONTH: &str = "CASE WHEN isfinite({0}) THEN CAST(extract(month FROM {0}) AS integer) END";
const DAY: &str = "CASE WHEN isfinite({0}) THEN CAST(extract(day FROM {0}) AS integer) END";
const WEEKDAY: &str = "CASE WHEN isfinite({0}) THEN CAST(extract(dow FROM {0}) AS integer) END";
const YEARDAY: &str = "CASE WHEN isfinite({0}) THEN CAST(extract(doy FROM {0}) AS integer) END";
const HOUR: &str = "CASE WHEN isfinite({0}) THEN CAST(extract(hour FROM {0}) AS integer) END";
const MINUTE: &str = "CASE WHEN isfinite({0}) THEN CAST(extract(minute FROM {0}) AS integer) END";
const ISO_WEEKDAY: &str =
    "CASE WHEN isfinite({0}) THEN CAST(extract(isodow FROM {0}) AS integer) END";
const WEEK: &str = "CASE WHEN isfinite({0}) THEN CAST(extract(week FROM {0}) AS integer) END";
const ISO_YEAR: &str = "CASE WHEN isfinite({0}) THEN CAST(extract(isoyear FROM {0}) AS integer) \
                        + CASE WHEN {0} < date '0001-01-01' THEN 1 ELSE 0 END END";
const SECOND: &str =
    "CASE WHEN isfinite({0}) THEN CAST(extract(second FROM {0}) AS numeric(8,6)) END";
const UTC_YEAR: &str = "CASE WHEN isfinite({0}) \
    THEN CAST(extract(year FROM {0} AT TIME ZONE 'UTC') AS integer) \
    + CASE WHEN {0} < timestamptz '0001-01-01 00:00:00+00' THEN 1 ELSE 0 END END";
const UTC_QUARTER: &str = "CASE WHEN isfinite({0}) \
    THEN CAST(extract(quarter FROM {0} AT TIME ZONE 'UTC') AS integer) END";
const UTC_MONTH: &str = "CASE WHEN isfinite({0}) \
    THEN CAST(extract(month FROM {0} AT TIME ZONE 'UTC') AS integer) END";
const UTC_WEEK: &str = "CASE WHEN isfinite({0}) \
    THEN CAST(extract(week FROM {0} AT TIME ZONE 'UTC') AS integer) END";
const UTC_DAY: &str = "CASE WHEN isfinite({0}) \
    THEN CAST(extract(day FROM {0} AT TIME ZONE 'UTC') AS integer) END";
const UTC_WEEKDAY: &str = "CASE WHEN isfinite({0}) \
    THEN CAST(extract(dow FROM {0} AT TIME ZONE 'UTC') AS integer) END";
const UTC_HOUR: &str = "CASE WHEN isfinite({0}) \
    THEN CAST(extract(hour FROM {0} AT TIME ZONE 'UTC') AS integer) END";
const UTC_MINUTE: &str = "CASE WHEN isfinite({0}) \
    THEN CAST(extract(minute FROM {0} AT TIME ZONE 'UTC') AS integer) END";
const TRUNC_YEAR: &str = "CASE WHEN {0} >= timestamp '4712-01-01 00:00:00 BC' \
    THEN date_trunc('year', {0}) END";
const TRUNC_QUARTER: &str = "CASE WHEN {0} >= timestamp '4712-01-01 00:00:00 BC' \
    THEN date_trunc('quarter', {0}) END";
const TRUNC_MONTH: &str = "CASE WHEN {0} >= timestamp '4712-01-01 00:00:00 BC' \
    THEN date_trunc('month', {0}) END";
const TRUNC_WEEK: &str = "CASE WHEN {0} >= timestamp '4712-01-01 00:00:00 BC' \
    THEN date_trunc('week', {0}) END";
const TRUNC_DATE_YEAR: &str = "CASE WHEN {0} BETWEEN date '4712-01-01 BC' AND date '294246-12-31' \
    THEN date_trunc('year', CAST({0} AS timestamp)) END";
const TRUNC_DATE_QUARTER: &str = "CASE WHEN {0} BETWEEN date '4712-01-01 BC' AND date '294246-12-31' \
    THEN date_trunc('quarter', CAST({0} AS timestamp)) END";
const TRUNC_DATE_MONTH: &str = "CASE WHEN {0} BETWEEN date '4712-01-01 BC' AND date '294246-12-31' \
    THEN date_trunc('month', CAST({0} AS timestamp)) END";
const TRUNC_DATE_WEEK: &str = "CASE WHEN {0} BETWEEN date '4712-01-01 BC' AND date '294246-12-31' \
    THEN date_trunc('week', CAST({0} AS timestamp)) END";
const TRUNC_DATE_DAY: &str = "CASE WHEN {0} BETWEEN date '4713-11-24 BC' AND date '294246-12-31' \
    THEN CAST({0} AS timestamp) END";
const TRUNC_UTC_YEAR: &str = "CASE WHEN {0} >= timestamptz '4712-01-01 00:00:00+00 BC' \
    THEN date_trunc('year', {0}, 'UTC') END";
const TRUNC_UTC_MONTH: &str = "CASE WHEN {0} >= timestamptz '4712-01-01 00:00:00+00 BC' \
    THEN date_trunc('month', {0}, 'UTC') END";
