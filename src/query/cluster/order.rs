//! Answers that do not depend on when rows arrive.
//!
//! On one machine rows come in one order, which open rows alone decide. From several executors they come as
//! each is ready, and how quick one is depends on hidden rows too. So a statement goes there only if its
//! answer is the same in every order of arrival, and its last step sorts by every column that is shown:
//!
//! ```text
//! before   Sort: revenue DESC        after   Limit: 1001
//!            Aggregate ...                     Sort: revenue DESC, name, city
//!                                                Aggregate ...
//! ```

use arrow_schema::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::expr::{Sort as Key, WindowFunction};
use datafusion::logical_expr::{
    Distinct, Expr, FetchType, LogicalPlan, LogicalPlanBuilder, SkipType, Sort, Volatility,
    WindowFrameUnits, WindowFunctionDefinition,
};

/// Aggregates whose value is that of the row which comes first, or an estimate that follows the order.
const ORDERED: &[&str] = &[
    "any_value",
    "approx_median",
    "approx_percentile_cont",
    "array_agg",
    "first_value",
    "last_value",
    "nth_value",
    "string_agg",
];

/// Window functions that give rows which compare alike the same value.
const PEERS: &[&str] = &["cume_dist", "dense_rank", "percent_rank", "rank"];

/// The plan with the order above and no more than `rows` rows; `None` where the answer depends on the order in
/// which rows arrive.
pub(super) fn settled(plan: LogicalPlan, rows: usize) -> Result<Option<LogicalPlan>> {
    let Some(plan) = ordered(plan)? else { return Ok(None) };
    let plan = LogicalPlanBuilder::from(plan).limit(0, Some(rows))?.build()?;
    Ok((!depends_on_arrival(&plan)?).then_some(plan))
}

fn ordered(plan: LogicalPlan) -> Result<Option<LogicalPlan>> {
    let above = |node: &LogicalPlan| {
        matches!(
            node,
            LogicalPlan::Projection(_) | LogicalPlan::SubqueryAlias(_) | LogicalPlan::Limit(_)
        )
    };
    let mut at = &plan;
    let mut cut = false;
    while above(at) {
        cut |= matches!(at, LogicalPlan::Limit(_));
        match at.inputs().as_slice() {
            [input] => at = input,
            _ => break,
        }
    }
    match at {
        LogicalPlan::Sort(_) => with_all_keys(plan),
        // Any rows of it would do.
        _ if cut => Ok(None),
        _ => {
            let Some(keys) = keys(&plan) else { return Ok(None) };
            LogicalPlanBuilder::from(plan).sort(keys)?.build().map(Some)
        }
    }
}

/// The same plan, whose first sort goes on with every column it has.
fn with_all_keys(plan: LogicalPlan) -> Result<Option<LogicalPlan>> {
    if let LogicalPlan::Sort(Sort { mut expr, input, fetch }) = plan {
        let Some(keys) = keys(&input) else { return Ok(None) };
        expr.extend(keys);
        return Ok(Some(LogicalPlan::Sort(Sort { expr, input, fetch })));
    }
    let Some(input) = plan.inputs().first().map(|input| (*input).clone()) else { return Ok(None) };
    let Some(input) = with_all_keys(input)? else { return Ok(None) };
    plan.with_new_exprs(plan.expressions(), vec![input]).map(Some)
}

/// Every column, if all of them can be sorted by.
fn keys(plan: &LogicalPlan) -> Option<Vec<Key>> {
    let columns = plan.schema().iter().map(|(relation, field)| {
        let column = Column::new(relation.cloned(), field.name().clone());
        is_sortable(field.data_type()).then(|| Expr::Column(column).sort(true, false))
    });
    columns.collect()
}

fn is_sortable(data_type: &DataType) -> bool {
    !data_type.is_nested() && !matches!(data_type, DataType::Interval(_))
}

fn depends_on_arrival(plan: &LogicalPlan) -> Result<bool> {
    let top = settled_limits(plan);
    let mut depends = false;
    plan.apply_with_subqueries(|node| {
        depends |= match node {
            LogicalPlan::Limit(_) => !top.iter().any(|known| std::ptr::eq(*known, node)),
            LogicalPlan::Sort(sort) => sort.fetch.is_some(),
            LogicalPlan::Distinct(Distinct::On(_)) | LogicalPlan::RecursiveQuery(_) => true,
            _ => false,
        };
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                depends |= is_arbitrary(part);
                Ok(if depends { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
            })
        })?;
        Ok(if depends { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(depends)
}

/// The limits above the first sort, whose keys are all columns.
fn settled_limits(plan: &LogicalPlan) -> Vec<&LogicalPlan> {
    let mut limits = Vec::new();
    let mut at = plan;
    while !matches!(at, LogicalPlan::Sort(_)) {
        if let LogicalPlan::Limit(limit) = at {
            let known = matches!(limit.get_skip_type(), Ok(SkipType::Literal(_)))
                && matches!(limit.get_fetch_type(), Ok(FetchType::Literal(_)));
            if !known {
                break;
            }
            limits.push(at);
        }
        match at.inputs().as_slice() {
            [input] => at = input,
            _ => break,
        }
    }
    limits
}

fn is_arbitrary(part: &Expr) -> bool {
    match part {
        Expr::AggregateFunction(call) => ORDERED.contains(&call.func.name()),
        Expr::WindowFunction(call) => is_arbitrary_window(call),
        Expr::ScalarFunction(call) => call.func.signature().volatility == Volatility::Volatile,
        _ => false,
    }
}

fn is_arbitrary_window(call: &WindowFunction) -> bool {
    let name = call.fun.name();
    match &call.fun {
        WindowFunctionDefinition::WindowUDF(_) => !PEERS.contains(&name),
        // A frame of rows divides rows that compare alike.
        WindowFunctionDefinition::AggregateUDF(_) => {
            let frame = &call.params.window_frame;
            let whole = frame.start_bound.is_unbounded() && frame.end_bound.is_unbounded();
            ORDERED.contains(&name) || (frame.units == WindowFrameUnits::Rows && !whole)
        }
    }
}
