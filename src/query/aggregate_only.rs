//! Columns that are only open to aggregates.
//!
//! Outside of an aggregate such a column is NULL whatever the plan looks like: the leaf has no other
//! values for it. [`guard`] opens it where a statement names it as the bare argument of `count`, `sum`
//! or `avg` straight over the table and its joins, and puts the guard around the result:
//!
//! ```text
//! sum(salary)  ->  CASE WHEN count(DISTINCT <entity>) FILTER (WHERE salary IS NOT NULL) >= 10
//!                       THEN sum(salary) END
//! ```
//!
//! Every other use is refused, in words that depend on the statement alone. Both happen before
//! anything is optimised, so pushdown and local execution follow from one plan.

use super::functions::Functions;
use super::leaf::GovernedTable;
use super::scan_plan::{entity_name, virtual_name};
use crate::policy::{AggregateOnly, ColumnGrant};
use arrow_schema::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DataFusionError, Result};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, JoinType, LogicalPlan, LogicalPlanBuilder, cast, lit, when,
};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// A use of a column that is only open to aggregates, which is not one of the allowed.
#[derive(Debug)]
pub(super) struct Refused {
    column: String,
}

impl Refused {
    /// What is allowed.
    pub(super) const HINT: &'static str = "write count(x), sum(x) or avg(x) of the bare column, without \
        DISTINCT, in a SELECT straight over its table (WHERE, GROUP BY, FILTER and joins on other columns \
        are fine, a join needs a rule with an entity); name the other columns instead of *";
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column \"{}\" may only be aggregated, not read or compared", self.column)
    }
}

impl std::error::Error for Refused {}

/// The plan with every aggregate of such a column guarded.
///
/// # Errors
/// [`Refused`] for any other use of one.
pub(super) fn guard(plan: LogicalPlan, functions: &Functions) -> Result<LogicalPlan> {
    let names = names(&plan)?;
    if names.is_empty() {
        return Ok(plan);
    }
    check(&plan, &names)?;
    let guarded = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Aggregate(aggregate) => guarded(aggregate, functions).map(Transformed::yes),
        node => node.recompute_schema().map(Transformed::yes),
    })?;
    Ok(guarded.data)
}

/// What a caller must know who reads an aggregate of this column.
pub(super) fn warning(table: &GovernedTable, granted: &ColumnGrant) -> Option<String> {
    let aggregate = granted.aggregate_only().filter(|_| granted.is_inside_aggregate())?;
    let name = virtual_name(table.grant(), table.entry(), granted.column());
    let what = if aggregate.entity.is_some() { "entities" } else { "rows" };
    Some(format!(
        "groups with a {name} of fewer than {} {what} are suppressed: their aggregate of it is NULL (rule \"{}\")",
        aggregate.min_group,
        granted.rule().unwrap_or_default()
    ))
}

/// For each output column of a node, how it may be aggregated where it may be nothing else.
type Marks = Vec<Option<AggregateOnly>>;

