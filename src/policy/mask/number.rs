//! Masks of numbers. Results that would leave the type stop at its smallest or largest value.

use crate::model::Value;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type,
    Int32Type, Int64Type,
};
use arrow_array::{Array, ArrayRef, ArrowNativeTypeOp, PrimitiveArray};
use arrow_buffer::{ScalarBuffer, i256};
use arrow_schema::DataType;
use std::sync::Arc;

/// A bucket's width in units of the column's last digit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Unit {
    /// This many units.
    Exact(i256),
    /// More than any value of the column.
    Huge,
}

/// The width of a bucket in a column of this type; `None` where the type cannot hold its multiples.
pub(super) fn bucket_unit(data_type: &DataType, width: i64) -> Option<Unit> {
    if width < 1 {
        return None;
    }
    let exact = i256::from_i128(i128::from(width));
    match data_type {
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) if *scale >= 0 => {
            let unit = ten_to(i32::from(*scale)).and_then(|ten| exact.mul_checked(ten).ok());
            Some(unit.map_or(Unit::Huge, Unit::Exact))
        }
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => {
            let ten = ten_to(-i32::from(*scale))?;
            match (exact.mod_wrapping(ten).is_zero(), ten.mod_wrapping(exact).is_zero()) {
                (true, _) => Some(Unit::Exact(exact.div_wrapping(ten))),
                (_, true) => Some(Unit::Exact(i256::ONE)),
                _ => None,
            }
        }
        _ => Some(Unit::Exact(exact)),
    }
}

/// The largest multiple of `width` that is not above the number.
pub(super) fn bucket(column: &ArrayRef, width: i64) -> Option<ArrayRef> {
    let unit = bucket_unit(column.data_type(), width)?;
    let width = width as f64;
    exact(column, unit, Step::Floor).or_else(|| floats(column, |x| (x / width).floor() * width))
}

/// Rounded half away from zero to `digits` digits left of the point.
pub(super) fn round(column: &ArrayRef, digits: u8) -> Option<ArrayRef> {
    let scale = match column.data_type() {
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => i32::from(*scale),
        _ => 0,
    };
    let unit = ten_to((i32::from(digits) + scale).max(0)).map_or(Unit::Huge, Unit::Exact);
    let ten = 10_f64.powi(i32::from(digits));
    exact(column, unit, Step::Round).or_else(|| floats(column, |x| (x / ten).round() * ten))
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Floor,
    Round,
}

fn exact(column: &ArrayRef, unit: Unit, step: Step) -> Option<ArrayRef> {
    match column.data_type() {
        DataType::Int16 => {
            let unit = narrow(unit, |unit| i16::try_from(unit).ok());
            stepped::<Int16Type>(column, unit, step, i16::MIN, i16::MAX)
        }
        DataType::Int32 => {
            let unit = narrow(unit, |unit| i32::try_from(unit).ok());
            stepped::<Int32Type>(column, unit, step, i32::MIN, i32::MAX)
        }
        DataType::Int64 => {
            let unit = narrow(unit, |unit| i64::try_from(unit).ok());
            stepped::<Int64Type>(column, unit, step, i64::MIN, i64::MAX)
        }
        DataType::Decimal128(precision, _) => {
            let largest = 10_i128.checked_pow(u32::from(*precision)).map_or(i128::MAX, |p| p - 1);
            let unit = narrow(unit, Some);
            stepped::<Decimal128Type>(column, unit, step, -largest, largest)
        }
        DataType::Decimal256(precision, _) => {
            let largest = ten_to(i32::from(*precision)).map_or(i256::MAX, |p| p - i256::ONE);
            let unit = match unit {
                Unit::Exact(unit) => Some(unit),
                Unit::Huge => None,
            };
            stepped::<Decimal256Type>(column, unit, step, largest.wrapping_neg(), largest)
        }
        _ => None,
    }
}

fn narrow<T>(unit: Unit, into: impl Fn(i128) -> Option<T>) -> Option<T> {
    match unit {
        Unit::Exact(unit) => unit.to_i128().and_then(into),
        Unit::Huge => None,
    }
}

/// `unit` is `None` where it is above every value of the type.
fn stepped<T: ArrowPrimitiveType>(
    column: &ArrayRef,
    unit: Option<T::Native>,
    step: Step,
    min: T::Native,
    max: T::Native,
) -> Option<ArrayRef> {
    let values = column.as_primitive_opt::<T>()?;
    let masked: PrimitiveArray<T> = values.unary(|value| match step {
        Step::Floor => floor_to(value, unit, min),
        Step::Round => round_to(value, unit, min, max),
    });
    Some(Arc::new(masked.with_data_type(column.data_type().clone())))
}

