//! How Oracle spells what we send, and what it answers exactly as Arrow would.
//!
//! '' is NULL here, so no empty text or bytes is ever bound. Statements run with `NLS_SORT` and `NLS_COMP`
//! at BINARY: text is compared by the bytes of the database's character set, which is the order of UTF-8
//! in AL32UTF8 only. Until discovery has told the character set and the version, the dialect takes the
//! narrower reading of both.

use crate::functions::{self, GROUPED};
use crate::mask;
use crate::types::{self, cast_target};
use arrow_schema::DataType;
use celosia_connector_api::{
    Bind, Capabilities, ClassSet, ColumnDescription, Comparison, Dialect, FunctionRule, Mask,
    Operand, OperandClass, Relational, Spelled, TextHabit, Value,
};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

/// The SQL of Oracle Database 12.2 and later.
#[derive(Debug, Default)]
pub struct OracleDialect {
    /// The database stores UTF-8.
    utf8: AtomicBool,
    /// The database has a BOOLEAN type.
    booleans: AtomicBool,
}

/// The longest text that a statement may bind as VARCHAR2, whatever `MAX_STRING_SIZE` says, in bytes.
const MOST_TEXT: usize = 4_000;
/// The longest bytes that a statement may bind as RAW.
const MOST_BYTES: usize = 2_000;
/// The days of 1582 that the calendar left out, from 5 to 14 October. Oracle takes each of them for the 15th.
const DAYS_LEFT_OUT: Range<i64> = -141_437..-141_427;
const DAY: i64 = 86_400_000_000;
/// The most items of one IN list before version 23 (ORA-01795).
const MOST_VALUES: usize = 1_000;
/// Digits that every NUMBER keeps.
const NUMBER_DIGITS: u16 = 38;
/// Digits of a sum in the smallest unit of its average, of which the quotient by as many rows as a table can
/// have is certain in front of the point.
const AVERAGE_DIGITS: u16 = 29;

const BASE: &[OperandClass] = &[
    OperandClass::Integer,
    OperandClass::Decimal,
    OperandClass::Bytes,
    OperandClass::Timestamp,
    OperandClass::TimestampUtc,
];
const BASE_TEXT: &[OperandClass] = &[
    OperandClass::Integer,
    OperandClass::Decimal,
    OperandClass::Bytes,
    OperandClass::Timestamp,
    OperandClass::TimestampUtc,
    OperandClass::Text,
];
const EQUAL: &[OperandClass] = &[
    OperandClass::Integer,
    OperandClass::Decimal,
    OperandClass::Float,
    OperandClass::Bytes,
    OperandClass::Timestamp,
    OperandClass::TimestampUtc,
    OperandClass::Text,
];
const EQUAL_BOOLEAN: &[OperandClass] = &[
    OperandClass::Boolean,
    OperandClass::Integer,
    OperandClass::Decimal,
    OperandClass::Float,
    OperandClass::Bytes,
    OperandClass::Timestamp,
    OperandClass::TimestampUtc,
    OperandClass::Text,
];
const ORDER: &[OperandClass] = &[
    OperandClass::Integer,
    OperandClass::Decimal,
    OperandClass::Float,
    OperandClass::Bytes,
    OperandClass::Timestamp,
    OperandClass::TimestampUtc,
];
const ORDER_TEXT: &[OperandClass] = &[
    OperandClass::Integer,
    OperandClass::Decimal,
    OperandClass::Float,
    OperandClass::Bytes,
    OperandClass::Timestamp,
    OperandClass::TimestampUtc,
    OperandClass::Text,
];

impl OracleDialect {
    /// The dialect of a database whose character set and major version are known.
    pub fn of(utf8: bool, major: u32) -> Self {
        let dialect = Self::default();
        dialect.learn(utf8, major);
        dialect
    }

    /// What discovery has found: the database's character set and its major version.
    pub(crate) fn learn(&self, utf8: bool, major: u32) {
        self.utf8.store(utf8, Ordering::Relaxed);
        self.booleans.store(major >= 23, Ordering::Relaxed);
    }

    fn is_utf8(&self) -> bool {
        self.utf8.load(Ordering::Relaxed)
    }

    /// Text that has the same bytes in every character set, or any where the database stores UTF-8.
    fn is_text(&self, text: &str) -> bool {
        !text.is_empty() && text.len() <= MOST_TEXT && (text.is_ascii() || self.is_utf8())
    }
}

