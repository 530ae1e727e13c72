//! Where the answer is PostgreSQL's and the database of the rows would itself give other rows: which rows of an order
//! with NULLs are the first, and whether LIKE minds case.
//!
//! A text that is PostgreSQL has PostgreSQL's meaning, also where it was written for the database that is asked.
//! Whether it was cannot be told from it, so its reader is told instead. Looks at the statement as it was written:
//! an order that says where NULLs are is its writer's own, and so is one that ascends, which has what is not known last.
//! A key that is selected is looked at in the answer: something is said where its first row has none.

use super::{LIKE_CASE, NULL_ORDER, listed, shown};
use crate::catalog::Catalog;
use crate::model::{ColumnInfo, Warning};
use crate::query::scan_plan::virtual_name;
use crate::query::session::View;
use arrow_array::{Array, RecordBatch};
use sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, JoinConstraint,
    JoinOperator, ObjectName, OrderByExpr, OrderByKind, Query, Select, SelectItem, SetExpr,
    Statement as Ast, TableFactor, Value, Visit, Visitor, WindowType,
};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// Functions of a window that say which rows are the first.
const PLACES: &[&str] =
    &["rank", "dense_rank", "row_number", "ntile", "percent_rank", "first_value", "last_value"];
/// Functions that give a value where their argument is NULL.
const FILLED: &[&str] = &["coalesce", "count", "concat", "concat_ws"];
/// Functions that give one where some row of a group has one: looked at in the answer alone.
const OF_GROUPS: &[&str] = &["sum", "avg", "min", "max", "stddev", "median", "string_agg"];

/// What a statement leaves to the habits of databases that have others than PostgreSQL.
pub(in crate::query) fn differing(ast: &Ast, view: &View, catalog: &Catalog) -> Habits {
    let mut find = Find::default();
    let _ = Visit::visit(ast, &mut find);
    if let Ast::Query(query) = ast {
        find.outermost(query);
    }
    if find.is_empty() {
        return Habits::default();
    }
    let mut known = Known { columns: BTreeMap::new(), filled: BTreeSet::new(), view, catalog };
    let _ = Visit::visit(ast, &mut known);
    let unseen = find
        .orders
        .iter()
        .filter(|key| !is_of_group(key))
        .filter_map(|key| known.may_be_null(key))
        .collect();
    let patterns = find.patterns.iter().filter_map(|expr| known.either_case(expr)).collect();
    let said = [(NULL_ORDER, unseen, DESCENDING), (LIKE_CASE, patterns, CASE)];
    let watched = find.first.and_then(|(key, name)| {
        let column = known.may_be_null(&key)?;
        Some(Watched { name, warning: warning(NULL_ORDER, BTreeSet::from([column]), FIRST)? })
    });
    let said = said.into_iter().filter_map(|(code, columns, text)| warning(code, columns, text));
    Habits { said: said.collect(), watched }
}

/// What is to say of the habits of a statement's databases.
#[derive(Debug, Default)]
pub(in crate::query) struct Habits {
    /// Whatever the rows are.
    pub(in crate::query) said: Vec<Warning>,
    /// Where the rows are such.
    pub(in crate::query) watched: Option<Watched>,
}

/// A column of the answer of which something is to say where its first row is NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::query) struct Watched {
    name: String,
    warning: Warning,
}

impl Watched {
    /// What is to say of these rows.
    pub(in crate::query) fn of(
        &self,
        columns: &[ColumnInfo],
        batches: &[RecordBatch],
    ) -> Option<&Warning> {
        let index =
            columns.iter().position(|column| column.name.eq_ignore_ascii_case(&self.name))?;
        let first = batches.iter().find(|batch| batch.num_rows() > 0)?;
        first.columns().get(index)?.is_null(0).then_some(&self.warning)
    }
}

const DESCENDING: &str = "may be NULL: such rows come first in this descending order, as PostgreSQL has it, and last in \
                          their own database; write DESC NULLS LAST if they should not be among the first";
const FIRST: &str = "is NULL in the first rows: they come first in a descending order, as PostgreSQL has it, and last in \
                     their own database; write DESC NULLS LAST if they should not";
const CASE: &str = "is compared by LIKE, which minds case, as PostgreSQL has it, though not in its own database; write \
                    ILIKE to find either case";

fn warning(code: &'static str, columns: BTreeSet<String>, text: &str) -> Option<Warning> {
    (!columns.is_empty()).then(|| Warning {
        code,
        text: format!("{} {text}", listed(&columns)),
        columns: columns.into_iter().collect(),
    })
}

/// Orders that decide which rows there are, and what LIKE looks at.
#[derive(Default)]
struct Find {
    /// Keys that the answer does not show.
    orders: Vec<Expr>,
    /// The first key of the statement's own order, and the column of the answer that shows it.
    first: Option<(Expr, String)>,
    patterns: Vec<Expr>,
}

