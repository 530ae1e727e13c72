//! The local meaning of predicates, orders and masks, which a source must match: three-valued logic,
//! total order of doubles, text by its bytes.

use crate::data::{Cell, Row};
use celosia_connector_api::mask::REDACTED;
use celosia_connector_api::{Comparison, Mask, Predicate, SortKey, Value};
use std::cmp::Ordering;

/// Whether the predicate holds for a row; `None` is unknown.
pub fn evaluate(predicate: &Predicate, row: &Row) -> Option<bool> {
    match predicate {
        Predicate::Constant(value) => Some(*value),
        Predicate::Compare { column, operator, value } => {
            Some(holds(*operator, compare(row[*column].as_ref()?, value)))
        }
        Predicate::CompareColumns { left, operator, right } => {
            Some(holds(*operator, compare(row[*left].as_ref()?, row[*right].as_ref()?)))
        }
        // An empty list is decided whatever the operand is.
        Predicate::InList { values, negated, .. } if values.is_empty() => Some(*negated),
        Predicate::InList { column, values, negated } => {
            let cell = row[*column].as_ref()?;
            Some(values.iter().any(|value| compare(cell, value).is_eq()) != *negated)
        }
        Predicate::IsNull { column, negated } => Some(row[*column].is_none() != *negated),
        Predicate::Like { column, pattern, negated } => match row[*column].as_ref()? {
            Value::Text(text) => Some(like(text, pattern) != *negated),
            other => panic!("LIKE over {other:?}"),
        },
        Predicate::IsTrue { column } => Some(*row[*column].as_ref()? == Value::Boolean(true)),
        Predicate::And(parts) => decided(parts, row, false),
        Predicate::Or(parts) => decided(parts, row, true),
        Predicate::Not(part) => evaluate(part, row).map(|value| !value),
    }
}

/// The order of two values of one kind.
///
/// # Panics
/// For values of two kinds: the suite compares what it may not.
pub fn compare(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Boolean(a), Value::Boolean(b)) => a.cmp(b),
        (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
        (Value::Float(a), Value::Float(b)) => a.total_cmp(b),
        (Value::Text(a), Value::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (Value::Timestamp(a), Value::Timestamp(b))
        | (Value::TimestampUtc(a), Value::TimestampUtc(b)) => a.cmp(b),
        _ => match (digits(left), digits(right)) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => panic!("{left:?} is not compared with {right:?}"),
        },
    }
}

/// Whether two values are the same number or the same value, whatever scale they are written in.
pub fn same(left: &Value, right: &Value) -> bool {
    match (digits(left), digits(right)) {
        (Some(left), Some(right)) => left == right,
        _ => match (left, right) {
            (Value::Float(float), Value::Integer(whole)) => *float == *whole as f64,
            _ => left == right,
        },
    }
}

/// Rows in the order of the keys, stable.
pub fn sort(rows: &mut [Row], keys: &[SortKey]) {
    rows.sort_by(|a, b| {
        keys.iter().fold(Ordering::Equal, |order, key| {
            order.then_with(|| match (&a[key.output], &b[key.output]) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) if key.nulls_first => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(_), None) if key.nulls_first => Ordering::Greater,
                (Some(_), None) => Ordering::Less,
                (Some(a), Some(b)) if key.descending => compare(b, a),
                (Some(a), Some(b)) => compare(a, b),
            })
        })
    });
}

