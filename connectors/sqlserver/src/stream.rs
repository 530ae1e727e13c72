//! One statement: values bound, rows decoded as they arrive, batches handed on.
//!
//! The statement is a future that owns its session and is driven by the reader: no task, no channel,
//! and no thread hop on the way of a short answer. Dropping it drops the lease, which sends an attention.

use crate::connection::{Lease, Sessions, late};
use crate::decode::Batches;
use arrow_array::RecordBatch;
use celosia_connector_api::{
    ConnectorError, ErrorCode, ExecutionContext, RemoteStream, RenderedQuery, Value,
};
use futures::future::BoxFuture;
use futures::{Stream, StreamExt, TryStreamExt};
use parking_lot::Mutex;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;
use tiberius::error::Error;
use tiberius::time::{Date, DateTime2, DateTimeOffset, Time};
use tiberius::{ColumnData, IntoSql, Query, QueryItem};
use tokio::time::Sleep;

/// The most parameters of one statement; the statement itself and their list are two more.
const MOST_PARAMETERS: usize = 2_098;
/// Days from 0001-01-01 to 1970-01-01.
const YEAR_ONE: i64 = 719_162;
const DAY: i64 = 86_400_000_000;

/// Sends a statement and waits for its first batch.
pub(crate) async fn open(
    sessions: &Arc<Sessions>,
    query: &RenderedQuery,
    context: &ExecutionContext,
) -> Result<RemoteStream, ConnectorError> {
    let statement = Statement::of(query, context)?;
    let lease = session(sessions, context).await?;
    statement.on(lease).await
}

/// A session for a statement of this context.
pub(crate) async fn session(
    sessions: &Arc<Sessions>,
    context: &ExecutionContext,
) -> Result<Lease, ConnectorError> {
    let identity = context.identity.as_deref();
    let leasing = sessions.clone().lease(&context.query_id, identity, Some(context.deadline));
    let leased = tokio::time::timeout_at(context.deadline.into(), Box::pin(leasing)).await;
    leased.map_err(|_| late("while a session was made"))?
}

/// The same where a place is free now.
pub(crate) async fn spare_session(
    sessions: &Arc<Sessions>,
    context: &ExecutionContext,
) -> Option<Lease> {
    let identity = context.identity.as_deref();
    let leasing = sessions.clone().lease_now(&context.query_id, identity, Some(context.deadline));
    tokio::time::timeout_at(context.deadline.into(), Box::pin(leasing)).await.ok().flatten()
}

/// A statement that can be sent.
pub(crate) struct Statement {
    sql: String,
    values: Vec<Bound>,
    batches: Batches,
}

impl Statement {
    /// Checks what is to be sent.
    ///
    /// # Errors
    /// It is no SELECT, or has values or columns that cannot be sent or read.
    pub(crate) fn of(
        query: &RenderedQuery,
        context: &ExecutionContext,
    ) -> Result<Self, ConnectorError> {
        if !is_select(&query.sql) {
            return Err(ConnectorError::new(ErrorCode::QueryFailed, "only SELECT is sent"));
        }
        let batches = Batches::new(query, context.batch_rows)?;
        let values = query.parameters.iter().map(bound).collect::<Result<Vec<_>, _>>()?;
        if values.len() > MOST_PARAMETERS {
            let context =
                format!("{} parameters, at most {MOST_PARAMETERS} can be sent", values.len());
            return Err(ConnectorError::new(ErrorCode::QueryFailed, context));
        }
        Ok(Self { sql: query.sql.clone(), values, batches })
    }

    /// Sends it on a session and waits for its first batch.
    pub(crate) async fn on(self, lease: Lease) -> Result<RemoteStream, ConnectorError> {
        let schema = self.batches.schema();
        let mut feed = self.feed(lease);
        let first = feed.next().await.transpose()?;
        let batches = futures::stream::iter(first.map(Ok));
        let batches =
            if feed.statement.is_some() { batches.chain(feed).boxed() } else { batches.boxed() };
        Ok(RemoteStream::new(schema, batches))
    }

