//! One statement, straight through: parse, resolve, record the intent, plan, run, collect.

use super::aggregate_only;
use super::caution::{self, Watched};
use super::clock::Clock;
use super::collect::{Collected, Ran};
use super::context::QueryContext;
use super::digests::Digests;
use super::engine::Core;
use super::inspect::{self, Effects};
use super::memory::Holding;
use super::names::Resolved;
use super::parts::Limits;
use super::planner::is_simple;
use super::prepared::{Key, Prepared, is_stable};
use super::repair::Reach;
use super::request::{Explanation, QueryRequest};
use super::session::View;
use super::spellings::{self, Notes};
use super::statement::Statement;
use super::supervise::with_deadline;
use super::template::Template;
use super::{escapes, failure, mismatch, names, one_row, parameters, text_number};
use crate::audit::{Intent, OpenRecord};
use crate::error::{Error, Result};
use crate::limits::Pass;
use crate::model::{ColumnInfo, Lineage, Outcome, TableRef, Warning};
use crate::results::StoredResult;
use crate::telemetry::stage;
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, displayable};
use parking_lot::Mutex;
use sqlparser::ast::Statement as Ast;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;
use tracing::Instrument;

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
        Arc::new(Self {
            intent: Mutex::new(intent),
            open: Mutex::new(None),
            context: Mutex::new(None),
        })
    }
}

/// One request on its way.
pub(super) struct Run {
    pub(super) core: Arc<Core>,
    pub(super) view: Arc<View>,
    pub(super) request: QueryRequest,
    pub(super) deadline: Instant,
    pub(super) trail: Arc<Trail>,
    /// What the statement may cost its caller.
    pub(super) limits: Limits,
    /// Its place among its caller's statements, until it has ended.
    pub(super) pass: Pass,
    /// What it holds of the process's memory.
    pub(super) holding: Arc<Holding>,
    /// The kept result that the statement may read.
    pub(super) kept: Option<Arc<StoredResult>>,
}

/// A governed, optimised plan: built only here, over governed tables only.
#[must_use]
#[derive(Debug)]
pub(super) struct Governed {
    physical: Arc<dyn ExecutionPlan>,
    columns: Vec<ColumnInfo>,
    lineage: Vec<Lineage>,
    warnings: Vec<Warning>,
    watched: Option<Watched>,
    effects: Effects,
}

impl Governed {
    /// The same, with what is to say of how its statement was read.
    fn read_as(mut self, notes: &Notes) -> Self {
        self.warnings.extend(notes.warnings());
        self.warnings = caution::settled(self.warnings);
        self.watched = notes.watched().cloned();
        self
    }
}

