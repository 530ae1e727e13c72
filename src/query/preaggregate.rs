//! A grouping over a join of two sources is begun below the join, at the source that has what is added up.
//!
//! ```text
//! before   Aggregate: groupBy=[c.segment], aggr=[sum(o.price)]
//!            Inner Join: c.id = o.customer
//!              TableScan: crm.customers AS c
//!              TableScan: sales.orders AS o
//!
//! after    Aggregate: groupBy=[c.segment], aggr=[sum(sum(o.price))]
//!            Inner Join: c.id = o.customer
//!              TableScan: crm.customers AS c
//!              Aggregate: groupBy=[o.customer], aggr=[sum(o.price)]
//!                TableScan: sales.orders AS o
//! ```
//!
//! Rows of one side with the same key meet the same rows of the other side, so what is counted and added up
//! among them first gives the same in the end (Yan and Larson, "Eager aggregation and lazy aggregation",
//! VLDB 1995). Counts, least and greatest values, and sums of whole numbers and decimals are taken; doubles
//! are not, since their sum depends on the order. A side whose own key is among its groups is left as it is:
//! there is nothing to add up.

use super::doubles::OrderFree;
use super::leaf::GovernedTable;
use super::pushdown::is_widening;
use arrow_schema::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, JoinType, NullEquality, Result};
use datafusion::datasource::source_as_provider;
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams};
use datafusion::logical_expr::{
    Aggregate, Expr, ExprSchemable, Join, LogicalPlan, Projection, cast, lit, when,
};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// The plan with such groupings begun below their joins.
pub(super) fn preaggregate(plan: LogicalPlan) -> Result<LogicalPlan> {
    let begun = plan.transform_up(|node| {
        let LogicalPlan::Aggregate(aggregate) = &node else { return Ok(Transformed::no(node)) };
        // What cannot be built stays as it is.
        match begin(aggregate) {
            Some(Ok(begun)) => Ok(Transformed::yes(begun)),
            Some(Err(_)) | None => Ok(Transformed::no(node)),
        }
    })?;
    Ok(begun.data)
}

fn begin(aggregate: &Aggregate) -> Option<Result<LogicalPlan>> {
    let (join, columns) = joined(&aggregate.input)?;
    let plain = join.join_type == JoinType::Inner
        && join.filter.is_none()
        && join.null_equality == NullEquality::NullEqualsNothing
        && !join.on.is_empty();
    if !plain {
        return None;
    }
    if aggregate.group_expr.iter().any(|group| matches!(group, Expr::GroupingSet(_))) {
        return None;
    }
    let through = |expr: &Expr| replaced(expr, &columns);
    let groups: Vec<Expr> = aggregate.group_expr.iter().map(through).collect::<Option<_>>()?;
    let calls: Vec<Expr> = aggregate.aggr_expr.iter().map(through).collect::<Option<_>>()?;
    let side =
        [false, true].into_iter().find_map(|right| Side::of(join, right, &groups, &calls))?;
    Some(side.build(aggregate, &groups, &calls))
}

/// The join below an aggregate, and what each column in between is.
fn joined(input: &LogicalPlan) -> Option<(&Join, HashMap<Column, Expr>)> {
    match input {
        LogicalPlan::Join(join) => Some((join, HashMap::new())),
        LogicalPlan::Projection(projection) => {
            let LogicalPlan::Join(join) = projection.input.as_ref() else { return None };
            let names = projection.schema.columns().into_iter();
            let exprs = projection.expr.iter().map(|expr| expr.clone().unalias());
            Some((join, names.zip(exprs).collect()))
        }
        _ => None,
    }
}

fn replaced(expr: &Expr, columns: &HashMap<Column, Expr>) -> Option<Expr> {
    let replaced = expr.clone().transform_up(|expr| {
        Ok(match &expr {
            Expr::Column(column) => match columns.get(column) {
                Some(below) => Transformed::yes(below.clone()),
                None => Transformed::no(expr),
            },
            _ => Transformed::no(expr),
        })
    });
    replaced.ok().map(|replaced| replaced.data.unalias())
}

