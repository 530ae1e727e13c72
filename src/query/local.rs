//! What a source could not do, done inside the governed leaf: row filters, cell visibility, masks.

use crate::model::{Comparison, Mask, Predicate, Value};
use crate::policy::mask::{self, MaskContext};
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, SchemaRef};
use datafusion::arrow::compute::{filter_record_batch, not, nullif, prep_null_mask_filter};
use datafusion::common::{Column, DFSchema, DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, binary_expr, lit};
use datafusion::optimizer::simplify_expressions::{ExprSimplifier, SimplifyContext};
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};
use std::sync::Arc;

/// The work on each fetched batch, from raw columns to governed ones.
#[derive(Debug)]
pub(super) struct LocalWork {
    /// Rows that are open.
    pub(super) filter: Option<Arc<dyn PhysicalExpr>>,
    /// The governed columns, in order.
    pub(super) outputs: Vec<LocalOutput>,
}

/// How one governed column comes out of a fetched batch.
#[derive(Debug)]
pub(super) enum LocalOutput {
    /// It is fetched as it is.
    Fetched(usize),
    /// NULL on every row; nothing was fetched for it.
    Null(DataType),
    /// Masked, hidden on some rows, or both.
    Masked {
        /// Index of the fetched raw column.
        fetched: usize,
        /// The mask.
        mask: Option<Mask>,
        /// Rows on which the cell is open.
        visible: Option<Arc<dyn PhysicalExpr>>,
    },
}

impl LocalWork {
    /// Whether a fetched batch is governed already.
    pub(super) fn is_identity(&self, fetched: usize) -> bool {
        self.filter.is_none()
            && self.outputs.len() == fetched
            && self.outputs.iter().enumerate().all(|(i, output)| matches!(output, LocalOutput::Fetched(j) if i == *j))
    }

    /// The governed batch of a fetched one.
    pub(super) fn apply(&self, batch: RecordBatch, schema: &SchemaRef, masks: &MaskContext) -> Result<RecordBatch> {
        let batch = match &self.filter {
            Some(filter) => {
                let open = holds(filter, &batch)?;
                filter_record_batch(&batch, &open)?
            }
            None => batch,
        };
        let columns = self.outputs.iter().map(|output| output.apply(&batch, masks)).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
    }
}

impl LocalOutput {
    fn apply(&self, batch: &RecordBatch, masks: &MaskContext) -> Result<ArrayRef> {
        match self {
            LocalOutput::Fetched(index) => Ok(batch.column(*index).clone()),
            LocalOutput::Null(data_type) => Ok(arrow_array::new_null_array(data_type, batch.num_rows())),
            LocalOutput::Masked { fetched, mask, visible } => {
                let raw = batch.column(*fetched);
                let masked = match mask {
                    Some(mask) => mask::apply(mask, raw, masks)
                        .map_err(|error| DataFusionError::Internal(error.to_string()))?,
                    None => raw.clone(),
                };
                match visible {
                    None => Ok(masked),
                    Some(visible) => Ok(nullif(&masked, &not(&holds(visible, batch)?)?)?),
                }
            }
        }
    }
}

/// Rows on which a condition is TRUE; UNKNOWN counts as FALSE.
fn holds(condition: &Arc<dyn PhysicalExpr>, batch: &RecordBatch) -> Result<BooleanArray> {
    let value = condition.evaluate(batch)?.into_array(batch.num_rows())?;
    let value = value
        .as_any()
        .downcast_ref::<BooleanArray>()
        .ok_or_else(|| DataFusionError::Internal("a condition is not boolean".into()))?;
    Ok(if value.null_count() == 0 { value.clone() } else { prep_null_mask_filter(value) })
}

/// The predicate as an expression that runs over batches of `schema`, whose columns the predicate's
/// indices name.
pub(super) fn physical(predicate: &Predicate, schema: &SchemaRef) -> Result<Arc<dyn PhysicalExpr>> {
    let df_schema = Arc::new(DFSchema::try_from(schema.as_ref().clone())?);
    let context = SimplifyContext::builder().with_schema(df_schema.clone()).build();
    let expr = ExprSimplifier::new(context).coerce(expression(predicate, schema), &df_schema)?;
    create_physical_expr(&expr, &df_schema, &ExecutionProps::new(), &PhysicalPlanningContext::default())
}

