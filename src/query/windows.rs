//! A rule over physical plans: a window over all rows answers for the memory that it takes.
//!
//! ```text
//! before   WindowAggExec: max(...) OVER ()     after   WindowAggExec: max(...) OVER ()
//!            GovernedScan: people                        ReservedExec
//!                                                          GovernedScan: people
//! ```
//!
//! The node keeps its whole input and then puts it together in one piece, in one call that nothing can
//! interrupt, and asks the memory pool for none of it (DataFusion 55.2). So what flows into it is reserved, twice,
//! for as long as the node lives: a statement that would take more than there is ends before it does.

use super::collect::slice_bytes;
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::windows::WindowAggExec;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr,
    PlanProperties, ReplaceChildrenOptions,
};
use futures::StreamExt;
use std::fmt;
use std::sync::Arc;

/// The batches, and the one that they become.
const COPIES: usize = 2;

/// Finds the windows. Comes late, so that no other rule has to see through it.
#[derive(Debug)]
pub(super) struct ReserveWindows;

impl PhysicalOptimizerRule for ReserveWindows {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let reserved = plan.transform_up(|node| {
            let Some(window) = node.downcast_ref::<WindowAggExec>() else {
                return Ok(Transformed::no(node));
            };
            let input: Arc<dyn ExecutionPlan> =
                Arc::new(ReservedExec { input: window.input().clone() });
            Ok(Transformed::yes(replaced(node, input)?))
        })?;
        Ok(reserved.data)
    }

    fn name(&self) -> &str {
        "reserve_windows"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn replaced(
    node: Arc<dyn ExecutionPlan>,
    input: Arc<dyn ExecutionPlan>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
    node.replace_children(vec![input], options)
}

/// Its input's batches, with room reserved for them until the stream is dropped.
#[derive(Debug)]
struct ReservedExec {
    input: Arc<dyn ExecutionPlan>,
}

impl DisplayAs for ReservedExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReservedExec")
    }
}

impl ExecutionPlan for ReservedExec {
    fn name(&self) -> &str {
        "ReservedExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match children.pop() {
            Some(input) if children.is_empty() => Ok(Arc::new(Self { input })),
            _ => Ok(self),
        }
    }

    fn execute(
        &self,
        partition: usize,
        task: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let reservation = MemoryConsumer::new("rows of a window").register(task.memory_pool());
        let batches = self.input.execute(partition, task)?.map(move |batch| {
            let batch = batch?;
            reservation.try_grow(COPIES * slice_bytes(&batch))?;
            Ok(batch)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }
}
