//! A text compared with a number is read as a number; a text that is none equals no number and is neither less nor
//! greater. PostgreSQL refuses such a comparison and other databases each have a rule of their own, so it is said in a
//! warning (`text_as_number`). The engine would fail at the first text that is no number.
//!
//! A date compared with a number is an error, as in PostgreSQL; the engine would count days since 1970.
//!
//! `<>`, NOT IN and NOT BETWEEN stay as they are, an error for such a text: to leave its row out would be as wrong as to
//! keep it.

use arrow_schema::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result, plan_err};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Between, BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, cast, try_cast,
};

/// The plan in which texts of columns that are compared with numbers are read as such.
pub(super) fn read(plan: LogicalPlan) -> Result<LogicalPlan> {
    let rewritten = plan.transform_up_with_subqueries(|plan| {
        let schema = merge_schema(&plan.inputs());
        if let LogicalPlan::Join(join) = &plan {
            join.on
                .iter()
                .try_for_each(|(left, right)| no_date(left, Operator::Eq, right, &schema))?;
        }
        let names = NamePreserver::new(&plan);
        plan.map_expressions(|expr| {
            let name = names.save(&expr);
            let changed = expr.transform_up(|expr| compared(expr, &schema))?;
            Ok(changed.update_data(|expr| name.restore(expr)))
        })
    })?;
    Ok(rewritten.data)
}

fn compared(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    dated(&expr, schema)?;
    Ok(match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if orders(op) => {
            if let Some(common) = common(&left, &right, schema) {
                let left = Box::new(try_cast(*left, common.clone()));
                let right = Box::new(cast(*right, common));
                return Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right })));
            }
            if let Some(common) = common(&right, &left, schema) {
                let left = Box::new(cast(*left, common.clone()));
                let right = Box::new(try_cast(*right, common));
                return Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right })));
            }
            Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right }))
        }
        Expr::Between(Between { expr, negated: false, low, high }) => {
            let types = (common(&expr, &low, schema), common(&expr, &high, schema));
            let (expr, low, high) = match types {
                (Some(one), Some(other)) if one == other => (
                    Box::new(try_cast(*expr, one.clone())),
                    Box::new(cast(*low, one.clone())),
                    Box::new(cast(*high, one)),
                ),
                _ => (expr, low, high),
            };
            Transformed::yes(Expr::Between(Between { expr, negated: false, low, high }))
        }
        Expr::InList(InList { expr, list, negated: false }) => {
            let types: Option<Vec<DataType>> =
                list.iter().map(|item| common(&expr, item, schema)).collect();
            let types = types.unwrap_or_default();
            let (expr, list) = match types.split_first() {
                Some((one, others)) if others.iter().all(|other| other == one) => (
                    Box::new(try_cast(*expr, one.clone())),
                    list.into_iter().map(|item| cast(item, one.clone())).collect(),
                ),
                _ => (expr, list),
            };
            Transformed::yes(Expr::InList(InList { expr, list, negated: false }))
        }
        other => Transformed::no(other),
    })
}

/// Refuses a date beside a number.
fn dated(expr: &Expr, schema: &DFSchema) -> Result<()> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if orders(*op) || *op == Operator::NotEq =>
        {
            no_date(left, *op, right, schema)
        }
        Expr::Between(between) => {
            no_date(&between.expr, Operator::GtEq, &between.low, schema)?;
            no_date(&between.expr, Operator::LtEq, &between.high, schema)
        }
        Expr::InList(list) => {
            list.list.iter().try_for_each(|item| no_date(&list.expr, Operator::Eq, item, schema))
        }
        _ => Ok(()),
    }
}

fn no_date(left: &Expr, op: Operator, right: &Expr, schema: &DFSchema) -> Result<()> {
    let (Ok(l), Ok(r)) = (left.get_type(schema), right.get_type(schema)) else { return Ok(()) };
    let is_date = |t: &DataType| matches!(t, DataType::Date32 | DataType::Timestamp(..));
    if (is_date(&l) && r.is_numeric()) || (l.is_numeric() && is_date(&r)) {
        return plan_err!(
            "Cannot infer common argument type for comparison operation {l} {op} {r}"
        );
    }
    Ok(())
}

fn orders(op: Operator) -> bool {
    matches!(op, Operator::Eq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq)
}

/// The type in which a text of a column is compared with a number: one that has all digits of both.
fn common(text: &Expr, number: &Expr, schema: &DFSchema) -> Option<DataType> {
    const DIGITS: i8 = 15;
    if !text.get_type(schema).ok()?.is_string() || !reads_column(text) {
        return None;
    }
    match number.get_type(schema).ok()? {
        integer if integer.is_integer() => Some(DataType::Decimal128(38, DIGITS)),
        DataType::Decimal128(precision, scale)
            if scale <= DIGITS && i16::from(precision) - i16::from(scale) <= 23 =>
        {
            Some(DataType::Decimal128(38, DIGITS))
        }
        number if number.is_numeric() => Some(DataType::Float64),
        _ => None,
    }
}

fn reads_column(expr: &Expr) -> bool {
    let mut found = false;
    let _: Result<_> = expr.apply(|part| {
        found |= matches!(part, Expr::Column(_) | Expr::OuterReferenceColumn(..));
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    found
}
