//! The leaf on its way: columns and sealed bytes to whoever plans, a governed read to an executor.

use super::super::leaf::properties;
use super::columns;
use super::stage::GivenUp;
use super::worker::Worker;
use crate::error::Code;
use arrow_schema::SchemaRef;
use ballista_core::serde::BallistaPhysicalExtensionCodec;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricBuilder, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, EmptyRecordBatchStream, ExecutionPlan, PhysicalExpr,
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
/// stands for: no children, no filters, no statistics.
#[derive(Debug)]
pub(super) struct SealedScan {
    /// Its place among the statement's leaves.
    number: u32,
    schema: SchemaRef,
    sealed: Arc<[u8]>,
    metrics: ExecutionPlanMetricsSet,
    properties: Arc<PlanProperties>,
}

impl SealedScan {
    /// A read with as many partitions as the planner was told; it may have fewer parts.
    pub(super) fn new(number: u32, parts: usize, schema: SchemaRef, sealed: Arc<[u8]>) -> Self {
        let properties = properties(&schema, parts);
        Self { number, schema, sealed, metrics: ExecutionPlanMetricsSet::new(), properties }
    }
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
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
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
        let Some(batches) = worker.read(&self.sealed, partition, batch_rows)? else {
            return Ok(Box::pin(EmptyRecordBatchStream::new(self.schema.clone())));
        };
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
/// More partitions than a read can have.
const PARTS: usize = 4_096;

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
        match bytes.strip_prefix(MARK) {
            Some(rest) => {
                Ok(Arc::new(scan(rest).ok_or_else(|| {
                    DataFusionError::Internal("a sealed scan is cut short".into())
                })?))
            }
            None => self.0.try_decode(bytes, inputs, task, converter),
        }
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
        let parts = scan.properties.output_partitioning().partition_count() as u64;
        bytes.extend_from_slice(&parts.to_be_bytes());
        bytes.extend_from_slice(&(schema.len() as u64).to_be_bytes());
        bytes.extend_from_slice(&schema);
        bytes.extend_from_slice(&scan.sealed);
        Ok(())
    }
}

fn scan(bytes: &[u8]) -> Option<SealedScan> {
    let (number, bytes) = bytes.split_first_chunk::<4>()?;
    let (parts, bytes) = bytes.split_first_chunk::<8>()?;
    let parts = usize::try_from(u64::from_be_bytes(*parts)).ok().filter(|parts| *parts <= PARTS)?;
    let (length, bytes) = bytes.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
    let (schema, sealed) = bytes.split_at_checked(length)?;
    let schema = columns::read(schema).ok()?;
    Some(SealedScan::new(u32::from_be_bytes(*number), parts, schema, sealed.into()))
}
