//! Some values of every table, for the search alone. They are read in the sources' read-only sessions, a
//! few rows of each table, and stay in the process. Who finds them is decided for each caller when an index
//! is made.

use crate::catalog::{Catalog, Samples, SourceState, read_samples};
use crate::model::{TableEntry, TableKind, TableRef};
use parking_lot::RwLock;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::watch;

/// Different values of a column that are kept.
const VALUES_A_COLUMN: usize = 20;
/// Characters of a value; longer ones are texts, not names of things.
const LONGEST: usize = 60;
/// The longest that a search waits for the first values.
const PATIENCE: Duration = Duration::from_secs(2);

/// The values that are known so far.
#[derive(Debug, Default)]
pub(super) struct Values {
    version: AtomicU64,
    tables: RwLock<HashMap<TableRef, Known>>,
    /// How often all sources were asked; set where they are asked at all.
    reading: OnceLock<watch::Sender<u64>>,
}

/// The values of a table as it was described when they were read.
struct Known {
    of: Arc<TableEntry>,
    columns: Vec<Vec<Arc<str>>>,
    /// The first different values of each column, whatever they are.
    first: Vec<Vec<String>>,
}

/// Never the values.
impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "values of {} columns", self.columns.len())
    }
}

impl Values {
    /// Another one when there are other values.
    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The values of the columns of a table that `is_open` names.
    pub(super) fn of(
        &self,
        entry: &TableEntry,
        is_open: impl Fn(usize) -> bool,
    ) -> Vec<(usize, Arc<str>)> {
        let tables = self.tables.read();
        let Some(known) = tables.get(&entry.reference) else { return Vec::new() };
        if !is_same(&known.of, entry) {
            return Vec::new();
        }
        let columns = known.columns.iter().enumerate().filter(|(column, _)| is_open(*column));
        columns
            .flat_map(|(at, values)| values.iter().map(move |value| (at, value.clone())))
            .collect()
    }

    /// The first different values of a column, for somebody who may see every cell of it.
    pub(super) fn samples(&self, entry: &TableEntry, column: usize) -> Vec<String> {
        let tables = self.tables.read();
        let known = tables.get(&entry.reference).filter(|known| is_same(&known.of, entry));
        known.and_then(|known| known.first.get(column)).cloned().unwrap_or_default()
    }

    /// Reads up to `rows` rows of every table that is new or another. All sources at once, and the
    /// tables of one after another; a source that is down is left for the next time.
    pub(super) async fn refresh(&self, catalog: &Catalog, rows: u64) {
        let snapshot = catalog.snapshot();
        let shown: HashSet<&TableRef> = snapshot.tables().iter().map(|t| &t.reference).collect();
        self.tables.write().retain(|table, _| shown.contains(table));
        let up = snapshot.sources().iter().filter(|source| source.state == SourceState::Up);
        let sources = up.map(|source| async {
            let mut any = false;
            // What a view costs is not known beforehand, however few of its rows are read.
            let of_source = |t: &&Arc<TableEntry>| {
                t.reference.source == source.name && t.description.kind == TableKind::Table
            };
            for table in snapshot.tables().iter().filter(of_source) {
                any |= self.refresh_table(catalog, table, rows).await;
            }
            if any {
                self.version.fetch_add(1, Ordering::AcqRel);
            }
        });
        futures::future::join_all(sources).await;
        if let Some(reading) = self.reading.get() {
            reading.send_modify(|passes| *passes += 1);
        }
    }

    /// Whether there is anything new.
    async fn refresh_table(&self, catalog: &Catalog, table: &Arc<TableEntry>, rows: u64) -> bool {
        if self.tables.read().get(&table.reference).is_some_and(|known| is_same(&known.of, table)) {
            return false;
        }
        // The table is not asked for again until it is described anew, also where it does not answer.
        let samples = read_samples(catalog, table, rows).await.unwrap_or_default();
        let count = table.description.columns.len();
        let columns = kept(&samples, count);
        let is_new = columns.iter().any(|values| !values.is_empty());
        let known = Known { of: table.clone(), columns, first: first(&samples, count) };
        self.tables.write().insert(table.reference.clone(), known);
        is_new
    }

    /// Waits until all sources were asked once, where they are asked at all, but not for long.
    pub(super) async fn first(&self) {
        if let Some(mut passes) = self.reading.get().map(watch::Sender::subscribe) {
            let _ = tokio::time::timeout(PATIENCE, passes.wait_for(|passes| *passes > 0)).await;
        }
    }

    /// Says that values are going to be read.
    pub(super) fn announce(&self) {
        let _ = self.reading.set(watch::channel(0).0);
    }
}

/// The first different values of each column, the long ones cut.
fn first(samples: &Samples, columns: usize) -> Vec<Vec<String>> {
    const MOST: usize = 3;
    const LENGTH: usize = 40;
    let of_column = |column| {
        let mut seen: Vec<String> = Vec::with_capacity(MOST);
        for value in samples.of(column).iter().filter(|value| !value.trim().is_empty()) {
            let value: String = value.chars().take(LENGTH).collect();
            if !seen.contains(&value) {
                seen.push(value);
            }
            if seen.len() == MOST {
                break;
            }
        }
        seen
    };
    (0..columns).map(of_column).collect()
}

fn is_same(a: &Arc<TableEntry>, b: &TableEntry) -> bool {
    std::ptr::eq(&**a, b) || Arc::ptr_eq(&a.description, &b.description) || {
        let names = |t: &TableEntry| -> Vec<String> {
            t.description.columns.iter().map(|c| format!("{} {}", c.name, c.native_type)).collect()
        };
        names(a) == names(b)
    }
}

/// Different values that may be names of things: they have a letter, or are numbers of four digits.
fn kept(samples: &Samples, columns: usize) -> Vec<Vec<Arc<str>>> {
    let of_column = |column| {
        let mut seen = HashSet::new();
        let fits = |value: &&String| {
            let telling = value.chars().any(char::is_alphabetic) || value.len() >= 4;
            telling && value.chars().count() <= LONGEST
        };
        let values = samples.of(column).iter().filter(fits);
        let values = values.filter(|value| seen.insert(*value)).take(VALUES_A_COLUMN);
        values.map(|value| value.as_str().into()).collect()
    };
    (0..columns).map(of_column).collect()
}
