//! The closed list of masks, as data. Their local meaning is in the server's policy module; a
//! dialect may spell a mask as SQL where that gives exactly the same value.

use crate::{OperandClass, Value};
use arrow_schema::{DataType, TimeUnit};

/// How a masked value is shown. NULL stays NULL under every mask.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Mask {
    /// Always NULL.
    Null,
    /// Text becomes `[redacted]`.
    Redact,
    /// Every value becomes this one.
    Constant(Value),
    /// No value is shown; sums, averages and counts over many are. The engine sees to it: a source is
    /// never asked for this mask.
    AggregateOnly {
        /// The fewest rows, or entities, that an aggregate shown stands for; at least 2.
        min_group: u32,
        /// The column of the same table whose distinct values are counted; `None` counts rows.
        entity: Option<String>,
    },
    /// A keyed token of constant length: the same value gives the same token within `domain`.
    Pseudonym {
        /// Values masked in one domain can be joined; in two domains they cannot.
        domain: String,
    },
    /// A birth date becomes the band of the age, such as `40-49`.
    AgeBand {
        /// Width of a band in years, 1 to 100.
        width: u8,
    },
    /// A date or time stamp becomes the first instant of its year.
    Year,
    /// A date or time stamp becomes the first instant of its month.
    Month,
    /// A number becomes the largest multiple of `width` not above it.
    Bucket {
        /// The width, at least 1.
        width: i64,
    },
    /// A number is rounded half away from zero to this many digits left of the point.
    Round {
        /// 0 rounds to whole numbers, 3 to thousands; at most 15.
        digits: u8,
    },
    /// `***@` and the domain; text without an `@` becomes `***`.
    Email,
    /// `****` between the first and the last characters; short text becomes `****` alone.
    Partial {
        /// Characters kept at the start.
        first: u8,
        /// Characters kept at the end.
        last: u8,
    },
}

/// The text that `Redact` shows.
pub const REDACTED: &str = "[redacted]";

impl Mask {
    /// The mask's name in a rule file.
    pub fn name(&self) -> &'static str {
        match self {
            Mask::Null => "null",
            Mask::Redact => "redact",
            Mask::Constant(_) => "constant",
            Mask::AggregateOnly { .. } => "aggregate_only",
            Mask::Pseudonym { .. } => "pseudonym",
            Mask::AgeBand { .. } => "age_band",
            Mask::Year => "year",
            Mask::Month => "month",
            Mask::Bucket { .. } => "bucket",
            Mask::Round { .. } => "round",
            Mask::Email => "email",
            Mask::Partial { first: 0, last: 4 } => "last4",
            Mask::Partial { last: 0, .. } => "first",
            Mask::Partial { .. } => "partial",
        }
    }

    /// How much the mask hides, higher is stronger. The order is: null, redact, constant,
    /// aggregate_only (larger groups first), pseudonym, age_band, year, month, bucket (wider first), round (coarser first), email, partial (fewer
    /// characters kept first).
    pub fn strength(&self) -> (u8, i64) {
        match self {
            Mask::Null => (12, 0),
            Mask::Redact => (11, 0),
            Mask::Constant(_) => (10, 0),
            Mask::AggregateOnly { min_group, .. } => (9, i64::from(*min_group)),
            Mask::Pseudonym { .. } => (8, 0),
            Mask::AgeBand { width } => (7, i64::from(*width)),
            Mask::Year => (6, 0),
            Mask::Month => (5, 0),
            Mask::Bucket { width } => (4, *width),
            Mask::Round { digits } => (3, i64::from(*digits)),
            Mask::Email => (2, 0),
            Mask::Partial { first, last } => (1, -(i64::from(*first) + i64::from(*last))),
        }
    }

    /// Whether values of this type can be masked so.
    pub fn fits(&self, data_type: &DataType) -> bool {
        let text = matches!(data_type, DataType::Utf8);
        let temporal = matches!(data_type, DataType::Date32 | DataType::Timestamp(_, _));
        let number = is_number(data_type);
        match self {
            Mask::Null => true,
            Mask::Redact | Mask::Email | Mask::Partial { .. } => text,
            Mask::Constant(value) => match value {
                Value::Integer(_) => number,
                Value::Decimal { .. } | Value::Float(_) => number && !is_integer(data_type),
                other => other.data_type() == *data_type,
            },
            Mask::AggregateOnly { min_group, .. } => number && *min_group >= 2,
            Mask::Pseudonym { .. } => {
                text || is_integer(data_type) || matches!(data_type, DataType::Date32)
            }
            // Some sources store a day of birth as a time stamp at midnight.
            Mask::AgeBand { .. } => {
                matches!(
                    data_type,
                    DataType::Date32 | DataType::Timestamp(TimeUnit::Microsecond, None)
                )
            }
            Mask::Year | Mask::Month => temporal,
            Mask::Bucket { .. } | Mask::Round { .. } => number,
        }
    }

    /// The type of the masked values.
    pub fn output_type(&self, data_type: &DataType) -> DataType {
        match self {
            Mask::Pseudonym { .. } | Mask::AgeBand { .. } => DataType::Utf8,
            _ => data_type.clone(),
        }
    }

    /// The operand class of the masked values.
    pub fn output_class(&self, class: OperandClass) -> OperandClass {
        match self {
            Mask::Pseudonym { .. } | Mask::AgeBand { .. } => OperandClass::Text,
            // A UUID or padded text that was masked is plain text, compared locally.
            Mask::Redact | Mask::Email | Mask::Partial { .. } if class != OperandClass::Text => {
                OperandClass::Opaque
            }
            _ => class,
        }
    }

    /// Whether the masked value is the same for every row, so that the stored one is never read.
    pub fn hides_value(&self) -> bool {
        matches!(self, Mask::Null | Mask::AggregateOnly { .. })
    }
}

fn is_integer(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Int16 | DataType::Int32 | DataType::Int64)
}

fn is_number(data_type: &DataType) -> bool {
    is_integer(data_type)
        || matches!(
            data_type,
            DataType::Float32
                | DataType::Float64
                | DataType::Decimal128(_, _)
                | DataType::Decimal256(_, _)
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stronger_masks_hide_more() {
        let order = [
            Mask::Null,
            Mask::Redact,
            Mask::Constant(Value::Integer(0)),
            Mask::AggregateOnly { min_group: 20, entity: None },
            Mask::AggregateOnly { min_group: 10, entity: Some("id".into()) },
            Mask::Pseudonym { domain: "person".into() },
            Mask::AgeBand { width: 10 },
            Mask::Year,
            Mask::Month,
            Mask::Bucket { width: 1000 },
            Mask::Bucket { width: 10 },
            Mask::Round { digits: 2 },
            Mask::Email,
            Mask::Partial { first: 0, last: 2 },
            Mask::Partial { first: 0, last: 4 },
        ];
        assert!(order.windows(2).all(|pair| pair[0].strength() > pair[1].strength()));
    }

    #[test]
    fn a_mask_fits_its_types_only() {
        assert!(Mask::Email.fits(&DataType::Utf8));
        assert!(!Mask::Email.fits(&DataType::Int64));
        assert!(Mask::Year.fits(&DataType::Date32));
        assert!(!Mask::Year.fits(&DataType::Utf8));
        assert!(!Mask::Constant(Value::Float(0.5)).fits(&DataType::Int64));
        assert!(Mask::Constant(Value::Integer(0)).fits(&DataType::Decimal128(10, 2)));
    }
}
