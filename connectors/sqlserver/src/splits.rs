//! A large table read by several sessions at the same time, each a range of the key by which it is stored.
//!
//! A clustered index is the table itself, in the order of its key: a range of the key's first column is one piece
//! of it, which the server finds by a seek and reads to its end. Its smallest and largest value cost two seeks more
//! and divide what lies between them into equal widths, so a key with gaps gives parts of different size. The first
//! range has no lower end and the last no upper end: no row is left out, whatever was added since.
//!
//! Sessions of SQL Server cannot share a moment: each sees its own. Everything that would make ranges dearer than
//! one read of all, or a row of no range, is left to one session: other tables than those with a clustered index
//! over a whole number that is never NULL, and partitioned ones, whose ends are not two seeks away.

use crate::catalog_rows::{number, text};
use crate::connection::{Lease, Sessions};
use crate::dialect::SqlServerDialect;
use crate::stream::{self, Statement};
use celosia_connector_api::splits::in_order;
use celosia_connector_api::{
    ConnectorError, Dialect, ExecutionContext, Parts, Readers, RemoteStream, RenderedQuery, Splits,
    Value,
};
use futures::StreamExt;
use futures::future::join_all;
use std::sync::Arc;
use tiberius::error::Error;

/// Fewer rows are not worth a session.
const LEAST_ROWS: i64 = 50_000;

/// The column by which a table is stored, its type, and about how many rows there are, for every partition. All of
/// it is told to whoever may read the table.
const KEY: &str = "\
    SELECT c.name AS column_name, y.name AS type_name, p.rows AS row_count \
    FROM sys.objects o \
      JOIN sys.schemas s ON s.schema_id = o.schema_id \
      JOIN sys.indexes i ON i.object_id = o.object_id AND i.type = 1 AND i.is_disabled = 0 \
      JOIN sys.index_columns k ON k.object_id = i.object_id AND k.index_id = i.index_id \
        AND k.key_ordinal = 1 AND k.is_descending_key = 0 \
      JOIN sys.columns c ON c.object_id = k.object_id AND c.column_id = k.column_id \
        AND c.is_nullable = 0 AND c.encryption_type IS NULL \
      JOIN sys.types y ON y.user_type_id = c.system_type_id \
      JOIN sys.partitions p ON p.object_id = i.object_id AND p.index_id = i.index_id \
    WHERE o.type = 'U' AND s.name = @P1 AND o.name = @P2";

/// Opens a statement over several sessions; `None` where it is to be opened as any other.
pub(crate) async fn open(
    sessions: &Arc<Sessions>,
    query: &RenderedQuery,
    context: &ExecutionContext,
) -> Result<Option<RemoteStream>, ConnectorError> {
    let Some(splits) = query.splits.as_ref().filter(|_| context.readers > 1) else {
        return Ok(None);
    };
    let whole = Statement::of(query, context)?;
    let Some((first, spread)) = begin(sessions, splits, context).await? else { return Ok(None) };
    let wanted = spread.as_ref().map_or(1, |spread| spread.readers(context));
    let mut leases = vec![first];
    let spare = (1..wanted).map(|_| stream::spare_session(sessions, context));
    leases.extend(join_all(spare).await.into_iter().flatten());
    let ranges = spread.map_or_else(Vec::new, |spread| spread.ranges(leases.len()));
    if ranges.len() < 2 {
        let first = leases.swap_remove(0);
        // A session that nothing was asked of goes back at once.
        leases.into_iter().for_each(Lease::finish);
        return whole.on(first).await.map(Some);
    }
    leases.split_off(ranges.len()).into_iter().for_each(Lease::finish);
    let schema = query.schema();
    let mut feeds = Vec::with_capacity(ranges.len());
    for (range, lease) in ranges.into_iter().zip(leases) {
        let part = RenderedQuery { sql: splits.statement(&range), ..query.clone() };
        feeds.push(Statement::of(&part, context)?.feed(lease).boxed());
    }
    let readers = Readers { count: feeds.len(), one_snapshot: false };
    let mut merged = in_order(feeds);
    let first = merged.next().await.transpose()?;
    let batches = futures::stream::iter(first.map(Ok)).chain(merged);
    Ok(Some(RemoteStream::new(schema, batches.boxed()).read_by(readers)))
}

/// Divides a statement among sessions of any process; each sees the moment at which it reads.
pub(crate) async fn divide(
    sessions: &Arc<Sessions>,
    query: &RenderedQuery,
    context: &ExecutionContext,
) -> Result<Option<Parts>, ConnectorError> {
    let Some(splits) = query.splits.as_ref().filter(|_| context.readers > 1) else {
        return Ok(None);
    };
    let Some((first, spread)) = begin(sessions, splits, context).await? else { return Ok(None) };
    first.finish();
    let ranges = spread.map_or_else(Vec::new, |spread| spread.ranges(spread.readers(context)));
    if ranges.len() < 2 {
        return Ok(None);
    }
    let statements = ranges.iter().map(|range| splits.statement(range)).collect();
    Ok(Some(Parts::new(statements)))
}

