//! One stage of a plan on an executor: the engine's own, but for what it may read, the words of its errors and the
//! end of its reads. The engine's writers go on by themselves after their task was given up; what they read does not.

use super::super::disk::Shares;
use super::super::windows::ReserveWindows;
use super::refused;
use super::told::told;
use async_trait::async_trait;
use ballista_core::JobId;
use ballista_core::serde::protobuf::{
    RuntimeStatsReport, ShuffleWritePartition, TaskColumnStats, WindowStateReport,
};
use ballista_executor::execution_engine::{
    DefaultExecutionEngine, ExecutionEngine, QueryStageExecutor,
};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::TaskContext;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::{Count, Metric, MetricValue, MetricsSet};
use datafusion::prelude::SessionConfig;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio_util::sync::CancellationToken;

/// What a stage may begin with: rows of other stages, and nothing. A sealed read stands over a table of numbers.
const BEGINNINGS: [&str; 4] =
    ["ShuffleReaderExec", "RangeShuffleReaderExec", "EmptyExec", "PlaceholderRowExec"];

/// Writes whatever it is told to.
const SINK: &str = "DataSinkExec";

/// Whether a plan touches this machine's files by nothing but what passes between stages. Ballista would read and
/// write any.
fn is_ours(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let children = plan.children();
    if children.is_empty() {
        let table = plan.downcast_ref::<DataSourceExec>();
        let holds = table.is_some_and(|table| table.data_source().is::<MemorySourceConfig>());
        return holds || BEGINNINGS.contains(&plan.name());
    }
    plan.name() != SINK && children.into_iter().all(is_ours)
}

/// Runs stages.
#[derive(Default)]
pub(super) struct Stages(pub(super) DefaultExecutionEngine);

impl ExecutionEngine for Stages {
    fn create_query_stage_exec(
        &self,
        job: JobId,
        stage: usize,
        task: usize,
        outputs: Vec<usize>,
        plan: Arc<dyn ExecutionPlan>,
        work: &str,
        config: &SessionConfig,
    ) -> Result<Arc<dyn QueryStageExecutor>> {
        if !is_ours(&plan) {
            return Err(told(DataFusionError::External(Box::new(refused(
                "an executor was handed a plan that reads or writes something else than its sources",
                "let nobody but this deployment's servers reach its scheduler and executors",
            )))));
        }
        // A node more has no metrics, and so none too many for the scheduler.
        let plan = ReserveWindows.optimize(plan, config.options())?;
        let stage =
            self.0.create_query_stage_exec(job, stage, task, outputs, plan, work, config)?;
        Ok(Arc::new(Stage { inner: stage, written: AtomicU64::new(0) }))
    }
}

/// Fires when the task of a stage has ended, however it did.
#[derive(Debug)]
pub(super) struct GivenUp(pub(super) CancellationToken);

/// The metric of the bytes that a stage wrote for the next one.
pub(super) const BYTES: &str = "bytes_between";

#[derive(Debug)]
struct Stage {
    inner: Arc<dyn QueryStageExecutor>,
    written: AtomicU64,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl QueryStageExecutor for Stage {
    async fn execute_query_stage(
        &self,
        task: usize,
        context: Arc<TaskContext>,
    ) -> Result<Vec<ShuffleWritePartition>> {
        let given_up = CancellationToken::new();
        let _when_dropped = given_up.clone().drop_guard();
        let mut config =
            context.session_config().clone().with_extension(Arc::new(GivenUp(given_up)));
        // The task's own memory: a sort that merges its files would leave nothing to what is above it.
        let mut runtime = context.runtime_env().as_ref().clone();
        let shares = Shares::of(runtime.memory_pool);
        shares.tell(config.options_mut());
        runtime.memory_pool = Arc::new(shares);
        let context = Arc::new(TaskContext::new(
            context.task_id(),
            context.session_id(),
            config,
            context.scalar_functions().clone(),
            context.higher_order_functions().clone(),
            context.aggregate_functions().clone(),
            context.window_functions().clone(),
            Arc::new(runtime),
        ));
        let written = self.inner.execute_query_stage(task, context).await.map_err(told)?;
        let bytes = written.iter().map(|partition| partition.num_bytes).sum();
        self.written.fetch_add(bytes, Ordering::Relaxed);
        Ok(written)
    }

    fn collect_plan_metrics(&self) -> Vec<MetricsSet> {
        let mut metrics = self.inner.collect_plan_metrics();
        // The first node is the writer.
        if let Some(writer) = metrics.first_mut() {
            let count = Count::new();
            count.add(usize::try_from(self.written.load(Ordering::Relaxed)).unwrap_or(usize::MAX));
            let value = MetricValue::Count { name: BYTES.into(), count };
            writer.push(Arc::new(Metric::new(value, None)));
        }
        metrics
    }

    fn collect_runtime_stats_reports(&self) -> Vec<RuntimeStatsReport> {
        self.inner.collect_runtime_stats_reports()
    }

    fn collect_window_state_reports(&self) -> Result<Vec<WindowStateReport>> {
        self.inner.collect_window_state_reports()
    }

    fn collect_column_stats(&self) -> Vec<TaskColumnStats> {
        self.inner.collect_column_stats()
    }
}

#[cfg(test)]
mod tests {
    use super::super::scan::SealedScan;
    use super::*;
    use arrow_schema::{DataType, Field, Schema};
    use datafusion::datasource::physical_plan::{ArrowSource, FileScanConfigBuilder};
    use datafusion::execution::object_store::ObjectStoreUrl;
    use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
    use datafusion::physical_plan::empty::EmptyExec;
    use datafusion::physical_plan::union::UnionExec;

    #[test]
    fn a_stage_reads_its_sources_and_other_stages_alone() {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
        let nothing: Arc<dyn ExecutionPlan> = Arc::new(EmptyExec::new(schema.clone()));
        let sealed = SealedScan::new(0, 2, schema.clone(), vec![1].into()).unwrap();
        let files = Arc::new(ArrowSource::new_file_source(schema));
        let files = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), files).build();
        let both = |a: Arc<dyn ExecutionPlan>, b| UnionExec::try_new(vec![a, b]).unwrap();
        let over = |plan| Arc::new(CoalescePartitionsExec::new(plan)) as Arc<dyn ExecutionPlan>;
        assert!(is_ours(&over(both(Arc::new(sealed), nothing.clone()))));
        assert!(!is_ours(&over(both(nothing, DataSourceExec::from_data_source(files)))));
    }
}
