//! The allow-list over syntax trees: what is not named here is refused, before any name is resolved.

use super::guard::MAX_CONSTANT_BYTES;
use crate::error::{Code, Error, Result};
use sqlparser::ast::{
    Distinct, Expr, Function, FunctionArgumentClause, FunctionArguments, GroupByExpr,
    JoinConstraint, JoinOperator, LimitClause, Query, Select, SelectFlavor, SetExpr, Statement,
    TableFactor, TableWithJoins, UnaryOperator, Value, Visit, Visitor,
};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};
use std::ops::ControlFlow;

/// Set-operation branches of a statement.
const MAX_SET_OPERATIONS: usize = 64;
/// Joins of a statement.
const MAX_JOINS: usize = 40;
/// Levels of parentheses.
const MAX_NESTING: usize = 50;
/// Levels of an expression.
const MAX_DEPTH: usize = 200;
/// Expressions of a statement.
const MAX_EXPRESSIONS: usize = 15_000;
/// Queries (subqueries, CTEs, branches) of a statement.
const MAX_QUERIES: usize = 100;

/// Bounds that must hold before the parser builds a tree.
pub(super) fn check_tokens(tokens: &[TokenWithSpan]) -> Result<()> {
    let (mut set_operations, mut joins, mut nesting, mut deepest) = (0, 0, 0_usize, 0);
    for token in tokens {
        match &token.token {
            Token::LParen | Token::LBracket => nesting += 1,
            Token::RParen | Token::RBracket => nesting = nesting.saturating_sub(1),
            Token::Word(word) => match word.keyword {
                Keyword::UNION | Keyword::INTERSECT | Keyword::EXCEPT => set_operations += 1,
                Keyword::JOIN => joins += 1,
                _ => {}
            },
            _ => {}
        }
        deepest = deepest.max(nesting);
    }
    limit(deepest, MAX_NESTING, "levels of parentheses")?;
    limit(set_operations, MAX_SET_OPERATIONS, "set operations")?;
    limit(joins, MAX_JOINS, "joins")
}

/// Whether the statement is one we answer.
pub(super) fn check(statement: &Statement) -> Result<()> {
    if !matches!(statement, Statement::Query(_)) {
        return Err(refused("only SELECT (also WITH and VALUES) is answered").with_hint(
            "this server is read-only; use the describe and explain tools for metadata and plans",
        ));
    }
    let mut gate = Gate::default();
    match statement.visit(&mut gate) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(*error),
    }
}

#[derive(Default)]
struct Gate {
    depth: usize,
    expressions: usize,
    queries: usize,
    joins: usize,
}

impl Visitor for Gate {
    type Break = Box<Error>;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        self.queries += 1;
        flow(limit(self.queries, MAX_QUERIES, "subqueries").and_then(|()| check_query(query)))
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Self::Break> {
        let joins: usize = select.from.iter().map(|from| from.joins.len()).sum();
        self.joins += joins + select.from.len().saturating_sub(1);
        flow(limit(self.joins, MAX_JOINS, "joins").and_then(|()| check_select(select)))
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Self::Break> {
        flow(check_table_factor(factor))
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Self::Break> {
        self.depth += 1;
        self.expressions += 1;
        flow(
            limit(self.depth, MAX_DEPTH, "levels of nested or chained operators")
                .and_then(|()| limit(self.expressions, MAX_EXPRESSIONS, "expressions"))
                .and_then(|()| check_expr(expr)),
        )
    }

    fn post_visit_expr(&mut self, _: &Expr) -> ControlFlow<Self::Break> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }
}

fn flow(result: Result<()>) -> ControlFlow<Box<Error>> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(Box::new(error)),
    }
}

fn limit(count: usize, most: usize, what: &str) -> Result<()> {
    if count <= most {
        return Ok(());
    }
    Err(Error::new(Code::TooComplex, format!("the statement has more than {most} {what}"))
        .with_hint("split the question, or use an IN list instead of a chain of conditions"))
}

fn refused(what: &str) -> Error {
    Error::new(Code::NotAllowed, what.to_string())
}

/// Refuses `what` where the statement has it.
fn without(present: bool, what: &str, instead: &str) -> Result<()> {
    if !present {
        return Ok(());
    }
    let error = refused(&format!("{what} is not accepted"));
    Err(if instead.is_empty() { error } else { error.with_hint(instead) })
}

