//! One statement: run on its session's thread, batches handed on through a channel of one place.
//!
//! The reader's end is a stream; dropping it stops the statement. A stream that is not told that the
//! statement has ended is broken, never whole.

use crate::connection::{After, Lease, Sessions, Stopper, action};
use crate::decode::Batches;
use crate::driver::{Connection, Failure, Stop};
use crate::error;
use arrow_array::RecordBatch;
use celosia_connector_api::{
    ConnectorError, ErrorCode, ExecutionContext, RemoteStream, RenderedQuery,
};
use futures::{Stream, StreamExt};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::Sleep;

/// Stale sessions of the pool that a statement may meet before it gets a new one.
const STALE_SESSIONS: usize = 64;

/// Sends a statement and waits for its first batch.
pub(crate) async fn open(
    sessions: &Arc<Sessions>,
    query: &RenderedQuery,
    context: &ExecutionContext,
) -> Result<RemoteStream, ConnectorError> {
    open_on(None, sessions, query, context).await
}

/// The same on a session that is there already, or on another one where that has gone stale.
pub(crate) async fn open_on(
    mut first: Option<Lease>,
    sessions: &Arc<Sessions>,
    query: &RenderedQuery,
    context: &ExecutionContext,
) -> Result<RemoteStream, ConnectorError> {
    let cutoff = cutoff(sessions, context)?;
    let client = client(context)?;
    for _ in 0..STALE_SESSIONS {
        let batches = Batches::new(query, context.batch_rows)?;
        let schema = batches.schema();
        let lease = match first.take() {
            Some(lease) => lease,
            None => sessions.lease(cutoff).await?,
        };
        let rows = sessions.sizes.rows(&query.columns, context.batch_rows);
        let asked = Asked { query: query.clone(), rows, batches };
        let mut feed = start(lease, asked, (action(&context.query_id), client.clone()), cutoff);
        match feed.first().await {
            First::Stale => {}
            First::Item(first) => {
                let first = first.transpose()?;
                let batches = futures::stream::iter(first.map(Ok)).chain(feed).boxed();
                return Ok(RemoteStream::new(schema, batches));
            }
        }
    }
    Err(ConnectorError::new(ErrorCode::ConnectionLost, "every session had gone stale"))
}

/// When a statement of this context must have ended.
///
/// # Errors
/// `DeadlineExceeded` where that is now.
pub(crate) fn cutoff(
    sessions: &Sessions,
    context: &ExecutionContext,
) -> Result<Instant, ConnectorError> {
    let cutoff = sessions.cutoff(Some(context.deadline));
    if cutoff <= Instant::now() {
        let context = "the deadline passed before the statement was sent";
        return Err(ConnectorError::new(ErrorCode::DeadlineExceeded, context));
    }
    Ok(cutoff)
}

/// For whom the statement runs, as its session is told.
///
/// # Errors
/// `InvalidConfiguration` where another user would have to be taken on.
pub(crate) fn client(context: &ExecutionContext) -> Result<Option<String>, ConnectorError> {
    let identity = context.identity.as_deref();
    if identity.is_some_and(|identity| identity.role.is_some()) {
        let context = "Oracle sessions are told a name; they take on no other user";
        return Err(ConnectorError::new(ErrorCode::InvalidConfiguration, context));
    }
    Ok(identity.map(|identity| identity.user.clone()))
}

/// What comes through the channel.
enum Item {
    Batch(RecordBatch),
    /// The statement has ended and was whole.
    End,
    Failed(ConnectorError),
    /// The session was broken before anything of the statement was sent.
    Stale,
}

enum First {
    Stale,
    Item(Option<Result<RecordBatch, ConnectorError>>),
}

/// The reader's end.
struct Feed {
    items: Receiver<Item>,
    stopper: Stopper,
    deadline: Pin<Box<Sleep>>,
    done: bool,
}

