//! Masks at the source, where Oracle gives exactly the local value. NULL stays NULL, and so does '',
//! which is NULL already; a mask whose value could be '' stays local.

use crate::types::cast_target;
use arrow_schema::DataType;
use celosia_connector_api::mask::REDACTED;
use celosia_connector_api::{Bind, ColumnDescription, Dialect, Mask, OperandClass, Value};

/// The longest VARCHAR2 that a database with small strings holds, in bytes.
const MOST_TEXT: usize = 4_000;
/// What an e-mail mask may add to its column's longest value.
const EMAIL_ADDS: usize = 4;

pub(crate) fn spelled(
    dialect: &dyn Dialect,
    utf8: bool,
    mask: &Mask,
    expression: &str,
    column: &ColumnDescription,
    bind: Bind<'_>,
) -> Option<String> {
    let target = cast_target(&column.data_type)?;
    let is_text = column.data_type == DataType::Utf8;
    // Lengths and positions count characters as Unicode does only where the database stores it.
    let counts = utf8 && column.class == OperandClass::Text;
    Some(match mask {
        Mask::Null => format!("CAST(NULL AS {target})"),
        Mask::Redact if is_text => {
            unless_null(expression, &format!("CAST('{REDACTED}' AS VARCHAR2(10))"))
        }
        Mask::Constant(value) if is_exact(dialect, value, column) => {
            let value = bind(value.clone());
            unless_null(expression, &format!("CAST({value} AS {target})"))
        }
        Mask::Email if counts && longest(column)? + EMAIL_ADDS <= MOST_TEXT => email(expression),
        Mask::Partial { first, last } if counts => partial(expression, *first, *last),
        Mask::Year => first_instant("YYYY", expression, column)?,
        Mask::Month => first_instant("MM", expression, column)?,
        _ => return None,
    })
}

fn unless_null(expression: &str, shown: &str) -> String {
    format!("CASE WHEN {expression} IS NULL THEN NULL ELSE {shown} END")
}

fn email(text: &str) -> String {
    let at = format!("INSTR({text}, '@')");
    format!(
        "CASE WHEN {text} IS NULL THEN NULL \
         WHEN {at} > 0 THEN '***@' || SUBSTR({text}, {at} + 1) ELSE '***' END"
    )
}

/// At most 510 characters and four stars, which always fit. SUBSTR of no characters would be NULL.
fn partial(text: &str, first: u8, last: u8) -> String {
    let shortest = 2 * (u32::from(first) + u32::from(last));
    let head = if first == 0 { String::new() } else { format!("SUBSTR({text}, 1, {first}) || ") };
    let tail = if last == 0 { String::new() } else { format!(" || SUBSTR({text}, -{last})") };
    format!(
        "CASE WHEN {text} IS NULL THEN NULL WHEN LENGTH({text}) >= {shortest} \
         THEN {head}'****'{tail} ELSE '****' END"
    )
}

/// The first instant of the year or month. Instants stay local: they are cut in UTC there.
fn first_instant(unit: &str, value: &str, column: &ColumnDescription) -> Option<String> {
    match &column.data_type {
        DataType::Timestamp(_, None) => {
            Some(format!("CAST(TRUNC({value}, '{unit}') AS TIMESTAMP(6))"))
        }
        _ => None,
    }
}

/// Bytes of the column's longest value, from its declaration.
fn longest(column: &ColumnDescription) -> Option<usize> {
    let declared = column.native_type.split('(').nth(1)?;
    let number: usize = declared.split([' ', ')']).next()?.parse().ok()?;
    Some(if declared.contains("CHAR") { number * 4 } else { number })
}

/// Whether a constant arrives as exactly itself when it is cast to the column's type.
fn is_exact(dialect: &dyn Dialect, value: &Value, column: &ColumnDescription) -> bool {
    let bindable = |class| dialect.can_bind(class, value);
    match (value, &column.data_type) {
        (Value::Boolean(_), DataType::Boolean) => bindable(OperandClass::Boolean),
        (Value::Bytes(_), DataType::Binary) => bindable(OperandClass::Bytes),
        (Value::Integer(_), DataType::Int64) => true,
        (Value::Integer(value), DataType::Float32) => value.unsigned_abs() <= 1 << 24,
        (Value::Integer(value), DataType::Float64) => value.unsigned_abs() <= 1 << 53,
        (Value::Float(value), DataType::Float64) => value.is_finite() && *value != 0.0,
        (Value::Integer(value), decimal) => fits_decimal(i128::from(*value), 0, decimal),
        (Value::Decimal { unscaled, scale }, decimal) => fits_decimal(*unscaled, *scale, decimal),
        (Value::Text(_), DataType::Utf8) => bindable(OperandClass::Text),
        (Value::Timestamp(micros), DataType::Timestamp(_, None)) => {
            bindable(OperandClass::Timestamp) && Value::timestamp_text(*micros).is_some()
        }
        (Value::TimestampUtc(micros), DataType::Timestamp(_, Some(_))) => {
            bindable(OperandClass::TimestampUtc) && Value::timestamp_text(*micros).is_some()
        }
        _ => false,
    }
}