fn check_query(query: &Query) -> Result<()> {
    without(
        !query.locks.is_empty(),
        "FOR UPDATE / FOR SHARE",
        "this server only reads: leave it out",
    )?;
    without(query.for_clause.is_some(), "FOR XML / FOR JSON", "select plain columns")?;
    without(query.settings.is_some(), "SETTINGS", "")?;
    without(query.format_clause.is_some(), "FORMAT", "")?;
    without(!query.pipe_operators.is_empty(), "pipe syntax", "write a plain SELECT")?;
    if let Some(fetch) = &query.fetch {
        without(fetch.percent || fetch.with_ties, "FETCH with PERCENT or TIES", "use LIMIT")?;
    }
    if let Some(LimitClause::LimitOffset { limit_by, .. }) = &query.limit_clause {
        without(!limit_by.is_empty(), "LIMIT BY", "use ROW_NUMBER()")?;
    }
    match query.body.as_ref() {
        SetExpr::Select(_)
        | SetExpr::Query(_)
        | SetExpr::SetOperation { .. }
        | SetExpr::Values(_) => check_set(&query.body),
        _ => Err(refused("only SELECT and VALUES are answered")),
    }
}

/// Branches of a set operation that are not themselves queries.
fn check_set(body: &SetExpr) -> Result<()> {
    match body {
        SetExpr::SetOperation { left, right, .. } => {
            check_set(left)?;
            check_set(right)
        }
        SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::Values(_) => Ok(()),
        _ => Err(refused("only SELECT and VALUES are answered")),
    }
}

fn check_select(select: &Select) -> Result<()> {
    without(select.into.is_some(), "SELECT INTO", "this server only reads: leave INTO out")?;
    without(select.top.is_some(), "TOP", "write LIMIT n at the end of the statement")?;
    without(select.exclude.is_some(), "EXCLUDE", "name the columns")?;
    without(!select.lateral_views.is_empty(), "LATERAL VIEW", "use unnest()")?;
    without(select.prewhere.is_some(), "PREWHERE", "use WHERE")?;
    without(!select.connect_by.is_empty(), "CONNECT BY", "use WITH RECURSIVE")?;
    without(!select.cluster_by.is_empty(), "CLUSTER BY", "")?;
    without(!select.distribute_by.is_empty(), "DISTRIBUTE BY", "")?;
    without(!select.sort_by.is_empty(), "SORT BY", "use ORDER BY")?;
    without(select.value_table_mode.is_some(), "SELECT AS STRUCT / VALUE", "")?;
    without(select.select_modifiers.is_some(), "a SELECT modifier", "")?;
    without(!select.optimizer_hints.is_empty(), "an optimizer hint", "leave it out")?;
    without(select.flavor != SelectFlavor::Standard, "FROM-first syntax", "write SELECT ... FROM")?;
    match &select.group_by {
        GroupByExpr::All(_) => {
            return without(true, "GROUP BY ALL", "name the grouping columns");
        }
        GroupByExpr::Expressions(keys, _) => {
            let sets = keys.iter().fold(1, |sets: u64, key| sets.saturating_mul(groupings(key)));
            without(
                sets > MOST_GROUPINGS,
                "so many groupings at once",
                "a CUBE has up to 12 columns, GROUPING SETS up to 4096 sets",
            )?;
        }
    }
    if let Some(Distinct::On(keys)) = &select.distinct {
        without(keys.is_empty(), "DISTINCT ON ()", "name a column")?;
    }
    select.from.iter().try_for_each(check_joins)
}

/// PostgreSQL's own limit.
const MOST_GROUPINGS: u64 = 4_096;

/// How many groupings one key of a GROUP BY asks for.
fn groupings(key: &Expr) -> u64 {
    match key {
        Expr::Cube(columns) => u32::try_from(columns.len())
            .ok()
            .and_then(|columns| 2_u64.checked_pow(columns))
            .unwrap_or(u64::MAX),
        Expr::Rollup(columns) => columns.len() as u64 + 1,
        Expr::GroupingSets(sets) => sets.len() as u64,
        _ => 1,
    }
}

