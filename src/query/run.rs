//! One statement, straight through: parse, resolve, record the intent, plan, run, collect.

use super::collect::{Cap, Collected, collect};
use super::context::QueryContext;
use super::engine::Core;
use super::inspect::{self, Effects};
use super::planner::Tables;
use super::request::{Explanation, QueryRequest};
use super::session::View;
use super::statement::Statement;
use super::supervise::with_deadline;
use super::{failure, names, parameters};
use crate::audit::{Intent, OpenRecord};
use crate::error::{Error, Result};
use crate::model::{ColumnInfo, Lineage, Outcome};
use datafusion::physical_plan::{ExecutionPlan, displayable, execute_stream};
use parking_lot::Mutex;
use sqlparser::ast::Statement as Ast;
use std::sync::Arc;
use std::time::Instant;

/// What the audit knows of a running request; outlives the work if that is given up.
#[derive(Debug)]
pub(super) struct Trail {
    /// What is being asked, completed as it becomes known.
    pub(super) intent: Mutex<Intent>,
    /// The open record, once the intent is durable.
    pub(super) open: Mutex<Option<OpenRecord>>,
    /// What the sources did, once something runs.
    pub(super) context: Mutex<Option<Arc<QueryContext>>>,
}

impl Trail {
    pub(super) fn new(intent: Intent) -> Arc<Self> {
        Arc::new(Self { intent: Mutex::new(intent), open: Mutex::new(None), context: Mutex::new(None) })
    }
}

/// One request on its way.
pub(super) struct Run {
    pub(super) core: Arc<Core>,
    pub(super) view: Arc<View>,
    pub(super) request: QueryRequest,
    pub(super) deadline: Instant,
    pub(super) trail: Arc<Trail>,
}

/// A governed, optimised plan: built only here, over governed tables only.
#[must_use]
#[derive(Debug)]
pub(super) struct Governed {
    physical: Arc<dyn ExecutionPlan>,
    columns: Vec<ColumnInfo>,
    lineage: Vec<Lineage>,
    effects: Effects,
}

/// What a statement gave.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) columns: Vec<ColumnInfo>,
    pub(super) collected: Collected,
    pub(super) outcome: Outcome,
    pub(super) warnings: Vec<String>,
}

impl Run {
    /// Answers the statement.
    pub(super) async fn answer(self) -> Result<Done> {
        let (ast, tables) = self.resolve()?;
        // The intent is written while the statement is planned; both are done before a source is asked.
        let cap = self.core.limits.rows.saturating_add(1);
        let (opened, governed) = tokio::join!(self.open(), self.govern(ast, &tables, Some(cap)));
        opened?;
        let governed = governed?;
        let id = self.trail.intent.lock().query_id.to_string();
        let context = Arc::new(QueryContext::new(id, self.deadline, self.core.masks()));
        *self.trail.context.lock() = Some(context.clone());
        let task = self.core.planner.task(context.clone());
        let stream = execute_stream(governed.physical.clone(), task).map_err(failure::of_execution)?;
        let limits = &self.core.limits;
        let collected = collect(stream, limits.rows, limits.bytes).await.map_err(failure::of_execution)?;
        let outcome = Outcome {
            sources: context.runs(),
            masks: governed.effects.masks,
            filters: governed.effects.filters,
            lineage: governed.lineage,
            bytes: collected.bytes as u64,
            catalog_age_ms: u64::try_from(self.view.snapshot().age().as_millis()).unwrap_or(u64::MAX),
            ..Outcome::default()
        };
        let warnings = warnings(&collected, limits.rows, limits.bytes);
        Ok(Done { columns: governed.columns, collected, outcome, warnings })
    }

    /// Says what the statement would do.
    pub(super) async fn explain(self) -> Result<Explanation> {
        let (ast, tables) = self.resolve()?;
        let (opened, governed) = tokio::join!(self.open(), self.govern(ast, &tables, None));
        opened?;
        let governed = governed?;
        Ok(Explanation {
            plan: displayable(governed.physical.as_ref()).indent(false).to_string(),
            columns: governed.columns,
            sources: governed.effects.statements,
            masks: governed.effects.masks,
            filters: governed.effects.filters,
            warnings: Vec::new(),
        })
    }

    /// Text to syntax tree with parameters in place and every table governed.
    fn resolve(&self) -> Result<(Ast, Tables)> {
        let statement = Statement::parse(&self.request.sql)?;
        {
            let mut intent = self.trail.intent.lock();
            intent.statement = statement.normalized().to_string();
            intent.fingerprint = statement.fingerprint().to_string();
        }
        let mut ast = statement.into_ast();
        parameters::bind(&mut ast, &self.request.parameters)?;
        let resolved = names::resolve(&ast, &self.view, &self.core.catalog, self.core.pushdown)?;
        self.trail.intent.lock().tables = resolved.references.into_iter().collect();
        names::fold_quoted(&mut ast, &resolved.tables);
        Ok((ast, resolved.tables))
    }

    async fn open(&self) -> Result<()> {
        let intent = self.trail.intent.lock().clone();
        let open = self.core.audit.open(intent).await.map_err(|e| Error::audit_unavailable(e.to_string()))?;
        *self.trail.open.lock() = Some(open);
        Ok(())
    }

    async fn govern(&self, ast: Ast, tables: &Tables, cap: Option<usize>) -> Result<Governed> {
        let planner = &self.core.planner;
        let functions = planner.functions();
        let planned = with_deadline(self.deadline, || {
            let logical = planner.logical(ast, tables)?;
            let (columns, lineage) = inspect::columns(&logical);
            let capped = match cap {
                Some(rows) => planner.capped(logical, rows)?,
                None => logical,
            };
            Ok((columns, lineage, planner.optimize(&capped)?))
        });
        let (columns, lineage, logical) = planned.map_err(|e| failure::of_planning(e, functions))?;
        let physical = planner.physical(&logical).await.map_err(|e| failure::of_planning(e, functions))?;
        let effects = inspect::effects(&physical);
        Ok(Governed { physical, columns, lineage, effects })
    }
}

fn warnings(collected: &Collected, rows: usize, bytes: usize) -> Vec<String> {
    match collected.cut {
        None => Vec::new(),
        Some(Cap::Rows) => vec![format!(
            "the answer was cut at the server's limit of {rows} rows; aggregate or filter to see all of it"
        )],
        Some(Cap::Bytes) => vec![format!(
            "the answer was cut at the server's limit of {bytes} bytes; select fewer or shorter columns"
        )],
    }
}
