//! A read of one large table as several statements that together read each row once.
//!
//! Whoever reads puts a condition of its own where the policy's row filter stands, so a split is governed as
//! the whole is.

use crate::render::Writer;
use crate::{ConnectorError, Dialect, ErrorCode, TableRead};
use arrow_array::RecordBatch;
use futures::StreamExt;
use futures::stream::BoxStream;
use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;

/// Stands for the condition while the statement is spelled. No name and no value can hold it: control
/// characters of this kind are bound, and a name that has one is not read in splits.
const PLACE: &str = "\u{2}split\u{2}";

/// A statement that is open where the condition of a split belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splits {
    before: Arc<str>,
    after: Arc<str>,
    /// The table's schema.
    pub schema: Arc<str>,
    /// The table's name.
    pub table: Arc<str>,
}

impl Splits {
    /// The same statement for the rows of the table that fulfil `condition`. Its parameters are those of the
    /// whole statement.
    pub fn statement(&self, condition: &str) -> String {
        format!("{}{condition}{}", self.before, self.after)
    }
}

/// A statement in parts that sessions of any process may read, as long as this is held.
pub struct Parts {
    /// Statements that together read each row once, in the order of one scan, with the parameters and columns of
    /// the whole.
    pub statements: Vec<String>,
    /// The snapshot that their sessions take on; without one each sees what there is when it begins.
    pub snapshot: Option<Arc<str>>,
    held: Vec<Box<dyn Any + Send + Sync>>,
}

impl Parts {
    /// Parts without a snapshot.
    pub fn new(statements: Vec<String>) -> Self {
        Self { statements, snapshot: None, held: Vec::new() }
    }

    /// The same parts of this snapshot.
    #[must_use]
    pub fn of(self, snapshot: Arc<str>) -> Self {
        Self { snapshot: Some(snapshot), ..self }
    }

    /// The same parts, which keep something as long as they are held.
    #[must_use]
    pub fn holding(mut self, held: impl Any + Send + Sync) -> Self {
        self.held.push(Box::new(held));
        self
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("snapshot", &self.snapshot).finish_non_exhaustive()
    }
}

/// Bytes that a session may be ahead of its turn.
const AHEAD: usize = 64 << 20;

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

/// One session's batches.
pub type Feed = BoxStream<'static, Result<RecordBatch, ConnectorError>>;

/// The batches of all feeds, which are read at the same time, one feed after the other: the order of one session's
/// scan. In the order of arrival it would follow from who is quicker, and how quick a session is depends on rows
/// that a caller may not see. Dropping the stream drops the feeds, which stops their statements.
pub fn in_order(feeds: Vec<Feed>) -> Feed {
    let readers: VecDeque<Reader> = feeds.into_iter().map(Reader::start).collect();
    let batches = futures::stream::unfold(readers, |mut readers| async {
        loop {
            match readers.front_mut()?.next().await {
                Some(Ok(batch)) => return Some((Ok(batch), readers)),
                Some(Err(error)) => return Some((Err(error), VecDeque::new())),
                None => drop(readers.pop_front()),
            }
        }
    });
    batches.boxed()
}

/// The statement of `query`, open for splits. `None` where an order or a limit would have another meaning in
/// each split, or where the dialect has no splits.
pub fn splits(dialect: &dyn Dialect, query: &TableRead) -> Option<Splits> {
    if !dialect.relational().splits || query.limit.is_some() || !query.order.is_empty() {
        return None;
    }
    let mut writer = Writer::new(dialect).beside_filter(PLACE);
    let sql = writer.statement(query)?;
    let (sql, _) = writer.parameters.settle(dialect, &sql)?;
    let (before, after) = sql.split_once(PLACE)?;
    (!after.contains(PLACE)).then(|| Splits {
        before: before.into(),
        after: after.into(),
        schema: query.table.schema.as_str().into(),
        table: query.table.name.as_str().into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn feeds_end_with_the_last_and_an_error_ends_all() {
        assert_eq!(in_order(Vec::new()).count().await, 0);
        let schema = Arc::new(arrow_schema::Schema::empty());
        let batch = RecordBatch::new_empty(schema);
        let good = || futures::stream::iter([Ok(batch.clone()), Ok(batch.clone())]).boxed();
        assert_eq!(in_order(vec![good(), good()]).count().await, 4);
        let bad = ConnectorError::new(ErrorCode::ConnectionLost, "gone");
        let bad = futures::stream::iter([Err(bad)]).boxed();
        let all: Vec<_> = in_order(vec![good(), bad, good()]).collect().await;
        assert!(all.len() == 3 && all[2].is_err(), "{}", all.len());
    }
}
