//! Columns beside a GROUP BY that no key determines, as SQLite and MySQL take them: the one value that a column has in
//! each group. SQLite says which row's it is beside a single `min` or `max`. Several values are an error when the
//! statement runs: nothing is picked. See `only_value.rs`.

use super::calls::{self, text};
use super::notes::Notes;
use super::template::{Budget, fill};
use crate::error::{Error, Result};
use crate::query::functions::is_aggregate;
use sqlparser::ast::{
    Distinct, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Ident,
    OrderBy, OrderByKind, Query, Select, SelectItem, Visit, VisitMut, Visitor, VisitorMut,
};
use std::ops::ControlFlow;

/// `SELECT DISTINCT a ... ORDER BY b` is a grouping by what is selected; `b` is then beside it.
pub(super) fn group_distinct(select: &mut Select, order: Option<&OrderBy>) {
    let Some(OrderBy { kind: OrderByKind::Expressions(keys), .. }) = order else { return };
    if !matches!(select.distinct, Some(Distinct::Distinct)) || is_grouped(select) {
        return;
    }
    let items: Option<Vec<Expr>> = select
        .projection
        .iter()
        .map(|item| match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }
                if is_column(expr) =>
            {
                Some(expr.clone())
            }
            _ => None,
        })
        .collect();
    let Some(items) = items else { return };
    let elsewhere = keys.iter().any(|key| {
        is_column(&key.expr)
            && !items.iter().any(|item| last(item) == last(&key.expr))
            && !is_alias(&key.expr, &select.projection)
    });
    if elsewhere {
        select.distinct = None;
        select.group_by = GroupByExpr::Expressions(items, Vec::new());
    }
}

/// Whether a SELECT makes one row of many.
pub(super) fn is_grouped(select: &Select) -> bool {
    let keyed = match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(keys, _) => !keys.is_empty(),
    };
    let mut extremes = Extremes::default();
    let _ = select.projection.visit(&mut extremes);
    let _ = select.having.visit(&mut extremes);
    keyed || extremes.aggregates
}

/// Puts the one value of its group in the place of every column that is `free`.
///
/// # Errors
/// `TooComplex` for what grows too large.
pub(super) fn wrap(
    select: &mut Select,
    order: Option<&mut OrderBy>,
    grouped: &[Expr],
    free: &dyn Fn(&Expr) -> bool,
    notes: &mut Notes,
) -> Result<()> {
    let mut extremes = Extremes::default();
    let _ = select.projection.visit(&mut extremes);
    let _ = select.having.visit(&mut extremes);
    if let Some(order) = &order {
        let _ = order.kind.visit(&mut extremes);
    }
    let mut wrap = Wrap {
        grouped,
        free,
        extreme: extremes.only(),
        names: Vec::new(),
        inside: 0,
        wrapped: false,
        budget: Budget::new(),
    };
    for item in &mut select.projection {
        wrap.item(item)?;
    }
    wrap.names = select.projection.iter().filter_map(alias).cloned().collect();
    wrap.part(&mut select.having)?;
    if let Some(order) = order {
        wrap.part(&mut order.kind)?;
    }
    if wrap.wrapped {
        notes.add(match wrap.extreme {
            None => "a column beside GROUP BY as the one value that it has in its group",
            Some(_) => {
                "a column beside min or max as that of the row with it, as SQLite has it, where it is one"
            }
        });
    }
    Ok(())
}

pub(super) fn is_column(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
}

/// Whether `expr` is one call of an aggregate.
pub(super) fn aggregates(expr: &Expr) -> bool {
    let Expr::Function(function) = expr else { return false };
    function.over.is_none() && calls::name(function).is_some_and(|name| is_aggregate(&name))
}

fn last(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(ident) => Some(ident.value.to_lowercase()),
        Expr::CompoundIdentifier(parts) => Some(parts.last()?.value.to_lowercase()),
        _ => None,
    }
}

fn alias(item: &SelectItem) -> Option<&Ident> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias),
        _ => None,
    }
}

