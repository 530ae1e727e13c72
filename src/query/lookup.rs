//! What there is, as a caller may see it: tables, sources, and what a question needs.

use super::describe::{self, Describer, Seen};
use super::engine::Engine;
use super::find::is_wholly_open;
use super::request::{DescribeRequest, QueryRequest, Reply, VisibleName};
use super::run::Trail;
use super::scan_plan::virtual_name;
use super::session::View;
use crate::error::{Error, Result};
use crate::model::{Outcome, Principal, TableEntry, TableKind, TableRef};
use crate::policy::{ColumnGrant, Grant};
use crate::results::render;
use serde_json::Value as Json;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Rows that are read for their values, columns of them, and the longest that it may take.
const ROWS: usize = 20;
const MOST_COLUMNS: usize = 60;
const PATIENCE: Duration = Duration::from_secs(10);
/// Masks whose values say nothing.
const SILENT: [&str; 3] = ["null", "redact", "constant"];

impl Engine {
    /// One table or source, as the caller may see it, without any value of it.
    ///
    /// # Errors
    /// `UnknownName` in the same words for what is hidden and what is absent.
    pub fn describe(&self, principal: &Principal, name: &str) -> Result<Reply> {
        let view = self.core.view(principal);
        describe::describe(&self.describer(&view), name)
    }

    /// Tables, a source, or what a question needs, with some values; so it is recorded before and after, as
    /// a query is.
    ///
    /// # Errors
    /// `UnknownName` in the same words for what is hidden and what is absent; the audit cannot be written.
    pub async fn describe_with_values(
        &self,
        principal: &Principal,
        request: DescribeRequest,
    ) -> Result<Reply> {
        let started = Instant::now();
        let view = self.core.view(principal);
        let trail = Trail::new(self.core.intent(&view, &request.client, "describe"));
        let intent = trail.intent.lock().clone();
        match self.core.audit.open(intent).await {
            Ok(open) => *trail.open.lock() = Some(open),
            Err(error) => return Err(Error::audit_unavailable(error.to_string())),
        }
        let values = &self.core.values;
        values.first().await;
        let mut describer = Describer { values: Some(values), ..self.describer(&view) };
        describer.seen = self.seen(&view, &describe::named(&describer, values, &request)).await;
        match describe::answer(&describer, values, &request) {
            Ok(reply) => {
                let _receipt = self.core.close(&trail, started, &mut Outcome::default()).await?;
                Ok(reply)
            }
            Err(error) => Err(self.core.failed(&trail, started, error).await),
        }
    }

    /// Values of tables that are not wholly open, as the caller sees them: by a statement of the caller's for each.
    pub(super) async fn seen(
        &self,
        view: &Arc<View>,
        tables: &[(Arc<TableEntry>, Arc<Grant>)],
    ) -> HashMap<TableRef, Arc<Seen>> {
        let until = Instant::now() + PATIENCE;
        let mut found = HashMap::new();
        for (entry, grant) in tables {
            let is_open = |granted: &ColumnGrant| is_wholly_open(grant, granted.column());
            // What a view costs is not known beforehand, however few of its rows are read.
            let is_table = entry.description.kind == TableKind::Table;
            if !is_table || grant.columns().iter().all(is_open) {
                continue;
            }
            let table = entry.reference.clone();
            let seen = match view.seen(&table) {
                Some(seen) => seen,
                None => {
                    let work = Box::pin(self.ask_for_values(view, entry, grant));
                    match tokio::time::timeout_at(until.into(), work).await {
                        Ok(Some(seen)) => Arc::new(seen),
                        // Asked for again the next time.
                        Ok(None) | Err(_) => continue,
                    }
                }
            };
            view.keep_seen(table.clone(), seen.clone());
            found.insert(table, seen);
        }
        found
    }

    async fn ask_for_values(
        &self,
        view: &Arc<View>,
        entry: &TableEntry,
        grant: &Grant,
    ) -> Option<Seen> {
        let columns = grant.columns().iter().filter(|granted| {
            let says = granted.declared_mask().is_none_or(|mask| !SILENT.contains(&mask.name()));
            let values = !granted.is_counted() && granted.aggregate_only().is_none();
            says && values && !is_wholly_open(grant, granted.column())
        });
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let columns: Vec<String> = columns
            .take(MOST_COLUMNS)
            .map(|granted| quoted(&virtual_name(grant, entry, granted.column())))
            .collect();
        if columns.is_empty() {
            return Some(Seen::default());
        }
        let TableRef { source, schema, table } = &entry.reference;
        let table = [source, schema, table].map(|part| quoted(part)).join(".");
        let sql = format!("SELECT {} FROM {table} LIMIT {ROWS}", columns.join(", "));
        let request = QueryRequest { sql, limit: Some(ROWS), ..QueryRequest::default() };
        let cancel = CancellationToken::new();
        let _stopped = cancel.clone().drop_guard();
        let answer = self.run(view.clone(), request, cancel, "describe").await.ok()?;
        let rendered = render(&answer.page).ok()?.structured;
        let rows = rendered["rows"].as_array()?;
        let columns = answer.page.columns.iter().enumerate();
        let values = columns.map(|(at, column)| (column.name.clone(), first(rows, at)));
        Some(Seen(values.collect()))
    }

    /// Every table the caller may see.
    pub fn visible_tables(&self, principal: &Principal) -> Vec<VisibleName> {
        describe::names(&self.describer(&self.core.view(principal)))
    }

    pub(super) fn describer<'a>(&'a self, view: &'a Arc<View>) -> Describer<'a> {
        let redactor = self.core.results.redactor();
        Describer {
            view: view.clone(),
            semantics: &view.meanings().semantics,
            redactor: redactor.applies_to(view.principal()).then_some(redactor),
            values: None,
            withheld: None,
            seen: HashMap::new(),
        }
    }
}

/// The first different values of a column, short ones.
fn first(rows: &[Json], column: usize) -> Vec<String> {
    const MOST: usize = 3;
    const LENGTH: usize = 40;
    let mut found: Vec<String> = Vec::with_capacity(MOST);
    for row in rows {
        let value = match &row[column] {
            Json::Null => continue,
            Json::String(text) => text.chars().take(LENGTH).collect(),
            other => other.to_string(),
        };
        if !found.contains(&value) {
            found.push(value);
        }
        if found.len() == MOST {
            break;
        }
    }
    found
}