impl Find {
    fn is_empty(&self) -> bool {
        self.orders.is_empty() && self.patterns.is_empty() && self.first.is_none()
    }

    /// The outermost order shows its key where that is selected.
    fn outermost(&mut self, query: &Query) {
        let Some((select, key)) = first_key(query) else { return };
        let name = select.projection.iter().find_map(|item| match item {
            SelectItem::ExprWithAlias { expr, alias } => {
                let is_key =
                    *expr == key.expr || selected(&key.expr, &select.projection) == Some(expr);
                is_key.then(|| alias.value.clone())
            }
            SelectItem::UnnamedExpr(expr) => {
                let is_key = last_name(expr).is_some() && last_name(expr) == last_name(&key.expr);
                let is_key = is_key || selected(&key.expr, &select.projection) == Some(expr);
                if is_key { last_name(expr) } else { None }
            }
            _ => last_name(&key.expr),
        });
        let expr = selected(&key.expr, &select.projection).unwrap_or(&key.expr);
        self.first = name.map(|name| (expr.clone(), name));
    }
}

/// The first key of an order that descends and decides which rows there are, where it does not say where NULLs are.
fn first_key(query: &Query) -> Option<(&Select, &OrderByExpr)> {
    let limited = query.limit_clause.is_some() || query.fetch.is_some();
    let (true, SetExpr::Select(select), Some(order)) =
        (limited, query.body.as_ref(), &query.order_by)
    else {
        return None;
    };
    let OrderByKind::Expressions(keys) = &order.kind else { return None };
    Some((select, keys.first().filter(|key| descends(key))?))
}

fn is_of_group(key: &Expr) -> bool {
    struct Groups(bool);
    impl Visitor for Groups {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            self.0 |=
                matches!(expr, Expr::Function(function) if is_one_of(&function.name, OF_GROUPS));
            ControlFlow::Continue(())
        }
    }
    let mut groups = Groups(false);
    let _ = key.visit(&mut groups);
    groups.0
}

fn descends(key: &OrderByExpr) -> bool {
    key.options.nulls_first.is_none() && key.options.asc == Some(false)
}

/// Whether what is selected shows a key.
fn shows(select: &Select, key: &Expr) -> bool {
    selected(key, &select.projection).is_some()
        || select.projection.iter().any(|item| match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                expr == key || (last_name(expr).is_some() && last_name(expr) == last_name(key))
            }
            _ => true,
        })
}

impl Visitor for Find {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if let Some((select, key)) = first_key(query)
            && !shows(select, &key.expr)
        {
            self.orders.push(key.expr.clone());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Like { expr, pattern, .. } if has_letters(pattern) => {
                self.patterns.push(expr.as_ref().clone());
            }
            Expr::Function(function) => {
                if let Some(WindowType::WindowSpec(window)) = &function.over
                    && is_one_of(&function.name, PLACES)
                    && let Some(key) = window.order_by.first().filter(|key| descends(key))
                {
                    self.orders.push(key.expr.clone());
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// What a key of an order is: a selected expression by its number or its alias.
fn selected<'a>(key: &Expr, projection: &'a [SelectItem]) -> Option<&'a Expr> {
    let item = match key {
        Expr::Value(value) => {
            let Value::Number(digits, _) = &value.value else { return None };
            projection.get(digits.parse::<usize>().ok()?.checked_sub(1)?)
        }
        Expr::Identifier(name) => projection.iter().find(|item| {
            matches!(item, SelectItem::ExprWithAlias { alias, .. } if alias.value.eq_ignore_ascii_case(&name.value))
        }),
        _ => None,
    };
    match item? {
        SelectItem::ExprWithAlias { expr, .. } | SelectItem::UnnamedExpr(expr) => Some(expr),
        _ => None,
    }
}

fn has_letters(pattern: &Expr) -> bool {
    match pattern {
        Expr::Nested(inner) => has_letters(inner),
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => text.chars().any(char::is_alphabetic),
            _ => false,
        },
        _ => false,
    }
}

fn is_one_of(name: &ObjectName, names: &[&str]) -> bool {
    let name = name.to_string().to_lowercase();
    names.contains(&name.as_str())
}

/// One column of a table of the statement.
struct Column {
    table: String,
    shown: String,
    /// It may be NULL, and its database has NULL below every value.
    nulls_lowest: bool,
    /// Its database's LIKE does not mind case.
    either_case: bool,
}

/// The columns of a statement's tables that the caller may see, by name.
struct Known<'a> {
    columns: BTreeMap<String, Vec<Column>>,
    /// Columns that a condition keeps from being NULL.
    filled: BTreeSet<String>,
    view: &'a View,
    catalog: &'a Catalog,
}

