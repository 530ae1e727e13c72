//! Guards on functions that can make gigabytes out of a few characters.
//!
//! The engine's memory pool does not see what a scalar function allocates, nor does it watch constant
//! folding; so the size of the result is bounded *before* the function runs.

use arrow_array::{Array, ArrayRef, ListArray};
use arrow_schema::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature,
};
use std::sync::Arc;

/// Bytes one call may produce for one batch of rows.
const MAX_BATCH_BYTES: u64 = 32 * 1024 * 1024;
/// The longest value one call may produce.
const MAX_VALUE_BYTES: u64 = 1024 * 1024;
/// The longest constant: the engine writes it out once for each row of a batch.
pub(super) const MAX_CONSTANT_BYTES: u64 = 32 * 1024;
/// Bytes a stored value may grow by where it is longer than that.
const MAX_GROWTH_BYTES: u64 = 64 * 1024;
/// Bytes one call may take in where its result is no larger than its arguments together.
const MAX_READ_BYTES: u64 = 4 * MAX_BATCH_BYTES;
/// The text a refused call shows.
pub(super) const TOO_LARGE: &str = "the result of a text or array function would be too large";

/// A function that refuses to produce more than the bounds.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Guarded {
    inner: Arc<ScalarUDF>,
}

impl Guarded {
    pub(super) fn new(inner: Arc<ScalarUDF>) -> Self {
        Self { inner }
    }
}

impl ScalarUDFImpl for Guarded {
    fn name(&self) -> &str {
        self.inner.name()
    }
    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        self.inner.inner().schema_name(args)
    }
    fn signature(&self) -> &Signature {
        self.inner.signature()
    }
    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }
    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(types)
    }
    fn documentation(&self) -> Option<&Documentation> {
        None
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows.max(1) as u64;
        let worst = worst_value_bytes(self.inner.name(), &args)?;
        // A stored text may be longer than anything a statement may build; it may grow a little.
        if worst > MAX_VALUE_BYTES && worst > longest_input(&args) + MAX_GROWTH_BYTES {
            return exec_err!("{TOO_LARGE}");
        }
        let scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        if scalar && worst > MAX_CONSTANT_BYTES && worst > longest_input(&args) {
            return exec_err!("{TOO_LARGE}");
        }
        let most = if is_additive(self.inner.name()) { MAX_READ_BYTES } else { MAX_BATCH_BYTES };
        if !scalar && total_bytes(self.inner.name(), &args, worst, rows) > most {
            return exec_err!("{TOO_LARGE}");
        }
        self.inner.invoke_with_args(args)
    }
}

/// An upper bound of the bytes of one produced value.
fn worst_value_bytes(name: &str, args: &ScalarFunctionArgs) -> Result<u64> {
    let longest = |i: usize| args.args.get(i).map_or(0, longest_value);
    let count = |i: usize| args.args.get(i).map_or(0, largest_count);
    Ok(match name {
        "repeat" => longest(0).saturating_mul(count(1)),
        "lpad" | "rpad" => count(1).saturating_mul(4),
        "array_repeat" => longest(0).max(8).saturating_mul(count(1)),
        "array_resize" => longest(2).max(8).saturating_mul(count(1)),
        "generate_series" | "range" => series_length(args).saturating_mul(8),
        // Between all characters and around them, once each.
        "replace" => longest(0).saturating_add(longest(0).saturating_mul(longest(2))),
        "regexp_replace" => {
            longest(0).saturating_add(longest(0).saturating_add(1).saturating_mul(longest(2)))
        }
        // Its work, not its result, grows with the product.
        "levenshtein" => longest(0).saturating_mul(longest(1)) / 16,
        "array_to_string" | "concat_ws" => {
            (0..args.args.len()).map(longest).fold(0, u64::saturating_add).saturating_mul(2)
        }
        _ => (0..args.args.len()).map(longest).fold(0, u64::saturating_add),
    })
}

/// An upper bound of the bytes produced for the batch.
fn total_bytes(name: &str, args: &ScalarFunctionArgs, worst: u64, rows: u64) -> u64 {
    if !is_additive(name) {
        return worst.saturating_mul(rows).min(amplified(name, args, rows).unwrap_or(u64::MAX));
    }
    args.args
        .iter()
        .map(|arg| match arg {
            ColumnarValue::Array(array) => array.get_buffer_memory_size() as u64,
            ColumnarValue::Scalar(_) => longest_value(arg).saturating_mul(rows),
        })
        .fold(0, u64::saturating_add)
}

/// Whether a result is no larger than the arguments together.
fn is_additive(name: &str) -> bool {
    !matches!(
        name,
        "repeat"
            | "lpad"
            | "rpad"
            | "array_repeat"
            | "array_resize"
            | "generate_series"
            | "range"
            | "replace"
            | "regexp_replace"
            | "levenshtein"
    )
}

