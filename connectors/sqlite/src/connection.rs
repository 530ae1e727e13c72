//! Statements on a leased connection: rows from SQLite's thread, batches to the reader.

use crate::decode::BatchBuilder;
use crate::error::classify;
use crate::sessions::{Lease, Sessions, within};
use arrow_array::RecordBatch;
use celosia_connector_api::{
    ConnectorError, ErrorCode, ExecutionContext, RemoteStream, RenderedQuery, Value,
};
use futures::channel::mpsc;
use futures::future::BoxFuture;
use futures::{SinkExt, Stream, StreamExt};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Either, Executor};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// The longest that a question of our own to the catalog may take.
const CATALOG_TIMEOUT: Duration = Duration::from_secs(30);

/// Runs a statement; its first batch, its end or its error has arrived when this returns.
pub(crate) async fn open(
    sessions: &Arc<Sessions>,
    query: &RenderedQuery,
    context: &ExecutionContext,
) -> Result<RemoteStream, ConnectorError> {
    if context.identity.is_some() {
        let context = "SQLite has no users that a session could be told of";
        return Err(ConnectorError::new(ErrorCode::InvalidConfiguration, context));
    }
    let builder = BatchBuilder::new(query, context.batch_rows)?;
    let arguments = arguments(&query.parameters)?;
    let schema = builder.schema();
    let lease = sessions.lease(context.deadline).await?;
    let (sender, batches) = mpsc::channel(0);
    let driver = drive(lease, query.sql.clone(), arguments, context.deadline, builder, sender);
    let mut stream = Driven { driver: Some(Box::pin(driver)), batches, failure: None };
    let first = match stream.next().await {
        Some(Err(error)) => return Err(error),
        first => first,
    };
    Ok(RemoteStream::new(schema, futures::stream::iter(first).chain(stream).boxed()))
}

/// All rows of one of our own questions, with `?1` bound where it has one.
pub(crate) async fn fetch_all(
    sessions: &Arc<Sessions>,
    sql: &'static str,
    parameter: Option<String>,
) -> Result<Vec<SqliteRow>, ConnectorError> {
    let deadline = Instant::now() + CATALOG_TIMEOUT;
    let arguments = arguments(&parameter.into_iter().map(Value::Text).collect::<Vec<_>>())?;
    let mut lease = sessions.lease(deadline).await?;
    let rows = sqlx::query_with(sql, arguments).fetch_all(lease.connection()?);
    let rows = within(deadline, "reading the catalog", rows).await?;
    let rows = rows.map_err(|error| classify(error, "reading the catalog"))?;
    lease.end();
    Ok(rows)
}

/// Sends the statement and turns its rows into batches, until the end, an error or the deadline.
async fn drive(
    mut lease: Lease,
    sql: String,
    arguments: SqliteArguments,
    deadline: Instant,
    mut builder: BatchBuilder,
    mut batches: mpsc::Sender<RecordBatch>,
) -> Result<(), ConnectorError> {
    let late = || ConnectorError::new(ErrorCode::DeadlineExceeded, "while reading");
    let mut alarm = pin!(tokio::time::sleep_until(deadline.into()));
    {
        // The statement is ours, from `render`; it stays prepared on the connection.
        let query = sqlx::query_with(AssertSqlSafe(sql), arguments);
        let mut rows = lease.connection()?.fetch_many(query);
        loop {
            let row = tokio::select! {
                biased;
                row = rows.next() => row,
                () = &mut alarm => return Err(late()),
            };
            match row {
                None => break,
                Some(Ok(Either::Left(_))) => {}
                Some(Ok(Either::Right(row))) => builder.push(&row)?,
                Some(Err(error)) => {
                    let error = classify(error, "running a statement");
                    let interrupted = error.code == ErrorCode::Cancelled;
                    return Err(if interrupted && Instant::now() >= deadline {
                        late().with_source(error)
                    } else {
                        error
                    });
                }
            }
            if builder.is_full() {
                if Instant::now() >= deadline {
                    return Err(late());
                }
                hand_on(&mut builder, &mut batches).await?;
            }
        }
    }
    // The worker closes the channel of rows after it has reset the statement.
    lease.end();
    drop(lease);
    hand_on(&mut builder, &mut batches).await
}

async fn hand_on(
    builder: &mut BatchBuilder,
    batches: &mut mpsc::Sender<RecordBatch>,
) -> Result<(), ConnectorError> {
    let Some(batch) = builder.take()? else { return Ok(()) };
    let gone = |_| ConnectorError::new(ErrorCode::Cancelled, "nobody reads any more");
    // With a buffer of none this waits until the batch before has been taken.
    batches.send(batch).await.map_err(gone)
}

/// A driver and what it has produced, as one stream: the driver runs when its reader asks, and an
/// error is the last item.
struct Driven {
    driver: Option<BoxFuture<'static, Result<(), ConnectorError>>>,
    batches: mpsc::Receiver<RecordBatch>,
    failure: Option<ConnectorError>,
}

impl Stream for Driven {
    type Item = Result<RecordBatch, ConnectorError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            match this.batches.poll_next_unpin(context) {
                Poll::Ready(Some(batch)) => return Poll::Ready(Some(Ok(batch))),
                Poll::Ready(None) => return Poll::Ready(this.failure.take().map(Err)),
                Poll::Pending => {}
            }
            let Some(driver) = &mut this.driver else { return Poll::Pending };
            match driver.as_mut().poll(context) {
                Poll::Ready(done) => {
                    this.failure = done.err();
                    this.driver = None;
                }
                // It may have produced a batch before it had to wait.
                Poll::Pending => return this.batches.poll_next_unpin(context).map(|b| b.map(Ok)),
            }
        }
    }
}

/// The bound values; a value that was bound for another dialect's columns is refused.
fn arguments(parameters: &[Value]) -> Result<SqliteArguments, ConnectorError> {
    let mut arguments = SqliteArguments::default();
    for value in parameters {
        let added = match value {
            Value::Boolean(value) => arguments.add(*value),
            Value::Integer(value) => arguments.add(*value),
            Value::Float(value) => arguments.add(*value),
            Value::Text(value) => arguments.add(value.clone()),
            Value::Bytes(value) => arguments.add(value.clone()),
            Value::Date(days) => arguments.add(Value::date_text(*days)),
            other => {
                let context = format!("{:?} is not bound to SQLite", other.data_type());
                return Err(ConnectorError::new(ErrorCode::QueryFailed, context));
            }
        };
        added.map_err(|error| {
            ConnectorError::new(ErrorCode::QueryFailed, "binding a value").with_source(error)
        })?;
    }
    Ok(arguments)
}
