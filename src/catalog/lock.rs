//! The catalog lock: which tables and columns were taken in. What a source grows later is quarantined:
//! for every caller it does not exist until an administrator accepts it.

use crate::model::{
    ColumnDescription, ForeignKey, OperandClass, TableDescription, TableEntry, TableRef,
    sql_type_name,
};
use arrow_schema::{DataType, TimeUnit};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::path::Path;
use std::sync::Arc;

/// The tables and columns that were taken in, with their types.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    tables: BTreeMap<TableRef, BTreeMap<String, String>>,
}

/// Columns of one table that wait to be taken in, for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// The table.
    pub table: TableRef,
    /// The columns and their types.
    pub columns: Vec<(String, String)>,
    /// Why.
    pub why: String,
}

/// A lock file that cannot be used: file, line and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockError(String);

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LockError {}

/// A catalog lock file, written by `celosia catalog accept`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Celosia catalog lock")]
struct RawLock {
    /// The version of the format: 1.
    version: u32,
    /// By `source.schema.table`: the columns and their types.
    tables: BTreeMap<String, BTreeMap<String, String>>,
}

/// The JSON Schema of a catalog lock file.
pub fn lock_schema() -> serde_json::Value {
    schemars::schema_for!(RawLock).to_value()
}

impl Lock {
    /// Reads a lock file.
    ///
    /// # Errors
    /// It cannot be read, or is not one.
    pub fn load(path: &Path) -> Result<Self, LockError> {
        let wrong = |message: String| LockError(format!("{}: {message}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| {
            wrong(format!("cannot be read: {error}; `celosia catalog accept` writes one"))
        })?;
        Self::parse(&text).map_err(wrong)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let raw: RawLock =
            serde_saphyr::from_str(text).map_err(|error| error.without_snippet().to_string())?;
        if raw.version != 1 {
            return Err("version: this version of Celosia reads version 1".into());
        }
        let mut tables = BTreeMap::new();
        for (name, columns) in raw.tables {
            let reference = reference(&name)
                .ok_or_else(|| format!("tables: \"{name}\" is not source.schema.table"))?;
            tables.insert(reference, columns);
        }
        Ok(Self { tables })
    }

    /// The file's text: readable, sorted, one column a line, so that its changes can be reviewed.
    pub fn text(&self) -> String {
        let mut text = String::from(
            "# The tables and columns that callers may be shown, if their roles open them. Written by\n\
             # `celosia catalog accept`; what is not in here is hidden. `celosia catalog diff` lists it.\n\
             version: 1\ntables:",
        );
        if self.tables.is_empty() {
            text.push_str(" {}");
        }
        text.push('\n');
        for (table, columns) in &self.tables {
            let _ = write!(text, "  {}:", scalar(&name(table)));
            text.push_str(if columns.is_empty() { " {}\n" } else { "\n" });
            for (column, data_type) in columns {
                let _ = writeln!(text, "    {}: {}", scalar(column), scalar(data_type));
            }
        }
        text
    }

    /// Takes a table in as it is now.
    pub fn accept(&mut self, table: &TableEntry) {
        let columns = table.description.columns.iter();
        let columns = columns.map(|c| (c.name.clone(), sql_type_name(&c.data_type))).collect();
        self.tables.insert(table.reference.clone(), columns);
    }

    /// Forgets tables of a source that the source no longer has.
    pub fn retain(&mut self, source: &str, exists: impl Fn(&TableRef) -> bool) {
        self.tables.retain(|table, _| *table.source != *source || exists(table));
    }

    /// How many tables and columns were taken in.
    pub fn size(&self) -> (usize, usize) {
        (self.tables.len(), self.tables.values().map(BTreeMap::len).sum())
    }

