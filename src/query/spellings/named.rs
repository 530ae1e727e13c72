//! What only names can decide: whether `ROWNUM`, `SYSDATE`, `DUAL` and `"text"` are names of the caller's own.
//!
//! A name is one where a table of the statement that the caller may see has such a column, or where the statement
//! gives it. So a hidden column decides as one that does not exist.

use super::notes::Notes;
use super::template::{Budget, fill};
use super::{flow, quoted, rows};
use crate::error::{Error, Result};
use crate::query::scan_plan::governed_schema;
use crate::query::session::View;
use arrow_schema::DataType;
use sqlparser::ast::{
    BinaryOperator, CastKind, DataType as SqlType, Expr, FunctionArg, FunctionArgExpr,
    FunctionArguments, Ident, ObjectName, Query, Select, SelectItem, Statement as Ast, TableFactor,
    Visit, VisitMut, Visitor, VisitorMut,
};
use sqlparser::tokenizer::Span;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// Oracle's moments without parentheses.
const NOW: &[(&str, &str)] = &[("sysdate", "CAST(now() AS timestamp)"), ("systimestamp", "now()")];

/// The days between two moments.
const DAYS: &str =
    "CAST(date_part('epoch', $1) - date_part('epoch', $2) AS double precision) / 86400";

/// Whether an unquoted word is one of Oracle's moments.
pub(super) fn is_now(word: &str) -> bool {
    NOW.iter().any(|(name, _)| word.eq_ignore_ascii_case(name))
}

/// Takes words in double quotes that are no names for texts. Gives where they stand, too.
pub(in crate::query) fn texts(ast: &mut Ast, view: &View) -> (Notes, Vec<Span>) {
    let mut notes = Notes::default();
    if !needs(ast) {
        return (notes, Vec::new());
    }
    let names = Names::of(ast, view);
    let places = quoted::translate(ast, &names, &mut notes);
    (notes, places)
}

/// Translates what else names decide.
///
/// # Errors
/// `InvalidStatement` for what has no translation of the same meaning.
pub(in crate::query) fn by_names(ast: &mut Ast, view: &View) -> Result<Notes> {
    let mut notes = Notes::default();
    if !needs(ast) {
        return Ok(notes);
    }
    let names = Names::of(ast, view);
    let mut walk = Walk { names: &names, notes: &mut notes, budget: Budget::new() };
    match VisitMut::visit(ast, &mut walk) {
        ControlFlow::Continue(()) => Ok(notes),
        ControlFlow::Break(error) => Err(*error),
    }
}

fn needs(ast: &Ast) -> bool {
    let mut needs = Needs(false);
    let _ = Visit::visit(ast, &mut needs);
    needs.0
}

/// Whether a statement has a word whose meaning its names decide.
struct Needs(bool);

impl Visitor for Needs {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        self.0 |= text_place(expr).is_some() || added(expr).is_some();
        if let Expr::Identifier(ident) = expr {
            self.0 |= match ident.quote_style {
                Some(quote) => quote == '"',
                None => is_now(&ident.value) || rows::is_rownum(ident),
            };
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        self.0 |= is_dual(relation);
        ControlFlow::Continue(())
    }
}

fn is_dual(name: &ObjectName) -> bool {
    let parts = parts(name);
    matches!(parts.as_slice(), [dual] if dual.eq_ignore_ascii_case("dual"))
        || matches!(parts.as_slice(), [sys, dual] if sys.eq_ignore_ascii_case("sys") && dual.eq_ignore_ascii_case("dual"))
}

pub(super) fn parts(name: &ObjectName) -> Vec<&str> {
    name.0.iter().filter_map(|part| part.as_ident()).map(|ident| ident.value.as_str()).collect()
}

