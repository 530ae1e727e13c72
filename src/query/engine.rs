//! The engine: takes a principal and a request, gives an answer with its receipt, or an error.

#[cfg(feature = "ballista")]
use super::cluster::Cluster;
use super::digests;
use super::find;
use super::meanings::Meanings;
use super::parts::{Limits, Parts};
use super::planner::Planner;
use super::request::{Answer, Explanation, QueryRequest, Reply, SearchRequest};
use super::rerank;
use super::run::{Done, Run, Trail};
use super::session::{View, Views};
use super::supervise::{EngineLoad, Supervisor};
use super::values::Values;
use crate::audit::{AuditLog, Intent, Receipt};
use crate::catalog::{Catalog, Snapshot};
use crate::endpoint::{ChatModel, Embedder};
use crate::error::{Code, Error, Result};
use crate::limits::{Account, Meter, Plans};
use crate::model::{Outcome, Page, Principal, QueryId, RedactedValues};
use crate::policy::{MaskContext, Rules};
use crate::results::{ResultStore, StoredResult};
use crate::semantics::Semantics;
use crate::telemetry;
use arc_swap::{ArcSwap, ArcSwapOption};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Answers governed questions. Cheap to share.
#[derive(Debug)]
pub struct Engine {
    pub(super) core: Arc<Core>,
    supervisor: Supervisor,
}

/// What running statements share.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) catalog: Arc<Catalog>,
    pub(super) rules: ArcSwap<Rules>,
    pub(super) audit: Arc<AuditLog>,
    pub(super) results: ResultStore,
    semantics: ArcSwap<Semantics>,
    /// What is defined, over the catalog of late; made anew when either is another one.
    meanings: Mutex<Arc<Meanings>>,
    pub(super) planner: Planner,
    pub(super) limits: ArcSwap<Limits>,
    pub(super) meter: Arc<Meter>,
    pub(super) model: ArcSwapOption<ChatModel>,
    pub(super) embedder: ArcSwapOption<Embedder>,
    pub(super) pushdown: bool,
    #[cfg(feature = "ballista")]
    pub(super) cluster: Option<Cluster>,
    mask_base: MaskContext,
    views: Views,
    pub(super) values: Values,
}

impl Core {
    /// What masks need, as of now.
    pub(super) fn masks(&self) -> MaskContext {
        const SECONDS_A_DAY: i64 = 86_400;
        let today = chrono::Utc::now().timestamp().div_euclid(SECONDS_A_DAY);
        self.mask_base.on(i32::try_from(today).unwrap_or(i32::MAX))
    }

    /// What one statement of the caller may cost, as of now.
    pub(super) fn limits(&self, principal: &Principal) -> Limits {
        self.limits.load().within(&self.meter.limits(principal))
    }

    pub(super) fn view(&self, principal: &Principal) -> Arc<View> {
        let snapshot = self.catalog.snapshot();
        self.views.of(principal, &self.rules.load(), &snapshot, &self.meanings(&snapshot))
    }

    fn meanings(&self, snapshot: &Snapshot) -> Arc<Meanings> {
        let semantics = self.semantics.load();
        let mut known = self.meanings.lock();
        if !known.is_of(&semantics, snapshot) {
            *known = Arc::new(Meanings::over(&self.planner, &semantics, snapshot));
        }
        known.clone()
    }

    pub(super) fn intent(&self, view: &View, client: &str, tool: &str) -> Intent {
        let mut intent = Intent::new(QueryId::random(), view.principal(), client, tool);
        intent.policy_version = view.rules().version().to_string();
        intent.semantics_version = view.meanings().semantics.version().to_string();
        intent.catalog_version = view.snapshot().version();
        intent
    }

    /// Records how a request failed; the error, unless that cannot be recorded.
    pub(super) async fn failed(&self, trail: &Trail, started: Instant, error: Error) -> Error {
        match error.code {
            // What a driver or the engine said may help; it can hold values, so it is for these alone.
            Code::Source | Code::Internal | Code::AuditUnavailable | Code::Executors => {
                tracing::warn!(code = error.code.as_str(), cause = ?error.source, "a request failed");
            }
            code => tracing::info!(code = code.as_str(), "a request failed"),
        }
        let open = trail.open.lock().take();
        let recorded = match open {
            Some(open) => {
                let outcome = Outcome {
                    sources: trail.context.lock().as_ref().map(|c| c.runs()).unwrap_or_default(),
                    error: Some(error.code.as_str().to_string()),
                    ms: started.elapsed().as_secs_f64() * 1_000.0,
                    ..Outcome::default()
                };
                self.audit.close(open, &outcome).await.map(|_| ())
            }
            None => {
                let intent = trail.intent.lock().clone();
                self.audit.refuse(&intent, error.code).await.map(|_| ())
            }
        };
        match recorded {
            Ok(()) => error,
            Err(audit) => Error::audit_unavailable(audit.to_string()),
        }
    }

