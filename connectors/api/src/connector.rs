//! The narrow trait every connector implements.

use crate::{
    Caller, ConnectorError, Dialect, Estimate, Examination, Finding, Parts, RenderedQuery,
    SessionIdentity, Severity, SourceDescription,
};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use futures::Stream;
use futures::stream::BoxStream;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::sync::OwnedSemaphorePermit;

/// What a statement carries with it to the source.
#[derive(Debug, Clone)]
pub struct ExecutionContext {
    /// Names the query in the source's own session view, or in the log beside the session's name where
    /// that would double the time of a look-up.
    pub query_id: String,
    /// When the statement must have ended.
    pub deadline: Instant,
    /// Rows of a batch, at most.
    pub batch_rows: usize,
    /// Who asks; only [`crate::Identified`] looks.
    pub caller: Option<Arc<Caller>>,
    /// Under which identity the statement runs, where its source is to know. A connector that cannot tell its
    /// sessions refuses the statement.
    pub identity: Option<Arc<SessionIdentity>>,
    /// Whether a person has accepted what the source expects the statement to cost; only [`crate::Estimated`] looks.
    pub accepts_cost: bool,
    /// Sessions that may read the statement at the same time, where it can be read in parts.
    pub readers: usize,
    /// The snapshot that the statement sees, as [`Parts::snapshot`] names it.
    pub snapshot: Option<Arc<str>>,
}

/// How busy a source is, as of now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Statements that run.
    pub running: usize,
    /// Statements that may run at the same time; 0 where nothing limits them.
    pub places: usize,
    /// Statements that wait for a place.
    pub waiting: usize,
    /// Connections that are open and wait for a statement.
    pub idle: usize,
    /// Whether its last statements found it unreachable.
    pub lost: bool,
}

/// Places of a source that are taken until this is dropped.
#[derive(Debug, Default)]
pub struct Places {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Places {
    pub(crate) fn of(permit: OwnedSemaphorePermit) -> Self {
        Self { _permit: Some(permit) }
    }
}

/// A database that can be described and read.
#[async_trait]
pub trait Connector: Send + Sync + fmt::Debug {
    /// How this source spells SQL.
    fn dialect(&self) -> &dyn Dialect;

    /// Connects and runs a trivial statement.
    ///
    /// # Errors
    /// The class of the failure: unreachable, authentication, TLS.
    async fn ping(&self) -> Result<(), ConnectorError>;

    /// Whether the source answers somebody new: connects beside all sessions and places, and leaves again. An
    /// answer that is an error is an answer. A source that is never waited for need not look.
    ///
    /// # Errors
    /// `Unreachable`.
    async fn reach(&self) -> Result<(), ConnectorError> {
        Ok(())
    }

    /// How busy the source is; costs next to nothing.
    fn load(&self) -> Load {
        Load::default()
    }

    /// Tables, columns, keys and comments, in a number of catalog queries that does not depend on the
    /// number of tables.
    ///
    /// # Errors
    /// As `ping`, and `PermissionDenied` where the catalog cannot be read.
    async fn describe(&self) -> Result<SourceDescription, ConnectorError>;

    /// What the login may do beyond reading. With `probe` also whether writes are refused, by trying harmless
    /// ones that leave nothing behind.
    ///
    /// # Errors
    /// As `ping`.
    async fn examine(&self, probe: bool) -> Result<Examination, ConnectorError> {
        let _ = probe;
        let unknown = "what the login may do is not known: this connector does not look";
        let finding = Finding::new(Severity::Note, unknown, "");
        Ok(Examination { login: String::new(), findings: vec![finding] })
    }

    /// What the source expects a statement to cost, where it can say so without running it.
    ///
    /// # Errors
    /// As `open`.
    async fn estimate(
        &self,
        query: &RenderedQuery,
        context: &ExecutionContext,
    ) -> Result<Option<Estimate>, ConnectorError> {
        let _ = (query, context);
        Ok(None)
    }

    /// Sessions that may read one statement at the same time, where it can be read in parts.
    fn readers(&self) -> usize {
        1
    }

    /// Places for this many statements that other processes run, taken all at once and kept until they are dropped;
    /// `None` where so many never run at the same time.
    ///
    /// # Errors
    /// Those of waiting for a place: `QueueFull`, `DeadlineExceeded`, `Unreachable`.
    async fn reserve(
        &self,
        statements: usize,
        deadline: Instant,
    ) -> Result<Option<Places>, ConnectorError> {
        let _ = (statements, deadline);
        Ok(Some(Places::default()))
    }

    /// Divides a statement among as many sessions as the context allows, also of other processes; `None` where one
    /// session is as good.
    ///
    /// # Errors
    /// As `open`.
    async fn divide(
        &self,
        query: &RenderedQuery,
        context: &ExecutionContext,
    ) -> Result<Option<Parts>, ConnectorError> {
        let _ = (query, context);
        Ok(None)
    }

    /// Runs a statement in a read-only session and streams its result.
    ///
    /// Dropping the stream, or reaching the deadline, stops the statement at the source; the session
    /// is used again only after the source has confirmed that.
    ///
    /// # Errors
    /// Before the first batch as a return value, later as the stream's last item.
    async fn open(
        &self,
        query: &RenderedQuery,
        context: &ExecutionContext,
    ) -> Result<RemoteStream, ConnectorError>;
}

/// A stream of batches with one schema. Dropping it cancels the statement at the source.
pub struct RemoteStream {
    schema: SchemaRef,
    batches: BoxStream<'static, Result<RecordBatch, ConnectorError>>,
    readers: Readers,
}

/// The sessions that read one statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readers {
    /// How many there are.
    pub count: usize,
    /// Whether all of them see the same moment.
    pub one_snapshot: bool,
}

impl Readers {
    /// One session.
    pub const ONE: Self = Self { count: 1, one_snapshot: true };
}

impl RemoteStream {
    /// A stream of batches that all have `schema`.
    pub fn new(
        schema: SchemaRef,
        batches: BoxStream<'static, Result<RecordBatch, ConnectorError>>,
    ) -> Self {
        Self { schema, batches, readers: Readers::ONE }
    }

    /// The same stream, to which several sessions contribute.
    #[must_use]
    pub fn read_by(self, readers: Readers) -> Self {
        Self { readers, ..self }
    }

    /// The sessions that read.
    pub fn readers(&self) -> Readers {
        self.readers
    }

    /// The schema of every batch.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

impl Stream for RemoteStream {
    type Item = Result<RecordBatch, ConnectorError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.batches.as_mut().poll_next(context)
    }
}

impl fmt::Debug for RemoteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteStream").field("schema", &self.schema).finish_non_exhaustive()
    }
}
