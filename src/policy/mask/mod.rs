//! The local meaning of every mask. A mask is a total function: NULL stays NULL, and no stored value
//! can make it fail. A dialect may compute a mask at the source only where it gives these values.

mod number;
mod text;
mod time;

use super::convert::{Literal, to_value};
use crate::model::{ColumnDescription, Mask, Value};
use arrow_array::{Array, ArrayRef, new_null_array};
use arrow_schema::DataType;
use std::fmt;
use std::sync::Arc;

/// What masks need beside the values: the key of the pseudonyms and today's date.
#[derive(Debug, Clone)]
pub struct MaskContext {
    key: Option<Arc<PseudonymKey>>,
    today: i32,
}

impl MaskContext {
    /// A context for values masked on the day `today`, counted from 1970-01-01. Without a key there
    /// are no pseudonyms: masking with one is an error.
    pub fn new(key: Option<PseudonymKey>, today: i32) -> Self {
        Self { key: key.map(Arc::new), today }
    }

    /// The day that ages are reckoned from.
    #[cfg(feature = "ballista")]
    pub fn today(&self) -> i32 {
        self.today
    }

    /// Twelve hexadecimal digits that are others under every other key; none where there is no key. They are for
    /// those who have a key of the deployment, since short keys could be guessed from them.
    #[cfg(feature = "ballista")]
    pub fn epoch(&self) -> Option<String> {
        use hmac::{Hmac, KeyInit, Mac};
        let key = self.key.as_ref()?;
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key.0).ok()?;
        mac.update(b"celosia epoch of pseudonyms");
        let digest = mac.finalize().into_bytes();
        Some(digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect())
    }

    /// The same key on another day.
    #[must_use]
    pub fn on(&self, today: i32) -> Self {
        Self { key: self.key.clone(), today }
    }
}

/// The secret behind the pseudonyms. It is never printed, and overwritten when it is dropped.
pub struct PseudonymKey(Vec<u8>);

impl PseudonymKey {
    /// The shortest key in bytes.
    pub const MIN_BYTES: usize = 16;

    /// A key of at least [`Self::MIN_BYTES`] bytes; `None` where there are fewer.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        (bytes.len() >= Self::MIN_BYTES).then(|| Self(bytes.to_vec()))
    }

    /// A key as it is configured: hexadecimal digits stand for their bytes, other text for itself.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_hex = text.len().is_multiple_of(2) && text.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_hex {
            return Self::from_bytes(text.as_bytes());
        }
        let pairs = (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16));
        let key = Self(pairs.collect::<Result<_, _>>().ok()?);
        (key.0.len() >= Self::MIN_BYTES).then_some(key)
    }
}

impl fmt::Debug for PseudonymKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PseudonymKey([redacted])")
    }
}

impl Drop for PseudonymKey {
    fn drop(&mut self) {
        self.0.fill(0);
        // Keeps the compiler from dropping a write that nobody reads.
        std::hint::black_box(&self.0);
    }
}

/// A mask that cannot be computed. The column must not be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MaskError {
    /// The mask has no meaning for values of this type.
    Unfit {
        /// The mask's name.
        mask: &'static str,
        /// The type.
        data_type: DataType,
    },
    /// A pseudonym without a key.
    NoKey,
}

impl fmt::Display for MaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MaskError::Unfit { mask, data_type } => {
                write!(f, "mask {mask} does not fit values of type {data_type}")
            }
            MaskError::NoKey => f.write_str("there is no key for pseudonyms"),
        }
    }
}

impl std::error::Error for MaskError {}

/// The masked values of `column`, of the type that [`Mask::output_type`] names.
///
/// # Errors
///
/// Where the mask does not fit the type, or has no key. Never because of a value.
pub fn apply(mask: &Mask, column: &ArrayRef, context: &MaskContext) -> Result<ArrayRef, MaskError> {
    let data_type = column.data_type();
    let unfit = || MaskError::Unfit { mask: mask.name(), data_type: data_type.clone() };
    if !fits(mask, data_type) {
        return Err(unfit());
    }
    let masked = match mask {
        // What may be aggregated is read another way; as a value it is never shown.
        Mask::Null | Mask::AggregateOnly { .. } => Some(new_null_array(data_type, column.len())),
        Mask::Redact => text::redact(column),
        Mask::Email => text::email(column),
        Mask::Partial { first, last } => text::partial(column, *first, *last),
        Mask::Pseudonym { domain } => {
            let key = context.key.as_ref().ok_or(MaskError::NoKey)?;
            text::pseudonym(column, &key.0, domain)
        }
        Mask::AgeBand { width } => time::age_band(column, i64::from(*width), context.today),
        Mask::Year => time::truncate(column, time::Part::Year),
        Mask::Month => time::truncate(column, time::Part::Month),
        Mask::Bucket { width } => number::bucket(column, *width),
        Mask::Round { digits } => number::round(column, *digits),
        Mask::Constant(value) => constant(column, value),
    };
    masked.ok_or_else(unfit)
}

/// The mask for `column`, its constants converted to the column's type; `None` where it does not fit.
pub(super) fn fitted(mask: &Mask, column: &ColumnDescription) -> Option<Mask> {
    let mask = match mask {
        Mask::Constant(value) => Mask::Constant(fitted_constant(value, column)?),
        other => other.clone(),
    };
    fits(&mask, &column.data_type).then_some(mask)
}

/// [`Mask::fits`] and sensible parameters.
fn fits(mask: &Mask, data_type: &DataType) -> bool {
    let sensible = match mask {
        Mask::Bucket { width } => number::bucket_unit(data_type, *width).is_some(),
        Mask::Round { digits } => *digits <= 15,
        Mask::AgeBand { width } => (1..=100).contains(width),
        Mask::Pseudonym { domain } => !domain.is_empty() && !domain.contains('\0'),
        Mask::Constant(value) => number::is_in_range(value, data_type),
        _ => true,
    };
    sensible && mask.fits(data_type)
}

fn fitted_constant(value: &Value, column: &ColumnDescription) -> Option<Value> {
    let literal = match value {
        Value::Boolean(value) => Literal::Boolean(*value),
        Value::Integer(value) => Literal::Number(value.to_string()),
        // The shortest text that reads back as the same number: 0.1 stays 0.1.
        Value::Float(value) => Literal::Number(value.to_string()),
        Value::Decimal { unscaled, scale } => {
            Literal::Number(Value::decimal_text(*unscaled, *scale))
        }
        Value::Text(text) => Literal::Text(text.clone()),
        Value::Date(days) => Literal::Date(*days),
        Value::Timestamp(micros) => Literal::Timestamp(*micros),
        Value::TimestampUtc(micros) => Literal::TimestampUtc(*micros),
        Value::Bytes(_) => return None,
    };
    to_value(&literal, column).ok()
}

fn constant(column: &ArrayRef, value: &Value) -> Option<ArrayRef> {
    match value {
        Value::Text(value) => text::constant(column, value),
        Value::Boolean(value) => Some(text::boolean_constant(column, *value)),
        Value::Date(days) => time::date_constant(column, *days),
        Value::Timestamp(micros) | Value::TimestampUtc(micros) => {
            time::timestamp_constant(column, *micros)
        }
        Value::Integer(_) | Value::Decimal { .. } | Value::Float(_) => {
            number::constant(column, value)
        }
        Value::Bytes(_) => None,
    }
}

#[cfg(test)]
mod tests;