fn floor_to<N: ArrowNativeTypeOp>(value: N, unit: Option<N>, min: N) -> N {
    let Some(unit) = unit else {
        return if value.is_lt(N::ZERO) { min } else { N::ZERO };
    };
    let rest = value.mod_wrapping(unit);
    let toward_zero = value.sub_wrapping(rest);
    if !rest.is_lt(N::ZERO) {
        return toward_zero;
    }
    toward_zero.sub_checked(unit).ok().filter(|value| value.is_ge(min)).unwrap_or(min)
}

/// A unit above every value is more than twice every value: the units are powers of ten.
fn round_to<N: ArrowNativeTypeOp>(value: N, unit: Option<N>, min: N, max: N) -> N {
    let Some(unit) = unit else { return N::ZERO };
    let rest = value.mod_wrapping(unit);
    let toward_zero = value.sub_wrapping(rest);
    if rest.is_lt(N::ZERO) {
        // rest <= -unit / 2, without leaving the type
        let up = rest.is_le(unit.add_wrapping(rest).neg_wrapping());
        let away = toward_zero.sub_checked(unit).ok().filter(|value| value.is_ge(min));
        return if up { away.unwrap_or(min) } else { toward_zero };
    }
    let up = rest.is_ge(unit.sub_wrapping(rest));
    let away = toward_zero.add_checked(unit).ok().filter(|value| value.is_le(max));
    if up { away.unwrap_or(max) } else { toward_zero }
}

/// Computed with doubles, also for the narrower type.
fn floats(column: &ArrayRef, step: impl Fn(f64) -> f64) -> Option<ArrayRef> {
    match column.data_type() {
        DataType::Float64 => {
            let masked: PrimitiveArray<Float64Type> =
                column.as_primitive_opt::<Float64Type>()?.unary(&step);
            Some(Arc::new(masked))
        }
        DataType::Float32 => {
            let masked: PrimitiveArray<Float32Type> =
                column.as_primitive_opt::<Float32Type>()?.unary(|x| step(f64::from(x)) as f32);
            Some(Arc::new(masked))
        }
        _ => None,
    }
}

/// Whether a number, if the value is one, is a value of this type.
pub(super) fn is_in_range(value: &Value, data_type: &DataType) -> bool {
    match value {
        Value::Integer(_) | Value::Decimal { .. } | Value::Float(_) => {
            let empty = arrow_array::new_empty_array(data_type);
            constant(&empty, value).is_some()
        }
        _ => true,
    }
}

/// The number in every row that is not NULL.
pub(super) fn constant(column: &ArrayRef, value: &Value) -> Option<ArrayRef> {
    match (column.data_type(), value) {
        (DataType::Int16, Value::Integer(v)) => filled::<Int16Type>(column, (*v).try_into().ok()?),
        (DataType::Int32, Value::Integer(v)) => filled::<Int32Type>(column, (*v).try_into().ok()?),
        (DataType::Int64, Value::Integer(v)) => filled::<Int64Type>(column, *v),
        (DataType::Float32, v) => filled::<Float32Type>(column, float(v)? as f32),
        (DataType::Float64, v) => filled::<Float64Type>(column, float(v)?),
        (DataType::Decimal128(precision, scale), v) => {
            filled::<Decimal128Type>(column, unscaled(v, *precision, *scale)?)
        }
        (DataType::Decimal256(precision, scale), v) => {
            filled::<Decimal256Type>(column, i256::from_i128(unscaled(v, *precision, *scale)?))
        }
        _ => None,
    }
}

fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Float(value) => Some(*value),
        Value::Integer(value) => Some(*value as f64),
        Value::Decimal { unscaled, scale } => Value::decimal_text(*unscaled, *scale).parse().ok(),
        _ => None,
    }
}

fn unscaled(value: &Value, precision: u8, scale: i8) -> Option<i128> {
    let (digits, written) = match value {
        Value::Integer(value) => (i128::from(*value), 0),
        Value::Decimal { unscaled, scale } => (*unscaled, i32::from(*scale)),
        _ => return None,
    };
    let shift = i32::from(scale) - written;
    let unit = 10_i128.checked_pow(shift.unsigned_abs())?;
    let shifted = if shift >= 0 {
        digits.checked_mul(unit)?
    } else {
        (digits % unit == 0).then_some(digits / unit)?
    };
    let limit = 10_i128.checked_pow(u32::from(precision));
    limit.is_none_or(|limit| shifted > -limit && shifted < limit).then_some(shifted)
}

fn filled<T: ArrowPrimitiveType>(column: &ArrayRef, value: T::Native) -> Option<ArrayRef> {
    let values = ScalarBuffer::from(vec![value; column.len()]);
    let filled = PrimitiveArray::<T>::new(values, column.logical_nulls());
    Some(Arc::new(filled.with_data_type(column.data_type().clone())))
}

fn ten_to(exponent: i32) -> Option<i256> {
    let exponent = u32::try_from(exponent).ok().filter(|exponent| *exponent <= 76)?;
    i256::from_i128(10).pow_checked(exponent).ok()
}
