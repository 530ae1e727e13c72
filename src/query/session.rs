//! The snapshots one request works on, and what its caller may see in them.

use super::describe::Seen;
use super::known::Knowledge;
use super::meanings::{Meanings, Offered, VIEWS, expand};
use super::prepared::Plans;
use crate::catalog::{Index, IndexName, Indexes, Snapshot, SourceState, VisibleTable};
use crate::error::{Code, Error, Result};
use crate::model::{Principal, TableEntry, TableRef};
use crate::policy::{Grant, Rules, decide};
use celosia_connector_api::{ConnectorError, ErrorCode};
use parking_lot::Mutex;
use sqlparser::ast::Statement;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// A table and what its caller may see of it.
pub(super) type Visible = (Arc<TableEntry>, Arc<Grant>);

/// What one caller may see under one policy and one catalog. Shared by the caller's requests.
#[derive(Debug)]
pub(super) struct View {
    principal: Principal,
    rules: Arc<Rules>,
    snapshot: Arc<Snapshot>,
    grants: Mutex<HashMap<TableRef, Option<Arc<Grant>>>>,
    all: OnceLock<Arc<Vec<Visible>>>,
    indexes: Arc<Indexes>,
    index: Mutex<Option<(u64, IndexName)>>,
    plans: Plans,
    meanings: Arc<Meanings>,
    offered: OnceLock<Offered>,
    knowledge: OnceLock<Knowledge>,
    seen: Mutex<HashMap<TableRef, Arc<Seen>>>,
}

impl View {
    fn new(
        principal: Principal,
        rules: Arc<Rules>,
        snapshot: Arc<Snapshot>,
        meanings: Arc<Meanings>,
        indexes: Arc<Indexes>,
    ) -> Self {
        Self {
            principal,
            rules,
            snapshot,
            grants: Mutex::default(),
            all: OnceLock::new(),
            indexes,
            index: Mutex::default(),
            plans: Plans::new(),
            meanings,
            offered: OnceLock::new(),
            knowledge: OnceLock::new(),
            seen: Mutex::default(),
        }
    }

    /// What is defined over the catalog, whoever may see it.
    pub(super) fn meanings(&self) -> &Meanings {
        &self.meanings
    }

    /// What of that the caller may see.
    pub(super) fn offered(&self) -> &Offered {
        self.offered.get_or_init(|| self.meanings.offered(self))
    }

    /// The catalog this view is over.
    pub(super) fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// The policy this view was decided by.
    pub(super) fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// The caller.
    pub(super) fn principal(&self) -> &Principal {
        &self.principal
    }

    /// What the caller may see of a table; `None` where it is hidden.
    pub(super) fn grant(&self, entry: &TableEntry) -> Option<Arc<Grant>> {
        if let Some(known) = self.grants.lock().get(&entry.reference) {
            return known.clone();
        }
        let grant = decide(&self.rules, &self.principal, entry).map(Arc::new);
        self.grants.lock().insert(entry.reference.clone(), grant.clone());
        grant
    }

    /// The words of that.
    pub(super) fn knowledge(&self) -> &Knowledge {
        self.knowledge.get_or_init(|| Knowledge::of(self))
    }

    /// Values that the caller was shown of a table, if they were asked for.
    pub(super) fn seen(&self, table: &TableRef) -> Option<Arc<Seen>> {
        self.seen.lock().get(table).cloned()
    }

    /// Keeps them for as long as policy, catalog and caller are the same.
    pub(super) fn keep_seen(&self, table: TableRef, seen: Arc<Seen>) {
        const MOST: usize = 1_000;
        let mut kept = self.seen.lock();
        if kept.len() < MOST {
            kept.insert(table, seen);
        }
    }

    /// The curated view that a name means, by its place. A table that the caller may see comes first.
    pub(super) fn curated(&self, parts: &[String]) -> Option<usize> {
        let views = &self.offered().views;
        let name = parts.last().filter(|_| !views.is_empty())?;
        let before = &parts[..parts.len() - 1];
        if !VIEWS.ends_with(&before.iter().map(String::as_str).collect::<Vec<_>>()) {
            return None;
        }
        let semantics = &self.meanings.semantics;
        let found = views.iter().find(|at| semantics.views()[**at].defined.name == *name)?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let tables = self.snapshot.resolve(&parts, |entry| self.grant(entry).is_some());
        tables.is_empty().then_some(*found)
    }

    /// Puts the curated views that a statement names in their places.
    ///
    /// # Errors
    /// `TooComplex`.
    pub(super) fn expand(&self, ast: &mut Statement) -> Result<()> {
        if self.offered().views.is_empty() {
            return Ok(());
        }
        expand(ast, |parts| {
            let at = self.curated(parts)?;
            let name = self.meanings.semantics.views()[at].defined.name.clone();
            Some((name, Box::new(self.meanings.query(at)?.clone())))
        })
    }

    /// Every table the caller may see, sorted by name.
    pub(super) fn tables(&self) -> Arc<Vec<Visible>> {
        self.all
            .get_or_init(|| {
                let tables = self.snapshot.tables().iter();
                Arc::new(tables.filter_map(|t| Some((t.clone(), self.grant(t)?))).collect())
            })
            .clone()
    }

