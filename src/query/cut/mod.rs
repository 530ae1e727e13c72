//! The cut: maximal subtrees of a plan that live on one source become one statement there.
//!
//! ```text
//! before   Sort: revenue DESC, fetch=10               after   Remote: sales (orders, lineitem)
//!            Projection: o.day, sum(...) AS revenue
//!              Aggregate: groupBy=[o.day], aggr=[sum(...)]
//!                Inner Join: o.id = l.order
//!                  TableScan: orders
//!                  Filter: l.shipped > 2024-01-01
//!                    TableScan: lineitem
//!
//! before   Inner Join: o.customer = c.id              after   Inner Join: o.customer = c.id
//!            Aggregate: groupBy=[o.customer] ...                Remote: sales (orders)
//!              TableScan: sales.orders                          TableScan: support.customers
//!            TableScan: support.customers
//! ```
//!
//! The plan is taken after the engine's own optimisation and walked once, from its leaves. A node joins
//! the statement of its inputs if all of them live on one source and the source computes the node exactly
//! as the engine would: its expressions are on the dialect's list, for the classes of their operands, and
//! none of them can raise an error, so that no hidden row can speak through one. What is not on the list
//! stays in the engine, above one statement for each of its inputs; of a condition, the parts that are on
//! the list go down.
//!
//! A table that is only read, filtered and sliced is left to its own leaf, which does the same and also
//! sends parts of conditions that it checks again.

mod aggregates;
mod expressions;
mod nodes;
mod products;
mod remote;
mod types;

pub(super) use remote::Read;

use super::leaf::GovernedTable;
use datafusion::common::Result;
use datafusion::common::tree_node::TreeNode;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{Expr, Filter, LogicalPlan};
use nodes::Piece;
use std::sync::Arc;

/// Why something was not sent to a source: written from the statement, never from stored values.
pub(super) type Reason = String;

/// A plan whose subtrees have been cut off.
#[derive(Debug)]
pub(super) struct Cut {
    /// The plan with a leaf for each statement.
    pub(super) plan: LogicalPlan,
    /// What stayed in the engine, and why.
    pub(super) kept: Vec<Kept>,
}

/// One node that stayed in the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    /// What kind of node.
    pub(super) node: &'static str,
    /// Why.
    pub(super) reason: Reason,
}

/// Cuts a plan.
pub(super) fn cut(plan: &LogicalPlan) -> Result<Cut> {
    if is_plain(plan) {
        return Ok(Cut { plan: plan.clone(), kept: Vec::new() });
    }
    let mut cutter = Cutter { kept: Vec::new(), products_stay: false };
    let plan = match cutter.visit(plan)? {
        Visited::Remote(piece) => piece.into_plan()?,
        Visited::Local(plan) => plan,
    };
    Ok(Cut { plan, kept: cutter.kept })
}

/// Whether a plan is one table with conditions, columns, an order and a limit that its own leaf takes as
/// well: a look-up, which is planned again for every value.
fn is_plain(plan: &LogicalPlan) -> bool {
    let node = match plan {
        LogicalPlan::TableScan(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_) => true,
        LogicalPlan::Projection(projection) => {
            projection.expr.iter().all(|e| matches!(e.clone().unalias(), Expr::Column(_)))
        }
        LogicalPlan::Filter(filter) => nodes::is_the_leafs(filter),
        _ => false,
    };
    node && plan.inputs().into_iter().all(is_plain)
}

enum Visited {
    Remote(Box<Piece>),
    Local(LogicalPlan),
}

struct Cutter {
    kept: Vec<Kept>,
    /// Whether products are made by the engine.
    products_stay: bool,
}

impl Cutter {
    fn visit(&mut self, plan: &LogicalPlan) -> Result<Visited> {
        if let LogicalPlan::TableScan(scan) = plan {
            let provider = source_as_provider(&scan.source)?;
            let table = provider.downcast_ref::<GovernedTable>();
            return Ok(match table.and_then(|table| Piece::scan(plan, scan, table)) {
                Some(piece) => Visited::Remote(Box::new(piece)),
                None => Visited::Local(plan.clone()),
            });
        }
        let plan = self.with_subqueries(plan)?;
        let mut inputs = Vec::new();
        for input in plan.inputs() {
            inputs.push(self.visit(input)?);
        }
        if inputs.is_empty() || inputs.iter().any(|input| matches!(input, Visited::Local(_))) {
            return self.keep(&plan, inputs);
        }
        let pieces: Vec<Piece> = inputs
            .into_iter()
            .filter_map(|input| match input {
                Visited::Remote(piece) => Some(*piece),
                Visited::Local(_) => None,
            })
            .collect();
        let joined = nodes::join_node(&plan, &pieces);
        match joined.and_then(|piece| self.unless_a_product(piece)) {
            Ok(piece) => Ok(Visited::Remote(Box::new(piece))),
            Err(reason) => {
                if let LogicalPlan::Filter(filter) = &plan
                    && let Some(split) = self.split(filter, &pieces[0], &reason)?
                {
                    return Ok(Visited::Local(split));
                }
                self.note(&plan, reason);
                let inputs = pieces.into_iter().map(|p| Visited::Remote(Box::new(p))).collect();
                self.keep(&plan, inputs)
            }
        }
    }

