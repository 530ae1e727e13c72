//! Masks at the source, where SQL Server gives exactly the local value.

use crate::text::UNITS;
use crate::types;
use arrow_schema::{DataType, TimeUnit};
use celosia_connector_api::mask::REDACTED;
use celosia_connector_api::{Bind, ColumnDescription, Mask, OperandClass, Value};

/// Counts characters beyond the first 65,536 as one each.
const CHARACTERS: &str = "COLLATE Latin1_General_100_CI_AS_SC";

/// The mask over the column as it is read; `None` keeps it local.
pub(crate) fn mask(
    mask: &Mask,
    expression: &str,
    column: &ColumnDescription,
    bind: Bind<'_>,
) -> Option<String> {
    let target = match column.class {
        OperandClass::Uuid => "uniqueidentifier".to_string(),
        _ => types::cast_target(&column.data_type)?,
    };
    let is_text = column.data_type == DataType::Utf8;
    // A UUID is shown in capitals here, and a variant is no text at all.
    let is_shown = is_text
        && column.class != OperandClass::Uuid
        && types::base(&column.native_type) != "sql_variant";
    Some(match mask {
        Mask::Null => format!("CAST(NULL AS {target})"),
        Mask::Redact if is_text => {
            format!("CASE WHEN {expression} IS NOT NULL THEN N'{REDACTED}' END")
        }
        Mask::Constant(value) if is_exact(value, column) => {
            let value = bind(value.clone());
            format!("CASE WHEN {expression} IS NOT NULL THEN CAST({value} AS {target}) END")
        }
        Mask::Email if is_shown => email(expression),
        Mask::Partial { first, last } if is_shown => partial(expression, *first, *last),
        Mask::Year => first_instant(false, expression, &column.data_type)?,
        Mask::Month => first_instant(true, expression, &column.data_type)?,
        _ => return None,
    })
}

/// `***` and everything from the first `@` on. Text with U+0000 shows nothing.
fn email(expression: &str) -> String {
    let text = format!("CAST({expression} AS nvarchar(max)) {UNITS}");
    let at = format!("CHARINDEX(N'@', {text})");
    format!(
        "CASE WHEN {expression} IS NULL THEN NULL WHEN {at} > 0 AND {} \
         THEN N'***' + SUBSTRING({text}, {at}, DATALENGTH({text})) ELSE N'***' END",
        without_nul(&text)
    )
}

/// LEN leaves out blanks at the end, so it is asked for the length with one character more.
fn partial(expression: &str, first: u8, last: u8) -> String {
    let units = format!("CAST({expression} AS nvarchar(max)) {UNITS}");
    let text = format!("CAST({expression} AS nvarchar(max)) {CHARACTERS}");
    let shortest = 2 * (u32::from(first) + u32::from(last));
    format!(
        "CASE WHEN {expression} IS NULL THEN NULL WHEN LEN({text} + N'.') - 1 >= {shortest} AND {} \
         THEN LEFT({text}, {first}) + N'****' + RIGHT({text}, {last}) ELSE N'****' END",
        without_nul(&units)
    )
}

fn without_nul(text: &str) -> String {
    format!("CHARINDEX(NCHAR(0), {text}) = 0")
}

/// The first day or instant of the month or the year; instants are taken in UTC, as they are read.
fn first_instant(by_month: bool, value: &str, data_type: &DataType) -> Option<String> {
    let parts = |value: &str| {
        let month = if by_month { format!("MONTH({value})") } else { "1".to_string() };
        format!("YEAR({value}), {month}, 1")
    };
    Some(match data_type {
        DataType::Date32 => format!("DATEFROMPARTS({})", parts(value)),
        DataType::Timestamp(TimeUnit::Microsecond, None) => {
            format!("DATETIME2FROMPARTS({}, 0, 0, 0, 0, 6)", parts(value))
        }
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
            let value = format!("SWITCHOFFSET({value}, '+00:00')");
            format!("DATETIMEOFFSETFROMPARTS({}, 0, 0, 0, 0, 0, 0, 6)", parts(&value))
        }
        _ => return None,
    })
}

/// Whether a constant arrives as exactly itself when it is cast to the column's type. No decimals: the
/// masked value would be compared in another scale than its own.
fn is_exact(value: &Value, column: &ColumnDescription) -> bool {
    match (value, &column.data_type) {
        (Value::Boolean(_), DataType::Boolean) | (Value::Bytes(_), DataType::Binary) => true,
        (Value::Integer(value), DataType::Int16) => i16::try_from(*value).is_ok(),
        (Value::Integer(value), DataType::Int32) => i32::try_from(*value).is_ok(),
        (Value::Integer(_), DataType::Int64) => true,
        (Value::Integer(value), DataType::Float32) => value.unsigned_abs() <= 1 << 24,
        (Value::Integer(value), DataType::Float64) => value.unsigned_abs() <= 1 << 53,
        (Value::Float(value), DataType::Float64) => value.is_normal() || value.to_bits() == 0,
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