/// A text cell under a mask that some dialect computes at the source.
///
/// # Panics
/// For a mask that no source computes.
pub fn masked(mask: &Mask, cell: &Cell) -> Cell {
    let value = cell.as_ref()?;
    let text = match (mask, value) {
        (Mask::Null, _) => return None,
        (Mask::Constant(constant), _) => return Some(constant.clone()),
        (Mask::Redact, Value::Text(_)) => REDACTED.to_string(),
        (Mask::Email, Value::Text(text)) => match text.find('@') {
            Some(at) if !text.contains('\0') => format!("***{}", &text[at..]),
            _ => "***".to_string(),
        },
        (Mask::Partial { first, last }, Value::Text(text)) => {
            let characters: Vec<char> = text.chars().collect();
            let (first, last) = (usize::from(*first), usize::from(*last));
            if characters.len() < 2 * (first + last) || text.contains('\0') {
                "****".to_string()
            } else {
                let head: String = characters[..first].iter().collect();
                let tail: String = characters[characters.len() - last..].iter().collect();
                format!("{head}****{tail}")
            }
        }
        (mask, value) => panic!("the suite does not mask {value:?} by {mask:?}"),
    };
    Some(Value::Text(text))
}

/// AND and OR: one part that says `by` decides, then one that is unknown.
fn decided(parts: &[Predicate], row: &Row, by: bool) -> Option<bool> {
    let parts: Vec<Option<bool>> = parts.iter().map(|part| evaluate(part, row)).collect();
    if parts.contains(&Some(by)) {
        return Some(by);
    }
    if parts.contains(&None) { None } else { Some(!by) }
}

fn holds(operator: Comparison, order: Ordering) -> bool {
    match operator {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }
}

/// A number as its whole part and 38 digits behind the point, which orders decimals of any scale.
fn digits(value: &Value) -> Option<(i128, i128)> {
    let (unscaled, scale) = match value {
        Value::Integer(value) => (i128::from(*value), 0),
        Value::Decimal { unscaled, scale } => (*unscaled, u32::from(*scale)),
        _ => return None,
    };
    let unit = 10_i128.checked_pow(scale)?;
    let rest = unscaled.rem_euclid(unit).checked_mul(10_i128.checked_pow(38 - scale)?)?;
    Some((unscaled.div_euclid(unit), rest))
}

/// LIKE with `\` as the escape, over characters.
fn like(text: &str, pattern: &str) -> bool {
    fn matches(text: &[char], pattern: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['%', rest @ ..] => (0..=text.len()).any(|skip| matches(&text[skip..], rest)),
            ['_', rest @ ..] => !text.is_empty() && matches(&text[1..], rest),
            ['\\', literal, rest @ ..] | [literal, rest @ ..] => {
                text.first() == Some(literal) && matches(&text[1..], rest)
            }
        }
    }
    let characters = |text: &str| text.chars().collect::<Vec<char>>();
    matches(&characters(text), &characters(pattern))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_is_neither_true_nor_false() {
        let unknown =
            Predicate::Compare { column: 0, operator: Comparison::Equal, value: Value::Integer(1) };
        let row = vec![None];
        let or = |other| Predicate::Or(vec![unknown.clone(), other]);
        let and = |other| Predicate::And(vec![unknown.clone(), other]);
        assert_eq!(evaluate(&unknown, &row), None);
        assert_eq!(evaluate(&Predicate::Not(Box::new(unknown.clone())), &row), None);
        assert_eq!(evaluate(&or(Predicate::Constant(true)), &row), Some(true));
        assert_eq!(evaluate(&or(Predicate::Constant(false)), &row), None);
        assert_eq!(evaluate(&and(Predicate::Constant(false)), &row), Some(false));
    }

    #[test]
    fn patterns_match_whole_text() {
        assert!(like("a%b", "a\\%b") && !like("axb", "a\\%b"));
        assert!(like("日本", "__") && like("", "%") && !like("", "_"));
        assert!(like("line\nbreak", "line%") && !like("A", "a"));
    }

    #[test]
    fn decimals_of_two_scales_are_ordered() {
        let decimal = |unscaled, scale| Value::Decimal { unscaled, scale };
        assert!(compare(&decimal(-15, 1), &Value::Integer(-1)).is_lt());
        assert!(compare(&decimal(150, 2), &decimal(15, 1)).is_eq());
    }
}
