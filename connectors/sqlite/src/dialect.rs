//! How SQLite spells the few things we send, and what it may be asked.
//!
//! What is pushed is exact for every value that conforms to its column's declared type. A value of
//! another storage class (text in an INTEGER column) is an error where it is read, and a pushed
//! predicate may leave its row out before that.
//!
//! Not pushed: comparison of decimals, dates and time stamps (one value has several stored forms), and
//! LIKE (it ignores the case of ASCII letters).

use arrow_schema::DataType;
use celosia_connector_api::mask::REDACTED;
use celosia_connector_api::{
    Bind, Capabilities, ClassSet, ColumnDescription, Dialect, Mask, OperandClass, Value,
};

/// The dialect of SQLite 3.30 and later.
#[derive(Debug, Clone, Copy, Default)]
pub struct SqliteDialect;

const EQUALITY: ClassSet = ClassSet::of(&[
    OperandClass::Boolean,
    OperandClass::Integer,
    OperandClass::Float,
    OperandClass::Text,
    OperandClass::Bytes,
]);
const ORDERING: ClassSet =
    ClassSet::of(&[OperandClass::Integer, OperandClass::Float, OperandClass::Text]);
const SORT: ClassSet = ClassSet::of(&[OperandClass::Integer, OperandClass::Text]);

impl Dialect for SqliteDialect {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            equality: EQUALITY,
            ordering: ORDERING,
            sort: SORT,
            like: false,
            null_test: true,
            limit: true,
            column_comparison: true,
        }
    }

    /// In backquotes: SQLite takes a double-quoted name that does not exist for a string.
    fn quote(&self, identifier: &str) -> String {
        format!("`{}`", identifier.replace('`', "``"))
    }

    fn placeholder(&self, position: usize, _: &Value) -> String {
        format!("?{position}")
    }

    /// A column without an Arrow form is read as its text; a double in it by the fewest of 15 or 17
    /// digits that give it back, and a blob as it is, which the reader refuses.
    fn read_column(&self, quoted: &str, column: &ColumnDescription) -> String {
        if !column.read_as_text {
            return quoted.to_string();
        }
        format!(
            "CASE typeof({quoted}) \
             WHEN 'real' THEN CASE WHEN CAST(printf('%!.15g', {quoted}) AS REAL) = {quoted} \
             THEN printf('%!.15g', {quoted}) ELSE printf('%!.17g', {quoted}) END \
             WHEN 'blob' THEN {quoted} ELSE CAST({quoted} AS TEXT) END"
        )
    }

    /// Text compares byte by byte whatever the column's collation; an index on a column without a
    /// collation of its own still serves.
    fn operand(&self, expression: &str, class: OperandClass, _: bool) -> String {
        match class {
            OperandClass::Text => format!("{expression} COLLATE BINARY"),
            _ => expression.to_string(),
        }
    }

    /// A stored value that is not of the column's type is masked like any other: whether it is there
    /// is nobody's business.
    fn mask(
        &self,
        mask: &Mask,
        expression: &str,
        column: &ColumnDescription,
        bind: Bind<'_>,
    ) -> Option<String> {
        let text = column.data_type == DataType::Utf8;
        let plain = text && column.class == OperandClass::Text;
        match mask {
            Mask::Null => Some("NULL".to_string()),
            Mask::Redact if text => Some(constant(expression, &format!("'{REDACTED}'"))),
            Mask::Constant(value) if is_stored_as(value, &column.data_type) => {
                Some(constant(expression, &bind(value.clone())))
            }
            Mask::Email if plain => Some(email(expression)),
            Mask::Partial { first, last } if plain => Some(partial(expression, *first, *last)),
            _ => None,
        }
    }

    fn limit(&self, rows: u64) -> String {
        format!(" LIMIT {}", rows.min(i64::MAX.unsigned_abs()))
    }
}

fn constant(expression: &str, shown: &str) -> String {
    format!("CASE WHEN {expression} IS NOT NULL THEN {shown} END")
}

/// Whether a constant has exactly the column's type, as SQLite stores it.
fn is_stored_as(value: &Value, data_type: &DataType) -> bool {
    match (value, data_type) {
        (Value::Text(_), DataType::Utf8)
        | (Value::Integer(_), DataType::Int64)
        | (Value::Bytes(_), DataType::Binary) => true,
        (Value::Float(value), DataType::Float64) => value.is_finite() && *value != 0.0,
        _ => false,
    }
}

/// `length`, `substr` and `instr` stop at an embedded NUL, so text that has one shows nothing; nor
/// does a value that is not text.
fn email(x: &str) -> String {
    format!(
        "CASE WHEN typeof({x}) = 'null' THEN NULL \
         WHEN typeof({x}) <> 'text' OR instr({x}, '@') = 0 OR instr({x}, char(0)) > 0 THEN '***' \
         ELSE '***' || substr({x}, instr({x}, '@')) END"
    )
}

fn partial(x: &str, first: u8, last: u8) -> String {
    let kept = 2 * (u16::from(first) + u16::from(last));
    // substr(x, -0) is all of x.
    let head = if first == 0 { String::new() } else { format!("substr({x}, 1, {first}) || ") };
    let tail = if last == 0 { String::new() } else { format!(" || substr({x}, -{last})") };
    format!(
        "CASE WHEN typeof({x}) = 'null' THEN NULL \
         WHEN typeof({x}) <> 'text' OR length({x}) < {kept} OR instr({x}, char(0)) > 0 THEN '****' \
         ELSE {head}'****'{tail} END"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_stays_an_integer_of_sqlite() {
        assert_eq!(SqliteDialect.limit(u64::MAX), " LIMIT 9223372036854775807");
    }

    #[test]
    fn a_name_is_never_a_string() {
        assert_eq!(SqliteDialect.quote("a`b\"c"), "`a``b\"c`");
    }
}