/// What the reader should know, in sentences.
fn told(warnings: &[Warning], effects: &Effects) -> Vec<String> {
    warnings.iter().map(Warning::to_string).chain(effects.warnings.iter().cloned()).collect()
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
        Box::pin(self.rows()).await.map_err(|error| self.blamed(error))
    }

    async fn rows(&self) -> Result<Done> {
        let mut clock = Clock::start();
        // What a kept result holds is not in the statement's text.
        let fresh = self.kept.is_some();
        let key = Key::of(&self.request.sql, &self.request.parameters, self.limits.rows)
            .filter(|_| !fresh);
        let kept = key.as_ref().and_then(|key| self.view.plans().get(key));
        // The intent is written while the statement is planned; both are done before a source is asked.
        let mut governed = match kept {
            Some(kept) => {
                self.note(&kept.normalized, &kept.fingerprint, &kept.digests, &kept.references);
                let (opened, governed) = tokio::join!(self.open(), self.again(&kept, &[]));
                opened?;
                governed?
            }
            None => Box::pin(self.plan(key, &mut clock)).instrument(stage!("plan")).await?,
        };
        clock.lap("record and plan");
        let id = self.trail.intent.lock().query_id.to_string();
        let context = Arc::new(QueryContext::new(
            id,
            self.deadline,
            self.core.masks(),
            self.view.principal(),
            (self.core.meter.clone(), self.pass.account().clone()),
            self.request.accepts_cost,
        ));
        *self.trail.context.lock() = Some(context.clone());
        let Ran { collected, place, warning } = self.ran(governed.physical, &context).await?;
        clock.lap("run");
        let limits = self.limits;
        let seen = governed.watched.take();
        let seen = seen.and_then(|seen| seen.of(&governed.columns, &collected.batches).cloned());
        governed.warnings.extend(seen);
        let mut warnings = told(&governed.warnings, &governed.effects);
        warnings.extend(warning);
        warnings.extend(collected.told(limits.rows, limits.bytes));
        let outcome = Outcome {
            sources: context.runs(),
            masks: governed.effects.masks,
            filters: governed.effects.filters,
            lineage: governed.lineage,
            columns: governed.effects.columns,
            warnings: governed.warnings,
            place,
            bytes: collected.bytes as u64,
            catalog_age_ms: u64::try_from(self.view.snapshot().age().as_millis())
                .unwrap_or(u64::MAX),
            ..Outcome::default()
        };
        Ok(Done { columns: governed.columns, collected, outcome, warnings })
    }

    /// Runs a plan where there is no other place than this process.
    #[cfg(not(feature = "ballista"))]
    async fn ran(&self, plan: Arc<dyn ExecutionPlan>, context: &Arc<QueryContext>) -> Result<Ran> {
        self.here_at_any_size(plan, context).await
    }

    /// Plans a statement that was not asked in just these words, beside writing its intent.
    async fn plan(&self, key: Option<Key>, clock: &mut Clock) -> Result<Governed> {
        let parsed = self.parse()?;
        clock.lap("parse");
        let template = key.as_ref().and_then(|_| Template::of(&parsed.ast));
        let template_key =
            template.as_ref().and_then(|t| Key::of_template(&t.text, self.limits.rows));
        let kept = template_key.as_ref().and_then(|key| self.view.plans().get(key));
        if let (Some(kept), Some(template)) = (kept, &template) {
            self.note(&parsed.normalized, &parsed.fingerprint, &parsed.digests, &kept.references);
            let (opened, governed) = tokio::join!(self.open(), self.again(&kept, &template.values));
            opened?;
            return governed.map(|governed| governed.read_as(&parsed.notes));
        }
        let question = self.resolve(parsed)?;
        clock.lap("resolve");
        let cap = Some(self.limits.rows.saturating_add(1));
        let (opened, governed) = tokio::join!(self.open(), async {
            if let (Some(template), Some(key)) = (template, template_key)
                && let Some(governed) = self.govern_template(&question, template, key, cap).await
            {
                return Ok(governed.read_as(&question.notes));
            }
            self.govern(question, cap, key).await
        });
        opened?;
        governed
    }

    /// Plans the statement's template, keeps it, and runs it with the statement's values. `None` where
    /// the template cannot be planned: the statement itself then says why.
    async fn govern_template(
        &self,
        question: &Question,
        template: Template,
        key: Key,
        cap: Option<usize>,
    ) -> Option<Governed> {
        if !question.stable {
            return None;
        }
        let mut ast = template.prepare;
        names::fold_quoted(&mut ast, &question.resolved.tables);
        let prepared = Question {
            ast,
            resolved: question.resolved.clone(),
            normalized: question.normalized.clone(),
            fingerprint: question.fingerprint.clone(),
            digests: question.digests.clone(),
            // The template may be another statement's too, which was not written so.
            notes: Notes::default(),
            stable: question.stable,
        };
        let (prepared, _) = self.logical(prepared, cap).ok()?;
        let governed = self.again(&prepared, &template.values).await.ok()?;
        self.view.plans().keep(key, Arc::new(prepared));
        Some(governed)
    }

    /// Says what the statement would do.
    pub(super) async fn explain(self) -> Result<Explanation> {
        self.explanation().await.map_err(|error| self.blamed(error))
    }

    /// The error with the parameter or the place in the text that is to blame.
    fn blamed(&self, error: Error) -> Error {
        let error = parameters::blame(error, &self.request.parameters);
        mismatch::placed(error, &self.request.sql, &self.view)
    }

    async fn explanation(&self) -> Result<Explanation> {
        let question = self.resolve(self.parse()?)?;
        let (opened, governed) =
            tokio::join!(self.open(), Box::pin(self.govern(question, None, None)));
        opened?;
        let governed = governed?;
        let mut plan = displayable(governed.physical.as_ref()).indent(false).to_string();
        for kept in &governed.effects.kept {
            plan.push_str(&format!("{} runs here: {}\n", kept.node, kept.reason));
        }
        let warnings = told(&governed.warnings, &governed.effects);
        Ok(Explanation {
            plan,
            columns: governed.columns,
            sources: governed.effects.statements,
            masks: governed.effects.masks,
            filters: governed.effects.filters,
            warnings,
        })
    }

    /// Text to syntax tree with parameters in place.
    pub(super) fn parse(&self) -> Result<Parsed> {
        let key = self.core.audit.literals();
        let mut statement = Statement::parse_for(&self.request.sql, key)?;
        let (mut notes, places) = spellings::texts(statement.ast_mut(), &self.view);
        statement.take_for_texts(&places, key);
        notes.extend(statement.notes().clone());
        let (normalized, fingerprint) =
            (statement.normalized().to_string(), statement.fingerprint().to_string());
        let literals = statement.literals().to_vec();
        let digests = Digests::of(literals, &self.request.parameters, key);
        self.note(&normalized, &fingerprint, &digests, &BTreeSet::new());
        notes.extend(spellings::by_names(statement.ast_mut(), &self.view)?);
        notes.extend(spellings::complete_groups(statement.ast_mut(), &self.view)?);
        let mut ast = statement.into_ast();
        notes.warn(caution::differing(&ast, &self.view, &self.core.catalog));
        parameters::bind(&mut ast, &self.request.parameters)?;
        self.view.expand(&mut ast)?;
        escapes::rewrite(&mut ast)?;
        // What was translated may say `now` where the text did not.
        let stable = is_stable(&normalized)
            && (notes.is_empty() || is_stable(&ast.to_string().to_lowercase()));
        Ok(Parsed { ast, normalized, fingerprint, digests, notes, stable })
    }

    /// Every table of a syntax tree, governed.
    pub(super) fn resolve(&self, parsed: Parsed) -> Result<Question> {
        let Parsed { ast, normalized, fingerprint, digests, notes, stable } = parsed;
        let kept = self.kept.as_deref();
        let (mut ast, resolved) =
            names::resolve(ast, &self.view, &self.core.catalog, self.core.pushdown, kept)?;
        self.note(&normalized, &fingerprint, &digests, &resolved.references);
        names::fold_quoted(&mut ast, &resolved.tables);
        Ok(Question { ast, resolved, normalized, fingerprint, digests, notes, stable })
    }

    /// What the audit may say of the statement from now on.
    fn note(
        &self,
        normalized: &str,
        fingerprint: &str,
        digests: &Digests,
        references: &BTreeSet<TableRef>,
    ) {
        let mut intent = self.trail.intent.lock();
        intent.statement = normalized.to_string();
        intent.fingerprint = fingerprint.to_string();
        intent.literals = digests.literals.clone();
        intent.parameters = digests.parameters.clone();
        intent.tables = references.iter().cloned().collect();
    }

    async fn open(&self) -> Result<()> {
        let intent = self.trail.intent.lock().clone();
        let open = self
            .core
            .audit
            .open(intent)
            .await
            .map_err(|error| Error::audit_unavailable(error.to_string()))?;
        *self.trail.open.lock() = Some(open);
        Ok(())
    }

    async fn govern(
        &self,
        question: Question,
        cap: Option<usize>,
        key: Option<Key>,
    ) -> Result<Governed> {
        let stable = question.stable;
        let (mut prepared, columns) = self.logical(question, cap)?;
        let mut clock = Clock::start();
        let (physical, effects) = self.physical(&prepared.logical).await?;
        clock.lap("physical");
        let (lineage, warnings) = (prepared.lineage.clone(), prepared.warnings.clone());
        let watched = prepared.watched.clone();
        if let Some(key) = key.filter(|_| stable) {
            let rerun = is_simple(&prepared.logical) && !has_sort(&prepared.logical);
            prepared.physical = rerun.then(|| (physical.clone(), effects.clone()));
            self.view.plans().keep(key, Arc::new(prepared));
        }
        Ok(Governed { physical, columns, lineage, warnings, watched, effects })
    }

    /// The optimised plan of a statement, with no more than so many rows.
    fn logical(
        &self,
        question: Question,
        cap: Option<usize>,
    ) -> Result<(Prepared, Vec<ColumnInfo>)> {
        self.logical_within(question, |plan| match cap {
            Some(rows) => self.core.planner.capped(plan, rows),
            None => Ok(plan),
        })
    }

    /// The same within other bounds.
    pub(super) fn logical_within(
        &self,
        question: Question,
        bound: impl FnOnce(LogicalPlan) -> datafusion::common::Result<LogicalPlan>,
    ) -> Result<(Prepared, Vec<ColumnInfo>)> {
        let Question { ast, resolved, normalized, fingerprint, digests, notes, .. } = question;
        let planner = &self.core.planner;
        let mut clock = Clock::start();
        let planned = with_deadline(self.deadline, || {
            let logical = planner.logical(ast, &resolved.tables)?;
            let (columns, lineage) = inspect::columns(&logical);
            let mut warnings = caution::written(&logical);
            warnings.extend(notes.warnings());
            let logical = one_row::checked(aggregate_only::guard(logical, planner.functions())?)?;
            let logical = text_number::read(logical)?;
            let capped = bound(logical)?;
            clock.lap("logical");
            let logical = planner.optimize(&capped)?;
            warnings.extend(caution::planned(&logical));
            Ok((columns, lineage, caution::settled(warnings), logical))
        });
        let (columns, lineage, warnings, logical) =
            planned.map_err(|error| self.refused(error, &resolved.references))?;
        clock.lap("optimize");
        let prepared = Prepared {
            normalized,
            fingerprint,
            digests,
            references: resolved.references,
            columns: columns.clone(),
            lineage,
            warnings,
            watched: notes.watched().cloned(),
            logical,
            physical: None,
        };
        Ok((prepared, columns))
    }

    /// The plan of a statement that was planned before, with the values it compares with now.
    async fn again(&self, kept: &Prepared, values: &[ScalarValue]) -> Result<Governed> {
        let mut warnings = kept.warnings.clone();
        let (physical, effects) = match &kept.physical {
            Some(kept) => kept.clone(),
            None if values.is_empty() => self.physical(&kept.logical).await?,
            None => {
                let planner = &self.core.planner;
                let logical = planner
                    .with_values(&kept.logical, values)
                    .map_err(|error| self.refused(error, &kept.references))?;
                if values.iter().any(caution::matters) {
                    warnings.extend(caution::planned(&logical));
                    warnings = caution::settled(warnings);
                }
                self.physical(&logical).await?
            }
        };
        Ok(Governed {
            physical,
            columns: kept.columns.clone(),
            lineage: kept.lineage.clone(),
            warnings,
            watched: kept.watched.clone(),
            effects,
        })
    }

    fn refused(&self, error: DataFusionError, tables: &BTreeSet<TableRef>) -> Error {
        let reach = Reach { sql: &self.request.sql, view: &self.view, tables };
        failure::of_planning(error, self.core.planner.functions(), Some(reach))
    }

    async fn physical(&self, logical: &LogicalPlan) -> Result<(Arc<dyn ExecutionPlan>, Effects)> {
        let planner = &self.core.planner;
        let planned = planner
            .physical(logical)
            .await
            .map_err(|error| self.refused(error, &BTreeSet::new()))?;
        let mut effects = inspect::effects(&planned.physical);
        effects.kept = planned.kept;
        Ok((planned.physical, effects))
    }
}

/// A statement that passed the gate, with its parameters in place.
pub(super) struct Parsed {
    ast: Ast,
    normalized: String,
    fingerprint: String,
    digests: Digests,
    notes: Notes,
    /// Whether it gives the same plan each time.
    stable: bool,
}

/// A statement that is ready to be planned.
pub(super) struct Question {
    ast: Ast,
    resolved: Resolved,
    normalized: String,
    fingerprint: String,
    digests: Digests,
    notes: Notes,
    /// Whether it gives the same plan each time.
    stable: bool,
}

/// A sort keeps state from one run to the next.
fn has_sort(plan: &LogicalPlan) -> bool {
    matches!(plan, LogicalPlan::Sort(_)) || plan.inputs().into_iter().any(has_sort)
}
