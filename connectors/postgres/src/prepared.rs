//! A prepared statement: values bound, rows decoded as they arrive.
//!
//! Dropping it drops the lease, which cancels.

use crate::batches::Batches;
use crate::lease::{Lease, Purpose};
use crate::stream::Handover;
use arrow_array::RecordBatch;
use celosia_connector_api::{ConnectorError, ErrorCode, RenderedQuery, Value};
use futures::TryStreamExt;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgTypeInfo};
use sqlx::{Arguments, AssertSqlSafe, Encode, Postgres, Type};
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

/// Runs the statement and hands its batches over. One that comes only `once` is not kept prepared.
pub(crate) async fn run(
    mut lease: Lease,
    sql: String,
    arguments: PgArguments,
    mut batches: Batches,
    handover: Arc<Handover>,
    once: bool,
) -> Result<Option<RecordBatch>, ConnectorError> {
    let persistent = !once && arguments.len() <= CACHED_PARAMETERS;
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
            lease.complete().await?;
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
            Value::Date(days) => arguments.add(Moment::day(*days)?),
            Value::Timestamp(micros) => arguments.add(Moment::microsecond(*micros, TIMESTAMP)?),
            Value::TimestampUtc(micros) => {
                arguments.add(Moment::microsecond(*micros, TIMESTAMPTZ)?)
            }
        };
        added.map_err(|error| {
            ConnectorError::new(ErrorCode::QueryFailed, "binding a value").with_source(error)
        })?;
    }
    Ok(arguments)
}

/// Types by the numbers that every server gives them.
const DATE: Oid = Oid(1082);
const TIMESTAMP: Oid = Oid(1114);
const TIMESTAMPTZ: Oid = Oid(1184);
/// Days from 1970-01-01 to 2000-01-01, from which the server counts.
const EPOCH_DAYS: i32 = 10_957;
const DAY_MICROS: i64 = 86_400_000_000;

/// A date or a time stamp in its binary form. As text it would be read anew for each row, since what a text
/// means depends on a setting.
struct Moment {
    oid: Oid,
    /// Days or microseconds since the server's epoch.
    since: i64,
}

impl Moment {
    fn day(days: i32) -> Result<Self, ConnectorError> {
        in_range(Value::date_text(days))?;
        Ok(Self { oid: DATE, since: i64::from(days - EPOCH_DAYS) })
    }

    fn microsecond(micros: i64, oid: Oid) -> Result<Self, ConnectorError> {
        in_range(Value::timestamp_text(micros))?;
        Ok(Self { oid, since: micros - i64::from(EPOCH_DAYS) * DAY_MICROS })
    }
}

impl Type<Postgres> for Moment {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ)
    }
}

impl Encode<'_, Postgres> for Moment {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        if self.oid == DATE {
            buffer.extend_from_slice(&i32::try_from(self.since)?.to_be_bytes());
        } else {
            buffer.extend_from_slice(&self.since.to_be_bytes());
        }
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(PgTypeInfo::with_oid(self.oid))
    }
}

fn in_range(text: Option<String>) -> Result<(), ConnectorError> {
    text.map(drop).ok_or_else(|| {
        ConnectorError::new(ErrorCode::QueryFailed, "a bound date outside the years 1 to 9999")
    })
}