    /// Makes the outcome durable. Without a receipt nothing is answered.
    pub(super) async fn close(
        &self,
        trail: &Trail,
        started: Instant,
        outcome: &mut Outcome,
    ) -> Result<Receipt> {
        outcome.ms = started.elapsed().as_secs_f64() * 1_000.0;
        let open = trail.open.lock().take();
        let open = open.ok_or_else(|| Error::internal("a request ran without an open record"))?;
        self.audit.close(open, outcome).await.map_err(|e| Error::audit_unavailable(e.to_string()))
    }
}

impl Engine {
    /// An engine of these parts.
    ///
    /// # Errors
    /// The threads or the planner cannot be made.
    pub fn new(parts: Parts) -> Result<Self> {
        let Limits { memory, spill, .. } = parts.limits;
        let planner = Planner::new(memory, spill).map_err(|e| Error::internal(e.to_string()))?;
        let supervisor = Supervisor::new(parts.limits.concurrency, parts.limits.ceiling)
            .map_err(|e| Error::internal(e.to_string()))?;
        #[cfg(feature = "ballista")]
        let cluster = parts.executors.as_ref().map(|parts| Cluster::new(parts, &planner));
        #[cfg(not(feature = "ballista"))]
        if parts.executors.is_some() {
            return Err(Error::internal("this build has no engine for executors"));
        }
        let core = Core {
            catalog: parts.catalog,
            rules: ArcSwap::new(parts.rules),
            audit: parts.audit,
            results: parts.results,
            semantics: ArcSwap::new(parts.semantics),
            meanings: Mutex::new(Arc::new(Meanings::none())),
            planner,
            limits: ArcSwap::from_pointee(parts.limits),
            meter: parts.meter,
            model: ArcSwapOption::new(parts.model),
            embedder: ArcSwapOption::new(parts.embedder),
            pushdown: parts.pushdown,
            #[cfg(feature = "ballista")]
            cluster: cluster.transpose()?,
            mask_base: MaskContext::new(parts.pseudonym_key, 0),
            views: Views::new(),
            values: Values::default(),
        };
        // Now, so that the first caller does not wait for it.
        drop(core.meanings(&core.catalog.snapshot()));
        Ok(Self { core: Arc::new(core), supervisor })
    }

    /// Puts another policy, other limits of rows, bytes and time, and other plans in force. Statements that run end
    /// under those they began with; results and plans of another policy are not given any more.
    pub fn replace(&self, rules: Arc<Rules>, limits: Limits, plans: Plans) {
        self.core.meter.replace(plans);
        self.core.limits.store(Arc::new(limits));
        self.core.rules.store(rules);
    }

    /// Puts another semantic layer in force.
    pub fn replace_semantics(&self, semantics: Arc<Semantics>) {
        self.core.semantics.store(semantics);
    }

    /// Puts other endpoints of models in force, those that are given: there may be none any more. A question that is being
    /// answered goes on with the model it began with.
    pub fn replace_endpoints(
        &self,
        model: Option<Option<Arc<ChatModel>>>,
        embedder: Option<Option<Arc<Embedder>>>,
    ) {
        if let Some(model) = model {
            self.core.model.store(model);
        }
        if let Some(embedder) = embedder {
            self.core.embedder.store(embedder);
        }
    }

    /// The policy in force.
    pub fn rules(&self) -> Arc<Rules> {
        self.core.rules.load_full()
    }

    /// What one statement may cost a caller whose plan says nothing.
    pub fn usual_limits(&self) -> Limits {
        **self.core.limits.load()
    }

    /// Waits until the audit has written and told what it has to, and what was used is written down: for shutdown.
    pub async fn flush(&self) {
        self.core.audit.flush().await;
        self.core.meter.flush().await;
    }

    /// Counts a request of the caller, whatever it asks.
    ///
    /// # Errors
    /// `LimitReached`, `Overloaded`. Nothing is recorded: a refusal must be cheap.
    pub async fn admit(&self, principal: &Principal) -> Result<()> {
        self.core.meter.admit(principal).await
    }

