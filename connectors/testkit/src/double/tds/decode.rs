//! Parameters: a type and a value as bytes, into a native type name and text.

use super::collation::Collation;
use super::cursor::{Cursor, Malformed, utf16};
use super::{number, temporal};
use std::fmt::Write as _;

/// A parameter's type as the client tells it, and its value as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) native: String,
    pub(super) text: Option<String>,
}

/// How the length of a value is told.
enum Length {
    /// It has this one always.
    Fixed(usize),
    Byte,
    /// Two bytes; all ones is NULL.
    Short,
    /// Four bytes; all ones is NULL.
    Long,
    /// In pieces.
    Pieces,
}

/// What TYPE_INFO tells of a parameter.
struct Type {
    token: u8,
    size: usize,
    precision: u8,
    scale: u8,
    collation: Collation,
    length: Length,
}

/// The most bytes of one value.
const MOST: usize = 16 << 20;

/// Reads TYPE_INFO and a value.
pub(super) fn value(cursor: &mut Cursor<'_>) -> Result<Value, Malformed> {
    let kind = type_info(cursor)?;
    let bytes = bytes(cursor, &kind.length)?;
    let native = native(&kind);
    let text = match bytes {
        // A value without bytes is NULL where the type cannot be empty.
        Some(bytes) if bytes.is_empty() && !may_be_empty(kind.token) => None,
        Some(bytes) => Some(text(&kind, &bytes)?),
        None => None,
    };
    Ok(Value { native, text })
}

fn type_info(cursor: &mut Cursor<'_>) -> Result<Type, Malformed> {
    let token = cursor.u8()?;
    let collation = Collation::default();
    let mut kind = Type { token, size: 0, precision: 0, scale: 0, collation, length: Length::Byte };
    match token {
        0x1f => kind.length = Length::Fixed(0),
        0x30 | 0x32 => kind.length = Length::Fixed(1),
        0x34 => kind.length = Length::Fixed(2),
        0x38 | 0x3a | 0x3b | 0x7a => kind.length = Length::Fixed(4),
        0x3c | 0x3d | 0x3e | 0x7f => kind.length = Length::Fixed(8),
        0x24 | 0x26 | 0x68 | 0x6d | 0x6e | 0x6f => kind.size = cursor.u8()?.into(),
        0x6a | 0x6c => {
            kind.size = cursor.u8()?.into();
            kind.precision = cursor.u8()?;
            kind.scale = cursor.u8()?;
        }
        0x28 => {}
        0x29..=0x2b => kind.scale = cursor.u8()?.min(7),
        0xa5 | 0xad => short(cursor, &mut kind, false)?,
        0xa7 | 0xaf | 0xe7 | 0xef => short(cursor, &mut kind, true)?,
        0x22 | 0x23 | 0x62 | 0x63 => {
            cursor.u32()?;
            if matches!(token, 0x23 | 0x63) {
                kind.collation = Collation::from_bytes(cursor.array()?);
            }
            kind.length = Length::Long;
        }
        0xf1 => {
            if cursor.u8()? != 0 {
                return Err(Malformed("an XML schema"));
            }
            kind.length = Length::Pieces;
        }
        _ => return Err(Malformed("a type that parameters of the double cannot have")),
    }
    if kind.size > 17 && kind.length_is_byte() {
        return Err(Malformed("a type's length"));
    }
    if kind.precision > 38 || kind.scale > 38 {
        return Err(Malformed("a precision beyond 38"));
    }
    Ok(kind)
}

impl Type {
    fn length_is_byte(&self) -> bool {
        matches!(self.length, Length::Byte)
    }
}

fn short(cursor: &mut Cursor<'_>, kind: &mut Type, text: bool) -> Result<(), Malformed> {
    kind.size = cursor.u16()?.into();
    if text {
        kind.collation = Collation::from_bytes(cursor.array()?);
    }
    let pieces = kind.size == usize::from(u16::MAX);
    kind.length = if pieces { Length::Pieces } else { Length::Short };
    Ok(())
}

