//! The rules that plans go through: the engine's own, but those that are wrong, and ours around them.

use super::sequential::{Sequential, Yielding};
use super::supervise;
use super::top::PushTop;
use super::windows::ReserveWindows;
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::eliminate_filter::EliminateFilter;
use datafusion::optimizer::eliminate_limit::EliminateLimit;
use datafusion::optimizer::optimize_projections::OptimizeProjections;
use datafusion::optimizer::push_down_filter::PushDownFilter;
use datafusion::optimizer::push_down_limit::PushDownLimit;
use datafusion::optimizer::simplify_expressions::SimplifyExpressions;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use std::sync::Arc;

pub(super) type Rules = Vec<Arc<dyn OptimizerRule + Send + Sync>>;

/// Rules that give up at the statement's deadline, and one of ours.
pub(super) fn supervised(rules: Rules) -> Rules {
    let mut rules: Rules =
        rules.into_iter().map(|rule| Arc::new(Supervised(rule)) as Arc<_>).collect();
    rules.push(Arc::new(PushTop));
    rules
}

/// The engine's physical rules between ours, of which one says how joins are done.
pub(super) fn physical_rules(joins: Arc<dyn PhysicalOptimizerRule + Send + Sync>) -> PhysicalRules {
    let mut rules: PhysicalRules = vec![Arc::new(Sequential), joins];
    rules.extend(engine_rules());
    rules.push(Arc::new(ReserveWindows));
    rules.push(Arc::new(Yielding));
    rules
}

pub(super) type PhysicalRules = Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>>;

/// The engine's physical rules, but those that are wrong.
pub(super) fn engine_rules() -> PhysicalRules {
    let mut rules = PhysicalOptimizer::new().rules;
    // The plan arrives with every condition at its place, and no leaf takes more while it runs. The rule tells
    // the sides of a join apart by the names of columns, and takes a condition between two columns of
    // one name for one of a single side (DataFusion 55.2).
    rules.retain(|rule| !rule.name().starts_with("FilterPushdown"));
    // Run before orders are known, it promises an early end to a DISTINCT whose input turns out to be
    // sorted, which then fails (DataFusion 55.2).
    if let Some(early) = rules.iter().position(|rule| rule.name() == "LimitedDistinctAggregation") {
        let distinct = rules.remove(early);
        let late = rules.iter().position(|rule| rule.name() == "LimitAggregation");
        rules.insert(late.unwrap_or(rules.len()), distinct);
    }
    rules
}

/// The rules that matter to one table with conditions, columns, an order and a limit.
pub(super) fn simple_rules() -> Rules {
    vec![
        Arc::new(SimplifyExpressions::new()),
        Arc::new(EliminateFilter::new()),
        Arc::new(EliminateLimit::new()),
        Arc::new(PushDownLimit::new()),
        Arc::new(PushDownFilter::new()),
        Arc::new(OptimizeProjections::new()),
    ]
}

/// An optimizer rule that gives up once the statement's deadline has passed.
#[derive(Debug)]
struct Supervised(Arc<dyn OptimizerRule + Send + Sync>);

impl OptimizerRule for Supervised {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn apply_order(&self) -> Option<datafusion::optimizer::ApplyOrder> {
        self.0.apply_order()
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<datafusion::common::tree_node::Transformed<LogicalPlan>> {
        if supervise::is_past_deadline() {
            return Err(DataFusionError::ResourcesExhausted(supervise::PLANNING_DEADLINE.into()));
        }
        self.0.rewrite(plan, config)
    }
}
