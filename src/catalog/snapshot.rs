//! The catalog at one moment: immutable, shared, with its look-up tables.

use super::lock::Quarantined;
use crate::model::{TableEntry, TableRef};
use celosia_connector_api::ErrorCode;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// How a source answered when it was last asked what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceState {
    /// It was not asked yet.
    Waiting,
    /// It answered.
    Up,
    /// It did not answer; what it said before is kept.
    Down {
        /// Since when.
        since: SystemTime,
        /// Why.
        code: ErrorCode,
    },
}

/// What is known of one source.
#[derive(Debug, Clone)]
pub struct SourceStatus {
    /// The source's name.
    pub name: Arc<str>,
    /// How it answered last.
    pub state: SourceState,
    /// The number of its tables.
    pub tables: usize,
    /// The server's product and version; empty until it has answered.
    pub server: String,
    /// When it last said what it holds; absent where it never did.
    pub described_at: Option<Instant>,
    /// What the source or its driver said where it is down. For the administrator alone.
    pub complaint: String,
}

/// The catalog at one moment.
#[derive(Debug)]
pub struct Snapshot {
    version: u64,
    sources: Vec<SourceStatus>,
    names: Arc<Names>,
    held: Arc<Held>,
}

/// What administrators know beside what callers may be shown.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Every table, as its source described it.
    pub(super) discovered: Vec<Arc<TableEntry>>,
    /// What the lock did not take in.
    pub(super) quarantined: Vec<Quarantined>,
}

impl Snapshot {
    pub(super) fn new(
        version: u64,
        sources: Vec<SourceStatus>,
        names: Arc<Names>,
        held: Arc<Held>,
    ) -> Self {
        Self { version, sources, names, held }
    }

    /// The same tables with newer words about their sources.
    pub(super) fn with_sources(&self, sources: Vec<SourceStatus>) -> Self {
        Self { version: self.version, sources, names: self.names.clone(), held: self.held.clone() }
    }

    /// Names the content: the same tables have the same version, after a restart too. Guesses of row
    /// counts are no part of it. At most 48 bits, so JSON keeps it.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// How long ago the source with the oldest description was described.
    pub fn age(&self) -> Duration {
        let described = self.sources.iter().filter_map(|source| source.described_at);
        described.map(|at| at.elapsed()).max().unwrap_or_default()
    }

    /// All tables that may be shown, in the order of their names.
    pub fn tables(&self) -> &[Arc<TableEntry>] {
        &self.names.tables
    }

    /// Every table as its source described it, also what is quarantined: for administrators alone.
    pub fn discovered(&self) -> &[Arc<TableEntry>] {
        &self.held.discovered
    }

    /// What the lock did not take in: for administrators alone.
    pub fn quarantined(&self) -> &[Quarantined] {
        &self.held.quarantined
    }

    /// All sources, in the order of the configuration.
    pub fn sources(&self) -> &[SourceStatus] {
        &self.sources
    }

    /// The sources that never said what they hold: their tables may exist.
    pub fn absent_sources(&self) -> Vec<Arc<str>> {
        let absent = self.sources.iter().filter(|source| source.described_at.is_none());
        absent.map(|source| source.name.clone()).collect()
    }

    /// The table of exactly this name.
    pub fn get(&self, table: &TableRef) -> Option<&Arc<TableEntry>> {
        self.names.by_reference.get(table).map(|&at| &self.names.tables[at as usize])
    }

    /// The tables that a name of one to three parts may mean, whatever their case; those spelled
    /// exactly so come first. Most callers want [`Snapshot::resolve`].
    pub fn candidates(&self, parts: &[&str]) -> Vec<Arc<TableEntry>> {
        self.resolved(parts, |_| true).0
    }

    /// The tables that a name of one to three parts means to a caller who sees what `is_visible` says:
    /// those spelled exactly so, or else those that differ by case only. Visibility comes first, so a
    /// hidden table changes nothing.
    pub fn resolve(
        &self,
        parts: &[&str],
        is_visible: impl FnMut(&TableEntry) -> bool,
    ) -> Vec<Arc<TableEntry>> {
        let (mut tables, exact) = self.resolved(parts, is_visible);
        if exact > 0 {
            tables.truncate(exact);
        }
        tables
    }

    /// The tables with a foreign key to `table`, in the order of their names.
    pub fn referencing(&self, table: &TableRef) -> Vec<Arc<TableEntry>> {
        let found = self.names.referencing.get(table).map(Vec::as_slice).unwrap_or_default();
        found.iter().map(|&at| self.names.tables[at as usize].clone()).collect()
    }

    /// The visible matches with the exact ones first, and how many are exact.
    fn resolved(
        &self,
        parts: &[&str],
        mut is_visible: impl FnMut(&TableEntry) -> bool,
    ) -> (Vec<Arc<TableEntry>>, usize) {
        let found = match parts.len() {
            1..=3 => self.names.by_suffix.get(&suffix_key(parts)),
            _ => None,
        };
        let tables = found.into_iter().flatten().map(|&at| &self.names.tables[at as usize]);
        let visible = tables.filter(|table| is_visible(table)).cloned();
        let (mut exact, folded): (Vec<_>, Vec<_>) =
            visible.partition(|table| is_exact(&table.reference, parts));
        let count = exact.len();
        exact.extend(folded);
        (exact, count)
    }
}

