//! What a running statement carries to its leaves: identity of the query, deadline, mask keys, and
//! the record of what each source did.

#[cfg(feature = "ballista")]
use super::cluster::{self, Statement};
use super::regroup::regroup;
use super::scan_plan::ScanPlan;
use crate::error::Error;
use crate::limits::{Account, Meter};
use crate::model::{Principal, SourceReceipt};
use crate::policy::mask::MaskContext;
use arrow_array::RecordBatch;
use celosia_connector_api::{
    Caller, Connector, ConnectorError, ErrorCode, ExecutionContext, Readers,
};
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, TryStreamExt};
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// The context of one running statement.
#[derive(Debug)]
pub(super) struct QueryContext {
    query_id: String,
    deadline: Instant,
    masks: MaskContext,
    caller: Arc<Caller>,
    meter: Arc<Meter>,
    account: Arc<Account>,
    accepts_cost: bool,
    runs: Mutex<Vec<SourceReceipt>>,
}

impl QueryContext {
    pub(super) fn new(
        query_id: String,
        deadline: Instant,
        masks: MaskContext,
        principal: &Principal,
        (meter, account): (Arc<Meter>, Arc<Account>),
        accepts_cost: bool,
    ) -> Self {
        let caller = Caller {
            user: principal.user().to_string(),
            issuer: principal.issuer().map(String::from),
            roles: principal.roles().clone(),
        };
        Self::of_caller(query_id, deadline, masks, caller, (meter, account), accepts_cost)
    }

    /// The same where the principal is known to another process.
    pub(super) fn of_caller(
        query_id: String,
        deadline: Instant,
        masks: MaskContext,
        caller: Caller,
        (meter, account): (Arc<Meter>, Arc<Account>),
        accepts_cost: bool,
    ) -> Self {
        Self {
            query_id,
            deadline,
            masks,
            caller: Arc::new(caller),
            meter,
            account,
            accepts_cost,
            runs: Mutex::default(),
        }
    }

    /// What each source has done so far.
    pub(super) fn runs(&self) -> Vec<SourceReceipt> {
        self.runs.lock().clone()
    }

    /// The statement's name at the sources.
    #[cfg(feature = "ballista")]
    pub(super) fn query(&self) -> &str {
        &self.query_id
    }

    /// What travels of it to other processes, under the policy with this version.
    #[cfg(feature = "ballista")]
    pub(super) fn statement(&self, policy: &str) -> Statement {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let left = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        Statement {
            query: self.query_id.clone(),
            deadline: cluster::millis().saturating_add(left),
            policy: policy.to_string(),
            epoch: self.masks.epoch(),
            today: self.masks.today(),
            caller: self.caller.clone(),
            accepts_cost: self.accepts_cost,
            allowance: self.account.allowance(),
        }
    }

    /// When the statement must have ended.
    #[cfg(feature = "ballista")]
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Waits until a source may be sent another statement.
    ///
    /// # Errors
    /// `LimitReached`.
    #[cfg(feature = "ballista")]
    pub(super) async fn turn(&self, source: &str) -> std::result::Result<(), Error> {
        self.meter.turn(source, self.deadline).await.map(drop)
    }

    /// Counts a governed read of another process as [`Self::read`] counts those of this one.
    ///
    /// # Errors
    /// `LimitReached`.
    #[cfg(feature = "ballista")]
    pub(super) async fn ran_elsewhere(
        &self,
        (source, sql): (&str, &str),
        readers: Readers,
        rows: u64,
        ms: f64,
    ) -> std::result::Result<(), Error> {
        let run = self.begin(source, sql);
        self.read_by(run, readers);
        {
            let mut runs = self.runs.lock();
            (runs[run].rows, runs[run].ms) = (rows, ms);
        }
        self.account.count(rows)?;
        self.meter.source(source).await?.count(rows)
    }

    /// What each statement carries to its source.
    pub(super) fn execution(&self, batch_rows: usize) -> ExecutionContext {
        ExecutionContext {
            query_id: self.query_id.clone(),
            deadline: self.deadline,
            batch_rows,
            caller: Some(self.caller.clone()),
            identity: None,
            accepts_cost: self.accepts_cost,
            readers: 1,
            snapshot: None,
        }
    }

