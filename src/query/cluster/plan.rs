//! From a governed plan of this process to one that others can run.

use super::super::leaf::GovernedScan;
use super::super::scan_plan::Asked;
use super::Statement;
use super::places::readers;
use super::scan::SealedScan;
use super::seal::Seal;
use super::wire::Leaf;
use crate::error::{Error, Result};
use arrow_schema::{DataType, Schema};
use celosia_connector_api::{Parts, Readers};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DataFusionError, JoinType};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::{
    ExecutionPlan, ExecutionPlanProperties, replace_children_if_necessary,
};
use std::sync::Arc;

/// Nodes that other processes run as this one would. A row of constants in a union is none: its stage does not end
/// (Ballista 55.0).
const KNOWN: &[&str] = &[
    "AggregateExec",
    "BoundedWindowAggExec",
    "CoalescePartitionsExec",
    "CooperativeExec",
    "CrossJoinExec",
    "FilterExec",
    "GlobalLimitExec",
    "HashJoinExec",
    "LocalLimitExec",
    "NestedLoopJoinExec",
    "ProjectionExec",
    "RepartitionExec",
    "SortExec",
    "SortMergeJoinExec",
    "SortPreservingMergeExec",
    "UnionExec",
    "WindowAggExec",
    "GovernedScan",
];

/// Nodes that end a stage: what is below them is computed once and read from files.
const STAGE: &[&str] = &["CoalescePartitionsExec", "RepartitionExec", "SortPreservingMergeExec"];

/// A plan that can travel.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) plan: Arc<dyn ExecutionPlan>,
    /// The leaves by number.
    pub(super) leaves: Vec<Known>,
}

/// What the server knows of a leaf.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) source: String,
    /// Its statement as the caller may read it.
    pub(super) sql: String,
    /// Who reads it, as far as the caller may know.
    pub(super) readers: Readers,
}

/// Why a plan stays here; `None` where it can travel.
pub(super) fn stays(plan: &Arc<dyn ExecutionPlan>) -> Option<&'static str> {
    // A sort that keeps the first rows says so in brackets.
    let name = plan.name().split('(').next().unwrap_or_default();
    if !KNOWN.contains(&name) {
        tracing::debug!(node = plan.name(), "a node runs here alone");
        return Some("a part of it runs in one process alone");
    }
    if fills_constants(plan) {
        return Some("an outer join fills a constant column");
    }
    plan.children().into_iter().find_map(stays)
}

/// The plan with each leaf sealed for the executors, with the parts of each.
pub(super) fn sealed(
    plan: &Arc<dyn ExecutionPlan>,
    parts: &[Option<Parts>],
    statement: &Statement,
    seal: &Seal,
) -> Result<Sealed> {
    let mut leaves: Vec<Known> = Vec::new();
    let sealed = plan.clone().transform_up(|node| {
        if let Some(scan) = node.downcast_ref::<GovernedScan>() {
            let number = u32::try_from(leaves.len()).unwrap_or(u32::MAX);
            let parts = parts.get(leaves.len()).and_then(Option::as_ref);
            let bytes =
                Leaf::of(scan, parts, statement)?.write().and_then(|bytes| seal.seal(bytes));
            let bytes = bytes.map_err(|error| DataFusionError::External(Box::new(error)))?;
            leaves.push(Known {
                source: scan.source().into(),
                sql: scan.sql().to_string(),
                readers: readers(scan, parts),
            });
            let count = parts.map_or(1, |parts| parts.statements.len());
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            let node = SealedScan::new(number, count, scan.schema(), bytes.into())?;
            return Ok(Transformed::yes(Arc::new(node) as Arc<dyn ExecutionPlan>));
        }
        alone(node)
    });
    let plan = sealed.map_err(|error| Error::internal(error.to_string()))?.data;
    Ok(Sealed { plan, leaves })
}

/// Leaves beside other inputs get a stage of their own: a node with many partitions would read its leaf once
/// for each.
fn alone(
    node: Arc<dyn ExecutionPlan>,
) -> datafusion::common::Result<Transformed<Arc<dyn ExecutionPlan>>> {
    let children = node.children();
    if children.len() < 2 || !children.iter().any(|child| reads(child)) {
        return Ok(Transformed::no(node));
    }
    let children = children.into_iter().cloned().map(|child| {
        if !reads(&child) || child.output_partitioning().partition_count() > 1 {
            return child;
        }
        Arc::new(CoalescePartitionsExec::new(child)) as Arc<dyn ExecutionPlan>
    });
    let children = children.collect();
    Ok(Transformed::yes(replace_children_if_necessary(node, children)?))
}

/// Whether a source is asked in the stage that this node is in.
fn reads(node: &Arc<dyn ExecutionPlan>) -> bool {
    if STAGE.contains(&node.name()) {
        return false;
    }
    node.downcast_ref::<SealedScan>().is_some() || node.children().into_iter().any(reads)
}

/// Whether a join fills columns with NULL that were constant below it: the engine orders by them no more
/// (DataFusion 55.2).
fn fills_constants(node: &Arc<dyn ExecutionPlan>) -> bool {
    let kind = node.downcast_ref::<HashJoinExec>().map(|join| *join.join_type());
    let kind = kind
        .or_else(|| node.downcast_ref::<NestedLoopJoinExec>().map(|join| *join.join_type()))
        .or_else(|| node.downcast_ref::<SortMergeJoinExec>().map(|join| join.join_type()));
    let filled = match kind {
        Some(JoinType::Left) => [false, true],
        Some(JoinType::Right) => [true, false],
        Some(JoinType::Full) => [true, true],
        _ => return false,
    };
    let constant =
        |side: &Arc<dyn ExecutionPlan>| !side.equivalence_properties().constants().is_empty();
    node.children().into_iter().zip(filled).any(|(side, filled)| filled && constant(side))
}

/// Bytes that the sources may give this plan, by their own guesses; 0 where nothing of it has to be held.
pub(super) fn weight(plan: &Arc<dyn ExecutionPlan>) -> u64 {
    const HOLDS: &[&str] =
        &["Aggregate", "HashJoin", "SortMergeJoin", "NestedLoopJoin", "CrossJoin", "KeyedJoin"];
    let holds = HOLDS.iter().any(|name| plan.name().starts_with(name));
    let below = plan.children().into_iter();
    if holds { read(plan) } else { below.map(weight).sum() }
}

fn read(plan: &Arc<dyn ExecutionPlan>) -> u64 {
    let Some(scan) = plan.downcast_ref::<GovernedScan>() else {
        return plan.children().into_iter().map(read).sum();
    };
    let estimates = scan.reads().iter().map(|read| read.table.entry().description.row_estimate);
    let rows = estimates.flatten().max().unwrap_or(0);
    // A condition or a grouping at the source leaves fewer; how many fewer is not known.
    let rows = match &scan.plan().asked {
        Asked::Table(read) if read.predicate.is_none() => rows,
        _ => rows / 4,
    };
    rows.saturating_mul(width(&scan.schema()))
}

fn width(schema: &Schema) -> u64 {
    let widths = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Boolean | DataType::Int8 | DataType::UInt8 => 1,
        DataType::Int16 | DataType::Int32 | DataType::Float32 | DataType::Date32 => 4,
        DataType::Decimal128(..) => 16,
        DataType::Utf8 | DataType::Binary | DataType::LargeUtf8 => 32,
        _ => 8,
    });
    widths.sum()
}
