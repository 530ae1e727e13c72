//! The executors' half: opens sealed leaves and asks this machine's own sources.

use super::super::context::QueryContext;
use super::seal::Seal;
use super::wire::Leaf;
use super::{millis, refused};
use crate::error::Error;
use crate::limits::{Account, Meter};
use crate::policy::PseudonymKey;
use crate::policy::mask::MaskContext;
use arc_swap::ArcSwap;
use celosia_connector_api::Connector;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::SendableRecordBatchStream;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What an executor has of its own: sources with their logins, the key of pseudonyms, the policy.
pub struct Worker {
    seal: Seal,
    sources: HashMap<String, Arc<dyn Connector>>,
    policy: ArcSwap<String>,
    masks: MaskContext,
    meter: Arc<Meter>,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("policy", &self.policy.load()).finish_non_exhaustive()
    }
}

impl Worker {
    /// A worker over its own sources, under the policy with this version.
    ///
    /// # Errors
    /// The deployment's key is short.
    pub fn new(
        sources: Vec<(String, Arc<dyn Connector>)>,
        policy: &str,
        pseudonym_key: Option<PseudonymKey>,
        meter: Arc<Meter>,
        key: &str,
    ) -> std::result::Result<Self, String> {
        Ok(Self {
            seal: Seal::new(key)?,
            sources: sources.into_iter().collect(),
            policy: ArcSwap::from_pointee(policy.to_string()),
            masks: MaskContext::new(pseudonym_key, 0),
            meter,
        })
    }

    /// From now on it runs reads under the policy with this version, and no other.
    pub fn know(&self, policy: &str) {
        self.policy.store(Arc::new(policy.to_string()));
    }

    /// The governed rows of a part of a sealed read. Dropped, it stops the statement at its source.
    pub(super) fn read(
        &self,
        sealed: &[u8],
        part: usize,
        batch_rows: usize,
    ) -> Result<SendableRecordBatchStream> {
        let opened = self.seal.open(sealed).and_then(|bytes| Leaf::read(&bytes));
        let leaf = opened.and_then(|leaf| self.checked(leaf)).map_err(at_worker)?;
        let connector = self.sources.get(&leaf.source).cloned().ok_or_else(|| {
            at_worker(refused(
                "an executor does not have a source of this statement",
                "give the server and its executors the same `sources`",
            ))
        })?;
        let context = Arc::new(QueryContext::of_caller(
            leaf.query.clone(),
            Instant::now() + Duration::from_millis(leaf.deadline.saturating_sub(millis())),
            self.masks.on(leaf.today),
            leaf.caller(),
            (self.meter.clone(), Account::elsewhere(leaf.allowance.as_ref())),
            leaf.accepts_cost,
        ));
        let (source, shown): (Arc<str>, String) = (leaf.source.as_str().into(), leaf.shown.clone());
        let plan = Arc::new(leaf.plan(part)?);
        Ok(context.read(connector, source, plan, &shown, batch_rows))
    }

    /// The leaf, if this executor may run it.
    fn checked(&self, leaf: Leaf) -> crate::error::Result<Leaf> {
        if leaf.policy != **self.policy.load() {
            return Err(refused(
                "an executor does not know the policy of this statement",
                "give the server and its executors the same roles and masking rules",
            ));
        }
        if leaf.epoch != self.masks.epoch() {
            return Err(refused(
                "an executor has another key of pseudonyms than this statement needs",
                "give the server and its executors one `keys.pseudonym`",
            ));
        }
        if leaf.deadline <= millis() {
            return Err(super::super::supervise::deadline_exceeded());
        }
        Ok(leaf)
    }
}

fn at_worker(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
