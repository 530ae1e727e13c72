//! The budget of a source: concurrent statements, a bounded queue, a deadline, bytes. And connecting
//! again with backoff, on *connect* only: a statement that has begun is never sent twice. A source that does
//! not answer is not waited for (`health.rs`).

use crate::health::Health;
use crate::{
    Connector, ConnectorError, Dialect, ErrorCode, Examination, ExecutionContext, Load, Parts,
    Places, RemoteStream, RenderedQuery, SourceDescription,
};
use async_trait::async_trait;
use futures::StreamExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What one source may be asked to carry.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Statements that run at the same time.
    pub concurrency: usize,
    /// Statements that may wait for a place; one more is refused at once.
    pub queue: usize,
    /// The longest a statement may run, whatever its own deadline.
    pub statement_timeout: Duration,
    /// Bytes one statement may return, counted as Arrow buffers.
    pub bytes: usize,
    /// Sessions that may read one large table at the same time. Each takes a place, where one is free.
    pub readers: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            concurrency: 8,
            queue: 64,
            statement_timeout: Duration::from_secs(30),
            bytes: 1 << 30,
            readers: 1,
        }
    }
}

/// How often a connect is tried before a statement fails as unreachable.
const CONNECT_ATTEMPTS: u32 = 3;
/// The pause before the second attempt; it doubles for each further one.
const CONNECT_BACKOFF: Duration = Duration::from_millis(50);

/// A connector within its budget.
#[derive(Debug)]
pub struct Budgeted {
    inner: Arc<dyn Connector>,
    budget: Budget,
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    health: Arc<Health>,
}

impl Budgeted {
    /// Puts `inner` under `budget`.
    pub fn new(inner: Arc<dyn Connector>, budget: Budget) -> Self {
        let places = Arc::new(Semaphore::new(budget.concurrency.max(1)));
        let health = Health::new(inner.clone());
        Self { inner, budget, places, waiting: AtomicUsize::new(0), health }
    }

    /// Up to so many places that are free now; nobody is kept waiting for them.
    fn spare(&self, most: usize) -> Option<OwnedSemaphorePermit> {
        let take = |count: usize| {
            let count = u32::try_from(count).ok()?;
            self.places.clone().try_acquire_many_owned(count).ok()
        };
        (1..=most).rev().find_map(take)
    }

    /// So many places at once, waited for where there is room to wait.
    async fn places(
        &self,
        count: u32,
        deadline: Instant,
    ) -> Result<OwnedSemaphorePermit, ConnectorError> {
        if let Ok(permit) = self.places.clone().try_acquire_many_owned(count) {
            return Ok(permit);
        }
        let _waiting = Waiting::enter(&self.waiting, self.budget.queue)?;
        let free = self.places.clone().acquire_many_owned(count);
        match tokio::time::timeout_at(deadline.into(), free).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(ConnectorError::new(ErrorCode::Cancelled, "the source is closing")),
            Err(_) => {
                Err(ConnectorError::new(ErrorCode::DeadlineExceeded, "queued past the deadline"))
            }
        }
    }
}

/// One permit for all places.
fn with_more(
    mut permit: OwnedSemaphorePermit,
    more: Option<OwnedSemaphorePermit>,
) -> OwnedSemaphorePermit {
    if let Some(more) = more {
        permit.merge(more);
    }
    permit
}

#[async_trait]
impl Connector for Budgeted {
    fn dialect(&self) -> &dyn Dialect {
        self.inner.dialect()
    }

    async fn ping(&self) -> Result<(), ConnectorError> {
        self.inner.ping().await
    }

    async fn reach(&self) -> Result<(), ConnectorError> {
        self.inner.reach().await
    }

    fn load(&self) -> Load {
        let places = self.budget.concurrency.max(1);
        Load {
            running: places.saturating_sub(self.places.available_permits()),
            places,
            waiting: self.waiting.load(Ordering::Acquire),
            lost: self.health.check().is_err(),
            ..self.inner.load()
        }
    }

    async fn describe(&self) -> Result<SourceDescription, ConnectorError> {
        self.inner.describe().await
    }

    async fn examine(&self, probe: bool) -> Result<Examination, ConnectorError> {
        self.inner.examine(probe).await
    }

    fn readers(&self) -> usize {
        self.budget.readers
    }

    async fn reserve(
        &self,
        statements: usize,
        deadline: Instant,
    ) -> Result<Option<Places>, ConnectorError> {
        self.health.check()?;
        if statements > self.budget.concurrency.max(1) {
            return Ok(None);
        }
        let count = u32::try_from(statements).unwrap_or(u32::MAX);
        tokio::select! {
            biased;
            permit = self.places(count, deadline) => Ok(Some(Places::of(permit?))),
            error = self.health.lost() => Err(error),
        }
    }

