//! What each rule is spelled as.

use super::*;
use arrow_schema::{DataType, TimeUnit};

fn column(native: &str, data_type: DataType, class: OperandClass) -> ColumnDescription {
    ColumnDescription {
        name: "c".into(),
        native_type: native.into(),
        data_type,
        nullable: true,
        comment: None,
        class,
        collation: matches!(data_type_of(native), "t").then(|| "Latin1_General_CI_AS".to_string()),
        read_as_text: false,
    }
}

fn data_type_of(native: &str) -> &'static str {
    if native.contains("char") { "t" } else { "" }
}

fn decimal(precision: u8, scale: i8) -> ColumnDescription {
    let native = format!("decimal({precision},{scale})");
    column(&native, DataType::Decimal128(precision, scale), OperandClass::Decimal)
}

fn nvarchar() -> ColumnDescription {
    column("nvarchar(50)", DataType::Utf8, OperandClass::Text)
}

fn varchar() -> ColumnDescription {
    column("varchar(50)", DataType::Utf8, OperandClass::Text)
}

fn stamp(native: &str) -> ColumnDescription {
    let data_type = DataType::Timestamp(TimeUnit::Microsecond, None);
    column(native, data_type, OperandClass::TimestampFine)
}

fn binder(parameters: &mut Vec<Value>) -> impl FnMut(Value) -> String + '_ {
    |value| {
        parameters.push(value);
        SqlServerDialect.placeholder(parameters.len(), &parameters[parameters.len() - 1])
    }
}

fn compared(column: &ColumnDescription, operator: Comparison, value: Value) -> String {
    let operand = Operand { sql: "[c]", class: column.class, column: Some(column), digits: None };
    SqlServerDialect.compare(&operand, operator, &value, &mut binder(&mut Vec::new()))
}

fn listed(column: &ColumnDescription, values: &[Value], negated: bool) -> String {
    let operand = Operand { sql: "[c]", class: column.class, column: Some(column), digits: None };
    SqlServerDialect.in_list(&operand, values, negated, &mut binder(&mut Vec::new()))
}

fn text(text: &str) -> Value {
    Value::Text(text.to_string())
}

#[test]
fn names_and_limits() {
    assert_eq!(SqlServerDialect.quote("a]b\"c"), "[a]]b\"c]");
    assert_eq!(SqlServerDialect.limit_first(7), "TOP (7) ");
    assert_eq!(SqlServerDialect.limit_first(u64::MAX), "TOP (9223372036854775807) ");
    assert_eq!(SqlServerDialect.limit(7), "");
    let placeholder = SqlServerDialect.placeholder(2, &Value::Decimal { unscaled: 1, scale: 4 });
    assert_eq!(placeholder, "CAST(@P2 AS decimal(38,4))");
}

#[test]
fn nulls_are_placed() {
    let key = |descending, first| SqlServerDialect.sort_key("[c]", descending, first);
    assert_eq!(key(false, true), "[c] ASC");
    assert_eq!(key(true, false), "[c] DESC");
    assert_eq!(key(false, false), "CASE WHEN [c] IS NULL THEN 1 ELSE 0 END ASC, [c] ASC");
    assert_eq!(key(true, true), "CASE WHEN [c] IS NULL THEN 0 ELSE 1 END ASC, [c] DESC");
}

#[test]
fn text_is_equal_by_its_units_and_its_length() {
    assert_eq!(
        compared(&nvarchar(), Comparison::Equal, text("EU")),
        "([c] = @P1 AND [c] COLLATE Latin1_General_BIN2 = @P1 AND DATALENGTH([c]) = DATALENGTH(@P1))"
    );
    assert_eq!(
        compared(&varchar(), Comparison::Equal, text("EU")),
        "([c] = CAST(@P1 COLLATE Latin1_General_CI_AS AS varchar(8000)) \
         AND CAST([c] AS nvarchar(50)) COLLATE Latin1_General_BIN2 = @P1 \
         AND DATALENGTH(CAST([c] AS nvarchar(50))) = DATALENGTH(@P1))"
    );
    assert_eq!(
        compared(&nvarchar(), Comparison::NotEqual, text("EU")),
        "([c] <> @P1 OR [c] COLLATE Latin1_General_BIN2 <> @P1 OR DATALENGTH([c]) <> DATALENGTH(@P1))"
    );
    let masked = Operand { sql: "[c]", class: OperandClass::Text, column: None, digits: None };
    let sql =
        SqlServerDialect.compare(&masked, Comparison::Equal, &text("x"), &mut binder(&mut vec![]));
    assert_eq!(
        sql,
        "([c] COLLATE Latin1_General_BIN2 = @P1 AND DATALENGTH([c]) = DATALENGTH(@P1))"
    );
    assert_eq!(
        listed(&nvarchar(), &[text("a"), text("bc"), text("d")], true),
        "NOT ([c] IN (@P1, @P3, @P2) AND (\
         ([c] COLLATE Latin1_General_BIN2 IN (@P1, @P3) AND DATALENGTH([c]) = DATALENGTH(@P1)) OR \
         ([c] COLLATE Latin1_General_BIN2 = @P2 AND DATALENGTH([c]) = DATALENGTH(@P2))))"
    );
}