/// What an expression takes for a text: dates are texts in SQLite, and others read them as some.
fn text_place(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::Like { expr, .. } | Expr::ILike { expr, .. } | Expr::Substring { expr, .. } => {
            Some(expr)
        }
        Expr::Function(function) => match (super::calls::name(function).as_deref(), &function.args)
        {
            (Some("substr" | "substring" | "left" | "right"), FunctionArguments::List(list)) => {
                match list.args.first() {
                    Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))) => Some(expr),
                    _ => None,
                }
            }
            _ => None,
        },
        _ => None,
    }
}

/// What is added up.
fn added(expr: &Expr) -> Option<&Expr> {
    let Expr::Function(function) = expr else { return None };
    let (Some("avg" | "sum"), FunctionArguments::List(list)) =
        (super::calls::name(function).as_deref(), &function.args)
    else {
        return None;
    };
    match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))] => Some(expr),
        _ => None,
    }
}

/// The same place, to be changed.
fn text_place_mut(expr: &mut Expr) -> Option<&mut Expr> {
    match expr {
        Expr::Like { expr, .. } | Expr::ILike { expr, .. } | Expr::Substring { expr, .. } => {
            Some(expr)
        }
        Expr::Function(function) => match &mut function.args {
            FunctionArguments::List(list) => match list.args.first_mut() {
                Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))) => Some(expr),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// The names of a statement, in lower case.
#[derive(Debug, Default)]
pub(in crate::query) struct Names {
    /// Columns of its tables that the caller may see, with their type where all of one name have one.
    columns: BTreeMap<String, Option<DataType>>,
    /// What it names itself.
    given: BTreeSet<String>,
    /// Whether `dual` is a table.
    dual: bool,
}

impl Names {
    pub(in crate::query) fn of(ast: &Ast, view: &View) -> Self {
        let mut collect = Collect { names: Self::default(), view };
        let _ = Visit::visit(ast, &mut collect);
        collect.names
    }

    /// Whether `name` is a column of a table, or one that the statement makes.
    pub(super) fn has(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        self.columns.contains_key(&name) || self.given.contains(&name)
    }

    /// The type of a column, where the statement does not give its name to something else.
    pub(in crate::query) fn type_of(&self, expr: &Expr) -> Option<&DataType> {
        let ident = match expr {
            Expr::Identifier(ident) => ident,
            Expr::CompoundIdentifier(parts) => parts.last()?,
            Expr::Nested(inner) => return self.type_of(inner),
            _ => return None,
        };
        let name = ident.value.to_lowercase();
        self.columns.get(&name)?.as_ref().filter(|_| !self.given.contains(&name))
    }

    /// How a column of dates or of time stamps is shown as a text.
    fn shown(&self, expr: &Expr) -> Option<&'static str> {
        match self.type_of(expr)? {
            DataType::Date32 => Some("CAST($1 AS text)"),
            DataType::Timestamp(_, None) => Some("to_char($1, 'YYYY-MM-DD HH24:MI:SS')"),
            _ => None,
        }
    }
}

struct Collect<'a> {
    names: Names,
    view: &'a View,
}

impl Collect<'_> {
    fn give(&mut self, ident: &Ident) {
        self.names.given.insert(ident.value.to_lowercase());
    }
}

impl Visitor for Collect<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.names.dual |= cte.alias.name.value.eq_ignore_ascii_case("dual");
            cte.alias.columns.iter().for_each(|column| self.give(&column.name));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        for item in &select.projection {
            if let SelectItem::ExprWithAlias { alias, .. } = item {
                self.give(alias);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        let alias = match factor {
            TableFactor::Table { alias, .. }
            | TableFactor::Derived { alias, .. }
            | TableFactor::UNNEST { alias, .. } => alias,
            _ => return ControlFlow::Continue(()),
        };
        if let Some(alias) = alias {
            self.give(&alias.name);
            alias.columns.iter().for_each(|column| self.give(&column.name));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        if let Ok((entry, grant)) = self.view.resolve(&parts(relation)) {
            self.names.dual |= is_dual(relation);
            let schema = governed_schema(&grant, &entry);
            for field in schema.fields() {
                let known = self.names.columns.entry(field.name().to_lowercase());
                let known = known.or_insert_with(|| Some(field.data_type().clone()));
                if known.as_ref() != Some(field.data_type()) {
                    *known = None;
                }
            }
        }
        ControlFlow::Continue(())
    }
}

struct Walk<'a> {
    names: &'a Names,
    notes: &'a mut Notes,
    budget: Budget,
}

