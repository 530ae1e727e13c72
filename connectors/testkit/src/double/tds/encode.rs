//! Rows: values as text into the bytes of their columns' types.

use super::collation::Collation;
use super::tokens::put_short_text;
use super::types::{Kind, decimal_size};
use super::{number, temporal};
use crate::double::engine::{EngineError, ResultColumn, Row};

/// A column of a result, ready to encode.
#[derive(Debug)]
pub(super) struct Column {
    name: String,
    kind: Kind,
    nullable: bool,
    collation: Collation,
}

/// What a column's bytes cannot hold.
enum Unfit {
    /// The text is no value of the type.
    Type,
    /// The value is too long.
    Length,
}

impl Column {
    /// The column as its client sees it; `utf8` where the client takes UTF-8.
    ///
    /// # Errors
    /// The engine names a type that does not exist.
    pub(super) fn new(column: &ResultColumn, utf8: bool) -> Result<Self, EngineError> {
        let kind = Kind::parse(&column.native).ok_or_else(|| {
            EngineError::new(243, format!("Type {} is not a defined system type.", column.native))
        })?;
        let collation = column.collation.as_deref().map(Collation::named).unwrap_or_default();
        let kind = if collation.is_utf8() && !utf8 { kind.in_utf16() } else { kind };
        Ok(Self { name: column.name.clone(), kind, nullable: column.nullable, collation })
    }

    /// Writes the column's entry of COLMETADATA.
    pub(super) fn put_metadata(&self, out: &mut Vec<u8>) {
        out.extend(self.kind.user_type().to_le_bytes());
        let case_sensitive = if self.collation.is_case_sensitive() { 2 } else { 0 };
        // Whether it can be updated is not known.
        let flags: u16 = 8 | case_sensitive | u16::from(self.nullable);
        out.extend(flags.to_le_bytes());
        self.kind.put(self.nullable, self.collation, out);
        if matches!(self.kind, Kind::Text | Kind::NText | Kind::Image) {
            // The table's name, of no parts.
            out.push(0);
        }
        put_short_text(out, &self.name);
    }
}

/// Writes one row: ROW, or NBCROW where most values are NULL.
///
/// # Errors
/// A value is none of its column's type. What was written of the row is taken back.
pub(super) fn put_row(out: &mut Vec<u8>, columns: &[Column], row: &Row) -> Result<(), EngineError> {
    let start = out.len();
    put_values(out, columns, row).inspect_err(|_| out.truncate(start))
}

fn put_values(out: &mut Vec<u8>, columns: &[Column], row: &Row) -> Result<(), EngineError> {
    if row.len() != columns.len() {
        let message = format!("A row of {} values for {} columns.", row.len(), columns.len());
        return Err(EngineError::new(8114, message));
    }
    let nulls = row.iter().filter(|value| value.is_none()).count();
    let compressed = nulls > columns.len().div_ceil(8);
    if compressed {
        out.push(0xd2);
        for part in row.chunks(8) {
            let bits = part.iter().enumerate().filter(|(_, value)| value.is_none());
            out.push(bits.fold(0, |byte, (bit, _)| byte | (1 << bit)));
        }
    } else {
        out.push(0xd1);
    }
    for (column, value) in columns.iter().zip(row) {
        match value {
            Some(value) => put_value(out, column, value)?,
            None if column.kind.fixed(column.nullable) => return Err(null_in_fixed(column)),
            None if compressed => {}
            None => put_null(out, &column.kind),
        }
    }
    Ok(())
}

fn null_in_fixed(column: &Column) -> EngineError {
    EngineError::new(515, format!("NULL in column '{}', which was said to have none.", column.name))
}

fn put_null(out: &mut Vec<u8>, kind: &Kind) {
    match kind {
        kind if kind.in_pieces() => out.extend([0xff; 8]),
        Kind::Char(_)
        | Kind::VarChar(_)
        | Kind::NChar(_)
        | Kind::NVarChar(_)
        | Kind::Binary(_)
        | Kind::VarBinary(_)
        | Kind::RowVersion => out.extend([0xff; 2]),
        Kind::Variant => out.extend([0; 4]),
        _ => out.push(0),
    }
}

