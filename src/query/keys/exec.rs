//! The join that sends keys.

use super::narrow::narrowed;
use super::values::Keys;
use super::{MOST_BYTES, MOST_ROWS};
use arrow_array::{Array, RecordBatch};
use arrow_schema::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties,
};
use futures::{StreamExt, TryStreamExt};
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;

/// How keys of one side go to the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    /// Index of the pair of keys.
    pub(super) pair: usize,
    /// The column of the side that is told.
    pub(super) column: usize,
}

/// A hash join whose first side's keys are sent to the second.
#[derive(Debug)]
pub(in super::super) struct KeyedJoinExec {
    join: HashJoinExec,
    to_right: Option<Way>,
    to_left: Option<Way>,
    right_first: bool,
    properties: Arc<PlanProperties>,
}

impl KeyedJoinExec {
    pub(super) fn new(
        join: HashJoinExec,
        to_right: Option<Way>,
        to_left: Option<Way>,
        right_first: bool,
    ) -> Self {
        // Which side is read first decides the order of the rows, so none is promised.
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(join.schema()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ));
        Self { join, to_right, to_left, right_first, properties }
    }

    /// The join.
    pub(in super::super) fn join(&self) -> &HashJoinExec {
        &self.join
    }
}

impl DisplayAs for KeyedJoinExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = self.join.on().iter().map(|(left, right)| format!("{left} = {right}"));
        let on = on.collect::<Vec<_>>().join(" AND ");
        let first = if self.right_first { "second" } else { "first" };
        write!(f, "KeyedJoinExec: {:?}, {on}", self.join.join_type())?;
        if let Some(filter) = self.join.filter() {
            write!(f, ", filter={}", filter.expression())?;
        }
        write!(f, ", the keys of its {first} input go to the other where they are few")
    }
}

impl ExecutionPlan for KeyedJoinExec {
    fn name(&self) -> &str {
        "KeyedJoinExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![self.join.left(), self.join.right()]
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.join.apply_expressions(visit)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let join = self.join.builder().with_new_children(children)?.reset_state();
        let join = join.recompute_properties().build()?;
        Ok(Arc::new(Self::new(join, self.to_right, self.to_left, self.right_first)))
    }

    fn execute(&self, _: usize, task: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let consumer = MemoryConsumer::new("KeyedJoinExec");
        let run = Run {
            join: self.join.builder().reset_state().build()?,
            to_right: self.to_right,
            to_left: self.to_left,
            reservation: consumer.register(task.memory_pool()),
            task,
        };
        let right_first = self.right_first;
        // What was read ahead is accounted for as long as the join runs.
        let stream = async move {
            let mut run = run;
            let joined = Box::pin(run.start(right_first)).await?;
            Ok::<_, DataFusionError>(joined.inspect(move |_| {
                let _held = &run.reservation;
            }))
        };
        let stream = futures::stream::once(stream).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), stream)))
    }
}

/// One run.
struct Run {
    join: HashJoinExec,
    to_right: Option<Way>,
    to_left: Option<Way>,
    reservation: MemoryReservation,
    task: Arc<TaskContext>,
}

impl Run {
    /// Reads the sides in turn until one has ended or there is no other.
    async fn start(&mut self, right_first: bool) -> Result<SendableRecordBatchStream> {
        let first = Side::of(right_first);
        let ahead = self.ahead(first).await?;
        let second = first.other();
        if ahead.rest.is_none() {
            let told = self.told(first, &ahead)?.unwrap_or_else(|| self.input(second).clone());
            return self.join(first, ahead.into_plan()?, told);
        }
        if self.way_from(second).is_none() {
            return self.join(first, ahead.into_plan()?, self.input(second).clone());
        }
        let other = self.ahead(second).await?;
        if other.rest.is_some() {
            return self.join(first, ahead.into_plan()?, other.into_plan()?);
        }
        let told = self.told(second, &other)?;
        let first = match told {
            // Its statement is stopped, and asked anew.
            Some(told) => told,
            None => ahead.into_plan()?,
        };
        self.join(second, other.into_plan()?, first)
    }

