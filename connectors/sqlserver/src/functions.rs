//! What SQL Server computes exactly as the engine does, and cannot fail at. See
//! [`celosia_connector_api::functions`].
//!
//! Not here, and why: `upper` and `lower` follow the collation; positions are counted in UTF-16 units, of
//! which some characters have two, unless the collation knows better; `+` on text and REPLACE can make a
//! text too long out of a hidden one; COUNT and SUM of `int` overflow, so both are made wide first; text has
//! no smallest value that is the engine's; division and floating point have other types or raise errors; a median
//! is a window function; FORMAT follows a culture, so only dates as ISO texts and their beginnings are sent. GROUPING SETS would be
//! the same, but nothing that we can run here shows it.

use celosia_connector_api::functions::Argument::{Natural, Of, Pattern, Positive, Word};
use celosia_connector_api::functions::class::{
    BOOLEAN, DATE, DECIMAL, INSTANT, INTEGER, TEXT, TIMESTAMP,
};
use celosia_connector_api::{Argument, ClassSet, FunctionRule as Rule, OperandClass};

/// Classes that are grouped as the engine does, see [`celosia_connector_api::Dialect::group_key`]: no
/// floats, since Arrow tells -0.0 from 0.0, and nothing finer at the server than it is read.
pub(crate) const GROUPED: ClassSet = ClassSet::of(&[
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
/// Whatever is no large object.
const COUNTED: Argument = Of(ClassSet::of(&[
    OperandClass::Boolean,
    OperandClass::Integer,
    OperandClass::Decimal,
    OperandClass::Float,
    OperandClass::Text,
    OperandClass::Uuid,
    OperandClass::Bytes,
    OperandClass::Date,
    OperandClass::Timestamp,
    OperandClass::TimestampUtc,
    OperandClass::TimestampFine,
    OperandClass::TimestampUtcFine,
]));
/// Equal where `=` says so.
const PLAIN: Argument = Of(ClassSet::of(&[
    OperandClass::Boolean,
    OperandClass::Integer,
    OperandClass::Decimal,
    OperandClass::Uuid,
    OperandClass::Date,
    OperandClass::Timestamp,
    OperandClass::TimestampUtc,
]));
/// No UUIDs, which come out in capitals where they are computed.
const CARRIED: Argument = Of(ClassSet::of(&[
    OperandClass::Boolean,
    OperandClass::Integer,
    OperandClass::Decimal,
    OperandClass::Text,
    OperandClass::Bytes,
    OperandClass::Date,
    OperandClass::Timestamp,
    OperandClass::TimestampUtc,
]));
const ORDERED: Argument = Of(ClassSet::of(&[
    OperandClass::Integer,
    OperandClass::Decimal,
    OperandClass::Date,
    OperandClass::Timestamp,
    OperandClass::TimestampUtc,
]));

/// What has a day.
const DAYS: Argument = Of(ClassSet::of(&[OperandClass::Date, OperandClass::Timestamp]));

/// The rules. Text is counted under a collation that knows characters of two units.
pub(crate) const RULES: &[Rule] = &[
    Rule::scalar("+", &[INTEGER, INTEGER], "(CAST({0} AS bigint) + {1})", "i + s"),
    Rule::scalar("-", &[INTEGER, INTEGER], "(CAST({0} AS bigint) - {1})", "i - s"),
    Rule::scalar("*", &[INTEGER, INTEGER], "(CAST({0} AS bigint) * {1})", "i * i"),
    Rule::scalar("/", &[INTEGER, Positive], "({0} / {1})", "n / 7"),
    Rule::scalar("%", &[INTEGER, Positive], "({0} % {1})", "n % 7"),
    Rule::scalar("+", &[DECIMAL, DECIMAL], "({0} + {1})", "d + e"),
    Rule::scalar("-", &[DECIMAL, DECIMAL], "({0} - {1})", "1 - d"),
    Rule::scalar("*", &[DECIMAL, DECIMAL], "({0} * {1})", "d * (1 - e)"),
    Rule::scalar("negative", &[DECIMAL], "(- {0})", "- d"),
    Rule::scalar("abs", &[DECIMAL], "ABS({0})", "abs(d)"),
    // LEN leaves out blanks at the end.
    Rule::scalar(
        "character_length",
        &[TEXT],
        "(LEN(CAST({0} AS nvarchar(max)) COLLATE Latin1_General_100_CI_AS_SC + N'.') - 1)",
        "length(t)",
    ),
    Rule::scalar(
        "substr",
        &[TEXT, Positive],
        "SUBSTRING({0} COLLATE Latin1_General_100_CI_AS_SC, {1}, 2147483647)",
        "substr(t, 2)",
    ),
    Rule::scalar(
        "substr",
        &[TEXT, Positive, Natural],
        "SUBSTRING({0} COLLATE Latin1_General_100_CI_AS_SC, {1}, {2})",
        "substring(t FROM 2 FOR 3)",
    ),
    Rule::scalar(
        "left",
        &[TEXT, Natural],
        "LEFT({0} COLLATE Latin1_General_100_CI_AS_SC, {1})",
        "left(t, 2)",
    ),
    Rule::scalar(
        "right",
        &[TEXT, Natural],
        "RIGHT({0} COLLATE Latin1_General_100_CI_AS_SC, {1})",
        "right(t, 2)",
    ),
    Rule::scalar("btrim", &[TEXT], "LTRIM(RTRIM({0}))", "trim(t)"),
    Rule::scalar("ltrim", &[TEXT], "LTRIM({0})", "ltrim(t)"),
    Rule::scalar("rtrim", &[TEXT], "RTRIM({0})", "rtrim(t)"),
    Rule::scalar("cast text", &[INTEGER], "CAST({0} AS nvarchar(20))", "CAST(n AS text)"),
    Rule::scalar("cast double", &[INTEGER], "CAST({0} AS float)", "CAST(n AS double precision)"),
    // Dates. What the first day of a week is depends on the session: weeks are counted from a Sunday.
    Rule::scalar("date_part", &[Word("year"), DATE], "YEAR({0})", "extract(year FROM y)"),
    Rule::scalar("date_part", &[Word("year"), TIMESTAMP], "YEAR({0})", "extract(year FROM z)"),
    Rule::scalar("date_part", &[Word("quarter"), DATE], QUARTER, "extract(quarter FROM y)"),
    Rule::scalar("date_part", &[Word("quarter"), TIMESTAMP], QUARTER, "extract(quarter FROM z)"),
    Rule::scalar("date_part", &[Word("month"), DATE], "MONTH({0})", "extract(month FROM y)"),
    Rule::scalar("date_part", &[Word("month"), TIMESTAMP], "MONTH({0})", "extract(month FROM z)"),
    Rule::scalar("date_part", &[Word("day"), DATE], "DAY({0})", "extract(day FROM y)"),
    Rule::scalar("date_part", &[Word("day"), TIMESTAMP], "DAY({0})", "extract(day FROM z)"),
    Rule::scalar("date_part", &[Word("dow"), DATE], WEEKDAY, "extract(dow FROM y)"),
    Rule::scalar(
        "date_part",
        &[Word("doy"), DATE],
        "DATEPART(dayofyear, {0})",
        "extract(doy FROM y)",
    ),
    Rule::scalar(
        "date_part",
        &[Word("hour"), TIMESTAMP],
        "DATEPART(hour, {0})",
        "extract(hour FROM z)",
    ),
    Rule::scalar(
        "date_part",
        &[Word("minute"), TIMESTAMP],
        "DATEPART(minute, {0})",
        "extract(minute FROM z)",
    ),
    Rule::scalar("date_trunc", &[Word("year"), TIMESTAMP], TRUNC_YEAR, "date_trunc('year', z)"),
    Rule::scalar(
        "date_trunc",
        &[Word("quarter"), TIMESTAMP],
        TRUNC_QUARTER,
        "date_trunc('quarter', z)",
    ),
    Rule::scalar("date_trunc", &[Word("month"), TIMESTAMP], TRUNC_MONTH, "date_trunc('month', z)"),
    Rule::scalar("date_trunc", &[Word("day"), TIMESTAMP], TRUNC_DAY, "date_trunc('day', z)"),
    Rule::scalar("date_trunc", &[Word("hour"), TIMESTAMP], TRUNC_HOUR, "date_trunc('hour', z)"),
    Rule::scalar(
        "date_trunc",
        &[Word("minute"), TIMESTAMP],
        TRUNC_MINUTE,
        "date_trunc('minute', z)",
    ),
    Rule::scalar("date_trunc", &[Word("year"), DATE], TRUNC_YEAR, "date_trunc('year', y)"),
    Rule::scalar("date_trunc", &[Word("quarter"), DATE], TRUNC_QUARTER, "date_trunc('quarter', y)"),
    Rule::scalar("date_trunc", &[Word("month"), DATE], TRUNC_MONTH, "date_trunc('month', y)"),
    Rule::scalar("date_trunc", &[Word("day"), DATE], TRUNC_DAY, "date_trunc('day', y)"),
    Rule::scalar("date_trunc", &[Word("year"), INSTANT], TRUNC_UTC_YEAR, "date_trunc('year', u)"),
    Rule::scalar(
        "date_trunc",
        &[Word("month"), INSTANT],
        TRUNC_UTC_MONTH,
        "date_trunc('month', u)",
    ),
    Rule::scalar("date_trunc", &[Word("day"), INSTANT], TRUNC_UTC_DAY, "date_trunc('day', u)"),
    Rule::scalar("cast date", &[TIMESTAMP], "CAST({0} AS date)", "CAST(z AS date)"),
    // A date as text has one form, whatever the session's language.
    Rule::scalar("to_char", &[DAYS, Pattern("YYYY")], TEXT_YEAR, "to_char(y, 'YYYY')"),
    Rule::scalar("to_char", &[DAYS, Pattern("YYYY-MM")], TEXT_MONTH, "to_char(z, 'YYYY-MM')"),
    Rule::scalar("to_char", &[DAYS, Pattern("YYYY-MM-DD")], TEXT_DAY, "to_char(y, 'YYYY-MM-DD')"),
    // Aggregates.
    Rule::aggregate("count", &[], "COUNT_BIG(*)", "count(*)"),
    Rule::aggregate("count", &[COUNTED], "COUNT_BIG({0})", "count(t)"),
    Rule::aggregate("count distinct", &[PLAIN], "COUNT_BIG(DISTINCT {0})", "count(DISTINCT y)"),
    Rule::aggregate("count distinct", &[TEXT], DISTINCT_TEXT, "count(DISTINCT t)"),
    Rule::aggregate("sum", &[INTEGER], "SUM(CAST({0} AS bigint))", "sum(i)"),
    Rule::aggregate("sum", &[DECIMAL], "SUM({0})", "sum(d)"),
    Rule::aggregate("min", &[ORDERED], "MIN({0})", "min(d)"),
    Rule::aggregate("max", &[ORDERED], "MAX({0})", "max(z)"),
    Rule::aggregate("bool_and", &[BOOLEAN], "MIN(CAST({0} AS int))", "bool_and(b)"),
    Rule::aggregate("bool_or", &[BOOLEAN], "MAX(CAST({0} AS int))", "bool_or(b)"),
    // Windows.
    Rule::window("row_number", &[], "ROW_NUMBER()", "row_number() OVER (ORDER BY id)"),
    Rule::window("rank", &[], "RANK()", "rank() OVER (PARTITION BY b ORDER BY i)"),
    Rule::window("dense_rank", &[], "DENSE_RANK()", "dense_rank() OVER (ORDER BY z)"),
    Rule::window("lag", &[CARRIED], "LAG({0})", "lag(i) OVER (ORDER BY id)"),
    Rule::window("lead", &[CARRIED], "LEAD({0})", "lead(t) OVER (PARTITION BY t ORDER BY id)"),
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

const QUARTER: &str = "DATEPART(quarter, {0})";
const WEEKDAY: &str = "((DATEDIFF(day, CAST('19000107' AS date), {0}) % 7 + 7) % 7)";
const TEXT_YEAR: &str = "LEFT(CAST(CAST({0} AS date) AS nvarchar(10)), 4)";
const TEXT_MONTH: &str = "LEFT(CAST(CAST({0} AS date) AS nvarchar(10)), 7)";
const TEXT_DAY: &str = "CAST(CAST({0} AS date) AS nvarchar(10))";
const TRUNC_YEAR: &str = "DATETIME2FROMPARTS(YEAR({0}), 1, 1, 0, 0, 0, 0, 6)";
const TRUNC_QUARTER: &str =
    "DATETIME2FROMPARTS(YEAR({0}), DATEPART(quarter, {0}) * 3 - 2, 1, 0, 0, 0, 0, 6)";
const TRUNC_MONTH: &str = "DATETIME2FROMPARTS(YEAR({0}), MONTH({0}), 1, 0, 0, 0, 0, 6)";
const TRUNC_DAY: &str = "DATETIME2FROMPARTS(YEAR({0}), MONTH({0}), DAY({0}), 0, 0, 0, 0, 6)";
const TRUNC_HOUR: &str =
    "DATETIME2FROMPARTS(YEAR({0}), MONTH({0}), DAY({0}), DATEPART(hour, {0}), 0, 0, 0, 6)";
const TRUNC_MINUTE: &str = "DATETIME2FROMPARTS(YEAR({0}), MONTH({0}), DAY({0}), \
    DATEPART(hour, {0}), DATEPART(minute, {0}), 0, 0, 6)";
const TRUNC_UTC_YEAR: &str = "DATETIMEOFFSETFROMPARTS(YEAR(SWITCHOFFSET({0}, '+00:00')), \
    1, 1, 0, 0, 0, 0, 0, 0, 6)";
const TRUNC_UTC_MONTH: &str = "DATETIMEOFFSETFROMPARTS(YEAR(SWITCHOFFSET({0}, '+00:00')), \
    MONTH(SWITCHOFFSET({0}, '+00:00')), 1, 0, 0, 0, 0, 0, 0, 6)";
const TRUNC_UTC_DAY: &str = "DATETIMEOFFSETFROMPARTS(YEAR(SWITCHOFFSET({0}, '+00:00')), \
    MONTH(SWITCHOFFSET({0}, '+00:00')), DAY(SWITCHOFFSET({0}, '+00:00')), 0, 0, 0, 0, 0, 0, 6)";
/// Bytes are compared as if zeros followed, so something else ends each.
const DISTINCT_TEXT: &str =
    "COUNT_BIG(DISTINCT CAST(CAST({0} AS nvarchar(max)) + N'.' AS varbinary(max)))";

#[cfg(test)]
mod tests {
    use crate::SqlServerDialect;
    use arrow_schema::DataType;
    use celosia_connector_api::{
        ColumnDescription, Comparison, Dialect, Expression, Node, Operand, OperandClass, Spelled,
    };

    fn text(collation: &str) -> ColumnDescription {
        ColumnDescription {
            name: "c".into(),
            native_type: "nvarchar(50)".into(),
            data_type: DataType::Utf8,
            nullable: true,
            comment: None,
            class: OperandClass::Text,
            collation: Some(collation.into()),
            read_as_text: false,
        }
    }

    fn computed<'a>(sql: &'a str, class: OperandClass) -> Operand<'a> {
        Operand { sql, class, column: None, digits: None }
    }

    #[test]
    fn groups_are_those_of_the_values() {
        let key = |class| {
            let key = SqlServerDialect.group_key(&computed("t1.[c]", class));
            (key.value, key.more)
        };
        let units = "t1.[c] COLLATE Latin1_General_BIN2".to_string();
        assert_eq!(key(OperandClass::Text), (units, Some("DATALENGTH(t1.[c])".into())));
        let bytes = ("t1.[c]".to_string(), Some("DATALENGTH(t1.[c])".to_string()));
        assert_eq!(key(OperandClass::Bytes), bytes);
        assert_eq!(key(OperandClass::Date), ("t1.[c]".into(), None));
    }

    #[test]
    fn rows_are_left_out_within_an_order() {
        let page = |fetch, ordered| SqlServerDialect.page(7, fetch, ordered);
        assert_eq!(page(Some(5), true), " OFFSET 7 ROWS FETCH NEXT 5 ROWS ONLY");
        assert_eq!(page(None, false), " ORDER BY (SELECT NULL) OFFSET 7 ROWS");
    }

    #[test]
    fn texts_of_one_collation_are_found_by_it() {
        let compared = |one: &ColumnDescription, other: &ColumnDescription| {
            let left = Operand { column: Some(one), ..computed("a.[c]", OperandClass::Text) };
            let right = Operand { column: Some(other), ..computed("b.[c]", OperandClass::Text) };
            SqlServerDialect.compare_columns(&left, Comparison::Equal, &right)
        };
        let (latin, greek) = (text("Latin1_General_CI_AS"), text("Greek_CI_AS"));
        let exact = "a.[c] COLLATE Latin1_General_BIN2 = b.[c] COLLATE Latin1_General_BIN2 \
                     AND DATALENGTH(a.[c]) = DATALENGTH(b.[c]))";
        assert_eq!(compared(&latin, &latin), format!("(a.[c] = b.[c] AND {exact}"));
        assert_eq!(compared(&latin, &greek), format!("({exact}"));
    }

    #[test]
    fn decimals_are_as_wide_as_their_values() {
        let expression = Expression::new(Node::Column(0), DataType::Decimal128(38, 2));
        let argument = Spelled { sql: "SUM(x)".into(), expression: &expression };
        let narrow = SqlServerDialect.decimal_argument(&argument, (10, 2));
        assert_eq!(narrow, "CAST(SUM(x) AS decimal(12,2))");
        assert_eq!(
            SqlServerDialect.decimal_argument(&argument, (0, 0)),
            "CAST(SUM(x) AS decimal(1,0))"
        );
        // 36 + 6 digits are too many for an average.
        assert_eq!(SqlServerDialect.decimal_average(&argument, "n", 6), None);
        let expression = Expression::new(Node::Column(0), DataType::Decimal128(25, 2));
        let argument = Spelled { sql: "s".into(), expression: &expression };
        let average = SqlServerDialect.decimal_average(&argument, "n", 6).expect("sent");
        assert!(
            average.ends_with("AS decimal(29,0)) * CAST(0.000001 AS decimal(6,6)))"),
            "{average}"
        );
        let of =
            |sql, digits| Operand { digits: Some(digits), ..computed(sql, OperandClass::Decimal) };
        let (a, b) = (of("a", (13, 2)), of("b", (19, 6)));
        let compared = SqlServerDialect.compare_columns(&a, Comparison::Less, &b);
        assert_eq!(compared, "CAST(a AS decimal(15,2)) < CAST(b AS decimal(25,6))");
    }

    #[test]
    fn an_unknown_condition_is_no_value() {
        let truth = SqlServerDialect.truth_value("a = b");
        let expected = "CAST(CASE WHEN a = b THEN 1 WHEN NOT (a = b) THEN 0 END AS bit)";
        assert_eq!(truth.as_deref(), Some(expected));
    }
}