fn put_value(out: &mut Vec<u8>, column: &Column, text: &str) -> Result<(), EngineError> {
    if column.kind.fixed(column.nullable) {
        // The value of a fixed type is that of the nullable one without its length.
        let start = out.len();
        encode(out, column, text).map_err(|unfit| refused(column, text, &unfit))?;
        out.remove(start);
        return Ok(());
    }
    encode(out, column, text).map_err(|unfit| refused(column, text, &unfit))
}

fn refused(column: &Column, text: &str, unfit: &Unfit) -> EngineError {
    let name = &column.name;
    let beginning: String = text.chars().take(60).collect();
    match unfit {
        Unfit::Type => EngineError::new(
            8114,
            format!("Error converting '{beginning}' to {:?} for column '{name}'.", column.kind),
        ),
        Unfit::Length => EngineError::new(
            2628,
            format!(
                "String or binary data would be truncated in column '{name}'. Truncated value: '{beginning}'."
            ),
        ),
    }
}

fn encode(out: &mut Vec<u8>, column: &Column, text: &str) -> Result<(), Unfit> {
    match &column.kind {
        Kind::Bit => {
            let bit = match text {
                "t" | "true" | "1" => 1,
                "f" | "false" | "0" => 0,
                _ => return Err(Unfit::Type),
            };
            out.extend([1, bit]);
        }
        Kind::TinyInt => put_number(out, parsed::<u8>(text)?.to_le_bytes()),
        Kind::SmallInt => put_number(out, parsed::<i16>(text)?.to_le_bytes()),
        Kind::Int => put_number(out, parsed::<i32>(text)?.to_le_bytes()),
        Kind::BigInt => put_number(out, parsed::<i64>(text)?.to_le_bytes()),
        Kind::Real => {
            #[expect(clippy::cast_possible_truncation, reason = "a real is what was asked for")]
            let value = fit(number::float(text))? as f32;
            put_number(out, value.to_le_bytes());
        }
        Kind::Float => put_number(out, fit(number::float(text))?.to_le_bytes()),
        Kind::Decimal { precision, scale, .. } => put_decimal(out, text, *precision, *scale)?,
        Kind::Money => {
            let bytes = money(text)?.to_le_bytes();
            out.push(8);
            out.extend_from_slice(&bytes[4..]);
            out.extend_from_slice(&bytes[..4]);
        }
        Kind::SmallMoney => {
            put_number(out, i32::try_from(money(text)?).map_err(|_| Unfit::Type)?.to_le_bytes());
        }
        Kind::UniqueIdentifier => put_number(out, fit(guid(text))?),
        Kind::Variant => put_variant(out, text)?,
        Kind::Date | Kind::Time(_) | Kind::DateTime | Kind::SmallDateTime => {
            put_plain_time(out, &column.kind, text)?;
        }
        Kind::DateTime2(_) | Kind::DateTimeOffset(_) => put_time(out, &column.kind, text)?,
        _ => return put_bytes(out, column, text),
    }
    Ok(())
}

fn put_number<const N: usize>(out: &mut Vec<u8>, bytes: [u8; N]) {
    out.push(u8::try_from(N).unwrap_or(u8::MAX));
    out.extend_from_slice(&bytes);
}

fn put_decimal(out: &mut Vec<u8>, text: &str, precision: u8, scale: u8) -> Result<(), Unfit> {
    let (negative, value) = fit(number::scaled(text, precision, scale))?;
    let size = decimal_size(precision);
    out.extend_from_slice(&[size, u8::from(!negative)]);
    out.extend_from_slice(&value.to_le_bytes()[..usize::from(size) - 1]);
    Ok(())
}

fn money(text: &str) -> Result<i64, Unfit> {
    let (negative, value) = fit(number::scaled(text, 19, 4))?;
    let value = i128::try_from(value).map_err(|_| Unfit::Type)?;
    i64::try_from(if negative { -value } else { value }).map_err(|_| Unfit::Type)
}