impl VisitorMut for Walk<'_> {
    type Break = Box<Error>;

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        match self.names.has("rownum") {
            true => ControlFlow::Continue(()),
            false => flow(rows::translate(query, self.notes)),
        }
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        let is_dual = |factor: &TableFactor| matches!(factor, TableFactor::Table { name, args: None, .. } if is_dual(name));
        if let [from] = select.from.as_slice()
            && !self.names.dual
            && from.joins.is_empty()
            && is_dual(&from.relation)
        {
            self.notes.add("FROM DUAL as no FROM");
            select.from.clear();
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        self.added_text(expr);
        flow(self.days(expr).and_then(|()| self.date_as_text(expr)))
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        flow(self.moments(expr))
    }
}

impl Walk<'_> {
    fn now(&self, expr: &Expr) -> Option<&'static (&'static str, &'static str)> {
        let Expr::Identifier(ident) = expr else { return None };
        let found = NOW.iter().find(|(name, _)| ident.value.eq_ignore_ascii_case(name))?;
        (ident.quote_style.is_none() && !self.names.has(found.0)).then_some(found)
    }

    fn moments(&mut self, expr: &mut Expr) -> Result<()> {
        if let Some((name, template)) = self.now(expr) {
            self.notes.call(name, 0, template);
            *expr = fill(template, &[], &mut self.budget)?;
        }
        Ok(())
    }

    /// `d LIKE '2024-%'` and `substr(d, 1, 4)` of a date.
    fn date_as_text(&mut self, expr: &mut Expr) -> Result<()> {
        let Some(template) = text_place(expr).and_then(|place| self.names.shown(place)) else {
            return Ok(());
        };
        if let Some(place) = text_place_mut(expr) {
            self.notes.add("a date where a text is needed as the text YYYY-MM-DD [HH24:MI:SS]");
            *place = fill(template, std::slice::from_ref(place), &mut self.budget)?;
        }
        Ok(())
    }

    /// `AVG(x)` of a text, which PostgreSQL has not.
    fn added_text(&mut self, expr: &mut Expr) {
        let is_text = added(expr)
            .is_some_and(|value| self.names.type_of(value).is_some_and(DataType::is_string));
        if let (true, Expr::Function(function)) = (is_text, expr)
            && let FunctionArguments::List(list) = &mut function.args
            && let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(value))) = list.args.first_mut()
        {
            self.notes.add("AVG or SUM of a text as of the number that it is");
            *value = Expr::Cast {
                kind: CastKind::Cast,
                expr: Box::new(value.clone()),
                data_type: SqlType::DoublePrecision,
                array: false,
                format: None,
            };
        }
    }

    /// `SYSDATE - d`, which Oracle gives as a number of days.
    fn days(&mut self, expr: &mut Expr) -> Result<()> {
        let Expr::BinaryOp { left, op: BinaryOperator::Minus, right } = &*expr else {
            return Ok(());
        };
        let constant = match right.as_ref() {
            Expr::Nested(inner) => matches!(inner.as_ref(), Expr::Value(_) | Expr::Interval(_)),
            other => matches!(other, Expr::Value(_) | Expr::Interval(_)),
        };
        if constant || self.now(left).is_none() {
            return Ok(());
        }
        self.notes.add("SYSDATE - d as the days between, with a fraction");
        let arguments = [left.as_ref().clone(), right.as_ref().clone()];
        *expr = fill(DAYS, &arguments, &mut self.budget)?;
        Ok(())
    }
}
