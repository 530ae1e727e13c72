//! Bound values as a client sends them, turned into text with a type's name.

use super::lob::Lobs;
use super::number;
use super::time::{days_text, moment_text, months_text};
use super::types::{Kind, Type};
use super::wire::{Malformed, Reader};
use crate::double::engine::Bind;

/// The type a client declares for a bind or for a column it fetches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Declared {
    /// The type.
    pub(super) declared: Type,
    /// Bytes a value may have.
    pub(super) bytes: u32,
}

impl Declared {
    pub(super) fn read(reader: &mut Reader<'_>, fields: u8) -> Result<Self, Malformed> {
        let number = reader.u8()?;
        reader.raw(3)?;
        let bytes = reader.ub4()?;
        reader.ub()?; // elements of an array
        reader.ub()?; // flags
        if reader.ub()? > 0 {
            reader.bytes()?; // the object type
        }
        reader.ub()?;
        reader.ub()?; // character set
        let form = reader.u8()?;
        reader.ub()?; // prefetched bytes of a LOB
        if fields >= 8 {
            reader.ub()?;
        }
        let kind = Kind::of(number, form).ok_or(Malformed::Wrong("a type"))?;
        let size = match kind {
            Kind::Nvarchar | Kind::Nchar => bytes / 2,
            _ => bytes,
        };
        Ok(Self { declared: Type { kind, size, precision: 0, scale: 0 }, bytes })
    }
}

/// A value that is not yet text: a locator needs the session's LOBs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// NULL.
    Null,
    /// Text.
    Text(String),
    /// A locator.
    Lob(Vec<u8>),
}

impl Value {
    pub(super) fn read(reader: &mut Reader<'_>, kind: Kind) -> Result<Self, Malformed> {
        if matches!(kind, Kind::Clob | Kind::Nclob | Kind::Blob) {
            if reader.ub()? == 0 {
                return Ok(Value::Null);
            }
            return Ok(reader.bytes()?.map_or(Value::Null, Value::Lob));
        }
        if kind == Kind::Json || kind == Kind::Vector {
            return Err(Malformed::Wrong("a bind of JSON or VECTOR"));
        }
        let Some(bytes) = reader.bytes()? else { return Ok(Value::Null) };
        text(kind, &bytes).map(Value::Text).ok_or(Malformed::Wrong("a bound value"))
    }

    /// The bind an engine takes.
    pub(super) fn bind(self, declared: Type, lobs: &Lobs) -> Bind {
        let value = match self {
            Value::Null => None,
            Value::Text(text) => Some(text),
            Value::Lob(locator) => lobs.text(&locator),
        };
        Bind { name: None, native: declared.native(), value }
    }
}

/// `\x00ff` of bytes.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2 + 2);
    text.push_str("\\x");
    for byte in bytes {
        let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

/// Big-endian UTF-16 as text.
pub(super) fn from_utf16(bytes: &[u8]) -> Option<String> {
    if bytes.len() % 2 == 1 {
        return None;
    }
    let units = bytes.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    char::decode_utf16(units).collect::<Result<_, _>>().ok()
}

fn text(kind: Kind, bytes: &[u8]) -> Option<String> {
    match kind {
        kind if kind.is_national() => from_utf16(bytes),
        kind if kind.is_text() => String::from_utf8(bytes.to_vec()).ok(),
        Kind::Rowid | Kind::Urowid => String::from_utf8(bytes.to_vec()).ok(),
        Kind::Number => number::decode(bytes),
        Kind::Date | Kind::Timestamp | Kind::TimestampTz | Kind::TimestampLtz => moment_text(bytes),
        Kind::IntervalYm => months_text(bytes),
        Kind::IntervalDs => days_text(bytes),
        Kind::BinaryDouble => {
            let mut raw = *bytes.first_chunk::<8>()?;
            disorder(&mut raw);
            Some(float_text(f64::from_be_bytes(raw)))
        }
        Kind::BinaryFloat => {
            let mut raw = *bytes.first_chunk::<4>()?;
            disorder(&mut raw);
            let value = f32::from_be_bytes(raw);
            Some(if value.is_infinite() { float_text(value.into()) } else { value.to_string() })
        }
        Kind::Boolean => Some(if bytes.last() == Some(&1) { "t" } else { "f" }.to_string()),
        _ => Some(hex(bytes)),
    }
}

fn float_text(value: f64) -> String {
    match value {
        f64::INFINITY => "Infinity".into(),
        f64::NEG_INFINITY => "-Infinity".into(),
        value => value.to_string(),
    }
}

/// Undoes what makes the bytes of a floating-point number sort like it.
fn disorder(bytes: &mut [u8]) {
    if bytes[0] & 0x80 == 0 {
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
    } else {
        bytes[0] &= 0x7f;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::double::tns::encode::plain;

    #[test]
    fn values_come_back() {
        for (kind, value) in [
            (Kind::Varchar, "zażółć 東京"),
            (Kind::Nvarchar, "zażółć 東京 😀"),
            (Kind::Number, "-12345678901234567890.5"),
            (Kind::Date, "2024-01-02 03:04:05"),
            (Kind::Timestamp, "2024-01-02 03:04:05.678901234"),
            (Kind::TimestampTz, "2024-01-02 03:04:05.5+00"),
            (Kind::BinaryDouble, "-1.5"),
            (Kind::BinaryDouble, "NaN"),
            (Kind::BinaryDouble, "-Infinity"),
            (Kind::BinaryFloat, "0.1"),
            (Kind::Raw, "\\x00ff10"),
            (Kind::Boolean, "t"),
            (Kind::Boolean, "f"),
        ] {
            let bytes = plain(kind, value).unwrap();
            assert_eq!(text(kind, &bytes).as_deref(), Some(value), "{kind:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_value_are_none() {
        assert_eq!(text(Kind::Varchar, &[0xff]), None);
        assert_eq!(text(Kind::Nvarchar, &[0xd8, 0]), None);
        assert_eq!(text(Kind::Nvarchar, &[1]), None);
        assert_eq!(text(Kind::BinaryDouble, &[1, 2]), None);
        assert_eq!(text(Kind::Date, &[1, 2, 3]), None);
        assert_eq!(text(Kind::IntervalDs, &[0; 10]), None);
    }
}
