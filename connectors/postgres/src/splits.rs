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
use arrow_array::RecordBatch;
use celosia_connector_api::{
    ConnectorError, ErrorCode, ExecutionContext, RemoteStream, RenderedQuery, SessionIdentity,
    Splits,
};
use futures::StreamExt;
use futures::future::join_all;
use serde_json::Value as Json;
use sqlx::Row;
use sqlx::postgres::PgConnection;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;

/// Fewer pages (of 8 KiB) are not worth a session.
const LEAST_PAGES: i64 = 500;
/// Fewer rows are not worth a second session.
const LEAST_ROWS: f64 = 50_000.0;
/// Bytes that a session may be ahead of its turn.
const AHEAD: usize = 64 << 20;

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
    let purpose = Purpose::Snapshot(identity, Snapshot::Own);
    let deadline = Some(context.deadline);
    let mut first = sessions.clone().lease(&context.query_id, purpose, deadline).await?;
    let shared = match prepare(first.connection()?, query, splits).await {
        Ok(Some(shared)) => shared,
        Ok(None) => {
            first.complete().await?;
            return Ok(None);
        }
        // A server that exports no snapshot, such as a standby, is read by one.
        Err(error) => {
            let error = first.failed(error, "preparing to read in parts").await;
            tracing::debug!(context = %error.context, "a table is read by one session");
            return Ok(None);
        }
    };
    let wanted = context.readers.min(usize::try_from(shared.pages / LEAST_PAGES).unwrap_or(1));
    let mut leases = vec![first];
    leases.extend(companions(sessions, context, identity, &shared.snapshot, wanted).await);
    let schema = query.schema();
    let feeds = ranges(shared.pages, leases.len())
        .into_iter()
        .zip(leases)
        .map(|(range, lease)| {
            let batches = Batches::new(query, context.batch_rows)?;
            Feed::begin(lease, splits.statement(&range), query, batches, true)
        })
        .collect::<Result<Vec<Feed>, ConnectorError>>()?;
    let readers = feeds.len();
    let mut merged = Box::pin(merge(feeds));
    let first = merged.next().await.transpose()?;
    let batches = futures::stream::iter(first.map(Ok)).chain(merged);
    Ok(Some(RemoteStream::new(schema, batches.boxed()).read_by(readers)))
}

/// What the sessions share.
struct Shared {
    snapshot: String,
    pages: i64,
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
    let plain = snapshot.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    Ok(plain.then_some(Shared { snapshot, pages }))
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

/// A session's batches, read ahead.
struct Reader {
    batches: mpsc::UnboundedReceiver<(Result<RecordBatch, ConnectorError>, OwnedSemaphorePermit)>,
    /// Its task, which ends with it.
    task: JoinSet<()>,
}

impl Reader {
    fn start(mut feed: Feed) -> Self {
        let (sender, batches) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(AHEAD));
        let mut task = JoinSet::new();
        task.spawn(async move {
            while let Some(batch) = feed.next().await {
                let bytes = batch.as_ref().map_or(1, RecordBatch::get_array_memory_size);
                let bytes = u32::try_from(bytes.clamp(1, AHEAD)).unwrap_or(1);
                let Ok(permit) = room.clone().acquire_many_owned(bytes).await else { return };
                if sender.send((batch, permit)).is_err() {
                    return;
                }
            }
        });
        Self { batches, task }
    }

    /// The next batch; rows are missing where the task did not come to its end.
    async fn next(&mut self) -> Option<Result<RecordBatch, ConnectorError>> {
        if let Some((batch, _)) = self.batches.recv().await {
            return Some(batch);
        }
        let error = self.task.join_next().await?.err()?;
        let context = "a reader of a part ended early";
        Some(Err(ConnectorError::new(ErrorCode::QueryFailed, context).with_source(error)))
    }
}

/// The batches of all feeds, one feed after the other: the order of one session's scan. In the order of arrival it
/// would follow from who is quicker, and how quick a session is depends on rows that a caller may not see. Dropping
/// the stream drops the feeds, which stops their statements.
fn merge(
    feeds: Vec<Feed>,
) -> impl futures::Stream<Item = Result<RecordBatch, ConnectorError>> + Send {
    let readers: VecDeque<Reader> = feeds.into_iter().map(Reader::start).collect();
    futures::stream::unfold(readers, |mut readers| async {
        loop {
            match readers.front_mut()?.next().await {
                Some(Ok(batch)) => return Some((Ok(batch), readers)),
                Some(Err(error)) => return Some((Err(error), VecDeque::new())),
                None => drop(readers.pop_front()),
            }
        }
    })
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

    #[tokio::test]
    async fn the_rows_of_every_part_come_and_an_end_is_an_end() {
        let empty: Vec<_> = merge(Vec::new()).collect().await;
        assert!(empty.is_empty());
    }
}