fn fits_decimal(unscaled: i128, scale: u8, data_type: &DataType) -> bool {
    let (DataType::Decimal128(precision, target) | DataType::Decimal256(precision, target)) =
        data_type
    else {
        return false;
    };
    // Digits in front of the point and behind it, without trailing zeros.
    let (mut digits, mut behind) = (unscaled.unsigned_abs(), i32::from(scale));
    while behind > 0 && digits.is_multiple_of(10) {
        (digits, behind) = (digits / 10, behind - 1);
    }
    let length = if digits == 0 { 0 } else { digits.ilog10().cast_signed() + 1 };
    behind <= i32::from(*target) && length - behind <= i32::from(*precision) - i32::from(*target)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OracleDialect;
    use arrow_schema::TimeUnit;

    fn column(native: &str, data_type: DataType, class: OperandClass) -> ColumnDescription {
        ColumnDescription {
            name: "C".into(),
            native_type: native.into(),
            data_type,
            nullable: true,
            comment: None,
            class,
            collation: None,
            read_as_text: false,
        }
    }

    fn masked(mask: &Mask, column: &ColumnDescription) -> Option<String> {
        let dialect = OracleDialect::default();
        dialect.learn(true, 19);
        dialect.mask(mask, "\"C\"", column, &mut |value| dialect.placeholder(1, &value))
    }

    #[test]
    fn masks_without_an_exact_spelling_stay_local() {
        let text = column("VARCHAR2(50)", DataType::Utf8, OperandClass::Text);
        let long = column("VARCHAR2(4000)", DataType::Utf8, OperandClass::Text);
        let wide = column("VARCHAR2(1000 CHAR)", DataType::Utf8, OperandClass::Text);
        let lob = column("CLOB", DataType::Utf8, OperandClass::Opaque);
        let at = DataType::Timestamp(TimeUnit::Microsecond, None);
        let at = column("DATE", at, OperandClass::Timestamp);
        let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()));
        let instant = column("TIMESTAMP(6) WITH TIME ZONE", instant, OperandClass::TimestampUtc);
        for (mask, column, sent) in [
            (Mask::Email, &text, true),
            (Mask::Email, &long, false),
            (Mask::Email, &wide, false),
            (Mask::Email, &lob, false),
            (Mask::Partial { first: 0, last: 4 }, &long, true),
            (Mask::Partial { first: 0, last: 4 }, &lob, false),
            (Mask::Redact, &lob, true),
            (Mask::Year, &at, true),
            (Mask::Year, &instant, false),
            (Mask::Year, &text, false),
            (Mask::AgeBand { width: 10 }, &at, false),
            (Mask::Pseudonym { domain: "d".into() }, &text, false),
            (Mask::Constant(Value::Text("x".into())), &text, true),
            (Mask::Constant(Value::Text(String::new())), &text, false),
            (Mask::Constant(Value::Integer(1)), &at, false),
            (Mask::Constant(Value::Timestamp(0)), &at, true),
            // 14 October 1582, which never was.
            (Mask::Constant(Value::Timestamp(-12_219_292_800_000_001)), &at, false),
        ] {
            assert_eq!(masked(&mask, column).is_some(), sent, "{mask:?} {}", column.native_type);
        }
    }

    #[test]
    fn parts_of_no_characters_are_left_out() {
        let text = column("VARCHAR2(50)", DataType::Utf8, OperandClass::Text);
        let last = masked(&Mask::Partial { first: 0, last: 4 }, &text).expect("sent");
        assert!(last.contains("THEN '****' || SUBSTR(\"C\", -4) ELSE"), "{last}");
        let none = masked(&Mask::Partial { first: 0, last: 0 }, &text).expect("sent");
        assert!(none.contains("THEN '****' ELSE"), "{none}");
    }

    #[test]
    fn constants_are_sent_where_they_stay_themselves() {
        let money = column("NUMBER(6,2)", DataType::Decimal128(6, 2), OperandClass::Decimal);
        assert!(masked(&Mask::Constant(Value::Integer(9_999)), &money).is_some());
        assert!(masked(&Mask::Constant(Value::Integer(10_000)), &money).is_none());
        let whole = column("NUMBER(10)", DataType::Int64, OperandClass::Integer);
        assert_eq!(
            masked(&Mask::Constant(Value::Integer(7)), &whole).as_deref(),
            Some("CASE WHEN \"C\" IS NULL THEN NULL ELSE CAST(:1 AS NUMBER(19)) END")
        );
    }
}