    /// What is asked of the other side once all rows of this one are here; `None` where it cannot be told.
    fn told(&self, side: Side, ahead: &Ahead) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(way) = self.way_from(side) else { return Ok(None) };
        let (left, right) = &self.join.on()[way.pair];
        let key = if side == Side::Left { left } else { right };
        let Some(keys) = Keys::of(&ahead.batches, key)? else { return Ok(None) };
        let other = self.input(side.other());
        Ok(match keys.is_empty() {
            true => Some(Arc::new(EmptyExec::new(other.schema()))),
            false => narrowed(other, way.column, &keys),
        })
    }

    fn input(&self, side: Side) -> &Arc<dyn ExecutionPlan> {
        match side {
            Side::Left => self.join.left(),
            Side::Right => self.join.right(),
        }
    }

    /// How the keys of this side go to the other one.
    fn way_from(&self, side: Side) -> Option<Way> {
        match side {
            Side::Left => self.to_right,
            Side::Right => self.to_left,
        }
    }

    /// The first rows of a side.
    async fn ahead(&mut self, side: Side) -> Result<Ahead> {
        let input = self.input(side).clone();
        let mut stream = input.execute(0, self.task.clone())?;
        let (mut batches, mut rows, mut bytes) = (Vec::new(), 0, 0);
        while rows <= MOST_ROWS && bytes <= MOST_BYTES {
            let Some(batch) = stream.next().await.transpose()? else {
                return Ok(Ahead { schema: input.schema(), batches, rest: None });
            };
            let size = size(&batch)?;
            self.reservation.try_grow(size)?;
            (rows, bytes) = (rows + batch.num_rows(), bytes + size);
            batches.push(batch);
        }
        Ok(Ahead { schema: input.schema(), batches, rest: Some(stream) })
    }

    /// The hash join of the two, built on the rows of `build`.
    fn join(
        &self,
        build: Side,
        built: Arc<dyn ExecutionPlan>,
        probed: Arc<dyn ExecutionPlan>,
    ) -> Result<SendableRecordBatchStream> {
        let inputs = match build {
            Side::Left => vec![built, probed],
            Side::Right => vec![probed, built],
        };
        let join = self.join.builder().with_new_children(inputs)?;
        let join = join.with_partition_mode(PartitionMode::CollectLeft).recompute_properties();
        let join = join.build()?;
        let join = match build {
            Side::Left => Arc::new(join),
            Side::Right => join.swap_inputs(PartitionMode::CollectLeft)?,
        };
        CooperativeExec::new(join).execute(0, self.task.clone())
    }
}

/// Bytes of the rows themselves. What their buffers could hold depends on rows that were filtered out.
fn size(batch: &RecordBatch) -> Result<usize> {
    batch.columns().iter().map(|column| Ok(column.to_data().get_slice_memory_size()?)).sum()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

impl Side {
    fn of(right: bool) -> Self {
        if right { Side::Right } else { Side::Left }
    }

    fn other(self) -> Self {
        Self::of(self == Side::Left)
    }
}

/// What has been read of a side, and what has not.
struct Ahead {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    /// `None` where it has ended.
    rest: Option<SendableRecordBatchStream>,
}

impl Ahead {
    fn into_plan(self) -> Result<Arc<dyn ExecutionPlan>> {
        let read = futures::stream::iter(self.batches.into_iter().map(Ok));
        let rows = match self.rest {
            Some(rest) => read.chain(rest).boxed(),
            None => read.boxed(),
        };
        let schema = self.schema;
        let stream = RecordBatchStreamAdapter::new(schema.clone(), rows);
        let once = Once { schema: schema.clone(), stream: Mutex::new(Some(Box::pin(stream))) };
        let plan =
            StreamingTableExec::try_new(schema, vec![Arc::new(once)], None, None, false, None)?;
        Ok(Arc::new(plan))
    }
}

/// A stream as a plan that runs once.
struct Once {
    schema: SchemaRef,
    stream: Mutex<Option<SendableRecordBatchStream>>,
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Once")
    }
}

impl PartitionStream for Once {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let schema = self.schema.clone();
        self.stream.lock().take().unwrap_or_else(|| {
            Box::pin(RecordBatchStreamAdapter::new(schema, futures::stream::empty()))
        })
    }
}
