//! Masks that fit a column, as rules spell them, and other values that they show alike.

use super::kinds::{Declared, Holds, Letters};
use super::values::value;
use crate::support::load::Store;
use crate::support::rng::Rng;
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array,
    Int64Array, StringArray, Time64MicrosecondArray, TimestampMicrosecondArray,
};
use celosia::policy::{MaskContext, mask};
use celosia_connector_api::{Mask, Value};
use std::sync::Arc;

/// Groups that no table of a test reaches.
pub const NEVER: u32 = 100_000;

/// A mask that fits; `key` may tell entities apart.
pub fn generate(declared: &Declared, key: Option<&str>, rng: &mut Rng) -> Mask {
    let wide = |rng: &mut Rng| [10, 1_000, 7][rng.below(3)];
    let pseudonym = || Mask::Pseudonym { domain: "all".into() };
    let choice = rng.below(8);
    match (declared.holds, choice) {
        (_, 0) | (Holds::Bytes(_) | Holds::Clock, _) => Mask::Null,
        (Holds::Text(..) | Holds::Uuid, 1) => Mask::Redact,
        (Holds::Text(..) | Holds::Uuid, 2) => Mask::Email,
        (Holds::Text(..) | Holds::Uuid, 3) => Mask::Partial { first: 0, last: 4 },
        (Holds::Text(..) | Holds::Uuid, 4) => Mask::Partial { first: 1, last: 1 },
        (Holds::Text(..), 5) => Mask::Constant(Value::Text("x".into())),
        (Holds::Text(..) | Holds::Uuid, _) => pseudonym(),
        (Holds::Whole(..), 1) => pseudonym(),
        (Holds::Whole(..) | Holds::Decimal(0..=20, _), 2 | 3) => Mask::AggregateOnly {
            min_group: if rng.chance(50) { NEVER } else { 3 },
            entity: key.filter(|_| rng.chance(70)).map(String::from),
        },
        (Holds::Whole(..) | Holds::Decimal(..) | Holds::Double | Holds::Single, 4 | 5) => {
            Mask::Bucket { width: wide(rng) }
        }
        (Holds::Whole(..), 6) => Mask::Constant(Value::Integer(1)),
        (Holds::Whole(..) | Holds::Decimal(..) | Holds::Double | Holds::Single, _) => {
            Mask::Round { digits: rng.below(4) as u8 }
        }
        (Holds::Boolean, _) => Mask::Constant(Value::Boolean(true)),
        (Holds::Date(..), 1) => pseudonym(),
        (Holds::Date(..) | Holds::Moment(..), 2) => Mask::AgeBand { width: 10 },
        (Holds::Date(..) | Holds::Moment(..) | Holds::Instant(..), 3..=5) => Mask::Year,
        (Holds::Date(..) | Holds::Moment(..) | Holds::Instant(..), _) => Mask::Month,
    }
}

/// The mask as a rule spells it.
pub fn spelled(mask: &Mask) -> String {
    match mask {
        Mask::Constant(Value::Text(text)) => format!("{{ constant: {text} }}"),
        Mask::Constant(Value::Integer(value)) => format!("{{ constant: {value} }}"),
        Mask::Constant(Value::Boolean(value)) => format!("{{ constant: {value} }}"),
        Mask::AggregateOnly { min_group, entity: None } => {
            format!("{{ aggregate_only: {{ min_group: {min_group} }} }}")
        }
        Mask::AggregateOnly { min_group, entity: Some(entity) } => {
            let entity = serde_json::Value::from(entity.as_str());
            format!("{{ aggregate_only: {{ min_group: {min_group}, entity: {entity} }} }}")
        }
        Mask::Pseudonym { domain } => format!("{{ pseudonym: {{ domain: {domain} }} }}"),
        Mask::AgeBand { width } => format!("{{ age_band: {width} }}"),
        Mask::Bucket { width } => format!("{{ bucket: {width} }}"),
        Mask::Round { digits } => format!("{{ round: {digits} }}"),
        Mask::Partial { first, last } => {
            format!("{{ partial: {{ first: {first}, last: {last} }} }}")
        }
        mask => mask.name().to_string(),
    }
}

