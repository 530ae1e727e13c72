//! A whole result as a file: CSV, Parquet or Arrow.

use super::export::csv;
use super::parquet::parquet;
use super::store::StoredResult;
use crate::error::{Code, Error, Result};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_ipc::writer::FileWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use std::sync::Arc;

/// The largest file. What is kept is bounded already; a text form may be a few times as large.
const MOST_BYTES: usize = 64 << 20;
/// The metadata of a column in a file that says which masks shaped it.
const MASKED: &str = "celosia.masked";

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// RFC 4180, UTF-8.
    Csv,
    /// Apache Parquet, compressed with Snappy.
    Parquet,
    /// The Arrow IPC file format.
    Arrow,
}

impl FileFormat {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Csv, Self::Parquet, Self::Arrow];

    /// The kind's name, which is how its files' names end.
    pub fn name(self) -> &'static str {
        match self {
            FileFormat::Csv => "csv",
            FileFormat::Parquet => "parquet",
            FileFormat::Arrow => "arrow",
        }
    }

    /// The media type of its files.
    pub fn media_type(self) -> &'static str {
        match self {
            FileFormat::Csv => "text/csv",
            FileFormat::Parquet => "application/vnd.apache.parquet",
            FileFormat::Arrow => "application/vnd.apache.arrow.file",
        }
    }

    /// The kind of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// The whole result as a file.
///
/// # Errors
/// A column of a type that the file cannot hold, and a file that is too large.
pub fn file(result: &StoredResult, format: FileFormat) -> Result<Vec<u8>> {
    let bytes = match format {
        FileFormat::Csv => csv(result)?.into_bytes(),
        FileFormat::Parquet => parquet(result, &schema(result))?,
        FileFormat::Arrow => arrow(result).map_err(unwritten)?,
    };
    if bytes.len() > MOST_BYTES {
        let message = format!("the file would have more than {MOST_BYTES} bytes");
        return Err(Error::new(Code::ResourceLimit, message)
            .with_hint("select fewer or shorter columns, or aggregate"));
    }
    Ok(bytes)
}

fn arrow(result: &StoredResult) -> std::result::Result<Vec<u8>, ArrowError> {
    let schema = schema(result);
    let mut writer = FileWriter::try_new(Vec::new(), &schema)?;
    for batch in &result.batches {
        writer.write(&with_schema(batch.columns().to_vec(), batch, &schema)?)?;
    }
    writer.into_inner()
}

/// The columns under names that differ, each with its masks.
fn schema(result: &StoredResult) -> SchemaRef {
    let types = result.batches.first().map(|batch| batch.schema());
    let names = result.distinct_names();
    let fields = names.into_iter().zip(&result.columns).enumerate().map(|(at, (name, column))| {
        let stored = types.as_ref().and_then(|schema| schema.fields().get(at).cloned());
        let data_type = stored.map_or(DataType::Null, |field| field.data_type().clone());
        let masked = column.masked.iter().map(|mask| (MASKED.to_string(), mask.clone()));
        Field::new(name, data_type, true).with_metadata(masked.collect())
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

pub(super) fn with_schema(
    columns: Vec<ArrayRef>,
    batch: &RecordBatch,
    schema: &SchemaRef,
) -> std::result::Result<RecordBatch, ArrowError> {
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options)
}

pub(super) fn unwritten(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Code::InvalidStatement, "the result has a column that this file cannot hold")
        .with_hint("cast it to text in the statement, or use format \"csv\"")
        .with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ColumnInfo;
    use arrow_array::types::IntervalMonthDayNano;
    use arrow_array::{
        Array, Decimal128Array, IntervalMonthDayNanoArray, StringArray, TimestampMicrosecondArray,
    };

    fn result() -> StoredResult {
        let amount =
            Decimal128Array::from(vec![Some(12_345), None]).with_precision_and_scale(12, 2);
        let span = IntervalMonthDayNano::new(0, 3, 0);
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec![Some("***@x.org"), None])),
            Arc::new(amount.expect("fits")),
            Arc::new(TimestampMicrosecondArray::from(vec![1, 2]).with_timezone("UTC")),
            Arc::new(IntervalMonthDayNanoArray::from(vec![span, span])),
            Arc::new(StringArray::from(vec!["a", "b"])),
        ];
        let names = ["email", "amount", "at", "lasts", "email"];
        let fields = names.iter().zip(&arrays);
        let fields: Vec<Field> =
            fields.map(|(name, a)| Field::new(*name, a.data_type().clone(), true)).collect();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("a batch");
        let column = |name: &&str| ColumnInfo {
            name: (*name).into(),
            type_name: "text".into(),
            masked: (*name == "email").then(|| "email".into()),
        };
        let columns = names.iter().map(column).collect();
        StoredResult { columns, batches: vec![batch.clone(), batch], truncated: false }
    }

    #[test]
    fn an_arrow_file_holds_every_value() {
        let bytes = file(&result(), FileFormat::Arrow).expect("written");
        let reader = arrow_ipc::reader::FileReader::try_new(std::io::Cursor::new(bytes), None);
        let reader = reader.expect("a file");
        let schema = reader.schema();
        let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        assert_eq!(names, ["email", "amount", "at", "lasts", "email_2"]);
        assert_eq!(schema.field(0).metadata()[MASKED], "email");
        let batches: Vec<RecordBatch> = reader.map(|batch| batch.expect("a batch")).collect();
        assert_eq!(batches.len(), 2);
        assert_eq!(batches[1].columns(), result().batches[1].columns());
    }

    #[test]
    fn a_result_without_rows_is_a_file_with_columns() {
        let empty = StoredResult { batches: Vec::new(), ..result() };
        for format in FileFormat::ALL {
            assert!(!file(&empty, format).expect("written").is_empty(), "{format:?}");
            assert_eq!(FileFormat::named(format.name()), Some(format));
        }
    }
}
