//! Random statements over the tables of the worlds.

use super::expr::{Expr, TYPES, Type};
use super::query::{Item, Query, Source, What};
use super::words::{Table, Words};
use crate::support::rng::Rng;

/// A column in scope.
#[derive(Debug, Clone)]
pub struct Column {
    /// `alias.column`
    pub sql: String,
    /// Its type.
    pub ty: Type,
    /// Divisors that are zero on hidden rows or raw cells.
    pub zeroes: Vec<String>,
    /// Every open text is a number, no hidden one is.
    pub digits: bool,
    /// It is open to sums, averages and counts alone.
    pub aggregate: bool,
}

/// Tables in scope: aliases with their columns.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Columns of all tables.
    pub columns: Vec<Column>,
    /// Keys that order the rows of all tables; empty where a derived table has none.
    pub keys: Vec<String>,
}

impl Scope {
    /// A table under an alias.
    pub fn of(table: &Table, alias: &str) -> Self {
        let columns = table.columns.iter().map(|column| {
            let sql = format!("{alias}.{}", column.name);
            let zeroes = column.zeroes.iter().map(|rest| format!("({sql}{rest})")).collect();
            let (ty, digits, aggregate) = (column.ty, column.digits, column.aggregate);
            Column { sql, ty, zeroes, digits, aggregate }
        });
        let keys = table.keys.iter().map(|key| format!("{alias}.{key}"));
        Self { columns: columns.collect(), keys: keys.collect() }
    }
}

/// Makes statements.
#[derive(Debug)]
pub struct Generator<'a> {
    /// Where choices come from.
    pub rng: Rng,
    /// What statements are made of.
    pub words: &'a Words,
    aliases: usize,
}

impl<'a> Generator<'a> {
    /// A generator of one statement.
    pub fn new(seed: u64, words: &'a Words) -> Self {
        Self { rng: Rng::new(seed), words, aliases: 0 }
    }

    /// A statement.
    pub fn statement(&mut self) -> Query {
        let mut query = self.query(2, None);
        if self.rng.chance(60) {
            query.order = Some(self.rng.next());
        }
        if self.rng.chance(25) {
            let offset = if self.rng.chance(25) { self.rng.below(9) } else { 0 };
            query.limit = Some((self.rng.below(12) + 1, offset));
        }
        query
    }

    /// A query that gives columns of the types in `shape`, where it is given.
    fn query(&mut self, depth: usize, shape: Option<&[Type]>) -> Query {
        let mut scope = Scope::default();
        let mut query = Query { from: self.from(depth, &mut scope), ..Query::default() };
        for _ in 0..self.rng.weighted(&[(45, 0), (40, 1), (13, 2), (2, 3)]) {
            query.wheres.push(self.boolean(&scope, depth));
        }
        let shape = match shape {
            Some(shape) => shape.to_vec(),
            None => (0..self.rng.below(4) + 1).map(|_| self.ty()).collect(),
        };
        match self.rng.weighted(&[(55, 0), (30, 1), (15, 2)]) {
            0 => self.plain(&mut query, &scope, &shape, depth),
            1 => self.aggregate(&mut query, &scope, &shape, depth),
            _ => self.window(&mut query, &scope, &shape, depth),
        }
        if depth > 0 && self.rng.chance(12) {
            let operator = self.rng.pick(&["UNION ALL", "UNION", "INTERSECT", "EXCEPT"]);
            let mut other = self.query(depth - 1, Some(&shape));
            (other.order, other.limit, other.set, other.as_cte) = (None, None, None, false);
            query.set = Some((operator, Box::new(other)));
        }
        query.as_cte = self.rng.chance(8);
        query
    }

    fn plain(&mut self, query: &mut Query, scope: &Scope, shape: &[Type], depth: usize) {
        query.distinct = self.rng.chance(12);
        for ty in shape {
            let expr = self.expr(*ty, scope, depth);
            query.items.push(Item { expr, key: true });
        }
    }

    fn aggregate(&mut self, query: &mut Query, scope: &Scope, shape: &[Type], depth: usize) {
        query.grouped = true;
        let keys = self.rng.below(shape.len() + 1).min(2);
        for (at, ty) in shape.iter().enumerate() {
            if at < keys {
                let expr = self.expr(*ty, scope, depth.min(1));
                query.items.push(Item { expr, key: true });
            } else {
                let expr = self.aggregate_of(*ty, scope, depth);
                query.items.push(Item { expr, key: false });
            }
        }
        if self.rng.chance(20) {
            let count = self.aggregate_of(Type::Int, scope, 1);
            query.havings.push(Expr::node(Type::Bool, "({} > 1)", vec![count]));
        }
    }