    /// What of a table was taken in; beside it what was not.
    pub(super) fn admit(
        &self,
        entry: &Arc<TableEntry>,
    ) -> (Option<Arc<TableEntry>>, Vec<Quarantined>) {
        let held = |columns: Vec<&ColumnDescription>, why: &str| Quarantined {
            table: entry.reference.clone(),
            columns: columns
                .iter()
                .map(|column| (column.name.clone(), sql_type_name(&column.data_type)))
                .collect(),
            why: why.to_string(),
        };
        let all = &entry.description.columns;
        let Some(accepted) = self.tables.get(&entry.reference) else {
            return (None, vec![held(all.iter().collect(), "a new table")]);
        };
        let mut quarantined = Vec::new();
        let new: Vec<_> = all.iter().filter(|c| !accepted.contains_key(&c.name)).collect();
        if !new.is_empty() {
            quarantined.push(held(new, "a new column"));
        }
        for column in all {
            let now = sql_type_name(&column.data_type);
            if let Some(before) = accepted.get(&column.name).filter(|before| **before != now) {
                quarantined.push(held(vec![column], &format!("its type was {before}")));
            }
        }
        let stray = |key: &ForeignKey| {
            let (schema, table) = (&key.referenced_schema, &key.referenced_table);
            !self.tables.contains_key(&TableRef::new(&entry.reference.source, schema, table))
        };
        if quarantined.is_empty() && !entry.description.foreign_keys.iter().any(stray) {
            return (Some(entry.clone()), quarantined);
        }
        let hidden = |name: &String| {
            quarantined.iter().any(|held| held.columns.iter().any(|(column, _)| column == name))
        };
        let mut description = without(&entry.description, &hidden);
        // A key to a table that is held would tell of it.
        description.foreign_keys.retain(|key| !stray(key));
        if description.columns.is_empty() {
            return (None, quarantined);
        }
        let admitted =
            TableEntry { reference: entry.reference.clone(), description: Arc::new(description) };
        (Some(Arc::new(admitted)), quarantined)
    }

    /// The tables as far as the lock knows them: names and types.
    pub fn tables(&self) -> Vec<Arc<TableEntry>> {
        self.tables
            .iter()
            .map(|(reference, columns)| {
                let description = TableDescription {
                    schema: reference.schema.to_string(),
                    name: reference.table.to_string(),
                    columns: columns.iter().map(|(name, of)| column(name, of)).collect(),
                    ..Default::default()
                };
                let description = Arc::new(description);
                Arc::new(TableEntry { reference: reference.clone(), description })
            })
            .collect()
    }
}

/// The description as if the hidden columns did not exist.
fn without(table: &TableDescription, hidden: &dyn Fn(&String) -> bool) -> TableDescription {
    let mut left = table.clone();
    left.columns.retain(|column| !hidden(&column.name));
    if left.primary_key.iter().any(hidden) {
        left.primary_key.clear();
    }
    left.unique_keys.retain(|key| !key.iter().any(hidden));
    left.indexed.retain(|column| !hidden(column));
    left.foreign_keys.retain(|key| !key.columns.iter().any(hidden));
    left
}

fn column(name: &str, of: &str) -> ColumnDescription {
    ColumnDescription {
        name: name.to_string(),
        native_type: of.to_string(),
        collation: None,
        data_type: data_type(of),
        nullable: true,
        comment: None,
        class: OperandClass::Opaque,
        read_as_text: false,
    }
}

/// The type that [`sql_type_name`] names so; what has no exact inverse is read as text.
fn data_type(name: &str) -> DataType {
    let digits = || {
        let inner = name.strip_prefix("numeric(")?.strip_suffix(')')?;
        let (precision, scale) = inner.split_once(',')?;
        Some(DataType::Decimal128(precision.parse().ok()?, scale.trim().parse().ok()?))
    };
    match name {
        "boolean" => DataType::Boolean,
        "smallint" => DataType::Int16,
        "integer" => DataType::Int32,
        "bigint" => DataType::Int64,
        "real" => DataType::Float32,
        "double precision" => DataType::Float64,
        "numeric" => DataType::Decimal256(76, 30),
        "bytea" => DataType::Binary,
        "date" => DataType::Date32,
        "time" => DataType::Time64(TimeUnit::Microsecond),
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "timestamptz" => DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
        _ => digits().unwrap_or(DataType::Utf8),
    }
}

