//! One node of the plan over subtrees that live on one source.

use super::super::leaf::GovernedTable;
use super::super::pushdown;
use super::expressions::Translator;
use super::remote::{Read, RemoteTable};
use super::types::remote_type;
use super::{Reason, aggregates, products};
use celosia_connector_api::relation::Shape;
use celosia_connector_api::{
    Connector, Expression, JoinKind, Node, OrderKey, RemoteQuery, statement,
};
use datafusion::common::{DFSchema, DataFusionError, JoinType, NullEquality, Result};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::expr::Sort as SortKey;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{
    Expr, FetchType, Filter, Join, Limit, LogicalPlan, SkipType, Sort, TableScan,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A subtree that its source can run.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    query: RemoteQuery,
    shape: Vec<Shape>,
    connector: Arc<dyn Connector>,
    source: Arc<str>,
    reads: Vec<Read>,
    /// The subtree as it was.
    plan: LogicalPlan,
    /// It does more than a table's own leaf would.
    rich: bool,
}

impl Piece {
    /// A governed table whose whole policy its source can apply.
    pub(super) fn scan(
        plan: &LogicalPlan,
        scan: &TableScan,
        table: &GovernedTable,
    ) -> Option<Self> {
        let all = || (0..table.grant().columns().len()).collect();
        let projection: Vec<usize> = scan.projection.clone().unwrap_or_else(all);
        let read = table.at_source(&projection)?;
        let query = RemoteQuery::Scan(read);
        Some(Self {
            shape: query.shape(),
            query,
            connector: table.connector().clone(),
            source: table.entry().reference.source.clone(),
            reads: vec![Read { table: table.clone(), projection }],
            plan: plan.clone(),
            rich: false,
        })
    }

    /// Whether it does more than read, filter and slice one table.
    pub(super) fn is_rich(&self) -> bool {
        self.rich
    }

    /// Whether the source would send more rows than the tables hold.
    pub(super) fn gives_a_product(&self) -> bool {
        products::gives_a_product(&self.query)
    }

    /// The subtree as it was.
    pub(super) fn into_subtree(self) -> LogicalPlan {
        self.plan
    }

    /// A leaf for the subtree, or the subtree as it was where its table's own leaf does as well.
    pub(super) fn into_plan(self) -> Result<LogicalPlan> {
        if !self.rich {
            return Ok(self.plan);
        }
        let rendered = statement::render(self.connector.dialect(), &self.query)
            .ok_or_else(|| DataFusionError::Internal("a subtree could not be spelled".into()))?;
        let projected_schema = self.plan.schema().clone();
        let table = RemoteTable {
            reads: self.reads,
            connector: self.connector,
            source: self.source,
            rendered,
            query: Arc::new(self.query),
            schema: projected_schema.inner().clone(),
        };
        Ok(LogicalPlan::TableScan(TableScan {
            table_name: "remote".into(),
            source: provider_as_source(Arc::new(table)),
            projection: None,
            projected_schema,
            filters: Vec::new(),
            fetch: None,
            statistics_requests: BTreeSet::new(),
        }))
    }

    /// The node above, whose rows `query` gives.
    fn above(&self, plan: &LogicalPlan, query: RemoteQuery, rich: bool) -> Self {
        Self {
            shape: query.shape(),
            query,
            connector: self.connector.clone(),
            source: self.source.clone(),
            reads: self.reads.clone(),
            plan: plan.clone(),
            rich: self.rich || rich,
        }
    }

    fn boxed(&self) -> Box<RemoteQuery> {
        Box::new(self.query.clone())
    }

    pub(super) fn translator<'a>(&'a self, schema: &'a DFSchema) -> Translator<'a> {
        Translator { dialect: self.connector.dialect(), schema, shape: &self.shape }
    }
}

/// Whether a table's own leaf takes every part of a condition.
pub(super) fn is_the_leafs(filter: &Filter) -> bool {
    let schema = filter.input.schema().as_arrow();
    split_conjunction(&filter.predicate)
        .into_iter()
        .all(|part| pushdown::predicate(part, schema).is_some())
}