    /// Its batches on a session; it is sent when they are first asked for.
    pub(crate) fn feed(self, lease: Lease) -> Feed {
        let (cutoff, slot) = (lease.cutoff(), Slot::default());
        let statement = run(lease, self.sql, self.values, self.batches, slot.clone());
        Feed {
            statement: Some(Box::pin(statement)),
            slot,
            cutoff,
            alarm: Box::pin(tokio::time::sleep_until(cutoff.into())),
        }
    }
}

/// The rows of a statement of our own, all of them: for the catalog.
pub(crate) async fn records(
    lease: &mut Lease,
    sql: String,
    values: &[Value],
) -> Result<Vec<Vec<ColumnData<'static>>>, Error> {
    let mut query = Query::new(sql);
    for value in values {
        if let Ok(value) = bound(value) {
            query.bind(value);
        }
    }
    let cutoff = lease.cutoff();
    let lost = |error: ConnectorError| Error::Protocol(error.context.into());
    let reading = async {
        let rows = query.query(lease.client().map_err(lost)?).await?.into_first_result().await?;
        Ok(rows.into_iter().map(|row| row.into_iter().collect()).collect())
    };
    match tokio::time::timeout_at(cutoff.into(), reading).await {
        Ok(rows) => rows,
        Err(_) => Err(Error::Protocol("no answer in time".into())),
    }
}

/// Where the statement leaves a full batch for its reader.
type Slot = Arc<Mutex<Option<RecordBatch>>>;

/// The batches of a statement. Full ones come through the slot, the last one as the future's value.
pub(crate) struct Feed {
    statement: Option<BoxFuture<'static, Result<Option<RecordBatch>, ConnectorError>>>,
    slot: Slot,
    cutoff: Instant,
    alarm: Pin<Box<Sleep>>,
}

impl Stream for Feed {
    type Item = Result<RecordBatch, ConnectorError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(statement) = self.statement.as_mut() else { return Poll::Ready(None) };
        if let Poll::Ready(end) = statement.as_mut().poll(context) {
            self.statement = None;
            return Poll::Ready(end.transpose());
        }
        // A reader that is always served never lets the alarm ring.
        let batch = self.slot.lock().take();
        let in_time = batch.is_some() && Instant::now() < self.cutoff;
        if in_time || (batch.is_none() && self.alarm.as_mut().poll(context).is_pending()) {
            return batch.map_or(Poll::Pending, |batch| Poll::Ready(Some(Ok(batch))));
        }
        self.statement = None;
        Poll::Ready(Some(Err(late("while the statement ran"))))
    }
}

async fn run(
    mut lease: Lease,
    sql: String,
    values: Vec<Bound>,
    mut batches: Batches,
    slot: Slot,
) -> Result<Option<RecordBatch>, ConnectorError> {
    let mut results = 0;
    let failure = {
        let mut query = Query::new(sql);
        values.into_iter().for_each(|value| query.bind(value));
        match query.query(lease.client()?).await {
            Err(error) => Some(error),
            Ok(mut answer) => loop {
                match answer.try_next().await {
                    Ok(None) => break None,
                    Err(error) => break Some(error),
                    Ok(Some(QueryItem::Metadata(described))) => {
                        results += 1;
                        one_result(results)?;
                        batches.check(described.columns())?;
                    }
                    Ok(Some(QueryItem::Row(row))) => {
                        if batches.push(&row)? {
                            *slot.lock() = batches.take()?;
                            handed_over().await;
                        }
                    }
                }
            },
        }
    };
    if let Some(error) = failure {
        return Err(lease.failed(error, "running a statement"));
    }
    lease.finish();
    if results == 0 {
        return Err(ConnectorError::new(ErrorCode::QueryFailed, "the statement has no result"));
    }
    batches.take()
}

