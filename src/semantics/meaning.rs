//! The meanings of all files together, and whether they fit the catalog.

use super::file::{Entries, File};
use super::items::{CuratedView, Defined, Metric, Term, Verified};
use super::place::{Place, SemanticsError};
use super::table::{Known, TableMeaning};
use super::tool::Tool;
use crate::model::{TableEntry, TableRef};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the files say, for people and models. Nobody's rights depend on it.
#[derive(Debug, Default)]
pub struct Semantics {
    version: String,
    tables: HashMap<TableRef, TableMeaning>,
    metrics: Vec<Metric>,
    glossary: Vec<Term>,
    verified: Vec<Verified>,
    views: Vec<CuratedView>,
    tools: Vec<Tool>,
}

impl Semantics {
    /// Reads every `*.yaml` file of a directory, in the order of their names.
    ///
    /// # Errors
    /// A file that cannot be read, is not of the form, or names something a second time.
    pub fn load(directory: &Path) -> Result<Self, SemanticsError> {
        let mut semantics = Self::default();
        let mut hash = Sha256::new();
        for path in files(directory)? {
            let text = std::fs::read_to_string(&path)
                .map_err(|e| Place::of(&path, 0).error(format!("not readable: {e}")))?;
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
            semantics.add(&path, &text)?;
        }
        semantics.version = digits(hash);
        Ok(semantics)
    }

