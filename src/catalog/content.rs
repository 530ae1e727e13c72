//! The content of tables as a hash: the same tables have the same one, after a restart too.

use crate::model::{TableDescription, TableEntry};
use sha2::{Digest, Sha256};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The hash of tables in their order.
pub(super) fn hash(tables: &[Arc<TableEntry>]) -> [u8; 32] {
    let mut hasher = ContentHasher(Sha256::new());
    tables.iter().for_each(|table| hash_table(&table.description, &mut hasher));
    hasher.0.finalize().into()
}

/// Everything but the row estimate, which moves on its own.
fn hash_table(table: &TableDescription, to: &mut ContentHasher) {
    (&table.schema, &table.name, &table.comment, table.kind as u8).hash(to);
    (&table.primary_key, &table.unique_keys, &table.indexed).hash(to);
    for column in &table.columns {
        (&column.name, &column.native_type, &column.data_type, column.nullable).hash(to);
        (&column.comment, &column.collation, column.class, column.read_as_text).hash(to);
    }
    for key in &table.foreign_keys {
        (&key.columns, &key.referenced_schema, &key.referenced_table).hash(to);
        key.referenced_columns.hash(to);
    }
    (table.columns.len(), table.foreign_keys.len()).hash(to);
}

/// Lets values hash themselves into SHA-256.
struct ContentHasher(Sha256);

impl Hasher for ContentHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        // Nobody asks for the short form: the content is the whole digest.
        0
    }
}