/// The node as a part of the statement of its inputs.
pub(super) fn join_node(
    plan: &LogicalPlan,
    inputs: &[Piece],
) -> std::result::Result<Piece, Reason> {
    let [first, rest @ ..] = inputs else { return Err("it reads no table".into()) };
    if rest.iter().any(|other| other.source != first.source) {
        return Err("its inputs are at different sources".into());
    }
    let piece = match plan {
        LogicalPlan::SubqueryAlias(_) => first.above(plan, first.query.clone(), false),
        LogicalPlan::Filter(filter) => {
            let predicate =
                first.translator(filter.input.schema()).expression(&filter.predicate)?;
            let query = RemoteQuery::Filter { input: first.boxed(), predicate };
            first.above(plan, query, !is_the_leafs(filter))
        }
        LogicalPlan::Projection(projection) => {
            let translator = first.translator(projection.input.schema());
            let columns = projection
                .expr
                .iter()
                .map(|expr| translator.expression(expr))
                .collect::<std::result::Result<Vec<_>, _>>()?;
            let computed = columns.iter().any(|column| column.column().is_none());
            first.above(plan, RemoteQuery::Project { input: first.boxed(), columns }, computed)
        }
        LogicalPlan::Aggregate(aggregate) => {
            let query = aggregates::aggregate(aggregate, first, first.boxed())?;
            first.above(plan, query, true)
        }
        LogicalPlan::Window(window) => {
            let query = aggregates::window(window, first, first.boxed())?;
            first.above(plan, query, true)
        }
        LogicalPlan::Sort(sort) => sorted(plan, sort, first)?,
        LogicalPlan::Limit(limit) => limited(plan, limit, first)?,
        LogicalPlan::Union(_) => {
            let query = RemoteQuery::UnionAll(inputs.iter().map(|i| i.query.clone()).collect());
            let same = inputs.iter().all(|input| {
                let types = |piece: &Piece| {
                    piece.shape.iter().map(|s| s.data_type.clone()).collect::<Vec<_>>()
                };
                types(input) == types(first)
            });
            if !same {
                return Err("the branches of the union have different types there".into());
            }
            let mut piece = first.above(plan, query, true);
            piece.reads = inputs.iter().flat_map(|input| input.reads.clone()).collect();
            piece
        }
        LogicalPlan::Join(join) => {
            let [left, right] = inputs else { return Err("a join has two inputs".into()) };
            joined(plan, join, left, right)?
        }
        _ => return Err("there is no such statement at a source".into()),
    };
    fits(&piece)?;
    Ok(piece)
}

/// The columns must arrive in the types that the plan above expects, and the dialect must be able to
/// spell the whole.
fn fits(piece: &Piece) -> std::result::Result<(), Reason> {
    let fields = piece.plan.schema().fields();
    let same = fields.len() == piece.shape.len()
        && fields
            .iter()
            .zip(&piece.shape)
            .all(|(field, shape)| remote_type(field.data_type()) == remote_type(&shape.data_type));
    if !same {
        return Err("its types are others at the source".into());
    }
    if piece.rich && !statement::is_spellable(piece.connector.dialect(), &piece.query) {
        return Err("the source would compute it otherwise, or not at all".into());
    }
    Ok(())
}

fn sorted(plan: &LogicalPlan, sort: &Sort, input: &Piece) -> std::result::Result<Piece, Reason> {
    let keys = order(&sort.expr, &input.translator(sort.input.schema()))?;
    let mut query = RemoteQuery::Sort { input: input.boxed(), keys };
    if let Some(fetch) = sort.fetch {
        query = RemoteQuery::Limit { input: Box::new(query), skip: 0, fetch: Some(fetch as u64) };
    }
    Ok(input.above(plan, query, false))
}

/// Keys of an order.
pub(super) fn order(
    keys: &[SortKey],
    translator: &Translator<'_>,
) -> std::result::Result<Vec<OrderKey>, Reason> {
    keys.iter()
        .map(|key| {
            Ok(OrderKey {
                expression: translator.expression(&key.expr)?,
                descending: !key.asc,
                nulls_first: key.nulls_first,
            })
        })
        .collect()
}

