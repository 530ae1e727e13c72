//! Types that do not say the same, in the plan as it was written: a cast that is there is the caller's, one
//! that the engine would add is not.

use super::{DECIMAL_NARROWED, TEXT_AS_NUMBER, TIME_ZONE, compares, listed, shown};
use crate::model::Warning;
use crate::query::lineage::{Origins, origins};
use arrow_schema::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::{
    BinaryExpr, Cast, Expr, ExprSchemable, LogicalPlan, Operator, TryCast,
};
use std::collections::BTreeSet;

/// A warning for each comparison of time stamps with and without a zone, of decimals with floating point, and
/// for each decimal that loses digits before it is used.
pub(super) fn warnings(plan: &LogicalPlan) -> Vec<Warning> {
    let mut found = Vec::new();
    let _: datafusion::common::Result<_> = plan.apply_with_subqueries(|node| {
        let Some(level) = Level::of(node) else { return Ok(TreeNodeRecursion::Continue) };
        if let LogicalPlan::Join(join) = node {
            for (left, right) in &join.on {
                found.extend(level.compared(left, Operator::Eq, right));
            }
        }
        node.apply_expressions(|expr| {
            expr.apply(|inner| {
                found.extend(level.expression(inner));
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        Ok(TreeNodeRecursion::Continue)
    });
    found
}

/// A node, and the columns its expressions are over.
struct Level<'a> {
    node: &'a LogicalPlan,
    schema: DFSchema,
}

impl<'a> Level<'a> {
    fn of(node: &'a LogicalPlan) -> Option<Self> {
        let schema = match node.inputs().as_slice() {
            [one] => (*one.schema()).as_ref().clone(),
            [left, right] if matches!(node, LogicalPlan::Join(_)) => {
                left.schema().join(right.schema()).ok()?
            }
            _ => return None,
        };
        Some(Self { node, schema })
    }

    fn expression(&self, expr: &Expr) -> Option<Warning> {
        match expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(*op) => {
                self.compared(left, *op, right).or_else(|| self.text_as_number(left, right))
            }
            Expr::Between(between) => self
                .compared(&between.expr, Operator::GtEq, &between.low)
                .or_else(|| self.compared(&between.expr, Operator::LtEq, &between.high))
                .or_else(|| self.text_as_number(&between.expr, &between.low)),
            Expr::InList(list) => list.list.iter().find_map(|item| {
                self.compared(&list.expr, Operator::Eq, item)
                    .or_else(|| self.text_as_number(&list.expr, item))
            }),
            Expr::InSubquery(inside) => {
                let among = &inside.subquery.subquery;
                let (left, right) =
                    (self.type_of(&inside.expr)?, among.schema().fields().first()?.data_type());
                let mut names = self.names(&[&inside.expr]);
                let from = origins(among).into_iter().next().unwrap_or_default();
                names.extend(from.into_iter().map(|origin| shown(&origin.column)));
                unlike(Operator::Eq, &left, right, || names)
            }
            Expr::Cast(Cast { expr: inner, field })
            | Expr::TryCast(TryCast { expr: inner, field }) => {
                self.narrowed(inner, field.data_type())
            }
            _ => None,
        }
    }

    fn type_of(&self, expr: &Expr) -> Option<DataType> {
        expr.get_type(&self.schema).ok()
    }

    /// Two values of columns are compared. What a constant means, its writer knows.
    fn compared(&self, left: &Expr, operator: Operator, right: &Expr) -> Option<Warning> {
        if !reads_column(left) || !reads_column(right) {
            return None;
        }
        let (l, r) = (self.type_of(left)?, self.type_of(right)?);
        unlike(operator, &l, &r, || self.names(&[left, right]))
    }

    /// A text is compared with a number, which PostgreSQL refuses and others do each in their way.
    fn text_as_number(&self, left: &Expr, right: &Expr) -> Option<Warning> {
        let (l, r) = (self.type_of(left)?, self.type_of(right)?);
        let text = match (l.is_string(), r.is_string()) {
            (true, false) if r.is_numeric() => left,
            (false, true) if l.is_numeric() => right,
            _ => return None,
        };
        let columns = self.names(&[text]);
        if columns.is_empty() {
            return None;
        }
        let text = format!(
            "{} is text and is read as a number to be compared with one, so '007' equals 7 and rows whose text is no \
             number are left out; compare with a text in quotes to compare texts",
            listed(&columns)
        );
        Some(Warning { code: TEXT_AS_NUMBER, text, columns: columns.into_iter().collect() })
    }

    /// A decimal is cast to one with fewer digits behind the point: a stored one anywhere, a computed one where
    /// it is not merely shown.
    fn narrowed(&self, inner: &Expr, target: &DataType) -> Option<Warning> {
        let scale = match self.type_of(inner)? {
            DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => scale,
            _ => return None,
        };
        let left = match target {
            DataType::Decimal128(_, left) | DataType::Decimal256(_, left) => *left,
            target if target.is_integer() => 0,
            _ => return None,
        };
        let used = !matches!(self.node, LogicalPlan::Projection(_) | LogicalPlan::Sort(_));
        if left >= scale || !reads_column(inner) || !(used || self.is_stored(inner)) {
            return None;
        }
        let columns = self.names(&[inner]);
        if columns.is_empty() {
            return None;
        }
        let text = format!(
            "{} loses digits in a cast from {scale} to {left} behind the point; cast the result instead, or keep \
             the digits",
            listed(&columns)
        );
        Some(Warning { code: DECIMAL_NARROWED, text, columns: columns.into_iter().collect() })
    }

    /// The full names of the columns that expressions read.
    fn names(&self, exprs: &[&Expr]) -> BTreeSet<String> {
        let inputs = self.node.inputs();
        let below: Vec<Origins> = inputs.into_iter().flat_map(origins).collect();
        let mut names = BTreeSet::new();
        for expr in exprs {
            let _: datafusion::common::Result<_> = expr.apply(|node| {
                match node {
                    Expr::Column(column) => names.extend(self.stored(column, &below)),
                    Expr::OuterReferenceColumn(_, column) => {
                        names.insert(shown(&column.flat_name()));
                    }
                    _ => {}
                }
                Ok(TreeNodeRecursion::Continue)
            });
        }
        names
    }

    fn is_stored(&self, expr: &Expr) -> bool {
        let Expr::Column(column) = expr else { return false };
        let index = self.schema.maybe_index_of_column(column);
        match (self.node.inputs().as_slice(), index) {
            ([input], Some(index)) => is_stored(input, index),
            _ => false,
        }
    }

    fn stored(&self, column: &Column, below: &[Origins]) -> Vec<String> {
        let index = self.schema.maybe_index_of_column(column);
        let from = index.and_then(|index| below.get(index)).filter(|from| !from.is_empty());
        match from {
            Some(from) => from.iter().map(|origin| shown(&origin.column)).collect(),
            None => vec![shown(&column.flat_name())],
        }
    }
}

/// What is to say of a comparison of values of two types.
fn unlike(
    operator: Operator,
    left: &DataType,
    right: &DataType,
    names: impl FnOnce() -> BTreeSet<String>,
) -> Option<Warning> {
    let floating = |t: &DataType| matches!(t, DataType::Float32 | DataType::Float64);
    let (code, what) = match (left, right) {
        (DataType::Timestamp(_, a), DataType::Timestamp(_, b)) if a.is_some() != b.is_some() => (
            TIME_ZONE,
            "though one has a time zone and the other has none and is taken for UTC; say which zone it is in \
             (AT TIME ZONE)",
        ),
        (a, b)
            if operator == Operator::Eq
                && ((is_decimal(a) && floating(b)) || (floating(a) && is_decimal(b))) =>
        {
            (
                DECIMAL_NARROWED,
                "as floating point, which has fewer digits than a decimal; compare with a tolerance, or round \
                 both to one decimal type",
            )
        }
        _ => return None,
    };
    let columns = names();
    let text = format!("{} are compared {what}", listed(&columns));
    Some(Warning { code, text, columns: columns.into_iter().collect() })
}

fn is_decimal(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Decimal128(_, _) | DataType::Decimal256(_, _))
}

/// Whether a column of a plan has the values of a table's column as they are.
fn is_stored(plan: &LogicalPlan, index: usize) -> bool {
    match plan {
        LogicalPlan::TableScan(_) => true,
        LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_) => plan.inputs().into_iter().all(|input| is_stored(input, index)),
        LogicalPlan::Projection(projection) => match projection.expr[index].clone().unalias() {
            Expr::Column(column) => {
                let below = projection.input.schema().maybe_index_of_column(&column);
                below.is_some_and(|below| is_stored(&projection.input, below))
            }
            _ => false,
        },
        LogicalPlan::Join(join) => match index.checked_sub(join.left.schema().fields().len()) {
            None => is_stored(&join.left, index),
            Some(index) => is_stored(&join.right, index),
        },
        _ => false,
    }
}

fn reads_column(expr: &Expr) -> bool {
    let mut found = false;
    let _: datafusion::common::Result<_> = expr.apply(|node| {
        found |= matches!(node, Expr::Column(_) | Expr::OuterReferenceColumn(_, _));
        Ok(TreeNodeRecursion::Continue)
    });
    found
}
