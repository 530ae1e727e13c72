//! Columns as bytes: the head of a stream of Arrow's.

use arrow_schema::{Schema, SchemaRef};
use datafusion::arrow::ipc::reader::StreamReader;
use datafusion::arrow::ipc::writer::StreamWriter;
use datafusion::common::Result;

pub(super) fn written(schema: &Schema) -> Result<Vec<u8>> {
    Ok(StreamWriter::try_new(Vec::new(), schema)?.into_inner()?)
}

pub(super) fn read(bytes: &[u8]) -> Result<SchemaRef> {
    Ok(StreamReader::try_new(bytes, None)?.schema())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::{DataType, Field, TimeUnit};

    #[test]
    fn columns_come_back_from_any_place_of_a_buffer() {
        let zone = DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()));
        let fields = [("a", DataType::Decimal128(38, 4)), ("\u{1}entity 3", zone)];
        let fields = fields.map(|(name, data_type)| Field::new(name, data_type, true));
        for schema in [Schema::new(fields.to_vec()), Schema::empty()] {
            let bytes = [&b"odd"[..], &written(&schema).unwrap()].concat();
            assert_eq!(*read(&bytes[3..]).unwrap(), schema);
        }
        assert!(read(b"nothing").is_err());
    }
}
