//! A large table read by several sessions at the same time, each a range of its pages, all in one snapshot.
//!
//! The first session exports its snapshot and the others take it on before they read, so together they see
//! what one statement would have seen, and their rows come one range after the other, in the order of one scan. Which pages a session reads is a condition on `ctid`, which PostgreSQL
//! 14 and later answer by reading just these pages. The last range has no end: nothing that the snapshot sees
//! is left out.
//!
//! Only a read that the server itself would begin at the first page and end at the last is worth it. So the
//! server is asked for its plan: anything but a scan of the whole table is left as it is, as are tables with
//! children, tables with row security, and those of which the login may read only some columns.

use crate::batches::Batches;
use crate::connection::Sessions;
use crate::estimate;
use crate::lease::{Lease, Purpose, Snapshot};
use crate::prepared;
use crate::stream::{self, Feed};
use celosia_connector_api::splits::in_order;
use celosia_connector_api::{
    ConnectorError, ErrorCode, ExecutionContext, Parts, Readers, RemoteStream, RenderedQuery,
    SessionIdentity, Splits,
};
use futures::StreamExt;
use futures::future::join_all;
use serde_json::Value as Json;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor, Row};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// Fewer pages (of 8 KiB) are not worth a session.
const LEAST_PAGES: i64 = 500;
/// Fewer rows are not worth a second session.
const LEAST_ROWS: f64 = 50_000.0;
/// How much longer than its statement a snapshot is kept at most.
const LINGER: Duration = Duration::from_secs(5);

/// How many pages the table has, where ranges of them can be read.
const PAGES: &str = "SELECT pg_relation_size(c.oid) / current_setting('block_size')::bigint \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind = 'r' AND NOT c.relhassubclass \
    AND NOT c.relrowsecurity AND has_table_privilege(c.oid, 'SELECT') \
    AND current_setting('server_version_num')::int >= 140000";

/// Opens a statement over several sessions; `None` where one is as good.
pub(crate) async fn open(
    sessions: &Arc<Sessions>,
    query: &RenderedQuery,
    context: &ExecutionContext,
) -> Result<Option<RemoteStream>, ConnectorError> {
    let Some(splits) = query.splits.as_ref().filter(|_| context.readers > 1) else {
        return Ok(None);
    };
    let identity = stream::identity(context)?;
    let Some((first, shared)) = begin(sessions, query, splits, context).await? else {
        return Ok(None);
    };
    let wanted = shared.readers(context);
    let mut leases = vec![first];
    leases.extend(companions(sessions, context, identity, &shared.snapshot, wanted).await);
    let schema = query.schema();
    let feeds = ranges(shared.pages, leases.len())
        .into_iter()
        .zip(leases)
        .map(|(range, lease)| {
            let batches = Batches::new(query, context.batch_rows)?;
            let feed = Feed::begin(lease, splits.statement(&range), query, batches, true)?;
            Ok(feed.boxed())
        })
        .collect::<Result<Vec<_>, ConnectorError>>()?;
    let readers = Readers { count: feeds.len(), one_snapshot: true };
    let mut merged = in_order(feeds);
    let first = merged.next().await.transpose()?;
    let batches = futures::stream::iter(first.map(Ok)).chain(merged);
    Ok(Some(RemoteStream::new(schema, batches.boxed()).read_by(readers)))
}

/// Divides a statement among sessions of any process, all in one snapshot, which stays as long as the parts do.
pub(crate) async fn divide(
    sessions: &Arc<Sessions>,
    query: &RenderedQuery,
    context: &ExecutionContext,
) -> Result<Option<Parts>, ConnectorError> {
    let Some(splits) = query.splits.as_ref().filter(|_| context.readers > 1) else {
        return Ok(None);
    };
    let Some((mut first, shared)) = begin(sessions, query, splits, context).await? else {
        return Ok(None);
    };
    let left = context.deadline.saturating_duration_since(Instant::now()) + LINGER;
    let patience = format!("SET LOCAL idle_in_transaction_session_timeout = {}", left.as_millis());
    let set = first.connection()?.execute(sqlx::raw_sql(AssertSqlSafe(patience))).await;
    if let Err(error) = set {
        return Err(first.failed(error, "keeping a snapshot").await);
    }
    let ranges = ranges(shared.pages, shared.readers(context)).into_iter();
    let statements = ranges.map(|range| splits.statement(&range)).collect();
    let kept = Kept { lease: Some(first), runtime: Handle::current() };
    Ok(Some(Parts::new(statements).of(shared.snapshot.into()).holding(kept)))
}

/// The snapshot that another session has exported under this name.
pub(crate) fn named(snapshot: &str) -> Result<Snapshot<'_>, ConnectorError> {
    if is_name(snapshot) {
        return Ok(Snapshot::Of(snapshot));
    }
    Err(ConnectorError::new(ErrorCode::InvalidConfiguration, "this is no name of a snapshot"))
}

