//! WITH RECURSIVE: every round has the types of the first part, as in PostgreSQL. The engine casts what comes later to them,
//! and what a cast would cut off is an error here, unless the cast is written.

use super::{UNLIKE, place::go_together};
use crate::model::sql_type_name;
use arrow_schema::DataType;
use datafusion::common::{DFSchema, Result, plan_err};
use datafusion::logical_expr::expr_rewriter::{coerce_plan_expr_for_schema, unalias};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, RecursiveQuery};
use sqlparser::ast::{Expr as AstExpr, Query, SelectItem, SetExpr, Statement, Visit, Visitor};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// By the name of a recursive part, in lower case: which columns of its later rounds are written as casts. Where columns
/// cannot be counted (`SELECT *`), whether any is.
pub(in crate::query) type Casts = HashMap<String, Vec<bool>>;

/// The casts of every recursive part of a statement.
pub(in crate::query) fn written_casts(ast: &Statement) -> Casts {
    let mut find = Find(Casts::new());
    let _ = ast.visit(&mut find);
    find.0
}

struct Find(Casts);

impl Visitor for Find {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let with = query.with.as_ref().filter(|with| with.recursive);
        for cte in with.into_iter().flat_map(|with| &with.cte_tables) {
            if let SetExpr::SetOperation { right, .. } = &*cte.query.body
                && let SetExpr::Select(select) = &**right
            {
                let casts = select.projection.iter().map(is_cast);
                self.0.insert(cte.alias.name.value.to_lowercase(), casts.collect());
            }
        }
        ControlFlow::Continue(())
    }
}

fn is_cast(item: &SelectItem) -> bool {
    let mut expr = match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => expr,
        _ => return false,
    };
    while let AstExpr::Nested(inner) = expr {
        expr = inner;
    }
    matches!(expr, AstExpr::Cast { .. })
}

/// The query whose rounds have the types of its first part, which were planned as `first`.
pub(super) fn with_first_types(
    query: RecursiveQuery,
    first: &DFSchema,
    casts: &Casts,
) -> Result<LogicalPlan> {
    let RecursiveQuery { name, static_term, recursive_term, is_distinct, schema } = query;
    let fields = static_term.schema().fields().iter().zip(first.fields());
    for (at, (now, planned)) in fields.enumerate() {
        if now.data_type() != planned.data_type() {
            let (one, other) = (sql_type_name(planned.data_type()), sql_type_name(now.data_type()));
            return plan_err!("{one} and {other}{UNLIKE}{} of WITH RECURSIVE", at + 1);
        }
    }
    let written = casts.get(&name.to_lowercase()).map(Vec::as_slice).unwrap_or_default();
    let is_written = |at: usize| match written.len() == first.fields().len() {
        true => written[at],
        false => written.contains(&true),
    };
    if let LogicalPlan::Projection(round) = &*recursive_term {
        for (at, expr) in round.expr.iter().enumerate() {
            let Expr::Cast(cast) = unalias(expr.clone()) else { continue };
            let (from, to) = (cast.expr.get_type(round.input.schema())?, cast.field.data_type());
            if cuts(&from, to) && !is_written(at) {
                let (one, other) = (sql_type_name(to), sql_type_name(&from));
                return plan_err!("{one} and {other}{UNLIKE}{} of WITH RECURSIVE", at + 1);
            }
        }
    }
    let recursive_term = Arc::unwrap_or_clone(recursive_term);
    let recursive_term = coerce_plan_expr_for_schema(recursive_term, static_term.schema())?;
    let recursive_term = Arc::new(recursive_term);
    let query = RecursiveQuery { name, static_term, recursive_term, is_distinct, schema };
    Ok(LogicalPlan::RecursiveQuery(query))
}

/// Whether a cast takes something away without a word.
fn cuts(from: &DataType, to: &DataType) -> bool {
    match (from, to) {
        (DataType::Decimal128(_, from), DataType::Decimal128(_, to)) => from > to,
        (DataType::Decimal128(..) | DataType::Decimal256(..), to) if to.is_integer() => true,
        (DataType::Float32 | DataType::Float64, to) => {
            to.is_integer() || matches!(to, DataType::Decimal128(..) | DataType::Decimal256(..))
        }
        (DataType::Timestamp(..), DataType::Date32) => true,
        (from, to) => !go_together(from, to),
    }
}