/// The side that is added up first.
struct Side<'a> {
    join: &'a Join,
    right: bool,
    /// What it is grouped by.
    keys: Vec<Expr>,
}

impl<'a> Side<'a> {
    fn of(join: &'a Join, right: bool, groups: &[Expr], calls: &[Expr]) -> Option<Self> {
        let (own, other) = match right {
            true => (&join.right, &join.left),
            false => (&join.left, &join.right),
        };
        let (here, there) = (sources(own), sources(other));
        if here.len() != 1 || there.is_empty() || here == there || is_counted_already(own) {
            return None;
        }
        let has = |expr: &Expr| {
            let columns = expr.column_refs();
            !columns.is_empty() && columns.iter().all(|column| own.schema().has_column(column))
        };
        let has_none = |expr: &Expr| !expr.column_refs().iter().any(|c| own.schema().has_column(c));
        let takes =
            |call: &Expr| is_taken(call, join) && (has(call) || call.column_refs().is_empty());
        if calls.is_empty() || !calls.iter().all(takes) {
            return None;
        }
        // A count of pairs can be begun on either side; where nothing is grouped, rows are fewest.
        let counts_only = calls.iter().all(|call| call.column_refs().is_empty());
        if counts_only && groups.iter().any(has) {
            return None;
        }
        let mut keys: Vec<Expr> = Vec::new();
        let on = join.on.iter().map(|(left, rhs)| if right { rhs } else { left });
        for key in on.chain(groups.iter().filter(|group| has(group))) {
            if !matches!(key, Expr::Column(_)) {
                return None;
            }
            if !keys.contains(key) {
                keys.push(key.clone());
            }
        }
        let settled = groups.iter().all(|group| has(group) || has_none(group));
        (settled && !is_unique(own, &keys)).then_some(Self { join, right, keys })
    }

    fn build(&self, aggregate: &Aggregate, groups: &[Expr], calls: &[Expr]) -> Result<LogicalPlan> {
        let mut partial: Vec<Expr> = Vec::new();
        for call in calls {
            if !partial.contains(call) {
                partial.push(call.clone());
            }
        }
        let join = self.join;
        let own = if self.right { &join.right } else { &join.left };
        let below = Aggregate::try_new(own.clone(), self.keys.clone(), partial)?;
        let below = Arc::new(LogicalPlan::Aggregate(below));
        let (left, right) = match self.right {
            true => (join.left.clone(), below),
            false => (below, join.right.clone()),
        };
        let joined = Join::try_new(
            left,
            right,
            join.on.clone(),
            None,
            join.join_type,
            join.join_constraint,
            join.null_equality,
            join.null_aware,
        )?;
        let joined = Arc::new(LogicalPlan::Join(joined));
        let mut finals: Vec<Expr> = Vec::new();
        let mut columns: Vec<Expr> = Vec::new();
        let count = groups.len();
        for (index, group) in groups.iter().enumerate() {
            let (qualifier, field) = aggregate.schema.qualified_field(index);
            let shown = match group {
                Expr::Column(_) => group.clone(),
                _ => Expr::Column(Column::new_unqualified(group.schema_name().to_string())),
            };
            columns.push(shown.alias_qualified(qualifier.cloned(), field.name()));
        }
        for (index, call) in calls.iter().enumerate() {
            let (qualifier, field) = aggregate.schema.qualified_field(count + index);
            let whole = whole(call, field.data_type(), &mut finals)?;
            columns.push(whole.alias_qualified(qualifier.cloned(), field.name()));
        }
        // Two groups that are one expression are one column.
        let mut distinct: Vec<Expr> = Vec::new();
        for group in groups {
            if !distinct.contains(group) {
                distinct.push(group.clone());
            }
        }
        let above = Aggregate::try_new(joined, distinct, finals)?;
        let above = Arc::new(LogicalPlan::Aggregate(above));
        Ok(LogicalPlan::Projection(Projection::try_new(columns, above)?))
    }
}

