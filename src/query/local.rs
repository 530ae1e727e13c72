//! What a source could not do, done inside the governed leaf: row filters, cell visibility, masks.

use crate::model::{Comparison, Mask, Predicate, Value};
use crate::policy::mask::{self, MaskContext};
use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use celosia_connector_api::query::unfit_bit;
use datafusion::arrow::compute::{filter_record_batch, not, nullif, prep_null_mask_filter};
use datafusion::common::{Column, DFSchema, DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, binary_expr, lit, when};
use datafusion::optimizer::simplify_expressions::{ExprSimplifier, SimplifyContext};
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};
use std::sync::Arc;

/// The work on each fetched batch, from raw columns to governed ones.
///
/// Raw values of closed rows and of masked cells are fetched, too. One that has no exact form must not
/// be told: it arrives as NULL, with a mark, and is an error only where it would be shown as it is.
#[derive(Debug)]
pub(super) struct LocalWork {
    /// Rows that are open.
    pub(super) filter: Option<Condition>,
    /// The governed columns, in order.
    pub(super) outputs: Vec<LocalOutput>,
    /// Those of them that show stored values.
    pub(super) shown: Vec<Shown>,
}

/// A governed column that shows stored values, at least on some rows.
#[derive(Debug)]
pub(super) struct Shown {
    /// Its place among the outputs.
    pub(super) output: usize,
    /// Index of the fetched column.
    pub(super) fetched: usize,
    /// What marks an unfit value of it.
    pub(super) bit: u64,
    /// Its name at the source.
    pub(super) name: String,
}

/// What came of a fetched batch.
#[derive(Debug)]
pub(super) struct Applied {
    /// The governed rows, up to the first one that cannot be shown.
    pub(super) batch: RecordBatch,
    /// The column whose value that row cannot show, by its name at the source.
    pub(super) unfit: Option<String>,
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
        visible: Option<Condition>,
    },
}

/// A condition over a fetched batch.
#[derive(Debug)]
pub(super) struct Condition {
    /// As it is written, over the fetched columns by index.
    #[cfg(feature = "ballista")]
    pub(super) predicate: Predicate,
    compiled: Arc<dyn PhysicalExpr>,
}

impl Condition {
    /// The condition over batches of `schema` and their marks. A test of an unfit value is UNKNOWN.
    pub(super) fn new(predicate: Predicate, schema: &Schema) -> Result<Self> {
        let compiled = physical(&predicate, schema)?;
        Ok(Self {
            #[cfg(feature = "ballista")]
            predicate,
            compiled,
        })
    }

    /// Rows on which it is TRUE; UNKNOWN counts as FALSE.
    fn holds(&self, batch: &RecordBatch) -> Result<BooleanArray> {
        let value = self.compiled.evaluate(batch)?.into_array(batch.num_rows())?;
        let value = value
            .as_any()
            .downcast_ref::<BooleanArray>()
            .ok_or_else(|| DataFusionError::Internal("a condition is not boolean".into()))?;
        Ok(if value.null_count() == 0 { value.clone() } else { prep_null_mask_filter(value) })
    }
}

impl LocalWork {
    /// Whether a fetched batch is governed already.
    pub(super) fn is_identity(&self, fetched: usize) -> bool {
        self.filter.is_none()
            && self.outputs.len() == fetched
            && self
                .outputs
                .iter()
                .enumerate()
                .all(|(i, output)| matches!(output, LocalOutput::Fetched(j) if i == *j))
    }

    /// The governed batch of a fetched one, whose last column marks unfit values.
    ///
    /// The open rows before an unfit one are given, so that what a reader gets before the error does
    /// not depend on how closed rows spread the open ones over batches.
    pub(super) fn apply(
        &self,
        batch: RecordBatch,
        schema: &SchemaRef,
        masks: &MaskContext,
    ) -> Result<Applied> {
        let batch = match &self.filter {
            Some(filter) => {
                let open = filter.holds(&batch)?;
                filter_record_batch(&batch, &open)?
            }
            None => batch,
        };
        let (batch, unfit) = match self.first_unfit(&batch)? {
            Some((row, name)) => (batch.slice(0, row), Some(name.to_string())),
            None => (batch, None),
        };
        let columns = self
            .outputs
            .iter()
            .map(|output| output.apply(&batch, masks))
            .collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(Applied {
            batch: RecordBatch::try_new_with_options(schema.clone(), columns, &options)?,
            unfit,
        })
    }

