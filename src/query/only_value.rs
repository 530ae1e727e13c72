//! A column beside GROUP BY: the one value that it has in its group, or an error.
//!
//! ```text
//! SELECT name, count(*) FROM t GROUP BY code         ->  only_value(name, 0, 1, 'name')
//! SELECT name, max(price) FROM t GROUP BY kind       ->  only_value(name, price, 1, 'name')
//! SELECT name, min(price) FROM t GROUP BY kind       ->  only_value(name, price, -1, 'name')
//! ```
//!
//! Among the rows of a group with the greatest key times the sign. Rows that differ there are an error, which names
//! the column as it was written: no row is picked.

use arrow_array::{Array, ArrayRef, BooleanArray};
use arrow_schema::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};
use datafusion::physical_expr::expressions::Literal;
use std::cmp::Ordering;
use std::sync::Arc;

/// What is said before the name of a column that has several values in a group.
pub(super) const MORE_VALUES: &str = "more than one value in a group of column ";

/// The aggregate that stands for such a column.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct OnlyValue {
    signature: Signature,
}

impl OnlyValue {
    pub(super) const NAME: &'static str = "only_value";

    pub(super) fn new() -> Self {
        Self { signature: Signature::any(4, Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for OnlyValue {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types.first().cloned().unwrap_or(DataType::Null))
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let literal = |index: usize| {
            let expr = args.exprs.get(index)?.downcast_ref::<Literal>()?;
            Some(expr.value().clone())
        };
        let (Some(sign), Some(column)) = (literal(2), literal(3)) else {
            return plan_err!("{} takes a column, a key, 1 or -1, and a name", Self::NAME);
        };
        let Some(column) = column.try_as_str().flatten().map(str::to_string) else {
            return plan_err!("{} takes a name as a text", Self::NAME);
        };
        let least = !matches!(sign, ScalarValue::Int64(Some(sign)) if sign > 0);
        let empty = |field: Option<&FieldRef>| {
            ScalarValue::try_from(field.map_or(&DataType::Null, |field| field.data_type()))
        };
        Ok(Box::new(Only {
            column,
            least,
            value: empty(args.expr_fields.first())?,
            key: empty(args.expr_fields.get(1))?,
            seen: false,
            several: false,
        }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let typed = |name: &str, index: usize| {
            let data_type = args.input_fields.get(index).map(|field| field.data_type().clone());
            Arc::new(Field::new(name, data_type.unwrap_or(DataType::Null), true))
        };
        let flag = |name: &str| Arc::new(Field::new(name, DataType::Boolean, false));
        Ok(vec![typed("value", 0), typed("key", 1), flag("seen"), flag("several")])
    }
}

/// The rows of a group so far.
#[derive(Debug)]
struct Only {
    column: String,
    /// Whether the least key counts, not the greatest.
    least: bool,
    value: ScalarValue,
    key: ScalarValue,
    seen: bool,
    several: bool,
}

impl Only {
    fn take(&mut self, value: ScalarValue, key: ScalarValue, several: bool) {
        let order = if self.seen { self.compare(&key) } else { Ordering::Greater };
        match order {
            Ordering::Greater => {
                (self.value, self.key, self.several, self.seen) = (value, key, several, true);
            }
            Ordering::Equal => self.several |= several || value != self.value,
            Ordering::Less => {}
        }
    }

    /// How a key stands to the best one; a row without a key is behind all others.
    fn compare(&self, key: &ScalarValue) -> Ordering {
        match (key.is_null(), self.key.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => {
                let order = key.partial_cmp(&self.key).unwrap_or(Ordering::Equal);
                if self.least { order.reverse() } else { order }
            }
        }
    }
}

impl Accumulator for Only {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [values, keys, ..] = values else { return exec_err!("a value and a key are needed") };
        for index in 0..values.len() {
            let value = ScalarValue::try_from_array(values, index)?;
            self.take(value, ScalarValue::try_from_array(keys, index)?, false);
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.several {
            return exec_err!("{MORE_VALUES}{}", self.column);
        }
        Ok(self.value.clone())
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.value.size() + self.key.size() + self.column.capacity()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let flag = |value| ScalarValue::Boolean(Some(value));
        Ok(vec![self.value.clone(), self.key.clone(), flag(self.seen), flag(self.several)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [values, keys, seen, several] = states else {
            return exec_err!("a state has four parts");
        };
        let flag = |array: &ArrayRef, index| {
            array.as_any().downcast_ref::<BooleanArray>().is_some_and(|flags| flags.value(index))
        };
        for index in (0..values.len()).filter(|index| flag(seen, *index)) {
            let value = ScalarValue::try_from_array(values, index)?;
            let key = ScalarValue::try_from_array(keys, index)?;
            self.take(value, key, flag(several, index));
        }
        Ok(())
    }
}
