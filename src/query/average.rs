//! Averages and sums with one meaning, wherever they are computed.
//!
//! ```text
//! before   Aggregate: avg(price)           after   Projection: decimal_average(sum(price), count(price))
//!            TableScan: orders                       Aggregate: sum(price), count(price)
//!                                                      TableScan: orders
//!
//! before   Aggregate: sum(n)               after   Projection: CAST(sum(CAST(n AS decimal)) AS bigint)
//! ```
//!
//! * The average of decimals is the exact quotient, cut at four more digits than the values have: the
//!   engine's own definition, of which a source can be sent the two parts.
//! * The average of whole numbers is the double next to the quotient of their exact sum; the engine
//!   itself adds doubles, which lose digits.
//! * A sum of 64-bit numbers is added in 128 bits and is an error where it does not fit: the engine's own
//!   wraps around without a word.

use super::doubles::OrderFree;
use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type};
use arrow_schema::{ArrowError, DataType, Field, FieldRef};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams};
use datafusion::logical_expr::{
    Aggregate, AggregateUDF, BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator,
    Projection, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility, cast,
};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use std::sync::Arc;

/// The name of the quotient; no statement can call it.
pub(super) const NAME: &str = "decimal_average";
/// Digits behind the point that an average has more than its values.
const MORE_DIGITS: i8 = 4;
const MOST_DIGITS: u8 = 38;
/// A 64-bit number, with room for as many of them as a table can have.
const WIDE: DataType = DataType::Decimal128(28, 0);

/// The rule.
#[derive(Debug)]
pub(super) struct ExactAggregates {
    sum: Arc<AggregateUDF>,
    count: Arc<AggregateUDF>,
    average: Arc<ScalarUDF>,
}

impl ExactAggregates {
    pub(super) fn new() -> Self {
        Self {
            sum: OrderFree::of(datafusion::functions_aggregate::sum::sum_udaf()),
            count: datafusion::functions_aggregate::count::count_udaf(),
            average: Arc::new(ScalarUDF::new_from_impl(Average::new())),
        }
    }

    /// What an aggregate is made from: the aggregates, and the expression over them.
    fn parts(&self, expr: &Expr, input: &DFSchema) -> Result<Option<Parts>> {
        let Expr::AggregateFunction(AggregateFunction { func, params }) = expr else {
            return Ok(None);
        };
        let [argument] = params.args.as_slice() else { return Ok(None) };
        let plain = params.order_by.is_empty() && params.null_treatment.is_none();
        match func.name() {
            "sum" if plain && argument.get_type(input)? == DataType::Int64 => {
                if is_narrow(argument, input)? {
                    return Ok(None);
                }
                let sum = aggregate(&self.sum, cast(argument.clone(), WIDE), params);
                let whole = cast(column(&sum), DataType::Int64);
                Ok(Some(Parts { aggregates: vec![sum], whole }))
            }
            "avg" if plain && !params.distinct => self.average(argument, params, input),
            _ => Ok(None),
        }
    }

    fn average(
        &self,
        argument: &Expr,
        params: &AggregateFunctionParams,
        input: &DFSchema,
    ) -> Result<Option<Parts>> {
        if let DataType::Decimal128(_, _) = argument.get_type(input)? {
            let sum = aggregate(&self.sum, argument.clone(), params);
            let count = aggregate(&self.count, argument.clone(), params);
            let whole = self.average.call(vec![column(&sum), column(&count)]);
            return Ok(Some(Parts { aggregates: vec![sum, count], whole }));
        }
        // Whole numbers arrive here as doubles.
        let Expr::Cast(outer) = argument else { return Ok(None) };
        let inner = outer.expr.as_ref();
        if *outer.field.data_type() != DataType::Float64
            || !inner.get_type(input)?.is_signed_integer()
        {
            return Ok(None);
        }
        let wide = if is_narrow(inner, input)? { DataType::Int64 } else { WIDE };
        let sum = aggregate(&self.sum, cast(inner.clone(), wide), params);
        let count = aggregate(&self.count, inner.clone(), params);
        let double = |expr| Box::new(cast(expr, DataType::Float64));
        let quotient =
            BinaryExpr::new(double(column(&sum)), Operator::Divide, double(column(&count)));
        Ok(Some(Parts { aggregates: vec![sum, count], whole: Expr::BinaryExpr(quotient) }))
    }
}

struct Parts {
    aggregates: Vec<Expr>,
    whole: Expr,
}