/// The look-up tables, shared by all snapshots of the same content.
#[derive(Debug, Default)]
pub(super) struct Names {
    tables: Vec<Arc<TableEntry>>,
    by_reference: HashMap<TableRef, u32>,
    by_suffix: HashMap<String, Vec<u32>>,
    referencing: HashMap<TableRef, Vec<u32>>,
}

impl Names {
    pub(super) fn new(mut tables: Vec<Arc<TableEntry>>) -> Self {
        tables.sort_by(|a, b| a.reference.cmp(&b.reference));
        let mut names = Self::default();
        for (at, table) in (0_u32..).zip(&tables) {
            let reference = &table.reference;
            names.by_reference.entry(reference.clone()).or_insert(at);
            let parts = [&*reference.source, &*reference.schema, &*reference.table];
            for from in 0..parts.len() {
                names.by_suffix.entry(suffix_key(&parts[from..])).or_default().push(at);
            }
            // Most sources show one schema, and people leave it out.
            let short = [parts[0], parts[2]];
            if parts[0] != parts[1] {
                names.by_suffix.entry(suffix_key(&short)).or_default().push(at);
            }
            for key in &table.description.foreign_keys {
                let (schema, name) = (&*key.referenced_schema, &*key.referenced_table);
                let target = TableRef::new(&reference.source, schema, name);
                let referencing = names.referencing.entry(target).or_default();
                if referencing.last() != Some(&at) {
                    referencing.push(at);
                }
            }
        }
        names.tables = tables;
        names
    }
}

/// The key of a name's suffix: lower case, and parts cannot run into each other.
fn suffix_key(parts: &[&str]) -> String {
    let mut key = String::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
    for part in parts {
        if part.is_ascii() {
            key.extend(part.chars().map(|c| c.to_ascii_lowercase()));
        } else {
            key.push_str(&part.to_lowercase());
        }
        key.push('\0');
    }
    key
}

fn is_exact(table: &TableRef, parts: &[&str]) -> bool {
    let full = [&*table.source, &*table.schema, &*table.table];
    full.ends_with(parts) || [full[0], full[2]] == *parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ForeignKey, TableDescription};

    fn entry(name: &str, references: &[&str]) -> Arc<TableEntry> {
        let parts: Vec<&str> = name.split('.').collect();
        let foreign_keys = references.iter().map(|table| ForeignKey {
            columns: vec!["x".into()],
            referenced_schema: "main".into(),
            referenced_table: (*table).into(),
            referenced_columns: vec!["id".into()],
        });
        Arc::new(TableEntry {
            reference: TableRef::new(parts[0], parts[1], parts[2]),
            description: Arc::new(TableDescription {
                schema: parts[1].into(),
                name: parts[2].into(),
                foreign_keys: foreign_keys.collect(),
                ..Default::default()
            }),
        })
    }

    fn snapshot() -> Snapshot {
        let tables = vec![
            entry("shop.main.orders", &["Customers", "Customers"]),
            entry("shop.main.Customers", &[]),
            entry("shop.main.customers", &[]),
            entry("erp.SALES.ORDERS", &[]),
            entry("erp.SALES.Straße", &[]),
        ];
        Snapshot::new(1, vec![], Arc::new(Names::new(tables)), Arc::default())
    }

    fn names(tables: &[Arc<TableEntry>]) -> Vec<String> {
        tables.iter().map(|table| table.reference.to_string()).collect()
    }

    #[test]
    fn exact_case_wins_and_nothing_is_lost() {
        let snapshot = snapshot();
        assert_eq!(snapshot.tables().len(), 5);
        let all = |_: &TableEntry| true;
        assert_eq!(names(&snapshot.resolve(&["customers"], all)), ["shop.main.customers"]);
        assert_eq!(names(&snapshot.resolve(&["Customers"], all)), ["shop.main.Customers"]);
        assert_eq!(snapshot.resolve(&["CUSTOMERS"], all).len(), 2);
        assert_eq!(names(&snapshot.resolve(&["sales", "orders"], all)), ["erp.SALES.ORDERS"]);
        assert_eq!(names(&snapshot.resolve(&["straße"], all)), ["erp.SALES.Straße"]);
        assert_eq!(
            names(&snapshot.resolve(&["SHOP", "main", "orders"], all)),
            ["shop.main.orders"]
        );
    }

    #[test]
    fn candidates_put_the_exact_spelling_first() {
        let found = names(&snapshot().candidates(&["orders"]));
        assert_eq!(found, ["shop.main.orders", "erp.SALES.ORDERS"]);
    }

    #[test]
    fn a_hidden_exact_match_does_not_shadow_a_visible_one() {
        let snapshot = snapshot();
        let visible = |table: &TableEntry| &*table.reference.table != "orders";
        assert_eq!(names(&snapshot.resolve(&["orders"], visible)), ["erp.SALES.ORDERS"]);
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let snapshot = snapshot();
        for parts in
            [&["shop.main.orders"][..], &[], &["a", "shop", "main", "orders"], &["", "orders"]]
        {
            assert!(snapshot.candidates(parts).is_empty(), "{parts:?}");
        }
    }

    #[test]
    fn references_are_found_backwards() {
        let snapshot = snapshot();
        let customers = TableRef::new("shop", "main", "Customers");
        assert_eq!(names(&snapshot.referencing(&customers)), ["shop.main.orders"]);
        assert!(snapshot.referencing(&TableRef::new("shop", "main", "customers")).is_empty());
        assert!(snapshot.get(&customers).is_some());
        assert!(snapshot.get(&TableRef::new("shop", "main", "CUSTOMERS")).is_none());
    }
}
