//! Names what readers see of tables: who sees the same has the same name.

use super::search::VisibleTable;
use sha2::{Digest as _, Sha256};

/// Names what a reader sees of a table, or of all tables.
pub(super) type Digest = [u8; 32];

/// Names everything that is indexed of a table, joins included. Two tables with one name are one to every reader.
pub(super) fn digest(table: &VisibleTable) -> Digest {
    let mut hash = Hashed(Sha256::new());
    let (reference, description) = (&table.entry.reference, &table.entry.description);
    hash.text(&reference.source).text(&reference.schema).text(&reference.table);
    hash.texts(description.comment.as_slice());
    hash.number(table.columns.len());
    for &at in &table.columns {
        hash.number(at);
        if let Some(column) = description.columns.get(at) {
            hash.text(&column.name).texts(column.comment.as_slice()).number(column.class as usize);
        }
    }
    hash.texts(&table.synonyms).texts(&table.texts);
    hash.placed(&table.column_synonyms).placed(&table.column_texts).placed(&table.values);
    hash.texts(&description.primary_key).number(description.foreign_keys.len());
    for key in &description.foreign_keys {
        hash.texts(&key.columns).text(&key.referenced_schema).text(&key.referenced_table);
        hash.texts(&key.referenced_columns);
    }
    hash.number(table.joins.len());
    for (to, on) in &table.joins {
        hash.text(&to.source).text(&to.schema).text(&to.table).number(on.len());
        on.iter().for_each(|(here, there)| {
            hash.text(here).text(there);
        });
    }
    hash.0.finalize().into()
}

/// Names many tables in their order.
pub(super) fn digest_of(tables: &[Digest]) -> Digest {
    let mut hash = Sha256::new();
    tables.iter().for_each(|table| hash.update(table));
    hash.finalize().into()
}

/// Hashes texts and numbers so that none can run into the next.
struct Hashed(Sha256);

impl Hashed {
    fn number(&mut self, number: usize) -> &mut Self {
        self.0.update((number as u64).to_be_bytes());
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.number(text.len());
        self.0.update(text.as_bytes());
        self
    }

    fn texts(&mut self, texts: &[String]) -> &mut Self {
        self.number(texts.len());
        texts.iter().for_each(|text| {
            self.text(text);
        });
        self
    }

    fn placed<T: AsRef<str>>(&mut self, texts: &[(usize, T)]) -> &mut Self {
        self.number(texts.len());
        texts.iter().for_each(|(at, text)| {
            self.number(*at).text(text.as_ref());
        });
        self
    }
}