    /// Reads the text of one file.
    ///
    /// # Errors
    /// A text that is not of the form, or names something a second time.
    pub fn parse(name: &str, text: &str) -> Result<Self, SemanticsError> {
        let mut semantics = Self::default();
        semantics.add(Path::new(name), text)?;
        semantics.version = digits(Sha256::new_with_prefix(text));
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

    /// Every table that a file says something of.
    pub fn tables(&self) -> impl Iterator<Item = (&TableRef, &TableMeaning)> {
        self.tables.iter()
    }

    /// Figures, in the order of the files; so are all that follow.
    pub fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    /// Words of the organisation.
    pub fn glossary(&self) -> &[Term] {
        &self.glossary
    }

    /// Questions with their statements.
    pub fn verified(&self) -> &[Verified] {
        &self.verified
    }

    /// Statements that are used as tables.
    pub fn views(&self) -> &[CuratedView] {
        &self.views
    }

    /// Statements with parameters.
    pub fn tools(&self) -> &[Tool] {
        &self.tools
    }

    /// Tables, columns and roles that do not exist, in the order of the files. A table of an absent source
    /// may exist.
    pub fn check(
        &self,
        tables: &[Arc<TableEntry>],
        absent_sources: &[Arc<str>],
        is_role: impl Fn(&str) -> bool,
    ) -> Vec<SemanticsError> {
        let known = Known {
            tables: tables.iter().map(|entry| (&entry.reference, &**entry)).collect(),
            absent: absent_sources,
        };
        let mut errors = Vec::new();
        for (reference, meaning) in &self.tables {
            meaning.check(reference, &known, &mut errors);
        }
        for metric in &self.metrics {
            let lacking = known.lacks(&metric.table, &metric.time).or_else(|| {
                metric.dimensions.iter().find_map(|by| known.lacks(&by.table, [&by.column]))
            });
            errors.extend(lacking.map(|lacking| metric.defined.error(lacking)));
        }
        for term in &self.glossary {
            let columns = || term.columns.iter().find_map(|c| known.lacks(&c.table, [&c.column]));
            let tables = term.tables.iter().find_map(|table| known.lacks(table, []));
            errors.extend(tables.or_else(columns).map(|lacking| term.defined.error(lacking)));
        }
        for defined in self.defined() {
            let unknown = defined.roles.iter().find(|role| !is_role(role));
            errors.extend(unknown.map(|role| defined.error(format!("there is no role {role}"))));
        }
        SemanticsError::sort(&mut errors);
        errors
    }

    fn defined(&self) -> impl Iterator<Item = &Defined> {
        let metrics = self.metrics.iter().map(|item| &item.defined);
        let terms = self.glossary.iter().map(|item| &item.defined);
        let verified = self.verified.iter().map(|item| &item.defined);
        let views = self.views.iter().map(|item| &item.defined);
        let tools = self.tools.iter().map(|item| &item.defined);
        metrics.chain(terms).chain(verified).chain(views).chain(tools)
    }

    fn add(&mut self, path: &Path, text: &str) -> Result<(), SemanticsError> {
        let place = Place::of(path, 0);
        let file: File = serde_saphyr::from_str(text).map_err(|error| {
            let line = error.location().map_or(0, |location| location.line());
            place.line(line).error(first_line(&error.to_string()))
        })?;
        if file.version.value != 1 {
            let line = file.version.referenced.line();
            let message = format!("version {} is not supported, 1 is", file.version.value);
            return Err(place.line(line).error(message));
        }
        for entry in file.tables.0 {
            let place = place.line(entry.line);
            let Some(reference) = reference(&entry.name) else {
                return Err(place.error(format!("\"{}\" is not source.schema.table", entry.name)));
            };
            let meaning = TableMeaning::of(entry.value, place.clone())?;
            if let Some(before) = self.tables.insert(reference, meaning) {
                let message = format!("{} is described at {} already", entry.name, before.place);
                return Err(place.error(message));
            }
        }
        let of = |kind, line, name, roles| Defined::new(kind, name, roles, place.line(line));
        take(
            &mut self.metrics,
            file.metrics,
            |m| &m.defined,
            |line, name, mut raw| {
                let roles = std::mem::take(&mut raw.roles);
                Metric::of(raw, of("metrics", line, name, roles)?.identifier()?)
            },
        )?;
        take(
            &mut self.glossary,
            file.glossary,
            |t| &t.defined,
            |line, name, mut raw| {
                let roles = std::mem::take(&mut raw.roles);
                Term::of(raw, of("glossary", line, name, roles)?)
            },
        )?;
        take(
            &mut self.verified,
            file.verified,
            |v| &v.defined,
            |line, name, mut raw| {
                let roles = std::mem::take(&mut raw.roles);
                Ok(Verified::of(raw, of("verified", line, name, roles)?.identifier()?))
            },
        )?;
        take(
            &mut self.views,
            file.views,
            |v| &v.defined,
            |line, name, mut raw| {
                let roles = std::mem::take(&mut raw.roles);
                Ok(CuratedView::of(raw, of("views", line, name, roles)?.identifier()?))
            },
        )?;
        take(
            &mut self.tools,
            file.tools,
            |t| &t.defined,
            |line, name, mut raw| {
                let roles = std::mem::take(&mut raw.roles);
                Tool::of(raw, of("tools", line, name, roles)?.identifier()?)
            },
        )
    }
}

/// Takes the entries of a file in; a name that is there already is an error.
fn take<R, T>(
    known: &mut Vec<T>,
    entries: Entries<R>,
    defined: impl Fn(&T) -> &Defined,
    make: impl Fn(u64, String, R) -> Result<T, SemanticsError>,
) -> Result<(), SemanticsError> {
    for entry in entries.0 {
        let made = make(entry.line, entry.name, entry.value)?;
        let new = defined(&made);
        if let Some(before) = known.iter().map(&defined).find(|known| known.name == new.name) {
            return Err(new.error(format!("it is defined at {} already", before.place())));
        }
        known.push(made);
    }
    Ok(())
}

/// The YAML files of a directory.
fn files(directory: &Path) -> Result<Vec<PathBuf>, SemanticsError> {
    let unreadable =
        |e: std::io::Error| Place::of(directory, 0).error(format!("not readable: {e}"));
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

/// A table by its full name.
pub(super) fn reference(name: &str) -> Option<TableRef> {
    let parts: Vec<&str> = name.split('.').collect();
    match parts[..] {
        [source, schema, table] if parts.iter().all(|part| !part.is_empty()) => {
            Some(TableRef::new(source, schema, table))
        }
        _ => None,
    }
}

fn digits(hash: Sha256) -> String {
    let hash: [u8; 32] = hash.finalize().into();
    hash[..6].iter().map(|byte| format!("{byte:02x}")).collect()
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
            let errors = semantics.check(&[orders()], absent, |_| true);
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