fn expression(predicate: &Predicate, schema: &SchemaRef) -> Expr {
    let column = |index: usize| Expr::Column(Column::new_unqualified(schema.field(index).name()));
    match predicate {
        Predicate::Constant(value) => lit(*value),
        Predicate::Compare { column: index, operator, value } => {
            binary_expr(column(*index), operation(*operator), Expr::Literal(scalar(value), None))
        }
        Predicate::CompareColumns { left, operator, right } => {
            binary_expr(column(*left), operation(*operator), column(*right))
        }
        Predicate::InList { column: index, values, negated } => {
            let list = values.iter().map(|value| Expr::Literal(scalar(value), None)).collect();
            column(*index).in_list(list, *negated)
        }
        Predicate::IsNull { column: index, negated: false } => column(*index).is_null(),
        Predicate::IsNull { column: index, negated: true } => column(*index).is_not_null(),
        Predicate::Like { column: index, pattern, negated } => {
            let pattern = lit(pattern.clone());
            if *negated { column(*index).not_like(pattern) } else { column(*index).like(pattern) }
        }
        Predicate::IsTrue { column: index } => column(*index),
        Predicate::And(parts) => fold(parts, Operator::And, true, schema),
        Predicate::Or(parts) => fold(parts, Operator::Or, false, schema),
        Predicate::Not(part) => Expr::Not(Box::new(expression(part, schema))),
    }
}

fn fold(parts: &[Predicate], operator: Operator, when_empty: bool, schema: &SchemaRef) -> Expr {
    parts
        .iter()
        .map(|part| expression(part, schema))
        .reduce(|left, right| Expr::BinaryExpr(BinaryExpr::new(Box::new(left), operator, Box::new(right))))
        .unwrap_or_else(|| lit(when_empty))
}

fn operation(comparison: Comparison) -> Operator {
    match comparison {
        Comparison::Equal => Operator::Eq,
        Comparison::NotEqual => Operator::NotEq,
        Comparison::Less => Operator::Lt,
        Comparison::LessOrEqual => Operator::LtEq,
        Comparison::Greater => Operator::Gt,
        Comparison::GreaterOrEqual => Operator::GtEq,
    }
}

fn scalar(value: &Value) -> ScalarValue {
    match value {
        Value::Boolean(v) => ScalarValue::Boolean(Some(*v)),
        Value::Integer(v) => ScalarValue::Int64(Some(*v)),
        Value::Decimal { unscaled, scale } => ScalarValue::Decimal128(Some(*unscaled), 38, *scale as i8),
        Value::Float(v) => ScalarValue::Float64(Some(*v)),
        Value::Text(v) => ScalarValue::Utf8(Some(v.clone())),
        Value::Bytes(v) => ScalarValue::Binary(Some(v.clone())),
        Value::Date(v) => ScalarValue::Date32(Some(*v)),
        Value::Timestamp(v) => ScalarValue::TimestampMicrosecond(Some(*v), None),
        Value::TimestampUtc(v) => ScalarValue::TimestampMicrosecond(Some(*v), Some("+00:00".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Int32Array, StringArray};
    use arrow_schema::{Field, Schema};

    #[test]
    fn unknown_is_not_open() {
        let schema: SchemaRef = Arc::new(Schema::new(vec![
            Field::new("id", DataType::Int32, true),
            Field::new("region", DataType::Utf8, true),
        ]));
        let batch = RecordBatch::try_new(
            schema.clone(),
            vec![
                Arc::new(Int32Array::from(vec![Some(1), None, Some(3)])),
                Arc::new(StringArray::from(vec![Some("EU"), Some("EU"), None])),
            ],
        )
        .expect("batch");
        let rule = Predicate::Compare { column: 1, operator: Comparison::Equal, value: Value::Text("EU".into()) }
            .and(Predicate::Compare { column: 0, operator: Comparison::Less, value: Value::Integer(i64::MAX) });
        let open = holds(&physical(&rule, &schema).expect("physical"), &batch).expect("evaluates");
        assert_eq!(open, BooleanArray::from(vec![true, false, false]));
    }
}
