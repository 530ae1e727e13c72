//! How SQLite spells the few things we send, and what it may be asked.
//!
//! What is pushed is exact for every value that conforms to its column's declared type. A value of
//! another storage class (text in an INTEGER column) is an error where it is read, and a pushed
//! predicate may leave its row out before that.
//!
//! Not pushed: comparison of decimals and time stamps, since one value may have several stored forms. A
//! date has one; what is another text is neither before nor after it, so that a row filter does not open a
//! row for it. LIKE ignores the case of ASCII letters, and GLOB ends at U+0000: patterns that ask for a
//! beginning or for a part are spelled by `instr`, which does neither.

use crate::functions::{self, GROUPED, RULES};
use arrow_schema::DataType;
use celosia_connector_api::mask::REDACTED;
use celosia_connector_api::{
    Bind, Capabilities, ClassSet, ColumnDescription, Comparison, Dialect, FunctionRule, GroupKey,
    Mask, Operand, OperandClass, Relational, Spelled, Value,
};

/// The dialect of the SQLite that is built in, 3.51.
#[derive(Debug, Clone, Copy, Default)]
pub struct SqliteDialect;

const EQUALITY: ClassSet = ClassSet::of(&[
    OperandClass::Boolean,
    OperandClass::Integer,
    OperandClass::Float,
    OperandClass::Text,
    OperandClass::Bytes,
    OperandClass::Date,
]);
const ORDERING: ClassSet = ClassSet::of(&[
    OperandClass::Integer,
    OperandClass::Float,
    OperandClass::Text,
    OperandClass::Date,
]);
const SORT: ClassSet = ClassSet::of(&[
    OperandClass::Integer,
    OperandClass::Text,
    OperandClass::Date,
    OperandClass::Timestamp,
]);
/// SQLite's own most is 32,766.
const MOST_PARAMETERS: usize = 32_000;

impl Dialect for SqliteDialect {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn likes_either_case(&self) -> bool {
        true
    }

