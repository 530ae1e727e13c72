//! A governed scan that is told which values of a column matter.

use super::super::local::LocalOutput;
use super::super::scan_plan::{Asked, ScanPlan};
use crate::model::{Comparison, OperandClass, Predicate, Value};
use celosia_connector_api::render::{is_pushable, render};
use celosia_connector_api::{
    Dialect, Expression, Node, RemoteQuery, RenderedQuery, TableRead, statement,
};
use std::sync::Arc;

impl ScanPlan {
    /// Whether the source can be told which values of an output matter.
    pub(in super::super) fn takes_keys(&self, dialect: &dyn Dialect, output: usize) -> bool {
        let Some(at) = self.fetched(output) else { return false };
        let equality = dialect.capabilities().equality;
        match &self.asked {
            // The first rows of an order are others where some rows are missing.
            Asked::Table(read) => read.limit.is_none() && equality.contains(class_of(read, at)),
            Asked::Tree(query) => {
                query.shape().get(at).is_some_and(|shape| equality.contains(shape.class))
            }
            #[cfg(feature = "ballista")]
            Asked::Elsewhere { .. } => false,
        }
    }

    /// The plan for the rows that have one of `values` in an output, and perhaps for others; `None`
    /// where the source cannot be told.
    pub(in super::super) fn with_keys(
        &self,
        dialect: &dyn Dialect,
        output: usize,
        values: &[Value],
        range: Option<&(Value, Value)>,
    ) -> Option<Self> {
        let at = self.fetched(output).filter(|_| self.takes_keys(dialect, output))?;
        let mut rendered = match &self.asked {
            Asked::Table(read) => table(dialect, read, at, values, range)?,
            Asked::Tree(query) => tree(dialect, query, at, values, range)?,
            #[cfg(feature = "ballista")]
            Asked::Elsewhere { .. } => return None,
        };
        rendered.defer_unfit = self.rendered.defer_unfit;
        Some(Self {
            rendered,
            asked: self.asked.clone(),
            local: self.local.clone(),
            schema: self.schema.clone(),
        })
    }

    /// How few rows the statement promises: the more, the fewer.
    pub(in super::super) fn promise(&self) -> u8 {
        match &self.asked {
            Asked::Table(read) => of_read(read),
            Asked::Tree(query) => of_query(query),
            #[cfg(feature = "ballista")]
            Asked::Elsewhere { .. } => 0,
        }
    }

    /// The fetched column that an output is.
    fn fetched(&self, output: usize) -> Option<usize> {
        match self.local.outputs.get(output)? {
            LocalOutput::Fetched(at) => Some(*at),
            _ => None,
        }
    }
}

fn class_of(read: &TableRead, at: usize) -> OperandClass {
    let class = read.table.columns[read.output[at].column].class;
    read.output[at].mask.as_ref().map_or(class, |mask| mask.output_class(class))
}

fn table(
    dialect: &dyn Dialect,
    read: &Arc<TableRead>,
    column: usize,
    values: &[Value],
    range: Option<&(Value, Value)>,
) -> Option<RenderedQuery> {
    let classes: Vec<_> = (0..read.output.len()).map(|at| class_of(read, at)).collect();
    let list = Predicate::InList { column, values: values.to_vec(), negated: false };
    let within = |(least, most): &(Value, Value)| {
        let bound =
            |operator, value: &Value| Predicate::Compare { column, operator, value: value.clone() };
        bound(Comparison::GreaterOrEqual, least).and(bound(Comparison::LessOrEqual, most))
    };
    [Some(list), range.map(within)].into_iter().flatten().find_map(|keys| {
        if !is_pushable(dialect, &keys, &classes) {
            return None;
        }
        let predicate = match &read.predicate {
            Some(predicate) => predicate.clone().and(keys),
            None => keys,
        };
        render(dialect, &TableRead { predicate: Some(predicate), ..read.as_ref().clone() })
    })
}

fn tree(
    dialect: &dyn Dialect,
    query: &Arc<RemoteQuery>,
    column: usize,
    values: &[Value],
    range: Option<&(Value, Value)>,
) -> Option<RenderedQuery> {
    let shape = query.shape().into_iter().nth(column)?;
    let key = Expression {
        node: Node::Column(column),
        data_type: shape.data_type.clone(),
        class: shape.class,
    };
    let list = (values.len() <= dialect.most_values()).then(|| Node::InList {
        operand: Box::new(key.clone()),
        values: values.to_vec(),
        negated: false,
    });
    let within = |(least, most): &(Value, Value)| {
        let bound = |operator, value: &Value| {
            let right = Expression::literal(value.clone(), shape.data_type.clone());
            Expression::condition(Node::Compare {
                operator,
                left: Box::new(key.clone()),
                right: Box::new(right),
            })
        };
        Node::And(vec![
            bound(Comparison::GreaterOrEqual, least),
            bound(Comparison::LessOrEqual, most),
        ])
    };
    [list, range.map(within)].into_iter().flatten().find_map(|keys| {
        let predicate = Expression::condition(keys);
        let input = Box::new(query.as_ref().clone());
        statement::render(dialect, &RemoteQuery::Filter { input, predicate })
    })
}

/// Whether nothing that is asked for is a matter of few values.
pub(in super::super) fn is_broad(read: &TableRead) -> bool {
    of_read(read) < 3
}

fn of_read(read: &TableRead) -> u8 {
    let filtered = u8::from(read.row_filter.is_some());
    match &read.predicate {
        _ if read.limit.is_some() => 4,
        Some(predicate) => of_predicate(predicate),
        None => filtered,
    }
}

fn of_predicate(predicate: &Predicate) -> u8 {
    match predicate {
        Predicate::Constant(true) => 0,
        Predicate::Constant(false) => 5,
        Predicate::Compare { operator: Comparison::Equal, .. }
        | Predicate::InList { negated: false, .. } => 3,
        Predicate::And(parts) => parts.iter().map(of_predicate).max().unwrap_or(0),
        Predicate::Or(parts) => parts.iter().map(of_predicate).min().unwrap_or(0),
        _ => 2,
    }
}

fn of_condition(condition: &Expression) -> u8 {
    match &condition.node {
        Node::Compare { operator: Comparison::Equal, right, .. }
            if matches!(right.node, Node::Literal(_)) =>
        {
            3
        }
        Node::InList { negated: false, .. } => 3,
        Node::And(parts) => parts.iter().map(of_condition).max().unwrap_or(0),
        Node::Or(parts) => parts.iter().map(of_condition).min().unwrap_or(0),
        _ => 2,
    }
}

fn of_query(query: &RemoteQuery) -> u8 {
    match query {
        RemoteQuery::Scan(read) => of_read(read),
        RemoteQuery::Filter { input, predicate } => of_query(input).max(of_condition(predicate)),
        RemoteQuery::Limit { input, fetch, .. } => of_query(input).max(fetch.map_or(0, |_| 4)),
        RemoteQuery::Aggregate { input, groups, .. } => {
            of_query(input).max(if groups.is_empty() { 5 } else { 1 })
        }
        RemoteQuery::Project { input, .. }
        | RemoteQuery::Window { input, .. }
        | RemoteQuery::Sort { input, .. } => of_query(input),
        RemoteQuery::Join { left, right, .. } => of_query(left).max(of_query(right)),
        RemoteQuery::UnionAll(inputs) => inputs.iter().map(of_query).min().unwrap_or(0),
    }
}
