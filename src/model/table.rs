//! Names of things: tables and statements.

use super::TableDescription;
use std::fmt;
use std::sync::Arc;

/// The virtual three-part name of a table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableRef {
    /// The source's name in the configuration.
    pub source: Arc<str>,
    /// The schema as the source stores it.
    pub schema: Arc<str>,
    /// The table as the source stores it.
    pub table: Arc<str>,
}

impl TableRef {
    /// `source.schema.table`.
    pub fn new(source: &str, schema: &str, table: &str) -> Self {
        Self { source: source.into(), schema: schema.into(), table: table.into() }
    }
}

impl fmt::Display for TableRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.source, self.schema, self.table)
    }
}

/// A table of the catalog: its virtual name and what its source said of it.
#[derive(Debug, Clone)]
pub struct TableEntry {
    /// The virtual name.
    pub reference: TableRef,
    /// Columns, keys, comments.
    pub description: Arc<TableDescription>,
}

/// Names one statement in the audit, in receipts and in the sources' session views.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct QueryId(String);

impl QueryId {
    /// A new random id of 16 hexadecimal digits.
    pub fn random() -> Self {
        Self(format!("{:016x}", rand::random::<u64>()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for QueryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
