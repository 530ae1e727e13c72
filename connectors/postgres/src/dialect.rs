//! How PostgreSQL spells what we send, and what it answers exactly as Arrow would.

use crate::functions::{EXACT, RULES};
use crate::list::in_array;
use crate::types::cast_target;
use arrow_schema::DataType;
use celosia_connector_api::expression::class_of;
use celosia_connector_api::mask::REDACTED;
use celosia_connector_api::{
    Bind, Capabilities, ClassSet, ColumnDescription, Comparison, Dialect, FunctionRule, Mask,
    Operand, OperandClass, Relational, Spelled, TextHabit, Value,
};

/// The SQL of PostgreSQL 12 and later.
#[derive(Debug, Clone, Copy, Default)]
pub struct PostgresDialect;

const EQUALITY: ClassSet = ClassSet::of(&[
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
]);

impl Dialect for PostgresDialect {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            equality: EQUALITY,
            ordering: EQUALITY,
            sort: EXACT,
            like: true,
            null_test: true,
            limit: true,
            column_comparison: true,
        }
    }

    /// Every placeholder says its type: the server would take an undeclared one for text.
    fn placeholder(&self, position: usize, value: &Value) -> String {
        let target = match value {
            Value::Boolean(_) => "boolean",
            Value::Integer(_) => "bigint",
            Value::Decimal { .. } => "numeric",
            Value::Float(_) => "double precision",
            Value::Text(_) => "text",
            Value::Bytes(_) => "bytea",
            Value::Date(_) => "date",
            Value::Timestamp(_) => "timestamp",
            Value::TimestampUtc(_) => "timestamptz",
        };
        format!("CAST(${position} AS {target})")
    }

    /// Of a collation that is not deterministic its number is known, not what it ignores.
    fn text_habit(&self, column: &ColumnDescription) -> TextHabit {
        let native = column.native_type.as_str();
        TextHabit {
            ignores_case: native == "citext" || native.ends_with(".citext"),
            pads: native == "bpchar" || native.starts_with("character("),
            ..TextHabit::default()
        }
    }

    fn read_column(&self, quoted: &str, column: &ColumnDescription) -> String {
        if !column.read_as_text {
            quoted.to_string()
        } else if column.native_type.ends_with("[]") {
            format!("CAST(array_to_json({quoted}) AS text)")
        } else {
            format!("CAST({quoted} AS text)")
        }
    }

    /// Text is ordered by its bytes, as Arrow orders it. Equality needs no collation (every column of
    /// the class has a deterministic one), and without it the column's index can be used; discovery
    /// sees to it that no two columns of a table have collations that cannot be compared.
    fn operand(&self, expression: &str, class: OperandClass, ordering: bool) -> String {
        if ordering && class == OperandClass::Text {
            format!("({expression} COLLATE \"C\")")
        } else {
            expression.to_string()
        }
    }

    fn comparand(&self, placeholder: &str, class: OperandClass) -> String {
        if class == OperandClass::Uuid {
            format!("CAST({placeholder} AS uuid)")
        } else {
            placeholder.to_string()
        }
    }

    fn most_values(&self) -> usize {
        10_000
    }

    /// `\` is the escape without a word; with one, the server makes the pattern anew for each row.
    fn like(&self, operand: &Operand<'_>, pattern: &str, negated: bool, bind: Bind<'_>) -> String {
        let placeholder = bind(Value::Text(pattern.to_string()));
        let left = self.operand(operand.sql, operand.class, false);
        let not = if negated { " NOT" } else { "" };
        format!("{left}{not} LIKE {placeholder}")
    }

    fn in_list(
        &self,
        operand: &Operand<'_>,
        values: &[Value],
        negated: bool,
        bind: Bind<'_>,
    ) -> String {
        if let Some(sql) = in_array(operand, values, negated, &mut *bind) {
            return sql;
        }
        let items = values.iter().map(|value| self.comparand(&bind(value.clone()), operand.class));
        let items: Vec<String> = items.collect();
        let not = if negated { " NOT" } else { "" };
        format!("{}{not} IN ({})", operand.sql, items.join(", "))
    }

    /// Two tables may have collations that the server does not compare with each other.
    fn compare_columns(
        &self,
        left: &Operand<'_>,
        operator: Comparison,
        right: &Operand<'_>,
    ) -> String {
        let collation = |operand: &Operand<'_>| operand.column.map(|c| c.collation.clone());
        let same = matches!((collation(left), collation(right)), (Some(a), Some(b)) if a == b);
        let bytes = operator.is_ordering() || !same;
        let left = self.operand(left.sql, left.class, bytes);
        let right = self.operand(right.sql, right.class, bytes);
        format!("{left} {} {right}", operator.symbol())
    }

    fn mask(
        &self,
        mask: &Mask,
        expression: &str,
        column: &ColumnDescription,
        bind: Bind<'_>,
    ) -> Option<String> {
        let target = cast_target(&column.data_type, column.class)?;
        let is_text = column.data_type == DataType::Utf8;
        Some(match mask {
            Mask::Null => format!("CAST(NULL AS {target})"),
            Mask::Redact if is_text => {
                unless_null(expression, &format!("CAST('{REDACTED}' AS text)"))
            }
            Mask::Constant(value) if is_exact(value, column) => {
                let value = bind(value.clone());
                unless_null(expression, &format!("CAST({value} AS {target})"))
            }
            Mask::Email if is_text => email(&text_form(expression, column)?),
            Mask::Partial { first, last } if is_text => {
                partial(&text_form(expression, column)?, *first, *last)
            }
            Mask::Year => first_instant("year", expression, &column.data_type)?,
            Mask::Month => first_instant("month", expression, &column.data_type)?,
            _ => return None,
        })
    }

    fn limit(&self, rows: u64) -> String {
        // The server's row count is a signed 64-bit number.
        format!(" LIMIT {}", rows.min(i64::MAX.unsigned_abs()))
    }

    fn relational(&self) -> Relational {
        Relational {
            join: true,
            full_join: true,
            hashes: true,
            group: EXACT,
            union_all: true,
            window: true,
            unordered_window: true,
            offset: true,
            per_row: true,
            shared: true,
            grouping_sets: true,
            infers_cases: true,
            splits: true,
        }
    }

    fn functions(&self) -> &'static [FunctionRule] {
        RULES
    }

    /// Far beyond what any column holds.
    fn decimal_digits(&self) -> u16 {
        1_000
    }

    fn arrives_as(&self, expression: &str, data_type: &DataType) -> Option<String> {
        let target = cast_target(data_type, class_of(data_type))?;
        Some(format!("CAST({expression} AS {target})"))
    }

    /// Arithmetic needs no number of digits, and to keep to one costs time for each row.
    fn widened(&self, expression: &str, data_type: &DataType) -> Option<String> {
        match data_type {
            DataType::Decimal128(..) => Some(format!("CAST({expression} AS numeric)")),
            _ => self.arrives_as(expression, data_type),
        }
    }

    /// Every type has a text.
    fn settling_key(&self, operand: &Operand<'_>) -> Option<String> {
        Some(match operand.class {
            OperandClass::Float => operand.sql.to_string(),
            _ => format!("CAST({} AS text) COLLATE \"C\"", operand.sql),
        })
    }

    fn truth_value(&self, condition: &str) -> Option<String> {
        Some(format!("({condition})"))
    }

    /// `div` gives the whole part of the exact quotient.
    fn decimal_average(&self, sum: &Spelled<'_>, count: &str, digits: u8) -> Option<String> {
        let sum = &sum.sql;
        let one = format!("1{}", "0".repeat(usize::from(digits)));
        let unit = match digits {
            0 => "1".to_string(),
            _ => format!("0.{}1", "0".repeat(usize::from(digits) - 1)),
        };
        Some(format!("(div({sum} * {one}, {count}) * {unit})"))
    }

    fn most_parameters(&self) -> usize {
        usize::from(u16::MAX)
    }
}