#[test]
fn patterns_are_sent_where_they_mean_the_same() {
    let like = |pattern: &str, not| {
        let mut parameters = Vec::new();
        let column = nvarchar();
        let operand =
            Operand { sql: "[c]", class: OperandClass::Text, column: Some(&column), digits: None };
        let sql = SqlServerDialect.like(&operand, pattern, not, &mut binder(&mut parameters));
        (sql, parameters)
    };
    let (sql, parameters) = like("a[\\%%", true);
    assert_eq!(sql, "[c] COLLATE Latin1_General_BIN2 NOT LIKE @P1 ESCAPE '\\'");
    assert_eq!(parameters, [text("a\\[\\%%")]);
    let (sql, parameters) = like("a\\_b", false);
    assert!(sql.starts_with("([c] = @P1 AND"), "{sql}");
    assert_eq!(parameters, [text("a_b")]);
    for good in ["", "%", "a%", "%a%", "a\\_b", "%\\_%"] {
        assert!(SqlServerDialect.can_like(good), "{good}");
    }
    for bad in ["_", "a_%", "%a", "a%b"] {
        assert!(!SqlServerDialect.can_like(bad), "{bad}");
    }
}

#[test]
fn decimals_are_compared_in_the_columns_scale() {
    let of = |unscaled, scale| Value::Decimal { unscaled, scale };
    let money = decimal(10, 2);
    assert_eq!(
        compared(&money, Comparison::Equal, of(15_000, 4)),
        "[c] = CAST(@P1 AS decimal(38,2))"
    );
    assert_eq!(compared(&money, Comparison::Equal, of(15, 3)), "NOT ([c] = [c])");
    assert_eq!(compared(&money, Comparison::NotEqual, of(15, 3)), "NOT ([c] <> [c])");
    assert_eq!(
        compared(&money, Comparison::Less, Value::Integer(3)),
        "[c] < CAST(@P1 AS decimal(38,2))"
    );
    let fine = decimal(38, 38);
    assert_eq!(compared(&fine, Comparison::Less, Value::Integer(3)), "NOT ([c] < [c])");
    assert_eq!(compared(&fine, Comparison::Greater, Value::Integer(-3)), "NOT ([c] > [c])");
    assert_eq!(compared(&fine, Comparison::GreaterOrEqual, Value::Integer(3)), "NOT ([c] >= [c])");
    assert_eq!(compared(&fine, Comparison::LessOrEqual, Value::Integer(3)), "[c] <= [c]");
    let list = [of(15, 3), Value::Integer(1)];
    assert_eq!(listed(&money, &list, false), "[c] IN (CAST(@P1 AS decimal(38,2)))");
    assert_eq!(listed(&money, &list[..1], true), "[c] = [c]");
    let mut parameters = Vec::new();
    let operand =
        Operand { sql: "[c]", class: OperandClass::Decimal, column: Some(&money), digits: None };
    for (operator, value) in [(Comparison::Less, 15), (Comparison::LessOrEqual, -15)] {
        SqlServerDialect.compare(&operand, operator, &of(value, 3), &mut binder(&mut parameters));
    }
    // Below 0.015 are the values below 0.02; up to -0.015 are those up to -0.02.
    assert_eq!(parameters, [of(2, 2), of(-2, 2)]);
}