impl Dialect for OracleDialect {
    fn name(&self) -> &'static str {
        "oracle"
    }

    fn capabilities(&self) -> Capabilities {
        let booleans = self.booleans.load(Ordering::Relaxed);
        let (ordering, sort) = if self.is_utf8() { (ORDER_TEXT, BASE_TEXT) } else { (ORDER, BASE) };
        Capabilities {
            equality: ClassSet::of(if booleans { EQUAL_BOOLEAN } else { EQUAL }),
            ordering: ClassSet::of(ordering),
            sort: ClassSet::of(sort),
            like: true,
            null_test: true,
            limit: true,
            column_comparison: true,
        }
    }

    /// Numbers, text, bytes and truth are bound in their own types; time is bound as text in a fixed form,
    /// whatever the session's formats are.
    fn placeholder(&self, position: usize, value: &Value) -> String {
        match value {
            Value::Date(_) => format!("TO_DATE(:{position}, 'YYYY-MM-DD')"),
            Value::Timestamp(_) => {
                format!("TO_TIMESTAMP(:{position}, 'YYYY-MM-DD HH24:MI:SS.FF6')")
            }
            Value::TimestampUtc(_) => {
                format!("TO_TIMESTAMP_TZ(:{position}, 'YYYY-MM-DD HH24:MI:SS.FF6 TZH:TZM')")
            }
            _ => format!(":{position}"),
        }
    }

    /// Values are bound in the order in which their placeholders appear.
    fn binds_by_name(&self) -> bool {
        false
    }

    fn text_habit(&self, column: &ColumnDescription) -> TextHabit {
        types::text_habit(&column.native_type, column.collation.as_deref())
    }

    fn read_column(&self, quoted: &str, column: &ColumnDescription) -> String {
        if !column.read_as_text {
            return quoted.to_string();
        }
        match column.native_type.as_str() {
            "JSON" => format!("JSON_SERIALIZE({quoted} RETURNING CLOB)"),
            "VECTOR" => format!("VECTOR_SERIALIZE({quoted} RETURNING CLOB)"),
            "ROWID" => format!("ROWIDTOCHAR({quoted})"),
            "UROWID" => format!("CAST({quoted} AS VARCHAR2(4000))"),
            native if native.ends_with("XMLTYPE") => {
                format!("XMLSERIALIZE(CONTENT {quoted} AS CLOB)")
            }
            native if native.starts_with("NUMBER") => format!("TO_CHAR({quoted}, 'TM9')"),
            _ => format!("TO_CHAR({quoted})"),
        }
    }

    /// '' is NULL: a comparison with it would be unknown instead of false.
    fn can_bind(&self, class: OperandClass, value: &Value) -> bool {
        match value {
            Value::Text(text) => class == OperandClass::Text && self.is_text(text),
            Value::Bytes(bytes) => !bytes.is_empty() && bytes.len() <= MOST_BYTES,
            // A NUMBER keeps 40 digits, and no driver prints a double's smallest values into one.
            Value::Boolean(_) => self.booleans.load(Ordering::Relaxed),
            Value::Date(days) => !DAYS_LEFT_OUT.contains(&i64::from(*days)),
            Value::Timestamp(micros) | Value::TimestampUtc(micros) => {
                !DAYS_LEFT_OUT.contains(&micros.div_euclid(DAY))
            }
            _ => true,
        }
    }

    fn can_like(&self, pattern: &str) -> bool {
        self.is_text(pattern)
    }

    fn most_values(&self) -> usize {
        MOST_VALUES
    }

    /// A DATE is compared with a DATE where the value has whole seconds: a time stamp on the right would
    /// convert the column, and its index would be lost.
    fn compare(
        &self,
        operand: &Operand<'_>,
        operator: Comparison,
        value: &Value,
        bind: Bind<'_>,
    ) -> String {
        let right = comparand(operand, value, bind);
        format!("{} {} {right}", operand.sql, operator.symbol())
    }

    fn in_list(
        &self,
        operand: &Operand<'_>,
        values: &[Value],
        negated: bool,
        bind: Bind<'_>,
    ) -> String {
        let items: Vec<String> =
            values.iter().map(|value| comparand(operand, value, bind)).collect();
        let not = if negated { " NOT" } else { "" };
        format!("{}{not} IN ({})", operand.sql, items.join(", "))
    }

    /// The escape may stand before `%`, `_` and itself only (ORA-01424).
    fn like(&self, operand: &Operand<'_>, pattern: &str, negated: bool, bind: Bind<'_>) -> String {
        let placeholder = bind(Value::Text(normal_pattern(pattern)));
        let not = if negated { " NOT" } else { "" };
        format!("{}{not} LIKE {placeholder} ESCAPE '\\'", operand.sql)
    }

    fn mask(
        &self,
        mask: &Mask,
        expression: &str,
        column: &ColumnDescription,
        bind: Bind<'_>,
    ) -> Option<String> {
        mask::spelled(self, self.is_utf8(), mask, expression, column, bind)
    }

    /// There is no AS before the alias of a table.
    fn derived_table(&self, statement: &str, alias: &str) -> String {
        format!("({statement}) {alias}")
    }

    fn named_table(&self, table: &str, alias: &str) -> String {
        format!("{table} {alias}")
    }

    fn limit(&self, rows: u64) -> String {
        format!(" FETCH FIRST {} ROWS ONLY", rows.min(i64::MAX.unsigned_abs()))
    }

    fn page(&self, skip: u64, fetch: Option<u64>, _: bool) -> String {
        let most = |rows: u64| rows.min(i64::MAX.unsigned_abs());
        let fetch = fetch.map(|rows| format!(" FETCH NEXT {} ROWS ONLY", most(rows)));
        format!(" OFFSET {} ROWS{}", most(skip), fetch.unwrap_or_default())
    }

    fn relational(&self) -> Relational {
        Relational {
            join: true,
            full_join: true,
            hashes: true,
            group: GROUPED,
            union_all: true,
            window: true,
            unordered_window: false,
            offset: true,
            per_row: false,
            shared: false,
            grouping_sets: true,
            infers_cases: false,
            splits: true,
        }
    }

    fn grouping_id(&self, keys: &[String]) -> String {
        format!("GROUPING_ID({})", keys.join(", "))
    }

    fn functions(&self) -> &'static [FunctionRule] {
        functions::rules(self.is_utf8())
    }

    fn decimal_digits(&self) -> u16 {
        NUMBER_DIGITS
    }

    /// Text and bytes are what they are: a type with a length might cut them.
    fn arrives_as(&self, expression: &str, data_type: &DataType) -> Option<String> {
        let free = matches!(data_type, DataType::Utf8 | DataType::Binary) && expression != "NULL";
        if free {
            return Some(expression.to_string());
        }
        if *data_type == DataType::Boolean && !self.booleans.load(Ordering::Relaxed) {
            return None;
        }
        Some(format!("CAST({expression} AS {})", cast_target(data_type)?))
    }

    /// What has no class may be in another character set, or a large object.
    fn among_others(&self, expression: &str, class: OperandClass) -> Option<String> {
        (class != OperandClass::Opaque).then(|| expression.to_string())
    }

    /// Large objects have no order.
    fn settling_key(&self, operand: &Operand<'_>) -> Option<String> {
        use OperandClass::{Float, TimestampFine, TimestampUtcFine};
        let native = operand.column.map_or("", |column| column.native_type.as_str());
        let ordered = matches!(operand.class, Float | TimestampFine | TimestampUtcFine)
            || ["CHAR(", "NCHAR(", "NVARCHAR2(", "FLOAT", "INTERVAL"]
                .iter()
                .any(|t| native.starts_with(t));
        ordered.then(|| operand.sql.to_string())
    }

    /// A condition is a value since there is a type for it; unknown is neither.
    fn truth_value(&self, condition: &str) -> Option<String> {
        let truth =
            format!("CASE WHEN {condition} THEN TRUE WHEN NOT ({condition}) THEN FALSE END");
        self.booleans.load(Ordering::Relaxed).then_some(truth)
    }

    fn decimal_average(&self, sum: &Spelled<'_>, count: &str, digits: u8) -> Option<String> {
        let (whole, _) = sum.expression.digits();
        if whole + u16::from(digits) > AVERAGE_DIGITS {
            return None;
        }
        let one = format!("1{}", "0".repeat(digits.into()));
        let unit = match digits {
            0 => "1".to_string(),
            _ => format!("0.{}1", "0".repeat(usize::from(digits) - 1)),
        };
        Some(format!("(TRUNC({} * {one} / {count}) * {unit})", sum.sql))
    }
}

fn comparand(operand: &Operand<'_>, value: &Value, bind: Bind<'_>) -> String {
    let is_date = operand.column.is_some_and(|column| column.native_type == "DATE");
    match value {
        Value::Timestamp(micros) if is_date && micros % 1_000_000 == 0 => {
            match Value::timestamp_text(*micros) {
                Some(text) => {
                    let seconds = text.get(..19).unwrap_or_default().to_string();
                    format!("TO_DATE({}, 'YYYY-MM-DD HH24:MI:SS')", bind(Value::Text(seconds)))
                }
                None => bind(value.clone()),
            }
        }
        _ => bind(value.clone()),
    }
}

/// The same pattern with the escape only where it is needed.
fn normal_pattern(pattern: &str) -> String {
    let mut normal = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match (character, characters.clone().next()) {
            ('\\', Some(escaped)) => {
                characters.next();
                if matches!(escaped, '%' | '_' | '\\') {
                    normal.push('\\');
                }
                normal.push(escaped);
            }
            _ => normal.push(character),
        }
    }
    normal
}

#[cfg(test)]
#[path = "dialect_table.rs"]
mod tests;
