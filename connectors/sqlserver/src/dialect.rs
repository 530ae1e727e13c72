//! How SQL Server spells what we send, and what it answers exactly as Arrow would.

use crate::functions::{GROUPED, RULES};
use crate::types::{self, CLR};
use crate::{compare, mask, moment, text};
use arrow_schema::DataType;
use celosia_connector_api::{
    Bind, Capabilities, ClassSet, ColumnDescription, Comparison, Dialect, FunctionRule, GroupKey,
    Mask, Operand, OperandClass, Relational, Spelled, TextHabit, Value,
};

/// The SQL of SQL Server 2016 and later.
#[derive(Debug, Clone, Copy, Default)]
pub struct SqlServerDialect;

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
    OperandClass::TimestampFine,
    OperandClass::TimestampUtcFine,
]);

/// No text: UTF-16 units are ordered otherwise than UTF-8 bytes, and trailing blanks count for nothing.
/// No UUIDs, which have an order of their own, and no bytes, where trailing zeros count for nothing.
const ORDERING: ClassSet = ClassSet::of(&[
    OperandClass::Boolean,
    OperandClass::Integer,
    OperandClass::Decimal,
    OperandClass::Float,
    OperandClass::Date,
    OperandClass::Timestamp,
    OperandClass::TimestampUtc,
    OperandClass::TimestampFine,
    OperandClass::TimestampUtcFine,
]);

/// Neither floats (Arrow sorts -0.0 below 0.0) nor what is finer at the server than it is read.
const SORT: ClassSet = ClassSet::of(&[
    OperandClass::Boolean,
    OperandClass::Integer,
    OperandClass::Decimal,
    OperandClass::Date,
    OperandClass::Timestamp,
    OperandClass::TimestampUtc,
]);

/// A statement has at most 2,100 parameters; the row filter, the caller's condition and the masks share
/// them.
const MOST_VALUES: usize = 500;
/// The driver adds some of its own.
const MOST_PARAMETERS: usize = 2_000;

impl Dialect for SqlServerDialect {
    fn name(&self) -> &'static str {
        "sqlserver"
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

    fn quote(&self, identifier: &str) -> String {
        format!("[{}]", identifier.replace(']', "]]"))
    }

    /// The driver declares every parameter with its type; a decimal is sent as text.
    fn placeholder(&self, position: usize, value: &Value) -> String {
        match value {
            Value::Decimal { scale, .. } => format!("CAST(@P{position} AS decimal(38,{scale}))"),
            _ => format!("@P{position}"),
        }
    }

    fn read_column(&self, quoted: &str, column: &ColumnDescription) -> String {
        let native = column.native_type.as_str();
        match types::base(native) {
            // The driver reads both into doubles.
            "money" => format!("CAST({quoted} AS decimal(19,4))"),
            "smallmoney" => format!("CAST({quoted} AS decimal(10,4))"),
            "hierarchyid" | "geometry" | "geography" => format!("{quoted}.ToString()"),
            _ if native.ends_with(CLR) => format!("{quoted}.ToString()"),
            "image" => format!("CAST({quoted} AS varbinary(max))"),
            // The driver tells what a variant holds.
            "sql_variant" => quoted.to_string(),
            _ if column.read_as_text => format!("CAST({quoted} AS nvarchar(max))"),
            "char" | "varchar" if !types::is_read_exactly(column.collation.as_deref()) => {
                text::wide(quoted, column)
            }
            _ => quoted.to_string(),
        }
    }

    fn text_habit(&self, column: &ColumnDescription) -> TextHabit {
        types::text_habit(&column.native_type, column.collation.as_deref())
    }

    fn can_bind(&self, class: OperandClass, value: &Value) -> bool {
        match (class, value) {
            // The server has no subnormal numbers.
            (OperandClass::Float, Value::Float(value)) => value.is_normal(),
            _ => true,
        }
    }

    fn can_like(&self, pattern: &str) -> bool {
        text::can_like(pattern)
    }

    fn most_values(&self) -> usize {
        MOST_VALUES
    }

