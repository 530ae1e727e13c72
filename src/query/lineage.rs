//! Where each output column of a plan comes from.

use super::kept::KeptTable;
use super::leaf::GovernedTable;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::utils::grouping_set_to_exprlist;
use datafusion::logical_expr::{Distinct, Expr, JoinType, LogicalPlan};
use std::collections::BTreeSet;

/// One stored column: `source.schema.table.column`, and the masks on it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin {
    /// The column's full name.
    pub(super) column: String,
    /// The mask's name, where one is applied.
    pub(super) mask: Option<String>,
}

/// The origins of one output column.
pub(super) type Origins = BTreeSet<Origin>;

/// The origins of every output column of `plan`, in order.
pub(super) fn origins(plan: &LogicalPlan) -> Vec<Origins> {
    match plan {
        LogicalPlan::TableScan(scan) => scan_origins(scan),
        LogicalPlan::Projection(projection) => {
            let input = Input::of(&projection.input);
            projection.expr.iter().map(|expr| input.of_expr(expr)).collect()
        }
        LogicalPlan::Aggregate(aggregate) => {
            let input = Input::of(&aggregate.input);
            let groups = grouping_set_to_exprlist(&aggregate.group_expr).unwrap_or_default();
            let mut columns: Vec<Origins> =
                groups.into_iter().map(|expr| input.of_expr(expr)).collect();
            if let [Expr::GroupingSet(_)] = aggregate.group_expr.as_slice() {
                // Which of the groupings a row is of.
                columns.push(columns.iter().flatten().cloned().collect());
            }
            columns.extend(aggregate.aggr_expr.iter().map(|expr| input.of_expr(expr)));
            pad(columns, plan)
        }
        LogicalPlan::Window(window) => {
            let input = Input::of(&window.input);
            let added: Vec<Origins> =
                window.window_expr.iter().map(|expr| input.of_expr(expr)).collect();
            input.columns.into_iter().chain(added).collect()
        }
        LogicalPlan::Join(join) => match join.join_type {
            JoinType::LeftSemi | JoinType::LeftAnti => origins(&join.left),
            JoinType::RightSemi | JoinType::RightAnti => origins(&join.right),
            _ => pad(origins(&join.left).into_iter().chain(origins(&join.right)).collect(), plan),
        },
        LogicalPlan::Union(union) => {
            let mut columns: Vec<Origins> = vec![Origins::new(); plan.schema().fields().len()];
            for input in &union.inputs {
                for (column, more) in columns.iter_mut().zip(origins(input)) {
                    column.extend(more);
                }
            }
            columns
        }
        LogicalPlan::Distinct(Distinct::On(on)) => {
            let input = Input::of(&on.input);
            on.select_expr.iter().map(|expr| input.of_expr(expr)).collect()
        }
        LogicalPlan::Distinct(Distinct::All(input)) => origins(input),
        LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::SubqueryAlias(_) => {
            plan.inputs().first().map(|input| origins(input)).unwrap_or_default()
        }
        other => anything(other),
    }
}

fn scan_origins(scan: &datafusion::logical_expr::TableScan) -> Vec<Origins> {
    let Ok(provider) = source_as_provider(&scan.source) else { return Vec::new() };
    if let Some(kept) = provider.downcast_ref::<KeptTable>() {
        let all: Vec<usize> = (0..provider.schema().fields().len()).collect();
        let read = scan.projection.as_ref().unwrap_or(&all).iter();
        let origins = read.map(|index| {
            let (column, mask) = kept.origin(*index);
            Origins::from([Origin { column, mask }])
        });
        return origins.collect();
    }
    let Some(table) = provider.downcast_ref::<GovernedTable>() else {
        return vec![Origins::new(); scan.projected_schema.fields().len()];
    };
    let columns = table.grant().columns();
    let all: Vec<usize> = (0..columns.len()).collect();
    scan.projection
        .as_ref()
        .unwrap_or(&all)
        .iter()
        .map(|index| Origins::from([origin(table, *index)]))
        .collect()
}

/// The origin that is column `index` of a governed table.
pub(super) fn origin(table: &GovernedTable, index: usize) -> Origin {
    let granted = &table.grant().columns()[index];
    let entry = table.entry();
    Origin {
        column: format!("{}.{}", entry.reference, entry.description.columns[granted.column()].name),
        mask: granted.declared_mask().map(|mask| mask.name().to_string()),
    }
}

/// Every output column may come from everything below: for nodes that are not followed.
fn anything(plan: &LogicalPlan) -> Vec<Origins> {
    let mut below = Origins::new();
    for input in plan.inputs() {
        below.extend(origins(input).into_iter().flatten());
    }
    vec![below; plan.schema().fields().len()]
}

/// One entry per output column, also where a node adds columns of its own.
fn pad(mut columns: Vec<Origins>, plan: &LogicalPlan) -> Vec<Origins> {
    columns.resize(plan.schema().fields().len(), Origins::new());
    columns
}

struct Input<'a> {
    plan: &'a LogicalPlan,
    columns: Vec<Origins>,
}

impl<'a> Input<'a> {
    fn of(plan: &'a LogicalPlan) -> Self {
        Self { plan, columns: origins(plan) }
    }

    fn of_expr(&self, expr: &Expr) -> Origins {
        let mut found = Origins::new();
        let walked = expr.apply(|node| {
            match node {
                Expr::Column(column) => {
                    if let Some(index) = self.plan.schema().maybe_index_of_column(column)
                        && let Some(origins) = self.columns.get(index)
                    {
                        found.extend(origins.iter().cloned());
                    }
                }
                Expr::ScalarSubquery(subquery)
                | Expr::Exists(datafusion::logical_expr::expr::Exists { subquery, .. }) => {
                    found.extend(origins(&subquery.subquery).into_iter().flatten());
                }
                Expr::InSubquery(inside) => {
                    found.extend(origins(&inside.subquery.subquery).into_iter().flatten());
                }
                _ => {}
            }
            Ok(TreeNodeRecursion::Continue)
        });
        debug_assert!(walked.is_ok());
        found
    }
}
