//! Columns beside a GROUP BY that have one value in each group, as PostgreSQL allows them: those of a table whose
//! primary key is grouped by, also where a join makes another column equal to it. They become keys of the grouping,
//! which leaves its groups as they are.
//!
//! A key counts only where the caller sees all of it, in every row, unmasked or as a pseudonym. What no key determines
//! is for `beside.rs`.

use super::beside::{self, aggregates};
use super::flow;
use super::named::parts;
use super::notes::Notes;
use crate::error::{Error, Result};
use crate::model::{Mask, TableEntry};
use crate::policy::Grant;
use crate::query::scan_plan::governed_schema;
use crate::query::session::View;
use sqlparser::ast::{
    BinaryOperator, Expr, GroupByExpr, JoinConstraint, JoinOperator, OrderBy, OrderByKind, Query,
    Select, SelectItem, SetExpr, Statement as Ast, TableFactor, TableWithJoins, Value, Visit,
    VisitMut, Visitor, VisitorMut,
};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// Groups also by what the caller's keys determine, and gives every other column the one value of its group.
///
/// # Errors
/// `TooComplex` for what grows too large.
pub(in crate::query) fn complete(ast: &mut Ast, view: &View) -> Result<Notes> {
    let mut named = CteNames::default();
    let _ = Visit::visit(ast, &mut named);
    if !named.groups {
        return Ok(Notes::default());
    }
    let mut complete = Complete { view, named: named.names, notes: Notes::default() };
    match VisitMut::visit(ast, &mut complete) {
        ControlFlow::Continue(()) => Ok(complete.notes),
        ControlFlow::Break(error) => Err(*error),
    }
}

#[derive(Default)]
struct CteNames {
    names: BTreeSet<String>,
    groups: bool,
}

impl Visitor for CteNames {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        self.names.extend(tables.map(|cte| cte.alias.name.value.to_lowercase()));
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        self.groups |= select.distinct.is_some() || beside::is_grouped(select);
        ControlFlow::Continue(())
    }
}

struct Complete<'a> {
    view: &'a View,
    named: BTreeSet<String>,
    notes: Notes,
}

impl VisitorMut for Complete<'_> {
    type Break = Box<Error>;

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        flow(if let SetExpr::Select(select) = query.body.as_mut() {
            self.select(select, query.order_by.as_mut())
        } else {
            self.branches(&mut query.body)
        })
    }
}

impl Complete<'_> {
    fn branches(&mut self, body: &mut SetExpr) -> Result<()> {
        match body {
            SetExpr::SetOperation { left, right, .. } => {
                self.branches(left)?;
                self.branches(right)
            }
            SetExpr::Select(select) => self.select(select, None),
            _ => Ok(()),
        }
    }

    fn select(&mut self, select: &mut Select, order: Option<&mut OrderBy>) -> Result<()> {
        beside::group_distinct(select, order.as_deref());
        let GroupByExpr::Expressions(keys, modifiers) = &select.group_by else { return Ok(()) };
        if !modifiers.is_empty() || !beside::is_grouped(select) {
            return Ok(());
        }
        let grouped: Vec<Expr> =
            keys.iter().map(|key| written(key, &select.projection).clone()).collect();
        if grouped
            .iter()
            .any(|key| matches!(key, Expr::Rollup(_) | Expr::Cube(_) | Expr::GroupingSets(_)))
        {
            return Ok(());
        }
        let Some(scope) = Scope::of(&select.from, select.selection.as_ref(), self) else {
            let from = select.from.clone();
            let free = |column: &Expr| is_of(column, &from, &grouped);
            return beside::wrap(select, order, &grouped, &free, &mut self.notes);
        };
        let start: BTreeSet<Place> = grouped.iter().filter_map(|key| scope.place(key)).collect();
        let mut known = start.clone();
        if !keys.is_empty() {
            let more = determined(select, order.as_deref(), &scope, &mut known, start);
            if let GroupByExpr::Expressions(keys, _) = &mut select.group_by {
                keys.extend(more);
            }
        }
        let free = |column: &Expr| scope.place(column).is_some_and(|place| !known.contains(&place));
        beside::wrap(select, order, &grouped, &free, &mut self.notes)
    }
}

/// The columns beside the keys of a grouping that follow from them; `known` has their places then.
fn determined(
    select: &Select,
    order: Option<&OrderBy>,
    scope: &Scope,
    known: &mut BTreeSet<Place>,
    start: BTreeSet<Place>,
) -> Vec<Expr> {
    let determined = scope.closure(start);
    let mut bare = Bare::default();
    let _ = select.projection.visit(&mut bare);
    let _ = select.having.visit(&mut bare);
    if let Some(OrderBy { kind: OrderByKind::Expressions(keys), .. }) = order {
        let _ = keys.visit(&mut bare);
    }
    let mut more = Vec::new();
    for column in bare.columns {
        let given = select.projection.iter().any(|item| {
            matches!((item, &column), (SelectItem::ExprWithAlias { alias, .. }, Expr::Identifier(name)) if alias.value.eq_ignore_ascii_case(&name.value))
        });
        if let Some(place) = scope.place(&column)
            && determined.contains(&place)
            && !given
            && known.insert(place)
        {
            more.push(column);
        }
    }
    more
}

