//! Rows from a running plan, up to the caps.

use crate::model::Place;
use arrow_array::{Array, RecordBatch};
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;

/// The rows of an answer that were kept.
#[derive(Debug, Default)]
pub(super) struct Collected {
    /// Batches of the kept rows.
    pub(super) batches: Vec<RecordBatch>,
    /// Kept rows.
    pub(super) rows: usize,
    /// Bytes of the kept rows.
    pub(super) bytes: usize,
    /// The cap that cut the answer, if one did.
    pub(super) cut: Option<Cap>,
}

impl Collected {
    /// What the reader should know where these caps cut the answer.
    pub(super) fn told(&self, rows: usize, bytes: usize) -> Option<String> {
        Some(match self.cut? {
            Cap::Rows => format!(
                "the answer was cut at the server's limit of {rows} rows; aggregate or filter to see all of it"
            ),
            Cap::Bytes => format!(
                "the answer was cut at the server's limit of {bytes} bytes; select fewer or shorter columns"
            ),
        })
    }
}

/// A cap on an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cap {
    /// The most rows.
    Rows,
    /// The most bytes.
    Bytes,
}

/// The rows of a plan, and where they were made.
pub(super) struct Ran {
    pub(super) collected: Collected,
    pub(super) place: Option<Place>,
    /// What its caller should know of that.
    pub(super) warning: Option<String>,
}

/// Reads until the end or a cap. Dropping the stream at a cap stops the statement at its source.
pub(super) async fn collect(
    mut stream: SendableRecordBatchStream,
    rows: usize,
    bytes: usize,
) -> Result<Collected> {
    let mut kept = Collected::default();
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        if batch.num_rows() == 0 {
            continue;
        }
        let by_rows = rows - kept.rows;
        let size = slice_bytes(&batch);
        let by_bytes = rows_within(batch.num_rows(), size, bytes - kept.bytes);
        // One row is always shown, or a single large value could never be read.
        let by_bytes = if kept.rows == 0 { by_bytes.max(1) } else { by_bytes };
        let take = by_rows.min(by_bytes).min(batch.num_rows());
        if take < batch.num_rows() {
            kept.cut = Some(if by_rows <= by_bytes { Cap::Rows } else { Cap::Bytes });
        }
        if take > 0 {
            let part = batch.slice(0, take);
            kept.rows += take;
            kept.bytes = (kept.bytes + size * take / batch.num_rows()).min(bytes);
            kept.batches.push(part);
        }
        if kept.cut.is_some() {
            break;
        }
    }
    Ok(kept)
}

/// How many of `rows` rows of `size` bytes fit into `room`.
fn rows_within(rows: usize, size: usize, room: usize) -> usize {
    if size <= room { rows } else { ((room as u128 * rows as u128) / size.max(1) as u128) as usize }
}

/// Bytes of a batch's own rows, whatever buffers it shares.
pub(super) fn slice_bytes(batch: &RecordBatch) -> usize {
    batch
        .columns()
        .iter()
        .map(|column| {
            column
                .to_data()
                .get_slice_memory_size()
                .unwrap_or_else(|_| column.get_array_memory_size())
        })
        .sum()
}
