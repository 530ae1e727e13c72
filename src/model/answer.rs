//! What an answer is made of: columns, rows, and what was done to them.

use arrow_array::RecordBatch;
use arrow_schema::DataType;
use serde::{Deserialize, Serialize};

/// One column of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnInfo {
    /// The column's name.
    pub name: String,
    /// The SQL type's name, such as `bigint` or `text`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The masks that shaped its values; absent where every value is as stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked: Option<String>,
}

/// A mask that was applied, by the name of its rule.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct AppliedMask {
    /// `source.schema.table.column`.
    pub column: String,
    /// The mask's name, such as `email`.
    pub mask: String,
    /// The rule's name.
    pub rule: String,
}

/// A row filter that was applied, by the name of its rule or role.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct AppliedFilter {
    /// `source.schema.table`.
    pub table: String,
    /// `role analyst` or the restriction's name.
    pub rule: String,
}

/// Values of one column that looked like secrets and were taken out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct RedactedValues {
    /// The output column.
    pub column: String,
    /// The rule's name, such as `private_key`.
    pub rule: String,
    /// Values of the whole kept result that lost something.
    pub values: u64,
}

/// Where one output column comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lineage {
    /// The output column.
    pub column: String,
    /// `source.schema.table.column` of everything it was computed from.
    pub from: Vec<String>,
}

/// What one source did for a statement.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SourceReceipt {
    /// The source's name.
    pub name: String,
    /// The statement it was sent, with placeholders.
    pub sql: String,
    /// Governed rows that came back.
    pub rows: u64,
    /// Time from sending the statement to its last row, in milliseconds.
    pub ms: f64,
    /// Sessions that read it at the same time; absent where one did, or where the number would tell of rows that
    /// the caller may not see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readers: Option<usize>,
    /// Whether these sessions saw the same moment; absent where one read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub one_snapshot: Option<bool>,
}

/// Where a statement ran that did not run in the server's own process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The engine.
    pub engine: String,
    /// Stages that ran there.
    pub stages: u64,
    /// Governed rows that were written between stages; for metrics alone, as their bytes are: partitions that keep
    /// the first rows of an order share what they have seen, so the number follows from when rows arrive.
    #[serde(skip)]
    pub rows_between: u64,
    /// Their bytes in the files between stages.
    #[serde(skip)]
    pub bytes_between: u64,
}

/// A way in which a right answer may be the wrong number for its reader. It follows from the statement
/// and from what its caller may see of the catalog, never from stored values.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Warning {
    /// One stable word, such as `fan_out`.
    pub code: &'static str,
    /// One sentence: what happens, and what to do.
    pub text: String,
    /// `source.schema.table.column` of the columns it is about.
    pub columns: Vec<String>,
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.text)
    }
}

/// How a statement ended, as it is written to the audit and into the receipt.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct Outcome {
    /// What each source did.
    pub sources: Vec<SourceReceipt>,
    /// The masks that were applied.
    pub masks: Vec<AppliedMask>,
    /// The row filters that were applied.
    pub filters: Vec<AppliedFilter>,
    /// What was taken out because it looked like a secret.
    pub redacted: Vec<RedactedValues>,
    /// Where each output column comes from.
    pub lineage: Vec<Lineage>,
    /// `source.schema.table.column` of every column that was read, also to filter or to join by it.
    pub columns: Vec<String>,
    /// How the answer may be misread.
    pub warnings: Vec<Warning>,
    /// Where it ran, if not in the server's own process.
    pub place: Option<Place>,
    /// Rows in the answer's first page.
    pub rows_returned: u64,
    /// Bytes of the whole result, as Arrow buffers.
    pub bytes: u64,
    /// Whether the result was cut at a limit.
    pub truncated: bool,
    /// The error's code, where the statement failed.
    pub error: Option<String>,
    /// Time from the request to the outcome, in milliseconds.
    pub ms: f64,
    /// Age of the catalog snapshot the statement was planned on, in milliseconds.
    pub catalog_age_ms: u64,
}

/// Rows ready for rendering.
#[derive(Debug, Clone)]
pub struct Page {
    /// The columns, in order.
    pub columns: Vec<ColumnInfo>,
    /// Batches that hold just the page's rows.
    pub batches: Vec<RecordBatch>,
    /// Rows of the page.
    pub row_count: usize,
    /// Index of the page's first row in the whole result.
    pub offset: usize,
    /// Whether the result has rows that this page does not hold.
    pub truncated: bool,
    /// Where the rest is, if there is a rest that was kept.
    pub handle: Option<String>,
}

/// The name of an Arrow type as an SQL user knows it.
pub fn sql_type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Null => "null".into(),
        DataType::Boolean => "boolean".into(),
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => "smallint".into(),
        DataType::Int32 | DataType::UInt16 => "integer".into(),
        // Ranks and counts of the engine are unsigned; PostgreSQL knows them as bigint.
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => "bigint".into(),
        DataType::Float16 | DataType::Float32 => "real".into(),
        DataType::Float64 => "double precision".into(),
        DataType::Decimal128(precision, scale) => format!("numeric({precision},{scale})"),
        DataType::Decimal256(_, _) => "numeric".into(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".into(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "bytea".into(),
        DataType::Date32 | DataType::Date64 => "date".into(),
        DataType::Time32(_) | DataType::Time64(_) => "time".into(),
        DataType::Timestamp(_, None) => "timestamp".into(),
        DataType::Timestamp(_, Some(_)) => "timestamptz".into(),
        DataType::Interval(_) | DataType::Duration(_) => "interval".into(),
        DataType::List(item) | DataType::LargeList(item) => {
            format!("{}[]", sql_type_name(item.data_type()))
        }
        _ => "json".into(),
    }
}
