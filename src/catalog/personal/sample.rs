//! Some values of every column of a table, read in the source's read-only session. They stay in the
//! process and are never printed.

use crate::catalog::Catalog;
use crate::model::TableEntry;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};
use celosia_connector_api::{
    ConnectorError, ErrorCode, ExecutionContext, OutputColumn, TableRead, Value, render,
};
use chrono::{DateTime, NaiveDate, TimeDelta};
use futures::TryStreamExt;
use std::fmt;
use std::time::{Duration, Instant};

/// The longest that a table's samples may take.
const LIMIT: Duration = Duration::from_secs(15);

/// Sampled values by column.
#[derive(Default)]
pub struct Samples(Vec<Vec<String>>);

/// Never the values.
impl fmt::Debug for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Samples of {} columns", self.0.len())
    }
}

impl Samples {
    /// The values of a column that are not NULL; none where they were not read.
    pub fn of(&self, column: usize) -> &[String] {
        self.0.get(column).map_or(&[], Vec::as_slice)
    }
}

/// Reads up to `rows` rows of a table.
///
/// # Errors
/// The source does not answer, or cannot be asked for this table.
pub async fn read_samples(
    catalog: &Catalog,
    table: &TableEntry,
    rows: u64,
) -> Result<Samples, ConnectorError> {
    let unread = |words: &str| ConnectorError::new(ErrorCode::QueryFailed, words);
    let connector = catalog
        .connector(&table.reference.source)
        .ok_or_else(|| unread("a table without a connector"))?;
    let columns = &table.description.columns;
    let wanted: Vec<usize> =
        (0..columns.len()).filter(|index| is_read(&columns[*index].data_type)).collect();
    let mut samples = vec![Vec::new(); columns.len()];
    if rows == 0 || wanted.is_empty() {
        return Ok(Samples(samples));
    }
    let output = wanted.iter().copied().map(OutputColumn::open);
    let read = TableRead {
        table: table.description.clone(),
        row_filter: None,
        output: output.collect(),
        predicate: None,
        order: Vec::new(),
        limit: Some(rows),
    };
    let mut query = render::render(connector.dialect(), &read)
        .ok_or_else(|| unread("a table that cannot be read"))?;
    query.defer_unfit = true;
    query.rows_hint = Some(rows);
    let execution = ExecutionContext {
        query_id: "suggest-masks".to_string(),
        deadline: Instant::now() + LIMIT,
        batch_rows: 1_024,
        caller: None,
        identity: None,
        accepts_cost: false,
        readers: 1,
        snapshot: None,
    };
    let mut stream = connector.open(&query, &execution).await?;
    while let Some(batch) = stream.try_next().await? {
        for (at, column) in wanted.iter().enumerate() {
            take(batch.column(at), &mut samples[*column]);
        }
    }
    Ok(Samples(samples))
}

fn is_read(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::Decimal128(_, 0)
            | DataType::Date32
            | DataType::Timestamp(TimeUnit::Microsecond, _)
    )
}

fn take(array: &ArrayRef, into: &mut Vec<String>) {
    for row in (0..array.len()).filter(|row| array.is_valid(*row)) {
        let value = match array.data_type() {
            DataType::Utf8 => array.as_string::<i32>().value(row).to_string(),
            DataType::Int16 => array.as_primitive::<Int16Type>().value(row).to_string(),
            DataType::Int32 => array.as_primitive::<Int32Type>().value(row).to_string(),
            DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
            DataType::Decimal128(_, _) => {
                Value::decimal_text(array.as_primitive::<Decimal128Type>().value(row), 0)
            }
            DataType::Date32 => date(array.as_primitive::<Date32Type>().value(row)),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
                DateTime::from_timestamp_micros(micros)
                    .map_or_else(String::new, |at| at.date_naive().to_string())
            }
            _ => continue,
        };
        if !value.trim().is_empty() {
            into.push(value);
        }
    }
}

fn date(days: i32) -> String {
    let epoch = NaiveDate::from_ymd_opt(1970, 1, 1);
    let date = epoch.and_then(|date| date.checked_add_signed(TimeDelta::days(i64::from(days))));
    date.map_or_else(String::new, |date| date.to_string())
}