fn one_result(results: usize) -> Result<(), ConnectorError> {
    if results == 1 {
        return Ok(());
    }
    Err(ConnectorError::new(ErrorCode::QueryFailed, "the statement has more than one result"))
}

/// Returns to the reader once, which finds the batch in the slot and asks again when it wants more.
async fn handed_over() {
    let mut seen = false;
    poll_fn(|_| if std::mem::replace(&mut seen, true) { Poll::Ready(()) } else { Poll::Pending })
        .await;
}

/// The second net behind the transaction that is rolled back: what we generate begins so.
fn is_select(sql: &str) -> bool {
    let word = sql.get(..7).unwrap_or_default();
    word.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select"))
        && word.ends_with(|c: char| c.is_ascii_whitespace())
}

/// A value in the driver's form.
struct Bound(ColumnData<'static>);

impl<'a> IntoSql<'a> for Bound {
    fn into_sql(self) -> ColumnData<'a> {
        self.0
    }
}

/// Values in their own types; a decimal as text that the placeholder casts, since the driver's type would
/// be as narrow as the value.
fn bound(value: &Value) -> Result<Bound, ConnectorError> {
    Ok(Bound(match value {
        Value::Boolean(value) => ColumnData::Bit(Some(*value)),
        Value::Integer(value) => ColumnData::I64(Some(*value)),
        Value::Float(value) if value.is_finite() => ColumnData::F64(Some(*value)),
        Value::Float(_) => return Err(unbindable("a float that is no number")),
        Value::Text(text) => ColumnData::String(Some(text.clone().into())),
        Value::Bytes(bytes) => ColumnData::Binary(Some(bytes.clone().into())),
        Value::Decimal { unscaled, scale } => {
            ColumnData::String(Some(Value::decimal_text(*unscaled, *scale).into()))
        }
        Value::Date(days) => ColumnData::Date(Some(date(i64::from(*days))?)),
        Value::Timestamp(micros) => ColumnData::DateTime2(Some(moment(*micros)?)),
        Value::TimestampUtc(micros) => {
            ColumnData::DateTimeOffset(Some(DateTimeOffset::new(moment(*micros)?, 0)))
        }
    }))
}

fn date(days: i64) -> Result<Date, ConnectorError> {
    let days = u32::try_from(days + YEAR_ONE).ok().filter(|days| *days <= 3_652_058);
    days.map(Date::new).ok_or_else(|| unbindable("a date outside the years 1 to 9999"))
}

fn moment(micros: i64) -> Result<DateTime2, ConnectorError> {
    let time = micros.rem_euclid(DAY).unsigned_abs();
    Ok(DateTime2::new(date(micros.div_euclid(DAY))?, Time::new(time * 10, 7)))
}

fn unbindable(what: &str) -> ConnectorError {
    ConnectorError::new(ErrorCode::QueryFailed, format!("{what} cannot be bound"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_select_is_sent() {
        assert!(is_select("SELECT 1") && is_select("select\n1"));
        for other in
            ["", "SELECT", "SELECTED x", "WITH a AS (SELECT 1) DELETE FROM a", "INSERT x", "é"]
        {
            assert!(!is_select(other), "{other}");
        }
    }

    #[test]
    fn moments_are_bound_within_their_range() {
        let bind = |value| bound(&value).map(|bound| bound.0);
        assert_eq!(bind(Value::Date(0)).ok(), Some(ColumnData::Date(Some(Date::new(719_162)))));
        let before = DateTime2::new(Date::new(719_161), Time::new(863_999_999_990, 7));
        assert_eq!(bind(Value::Timestamp(-1)).ok(), Some(ColumnData::DateTime2(Some(before))));
        for bad in [Value::Date(i32::MAX), Value::Timestamp(i64::MIN), Value::Float(f64::NAN)] {
            assert!(bind(bad).is_err());
        }
    }
}
