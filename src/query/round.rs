//! `round` whose type is known before anything is computed.
//!
//! The type of a rounded decimal follows from the number of places, if that is a constant. The engine's own
//! function asks for 32 bits, so a constant of 64 is no constant until the cast around it has been computed:
//! what was planned with the first type then failed with the second one. This one takes 64 bits.

use arrow_schema::{DataType, Field, FieldRef};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use std::sync::Arc;

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Round {
    inner: Arc<ScalarUDF>,
    signature: Signature,
}

impl Round {
    pub(super) fn new(inner: Arc<ScalarUDF>) -> Self {
        Self { inner, signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Round {
    fn name(&self) -> &str {
        "round"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let (number, places) = match types {
            [number] => (number, None),
            [number, places] if places.is_integer() || places.is_null() => (number, Some(places)),
            _ => return plan_err!("round takes a number and a whole number of places"),
        };
        let number = match number {
            DataType::Null => DataType::Float64,
            number if number.is_numeric() => number.clone(),
            _ => return plan_err!("round takes a number; cast a text to numeric first"),
        };
        Ok(std::iter::once(number).chain(places.map(|_| DataType::Int64)).collect())
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if let Some(places) = args.args.get_mut(1) {
            *places = places.cast_to(&DataType::Int32, None)?;
            args.arg_fields[1] = Arc::new(Field::new("places", DataType::Int32, true));
        }
        self.inner.invoke_with_args(args)
    }
}