/// The names of all such columns of a plan. On the way to its aggregate a column keeps its name.
fn names(plan: &LogicalPlan) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    plan.apply_with_subqueries(|node| {
        for (mark, field) in scan_marks(node).iter().zip(node.schema().fields()) {
            if mark.is_some() {
                names.insert(field.name().clone());
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(names)
}

fn scan_marks(plan: &LogicalPlan) -> Marks {
    let Some(table) = governed(plan) else { return Vec::new() };
    table.grant().columns().iter().map(ColumnGrant::aggregate_only).collect()
}

fn governed(plan: &LogicalPlan) -> Option<GovernedTable> {
    let LogicalPlan::TableScan(scan) = plan else { return None };
    let provider = source_as_provider(&scan.source).ok()?;
    provider.downcast_ref::<GovernedTable>().cloned()
}

/// Refuses every use that is not allowed; the marks of the plan's output otherwise.
fn check(plan: &LogicalPlan, names: &BTreeSet<String>) -> Result<Marks> {
    let inputs = Inputs {
        plans: plan.inputs(),
        marks: plan.inputs().into_iter().map(|input| check(input, names)).collect::<Result<_>>()?,
        names,
    };
    plan.apply_subqueries(|subquery| {
        check(subquery, names)?;
        Ok(TreeNodeRecursion::Continue)
    })?;
    let nothing = || vec![None; plan.schema().fields().len()];
    Ok(match plan {
        LogicalPlan::TableScan(_) => {
            let mut marks = scan_marks(plan);
            marks.resize(plan.schema().fields().len(), None);
            marks
        }
        LogicalPlan::Filter(_) | LogicalPlan::Sort(_) | LogicalPlan::Limit(_) => {
            inputs.untouched(&plan.expressions())?;
            inputs.all()
        }
        LogicalPlan::SubqueryAlias(_) => inputs.all(),
        LogicalPlan::Join(join) if passes_through(join.join_type) => {
            inputs.untouched(&plan.expressions())?;
            inputs.all()
        }
        LogicalPlan::Projection(_) | LogicalPlan::Distinct(Distinct::On(_)) => {
            inputs.untouched(&plan.expressions())?;
            nothing()
        }
        LogicalPlan::Window(window) => {
            inputs.untouched(&window.window_expr)?;
            let mut marks = inputs.all();
            marks.resize(plan.schema().fields().len(), None);
            marks
        }
        LogicalPlan::Aggregate(aggregate) => {
            inputs.aggregate(aggregate)?;
            nothing()
        }
        _ => {
            inputs.untouched(&plan.expressions())?;
            inputs.none()?;
            nothing()
        }
    })
}

fn passes_through(join: JoinType) -> bool {
    matches!(join, JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full)
}

/// What a node's expressions may name.
struct Inputs<'a> {
    plans: Vec<&'a LogicalPlan>,
    marks: Vec<Marks>,
    names: &'a BTreeSet<String>,
}

impl Inputs<'_> {
    fn all(&self) -> Marks {
        self.marks.iter().flatten().copied().collect()
    }

    /// That none of the inputs has such a column, for nodes that are not followed.
    fn none(&self) -> Result<()> {
        for (plan, marks) in self.plans.iter().zip(&self.marks) {
            if let Some(at) = marks.iter().position(Option::is_some) {
                return Err(refused(plan.schema().field(at).name()));
            }
        }
        Ok(())
    }

    /// That no expression reads such a column.
    fn untouched(&self, exprs: &[Expr]) -> Result<()> {
        for expr in exprs {
            expr.apply(|node| match node {
                Expr::Column(column) if self.mark(column).is_some() => Err(refused(&column.name)),
                // It is some enclosing query's: of that the name alone is known here.
                Expr::OuterReferenceColumn(_, column) if self.names.contains(&column.name) => {
                    Err(refused(&column.name))
                }
                _ => Ok(TreeNodeRecursion::Continue),
            })?;
        }
        Ok(())
    }

    /// How a column may be aggregated, where it may be nothing else. In doubt it is one of those.
    fn mark(&self, column: &Column) -> Option<AggregateOnly> {
        self.plans.iter().zip(&self.marks).find_map(|(plan, marks)| {
            let fields = plan.schema().iter().zip(marks);
            fields.into_iter().find_map(|((qualifier, field), mark)| {
                let same_table = match (&column.relation, qualifier) {
                    (Some(named), Some(qualifier)) => named.resolved_eq(qualifier),
                    _ => true,
                };
                (*mark).filter(|_| same_table && *field.name() == column.name)
            })
        })
    }

    fn aggregate(&self, aggregate: &Aggregate) -> Result<()> {
        self.untouched(&aggregate.group_expr)?;
        for expr in &aggregate.aggr_expr {
            let Some((function, column)) = bare(expr) else {
                self.untouched(std::slice::from_ref(expr))?;
                continue;
            };
            let Some(mark) = self.mark(column) else {
                self.untouched(std::slice::from_ref(expr))?;
                continue;
            };
            let params = &function.params;
            let plain = matches!(function.func.name(), "count" | "sum" | "avg")
                && !params.distinct
                && params.order_by.is_empty()
                && params.null_treatment.is_none();
            if !plain || !is_region(&aggregate.input, mark.entity.is_some())? {
                return Err(refused(&column.name));
            }
            let filter = params.filter.iter().map(|filter| (**filter).clone());
            self.untouched(&filter.collect::<Vec<_>>())?;
        }
        Ok(())
    }
}

/// An aggregate function of one bare column.
fn bare(expr: &Expr) -> Option<(&AggregateFunction, &Column)> {
    match expr {
        Expr::Alias(alias) => bare(&alias.expr),
        Expr::AggregateFunction(function) => match function.params.args.as_slice() {
            [Expr::Column(column)] => Some((function, column)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a plan is tables, conditions on them and joins of them, where these may be. A correlated
/// subquery is not: its groups are made by the optimizer.
fn is_region(plan: &LogicalPlan, joins: bool) -> Result<bool> {
    if plan.expressions().iter().any(Expr::contains_outer) {
        return Ok(false);
    }
    Ok(match plan {
        LogicalPlan::TableScan(_) => true,
        LogicalPlan::Filter(filter) => is_region(&filter.input, joins)?,
        LogicalPlan::SubqueryAlias(alias) => is_region(&alias.input, joins)?,
        LogicalPlan::Join(join) => {
            // The other side may be any query, as long as it has no such column.
            let side = |side: &LogicalPlan| -> Result<bool> {
                Ok(is_region(side, joins)? || names(side)?.is_empty())
            };
            joins && side(&join.left)? && side(&join.right)?
        }
        _ => false,
    })
}

fn refused(column: &str) -> DataFusionError {
    DataFusionError::External(Box::new(Refused { column: column.to_string() }))
}

/// The aggregate over the stored values, and above it every result behind its guard.
fn guarded(aggregate: Aggregate, functions: &Functions) -> Result<LogicalPlan> {
    let names = BTreeSet::new();
    let marks = region_marks(&aggregate.input);
    let inputs = Inputs { plans: vec![&aggregate.input], marks: vec![marks], names: &names };
    let found: Vec<Option<(AggregateFunction, Column, AggregateOnly)>> = aggregate
        .aggr_expr
        .iter()
        .map(|expr| {
            let (function, column) = bare(expr)?;
            Some((function.clone(), column.clone(), inputs.mark(column)?))
        })
        .collect();
    if found.iter().all(Option::is_none) {
        return LogicalPlan::Aggregate(aggregate).recompute_schema();
    }
    let shown: Vec<(Option<_>, String)> = aggregate
        .schema
        .iter()
        .map(|(qualifier, field)| (qualifier.cloned(), field.name().clone()))
        .collect();
    let keys = shown.len() - aggregate.aggr_expr.len();
    let mut exprs = Vec::new();
    let mut guards = Vec::new();
    for (at, (expr, found)) in aggregate.aggr_expr.iter().zip(&found).enumerate() {
        let Some((function, column, mark)) = found else {
            exprs.push(expr.clone());
            continue;
        };
        let data_type = aggregate.schema.field(keys + at).data_type();
        exprs.push(total(function, column, data_type).alias(format!("\u{1}total {at}")));
        guards.push(counted(function, column, *mark, functions)?.alias(format!("\u{1}count {at}")));
    }
    exprs.extend(guards);
    let input = Arc::new(opened(Arc::unwrap_or_clone(aggregate.input))?);
    let inner = LogicalPlan::Aggregate(Aggregate::try_new(input, aggregate.group_expr, exprs)?);
    let mut outputs = Vec::with_capacity(shown.len());
    for (index, (qualifier, name)) in shown.into_iter().enumerate() {
        let at = index.checked_sub(keys);
        outputs.push(match at.and_then(|at| Some((at, found[at].as_ref()?))) {
            None => Expr::Column(Column::new(qualifier, name)),
            Some((at, (_, _, mark))) => {
                let enough = Expr::Column(Column::new_unqualified(format!("\u{1}count {at}")))
                    .gt_eq(lit(i64::from(mark.min_group)));
                let total = Expr::Column(Column::new_unqualified(format!("\u{1}total {at}")));
                let data_type = aggregate.schema.field(index).data_type().clone();
                // The cast is outside: a total that does not fit is an error only where it is shown.
                cast(when(enough, total).end()?, data_type).alias_qualified(qualifier, name)
            }
        });
    }
    LogicalPlanBuilder::from(inner).project(outputs)?.build()
}

/// The aggregate itself. Whole numbers are added up as decimals, which do not overflow: an error would
/// tell of a group that is not shown.
fn total(function: &AggregateFunction, column: &Column, data_type: &DataType) -> Expr {
    const DIGITS: u8 = 38;
    let mut function = function.clone();
    if function.func.name() == "sum" && *data_type == DataType::Int64 {
        let wide = DataType::Decimal128(DIGITS, 0);
        function.params.args = vec![cast(Expr::Column(column.clone()), wide)];
    }
    Expr::AggregateFunction(function)
}

/// How many entities, or rows, with a value of the column an aggregate is over.
fn counted(
    function: &AggregateFunction,
    column: &Column,
    mark: AggregateOnly,
    functions: &Functions,
) -> Result<Expr> {
    let count = functions.aggregate.get("count").cloned().ok_or_else(|| {
        DataFusionError::Internal("there is no count to guard an aggregate with".into())
    })?;
    let value = Expr::Column(column.clone());
    let has_value = value.clone().is_not_null();
    let filter = match function.params.filter.as_deref() {
        Some(filter) => filter.clone().and(has_value),
        None => has_value,
    };
    let (argument, distinct) = match mark.entity {
        Some(entity) => {
            (Expr::Column(Column::new(column.relation.clone(), entity_name(entity))), true)
        }
        None => (value, false),
    };
    let filter = Some(Box::new(filter));
    Ok(Expr::AggregateFunction(AggregateFunction::new_udf(
        count,
        vec![argument],
        distinct,
        filter,
        Vec::new(),
        None,
    )))
}

/// The marks below an aggregate that was checked.
fn region_marks(plan: &LogicalPlan) -> Marks {
    let mut marks: Marks = match plan {
        LogicalPlan::TableScan(_) => scan_marks(plan),
        LogicalPlan::Filter(_) | LogicalPlan::SubqueryAlias(_) | LogicalPlan::Join(_) => {
            plan.inputs().into_iter().flat_map(region_marks).collect()
        }
        _ => Vec::new(),
    };
    marks.resize(plan.schema().fields().len(), None);
    marks
}

/// The region with the stored values of its columns, and what tells their entities apart.
fn opened(plan: LogicalPlan) -> Result<LogicalPlan> {
    match plan {
        LogicalPlan::TableScan(ref scan) => match governed(&plan) {
            Some(table) if scan_marks(&plan).iter().any(Option::is_some) => {
                let source = provider_as_source(Arc::new(table.inside_aggregates()));
                LogicalPlanBuilder::scan(scan.table_name.clone(), source, None)?.build()
            }
            _ => Ok(plan),
        },
        LogicalPlan::Filter(_) | LogicalPlan::SubqueryAlias(_) | LogicalPlan::Join(_) => {
            let open = plan.map_children(|child| opened(child).map(Transformed::yes))?;
            open.data.recompute_schema()
        }
        other => Ok(other),
    }
}