    fn compare(
        &self,
        operand: &Operand<'_>,
        operator: Comparison,
        value: &Value,
        bind: Bind<'_>,
    ) -> String {
        match (operand.class, value) {
            (OperandClass::Text, _) => text::compare(operand, operator, value, bind),
            (OperandClass::Bytes, _) => {
                compare::byte_strings(operand.sql, operator, &bind(value.clone()))
            }
            (OperandClass::Decimal, _) => compare::decimal(operand, operator, value, bind),
            (OperandClass::Integer, Value::Integer(number)) => {
                let right = compare::whole(operand, *number, bind);
                format!("{} {} {right}", operand.sql, operator.symbol())
            }
            (OperandClass::Uuid, _) => {
                format!("{} {} {}", operand.sql, operator.symbol(), uuid(value, bind))
            }
            (OperandClass::TimestampFine | OperandClass::TimestampUtcFine, _) => {
                moment::compare(operand, operator, value, bind)
            }
            _ => format!("{} {} {}", operand.sql, operator.symbol(), bind(value.clone())),
        }
    }

    fn compare_columns(
        &self,
        left: &Operand<'_>,
        operator: Comparison,
        right: &Operand<'_>,
    ) -> String {
        match left.class {
            OperandClass::Text => text::compare_columns(left, operator, right),
            OperandClass::Bytes => compare::byte_strings(left.sql, operator, right.sql),
            OperandClass::Decimal => compare::decimal_columns(left, operator, right),
            _ => format!("{} {} {}", left.sql, operator.symbol(), right.sql),
        }
    }

    fn in_list(
        &self,
        operand: &Operand<'_>,
        values: &[Value],
        negated: bool,
        bind: Bind<'_>,
    ) -> String {
        let found = match operand.class {
            OperandClass::Text => text::in_list(operand, values, bind),
            OperandClass::Bytes => compare::bytes(operand, values, bind),
            OperandClass::Decimal => return compare::decimals(operand, values, negated, bind),
            OperandClass::TimestampFine | OperandClass::TimestampUtcFine => {
                moment::in_list(operand, values, bind)
            }
            class => {
                let items: Vec<String> = values
                    .iter()
                    .map(|value| match (class, value) {
                        (OperandClass::Integer, Value::Integer(number)) => {
                            compare::whole(operand, *number, bind)
                        }
                        (OperandClass::Uuid, _) => uuid(value, bind),
                        _ => bind(value.clone()),
                    })
                    .collect();
                let not = if negated { " NOT" } else { "" };
                return format!("{}{not} IN ({})", operand.sql, items.join(", "));
            }
        };
        text::negated(found, negated)
    }

    fn like(&self, operand: &Operand<'_>, pattern: &str, negated: bool, bind: Bind<'_>) -> String {
        text::like(operand, pattern, negated, bind)
    }

    fn mask(
        &self,
        mask: &Mask,
        expression: &str,
        column: &ColumnDescription,
        bind: Bind<'_>,
    ) -> Option<String> {
        mask::mask(mask, expression, column, bind)
    }

    /// NULL is the smallest value of all here; where that is its place already, nothing is spelled.
    fn sort_key(&self, operand: &str, descending: bool, nulls_first: bool) -> String {
        let direction = if descending { "DESC" } else { "ASC" };
        if descending != nulls_first {
            return format!("{operand} {direction}");
        }
        let (null, other) = if nulls_first { (0, 1) } else { (1, 0) };
        format!(
            "CASE WHEN {operand} IS NULL THEN {null} ELSE {other} END ASC, {operand} {direction}"
        )
    }

    fn limit_first(&self, rows: u64) -> String {
        // The server's row count is a signed 64-bit number.
        format!("TOP ({}) ", rows.min(i64::MAX.unsigned_abs()))
    }

    fn limit(&self, _: u64) -> String {
        String::new()
    }

