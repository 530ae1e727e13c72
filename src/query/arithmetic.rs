//! `+`, `-` and `*` on whole numbers: an error where the result does not fit 64 bits.
//!
//! The engine's own operators wrap around without a word, also while folding constants; a wrong total
//! looks like any other. Narrow integers are widened first, so only a true overflow of bigint is one.
//!
//! `/` gives what PostgreSQL gives (`division.rs`).

use super::division;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_schema::DataType;
use datafusion::arrow::compute::kernels::numeric::{add, mul, sub};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility, binary_expr, cast,
};
use std::sync::Arc;

/// Arithmetic with PostgreSQL's answers. What it is depends on the types of its sides, so it comes when these are settled
/// (`settle.rs`).
#[derive(Debug)]
pub(super) struct Arithmetic {
    plus: Arc<ScalarUDF>,
    minus: Arc<ScalarUDF>,
    times: Arc<ScalarUDF>,
}

impl Arithmetic {
    pub(super) fn new() -> Self {
        let function = |operation| Arc::new(ScalarUDF::new_from_impl(Checked::new(operation)));
        Self {
            plus: function(Operation::Plus),
            minus: function(Operation::Minus),
            times: function(Operation::Times),
        }
    }

    /// `left op right` as PostgreSQL computes it.
    pub(super) fn exact(&self, left: Expr, op: Operator, right: Expr, schema: &DFSchema) -> Expr {
        let function = match op {
            Operator::Plus => &self.plus,
            Operator::Minus => &self.minus,
            Operator::Multiply => &self.times,
            _ => {
                let (left, right) = widened(left, op, right, schema);
                return match op {
                    Operator::Divide => division::exact(left, right, schema),
                    _ => binary_expr(left, op, right),
                };
            }
        };
        let is_whole = |side: &Expr| side.get_type(schema).is_ok_and(|t| t.is_signed_integer());
        if is_whole(&left) && is_whole(&right) {
            return function.call(vec![left, right]);
        }
        let (left, right) = widened(left, op, right, schema);
        binary_expr(left, op, right)
    }
}

/// Whether an operator computes.
pub(super) fn computes(op: Operator) -> bool {
    use Operator::{Divide, Minus, Modulo, Multiply, Plus};
    matches!(op, Plus | Minus | Multiply | Divide | Modulo)
}

/// A `real` beside another number is computed in double precision, as PostgreSQL does; the engine would stay with
/// seven digits.
fn widened(left: Expr, op: Operator, right: Expr, schema: &DFSchema) -> (Expr, Expr) {
    let types = (left.get_type(schema), right.get_type(schema));
    let (Ok(l), Ok(r)) = types else { return (left, right) };
    let mixed = (l == DataType::Float32) != (r == DataType::Float32);
    if computes(op) && mixed && l.is_numeric() && r.is_numeric() {
        return (cast(left, DataType::Float64), cast(right, DataType::Float64));
    }
    (left, right)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operation {
    Plus,
    Minus,
    Times,
}

/// The functions that stand for operators.
#[cfg(feature = "ballista")]
pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    let all = [Operation::Plus, Operation::Minus, Operation::Times];
    all.map(|operation| Arc::new(ScalarUDF::new_from_impl(Checked::new(operation)))).into()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    operation: Operation,
    signature: Signature,
}

impl Checked {
    fn new(operation: Operation) -> Self {
        let signature =
            Signature::exact(vec![DataType::Int64, DataType::Int64], Volatility::Immutable);
        Self { operation, signature }
    }

    fn symbol(&self) -> &'static str {
        match self.operation {
            Operation::Plus => " + ",
            Operation::Minus => " - ",
            Operation::Times => " * ",
        }
    }
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        match self.operation {
            Operation::Plus => "checked_plus",
            Operation::Minus => "checked_minus",
            Operation::Times => "checked_times",
        }
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let sides: Vec<String> = args.iter().map(|arg| arg.schema_name().to_string()).collect();
        Ok(sides.join(self.symbol()))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let sides = ColumnarValue::values_to_arrays(&args.args)?;
        let (left, right) = (&sides[0], &sides[1]);
        let result = match self.operation {
            Operation::Plus => add(left, right)?,
            Operation::Minus => sub(left, right)?,
            Operation::Times => mul(left, right)?,
        };
        if scalar {
            let value = result.as_primitive::<Int64Type>().iter().next().flatten();
            return Ok(ColumnarValue::Scalar(ScalarValue::Int64(value)));
        }
        Ok(ColumnarValue::Array(result))
    }
}
