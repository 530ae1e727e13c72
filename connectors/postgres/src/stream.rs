//! One statement as a stream of batches.
//!
//! The statement is a future that owns its session and is driven by the reader: no task, no channel,
//! and no thread hop on the way of a short answer. There are two ways to read one, `prepared` and
//! `copy`, which hand their batches over the same way.

use crate::batches::Batches;
use crate::connection::Sessions;
use crate::lease::{Lease, Purpose};
use crate::{cancel, copy, prepared, splits};
use arrow_array::RecordBatch;
use celosia_connector_api::{
    ConnectorError, ErrorCode, ExecutionContext, RemoteStream, RenderedQuery, SessionIdentity,
};
use futures::future::BoxFuture;
use futures::{Stream, StreamExt};
use parking_lot::Mutex;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::time::Sleep;

/// Sends a statement and waits for its first batch.
pub(crate) async fn open(
    sessions: Arc<Sessions>,
    query: &RenderedQuery,
    context: &ExecutionContext,
) -> Result<RemoteStream, ConnectorError> {
    if let Some(stream) = splits::open(&sessions, query, context).await? {
        return Ok(stream);
    }
    let batches = Batches::new(query, context.batch_rows)?;
    let schema = batches.schema();
    let identity = identity(context)?;
    // An identity ends with its transaction, so that it cannot outlive its statement.
    let purpose = match (&context.snapshot, identity) {
        (Some(snapshot), _) => Purpose::Snapshot(identity, splits::named(snapshot)?),
        (None, None) if !copy::is_worthwhile(query) => prepared::purpose(query),
        _ => Purpose::Transaction(identity),
    };
    let lease = sessions.lease(&context.query_id, purpose, Some(context.deadline)).await?;
    let mut feed = Feed::begin(lease, query.sql.clone(), query, batches, false)?;
    let first = feed.next().await.transpose()?;
    let batches = futures::stream::iter(first.map(Ok));
    let batches =
        if feed.statement.is_some() { batches.chain(feed).boxed() } else { batches.boxed() };
    Ok(RemoteStream::new(schema, batches))
}

/// Under which identity a statement runs.
pub(crate) fn identity(
    context: &ExecutionContext,
) -> Result<Option<&SessionIdentity>, ConnectorError> {
    let identity = context.identity.as_deref();
    // To the server this name, also in quotes, is the login itself.
    if identity.is_some_and(|identity| identity.role.as_deref() == Some("none")) {
        let context = "\"none\" is no role: SET ROLE takes it for the login";
        return Err(ConnectorError::new(ErrorCode::InvalidConfiguration, context));
    }
    Ok(identity)
}

/// A statement under way. Full batches come through the handover, the last one as its value.
pub(crate) type Statement = BoxFuture<'static, Result<Option<RecordBatch>, ConnectorError>>;

/// Where a statement leaves a full batch, or why there is none, for its reader.
#[derive(Default)]
pub(crate) struct Handover {
    slot: Mutex<Option<Result<RecordBatch, ConnectorError>>>,
    unwanted: AtomicBool,
}

impl Handover {
    /// Leaves a batch and returns to the reader once, who asks again when there is room for more.
    pub(crate) async fn leave(&self, batch: Result<Option<RecordBatch>, ConnectorError>) {
        *self.slot.lock() = batch.transpose();
        let mut seen = false;
        let once = |_: &mut Context<'_>| {
            if std::mem::replace(&mut seen, true) { Poll::Ready(()) } else { Poll::Pending }
        };
        poll_fn(once).await;
    }

    /// Nobody will ask again: the statement only comes to its end.
    pub(crate) fn is_unwanted(&self) -> bool {
        self.unwanted.load(Ordering::Relaxed)
    }

    /// Nobody will ask again.
    pub(crate) fn refuse(&self) {
        self.unwanted.store(true, Ordering::Relaxed);
    }
}

/// The reader's end of a statement.
pub(crate) struct Feed {
    statement: Option<Statement>,
    handover: Arc<Handover>,
    cutoff: Instant,
    timer: Option<Pin<Box<Sleep>>>,
    /// What stops a statement that must come to its own end; one without is stopped by its lease.
    remains: Option<cancel::Remains>,
}

impl Feed {
    /// A statement with the parameters of `query`, on a session that is ready for it; `once` says that its text
    /// will not come again.
    pub(crate) fn begin(
        lease: Lease,
        sql: String,
        query: &RenderedQuery,
        batches: Batches,
        once: bool,
    ) -> Result<Self, ConnectorError> {
        let handover = Arc::new(Handover::default());
        let cutoff = lease.cutoff();
        if copy::is_worthwhile(query) {
            let remains = lease.remains();
            let statement = Box::pin(copy::run(lease, sql, batches, handover.clone()));
            return Ok(Self::new(statement, handover, cutoff, remains));
        }
        let arguments = prepared::bind(&query.parameters)?;
        let statement = prepared::run(lease, sql, arguments, batches, handover.clone(), once);
        Ok(Self::new(Box::pin(statement), handover, cutoff, None))
    }

    fn new(
        statement: Statement,
        handover: Arc<Handover>,
        cutoff: Instant,
        remains: Option<cancel::Remains>,
    ) -> Self {
        Self { statement: Some(statement), handover, cutoff, timer: None, remains }
    }

    /// Nobody reads on: the statement is stopped at the server.
    fn abandon(&mut self) {
        if let (Some(statement), Some(remains)) = (self.statement.take(), self.remains.take()) {
            self.handover.refuse();
            remains.stop(statement);
        }
    }

    /// Whether the deadline has passed; the reader is woken when it does.
    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        let cutoff = self.cutoff.into();
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(cutoff)));
        timer.as_mut().poll(context).is_ready()
    }
}

impl Stream for Feed {
    type Item = Result<RecordBatch, ConnectorError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(statement) = self.statement.as_mut() else { return Poll::Ready(None) };
        if let Poll::Ready(end) = statement.as_mut().poll(context) {
            self.statement = None;
            return Poll::Ready(end.transpose());
        }
        let left = self.handover.slot.lock().take();
        let item = match left {
            Some(Ok(batch)) if Instant::now() < self.cutoff => {
                return Poll::Ready(Some(Ok(batch)));
            }
            Some(Err(error)) => error,
            None if !self.is_late(context) => return Poll::Pending,
            _ => ConnectorError::new(ErrorCode::DeadlineExceeded, "the deadline of the reader"),
        };
        self.abandon();
        Poll::Ready(Some(Err(item)))
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.abandon();
    }
}