    /// Whether a statement may run in other processes than this one.
    pub fn has_executors(&self) -> bool {
        #[cfg(feature = "ballista")]
        return self.core.cluster.is_some();
        #[cfg(not(feature = "ballista"))]
        false
    }

    /// What waits and what is kept, as of now.
    pub fn load(&self) -> EngineLoad {
        let (running, waiting) = self.supervisor.load();
        let (results, result_bytes) = self.core.results.kept();
        EngineLoad { running, waiting, results, result_bytes, audit: self.core.audit.lag() }
    }

    /// Whether at least one source has said what it holds.
    pub fn is_ready(&self) -> bool {
        let snapshot = self.core.catalog.snapshot();
        snapshot.sources().len() > snapshot.absent_sources().len()
    }

    /// Answers a statement.
    ///
    /// # Errors
    /// Each [`Code`]; every failure has been recorded.
    pub async fn query(
        &self,
        principal: &Principal,
        request: QueryRequest,
        cancel: CancellationToken,
    ) -> Result<Answer> {
        let view = self.core.view(principal);
        self.run(view, request, cancel, "query").await
    }

    /// Answers a statement on behalf of a tool.
    pub(super) async fn run(
        &self,
        view: Arc<View>,
        request: QueryRequest,
        cancel: CancellationToken,
        tool: &str,
    ) -> Result<Answer> {
        let started = Instant::now();
        let (trail, run) = self.begin(&view, &request, tool, started).await?;
        let share = Share::of(request.limit, &run);
        let done = self.done(&trail, started, cancel, run).await?;
        self.finish(&view, &trail, started, share, done).await
    }

    /// What a run gives; a failure has been recorded.
    pub(super) async fn done(
        &self,
        trail: &Trail,
        started: Instant,
        cancel: CancellationToken,
        run: Run,
    ) -> Result<Done> {
        let (deadline, holding) = (run.deadline, run.holding.clone());
        let work = self.supervisor.run(deadline, cancel, holding, Box::pin(run.answer()));
        match Box::pin(work).await {
            Ok(done) => Ok(done),
            Err(error) => Err(self.core.failed(trail, started, error).await),
        }
    }

    /// What one statement of the caller may cost, as of now.
    pub(super) fn limits(&self, principal: &Principal) -> Limits {
        self.core.limits(principal)
    }

    /// Says what a statement would do, without running it.
    ///
    /// # Errors
    /// Those of planning.
    pub async fn explain(
        &self,
        principal: &Principal,
        request: QueryRequest,
    ) -> Result<Explanation> {
        let started = Instant::now();
        let view = self.core.view(principal);
        let (trail, run) = self.begin(&view, &request, "explain", started).await?;
        let never = CancellationToken::new();
        let (deadline, holding) = (run.deadline, run.holding.clone());
        let running = self.supervisor.run(deadline, never, holding, Box::pin(run.explain()));
        match Box::pin(running).await {
            Ok(explanation) => {
                let _receipt = self.core.close(&trail, started, &mut Outcome::default()).await?;
                Ok(explanation)
            }
            Err(error) => Err(self.core.failed(&trail, started, error).await),
        }
    }

    /// The tables, columns and values that fit a question, best first. It may show stored values, so it
    /// is recorded before and after, as a query is.
    ///
    /// # Errors
    /// The audit cannot be written.
    pub async fn search(&self, principal: &Principal, request: SearchRequest) -> Result<Reply> {
        let started = Instant::now();
        let view = self.core.view(principal);
        let trail = Trail::new(self.core.intent(&view, &request.client, "search"));
        let intent = trail.intent.lock().clone();
        match self.core.audit.open(intent).await {
            Ok(open) => *trail.open.lock() = Some(open),
            Err(error) => return Err(Error::audit_unavailable(error.to_string())),
        }
        self.core.values.first().await;
        let describer = self.describer(&view);
        let reply = match self.core.embedder.load_full() {
            Some(embedder) => {
                rerank::search(&describer, &self.core.values, &request, &embedder).await
            }
            None => find::search(&describer, &self.core.values, &request),
        };
        let _receipt = self.core.close(&trail, started, &mut Outcome::default()).await?;
        Ok(reply)
    }

    /// Reads up to `rows` rows of every table whose values are not known yet, for the search.
    pub async fn read_values(&self, rows: u64) {
        self.core.values.refresh(&self.core.catalog, rows).await;
    }

