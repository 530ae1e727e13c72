//! Long lists of values as one array: one parameter, one plan, and a hash table at the server (14 and
//! later), where a list of parameters would be planned and compared one by one.
//!
//! The server makes a hash table of a constant alone. `CAST('{1,2}' AS integer[])` of a parameter is none: how an
//! array's text is read counts as a setting, and it would be read anew for each row (9,000 keys against 300,000 rows:
//! more than 20 s, where 0.1 s is right). Cut up by `string_to_array`, which has no settings, it is one.

use celosia_connector_api::{Bind, Operand, OperandClass, Value};

/// The shortest list that is sent as an array.
const SHORTEST: usize = 20;
/// Stands between two values, `chr(31)`: a list in which one holds it is sent value by value.
const BETWEEN: &str = "\u{1f}";

/// `operand [NOT] IN (values)` over an array; `None` where a list of parameters is better.
pub(crate) fn in_array(
    operand: &Operand<'_>,
    values: &[Value],
    negated: bool,
    bind: Bind<'_>,
) -> Option<String> {
    if values.len() < SHORTEST {
        return None;
    }
    // A hash table needs one type on both sides.
    let native = operand.column.map(|column| column.native_type.as_str());
    let (element, left) = match (operand.class, native) {
        (OperandClass::Integer, Some(native @ ("smallint" | "integer" | "bigint"))) => {
            (native, operand.sql.to_string())
        }
        (OperandClass::Integer, _) => ("bigint", format!("CAST({} AS bigint)", operand.sql)),
        (OperandClass::Text, _) => ("text", operand.sql.to_string()),
        (OperandClass::Uuid, _) => ("uuid", operand.sql.to_string()),
        (OperandClass::Date, _) => ("date", operand.sql.to_string()),
        (OperandClass::Decimal, _) => ("numeric", operand.sql.to_string()),
        _ => return None,
    };
    let mut texts = Vec::with_capacity(values.len());
    for value in values {
        // A number that the column cannot hold equals none of its values.
        let fits = match (value, element) {
            (Value::Integer(value), "smallint") => i16::try_from(*value).is_ok(),
            (Value::Integer(value), "integer") => i32::try_from(*value).is_ok(),
            _ => true,
        };
        if fits {
            texts.push(element_text(value)?);
        }
    }
    if texts.iter().any(|text| text.contains(BETWEEN)) {
        return None;
    }
    let list = bind(Value::Text(texts.join(BETWEEN)));
    let array = format!("CAST(string_to_array({list}, chr(31)) AS {element}[])");
    let array = match operand.class {
        // How a date is read is a setting, so this is no constant: it is made once, before the first row.
        OperandClass::Date => format!("CAST((SELECT {array}) AS {element}[])"),
        _ => array,
    };
    Some(match negated {
        false => format!("{left} = ANY({array})"),
        true => format!("{left} <> ALL({array})"),
    })
}

/// The value as the text of an element.
fn element_text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Integer(value) => value.to_string(),
        Value::Decimal { unscaled, scale } => Value::decimal_text(*unscaled, *scale),
        Value::Date(days) => Value::date_text(*days)?,
        Value::Text(text) => text.clone(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::DataType;
    use celosia_connector_api::ColumnDescription;

    fn spelled(class: OperandClass, native: &str, values: &[Value]) -> Option<(String, Value)> {
        let column = ColumnDescription {
            name: "c".into(),
            native_type: native.into(),
            data_type: DataType::Int32,
            nullable: true,
            comment: None,
            class,
            collation: None,
            read_as_text: false,
        };
        let operand = Operand { sql: "\"c\"", class, column: Some(&column), digits: None };
        let mut bound = Value::Boolean(false);
        let sql = in_array(&operand, values, false, &mut |value| {
            bound = value;
            "$1".into()
        })?;
        Some((sql, bound))
    }

    #[test]
    fn numbers_have_the_columns_type_and_what_it_cannot_hold_is_left_out() {
        let mut values: Vec<Value> = (0..20).map(Value::Integer).collect();
        values.push(Value::Integer(i64::MAX));
        let (sql, bound) = spelled(OperandClass::Integer, "integer", &values).expect("an array");
        assert_eq!(sql, "\"c\" = ANY(CAST(string_to_array($1, chr(31)) AS integer[]))");
        let expected = (0..20).map(|n| n.to_string()).collect::<Vec<_>>().join(BETWEEN);
        assert_eq!(bound, Value::Text(expected));
        assert_eq!(spelled(OperandClass::Integer, "integer", &values[..19]), None);
    }

    #[test]
    fn texts_are_sent_as_they_are_or_one_by_one() {
        let mut values = vec![Value::Text("a\"b\\,}".into()); 20];
        let (_, bound) = spelled(OperandClass::Text, "text", &values).expect("an array");
        let Value::Text(bound) = bound else { panic!("an array is bound as one text") };
        assert!(bound.starts_with("a\"b\\,}\u{1f}a"), "{bound}");
        values.push(Value::Text("x\u{1f}y".into()));
        assert_eq!(spelled(OperandClass::Text, "text", &values), None);
    }
}