fn put_plain_time(out: &mut Vec<u8>, kind: &Kind, text: &str) -> Result<(), Unfit> {
    match kind {
        Kind::Date => {
            // A timestamp's date counts too.
            let day =
                fit(temporal::date(text.split_once([' ', 'T']).map_or(text, |(day, _)| day)))?;
            out.push(3);
            put_day(out, day);
        }
        Kind::Time(scale) => {
            let unit = temporal::unit(*scale);
            let time = (fit(temporal::time(text))? + unit / 2) / unit;
            // A time does not go over midnight.
            let time = time.min(864_000_000_000 / unit - 1);
            let size = temporal::time_size(*scale);
            out.push(u8::try_from(size).unwrap_or(5));
            out.extend_from_slice(&time.to_le_bytes()[..size]);
        }
        Kind::DateTime => {
            let (days, ticks) = fit(fit(temporal::moment(text))?.as_datetime())?;
            out.push(8);
            out.extend(days.to_le_bytes());
            out.extend(ticks.to_le_bytes());
        }
        _ => {
            let (days, minutes) = fit(fit(temporal::moment(text))?.as_smalldatetime())?;
            out.push(4);
            out.extend(days.to_le_bytes());
            out.extend(minutes.to_le_bytes());
        }
    }
    Ok(())
}

fn put_time(out: &mut Vec<u8>, kind: &Kind, text: &str) -> Result<(), Unfit> {
    let (moment, scale, offset) = match kind {
        Kind::DateTimeOffset(scale) => {
            let (moment, offset) = fit(temporal::zoned(text))?;
            (moment, *scale, Some(offset))
        }
        Kind::DateTime2(scale) => (fit(temporal::moment(text))?, *scale, None),
        _ => return Err(Unfit::Type),
    };
    let moment = fit(moment.rounded(scale))?;
    let size = temporal::time_size(scale);
    let whole = size + 3 + if offset.is_some() { 2 } else { 0 };
    out.push(u8::try_from(whole).unwrap_or(10));
    out.extend_from_slice(&(moment.time / temporal::unit(scale)).to_le_bytes()[..size]);
    put_day(out, moment.day);
    if let Some(offset) = offset {
        out.extend(offset.to_le_bytes());
    }
    Ok(())
}

fn put_day(out: &mut Vec<u8>, day: i64) {
    out.extend_from_slice(&day.to_le_bytes()[..3]);
}

/// Text and binary values, behind a length that is known only when they are written.
fn put_bytes(out: &mut Vec<u8>, column: &Column, text: &str) -> Result<(), Unfit> {
    let collation = column.collation;
    match column.kind {
        Kind::Char(length) => put_sized(out, length, Some(b" "), |out| {
            collation.encode(text, out);
            Ok(())
        }),
        Kind::VarChar(Some(length)) => put_sized(out, length, None, |out| {
            collation.encode(text, out);
            Ok(())
        }),
        Kind::NChar(length) => put_sized(out, length.saturating_mul(2), Some(b" \0"), |out| {
            put_utf16(out, text);
            Ok(())
        }),
        Kind::NVarChar(Some(length)) => put_sized(out, length.saturating_mul(2), None, |out| {
            put_utf16(out, text);
            Ok(())
        }),
        Kind::Binary(length) => put_sized(out, length, Some(b"\0"), |out| put_hex(out, text)),
        Kind::VarBinary(Some(length)) => put_sized(out, length, None, |out| put_hex(out, text)),
        Kind::RowVersion => put_sized(out, 8, Some(b"\0"), |out| put_hex(out, text)),
        Kind::Text => put_with_pointer(out, |out| {
            collation.encode(text, out);
            Ok(())
        }),
        Kind::NText => put_with_pointer(out, |out| {
            put_utf16(out, text);
            Ok(())
        }),
        Kind::Image => put_with_pointer(out, |out| put_hex(out, text)),
        _ => {
            let mut value = Vec::with_capacity(text.len() * 2);
            match column.kind {
                Kind::VarChar(_) => collation.encode(text, &mut value),
                Kind::VarBinary(_) | Kind::Udt(_) => put_hex(&mut value, text)?,
                _ => put_utf16(&mut value, text),
            }
            put_pieces(out, &value);
            Ok(())
        }
    }
}