fn bytes(cursor: &mut Cursor<'_>, length: &Length) -> Result<Option<Vec<u8>>, Malformed> {
    let length = match length {
        Length::Fixed(0) => return Ok(None),
        Length::Fixed(length) => *length,
        Length::Byte => cursor.u8()?.into(),
        Length::Short => match cursor.u16()? {
            u16::MAX => return Ok(None),
            length => length.into(),
        },
        Length::Long => match cursor.u32()? {
            u32::MAX => return Ok(None),
            length => usize::try_from(length).map_err(|_| Malformed("a value's length"))?,
        },
        Length::Pieces => return pieces(cursor),
    };
    Ok(Some(cursor.take(length)?.to_vec()))
}

fn pieces(cursor: &mut Cursor<'_>) -> Result<Option<Vec<u8>>, Malformed> {
    // All ones is NULL, all ones but the last a length that is not known.
    if cursor.u64()? == u64::MAX {
        return Ok(None);
    }
    let mut value = Vec::new();
    loop {
        let piece = cursor.sized()?;
        if piece.is_empty() {
            return Ok(Some(value));
        }
        if value.len() + piece.len() > MOST {
            return Err(Malformed("a value that is too long"));
        }
        value.extend_from_slice(piece);
    }
}

fn may_be_empty(token: u8) -> bool {
    matches!(token, 0x22 | 0x23 | 0x63 | 0xa5 | 0xa7 | 0xad | 0xaf | 0xe7 | 0xef | 0xf1)
}

fn native(kind: &Type) -> String {
    let most = |name: &str, unit: usize| match kind.size {
        65_535 => format!("{name}(max)"),
        size => format!("{name}({})", (size / unit).max(1)),
    };
    match (kind.token, kind.size) {
        (0x1f | 0x38, _) | (0x26, 4) => "int".into(),
        (0x30, _) | (0x26, 1) => "tinyint".into(),
        (0x34, _) | (0x26, 2) => "smallint".into(),
        (0x7f, _) | (0x26, _) => "bigint".into(),
        (0x32 | 0x68, _) => "bit".into(),
        (0x3b, _) | (0x6d, 4) => "real".into(),
        (0x3e | 0x6d, _) => "float".into(),
        (0x7a, _) | (0x6e, 4) => "smallmoney".into(),
        (0x3c | 0x6e, _) => "money".into(),
        (0x3a, _) | (0x6f, 4) => "smalldatetime".into(),
        (0x3d | 0x6f, _) => "datetime".into(),
        (0x6a, _) => format!("decimal({},{})", kind.precision.max(1), kind.scale),
        (0x6c, _) => format!("numeric({},{})", kind.precision.max(1), kind.scale),
        (0x24, _) => "uniqueidentifier".into(),
        (0x28, _) => "date".into(),
        (0x29, _) => format!("time({})", kind.scale),
        (0x2a, _) => format!("datetime2({})", kind.scale),
        (0x2b, _) => format!("datetimeoffset({})", kind.scale),
        (0xa5, _) => most("varbinary", 1),
        (0xad, _) => most("binary", 1),
        (0xa7, _) => most("varchar", 1),
        (0xaf, _) => most("char", 1),
        (0xe7, _) => most("nvarchar", 2),
        (0xef, _) => most("nchar", 2),
        (0x22, _) => "image".into(),
        (0x23, _) => "text".into(),
        (0x63, _) => "ntext".into(),
        (0xf1, _) => "xml".into(),
        _ => "sql_variant".into(),
    }
}

fn text(kind: &Type, bytes: &[u8]) -> Result<String, Malformed> {
    let mut cursor = Cursor::new(bytes);
    let wrong = Malformed("a value that its type does not have");
    let text = match kind.token {
        0x32 | 0x68 => if cursor.u8()? == 0 { "f" } else { "t" }.into(),
        0x26 | 0x30 | 0x34 | 0x38 | 0x7f => match bytes.len() {
            1 => cursor.u8()?.to_string(),
            2 => i16::from_le_bytes(cursor.array()?).to_string(),
            4 => i32::from_le_bytes(cursor.array()?).to_string(),
            _ => i64::from_le_bytes(cursor.array()?).to_string(),
        },
        0x3b | 0x3e | 0x6d => match bytes.len() {
            4 => float(f32::from_le_bytes(cursor.array()?)),
            _ => float(f64::from_le_bytes(cursor.array()?)),
        },
        0x6a | 0x6c => {
            let positive = cursor.u8()? != 0;
            number::text(!positive, unsigned(cursor.rest())?, kind.scale)
        }
        0x3c | 0x6e | 0x7a => money(&mut cursor, bytes.len())?,
        0x24 => guid(cursor.array()?),
        0x28 => temporal::date_text(day(&mut cursor)?).ok_or(wrong)?,
        0x29..=0x2b => time(kind, &mut cursor, bytes.len())?.ok_or(wrong)?,
        0x3a | 0x3d | 0x6f => match bytes.len() {
            4 => temporal::Moment::from_smalldatetime(cursor.u16()?, cursor.u16()?),
            _ => {
                let days = i32::from_le_bytes(cursor.array()?);
                temporal::Moment::from_datetime(days, cursor.u32()?)
            }
        }
        .and_then(temporal::Moment::text)
        .ok_or(wrong)?,
        0xa7 | 0xaf | 0x23 => return Ok(kind.collation.decode(bytes)),
        0xe7 | 0xef | 0x63 => return utf16(bytes),
        0xf1 => return utf16(bytes.strip_prefix(&[0xff, 0xfe]).unwrap_or(bytes)),
        0x62 => return variant(&mut cursor),
        _ => return Ok(hex(bytes)),
    };
    Ok(text)
}