fn unless_null(expression: &str, shown: &str) -> String {
    format!("CASE WHEN {expression} IS NULL THEN NULL ELSE {shown} END")
}

/// The text a reader of the column sees, as an expression; `None` where SQL has another one. A padded
/// string loses its blanks in a cast to text but keeps them in a result.
fn text_form(expression: &str, column: &ColumnDescription) -> Option<String> {
    let padded = column.native_type.starts_with("character(")
        || matches!(column.native_type.as_str(), "character" | "bpchar");
    if column.read_as_text || column.class == OperandClass::Text {
        Some(expression.to_string())
    } else if padded {
        None
    } else {
        Some(format!("CAST({expression} AS text)"))
    }
}

fn email(text: &str) -> String {
    // A search under a loose collation is an error; byte by byte it finds the same sign.
    let at = format!("strpos({text} COLLATE \"C\", '@')");
    format!(
        "CASE WHEN {text} IS NULL THEN NULL \
         WHEN {at} > 0 THEN '***@' || substr({text}, {at} + 1) ELSE '***' END"
    )
}

fn partial(text: &str, first: u8, last: u8) -> String {
    let shortest = 2 * (u32::from(first) + u32::from(last));
    format!(
        "CASE WHEN {text} IS NULL THEN NULL WHEN char_length({text}) >= {shortest} \
         THEN left({text}, {first}) || '****' || right({text}, {last}) ELSE '****' END"
    )
}

