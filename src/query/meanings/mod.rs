//! The semantic layer over the catalog as it is: what each definition needs, and who may see that.
//!
//! A definition is compiled once for a catalog, over bare schemas: no policy has a part in it, and nothing
//! runs. What comes of it is the columns it needs. A caller who lacks one of them does not find the definition, whatever it is:
//! it is as absent as one that was never written.

mod compile;
mod expand;
mod needs;

pub(super) use compile::metric_sql;
pub(super) use expand::expand;

use super::planner::Planner;
use super::session::View;
use super::supervise::STACK_BYTES;
use crate::catalog::Snapshot;
use crate::error::{Error, Result};
use crate::model::{Attribute, Principal, TableEntry, TableRef};
use crate::policy::Grant;
use crate::semantics::{ColumnRef, Defined, Semantics, SemanticsError};
use compile::{Compiled, Compiler};
use needs::Needs;
use serde_json::Value as Json;
use sqlparser::ast::Query;
use std::sync::Arc;

/// The source and schema that views are named below.
pub(super) const VIEWS: [&str; 2] = ["celosia", "views"];

/// The definitions of a semantic layer over one catalog. What does not fit it is absent.
#[derive(Debug)]
pub(super) struct Meanings {
    /// The files' content.
    pub(super) semantics: Arc<Semantics>,
    catalog: Option<u64>,
    metrics: Vec<Option<Compiled>>,
    verified: Vec<Option<Compiled>>,
    views: Vec<Option<Compiled>>,
    tools: Vec<Option<Compiled>>,
    errors: Vec<SemanticsError>,
}

/// What of the definitions a caller may see, by their places in the files.
#[derive(Debug, Default)]
pub(super) struct Offered {
    pub(super) metrics: Vec<usize>,
    pub(super) terms: Vec<usize>,
    pub(super) verified: Vec<usize>,
    pub(super) views: Vec<usize>,
    pub(super) tools: Vec<usize>,
}

impl Meanings {
    /// No definitions.
    pub(super) fn none() -> Self {
        Self::bare(Arc::default(), None)
    }

    /// The definitions over a catalog.
    pub(super) fn over(planner: &Planner, semantics: &Arc<Semantics>, snapshot: &Snapshot) -> Self {
        let mut meanings = Self::bare(semantics.clone(), Some(snapshot.version()));
        meanings.compile(planner, snapshot.tables(), &snapshot.absent_sources());
        for error in &meanings.errors {
            tracing::warn!(%error, "a definition does not fit the catalog any more; it is left out");
        }
        meanings
    }

    fn bare(semantics: Arc<Semantics>, catalog: Option<u64>) -> Self {
        let none = Vec::new;
        let (metrics, verified, views, tools) = (none(), none(), none(), none());
        Self { semantics, catalog, metrics, verified, views, tools, errors: Vec::new() }
    }

    /// Whether these are the definitions of `semantics` over `snapshot`.
    pub(super) fn is_of(&self, semantics: &Arc<Semantics>, snapshot: &Snapshot) -> bool {
        Arc::ptr_eq(&self.semantics, semantics) && self.catalog == Some(snapshot.version())
    }

    fn compile(&mut self, planner: &Planner, tables: &[Arc<TableEntry>], absent: &[Arc<str>]) {
        let semantics = self.semantics.clone();
        let mut compiler = Compiler::new(planner, tables, absent);
        if has_no_statement(&semantics) {
            return;
        }
        // The parser and the planner recurse.
        let compiled = std::thread::scope(|scope| {
            let work = || -> [Vec<Outcome>; 4] {
                let views = semantics.views().iter().map(|view| compiler.view(view)).collect();
                let compiler = &compiler;
                let metrics = semantics.metrics().iter().map(|metric| compiler.metric(metric));
                let verified = semantics.verified().iter();
                let verified = verified.map(|v| compiler.statement(&v.defined, &v.sql, &[]));
                let tools = semantics.tools().iter().map(|tool| compiler.tool(tool));
                [views, metrics.collect(), verified.collect(), tools.collect()]
            };
            let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
            thread.spawn_scoped(scope, work).ok().and_then(|thread| thread.join().ok())
        });
        let Some([views, metrics, verified, tools]) = compiled else {
            tracing::error!("the semantic layer cannot be compiled; its statements are left out");
            return;
        };
        self.views = self.kept(views);
        self.metrics = self.kept(metrics);
        self.verified = self.kept(verified);
        self.tools = self.kept(tools);
    }

    fn kept(&mut self, compiled: Vec<Outcome>) -> Vec<Option<Compiled>> {
        let outcome = |compiled: Outcome| match compiled {
            Ok(compiled) => compiled,
            Err(error) => {
                self.errors.push(error);
                None
            }
        };
        compiled.into_iter().map(outcome).collect()
    }

