//! A row filter meets a table and a caller's attributes and becomes a [`Predicate`], or closes.

use super::convert::{Literal, to_value};
use super::error::did_you_mean;
use super::filter::{Condition, Filter, Name, Operand};
use crate::model::{
    Attribute, ColumnDescription, Comparison, OperandClass, Predicate, TableDescription, Value,
};
use arrow_schema::DataType;
use std::collections::BTreeMap;

/// Where the values of `user.*` come from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Attributes<'a> {
    /// A caller.
    Of(&'a BTreeMap<String, Attribute>),
    /// Nobody: only names and types are checked, and what depends on an attribute is FALSE.
    Unknown,
}

/// Why a filter does not bind. Whatever it is, nothing opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unbound(pub(super) String);

/// Binds `filter` to `table`; an attribute that the caller does not have is an error like any other.
pub(super) fn bind(
    filter: &Filter,
    table: &TableDescription,
    attributes: Attributes<'_>,
) -> Result<Predicate, Unbound> {
    Binder { table, attributes }.condition(&filter.condition, true).map_err(Unbound)
}

struct Binder<'a> {
    table: &'a TableDescription,
    attributes: Attributes<'a>,
}

impl Binder<'_> {
    /// `positive`: the row opens only where the condition holds, not where it fails.
    fn condition(&self, condition: &Condition, positive: bool) -> Result<Predicate, String> {
        Ok(match condition {
            Condition::Constant(value) => Predicate::Constant(*value),
            Condition::Compare { column, operator, operand } => {
                self.compare(column, *operator, operand, positive)?
            }
            Condition::CompareColumns { left, operator, right } => {
                self.compare_columns(left, *operator, right, positive)?
            }
            Condition::In { column, items, negated } => {
                self.in_list(column, items, *negated, positive)?
            }
            Condition::IsNull { column, negated } => {
                Predicate::IsNull { column: self.column(column)?.0, negated: *negated }
            }
            Condition::Like { column, pattern, negated } => {
                let (index, column) = self.column(column)?;
                if column.data_type != DataType::Utf8 {
                    return Err(format!("LIKE needs text; column \"{}\" is not", column.name));
                }
                exactly_comparable(column, positive != *negated)?;
                Predicate::Like { column: index, pattern: pattern.clone(), negated: *negated }
            }
            Condition::IsTrue(column) => {
                let (index, column) = self.column(column)?;
                if column.data_type != DataType::Boolean {
                    return Err(format!("column \"{}\" is not boolean", column.name));
                }
                Predicate::IsTrue { column: index }
            }
            Condition::And(parts) => Predicate::And(self.parts(parts, positive)?),
            Condition::Or(parts) => Predicate::Or(self.parts(parts, positive)?),
            Condition::Not(part) => Predicate::Not(Box::new(self.condition(part, !positive)?)),
        })
    }

    fn parts(&self, parts: &[Condition], positive: bool) -> Result<Vec<Predicate>, String> {
        parts.iter().map(|part| self.condition(part, positive)).collect()
    }

    fn compare(
        &self,
        column: &Name,
        operator: Comparison,
        operand: &Operand,
        positive: bool,
    ) -> Result<Predicate, String> {
        let (index, column) = self.column(column)?;
        comparable(column, operator, positive)?;
        let mut values = match self.values(operand, column)? {
            Some((_, true)) => return Err("a list is compared with IN or = ANY".into()),
            Some((values, false)) => values,
            None => return Ok(Predicate::Constant(false)),
        };
        match (values.pop(), values.is_empty()) {
            (Some(value), true) => Ok(Predicate::Compare { column: index, operator, value }),
            _ => Err("a comparison needs one value".into()),
        }
    }

    fn compare_columns(
        &self,
        left: &Name,
        operator: Comparison,
        right: &Name,
        positive: bool,
    ) -> Result<Predicate, String> {
        let (left_index, left) = self.column(left)?;
        let (right_index, right) = self.column(right)?;
        comparable(left, operator, positive)?;
        comparable(right, operator, positive)?;
        let same_type = left.class != OperandClass::Opaque || left.data_type == right.data_type;
        if left.class != right.class || !same_type {
            return Err(format!(
                "columns \"{}\" and \"{}\" are not of one type",
                left.name, right.name
            ));
        }
        Ok(Predicate::CompareColumns { left: left_index, operator, right: right_index })
    }

    fn in_list(
        &self,
        column: &Name,
        items: &[Operand],
        negated: bool,
        positive: bool,
    ) -> Result<Predicate, String> {
        let (index, column) = self.column(column)?;
        comparable(column, Comparison::Equal, positive != negated)?;
        let mut values: Vec<Value> = Vec::new();
        let mut known = true;
        for item in items {
            match self.values(item, column)? {
                Some((found, _)) => values.extend(found),
                None => known = false,
            }
        }
        if !known {
            return Ok(Predicate::Constant(false));
        }
        Ok(Predicate::InList { column: index, values, negated })
    }

    /// The operand's values as the column's type and whether they are a list; `None` where only
    /// types are checked and the operand is an attribute.
    fn values(
        &self,
        operand: &Operand,
        column: &ColumnDescription,
    ) -> Result<Option<(Vec<Value>, bool)>, String> {
        let name = match operand {
            Operand::Literal(literal) => {
                return Ok(Some((vec![to_value(literal, column)?], false)));
            }
            Operand::Attribute(name) => name,
        };
        let Attributes::Of(attributes) = self.attributes else { return Ok(None) };
        let Some(attribute) = attributes.get(name) else {
            return Err(format!("the caller has no attribute \"{name}\""));
        };
        let literals = Literal::of_attribute(attribute);
        let values = literals.iter().map(|literal| to_value(literal, column));
        let values = values.collect::<Result<_, _>>().map_err(|e| format!("user.{name}: {e}"))?;
        Ok(Some((values, matches!(attribute, Attribute::List(_)))))
    }

    fn column(&self, name: &Name) -> Result<(usize, &ColumnDescription), String> {
        let columns = &self.table.columns;
        let exact = columns.iter().position(|column| column.name == name.text);
        let found = exact.or_else(|| {
            let wanted = name.text.to_lowercase();
            let mut alike =
                (0..columns.len()).filter(|i| columns[*i].name.to_lowercase() == wanted);
            let first = alike.next().filter(|_| !name.exact);
            first.filter(|_| alike.next().is_none())
        });
        match found {
            Some(index) => Ok((index, &columns[index])),
            None => {
                let near = did_you_mean(&name.text, columns.iter().map(|c| c.name.as_str()));
                let table = &self.table.name;
                Err(format!("table \"{table}\" has no column \"{}\"{near}", name.text))
            }
        }
    }
}