fn is_alias(expr: &Expr, projection: &[SelectItem]) -> bool {
    let Expr::Identifier(name) = expr else { return false };
    projection.iter().filter_map(alias).any(|alias| alias.value.eq_ignore_ascii_case(&name.value))
}

/// The calls of `min` and `max` outside subqueries.
#[derive(Default)]
struct Extremes {
    found: Vec<(Expr, i64)>,
    aggregates: bool,
    inside: usize,
}

impl Extremes {
    /// What the only one is of, and 1 for the greatest.
    fn only(self) -> Option<(Expr, i64)> {
        let first = self.found.first()?.clone();
        self.found.iter().all(|other| *other == first).then_some(first)
    }

    fn take(&mut self, function: &Function) {
        let sign = match calls::name(function).as_deref() {
            Some("max") => 1,
            Some("min") => -1,
            _ => return,
        };
        if let (FunctionArguments::List(list), None) = (&function.args, &function.filter)
            && let [FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))] = list.args.as_slice()
        {
            self.found.push((expr.clone(), sign));
        }
    }
}

impl Visitor for Extremes {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.inside += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.inside -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if self.inside == 0
            && aggregates(expr)
            && let Expr::Function(function) = expr
        {
            self.aggregates = true;
            self.take(function);
        }
        ControlFlow::Continue(())
    }
}

struct Wrap<'a> {
    grouped: &'a [Expr],
    free: &'a dyn Fn(&Expr) -> bool,
    extreme: Option<(Expr, i64)>,
    /// Names that are selected, which HAVING and ORDER BY may mean.
    names: Vec<Ident>,
    /// Levels of aggregates, keys and subqueries around the place.
    inside: usize,
    wrapped: bool,
    budget: Budget,
}

impl Wrap<'_> {
    /// A selected expression, which keeps its name.
    fn item(&mut self, item: &mut SelectItem) -> Result<()> {
        match item {
            SelectItem::ExprWithAlias { expr, .. } => self.part(expr),
            SelectItem::UnnamedExpr(expr) => {
                let written = expr.clone();
                self.part(expr)?;
                if *expr != written {
                    let alias = match &written {
                        Expr::Identifier(ident) => ident.clone(),
                        Expr::CompoundIdentifier(parts) => {
                            parts.last().cloned().unwrap_or_else(|| Ident::new("value"))
                        }
                        other => Ident::with_quote('"', other.to_string()),
                    };
                    *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn part(&mut self, part: &mut impl VisitMut) -> Result<()> {
        match part.visit(self) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(error) => Err(*error),
        }
    }

    fn is_closed(&self, expr: &Expr) -> bool {
        aggregates(expr) || self.grouped.contains(expr)
    }

    fn is_selected(&self, expr: &Expr) -> bool {
        let Expr::Identifier(name) = expr else { return false };
        self.names.iter().any(|alias| alias.value.eq_ignore_ascii_case(&name.value))
    }

    fn value(&mut self, column: &Expr) -> Result<Expr> {
        let (key, sign) = match &self.extreme {
            Some((key, sign)) => (key.clone(), *sign),
            None => (super::limits::number(0), 1),
        };
        let template = format!("only_value($1, $2, {sign}, $3)");
        fill(&template, &[column.clone(), key, text(column.to_string())], &mut self.budget)
    }
}

impl VisitorMut for Wrap<'_> {
    type Break = Box<Error>;

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<Self::Break> {
        self.inside += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Self::Break> {
        self.inside -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        self.inside += usize::from(self.is_closed(expr));
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        if self.is_closed(expr) {
            self.inside -= 1;
        } else if self.inside == 0
            && is_column(expr)
            && !self.is_selected(expr)
            && (self.free)(expr)
        {
            match self.value(expr) {
                Ok(value) => *expr = value,
                Err(error) => return ControlFlow::Break(Box::new(error)),
            }
            self.wrapped = true;
        }
        ControlFlow::Continue(())
    }
}
