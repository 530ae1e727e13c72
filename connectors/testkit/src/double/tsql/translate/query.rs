//! Queries: the rewriting walk, rows and their order.

use super::infer::{self, Scopes, Typed};
use super::{Context, Translated, collation, command, expression, function, join, raw, value};
use crate::double::engine::EngineError;
use crate::double::tsql::errors::{syntax, unsupported};
use crate::double::tsql::native::Native;
use sqlparser::ast::{
    AssignmentTarget, Expr, Fetch, FromTable, Function, FunctionArgumentClause, FunctionArguments,
    Ident, LimitClause, ObjectName, ObjectNamePart, OrderBy, OrderByExpr, OrderByKind, Query,
    Select, SelectItem, SetExpr, Statement, TableFactor, Top, TopQuantity, VisitMut, VisitorMut,
    WindowType,
};
use std::ops::ControlFlow;

/// Translates a query or a change of rows.
pub(crate) fn statement(
    mut statement: Statement,
    context: Context<'_>,
) -> Result<Translated, EngineError> {
    let (types, names) = match &statement {
        Statement::Query(query) => (result_types(query, context), result_names(query)),
        _ => (Vec::new(), Vec::new()),
    };
    let mut walk = Walk::new(context, 0);
    changed(&mut statement, &mut walk.scopes, context)?;
    match statement.visit(&mut walk) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => {
            let (sql, fills) = (statement.to_string(), walk.fills);
            Ok(Translated { sql, types, names, fills })
        }
    }
}

/// Enters the table of a change, whose columns have no query around them.
fn changed(
    statement: &mut Statement,
    scopes: &mut Scopes,
    context: Context<'_>,
) -> Result<(), EngineError> {
    match statement {
        Statement::Update(update) => {
            if update.returning.is_some() || update.limit.is_some() {
                return Err(syntax("RETURNING"));
            }
            scopes.enter_tables(std::slice::from_ref(&update.table), context);
            for assignment in &mut update.assignments {
                if let AssignmentTarget::ColumnName(column) = &mut assignment.target {
                    let last = column.0.last().and_then(|part| part.as_ident()).cloned();
                    let mut target = last.map(Expr::Identifier).ok_or_else(|| syntax("SET"))?;
                    scopes.spell(&mut target);
                    if let Expr::Identifier(ident) = target {
                        *column = ObjectName::from(vec![ident]);
                    }
                }
            }
        }
        Statement::Delete(delete) => {
            if delete.returning.is_some() || delete.limit.is_some() {
                return Err(syntax("RETURNING"));
            }
            if let FromTable::WithoutKeyword(tables) = &mut delete.from {
                delete.from = FromTable::WithFromKeyword(std::mem::take(tables));
            }
            if let FromTable::WithFromKeyword(tables) = &delete.from {
                scopes.enter_tables(tables, context);
            }
        }
        Statement::Insert(insert) if insert.returning.is_some() || insert.on.is_some() => {
            return Err(syntax("RETURNING"));
        }
        _ => {}
    }
    Ok(())
}

/// Translates the query of a view.
pub(crate) fn view(mut query: Box<Query>, context: Context<'_>) -> Result<Translated, EngineError> {
    let (types, names) = (result_types(&query, context), Vec::new());
    let mut walk = Walk::new(context, 1);
    match query.visit(&mut walk) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => {
            let (sql, fills) = (query.to_string(), walk.fills);
            Ok(Translated { sql, types, names, fills })
        }
    }
}

/// Translates an expression on its own.
pub(crate) fn single(expression: &mut Expr, context: Context<'_>) -> Result<(), EngineError> {
    let mut walk = Walk::new(context, 1);
    match expression.visit(&mut walk) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// The types of the columns; nothing where a wildcard hides the places.
fn result_types(query: &Query, context: Context<'_>) -> Vec<Option<Typed>> {
    let Some(select) = infer::first_select(&query.body) else { return Vec::new() };
    let is_plain = |item: &SelectItem| {
        matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. })
    };
    if !select.projection.iter().all(is_plain) || !matches!(*query.body, SetExpr::Select(_)) {
        return Vec::new();
    }
    let columns = Scopes::default().output(query, context);
    columns.into_iter().map(|(_, typed)| typed).collect()
}