fn limited(plan: &LogicalPlan, limit: &Limit, input: &Piece) -> std::result::Result<Piece, Reason> {
    let unknown = || "its number of rows is not a constant".to_string();
    let SkipType::Literal(skip) = limit.get_skip_type().map_err(|_| unknown())? else {
        return Err(unknown());
    };
    let FetchType::Literal(fetch) = limit.get_fetch_type().map_err(|_| unknown())? else {
        return Err(unknown());
    };
    let (skip, fetch) = (skip as u64, fetch.map(|rows| rows as u64));
    Ok(input.above(plan, RemoteQuery::Limit { input: input.boxed(), skip, fetch }, false))
}

fn joined(
    plan: &LogicalPlan,
    join: &Join,
    left: &Piece,
    right: &Piece,
) -> std::result::Result<Piece, Reason> {
    if join.null_equality == NullEquality::NullEqualsNull {
        return Err("it matches NULL with NULL".into());
    }
    let (kind, swapped) = match join.join_type {
        JoinType::Inner => (JoinKind::Inner, false),
        JoinType::Left => (JoinKind::Left, false),
        JoinType::Right => (JoinKind::Right, false),
        JoinType::Full => (JoinKind::Full, false),
        JoinType::LeftSemi => (JoinKind::Semi, false),
        JoinType::LeftAnti if join.null_aware => (JoinKind::NotIn, false),
        JoinType::LeftAnti => (JoinKind::Anti, false),
        JoinType::LeftMark => (JoinKind::Mark, false),
        JoinType::RightSemi => (JoinKind::Semi, true),
        JoinType::RightAnti => (JoinKind::Anti, true),
        JoinType::RightMark => return Err("there is no such join at a source".into()),
    };
    let (outer, inner) = if swapped { (right, left) } else { (left, right) };
    let both = if swapped {
        join.right.schema().join(join.left.schema())
    } else {
        join.left.schema().join(join.right.schema())
    };
    let both = both.map_err(|_| "two of its columns have one name".to_string())?;
    let shape: Vec<Shape> = outer.shape.iter().chain(&inner.shape).cloned().collect();
    let translator = Translator { dialect: left.connector.dialect(), schema: &both, shape: &shape };
    let on = condition(join, kind, swapped, &translator)?;
    let asked = if swapped { &join.left } else { &join.right };
    let per_row = is_scalar_subquery(asked);
    let query = RemoteQuery::Join { left: outer.boxed(), right: inner.boxed(), kind, on, per_row };
    let mut piece = outer.above(plan, query, true);
    piece.reads.extend(inner.reads.iter().cloned());
    Ok(piece)
}

/// Whether the engine has made a join of a subquery that stands for one value.
fn is_scalar_subquery(plan: &LogicalPlan) -> bool {
    const ALIAS: &str = "__scalar_sq_";
    plan.schema()
        .iter()
        .any(|(table, _)| table.is_some_and(|table| table.table().starts_with(ALIAS)))
}

fn condition(
    join: &Join,
    kind: JoinKind,
    swapped: bool,
    translator: &Translator<'_>,
) -> std::result::Result<Option<Expression>, Reason> {
    if kind == JoinKind::NotIn && (join.on.len() != 1 || join.filter.is_some()) {
        return Err("NOT IN over several conditions".into());
    }
    let mut parts = Vec::new();
    for (left, right) in &join.on {
        let (left, right) = if swapped { (right, left) } else { (left, right) };
        let equal = Expr::BinaryExpr(datafusion::logical_expr::BinaryExpr::new(
            Box::new(left.clone()),
            datafusion::logical_expr::Operator::Eq,
            Box::new(right.clone()),
        ));
        parts.push(translator.expression(&equal)?);
    }
    if let Some(filter) = &join.filter {
        for part in split_conjunction(filter) {
            parts.push(translator.expression(part)?);
        }
    }
    Ok(match parts.len() {
        0 => None,
        1 => parts.pop(),
        _ => Some(Expression::condition(Node::And(parts))),
    })
}
