//! Comparisons of numbers and bytes that keep the column's own type, so that they are exact and its
//! index can be used.

use crate::text::both;
use crate::types;
use arrow_schema::DataType;
use celosia_connector_api::{Bind, Comparison, Operand, Value};

/// The largest number of 38 digits.
const MOST: i128 = 99_999_999_999_999_999_999_999_999_999_999_999_999;

/// The most digits of a decimal.
const MOST_DIGITS: i32 = 38;

/// A whole number as the column's own type, where it fits.
pub(crate) fn whole(operand: &Operand<'_>, number: i64, bind: Bind<'_>) -> String {
    let native = operand.column.map(|column| types::base(&column.native_type));
    let fits = match native {
        Some("tinyint") => u8::try_from(number).is_ok(),
        Some("smallint") => i16::try_from(number).is_ok(),
        Some("int") => i32::try_from(number).is_ok(),
        _ => false,
    };
    let placeholder = bind(Value::Integer(number));
    match native.filter(|_| fits) {
        Some(native) => format!("CAST({placeholder} AS {native})"),
        None => placeholder,
    }
}

/// `decimal <operator> value`. The value is brought to the column's own scale first, since the server
/// compares two scales in a common one that may have lost digits.
pub(crate) fn decimal(
    operand: &Operand<'_>,
    operator: Comparison,
    value: &Value,
    bind: Bind<'_>,
) -> String {
    let sql = operand.sql;
    let place = Place::of(value, scale(operand, value));
    let bound = match (operator, &place) {
        (_, Place::At { floor, .. })
            if matches!(operator, Comparison::LessOrEqual | Comparison::Greater) =>
        {
            Some(*floor)
        }
        (Comparison::Less | Comparison::GreaterOrEqual, Place::At { floor, exact, .. }) => {
            // Between two values of the column: the one above.
            Some(floor + i128::from(!exact)).filter(|ceiling| *ceiling <= MOST)
        }
        (_, Place::At { floor, exact: true, .. }) => Some(*floor),
        _ => None,
    };
    if let (Some(unscaled), Place::At { scale, .. }) = (bound, &place) {
        let right = bind(Value::Decimal { unscaled, scale: *scale });
        return format!("{sql} {} {right}", operator.symbol());
    }
    let below = matches!(place, Place::Below);
    decided(
        sql,
        operator,
        match operator {
            Comparison::Equal => false,
            Comparison::NotEqual => true,
            Comparison::Less | Comparison::LessOrEqual => !below,
            Comparison::Greater | Comparison::GreaterOrEqual => below,
        },
    )
}

/// `decimal [NOT] IN (values)`; values that the column cannot have are left out.
pub(crate) fn decimals(
    operand: &Operand<'_>,
    values: &[Value],
    negated: bool,
    bind: Bind<'_>,
) -> String {
    let mut items = Vec::with_capacity(values.len());
    for value in values {
        if let Place::At { floor, exact: true, scale } = Place::of(value, scale(operand, value)) {
            items.push(bind(Value::Decimal { unscaled: floor, scale }));
        }
    }
    if items.is_empty() {
        return decided(operand.sql, Comparison::Equal, negated);
    }
    let not = if negated { " NOT" } else { "" };
    format!("{}{not} IN ({})", operand.sql, items.join(", "))
}

/// Two decimals: as they are where a common type holds both, else by their whole parts and then by what
/// is behind the point. A computed one is first brought to the type of its values, which may be narrower
/// than what the server takes it for.
pub(crate) fn decimal_columns(
    left: &Operand<'_>,
    operator: Comparison,
    right: &Operand<'_>,
) -> String {
    let (l, r, symbol) = (left.sql, right.sql, operator.symbol());
    if let (Some((p, s)), Some((q, t))) = (digits(left), digits(right))
        && (p - s).max(q - t) + s.max(t) <= MOST_DIGITS
    {
        let fitted = |operand: &Operand<'_>, digits: i32, scale: i32| match operand.column {
            Some(_) => operand.sql.to_string(),
            None => format!("CAST({} AS decimal({},{scale}))", operand.sql, digits.max(1)),
        };
        return format!("{} {symbol} {}", fitted(left, p, s), fitted(right, q, t));
    }
    if l == r {
        return format!("{l} {symbol} {r}");
    }
    let whole = |sql: &str| format!("CAST(ROUND({sql}, 0, 1) AS decimal(38,0))");
    let rest = |sql: &str| format!("CAST({sql} % 1 AS decimal(38,38))");
    let (lw, rw, lr, rr) = (whole(l), whole(r), rest(l), rest(r));
    match operator {
        Comparison::Equal => format!("({lw} = {rw} AND {lr} = {rr})"),
        Comparison::NotEqual => format!("({lw} <> {rw} OR {lr} <> {rr})"),
        Comparison::Less | Comparison::LessOrEqual => {
            format!("({lw} < {rw} OR ({lw} = {rw} AND {lr} {symbol} {rr}))")
        }
        Comparison::Greater | Comparison::GreaterOrEqual => {
            format!("({lw} > {rw} OR ({lw} = {rw} AND {lr} {symbol} {rr}))")
        }
    }
}

