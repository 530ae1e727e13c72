//! A statement read through `COPY (...) TO STDOUT (FORMAT binary)`: the fastest way to many rows.
//!
//! COPY takes no parameters and says no types, and it has an overhead: three round trips more than a
//! prepared statement, and a plan of its own. So it is used where nothing is bound and where no few
//! rows are expected ([`is_worthwhile`]).
//!
//! Types are proven within the transaction that copies, as
//!
//! ```sql
//! BEGIN READ ONLY; SET LOCAL application_name = 'celosia <query>';
//! SELECT q.* FROM (SELECT) AS one LEFT JOIN (SELECT * FROM (<statement>) AS s LIMIT 0) AS q ON true;
//! COPY (<statement>) TO STDOUT (FORMAT binary);
//! COMMIT;
//! ```
//!
//! The second statement is a prepared one. It gives one row of NULLs in the types of the result and
//! leaves every table locked against a change of type until the transaction ends. Where a table has
//! changed since the statement was prepared the server refuses the plan, as it does for a prepared
//! statement that is read. It also refuses what is not one expression of a query, so nothing but that
//! can stand in the parentheses of COPY.
//!
//! The driver loses count of the server's messages where COPY is left before its end. So a reader who
//! goes away leaves the future to [`crate::cancel`], which lets it come to its end.

use crate::batches::Batches;
use crate::lease::Lease;
use crate::stream::Handover;
use crate::tuples::{Malformed, Tuples};
use arrow_array::RecordBatch;
use celosia_connector_api::{ConnectorError, ErrorCode, RenderedQuery};
use futures::TryStreamExt;
use sqlx::AssertSqlSafe;
use std::sync::Arc;

/// From this many rows on COPY makes up for what it costs to begin.
const WORTHWHILE_ROWS: u64 = 5_000;

/// Whether a statement is read through COPY: nothing is bound, and it is not known that only a few
/// rows will come.
pub(crate) fn is_worthwhile(query: &RenderedQuery) -> bool {
    query.parameters.is_empty() && query.rows_hint.is_none_or(|rows| rows >= WORTHWHILE_ROWS)
}

/// Runs the statement and hands its batches over.
pub(crate) async fn run(
    mut lease: Lease,
    sql: String,
    mut batches: Batches,
    handover: Arc<Handover>,
) -> Result<Option<RecordBatch>, ConnectorError> {
    let types = format!(
        "SELECT q.* FROM (SELECT) AS one LEFT JOIN (SELECT * FROM ({sql}) AS s LIMIT 0) AS q ON true"
    );
    let row = sqlx::query(AssertSqlSafe(types)).fetch_one(lease.connection()?).await;
    match row {
        Ok(row) => {
            if let Err(error) = batches.check(&row) {
                lease.end("ROLLBACK").await?;
                return Err(error);
            }
        }
        Err(error) => return Err(lease.failed(error, "preparing a statement").await),
    }
    let copied = rows(&mut lease, &sql, &mut batches, &handover).await?;
    if let Err(error) = copied {
        return Err(lease.failed(error, "running a statement").await);
    }
    lease.end("COMMIT").await?;
    batches.take()
}

/// Reads every row. What is wrong with one of them is told to the reader, who then goes away.
async fn rows(
    lease: &mut Lease,
    sql: &str,
    batches: &mut Batches,
    handover: &Handover,
) -> Result<Result<(), sqlx::Error>, ConnectorError> {
    let copy = format!("COPY ({sql}) TO STDOUT (FORMAT binary)");
    let mut tuples = Tuples::new();
    let mut chunks = match lease.copying()?.copy_out_raw(&copy).await {
        Ok(chunks) => chunks,
        Err(error) => return Ok(Err(error)),
    };
    let outcome = loop {
        match chunks.try_next().await {
            Ok(Some(_)) if handover.is_unwanted() => {}
            Ok(Some(chunk)) => {
                if let Err(error) = take(chunk, &mut tuples, batches, handover).await {
                    handover.leave(Err(error)).await;
                }
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    drop(chunks);
    lease.copied();
    if outcome.is_ok()
        && !handover.is_unwanted()
        && let Err(reason) = tuples.finish()
    {
        handover.leave(Err(malformed(reason))).await;
    }
    Ok(outcome)
}

/// The rows of one chunk.
async fn take<C: AsRef<[u8]>>(
    chunk: C,
    tuples: &mut Tuples<C>,
    batches: &mut Batches,
    handover: &Handover,
) -> Result<(), ConnectorError> {
    tuples.add(chunk).map_err(malformed)?;
    while let Some(tuple) = tuples.next().map_err(malformed)? {
        if batches.push_tuple(tuple)? {
            handover.leave(Ok(batches.take()?)).await;
        }
    }
    Ok(())
}

fn malformed(reason: Malformed) -> ConnectorError {
    ConnectorError::new(ErrorCode::QueryFailed, format!("COPY data: {reason}"))
}
