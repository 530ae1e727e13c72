//! Past one machine: a statement that one process cannot hold runs on Apache DataFusion Ballista.
//!
//! ```text
//! server                         scheduler                   executors
//! parse, decide, plan, cut       divides the plan into       run stages; open the leaves, ask their own
//! seal each leaf  -------------> stages; sees columns, no    sources, filter and mask in the leaf; write
//!                                statement of a leaf         governed rows between stages
//! sort, cap, receipt  <------------------------------------- rows of the last stage
//! ```
//!
//! The policy has been decided and is inside the leaves before anything travels; a leaf shows its columns and
//! nothing else to whoever plans. Its statement, values and masks are sealed under the deployment's key: an
//! executor runs no read that a server did not seal, and none under a policy or a key of pseudonyms that it
//! does not have. Logins and keys of masks never travel.

mod choice;
mod client;
mod columns;
mod front;
mod nodes;
mod once;
mod order;
mod places;
mod plan;
mod scan;
mod seal;
mod stage;
mod told;
mod transport;
mod wire;
mod worker;

pub use nodes::{ExecutorNode, execute, schedule};
pub use transport::Transport;
pub use worker::Worker;

use super::collect::{Collected, collect};
use super::context::QueryContext;
use super::parts::{Executors, Limits, Spread};
use super::planner::Planner;
use crate::error::{Code, Error, Result};
use crate::limits::Allowance;
use crate::model::Place;
use ballista_core::config::BALLISTA_SHUFFLE_COMPRESSION_CODEC;
use ballista_core::serde::protobuf::KeyValuePair;
use celosia_connector_api::Caller;
use client::{Job, Lost};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::AsExecutionPlan;
use datafusion_proto::protobuf::PhysicalPlanNode;
use places::Held;
use seal::Seal;
use std::sync::Arc;
use std::time::SystemTime;

/// The executors, as a server knows them.
#[derive(Debug)]
pub(super) struct Cluster {
    scheduler: String,
    transport: Option<Arc<Transport>>,
    seal: Seal,
    /// When a statement goes there.
    pub(super) spread: Spread,
    above: u64,
    compress: bool,
    state: SessionState,
}

/// How often a statement is begun, where executors are lost.
const TRIES: u32 = 4;

/// What a leaf carries of its statement.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) query: String,
    /// Milliseconds since 1970.
    pub(super) deadline: u64,
    pub(super) policy: String,
    pub(super) epoch: Option<String>,
    pub(super) today: i32,
    pub(super) caller: Arc<Caller>,
    pub(super) accepts_cost: bool,
    pub(super) allowance: Option<Allowance>,
}

/// What came of a statement that was to run there.
#[derive(Debug)]
pub(super) enum Tried {
    /// Its rows.
    Answered(Collected, Place),
    /// It has to run here, and why.
    Here(&'static str),
    /// The scheduler cannot be reached.
    Unreachable,
}

impl Cluster {
    /// The executors behind a scheduler.
    ///
    /// # Errors
    /// A key of the deployment is short.
    pub(super) fn new(executors: &Executors, planner: &Planner) -> Result<Self> {
        let seal = Seal::new(&executors.key).map_err(Error::internal)?;
        let transport = executors.transport_key.as_deref().map(Transport::new).transpose();
        Ok(Self {
            scheduler: executors.scheduler.clone(),
            transport: transport.map_err(Error::internal)?.map(Arc::new),
            seal,
            spread: executors.spread,
            above: executors.above,
            compress: executors.compress,
            state: planner.spread(executors.partitions),
        })
    }

    /// Whether a plan of this process would hold so much that it had better not run here.
    pub(super) fn is_heavy(&self, plan: &Arc<dyn ExecutionPlan>) -> bool {
        plan::weight(plan) > self.above
    }