    fn window(&mut self, query: &mut Query, scope: &Scope, shape: &[Type], depth: usize) {
        for ty in shape {
            let expr = if self.rng.chance(50) && !scope.keys.is_empty() {
                self.window_of(*ty, scope, depth)
            } else {
                self.expr(*ty, scope, depth)
            };
            query.items.push(Item { expr, key: true });
        }
    }

    /// An aggregate that gives a type.
    fn aggregate_of(&mut self, ty: Type, scope: &Scope, depth: usize) -> Expr {
        if self.rng.chance(40)
            && let Some(guarded) = self.guarded(ty, scope)
        {
            return guarded;
        }
        let filter = if self.rng.chance(20) { " FILTER (WHERE {})" } else { "" };
        let counted = self.ty() as usize;
        let (template, argument) = match ty {
            Type::Int => self.rng.weighted(&[
                (4, ("count({})", counted)),
                (2, ("count(DISTINCT {})", counted)),
                (3, ("sum({})", 0)),
                (2, ("max({})", 0)),
                (2, ("min({})", 0)),
                (1, ("bit_xor({})", 0)),
            ]),
            Type::Float => self.rng.weighted(&[
                (3, ("avg({})", 0)),
                (2, ("sum({})", 1)),
                (1, ("stddev({})", 1)),
                (1, ("max({})", 1)),
                (1, ("median({})", 1)),
                (1, ("median({})", 0)),
            ]),
            Type::Dec => {
                self.rng.weighted(&[(3, ("sum({})", 2)), (2, ("max({})", 2)), (1, ("min({})", 2))])
            }
            Type::Text => self.rng.weighted(&[(3, ("max({})", 3)), (3, ("min({})", 3))]),
            Type::Bool => self.rng.weighted(&[(1, ("bool_or({})", 4)), (1, ("bool_and({})", 4))]),
            Type::Date => self.rng.weighted(&[(1, ("max({})", 5)), (1, ("min({})", 5))]),
            Type::Time => self.rng.weighted(&[(1, ("max({})", 6)), (1, ("min({})", 6))]),
            Type::Instant => self.rng.weighted(&[(1, ("max({})", 7)), (1, ("min({})", 7))]),
            Type::Bytes => self.rng.weighted(&[(1, ("max({})", 8)), (1, ("min({})", 8))]),
            Type::Clock => self.rng.weighted(&[(1, ("max({})", 9)), (1, ("min({})", 9))]),
        };
        let mut subs = vec![self.expr(TYPES[argument], scope, depth.min(1))];
        if !filter.is_empty() {
            subs.push(self.boolean(scope, 0));
        }
        let aggregate = Expr::node(ty, &format!("{template}{filter}"), subs);
        match ty {
            Type::Dec => Expr::node(ty, "CAST({} AS DECIMAL(20,4))", vec![aggregate]),
            _ => aggregate,
        }
    }

    /// An aggregate of a column that is open to nothing else, if there is one.
    fn guarded(&mut self, ty: Type, scope: &Scope) -> Option<Expr> {
        let fit: Vec<&Column> = scope.columns.iter().filter(|column| column.aggregate).collect();
        let column = fit.get(self.rng.below(fit.len()))?;
        let aggregate = match (ty, column.ty) {
            (Type::Int, _) => self.rng.pick(&["count", "sum"]),
            (Type::Dec, Type::Dec) => self.rng.pick(&["avg", "sum"]),
            (Type::Float, Type::Int) => "avg",
            _ => return None,
        };
        Some(Expr::leaf(ty, format!("{aggregate}({})", column.sql)))
    }