#[test]
fn two_decimals_are_compared_in_a_type_that_holds_both() {
    let (narrow, other) = (decimal(18, 4), decimal(20, 2));
    let (wide, fine) = (decimal(38, 0), decimal(38, 38));
    let spell = |left: &ColumnDescription, operator, right: &ColumnDescription| {
        let operand = |sql, column| Operand {
            sql,
            class: OperandClass::Decimal,
            column: Some(column),
            digits: None,
        };
        SqlServerDialect.compare_columns(&operand("[l]", left), operator, &operand("[r]", right))
    };
    assert_eq!(spell(&narrow, Comparison::Less, &other), "[l] < [r]");
    assert_eq!(
        spell(&wide, Comparison::LessOrEqual, &fine),
        "(CAST(ROUND([l], 0, 1) AS decimal(38,0)) < CAST(ROUND([r], 0, 1) AS decimal(38,0)) OR \
         (CAST(ROUND([l], 0, 1) AS decimal(38,0)) = CAST(ROUND([r], 0, 1) AS decimal(38,0)) AND \
         CAST([l] % 1 AS decimal(38,38)) <= CAST([r] % 1 AS decimal(38,38))))"
    );
}

#[test]
fn whole_numbers_keep_the_columns_type() {
    let small = column("int", DataType::Int32, OperandClass::Integer);
    assert_eq!(compared(&small, Comparison::Less, Value::Integer(7)), "[c] < CAST(@P1 AS int)");
    assert_eq!(compared(&small, Comparison::Less, Value::Integer(i64::MAX)), "[c] < @P1");
    let large = column("bigint", DataType::Int64, OperandClass::Integer);
    assert_eq!(listed(&large, &[Value::Integer(7)], true), "[c] NOT IN (@P1)");
}

#[test]
fn bytes_and_uuids() {
    let bytes = column("varbinary(50)", DataType::Binary, OperandClass::Bytes);
    assert_eq!(
        compared(&bytes, Comparison::NotEqual, Value::Bytes(vec![0])),
        "([c] <> @P1 OR DATALENGTH([c]) <> DATALENGTH(@P1))"
    );
    let id = column("uniqueidentifier", DataType::Utf8, OperandClass::Uuid);
    assert_eq!(
        compared(&id, Comparison::NotEqual, text("x")),
        "[c] <> CAST(@P1 AS uniqueidentifier)"
    );
    assert_eq!(listed(&id, &[text("x")], false), "[c] IN (CAST(@P1 AS uniqueidentifier))");
}

#[test]
fn fine_moments_are_ranges() {
    let fine = stamp("datetime2(7)");
    let end = "DATEADD(microsecond, 1, @P1)";
    for (operator, expected) in [
        (Comparison::Equal, format!("([c] >= @P1 AND [c] < {end})")),
        (Comparison::NotEqual, format!("([c] < @P1 OR [c] >= {end})")),
        (Comparison::Less, "[c] < @P1".to_string()),
        (Comparison::LessOrEqual, format!("[c] < {end}")),
        (Comparison::Greater, format!("[c] >= {end}")),
        (Comparison::GreaterOrEqual, "[c] >= @P1".to_string()),
    ] {
        assert_eq!(compared(&fine, operator, Value::Timestamp(5)), expected);
    }
}

#[test]
fn nothing_is_later_than_the_last_moment() {
    let fine = stamp("datetime2(7)");
    let last = 253_402_300_799_999_999;
    for (operator, expected) in [
        (Comparison::Equal, "[c] >= @P1"),
        (Comparison::NotEqual, "[c] < @P1"),
        (Comparison::Less, "[c] < @P1"),
        (Comparison::LessOrEqual, "[c] <= [c]"),
        (Comparison::Greater, "[c] > [c]"),
        (Comparison::GreaterOrEqual, "[c] >= @P1"),
    ] {
        assert_eq!(compared(&fine, operator, Value::Timestamp(last)), expected);
    }
    let list = [Value::Timestamp(last), Value::Timestamp(5)];
    assert_eq!(
        listed(&fine, &list, false),
        "(([c] >= @P1 OR ([c] >= @P2 AND [c] < DATEADD(microsecond, 1, @P2))))"
    );
}

#[test]
fn ticks_are_compared_as_they_are_read() {
    let old = stamp("datetime");
    let tick = |operator, micros| {
        let mut parameters = Vec::new();
        let operand = Operand { sql: "[c]", class: old.class, column: Some(&old), digits: None };
        let value = Value::Timestamp(micros);
        let sql =
            SqlServerDialect.compare(&operand, operator, &value, &mut binder(&mut parameters));
        (sql, parameters)
    };
    let at = |millis: i64| vec![Value::Timestamp(millis * 1_000)];
    let spelled = |symbol: &str| format!("[c] {symbol} CAST(@P1 AS datetime)");
    assert_eq!(tick(Comparison::Equal, 3_000), (spelled("="), at(3)));
    assert_eq!(tick(Comparison::Equal, 4_000), ("NOT ([c] = [c])".to_string(), vec![]));
    assert_eq!(tick(Comparison::Less, 4_000), (spelled("<"), at(7)));
    assert_eq!(tick(Comparison::Less, 3_001), (spelled("<"), at(7)));
    assert_eq!(tick(Comparison::GreaterOrEqual, 8_000), (spelled(">="), at(10)));
    assert_eq!(tick(Comparison::LessOrEqual, 9_999), (spelled("<="), at(7)));
    assert_eq!(tick(Comparison::Greater, -1), (spelled(">"), at(-3)));
    // Before 1753 there is none.
    let early = -7_000_000_000_000_000;
    assert_eq!(tick(Comparison::Greater, early).0, "NOT ([c] > [c])");
    assert_eq!(tick(Comparison::Less, early).0, "[c] < [c]");
}

