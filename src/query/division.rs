//! `/` where PostgreSQL gives more digits than the engine.
//!
//! A sum of bigint is numeric in PostgreSQL, so `sum(a) / sum(b)` keeps its fraction; the engine's sum is bigint and
//! would drop it. And PostgreSQL gives a quotient of numerics at least sixteen digits, the engine four more than the
//! dividend has. A double divided by 0 is an error there, not an infinity or NaN.

use super::arithmetic::computes;
use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_schema::{ArrowError, DataType};
use datafusion::common::{DFSchema, DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, Operator, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility, binary_expr, cast,
};
use sqlparser::ast::BinaryOperator;
use std::sync::Arc;

/// Digits behind the point of a dividend; the engine adds four.
const DIGITS: i8 = 12;
/// Digits that the engine gives a quotient beyond those of its dividend.
const MORE: i8 = 4;
/// The most digits of a decimal.
const MOST: u8 = 38;
/// Digits of a decimal in 256 bits that leave room for those of the divisor.
const WIDE: u8 = 40;
/// A divisor with more digits behind the point is divided by in 256 bits.
const FINE: i8 = 8;

/// Marks divisions by or of what is numeric in PostgreSQL, as long as it can be seen: below an aggregate its sums are columns
/// like any other.
#[derive(Debug)]
pub(super) struct DivisionPlanner {
    mark: Arc<ScalarUDF>,
}

impl DivisionPlanner {
    pub(super) fn new() -> Self {
        Self { mark: Arc::new(ScalarUDF::new_from_impl(Numeric::new())) }
    }
}

impl ExprPlanner for DivisionPlanner {
    fn plan_binary_op(
        &self,
        mut expr: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        if expr.op == BinaryOperator::Divide
            && (is_numeric(&expr.left, schema) || is_numeric(&expr.right, schema))
        {
            expr.left = self.mark.call(vec![expr.left]);
        }
        Ok(PlannerResult::Original(expr))
    }
}

/// The division that gives PostgreSQL's quotient.
pub(super) fn exact(left: Expr, right: Expr, schema: &DFSchema) -> Expr {
    let (left, right) = sides(left, right, schema);
    in_256_bits(&left, &right, schema).unwrap_or_else(|| binary_expr(left, Operator::Divide, right))
}

/// The engine makes the dividend longer by the divisor's digits behind the point and four more, within 38 digits:
/// a quotient of two quotients, each of sixteen digits, would be an error from a hundred on.
fn in_256_bits(left: &Expr, right: &Expr, schema: &DFSchema) -> Option<Expr> {
    let DataType::Decimal128(_, divisor) = right.get_type(schema).ok()? else { return None };
    let dividend = match left.get_type(schema).ok()? {
        DataType::Decimal128(_, scale) => scale,
        whole if whole.is_signed_integer() => 0,
        _ => return None,
    };
    if divisor <= FINE {
        return None;
    }
    let wide = |side: &Expr, scale| cast(side.clone(), DataType::Decimal256(WIDE, scale));
    let quotient = binary_expr(wide(left, dividend), Operator::Divide, wide(right, divisor));
    let scale = (dividend + MORE).min(MOST.cast_signed());
    Some(cast(quotient, DataType::Decimal128(MOST, scale)))
}

fn sides(left: Expr, right: Expr, schema: &DFSchema) -> (Expr, Expr) {
    let (left, has_numeric) = unmarked(left);
    let types = (left.get_type(schema), right.get_type(schema));
    let (Ok(l), Ok(r)) = types else { return (left, right) };
    if l.is_signed_integer() && r.is_signed_integer() {
        if has_numeric {
            let dividend = cast(left, DataType::Decimal128(MOST, DIGITS));
            return (dividend, cast(right, DataType::Decimal128(19, 0)));
        }
        return (left, right);
    }
    if l == DataType::Float64 || r == DataType::Float64 {
        return (left, not_zero(right));
    }
    let is_exact = |t: &DataType| t.is_signed_integer() || matches!(t, DataType::Decimal128(..));
    if is_exact(&l)
        && is_exact(&r)
        && let Some(wider) = with_digits(&l)
    {
        return (cast(left, wider), right);
    }
    (left, right)
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
    let of_bigint = |args: &[Expr]| args.first().is_some_and(|arg| is_bigint(arg, schema));
    match expr {
        Expr::AggregateFunction(sum) if sum.func.name() == "sum" => of_bigint(&sum.params.args),
        Expr::WindowFunction(window) if window.fun.name() == "sum" => {
            of_bigint(&window.params.args)
        }
        Expr::Alias(alias) => is_numeric(&alias.expr, schema),
        Expr::Negative(inner) => is_numeric(inner, schema),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            computes(*op) && (is_numeric(left, schema) || is_numeric(right, schema))
        }
        Expr::ScalarFunction(function) => {
            let passes =
                matches!(function.name(), "coalesce" | "nullif" | "abs" | "greatest" | "least");
            passes && function.args.iter().any(|arg| is_numeric(arg, schema))
        }
        Expr::Case(case) => {
            let results = case.when_then_expr.iter().map(|(_, result)| result.as_ref());
            results.chain(case.else_expr.as_deref()).any(|result| is_numeric(result, schema))
        }
        _ => false,
    }
}

/// Whether an expression is bigint in PostgreSQL, where a whole number that is written is an integer if it fits one: the sum of
/// `CASE WHEN x THEN 1 ELSE 0 END` is a bigint there, not a numeric.
fn is_bigint(expr: &Expr, schema: &DFSchema) -> bool {
    match expr {
        Expr::Literal(ScalarValue::Int64(Some(number)), _) => i32::try_from(*number).is_err(),
        Expr::Alias(alias) => is_bigint(&alias.expr, schema),
        Expr::Negative(inner) => is_bigint(inner, schema),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if computes(*op) => {
            is_bigint(left, schema) || is_bigint(right, schema)
        }
        Expr::Case(case) => {
            let results = case.when_then_expr.iter().map(|(_, result)| result.as_ref());
            results.chain(case.else_expr.as_deref()).any(|result| is_bigint(result, schema))
        }
        Expr::ScalarFunction(function)
            if matches!(function.name(), "coalesce" | "nullif" | "greatest" | "least") =>
        {
            function.args.iter().any(|arg| is_bigint(arg, schema))
        }
        other => other.get_type(schema).is_ok_and(|t| t == DataType::Int64),
    }
}

/// The dividend without the mark, and whether it had one.
fn unmarked(dividend: Expr) -> (Expr, bool) {
    match dividend {
        Expr::ScalarFunction(mut mark) if mark.name() == Numeric::NAME && !mark.args.is_empty() => {
            (mark.args.swap_remove(0), true)
        }
        other => (other, false),
    }
}

/// The mark, which is gone before anything is optimised.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Numeric {
    signature: Signature,
}

impl Numeric {
    const NAME: &'static str = "numeric_division";

    fn new() -> Self {
        Self { signature: Signature::any(1, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Numeric {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(args.iter().map(|arg| arg.schema_name().to_string()).collect())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types.first().cloned().unwrap_or(DataType::Null))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let value = args.args.into_iter().next();
        value.ok_or_else(|| DataFusionError::Internal("no dividend".into()))
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
