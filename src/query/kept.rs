//! A kept result as a table that a later statement may read: rows that were governed when they were made,
//! for the same caller and by the same policy.

use crate::results::StoredResult;
use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::{MemTable, TableType};
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use std::sync::Arc;

/// How a statement calls it.
pub(super) const NAME: &str = "result";

/// The rows of a kept result, and which masks shaped its columns.
#[derive(Debug)]
pub(super) struct KeptTable {
    rows: MemTable,
    masks: Vec<Option<String>>,
}

impl KeptTable {
    /// The table of a kept result. Columns of one name get a number.
    pub(super) fn new(kept: &StoredResult) -> Result<Self> {
        let types = kept.batches.first().map(RecordBatch::schema);
        let fields = kept.distinct_names().into_iter().enumerate().map(|(at, name)| {
            let stored = types.as_ref().and_then(|schema| schema.fields().get(at).cloned());
            let data_type = stored.map_or(DataType::Null, |field| field.data_type().clone());
            Field::new(name, data_type, true)
        });
        let schema: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let batches = kept.batches.iter().map(|batch| {
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            let columns = batch.columns().to_vec();
            Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
        });
        let rows = MemTable::try_new(schema.clone(), vec![batches.collect::<Result<_>>()?])?;
        let masks = kept.columns.iter().map(|column| column.masked.clone()).collect();
        Ok(Self { rows, masks })
    }

    /// The column's name, as the lineage says it, and the masks that shaped it.
    pub(super) fn origin(&self, index: usize) -> (String, Option<String>) {
        let schema = self.rows.schema();
        let name = schema.fields().get(index).map(|field| field.name().as_str());
        let mask = self.masks.get(index).cloned().flatten();
        (format!("{NAME}.{}", name.unwrap_or_default()), mask)
    }
}

#[async_trait]
impl TableProvider for KeptTable {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.rows.scan(session, projection, filters, limit).await
    }
}
