//! Moments that are finer at the server than they are read: the seventh digit of a second, which is cut,
//! and the ticks of `datetime`. Comparing what is read means comparing the stored value with a range.

use crate::compare::{any, decided};
use crate::types;
use celosia_connector_api::{Bind, Comparison, Operand, Value};

/// 1753-01-01, where `datetime` begins.
const FIRST_TICK: i64 = -6_847_804_800_000;

/// `moment <operator> value`.
pub(crate) fn compare(
    operand: &Operand<'_>,
    operator: Comparison,
    value: &Value,
    bind: Bind<'_>,
) -> String {
    if let (true, Value::Timestamp(micros)) = (is_ticks(operand), value) {
        return ticks(operand.sql, operator, *micros, bind);
    }
    let sql = operand.sql;
    let last = is_last(value);
    if last && matches!(operator, Comparison::LessOrEqual | Comparison::Greater) {
        return decided(sql, operator, operator == Comparison::LessOrEqual);
    }
    let start = bind(value.clone());
    let end = || format!("DATEADD(microsecond, 1, {start})");
    match operator {
        Comparison::Equal if last => format!("{sql} >= {start}"),
        Comparison::NotEqual if last => format!("{sql} < {start}"),
        Comparison::Equal => format!("({sql} >= {start} AND {sql} < {})", end()),
        Comparison::NotEqual => format!("({sql} < {start} OR {sql} >= {})", end()),
        Comparison::Less => format!("{sql} < {start}"),
        Comparison::LessOrEqual => format!("{sql} < {}", end()),
        Comparison::Greater => format!("{sql} >= {}", end()),
        Comparison::GreaterOrEqual => format!("{sql} >= {start}"),
    }
}

/// Whether the server has no moment a microsecond later: the end of the year 9999, where the rows of
/// temporal tables are valid to.
fn is_last(value: &Value) -> bool {
    match value {
        Value::Timestamp(micros) | Value::TimestampUtc(micros) => {
            micros.checked_add(1).and_then(Value::timestamp_text).is_none()
        }
        _ => false,
    }
}

/// A moment that is one of these.
pub(crate) fn in_list(operand: &Operand<'_>, values: &[Value], bind: Bind<'_>) -> String {
    let found =
        values.iter().map(|value| compare(operand, Comparison::Equal, value, bind)).collect();
    format!("({})", any(found))
}

fn is_ticks(operand: &Operand<'_>) -> bool {
    operand.column.is_some_and(|column| types::base(&column.native_type) == "datetime")
}

/// Milliseconds of the day's ticks end in 0, 3 and 7: a value lies on one of them or between two.
fn ticks(sql: &str, operator: Comparison, micros: i64, bind: Bind<'_>) -> String {
    let millis = micros.div_euclid(1_000);
    let last = millis.rem_euclid(10);
    let below = millis - last
        + if last >= 7 {
            7
        } else if last >= 3 {
            3
        } else {
            0
        };
    let exact = below * 1_000 == micros;
    let above = below + if below.rem_euclid(10) == 3 { 4 } else { 3 };
    let tick = match operator {
        Comparison::LessOrEqual | Comparison::Greater => Some(below),
        Comparison::Less | Comparison::GreaterOrEqual => Some(if exact { below } else { above }),
        Comparison::Equal | Comparison::NotEqual => exact.then_some(below),
    };
    let bindable =
        |tick: &i64| *tick >= FIRST_TICK && Value::timestamp_text(*tick * 1_000).is_some();
    if let Some(tick) = tick.filter(bindable) {
        let right = bind(Value::Timestamp(tick * 1_000));
        return format!("{sql} {} CAST({right} AS datetime)", operator.symbol());
    }
    let before = below < FIRST_TICK;
    decided(
        sql,
        operator,
        match operator {
            Comparison::Equal => false,
            Comparison::NotEqual => true,
            Comparison::Less | Comparison::LessOrEqual => !before,
            Comparison::Greater | Comparison::GreaterOrEqual => before,
        },
    )
}
