//! What a statement holds at its sources while other processes run it: a place for each of its reads, so that a
//! source's budget is one for the server and all executors, and the snapshots of tables that are read in parts.

use super::super::context::{QueryContext, at_source};
use super::super::failure;
use super::super::leaf::GovernedScan;
use crate::error::{Error, Result};
use celosia_connector_api::{Connector, ConnectorError, Parts, Places, Readers};
use datafusion::physical_plan::ExecutionPlan;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is held until the statement has ended.
#[derive(Debug)]
pub(super) struct Held {
    /// Of each leaf its parts, where it has more than one.
    pub(super) parts: Vec<Option<Parts>>,
    _places: Vec<Places>,
}

impl Held {
    /// Waits for a place at its source for each of `leaves`, and divides those that are worth it. `None` where a
    /// source never takes so many statements at a time.
    ///
    /// # Errors
    /// Those of the sources and of their limits.
    pub(super) async fn take(
        leaves: &[&GovernedScan],
        context: &QueryContext,
    ) -> Result<Option<Self>> {
        for leaf in leaves {
            context.turn(leaf.source()).await?;
        }
        // Everybody takes them in the order of names, so nobody waits for somebody who waits.
        let mut places = Vec::new();
        for (source, (connector, count)) in counted(leaves) {
            let taken = connector.reserve(count, context.deadline()).await;
            match taken.map_err(|error| failed(source, error))? {
                Some(taken) => places.push(taken),
                None => return Ok(None),
            }
        }
        let mut parts = Vec::with_capacity(leaves.len());
        for leaf in leaves {
            parts.push(divided(leaf, context).await?);
        }
        Ok(Some(Self { parts, _places: places }))
    }
}

/// The leaves of a plan, from the left to the right.
pub(super) fn leaves(plan: &Arc<dyn ExecutionPlan>) -> Vec<&GovernedScan> {
    match plan.downcast_ref::<GovernedScan>() {
        Some(leaf) => vec![leaf],
        None => plan.children().into_iter().flat_map(leaves).collect(),
    }
}

/// Who reads a leaf, as far as its caller may know.
pub(super) fn readers(leaf: &GovernedScan, parts: Option<&Parts>) -> Readers {
    match parts {
        Some(parts) if !leaf.plan().hides_rows() => {
            Readers { count: parts.statements.len(), one_snapshot: parts.snapshot.is_some() }
        }
        _ => Readers::ONE,
    }
}

fn counted<'l>(leaves: &[&'l GovernedScan]) -> BTreeMap<&'l str, (&'l Arc<dyn Connector>, usize)> {
    let mut counted = BTreeMap::new();
    for leaf in leaves {
        counted.entry(leaf.source()).or_insert((leaf.connector(), 0)).1 += 1;
    }
    counted
}

async fn divided(leaf: &GovernedScan, context: &QueryContext) -> Result<Option<Parts>> {
    let query = &leaf.plan().rendered;
    if query.splits.is_none() || leaf.connector().readers() < 2 {
        return Ok(None);
    }
    let execution = context.execution(1);
    let divided = leaf.connector().divide(query, &execution).await;
    divided.map_err(|error| failed(leaf.source(), error))
}

fn failed(source: &str, error: ConnectorError) -> Error {
    failure::of_execution(at_source(&source.into(), error))
}
