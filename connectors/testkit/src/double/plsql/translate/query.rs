//! SELECT: the list, FROM, joins, WHERE with ROWNUM, grouping, set operations, limits.

use super::super::errors;
use super::super::registry::{literal, quoted};
use super::{Translation, Translator, folded, parts, qualified};
use sqlparser::ast::{
    BinaryOperator, ConnectByKind, Distinct, Expr, GroupByExpr, Join, JoinConstraint, JoinOperator,
    LimitClause, OrderBy, OrderByExpr, OrderByKind, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, SetOperator, SetQuantifier, TableAlias, TableFactor,
    TableWithJoins, Value, With,
};

/// What a limit is at most, so that PostgreSQL's 64 bits hold it.
const MOST: &str = "9223372036854775807";

/// The names of a query's columns where there is no `*`, and the types of those that are text literals.
pub(super) fn outermost(query: &Query) -> (Option<Vec<String>>, Vec<Option<String>>) {
    let mut body = &*query.body;
    loop {
        match body {
            SetExpr::SetOperation { left, .. } => body = left,
            SetExpr::Query(inner) => body = &inner.body,
            _ => break,
        }
    }
    let SetExpr::Select(select) = body else { return (None, Vec::new()) };
    let names = select.projection.iter().map(|item| match item {
        SelectItem::UnnamedExpr(expr) => Some(name_of(expr)),
        SelectItem::ExprWithAlias { alias, .. } => Some(folded(alias)),
        _ => None,
    });
    let single = matches!(&*query.body, SetExpr::Select(_));
    let literals = select.projection.iter().map(|item| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } if single => {
            text_literal(expr).map(|text| format!("CHAR({})", text.len().max(1)))
        }
        _ => None,
    });
    (names.collect(), literals.collect())
}

fn text_literal(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) if !text.is_empty() => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// The name of a result column without an alias: the column's, or the text of the expression.
fn name_of(expr: &Expr) -> String {
    match expr {
        Expr::Identifier(name) => folded(name),
        Expr::CompoundIdentifier(names) => names.last().map(folded).unwrap_or_default(),
        other => {
            let text = other.to_string();
            text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_uppercase).collect()
        }
    }
}