fn is_name(snapshot: &str) -> bool {
    snapshot.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// A session that keeps a snapshot; it ends its transaction when it is dropped.
struct Kept {
    lease: Option<Lease>,
    runtime: Handle,
}

impl Drop for Kept {
    fn drop(&mut self) {
        let Some(lease) = self.lease.take() else { return };
        self.runtime.spawn(async move {
            if let Err(error) = lease.complete().await {
                tracing::debug!(context = %error.context, "a snapshot was lost before its end");
            }
        });
    }
}

/// What the sessions share.
struct Shared {
    snapshot: String,
    pages: i64,
}

impl Shared {
    /// How many sessions are worth it.
    fn readers(&self, context: &ExecutionContext) -> usize {
        context.readers.min(usize::try_from(self.pages / LEAST_PAGES).unwrap_or(1))
    }
}

/// The first session, in the snapshot that it has exported; `None` where one session is as good.
async fn begin(
    sessions: &Arc<Sessions>,
    query: &RenderedQuery,
    splits: &Splits,
    context: &ExecutionContext,
) -> Result<Option<(Lease, Shared)>, ConnectorError> {
    let purpose = Purpose::Snapshot(stream::identity(context)?, Snapshot::Own);
    let deadline = Some(context.deadline);
    let mut first = sessions.clone().lease(&context.query_id, purpose, deadline).await?;
    match prepare(first.connection()?, query, splits).await {
        Ok(Some(shared)) => Ok(Some((first, shared))),
        Ok(None) => {
            first.complete().await?;
            Ok(None)
        }
        // A server that exports no snapshot, such as a standby, is read by one.
        Err(error) => {
            let error = first.failed(error, "preparing to read in parts").await;
            tracing::debug!(context = %error.context, "a table is read by one session");
            Ok(None)
        }
    }
}

/// Finds out whether the statement is worth more than one session, and exports the snapshot.
async fn prepare(
    connection: &mut PgConnection,
    query: &RenderedQuery,
    splits: &Splits,
) -> Result<Option<Shared>, sqlx::Error> {
    let asked = sqlx::query(PAGES).bind(&*splits.schema).bind(&*splits.table);
    let Some(row) = asked.fetch_optional(&mut *connection).await? else { return Ok(None) };
    let pages: i64 = row.try_get_unchecked(0)?;
    if pages < 2 * LEAST_PAGES || !reads_all(connection, query).await? {
        return Ok(None);
    }
    let exported = sqlx::query("SELECT pg_export_snapshot()").fetch_one(connection).await?;
    let snapshot: String = exported.try_get_unchecked(0)?;
    Ok(is_name(&snapshot).then_some(Shared { snapshot, pages }))
}

/// Whether the server would read the whole table for many rows.
async fn reads_all(
    connection: &mut PgConnection,
    query: &RenderedQuery,
) -> Result<bool, sqlx::Error> {
    let arguments = prepared::bind(&query.parameters).map_err(|e| sqlx::Error::Encode(e.into()))?;
    let text = estimate::plan(connection, &query.sql, arguments).await?;
    Ok(is_whole_scan(&text))
}

fn is_whole_scan(plan: &str) -> bool {
    let Ok(plan) = serde_json::from_str::<Json>(plan) else { return false };
    let mut step = &plan[0]["Plan"];
    if step["Node Type"] == "Gather" {
        step = &step["Plans"][0];
    }
    let rows = plan[0]["Plan"]["Plan Rows"].as_f64();
    step["Node Type"] == "Seq Scan" && rows.is_some_and(|rows| rows >= LEAST_ROWS)
}

/// Sessions that are free now, each in the snapshot of the first one.
async fn companions(
    sessions: &Arc<Sessions>,
    context: &ExecutionContext,
    identity: Option<&SessionIdentity>,
    snapshot: &str,
    wanted: usize,
) -> Vec<Lease> {
    let purpose = Purpose::Snapshot(identity, Snapshot::Of(snapshot));
    let leased = (1..wanted)
        .map(|_| sessions.clone().lease_now(&context.query_id, purpose, Some(context.deadline)));
    join_all(leased).await.into_iter().flatten().collect()
}

/// Conditions that together hold for each row once.
fn ranges(pages: i64, count: usize) -> Vec<String> {
    let count = i64::try_from(count).unwrap_or(1);
    let page = |index: i64| pages * index / count;
    let range = |index: i64| {
        let from = format!("ctid >= '({},0)'::tid", page(index));
        let last = index + 1 == count;
        let to = if last {
            String::new()
        } else {
            format!(" AND ctid < '({},0)'::tid", page(index + 1))
        };
        format!("{from}{to}")
    };
    (0..count).map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_meet_and_the_last_is_open() {
        assert_eq!(ranges(10, 1), ["ctid >= '(0,0)'::tid"]);
        assert_eq!(
            ranges(10, 3),
            [
                "ctid >= '(0,0)'::tid AND ctid < '(3,0)'::tid",
                "ctid >= '(3,0)'::tid AND ctid < '(6,0)'::tid",
                "ctid >= '(6,0)'::tid",
            ]
        );
    }

    #[test]
    fn only_a_scan_of_a_whole_table_is_one() {
        let scan = r#"{"Node Type": "Seq Scan", "Plan Rows": 90000}"#;
        assert!(is_whole_scan(&format!(r#"[{{"Plan": {scan}}}]"#)));
        assert!(is_whole_scan(&format!(
            r#"[{{"Plan": {{"Node Type": "Gather", "Plan Rows": 90000, "Plans": [{scan}]}}}}]"#
        )));
        for other in [
            r#"[{"Plan": {"Node Type": "Seq Scan", "Plan Rows": 900}}]"#,
            r#"[{"Plan": {"Node Type": "Index Scan", "Plan Rows": 90000}}]"#,
            r#"[{"Plan": {"Node Type": "Append", "Plan Rows": 90000, "Plans": [{"Node Type": "Seq Scan"}]}}]"#,
            "",
            "[]",
        ] {
            assert!(!is_whole_scan(other), "{other}");
        }
    }
}
