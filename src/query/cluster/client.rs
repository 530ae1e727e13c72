//! A plan at the scheduler: handed in, waited for, fetched, taken away again.

use super::told::heard;
use super::transport::{Transport, why};
use crate::error::{Code, Error};
use arrow_schema::SchemaRef;
use ballista_core::client::BallistaClient;
use ballista_core::error::BallistaError;
use ballista_core::extension::BallistaConfigGrpcEndpoint;
use ballista_core::serde::protobuf::execute_query_params::Query;
use ballista_core::serde::protobuf::execute_query_result::Result as Accepted;
use ballista_core::serde::protobuf::job_status::Status;
use ballista_core::serde::protobuf::operator_metric::Metric;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{
    CancelJobParams, CleanJobDataParams, ExecuteQueryParams, GetJobMetricsParams,
    GetJobStatusParams, KeyValuePair, PartitionLocation, RemoveSessionParams,
};
use ballista_core::version::insert_version_header;
use datafusion::common::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, TryStreamExt};
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tonic::transport::{Channel, Endpoint};

/// The largest message of the engine's protocol.
pub(super) const MESSAGE: usize = 64 << 20;
/// How long a scheduler may take to answer anything.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is asked how far a job is: at first, and at most.
const FIRST_LOOK: Duration = Duration::from_millis(3);
const LONGEST_LOOK: Duration = Duration::from_millis(50);

type Scheduler = SchedulerGrpcClient<Channel>;

/// Why there is no answer from the executors.
#[derive(Debug)]
pub(super) enum Lost {
    /// The scheduler cannot be reached, or not any more.
    Scheduler(String),
    /// The statement failed as it would have failed here.
    Statement(Error),
    /// Executors were lost, more often than is tried again.
    Executors(String),
}

/// A job at the scheduler. Dropped before its end it is cancelled, and its files are removed in any case.
pub(super) struct Job {
    scheduler: Scheduler,
    id: String,
    session: String,
    ended: bool,
    runtime: Option<Handle>,
}

/// What a job did.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// Of each leaf by its number: governed rows, and milliseconds.
    pub(super) leaves: Vec<(u32, u64, f64)>,
    /// Stages that ran.
    pub(super) stages: usize,
    /// Rows that were written between stages.
    pub(super) rows: u64,
    /// Their bytes, as they were written.
    pub(super) bytes: u64,
}

/// A scheduler, connected: by TLS where there is a `transport`.
pub(super) async fn connect(
    url: &str,
    transport: Option<&Transport>,
) -> std::result::Result<Scheduler, Lost> {
    let told = |error: &dyn Display| Lost::Scheduler(error.to_string());
    let endpoint = Endpoint::from_shared(url.to_string()).map_err(|e| told(&e))?;
    let endpoint = match transport {
        Some(transport) => transport.endpoint(&endpoint).map_err(|e| told(&e))?,
        None => endpoint.connect_timeout(PATIENCE).tcp_nodelay(true),
    };
    let channel = endpoint.timeout(PATIENCE).connect().await;
    let channel = channel.map_err(|error| Lost::Scheduler(why(&error)))?;
    let scheduler = SchedulerGrpcClient::new(channel);
    Ok(scheduler.max_decoding_message_size(MESSAGE).max_encoding_message_size(MESSAGE))
}

impl Job {
    /// Hands in a plan. What is handed in is cancelled even if nobody waits for it any more.
    pub(super) async fn begin(
        mut scheduler: Scheduler,
        plan: Vec<u8>,
        settings: Vec<KeyValuePair>,
        name: &str,
    ) -> std::result::Result<Self, Lost> {
        let params = ExecuteQueryParams {
            session_id: name.to_string(),
            settings,
            operation_id: name.to_string(),
            query: Some(Query::PhysicalPlan(plan)),
        };
        let session = name.to_string();
        let begun = tokio::spawn(async move {
            let mut request = tonic::Request::new(params);
            insert_version_header(request.metadata_mut());
            let accepted = scheduler.execute_query(request).await;
            let accepted = accepted.map_err(|status| Lost::Scheduler(status.to_string()))?;
            match accepted.into_inner().result {
                Some(Accepted::Success(success)) => Ok(Self {
                    scheduler,
                    id: success.job_id,
                    session,
                    ended: false,
                    runtime: Handle::try_current().ok(),
                }),
                other => Err(Lost::Executors(format!("the plan was not taken: {other:?}"))),
            }
        });
        begun.await.map_err(|error| Lost::Executors(error.to_string()))?
    }

    /// Waits until the last stage is done; gives where its rows are.
    pub(super) async fn finished(&mut self) -> std::result::Result<Vec<PartitionLocation>, Lost> {
        let mut pause = FIRST_LOOK;
        loop {
            let params = GetJobStatusParams { job_id: self.id.clone() };
            let status = self.scheduler.get_job_status(params).await;
            let status = status.map_err(|status| Lost::Scheduler(status.to_string()))?;
            match status.into_inner().status.and_then(|status| status.status) {
                Some(Status::Successful(job)) => {
                    self.ended = true;
                    return Ok(job.partition_location);
                }
                Some(Status::Failed(failed)) => {
                    self.ended = true;
                    return Err(match heard(&failed.error) {
                        Some(error) => Lost::Statement(error),
                        None => Lost::Executors(failed.error),
                    });
                }
                _ => tokio::time::sleep(pause).await,
            }
            pause = (pause * 2).min(LONGEST_LOOK);
        }
    }