impl OptimizerRule for ExactAggregates {
    fn name(&self) -> &str {
        "exact_aggregates"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Aggregate(aggregate) = &plan else { return Ok(Transformed::no(plan)) };
        let input = aggregate.input.schema();
        let mut changed = false;
        let mut aggregates: Vec<Expr> = Vec::new();
        let groups = aggregate.schema.fields().len() - aggregate.aggr_expr.len();
        let mut columns: Vec<Expr> = (0..groups)
            .map(|index| Expr::Column(aggregate.schema.qualified_field(index).into()))
            .collect();
        for (index, expr) in aggregate.aggr_expr.iter().enumerate() {
            let (bare, named) =
                (expr.clone().unalias(), aggregate.schema.qualified_field(groups + index));
            match self.parts(&bare, input)? {
                Some(parts) => {
                    changed = true;
                    for part in parts.aggregates {
                        if !aggregates.contains(&part) {
                            aggregates.push(part);
                        }
                    }
                    columns.push(parts.whole.alias_qualified(named.0.cloned(), named.1.name()));
                }
                None => {
                    if !aggregates.contains(expr) {
                        aggregates.push(expr.clone());
                    }
                    columns.push(Expr::Column(named.into()));
                }
            }
        }
        if !changed {
            return Ok(Transformed::no(plan));
        }
        let below =
            Aggregate::try_new(aggregate.input.clone(), aggregate.group_expr.clone(), aggregates)?;
        let below = Arc::new(LogicalPlan::Aggregate(below));
        let above = Projection::try_new(columns, below)?;
        Ok(Transformed::yes(LogicalPlan::Projection(above)))
    }
}

fn aggregate(function: &Arc<AggregateUDF>, argument: Expr, like: &AggregateFunctionParams) -> Expr {
    Expr::AggregateFunction(AggregateFunction {
        func: function.clone(),
        params: AggregateFunctionParams { args: vec![argument], ..like.clone() },
    })
}

fn column(aggregate: &Expr) -> Expr {
    Expr::Column(datafusion::common::Column::new_unqualified(aggregate.schema_name().to_string()))
}

/// Whether numbers are so small that no table has enough of them for an overflow.
fn is_narrow(expr: &Expr, input: &DFSchema) -> Result<bool> {
    Ok(match expr {
        Expr::Cast(cast) if cast.field.data_type().is_signed_integer() => {
            is_narrow(&cast.expr, input)?
        }
        Expr::Literal(ScalarValue::Int64(Some(value)), _) => value.unsigned_abs() < 1 << 31,
        Expr::Literal(value, _) if value.is_null() => true,
        Expr::Case(case) => {
            let values = case.when_then_expr.iter().map(|(_, value)| value);
            for value in values.chain(&case.else_expr) {
                if !is_narrow(value, input)? {
                    return Ok(false);
                }
            }
            true
        }
        bare => matches!(bare.get_type(input)?, DataType::Int8 | DataType::Int16 | DataType::Int32),
    })
}

/// The function that divides a sum.
#[cfg(feature = "ballista")]
pub(super) fn function() -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::new_from_impl(Average::new()))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Average {
    signature: Signature,
}

impl Average {
    fn new() -> Self {
        Self { signature: Signature::any(2, Volatility::Immutable) }
    }
}

/// The type of the average of values whose sum has this type.
fn average_type(sum: &DataType) -> Result<(u8, i8)> {
    let DataType::Decimal128(precision, scale) = sum else {
        return Err(DataFusionError::Internal("an average is taken of decimals".into()));
    };
    // A sum has ten digits more than its values, an average four.
    let values = if *precision == MOST_DIGITS { MOST_DIGITS } else { precision - 10 };
    let most = MOST_DIGITS.cast_signed();
    Ok((MOST_DIGITS.min(values + MORE_DIGITS.cast_unsigned()), most.min(scale + MORE_DIGITS)))
}

impl ScalarUDFImpl for Average {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let (precision, scale) = average_type(&types[0])?;
        Ok(DataType::Decimal128(precision, scale))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let sum = args.arg_fields[0].data_type();
        Ok(Arc::new(Field::new(NAME, self.return_type(std::slice::from_ref(sum))?, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let DataType::Decimal128(_, target) = args.return_field.data_type() else {
            return Err(DataFusionError::Internal("an average is a decimal".into()));
        };
        let sides = ColumnarValue::values_to_arrays(&args.args)?;
        let DataType::Decimal128(_, scale) = sides[0].data_type() else {
            return Err(DataFusionError::Internal("a sum is a decimal".into()));
        };
        let factor = 10_i128.pow(u32::from((target - scale).unsigned_abs()));
        let sums = sides[0].as_primitive::<Decimal128Type>();
        let counts = sides[1].as_primitive::<Int64Type>();
        let quotients = sums.iter().zip(counts.iter()).map(|pair| match pair {
            (Some(sum), Some(count)) if count != 0 => {
                let scaled = sum.checked_mul(factor).ok_or_else(|| {
                    ArrowError::ArithmeticOverflow("an average has too many digits".into())
                })?;
                Ok(Some(scaled / i128::from(count)))
            }
            _ => Ok(None),
        });
        let quotients = quotients.collect::<Result<arrow_array::Decimal128Array, ArrowError>>()?;
        let array = quotients.with_data_type(args.return_field.data_type().clone());
        Ok(ColumnarValue::Array(Arc::new(array)))
    }
}
