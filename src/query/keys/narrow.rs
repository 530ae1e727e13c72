//! Where a column of a plan comes from, and the plan with only some of the column's values.

use super::super::leaf::GovernedScan;
use super::exec::KeyedJoinExec;
use super::values::Keys;
use datafusion::common::JoinType;
use datafusion::physical_expr::expressions::{CastExpr, Column};
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr, replace_children_if_necessary};
use std::ops::Range;
use std::sync::Arc;

/// Nodes that give their input's rows as they are.
const TRANSPARENT: &[&str] =
    &["CooperativeExec", "CoalescePartitionsExec", "RepartitionExec", "BufferExec"];

/// Whether a source could be told which values of the column matter.
pub(super) fn can_narrow(plan: &Arc<dyn ExecutionPlan>, column: usize) -> bool {
    if let Some(scan) = plan.downcast_ref::<GovernedScan>() {
        return scan.takes_keys(column);
    }
    let children = plan.children();
    inputs(plan, column).is_some_and(|(range, column)| {
        children.get(range).is_some_and(|inputs| inputs.iter().all(|i| can_narrow(i, column)))
    })
}

/// The plan whose rows have one of the keys in the column, and perhaps others; `None` where no source can
/// be told.
pub(super) fn narrowed(
    plan: &Arc<dyn ExecutionPlan>,
    column: usize,
    keys: &Keys,
) -> Option<Arc<dyn ExecutionPlan>> {
    if let Some(scan) = plan.downcast_ref::<GovernedScan>() {
        return Some(Arc::new(scan.with_keys(column, keys.values(), keys.range())?));
    }
    let (range, column) = inputs(plan, column)?;
    let mut children: Vec<_> = plan.children().into_iter().cloned().collect();
    for child in children.get_mut(range)? {
        *child = narrowed(child, column, keys)?;
    }
    replace_children_if_necessary(plan.clone(), children).ok()
}

/// The column that a key is, also in a wider type.
pub(super) fn column(key: &Arc<dyn PhysicalExpr>) -> Option<usize> {
    if let Some(column) = key.downcast_ref::<Column>() {
        return Some(column.index());
    }
    let cast = key.downcast_ref::<CastExpr>()?;
    // A whole number is the same in every width; its class tells the others apart.
    cast.cast_type().is_signed_integer().then(|| column(cast.expr()))?
}

/// How few rows a plan promises, from its statements alone: the more, the fewer.
pub(super) fn promise(plan: &Arc<dyn ExecutionPlan>) -> u8 {
    if let Some(scan) = plan.downcast_ref::<GovernedScan>() {
        return scan.promise();
    }
    if plan.downcast_ref::<AggregateExec>().is_some_and(|a| a.group_expr().is_empty()) {
        return 5;
    }
    let below = plan.children().into_iter().map(promise).max();
    match plan.name() {
        "FilterExec" => below.unwrap_or(0).max(2),
        // Values of the statement.
        _ => below.unwrap_or(5),
    }
}

/// The inputs that give the column, and its place there, where nothing between changes which rows have a
/// value.
fn inputs(plan: &Arc<dyn ExecutionPlan>, index: usize) -> Option<(Range<usize>, usize)> {
    if plan.fetch().is_some() {
        return None;
    }
    if plan.name() == "ConcatenateExec" {
        return Some((0..plan.children().len(), index));
    }
    let (input, below) = below(plan, index)?;
    Some((input..input + 1, below))
}

/// The input that gives the column, and the column's place there.
fn below(plan: &Arc<dyn ExecutionPlan>, index: usize) -> Option<(usize, usize)> {
    if TRANSPARENT.contains(&plan.name()) || plan.downcast_ref::<SortExec>().is_some() {
        return Some((0, index));
    }
    if let Some(filter) = plan.downcast_ref::<FilterExec>() {
        let below = match filter.projection() {
            Some(projection) => *projection.get(index)?,
            None => index,
        };
        return Some((0, below));
    }
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        return Some((0, column(&projection.expr().get(index)?.expr)?));
    }
    if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        let groups = aggregate.group_expr();
        let plain = groups.is_single() && aggregate.limit_options().is_none();
        let (group, _) = groups.expr().get(index).filter(|_| plain)?;
        return Some((0, column(group)?));
    }
    if let Some(keyed) = plan.downcast_ref::<KeyedJoinExec>() {
        return of_join(keyed.join(), index);
    }
    of_join(plan.downcast_ref::<HashJoinExec>()?, index)
}

/// A side of a join keeps its rows apart: without some of them, what they would have given is missing, and
/// nothing else.
fn of_join(join: &HashJoinExec, index: usize) -> Option<(usize, usize)> {
    let index = match &join.projection {
        Some(projection) => *projection.get(index)?,
        None => index,
    };
    let left = join.left().schema().fields().len();
    match join.join_type() {
        JoinType::Inner if index < left => Some((0, index)),
        JoinType::Inner => Some((1, index - left)),
        JoinType::Left if index < left => Some((0, index)),
        JoinType::Right if index >= left => Some((1, index - left)),
        JoinType::LeftSemi | JoinType::LeftAnti => Some((0, index)),
        JoinType::LeftMark if index < left => Some((0, index)),
        JoinType::RightSemi | JoinType::RightAnti => Some((1, index)),
        _ => None,
    }
}
