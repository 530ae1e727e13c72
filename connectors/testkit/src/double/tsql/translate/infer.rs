//! The T-SQL types of expressions, as far as a statement and the registry tell them.

use super::{Context, value};
use crate::double::tsql::native::{MAX, Native};
use crate::double::tsql::registry::Facts;
use crate::double::tsql::translate::arithmetic;
use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Query,
    Select, SelectItem, SetExpr, TableFactor, TableWithJoins, UnaryOperator, Value,
};

/// A type, and for text its collation where that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Typed {
    /// The type.
    pub(crate) native: Native,
    /// The collation of a column or of a COLLATE.
    pub(crate) collation: Option<String>,
}

/// Columns by name, as it was declared.
pub(crate) type Columns = Vec<(String, Option<Typed>)>;

/// What names mean at a place of a statement.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scopes {
    /// Sources by alias, innermost query last.
    levels: Vec<Vec<(String, Columns)>>,
    /// Common table expressions.
    common: Vec<(String, Columns)>,
}

impl Typed {
    fn plain(name: &'static str) -> Option<Self> {
        Some(Native::plain(name).into())
    }
}

impl From<Native> for Typed {
    fn from(native: Native) -> Self {
        Self { native, collation: None }
    }
}

impl Scopes {
    /// Enters a query: its common table expressions, and the sources of its first SELECT.
    pub(crate) fn enter(&mut self, query: &Query, context: Context<'_>) {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let mut columns = self.output(&cte.query, context);
            for (column, alias) in columns.iter_mut().zip(&cte.alias.columns) {
                column.0.clone_from(&alias.name.value);
            }
            self.common.push((cte.alias.name.value.to_lowercase(), columns));
        }
        let sources = match first_select(&query.body) {
            Some(select) => self.sources(select, context),
            None => Vec::new(),
        };
        self.levels.push(sources);
    }

    /// Enters a SELECT of its own.
    pub(crate) fn enter_select(&mut self, select: &Select, context: Context<'_>) {
        let sources = self.sources(select, context);
        self.levels.push(sources);
    }

    /// Enters tables without a query.
    pub(crate) fn enter_tables(&mut self, tables: &[TableWithJoins], context: Context<'_>) {
        let mut sources = Vec::new();
        for table in tables {
            self.add(table, context, &mut sources);
        }
        self.levels.push(sources);
    }

    /// Leaves what was entered last.
    pub(crate) fn leave(&mut self) {
        self.levels.pop();
    }

    /// The columns that a query yields.
    pub(crate) fn output(&self, query: &Query, context: Context<'_>) -> Columns {
        let mut inner = self.clone();
        inner.enter(query, context);
        let Some(select) = first_select(&query.body) else {
            return inner.values(&query.body, context);
        };
        let mut columns = Columns::new();
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    let name = match expr {
                        Expr::Identifier(ident) => inner.spelled(None, &ident.value),
                        Expr::CompoundIdentifier(parts) => {
                            let last = parts.last().map(|part| part.value.as_str());
                            inner.spelled(None, last.unwrap_or_default())
                        }
                        _ => String::new(),
                    };
                    columns.push((name, inner.of(expr, context)));
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    columns.push((alias.value.clone(), inner.of(expr, context)));
                }
                SelectItem::Wildcard(_) => {
                    let sources = inner.levels.last().into_iter().flatten();
                    columns.extend(sources.flat_map(|(_, columns)| columns.clone()));
                }
                SelectItem::QualifiedWildcard(kind, _) => {
                    let wanted = kind.to_string().replace(['"', '*'], "").to_lowercase();
                    let wanted = wanted.trim_end_matches('.');
                    let sources = inner.levels.last().into_iter().flatten();
                    let found = sources.filter(|(alias, _)| alias == wanted);
                    columns.extend(found.flat_map(|(_, columns)| columns.clone()));
                }
                SelectItem::ExprWithAliases { .. } => return Columns::new(),
            }
        }
        columns
    }

    /// The type of an expression that is still in T-SQL.
    pub(crate) fn of(&self, expr: &Expr, context: Context<'_>) -> Option<Typed> {
        match expr {
            Expr::Identifier(ident) if ident.value.starts_with('@') => {
                value::declared(expr, context).map(Typed::from)
            }
            Expr::Identifier(ident) => self.column(None, &ident.value),
            Expr::CompoundIdentifier(parts) => {
                let [.., table, column] = parts.as_slice() else { return None };
                self.column(Some(&table.value), &column.value)
            }
            Expr::Value(value) => literal(&value.value, expr, context),
            Expr::Cast { expr: inner, .. } | Expr::Convert { expr: inner, .. } => {
                let native = value::declared(expr, context)?;
                let inner = self.of(inner, context).filter(|_| native.is_collated());
                Some(Typed { native, collation: inner.and_then(|typed| typed.collation) })
            }
            Expr::Collate { expr, collation } => {
                let last = collation.0.last().and_then(|part| part.as_ident());
                let native = self.of(expr, context).map(|typed| typed.native);
                let native = native.unwrap_or_else(|| Native::sized("nvarchar", MAX, 0));
                Some(Typed { native, collation: last.map(|ident| ident.value.clone()) })
            }
            Expr::Nested(inner) => self.of(inner, context),
            Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => {
                self.of(expr, context)
            }
            Expr::BinaryOp { left, op, right } => {
                let (a, b) = (self.of(left, context)?, self.of(right, context)?);
                let a = constant_like(a, left, &b);
                let b = constant_like(b, right, &a);
                arithmetic::result(&a, op, &b)
            }
            Expr::Case { conditions, else_result, .. } => {
                let results = conditions.iter().map(|when| &when.result);
                let results: Vec<&Expr> = results.chain(else_result.as_deref()).collect();
                self.common_type(&results, context)
            }
            Expr::Subquery(query) => self.output(query, context).into_iter().next()?.1,
            Expr::Function(function) => self.function(function, context),
            Expr::Floor { expr, .. } => whole(self.of(expr, context)?),
            Expr::Substring { expr, .. } | Expr::Trim { expr, .. } => self.of(expr, context),
            _ => None,
        }
    }

    fn function(&self, function: &Function, context: Context<'_>) -> Option<Typed> {
        let name = function.name.0.last().and_then(|part| part.as_ident())?.value.to_lowercase();
        let arguments = arguments(function);
        let first = || self.of(arguments.first()?, context);
        match name.as_str() {
            "count" | "len" | "charindex" | "year" | "month" | "day" | "datepart" | "datediff"
            | "unicode" | "ascii" => Typed::plain("int"),
            "count_big" | "row_number" | "rank" | "dense_rank" | "ntile" | "datediff_big" => {
                Typed::plain("bigint")
            }
            "sum" => arithmetic::sum(first()?),
            "avg" => arithmetic::average(first()?),
            "isnull" if matches!(arguments.first(), Some(Expr::Value(v)) if v.value == Value::Null) => {
                self.of(arguments.get(1)?, context)
            }
            "min" | "max" | "abs" | "nullif" | "isnull" | "lag" | "lead" | "first_value"
            | "last_value" | "lower" | "upper" | "ltrim" | "rtrim" | "trim" | "left" | "right"
            | "round" | "sign" => first(),
            "ceiling" => whole(first()?),
            "coalesce" | "greatest" | "least" => {
                self.common_type(&arguments.iter().collect::<Vec<_>>(), context)
            }
            "iif" => self.common_type(&arguments.iter().skip(1).collect::<Vec<_>>(), context),
            "dateadd" => {
                let moment = self.of(arguments.get(2)?, context)?;
                if moment.native.is_text() { Typed::plain("datetime") } else { Some(moment) }
            }
            "eomonth" | "datefromparts" => Typed::plain("date"),
            "getdate" | "getutcdate" | "current_timestamp" | "datetimefromparts" => {
                Typed::plain("datetime")
            }
            "sysdatetime" | "sysutcdatetime" => Some(Native::sized("datetime2", 7, 0).into()),
            "sysdatetimeoffset" => Some(Native::sized("datetimeoffset", 7, 0).into()),
            "datetime2fromparts" | "datetimeoffsetfromparts" | "timefromparts" => {
                let digits = arguments.last()?.to_string().parse().ok()?;
                let kind = match name.as_str() {
                    "datetime2fromparts" => "datetime2",
                    "timefromparts" => "time",
                    _ => "datetimeoffset",
                };
                Some(Native::sized(kind, digits, 0).into())
            }
            _ => None,
        }
    }

    /// The type of values of which the one with the highest rank gives it.
    fn common_type(&self, results: &[&Expr], context: Context<'_>) -> Option<Typed> {
        let mut found: Option<Typed> = None;
        for result in results {
            if matches!(result, Expr::Value(value) if value.value == Value::Null) {
                continue;
            }
            let typed = self.of(result, context)?;
            found = Some(match found {
                None => typed,
                Some(before) => arithmetic::common(&before, &typed)?,
            });
        }
        found
    }

    /// Writes the name of a column as it was declared.
    pub(crate) fn spell(&self, expr: &mut Expr) {
        let (table, ident) = match expr {
            Expr::Identifier(ident) => (None, ident),
            Expr::CompoundIdentifier(parts) => match parts.as_mut_slice() {
                [.., table, column] => (Some(table.value.clone()), column),
                _ => return,
            },
            _ => return,
        };
        if let Some((spelled, _)) = self.found(table.as_deref(), &ident.value)
            && *spelled != ident.value
        {
            *ident = Ident::with_quote('"', spelled.as_str());
        }
    }

    fn spelled(&self, table: Option<&str>, column: &str) -> String {
        self.found(table, column).map_or_else(|| column.to_string(), |(name, _)| name.clone())
    }

    fn column(&self, table: Option<&str>, column: &str) -> Option<Typed> {
        self.found(table, column).and_then(|(_, typed)| typed.clone())
    }

    fn found(&self, table: Option<&str>, column: &str) -> Option<&(String, Option<Typed>)> {
        let (table, column) = (table.map(str::to_lowercase), column.to_lowercase());
        let sources = self.levels.iter().rev().flatten();
        let mut sources = sources.filter(|(alias, _)| table.as_ref().is_none_or(|t| t == alias));
        sources
            .find_map(|(_, columns)| columns.iter().find(|(name, _)| name.to_lowercase() == column))
    }

    fn sources(&self, select: &Select, context: Context<'_>) -> Vec<(String, Columns)> {
        let mut sources = Vec::new();
        for table in &select.from {
            self.add(table, context, &mut sources);
        }
        sources
    }

    fn add(
        &self,
        table: &TableWithJoins,
        context: Context<'_>,
        sources: &mut Vec<(String, Columns)>,
    ) {
        let joined = table.joins.iter().map(|join| &join.relation);
        for factor in [&table.relation].into_iter().chain(joined) {
            match factor {
                TableFactor::Table { name, alias, .. } => {
                    let (own, columns) = self.table(name, context);
                    let alias = alias.as_ref().map_or(own, |alias| alias.name.value.to_lowercase());
                    sources.push((alias, columns));
                }
                TableFactor::Derived { subquery, alias: Some(alias), .. } => {
                    let mut columns = self.output(subquery, context);
                    for (column, given) in columns.iter_mut().zip(&alias.columns) {
                        column.0.clone_from(&given.name.value);
                    }
                    sources.push((alias.name.value.to_lowercase(), columns));
                }
                TableFactor::NestedJoin { table_with_joins, .. } => {
                    self.add(table_with_joins, context, sources);
                }
                _ => {}
            }
        }
    }

    fn table(&self, name: &ObjectName, context: Context<'_>) -> (String, Columns) {
        let parts: Vec<String> = name
            .0
            .iter()
            .filter_map(|part| part.as_ident())
            .map(|ident| ident.value.to_lowercase())
            .collect();
        let own = parts.last().cloned().unwrap_or_default();
        if parts.len() == 1
            && let Some((_, columns)) = self.common.iter().rev().find(|(name, _)| *name == own)
        {
            return (own, columns.clone());
        }
        let schema = parts.len().checked_sub(2).and_then(|at| parts.get(at));
        let known = context.registry.table(schema.map_or("dbo", String::as_str), &own);
        let column = |facts: Facts| {
            let typed = Typed { native: facts.native, collation: facts.collation };
            (facts.name, Some(typed))
        };
        (own, known.unwrap_or_default().into_iter().map(column).collect())
    }

    /// The columns of VALUES have no names of their own.
    fn values(&self, body: &SetExpr, context: Context<'_>) -> Columns {
        let SetExpr::Values(values) = body else { return Columns::new() };
        let width = values.rows.first().map_or(0, |row| row.content.len());
        (0..width)
            .map(|at| {
                let cells: Vec<&Expr> =
                    values.rows.iter().filter_map(|row| row.content.get(at)).collect();
                (String::new(), self.common_type(&cells, context))
            })
            .collect()
    }
}