    fn sorts_nulls_lowest(&self) -> bool {
        true
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            equality: EQUALITY,
            ordering: ORDERING,
            sort: SORT,
            like: true,
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

    /// There is no value for what has several stored forms.
    fn can_bind(&self, _: OperandClass, value: &Value) -> bool {
        matches!(
            value,
            Value::Boolean(_)
                | Value::Integer(_)
                | Value::Float(_)
                | Value::Text(_)
                | Value::Bytes(_)
                | Value::Date(_)
        )
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
    /// collation of its own still serves. Of a moment, one form is compared.
    fn operand(&self, expression: &str, class: OperandClass, _: bool) -> String {
        match class {
            OperandClass::Text => format!("{expression} COLLATE BINARY"),
            OperandClass::Timestamp => functions::one_form(expression),
            _ => expression.to_string(),
        }
    }

    fn compare(
        &self,
        operand: &Operand<'_>,
        operator: Comparison,
        value: &Value,
        bind: Bind<'_>,
    ) -> String {
        let left = self.operand(operand.sql, operand.class, operator.is_ordering());
        let compared = format!("{left} {} {}", operator.symbol(), bind(value.clone()));
        of_date(operand, compared)
    }

    fn in_list(
        &self,
        operand: &Operand<'_>,
        values: &[Value],
        negated: bool,
        bind: Bind<'_>,
    ) -> String {
        let left = self.operand(operand.sql, operand.class, false);
        let items: Vec<String> = values.iter().map(|value| bind(value.clone())).collect();
        let not = if negated { " NOT" } else { "" };
        of_date(operand, format!("{left}{not} IN ({})", items.join(", ")))
    }

    /// What is computed gets no index, so a join by dates would look at every pair.
    fn compares_columns(&self, class: OperandClass) -> bool {
        class != OperandClass::Date
    }

    fn can_like(&self, pattern: &str) -> bool {
        Sought::of(pattern).is_some()
    }

    fn like(&self, operand: &Operand<'_>, pattern: &str, negated: bool, bind: Bind<'_>) -> String {
        let text = operand.sql;
        let mut sought = |text: String| bind(Value::Text(text));
        let found = match Sought::of(pattern) {
            Some(Sought::Whole(whole)) => format!("{text} COLLATE BINARY = {}", sought(whole)),
            Some(Sought::Start(start)) => format!("instr({text}, {}) = 1", sought(start)),
            Some(Sought::Part(part)) => format!("instr({text}, {}) > 0", sought(part)),
            // Not asked for.
            None => "NULL".to_string(),
        };
        if negated { format!("NOT ({found})") } else { found }
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

    /// There is no OFFSET without a LIMIT; a negative one is none.
    fn page(&self, skip: u64, fetch: Option<u64>, _: bool) -> String {
        let limit = fetch.map_or(" LIMIT -1".to_string(), |rows| self.limit(rows));
        format!("{limit} OFFSET {}", skip.min(i64::MAX.unsigned_abs()))
    }

    /// A join makes an index while it runs, but not of what is computed; a full join and `NOT EXISTS` make none
    /// and look at every pair.
    fn relational(&self) -> Relational {
        Relational {
            join: true,
            full_join: false,
            hashes: false,
            group: GROUPED,
            union_all: true,
            window: true,
            unordered_window: true,
            offset: true,
            per_row: false,
            shared: false,
            grouping_sets: false,
            infers_cases: false,
            splits: false,
        }
    }

    fn functions(&self) -> &'static [FunctionRule] {
        RULES
    }

    /// What is read as a decimal is never compared and never computed with, but sums have no end.
    fn sum_digits(&self) -> u16 {
        u16::MAX
    }

    /// Values have no types but their own; what has none that is read is not sent.
    fn arrives_as(&self, expression: &str, data_type: &DataType) -> Option<String> {
        let read = matches!(
            data_type,
            DataType::Boolean
                | DataType::Int16
                | DataType::Int32
                | DataType::Int64
                | DataType::Float64
                | DataType::Decimal128(_, _)
                | DataType::Utf8
                | DataType::Binary
                | DataType::Date32
                | DataType::Timestamp(_, _)
        );
        read.then(|| expression.to_string())
    }

    /// A moment has several stored forms, text a collation.
    /// A column of a derived table that is named by a truth value loses its name.
    fn derived_name(&self, name: &str) -> String {
        let truth = ["true", "false"].iter().any(|word| name.eq_ignore_ascii_case(word));
        if truth { format!("{name} ") } else { name.to_string() }
    }

    /// Any stored value has its place.
    fn settling_key(&self, operand: &Operand<'_>) -> Option<String> {
        Some(format!("{} COLLATE BINARY", operand.sql))
    }

    fn group_key(&self, operand: &Operand<'_>) -> GroupKey {
        GroupKey { value: self.operand(operand.sql, operand.class, true), more: None }
    }

    fn truth_value(&self, condition: &str) -> Option<String> {
        Some(format!("({condition})"))
    }

    fn aggregate(
        &self,
        rule: &FunctionRule,
        arguments: &[Spelled<'_>],
        over: &str,
    ) -> Option<String> {
        match (rule.name, arguments) {
            ("sum", [argument]) => functions::sum(argument, over),
            ("min" | "max", [argument]) if !functions::is_ordered(argument) => None,
            _ => Some(format!("{}{over}", rule.spelled(arguments))),
        }
    }

    fn most_parameters(&self) -> usize {
        MOST_PARAMETERS
    }
}

/// A condition on dates, unknown where the stored value is none.
fn of_date(operand: &Operand<'_>, condition: String) -> String {
    let date = operand.sql;
    match operand.class {
        OperandClass::Date => {
            format!("CASE WHEN date({date}) = {date} AND length({date}) = 10 THEN {condition} END")
        }
        _ => condition,
    }
}

/// What the patterns that can be spelled ask for.
#[derive(Debug, PartialEq, Eq)]
enum Sought {
    Whole(String),
    Start(String),
    Part(String),
}

impl Sought {
    fn of(pattern: &str) -> Option<Self> {
        let inner = pattern.strip_prefix('%').unwrap_or(pattern);
        let (mut text, mut open) = (String::with_capacity(inner.len()), false);
        let mut characters = inner.chars();
        while let Some(character) = characters.next() {
            match character {
                _ if open => return None,
                '%' => open = true,
                '_' => return None,
                '\\' => text.push(characters.next()?),
                other => text.push(other),
            }
        }
        match (pattern.starts_with('%'), open) {
            (false, false) => Some(Self::Whole(text)),
            (false, true) => Some(Self::Start(text)),
            (true, true) => Some(Self::Part(text)),
            (true, false) => (text.is_empty()).then_some(Self::Part(text)),
        }
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
    fn patterns_ask_for_a_beginning_or_a_part() {
        let text = |text: &str| text.to_string();
        for (pattern, sought) in [
            ("abc", Some(Sought::Whole(text("abc")))),
            ("a\\%\\_", Some(Sought::Whole(text("a%_")))),
            ("ab%", Some(Sought::Start(text("ab")))),
            ("%ab%", Some(Sought::Part(text("ab")))),
            ("%", Some(Sought::Part(String::new()))),
            ("%%", Some(Sought::Part(String::new()))),
            ("%ab", None),
            ("a%b", None),
            ("a_", None),
            ("a%%", None),
            ("a\\", None),
        ] {
            assert_eq!(Sought::of(pattern), sought, "{pattern}");
        }
    }

    #[test]
    fn rows_are_left_out_behind_a_limit() {
        assert_eq!(SqliteDialect.page(7, Some(5), false), " LIMIT 5 OFFSET 7");
        assert_eq!(SqliteDialect.page(7, None, true), " LIMIT -1 OFFSET 7");
    }

    #[test]
    fn a_name_is_never_a_string() {
        assert_eq!(SqliteDialect.quote("a`b\"c"), "`a``b\"c`");
    }
}
