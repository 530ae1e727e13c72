//! What an engine is made of, and what one statement of it may cost.

use crate::audit::AuditLog;
use crate::catalog::Catalog;
use crate::endpoint::{ChatModel, Embedder};
use crate::limits::Meter;
use crate::model::PlanLimits;
use crate::policy::{PseudonymKey, Rules};
use crate::results::ResultStore;
use crate::semantics::Semantics;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What one statement may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Rows of an answer that are kept.
    pub rows: usize,
    /// Bytes of an answer that are kept.
    pub bytes: usize,
    /// The longest a statement may take.
    pub time: Duration,
    /// Bytes that running statements share for sorts, joins and aggregates.
    pub memory: usize,
    /// Bytes on disk that they share for what does not fit there.
    pub spill: u64,
    /// Statements that run at the same time.
    pub concurrency: usize,
    /// Bytes that the process may hold; near them the statement that holds most is ended.
    pub ceiling: Option<usize>,
}

impl Limits {
    /// These limits within a caller's plan.
    pub(super) fn within(self, plan: &PlanLimits) -> Self {
        Self {
            rows: plan.rows.map_or(self.rows, |rows| rows.min(self.rows)),
            bytes: plan.bytes.map_or(self.bytes, |bytes| bytes.min(self.bytes)),
            time: plan.time.map_or(self.time, |time| time.min(self.time)),
            ..self
        }
    }
}

/// Other processes that run what one cannot hold.
#[derive(Clone)]
pub struct Executors {
    /// The URL of their scheduler.
    pub scheduler: String,
    /// The key of the deployment.
    pub key: String,
    /// The key by which its processes know each other; without one they speak to whoever comes.
    pub transport_key: Option<String>,
    /// When a statement goes there.
    pub spread: Spread,
    /// Above how many bytes that a statement is expected to read it does by itself.
    pub above: u64,
    /// Into how many parts joins and groupings are divided.
    pub partitions: usize,
    /// Whether rows between stages are compressed.
    pub compress: bool,
}

impl fmt::Debug for Executors {
    // The keys seal what they are asked, and say who they are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executors").field("scheduler", &self.scheduler).finish_non_exhaustive()
    }
}

/// When a statement runs in other processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// Where it is expected to be too large for this one, or turns out to be.
    Auto,
    /// Wherever it can.
    Always,
}

/// What an engine is made of.
#[derive(Debug)]
pub struct Parts {
    /// Tables and connectors.
    pub catalog: Arc<Catalog>,
    /// Who sees what.
    pub rules: Arc<Rules>,
    /// Where every request is recorded.
    pub audit: Arc<AuditLog>,
    /// Where results wait for their next page.
    pub results: ResultStore,
    /// What tables and columns mean.
    pub semantics: Arc<Semantics>,
    /// The key of pseudonyms, where a rule needs one.
    pub pseudonym_key: Option<PseudonymKey>,
    /// What one statement may cost.
    pub limits: Limits,
    /// What callers and sources may be asked for.
    pub meter: Arc<Meter>,
    /// The language model that `ask` asks, if there is one.
    pub model: Option<Arc<ChatModel>>,
    /// What ranks the hits of `search` anew, if it is there.
    pub embedder: Option<Arc<Embedder>>,
    /// Other processes that run what this one cannot hold, if there are any.
    pub executors: Option<Executors>,
    /// Whether work is given to the sources at all; off only to compare answers.
    pub pushdown: bool,
}
