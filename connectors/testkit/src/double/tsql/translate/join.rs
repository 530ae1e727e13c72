//! The sources of a SELECT: only joins that T-SQL has.

use super::{expression, raw};
use crate::double::engine::EngineError;
use crate::double::tsql::errors::{syntax, unsupported};
use sqlparser::ast::{
    JoinConstraint, JoinOperator, Select, SelectItem, TableFactor, TableWithJoins,
};

/// Rewrites joins, and refuses what T-SQL does not have; `fills` where NULL may stand in a column that has
/// none.
pub(crate) fn checked(select: &mut Select, fills: &mut bool) -> Result<(), EngineError> {
    for item in &select.projection {
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item
            && expression::is_condition(expr)
        {
            return Err(syntax("a condition"));
        }
    }
    if select.into.is_some() {
        return Err(unsupported("SELECT INTO"));
    }
    if select.qualify.is_some() || !select.lateral_views.is_empty() {
        return Err(syntax("QUALIFY"));
    }
    select.from.iter_mut().try_for_each(|table| joined(table, fills))
}

/// The joins of a table, and those in parentheses.
fn joined(table: &mut TableWithJoins, fills: &mut bool) -> Result<(), EngineError> {
    if let TableFactor::NestedJoin { table_with_joins, .. } = &mut table.relation {
        joined(table_with_joins, fills)?;
    }
    for join in &mut table.joins {
        if let TableFactor::NestedJoin { table_with_joins, .. } = &mut join.relation {
            joined(table_with_joins, fills)?;
        }
        let applied =
            matches!(join.join_operator, JoinOperator::CrossApply | JoinOperator::OuterApply);
        if applied && let TableFactor::Derived { lateral, .. } = &mut join.relation {
            *lateral = true;
        }
        match &join.join_operator {
            JoinOperator::CrossApply => {
                join.join_operator = JoinOperator::CrossJoin(JoinConstraint::None);
            }
            JoinOperator::OuterApply => {
                *fills = true;
                join.join_operator = JoinOperator::LeftOuter(JoinConstraint::On(raw("true")));
            }
            JoinOperator::Join(JoinConstraint::On(_))
            | JoinOperator::Inner(JoinConstraint::On(_))
            | JoinOperator::CrossJoin(JoinConstraint::None) => {}
            JoinOperator::Left(JoinConstraint::On(_))
            | JoinOperator::LeftOuter(JoinConstraint::On(_))
            | JoinOperator::Right(JoinConstraint::On(_))
            | JoinOperator::RightOuter(JoinConstraint::On(_))
            | JoinOperator::FullOuter(JoinConstraint::On(_)) => *fills = true,
            _ => return Err(syntax("JOIN")),
        }
    }
    Ok(())
}
