//! Where a statement runs: here, unless it is too large for one process or the operator says otherwise.

use super::super::collect::Ran;
use super::super::context::QueryContext;
use super::super::failure;
use super::super::parts::Spread;
use super::super::run::Run;
use super::{Cluster, Tried};
use crate::error::Result;
use datafusion::common::DataFusionError;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use std::sync::Arc;

impl Run {
    /// Runs a plan here or in other processes.
    pub(in super::super) async fn ran(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        context: &Arc<QueryContext>,
    ) -> Result<Ran> {
        // What a kept result holds is in this process alone.
        let cluster = self.core.cluster.as_ref().filter(|_| self.kept.is_none());
        let Some(cluster) = cluster else {
            return self.here(plan, context).await.map_err(failure::of_execution);
        };
        let mut warning = None;
        let at_once = cluster.spread == Spread::Always || cluster.is_heavy(plan);
        if at_once {
            match Box::pin(self.there(cluster, context)).await? {
                There::Ran(ran) => return Ok(ran),
                There::No { told } => warning = told,
            }
        }
        match self.here(plan, context).await {
            Ok(ran) => Ok(Ran { warning, ..ran }),
            Err(error) if !at_once && is_too_large(&error) => {
                tracing::info!("a statement is too large for this process");
                match Box::pin(self.there(cluster, context)).await? {
                    There::Ran(ran) => Ok(ran),
                    There::No { .. } => Err(failure::of_execution(error)),
                }
            }
            Err(error) => Err(failure::of_execution(error)),
        }
    }

    async fn there(&self, cluster: &Cluster, context: &Arc<QueryContext>) -> Result<There> {
        let settled = match self.settled() {
            Ok(Some(settled)) => settled,
            Ok(None) => {
                tracing::debug!("a statement runs here: its answer depends on when rows arrive");
                return Ok(There::No { told: None });
            }
            Err(error) => {
                tracing::debug!(%error, "a statement runs here: it has no other plan");
                return Ok(There::No { told: None });
            }
        };
        let policy = self.view.rules().version();
        let (planner, limits) = (&self.core.planner, &self.limits);
        Ok(match cluster.run(&settled, planner, (context, policy), limits).await? {
            Tried::Answered(collected, place) => {
                There::Ran(Ran { collected, place: Some(place), warning: None })
            }
            Tried::Here(reason) => {
                tracing::debug!(reason, "a statement runs here");
                There::No { told: None }
            }
            Tried::Unreachable => There::No {
                told: Some(
                    "the scheduler of the executors cannot be reached: the statement ran in the server's own process"
                        .into(),
                ),
            },
        })
    }

    /// The optimised plan of the statement for other processes; `None` where its answer would depend on the order
    /// in which rows arrive.
    fn settled(&self) -> Result<Option<LogicalPlan>> {
        let question = self.resolve(self.parse()?)?;
        let rows = self.limits.rows.saturating_add(1);
        let mut is_settled = false;
        let (prepared, _) = self.logical_within(question, |plan| {
            let settled = super::order::settled(plan.clone(), rows)?;
            is_settled = settled.is_some();
            Ok(settled.unwrap_or(plan))
        })?;
        Ok(is_settled.then_some(prepared.logical))
    }
}

enum There {
    Ran(Ran),
    No { told: Option<String> },
}

/// Whether the memory of this process did not do.
fn is_too_large(error: &DataFusionError) -> bool {
    matches!(error.find_root(), DataFusionError::ResourcesExhausted(_))
}
