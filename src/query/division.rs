//! `/` where PostgreSQL gives more digits than the engine.
//!
//! A sum of bigint is numeric in PostgreSQL, so `sum(a) / sum(b)` keeps its fraction; the engine's sum is bigint and
//! would drop it. And PostgreSQL gives a quotient of numerics at least sixteen digits, the engine four more than the
//! dividend has. A double divided by 0 is an error there, not an infinity or NaN.

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_schema::{ArrowError, DataType};
use datafusion::common::{DFSchema, DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::planner::RawBinaryExpr;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility, cast,
};

/// Digits behind the point of a dividend; the engine adds four.
const DIGITS: i8 = 12;
/// The most digits of a decimal.
const MOST: u8 = 38;

/// The division with sides that give PostgreSQL's quotient.
pub(super) fn exact(mut expr: RawBinaryExpr, schema: &DFSchema) -> RawBinaryExpr {
    let types = (expr.left.get_type(schema), expr.right.get_type(schema));
    let (Ok(left), Ok(right)) = types else { return expr };
    if left.is_signed_integer() && right.is_signed_integer() {
        if is_numeric(&expr.left, schema) || is_numeric(&expr.right, schema) {
            expr.left = cast(expr.left, DataType::Decimal128(MOST, DIGITS));
            expr.right = cast(expr.right, DataType::Decimal128(19, 0));
        }
        return expr;
    }
    if left == DataType::Float64 || right == DataType::Float64 {
        expr.right = not_zero(expr.right);
        return expr;
    }
    let is_exact = |t: &DataType| t.is_signed_integer() || matches!(t, DataType::Decimal128(..));
    if is_exact(&left)
        && is_exact(&right)
        && let Some(wider) = with_digits(&left)
    {
        expr.left = cast(expr.left, wider);
    }
    expr
}

/// The type with as many digits behind the point as there is room for.
fn with_digits(dividend: &DataType) -> Option<DataType> {
    let (precision, scale) = match dividend {
        DataType::Decimal128(precision, scale) => (*precision, *scale),
        DataType::Int64 => (19, 0),
        _ => (10, 0),
    };
    let before = i16::from(precision) - i16::from(scale);
    let digits = (i16::from(MOST) - before).min(i16::from(DIGITS));
    let Some(digits) = i8::try_from(digits).ok().filter(|digits| *digits > scale) else {
        // The type has room for more than any sum; a number that is too large is an error.
        return (scale <= 1).then_some(DataType::Decimal128(MOST, DIGITS));
    };
    let precision = u8::try_from(before + i16::from(digits)).ok()?;
    Some(DataType::Decimal128(precision, digits))
}

/// Whether a whole number is numeric in PostgreSQL: a sum of bigint, and what is computed with one.
fn is_numeric(expr: &Expr, schema: &DFSchema) -> bool {
    let of_bigint = |args: &[Expr]| {
        args.first().is_some_and(|arg| arg.get_type(schema).is_ok_and(|t| t == DataType::Int64))
    };
    match expr {
        Expr::AggregateFunction(sum) if sum.func.name() == "sum" => of_bigint(&sum.params.args),
        Expr::WindowFunction(window) if window.fun.name() == "sum" => {
            of_bigint(&window.params.args)
        }
        Expr::Alias(alias) => is_numeric(&alias.expr, schema),
        Expr::Negative(inner) => is_numeric(inner, schema),
        Expr::ScalarFunction(function) => {
            let passes = matches!(
                function.name(),
                "checked_plus"
                    | "checked_minus"
                    | "checked_times"
                    | "coalesce"
                    | "nullif"
                    | "abs"
                    | "greatest"
                    | "least"
            );
            passes && function.args.iter().any(|arg| is_numeric(arg, schema))
        }
        Expr::Case(case) => {
            let results = case.when_then_expr.iter().map(|(_, result)| result.as_ref());
            results.chain(case.else_expr.as_deref()).any(|result| is_numeric(result, schema))
        }
        _ => false,
    }
}

/// The divisor, which is an error where it is 0.
fn not_zero(divisor: Expr) -> Expr {
    match &divisor {
        Expr::Literal(ScalarValue::Float64(Some(value)), _) if *value != 0.0 => divisor,
        _ => ScalarUDF::new_from_impl(NotZero::new()).call(vec![divisor]),
    }
}

/// The function that a divisor passes.
#[cfg(feature = "ballista")]
pub(super) fn function() -> std::sync::Arc<ScalarUDF> {
    std::sync::Arc::new(ScalarUDF::new_from_impl(NotZero::new()))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct NotZero {
    signature: Signature,
}

impl NotZero {
    fn new() -> Self {
        Self { signature: Signature::exact(vec![DataType::Float64], Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for NotZero {
    fn name(&self) -> &str {
        "checked_divisor"
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(args.iter().map(|arg| arg.schema_name().to_string()).collect())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let value = args.args.into_iter().next();
        let value = value.ok_or_else(|| DataFusionError::Internal("no divisor".into()))?;
        let has_zero = match &value {
            ColumnarValue::Scalar(value) => *value == ScalarValue::Float64(Some(0.0)),
            ColumnarValue::Array(values) if values.data_type() == &DataType::Float64 => {
                values.as_primitive::<Float64Type>().iter().flatten().any(|value| value == 0.0)
            }
            ColumnarValue::Array(_) => false,
        };
        if has_zero {
            return Err(DataFusionError::ArrowError(Box::new(ArrowError::DivideByZero), None));
        }
        Ok(value)
    }
}
