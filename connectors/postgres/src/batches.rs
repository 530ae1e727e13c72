//! Rows into batches, whichever way they have come.

use crate::decode::Column;
use crate::tuples::Tuple;
use arrow_array::builder::UInt64Builder;
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::SchemaRef;
use celosia_connector_api::query::unfit_bit;
use celosia_connector_api::{ConnectorError, ErrorCode, RenderedQuery};
use sqlx::postgres::PgRow;
use sqlx::{Row, TypeInfo, ValueRef};
use std::sync::Arc;

/// Raw bytes after which a batch is full, whatever its rows: text offsets are 32 bits wide.
const BATCH_BYTES: usize = 16 << 20;

/// Rows on their way to batches.
pub(crate) struct Batches {
    schema: SchemaRef,
    columns: Vec<Column>,
    /// What was unfit, row by row, where that is deferred.
    unfit: Option<UInt64Builder>,
    rows: usize,
    bytes: usize,
    batch_rows: usize,
    checked: bool,
}

impl Batches {
    /// Batches of at most `batch_rows` rows.
    pub(crate) fn new(query: &RenderedQuery, batch_rows: usize) -> Result<Self, ConnectorError> {
        let schema = query.schema();
        let columns = query.columns.iter().map(|column| Column::new(&column.data_type));
        let columns = columns.collect::<Option<Vec<_>>>().ok_or_else(|| {
            ConnectorError::new(ErrorCode::QueryFailed, format!("no decoder for {schema:?}"))
        })?;
        let batch_rows = batch_rows.max(1);
        let unfit = query.defer_unfit.then(UInt64Builder::new);
        Ok(Self { schema, columns, unfit, rows: 0, bytes: 0, batch_rows, checked: false })
    }

    /// The schema of every batch.
    pub(crate) fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// The server's types must be the ones the catalog promised; a row tells them.
    pub(crate) fn check(&mut self, row: &PgRow) -> Result<(), ConnectorError> {
        if !self.columns.is_empty() && row.len() != self.columns.len() {
            return Err(self.outdated(row.len()));
        }
        for (column, native) in self.columns.iter_mut().zip(row.columns()) {
            use sqlx::Column as _;
            let native = native.type_info();
            if !native.oid().is_some_and(|oid| column.accepts(oid.0)) {
                let context = format!("a column is {} now", native.name());
                return Err(ConnectorError::new(ErrorCode::CatalogOutdated, context));
            }
        }
        self.checked = true;
        Ok(())
    }

    /// Takes one row of a prepared statement; says whether the batch is full.
    pub(crate) fn push(&mut self, row: &PgRow) -> Result<bool, ConnectorError> {
        if !self.checked {
            self.check(row)?;
        }
        let mut bytes = 0;
        let value = |index| {
            let value = row.try_get_raw(index).ok()?;
            if value.is_null() { None } else { value.as_bytes().ok() }
        };
        self.append((0..row.len()).map(value).inspect(|value| {
            bytes += value.map_or(0, <[u8]>::len);
        }))?;
        Ok(self.count(bytes))
    }

    /// Takes one row of COPY data, whose types have been checked; says whether the batch is full.
    pub(crate) fn push_tuple(&mut self, tuple: Tuple<'_>) -> Result<bool, ConnectorError> {
        if !self.columns.is_empty() && tuple.count() != self.columns.len() {
            return Err(self.outdated(tuple.count()));
        }
        self.append(tuple.fields())?;
        Ok(self.count(tuple.size()))
    }

    /// The rows taken so far; `None` where there are none.
    pub(crate) fn take(&mut self) -> Result<Option<RecordBatch>, ConnectorError> {
        if self.rows == 0 {
            return Ok(None);
        }
        // A full batch is followed by others.
        let next = if self.rows == self.batch_rows { self.rows } else { 0 };
        let mut arrays = Vec::with_capacity(self.columns.len() + 1);
        for (index, column) in self.columns.iter_mut().enumerate() {
            let (array, rows) = column.finish(next);
            arrays.push(array);
            if rows.is_empty() {
                continue;
            }
            let Some(unfit) = &mut self.unfit else {
                let name = self.schema.field(index).name();
                return Err(ConnectorError::unrepresentable(name, "text that is not UTF-8"));
            };
            rows.into_iter().for_each(|row| unfit.values_slice_mut()[row] |= unfit_bit(index));
        }
        arrays.extend(self.unfit.as_mut().map(|unfit| Arc::new(unfit.finish()) as ArrayRef));
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        (self.rows, self.bytes) = (0, 0);
        RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
            .map(Some)
            .map_err(|error| ConnectorError::new(ErrorCode::QueryFailed, error.to_string()))
    }

    fn append<'a>(
        &mut self,
        values: impl Iterator<Item = Option<&'a [u8]>>,
    ) -> Result<(), ConnectorError> {
        let mut unfit = 0;
        for (index, (column, value)) in self.columns.iter_mut().zip(values).enumerate() {
            if let Err(reason) = column.push(value) {
                if self.unfit.is_none() {
                    let name = self.schema.field(index).name();
                    return Err(ConnectorError::unrepresentable(name, reason));
                }
                column.push_null();
                unfit |= unfit_bit(index);
            }
        }
        if let Some(builder) = &mut self.unfit {
            builder.append_value(unfit);
        }
        Ok(())
    }

    /// Counts one row; says whether the batch is full.
    fn count(&mut self, bytes: usize) -> bool {
        self.rows += 1;
        self.bytes += bytes;
        self.rows >= self.batch_rows || self.bytes >= BATCH_BYTES
    }

    fn outdated(&self, found: usize) -> ConnectorError {
        let context = format!("{found} columns for {}", self.columns.len());
        ConnectorError::new(ErrorCode::CatalogOutdated, context)
    }
}