/// The names that the select list gives; an expression without one has the empty name.
fn result_names(query: &Query) -> Vec<Option<String>> {
    let mut body = query.body.as_ref();
    while let SetExpr::SetOperation { left, .. } = body {
        body = left;
    }
    let SetExpr::Select(select) = body else { return Vec::new() };
    let mut names = Vec::new();
    for item in &select.projection {
        names.push(match item {
            SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
            SelectItem::UnnamedExpr(Expr::Identifier(ident)) if !ident.value.starts_with('@') => {
                None
            }
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(_)) => None,
            SelectItem::UnnamedExpr(_) => Some(String::new()),
            _ => return Vec::new(),
        });
    }
    names
}

struct Walk<'a> {
    context: Context<'a>,
    /// Names of common table expressions.
    common: Vec<String>,
    depth: usize,
    scopes: Scopes,
    /// Types that the expressions around the current one are to have.
    types: Vec<Option<Native>>,
    /// Whether there was an outer join.
    fills: bool,
}

impl<'a> Walk<'a> {
    fn new(context: Context<'a>, depth: usize) -> Self {
        Self {
            context,
            common: Vec::new(),
            depth,
            scopes: Scopes::default(),
            types: Vec::new(),
            fills: false,
        }
    }

    /// The type of an expression whose digits PostgreSQL counts in another way.
    fn exact(&self, expr: &Expr) -> Option<Native> {
        let computes =
            matches!(expr, Expr::BinaryOp { .. } | Expr::Function(_) | Expr::Case { .. });
        if !computes {
            return None;
        }
        let native = self.scopes.of(expr, self.context)?.native;
        let is_exact = matches!(
            native.name,
            "decimal" | "numeric" | "money" | "smallmoney" | "tinyint" | "datetime"
        );
        is_exact.then_some(native)
    }
}

