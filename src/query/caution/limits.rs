//! Aggregates and joins over some of the rows. Seen in the plan as it was written: the optimizer limits
//! inputs by itself where that changes nothing.

use super::TRUNCATED_INPUT;
use crate::model::Warning;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, FetchType, Limit, LogicalPlan};

/// A warning for each aggregate over limited rows, and for each join with rows that a limit picks at random.
pub(super) fn warnings(plan: &LogicalPlan) -> Vec<Warning> {
    let mut found = Vec::new();
    let _: datafusion::common::Result<_> = plan.apply_with_subqueries(|node| {
        match node {
            LogicalPlan::Aggregate(aggregate) if !aggregate.aggr_expr.is_empty() => {
                found.extend(limited(&aggregate.input).map(aggregated));
            }
            LogicalPlan::Join(_) => {
                let inputs = node.inputs().into_iter().filter_map(limited);
                found.extend(inputs.filter(|limited| !limited.ordered).map(joined));
            }
            _ => found.extend(in_lists(node)),
        }
        Ok(TreeNodeRecursion::Continue)
    });
    found
}

/// `IN (SELECT ... LIMIT n)` is a join too.
fn in_lists(node: &LogicalPlan) -> Vec<Warning> {
    let mut found = Vec::new();
    let _: datafusion::common::Result<_> = node.apply_expressions(|expr| {
        expr.apply(|inner| {
            if let Expr::InSubquery(inside) = inner {
                let limited = limited(&inside.subquery.subquery);
                found.extend(limited.filter(|limited| !limited.ordered).map(joined));
            }
            Ok(TreeNodeRecursion::Continue)
        })
    });
    found
}

/// The first rows of something.
#[derive(Debug, Clone, Copy)]
struct Limited {
    rows: usize,
    ordered: bool,
}

fn limited(plan: &LogicalPlan) -> Option<Limited> {
    match plan {
        LogicalPlan::Limit(limit) => of_limit(limit),
        LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Window(_) => plan.inputs().first().and_then(|input| limited(input)),
        _ => None,
    }
}

/// A limit of one row picks a row; nobody takes it for all of them.
fn of_limit(limit: &Limit) -> Option<Limited> {
    let Ok(FetchType::Literal(Some(rows))) = limit.get_fetch_type() else { return None };
    (rows > 1).then(|| Limited { rows, ordered: is_sorted(&limit.input) })
}

fn is_sorted(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Sort(_) => true,
        LogicalPlan::Projection(_) | LogicalPlan::SubqueryAlias(_) => {
            plan.inputs().into_iter().any(is_sorted)
        }
        _ => false,
    }
}

fn aggregated(limited: Limited) -> Warning {
    let first = if limited.ordered { "first" } else { "first (in no order)" };
    let text = format!(
        "a LIMIT below an aggregate leaves only the {first} {} rows to it; take the LIMIT out if the total of \
         all rows is meant",
        limited.rows
    );
    Warning { code: TRUNCATED_INPUT, text, columns: Vec::new() }
}

fn joined(limited: Limited) -> Warning {
    let text = format!(
        "a LIMIT without ORDER BY below a join leaves {} rows to it that may be others the next time; order \
         them, or take the LIMIT out",
        limited.rows
    );
    Warning { code: TRUNCATED_INPUT, text, columns: Vec::new() }
}
