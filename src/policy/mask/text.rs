//! Masks of text, and the masks that give text.

use super::time;
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Int16Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, StringArray};
use arrow_buffer::BooleanBuffer;
use arrow_schema::DataType;
use celosia_connector_api::mask::REDACTED;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::sync::Arc;

/// What stands for the hidden part of a text.
const HIDDEN: &str = "****";
/// What stands for the name in a mail address.
const HIDDEN_NAME: &str = "***";
/// Characters of a pseudonym after `p_`, five bits each: 100 bits.
const TOKEN_CHARACTERS: usize = 20;

pub(super) fn redact(column: &ArrayRef) -> Option<ArrayRef> {
    constant(column, REDACTED)
}

pub(super) fn constant(column: &ArrayRef, value: &str) -> Option<ArrayRef> {
    map(column, |_, masked| masked.push_str(value))
}

/// Everything after the first `@` is kept. A text with NUL, which not every source can hold, has no
/// domain.
pub(super) fn email(column: &ArrayRef) -> Option<ArrayRef> {
    map(column, |text, masked| {
        masked.push_str(HIDDEN_NAME);
        if let Some(at) = text.find('@').filter(|_| !text.contains('\0')) {
            masked.push_str(&text[at..]);
        }
    })
}

/// Characters at both ends are kept where at least as many others are hidden.
pub(super) fn partial(column: &ArrayRef, first: u8, last: u8) -> Option<ArrayRef> {
    let (first, last) = (usize::from(first), usize::from(last));
    map(column, |text, masked| {
        let count = text.chars().count();
        let kept = count >= 2 * (first + last) && !text.contains('\0');
        if kept {
            masked.extend(text.chars().take(first));
        }
        masked.push_str(HIDDEN);
        if kept {
            masked.extend(text.chars().skip(count - last));
        }
    })
}

/// `p_` and a keyed hash of the domain and the value's canonical text: a whole number in decimal, a
/// date as `YYYY-MM-DD`, text as it is. The width of an integer column makes no difference.
pub(super) fn pseudonym(column: &ArrayRef, key: &[u8], domain: &str) -> Option<ArrayRef> {
    let mut keyed = Hmac::<Sha256>::new_from_slice(key).ok()?;
    keyed.update(domain.as_bytes());
    keyed.update(&[0]);
    let token = |canonical: &str| {
        let mut mac = keyed.clone();
        mac.update(canonical.as_bytes());
        base32(&mac.finalize().into_bytes())
    };
    let masked: StringArray = match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().iter().map(|v| v.map(token)).collect(),
        DataType::Int16 => column
            .as_primitive::<Int16Type>()
            .iter()
            .map(|v| Some(token(&v?.to_string())))
            .collect(),
        DataType::Int32 => column
            .as_primitive::<Int32Type>()
            .iter()
            .map(|v| Some(token(&v?.to_string())))
            .collect(),
        DataType::Int64 => column
            .as_primitive::<Int64Type>()
            .iter()
            .map(|v| Some(token(&v?.to_string())))
            .collect(),
        DataType::Date32 => column
            .as_primitive::<Date32Type>()
            .iter()
            .map(|days| Some(token(&time::date_text(days?))))
            .collect(),
        _ => return None,
    };
    Some(Arc::new(masked))
}

pub(super) fn boolean_constant(column: &ArrayRef, value: bool) -> ArrayRef {
    let values = BooleanBuffer::collect_bool(column.len(), |_| value);
    Arc::new(BooleanArray::new(values, column.logical_nulls()))
}

fn base32(digest: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let bit = |i: usize| digest.get(i / 8).map_or(0, |byte| byte >> (7 - i % 8) & 1);
    let mut token = String::with_capacity(2 + TOKEN_CHARACTERS);
    token.push_str("p_");
    for i in 0..TOKEN_CHARACTERS {
        let index = (5 * i..5 * i + 5).fold(0, |index, at| index << 1 | bit(at));
        token.push(char::from(ALPHABET[usize::from(index)]));
    }
    token
}

/// Writes the masked form of every text that is not NULL.
fn map(column: &ArrayRef, mask: impl Fn(&str, &mut String)) -> Option<ArrayRef> {
    let texts = column.as_string_opt::<i32>()?;
    let mut masked =
        arrow_array::builder::StringBuilder::with_capacity(texts.len(), texts.len() * 8);
    let mut scratch = String::new();
    for text in texts {
        match text {
            Some(text) => {
                scratch.clear();
                mask(text, &mut scratch);
                masked.append_value(&scratch);
            }
            None => masked.append_null(),
        }
    }
    Some(Arc::new(masked.finish()))
}
