//! Batches of open rows cut at fixed places.
//!
//! Where the leaf itself drops closed rows, the size of what is left of a fetched batch tells how many
//! there were: through a count of rows read, through where a LIMIT stops reading, through which of two
//! errors comes first. Cut anew, the batches depend on open rows alone.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use datafusion::arrow::compute::concat_batches;
use datafusion::common::{DataFusionError, Result};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};

/// The same rows in batches of exactly `rows`, the last one shorter. An error comes after all rows
/// that were ahead of it.
pub(super) fn regroup(
    batches: impl Stream<Item = Result<RecordBatch>> + Send + 'static,
    schema: SchemaRef,
    rows: usize,
) -> BoxStream<'static, Result<RecordBatch>> {
    let state = Regroup {
        batches: Some(batches.boxed()),
        schema,
        rows: rows.max(1),
        pending: Vec::new(),
        held: 0,
        failure: None,
    };
    futures::stream::unfold(state, |mut state| async move {
        let next = state.next().await?;
        Some((next, state))
    })
    .boxed()
}

struct Regroup {
    /// `None` once it has ended.
    batches: Option<BoxStream<'static, Result<RecordBatch>>>,
    schema: SchemaRef,
    rows: usize,
    pending: Vec<RecordBatch>,
    held: usize,
    failure: Option<DataFusionError>,
}

impl Regroup {
    async fn next(&mut self) -> Option<Result<RecordBatch>> {
        while self.held < self.rows {
            let Some(batches) = &mut self.batches else { break };
            match batches.next().await {
                Some(Ok(batch)) => {
                    self.held += batch.num_rows();
                    self.pending.push(batch);
                }
                Some(Err(error)) => {
                    self.failure = Some(error);
                    self.batches = None;
                }
                None => self.batches = None,
            }
        }
        if self.held == 0 {
            return self.failure.take().map(Err);
        }
        Some(self.cut())
    }

    fn cut(&mut self) -> Result<RecordBatch> {
        let whole = concat_batches(&self.schema, &self.pending)?;
        let take = self.rows.min(whole.num_rows());
        self.pending.clear();
        self.held = whole.num_rows() - take;
        if self.held > 0 {
            self.pending.push(whole.slice(take, self.held));
        }
        Ok(whole.slice(0, take))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::cast::AsArray;
    use arrow_array::types::Int32Type;
    use arrow_array::{Int32Array, RecordBatchOptions};
    use arrow_schema::{DataType, Field, Schema};
    use std::sync::Arc;

    fn numbers(values: std::ops::Range<i32>) -> Result<RecordBatch> {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int32, true)]));
        Ok(RecordBatch::try_new(schema, vec![Arc::new(Int32Array::from_iter_values(values))])?)
    }

    async fn sizes(batches: Vec<Result<RecordBatch>>) -> Vec<std::result::Result<usize, String>> {
        let schema = numbers(0..0).expect("batch").schema();
        regroup(futures::stream::iter(batches), schema, 4)
            .map(|batch| batch.map(|b| b.num_rows()).map_err(|e| e.to_string()))
            .collect()
            .await
    }

    #[tokio::test]
    async fn the_cut_depends_on_the_rows_alone() {
        let one = sizes(vec![numbers(0..9)]).await;
        let many = sizes(vec![numbers(0..1), numbers(1..1), numbers(1..8), numbers(8..9)]).await;
        assert_eq!(one, [Ok(4), Ok(4), Ok(1)]);
        assert_eq!(one, many);
    }

    #[tokio::test]
    async fn rows_ahead_of_an_error_come_first() {
        let failure = || Err(DataFusionError::Execution("x".into()));
        let found = sizes(vec![numbers(0..5), failure(), numbers(5..9)]).await;
        assert_eq!(found[..2], [Ok(4), Ok(1)]);
        assert!(found[2].is_err() && found.len() == 3);
    }

    #[tokio::test]
    async fn rows_without_columns_are_counted() {
        let schema = Arc::new(Schema::empty());
        let batch = |rows| {
            let options = RecordBatchOptions::new().with_row_count(Some(rows));
            Ok(RecordBatch::try_new_with_options(schema.clone(), vec![], &options)?)
        };
        let batches = futures::stream::iter(vec![batch(3), batch(3)]);
        let found: Vec<_> = regroup(batches, schema.clone(), 4)
            .map(|b| b.expect("batch").num_rows())
            .collect()
            .await;
        assert_eq!(found, [4, 2]);
    }

    #[tokio::test]
    async fn order_is_kept() {
        let schema = numbers(0..0).expect("batch").schema();
        let batches = futures::stream::iter(vec![numbers(0..3), numbers(3..10)]);
        let all: Vec<i32> = regroup(batches, schema, 4)
            .flat_map(|b| {
                let b = b.expect("batch");
                futures::stream::iter(b.column(0).as_primitive::<Int32Type>().values().to_vec())
            })
            .collect()
            .await;
        assert_eq!(all, (0..10).collect::<Vec<_>>());
    }
}