/// `source.schema.table`, a part in quotes where it has a dot or a quote in it.
fn name(table: &TableRef) -> String {
    let part = |part: &str| {
        if part.contains(['.', '"']) || part.is_empty() {
            format!("\"{}\"", part.replace('"', "\"\""))
        } else {
            part.to_string()
        }
    };
    format!("{}.{}.{}", part(&table.source), part(&table.schema), part(&table.table))
}

fn reference(name: &str) -> Option<TableRef> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut characters = name.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                parts.last_mut()?.push('"');
            }
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            c => parts.last_mut()?.push(c),
        }
    }
    match parts.as_slice() {
        [source, schema, table] if !quoted && !source.is_empty() => {
            Some(TableRef::new(source, schema, table))
        }
        _ => None,
    }
}

/// A YAML scalar that is read back as this text.
pub(super) fn scalar(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '(' | ')'))
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n"
        );
    if plain { text.to_string() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, columns: &[(&str, &str)]) -> Arc<TableEntry> {
        let reference = reference(name).unwrap();
        let description = TableDescription {
            schema: reference.schema.to_string(),
            name: reference.table.to_string(),
            columns: columns.iter().map(|(name, of)| column(name, of)).collect(),
            primary_key: vec!["id".into()],
            indexed: vec!["id".into(), "email".into()],
            ..Default::default()
        };
        Arc::new(TableEntry { reference, description: Arc::new(description) })
    }

    fn locked() -> Lock {
        let mut lock = Lock::default();
        lock.accept(&table("shop.main.people", &[("id", "bigint"), ("No", "text")]));
        lock.accept(&table("shop.\"a.b\".\"x\"\"y\"", &[("n", "numeric(10,2)")]));
        lock
    }

    #[test]
    fn a_lock_is_read_back_as_it_was_written() {
        let lock = locked();
        assert_eq!(Lock::parse(&lock.text()).unwrap(), lock, "{}", lock.text());
        assert_eq!(Lock::parse(&Lock::default().text()).unwrap(), Lock::default());
        assert_eq!(lock.size(), (2, 3));
        for entry in lock.tables() {
            let (admitted, quarantined) = lock.admit(&entry);
            assert!(admitted.is_some() && quarantined.is_empty(), "{}", entry.reference);
        }
    }

    #[test]
    fn what_is_new_or_of_another_type_is_held() {
        let lock = locked();
        let grown = table(
            "shop.main.people",
            &[("id", "integer"), ("No", "text"), ("email", "text"), ("no", "text")],
        );
        let (admitted, held) = lock.admit(&grown);
        let admitted = admitted.unwrap();
        let names: Vec<&str> =
            admitted.description.columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["No"]);
        assert!(admitted.description.primary_key.is_empty());
        assert!(admitted.description.indexed.is_empty());
        let told: Vec<_> = held.iter().map(|h| (h.columns.len(), h.why.as_str())).collect();
        assert_eq!(told, [(2, "a new column"), (1, "its type was bigint")]);
        let (admitted, held) = lock.admit(&table("shop.main.People", &[("id", "bigint")]));
        assert!(admitted.is_none() && held[0].why == "a new table");
    }

    #[test]
    fn what_is_not_a_lock_is_an_error() {
        for (text, says) in [
            ("version: 2\ntables: {}", "reads version 1"),
            ("version: 1\ntables: {a.b: {}}", "\"a.b\" is not source.schema.table"),
            ("version: 1", "tables"),
            ("version: 1\ntables: {}\ntable: {}", "unknown field"),
        ] {
            let error = Lock::parse(text).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }
}