    /// What it did, as far as the scheduler can tell.
    pub(super) async fn done(&mut self) -> Done {
        let params = GetJobMetricsParams { job_id: self.id.clone() };
        match self.scheduler.get_job_metrics(params).await {
            Ok(told) => {
                let stages = told.into_inner().stages;
                let mut done = Done { stages: stages.len(), ..Done::default() };
                for operator in stages.iter().flat_map(|stage| &stage.operators) {
                    done.take(operator.operator_type.as_str(), &operator.operator_desc, || {
                        operator.metrics.iter().filter_map(|metric| metric.metric.as_ref())
                    });
                }
                done
            }
            Err(status) => {
                tracing::warn!(%status, "the scheduler does not say what a job did");
                Done::default()
            }
        }
    }
}

impl Done {
    fn take<'m, M: Iterator<Item = &'m Metric>>(
        &mut self,
        kind: &str,
        description: &str,
        metrics: impl Fn() -> M,
    ) {
        if kind == super::scan::NAME {
            let number = description.rsplit(' ').next().and_then(|number| number.parse().ok());
            let (mut rows, mut micros) = (0, 0);
            for metric in metrics() {
                match metric {
                    Metric::Count(count) if count.name == super::scan::ROWS => rows += count.value,
                    Metric::Gauge(gauge) if gauge.name == super::scan::MICROS => {
                        micros += gauge.value;
                    }
                    _ => {}
                }
            }
            if let Some(number) = number {
                self.leaves.push((number, rows, micros as f64 / 1_000.0));
            }
        } else if kind.contains("ShuffleWriter") {
            for metric in metrics() {
                match metric {
                    Metric::OutputRows(rows) => self.rows += rows,
                    Metric::Count(count) if count.name == super::stage::BYTES => {
                        self.bytes += count.value;
                    }
                    _ => {}
                }
            }
        }
    }
}

impl Job {
    /// Takes away what an answered job left behind.
    pub(super) async fn over(mut self) {
        let (mut scheduler, id, session) =
            (self.scheduler.clone(), self.id.clone(), self.session.clone());
        taken_away(&mut scheduler, &id, &session, &[0]).await;
        self.runtime = None;
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        let (mut scheduler, ended) = (self.scheduler.clone(), self.ended);
        let (id, session) = (self.id.clone(), self.session.clone());
        runtime.spawn(async move {
            if !ended {
                let cancelled = scheduler.cancel_job(CancelJobParams { job_id: id.clone() }).await;
                complain("a job cannot be cancelled", cancelled.err());
            }
            // A writer that was given up may write a little longer.
            taken_away(&mut scheduler, &id, &session, &[0, 1, 5, 30]).await;
        });
    }
}

/// Removes a job's files, again after each of these seconds.
async fn taken_away(scheduler: &mut Scheduler, id: &str, session: &str, pauses: &[u64]) {
    let over = RemoveSessionParams { session_id: session.to_string() };
    complain("a session cannot be ended", scheduler.remove_session(over).await.err());
    for pause in pauses {
        tokio::time::sleep(Duration::from_secs(*pause)).await;
        let clean = CleanJobDataParams { job_id: id.to_string(), ..Default::default() };
        complain("a job's files cannot be removed", scheduler.clean_job_data(clean).await.err());
    }
}

fn complain(what: &'static str, status: Option<tonic::Status>) {
    if let Some(status) = status {
        tracing::warn!(%status, "{what}");
    }
}

/// The rows at these places, one place after the other.
pub(super) fn rows(
    places: Vec<PartitionLocation>,
    schema: SchemaRef,
    transport: Option<&Arc<Transport>>,
) -> SendableRecordBatchStream {
    let reached = transport.map(|known| Arc::new(BallistaConfigGrpcEndpoint::new(known.rows())));
    let batches = futures::stream::iter(places)
        .then(move |place| at(place, reached.clone()))
        .map_err(|error| DataFusionError::External(Box::new(error)))
        .try_flatten();
    Box::pin(RecordBatchStreamAdapter::new(schema, batches))
}

async fn at(
    place: PartitionLocation,
    reached: Option<Arc<BallistaConfigGrpcEndpoint>>,
) -> std::result::Result<SendableRecordBatchStream, BallistaError> {
    const TRIES: u8 = 2;
    const PAUSE: u64 = 100;
    let layout = place.layout();
    let missing = || BallistaError::General("a result has no place".into());
    let executor = place.executor_meta.ok_or_else(missing)?;
    let partition = place.partition_id.ok_or_else(missing)?;
    let port = u16::try_from(executor.port).map_err(|_| missing())?;
    let client =
        BallistaClient::try_new(&executor.host, port, MESSAGE, false, reached, TRIES, PAUSE, 0, 0);
    client
        .await?
        .fetch_partition_proxied(
            &executor.id,
            &partition.into(),
            place.file_id,
            layout,
            &executor.host,
            port,
            true,
        )
        .await
}

/// The error of a statement whose executors were lost.
pub(super) fn lost(context: String) -> Error {
    Error::new(Code::Executors, "the executors could not finish this statement")
        .with_hint("try again in a few seconds; if it happens again, tell the administrator")
        .retry_in(Duration::from_secs(5))
        .with_source(context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ballista_core::serde::protobuf::{NamedCount, NamedGauge};

    #[test]
    fn leaves_are_told_by_their_number() {
        let rows = Metric::Count(NamedCount { name: super::super::scan::ROWS.into(), value: 7 });
        let time =
            Metric::Gauge(NamedGauge { name: super::super::scan::MICROS.into(), value: 500 });
        let mut done = Done::default();
        done.take("SealedScan", "SealedScan: 3", || [&rows, &time].into_iter());
        done.take("FilterExec", "FilterExec: 4", || [&rows].into_iter());
        assert_eq!(done.leaves, [(3, 7, 0.5)]);
    }
}
