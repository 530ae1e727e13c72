//! A prepared statement: values bound, rows decoded as they arrive.
//!
//! Dropping it drops the lease, which cancels.

use crate::batches::Batches;
use crate::lease::{Lease, Purpose};
use crate::stream::Handover;
use arrow_array::RecordBatch;
use celosia_connector_api::{ConnectorError, ErrorCode, RenderedQuery, Value};
use futures::TryStreamExt;
use sqlx::postgres::PgArguments;
use sqlx::{Arguments, AssertSqlSafe};
use std::sync::Arc;

/// Statements with more values are prepared for one use: their texts differ by the length of a list
/// and would only push out the ones that come again.
const CACHED_PARAMETERS: usize = 64;

/// What the session is wanted for.
pub(crate) fn purpose(query: &RenderedQuery) -> Purpose<'_> {
    if query.parameters.len() <= CACHED_PARAMETERS {
        Purpose::Repeated(&query.sql)
    } else {
        Purpose::Once
    }
}

/// Runs the statement and hands its batches over.
pub(crate) async fn run(
    mut lease: Lease,
    sql: String,
    arguments: PgArguments,
    mut batches: Batches,
    handover: Arc<Handover>,
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
                        handover.leave(Ok(batches.take()?)).await;
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

/// Values in their binary form, or as text that the placeholder casts.
pub(crate) fn bind(values: &[Value]) -> Result<PgArguments, ConnectorError> {
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