/// For replacements, what the batch's real text can grow to.
fn amplified(name: &str, args: &ScalarFunctionArgs, rows: u64) -> Option<u64> {
    if !matches!(name, "replace" | "regexp_replace") {
        return None;
    }
    let text = match args.args.first()? {
        ColumnarValue::Array(array) => array.get_buffer_memory_size() as u64,
        scalar => longest_value(scalar).saturating_mul(rows),
    };
    Some(text.saturating_add(text.saturating_mul(args.args.get(2).map_or(0, longest_value))))
}

fn longest_input(args: &ScalarFunctionArgs) -> u64 {
    args.args.iter().map(longest_value).max().unwrap_or(0)
}

/// Bytes of the longest value of an argument.
fn longest_value(value: &ColumnarValue) -> u64 {
    match value {
        ColumnarValue::Scalar(
            ScalarValue::Utf8(text) | ScalarValue::LargeUtf8(text) | ScalarValue::Utf8View(text),
        ) => text.as_ref().map_or(0, |text| text.len() as u64),
        ColumnarValue::Scalar(scalar) => scalar.size() as u64,
        ColumnarValue::Array(array) => longest_element(array),
    }
}

fn longest_element(array: &ArrayRef) -> u64 {
    use arrow_array::cast::AsArray;
    let longest = match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().iter().flatten().map(str::len).max(),
        DataType::LargeUtf8 => array.as_string::<i64>().iter().flatten().map(str::len).max(),
        DataType::Utf8View => array.as_string_view().iter().flatten().map(str::len).max(),
        DataType::List(_) => longest_list(array.as_list::<i32>()),
        _ => Some(16),
    };
    longest.unwrap_or(0) as u64
}

fn longest_list(array: &ListArray) -> Option<usize> {
    array
        .iter()
        .flatten()
        .map(|item| item.get_buffer_memory_size().min(item.len().max(1) * 1024))
        .max()
}

/// The largest count an argument asks for.
fn largest_count(value: &ColumnarValue) -> u64 {
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Int64Type, UInt64Type};
    let largest = match value {
        ColumnarValue::Scalar(scalar) => match scalar.cast_to(&DataType::Int64) {
            Ok(ScalarValue::Int64(count)) => count,
            // A count beyond 64 bits is as large as can be.
            _ => Some(i64::MAX),
        },
        ColumnarValue::Array(array) => match array.data_type() {
            DataType::Int64 => array.as_primitive::<Int64Type>().iter().flatten().max(),
            DataType::UInt64 => array
                .as_primitive::<UInt64Type>()
                .iter()
                .flatten()
                .max()
                .map(|count| i64::try_from(count).unwrap_or(i64::MAX)),
            _ => Some(i64::from(i32::MAX)),
        },
    };
    largest.unwrap_or(0).max(0) as u64
}

/// The longest series a call of `generate_series(start, stop, step)` asks for.
fn series_length(args: &ScalarFunctionArgs) -> u64 {
    let integer = |i: usize| match args.args.get(i) {
        Some(ColumnarValue::Scalar(scalar)) if scalar.data_type().is_integer() => {
            match scalar.cast_to(&DataType::Int64) {
                Ok(ScalarValue::Int64(value)) => value,
                _ => None,
            }
        }
        _ => None,
    };
    let (start, stop, step) = match args.args.len() {
        1 => (Some(0), integer(0), Some(1)),
        2 => (integer(0), integer(1), Some(1)),
        _ => (integer(0), integer(1), integer(2)),
    };
    match (start, stop, step) {
        (Some(start), Some(stop), Some(step)) if step != 0 => {
            let span = (i128::from(stop) - i128::from(start)).unsigned_abs();
            u64::try_from(span / u128::from(step.unsigned_abs())).unwrap_or(u64::MAX)
        }
        // Dates by days and rows of bounds: bounded by what the engine's calendar can hold.
        _ if args.args.iter().any(|arg| arg.data_type().is_temporal()) => temporal_length(args),
        _ => MAX_BATCH_BYTES,
    }
}

/// A series of dates or instants between scalars, by at least a day.
fn temporal_length(args: &ScalarFunctionArgs) -> u64 {
    let scalars = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
    let days = |i: usize| match args.args.get(i) {
        Some(ColumnarValue::Scalar(scalar)) => match scalar.cast_to(&DataType::Date32) {
            Ok(ScalarValue::Date32(days)) => days.map(i64::from),
            _ => None,
        },
        _ => None,
    };
    let step = match args.args.get(2) {
        Some(ColumnarValue::Scalar(ScalarValue::IntervalMonthDayNano(Some(step)))) => {
            i64::from(step.months) * 28 + i64::from(step.days)
        }
        _ => 1,
    };
    match (scalars, days(0), days(1)) {
        (true, Some(start), Some(stop)) if step != 0 => start.abs_diff(stop) / step.unsigned_abs(),
        _ => MAX_BATCH_BYTES,
    }
}