    /// Each session beside the first takes a place that is free now, and keeps it as long as the parts are held.
    async fn divide(
        &self,
        query: &RenderedQuery,
        context: &ExecutionContext,
    ) -> Result<Option<Parts>, ConnectorError> {
        self.health.check()?;
        let Some(more) = self.spare(self.budget.readers.saturating_sub(1)) else { return Ok(None) };
        let deadline = context.deadline.min(Instant::now() + self.budget.statement_timeout);
        let readers = 1 + more.num_permits();
        let context = ExecutionContext { deadline, readers, ..context.clone() };
        let dividing = self.health.watched(self.inner.divide(query, &context));
        match tokio::time::timeout_at(deadline.into(), dividing).await {
            Ok(divided) => Ok(divided?.map(|parts| parts.holding(more))),
            Err(_) => Err(ConnectorError::new(ErrorCode::DeadlineExceeded, "while dividing")),
        }
    }

    async fn open(
        &self,
        query: &RenderedQuery,
        context: &ExecutionContext,
    ) -> Result<RemoteStream, ConnectorError> {
        self.health.check()?;
        let deadline = context.deadline.min(Instant::now() + self.budget.statement_timeout);
        let permit = tokio::select! {
            biased;
            permit = self.places(1, deadline) => permit?,
            error = self.health.lost() => return Err(error),
        };
        let more =
            query.splits.as_ref().and_then(|_| self.spare(self.budget.readers.saturating_sub(1)));
        let readers = 1 + more.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let context = ExecutionContext { deadline, readers, ..context.clone() };
        let opening = self.health.watched(connect(&*self.inner, query, &context));
        let opened = match tokio::time::timeout_at(deadline.into(), opening).await {
            Ok(opened) => opened,
            Err(_) => Err(ConnectorError::new(ErrorCode::DeadlineExceeded, "while opening")),
        };
        match opened {
            Ok(stream) => {
                let permit = with_more(permit, more.filter(|_| stream.readers().count > 1));
                Ok(limited(stream, deadline, self.budget.bytes, permit, self.health.clone()))
            }
            Err(error) => {
                if error.code == ErrorCode::Unreachable {
                    self.health.doubt();
                }
                Err(error)
            }
        }
    }
}

/// Opens a statement, trying again where no connection was made.
async fn connect(
    connector: &dyn Connector,
    query: &RenderedQuery,
    context: &ExecutionContext,
) -> Result<RemoteStream, ConnectorError> {
    let mut pause = CONNECT_BACKOFF;
    for _ in 1..CONNECT_ATTEMPTS {
        match connector.open(query, context).await {
            Err(error) if error.code == ErrorCode::Unreachable => {
                tracing::debug!(context = %error.context, "connect failed, trying again");
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            other => return other,
        }
    }
    connector.open(query, context).await
}

/// The stream with its place, deadline and byte cap; the place is given back when it ends.
fn limited(
    stream: RemoteStream,
    deadline: Instant,
    bytes: usize,
    permit: OwnedSemaphorePermit,
    health: Arc<Health>,
) -> RemoteStream {
    let (schema, readers) = (stream.schema(), stream.readers());
    let state = Some((stream, permit, 0_usize, health));
    let batches = futures::stream::unfold(state, move |state| async move {
        let (mut stream, permit, read, health) = state?;
        match tokio::time::timeout_at(deadline.into(), health.watched(stream.next())).await {
            Err(_) => {
                let error = ConnectorError::new(ErrorCode::DeadlineExceeded, "while streaming");
                Some((Err(error), None))
            }
            Ok(None) => None,
            Ok(Some(Err(error))) => Some((Err(error), None)),
            Ok(Some(Ok(batch))) => {
                let read = read + batch.get_array_memory_size();
                if read > bytes {
                    let error = ConnectorError::new(ErrorCode::ByteLimit, format!("{read} bytes"));
                    return Some((Err(error), None));
                }
                Some((Ok(batch), Some((stream, permit, read, health))))
            }
        }
    });
    RemoteStream::new(schema, batches.boxed()).read_by(readers)
}

/// One statement that waits; leaving is automatic.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize, most: usize) -> Result<Self, ConnectorError> {
        if count.fetch_add(1, Ordering::AcqRel) >= most {
            count.fetch_sub(1, Ordering::AcqRel);
            return Err(ConnectorError::new(ErrorCode::QueueFull, format!("{most} are waiting")));
        }
        Ok(Self(count))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