    /// Reads some values of every table, now and whenever the catalog is another, for as long as there
    /// is an engine.
    pub fn spawn_values(&self, rows: u64) {
        const PAUSE: Duration = Duration::from_secs(30);
        self.core.values.announce();
        let core = Arc::downgrade(&self.core);
        tokio::spawn(async move {
            while let Some(core) = core.upgrade() {
                core.values.refresh(&core.catalog, rows).await;
                drop(core);
                tokio::time::sleep(PAUSE).await;
            }
        });
    }

    /// A statement with its place among its caller's.
    pub(super) async fn begin(
        &self,
        view: &Arc<View>,
        request: &QueryRequest,
        tool: &str,
        started: Instant,
    ) -> Result<(Arc<Trail>, Run)> {
        let principal = view.principal();
        let mut intent = self.core.intent(view, &request.client, tool);
        intent.raw = self.core.audit.keeps_raw().then(|| digests::raw(request));
        let trail = Trail::new(intent);
        let pass = self.core.meter.begin(principal).await;
        let (pass, holding) = match pass.and_then(|pass| Ok((pass, self.supervisor.enter()?))) {
            Ok(begun) => begun,
            Err(error) => return Err(self.core.failed(&trail, started, error).await),
        };
        let limits = self.core.limits(principal);
        let run = Run {
            core: self.core.clone(),
            view: view.clone(),
            request: request.clone(),
            deadline: started + limits.time,
            trail: trail.clone(),
            limits,
            pass,
            holding,
            kept: None,
        };
        Ok((trail, run))
    }

    /// Stores, pages and records; in this order, so that no row leaves without its receipt.
    pub(super) async fn finish(
        &self,
        view: &View,
        trail: &Trail,
        started: Instant,
        Share { asked, most, account }: Share,
        done: Done,
    ) -> Result<Answer> {
        let Done { columns, mut collected, mut outcome, mut warnings } = done;
        let redactor = self.core.results.redactor();
        if redactor.applies_to(view.principal()) {
            let batches = std::mem::take(&mut collected.batches);
            match redactor.batches(&columns, batches) {
                Ok((batches, redacted)) => {
                    (collected.batches, outcome.redacted) = (batches, redacted);
                }
                Err(error) => {
                    let error = Error::internal("an answer cannot be searched for secrets")
                        .with_source(error);
                    return Err(self.core.failed(trail, started, error).await);
                }
            }
            warnings.extend(outcome.redacted.iter().map(redaction));
        }
        if asked.is_some_and(|asked| asked > most) {
            warnings.push(format!("limit was lowered to the server's limit of {most} rows"));
        }
        let shown = asked.unwrap_or(most).min(most).min(collected.rows);
        let kept = StoredResult {
            columns: columns.clone(),
            batches: collected.batches.clone(),
            truncated: collected.cut.is_some(),
        };
        let id = trail.intent.lock().query_id.to_string();
        let (owner, version) = (view.principal(), view.rules().version());
        let results = &self.core.results;
        let is_cut = shown < collected.rows;
        let handle = results.keep_everywhere(owner, version, &id, kept, is_cut).await;
        let page = Page {
            columns,
            batches: first_rows(&collected.batches, shown),
            row_count: shown,
            offset: 0,
            truncated: shown < collected.rows || collected.cut.is_some(),
            handle,
        };
        outcome.rows_returned = shown as u64;
        outcome.truncated = page.truncated;
        let receipt = self.core.close(trail, started, &mut outcome).await?;
        account.answered(outcome.rows_returned, outcome.bytes);
        telemetry::answered(&outcome);
        Ok(Answer { page, receipt, warnings })
    }
}

/// What of an answer is shown, and to whose account it goes.
pub(super) struct Share {
    asked: Option<usize>,
    most: usize,
    account: Arc<Account>,
}

impl Share {
    /// Of the answer of a run, so many rows were asked for.
    pub(super) fn of(asked: Option<usize>, run: &Run) -> Self {
        Self { asked, most: run.limits.rows, account: run.pass.account().clone() }
    }
}

/// Why a value of the answer is not the stored one.
fn redaction(redacted: &RedactedValues) -> String {
    let RedactedValues { column, rule, values } = redacted;
    format!(
        "redacted: {values} values of column {column:?} held what looks like a secret ({rule}); it is shown \
         as [redacted: {rule}]"
    )
}

fn first_rows(batches: &[arrow_array::RecordBatch], rows: usize) -> Vec<arrow_array::RecordBatch> {
    let mut left = rows;
    let mut page = Vec::new();
    for batch in batches {
        if left == 0 {
            break;
        }
        let take = left.min(batch.num_rows());
        page.push(batch.slice(0, take));
        left -= take;
    }
    page
}
