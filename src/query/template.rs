//! Questions that differ only in the values they compare with share one plan.
//!
//! ```text
//! SELECT total FROM orders WHERE id = 17   ->   SELECT total FROM orders WHERE id = $1   with 17
//! ```
//!
//! Only whole numbers and texts that stand beside a column in a WHERE condition are taken out; each
//! keeps its type, so coercion gives the same plan. Before such a plan runs the values are put back,
//! so that what goes to a source is decided from the real statement.

use sqlparser::ast::{
    BinaryOperator, DataType, Expr, Ident, Select, Statement, UnaryOperator, Value, VisitMut,
    VisitorMut,
};
use std::ops::ControlFlow;

use datafusion::common::ScalarValue;

/// The most values taken out of a statement.
const MAX_VALUES: usize = 64;

/// A statement without the values it compares with.
#[derive(Debug)]
pub(super) struct Template {
    /// The statement with `$1`, `$2`, ... as a PREPARE of typed parameters.
    pub(super) prepare: Statement,
    /// What the statement is found by: its text with the parameters' types.
    pub(super) text: String,
    /// The values, in order.
    pub(super) values: Vec<ScalarValue>,
}

impl Template {
    /// The template of a statement; `None` where there is nothing to take out.
    pub(super) fn of(statement: &Statement) -> Option<Self> {
        let mut statement = statement.clone();
        let mut extract = Extract::default();
        let walked = VisitMut::visit(&mut statement, &mut extract);
        if walked.is_break() || extract.values.is_empty() {
            return None;
        }
        let prepare = Statement::Prepare {
            name: Ident::new("template"),
            data_types: extract.values.iter().map(sql_type).collect(),
            statement: Box::new(statement),
        };
        Some(Self { text: prepare.to_string(), prepare, values: extract.values })
    }
}

fn sql_type(value: &ScalarValue) -> DataType {
    match value {
        ScalarValue::Int64(_) => DataType::BigInt(None),
        _ => DataType::Text,
    }
}

#[derive(Default)]
struct Extract {
    values: Vec<ScalarValue>,
}

impl VisitorMut for Extract {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        if let Some(condition) = &mut select.selection {
            self.condition(condition);
        }
        if self.values.len() > MAX_VALUES {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

impl Extract {
    fn condition(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Nested(inner) => self.condition(inner),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => self.condition(expr),
            Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
                self.condition(left);
                self.condition(right);
            }
            Expr::BinaryOp { left, op, right } if is_comparison(op) => {
                if is_column(left) {
                    self.take(right);
                } else if is_column(right) {
                    self.take(left);
                }
            }
            Expr::Between { expr, low, high, .. } if is_column(expr) => {
                self.take(low);
                self.take(high);
            }
            _ => {}
        }
    }

    fn take(&mut self, expr: &mut Expr) {
        let Expr::Value(value) = expr else { return };
        let scalar = match &value.value {
            Value::Number(digits, false) => match digits.parse::<i64>() {
                Ok(number) => ScalarValue::Int64(Some(number)),
                Err(_) => return,
            },
            Value::SingleQuotedString(text) => ScalarValue::Utf8(Some(text.clone())),
            _ => return,
        };
        self.values.push(scalar);
        value.value = Value::Placeholder(format!("${}", self.values.len()));
    }
}

fn is_column(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
}

fn is_comparison(operator: &BinaryOperator) -> bool {
    matches!(
        operator,
        BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::statement::Statement as Checked;

    fn template(sql: &str) -> Option<Template> {
        Template::of(&Checked::parse(sql).expect("parses").into_ast())
    }

    #[test]
    fn values_beside_columns_are_taken_out() {
        let found =
            template("SELECT a FROM t WHERE id = 17 AND (name <> 'x' OR 5 < n)").expect("template");
        assert_eq!(
            found.text,
            "PREPARE template (BIGINT, TEXT, BIGINT) AS \
             SELECT a FROM t WHERE id = $1 AND (name <> $2 OR $3 < n)"
        );
        let other =
            template("SELECT a FROM t WHERE id = 4 AND (name <> 'yy' OR 8 < n)").expect("template");
        assert_eq!(found.text, other.text);
        assert_ne!(found.values, other.values);
    }

    #[test]
    fn everything_else_stays() {
        for sql in [
            "SELECT 1",
            "SELECT a + 1 FROM t LIMIT 5",
            "SELECT a FROM t WHERE b = 1.5 AND c = 1 + 2 AND f(d) = 3",
            "SELECT date_trunc('month', d) FROM t WHERE date_trunc('month', d) = '2024-01-01'",
        ] {
            assert!(template(sql).is_none(), "{sql}");
        }
        // A type is part of the text.
        assert_ne!(
            template("SELECT a FROM t WHERE b = 1").expect("template").text,
            template("SELECT a FROM t WHERE b = '1'").expect("template").text
        );
    }
}