fn check_joins(from: &TableWithJoins) -> Result<()> {
    for join in &from.joins {
        without(join.global, "GLOBAL JOIN", "")?;
        let constraint = match &join.join_operator {
            JoinOperator::Join(c)
            | JoinOperator::Inner(c)
            | JoinOperator::Left(c)
            | JoinOperator::LeftOuter(c)
            | JoinOperator::Right(c)
            | JoinOperator::RightOuter(c)
            | JoinOperator::FullOuter(c)
            | JoinOperator::CrossJoin(c) => c,
            _ => return Err(refused("this kind of join is not accepted").with_hint(
                "use INNER, LEFT, RIGHT, FULL or CROSS JOIN; write semi-joins with EXISTS or IN",
            )),
        };
        without(
            matches!(constraint, JoinConstraint::Natural),
            "NATURAL JOIN",
            "name the columns with ON or USING",
        )?;
    }
    Ok(())
}

fn check_table_factor(factor: &TableFactor) -> Result<()> {
    match factor {
        TableFactor::Table {
            with_hints,
            version,
            with_ordinality,
            partitions,
            json_path,
            sample,
            index_hints,
            ..
        } => {
            without(sample.is_some(), "TABLESAMPLE", "use ORDER BY random() LIMIT n")?;
            without(
                !with_hints.is_empty() || !index_hints.is_empty(),
                "a table hint",
                "leave it out",
            )?;
            without(version.is_some(), "a table version", "")?;
            without(*with_ordinality, "WITH ORDINALITY", "use ROW_NUMBER()")?;
            without(!partitions.is_empty(), "PARTITION", "use WHERE")?;
            without(json_path.is_some(), "a path behind a table", "")
        }
        TableFactor::Derived { sample, .. } => without(sample.is_some(), "TABLESAMPLE", ""),
        TableFactor::NestedJoin { table_with_joins, .. } => check_joins(table_with_joins),
        TableFactor::UNNEST { with_offset, with_ordinality, .. } => {
            without(*with_offset || *with_ordinality, "WITH ORDINALITY", "use ROW_NUMBER()")
        }
        _ => Err(refused("this kind of table expression is not accepted")
            .with_hint("use tables, subqueries, joins and unnest()")),
    }
}

fn check_expr(expr: &Expr) -> Result<()> {
    match expr {
        Expr::Identifier(_)
        | Expr::CompoundIdentifier(_)
        | Expr::CompoundFieldAccess { .. }
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotUnknown(_)
        | Expr::IsDistinctFrom(..)
        | Expr::IsNotDistinctFrom(..)
        | Expr::InList { .. }
        | Expr::InSubquery { .. }
        | Expr::Between { .. }
        | Expr::BinaryOp { .. }
        | Expr::Like { any: false, .. }
        | Expr::ILike { any: false, .. }
        | Expr::SimilarTo { .. }
        | Expr::AnyOp { .. }
        | Expr::Cast { .. }
        | Expr::AtTimeZone { .. }
        | Expr::Extract { .. }
        | Expr::Ceil { .. }
        | Expr::Floor { .. }
        | Expr::Position { .. }
        | Expr::Substring { .. }
        | Expr::Trim { .. }
        | Expr::Overlay { .. }
        | Expr::Nested(_)
        | Expr::TypedString(_)
        | Expr::Case { .. }
        | Expr::Exists { .. }
        | Expr::Subquery(_)
        | Expr::GroupingSets(_)
        | Expr::Cube(_)
        | Expr::Rollup(_)
        | Expr::Tuple(_)
        | Expr::Array(_)
        | Expr::Wildcard(_)
        | Expr::QualifiedWildcard(..)
        | Expr::Interval(_) => Ok(()),
        Expr::Value(value) => check_value(&value.value),
        Expr::UnaryOp { op, .. } => match op {
            UnaryOperator::Plus | UnaryOperator::Minus | UnaryOperator::Not => Ok(()),
            _ => Err(refused(&format!("the operator {op} is not accepted"))),
        },
        Expr::Function(function) => check_function(function),
        Expr::Collate { .. } => {
            without(true, "COLLATE", "text is compared and ordered by code point")
        }
        Expr::Lambda(_) => without(true, "a lambda", ""),
        _ => Err(refused("an expression of this kind is not accepted")
            .with_hint("write it with PostgreSQL operators and functions")),
    }
}