/// A value behind its length in two bytes, filled up where the type has a fixed length.
fn put_sized(
    out: &mut Vec<u8>,
    most: u16,
    fill: Option<&[u8]>,
    body: impl FnOnce(&mut Vec<u8>) -> Result<(), Unfit>,
) -> Result<(), Unfit> {
    let start = out.len();
    out.extend([0, 0]);
    body(out)?;
    let end = start + 2 + usize::from(most);
    if out.len() > end {
        return Err(Unfit::Length);
    }
    if let Some(fill) = fill {
        let missing = (end - out.len()) / fill.len();
        for _ in 0..missing {
            out.extend_from_slice(fill);
        }
    }
    let length = u16::try_from(out.len() - start - 2).map_err(|_| Unfit::Length)?;
    out[start..start + 2].copy_from_slice(&length.to_le_bytes());
    Ok(())
}

/// A value of the old large types: behind a pointer and a timestamp that mean nothing.
fn put_with_pointer(
    out: &mut Vec<u8>,
    body: impl FnOnce(&mut Vec<u8>) -> Result<(), Unfit>,
) -> Result<(), Unfit> {
    out.push(16);
    out.extend(b"double text ptr.timestmp");
    let start = out.len();
    out.extend([0; 4]);
    body(out)?;
    let length = u32::try_from(out.len() - start - 4).map_err(|_| Unfit::Length)?;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    Ok(())
}

/// A value whose length the type does not bound, in pieces as a server sends them.
fn put_pieces(out: &mut Vec<u8>, value: &[u8]) {
    out.extend(u64::try_from(value.len()).unwrap_or(u64::MAX).to_le_bytes());
    for piece in value.chunks(8000) {
        out.extend(u32::try_from(piece.len()).unwrap_or(0).to_le_bytes());
        out.extend_from_slice(piece);
    }
    out.extend([0; 4]);
}

/// A variant that holds `nvarchar`.
fn put_variant(out: &mut Vec<u8>, text: &str) -> Result<(), Unfit> {
    let mut value = vec![0xe7, 7];
    value.extend(Collation::default().bytes());
    value.extend(8000_u16.to_le_bytes());
    put_utf16(&mut value, text);
    if value.len() > 8009 {
        return Err(Unfit::Length);
    }
    out.extend(u32::try_from(value.len()).unwrap_or(0).to_le_bytes());
    out.append(&mut value);
    Ok(())
}

fn put_utf16(out: &mut Vec<u8>, text: &str) {
    if text.is_ascii() {
        out.extend(text.bytes().flat_map(|byte| [byte, 0]));
    } else {
        out.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    }
}

/// Bytes spelled `\x00ff`.
fn put_hex(out: &mut Vec<u8>, text: &str) -> Result<(), Unfit> {
    let digits = fit(text.strip_prefix("\\x").or_else(|| text.strip_prefix("0x")))?;
    let pairs = digits.as_bytes().chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return Err(Unfit::Type);
    }
    for pair in pairs {
        out.push(fit(hex(pair[0]))? << 4 | fit(hex(pair[1]))?);
    }
    Ok(())
}

/// A GUID's bytes: its first three groups are little-endian.
fn guid(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    let mut digits = text.bytes().filter(|byte| *byte != b'-');
    for byte in &mut bytes {
        *byte = hex(digits.next()?)? << 4 | hex(digits.next()?)?;
    }
    if digits.next().is_some() {
        return None;
    }
    bytes[..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    Some(bytes)
}

fn hex(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

fn parsed<T: std::str::FromStr>(text: &str) -> Result<T, Unfit> {
    text.parse().map_err(|_| Unfit::Type)
}

fn fit<T>(value: Option<T>) -> Result<T, Unfit> {
    value.ok_or(Unfit::Type)
}
