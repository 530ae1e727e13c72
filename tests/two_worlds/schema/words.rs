//! What statements over a generated schema are made of.

use super::super::expr::{TYPES, Type};
use super::super::words::{Column, Table as TableWords, Words};
use super::filter::spelled;
use super::kinds::{Declared, Holds};
use super::names::quoted;
use super::table::Table;
use super::worlds::Filled;
use crate::support::rng::Rng;
use celosia_connector_api::{Mask, Value};
use std::collections::BTreeSet;

/// Values of each type beside those that are stored.
const PLAIN: [&[&str]; 10] = [
    &["0", "1", "2", "3", "5", "7", "-1", "100", "2147483648", "9223372036854775807"],
    &["CAST(0.5 AS DOUBLE PRECISION)", "CAST(0 AS DOUBLE PRECISION)"],
    &["CAST(0.01 AS DECIMAL(12,2))", "CAST(500 AS DECIMAL(12,2))"],
    &["''", "'a'", "'('", "'red'", "'x'", "'[redacted]'", "'****'", "'***'", "'k3'", "'7'"],
    &["true", "false"],
    &["DATE '2024-01-01'", "DATE '9999-12-31'"],
    &["TIMESTAMP '2024-03-01 00:00:00'", "TIMESTAMP '0001-01-01 00:00:00'"],
    &[],
    &[],
    &[],
];
/// Stored values of a column that are tried.
const TRIED: usize = 4;

/// The words of a schema.
pub fn words(tables: &[Table], filled: &[Filled], rng: &mut Rng) -> Words {
    let mut literals: Vec<Vec<String>> =
        PLAIN.iter().map(|plain| plain.iter().map(ToString::to_string).collect()).collect();
    let mut weights = vec![0; TYPES.len()];
    let mut described = Vec::new();
    for (table, filled) in tables.iter().zip(filled) {
        let mut columns = Vec::new();
        for at in filled.policy.visible(table) {
            let column = &table.columns[at];
            let ty = shown_type(column.declared, filled.policy.masks[at].as_ref());
            weights[ty as usize] += 1;
            literals[column.declared.ty() as usize].extend(tried(column.declared, at, filled, rng));
            let aggregate = matches!(filled.policy.masks[at], Some(Mask::AggregateOnly { .. }));
            columns.push(Column {
                name: quoted(&column.name),
                ty,
                zeroes: zeroes(at, filled, ty),
                digits: false,
                aggregate,
            });
        }
        let key = table.is_keyed()
            && filled.policy.is_shown_everywhere(0)
            && matches!(filled.policy.masks[0], None | Some(Mask::Pseudonym { .. }));
        let keys = if key { vec![quoted(&table.columns[0].name)] } else { Vec::new() };
        described.push(TableWords {
            weight: 1,
            name: format!("{}.{}.{}", table.source, table.store.schema(), quoted(&table.name)),
            columns,
            keys,
        });
    }
    let types = TYPES.into_iter().zip(weights).filter(|(_, weight)| *weight > 0);
    // Conditions and whole numbers are in every statement.
    let types = types.map(|(ty, weight)| (weight + usize::from(ty == Type::Int), ty)).collect();
    Words { tables: described, types, literals }
}

fn shown_type(declared: &Declared, mask: Option<&Mask>) -> Type {
    match mask {
        Some(Mask::Pseudonym { .. } | Mask::AgeBand { .. }) => Type::Text,
        _ => declared.ty(),
    }
}

/// Some stored values, also those of closed rows.
fn tried(declared: &Declared, at: usize, filled: &Filled, rng: &mut Rng) -> Vec<String> {
    let stored: Vec<&Value> =
        filled.rows.iter().flatten().filter_map(|row| row[at].as_ref()).collect();
    let some = (0..TRIED).filter_map(|_| stored.get(rng.below(stored.len())));
    some.filter_map(|value| literal(declared, value)).collect()
}

/// A value as a statement spells it; `None` where it has no spelling.
fn literal(declared: &Declared, value: &Value) -> Option<String> {
    Some(match value {
        // The smallest number is no literal.
        Value::Integer(i64::MIN) => return None,
        Value::Integer(micros) if declared.holds == Holds::Clock => {
            let text = Value::timestamp_text(*micros)?;
            format!("TIME '{}'", text.split(' ').nth(1)?)
        }
        Value::Integer(value) => value.to_string(),
        Value::Decimal { unscaled, scale } => {
            let digits = Value::decimal_text(*unscaled, *scale);
            format!("CAST('{digits}' AS DECIMAL(38,{scale}))")
        }
        Value::Float(value) if value.is_finite() => {
            format!("CAST('{value:e}' AS DOUBLE PRECISION)")
        }
        Value::Float(_) => return None,
        Value::Bytes(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("X'{digits}'")
        }
        other => spelled(other),
    })
}

/// Numbers of closed rows and masked cells that no open row shows.
fn zeroes(at: usize, filled: &Filled, ty: Type) -> Vec<String> {
    const MOST: usize = 3;
    const LARGE: u64 = 1_000_000_000;
    if ty != Type::Int {
        return Vec::new();
    }
    let (policy, rows) = (&filled.policy, filled.rows.iter().flatten());
    let number = |row: &Vec<Option<Value>>| match row[at] {
        Some(Value::Integer(number)) if number.unsigned_abs() < LARGE => Some(number),
        _ => None,
    };
    let shown: BTreeSet<i64> = match policy.masks[at] {
        None => rows.clone().filter(|row| policy.is_open(row)).filter_map(number).collect(),
        Some(_) => BTreeSet::new(),
    };
    let hidden: BTreeSet<i64> = rows.filter_map(number).filter(|n| !shown.contains(n)).collect();
    hidden.into_iter().take(MOST).map(|number| format!(" - ({number})")).collect()
}
