//! Arrow batches as rows of plain cells.

use crate::data::{Cell, Row};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    Time64MicrosecondType, TimestampMicrosecondType, UInt64Type,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use celosia_connector_api::Value;

/// The rows of a batch.
///
/// # Errors
/// A type that the suite has no cell for.
pub fn rows(batch: &RecordBatch) -> Result<Vec<Row>, String> {
    (0..batch.num_rows())
        .map(|row| batch.columns().iter().map(|column| cell(column.as_ref(), row)).collect())
        .collect()
}

fn cell(array: &dyn Array, row: usize) -> Result<Cell, String> {
    if array.is_null(row) {
        return Ok(None);
    }
    let micros = TimeUnit::Microsecond;
    Ok(Some(match array.data_type() {
        DataType::Boolean => Value::Boolean(array.as_boolean().value(row)),
        DataType::Int16 => Value::Integer(array.as_primitive::<Int16Type>().value(row).into()),
        DataType::Int32 => Value::Integer(array.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => Value::Integer(array.as_primitive::<Int64Type>().value(row)),
        DataType::UInt64 => {
            let value = array.as_primitive::<UInt64Type>().value(row);
            Value::Integer(
                value.try_into().map_err(|_| format!("the suite has no cell for {value}"))?,
            )
        }
        DataType::Float32 => Value::Float(array.as_primitive::<Float32Type>().value(row).into()),
        DataType::Float64 => Value::Float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(_, scale) if *scale >= 0 => Value::Decimal {
            unscaled: array.as_primitive::<Decimal128Type>().value(row),
            scale: scale.unsigned_abs(),
        },
        DataType::Utf8 => Value::Text(array.as_string::<i32>().value(row).to_string()),
        DataType::Binary => Value::Bytes(array.as_binary::<i32>().value(row).to_vec()),
        DataType::Date32 => Value::Date(array.as_primitive::<Date32Type>().value(row)),
        DataType::Time64(unit) if *unit == micros => {
            Value::Integer(array.as_primitive::<Time64MicrosecondType>().value(row))
        }
        DataType::Timestamp(unit, zone) if *unit == micros => {
            let value = array.as_primitive::<TimestampMicrosecondType>().value(row);
            if zone.is_some() { Value::TimestampUtc(value) } else { Value::Timestamp(value) }
        }
        other => return Err(format!("the suite has no cell for {other}")),
    }))
}
