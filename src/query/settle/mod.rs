//! Types of what comes from several places, and of what is computed with it.
//!
//! ```text
//! CASE WHEN gone THEN 0 ELSE price END * 2        the engine: whole numbers, by the first result
//! SELECT id FROM a UNION SELECT name FROM b       the engine: texts
//! ```
//!
//! While it plans, the engine takes the type of the first place for that of all, in a CASE and in a UNION alike, and finds
//! the common one only afterwards; whatever was planned above by the first would then cut off what the others have.
//! So types are settled here, right after planning, from the tables up: first what comes together, then arithmetic. Types
//! that do not go together are an error, as in PostgreSQL. A text in quotes is of the other's type there, and a whole
//! number beside an integer is an integer.

mod place;
mod recursion;

use super::arithmetic::{Arithmetic, computes};
use crate::model::sql_type_name;
use arrow_schema::{DataType, Field};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{
    Column, DFSchema, DataFusionError, ExprSchema, NullEquality, Result, ScalarValue,
    plan_datafusion_err, plan_err,
};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    BinaryExpr, Case, Expr, ExprSchemable, Join, JoinType, LogicalPlan, Projection, Union, Values,
    cast,
};
use place::{Place, are_integers, common, go_together};
use recursion::{Casts, with_first_types};
use std::sync::Arc;

pub(super) use recursion::written_casts;

/// What is said of two types that are to be one column; its number follows.
pub(super) const UNLIKE: &str = " do not go together in column ";
/// And of those that are to be one value.
pub(super) const UNLIKE_RESULTS: &str = " do not go together in one CASE";

/// Functions of several values that are one.
const ONE_OF_SEVERAL: &[&str] = &["coalesce", "greatest", "least", "nullif"];

/// The plan with the types that it will have. `casts` are those that are written in recursive parts.
pub(super) fn settled(
    plan: LogicalPlan,
    arithmetic: &Arithmetic,
    casts: &Casts,
) -> Result<LogicalPlan> {
    Ok(Settle { arithmetic, casts, outer: Vec::new() }.plan(plan)?.data)
}

struct Settle<'a> {
    arithmetic: &'a Arithmetic,
    casts: &'a Casts,
    /// What the subqueries at hand may name of the queries around them, the nearest last.
    outer: Vec<DFSchema>,
}

impl Settle<'_> {
    fn plan(&mut self, plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
        let first = match &plan {
            LogicalPlan::RecursiveQuery(query) => Some(query.static_term.schema().clone()),
            _ => None,
        };
        let below = plan.map_children(|child| self.plan(child))?;
        self.outer.push(merge_schema(&below.data.inputs()));
        let inside = below.transform_data(|plan| plan.map_subqueries(|plan| self.plan(plan)));
        let schema = self.outer.pop().unwrap_or_else(DFSchema::empty);
        let settled = inside?.transform_data(|plan| {
            let names = NamePreserver::new(&plan);
            plan.map_expressions(|expr| {
                let name = names.save(&expr);
                let changed = expr.transform_up(|expr| self.expression(expr, &schema))?;
                Ok(changed.update_data(|expr| name.restore(expr)))
            })
        })?;
        let changed = settled.transformed;
        match (settled.data, first) {
            (LogicalPlan::Union(union), _) => one_type(union, changed),
            (LogicalPlan::Values(values), _) if changed => as_declared(values),
            (LogicalPlan::RecursiveQuery(query), Some(first)) => {
                Ok(Transformed::yes(with_first_types(query, &first, self.casts)?))
            }
            (plan, _) => {
                if let LogicalPlan::Join(join) = &plan {
                    comparable(join)?;
                }
                match changed {
                    true => Ok(Transformed::yes(plan.recompute_schema()?)),
                    false => Ok(Transformed::no(plan)),
                }
            }
        }
    }

    fn expression(&self, expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
        match expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if computes(op) => {
                Ok(Transformed::yes(self.arithmetic.exact(*left, op, *right, schema)))
            }
            Expr::Case(case) => one_result(case, schema),
            Expr::ScalarFunction(mut function)
                if ONE_OF_SEVERAL.contains(&function.func.name()) =>
            {
                let mut values: Vec<&mut Expr> = function.args.iter_mut().collect();
                let changed = narrowed(&mut values, schema);
                Ok(Transformed::new_transformed(Expr::ScalarFunction(function), changed))
            }
            Expr::OuterReferenceColumn(field, column) => {
                let now = self.outer_type(&column).filter(|now| now != field.data_type());
                Ok(match now {
                    Some(now) => {
                        let field = Field::clone(&field).with_data_type(now);
                        Transformed::yes(Expr::OuterReferenceColumn(Arc::new(field), column))
                    }
                    None => Transformed::no(Expr::OuterReferenceColumn(field, column)),
                })
            }
            other => Ok(Transformed::no(other)),
        }
    }

    fn outer_type(&self, column: &Column) -> Option<DataType> {
        let around = self.outer.iter().rev();
        let mut found = around.filter_map(|schema| schema.field_from_column(column).ok());
        found.next().map(|field| field.data_type().clone())
    }
}

