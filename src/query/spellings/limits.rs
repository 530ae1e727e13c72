//! How many rows: `TOP`, `FETCH FIRST`, `LIMIT 5, 10`; and Oracle's `MINUS`.

use super::calls::refused;
use super::notes::Notes;
use crate::error::Result;
use sqlparser::ast::{
    Expr, LimitClause, Offset, OffsetRows, Query, SetExpr, SetOperator, Top, TopQuantity, Value,
};

/// Translates a query's own limits; its branches are queries of their own where they have one.
pub(super) fn translate(query: &mut Query, notes: &mut Notes) -> Result<()> {
    if let Some(LimitClause::OffsetCommaLimit { offset, limit }) = query.limit_clause.clone() {
        notes.add("LIMIT m, n as LIMIT n OFFSET m");
        let offset = Some(Offset { value: offset, rows: OffsetRows::None });
        query.limit_clause =
            Some(LimitClause::LimitOffset { limit: Some(limit), offset, limit_by: Vec::new() });
    }
    if let Some(fetch) = query.fetch.take_if(|fetch| !fetch.percent && !fetch.with_ties) {
        set(query, fetch.quantity.unwrap_or_else(|| number(1)))?;
    }
    if let SetExpr::Select(select) = query.body.as_mut() {
        if let Some(top) = select.top.take() {
            notes.add("TOP as LIMIT");
            let rows = rows(top)?;
            set(query, rows)?;
        }
        return Ok(());
    }
    branches(&mut query.body, notes)
}

/// Gives a query a limit.
pub(super) fn set(query: &mut Query, rows: Expr) -> Result<()> {
    match &mut query.limit_clause {
        Some(LimitClause::LimitOffset { limit: limit @ None, .. }) => *limit = Some(rows),
        None => {
            query.limit_clause = Some(LimitClause::LimitOffset {
                limit: Some(rows),
                offset: None,
                limit_by: Vec::new(),
            });
        }
        Some(_) => {
            return Err(refused(
                "the statement limits its rows twice",
                "write LIMIT once, at its end",
            ));
        }
    }
    Ok(())
}

fn branches(body: &mut SetExpr, notes: &mut Notes) -> Result<()> {
    match body {
        SetExpr::SetOperation { op, left, right, .. } => {
            if *op == SetOperator::Minus {
                notes.add("MINUS as EXCEPT");
                *op = SetOperator::Except;
            }
            branches(left, notes)?;
            branches(right, notes)
        }
        SetExpr::Select(select) => {
            let Some(top) = select.top.take() else { return Ok(()) };
            notes.add("TOP as LIMIT");
            let mut query = around(SetExpr::Select(select.clone()));
            set(&mut query, rows(top)?)?;
            *body = SetExpr::Query(Box::new(query));
            Ok(())
        }
        _ => Ok(()),
    }
}

fn rows(top: Top) -> Result<Expr> {
    if top.percent || top.with_ties {
        return Err(refused(
            "TOP with PERCENT or WITH TIES is not accepted",
            "use LIMIT n, or rank() OVER (ORDER BY ...) in a subquery and a condition on it",
        ));
    }
    match top.quantity {
        Some(TopQuantity::Constant(rows)) => Ok(number(rows)),
        Some(TopQuantity::Expr(rows)) => Ok(rows),
        None => Err(refused("TOP needs a number", "write LIMIT n at the end of the statement")),
    }
}

pub(super) fn number(value: u64) -> Expr {
    Expr::Value(Value::Number(value.to_string(), false).with_empty_span())
}

fn around(body: SetExpr) -> Query {
    Query {
        with: None,
        body: Box::new(body),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    }
}