/// A session, and how the table is spread where several are worth it; `None` where that cannot be found out.
async fn begin(
    sessions: &Arc<Sessions>,
    splits: &Splits,
    context: &ExecutionContext,
) -> Result<Option<(Lease, Option<Spread>)>, ConnectorError> {
    let mut first = stream::session(sessions, context).await?;
    match Box::pin(find(&mut first, splits)).await {
        Ok(spread) => Ok(Some((first, spread))),
        // A login that may not read the key, for instance. Its transaction is over.
        Err(error) => {
            let error = first.failed(error, "preparing to read in parts");
            tracing::debug!(context = %error.context, "a table is read by one session");
            Ok(None)
        }
    }
}

/// The key by which a table is stored, and between which values its rows lie.
struct Spread {
    /// The column in brackets.
    column: String,
    /// Its type, one of the whole numbers.
    data_type: &'static str,
    rows: i64,
    low: i64,
    high: i64,
}

async fn find(lease: &mut Lease, splits: &Splits) -> Result<Option<Spread>, Error> {
    let names = [&splits.schema, &splits.table].map(|name| Value::Text(name.to_string()));
    let found = stream::records(lease, KEY.to_string(), &names).await?;
    let [partition] = &found[..] else { return Ok(None) };
    let (Some(name), Some(data_type), Some(rows)) =
        (text(partition, 0), text(partition, 1).and_then(whole_number), number(partition, 2))
    else {
        return Ok(None);
    };
    if rows < 2 * LEAST_ROWS {
        return Ok(None);
    }
    let column = SqlServerDialect.quote(name);
    let table = [&splits.schema, &splits.table].map(|name| SqlServerDialect.quote(name)).join(".");
    let ends = stream::records(lease, ends(&column, &table), &[]).await?;
    let end = |at: usize| ends.first().and_then(|row| number(row, at));
    let (Some(low), Some(high)) = (end(0), end(1)) else { return Ok(None) };
    Ok(Some(Spread { column, data_type, rows, low, high }))
}

/// Two questions: the server answers one for the smallest or the largest by a seek, and one for both by a scan.
fn ends(column: &str, table: &str) -> String {
    format!(
        "SELECT (SELECT MIN({column}) FROM {table}) AS low, \
         (SELECT MAX({column}) FROM {table}) AS high"
    )
}

fn whole_number(name: &str) -> Option<&'static str> {
    ["tinyint", "smallint", "int", "bigint"].into_iter().find(|known| *known == name)
}

impl Spread {
    /// How many sessions are worth it.
    fn readers(&self, context: &ExecutionContext) -> usize {
        context.readers.min(usize::try_from(self.rows / LEAST_ROWS).unwrap_or(1))
    }

    /// Conditions that together hold for each row once, at most so many, in the order of the key.
    fn ranges(&self, count: usize) -> Vec<String> {
        let (low, high) = (i128::from(self.low), i128::from(self.high));
        let width = (high - low + 1).max(1);
        let count = i128::try_from(count).unwrap_or(1).clamp(1, width);
        let (column, data_type) = (&self.column, self.data_type);
        // In the column's own type, whose constant a seek takes as it is.
        let bound = |index: i128| format!("CAST({} AS {data_type})", low + width * index / count);
        let range = |index: i128| match (index == 0, index + 1 == count) {
            (true, true) => "1 = 1".to_string(),
            (true, false) => format!("{column} < {}", bound(1)),
            (false, true) => format!("{column} >= {}", bound(index)),
            (false, false) => {
                format!("{column} >= {} AND {column} < {}", bound(index), bound(index + 1))
            }
        };
        (0..count).map(range).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(low: i64, high: i64) -> Spread {
        Spread { column: "[id]".to_string(), data_type: "int", rows: 200_000, low, high }
    }

    #[test]
    fn ranges_meet_and_both_ends_are_open() {
        assert_eq!(
            spread(1, 300).ranges(3),
            [
                "[id] < CAST(101 AS int)",
                "[id] >= CAST(101 AS int) AND [id] < CAST(201 AS int)",
                "[id] >= CAST(201 AS int)",
            ]
        );
        assert_eq!(spread(-5, -4).ranges(8), ["[id] < CAST(-4 AS int)", "[id] >= CAST(-4 AS int)"]);
        assert_eq!(spread(7, 7).ranges(4), ["1 = 1"]);
        assert_eq!(spread(9, 7).ranges(4), ["1 = 1"]);
        let widest = spread(i64::MIN, i64::MAX).ranges(2);
        assert_eq!(widest, ["[id] < CAST(0 AS int)", "[id] >= CAST(0 AS int)"]);
    }

    #[test]
    fn each_end_is_asked_for_by_itself() {
        let sql = ends("[a]]b]", "[dbo].[t]");
        assert!(sql.starts_with("SELECT (SELECT MIN([a]]b]) FROM [dbo].[t]) AS low, (SELECT MAX("));
    }
}
