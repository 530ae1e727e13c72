//! Oracle's `ROWNUM`, which counts the rows of FROM and WHERE before they are ordered.

use super::calls::{refused, whole};
use super::limits::{number, set};
use super::notes::Notes;
use crate::error::{Error, Result};
use sqlparser::ast::{
    BinaryOperator, Expr, GroupByExpr, Ident, Query, Select, SelectItem, SetExpr, TableFactor,
    Visit, VisitMut, Visitor, VisitorMut,
};
use std::ops::ControlFlow;

/// Whether a word is ROWNUM.
pub(super) fn is_rownum(ident: &Ident) -> bool {
    ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("rownum")
}

/// Translates the ROWNUM of a query; its subqueries have had their turn.
pub(super) fn translate(query: &mut Query, notes: &mut Notes) -> Result<()> {
    let has_order = query.order_by.is_some();
    let SetExpr::Select(select) = query.body.as_mut() else { return Ok(()) };
    if !mentions(select.as_ref()) {
        return Ok(());
    }
    let rows = match select.selection.take() {
        Some(condition) => {
            let mut rows = None;
            select.selection = without(condition, &mut rows);
            rows
        }
        None => None,
    };
    if select.selection.as_ref().is_some_and(mentions) {
        return Err(meaning());
    }
    if shapes(select) || (has_order && rows.is_some()) {
        return Err(meaning());
    }
    numbered(select, notes)?;
    let Some(rows) = rows else { return Ok(()) };
    notes.add("ROWNUM <= n as LIMIT n");
    match ordered_source(select) {
        Some(inner) => set(inner, number(rows)),
        None => set(query, number(rows)),
    }
}

/// Whether ROWNUM is in a part of a statement, subqueries apart: theirs are gone by now.
fn mentions(part: &impl Visit) -> bool {
    struct Find(bool);
    impl Visitor for Find {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            self.0 |= matches!(expr, Expr::Identifier(ident) if is_rownum(ident));
            ControlFlow::Continue(())
        }
    }
    let mut find = Find(false);
    let _ = part.visit(&mut find);
    find.0
}

/// The condition without its bounds of ROWNUM, the least of which goes to `rows`.
fn without(condition: Expr, rows: &mut Option<u64>) -> Option<Expr> {
    match condition {
        Expr::Nested(inner) => without(*inner, rows).map(|inner| Expr::Nested(Box::new(inner))),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            match (without(*left, rows), without(*right, rows)) {
                (Some(left), Some(right)) => Some(Expr::BinaryOp {
                    left: Box::new(left),
                    op: BinaryOperator::And,
                    right: Box::new(right),
                }),
                (one, other) => one.or(other),
            }
        }
        other => match bound(&other) {
            Some(most) => {
                *rows = Some(rows.map_or(most, |rows| rows.min(most)));
                None
            }
            None => Some(other),
        },
    }
}

/// How many rows `ROWNUM <= n` leaves.
fn bound(condition: &Expr) -> Option<u64> {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq};
    let Expr::BinaryOp { left, op, right } = condition else { return None };
    let counted = |expr: &Expr| matches!(expr, Expr::Identifier(ident) if is_rownum(ident));
    let (op, value) = if counted(left) {
        (op.clone(), whole(right)?)
    } else if counted(right) {
        let turned = match op {
            Gt => Lt,
            GtEq => LtEq,
            Eq => Eq,
            _ => return None,
        };
        (turned, whole(left)?)
    } else {
        return None;
    };
    let most = match op {
        LtEq => value,
        Lt => value.checked_sub(1)?,
        // No other row is ever the first.
        Eq if value == 1 => 1,
        _ => return None,
    };
    u64::try_from(most.max(0)).ok()
}

/// Whether what is selected is not row by row.
fn shapes(select: &Select) -> bool {
    let grouped = match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(keys, _) => !keys.is_empty(),
    };
    let aggregates = select.projection.iter().any(|item| {
        let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item else {
            return false;
        };
        calls_function_of_many(expr)
    });
    grouped || select.having.is_some() || select.distinct.is_some() || aggregates
}

fn calls_function_of_many(expr: &Expr) -> bool {
    const MANY: &[&str] =
        &["count", "sum", "avg", "min", "max", "string_agg", "median", "stddev", "variance"];
    struct Find(bool);
    impl Visitor for Find {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            if let Expr::Function(function) = expr {
                let name = super::calls::name(function).unwrap_or_default();
                self.0 |= MANY.contains(&name.as_str());
            }
            ControlFlow::Continue(())
        }
    }
    let mut find = Find(false);
    let _ = expr.visit(&mut find);
    find.0
}

/// The query in FROM whose order decides which rows are the first.
fn ordered_source(select: &mut Select) -> Option<&mut Query> {
    if select.selection.is_some() {
        return None;
    }
    let [from] = select.from.as_mut_slice() else { return None };
    if !from.joins.is_empty() {
        return None;
    }
    let TableFactor::Derived { subquery, lateral: false, .. } = &mut from.relation else {
        return None;
    };
    (subquery.order_by.is_some() && subquery.limit_clause.is_none()).then_some(subquery)
}

/// ROWNUM as a selected column: the rows in no certain order are numbered.
fn numbered(select: &mut Select, notes: &mut Notes) -> Result<()> {
    let found = select.projection.iter().any(mentions);
    if !found {
        return Ok(());
    }
    let source = ordered_source(select).is_some();
    if source || select.selection.is_some() && mentions(&select.selection) {
        return Err(meaning());
    }
    notes.add("ROWNUM as row_number() OVER ()");
    let numbering = super::template::fill("row_number() OVER ()", &[], &mut super::Budget::new())?;
    struct Number(Expr);
    impl VisitorMut for Number {
        type Break = ();
        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            if matches!(expr, Expr::Identifier(ident) if is_rownum(ident)) {
                *expr = self.0.clone();
            }
            ControlFlow::Continue(())
        }
    }
    let mut number = Number(numbering);
    for item in &mut select.projection {
        // The column keeps its name.
        if matches!(item, SelectItem::UnnamedExpr(Expr::Identifier(ident)) if is_rownum(ident)) {
            let expr = number.0.clone();
            *item = SelectItem::ExprWithAlias { expr, alias: Ident::new("rownum") };
        }
        let _ = VisitMut::visit(item, &mut number);
    }
    Ok(())
}

fn meaning() -> Error {
    refused(
        "ROWNUM counts rows before they are grouped and ordered, so here it is not the first rows of an order",
        "write ORDER BY x FETCH FIRST n ROWS ONLY, or row_number() OVER (ORDER BY x) in a subquery",
    )
}