    /// The plans kept for this caller.
    pub(super) fn plans(&self) -> &Plans {
        &self.plans
    }

    /// The search index over those tables: made on first use, when there are other values, and when it was not asked
    /// for so long that it is not kept any more. Whoever sees the same has the same.
    pub(super) fn index(&self, values: u64, visible: impl FnOnce() -> Vec<VisibleTable>) -> Index {
        let mut known = self.index.lock();
        if let Some((version, name)) = &*known
            && *version == values
            && let Some(index) = self.indexes.again(name)
        {
            return index;
        }
        let index = self.indexes.of(&visible());
        *known = Some((values, index.name()));
        index
    }

    /// The one visible table that a name of one to three parts means.
    ///
    /// # Errors
    /// `UnknownName` in the same words for a hidden and an absent table; `InvalidStatement` where the
    /// name fits several visible tables.
    pub(super) fn resolve(&self, parts: &[&str]) -> Result<(Arc<TableEntry>, Arc<Grant>)> {
        let found = self.snapshot.resolve(parts, |entry| self.grant(entry).is_some());
        match found.as_slice() {
            [entry] => match self.grant(entry) {
                Some(grant) => Ok((entry.clone(), grant)),
                None => Err(self.unknown(parts)),
            },
            [] => Err(match parts {
                [source, _, ..] => self.absent(source).unwrap_or_else(|| self.unknown(parts)),
                _ => self.unknown(parts),
            }),
            several => {
                let names: Vec<String> = several.iter().map(|t| t.reference.to_string()).collect();
                Err(Error::new(
                    Code::InvalidStatement,
                    format!("table name \"{}\" fits several tables", parts.join(".")),
                )
                .with_hint(format!("write one of: {}", names.join(", "))))
            }
        }
    }

    /// The error for a source that has not said yet what it holds, if the caller's roles may open
    /// something there.
    pub(super) fn absent(&self, name: &str) -> Option<Error> {
        let absent = self.snapshot.sources().iter().find(|source| {
            source.described_at.is_none() && source.name.eq_ignore_ascii_case(name)
        })?;
        if !self.rules.may_open(&self.principal, &absent.name) {
            return None;
        }
        let code = match absent.state {
            SourceState::Down { code, .. } => code,
            _ => ErrorCode::Unreachable,
        };
        let error = ConnectorError::new(code, "the source has not been described yet");
        Some(Error::from_source(&absent.name, error))
    }

    fn unknown(&self, parts: &[&str]) -> Error {
        const MOST: usize = 3;
        let name = parts.join(".");
        let tables = self.tables();
        let (last, before) = match parts.split_last() {
            Some((last, before)) => (*last, before),
            None => ("", parts),
        };
        let near = crate::catalog::nearest(
            last,
            tables.iter().map(|(table, _)| &*table.reference.table),
            MOST,
        );
        // The nearest first, and of one name those where it was looked for.
        let mut found: Vec<(usize, bool, String)> = Vec::new();
        for (table, _) in tables.iter() {
            let TableRef { source, schema, table } = &table.reference;
            let Some(place) = near.iter().position(|near| **near == **table) else { continue };
            let asked = |part: &str| before.iter().any(|b| b.eq_ignore_ascii_case(part));
            found.push((
                place,
                !(asked(source) || asked(schema)),
                format!("{source}.{schema}.{table}"),
            ));
        }
        found.sort();
        found.truncate(MOST);
        let near: Vec<&str> = found.iter().map(|(_, _, name)| name.as_str()).collect();
        let hint = if near.is_empty() && last.eq_ignore_ascii_case("generate_series") {
            "functions are no tables here: write WITH RECURSIVE n AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM n \
             WHERE n < 10), or DATE '2024-01-01' AS d and d + 1"
                .to_string()
        } else if near.is_empty() {
            "the search and describe tools list the tables that are open to you".to_string()
        } else {
            format!("did you mean {}?", near.join(", "))
        };
        Error::new(
            Code::UnknownName,
            format!("table \"{name}\" does not exist or is not open to you"),
        )
        .with_hint(hint)
    }
}

/// The views of the callers of late, by caller, policy, catalog and semantics.
#[derive(Debug)]
pub(super) struct Views {
    recent: moka::sync::Cache<(Principal, String, u64, String), Arc<View>>,
    indexes: Arc<Indexes>,
}

impl Views {
    pub(super) fn new() -> Self {
        const CALLERS: u64 = 1_000;
        Self { recent: moka::sync::Cache::new(CALLERS), indexes: Arc::default() }
    }

    /// The caller's view of these snapshots.
    pub(super) fn of(
        &self,
        principal: &Principal,
        rules: &Arc<Rules>,
        snapshot: &Arc<Snapshot>,
        meanings: &Arc<Meanings>,
    ) -> Arc<View> {
        let policy = rules.version().to_string();
        let semantics = meanings.semantics.version().to_string();
        let key = (principal.clone(), policy, snapshot.version(), semantics);
        self.recent.get_with(key, || {
            let (rules, snapshot, meanings) = (rules.clone(), snapshot.clone(), meanings.clone());
            let indexes = self.indexes.clone();
            Arc::new(View::new(principal.clone(), rules, snapshot, meanings, indexes))
        })
    }
}