impl Known<'_> {
    fn column(&self, expr: &Expr) -> Vec<&Column> {
        let (table, name) = match expr {
            Expr::Nested(inner) => return self.column(inner),
            Expr::Identifier(name) => (None, name),
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [.., table, name] => (Some(table.value.to_lowercase()), name),
                _ => return Vec::new(),
            },
            _ => return Vec::new(),
        };
        let named =
            self.columns.get(&name.value.to_lowercase()).map(Vec::as_slice).unwrap_or_default();
        let own: Vec<&Column> =
            named.iter().filter(|known| table.as_ref().is_none_or(|t| *t == known.table)).collect();
        // Behind the name of a subquery it is a column of one of its tables.
        if own.is_empty() { named.iter().collect() } else { own }
    }

    /// The column that makes the value of an expression NULL in some rows, where its database sorts them otherwise.
    fn may_be_null(&self, expr: &Expr) -> Option<String> {
        match expr {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => {
                if self.filled.contains(&last_name(expr)?) {
                    return None;
                }
                self.column(expr)
                    .iter()
                    .find(|known| known.nulls_lowest)
                    .map(|known| known.shown.clone())
            }
            Expr::Nested(inner)
            | Expr::Cast { expr: inner, .. }
            | Expr::UnaryOp { expr: inner, .. } => self.may_be_null(inner),
            Expr::BinaryOp { left, right, .. } => {
                self.may_be_null(left).or_else(|| self.may_be_null(right))
            }
            Expr::Function(function) if !is_one_of(&function.name, FILLED) => {
                let FunctionArguments::List(list) = &function.args else { return None };
                list.args.iter().find_map(|argument| match argument {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => self.may_be_null(expr),
                    _ => None,
                })
            }
            _ => None,
        }
    }

    fn either_case(&self, expr: &Expr) -> Option<String> {
        self.column(expr).iter().find(|known| known.either_case).map(|known| known.shown.clone())
    }

    fn table(&mut self, name: &ObjectName, alias: Option<&str>) -> Option<()> {
        let parts: Vec<&str> = name
            .0
            .iter()
            .filter_map(|part| part.as_ident())
            .map(|ident| ident.value.as_str())
            .collect();
        let (entry, grant) = self.view.resolve(&parts).ok()?;
        let connector = self.catalog.connector(&entry.reference.source)?;
        let dialect = connector.dialect();
        let table = alias.or(parts.last().copied())?.to_lowercase();
        for granted in grant.columns().iter().filter(|granted| !granted.is_counted()) {
            let column = &entry.description.columns[granted.column()];
            let name = virtual_name(&grant, &entry, granted.column());
            let known = Column {
                table: table.clone(),
                shown: shown(&format!("{}.{name}", entry.reference)),
                nulls_lowest: column.nullable && dialect.sorts_nulls_lowest(),
                either_case: granted.declared_mask().is_none() && dialect.likes_either_case(),
            };
            self.columns.entry(name.to_lowercase()).or_default().push(known);
        }
        Some(())
    }

    /// The columns that cannot be NULL where a condition holds.
    fn condition(&mut self, condition: &Expr) {
        match condition {
            Expr::Nested(inner) => self.condition(inner),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                self.condition(left);
                self.condition(right);
            }
            Expr::BinaryOp { left, op, right } if compares(op) => {
                self.value(left);
                self.value(right);
            }
            Expr::IsNotNull(value)
            | Expr::Between { expr: value, .. }
            | Expr::InList { expr: value, .. }
            | Expr::InSubquery { expr: value, .. }
            | Expr::Like { expr: value, .. } => self.value(value),
            Expr::UnaryOp { op: sqlparser::ast::UnaryOperator::Not, expr } => {
                if let Expr::IsNull(value) = expr.as_ref() {
                    self.value(value);
                }
            }
            _ => {}
        }
    }

    fn value(&mut self, expr: &Expr) {
        match expr {
            Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => self.value(inner),
            Expr::BinaryOp { left, right, .. } => {
                self.value(left);
                self.value(right);
            }
            other => self.filled.extend(last_name(other)),
        }
    }
}

fn compares(op: &BinaryOperator) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq)
}

fn last_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(name) => Some(name.value.to_lowercase()),
        Expr::CompoundIdentifier(parts) => Some(parts.last()?.value.to_lowercase()),
        _ => None,
    }
}

impl Visitor for Known<'_> {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, alias, args: None, .. } = factor {
            self.table(name, alias.as_ref().map(|alias| alias.name.value.as_str()));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        if let Some(condition) = &select.selection {
            self.condition(condition);
        }
        for join in select.from.iter().flat_map(|from| &from.joins) {
            if let JoinOperator::Join(JoinConstraint::On(on))
            | JoinOperator::Inner(JoinConstraint::On(on)) = &join.join_operator
            {
                self.condition(on);
            }
        }
        ControlFlow::Continue(())
    }
}
