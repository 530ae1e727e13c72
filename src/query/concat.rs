//! `a || b` on text, under the same size guard as the functions that build text.
//!
//! The engine's own operator has no bound: forty levels of `s || s` make a terabyte out of a letter.
//! Unlike `concat`, the operator gives NULL where either side is NULL, as PostgreSQL has it.

use super::guard::Guarded;
use arrow_array::cast::AsArray;
use arrow_schema::DataType;
use datafusion::arrow::compute::kernels::concat_elements::concat_elements_utf8;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use sqlparser::ast::BinaryOperator;
use std::sync::Arc;

/// Plans `||` between texts as the guarded function.
#[derive(Debug)]
pub(super) struct ConcatPlanner {
    function: Arc<ScalarUDF>,
}

impl ConcatPlanner {
    pub(super) fn new() -> Self {
        Self { function: function() }
    }
}

impl ExprPlanner for ConcatPlanner {
    fn plan_binary_op(
        &self,
        expr: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let is_list = |side: &Expr| {
            side.get_type(schema)
                .is_ok_and(|t| matches!(t, DataType::List(_) | DataType::LargeList(_)))
        };
        let is_text = |side: &Expr| side.get_type(schema).is_ok_and(|t| t.is_string());
        let joins = match expr.op {
            BinaryOperator::StringConcat => !is_list(&expr.left) && !is_list(&expr.right),
            // SQL Server's; PostgreSQL adds no texts. What is written out may still be a number.
            BinaryOperator::Plus => {
                let is_constant = |side: &Expr| matches!(side, Expr::Literal(..));
                let texts = is_text(&expr.left) && is_text(&expr.right);
                texts && !is_constant(&expr.left) && !is_constant(&expr.right)
            }
            _ => false,
        };
        if !joins {
            return Ok(PlannerResult::Original(expr));
        }
        Ok(PlannerResult::Planned(self.function.call(vec![expr.left, expr.right])))
    }
}

/// The function that joins two texts.
pub(super) fn function() -> Arc<ScalarUDF> {
    let plain = Arc::new(ScalarUDF::new_from_impl(TextConcat::new()));
    Arc::new(ScalarUDF::new_from_impl(Guarded::new(plain)))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct TextConcat {
    signature: Signature,
}

impl TextConcat {
    fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for TextConcat {
    fn name(&self) -> &str {
        "text_concat"
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(args.iter().map(|arg| arg.schema_name().to_string()).collect::<Vec<_>>().join(" || "))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(vec![DataType::Utf8; types.len()])
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if let [ColumnarValue::Scalar(left), ColumnarValue::Scalar(right)] = args.args.as_slice() {
            let joined = match (text(left), text(right)) {
                (Some(left), Some(right)) => Some(format!("{left}{right}")),
                _ => None,
            };
            return Ok(ColumnarValue::Scalar(ScalarValue::Utf8(joined)));
        }
        let sides = ColumnarValue::values_to_arrays(&args.args)?;
        let joined =
            concat_elements_utf8(sides[0].as_string::<i32>(), sides[1].as_string::<i32>())?;
        Ok(ColumnarValue::Array(Arc::new(joined)))
    }
}

fn text(value: &ScalarValue) -> Option<&str> {
    value.try_as_str().flatten()
}