fn check_value(value: &Value) -> Result<()> {
    match value {
        Value::Placeholder(name) => without(
            !name.starts_with('$') || name.len() < 2,
            "a placeholder of this form",
            "write $1, $2 or $name",
        ),
        Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => check_text(text),
        Value::DollarQuotedString(text) => check_text(&text.value),
        _ => Ok(()),
    }
}

/// A text is written out once for each row of a batch, so its length is bounded.
pub(super) fn check_text(text: &str) -> Result<()> {
    if text.len() as u64 <= MAX_CONSTANT_BYTES {
        return Ok(());
    }
    Err(Error::new(Code::TooComplex, format!("a text has more than {MAX_CONSTANT_BYTES} bytes"))
        .with_hint("compare with a shorter text, or with its beginning"))
}

fn check_function(function: &Function) -> Result<()> {
    without(
        function.name.0.len() != 1,
        "a qualified function name",
        "write the function's plain name",
    )?;
    without(function.uses_odbc_syntax, "{fn ...}", "write the plain function call")?;
    without(
        !matches!(function.parameters, FunctionArguments::None),
        "a parameterised function",
        "",
    )?;
    let FunctionArguments::List(list) = &function.args else { return Ok(()) };
    for clause in &list.clauses {
        match clause {
            FunctionArgumentClause::OrderBy(_)
            | FunctionArgumentClause::IgnoreOrRespectNulls(_) => {}
            _ => return Err(refused("this clause inside a function call is not accepted")),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::error::Code;
    use crate::query::statement::Statement;

    fn code(sql: &str) -> Option<Code> {
        Statement::parse(sql).err().map(|error| error.code)
    }

    #[test]
    fn statements_that_write_or_lock_are_refused() {
        for sql in [
            "INSERT INTO t VALUES (1)",
            "DELETE FROM t",
            "SELECT * INTO x FROM t",
            "SELECT * FROM t FOR UPDATE",
            "SELECT * FROM t TABLESAMPLE SYSTEM (10)",
            "COPY t TO '/tmp/x'",
            "SET a = 1",
            "EXPLAIN SELECT 1",
            "SHOW TABLES",
            "CREATE TABLE t (a int)",
            "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x",
            "SELECT pg_catalog.pg_sleep(1)",
            "TABLE t",
            "VALUES (1) FOR UPDATE",
            "SELECT * FROM (SELECT * FROM t FOR SHARE) s",
        ] {
            assert!(
                matches!(code(sql), Some(Code::NotAllowed | Code::Syntax)),
                "{sql} gave {:?}",
                code(sql)
            );
        }
    }

    #[test]
    fn ordinary_analytics_pass() {
        for sql in [
            "SELECT 1",
            "WITH a AS (SELECT x, count(*) FILTER (WHERE y > 1) FROM t GROUP BY ROLLUP (x)) SELECT * FROM a",
            "SELECT DISTINCT ON (a) a, b FROM t ORDER BY a, b DESC NULLS LAST LIMIT 5 OFFSET 2",
            "SELECT sum(x) OVER (PARTITION BY y ORDER BY z ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t",
            "SELECT a FROM t UNION ALL SELECT b FROM u EXCEPT SELECT c FROM v",
            "SELECT CASE WHEN a ILIKE 'x%' THEN EXTRACT(year FROM d) ELSE 0 END FROM t WHERE b = ANY(ARRAY[1,2])",
            "VALUES (1, 'a'), (2, 'b')",
            "SELECT * FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id) AND d > now() - INTERVAL '7 days'",
        ] {
            assert_eq!(code(sql), None, "{sql}");
        }
    }

    #[test]
    fn long_chains_are_an_error() {
        let plus = vec!["1"; 2_000].join("+");
        let or = vec!["a = 1"; 2_000].join(" OR ");
        let union = vec!["SELECT 1"; 3_000].join(" UNION ALL ");
        let nested = format!("{}1{}", "(".repeat(500), ")".repeat(500));
        for sql in [plus, or, union, nested] {
            let error = Statement::parse(&format!("SELECT {sql}")).expect_err("too long");
            assert_eq!(error.code, Code::TooComplex, "{}: {error}", &sql[..40]);
        }
        // The parser itself gives up on this one, in words of its own.
        let not = format!("SELECT {} true", "NOT ".repeat(3_000));
        assert!(matches!(code(&not), Some(Code::TooComplex | Code::Syntax)));
    }
}
