//! A large table read by several sessions at the same time, each a range of its rows' addresses.
//!
//! The rows of a heap table lie in blocks, and a row's ROWID says in which and where: a range of ROWIDs is read by
//! reading these blocks and no others. Where ranges begin is taken from a sample of blocks, which needs no right
//! but to read the table. The first range has no lower end and the last no upper end: no row is left out, whatever
//! was added since.
//!
//! A row keeps its address unless its table lets rows move, compresses them by columns, or is made anew by a refresh;
//! such tables are read by one session, as is everything that is no heap of its own: partitions, clusters, tables
//! that are indexes, views. Each session reads at a moment of its own: one for all of them needs the right to look
//! back (`AS OF SCN`).

use crate::ask::{Errand, ask};
use crate::connection::{Sessions, action};
use crate::dialect::OracleDialect;
use crate::driver::{Connection, Failure, TextRow};
use crate::stream;
use celosia_connector_api::splits::{Feed, in_order};
use celosia_connector_api::{
    ConnectorError, Dialect, ErrorCode, ExecutionContext, Parts, Readers, RemoteStream,
    RenderedQuery, Splits,
};
use futures::future::join_all;
use futures::{StreamExt, TryFutureExt};
use std::sync::Arc;

/// Fewer rows are not worth a session.
const LEAST_ROWS: u64 = 50_000;
/// Fewer rows are read by one.
const WORTH_TWO: u64 = 2 * LEAST_ROWS;
/// Blocks whose rows are looked at.
const SAMPLE_BLOCKS: f64 = 250.0;
/// Places where a range may begin.
const TILES: usize = 240;
/// Characters of a ROWID.
const ROWID_LENGTH: usize = 18;

/// Rows and blocks of a table whose rows keep their addresses, as its statistics have them.
const HEAP: &str = "\
    SELECT t.num_rows, t.blocks FROM all_tables t \
    WHERE t.owner = :1 AND t.table_name = :2 AND t.num_rows > 0 AND t.blocks > 0 \
      AND t.partitioned = 'NO' AND t.iot_type IS NULL AND t.cluster_name IS NULL \
      AND t.temporary = 'N' AND t.nested = 'NO' AND t.external = 'NO' \
      AND t.row_movement = 'DISABLED' AND NVL(t.compress_for, 'BASIC') IN ('BASIC', 'ADVANCED') \
      AND NOT EXISTS (SELECT 1 FROM all_mviews m \
        WHERE m.owner = t.owner AND m.mview_name = t.table_name)";

/// Opens a statement over several sessions; `None` where one is as good.
pub(crate) async fn open(
    sessions: &Arc<Sessions>,
    query: &RenderedQuery,
    context: &ExecutionContext,
) -> Result<Option<RemoteStream>, ConnectorError> {
    let Some(splits) = query.splits.as_ref().filter(|_| context.readers > 1) else {
        return Ok(None);
    };
    let Some(spread) = look(sessions, splits, context).await? else { return Ok(None) };
    let cutoff = stream::cutoff(sessions, context)?;
    let mut leases = vec![sessions.lease(cutoff).await?];
    let spare = (1..spread.readers(context)).map(|_| sessions.lease_now(cutoff));
    leases.extend(join_all(spare).await.into_iter().flatten());
    let feeds: Vec<Feed> = spread
        .ranges(leases.len())
        .into_iter()
        .zip(leases)
        .map(|(range, lease)| {
            let part = RenderedQuery { sql: splits.statement(&range), ..query.clone() };
            let (sessions, context) = (sessions.clone(), context.clone());
            let opened =
                async move { stream::open_on(Some(lease), &sessions, &part, &context).await };
            opened.try_flatten_stream().boxed()
        })
        .collect();
    let readers = Readers { count: feeds.len(), one_snapshot: feeds.len() == 1 };
    let mut merged = in_order(feeds);
    let first = merged.next().await.transpose()?;
    let batches = futures::stream::iter(first.map(Ok)).chain(merged);
    Ok(Some(RemoteStream::new(query.schema(), batches.boxed()).read_by(readers)))
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
    let Some(spread) = look(sessions, splits, context).await? else { return Ok(None) };
    let ranges = spread.ranges(spread.readers(context));
    let statements = ranges.iter().map(|range| splits.statement(range)).collect();
    Ok(Some(Parts::new(statements)))
}