/// A CASE whose results have one type.
fn one_result(mut case: Case, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let results = case.when_then_expr.iter_mut().map(|(_, result)| result.as_mut());
    let mut results: Vec<&mut Expr> = results.chain(case.else_expr.as_deref_mut()).collect();
    let places: Result<Vec<Place>> =
        results.iter().map(|result| Place::of_expression(result, schema)).collect();
    // What has no type yet is settled with its value.
    let Ok(places) = places else { return Ok(Transformed::no(Expr::Case(case))) };
    let common = match common(&places) {
        Ok(common) => common,
        Err((one, other)) => {
            let (one, other) = (sql_type_name(&one), sql_type_name(&other));
            return plan_err!("{one} and {other}{UNLIKE_RESULTS}");
        }
    };
    let mut changed = false;
    for (result, place) in results.iter_mut().zip(places) {
        if let Some(common) = common.as_ref().filter(|common| place.is_cast_to(common)) {
            **result = place.cast(std::mem::take(*result), common);
            changed = true;
        }
    }
    Ok(Transformed::new_transformed(Expr::Case(case), changed))
}

/// Whole numbers that are written beside integers become such. Says whether there were any.
fn narrowed(values: &mut [&mut Expr], schema: &DFSchema) -> bool {
    let places: Result<Vec<Place>> =
        values.iter().map(|value| Place::of_expression(value, schema)).collect();
    let Ok(places) = places else { return false };
    if !are_integers(&places) {
        return false;
    }
    let mut changed = false;
    for (value, place) in values.iter_mut().zip(places) {
        if matches!(place.written, Some(ScalarValue::Int64(Some(_)))) {
            **value = place.cast(std::mem::take(*value), &DataType::Int32);
            changed = true;
        }
    }
    changed
}

/// A UNION whose branches have the same types.
fn one_type(union: Union, mut changed: bool) -> Result<Transformed<LogicalPlan>> {
    let width = union.schema.fields().len();
    let mut wanted: Vec<Option<DataType>> = Vec::with_capacity(width);
    for at in 0..width {
        let places: Vec<Place> =
            union.inputs.iter().map(|input| Place::of_column(input, at)).collect();
        match common(&places) {
            Ok(common) => wanted.push(common),
            Err((one, other)) => return Err(unlike(&one, &other, at, "a UNION")),
        }
    }
    let mut inputs = Vec::with_capacity(union.inputs.len());
    for input in &union.inputs {
        let typed = with_types(input, &wanted)?;
        changed |= typed.is_some();
        inputs.push(typed.unwrap_or_else(|| input.clone()));
    }
    if !changed {
        return Ok(Transformed::no(LogicalPlan::Union(union)));
    }
    Ok(Transformed::yes(LogicalPlan::Union(Union::try_new_with_loose_types(inputs)?)))
}

/// A branch with these types, where it has others; absent is any.
fn with_types(
    input: &Arc<LogicalPlan>,
    wanted: &[Option<DataType>],
) -> Result<Option<Arc<LogicalPlan>>> {
    let mut changed = false;
    let mut columns = Vec::with_capacity(wanted.len());
    for (at, wanted) in wanted.iter().enumerate() {
        let place = Place::of_column(input, at);
        let (relation, field) = input.schema().qualified_field(at);
        let column = Expr::Column(Column::new(relation.cloned(), field.name()));
        columns.push(match wanted.as_ref().filter(|wanted| place.is_cast_to(wanted)) {
            Some(wanted) => {
                changed = true;
                place.cast(column, wanted).alias_qualified(relation.cloned(), field.name())
            }
            None => column,
        });
    }
    if !changed {
        return Ok(None);
    }
    let typed = Projection::try_new(columns, input.clone())?;
    Ok(Some(Arc::new(LogicalPlan::Projection(typed))))
}

/// EXCEPT and INTERSECT compare rows by a join in which NULLs are equal, as nothing else does at this point.
fn comparable(join: &Join) -> Result<()> {
    let is_set = join.null_equality == NullEquality::NullEqualsNull
        && matches!(join.join_type, JoinType::LeftSemi | JoinType::LeftAnti);
    for (at, (left, right)) in join.on.iter().enumerate().filter(|_| is_set) {
        let (l, r) = (left.get_type(join.left.schema())?, right.get_type(join.right.schema())?);
        if !go_together(&l, &r) {
            return Err(unlike(&l, &r, at, "an EXCEPT or INTERSECT"));
        }
    }
    Ok(())
}

/// VALUES with the types that were found for them.
fn as_declared(values: Values) -> Result<Transformed<LogicalPlan>> {
    let Values { schema, values } = values;
    let typed = |row: Vec<Expr>| -> Result<Vec<Expr>> {
        let cells = row.into_iter().zip(schema.fields());
        let cells =
            cells.map(|(expr, field)| match expr.get_type(&schema)? == *field.data_type() {
                true => Ok(expr),
                false => Ok(cast(expr, field.data_type().clone())),
            });
        cells.collect()
    };
    let values = values.into_iter().map(typed).collect::<Result<_>>()?;
    Ok(Transformed::yes(LogicalPlan::Values(Values { schema, values })))
}

fn unlike(one: &DataType, other: &DataType, at: usize, place: &str) -> DataFusionError {
    let (one, other) = (sql_type_name(one), sql_type_name(other));
    plan_datafusion_err!("{one} and {other}{UNLIKE}{} of {place}", at + 1)
}