/// Whether a column is of this FROM, whose columns are not known, and is not grouped by.
fn is_of(column: &Expr, from: &[TableWithJoins], grouped: &[Expr]) -> bool {
    let parts = |expr: &Expr| match expr {
        Expr::Identifier(name) => Some((None, name.value.to_lowercase())),
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [.., table, name] => {
                Some((Some(table.value.to_lowercase()), name.value.to_lowercase()))
            }
            _ => None,
        },
        _ => None,
    };
    let Some((table, name)) = parts(column) else { return false };
    let is_key = grouped
        .iter()
        .filter_map(parts)
        .any(|(of, key)| key == name && (of.is_none() || table.is_none() || of == table));
    let joined = from.iter().flat_map(|from| &from.joins).map(|join| &join.relation);
    let relations: Vec<&TableFactor> =
        from.iter().map(|from| &from.relation).chain(joined).collect();
    let named = |factor: &&TableFactor| match factor {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. } => {
            Some(alias.name.value.to_lowercase()) == table
        }
        TableFactor::Table { name, .. } => {
            super::named::parts(name).last().map(|name| name.to_lowercase()) == table
        }
        _ => false,
    };
    let is_here = match &table {
        Some(_) => relations.iter().any(named),
        None => relations.len() == 1,
    };
    is_here && !is_key
}

/// What a key of a GROUP BY is: a selected column by its number or its alias, or itself.
fn written<'a>(key: &'a Expr, projection: &'a [SelectItem]) -> &'a Expr {
    if let Expr::Value(value) = key
        && let Value::Number(digits, _) = &value.value
    {
        let item =
            digits.parse::<usize>().ok().and_then(|place| projection.get(place.checked_sub(1)?));
        return match item {
            Some(SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) => expr,
            _ => key,
        };
    }
    let Expr::Identifier(name) = key else { return key };
    let by_alias = projection.iter().find_map(|item| match item {
        SelectItem::ExprWithAlias { expr, alias }
            if alias.value.eq_ignore_ascii_case(&name.value) =>
        {
            Some(expr)
        }
        _ => None,
    });
    by_alias.unwrap_or(key)
}

/// A column: its table's place, and its own.
type Place = (usize, usize);

struct Table {
    alias: String,
    columns: Vec<String>,
    key: Option<BTreeSet<usize>>,
}

/// The tables of one FROM and what is equal in it.
#[derive(Default)]
struct Scope {
    tables: Vec<Table>,
    equal: Vec<(Place, Place)>,
    constant: BTreeSet<Place>,
    /// Where all of these are determined, that one is: the optional side of a join.
    follows: Vec<(BTreeSet<Place>, BTreeSet<Place>)>,
}

impl Scope {
    /// `None` where a table is not one of the catalog, so that names cannot be told.
    fn of(
        from: &[TableWithJoins],
        condition: Option<&Expr>,
        complete: &Complete<'_>,
    ) -> Option<Self> {
        let mut scope = Self::default();
        for table in from {
            scope.table(&table.relation, complete)?;
            for join in &table.joins {
                scope.table(&join.relation, complete)?;
            }
        }
        for join in from.iter().flat_map(|table| &table.joins) {
            match &join.join_operator {
                JoinOperator::Join(c) | JoinOperator::Inner(c) | JoinOperator::CrossJoin(c) => {
                    if let JoinConstraint::On(on) = c {
                        scope.equalities(on);
                    }
                }
                JoinOperator::Left(JoinConstraint::On(on))
                | JoinOperator::LeftOuter(JoinConstraint::On(on)) => {
                    scope.optional(on, &join.relation)
                }
                _ => {}
            }
        }
        if let Some(condition) = condition {
            scope.equalities(condition);
        }
        Some(scope)
    }

    fn table(&mut self, factor: &TableFactor, complete: &Complete<'_>) -> Option<()> {
        let TableFactor::Table { name, alias, args: None, .. } = factor else { return None };
        let parts = parts(name);
        if let [one] = parts.as_slice()
            && complete.named.contains(&one.to_lowercase())
        {
            return None;
        }
        let (entry, grant) = complete.view.resolve(&parts).ok()?;
        let named =
            alias.as_ref().map_or(parts.last().copied()?, |alias| alias.name.value.as_str());
        let schema = governed_schema(&grant, &entry);
        self.tables.push(Table {
            alias: named.to_lowercase(),
            columns: schema.fields().iter().map(|field| field.name().to_lowercase()).collect(),
            key: key(&entry, &grant),
        });
        Some(())
    }