    /// Part of ORDER BY, so there has to be one.
    fn page(&self, skip: u64, fetch: Option<u64>, ordered: bool) -> String {
        let most = |rows: u64| rows.min(i64::MAX.unsigned_abs());
        let order = if ordered { "" } else { " ORDER BY (SELECT NULL)" };
        let fetch = fetch.map(|rows| format!(" FETCH NEXT {} ROWS ONLY", most(rows)));
        format!("{order} OFFSET {} ROWS{}", most(skip), fetch.unwrap_or_default())
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
            grouping_sets: false,
            infers_cases: false,
            splits: true,
        }
    }

    fn functions(&self) -> &'static [FunctionRule] {
        RULES
    }

    /// A decimal has 38 digits, and the type of a product has one digit more than its value.
    fn decimal_digits(&self) -> u16 {
        37
    }

    /// The type of a result follows from the types of the operands, and loses digits behind the point
    /// where it would have too many: operands are as narrow as their values.
    fn decimal_argument(&self, argument: &Spelled<'_>, (whole, fraction): (u16, u16)) -> String {
        format!("CAST({} AS decimal({},{fraction}))", argument.sql, (whole + fraction).max(1))
    }

    fn sum_digits(&self) -> u16 {
        38
    }

    /// Text is read in whatever type it has: what is computed from other code pages is wide already.
    fn arrives_as(&self, expression: &str, data_type: &DataType) -> Option<String> {
        if *data_type == DataType::Utf8 && expression != "NULL" {
            return Some(expression.to_string());
        }
        Some(format!("CAST({expression} AS {})", types::cast_target(data_type)?))
    }

    /// Blanks at the end of a text and zeros at the end of bytes count for nothing in a group.
    fn settling_key(&self, operand: &Operand<'_>) -> Option<String> {
        use OperandClass::{Float, TimestampFine, TimestampUtcFine};
        let native = operand.column.map_or("", |column| types::base(&column.native_type));
        match (operand.class, native) {
            (Float | TimestampFine | TimestampUtcFine, _) | (_, "time") => {
                Some(operand.sql.to_string())
            }
            (_, "char" | "nchar") => Some(text::in_units(operand.sql)),
            _ => None,
        }
    }

    fn group_key(&self, operand: &Operand<'_>) -> GroupKey {
        match operand.class {
            OperandClass::Text => text::group_key(operand),
            OperandClass::Bytes => GroupKey {
                value: operand.sql.to_string(),
                more: Some(format!("DATALENGTH({})", operand.sql)),
            },
            _ => GroupKey { value: operand.sql.to_string(), more: None },
        }
    }

    /// Texts of several collations have none together. A UUID is text there, in capitals.
    fn among_others(&self, expression: &str, class: OperandClass) -> Option<String> {
        Some(match class {
            OperandClass::Text => text::in_units(expression),
            OperandClass::Uuid => format!("LOWER(CAST({expression} AS nvarchar(36)))"),
            _ => expression.to_string(),
        })
    }

    /// A condition is no value, and unknown is neither.
    fn truth_value(&self, condition: &str) -> Option<String> {
        let truth = format!("CASE WHEN {condition} THEN 1 WHEN NOT ({condition}) THEN 0 END");
        Some(format!("CAST({truth} AS bit)"))
    }

    /// The whole part of the quotient, by what the sum is a multiple of; nothing is ever rounded.
    fn decimal_average(&self, sum: &Spelled<'_>, count: &str, digits: u8) -> Option<String> {
        let (whole, fraction) = sum.expression.digits();
        let digits = u16::from(digits);
        let units = whole + digits;
        if digits == 0 || whole + fraction + digits + 2 > 38 || units + digits + 1 > 38 {
            return None;
        }
        let one = format!("CAST(1{} AS decimal({},0))", "0".repeat(digits.into()), digits + 1);
        let unit =
            format!("CAST(0.{}1 AS decimal({digits},{digits}))", "0".repeat((digits - 1).into()));
        let sum = format!("CAST({} AS decimal({},{fraction}))", sum.sql, whole + fraction);
        let sum = format!("CAST({sum} * {one} AS decimal({units},0))");
        let count = format!("CAST(NULLIF({count}, 0) AS decimal(19,0))");
        let quotient = format!("CAST(({sum} - {sum} % {count}) / {count} AS decimal({units},0))");
        Some(format!("({quotient} * {unit})"))
    }

    fn most_parameters(&self) -> usize {
        MOST_PARAMETERS
    }
}

fn uuid(value: &Value, bind: Bind<'_>) -> String {
    format!("CAST({} AS uniqueidentifier)", bind(value.clone()))
}

#[cfg(test)]
#[path = "dialect_table.rs"]
mod tests;
