//! Generated row filters, and what they mean: both are made together, so that the meaning does not
//! depend on how the policy reads them.

use super::kinds::{Asked, Holds};
use super::names::quoted;
use super::table::Table;
use crate::support::rng::Rng;
use celosia::model::Attribute;
use celosia_connector_api::{Comparison, Predicate, Value};
use celosia_connector_testkit::data::Row;
use celosia_connector_testkit::evaluate::evaluate;
use std::collections::BTreeMap;

/// A condition on rows.
#[derive(Debug)]
pub struct Filter {
    /// As a rule spells it.
    pub text: String,
    /// What it means.
    pub predicate: Predicate,
}

/// Attributes of the caller that filters ask for.
pub type Attributes = BTreeMap<String, Attribute>;

impl Filter {
    /// Whether it holds for a row.
    pub fn opens(&self, row: &Row) -> bool {
        evaluate(&self.predicate, row) == Some(true)
    }

    /// A filter that opens some of the rows and not all, if one is found.
    pub fn generate(
        table: &Table,
        rows: &[Row],
        attributes: &mut Attributes,
        rng: &mut Rng,
    ) -> Option<Self> {
        for _ in 0..40 {
            let filter = Self::any(table, rows, attributes, rng)?;
            let open = rows.iter().filter(|row| filter.opens(row)).count();
            if open * 100 >= rows.len() * 35 && open * 100 <= rows.len() * 90 {
                return Some(filter);
            }
        }
        None
    }

    fn any(
        table: &Table,
        rows: &[Row],
        attributes: &mut Attributes,
        rng: &mut Rng,
    ) -> Option<Self> {
        let first = Self::atom(table, rows, attributes, rng)?;
        if rng.chance(55) {
            return Some(first);
        }
        let second = Self::atom(table, rows, attributes, rng)?;
        let parts = vec![first.predicate, second.predicate];
        let (word, predicate) = match rng.chance(60) {
            true => ("OR", Predicate::Or(parts)),
            false => ("AND", Predicate::And(parts)),
        };
        Some(Self { text: format!("({}) {word} ({})", first.text, second.text), predicate })
    }

    /// A condition on one column, made of a value that it has.
    fn atom(
        table: &Table,
        rows: &[Row],
        attributes: &mut Attributes,
        rng: &mut Rng,
    ) -> Option<Self> {
        let column = rng.below(table.columns.len());
        let declared = table.columns[column].declared;
        let name = quoted(&table.columns[column].name);
        let values: Vec<&Value> = rows.iter().filter_map(|row| row[column].as_ref()).collect();
        let float = matches!(declared.holds, Holds::Double | Holds::Single);
        if declared.asked == Asked::Null || values.is_empty() || rng.chance(12) {
            let negated = rng.chance(70);
            let not = if negated { " NOT" } else { "" };
            return Some(Self {
                text: format!("{name} IS{not} NULL"),
                predicate: Predicate::IsNull { column, negated },
            });
        }
        let some = |rng: &mut Rng| match float {
            true => Value::Float([0.5, -1.5, 100.25, 3.0][rng.below(4)]),
            false => values[rng.below(values.len())].clone(),
        };
        let is_text = matches!(declared.holds, Holds::Text(..));
        if is_text && declared.asked == Asked::Order && rng.chance(20) {
            return Some(like(column, &name, rng));
        }
        if !float && rng.chance(35) {
            return Some(in_list(
                column,
                &name,
                (some(rng), some(rng), some(rng)),
                declared.asked,
                rng,
            ));
        }
        let value = some(rng);
        let operator = match declared.asked {
            Asked::Order if float => rng.weighted(&[(1, "<"), (1, ">="), (1, ">"), (1, "<=")]),
            Asked::Order => {
                rng.weighted(&[(2, "="), (2, "<>"), (3, "<"), (3, ">="), (2, ">"), (2, "<=")])
            }
            Asked::Equality => rng.weighted(&[(1, "="), (1, "<>")]),
            Asked::Loose | Asked::Null => "=",
        };
        let operand = match &value {
            Value::Text(text) if rng.chance(25) && declared.holds != Holds::Uuid => {
                let attribute = format!("a{}", attributes.len());
                let operand = format!("user.{attribute}");
                attributes.insert(attribute, Attribute::Text(text.clone()));
                operand
            }
            value => spelled(value),
        };
        let text = format!("{name} {operator} {operand}");
        let operator = comparison(operator);
        Some(Self { text, predicate: Predicate::Compare { column, operator, value } })
    }
}

fn like(column: usize, name: &str, rng: &mut Rng) -> Filter {
    let pattern = rng.pick(&["%b%", "r%", "%e", "re_", "%@%", "a\\%%", "%d%", "_%"]);
    let negated = rng.chance(40);
    let not = if negated { "NOT " } else { "" };
    Filter {
        text: format!("{name} {not}LIKE '{pattern}'"),
        predicate: Predicate::Like { column, pattern: pattern.into(), negated },
    }
}

fn in_list(
    column: usize,
    name: &str,
    (one, two, three): (Value, Value, Value),
    asked: Asked,
    rng: &mut Rng,
) -> Filter {
    let values = vec![one, two, three];
    let negated = asked != Asked::Loose && rng.chance(50);
    let not = if negated { "NOT " } else { "" };
    let list: Vec<String> = values.iter().map(spelled).collect();
    Filter {
        text: format!("{name} {not}IN ({})", list.join(", ")),
        predicate: Predicate::InList { column, values, negated },
    }
}

/// A value as a filter spells it.
pub fn spelled(value: &Value) -> String {
    let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let stamp = |micros: i64| Value::timestamp_text(micros).expect("a year that can be spelled");
    match value {
        Value::Boolean(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Decimal { unscaled, scale } => Value::decimal_text(*unscaled, *scale),
        Value::Float(value) => value.to_string(),
        Value::Text(value) => text(value),
        Value::Date(days) => format!("date {}", text(&Value::date_text(*days).expect("a date"))),
        Value::Timestamp(micros) => format!("timestamp {}", text(&stamp(*micros))),
        Value::TimestampUtc(micros) => {
            format!("timestamp with time zone {}", text(&format!("{}+00:00", stamp(*micros))))
        }
        Value::Bytes(_) => unreachable!("no filter asks for bytes"),
    }
}

fn comparison(operator: &str) -> Comparison {
    match operator {
        "=" => Comparison::Equal,
        "<>" => Comparison::NotEqual,
        "<" => Comparison::Less,
        "<=" => Comparison::LessOrEqual,
        ">" => Comparison::Greater,
        _ => Comparison::GreaterOrEqual,
    }
}