    /// Runs a settled plan there. It is cancelled, and what it wrote is removed, when this is dropped.
    ///
    /// # Errors
    /// Those of the statement; `Executors` where they were lost or refuse it.
    pub(super) async fn run(
        &self,
        logical: &LogicalPlan,
        planner: &Planner,
        (context, policy): (&Arc<QueryContext>, &str),
        limits: &Limits,
    ) -> Result<Tried> {
        let physical = match planner.physical_by(&self.state, logical).await {
            Ok(physical) => physical,
            Err(error) => {
                tracing::debug!(%error, "a statement has no plan for executors");
                return Ok(Tried::Here("it has no plan for executors"));
            }
        };
        if let Some(reason) = plan::stays(&physical) {
            return Ok(Tried::Here(reason));
        }
        let leaves = places::leaves(&physical);
        if leaves.is_empty() {
            return Ok(Tried::Here("it asks no source"));
        }
        // Without a scheduler nothing has to be waited for.
        if let Err(Lost::Scheduler(error)) =
            client::connect(&self.scheduler, self.transport.as_deref()).await
        {
            return Ok(unreachable(&error));
        }
        let Some(held) = Held::take(&leaves, context).await? else {
            let reason = "it asks a source more often than that takes statements at a time";
            return Ok(Tried::Here(reason));
        };
        let statement = context.statement(policy);
        let sealed = plan::sealed(&physical, &held.parts, &statement, &self.seal)?;
        let Some(bytes) = written(&sealed.plan) else {
            return Ok(Tried::Here("a part of it cannot be written down"));
        };
        let mut tries = 0;
        let answer = loop {
            tries += 1;
            match self.asked((&bytes, tries), &sealed, context, limits).await {
                Err(Lost::Executors(error)) if tries < TRIES => {
                    tracing::warn!(error, "executors were lost: the statement is begun again");
                }
                answer => break answer,
            }
        };
        match answer {
            Ok((collected, place)) => Ok(Tried::Answered(collected, place)),
            Err(Lost::Scheduler(error)) => Ok(unreachable(&error)),
            // Which of two errors comes first is chance there, and follows from open rows here.
            Err(Lost::Statement(error)) => match error.code {
                Code::Evaluation | Code::InvalidStatement => {
                    Ok(Tried::Here("it fails, and how is told here"))
                }
                _ => Err(error),
            },
            Err(Lost::Executors(context)) => Err(client::lost(context)),
        }
    }

    async fn asked(
        &self,
        (bytes, number): (&[u8], u32),
        sealed: &plan::Sealed,
        context: &Arc<QueryContext>,
        limits: &Limits,
    ) -> std::result::Result<(Collected, Place), Lost> {
        let scheduler = client::connect(&self.scheduler, self.transport.as_deref()).await?;
        let name = format!("{}-{number}", context.query());
        let mut job = Job::begin(scheduler, bytes.to_vec(), self.settings(), &name).await?;
        let places = job.finished().await?;
        let rows = client::rows(places, sealed.plan.schema(), self.transport.as_ref());
        let collected = collect(rows, limits.rows, limits.bytes).await;
        let collected = collected.map_err(|error| Lost::Executors(error.to_string()))?;
        let done = job.done().await;
        job.over().await;
        for (number, rows, ms) in &done.leaves {
            if let Some(plan::Known { source, sql, readers }) = sealed.leaves.get(*number as usize)
            {
                let counted = context.ran_elsewhere((source, sql), *readers, *rows, *ms).await;
                counted.map_err(Lost::Statement)?;
            }
        }
        let place = Place {
            engine: "ballista".into(),
            stages: done.stages as u64,
            rows_between: done.rows,
            bytes_between: done.bytes,
        };
        Ok((collected, place))
    }

    /// The options that executors run stages with.
    fn settings(&self) -> Vec<KeyValuePair> {
        let entries = self.state.config_options().entries();
        let codec = if self.compress { "lz4" } else { "none" };
        let compression = KeyValuePair {
            key: BALLISTA_SHUFFLE_COMPRESSION_CODEC.into(),
            value: Some(codec.into()),
        };
        let pairs = entries.into_iter();
        let pairs = pairs.map(|entry| KeyValuePair { key: entry.key, value: entry.value });
        pairs.chain([compression]).collect()
    }
}

fn unreachable(error: &str) -> Tried {
    tracing::warn!(error, "the scheduler cannot be reached: a statement runs here");
    Tried::Unreachable
}

/// A plan as bytes; `None` where a part of it has no form.
fn written(plan: &Arc<dyn ExecutionPlan>) -> Option<Vec<u8>> {
    let codec = scan::Codec::default();
    let node = PhysicalPlanNode::try_from_physical_plan(plan.clone(), &codec);
    let mut bytes = Vec::new();
    match node.and_then(|node| node.try_encode(&mut bytes)) {
        Ok(()) => Some(bytes),
        Err(error) => {
            tracing::debug!(%error, "a plan cannot be written down");
            None
        }
    }
}

/// Milliseconds since 1970.
pub(super) fn millis() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The error of an executor that does not run a statement.
fn refused(message: &str, hint: &str) -> Error {
    Error::new(Code::Executors, message).with_hint(hint)
}