    fn place(&self, expr: &Expr) -> Option<Place> {
        let (table, column) = match expr {
            Expr::Nested(inner) => return self.place(inner),
            Expr::Identifier(column) => (None, column),
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [.., table, column] => (Some(table.value.to_lowercase()), column),
                _ => return None,
            },
            _ => return None,
        };
        let column = column.value.to_lowercase();
        let mut found = self.tables.iter().enumerate().filter_map(|(index, known)| {
            if table.as_ref().is_some_and(|table| *table != known.alias) {
                return None;
            }
            Some((index, known.columns.iter().position(|name| *name == column)?))
        });
        let first = found.next()?;
        // An ambiguous name is an error elsewhere.
        found.next().is_none().then_some(first)
    }

    fn equalities(&mut self, condition: &Expr) {
        match condition {
            Expr::Nested(inner) => self.equalities(inner),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                self.equalities(left);
                self.equalities(right);
            }
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
                match (self.place(left), self.place(right)) {
                    (Some(left), Some(right)) => self.equal.push((left, right)),
                    (Some(place), None) if matches!(right.as_ref(), Expr::Value(_)) => {
                        self.constant.insert(place);
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// Whether a row of the optional side is there follows from the columns it is joined by, and from nothing else.
    fn optional(&mut self, on: &Expr, side: &TableFactor) {
        let TableFactor::Table { name, alias, .. } = side else { return };
        let named = match alias {
            Some(alias) => alias.name.value.to_lowercase(),
            None => parts(name).last().copied().unwrap_or_default().to_lowercase(),
        };
        let Some(optional) = self.tables.iter().position(|table| table.alias == named) else {
            return;
        };
        let mut pairs = Vec::new();
        if !self.only_equalities(on, &mut pairs) {
            return;
        }
        let (mut from, mut to) = (BTreeSet::new(), BTreeSet::new());
        for (left, right) in pairs {
            match (left.0 == optional, right.0 == optional) {
                (true, false) => {
                    to.insert(left);
                    from.insert(right);
                }
                (false, true) => {
                    to.insert(right);
                    from.insert(left);
                }
                _ => return,
            }
        }
        self.follows.push((from, to));
    }

    fn only_equalities(&self, on: &Expr, pairs: &mut Vec<(Place, Place)>) -> bool {
        match on {
            Expr::Nested(inner) => self.only_equalities(inner, pairs),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                self.only_equalities(left, pairs) && self.only_equalities(right, pairs)
            }
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
                match (self.place(left), self.place(right)) {
                    (Some(left), Some(right)) => {
                        pairs.push((left, right));
                        true
                    }
                    _ => false,
                }
            }
            _ => false,
        }
    }

    /// Everything that has one value where `columns` have.
    fn closure(&self, columns: BTreeSet<Place>) -> BTreeSet<Place> {
        let mut all = columns;
        all.extend(&self.constant);
        loop {
            let before = all.len();
            for (one, other) in &self.equal {
                if all.contains(one) || all.contains(other) {
                    all.extend([*one, *other]);
                }
            }
            for (from, to) in &self.follows {
                if from.is_subset(&all) {
                    all.extend(to);
                }
            }
            for (index, table) in self.tables.iter().enumerate() {
                let whole = |key: &BTreeSet<usize>| {
                    key.iter().all(|column| all.contains(&(index, *column)))
                };
                if table.key.as_ref().is_some_and(whole) {
                    all.extend((0..table.columns.len()).map(|column| (index, column)));
                }
            }
            if all.len() == before {
                return all;
            }
        }
    }
}

/// The primary key's places among the columns, where the caller sees all of it as it is in every row.
fn key(entry: &TableEntry, grant: &Grant) -> Option<BTreeSet<usize>> {
    let description = &entry.description;
    let place = |name: &String| {
        grant.columns().iter().position(|granted| {
            description.columns[granted.column()].name == *name
                && granted.visible().is_none()
                && !granted.is_counted()
                && matches!(granted.declared_mask(), None | Some(Mask::Pseudonym { .. }))
        })
    };
    let places: Option<BTreeSet<usize>> = description.primary_key.iter().map(place).collect();
    places.filter(|places| !places.is_empty())
}

/// Columns outside aggregates and subqueries.
#[derive(Default)]
struct Bare {
    columns: Vec<Expr>,
    inside: usize,
}

impl Visitor for Bare {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.inside += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.inside -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            _ if aggregates(expr) => self.inside += 1,
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) if self.inside == 0 => {
                self.columns.push(expr.clone());
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if aggregates(expr) {
            self.inside -= 1;
        }
        ControlFlow::Continue(())
    }
}
