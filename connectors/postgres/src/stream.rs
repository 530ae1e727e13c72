//! One statement: values bound, rows decoded as they arrive, batches handed on.
//!
//! The statement is a future that owns its session and is driven by the reader: no task, no channel,
//! and no thread hop on the way of a short answer. Dropping it drops the lease, which cancels.

use crate::connection::{Lease, Sessions};
use crate::decode::Batches;
use arrow_array::RecordBatch;
use celosia_connector_api::{
    ConnectorError, ErrorCode, ExecutionContext, RemoteStream, RenderedQuery, Value,
};
use futures::future::BoxFuture;
use futures::{Stream, StreamExt, TryStreamExt};
use parking_lot::Mutex;
use sqlx::postgres::PgArguments;
use sqlx::{Arguments, AssertSqlSafe};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Statements with more values are prepared for one use: their texts differ by the length of a list
/// and would only push out the ones that come again.
const CACHED_PARAMETERS: usize = 64;

/// Sends a statement and waits for its first batch.
pub(crate) async fn open(
    sessions: Arc<Sessions>,
    query: &RenderedQuery,
    context: &ExecutionContext,
) -> Result<RemoteStream, ConnectorError> {
    let batches = Batches::new(query, context.batch_rows)?;
    let schema = batches.schema();
    let arguments = bind(&query.parameters)?;
    let lease = sessions.lease(&context.query_id, Some(context.deadline)).await?;
    let slot = Slot::default();
    let statement = run(lease, query.sql.clone(), arguments, batches, slot.clone());
    let mut feed = Feed { statement: Some(Box::pin(statement)), slot };
    let first = feed.next().await.transpose()?;
    let batches = futures::stream::iter(first.map(Ok));
    let batches =
        if feed.statement.is_some() { batches.chain(feed).boxed() } else { batches.boxed() };
    Ok(RemoteStream::new(schema, batches))
}

/// Where the statement leaves a full batch for its reader.
type Slot = Arc<Mutex<Option<RecordBatch>>>;

/// The batches of a statement. Full ones come through the slot, the last one as the future's value.
struct Feed {
    statement: Option<BoxFuture<'static, Result<Option<RecordBatch>, ConnectorError>>>,
    slot: Slot,
}

impl Stream for Feed {
    type Item = Result<RecordBatch, ConnectorError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(statement) = self.statement.as_mut() else { return Poll::Ready(None) };
        match statement.as_mut().poll(context) {
            Poll::Ready(end) => {
                self.statement = None;
                Poll::Ready(end.transpose())
            }
            Poll::Pending => match self.slot.lock().take() {
                Some(batch) => Poll::Ready(Some(Ok(batch))),
                None => Poll::Pending,
            },
        }
    }
}

async fn run(
    mut lease: Lease,
    sql: String,
    arguments: PgArguments,
    mut batches: Batches,
    slot: Slot,
) -> Result<Option<RecordBatch>, ConnectorError> {
    let persistent = arguments.len() <= CACHED_PARAMETERS;
    let failure = {
        let query = sqlx::query_with(AssertSqlSafe(sql), arguments).persistent(persistent);
        let mut rows = query.fetch(lease.connection()?);
        loop {
            match rows.try_next().await {
                Ok(None) => break None,
                Err(error) => break Some(error),
                Ok(Some(row)) => {
                    if batches.push(&row)? {
                        *slot.lock() = batches.take()?;
                        handed_over().await;
                    }
                }
            }
        }
    };
    match failure {
        Some(error) => Err(lease.failed(error, "running a statement").await),
        None => {
            lease.finish();
            batches.take()
        }
    }
}

/// Returns to the reader once, which finds the batch in the slot and asks again when it wants more.
async fn handed_over() {
    let mut seen = false;
    poll_fn(|_| if std::mem::replace(&mut seen, true) { Poll::Ready(()) } else { Poll::Pending })
        .await;
}

/// Values in their binary form, or as text that the placeholder casts.
fn bind(values: &[Value]) -> Result<PgArguments, ConnectorError> {
    let mut arguments = PgArguments::default();
    arguments.reserve(values.len(), values.len() * 16);
    for value in values {
        let added = match value {
            Value::Boolean(value) => arguments.add(*value),
            Value::Integer(value) => arguments.add(*value),
            Value::Float(value) => arguments.add(*value),
            Value::Text(value) => arguments.add(value.as_str()),
            Value::Bytes(value) => arguments.add(value.as_slice()),
            Value::Decimal { unscaled, scale } => {
                arguments.add(Value::decimal_text(*unscaled, *scale))
            }
            Value::Date(days) => arguments.add(spelled(Value::date_text(*days))?),
            Value::Timestamp(micros) => arguments.add(spelled(Value::timestamp_text(*micros))?),
            Value::TimestampUtc(micros) => {
                arguments.add(spelled(Value::timestamp_text(*micros))? + "+00")
            }
        };
        added.map_err(|error| {
            ConnectorError::new(ErrorCode::QueryFailed, "binding a value").with_source(error)
        })?;
    }
    Ok(arguments)
}

fn spelled(text: Option<String>) -> Result<String, ConnectorError> {
    text.ok_or_else(|| {
        ConnectorError::new(ErrorCode::QueryFailed, "a bound date outside the years 1 to 9999")
    })
}
