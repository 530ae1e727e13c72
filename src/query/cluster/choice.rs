//! Where a statement runs: here, unless it is too large for one process or the operator says otherwise.

use super::super::collect::Ran;
use super::super::context::QueryContext;
use super::super::disk::is_too_large;
use super::super::failure;
use super::super::parts::Spread;
use super::super::request::RunOn;
use super::super::run::Run;
use super::{Cluster, Tried};
use crate::error::Result;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use std::sync::Arc;

impl Run {
    /// Runs a plan here or in other processes.
    pub(in super::super) async fn ran(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        context: &Arc<QueryContext>,
    ) -> Result<Ran> {
        // What a kept result holds is in this process alone.
        let elsewhere = self.kept.is_none() && self.request.run_on != RunOn::Server;
        let Some(cluster) = self.core.cluster.as_ref().filter(|_| elsewhere) else {
            return self.here_at_any_size(plan, context).await;
        };
        let wanted = self.request.run_on == RunOn::Executors;
        let at_once = wanted || cluster.spread == Spread::Always || cluster.is_heavy(&plan);
        let mut warning = None;
        if at_once {
            match Box::pin(self.there(cluster, context)).await? {
                There::Ran(ran) => return Ok(ran),
                There::No { reason, failed } => {
                    tracing::debug!(reason, "a statement runs here");
                    warning = (wanted || failed).then(|| {
                        format!("the statement ran in the server's own process: {reason}")
                    });
                }
            }
        }
        match self.here(&plan, context).await {
            Ok(ran) => Ok(Ran { warning, ..ran }),
            Err(error) if is_too_large(&error) => {
                if !at_once {
                    tracing::info!("a statement is too large for this process");
                    if let There::Ran(ran) = Box::pin(self.there(cluster, context)).await? {
                        return Ok(ran);
                    }
                }
                let ran = Box::pin(self.on_disk(plan, context, error)).await?;
                Ok(Ran { warning, ..ran })
            }
            Err(error) => Err(failure::of_execution(error)),
        }
    }

    async fn there(&self, cluster: &Cluster, context: &Arc<QueryContext>) -> Result<There> {
        let settled = match self.settled() {
            Ok(Some(settled)) => settled,
            Ok(None) => {
                return Ok(There::no("its answer depends on the order in which rows arrive"));
            }
            Err(error) => {
                tracing::debug!(%error, "a statement has no other plan");
                return Ok(There::no("it has no other plan"));
            }
        };
        let policy = self.view.rules().version();
        let (planner, limits) = (&self.core.planner, &self.limits);
        Ok(match cluster.run(&settled, planner, (context, policy), limits).await? {
            Tried::Answered(collected, place) => {
                There::Ran(Ran { collected, place: Some(place), warning: None })
            }
            Tried::Here(reason) => There::no(reason),
            Tried::Unreachable => There::No {
                reason: "the scheduler of the executors cannot be reached",
                failed: true,
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
    No {
        reason: &'static str,
        /// Whether something is wrong.
        failed: bool,
    },
}

impl There {
    fn no(reason: &'static str) -> Self {
        Self::No { reason, failed: false }
    }
}
