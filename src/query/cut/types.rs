//! Types of the engine and of what a source gives: the same, but for widths that sources do not have.

use arrow_schema::{DataType, TimeUnit};

/// The type in which values of the engine's type arrive from a source.
pub(super) fn remote_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => DataType::Int64,
        DataType::Int8 => DataType::Int16,
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        other => other.clone(),
    }
}
