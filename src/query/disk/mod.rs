//! Joins larger than memory, in this process.
//!
//! ```text
//! before   HashJoinExec: o.customer = c.id          after   SortMergeJoinExec: o.customer = c.id
//!            GovernedScan: sales.orders                       SortExec: customer
//!            GovernedScan: support.customers                    GovernedScan: sales.orders
//!                                                             SortExec: id
//!                                                               GovernedScan: support.customers
//! ```
//!
//! A hash join holds one side, and is the quickest where that fits. Where it turned out not to fit, the statement is
//! run once more with its inputs sorted by their keys, and sorts go to files. Files hold governed values alone, in a
//! directory that is its owner's. Several sorts of one statement share its memory evenly: who comes first would take
//! all of it, and the others could not even merge what they wrote.

mod directory;
mod shares;

pub(super) use directory::Directory;
pub(super) use shares::Shares;

use super::collect::{Ran, collect};
use super::context::QueryContext;
use super::failure;
use super::keys::KeyedJoinExec;
use super::run::Run;
use crate::error::Result;
use arrow_schema::{DataType, SortOptions};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DataFusionError, JoinType};
use datafusion::execution::TaskContext;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::joins::{HashJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use std::sync::Arc;

/// What plans run with: so many bytes of memory, and so many on disk. Without a place on disk what does not fit into
/// memory is an error.
pub(super) fn runtime(
    memory: usize,
    disk: u64,
) -> datafusion::common::Result<(Option<Directory>, Arc<RuntimeEnv>)> {
    let directory = (disk > 0).then(|| Directory::new(&std::env::temp_dir()));
    let directory = directory.and_then(|made| {
        made.inspect_err(|error| tracing::warn!(%error, "what does not fit into memory has no place: set TMPDIR"))
            .ok()
    });
    let mode = directory.as_ref().map_or(DiskManagerMode::Disabled, |directory| {
        DiskManagerMode::Directories(vec![directory.path().to_path_buf()])
    });
    let files = DiskManagerBuilder::default().with_mode(mode).with_max_temp_directory_size(disk);
    let runtime = RuntimeEnvBuilder::new().with_memory_limit(memory, 1.0);
    Ok((directory, runtime.with_disk_manager_builder(files).build_arc()?))
}

impl Run {
    /// Runs a plan in this process; once more and with files where its joins do not fit into memory.
    pub(super) async fn here_at_any_size(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        context: &Arc<QueryContext>,
    ) -> Result<Ran> {
        match self.here(&plan, context).await {
            Err(error) if is_too_large(&error) => {
                Box::pin(self.on_disk(plan, context, error)).await
            }
            done => done.map_err(failure::of_execution),
        }
    }

    /// Runs a statement with files that was too large for memory. What its joins hold goes with its plan.
    ///
    /// # Errors
    /// Those of the statement; the one it had where files change nothing.
    pub(super) async fn on_disk(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        context: &Arc<QueryContext>,
        error: DataFusionError,
    ) -> Result<Ran> {
        if !self.core.planner.has_disk() || !joins_by_hash(&plan) {
            return Err(failure::of_execution(error));
        }
        tracing::info!("a statement is too large for memory, and is run with files");
        drop((plan, error));
        let question = self.resolve(self.parse()?)?;
        let planner = &self.core.planner;
        let cap = self.limits.rows.saturating_add(1);
        let (prepared, _) = self.logical_within(question, |plan| planner.capped(plan, cap))?;
        let plan = planner.physical_on_disk(&prepared.logical).await;
        let plan = plan.map_err(failure::of_execution)?;
        let task = planner.task_on_disk(context.clone(), self.holding.clone());
        self.collected(&plan, task).await.map_err(failure::of_execution)
    }

    /// Runs a plan in this process.
    pub(super) async fn here(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        context: &Arc<QueryContext>,
    ) -> datafusion::common::Result<Ran> {
        let task = self.core.planner.task(context.clone(), self.holding.clone());
        self.collected(plan, task).await
    }

    /// The rows of a plan.
    async fn collected(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        task: Arc<TaskContext>,
    ) -> datafusion::common::Result<Ran> {
        let stream = execute_stream(plan.clone(), task)?;
        let collected = collect(stream, self.limits.rows, self.limits.bytes).await?;
        Ok(Ran { collected, place: None, warning: None })
    }
}

/// Whether the memory of this process did not do.
pub(super) fn is_too_large(error: &DataFusionError) -> bool {
    matches!(error.find_root(), DataFusionError::ResourcesExhausted(_))
}

fn joins_by_hash(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.downcast_ref::<HashJoinExec>().is_some_and(can_be_sorted)
        || plan.downcast_ref::<KeyedJoinExec>().is_some_and(|join| can_be_sorted(join.join()))
        || plan.children().into_iter().any(joins_by_hash)
}

/// Joins by sorting what a plan joins by hashing. Comes early: another rule puts the sorts below.
#[derive(Debug)]
pub(super) struct JoinSorted;

impl PhysicalOptimizerRule for JoinSorted {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> datafusion::common::Result<Arc<dyn ExecutionPlan>> {
        let sorted = plan.transform_up(|node| {
            let join = node.downcast_ref::<HashJoinExec>();
            // A join that also chooses columns does not before the engine's own rules have run.
            let join = join.filter(|join| can_be_sorted(join) && !join.contains_projection());
            let Some(join) = join else { return Ok(Transformed::no(node)) };
            let on = join.on().to_vec();
            let orders = vec![SortOptions::default(); on.len()];
            let sorted = SortMergeJoinExec::try_new(
                join.left().clone(),
                join.right().clone(),
                on,
                join.filter().cloned(),
                *join.join_type(),
                orders,
                join.null_equality(),
            )?;
            Ok(Transformed::yes(Arc::new(sorted) as Arc<dyn ExecutionPlan>))
        })?;
        Ok(sorted.data)
    }

    fn name(&self) -> &str {
        "join_sorted"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Whether sorting finds the pairs that hashing finds. Doubles are left alone: which of them are equal and which
/// comes first are two questions.
fn can_be_sorted(join: &HashJoinExec) -> bool {
    let has_order = |data_type: &DataType| {
        data_type.is_integer()
            || matches!(
                data_type,
                DataType::Boolean
                    | DataType::Utf8
                    | DataType::Date32
                    | DataType::Timestamp(..)
                    | DataType::Decimal128(..)
            )
    };
    let kind = !matches!(join.join_type(), JoinType::LeftMark | JoinType::RightMark);
    let (left, right) = (join.left().schema(), join.right().schema());
    kind && !join.null_aware
        && join.on().iter().all(|(a, b)| match (a.data_type(&left), b.data_type(&right)) {
            (Ok(a), Ok(b)) => a == b && has_order(&a),
            _ => false,
        })
}