/// The first day or instant of the year or month. What has none at the server or in Arrow (infinity,
/// the year 4713 BC in which the server's calendar begins, the last days of 64-bit microseconds)
/// becomes NULL: an error would say that a masked cell holds such a value.
fn first_instant(unit: &str, value: &str, data_type: &DataType) -> Option<String> {
    let (native, latest, shown) = match data_type {
        DataType::Date32 => {
            let month = if unit == "year" { "1".into() } else { part("month", value) };
            let shown = format!("make_date({}, {month}, 1)", part("year", value));
            ("date", "5874897-12-31", shown)
        }
        DataType::Timestamp(_, None) => {
            ("timestamp", "294246-12-31 23:59:59.999999", format!("date_trunc('{unit}', {value})"))
        }
        DataType::Timestamp(_, Some(_)) => (
            "timestamptz",
            "294246-12-31 23:59:59.999999+00",
            format!("date_trunc('{unit}', {value}, 'UTC')"),
        ),
        _ => return None,
    };
    let zone = if native == "timestamptz" { "+00" } else { "" };
    let midnight = if native == "date" { "" } else { " 00:00:00" };
    Some(format!(
        "CASE WHEN {value} BETWEEN {native} '4712-01-01{midnight}{zone} BC' AND {native} '{latest}' \
         THEN {shown} END"
    ))
}

fn part(unit: &str, value: &str) -> String {
    format!("CAST(extract({unit} FROM {value}) AS integer)")
}