/// The SELECT that gives a query its columns.
pub(crate) fn first_select(body: &SetExpr) -> Option<&Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::SetOperation { left, .. } => first_select(left),
        SetExpr::Query(query) => first_select(&query.body),
        _ => None,
    }
}

/// The arguments of a call that are expressions.
pub(crate) fn arguments(function: &Function) -> Vec<Expr> {
    let FunctionArguments::List(list) = &function.args else { return Vec::new() };
    let expr = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    list.args.iter().filter_map(expr).collect()
}

fn literal(value: &Value, expr: &Expr, context: Context<'_>) -> Option<Typed> {
    match value {
        Value::Number(digits, _) => Some(arithmetic::number(digits).into()),
        _ => value::declared(expr, context).map(Typed::from),
    }
}

/// A whole number as it stands beside a decimal is a decimal of its digits.
fn constant_like(typed: Typed, expr: &Expr, other: &Typed) -> Typed {
    match expr {
        Expr::Value(value) if matches!(other.native.name, "decimal" | "numeric") => {
            if let Value::Number(digits, _) = &value.value
                && typed.native.name == "int"
            {
                let length = i32::try_from(digits.trim_start_matches('0').len().max(1));
                return Native::sized("decimal", length.unwrap_or(10), 0).into();
            }
            typed
        }
        Expr::Nested(inner) => constant_like(typed, inner, other),
        _ => typed,
    }
}

fn whole(typed: Typed) -> Option<Typed> {
    Some(match typed.native.name {
        "decimal" | "numeric" => Native::sized(typed.native.name, typed.native.length, 0).into(),
        _ => typed,
    })
}