    /// The first open row with an unfit value that would be shown, and the column's name.
    fn first_unfit(&self, open: &RecordBatch) -> Result<Option<(usize, &str)>> {
        let marks = open
            .columns()
            .last()
            .and_then(|last| last.as_primitive_opt::<UInt64Type>())
            .ok_or_else(|| DataFusionError::Internal("unfit values are not marked".into()))?;
        let marked = |row: &usize| marks.value(*row) != 0;
        if self.shown.is_empty() || !(0..marks.len()).any(|row| marked(&row)) {
            return Ok(None);
        }
        let visible = self.shown.iter().map(|shown| match &self.outputs[shown.output] {
            LocalOutput::Masked { visible: Some(visible), .. } => visible.holds(open).map(Some),
            _ => Ok(None),
        });
        let visible: Vec<Option<BooleanArray>> = visible.collect::<Result<_>>()?;
        Ok((0..marks.len()).filter(marked).find_map(|row| {
            // The mark may be shared; an unfit value is NULL in any case.
            let unfit = |(shown, visible): &(&Shown, &Option<BooleanArray>)| {
                marks.value(row) & shown.bit != 0
                    && open.column(shown.fetched).is_null(row)
                    && visible.as_ref().is_none_or(|visible| visible.value(row))
            };
            self.shown.iter().zip(&visible).find(unfit).map(|(shown, _)| (row, shown.name.as_str()))
        }))
    }
}

impl LocalOutput {
    fn apply(&self, batch: &RecordBatch, masks: &MaskContext) -> Result<ArrayRef> {
        match self {
            LocalOutput::Fetched(index) => Ok(batch.column(*index).clone()),
            LocalOutput::Null(data_type) => {
                Ok(arrow_array::new_null_array(data_type, batch.num_rows()))
            }
            LocalOutput::Masked { fetched, mask, visible } => {
                let raw = batch.column(*fetched);
                let masked = match mask {
                    Some(mask) => mask::apply(mask, raw, masks)
                        .map_err(|error| DataFusionError::Internal(error.to_string()))?,
                    None => raw.clone(),
                };
                match visible {
                    None => Ok(masked),
                    Some(visible) => Ok(nullif(&masked, &not(&visible.holds(batch)?)?)?),
                }
            }
        }
    }
}

/// The marks' name within a condition: none that a source's column can have.
const MARKS: &str = "\0unfit";

/// The predicate as an expression; its indices name columns of `schema`.
fn physical(predicate: &Predicate, schema: &Schema) -> Result<Arc<dyn PhysicalExpr>> {
    let marks = Arc::new(Field::new(MARKS, DataType::UInt64, true));
    let schema =
        &Arc::new(Schema::new(schema.fields().iter().cloned().chain([marks]).collect::<Vec<_>>()));
    let df_schema = Arc::new(DFSchema::try_from(schema.as_ref().clone())?);
    let context = SimplifyContext::builder().with_schema(df_schema.clone()).build();
    let expr = ExprSimplifier::new(context).coerce(expression(predicate, schema)?, &df_schema)?;
    create_physical_expr(
        &expr,
        &df_schema,
        &ExecutionProps::new(),
        &PhysicalPlanningContext::default(),
    )
}

