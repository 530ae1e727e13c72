//! Where the answer is PostgreSQL's and the database of the rows would itself give other rows: which rows of an order
//! with NULLs are the first, and whether LIKE minds case.
//!
//! A text that is PostgreSQL has PostgreSQL's meaning, also where it was written for the database that is asked.
//! Whether it was cannot be told from it, so its reader is told instead. Looks at the statement as it was written:
//! an order that says where NULLs are is its writer's own.

use super::{LIKE_CASE, NULL_ORDER, listed, shown};
use crate::catalog::Catalog;
use crate::model::Warning;
use crate::query::scan_plan::virtual_name;
use crate::query::session::View;
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
/// Functions that give a value where their first argument is NULL, or many rows one value.
const FILLED: &[&str] = &["coalesce", "count", "sum", "avg", "min", "max", "concat", "string_agg"];

/// What a statement leaves to the habits of databases that have others than PostgreSQL.
pub(in crate::query) fn differing(ast: &Ast, view: &View, catalog: &Catalog) -> Vec<Warning> {
    let mut find = Find::default();
    let _ = Visit::visit(ast, &mut find);
    if find.orders.is_empty() && find.patterns.is_empty() {
        return Vec::new();
    }
    let mut known = Known { columns: BTreeMap::new(), filled: BTreeSet::new(), view, catalog };
    let _ = Visit::visit(ast, &mut known);
    let mut found = Vec::new();
    for (descending, text) in [(true, DESCENDING), (false, ASCENDING)] {
        let keys = find.orders.iter().filter(|(_, down)| *down == descending);
        let columns: BTreeSet<String> =
            keys.filter_map(|(key, _)| known.may_be_null(key)).collect();
        found.extend(warning(NULL_ORDER, columns, text));
    }
    let columns = find.patterns.iter().filter_map(|expr| known.either_case(expr)).collect();
    found.extend(warning(LIKE_CASE, columns, CASE));
    found
}

const DESCENDING: &str = "may be NULL: such rows come first in this descending order, as PostgreSQL has it, and last in \
                          their own database; write DESC NULLS LAST if they should not be among the first";
const ASCENDING: &str = "may be NULL: such rows come last in this order, as PostgreSQL has it, and first in their own \
                         database; write NULLS FIRST if they should be among the first";
const CASE: &str = "is compared by LIKE, which minds case, as PostgreSQL has it, though not in its own database; write \
                    ILIKE to find either case";

fn warning(code: &'static str, columns: BTreeSet<String>, text: &str) -> Option<Warning> {
    (!columns.is_empty()).then(|| Warning {
        code,
        text: format!("{} {text}", listed(&columns)),
        columns: columns.into_iter().collect(),
    })
}

/// Orders that decide which rows there are, with whether they descend, and what LIKE looks at.
#[derive(Default)]
struct Find {
    orders: Vec<(Expr, bool)>,
    patterns: Vec<Expr>,
}

impl Find {
    fn order(&mut self, keys: &[OrderByExpr], projection: &[SelectItem]) {
        for key in keys.iter().filter(|key| key.options.nulls_first.is_none()) {
            let expr = selected(&key.expr, projection).unwrap_or(&key.expr);
            self.orders.push((expr.clone(), key.options.asc == Some(false)));
        }
    }
}

impl Visitor for Find {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let limited = query.limit_clause.is_some() || query.fetch.is_some();
        if let (true, SetExpr::Select(select), Some(order)) =
            (limited, query.body.as_ref(), &query.order_by)
            && let OrderByKind::Expressions(keys) = &order.kind
        {
            self.order(keys, &select.projection);
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
                {
                    self.order(&window.order_by, &[]);
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
        let named = self.columns.get(&name.value.to_lowercase()).map(Vec::as_slice).unwrap_or_default();
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
                self.column(expr).iter().find(|known| known.nulls_lowest).map(|known| known.shown.clone())
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
        let parts: Vec<&str> =
            name.0.iter().filter_map(|part| part.as_ident()).map(|ident| ident.value.as_str()).collect();
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
                either_case: granted.declared_mask().is_none() && dialect.likes_either_case(column),
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