impl Feed {
    async fn first(&mut self) -> First {
        let item = tokio::select! {
            biased;
            item = self.items.recv() => item,
            () = &mut self.deadline => return First::Item(Some(Err(self.late()))),
        };
        match item {
            Some(Item::Stale) => {
                self.done = true;
                First::Stale
            }
            item => First::Item(self.received(item)),
        }
    }

    fn received(&mut self, item: Option<Item>) -> Option<Result<RecordBatch, ConnectorError>> {
        match item {
            Some(Item::Batch(batch)) => return Some(Ok(batch)),
            Some(Item::End) => {
                self.done = true;
                return None;
            }
            _ => {}
        }
        self.done = true;
        Some(Err(match item {
            Some(Item::Failed(error)) => error,
            _ => ConnectorError::new(ErrorCode::ConnectionLost, "the session ended"),
        }))
    }

    fn late(&mut self) -> ConnectorError {
        self.done = true;
        self.stopper.stop();
        ConnectorError::new(ErrorCode::DeadlineExceeded, "running a statement")
    }
}

impl Stream for Feed {
    type Item = Result<RecordBatch, ConnectorError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.done {
            return Poll::Ready(None);
        }
        if let Poll::Ready(item) = self.items.poll_recv(context) {
            return Poll::Ready(self.received(item));
        }
        match self.deadline.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Some(Err(self.late()))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        if !self.done {
            self.stopper.stop();
        }
    }
}

/// What a session's thread needs of a statement.
struct Asked {
    query: RenderedQuery,
    /// Rows of one fetch.
    rows: u32,
    batches: Batches,
}

fn start(
    lease: Lease,
    asked: Asked,
    (action, client): (String, Option<String>),
    cutoff: Instant,
) -> Feed {
    // One batch waits while the next one is made.
    let (sender, items) = mpsc::channel(1);
    let stopper = lease.stopper();
    let feed = Feed {
        items,
        stopper: stopper.clone(),
        deadline: Box::pin(tokio::time::sleep_until(cutoff.into())),
        done: false,
    };
    let is_pooled = lease.is_pooled();
    lease.run(action, client, (), move |connection| match connection {
        Ok(connection) => run(connection, asked, &sender, &stopper),
        Err(failure) => {
            let stale = is_pooled && stopper.line().reason().is_none();
            tell(&sender, unstarted(failure, stale, &stopper));
            After::ThrowAway
        }
    });
    feed
}

fn unstarted(failure: Failure, stale: bool, stopper: &Stopper) -> Item {
    if stale && !error::keeps_session(&failure) {
        tracing::debug!(%failure, "a session was broken");
        return Item::Stale;
    }
    Item::Failed(error::running(failure, stopper.line().reason(), "beginning a transaction"))
}

fn run(
    connection: &mut dyn Connection,
    asked: Asked,
    sender: &Sender<Item>,
    stopper: &Stopper,
) -> After {
    let Asked { query, rows, mut batches } = asked;
    let mut hand_on = |batch| {
        if tell(sender, Item::Batch(batch)) { Ok(()) } else { Err(Stop::Unread) }
    };
    match connection.query(&query.sql, &query.parameters, rows, &mut batches, &mut hand_on) {
        Ok(()) => {
            let last = match batches.take() {
                Ok(last) => last.is_none_or(|last| tell(sender, Item::Batch(last))),
                Err(error) => !tell(sender, Item::Failed(error)),
            };
            if last {
                tell(sender, Item::End);
            }
            After::Keep
        }
        Err(Stop::Unread) => After::Keep,
        Err(Stop::Refused(error)) => {
            tell(sender, Item::Failed(error));
            After::Keep
        }
        Err(Stop::Failed(failure)) => {
            let keeps = error::keeps_session(&failure);
            let reason = stopper.line().reason();
            tell(sender, Item::Failed(error::running(failure, reason, "running a statement")));
            if keeps { After::Keep } else { After::ThrowAway }
        }
    }
}

/// Whether somebody still reads.
fn tell(sender: &Sender<Item>, item: Item) -> bool {
    sender.blocking_send(item).is_ok()
}