fn money(cursor: &mut Cursor<'_>, length: usize) -> Result<String, Malformed> {
    let value = if length == 4 {
        i64::from(i32::from_le_bytes(cursor.array()?))
    } else {
        let high = i64::from(i32::from_le_bytes(cursor.array()?));
        high << 32 | i64::from(cursor.u32()?)
    };
    Ok(number::text(value < 0, value.unsigned_abs().into(), 4))
}

fn time(kind: &Type, cursor: &mut Cursor<'_>, length: usize) -> Result<Option<String>, Malformed> {
    let behind = match kind.token {
        0x29 => 0,
        0x2a => 3,
        _ => 5,
    };
    let size = length.checked_sub(behind).filter(|size| (3..=5).contains(size));
    let ticks = unsigned(cursor.take(size.ok_or(Malformed("a time's length"))?)?)?;
    let ticks = u64::try_from(ticks).map_err(|_| Malformed("a time's length"))?;
    // Five bytes times 10^7 fit in eight.
    let time = ticks.saturating_mul(temporal::unit(kind.scale));
    if time >= 864_000_000_000 {
        return Ok(None);
    }
    if behind == 0 {
        return Ok(Some(temporal::time_text(time)));
    }
    // The moment is in UTC; the offset says only how it would be shown.
    let text = temporal::Moment { day: day(cursor)?, time }.text();
    Ok(text.map(|text| if behind == 5 { text + "+00" } else { text }))
}

fn day(cursor: &mut Cursor<'_>) -> Result<i64, Malformed> {
    let [a, b, c] = cursor.array()?;
    Ok(i64::from(u32::from_le_bytes([a, b, c, 0])))
}

fn variant(cursor: &mut Cursor<'_>) -> Result<String, Malformed> {
    let (token, properties) = (cursor.u8()?, cursor.u8()?);
    let properties = cursor.take(properties.into())?;
    let mut collation = [0; 5];
    if let Some(bytes) = properties.get(..5) {
        collation.copy_from_slice(bytes);
    }
    let kind = Type {
        token,
        size: 0,
        precision: 0,
        scale: match token {
            0x6a | 0x6c => properties.get(1).copied().unwrap_or(0).min(38),
            _ => properties.first().copied().unwrap_or(0).min(7),
        },
        collation: Collation::from_bytes(collation),
        length: Length::Byte,
    };
    if token == 0x62 {
        return Err(Malformed("a variant in a variant"));
    }
    text(&kind, cursor.rest())
}

fn unsigned(bytes: &[u8]) -> Result<u128, Malformed> {
    let mut value = [0; 16];
    let place = value.get_mut(..bytes.len()).ok_or(Malformed("a number of more than 16 bytes"))?;
    place.copy_from_slice(bytes);
    Ok(u128::from_le_bytes(value))
}

/// The shortest text that reads back as the same number.
fn float(value: impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    match text.as_str() {
        "inf" => "Infinity".into(),
        "-inf" => "-Infinity".into(),
        _ => text.strip_suffix(".0").map_or(text.clone(), String::from),
    }
}

fn guid(mut bytes: [u8; 16]) -> String {
    bytes[..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    let digits = &hex(&bytes)[2..];
    let groups = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| &digits[range]);
    groups.join("-")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("\\x".to_string(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
