//! Windows over columns whose values cannot be subtracted: bytes and times of day.
//!
//! The engine asks every `RANGE` frame, also the one that is meant where none is written, for a type of
//! distances, and fails where there is none. Without a distance such a frame ends at peers, as one of
//! `GROUPS` does, which needs no type.

use arrow_schema::DataType;
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    Expr, ExprSchemable, LogicalPlan, WindowFrame, WindowFrameBound, WindowFrameUnits,
};

/// The plan with frames of groups where a frame needs no distance and its order has none.
pub(super) fn without_distances(plan: LogicalPlan) -> Result<LogicalPlan> {
    let rewritten = plan.transform_up_with_subqueries(|plan| {
        let LogicalPlan::Window(window) = &plan else { return Ok(Transformed::no(plan)) };
        let schema = window.input.schema().clone();
        let names = NamePreserver::new(&plan);
        plan.map_expressions(|expr| {
            let name = names.save(&expr);
            let changed = expr.transform_up(|expr| {
                let Expr::WindowFunction(mut function) = expr else {
                    return Ok(Transformed::no(expr));
                };
                let first = function.params.order_by.first();
                let ordered = first.map(|sort| sort.expr.get_type(&schema)).transpose()?;
                let frame = &mut function.params.window_frame;
                let changes = ordered.is_some_and(|ty| has_no_distance(&ty)) && is_free(frame);
                if changes {
                    frame.units = WindowFrameUnits::Groups;
                }
                Ok(Transformed::new_transformed(Expr::WindowFunction(function), changes))
            })?;
            Ok(changed.update_data(|expr| name.restore(expr)))
        })
    })?;
    Ok(rewritten.data)
}

fn has_no_distance(data_type: &DataType) -> bool {
    use DataType::{Binary, Interval, Time32, Time64};
    matches!(data_type, Binary | Time32(_) | Time64(_) | Interval(_))
}

/// Whether the frame ends at the first, the last or the current row.
fn is_free(frame: &WindowFrame) -> bool {
    let free = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::CurrentRow => true,
        WindowFrameBound::Preceding(value) | WindowFrameBound::Following(value) => value.is_null(),
    };
    frame.units == WindowFrameUnits::Range && free(&frame.start_bound) && free(&frame.end_bound)
}
