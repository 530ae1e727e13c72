//! Text as an engine gives it, turned into the bytes of a column's type.

use super::number;
use super::time::{Moment, days_bytes, months_bytes};
use super::types::Kind;
use super::wire::Put;

/// Puts a value of a kind that has no locator; the error says what is wrong with the text.
pub(super) fn value(out: &mut Vec<u8>, kind: Kind, text: &str) -> Result<(), String> {
    match kind {
        Kind::Long | Kind::LongNvarchar | Kind::LongRaw => {
            // An indicator and a return code stand behind.
            let bytes = plain(kind, text).ok_or_else(|| wrong(kind, text))?;
            out.bytes(&bytes).ub(0).ub(0);
        }
        Kind::Rowid => rowid(out, text).ok_or_else(|| wrong(kind, text))?,
        Kind::Urowid => urowid(out, text).ok_or_else(|| wrong(kind, text))?,
        Kind::Varchar | Kind::Char => {
            out.bytes(text.as_bytes());
        }
        _ => {
            let bytes = plain(kind, text).ok_or_else(|| wrong(kind, text))?;
            out.bytes(&bytes);
        }
    }
    Ok(())
}

/// Puts NULL.
pub(super) fn null(out: &mut Vec<u8>, kind: Kind) {
    match kind {
        Kind::Long | Kind::LongNvarchar | Kind::LongRaw => {
            out.byte(0).sb(-1).ub(1405);
        }
        // A NULL is told from FALSE by an escape.
        Kind::Boolean => {
            out.byte(0);
        }
        _ => out.push(0),
    }
}

/// The bytes of a value alone.
pub(super) fn plain(kind: Kind, text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match kind {
        Kind::Varchar | Kind::Char | Kind::Long | Kind::Clob => out.extend(text.as_bytes()),
        Kind::Nvarchar | Kind::Nchar | Kind::LongNvarchar | Kind::Nclob => out = utf16(text),
        Kind::Number => out = number::encode(text).ok()?,
        Kind::Date => out.extend(Moment::parse(text)?.date()?),
        Kind::Timestamp => Moment::parse(text)?.timestamp(&mut out)?,
        Kind::TimestampTz => Moment::parse(text)?.zoned(&mut out)?,
        Kind::TimestampLtz => Moment::parse(text)?.local(&mut out)?,
        Kind::IntervalYm => out = months_bytes(text)?,
        Kind::IntervalDs => out = days_bytes(text)?,
        Kind::BinaryDouble => {
            let mut bytes = text.parse::<f64>().ok()?.to_be_bytes();
            order(&mut bytes);
            out.extend(bytes);
        }
        Kind::BinaryFloat => {
            let mut bytes = text.parse::<f32>().ok()?.to_be_bytes();
            order(&mut bytes);
            out.extend(bytes);
        }
        Kind::Raw | Kind::LongRaw | Kind::Blob => out = unhex(text)?,
        Kind::Boolean => match text {
            "t" | "true" | "TRUE" | "1" => out.extend([1, 1]),
            "f" | "false" | "FALSE" | "0" => out.push(0),
            _ => return None,
        },
        Kind::Rowid | Kind::Urowid | Kind::Json | Kind::Vector => return None,
    }
    Some(out)
}

/// Text as big-endian UTF-16.
pub(super) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

/// `\x00ff` as bytes.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x").unwrap_or(text);
    if digits.len() % 2 == 1 || !digits.is_ascii() {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digits.as_bytes().chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

/// Makes the bytes of a floating-point number sort like it.
fn order(bytes: &mut [u8]) {
    if bytes[0] & 0x80 == 0 {
        bytes[0] |= 0x80;
    } else {
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
    }
}

const ROWID_DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Object, file, block and row of a ROWID's 18 characters.
fn places(text: &str) -> Option<[u32; 4]> {
    let text = text.as_bytes();
    if text.len() != 18 {
        return None;
    }
    let mut places = [0; 4];
    for (place, part) in places.iter_mut().zip([&text[..6], &text[6..9], &text[9..15], &text[15..]])
    {
        let sum = part.iter().try_fold(0_u64, |sum, byte| {
            let digit = ROWID_DIGITS.iter().position(|digit| digit == byte)?;
            Some(sum * 64 + digit as u64)
        })?;
        *place = u32::try_from(sum).ok()?;
    }
    (places[1] < 0x1_0000 && places[3] < 0x1_0000).then_some(places)
}

fn rowid(out: &mut Vec<u8>, text: &str) -> Option<()> {
    let [object, file, block, row] = places(text)?.map(u64::from);
    out.byte(14).ub(object).ub(file).byte(0).ub(block).ub(row);
    Some(())
}

fn urowid(out: &mut Vec<u8>, text: &str) -> Option<()> {
    let mut bytes = Vec::new();
    if let Some(logical) = text.strip_prefix('*') {
        bytes.push(2);
        let digits: Option<Vec<u32>> = logical
            .bytes()
            .map(|byte| ROWID_DIGITS.iter().position(|digit| *digit == byte))
            .map(|digit| digit.and_then(|digit| u32::try_from(digit).ok()))
            .collect();
        for group in digits?.chunks(4) {
            let sum =
                group.iter().fold(0, |sum, digit| sum << 6 | digit) << (6 * (4 - group.len()));
            bytes.extend(&sum.to_be_bytes()[1..group.len()]);
        }
    } else {
        let [object, file, block, row] = places(text)?;
        bytes.push(1);
        bytes.extend(object.to_be_bytes());
        bytes.extend(&file.to_be_bytes()[2..]);
        bytes.extend(block.to_be_bytes());
        bytes.extend(&row.to_be_bytes()[2..]);
    }
    out.bytes(&[u8::try_from(bytes.len().min(252)).ok()?]).bytes(&bytes);
    Some(())
}

fn wrong(kind: Kind, text: &str) -> String {
    let shown: String = text.chars().take(40).collect();
    format!("the double cannot spell '{shown}' as {kind:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_keep_their_order() {
        let sorted = ["-Infinity", "-1e300", "-1", "-0", "0", "1e-300", "1", "Infinity", "NaN"];
        let bytes: Vec<_> = sorted.iter().map(|t| plain(Kind::BinaryDouble, t).unwrap()).collect();
        assert!(bytes.is_sorted());
        assert_eq!(plain(Kind::BinaryFloat, "1").unwrap(), [0xbf, 0x80, 0, 0]);
        assert_eq!(plain(Kind::BinaryFloat, "-1").unwrap(), [0x40, 0x7f, 0xff, 0xff]);
    }

    #[test]
    fn rowids_are_split() {
        assert_eq!(places("AAAR3sAAEAAAACXAAA"), Some([73_196, 4, 151, 0]));
        assert_eq!(places("AAAR3sAAEAAAACXAA?"), None);
        assert_eq!(places("//////////////////"), None);
        let mut out = Vec::new();
        urowid(&mut out, "*BAEAAPoCwQL+").unwrap();
        assert_eq!(out, [1, 10, 10, 2, 4, 1, 0, 0, 0xfa, 2, 0xc1, 2, 0xfe]);
    }

    #[test]
    fn text_that_does_not_fit_is_an_error() {
        let mut out = Vec::new();
        for (kind, text) in [
            (Kind::Number, "x"),
            (Kind::Date, "tomorrow"),
            (Kind::Raw, "\\x0"),
            (Kind::Raw, "\\xzz"),
            (Kind::Rowid, "1"),
            (Kind::Boolean, "maybe"),
            (Kind::BinaryDouble, "1,5"),
        ] {
            assert!(value(&mut out, kind, text).is_err(), "{kind:?}");
        }
    }
}