/// The expression that makes the whole of a call's parts; what it needs is added to `finals`.
fn whole(call: &Expr, data_type: &DataType, finals: &mut Vec<Expr>) -> Result<Expr> {
    let Expr::AggregateFunction(function) = call else {
        return datafusion::common::internal_err!("an aggregate is a function");
    };
    let part = Expr::Column(Column::new_unqualified(call.schema_name().to_string()));
    let counts = function.func.name() == "count";
    let func = if counts { OrderFree::of(sum_udaf()) } else { function.func.clone() };
    let params = AggregateFunctionParams { args: vec![part], ..function.params.clone() };
    let last = Expr::AggregateFunction(AggregateFunction { func, params });
    let sum = Expr::Column(Column::new_unqualified(last.schema_name().to_string()));
    if !finals.contains(&last) {
        finals.push(last);
    }
    Ok(match function.func.name() {
        "count" => when(sum.clone().is_null(), lit(0_i64)).otherwise(sum)?,
        "sum" => cast(sum, data_type.clone()),
        _ => sum,
    })
}

/// Whether parts of a call make its whole.
fn is_taken(call: &Expr, join: &Join) -> bool {
    let Expr::AggregateFunction(AggregateFunction { func, params }) = call else { return false };
    let plain = !params.distinct
        && params.filter.is_none()
        && params.order_by.is_empty()
        && params.null_treatment.is_none()
        && params.args.len() == 1;
    let exact = || match call.get_type(&join.schema) {
        Ok(data_type) => matches!(data_type, DataType::Int64 | DataType::Decimal128(_, _)),
        Err(_) => false,
    };
    // It is computed for rows that have no match, too, so it must not fail for any.
    plain
        && params.args.iter().all(|argument| is_total(argument, join))
        && match func.name() {
            "count" | "min" | "max" => true,
            "sum" => exact(),
            _ => false,
        }
}

/// Whether an argument is a value as it is.
fn is_total(argument: &Expr, join: &Join) -> bool {
    match argument {
        Expr::Column(_) | Expr::Literal(_, _) => true,
        Expr::Cast(outer) => {
            let from = outer.expr.get_type(&join.schema);
            let widens = from.is_ok_and(|from| is_widening(&from, outer.field.data_type()));
            widens && is_total(&outer.expr, join)
        }
        _ => false,
    }
}

/// The sources that the governed tables of a plan give work to.
fn sources(plan: &LogicalPlan) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    collect(plan, &mut |table| {
        if table.pushes() {
            names.insert(table.entry().reference.source.to_string());
        }
    });
    names
}

fn collect(plan: &LogicalPlan, visit: &mut impl FnMut(&GovernedTable)) {
    if let LogicalPlan::TableScan(scan) = plan
        && let Ok(provider) = source_as_provider(&scan.source)
        && let Some(table) = provider.downcast_ref::<GovernedTable>()
    {
        visit(table);
    }
    for input in plan.inputs() {
        collect(input, visit);
    }
}

/// Whether a side's rows are groups or few already.
fn is_counted_already(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(_) | LogicalPlan::Limit(_) | LogicalPlan::Distinct(_) => true,
        LogicalPlan::Sort(sort) if sort.fetch.is_some() => true,
        LogicalPlan::Projection(_) | LogicalPlan::SubqueryAlias(_) | LogicalPlan::Filter(_) => {
            plan.inputs().into_iter().any(is_counted_already)
        }
        _ => false,
    }
}

/// Whether the keys hold the primary key of a side that is one table.
fn is_unique(plan: &LogicalPlan, keys: &[Expr]) -> bool {
    let mut tables = Vec::new();
    collect(plan, &mut |table| tables.push(table.entry().clone()));
    let [table] = tables.as_slice() else { return false };
    let primary = &table.description.primary_key;
    let named = |name: &String| {
        keys.iter().any(|key| match key {
            Expr::Column(column) => column.name.eq_ignore_ascii_case(name),
            _ => false,
        })
    };
    !primary.is_empty() && primary.iter().all(named)
}
