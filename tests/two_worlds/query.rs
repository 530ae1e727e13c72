//! Statements as values: printed as SQL, and made smaller clause by clause.

use super::expr::Expr;
use std::fmt;

/// A SELECT.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Whether rows are made distinct.
    pub distinct: bool,
    /// What is selected: `c0`, `c1`, ...
    pub items: Vec<Item>,
    /// The first table and the joins.
    pub from: Vec<Source>,
    /// Conditions, joined by AND.
    pub wheres: Vec<Expr>,
    /// Whether the plain items are grouping keys.
    pub grouped: bool,
    /// Conditions on groups.
    pub havings: Vec<Expr>,
    /// Another branch.
    pub set: Option<(&'static str, Box<Query>)>,
    /// Orders by every column, some of them downwards: a total order, but for rows that are the same.
    pub order: Option<u64>,
    /// How many rows, and how many are left out before.
    pub limit: Option<(usize, usize)>,
    /// Written as a common table expression of which everything is selected.
    pub as_cte: bool,
}

/// One selected expression.
#[derive(Debug, Clone)]
pub struct Item {
    /// The expression.
    pub expr: Expr,
    /// It is a grouping key where the query is grouped; else an aggregate or a window.
    pub key: bool,
}

/// A table, a derived table or a join.
#[derive(Debug, Clone)]
pub struct Source {
    /// `JOIN`, `LEFT JOIN`, ...; empty for the first.
    pub join: &'static str,
    /// A table's name, or a query.
    pub what: What,
    /// Its alias.
    pub alias: String,
    /// What it is joined on.
    pub on: Vec<Expr>,
}

/// What is read.
#[derive(Debug, Clone)]
pub enum What {
    /// A table.
    Table(String),
    /// A derived table.
    Query(Box<Query>),
}

impl Query {
    /// Whether SQL leaves no choice of rows and order.
    pub fn is_determined(&self) -> bool {
        let inner = |source: &Source| match &source.what {
            What::Table(_) => true,
            What::Query(query) => query.is_determined(),
        };
        let branch = self.set.as_ref().is_none_or(|(_, other)| other.is_determined());
        (self.limit.is_none() || self.order.is_some()) && branch && self.from.iter().all(inner)
    }

    /// Statements that are a little smaller, larger steps first. Not all of them are valid.
    pub fn smaller(&self) -> Vec<Query> {
        let mut found = Vec::new();
        let mut with = |change: &dyn Fn(&mut Query)| {
            let mut query = self.clone();
            change(&mut query);
            found.push(query);
        };
        if let Some((_, other)) = &self.set {
            with(&|query| query.set = None);
            with(&|query| *query = (**other).clone());
        }
        for at in (1..self.from.len()).rev() {
            with(&|query| drop(query.from.remove(at)));
        }
        for at in 0..self.wheres.len() {
            with(&|query| drop(query.wheres.remove(at)));
        }
        for at in 0..self.havings.len() {
            with(&|query| drop(query.havings.remove(at)));
        }
        for at in (0..self.items.len()).filter(|_| self.items.len() > 1) {
            with(&|query| drop(query.items.remove(at)));
        }
        for (flag, change) in [
            (self.limit.is_some(), (|query| query.limit = None) as fn(&mut Query)),
            (self.order.is_some(), |query| query.order = None),
            (self.distinct, |query| query.distinct = false),
            (self.as_cte, |query| query.as_cte = false),
        ] {
            if flag {
                with(&change);
            }
        }
        for (at, source) in self.from.iter().enumerate() {
            for on in 0..source.on.len() {
                with(&|query| drop(query.from[at].on.remove(on)));
                for smaller in source.on[on].smaller() {
                    with(&|query| query.from[at].on[on] = smaller.clone());
                }
            }
            if let What::Query(inner) = &source.what {
                for smaller in inner.smaller() {
                    with(&|query| query.from[at].what = What::Query(Box::new(smaller.clone())));
                }
            }
        }
        for (at, condition) in self.wheres.iter().enumerate() {
            for smaller in condition.smaller() {
                with(&|query| query.wheres[at] = smaller.clone());
            }
        }
        for (at, item) in self.items.iter().enumerate() {
            for smaller in item.expr.smaller() {
                with(&|query| query.items[at].expr = smaller.clone());
            }
        }
        found
    }

    fn body(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let distinct = if self.distinct { "DISTINCT " } else { "" };
        let named = |(at, item): (usize, &Item)| format!("{} AS c{at}", item.expr);
        let items: Vec<String> = self.items.iter().enumerate().map(named).collect();
        write!(f, "SELECT {distinct}{}", items.join(", "))?;
        for (at, source) in self.from.iter().enumerate() {
            let join = if at == 0 { "FROM" } else { source.join };
            match &source.what {
                What::Table(name) => write!(f, " {join} {name} AS {}", source.alias)?,
                What::Query(query) => write!(f, " {join} ({query}) AS {}", source.alias)?,
            }
            if at > 0 && source.join != "CROSS JOIN" {
                write!(f, " ON {}", joined(&source.on, "1 = 1"))?;
            }
        }
        if !self.wheres.is_empty() {
            write!(f, " WHERE {}", joined(&self.wheres, ""))?;
        }
        if self.grouped {
            let is_key = |(_, item): &(usize, &Item)| item.key;
            let keys = self.items.iter().enumerate().filter(is_key);
            let keys: Vec<String> = keys.map(|(at, _)| (at + 1).to_string()).collect();
            if !keys.is_empty() {
                write!(f, " GROUP BY {}", keys.join(", "))?;
            }
            if !self.havings.is_empty() {
                write!(f, " HAVING {}", joined(&self.havings, ""))?;
            }
        }
        if let Some((operator, other)) = &self.set {
            write!(f, " {operator} {other}")?;
        }
        Ok(())
    }

    fn tail(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(bits) = self.order {
            let direction = |at: usize| match bits >> (2 * at) & 3 {
                0 | 1 => "",
                2 => " DESC",
                _ => " DESC NULLS LAST",
            };
            let keys = (0..self.items.len()).map(|at| format!("{}{}", at + 1, direction(at)));
            write!(f, " ORDER BY {}", keys.collect::<Vec<_>>().join(", "))?;
        }
        match self.limit {
            None => Ok(()),
            Some((limit, 0)) => write!(f, " LIMIT {limit}"),
            Some((limit, offset)) => write!(f, " LIMIT {limit} OFFSET {offset}"),
        }
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.as_cte {
            f.write_str("WITH w AS (")?;
            self.body(f)?;
            f.write_str(") SELECT * FROM w")?;
        } else {
            self.body(f)?;
        }
        self.tail(f)
    }
}

fn joined(conditions: &[Expr], when_empty: &str) -> String {
    if conditions.is_empty() {
        return when_empty.to_string();
    }
    conditions.iter().map(Expr::to_string).collect::<Vec<_>>().join(" AND ")
}