impl VisitorMut for Walk<'_> {
    type Break = EngineError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<EngineError> {
        self.depth += 1;
        if let Some(with) = &mut query.with {
            let names = with.cte_tables.iter().map(|cte| cte.alias.name.value.to_lowercase());
            self.common.extend(names);
            // T-SQL has no such word: a common table expression that names itself is recursive.
            with.recursive = with.cte_tables.iter().any(|cte| {
                let own = &cte.alias.name.value;
                cte.query.to_string().to_lowercase().contains(&own.to_lowercase())
                    && matches!(cte.query.body.as_ref(), SetExpr::SetOperation { .. })
            });
        }
        self.scopes.enter(query, self.context);
        flow(limited(query, self.depth, self.context, &self.scopes))
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<EngineError> {
        self.depth -= 1;
        self.scopes.leave();
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<EngineError> {
        self.scopes.enter_select(select, self.context);
        flow(join::checked(select, &mut self.fills))
    }

    fn post_visit_select(&mut self, _: &mut Select) -> ControlFlow<EngineError> {
        self.scopes.leave();
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> ControlFlow<EngineError> {
        qualify(relation, &self.common);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<EngineError> {
        if let TableFactor::Table { with_hints, index_hints, name, args, .. } = factor {
            with_hints.clear();
            index_hints.clear();
            if args.is_some() && name.0.len() == 1 {
                name.0.insert(0, ObjectNamePart::Identifier(Ident::new("tsql")));
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<EngineError> {
        self.scopes.spell(expr);
        self.types.push(self.exact(expr));
        if let Expr::Function(function) = expr {
            if let Err(error) = function::placed(function) {
                return ControlFlow::Break(error);
            }
            order_function(function, self.context, &self.scopes);
        }
        flow(expression::before(expr, self.context, &self.scopes))
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<EngineError> {
        let exact = self.types.pop().flatten();
        let quotient = value::is_quotient(expr);
        if let Err(error) = expression::after(expr, self.context) {
            return ControlFlow::Break(error);
        }
        if let Some(native) = exact {
            *expr = raw(value::exact(expr, &native, quotient));
        }
        ControlFlow::Continue(())
    }
}

fn flow(outcome: Result<(), EngineError>) -> ControlFlow<EngineError> {
    match outcome {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

/// A name of one part is of the schema `dbo`, unless it is of a common table expression or temporary.
pub(crate) fn qualify(relation: &mut ObjectName, common: &[String]) {
    let value = |part: &ObjectNamePart| part.as_ident().map(|ident| ident.value.clone());
    relation.0.retain(|part| value(part).is_none_or(|value| !value.is_empty()));
    while relation.0.len() > 2 {
        relation.0.remove(0);
    }
    if let [part] = relation.0.as_slice() {
        let value = value(part).unwrap_or_default();
        if !value.starts_with('#') && !common.contains(&value.to_lowercase()) {
            relation.0.insert(0, ObjectNamePart::Identifier(Ident::new("dbo")));
        }
    }
}

/// TOP, OFFSET and FETCH, and what T-SQL does not have.
fn limited(
    query: &mut Query,
    depth: usize,
    context: Context<'_>,
    scopes: &Scopes,
) -> Result<(), EngineError> {
    if !query.locks.is_empty() {
        return Err(syntax("FOR"));
    }
    if query.for_clause.is_some() {
        return Err(unsupported("FOR XML and FOR JSON"));
    }
    let is_change = matches!(
        query.body.as_ref(),
        SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_)
    );
    if is_change && depth > 1 {
        return Err(syntax("a change of rows"));
    }
    let (mut skips, ordered) = (false, query.order_by.is_some());
    if let Some(clause) = &mut query.limit_clause {
        let LimitClause::LimitOffset { limit: None, offset: Some(offset), .. } = clause else {
            return Err(syntax("LIMIT"));
        };
        skips = true;
        offset.value = Expr::Nested(Box::new(offset.value.clone()));
    }
    if is_branch(query) {
        return Ok(());
    }
    if let Some(quantity) = query.fetch.as_mut().and_then(|fetch| fetch.quantity.as_mut()) {
        if quantity.to_string() == "0" {
            let text = "The number of rows provided for a FETCH clause must be greater then zero.";
            return Err(EngineError::new(10744, text));
        }
        let count = command::fetched(quantity)?.unwrap_or_else(|| quantity.clone());
        *quantity = Expr::Nested(Box::new(count));
    }
    if (skips || query.fetch.is_some()) && !(skips && ordered) {
        return Err(syntax(if skips { "OFFSET" } else { "FETCH" }));
    }
    if let Some(order) = &mut query.order_by {
        let distinct = infer::first_select(&query.body).is_some_and(|s| s.distinct.is_some());
        order_query(order, distinct, context, scopes)?;
    }
    let top = tops(&mut query.body, true, context)?;
    if depth > 1 && ordered && !skips && top.is_none() {
        return Err(EngineError::new(
            1033,
            "The ORDER BY clause is invalid in views, inline functions, derived tables, subqueries, \
             and common table expressions, unless TOP, OFFSET or FOR XML is also specified.",
        ));
    }
    if let Some(top) = top {
        if skips {
            return Err(EngineError::new(
                10741,
                "A TOP can not be used in the same query or sub-query as a OFFSET.",
            ));
        }
        query.fetch = Some(fetched(top)?);
    }
    Ok(())
}

/// Takes the TOP of the only SELECT; those of a union's branches become queries of their own.
fn tops(
    body: &mut SetExpr,
    outermost: bool,
    context: Context<'_>,
) -> Result<Option<Top>, EngineError> {
    match body {
        SetExpr::Select(select) if outermost => Ok(select.top.take()),
        SetExpr::Select(select) => {
            let Some(top) = select.top.take() else { return Ok(None) };
            let mut fetch = fetched(top)?;
            if let Some(quantity) = &mut fetch.quantity {
                single(quantity, context)?;
                *quantity = raw(format!("{BRANCH}{quantity}"));
            }
            let fetch = Some(fetch);
            let inner = SetExpr::Select(select.clone());
            *body = SetExpr::Query(Box::new(Query {
                with: None,
                body: Box::new(inner),
                order_by: None,
                limit_clause: None,
                fetch,
                locks: Vec::new(),
                for_clause: None,
                settings: None,
                format_clause: None,
                pipe_operators: Vec::new(),
            }));
            Ok(None)
        }
        SetExpr::SetOperation { left, right, .. } => {
            tops(left, false, context)?;
            tops(right, false, context)?;
            Ok(None)
        }
        _ => Ok(None),
    }
}

fn fetched(top: Top) -> Result<Fetch, EngineError> {
    if top.percent {
        return Err(unsupported("TOP … PERCENT"));
    }
    let quantity = match top.quantity {
        Some(TopQuantity::Constant(rows)) => raw(rows.to_string()),
        // It is parenthesised, as FETCH wants it, and stays to be translated.
        Some(TopQuantity::Expr(expr)) => Expr::Nested(Box::new(expr)),
        None => return Err(syntax("TOP")),
    };
    Ok(Fetch { with_ties: top.with_ties, percent: false, quantity: Some(quantity) })
}

fn order_query(
    order: &mut OrderBy,
    distinct: bool,
    context: Context<'_>,
    scopes: &Scopes,
) -> Result<(), EngineError> {
    match &mut order.kind {
        OrderByKind::All(_) => Err(syntax("ALL")),
        OrderByKind::Expressions(keys) if twice(keys) => {
            let text = "A column has been specified more than once in the order by list. Columns in the \
                        order by list must be unique.";
            Err(EngineError::new(169, text))
        }
        // The keys of a DISTINCT must stand in its list as they are.
        OrderByKind::Expressions(keys) if distinct => order_keys(keys, context, &Scopes::default()),
        OrderByKind::Expressions(keys) => order_keys(keys, context, scopes),
    }
}

fn twice(keys: &[OrderByExpr]) -> bool {
    let texts: Vec<String> = keys.iter().map(|key| key.expr.to_string().to_lowercase()).collect();
    (1..texts.len()).any(|at| texts[..at].contains(&texts[at]))
}

/// What marks a query that was made of a union's branch with a TOP.
const BRANCH: &str = "/* TOP */ ";

fn is_branch(query: &Query) -> bool {
    let quantity = query.fetch.as_ref().and_then(|fetch| fetch.quantity.as_ref());
    matches!(quantity, Some(Expr::Identifier(ident)) if ident.value.starts_with(BRANCH))
}

/// NULL is the smallest value.
fn order_keys(
    keys: &mut [OrderByExpr],
    context: Context<'_>,
    scopes: &Scopes,
) -> Result<(), EngineError> {
    for key in keys {
        if key.options.nulls_first.is_some() {
            return Err(syntax("NULLS"));
        }
        key.options.nulls_first = Some(key.options.asc.unwrap_or(true));
        collation::order_by_units(&mut key.expr, context, scopes);
    }
    Ok(())
}

fn order_function(function: &mut Function, context: Context<'_>, scopes: &Scopes) {
    if let Some(WindowType::WindowSpec(window)) = &mut function.over {
        let _ = order_keys(&mut window.order_by, context, scopes);
    }
    let _ = order_keys(&mut function.within_group, context, scopes);
    // An ordinary aggregate takes its order inside the parentheses.
    if !function.within_group.is_empty() && is_string_agg(function) {
        let keys = std::mem::take(&mut function.within_group);
        if let FunctionArguments::List(list) = &mut function.args {
            list.clauses.push(FunctionArgumentClause::OrderBy(keys));
        }
    }
}

fn is_string_agg(function: &Function) -> bool {
    function.name.to_string().eq_ignore_ascii_case("string_agg")
}
