//! Types that are to be one: the branches of a UNION, the results of a CASE.

use super::fragments::{Family, reads};
use super::{Find, Found, shown};
use sqlparser::ast::{CaseWhen, Expr, SelectItem, SetExpr};

impl Find<'_> {
    /// The first two branches of a set whose columns at `at` do not go together.
    pub(super) fn branches(&self, body: &SetExpr, at: usize) -> Option<Found> {
        let (left, right) = match body {
            SetExpr::SetOperation { left, right, .. } => (left, right),
            SetExpr::Query(query) => return self.branches(&query.body, at),
            _ => return None,
        };
        let inside = self.branches(left, at).or_else(|| self.branches(right, at));
        inside.or_else(|| self.unlike_values(column(left, at)?, column(right, at)?, "column"))
    }

    /// The first two results of a CASE that do not go together.
    pub(super) fn results(
        &self,
        conditions: &[CaseWhen],
        otherwise: Option<&Expr>,
    ) -> Option<Found> {
        let mut results = conditions.iter().map(|case| &case.result).chain(otherwise);
        let first = results.find(|result| self.family(result).is_some())?;
        results.find_map(|result| self.unlike_values(first, result, "CASE"))
    }

    fn unlike_values(&self, one: &Expr, other: &Expr, place: &str) -> Option<Found> {
        let (l, r) = (self.family(one)?, self.family(other)?);
        let is_text = |family| matches!(family, Family::Text | Family::Written);
        let (wrong, kept) = match (l, r) {
            (l, r) if l == r || (l.is_moment() && r.is_moment()) => return None,
            (l, Family::Written) if reads(l, other) => return None,
            (Family::Written, r) if reads(r, one) => return None,
            (l, _) if is_text(l) => (other, Family::Text),
            (_, r) if is_text(r) => (one, Family::Text),
            (Family::Boolean, Family::Number) => (one, Family::Number),
            (Family::Number, Family::Boolean) => (other, Family::Number),
            _ => return None,
        };
        let target = if kept == Family::Number { "integer" } else { "text" };
        Some(Found {
            message: format!(
                "{} and {} do not go together in one {place}: {}",
                self.type_name(one),
                self.type_name(other),
                shown(wrong)
            ),
            hint: format!("write CAST({wrong} AS {target})"),
        })
    }
}

/// A column of a branch, as it is written.
fn column(body: &SetExpr, at: usize) -> Option<&Expr> {
    match body {
        SetExpr::Select(select) => match select.projection.get(at)? {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
            _ => None,
        },
        SetExpr::Query(query) => column(&query.body, at),
        SetExpr::SetOperation { left, .. } => column(left, at),
        _ => None,
    }
}