fn expression(predicate: &Predicate, schema: &SchemaRef) -> Result<Expr> {
    let column = |index: usize| Expr::Column(Column::new_unqualified(schema.field(index).name()));
    Ok(match predicate {
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
        Predicate::IsNull { column: index, negated } => {
            // An unfit value looks like NULL and is none.
            let marks = Expr::Column(Column::new_unqualified(MARKS));
            let unfit =
                binary_expr(marks, Operator::BitwiseAnd, lit(unfit_bit(*index))).not_eq(lit(0_u64));
            let value = column(*index);
            let test = if *negated { value.is_not_null() } else { value.is_null() };
            when(unfit, Expr::Literal(ScalarValue::Boolean(None), None)).otherwise(test)?
        }
        Predicate::Like { column: index, pattern, negated } => {
            let pattern = lit(pattern.clone());
            if *negated { column(*index).not_like(pattern) } else { column(*index).like(pattern) }
        }
        Predicate::IsTrue { column: index } => column(*index),
        Predicate::And(parts) => fold(parts, Operator::And, true, schema)?,
        Predicate::Or(parts) => fold(parts, Operator::Or, false, schema)?,
        Predicate::Not(part) => Expr::Not(Box::new(expression(part, schema)?)),
    })
}

fn fold(
    parts: &[Predicate],
    operator: Operator,
    when_empty: bool,
    schema: &SchemaRef,
) -> Result<Expr> {
    let parts = parts.iter().map(|part| expression(part, schema)).collect::<Result<Vec<_>>>()?;
    let both =
        |left, right| Expr::BinaryExpr(BinaryExpr::new(Box::new(left), operator, Box::new(right)));
    Ok(parts.into_iter().reduce(both).unwrap_or_else(|| lit(when_empty)))
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
        Value::Decimal { unscaled, scale } => {
            ScalarValue::Decimal128(Some(*unscaled), 38, *scale as i8)
        }
        Value::Float(v) => ScalarValue::Float64(Some(*v)),
        Value::Text(v) => ScalarValue::Utf8(Some(v.clone())),
        Value::Bytes(v) => ScalarValue::Binary(Some(v.clone())),
        Value::Date(v) => ScalarValue::Date32(Some(*v)),
        Value::Timestamp(v) => ScalarValue::TimestampMicrosecond(Some(*v), None),
        Value::TimestampUtc(v) => {
            ScalarValue::TimestampMicrosecond(Some(*v), Some("+00:00".into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Int32Array, StringArray, UInt64Array};

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
        let rule = Predicate::Compare {
            column: 1,
            operator: Comparison::Equal,
            value: Value::Text("EU".into()),
        }
        .and(Predicate::Compare {
            column: 0,
            operator: Comparison::Less,
            value: Value::Integer(i64::MAX),
        });
        let rule = Condition::new(rule, &schema).expect("physical");
        let open = rule.holds(&batch).expect("evaluates");
        assert_eq!(open, BooleanArray::from(vec![true, false, false]));
    }

    /// Columns `secret`, `open` and `note`, and marks for the rows.
    fn marked(rows: &[(Option<i32>, Option<i32>, u64)]) -> (SchemaRef, RecordBatch) {
        let number = |name: &str| Field::new(name, DataType::Int32, true);
        let fetched = Arc::new(Schema::new(vec![number("secret"), number("open")]));
        let fields =
            [number("secret"), number("open"), Field::new("__unfit", DataType::UInt64, true)];
        let batch = RecordBatch::try_new(
            Arc::new(Schema::new(fields.to_vec())),
            vec![
                Arc::new(rows.iter().map(|row| row.0).collect::<Int32Array>()),
                Arc::new(rows.iter().map(|row| row.1).collect::<Int32Array>()),
                Arc::new(rows.iter().map(|row| Some(row.2)).collect::<UInt64Array>()),
            ],
        );
        (fetched, batch.expect("batch"))
    }

    fn positive(column: usize) -> Predicate {
        Predicate::Compare { column, operator: Comparison::Greater, value: Value::Integer(0) }
    }

    type Pairs = Vec<(Option<i32>, Option<i32>)>;

    /// Shows `secret` under a constant and `open` as it is.
    fn govern(
        rows: &[(Option<i32>, Option<i32>, u64)],
        filter: Option<&Predicate>,
        visible: Option<&Predicate>,
    ) -> (Pairs, Option<String>) {
        use arrow_array::types::Int32Type;
        let (fetched, batch) = marked(rows);
        let compile =
            |predicate: &Predicate| Condition::new(predicate.clone(), &fetched).expect("physical");
        let open = match visible {
            None => LocalOutput::Fetched(1),
            Some(visible) => {
                LocalOutput::Masked { fetched: 1, mask: None, visible: Some(compile(visible)) }
            }
        };
        let secret = Mask::Constant(Value::Integer(7));
        let work = LocalWork {
            filter: filter.map(compile),
            outputs: vec![
                LocalOutput::Masked { fetched: 0, mask: Some(secret), visible: None },
                open,
            ],
            shown: vec![Shown { output: 1, fetched: 1, bit: 2, name: "Open".into() }],
        };
        let governed = work.apply(batch, &fetched, &MaskContext::new(None, 0)).expect("applies");
        let column =
            |at| governed.batch.column(at).as_primitive::<Int32Type>().iter().collect::<Vec<_>>();
        (column(0).into_iter().zip(column(1)).collect(), governed.unfit)
    }

    #[test]
    fn an_unfit_value_is_told_only_where_it_would_be_shown() {
        // Masked: NULL, and no word.
        let rows = [(Some(1), Some(1), 0), (None, Some(2), 1), (None, None, 1)];
        let shown = vec![(Some(7), Some(1)), (None, Some(2)), (None, None)];
        assert_eq!(govern(&rows, None, None), (shown, None));
        // Shown: the rows before it, and its name.
        let rows =
            [(Some(1), Some(1), 0), (Some(1), None, 0), (None, None, 3), (Some(1), Some(4), 0)];
        let shown = vec![(Some(7), Some(1)), (Some(7), None)];
        assert_eq!(govern(&rows, None, None), (shown.clone(), Some("Open".into())));
        // On a closed row: as if it were not there.
        let rows = [(Some(1), Some(1), 0), (Some(0), None, 2), (Some(1), None, 0), (None, None, 3)];
        assert_eq!(govern(&rows, Some(&positive(0)), None), (shown.clone(), None));
        // In a hidden cell: like any other.
        let rows = [(Some(1), Some(1), 0), (Some(0), None, 2), (Some(1), None, 2)];
        assert_eq!(govern(&rows, None, Some(&positive(0))), (shown, Some("Open".into())));
    }

    #[test]
    fn the_first_unfit_row_is_told_and_not_the_first_column() {
        let (fetched, batch) = marked(&[(Some(1), None, 2), (None, None, 3)]);
        let shown = |at: usize| Shown {
            output: at,
            fetched: at,
            bit: unfit_bit(at),
            name: format!("c{at}"),
        };
        let outputs = vec![LocalOutput::Fetched(0), LocalOutput::Fetched(1)];
        let work = LocalWork { filter: None, outputs, shown: vec![shown(0), shown(1)] };
        let masks = MaskContext::new(None, 0);
        let first = work.apply(batch.clone(), &fetched, &masks).expect("applies");
        assert_eq!((first.batch.num_rows(), first.unfit.as_deref()), (0, Some("c1")));
        let second = work.apply(batch.slice(1, 1), &fetched, &masks).expect("applies");
        assert_eq!(second.unfit.as_deref(), Some("c0"));
        // A batch that says nothing of unfit values is not taken for whole.
        let bare = batch.project(&[0, 1]).expect("projects");
        assert!(work.apply(bare, &fetched, &masks).is_err());
    }

    #[test]
    fn a_row_filter_that_reads_an_unfit_value_is_unknown() {
        let null = |negated| Predicate::IsNull { column: 0, negated };
        let rows =
            [(None, Some(1), 1), (None, Some(2), 0), (Some(3), Some(3), 0), (Some(4), Some(4), 2)];
        let open = |filter: Predicate| {
            let (fetched, batch) = marked(&rows);
            let filter = Condition::new(filter, &fetched).expect("physical");
            let open = filter.holds(&batch).expect("evaluates");
            open.values().iter().collect::<Vec<_>>()
        };
        assert_eq!(open(null(false)), [false, true, false, false]);
        assert_eq!(open(null(true)), [false, false, true, true]);
        assert_eq!(open(Predicate::Not(Box::new(null(true)))), [false, true, false, false]);
        assert_eq!(open(Predicate::Not(Box::new(positive(0)))), [false; 4]);
        assert_eq!(open(Predicate::Or(vec![null(false), positive(1)])), [true; 4]);
    }
}