/// What a cell shows under a mask, as a text that is the same where what is shown is.
pub fn shown(mask: Option<&Mask>, declared: &Declared, cell: &Value) -> String {
    match mask {
        None => format!("{cell:?}"),
        // Totals of large groups are shown.
        Some(Mask::AggregateOnly { min_group, .. }) if *min_group < NEVER => format!("{cell:?}"),
        Some(Mask::AggregateOnly { .. } | Mask::Null) => String::new(),
        Some(mask) => {
            let array = array(declared, cell);
            // What is shown may change over midnight, but not in one world alone.
            let days = [today(), today() + 1].map(|day| {
                let key = crate::support::policy::key();
                let masked = mask::apply(mask, &array, &MaskContext::new(key, day));
                format!("{:?}", masked.expect("the mask fits"))
            });
            days.join(" ")
        }
    }
}

/// Another value of the column that the mask may show alike.
pub fn near(mask: &Mask, declared: &Declared, cell: &Value, store: Store, rng: &mut Rng) -> Value {
    const DAY: i64 = 86_400_000_000;
    let few = rng.below(40) as i64 - 20;
    match (mask, cell) {
        (Mask::Email, Value::Text(text)) => match text.find('@') {
            Some(at) => Value::Text(format!("other{}", &text[at..])),
            None => value(declared.holds, store, rng),
        },
        // A letter amid a document would make it none.
        (Mask::Partial { .. }, _) if matches!(declared.holds, Holds::Text(_, Letters::Json)) => {
            value(declared.holds, store, rng)
        }
        (Mask::Partial { .. }, Value::Text(text)) if text.chars().count() > 4 => {
            let mut letters: Vec<char> = text.chars().collect();
            let middle = letters.len() / 2;
            match declared.holds {
                // A hexadecimal digit; there is a hyphen in the middle.
                Holds::Uuid => letters[middle + 1] = ['a', 'b', '9'][rng.below(3)],
                _ => letters[middle] = ['q', 'Q', '9'][rng.below(3)],
            }
            Value::Text(letters.into_iter().collect())
        }
        (Mask::Bucket { .. } | Mask::Round { .. }, Value::Integer(number)) => {
            let Holds::Whole(least, most) = declared.holds else { return cell.clone() };
            Value::Integer(number.saturating_add(few).clamp(least, most))
        }
        (Mask::Bucket { .. } | Mask::Round { .. }, Value::Decimal { unscaled, scale }) => {
            let Holds::Decimal(digits, _) = declared.holds else { return cell.clone() };
            let most = 10_i128.pow(digits.into()) - 1;
            let unscaled = (unscaled + i128::from(few)).clamp(-most, most);
            Value::Decimal { unscaled, scale: *scale }
        }
        (Mask::Bucket { .. } | Mask::Round { .. }, Value::Float(number)) if number.abs() < 1e6 => {
            Value::Float(number + few as f64 / 8.0)
        }
        (_, Value::Date(days)) => match declared.holds {
            Holds::Date(first, last) => Value::Date((days + few as i32).clamp(first, last)),
            _ => cell.clone(),
        },
        (_, Value::Timestamp(micros)) => match declared.holds {
            Holds::Moment(first, last, _) => {
                let (first, last) = (i64::from(first) * DAY, i64::from(last) * DAY);
                Value::Timestamp((micros + few * DAY).clamp(first, last))
            }
            _ => cell.clone(),
        },
        _ => value(declared.holds, store, rng),
    }
}

fn today() -> i32 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    (since.expect("after 1970").as_secs() / 86_400) as i32
}

/// One cell as the masks take it.
fn array(declared: &Declared, cell: &Value) -> ArrayRef {
    let plain: ArrayRef = match cell {
        Value::Boolean(value) => Arc::new(BooleanArray::from(vec![*value])),
        Value::Integer(value) if declared.holds == Holds::Clock => {
            Arc::new(Time64MicrosecondArray::from(vec![*value]))
        }
        Value::Integer(value) => Arc::new(Int64Array::from(vec![*value])),
        Value::Decimal { unscaled, .. } => {
            let array = Decimal128Array::from(vec![*unscaled]);
            Arc::new(array.with_data_type(declared.data_type()))
        }
        Value::Float(value) if declared.holds == Holds::Single => {
            Arc::new(Float32Array::from(vec![*value as f32]))
        }
        Value::Float(value) => Arc::new(Float64Array::from(vec![*value])),
        Value::Text(text) => Arc::new(StringArray::from(vec![text.as_str()])),
        Value::Bytes(bytes) => Arc::new(BinaryArray::from(vec![bytes.as_slice()])),
        Value::Date(days) => Arc::new(Date32Array::from(vec![*days])),
        Value::Timestamp(micros) => Arc::new(TimestampMicrosecondArray::from(vec![*micros])),
        Value::TimestampUtc(micros) => {
            Arc::new(TimestampMicrosecondArray::from(vec![*micros]).with_timezone("+00:00"))
        }
    };
    plain
}