    /// What a caller may see.
    pub(super) fn offered(&self, view: &View) -> Offered {
        let who = view.principal();
        let may = |defined: &Defined, compiled: Option<&Option<Compiled>>| {
            let compiled = compiled.and_then(Option::as_ref);
            is_for(defined, who) && compiled.is_some_and(|compiled| sees(view, &compiled.needs))
        };
        let (s, places) = (&self.semantics, |count: usize| 0..count);
        let metric = |at: &usize| may(&s.metrics()[*at].defined, self.metrics.get(*at));
        let verified = |at: &usize| may(&s.verified()[*at].defined, self.verified.get(*at));
        let curated = |at: &usize| may(&s.views()[*at].defined, self.views.get(*at));
        let tool = |at: &usize| {
            let tool = &s.tools()[*at];
            may(&tool.defined, self.tools.get(*at)) && tool.fits(|name| attribute(who, name))
        };
        let term = |at: &usize| {
            let term = &s.glossary()[*at];
            is_for(&term.defined, who)
                && term.tables.iter().all(|table| column_grant(view, table).is_some())
                && term.columns.iter().all(|column| sees_column(view, column))
        };
        Offered {
            metrics: places(s.metrics().len()).filter(metric).collect(),
            terms: places(s.glossary().len()).filter(term).collect(),
            verified: places(s.verified().len()).filter(verified).collect(),
            views: places(s.views().len()).filter(curated).collect(),
            tools: places(s.tools().len()).filter(tool).collect(),
        }
    }

    /// A view's statement, its own views in place.
    pub(super) fn query(&self, view: usize) -> Option<&Query> {
        self.views.get(view)?.as_ref()?.query.as_deref()
    }

    /// Name and type of a view's columns where nothing is masked.
    pub(super) fn view_columns(&self, view: usize) -> &[(String, String)] {
        columns(&self.views, view)
    }

    /// Name and type of the columns of a tool's answer where nothing is masked.
    pub(super) fn tool_columns(&self, tool: usize) -> &[(String, String)] {
        columns(&self.tools, tool)
    }

    /// The tables that a view reads.
    pub(super) fn view_tables(&self, view: usize) -> impl Iterator<Item = &TableRef> {
        tables(&self.views, view)
    }

    /// The tables that a verified statement reads.
    pub(super) fn verified_tables(&self, verified: usize) -> impl Iterator<Item = &TableRef> {
        tables(&self.verified, verified)
    }
}

/// One definition: absent where its source has not said yet what it holds.
type Outcome = std::result::Result<Option<Compiled>, SemanticsError>;

/// Bytes for planning; nothing runs.
const PLANNING: usize = 16 << 20;

/// What is wrong with the statements of a semantic layer over these tables. A statement over an absent
/// source may be right.
///
/// # Errors
/// There is no planner.
pub fn check_semantics(
    semantics: &Arc<Semantics>,
    tables: &[Arc<TableEntry>],
    absent: &[Arc<str>],
) -> Result<Vec<SemanticsError>> {
    if has_no_statement(semantics) {
        return Ok(Vec::new());
    }
    let planner = Planner::new(PLANNING, 0).map_err(|error| Error::internal(error.to_string()))?;
    let mut meanings = Meanings::bare(semantics.clone(), None);
    meanings.compile(&planner, tables, absent);
    let mut errors = std::mem::take(&mut meanings.errors);
    if !semantics.views().is_empty()
        && tables.iter().any(|table| table.reference.source.eq_ignore_ascii_case(VIEWS[0]))
    {
        let first = semantics.views().iter().take(1);
        errors.extend(first.map(|view| {
            view.defined.error("views are named below celosia, which is the name of a source here")
        }));
    }
    SemanticsError::sort(&mut errors);
    Ok(errors)
}

fn has_no_statement(semantics: &Semantics) -> bool {
    semantics.views().is_empty()
        && semantics.metrics().is_empty()
        && semantics.verified().is_empty()
        && semantics.tools().is_empty()
}

fn columns(compiled: &[Option<Compiled>], at: usize) -> &[(String, String)] {
    compiled.get(at).and_then(Option::as_ref).map_or(&[], |compiled| &compiled.columns)
}

fn tables(compiled: &[Option<Compiled>], at: usize) -> impl Iterator<Item = &TableRef> {
    let compiled = compiled.get(at).and_then(Option::as_ref);
    compiled.into_iter().flat_map(|compiled| compiled.needs.tables.keys())
}

fn is_for(defined: &Defined, who: &Principal) -> bool {
    defined.roles.is_empty() || defined.roles.iter().any(|role| who.has_role(role))
}

/// Whether the caller may see every column of `needs`, masked or not.
fn sees(view: &View, needs: &Needs) -> bool {
    needs.tables.iter().all(|(table, columns)| {
        column_grant(view, table).is_some_and(|(entry, grant)| {
            columns.iter().all(|column| has_column(&entry, &grant, column))
        })
    })
}

/// Whether the caller may see a column.
pub(super) fn sees_column(view: &View, column: &ColumnRef) -> bool {
    column_grant(view, &column.table)
        .is_some_and(|(entry, grant)| has_column(&entry, &grant, &column.column))
}

fn column_grant(view: &View, table: &TableRef) -> Option<(Arc<TableEntry>, Arc<Grant>)> {
    let entry = view.snapshot().get(table)?.clone();
    let grant = view.grant(&entry)?;
    Some((entry, grant))
}

fn has_column(entry: &TableEntry, grant: &Grant, column: &str) -> bool {
    grant
        .columns()
        .iter()
        .any(|c| !c.is_counted() && entry.description.columns[c.column()].name == column)
}

/// An attribute of the caller as a parameter.
pub(super) fn attribute(who: &Principal, name: &str) -> Option<Json> {
    who.attributes().get(name).map(value)
}

fn value(attribute: &Attribute) -> Json {
    match attribute {
        Attribute::Text(text) => text.clone().into(),
        Attribute::Integer(number) => (*number).into(),
        Attribute::Boolean(value) => (*value).into(),
        Attribute::List(items) => items.iter().map(value).collect::<Vec<_>>().into(),
    }
}