fn comparable(
    column: &ColumnDescription,
    operator: Comparison,
    positive: bool,
) -> Result<(), String> {
    let unordered =
        matches!(column.class, OperandClass::Boolean | OperandClass::Opaque | OperandClass::Uuid);
    if operator.is_ordering() && unordered {
        return Err(format!("column \"{}\" has no order; compare with =", column.name));
    }
    exactly_comparable(column, positive != (operator == Comparison::NotEqual))
}

/// At its source an opaque column (loose collation, padding) holds more values for equal than we do.
/// That is safe where equality opens a row, and would open too much where inequality does.
fn exactly_comparable(column: &ColumnDescription, positive: bool) -> Result<(), String> {
    if column.class == OperandClass::Opaque && !positive {
        return Err(format!(
            "column \"{}\" has a collation or padding that makes different texts equal; \
             name the values that are open (=, IN), not those that are closed",
            column.name
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::samples::{column, customers, table, text};
    use super::*;

    fn bound(filter: &str, attributes: &[(&str, Attribute)]) -> Result<Predicate, Unbound> {
        let attributes: BTreeMap<String, Attribute> =
            attributes.iter().map(|(k, v)| (k.to_string(), v.clone())).collect();
        let filter = Filter::parse(filter).unwrap();
        bind(&filter, &customers().description, Attributes::Of(&attributes))
    }

    fn checked(filter: &str) -> Result<Predicate, Unbound> {
        let filter = Filter::parse(filter).unwrap();
        bind(&filter, &customers().description, Attributes::Unknown)
    }

    #[test]
    fn columns_are_found_without_regard_to_case() {
        let equal = |column, value: &str| Predicate::Compare {
            column,
            operator: Comparison::Equal,
            value: Value::Text(value.into()),
        };
        assert_eq!(bound("REGION = 'EU'", &[]).unwrap(), equal(3, "EU"));
        assert_eq!(bound("email = 'x'", &[]).unwrap(), equal(2, "x"));
        assert_eq!(bound("\"Email\" = 'x'", &[]).unwrap(), equal(2, "x"));
        assert!(bound("\"email\" = 'x'", &[]).is_err());
        let error = bound("regoin = 'EU'", &[]).unwrap_err().0;
        assert_eq!(error, "table \"customers\" has no column \"regoin\"; did you mean \"region\"?");
    }

    #[test]
    fn two_columns_that_differ_in_case_are_ambiguous() {
        let columns = vec![column("A", DataType::Boolean), column("a", DataType::Boolean)];
        let two = table("s.t.u", columns);
        let bind_to = |filter: &str| {
            bind(&Filter::parse(filter).unwrap(), &two.description, Attributes::Unknown)
        };
        assert_eq!(bind_to("a"), Ok(Predicate::IsTrue { column: 1 }));
        assert_eq!(bind_to("A"), Ok(Predicate::IsTrue { column: 0 }));
        let three =
            table("s.t.u", vec![column("aB", DataType::Boolean), column("Ab", DataType::Boolean)]);
        let filter = Filter::parse("ab").unwrap();
        assert!(bind(&filter, &three.description, Attributes::Unknown).is_err());
    }

    #[test]
    fn attributes_are_bound_by_the_columns_type() {
        let teams = Attribute::List(vec![text("EU"), text("US")]);
        let list = Predicate::InList {
            column: 3,
            values: vec![Value::Text("EU".into()), Value::Text("US".into())],
            negated: false,
        };
        assert_eq!(bound("region IN (user.teams)", &[("teams", teams.clone())]).unwrap(), list);
        assert_eq!(bound("region = ANY (user.teams)", &[("teams", teams.clone())]).unwrap(), list);
        assert!(bound("region = user.teams", &[("teams", teams)]).is_err());
        let born = bound("birth_date >= user.since", &[("since", text("1970-01-02"))]).unwrap();
        assert!(matches!(born, Predicate::Compare { value: Value::Date(1), .. }));
        let score = bound("score < user.max", &[("max", Attribute::Integer(7))]).unwrap();
        assert!(matches!(
            score,
            Predicate::Compare { value: Value::Decimal { unscaled: 700, scale: 2 }, .. }
        ));
    }

    #[test]
    fn what_is_missing_or_of_another_type_does_not_bind() {
        assert!(bound("region = user.region", &[]).is_err());
        assert!(bound("TRUE OR region = user.region", &[]).is_err());
        assert!(bound("NOT (region = user.region)", &[]).is_err());
        assert!(bound("region = user.region", &[("Region", text("EU"))]).is_err());
        assert!(bound("region = user.region", &[("region", Attribute::Integer(1))]).is_err());
        assert!(bound("id = user.id", &[("id", text("1"))]).is_err());
        let mixed = Attribute::List(vec![text("EU"), Attribute::Boolean(true)]);
        assert!(bound("region IN (user.teams)", &[("teams", mixed)]).is_err());
        assert!(bound("on_hold = 0", &[]).is_err());
        assert!(bound("name", &[]).is_err());
        assert!(bound("id LIKE '1%'", &[]).is_err());
        assert!(bound("id = name", &[]).is_err());
        assert!(bound("on_hold > false", &[]).is_err());
    }

    #[test]
    fn a_check_without_a_caller_sees_names_and_types() {
        assert!(checked("region = user.region").is_ok());
        assert_eq!(checked("region IN ('EU', user.more)"), Ok(Predicate::Constant(false)));
        assert!(checked("missing = user.region").is_err());
        assert!(checked("birth_date = 'soon'").is_err());
        assert!(checked("on_hold = false AND id BETWEEN 1 AND 5").is_ok());
    }

    #[test]
    fn an_empty_list_is_sql_s_empty_list() {
        let none = [("teams", Attribute::List(vec![]))];
        let predicate = bound("region IN (user.teams)", &none).unwrap();
        assert_eq!(predicate, Predicate::InList { column: 3, values: vec![], negated: false });
    }

    #[test]
    fn loose_text_may_open_by_equality_only() {
        let mut loose = column("region", DataType::Utf8);
        loose.class = OperandClass::Opaque;
        let loose = table("s.t.u", vec![loose]);
        for (filter, fine) in [
            ("region = 'EU'", true),
            ("region IN ('EU')", true),
            ("region LIKE 'E%'", true),
            ("NOT (region NOT IN ('EU'))", true),
            ("NOT (region <> 'EU')", true),
            ("region <> 'EU'", false),
            ("NOT (region = 'EU')", false),
            ("region NOT IN ('EU')", false),
            ("region NOT LIKE 'E%'", false),
            ("region > 'EU'", false),
            ("region IS NOT NULL", true),
        ] {
            let parsed = Filter::parse(filter).unwrap();
            let bound = bind(&parsed, &loose.description, Attributes::Unknown);
            assert_eq!(bound.is_ok(), fine, "{filter}");
        }
    }
}
