//! Predicates as SQL text, for administrators. The text is read by people and never sent anywhere.

use crate::model::{Predicate, TableDescription, Value};
use chrono::{DateTime, NaiveDate, TimeDelta};

/// The predicate over the columns of `table`.
pub(super) fn predicate_text(predicate: &Predicate, table: &TableDescription) -> String {
    let column = |index: &usize| {
        table.columns.get(*index).map_or_else(|| "?".to_string(), |column| name(&column.name))
    };
    let not = |negated: &bool| if *negated { "NOT " } else { "" };
    match predicate {
        Predicate::Constant(true) => "TRUE".into(),
        Predicate::Constant(false) => "FALSE".into(),
        Predicate::Compare { column: index, operator, value } => {
            format!("{} {} {}", column(index), operator.symbol(), value_text(value))
        }
        Predicate::CompareColumns { left, operator, right } => {
            format!("{} {} {}", column(left), operator.symbol(), column(right))
        }
        Predicate::InList { column: index, values, negated } => {
            let values: Vec<String> = values.iter().map(value_text).collect();
            format!("{} {}IN ({})", column(index), not(negated), values.join(", "))
        }
        Predicate::IsNull { column: index, negated } => {
            format!("{} IS {}NULL", column(index), not(negated))
        }
        Predicate::Like { column: index, pattern, negated } => {
            format!("{} {}LIKE {}", column(index), not(negated), quoted(pattern))
        }
        Predicate::IsTrue { column: index } => column(index),
        Predicate::And(parts) => joined(parts, " AND ", "TRUE", table),
        Predicate::Or(parts) => joined(parts, " OR ", "FALSE", table),
        Predicate::Not(part) => format!("NOT ({})", predicate_text(part, table)),
    }
}

fn joined(parts: &[Predicate], connective: &str, empty: &str, table: &TableDescription) -> String {
    let shown = |part: &Predicate| {
        let text = predicate_text(part, table);
        match part {
            Predicate::And(_) | Predicate::Or(_) if parts.len() > 1 => format!("({text})"),
            _ => text,
        }
    };
    if parts.is_empty() {
        return empty.to_string();
    }
    parts.iter().map(shown).collect::<Vec<_>>().join(connective)
}

/// A name as SQL wants it: in quotes only where it needs them.
pub(super) fn name(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if plain { text.to_string() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn value_text(value: &Value) -> String {
    match value {
        Value::Boolean(value) => value.to_string().to_uppercase(),
        Value::Integer(value) => value.to_string(),
        Value::Decimal { unscaled, scale } => Value::decimal_text(*unscaled, *scale),
        Value::Float(value) => value.to_string(),
        Value::Text(text) => quoted(text),
        Value::Bytes(bytes) => format!("<{} bytes>", bytes.len()),
        Value::Date(days) => {
            let epoch = NaiveDate::from_ymd_opt(1970, 1, 1);
            let date = epoch.and_then(|d| d.checked_add_signed(TimeDelta::days(i64::from(*days))));
            date.map_or_else(|| days.to_string(), |date| format!("DATE '{date}'"))
        }
        Value::Timestamp(micros) => instant(*micros, ""),
        Value::TimestampUtc(micros) => instant(*micros, "+00"),
    }
}

fn instant(micros: i64, zone: &str) -> String {
    DateTime::from_timestamp_micros(micros)
        .map_or_else(|| micros.to_string(), |at| format!("TIMESTAMP '{}{zone}'", at.naive_utc()))
}

#[cfg(test)]
mod tests {
    use super::super::bind::{Attributes, bind};
    use super::super::filter::Filter;
    use super::super::samples::customers;
    use super::*;

    #[test]
    fn a_filter_is_shown_as_it_could_be_written() {
        let table = customers().description;
        for filter in [
            "region = 'EU'",
            "\"Email\" LIKE '%@x''y'",
            "id IN (1, 2) AND (region <> 'EU' OR name IS NOT NULL)",
            "NOT (on_hold)",
            "birth_date >= DATE '1990-02-03'",
            "score < 7.50",
        ] {
            let parsed = Filter::parse(filter).unwrap();
            let bound = bind(&parsed, &table, Attributes::Unknown).unwrap();
            let text = predicate_text(&bound, &table);
            assert_eq!(text, filter);
            let again = Filter::parse(&text).unwrap();
            assert_eq!(bind(&again, &table, Attributes::Unknown).unwrap(), bound, "{text}");
        }
    }
}
