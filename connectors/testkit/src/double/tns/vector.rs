//! VECTOR: a head and the elements.

use super::encode::plain;
use super::json::put_large;
use super::types::{Kind, Type};

/// The formats of elements.
pub(super) const FLOAT32: i8 = 2;
pub(super) const FLOAT64: i8 = 3;
pub(super) const INT8: i8 = 4;

/// Puts a text such as `[1, 2.5]` as a client expects VECTOR in a row.
pub(super) fn put(out: &mut Vec<u8>, told: Type, text: &str) -> Result<(), String> {
    let bytes = encode(told.scale, text).ok_or("the double cannot read a value as VECTOR")?;
    put_large(out, &bytes);
    Ok(())
}

fn encode(format: i8, text: &str) -> Option<Vec<u8>> {
    let inside = text.trim().strip_prefix('[')?.strip_suffix(']')?;
    let elements: Vec<&str> = inside.split(',').map(str::trim).collect();
    // A magic byte, version 0, no flags.
    let mut out = vec![0xdb, 0, 0, 0, u8::try_from(format).ok()?];
    out.extend(u32::try_from(elements.len()).ok()?.to_be_bytes());
    for element in elements {
        match format {
            FLOAT64 => out.extend(plain(Kind::BinaryDouble, element)?),
            INT8 => out.extend(element.parse::<i8>().ok()?.to_be_bytes()),
            _ => out.extend(plain(Kind::BinaryFloat, element)?),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_have_their_format() {
        assert_eq!(encode(INT8, "[1, -1]").unwrap(), [0xdb, 0, 0, 0, 4, 0, 0, 0, 2, 1, 255]);
        assert_eq!(encode(FLOAT32, "[1]").unwrap()[9..], [0xbf, 0x80, 0, 0]);
        assert_eq!(encode(FLOAT64, "[1,2]").unwrap().len(), 25);
        assert_eq!(encode(FLOAT32, "1,2"), None);
        assert_eq!(encode(INT8, "[300]"), None);
    }
}