    /// A window function that gives a type; its order is total.
    fn window_of(&mut self, ty: Type, scope: &Scope, depth: usize) -> Expr {
        let over = " OVER (PARTITION BY {} ORDER BY {}, ";
        let keys = scope.keys.join(", ");
        let rank = ty == Type::Int && self.rng.chance(40);
        let template = match ty {
            Type::Int if rank => {
                self.rng.pick(&["row_number()", "rank()", "ntile(3)", "dense_rank()"])
            }
            Type::Int => self.rng.pick(&["sum({})", "count({})", "lag({})", "max({})"]),
            _ => self.rng.pick(&["lag({})", "lead({})", "first_value({})", "min({})"]),
        };
        let template = match (ty, template) {
            (Type::Bool, "min({})") => "lag({})",
            (_, template) => template,
        };
        let frame = if !rank && !template.starts_with('l') && self.rng.chance(30) {
            " ROWS BETWEEN 2 PRECEDING AND CURRENT ROW"
        } else {
            ""
        };
        let mut subs = Vec::new();
        if !rank {
            subs.push(self.expr(ty, scope, depth.min(1)));
        }
        let (parted, ordered) = (self.ty(), self.ty());
        subs.push(self.expr(parted, scope, 0));
        subs.push(self.expr(ordered, scope, 0));
        Expr::node(ty, &format!("{template}{over}{keys}{frame})"), subs)
    }

    fn from(&mut self, depth: usize, scope: &mut Scope) -> Vec<Source> {
        let count = if depth == 0 { 1 } else { self.rng.weighted(&[(55, 1), (35, 2), (10, 3)]) };
        let mut sources: Vec<Source> = Vec::new();
        for at in 0..count {
            let mut inner = Scope::default();
            let (what, alias) = self.source(depth, &mut inner);
            let mut source = Source { join: "", what, alias, on: Vec::new() };
            if at > 0 {
                source.join = self.rng.weighted(&[
                    (45, "JOIN"),
                    (35, "LEFT JOIN"),
                    (8, "RIGHT JOIN"),
                    (8, "FULL JOIN"),
                    (4, "CROSS JOIN"),
                ]);
                source.on = self.on(scope, &inner);
            }
            if at == 0 || !scope.keys.is_empty() {
                let complete = !inner.keys.is_empty();
                scope.keys.append(&mut inner.keys);
                if !complete {
                    scope.keys.clear();
                }
            }
            scope.columns.append(&mut inner.columns);
            if at > 0 && source.join != "CROSS JOIN" && self.rng.chance(25) {
                let more = self.boolean(scope, 0);
                source.on.push(more);
            }
            sources.push(source);
        }
        sources
    }

    /// A table or a derived table, and what it brings into scope.
    fn source(&mut self, depth: usize, scope: &mut Scope) -> (What, String) {
        let alias = format!("t{}", self.aliases);
        self.aliases += 1;
        if depth > 0 && self.rng.chance(12) {
            let shape = [Type::Int, self.ty(), self.ty()];
            let mut query = self.query(depth - 1, Some(&shape));
            if self.rng.chance(30) {
                query.order = Some(self.rng.next());
                query.limit = Some((self.rng.below(20) + 1, 0));
            }
            let column = |(at, ty): (usize, &Type)| Column {
                sql: format!("{alias}.c{at}"),
                ty: *ty,
                zeroes: Vec::new(),
                digits: false,
                aggregate: false,
            };
            scope.columns = shape.iter().enumerate().map(column).collect();
            return (What::Query(Box::new(query)), alias);
        }
        let table = self.words.table(&mut self.rng);
        *scope = Scope::of(table, &alias);
        (What::Table(table.name.clone()), alias)
    }

    /// An equality between the tables before and the new one, mostly over numbers.
    fn on(&mut self, before: &Scope, new: &Scope) -> Vec<Expr> {
        let ty = if self.rng.chance(80) { Type::Int } else { Type::Text };
        let of = |scope: &Scope, rng: &mut Rng| {
            let fit: Vec<&Column> =
                scope.columns.iter().filter(|c| c.ty == ty && !c.aggregate).collect();
            // Keys and references come first in each table.
            let near = if rng.chance(80) { fit.len().min(2) } else { fit.len() };
            fit.get(rng.below(near)).map(|column| Expr::leaf(ty, column.sql.clone()))
        };
        match (of(before, &mut self.rng), of(new, &mut self.rng)) {
            (Some(left), Some(right)) => {
                vec![Expr::node(Type::Bool, "({} = {})", vec![left, right])]
            }
            _ => vec![Expr::leaf(Type::Bool, "1 = 0")],
        }
    }

    /// A type, the more frequent ones more often.
    pub fn ty(&mut self) -> Type {
        self.rng.weighted(&self.words.types)
    }
}
