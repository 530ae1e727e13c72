//! Two rules over physical plans: one thing after the other, and never for long without a pause.
//!
//! ```text
//! before   UnionExec                       after   ConcatenateExec
//!            GovernedScan: people                    GovernedScan: people
//!            GovernedScan: orders                    GovernedScan: orders
//! ```
//!
//! A union runs its branches at the same time and gives rows as they come, so the quicker source comes
//! first: and how quick a source is depends on hidden rows. Branch after branch, the order of rows, the
//! place where a LIMIT stops and the first of two errors depend on open rows alone.
//!
//! Joins make many batches out of one without waiting for anything; below an aggregate they would run
//! to their end before a deadline or a cancellation is seen. Each takes part in the runtime's budget.

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{JoinType, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PhysicalExpr, PlanProperties,
};
use futures::StreamExt;
use std::fmt;
use std::sync::Arc;

/// Nodes that can give many batches for one they take.
const PRODUCTIVE: &[&str] = &[
    "CrossJoinExec",
    "NestedLoopJoinExec",
    "HashJoinExec",
    "SortMergeJoinExec",
    "PiecewiseMergeJoinExec",
    "RecursiveQueryExec",
    "UnnestExec",
    "WindowAggExec",
    "BoundedWindowAggExec",
];

/// Runs the branches of a union one after the other. Comes first, so that every other rule sees one
/// stream without an order.
#[derive(Debug)]
pub(super) struct Sequential;

impl PhysicalOptimizerRule for Sequential {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let sequential = plan.transform_up(|node| {
            if fills_constants(&node) {
                let node = ConcatenateExec::new(node.schema(), vec![node]);
                return Ok(Transformed::yes(Arc::new(node) as Arc<dyn ExecutionPlan>));
            }
            if !matches!(node.name(), "UnionExec" | "InterleaveExec") {
                return Ok(Transformed::no(node));
            }
            let inputs = node.children().into_iter().cloned().collect();
            let node: Arc<dyn ExecutionPlan> =
                Arc::new(ConcatenateExec::new(node.schema(), inputs));
            Ok(Transformed::yes(node))
        })?;
        Ok(sequential.data)
    }

    fn name(&self) -> &str {
        "sequential"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Whether a join fills columns with NULL that were constant below it. The engine holds them to be constant
/// above it as well and orders by them no more (DataFusion 55.2), unless something else is in between.
fn fills_constants(node: &Arc<dyn ExecutionPlan>) -> bool {
    let kind = match node.downcast_ref::<HashJoinExec>() {
        Some(join) => join.join_type(),
        None => match node.downcast_ref::<NestedLoopJoinExec>() {
            Some(join) => join.join_type(),
            None => return false,
        },
    };
    let filled = match kind {
        JoinType::Left => [false, true],
        JoinType::Right => [true, false],
        JoinType::Full => [true, true],
        _ => return false,
    };
    let constant =
        |side: &Arc<dyn ExecutionPlan>| !side.equivalence_properties().constants().is_empty();
    node.children().into_iter().zip(filled).any(|(side, filled)| filled && constant(side))
}

/// Makes joins and the like pause now and then. Comes last, so that no other rule has to see through it.
#[derive(Debug)]
pub(super) struct Yielding;

impl PhysicalOptimizerRule for Yielding {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let yielding = plan.transform_up(|node| {
            // Several groupings at once give a row of each for every row.
            let several = node
                .downcast_ref::<AggregateExec>()
                .is_some_and(|grouping| !grouping.group_expr().is_single());
            if !several && !PRODUCTIVE.contains(&node.name()) {
                return Ok(Transformed::no(node));
            }
            let node: Arc<dyn ExecutionPlan> = Arc::new(CooperativeExec::new(node));
            Ok(Transformed::yes(node))
        })?;
        Ok(yielding.data)
    }

    fn name(&self) -> &str {
        "yielding"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Its inputs' rows, one input after the other.
#[derive(Debug)]
struct ConcatenateExec {
    inputs: Vec<Arc<dyn ExecutionPlan>>,
    properties: Arc<PlanProperties>,
}

impl ConcatenateExec {
    fn new(schema: arrow_schema::SchemaRef, inputs: Vec<Arc<dyn ExecutionPlan>>) -> Self {
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ));
        Self { inputs, properties }
    }
}

impl DisplayAs for ConcatenateExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConcatenateExec")
    }
}

impl ExecutionPlan for ConcatenateExec {
    fn name(&self) -> &str {
        "ConcatenateExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.inputs.iter().collect()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::new(self.schema(), children)))
    }

    fn execute(&self, _: usize, task: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let parts: Vec<(Arc<dyn ExecutionPlan>, usize)> = self
            .inputs
            .iter()
            .flat_map(|input| {
                let partitions = input.output_partitioning().partition_count();
                (0..partitions).map(|partition| (input.clone(), partition)).collect::<Vec<_>>()
            })
            .collect();
        let schema = self.schema();
        let named = schema.clone();
        // A branch is not begun before the one ahead of it has ended.
        let batches = futures::stream::iter(parts).flat_map(move |(input, partition)| {
            let schema = named.clone();
            match input.execute(partition, task.clone()) {
                Ok(stream) => {
                    stream.map(move |batch| Ok(batch?.with_schema(schema.clone())?)).boxed()
                }
                Err(error) => futures::stream::once(async { Err(error) }).boxed(),
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}