/// Whether a constant arrives as exactly itself when it is cast to the column's type.
fn is_exact(value: &Value, column: &ColumnDescription) -> bool {
    match (value, &column.data_type) {
        (Value::Boolean(_), DataType::Boolean) | (Value::Bytes(_), DataType::Binary) => true,
        (Value::Integer(value), DataType::Int16) => i16::try_from(*value).is_ok(),
        (Value::Integer(value), DataType::Int32) => i32::try_from(*value).is_ok(),
        (Value::Integer(_), DataType::Int64) => true,
        (Value::Integer(value), DataType::Float32) => value.unsigned_abs() <= 1 << 24,
        (Value::Integer(value), DataType::Float64) => value.unsigned_abs() <= 1 << 53,
        (Value::Float(value), DataType::Float64) => value.is_finite(),
        (Value::Integer(value), decimal) => fits_decimal(i128::from(*value), 0, decimal),
        (Value::Decimal { unscaled, scale }, decimal) => fits_decimal(*unscaled, *scale, decimal),
        // A masked UUID would still be compared as one.
        (Value::Text(text), DataType::Utf8) => {
            column.class != OperandClass::Uuid && !text.contains('\0')
        }
        (Value::Date(days), DataType::Date32) => Value::date_text(*days).is_some(),
        (Value::Timestamp(micros), DataType::Timestamp(_, None))
        | (Value::TimestampUtc(micros), DataType::Timestamp(_, Some(_))) => {
            Value::timestamp_text(*micros).is_some()
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
    use arrow_schema::TimeUnit;

    fn column(native: &str, data_type: DataType, class: OperandClass) -> ColumnDescription {
        ColumnDescription {
            name: "c".into(),
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
        PostgresDialect.mask(mask, "\"c\"", column, &mut |v| PostgresDialect.placeholder(1, &v))
    }

    #[test]
    fn placeholders_declare_their_types() {
        let spelled = |value| PostgresDialect.placeholder(2, &value);
        assert_eq!(spelled(Value::Integer(1)), "CAST($2 AS bigint)");
        assert_eq!(spelled(Value::Decimal { unscaled: 1, scale: 0 }), "CAST($2 AS numeric)");
        assert_eq!(spelled(Value::TimestampUtc(0)), "CAST($2 AS timestamptz)");
        let uuid = PostgresDialect.comparand("CAST($2 AS text)", OperandClass::Uuid);
        assert_eq!(uuid, "CAST(CAST($2 AS text) AS uuid)");
    }

    #[test]
    fn order_is_by_bytes_and_equality_keeps_the_index() {
        let operand = |ordering| PostgresDialect.operand("\"c\"", OperandClass::Text, ordering);
        assert_eq!(operand(true), "(\"c\" COLLATE \"C\")");
        assert_eq!(operand(false), "\"c\"");
    }

    #[test]
    fn types_without_an_arrow_form_are_read_as_text() {
        let mut list = column("integer[]", DataType::Utf8, OperandClass::Opaque);
        list.read_as_text = true;
        let read = PostgresDialect.read_column("\"c\"", &list);
        assert_eq!(read, "CAST(array_to_json(\"c\") AS text)");
        list.native_type = "inet".into();
        assert_eq!(PostgresDialect.read_column("\"c\"", &list), "CAST(\"c\" AS text)");
    }

    #[test]
    fn masks_without_an_exact_spelling_stay_local() {
        let text = column("text", DataType::Utf8, OperandClass::Text);
        let padded = column("character(8)", DataType::Utf8, OperandClass::Opaque);
        let day = column("date", DataType::Date32, OperandClass::Date);
        assert!(masked(&Mask::Email, &text).is_some() && masked(&Mask::Email, &padded).is_none());
        assert!(masked(&Mask::Partial { first: 1, last: 1 }, &padded).is_none());
        assert!(masked(&Mask::Redact, &padded).is_some());
        assert!(masked(&Mask::Pseudonym { domain: "d".into() }, &text).is_none());
        assert!(masked(&Mask::AgeBand { width: 10 }, &day).is_none());
        assert!(masked(&Mask::Email, &day).is_none() && masked(&Mask::Year, &text).is_none());
        let number = column("bigint", DataType::Int64, OperandClass::Integer);
        assert!(masked(&Mask::Bucket { width: 10 }, &number).is_none());
        assert!(masked(&Mask::Round { digits: 1 }, &number).is_none());
        let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()));
        let instant = column("timestamptz", instant, OperandClass::TimestampUtc);
        assert!(masked(&Mask::Month, &instant).is_some_and(|sql| sql.contains("'UTC')")));
    }

    #[test]
    fn constants_are_pushed_where_they_stay_themselves() {
        let small = column("smallint", DataType::Int16, OperandClass::Integer);
        assert!(is_exact(&Value::Integer(-32_768), &small));
        assert!(!is_exact(&Value::Integer(32_768), &small));
        let money = column("numeric(6,2)", DataType::Decimal128(6, 2), OperandClass::Decimal);
        assert!(is_exact(&Value::Integer(9_999), &money));
        assert!(!is_exact(&Value::Integer(10_000), &money));
        assert!(is_exact(&Value::Decimal { unscaled: 12_500, scale: 4 }, &money));
        assert!(!is_exact(&Value::Decimal { unscaled: 12_501, scale: 4 }, &money));
        let uuid = column("uuid", DataType::Utf8, OperandClass::Uuid);
        assert!(!is_exact(&Value::Text("x".into()), &uuid));
        assert_eq!(masked(&Mask::Null, &uuid).as_deref(), Some("CAST(NULL AS uuid)"));
        assert_eq!(
            masked(&Mask::Constant(Value::Integer(7)), &small).as_deref(),
            Some("CASE WHEN \"c\" IS NULL THEN NULL ELSE CAST(CAST($1 AS bigint) AS smallint) END")
        );
    }
}
