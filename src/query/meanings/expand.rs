//! A view's name in a statement becomes the view's own statement, as a derived table. What it reads is
//! resolved and governed as if the caller had written it there.
//!
//! A view names its tables in full, so no common table expression of the caller's can take their place.

use super::VIEWS;
use crate::error::{Code, Error, Result};
use crate::query::gate;
use sqlparser::ast::{
    Expr, Ident, ObjectName, Query, Statement, TableAlias, TableFactor, Visit, VisitMut, Visitor,
    VisitorMut,
};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// The most views that a statement names.
const MAX_VIEWS: usize = 16;

/// Replaces every name that `find` knows, given its parts.
///
/// # Errors
/// `TooComplex` where the statement with its views is larger than a statement may be.
pub(in crate::query) fn expand(
    ast: &mut Statement,
    find: impl Fn(&[String]) -> Option<(String, Box<Query>)>,
) -> Result<()> {
    let mut own = OwnNames(BTreeSet::new());
    let _: ControlFlow<()> = Visit::visit(ast, &mut own);
    let mut expander = Expander { find, own: own.0, named: Vec::new(), views: 0 };
    let _: ControlFlow<()> = VisitMut::visit(ast, &mut expander);
    if expander.views == 0 {
        return Ok(());
    }
    if expander.views > MAX_VIEWS {
        let text = format!("the statement names views more than {MAX_VIEWS} times");
        return Err(Error::new(Code::TooComplex, text).with_hint("split the question"));
    }
    let _: ControlFlow<()> = VisitMut::visit(ast, &mut Shorten(&expander.named));
    gate::check(ast)
}

/// A view's name, where the parts are those of its full name.
pub(in crate::query) fn full_name(parts: &[String]) -> Option<&str> {
    match parts {
        [source, schema, view] if *source == VIEWS[0] && *schema == VIEWS[1] => Some(view),
        _ => None,
    }
}

/// Names that the statement gives itself.
struct OwnNames(BTreeSet<String>);

impl Visitor for OwnNames {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        self.0.extend(tables.map(|table| folded(&table.alias.name)));
        ControlFlow::Continue(())
    }
}

struct Expander<F> {
    find: F,
    own: BTreeSet<String>,
    /// What was written, with the name it has now.
    named: Vec<(Vec<String>, String)>,
    views: usize,
}

impl<F: Fn(&[String]) -> Option<(String, Box<Query>)>> VisitorMut for Expander<F> {
    type Break = ();

    // After what is inside, so that a view's own statement is not looked at.
    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let TableFactor::Table { name, alias, args: None, .. } = factor else {
            return ControlFlow::Continue(());
        };
        let Some(parts) = parts(name) else { return ControlFlow::Continue(()) };
        if matches!(&parts[..], [one] if self.own.contains(one)) {
            return ControlFlow::Continue(());
        }
        let Some((view, subquery)) = (self.find)(&parts) else { return ControlFlow::Continue(()) };
        self.views += 1;
        if self.views > MAX_VIEWS {
            return ControlFlow::Break(());
        }
        let alias = alias.take().unwrap_or_else(|| {
            self.named.push((parts, view.clone()));
            TableAlias { explicit: true, name: Ident::new(view), columns: Vec::new(), at: None }
        });
        *factor =
            TableFactor::Derived { lateral: false, subquery, alias: Some(alias), sample: None };
        ControlFlow::Continue(())
    }
}

/// `celosia.views.x.column` is `x.column` now.
struct Shorten<'a>(&'a [(Vec<String>, String)]);

impl VisitorMut for Shorten<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::CompoundIdentifier(written) = expr
            && let Some(column) = written.pop()
        {
            let table: Vec<String> = written.iter().map(folded).collect();
            match self.0.iter().find(|(parts, _)| *parts == table) {
                Some((_, view)) => *written = vec![Ident::new(view.clone()), column],
                None => written.push(column),
            }
        }
        ControlFlow::Continue(())
    }
}

fn parts(name: &ObjectName) -> Option<Vec<String>> {
    name.0.iter().map(|part| part.as_ident().map(folded)).collect()
}

/// An identifier as it is looked up.
fn folded(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}
