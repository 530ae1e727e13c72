//! A subquery that stands for a value has one row at most; more are an error, as PostgreSQL has it.
//!
//! ```text
//! (SELECT x FROM t)   ->   (SELECT only_row(x) FROM (SELECT x FROM t))
//! ```
//!
//! The engine joins such a subquery with the rows around it, and two rows would give each of those twice. A
//! correlated one must be an aggregate there anyway.

use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Field, FieldRef};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Result, ScalarValue, exec_err};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Expr, LogicalPlan, LogicalPlanBuilder, Signature,
    Subquery, Volatility,
};
use std::sync::Arc;

/// What is said of a subquery with more rows.
pub(super) const MORE_ROWS: &str = "a subquery that stands for a value gave more than one row";

/// The plan in which every such subquery is checked, unless it cannot have two rows.
pub(super) fn checked(plan: LogicalPlan) -> Result<LogicalPlan> {
    let check = function();
    let rewritten = plan.transform_up_with_subqueries(|plan| {
        let names = NamePreserver::new(&plan);
        plan.map_expressions(|expr| {
            let name = names.save(&expr);
            let changed = expr.transform_up(|expr| match expr {
                Expr::ScalarSubquery(subquery) if may_have_more(&subquery) => {
                    Ok(Transformed::yes(Expr::ScalarSubquery(with_check(subquery, &check)?)))
                }
                other => Ok(Transformed::no(other)),
            })?;
            Ok(changed.update_data(|expr| name.restore(expr)))
        })
    })?;
    Ok(rewritten.data)
}

fn may_have_more(subquery: &Subquery) -> bool {
    subquery.outer_ref_columns.is_empty()
        && subquery.subquery.max_rows().is_none_or(|most| most > 1)
}

fn with_check(subquery: Subquery, check: &Arc<AggregateUDF>) -> Result<Subquery> {
    let input = Arc::unwrap_or_clone(subquery.subquery.clone());
    let (relation, field) = input.schema().qualified_field(0);
    let name = field.name().clone();
    let value = Expr::Column(Column::new(relation.cloned(), name.clone()));
    let call = check.call(vec![value]);
    let result = Expr::Column(Column::from_name(call.schema_name().to_string()));
    let plan = LogicalPlanBuilder::from(input)
        .aggregate(Vec::<Expr>::new(), vec![call])?
        .project(vec![result.alias(name)])?
        .build()?;
    Ok(subquery.with_plan(Arc::new(plan)))
}

/// The aggregate that takes the only row.
pub(super) fn function() -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::new_from_impl(OnlyRow::new()))
}

/// The value of the only row, NULL where there is none.
#[derive(Debug, PartialEq, Eq, Hash)]
struct OnlyRow {
    signature: Signature,
}

impl OnlyRow {
    fn new() -> Self {
        Self { signature: Signature::any(1, Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for OnlyRow {
    fn name(&self) -> &str {
        "only_row"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types.first().cloned().unwrap_or(DataType::Null))
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let empty = ScalarValue::try_from(args.return_field.data_type())?;
        Ok(Box::new(Only { value: empty, rows: 0 }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let value = Field::new("value", args.return_field.data_type().clone(), true);
        Ok(vec![Arc::new(value), Arc::new(Field::new("rows", DataType::UInt64, false))])
    }
}

#[derive(Debug)]
struct Only {
    value: ScalarValue,
    rows: u64,
}

impl Only {
    fn take(&mut self, values: &ArrayRef) -> Result<()> {
        self.rows += values.len() as u64;
        if self.rows > 1 {
            return exec_err!("{MORE_ROWS}");
        }
        if !values.is_empty() {
            self.value = ScalarValue::try_from_array(values, 0)?;
        }
        Ok(())
    }
}

impl Accumulator for Only {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        values.iter().try_for_each(|values| self.take(values))
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(self.value.clone())
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.value.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.value.clone(), ScalarValue::UInt64(Some(self.rows))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [values, rows] = states else { return exec_err!("a state has a value and a count") };
        for index in 0..values.len() {
            if let ScalarValue::UInt64(Some(1..)) = ScalarValue::try_from_array(rows, index)? {
                self.take(&values.slice(index, 1))?;
            }
        }
        Ok(())
    }
}
