//! What a source says about itself: tables, columns, keys. Plain data.

use arrow_schema::DataType;

/// Everything discovery found at one source.
#[derive(Debug, Clone, Default)]
pub struct SourceDescription {
    /// The server's product and version, for the administrator.
    pub server: String,
    /// Tables and views, in the order of schema and name.
    pub tables: Vec<TableDescription>,
}

/// What kind of relation a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TableKind {
    /// A base table.
    #[default]
    Table,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A partitioned parent; its partitions are not listed on their own.
    Partitioned,
    /// A table that lives at another server.
    Foreign,
}

/// One table or view.
#[derive(Debug, Clone, Default)]
pub struct TableDescription {
    /// The schema's name as the source stores it.
    pub schema: String,
    /// The table's name as the source stores it.
    pub name: String,
    /// Table, view, ...
    pub kind: TableKind,
    /// The comment stored at the source.
    pub comment: Option<String>,
    /// Columns in their stored order.
    pub columns: Vec<ColumnDescription>,
    /// Column names of the primary key, in key order; empty where there is none.
    pub primary_key: Vec<String>,
    /// Names of the columns by whose value the source finds rows without reading all: those that are first
    /// in an index of the whole table. Empty where that is not known.
    pub indexed: Vec<String>,
    /// Column names of each other key that no two rows share, NULLs aside.
    pub unique_keys: Vec<Vec<String>>,
    /// Foreign keys that leave this table.
    pub foreign_keys: Vec<ForeignKey>,
    /// The source's own guess of its row count.
    pub row_estimate: Option<u64>,
    /// What rows are ordered by in the order in which they are stored, where the source reads them so for
    /// nothing; in its own spelling.
    pub stored_order: Option<String>,
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// Columns of this table.
    pub columns: Vec<String>,
    /// Schema of the table referred to.
    pub referenced_schema: String,
    /// Name of the table referred to.
    pub referenced_table: String,
    /// Columns referred to, in the order of `columns`.
    pub referenced_columns: Vec<String>,
}

/// One column.
#[derive(Debug, Clone)]
pub struct ColumnDescription {
    /// The column's name as the source stores it.
    pub name: String,
    /// The type as the source spells it.
    pub native_type: String,
    /// The collation its text is compared under at the source, where the source names one.
    pub collation: Option<String>,
    /// The Arrow type its values arrive in.
    pub data_type: DataType,
    /// Whether NULL may occur.
    pub nullable: bool,
    /// The comment stored at the source.
    pub comment: Option<String>,
    /// How its values behave in comparisons at the source: the key into the dialect's capabilities.
    pub class: OperandClass,
    /// The source must cast it to text on the way out: the type has no Arrow form of its own.
    pub read_as_text: bool,
}

/// How the values of a column behave in comparisons at the source.
///
/// A class other than `Opaque` promises that equality at the source is equality of the Arrow values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum OperandClass {
    /// Nothing but NULL tests go to the source: JSON, arrays, padded characters, loose collations.
    Opaque,
    /// Two-valued truth.
    Boolean,
    /// Whole numbers up to 64 bits.
    Integer,
    /// Exact decimals.
    Decimal,
    /// Binary floating point.
    Float,
    /// Text under a deterministic collation: equality is equality of bytes.
    Text,
    /// A UUID read as canonical lower-case text.
    Uuid,
    /// Byte strings.
    Bytes,
    /// A calendar date.
    Date,
    /// A wall-clock time stamp.
    Timestamp,
    /// An instant.
    TimestampUtc,
    /// A wall-clock time stamp that is finer at the source than the microseconds it is read to (the
    /// digits behind are cut), so that a comparison with it is one with a range.
    TimestampFine,
    /// An instant that is finer at the source than the microseconds it is read to.
    TimestampUtcFine,
}

impl OperandClass {
    /// Every class.
    pub const ALL: [OperandClass; 13] = [
        OperandClass::Opaque,
        OperandClass::Boolean,
        OperandClass::Integer,
        OperandClass::Decimal,
        OperandClass::Float,
        OperandClass::Text,
        OperandClass::Uuid,
        OperandClass::Bytes,
        OperandClass::Date,
        OperandClass::Timestamp,
        OperandClass::TimestampUtc,
        OperandClass::TimestampFine,
        OperandClass::TimestampUtcFine,
    ];
}