    /// Opens a governed read at its source, recorded as `shown`. The stream cancels at the source when it is dropped.
    pub(super) fn read(
        self: Arc<Self>,
        connector: Arc<dyn Connector>,
        source: Arc<str>,
        plan: Arc<ScanPlan>,
        shown: &str,
        batch_rows: usize,
    ) -> SendableRecordBatchStream {
        let run = self.begin(&source, shown);
        let schema = plan.schema.clone();
        let identity = plan.local.is_identity(plan.rendered.columns.len());
        let stream = async move {
            let execution =
                ExecutionContext { snapshot: plan.snapshot(), ..self.execution(batch_rows) };
            let counted = self.meter.turn(&source, self.deadline).await.map_err(at_limit)?;
            let started = Instant::now();
            let remote = connector
                .open(&plan.rendered, &execution)
                .await
                .map_err(|e| at_source(&source, e))?;
            if !plan.hides_rows() {
                self.read_by(run, remote.readers());
            }
            if identity {
                let batches = remote.map(move |batch| {
                    let batch = batch.map_err(|error| at_source(&source, error))?;
                    // The same columns under the planner's names.
                    let governed = rename(batch, &plan)?;
                    self.record(run, governed.num_rows(), started, &counted)?;
                    Ok(governed)
                });
                return Ok(batches.boxed());
            }
            let this = self.clone();
            let filtered = plan.schema.clone();
            let batches = remote.map(move |batch| {
                let batch = batch.map_err(|error| at_source(&source, error))?;
                let governed = plan.local.apply(batch, &plan.schema, &this.masks)?;
                let failure = governed.unfit.map(|column| {
                    let context = "a value that would be shown has no exact form";
                    Err(at_source(&source, ConnectorError::unrepresentable(&column, context)))
                });
                Ok::<_, DataFusionError>(futures::stream::iter(
                    [Ok(governed.batch)].into_iter().chain(failure),
                ))
            });
            let batches = regroup(batches.try_flatten(), filtered, batch_rows);
            let batches = batches.map(move |batch| {
                let batch = batch?;
                self.record(run, batch.num_rows(), started, &counted)?;
                Ok::<_, DataFusionError>(batch)
            });
            Ok::<_, DataFusionError>(batches.boxed())
        };
        let stream = futures::stream::once(stream).map(|opened| match opened {
            Ok(batches) => batches,
            Err(error) => futures::stream::once(async { Err(error) }).boxed(),
        });
        Box::pin(RecordBatchStreamAdapter::new(schema, stream.flatten()))
    }

    fn read_by(&self, run: usize, readers: Readers) {
        if readers.count > 1 {
            let run = &mut self.runs.lock()[run];
            run.readers = Some(readers.count);
            run.one_snapshot = Some(readers.one_snapshot);
        }
    }

    fn begin(&self, source: &str, sql: &str) -> usize {
        let mut runs = self.runs.lock();
        runs.push(SourceReceipt {
            name: source.to_string(),
            sql: sql.to_string(),
            rows: 0,
            ms: 0.0,
            readers: None,
            one_snapshot: None,
        });
        runs.len() - 1
    }

    /// Counts rows for the receipt, for the caller and for the source. They are governed rows: a count that saw
    /// closed ones would tell of them.
    fn record(&self, run: usize, rows: usize, started: Instant, source: &Account) -> Result<()> {
        let mut runs = self.runs.lock();
        runs[run].rows += rows as u64;
        runs[run].ms = started.elapsed().as_secs_f64() * 1_000.0;
        drop(runs);
        self.account.count(rows as u64).map_err(at_limit)?;
        source.count(rows as u64).map_err(at_limit)
    }
}

/// A limit's refusal on its way through the engine.
fn at_limit(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// The same columns under the planner's names, in the planner's widths.
fn rename(batch: RecordBatch, plan: &ScanPlan) -> Result<RecordBatch> {
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let fields = plan.schema.fields().iter();
    let columns = batch.columns().iter().zip(fields).map(|(column, field)| {
        if column.data_type() == field.data_type() {
            return Ok(column.clone());
        }
        Ok(datafusion::arrow::compute::cast(column, field.data_type())?)
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    Ok(RecordBatch::try_new_with_options(plan.schema.clone(), columns, &options)?)
}

/// A connector's error on its way through the engine, with the name of its source.
#[derive(Debug)]
pub(super) struct SourceFailure {
    pub(super) source: Arc<str>,
    pub(super) error: Mutex<Option<ConnectorError>>,
    code: ErrorCode,
}

impl fmt::Display for SourceFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "source {}: {:?}", self.source, self.code)
    }
}

impl std::error::Error for SourceFailure {}

pub(super) fn at_source(source: &Arc<str>, error: ConnectorError) -> DataFusionError {
    let code = error.code;
    DataFusionError::External(Box::new(SourceFailure {
        source: source.clone(),
        error: Mutex::new(Some(error)),
        code,
    }))
}
