//! What the dialect spells, case by case.

use super::*;
use arrow_schema::{DataType, TimeUnit};
use celosia_connector_api::{Expression, Feature, Node};

fn utf8(major: u32) -> OracleDialect {
    OracleDialect::of(true, major)
}

fn column(native: &str) -> ColumnDescription {
    ColumnDescription {
        name: "C".into(),
        native_type: native.into(),
        data_type: DataType::Timestamp(TimeUnit::Microsecond, None),
        nullable: true,
        comment: None,
        class: OperandClass::Timestamp,
        collation: None,
        read_as_text: true,
    }
}

#[test]
fn placeholders_have_types() {
    let spelled = |value| OracleDialect::default().placeholder(2, &value);
    assert_eq!(spelled(Value::Integer(1)), ":2");
    assert_eq!(spelled(Value::Date(1)), "TO_DATE(:2, 'YYYY-MM-DD')");
    assert_eq!(
        spelled(Value::TimestampUtc(1)),
        "TO_TIMESTAMP_TZ(:2, 'YYYY-MM-DD HH24:MI:SS.FF6 TZH:TZM')"
    );
}

#[test]
fn what_is_known_of_the_database_opens_more() {
    let blind = OracleDialect::default();
    let known = utf8(23);
    let text = Feature::Ordering(OperandClass::Text);
    assert!(!blind.capabilities().has(text) && known.capabilities().has(text));
    assert!(!blind.capabilities().has(Feature::Sort(OperandClass::Text)));
    let truth = Feature::Equality(OperandClass::Boolean);
    assert!(known.capabilities().has(truth) && !utf8(19).capabilities().has(truth));
    for (value, before, after) in [
        (Value::Text("a".into()), true, true),
        (Value::Text("é".into()), false, true),
        (Value::Text(String::new()), false, false),
        (Value::Text("x".repeat(4_000)), true, true),
        (Value::Text("x".repeat(4_001)), false, false),
    ] {
        assert_eq!(blind.can_bind(OperandClass::Text, &value), before, "{value:?}");
        assert_eq!(known.can_bind(OperandClass::Text, &value), after, "{value:?}");
    }
    assert!(!known.can_bind(OperandClass::Bytes, &Value::Bytes(vec![])));
    assert!(!known.can_like("") && known.can_like("%"));
}

#[test]
fn days_that_never_were_are_not_bound() {
    let dialect = utf8(19);
    for (micros, text, bound) in [
        (-141_437 * DAY - 1, "1582-10-04 23:59:59.999999", true),
        (-141_437 * DAY, "1582-10-05 00:00:00.000000", false),
        (-141_427 * DAY - 1, "1582-10-14 23:59:59.999999", false),
        (-141_427 * DAY, "1582-10-15 00:00:00.000000", true),
    ] {
        assert_eq!(Value::timestamp_text(micros).as_deref(), Some(text));
        let value = Value::Timestamp(micros);
        assert_eq!(dialect.can_bind(OperandClass::Timestamp, &value), bound, "{text}");
        let value = Value::TimestampUtc(micros);
        assert_eq!(dialect.can_bind(OperandClass::TimestampUtc, &value), bound, "{text}");
    }
}

#[test]
fn patterns_escape_only_what_may_be_escaped() {
    for (pattern, normal) in
        [("a\\b", "ab"), ("a\\%b", "a\\%b"), ("\\\\", "\\\\"), ("a\\_\\x%", "a\\_x%"), ("%", "%")]
    {
        assert_eq!(normal_pattern(pattern), normal);
    }
}

#[test]
fn a_date_is_compared_with_a_date_where_that_is_exact() {
    let date = column("DATE");
    let operand =
        Operand { sql: "\"C\"", class: OperandClass::Timestamp, column: Some(&date), digits: None };
    let spelled = |operand: &Operand<'_>, micros| {
        let mut bound = Vec::new();
        let dialect = utf8(19);
        let sql =
            dialect.compare(operand, Comparison::Less, &Value::Timestamp(micros), &mut |value| {
                bound.push(value.clone());
                dialect.placeholder(bound.len(), &value)
            });
        (sql, bound)
    };
    let (sql, bound) = spelled(&operand, 1_000_000);
    assert_eq!(sql, "\"C\" < TO_DATE(:1, 'YYYY-MM-DD HH24:MI:SS')");
    assert_eq!(bound, [Value::Text("1970-01-01 00:00:01".into())]);
    let (sql, _) = spelled(&operand, 1);
    assert_eq!(sql, "\"C\" < TO_TIMESTAMP(:1, 'YYYY-MM-DD HH24:MI:SS.FF6')");
    let (sql, _) = spelled(&Operand { column: None, ..operand }, 1_000_000);
    assert!(sql.contains("TO_TIMESTAMP("));
}

#[test]
fn the_end_of_a_statement_is_spelled() {
    let dialect = utf8(19);
    assert_eq!(dialect.limit(5), " FETCH FIRST 5 ROWS ONLY");
    assert_eq!(dialect.limit(u64::MAX), " FETCH FIRST 9223372036854775807 ROWS ONLY");
    assert_eq!(dialect.derived_table("SELECT 1", "governed"), "(SELECT 1) governed");
    assert_eq!(dialect.sort_key("\"C\"", true, false), "\"C\" DESC NULLS LAST");
    assert_eq!(dialect.quote("C"), "\"C\"");
}

#[test]
fn truth_is_computed_where_it_is_a_type() {
    let truth = utf8(23).truth_value("a = b");
    let expected = "CASE WHEN a = b THEN TRUE WHEN NOT (a = b) THEN FALSE END";
    assert_eq!(truth.as_deref(), Some(expected));
    assert_eq!(utf8(19).truth_value("a = b"), None);
    assert_eq!(utf8(19).arrives_as("x", &DataType::Boolean), None);
    assert_eq!(utf8(19).arrives_as("x", &DataType::Utf8).as_deref(), Some("x"));
    let none = utf8(19).arrives_as("NULL", &DataType::Utf8);
    assert_eq!(none.as_deref(), Some("CAST(NULL AS VARCHAR2(4000))"));
    assert_eq!(utf8(19).among_others("x", OperandClass::Opaque), None);
}

#[test]
fn averages_are_sent_as_far_as_their_digits_are_certain() {
    let average = |precision| {
        let expression = Expression::new(Node::Column(0), DataType::Decimal128(precision, 2));
        let sum = Spelled { sql: "s".into(), expression: &expression };
        utf8(19).decimal_average(&sum, "n", 6)
    };
    assert_eq!(average(25).as_deref(), Some("(TRUNC(s * 1000000 / n) * 0.000001)"));
    assert_eq!(average(26), None);
    assert_eq!(utf8(19).page(7, Some(5), false), " OFFSET 7 ROWS FETCH NEXT 5 ROWS ONLY");
}

#[test]
fn types_without_an_arrow_form_are_read_as_text() {
    for (native, read) in [
        ("JSON", "JSON_SERIALIZE(\"C\" RETURNING CLOB)"),
        ("ROWID", "ROWIDTOCHAR(\"C\")"),
        ("PUBLIC.XMLTYPE", "XMLSERIALIZE(CONTENT \"C\" AS CLOB)"),
        ("INTERVAL DAY(2) TO SECOND(6)", "TO_CHAR(\"C\")"),
        ("NUMBER(38,127)", "TO_CHAR(\"C\", 'TM9')"),
    ] {
        assert_eq!(utf8(23).read_column("\"C\"", &column(native)), read);
    }
}
