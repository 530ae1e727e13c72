//! What T-SQL knows of tables and PostgreSQL does not: the declared types of their columns.

use super::native::Native;
use parking_lot::RwLock;
use std::collections::HashMap;

/// What is known of one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Its name as it was declared.
    pub(crate) name: String,
    /// Its type.
    pub(crate) native: Native,
    /// The collation of its text.
    pub(crate) collation: Option<String>,
    /// It may hold NULL.
    pub(crate) nullable: bool,
}

/// The columns of every table and view that was made through the engine.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// By PostgreSQL's object id and column number.
    columns: HashMap<(u32, i16), Facts>,
    /// By schema and name in lower case.
    tables: HashMap<(String, String), Vec<Facts>>,
    /// Every name in lower case, and as it is spelled.
    names: HashMap<String, Vec<String>>,
}

impl Registry {
    /// Takes in a table; its columns are numbered from 1.
    pub(crate) fn add(&self, oid: u32, schema: &str, table: &str, columns: Vec<Facts>) {
        let mut inner = self.inner.write();
        for (number, facts) in (1_i16..).zip(&columns) {
            inner.columns.insert((oid, number), facts.clone());
        }
        for name in [schema, table].into_iter().chain(columns.iter().map(|c| c.name.as_str())) {
            inner.learn(name);
        }
        inner.tables.insert((schema.to_lowercase(), table.to_lowercase()), columns);
    }

    /// The column of that table and number.
    pub(crate) fn column(&self, oid: u32, number: i16) -> Option<Facts> {
        self.inner.read().columns.get(&(oid, number)).cloned()
    }

    /// The columns of a table.
    pub(crate) fn table(&self, schema: &str, name: &str) -> Option<Vec<Facts>> {
        let key = (schema.to_lowercase(), name.to_lowercase());
        self.inner.read().tables.get(&key).cloned()
    }

    /// A name as it was declared; names differ in more than case.
    pub(crate) fn spelled(&self, name: &str) -> Option<String> {
        let inner = self.inner.read();
        let known = inner.names.get(&name.to_lowercase())?;
        if known.iter().any(|spelled| spelled == name) {
            return None;
        }
        known.first().cloned()
    }
}

impl Inner {
    fn learn(&mut self, name: &str) {
        let known = self.names.entry(name.to_lowercase()).or_default();
        if !known.iter().any(|spelled| spelled == name) {
            known.push(name.to_string());
        }
    }
}
