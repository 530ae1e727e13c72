//! A sort with a limit needs only the first rows of that order from its table.
//!
//! ```text
//! before   Sort: orders.id ASC, fetch=10          after   Sort: orders.id ASC, fetch=10
//!            TableScan: orders                               TableScan: orders (first 10 by id)
//! ```
//!
//! The sort stays above and settles ties and text order; the leaf drops the hint where the source
//! cannot give the same order or where a filter stays local.

use super::leaf::{GovernedTable, Top, TopKey};
use super::pushdown;
use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::logical_expr::{
    Expr, Filter, LogicalPlan, Projection, Sort, SubqueryAlias, TableScan,
};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use std::sync::Arc;

/// The rule.
#[derive(Debug)]
pub(super) struct PushTop;

impl OptimizerRule for PushTop {
    fn name(&self) -> &str {
        "push_top_into_governed_scan"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Sort(sort) = &plan else { return Ok(Transformed::no(plan)) };
        let Some(fetch) = sort.fetch else { return Ok(Transformed::no(plan)) };
        let mut keys = Vec::with_capacity(sort.expr.len());
        for key in &sort.expr {
            keys.push(Key {
                expr: key.expr.clone(),
                descending: !key.asc,
                nulls_first: key.nulls_first,
            });
        }
        let pushed = push(&sort.input, keys, fetch as u64);
        Ok(match pushed {
            Some(input) => {
                Transformed::yes(LogicalPlan::Sort(Sort { input: Arc::new(input), ..sort.clone() }))
            }
            None => Transformed::no(plan),
        })
    }
}

struct Key {
    expr: Expr,
    descending: bool,
    nulls_first: bool,
}

/// The input with the hint in its scan, where the way down keeps rows and order.
fn push(plan: &LogicalPlan, keys: Vec<Key>, fetch: u64) -> Option<LogicalPlan> {
    match plan {
        LogicalPlan::Projection(projection) => {
            let keys = keys
                .into_iter()
                .map(|key| Some(Key { expr: below(&key.expr, projection)?, ..key }));
            let input = push(&projection.input, keys.collect::<Option<_>>()?, fetch)?;
            Some(LogicalPlan::Projection(
                Projection::try_new_with_schema(
                    projection.expr.clone(),
                    Arc::new(input),
                    projection.schema.clone(),
                )
                .ok()?,
            ))
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let input = push(&alias.input, keys, fetch)?;
            Some(LogicalPlan::SubqueryAlias(
                SubqueryAlias::try_new(Arc::new(input), alias.alias.clone()).ok()?,
            ))
        }
        LogicalPlan::Filter(filter) => {
            // The scan itself is told the same conditions; it drops the hint if one of them stays here.
            let LogicalPlan::TableScan(scan) = filter.input.as_ref() else { return None };
            let told = datafusion::logical_expr::utils::split_conjunction(&filter.predicate)
                .into_iter()
                .all(|condition| scan.filters.contains(condition));
            if !told {
                return None;
            }
            let input = push(&filter.input, keys, fetch)?;
            Some(LogicalPlan::Filter(
                Filter::try_new(filter.predicate.clone(), Arc::new(input)).ok()?,
            ))
        }
        LogicalPlan::TableScan(scan) => {
            Some(LogicalPlan::TableScan(into_scan(scan, &keys, fetch)?))
        }
        _ => None,
    }
}

/// What a sort key is below a projection, if it is a plain column there.
fn below(expr: &Expr, projection: &Projection) -> Option<Expr> {
    let Expr::Column(column) = expr else { return None };
    let index = projection.schema.maybe_index_of_column(column)?;
    match projection.expr[index].clone().unalias() {
        Expr::Column(column) => Some(Expr::Column(column)),
        _ => None,
    }
}

fn into_scan(scan: &TableScan, keys: &[Key], fetch: u64) -> Option<TableScan> {
    let provider = source_as_provider(&scan.source).ok()?;
    let table = provider.downcast_ref::<GovernedTable>()?;
    if table.has_top() {
        return None;
    }
    let schema = scan.source.schema();
    let keys = keys.iter().map(|key| {
        Some(TopKey {
            column: pushdown::column(&key.expr, &schema)?,
            descending: key.descending,
            nulls_first: key.nulls_first,
        })
    });
    let top = Top { keys: keys.collect::<Option<_>>()?, fetch };
    Some(TableScan { source: provider_as_source(Arc::new(table.with_top(top))), ..scan.clone() })
}
