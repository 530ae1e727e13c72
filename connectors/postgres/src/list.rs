//! Long lists of values as one array: one parameter, one plan, and a hash table at the server (14 and
//! later), where a list of parameters would be planned and compared one by one.

use celosia_connector_api::{Bind, Operand, OperandClass, Value};

/// The shortest list that is sent as an array.
const SHORTEST: usize = 20;

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
    let mut array = String::from("{");
    for value in values {
        // A number that the column cannot hold equals none of its values.
        let fits = match (value, element) {
            (Value::Integer(value), "smallint") => i16::try_from(*value).is_ok(),
            (Value::Integer(value), "integer") => i32::try_from(*value).is_ok(),
            _ => true,
        };
        if fits {
            if array.len() > 1 {
                array.push(',');
            }
            push(&mut array, value)?;
        }
    }
    array.push('}');
    let array = format!("CAST({} AS {element}[])", bind(Value::Text(array)));
    Some(match negated {
        false => format!("{left} = ANY({array})"),
        true => format!("{left} <> ALL({array})"),
    })
}

/// The value as an element of an array's text.
fn push(array: &mut String, value: &Value) -> Option<()> {
    match value {
        Value::Integer(value) => array.push_str(&value.to_string()),
        Value::Decimal { unscaled, scale } => {
            array.push_str(&Value::decimal_text(*unscaled, *scale));
        }
        Value::Date(days) => array.push_str(&Value::date_text(*days)?),
        Value::Text(text) => {
            array.push('"');
            for character in text.chars() {
                if matches!(character, '"' | '\\') {
                    array.push('\\');
                }
                array.push(character);
            }
            array.push('"');
        }
        _ => return None,
    }
    Some(())
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
        assert_eq!(sql, "\"c\" = ANY(CAST($1 AS integer[]))");
        let expected = (0..20).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
        assert_eq!(bound, Value::Text(format!("{{{expected}}}")));
        assert_eq!(spelled(OperandClass::Integer, "integer", &values[..19]), None);
    }

    #[test]
    fn texts_are_quoted() {
        let values = vec![Value::Text("a\"b\\,}".into()); 20];
        let (_, bound) = spelled(OperandClass::Text, "text", &values).expect("an array");
        let Value::Text(bound) = bound else { panic!("an array is bound as its text") };
        assert!(bound.starts_with(r#"{"a\"b\\,}","a"#), "{bound}");
    }
}