/// Where the rows of a table lie, where several sessions are worth it.
async fn look(
    sessions: &Arc<Sessions>,
    splits: &Splits,
    context: &ExecutionContext,
) -> Result<Option<Spread>, ConnectorError> {
    let errand = Errand {
        doing: "preparing to read in parts",
        action: action(&context.query_id),
        client: stream::client(context)?,
        cutoff: stream::cutoff(sessions, context)?,
    };
    let (cutoff, splits) = (errand.cutoff, splits.clone());
    let asked = ask(sessions, errand, move |connection| find(connection, &splits));
    let found = tokio::time::timeout_at(cutoff.into(), async {
        let answer = asked.await?;
        // The session that was asked is one of those that read.
        let _ = answer.returned.await;
        Ok::<_, ConnectorError>(answer.value)
    });
    match found.await {
        Ok(Ok(spread)) => Ok(spread),
        Ok(Err(error)) if is_for_good(error.code) => Err(error),
        Ok(Err(error)) => {
            tracing::debug!(context = %error.context, "a table is read by one session");
            Ok(None)
        }
        Err(_) => {
            let context = "the deadline passed: preparing to read in parts";
            Err(ConnectorError::new(ErrorCode::DeadlineExceeded, context))
        }
    }
}

/// Whether one session would not do better.
fn is_for_good(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::Unreachable | ErrorCode::DeadlineExceeded)
}

/// The rows of a table by their addresses.
#[derive(Debug)]
struct Spread {
    rows: u64,
    /// Addresses in their order, with as many rows between one and the next.
    starts: Vec<String>,
}

fn find(connection: &mut dyn Connection, splits: &Splits) -> Result<Option<Spread>, Failure> {
    let names = [splits.schema.to_string(), splits.table.to_string()];
    let tables = connection.rows(HEAP, &names)?;
    let cell = |at: usize| tables.first()?.get(at)?.as_deref();
    let rows = cell(0).and_then(|text| text.parse::<u64>().ok());
    let blocks = cell(1).and_then(|text| text.parse::<f64>().ok());
    let (Some(rows @ WORTH_TWO..), Some(blocks)) = (rows, blocks) else { return Ok(None) };
    let dialect = OracleDialect::default();
    let table = [&splits.schema, &splits.table].map(|name| dialect.quote(name)).join(".");
    let tiles = connection.rows(&sample(&table, blocks), &[])?;
    Ok(starts(&tiles).map(|starts| Spread { rows, starts }))
}

/// The first address of each of so many tiles of a sample.
fn sample(table: &str, blocks: f64) -> String {
    let percent = (100.0 * SAMPLE_BLOCKS / blocks).clamp(0.000_001, 50.0);
    format!(
        "SELECT ROWIDTOCHAR(MIN(s.place)) FROM (SELECT ROWID AS place, \
         NTILE({TILES}) OVER (ORDER BY ROWID) AS tile FROM {table} SAMPLE BLOCK ({percent:.6})) s \
         GROUP BY s.tile ORDER BY s.tile"
    )
}

/// Where tiles begin; `None` for what is no list of addresses, each behind the one before.
fn starts(tiles: &[TextRow]) -> Option<Vec<String>> {
    let starts: Vec<String> =
        tiles.iter().map(|row| row.first().cloned().flatten()).collect::<Option<_>>()?;
    let places = starts.iter().map(|start| place(start)).collect::<Option<Vec<_>>>()?;
    (starts.len() > 1 && places.is_sorted_by(|before, after| before < after)).then_some(starts)
}