#[test]
fn columns_are_read_whole() {
    let read = |native: &str, as_text| {
        let mut column = column(native, DataType::Utf8, OperandClass::Opaque);
        column.read_as_text = as_text;
        SqlServerDialect.read_column("[c]", &column)
    };
    assert_eq!(read("money", false), "CAST([c] AS decimal(19,4))");
    assert_eq!(read("xml", true), "CAST([c] AS nvarchar(max))");
    assert_eq!(read("geography", true), "[c].ToString()");
    assert_eq!(read("Point (CLR)", true), "[c].ToString()");
    assert_eq!(read("sql_variant", true), "[c]");
    assert_eq!(read("nchar(5)", false), "[c]");
    let mut greek = varchar();
    assert_eq!(SqlServerDialect.read_column("[c]", &greek), "[c]");
    greek.collation = Some("Greek_CI_AS".into());
    assert_eq!(SqlServerDialect.read_column("[c]", &greek), "CAST([c] AS nvarchar(50))");
}

#[test]
fn masks_without_an_exact_spelling_stay_local() {
    let masked = |mask: &Mask, column: &ColumnDescription| {
        SqlServerDialect.mask(mask, "[c]", column, &mut binder(&mut Vec::new()))
    };
    let id = column("uniqueidentifier", DataType::Utf8, OperandClass::Uuid);
    let day = column("date", DataType::Date32, OperandClass::Date);
    let number = column("int", DataType::Int32, OperandClass::Integer);
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()));
    let instant = column("datetimeoffset(6)", instant, OperandClass::TimestampUtc);
    let partial = Mask::Partial { first: 1, last: 2 };
    for (mask, column) in [
        (&Mask::Email, &id),
        (&partial, &id),
        (&Mask::Email, &day),
        (&Mask::Bucket { width: 10 }, &number),
        (&Mask::Round { digits: 1 }, &number),
        (&Mask::AgeBand { width: 10 }, &day),
        (&Mask::Pseudonym { domain: "d".into() }, &nvarchar()),
        (&Mask::Constant(Value::Integer(1)), &decimal(10, 2)),
        (&Mask::Constant(Value::Integer(i64::MAX)), &number),
        (&Mask::Constant(text("x")), &id),
    ] {
        assert_eq!(masked(mask, column), None, "{mask:?} {column:?}");
    }
    assert_eq!(
        masked(&partial, &nvarchar()).as_deref(),
        Some(
            "CASE WHEN [c] IS NULL THEN NULL WHEN \
             LEN(CAST([c] AS nvarchar(max)) COLLATE Latin1_General_100_CI_AS_SC + N'.') - 1 >= 6 \
             AND CHARINDEX(NCHAR(0), CAST([c] AS nvarchar(max)) COLLATE Latin1_General_BIN2) = 0 \
             THEN LEFT(CAST([c] AS nvarchar(max)) COLLATE Latin1_General_100_CI_AS_SC, 1) + N'****' + \
             RIGHT(CAST([c] AS nvarchar(max)) COLLATE Latin1_General_100_CI_AS_SC, 2) ELSE N'****' END"
        )
    );
    assert_eq!(
        masked(&Mask::Month, &day).as_deref(),
        Some("DATEFROMPARTS(YEAR([c]), MONTH([c]), 1)")
    );
    assert!(
        masked(&Mask::Year, &instant)
            .is_some_and(|sql| sql.contains("SWITCHOFFSET([c], '+00:00')"))
    );
    assert_eq!(masked(&Mask::Null, &id).as_deref(), Some("CAST(NULL AS uniqueidentifier)"));
    assert_eq!(
        masked(&Mask::Constant(Value::Integer(7)), &number).as_deref(),
        Some("CASE WHEN [c] IS NOT NULL THEN CAST(@P1 AS int) END")
    );
}
