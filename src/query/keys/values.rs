//! The distinct keys of a side that has been read.

use super::super::pushdown::value;
use crate::model::Value;
use arrow_array::{Array, RecordBatch};
use datafusion::common::{Result, ScalarValue};
use datafusion::physical_plan::PhysicalExpr;
use std::collections::HashSet;
use std::sync::Arc;

/// Distinct keys, in their order.
#[derive(Debug)]
pub(super) struct Keys {
    values: Vec<Value>,
    range: Option<(Value, Value)>,
}

impl Keys {
    /// The keys of these rows; `None` where one of them has no bound form. NULL is no key: it has no match.
    pub(super) fn of(batches: &[RecordBatch], key: &Arc<dyn PhysicalExpr>) -> Result<Option<Self>> {
        let mut seen: HashSet<ScalarValue> = HashSet::new();
        for batch in batches {
            let column = key.evaluate(batch)?.into_array(batch.num_rows())?;
            for row in (0..column.len()).filter(|row| column.is_valid(*row)) {
                seen.insert(ScalarValue::try_from_array(&column, row)?);
            }
        }
        let mut keys: Vec<ScalarValue> = seen.into_iter().collect();
        keys.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
        let Some(values) = keys.iter().map(value).collect::<Option<Vec<Value>>>() else {
            return Ok(None);
        };
        let range = values.first().cloned().zip(values.last().cloned());
        Ok(Some(Self { values, range }))
    }

    /// The keys.
    pub(super) fn values(&self) -> &[Value] {
        &self.values
    }

    /// The first and the last.
    pub(super) fn range(&self) -> Option<&(Value, Value)> {
        self.range.as_ref()
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{ArrayRef, Float64Array, Int64Array};
    use datafusion::physical_expr::expressions::Column;

    fn keys(column: ArrayRef) -> Option<Keys> {
        let batch = RecordBatch::try_from_iter([("k", column)]).expect("a batch");
        let key: Arc<dyn PhysicalExpr> = Arc::new(Column::new("k", 0));
        Keys::of(&[batch.clone(), batch], &key).expect("keys")
    }

    #[test]
    fn keys_are_distinct_and_in_order_and_null_is_none() {
        let found = keys(Arc::new(Int64Array::from(vec![Some(3), None, Some(-1), Some(3)])));
        let found = found.expect("whole numbers have a bound form");
        assert_eq!(found.values(), [Value::Integer(-1), Value::Integer(3)]);
        assert_eq!(found.range(), Some(&(Value::Integer(-1), Value::Integer(3))));
        let none =
            keys(Arc::new(Int64Array::from(vec![None, None]))).expect("no key is no trouble");
        assert!(none.is_empty() && none.range().is_none());
    }

    #[test]
    fn doubles_are_keys_too_and_left_to_the_dialect() {
        let found = keys(Arc::new(Float64Array::from(vec![0.5, f64::NAN]))).expect("values");
        assert_eq!(found.values().len(), 2);
    }
}
