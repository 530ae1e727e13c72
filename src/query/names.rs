//! Table and column names of a statement, resolved against what the caller may see.

use super::kept::{self, KeptTable};
use super::leaf::GovernedTable;
use super::planner::Tables;
use super::session::View;
use crate::catalog::Catalog;
use crate::error::{Code, Error, Result};
use crate::model::TableRef;
use crate::results::StoredResult;
use datafusion::common::TableReference;
use datafusion::sql::parser::Statement as Parsed;
use datafusion::sql::resolve::resolve_table_references;
use sqlparser::ast::{
    Expr, Ident, SelectItem, Statement as Ast, Visit, VisitMut, Visitor, VisitorMut,
};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

/// The governed tables of a statement.
#[derive(Debug, Default, Clone)]
pub(super) struct Resolved {
    /// By the name the statement uses.
    pub(super) tables: Tables,
    /// Their full names, sorted.
    pub(super) references: BTreeSet<TableRef>,
}

/// Finds every table that `ast` reads, as the caller may see it, and gives the tree back. `result` is the kept
/// result, where there is one.
///
/// # Errors
/// `UnknownName` for one that is hidden or absent.
pub(super) fn resolve(
    ast: Ast,
    view: &View,
    catalog: &Catalog,
    pushdown: bool,
    kept: Option<&StoredResult>,
) -> Result<(Ast, Resolved)> {
    let (ast, names) = referenced(ast)?;
    let mut resolved = Resolved::default();
    for name in names {
        if let (TableReference::Bare { table }, Some(kept)) = (&name, kept)
            && **table == *kept::NAME
        {
            let table = KeptTable::new(kept)
                .map_err(|error| Error::internal("a kept result is no table").with_source(error))?;
            resolved.tables.insert(name, Arc::new(table));
            continue;
        }
        let parts: Vec<&str> = match &name {
            TableReference::Bare { table } => vec![table],
            TableReference::Partial { schema, table } => vec![schema, table],
            TableReference::Full { catalog, schema, table } => vec![catalog, schema, table],
        };
        let (entry, grant) = view.resolve(&parts)?;
        let connector = catalog
            .connector(&entry.reference.source)
            .ok_or_else(|| Error::internal("a table of the catalog has no connector"))?;
        resolved.references.insert(entry.reference.clone());
        resolved
            .tables
            .insert(name, Arc::new(GovernedTable::new(entry, grant, connector, pushdown)));
    }
    Ok((ast, resolved))
}

/// The tables that a statement names, and the statement back.
///
/// # Errors
/// `InvalidStatement` for a name of too many parts.
pub(super) fn referenced(ast: Ast) -> Result<(Ast, Vec<TableReference>)> {
    let parsed = Parsed::Statement(Box::new(ast));
    let (names, _) = resolve_table_references(&parsed, true)
        .map_err(|error| Error::new(Code::InvalidStatement, error.strip_backtrace()))?;
    match parsed {
        Parsed::Statement(ast) => Ok((*ast, names)),
        _ => Err(Error::internal("a statement changed its kind")),
    }
}

/// Lets a quoted name with capitals mean the governed column, whose name is in lower case. A name that
/// the statement itself gives (an alias) stays as it is.
pub(super) fn fold_quoted(ast: &mut Ast, tables: &Tables) {
    let columns: BTreeSet<String> = tables
        .values()
        .flat_map(|table| {
            table.schema().fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>()
        })
        .collect();
    fold_quoted_to(ast, columns);
}

/// The same for the names of columns that are known already.
pub(super) fn fold_quoted_to(ast: &mut Ast, columns: BTreeSet<String>) {
    let mut aliases = Aliases(BTreeSet::new());
    let _: ControlFlow<()> = Visit::visit(ast, &mut aliases);
    let _: ControlFlow<()> = VisitMut::visit(ast, &mut Fold { aliases: aliases.0, columns });
}

struct Aliases(BTreeSet<String>);

impl Visitor for Aliases {
    type Break = ();

    fn pre_visit_select(&mut self, select: &sqlparser::ast::Select) -> ControlFlow<()> {
        for item in &select.projection {
            if let SelectItem::ExprWithAlias { alias, .. } = item {
                self.0.insert(alias.value.clone());
            }
        }
        ControlFlow::Continue(())
    }
}

struct Fold {
    aliases: BTreeSet<String>,
    columns: BTreeSet<String>,
}

impl Fold {
    fn fold(&self, ident: &mut Ident) {
        if ident.quote_style.is_none()
            || self.columns.contains(&ident.value)
            || self.aliases.contains(&ident.value)
        {
            return;
        }
        let lower = ident.value.to_lowercase();
        if self.columns.contains(&lower) {
            ident.value = lower;
        }
    }
}

impl VisitorMut for Fold {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(ident) => self.fold(ident),
            Expr::CompoundIdentifier(parts) => {
                if let Some(last) = parts.last_mut() {
                    self.fold(last);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
