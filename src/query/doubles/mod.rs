//! Sums, averages and statistics of doubles that do not depend on the order of rows.
//!
//! Doubles are rounded where they are added, so the last digits of a sum tell in which order its rows came:
//! how a source read them, which input of a join was read first. That depends on statistics, and with them on
//! hidden rows. Here sums are exact and rounded once ([`sum::ExactSum`]), so the same rows have the same sum,
//! wherever and however they were read; and it is the best one that a double can hold.

mod accumulators;
mod statistic;
mod sum;

use accumulators::{Distinct, ManyGroups, OneGroup, state_type};
use arrow_schema::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::{
    AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs,
};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Expr, GroupsAccumulator, Operator, ReversedUDAF,
    SetMonotonicity, Signature,
};
use statistic::Statistic;
use std::sync::Arc;

/// An aggregate of the engine, whose sums of doubles are ours.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct OrderFree {
    inner: Arc<AggregateUDF>,
    statistic: Statistic,
}

impl OrderFree {
    /// The aggregate with exact sums, if it has any.
    pub(super) fn of(inner: Arc<AggregateUDF>) -> Arc<AggregateUDF> {
        match Statistic::named(inner.name()) {
            Some(statistic) => Arc::new(AggregateUDF::new_from_impl(Self { inner, statistic })),
            None => inner,
        }
    }

    /// The statistic, where the values are doubles.
    fn over(&self, fields: &[FieldRef]) -> Option<Statistic> {
        let double = |field: &FieldRef| *field.data_type() == DataType::Float64;
        (fields.len() == self.statistic.columns() && fields.iter().all(double))
            .then_some(self.statistic)
    }

    /// The statistic, where a set of distinct values is one the engine has as well.
    fn distinct(&self, fields: &[FieldRef]) -> Option<Statistic> {
        self.over(fields).filter(|statistic| statistic.columns() == 1)
    }
}

impl AggregateUDFImpl for OrderFree {
    fn name(&self) -> &str {
        self.inner.name()
    }
    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }
    fn signature(&self) -> &Signature {
        self.inner.signature()
    }
    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }
    fn return_field(&self, fields: &[FieldRef]) -> Result<FieldRef> {
        self.inner.return_field(fields)
    }
    fn is_nullable(&self) -> bool {
        self.inner.is_nullable()
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(types)
    }
    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        self.inner.default_value(data_type)
    }
    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }
    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.inner.inner().set_monotonicity(data_type)
    }
    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        self.inner.simplify()
    }
    fn simplify_expr_op_literal(
        &self,
        function: &AggregateFunction,
        argument: &Expr,
        operator: Operator,
        literal: &Expr,
        is_left: bool,
    ) -> Result<Option<Expr>> {
        // The sum of doubles and a constant apart would be rounded twice.
        if let Expr::Literal(ScalarValue::Float64(_), _) = literal {
            return Ok(None);
        }
        let inner = self.inner.inner();
        inner.simplify_expr_op_literal(function, argument, operator, literal, is_left)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        match (args.is_distinct, self.over(args.expr_fields), self.distinct(args.expr_fields)) {
            (false, Some(statistic), _) => Ok(Box::new(OneGroup::new(statistic))),
            (true, _, Some(statistic)) => Ok(Box::new(Distinct::new(statistic))),
            _ => self.inner.accumulator(args),
        }
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        match self.over(args.expr_fields) {
            Some(_) => self.accumulator(args),
            None => self.inner.inner().create_sliding_accumulator(args),
        }
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        match self.over(args.expr_fields) {
            Some(_) => !args.is_distinct,
            None => self.inner.groups_accumulator_supported(args),
        }
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        match self.over(args.expr_fields) {
            Some(statistic) => Ok(Box::new(ManyGroups::new(statistic))),
            None => self.inner.create_groups_accumulator(args),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let field = |name: &str, data_type| {
            Arc::new(Field::new(format_state_name(args.name, name), data_type, true))
        };
        match (args.is_distinct, self.over(args.input_fields), self.distinct(args.input_fields)) {
            (false, Some(statistic), _) => {
                let sums = (0..statistic.sums()).map(|i| field(&format!("sum {i}"), state_type()));
                Ok(std::iter::once(field("count", DataType::UInt64)).chain(sums).collect())
            }
            (true, _, Some(_)) => Ok(vec![field("distinct", state_type())]),
            _ => self.inner.state_fields(args),
        }
    }
}