    /// Sends the parts of a condition that can be sent, and keeps the others above.
    fn split(
        &mut self,
        filter: &Filter,
        piece: &Piece,
        reason: &Reason,
    ) -> Result<Option<LogicalPlan>> {
        use datafusion::logical_expr::utils::{conjunction, split_conjunction};
        if !piece.is_rich() {
            // The table's own leaf takes what it can, also as more than what was asked for.
            return Ok(None);
        }
        let (mut sent, mut left) = (piece.clone(), Vec::new());
        for part in split_conjunction(&filter.predicate) {
            let one = Filter::try_new(part.clone(), filter.input.clone())?;
            match nodes::join_node(&LogicalPlan::Filter(one), std::slice::from_ref(&sent)) {
                Ok(more) => sent = more,
                Err(_) => left.push(part.clone()),
            }
        }
        self.kept.push(Kept { node: "filter", reason: reason.clone() });
        let Some(condition) = conjunction(left) else { return Ok(None) };
        let input = Arc::new(sent.into_plan()?);
        Ok(Some(LogicalPlan::Filter(Filter::try_new(condition, input)?)))
    }

    fn unless_a_product(&self, piece: Piece) -> std::result::Result<Piece, Reason> {
        match self.products_stay && piece.gives_a_product() {
            true => Err("every row of one side is joined with every row of the other".into()),
            false => Ok(piece),
        }
    }

    /// A leaf for a subtree below a node that stays; where it would send a product, leaves for its inputs.
    fn leaf(&mut self, piece: Piece) -> Result<LogicalPlan> {
        if self.products_stay || !piece.gives_a_product() {
            return piece.into_plan();
        }
        self.products_stay = true;
        let apart = self.visit(&piece.into_subtree());
        self.products_stay = false;
        match apart? {
            Visited::Remote(piece) => piece.into_plan(),
            Visited::Local(plan) => Ok(plan),
        }
    }

    /// The node over what has become of its inputs.
    fn keep(&mut self, plan: &LogicalPlan, inputs: Vec<Visited>) -> Result<Visited> {
        let mut below = Vec::with_capacity(inputs.len());
        for input in inputs {
            below.push(match input {
                Visited::Remote(piece) => self.leaf(*piece)?,
                Visited::Local(plan) => plan,
            });
        }
        let mut below = below.into_iter();
        let mapped = plan.clone().map_children(|child| {
            Ok(match below.next() {
                Some(plan) => datafusion::common::tree_node::Transformed::yes(plan),
                None => datafusion::common::tree_node::Transformed::no(child),
            })
        })?;
        Ok(Visited::Local(mapped.data))
    }

    /// Subqueries that are left within expressions are plans of their own.
    fn with_subqueries(&mut self, plan: &LogicalPlan) -> Result<LogicalPlan> {
        use datafusion::common::tree_node::Transformed;
        let mapped = plan.clone().map_subqueries(|subquery| {
            let LogicalPlan::Subquery(mut inner) = subquery else {
                return Ok(Transformed::no(subquery));
            };
            inner.subquery = Arc::new(match self.visit(&inner.subquery)? {
                Visited::Remote(piece) => piece.into_plan()?,
                Visited::Local(plan) => plan,
            });
            Ok(Transformed::yes(LogicalPlan::Subquery(inner)))
        })?;
        Ok(mapped.data)
    }

    fn note(&mut self, plan: &LogicalPlan, reason: Reason) {
        let node = match plan {
            LogicalPlan::Filter(_) => "filter",
            LogicalPlan::Projection(_) => "projection",
            LogicalPlan::Aggregate(_) => "aggregate",
            LogicalPlan::Join(_) => "join",
            LogicalPlan::Sort(_) => "sort",
            LogicalPlan::Limit(_) => "limit",
            LogicalPlan::Window(_) => "window",
            LogicalPlan::Union(_) => "union",
            _ => return,
        };
        let kept = Kept { node, reason };
        if !self.kept.contains(&kept) {
            self.kept.push(kept);
        }
    }
}