impl Translator<'_> {
    /// A query at any level.
    pub(in super::super) fn query(&mut self, query: &Query) -> Translation<String> {
        let known = self.with.len();
        let with = match &query.with {
            Some(with) => self.with(with)?,
            None => String::new(),
        };
        let body = self.body(&query.body, query.order_by.as_ref())?;
        let limit = self.limit(query)?;
        self.with.truncate(known);
        Ok(format!("{with}{body}{limit}"))
    }

    fn with(&mut self, with: &With) -> Translation<String> {
        let mut texts = Vec::new();
        // A query that names its columns may read itself.
        let recursive = with.cte_tables.iter().any(|cte| !cte.alias.columns.is_empty());
        for cte in &with.cte_tables {
            let name = folded(&cte.alias.name);
            let columns: Vec<String> =
                cte.alias.columns.iter().map(|column| quoted(&folded(&column.name))).collect();
            let own = !columns.is_empty();
            if own {
                self.with.push(name.clone());
            }
            let query = self.query(&cte.query)?;
            if !own {
                self.with.push(name.clone());
            }
            let list = if own { format!(" ({})", columns.join(", ")) } else { String::new() };
            texts.push(format!("{}{list} AS ({query})", quoted(&name)));
        }
        let word = if recursive { "WITH RECURSIVE" } else { "WITH" };
        Ok(format!("{word} {} ", texts.join(", ")))
    }

    fn body(&mut self, body: &SetExpr, order: Option<&OrderBy>) -> Translation<String> {
        let text = match body {
            SetExpr::Select(select) => return self.select_body(select, order),
            SetExpr::Query(query) => format!("({})", self.query(query)?),
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                let operator = match op {
                    SetOperator::Union => "UNION",
                    SetOperator::Intersect => "INTERSECT",
                    SetOperator::Minus => "EXCEPT",
                    SetOperator::Except => "EXCEPT",
                };
                let all = if matches!(set_quantifier, SetQuantifier::All) { " ALL" } else { "" };
                let left = self.body(left, None)?;
                let right = self.body(right, None)?;
                format!("({left}) {operator}{all} ({right})")
            }
            _ => return Err(errors::unsupported("this form of a query")),
        };
        Ok(format!("{text}{}", self.order(order)?))
    }

    fn select_body(&mut self, select: &Select, order: Option<&OrderBy>) -> Translation<String> {
        let outside = self.levels;
        let text = self.select_text(select, order);
        self.levels = outside;
        text
    }

    fn select_text(&mut self, select: &Select, order: Option<&OrderBy>) -> Translation<String> {
        if select.top.is_some() || select.qualify.is_some() || select.into.is_some() {
            return Err(errors::ora(923, "FROM keyword not found where expected"));
        }
        let mut from = self.from(select)?;
        let (conditions, rownum) = split_rownum(select.selection.as_ref());
        let mut filters = Vec::new();
        for condition in &conditions {
            filters.push(self.condition(condition)?);
        }
        let mut filter = if filters.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", filters.join(" AND "))
        };
        let grouped =
            !matches!(&select.group_by, GroupByExpr::Expressions(list, _) if list.is_empty());
        let mut limit = match rownum {
            Some(most) => format!(" LIMIT {}", self.rownum_limit(most)?),
            None => String::new(),
        };
        if rownum.is_some()
            && (order.is_some() || grouped || select.distinct.is_some() || aggregates(select))
        {
            // Rows are counted before they are ordered or grouped.
            from = format!(" FROM (SELECT * {from}{filter}{limit}) {}", self.only_alias(select)?);
            (filter, limit) = (String::new(), String::new());
        }
        let distinct = match &select.distinct {
            Some(Distinct::Distinct) => "DISTINCT ",
            Some(Distinct::On(_)) => return Err(errors::ora(936, "missing expression")),
            _ => "",
        };
        let list = self.list(select)?;
        let group = self.group(&select.group_by)?;
        let having = match &select.having {
            Some(having) => format!(" HAVING {}", self.condition(having)?),
            None => String::new(),
        };
        let order = self.order(order)?;
        Ok(format!("SELECT {distinct}{list}{from}{filter}{group}{having}{order}{limit}"))
    }

    fn list(&mut self, select: &Select) -> Translation<String> {
        let mut items = Vec::new();
        for item in &select.projection {
            items.push(match item {
                SelectItem::UnnamedExpr(expr) => {
                    format!("{} AS {}", self.value(expr)?, quoted(&name_of(expr)))
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    format!("{} AS {}", self.value(expr)?, quoted(&folded(alias)))
                }
                SelectItem::Wildcard(_) if select.projection.len() == 1 => "*".to_string(),
                SelectItem::Wildcard(_) => {
                    return Err(errors::ora(923, "FROM keyword not found where expected"));
                }
                SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(name),
                    _,
                ) => {
                    let parts = parts(name)?;
                    format!("{}.*", quoted(parts.last().map_or("", String::as_str)))
                }
                _ => return Err(errors::ora(936, "missing expression")),
            });
        }
        Ok(items.join(", "))
    }

    fn from(&mut self, select: &Select) -> Translation<String> {
        if !select.connect_by.is_empty() {
            return self.levels(select);
        }
        if select.from.is_empty() {
            if self.scope.release.is_23() {
                return Ok(String::new());
            }
            return Err(errors::ora(923, "FROM keyword not found where expected"));
        }
        let mut tables = Vec::new();
        for table in &select.from {
            tables.push(self.table_with_joins(table)?);
        }
        Ok(format!(" FROM {}", tables.join(", ")))
    }

    /// `FROM DUAL CONNECT BY LEVEL <= n`, by which numbers are made.
    fn levels(&mut self, select: &Select) -> Translation<String> {
        let refused = || errors::unsupported("this form of CONNECT BY");
        let [ConnectByKind::ConnectBy { relationships, .. }] = select.connect_by.as_slice() else {
            return Err(refused());
        };
        let ([table], [Expr::BinaryOp { left, op, right }]) =
            (select.from.as_slice(), relationships.as_slice())
        else {
            return Err(refused());
        };
        let dual = matches!(&table.relation, TableFactor::Table { name, .. }
            if parts(name)?.last().is_some_and(|name| name == "DUAL"));
        let level = |expr: &Expr| {
            matches!(expr, Expr::Identifier(name)
                if matches!(folded(name).as_str(), "LEVEL" | "ROWNUM"))
        };
        if !dual || !table.joins.is_empty() || !level(left) {
            return Err(refused());
        }
        let most = self.scalar(right)?;
        let most = match op {
            BinaryOperator::LtEq => most,
            BinaryOperator::Lt => format!("({most} - 1)"),
            _ => return Err(refused()),
        };
        self.levels = true;
        // One row comes without the condition.
        Ok(format!(
            " FROM generate_series(1, greatest(CAST({most} AS bigint), 1)) AS \"_level\" (level)"
        ))
    }

    fn table_with_joins(&mut self, table: &TableWithJoins) -> Translation<String> {
        let mut text = self.factor(&table.relation)?;
        for join in &table.joins {
            text = self.join(&text, join)?;
        }
        Ok(text)
    }

    fn join(&mut self, left: &str, join: &Join) -> Translation<String> {
        let right = self.factor(&join.relation)?;
        let (word, constraint) = match &join.join_operator {
            JoinOperator::Join(on) | JoinOperator::Inner(on) => ("JOIN", on),
            JoinOperator::Left(on) | JoinOperator::LeftOuter(on) => ("LEFT JOIN", on),
            JoinOperator::Right(on) | JoinOperator::RightOuter(on) => ("RIGHT JOIN", on),
            JoinOperator::FullOuter(on) => ("FULL JOIN", on),
            JoinOperator::CrossJoin(on) => ("CROSS JOIN", on),
            JoinOperator::CrossApply => {
                return Ok(format!("({left} CROSS JOIN LATERAL {right})"));
            }
            JoinOperator::OuterApply => {
                return Ok(format!("({left} LEFT JOIN LATERAL {right} ON true)"));
            }
            _ => return Err(errors::ora(933, "SQL command not properly ended")),
        };
        Ok(match constraint {
            JoinConstraint::On(on) => {
                format!("({left} {word} {right} ON {})", self.condition(on)?)
            }
            JoinConstraint::Using(columns) => {
                let mut names = Vec::new();
                for column in columns {
                    names.extend(parts(column)?.last().map(|name| quoted(name)));
                }
                format!("({left} {word} {right} USING ({}))", names.join(", "))
            }
            JoinConstraint::Natural => format!("({left} NATURAL {word} {right})"),
            JoinConstraint::None if word == "CROSS JOIN" => format!("({left} {word} {right})"),
            JoinConstraint::None => return Err(errors::ora(905, "missing keyword")),
        })
    }

    fn factor(&mut self, factor: &TableFactor) -> Translation<String> {
        match factor {
            TableFactor::Table { name, alias, args: None, sample: Some(sample), .. } => {
                self.sample(name, alias.as_ref(), sample)
            }
            TableFactor::Table { name, alias, args: None, sample: None, .. } => {
                let names = parts(name)?;
                let table = match names.as_slice() {
                    [single] if self.with.contains(single) => quoted(single),
                    _ => qualified(&self.resolve(name)?.0),
                };
                let written = names.last().cloned().unwrap_or_default();
                Ok(format!("{table} AS {}", self.alias(alias.as_ref(), &written)?))
            }
            TableFactor::Derived { lateral, subquery, alias, sample: None } => {
                let query = self.query(subquery)?;
                self.derived += 1;
                let otherwise = format!("_derived{}", self.derived);
                let alias = self.alias(alias.as_ref(), &otherwise)?;
                let lateral = if *lateral { "LATERAL " } else { "" };
                Ok(format!("{lateral}({query}) AS {alias}"))
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                self.table_with_joins(table_with_joins)
            }
            _ => Err(errors::unsupported("this form of FROM")),
        }
    }

    fn alias(&self, alias: Option<&TableAlias>, otherwise: &str) -> Translation<String> {
        match alias {
            None => Ok(quoted(otherwise)),
            // Oracle knows no AS here.
            Some(alias) if alias.explicit || !alias.columns.is_empty() => {
                Err(errors::ora(933, "SQL command not properly ended"))
            }
            Some(alias) => Ok(quoted(&folded(&alias.name))),
        }
    }

    /// The alias of the only table of a query block.
    fn only_alias(&self, select: &Select) -> Translation<String> {
        match select.from.as_slice() {
            [TableWithJoins { relation, joins }] if joins.is_empty() => match relation {
                TableFactor::Table { name, alias, .. } => {
                    let written = parts(name)?.last().cloned().unwrap_or_default();
                    self.alias(alias.as_ref(), &written)
                }
                TableFactor::Derived { alias, .. } => self.alias(alias.as_ref(), "_counted"),
                _ => Err(errors::unsupported("ROWNUM here")),
            },
            _ => Err(errors::unsupported("ROWNUM beside a join and ORDER BY")),
        }
    }

    fn group(&mut self, group: &GroupByExpr) -> Translation<String> {
        let GroupByExpr::Expressions(list, modifiers) = group else {
            return Err(errors::ora(936, "missing expression"));
        };
        if list.is_empty() || !modifiers.is_empty() {
            return Ok(String::new());
        }
        let mut items = Vec::new();
        for item in list {
            let sets = |this: &mut Self, word: &str, sets: &[Vec<Expr>]| -> Translation<String> {
                let mut texts = Vec::new();
                for set in sets {
                    texts.push(format!("({})", this.scalars(set)?.join(", ")));
                }
                Ok(format!("{word} ({})", texts.join(", ")))
            };
            items.push(match item {
                Expr::Rollup(list) => sets(self, "ROLLUP", list)?,
                Expr::Cube(list) => sets(self, "CUBE", list)?,
                Expr::GroupingSets(list) => sets(self, "GROUPING SETS", list)?,
                other => self.scalar(other)?,
            });
        }
        Ok(format!(" GROUP BY {}", items.join(", ")))
    }

    fn order(&mut self, order: Option<&OrderBy>) -> Translation<String> {
        match order.map(|order| &order.kind) {
            None => Ok(String::new()),
            Some(OrderByKind::Expressions(keys)) => {
                Ok(format!(" ORDER BY {}", self.sort_keys(keys)?))
            }
            Some(OrderByKind::All(_)) => Err(errors::ora(936, "missing expression")),
        }
    }

    /// Keys of ORDER BY; a number is the place of a column. NULLs sort as the highest value.
    pub(super) fn sort_keys(&mut self, keys: &[OrderByExpr]) -> Translation<String> {
        let mut texts = Vec::new();
        for key in keys {
            let place = match &key.expr {
                Expr::Value(value) => match &value.value {
                    Value::Number(digits, _) => Some(digits.clone()),
                    _ => None,
                },
                _ => None,
            };
            let mut text = match place {
                Some(place) => place,
                None => self.scalar(&key.expr)?,
            };
            if key.options.asc == Some(false) {
                text.push_str(" DESC");
            }
            match key.options.nulls_first {
                Some(true) => text.push_str(" NULLS FIRST"),
                Some(false) => text.push_str(" NULLS LAST"),
                None => {}
            }
            texts.push(text);
        }
        Ok(texts.join(", "))
    }

    fn limit(&mut self, query: &Query) -> Translation<String> {
        let mut text = String::new();
        match &query.limit_clause {
            None => {}
            Some(LimitClause::LimitOffset { limit: None, offset: Some(offset), limit_by })
                if limit_by.is_empty() =>
            {
                let rows = self.scalar(&offset.value)?;
                text = format!(" OFFSET {}", bounded(&rows));
            }
            Some(_) => return Err(errors::ora(933, "SQL command not properly ended")),
        }
        // The rows are numbered in a query around this one, for which names have to differ.
        let counts = query.fetch.is_some() || !text.is_empty();
        if let (true, (Some(mut names), _)) = (counts, outermost(query)) {
            let all = names.len();
            names.sort();
            names.dedup();
            if names.len() < all {
                return Err(errors::ora(918, "column ambiguously defined"));
            }
        }
        if let Some(fetch) = &query.fetch {
            if fetch.percent {
                return Err(errors::unsupported("FETCH FIRST ... PERCENT"));
            }
            let rows = match &fetch.quantity {
                Some(quantity) => self.scalar(quantity)?,
                None => "1".to_string(),
            };
            let ties = if fetch.with_ties { "WITH TIES" } else { "ONLY" };
            text.push_str(&format!(" FETCH FIRST ({}) ROWS {ties}", bounded(&rows)));
        }
        Ok(text)
    }

    /// The most rows of `ROWNUM <= n`.
    fn rownum_limit(&mut self, (operator, value): (&BinaryOperator, &Expr)) -> Translation<String> {
        let value = self.scalar(value)?;
        Ok(match operator {
            BinaryOperator::Lt => bounded(&format!("(ceil({value}) - 1)")),
            BinaryOperator::LtEq => bounded(&format!("floor({value})")),
            // The first row is number 1; where that is not asked for, no row is ever the first.
            _ => format!("CASE WHEN {value} = 1 THEN 1 ELSE 0 END"),
        })
    }
}