/// Bytes that are one of these. Trailing zeros count for nothing in `=`, so lengths are compared, too.
pub(crate) fn bytes(operand: &Operand<'_>, values: &[Value], bind: Bind<'_>) -> String {
    let sql = operand.sql;
    let length = |value: &Value| if let Value::Bytes(bytes) = value { bytes.len() } else { 0 };
    let groups = grouped(values, length, bind);
    let found: Vec<String> = groups
        .iter()
        .map(|items| {
            format!("({} AND DATALENGTH({sql}) = DATALENGTH({}))", among(sql, items), items[0])
        })
        .collect();
    any(found)
}

/// Two byte strings, of which the right one is a column or a placeholder.
pub(crate) fn byte_strings(left: &str, operator: Comparison, right: &str) -> String {
    let (symbol, word) = both(operator);
    format!("({left} {symbol} {right} {word} DATALENGTH({left}) {symbol} DATALENGTH({right}))")
}

/// The placeholders of values, those of one length together.
pub(crate) fn grouped(
    values: &[Value],
    length: impl Fn(&Value) -> usize,
    bind: Bind<'_>,
) -> Vec<Vec<String>> {
    let mut groups: Vec<(usize, Vec<String>)> = Vec::new();
    for value in values {
        let (length, item) = (length(value), bind(value.clone()));
        match groups.iter_mut().find(|(known, _)| *known == length) {
            Some((_, items)) => items.push(item),
            None => groups.push((length, vec![item])),
        }
    }
    groups.into_iter().map(|(_, items)| items).collect()
}

/// `sql = item`, or `sql IN (items)`.
pub(crate) fn among(sql: &str, items: &[String]) -> String {
    match items {
        [item] => format!("{sql} = {item}"),
        items => format!("{sql} IN ({})", items.join(", ")),
    }
}

/// One of these conditions.
pub(crate) fn any(mut conditions: Vec<String>) -> String {
    if conditions.len() == 1 {
        conditions.remove(0)
    } else {
        format!("({})", conditions.join(" OR "))
    }
}

/// A comparison that does not depend on the value, and is unknown where there is none.
pub(crate) fn decided(sql: &str, operator: Comparison, holds: bool) -> String {
    let of_itself = matches!(
        operator,
        Comparison::Equal | Comparison::LessOrEqual | Comparison::GreaterOrEqual
    );
    let same = format!("{sql} {} {sql}", operator.symbol());
    if holds == of_itself { same } else { format!("NOT ({same})") }
}

/// Where a value lies among those a decimal column can have.
enum Place {
    /// Above all of them, or below.
    Above,
    Below,
    /// At `floor * 10^-scale`, or between that and the next one.
    At {
        floor: i128,
        exact: bool,
        scale: u8,
    },
}

impl Place {
    fn of(value: &Value, target: u8) -> Self {
        let (unscaled, scale) = match value {
            Value::Integer(number) => (i128::from(*number), 0),
            Value::Decimal { unscaled, scale } => (*unscaled, *scale),
            _ => return Place::Above,
        };
        let beyond = if unscaled < 0 { Place::Below } else { Place::Above };
        let Some(unit) = 10_i128.checked_pow(u32::from(scale.abs_diff(target))) else {
            return beyond;
        };
        let (floor, exact) = if scale > target {
            (unscaled.div_euclid(unit), unscaled.rem_euclid(unit) == 0)
        } else {
            match unscaled.checked_mul(unit) {
                Some(floor) => (floor, true),
                None => return beyond,
            }
        };
        if floor.abs() <= MOST { Place::At { floor, exact, scale: target } } else { beyond }
    }
}

/// Digits and scale of a stored decimal column, or of a computed number.
fn digits(operand: &Operand<'_>) -> Option<(i32, i32)> {
    if let Some(DataType::Decimal128(precision, scale)) = operand.column.map(|c| &c.data_type) {
        return Some((i32::from(*precision), i32::from(*scale)));
    }
    let (whole, fraction) = operand.digits?;
    let digits = i32::from(whole) + i32::from(fraction);
    (digits <= MOST_DIGITS).then_some((digits, i32::from(fraction)))
}

/// The scale to compare in: the column's, that of a computed value, or the compared value's own where a
/// mask (which is NULL) replaced the column.
fn scale(operand: &Operand<'_>, value: &Value) -> u8 {
    let own = if let Value::Decimal { scale, .. } = value { *scale } else { 0 };
    digits(operand).and_then(|(_, scale)| u8::try_from(scale).ok()).unwrap_or(own)
}
