//! The leaf on its way: columns and sealed bytes to whoever plans, a governed read to an executor.

use super::super::leaf::properties;
use super::columns;
use super::stage::GivenUp;
use super::worker::Worker;
use crate::error::Code;
use arrow_array::cast::AsArray;
use arrow_array::types::UInt32Type;
use arrow_array::{RecordBatch, UInt32Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use ballista_core::serde::BallistaPhysicalExtensionCodec;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricBuilder, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PhysicalExpr,
    PlanProperties,
};
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use futures::{StreamExt, TryStreamExt};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Instant;

/// What the node is called in metrics.
pub(super) const NAME: &str = "SealedScan";
/// The metrics of its read.
pub(super) const ROWS: &str = "governed_rows";
pub(super) const MICROS: &str = "micros";

/// A governed read that only an executor of the same deployment can open. As opaque as the leaf it
/// stands for: no filters, no statistics.
///
/// Its child is a table in memory with one partition for each part of the read, which holds that part's number. A
/// scheduler gives tasks their share of such a table's partitions; of a leaf that it does not know each task would
/// run all (Ballista 55.0).
#[derive(Debug)]
pub(super) struct SealedScan {
    /// Its place among the statement's leaves.
    number: u32,
    schema: SchemaRef,
    sealed: Arc<[u8]>,
    parts: Arc<dyn ExecutionPlan>,
    metrics: ExecutionPlanMetricsSet,
    properties: Arc<PlanProperties>,
}

impl SealedScan {
    /// A read in so many parts.
    pub(super) fn new(
        number: u32,
        parts: u32,
        schema: SchemaRef,
        sealed: Arc<[u8]>,
    ) -> Result<Self> {
        Ok(Self::over(numbered(parts)?, number, schema, sealed))
    }

    fn over(
        parts: Arc<dyn ExecutionPlan>,
        number: u32,
        schema: SchemaRef,
        sealed: Arc<[u8]>,
    ) -> Self {
        let properties = properties(&schema, parts.output_partitioning().partition_count());
        let metrics = ExecutionPlanMetricsSet::new();
        Self { number, schema, sealed, parts, metrics, properties }
    }
}

/// A table with one partition for each number below `parts`.
fn numbered(parts: u32) -> Result<Arc<dyn ExecutionPlan>> {
    let schema = Arc::new(Schema::new(vec![Field::new("part", DataType::UInt32, false)]));
    let part = |number| {
        let column = Arc::new(UInt32Array::from(vec![number]));
        Ok(vec![RecordBatch::try_new(schema.clone(), vec![column])?])
    };
    let partitions = (0..parts).map(part).collect::<Result<Vec<_>>>()?;
    let table = MemorySourceConfig::try_new_exec(&partitions, schema.clone(), None)?;
    Ok(table)
}

fn is_in_memory(table: &Arc<dyn ExecutionPlan>) -> bool {
    let source = table.downcast_ref::<DataSourceExec>();
    source.is_some_and(|source| source.data_source().is::<MemorySourceConfig>())
}

/// The number that a partition of such a table holds.
async fn part(mut table: SendableRecordBatchStream) -> Result<usize> {
    let batch = table.next().await.transpose()?;
    let number = batch.as_ref().and_then(|batch| {
        let column = batch.columns().first()?.as_primitive_opt::<UInt32Type>()?;
        (!column.is_empty()).then(|| column.value(0))
    });
    let number = number.and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| DataFusionError::Internal("a part of a read has no number".into()))
}

impl DisplayAs for SealedScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{NAME}: {}", self.number)
    }
}

impl ExecutionPlan for SealedScan {
    fn name(&self) -> &str {
        NAME
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.parts]
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
        let Some(parts) = children.pop().filter(|_| children.is_empty()) else { return Ok(self) };
        let (schema, sealed) = (self.schema.clone(), self.sealed.clone());
        Ok(Arc::new(Self::over(parts, self.number, schema, sealed)))
    }

    fn execute(
        &self,
        partition: usize,
        task: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let worker = task.session_config().get_extension::<Worker>().ok_or_else(|| {
            DataFusionError::Internal("a sealed scan runs only on an executor".into())
        })?;
        let rows = MetricBuilder::new(&self.metrics).counter(ROWS, partition);
        let micros = MetricBuilder::new(&self.metrics).gauge(MICROS, partition);
        let started = Instant::now();
        let batch_rows = task.session_config().batch_size();
        let number = part(self.parts.execute(partition, task.clone())?);
        let sealed = self.sealed.clone();
        let batches = async move { worker.read(&sealed, number.await?, batch_rows) };
        let batches = futures::stream::once(batches).try_flatten();
        let batches = batches.inspect_ok(move |batch| {
            rows.add(batch.num_rows());
            micros.set(started.elapsed().as_micros() as usize);
        });
        let given_up = task.session_config().get_extension::<GivenUp>();
        let given_up = async move {
            match given_up {
                Some(task) => task.0.cancelled().await,
                None => std::future::pending().await,
            }
        };
        // What comes after the last row that was read is not for somebody who could take it for the end.
        let cut = futures::stream::once(async {
            let cancelled = crate::error::Error::new(Code::Cancelled, "the task was given up");
            Err(DataFusionError::External(Box::new(cancelled)))
        });
        let ended = Arc::new(AtomicBool::new(false));
        let whole = ended.clone();
        let batches = batches.chain(futures::stream::poll_fn(move |_| {
            whole.store(true, Ordering::Relaxed);
            Poll::Ready(None)
        }));
        let batches = batches.take_until(Box::pin(given_up));
        let batches =
            batches.chain(cut.filter(move |_| std::future::ready(!ended.load(Ordering::Relaxed))));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), batches)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// What precedes a sealed scan among the nodes that are written.
const MARK: &[u8] = b"celosia:scan:2\0";

/// Writes and reads our leaf beside the engine's own nodes. Functions travel by name.
#[derive(Debug, Default)]
pub(super) struct Codec(BallistaPhysicalExtensionCodec);

impl PhysicalExtensionCodec for Codec {
    fn try_decode(
        &self,
        bytes: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        task: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(rest) = bytes.strip_prefix(MARK) else {
            return self.0.try_decode(bytes, inputs, task, converter);
        };
        let scan = match inputs {
            // A table in memory, and nothing that would read a file.
            [parts] if is_in_memory(parts) => scan(rest, parts.clone()),
            _ => None,
        };
        let cut = || DataFusionError::Internal("a sealed scan is cut short".into());
        Ok(Arc::new(scan.ok_or_else(cut)?))
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        bytes: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let Some(scan) = node.downcast_ref::<SealedScan>() else {
            return self.0.try_encode(node, bytes, converter);
        };
        let schema = columns::written(&scan.schema)?;
        bytes.extend_from_slice(MARK);
        bytes.extend_from_slice(&scan.number.to_be_bytes());
        bytes.extend_from_slice(&(schema.len() as u64).to_be_bytes());
        bytes.extend_from_slice(&schema);
        bytes.extend_from_slice(&scan.sealed);
        Ok(())
    }
}

fn scan(bytes: &[u8], parts: Arc<dyn ExecutionPlan>) -> Option<SealedScan> {
    let (number, bytes) = bytes.split_first_chunk::<4>()?;
    let (length, bytes) = bytes.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
    let (schema, sealed) = bytes.split_at_checked(length)?;
    let schema = columns::read(schema).ok()?;
    Some(SealedScan::over(parts, u32::from_be_bytes(*number), schema, sealed.into()))
}
