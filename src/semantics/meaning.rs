//! The meanings of all files together, and whether they fit the catalog.

use super::file::{File, Table};
use crate::model::{TableEntry, TableRef};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the files say, for people and models. Nobody's rights depend on it.
#[derive(Debug, Default)]
pub struct Semantics {
    version: String,
    tables: HashMap<TableRef, TableMeaning>,
}

/// What a table means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableMeaning {
    /// One or two sentences.
    pub description: Option<String>,
    /// Other names that people use.
    pub synonyms: Vec<String>,
    /// Columns by their names as the source stores them.
    pub columns: HashMap<String, ColumnMeaning>,
    place: Place,
}

/// What a column means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMeaning {
    /// One sentence.
    pub description: Option<String>,
    /// The unit of its values.
    pub unit: Option<String>,
    /// Other names that people use.
    pub synonyms: Vec<String>,
    place: Place,
}

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SemanticsError {
    place: Place,
    message: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    file: Arc<Path>,
    line: u64,
}

impl Semantics {
    /// Reads every `*.yaml` file of a directory, in the order of their names.
    ///
    /// # Errors
    /// A file that cannot be read, is not of the form, or names a table a second time.
    pub fn load(directory: &Path) -> Result<Self, SemanticsError> {
        let mut semantics = Self::default();
        let mut hash = Sha256::new();
        for path in files(directory)? {
            let text = std::fs::read_to_string(&path).map_err(|e| {
                SemanticsError::at(&Place::of(&path, 0), format!("not readable: {e}"))
            })?;
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
            semantics.add(&path, &text)?;
        }
        let hash: [u8; 32] = hash.finalize().into();
        semantics.version = hash[..6].iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(semantics)
    }

    /// Names the content: the same files have the same version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What a table means, where a file says so.
    pub fn table(&self, table: &TableRef) -> Option<&TableMeaning> {
        self.tables.get(table)
    }

    /// Tables and columns that do not exist, in the order of the files. A table of an absent source
    /// may exist.
    pub fn check(
        &self,
        tables: &[Arc<TableEntry>],
        absent_sources: &[Arc<str>],
    ) -> Vec<SemanticsError> {
        let known: HashMap<&TableRef, &TableEntry> =
            tables.iter().map(|entry| (&entry.reference, &**entry)).collect();
        let mut errors = Vec::new();
        for (reference, meaning) in &self.tables {
            match known.get(reference) {
                Some(entry) => meaning.check(entry, &mut errors),
                None if absent_sources.contains(&reference.source) => {}
                None => errors.push(SemanticsError::at(
                    &meaning.place,
                    format!("there is no table {reference}"),
                )),
            }
        }
        errors.sort_by(|a, b| (&a.place.file, a.place.line).cmp(&(&b.place.file, b.place.line)));
        errors
    }

    fn add(&mut self, path: &Path, text: &str) -> Result<(), SemanticsError> {
        let place = Place::of(path, 0);
        let file: File = serde_saphyr::from_str(text).map_err(|error| {
            let line = error.location().map_or(0, |location| location.line());
            SemanticsError::at(&place.line(line), first_line(&error.to_string()))
        })?;
        if file.version.value != 1 {
            let line = file.version.referenced.line();
            let message = format!("version {} is not supported, 1 is", file.version.value);
            return Err(SemanticsError::at(&place.line(line), message));
        }
        for entry in file.tables.0 {
            let place = place.line(entry.line);
            let Some(reference) = reference(&entry.name) else {
                let message = format!("\"{}\" is not source.schema.table", entry.name);
                return Err(SemanticsError::at(&place, message));
            };
            let meaning = TableMeaning::of(entry.value, place.clone())?;
            if let Some(before) = self.tables.insert(reference, meaning) {
                let message = format!("{} is described at {} already", entry.name, before.place);
                return Err(SemanticsError::at(&place, message));
            }
        }
        Ok(())
    }
}

impl TableMeaning {
    fn of(table: Table, place: Place) -> Result<Self, SemanticsError> {
        let mut columns = HashMap::new();
        for entry in table.columns.0 {
            let place = place.line(entry.line);
            let (description, unit) = (entry.value.description, entry.value.unit);
            let synonyms = entry.value.synonyms;
            let meaning = ColumnMeaning { description, unit, synonyms, place: place.clone() };
            if columns.insert(entry.name.clone(), meaning).is_some() {
                let message = format!("column {} is described twice", entry.name);
                return Err(SemanticsError::at(&place, message));
            }
        }
        let (description, synonyms) = (table.description, table.synonyms);
        Ok(Self { description, synonyms, columns, place })
    }

    fn check(&self, entry: &TableEntry, errors: &mut Vec<SemanticsError>) {
        for (name, column) in &self.columns {
            if !entry.description.columns.iter().any(|known| known.name == *name) {
                let message = format!("{} has no column {name}", entry.reference);
                errors.push(SemanticsError::at(&column.place, message));
            }
        }
    }
}

impl SemanticsError {
    fn at(place: &Place, message: String) -> Self {
        Self { place: place.clone(), message }
    }
}

impl fmt::Display for SemanticsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl std::error::Error for SemanticsError {}

impl Place {
    fn of(file: &Path, line: u64) -> Self {
        Self { file: file.into(), line }
    }

