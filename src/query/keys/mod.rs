//! Joins that fetch one side and send its keys to the other.
//!
//! ```text
//! before   HashJoinExec: c.id = o.customer          after   KeyedJoinExec: c.id = o.customer, left keys first
//!            GovernedScan: support.customers                  GovernedScan: support.customers
//!            GovernedScan: sales.orders                       GovernedScan: sales.orders
//! ```
//!
//! The side that promises fewer rows is read first. If it ends within [`MOST_ROWS`], its distinct keys go
//! down with the other side's statement, as a list or, where there are too many, as a range; a join without
//! a row on one side does not ask the other. If it does not end, the other side gets the same chance; if
//! neither ends, both run on into an ordinary hash join. So a wrong guess costs at most the rows that were
//! read by then, and one statement that is given up.
//!
//! A source may give more than the keys' rows, never less: the join stays above and decides. Keys are
//! governed values, compared as values of the other side's governed column, so the policy is below them as
//! below every predicate. Which side is read first and what is sent follows from the statement and from open
//! rows alone.

mod exec;
mod narrow;
mod scan;
mod values;

pub(super) use exec::KeyedJoinExec;
pub(super) use scan::is_broad;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{JoinType, NullEquality, Result};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::HashJoinExec;
use exec::Way;
use narrow::{can_narrow, promise};
use std::sync::Arc;

/// The most rows of a side whose keys are sent.
const MOST_ROWS: usize = 10_000;
/// The most bytes of them.
const MOST_BYTES: usize = 16 << 20;

/// Finds the joins. Comes early, so that no other rule takes them for ordinary ones.
#[derive(Debug)]
pub(super) struct SendKeys;

impl PhysicalOptimizerRule for SendKeys {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let keyed = plan.transform_up(|node| {
            let Some(join) = node.downcast_ref::<HashJoinExec>() else {
                return Ok(Transformed::no(node));
            };
            let (to_right, to_left) = ways(join);
            if to_right.is_none() && to_left.is_none() {
                return Ok(Transformed::no(node));
            }
            let right_first = match (&to_right, &to_left) {
                (Some(_), None) => false,
                (None, Some(_)) => true,
                // Of two equal ones the right one: people name the large table first.
                _ => promise(join.right()) >= promise(join.left()),
            };
            let keyed = KeyedJoinExec::new(join.builder().build()?, to_right, to_left, right_first);
            Ok(Transformed::yes(Arc::new(keyed) as Arc<dyn ExecutionPlan>))
        })?;
        Ok(keyed.data)
    }

    fn name(&self) -> &str {
        "send_keys"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// How the left side's keys go to the right and the right side's keys to the left.
fn ways(join: &HashJoinExec) -> (Option<Way>, Option<Way>) {
    if join.null_equality() == NullEquality::NullEqualsNull || join.null_aware {
        return (None, None);
    }
    let to_right = !matches!(
        join.join_type(),
        JoinType::Right | JoinType::Full | JoinType::RightAnti | JoinType::RightMark
    );
    let to_left = !matches!(
        join.join_type(),
        JoinType::Left | JoinType::Full | JoinType::LeftAnti | JoinType::LeftMark
    );
    let (mut right, mut left) = (None, None);
    for (index, (on_left, on_right)) in join.on().iter().enumerate() {
        if to_right && right.is_none() {
            right = narrow::column(on_right)
                .filter(|column| can_narrow(join.right(), *column))
                .map(|column| Way { pair: index, column });
        }
        if to_left && left.is_none() {
            left = narrow::column(on_left)
                .filter(|column| can_narrow(join.left(), *column))
                .map(|column| Way { pair: index, column });
        }
    }
    (right, left)
}