/// The digits of an address, which compare as it does: object, file, block and row.
fn place(rowid: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let digits = rowid.bytes().map(digit).collect::<Option<Vec<u8>>>()?;
    (digits.len() == ROWID_LENGTH).then_some(digits)
}

impl Spread {
    /// How many sessions are worth it.
    fn readers(&self, context: &ExecutionContext) -> usize {
        let worth = usize::try_from(self.rows / LEAST_ROWS).unwrap_or(usize::MAX);
        context.readers.min(worth).min(self.starts.len())
    }

    /// Conditions that together hold for each row once, so many, in the order of the addresses.
    fn ranges(&self, count: usize) -> Vec<String> {
        let start = |index: usize| &self.starts[self.starts.len() * index / count];
        let range = |index: usize| {
            let from = (index > 0).then(|| format!("ROWID >= CHARTOROWID('{}')", start(index)));
            let to =
                (index + 1 < count).then(|| format!("ROWID < CHARTOROWID('{}')", start(index + 1)));
            let ends: Vec<String> = from.into_iter().chain(to).collect();
            if ends.is_empty() { "1 = 1".to_string() } else { ends.join(" AND ") }
        };
        (0..count).map(range).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cell: &str) -> TextRow {
        vec![Some(cell.to_string())]
    }

    fn spread(count: usize) -> Spread {
        let start = |at: usize| format!("AAASupAAEAAAA{}AAA", ["AA", "Aa", "A0", "A/", "BA"][at]);
        Spread { rows: 1_000_000, starts: (0..count).map(start).collect() }
    }

    #[test]
    fn ranges_meet_and_both_ends_are_open() {
        assert_eq!(
            spread(3).ranges(3),
            [
                "ROWID < CHARTOROWID('AAASupAAEAAAAAaAAA')",
                "ROWID >= CHARTOROWID('AAASupAAEAAAAAaAAA') AND ROWID < CHARTOROWID('AAASupAAEAAAAA0AAA')",
                "ROWID >= CHARTOROWID('AAASupAAEAAAAA0AAA')",
            ]
        );
        assert_eq!(
            spread(5).ranges(2),
            [
                "ROWID < CHARTOROWID('AAASupAAEAAAAA0AAA')",
                "ROWID >= CHARTOROWID('AAASupAAEAAAAA0AAA')"
            ]
        );
        assert_eq!(spread(4).ranges(1), ["1 = 1"]);
    }

    #[test]
    fn only_addresses_in_their_order_are_taken() {
        let rows: Vec<TextRow> = spread(5).starts.iter().map(|start| row(start)).collect();
        assert_eq!(starts(&rows).as_ref(), Some(&spread(5).starts));
        let backwards: Vec<TextRow> = rows.iter().rev().cloned().collect();
        let twice = vec![rows[0].clone(), rows[0].clone()];
        let odd = |text: &str| vec![rows[0].clone(), row(text)];
        let some = rows[..1].to_vec();
        for bad in [
            backwards,
            twice,
            some,
            Vec::new(),
            vec![rows[0].clone(), vec![None]],
            odd("BAASupAAEAAAABAAA"),
            odd("BAASupAAEAAAABAAAA'"),
            odd("BAASupAAEAAAABAA' "),
            odd("*BAEAAPoCwQL+"),
        ] {
            assert_eq!(starts(&bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_sample_has_as_many_blocks_of_any_table() {
        let sql = |blocks: f64| sample("\"S\".\"T\"", blocks);
        assert!(sql(1.0).contains("\"S\".\"T\" SAMPLE BLOCK (50.000000)) s"), "{}", sql(1.0));
        assert!(sql(25_000.0).contains("SAMPLE BLOCK (1.000000)"));
        assert!(sql(1e15).contains("SAMPLE BLOCK (0.000001)"));
    }
}