    fn line(&self, line: u64) -> Self {
        Self { file: self.file.clone(), line }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}", self.file.display()),
            line => write!(f, "{}:{line}", self.file.display()),
        }
    }
}

/// The YAML files of a directory.
fn files(directory: &Path) -> Result<Vec<PathBuf>, SemanticsError> {
    let unreadable = |e: std::io::Error| {
        SemanticsError::at(&Place::of(directory, 0), format!("not readable: {e}"))
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn reference(name: &str) -> Option<TableRef> {
    let parts: Vec<&str> = name.split('.').collect();
    match parts[..] {
        [source, schema, table] if parts.iter().all(|part| !part.is_empty()) => {
            Some(TableRef::new(source, schema, table))
        }
        _ => None,
    }
}

/// The parser's message without the excerpt it draws below.
fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ColumnDescription, OperandClass, TableDescription};
    use tempfile::TempDir;

    fn load(files: &[(&str, &str)]) -> (TempDir, Result<Semantics, SemanticsError>) {
        let dir = TempDir::new().expect("a directory");
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).expect("written");
        }
        let semantics = Semantics::load(dir.path());
        (dir, semantics)
    }

    const ORDERS: &str = "\
version: 1
tables:
  \"shop.main.orders\":
    description: One row per order.
    synonyms: [sales]
    columns:
      total: { description: Value, unit: EUR }
      ghost: { description: Gone }
";

    fn orders() -> Arc<TableEntry> {
        let column = ColumnDescription {
            name: "total".into(),
            native_type: String::new(),
            data_type: arrow_schema::DataType::Utf8,
            nullable: true,
            comment: None,
            class: OperandClass::Text,
            collation: None,
            read_as_text: false,
        };
        let description = TableDescription { columns: vec![column], ..Default::default() };
        let reference = TableRef::new("shop", "main", "orders");
        Arc::new(TableEntry { reference, description: Arc::new(description) })
    }

    #[test]
    fn meanings_are_found_by_their_names() {
        let (_dir, semantics) = load(&[("a.yaml", ORDERS), ("notes.txt", "not ours")]);
        let semantics = semantics.expect("loaded");
        let table = semantics.table(&TableRef::new("shop", "main", "orders")).expect("described");
        assert_eq!(table.synonyms, ["sales"]);
        let total = table.columns.get("total").expect("described");
        assert_eq!(
            (total.description.as_deref(), total.unit.as_deref()),
            (Some("Value"), Some("EUR"))
        );
        assert!(semantics.table(&TableRef::new("shop", "main", "Orders")).is_none());
        let (_dir, again) = load(&[("a.yaml", ORDERS)]);
        assert_eq!(again.expect("loaded").version(), semantics.version());
        let (_dir, other) = load(&[("a.yaml", &ORDERS.replace("EUR", "USD"))]);
        assert_ne!(other.expect("loaded").version(), semantics.version());
    }

    #[test]
    fn errors_have_a_file_and_a_line() {
        let bad: [(&str, &str); 6] = [
            ("version: 1\ntabels: {}\n", "a.yaml:2: "),
            ("version: 1\ntables:\n  a.b.c:\n    descriptoin: x\n", "a.yaml:4: "),
            ("version: 2\n", "a.yaml:1: version 2"),
            ("version: 1\ntables:\n  a.b: {}\n", "a.yaml:3: \"a.b\" is not"),
            ("version: 1\ntables:\n  a.b.c: {}\n  a.b.c: {}\n", "a.yaml:4: "),
            ("tables: [\n", "a.yaml"),
        ];
        for (text, expected) in bad {
            let (dir, semantics) = load(&[("a.yaml", text)]);
            let error = semantics.expect_err("refused").to_string();
            let error = error.replace(&format!("{}/", dir.path().display()), "");
            assert!(error.starts_with(expected), "{error:?} for {text:?}");
        }
        assert!(Semantics::load(Path::new("/nonexistent")).is_err());
        let (_dir, twice) = load(&[("a.yaml", ORDERS), ("b.yaml", ORDERS)]);
        assert!(twice.expect_err("refused").to_string().contains("already"));
    }

    #[test]
    fn names_that_do_not_exist_are_found() {
        let more = "version: 1\ntables:\n  erp.x.y: {}\n  shop.main.gone: {}\n";
        let (_dir, semantics) = load(&[("a.yaml", ORDERS), ("b.yaml", more)]);
        let semantics = semantics.expect("loaded");
        let check = |absent: &[Arc<str>]| -> Vec<String> {
            let errors = semantics.check(&[orders()], absent);
            errors
                .iter()
                .map(|e| e.to_string().rsplit('/').next().unwrap_or_default().into())
                .collect()
        };
        let ghost = "a.yaml:8: shop.main.orders has no column ghost";
        let gone = "b.yaml:4: there is no table shop.main.gone";
        assert_eq!(check(&[]), [ghost, "b.yaml:3: there is no table erp.x.y", gone]);
        assert_eq!(check(&["erp".into()]), [ghost, gone]);
    }

    #[test]
    fn what_is_shipped_loads() {
        let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
        let semantics = Semantics::load(&schemas).expect("loaded");
        assert!(semantics.table(&TableRef::new("shop", "main", "orders")).is_some());
    }
}