/// A number of rows: not negative, none where it is NULL.
fn bounded(rows: &str) -> String {
    format!("CAST(least(greatest(coalesce({rows}, 0), 0), {}) AS bigint)", literal(MOST))
}

type RownumTest<'a> = (&'a BinaryOperator, &'a Expr);

/// The conditions of a WHERE without the one on ROWNUM, and that one.
fn split_rownum(selection: Option<&Expr>) -> (Vec<&Expr>, Option<RownumTest<'_>>) {
    let mut pending: Vec<&Expr> = selection.into_iter().collect();
    let (mut conditions, mut rownum) = (Vec::new(), None);
    while let Some(condition) = pending.pop() {
        match condition {
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                pending.extend([&**right, &**left]);
            }
            Expr::BinaryOp {
                left,
                op: op @ (BinaryOperator::Lt | BinaryOperator::LtEq | BinaryOperator::Eq),
                right,
            } if rownum.is_none() && is_rownum(left) => rownum = Some((op, &**right)),
            other => conditions.push(other),
        }
    }
    (conditions, rownum)
}

fn is_rownum(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(name) if name.quote_style.is_none() && folded(name) == "ROWNUM")
}

/// Whether a select list has an aggregate at its surface.
fn aggregates(select: &Select) -> bool {
    let is = |expr: &Expr| {
        matches!(expr, Expr::Function(function) if function.over.is_none()
        && super::function::is_aggregate(&function.name.to_string()))
    };
    select.projection.iter().any(|item| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => is(expr),
        _ => false,
    })
}
