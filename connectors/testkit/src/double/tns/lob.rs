//! Large values that a client reads by a locator, and temporary ones that it writes.

use super::decode::{from_utf16, hex};
use super::encode::plain;
use super::request::LobCall;
use super::types::Kind;
use super::wire::Put;
use std::collections::BTreeMap;

/// Bytes of a locator.
const LOCATOR: usize = 40;
/// What a client is told to read at a time.
const CHUNK: u64 = 8132;
/// The most that one session's values may take.
const MOST: usize = 256 << 20;

const GET_LENGTH: u32 = 0x0001;
const READ: u32 = 0x0002;
const TRIM: u32 = 0x0020;
const WRITE: u32 = 0x0040;
const CREATE: u32 = 0x0110;
const FREE: u32 = 0x0111;
const GET_CHUNK: u32 = 0x4000;
const OPEN: u32 = 0x8000;
const CLOSE: u32 = 0x1_0000;
const IS_OPEN: u32 = 0x1_1000;
/// Added to an operation on many locators.
const ARRAY: u32 = 0x8_0000;

/// Flags of a locator.
const IS_BLOB: u8 = 0x01;
const IS_ABSTRACT: u8 = 0x40;
const INITIALIZED: u8 = 0x08;
const IS_UTF16: u8 = 0x80;
const IS_TEMPORARY: u8 = 0x01;

/// The values of one session.
#[derive(Debug, Default)]
pub(super) struct Lobs {
    next: u64,
    held: BTreeMap<u64, Lob>,
    bytes: usize,
}

#[derive(Debug)]
struct Lob {
    kind: Kind,
    /// UTF-16 of characters, or bytes.
    data: Vec<u8>,
    open: bool,
}

impl Lob {
    /// Bytes of one unit that lengths and offsets count in.
    fn unit(&self) -> usize {
        if self.kind == Kind::Blob { 1 } else { 2 }
    }

    fn length(&self) -> u64 {
        (self.data.len() / self.unit()) as u64
    }

    fn place(&self, units: u64) -> usize {
        usize::try_from(units).unwrap_or(usize::MAX).saturating_mul(self.unit())
    }
}

impl Lobs {
    /// Puts a value as a client expects it in a row: its size and a locator.
    pub(super) fn put(&mut self, out: &mut Vec<u8>, kind: Kind, text: &str) -> Result<(), String> {
        let data = match kind {
            Kind::Blob => plain(kind, text),
            _ => plain(Kind::Nclob, text),
        };
        let data = data.ok_or("the double cannot spell a value as BLOB")?;
        let lob = Lob { kind, data, open: false };
        let length = lob.length();
        let locator = self.keep(lob)?;
        out.ub(LOCATOR as u64).ub(length).ub(CHUNK).bytes(&locator);
        Ok(())
    }

    /// The value of a locator as an engine takes it.
    pub(super) fn text(&self, locator: &[u8]) -> Option<String> {
        let lob = self.held.get(&number(locator)?)?;
        if lob.kind == Kind::Blob { Some(hex(&lob.data)) } else { from_utf16(&lob.data) }
    }

    /// Frees the values of locators that stand one behind the other.
    pub(super) fn free(&mut self, locators: &[u8]) {
        for locator in locators.chunks(LOCATOR) {
            if let Some(lob) = number(locator).and_then(|number| self.held.remove(&number)) {
                self.bytes -= lob.data.len();
            }
        }
    }

    /// Does what a client asks for; the answer without its end.
    pub(super) fn call(&mut self, call: &LobCall) -> Result<Vec<u8>, &'static str> {
        if call.operation & !ARRAY == FREE {
            self.free(&call.locator);
            return Ok(Vec::new());
        }
        let mut out = Vec::new();
        if call.operation == CREATE {
            let kind = match (call.destination, call.source) {
                (113, _) => Kind::Blob,
                (_, 2) => Kind::Nclob,
                _ => Kind::Clob,
            };
            let lob = Lob { kind, data: Vec::new(), open: false };
            let locator = self.keep(lob).map_err(|_| "too many temporary LOBs")?;
            out.byte(8).raw(&locator).ub(873).byte(0);
            return Ok(out);
        }
        let number = number(&call.locator).ok_or("invalid LOB locator specified")?;
        let lob = self.held.get_mut(&number).ok_or("invalid LOB locator specified")?;
        let before = lob.data.len();
        let mut amount = call.amount;
        match call.operation {
            GET_LENGTH => amount = lob.length(),
            GET_CHUNK => amount = CHUNK,
            READ => {
                let from = lob.place(call.source.saturating_sub(1)).min(lob.data.len());
                let to = from.saturating_add(lob.place(call.amount)).min(lob.data.len());
                if to > from {
                    out.byte(14).bytes(&lob.data[from..to]);
                }
                amount = ((to - from) / lob.unit()) as u64;
            }
            WRITE => {
                let from = lob.place(call.source.saturating_sub(1));
                let end = from.saturating_add(call.data.len());
                if end > MOST {
                    return Err("the LOB is too large");
                }
                lob.data.resize(lob.data.len().max(end), 0);
                lob.data[from..end].copy_from_slice(&call.data);
            }
            TRIM => lob.data.truncate(lob.place(call.amount)),
            OPEN => lob.open = true,
            CLOSE => lob.open = false,
            IS_OPEN => {}
            _ => return Err("unsupported LOB operation"),
        }
        out.byte(8).raw(&call.locator);
        if call.sends_amount {
            out.ub(amount);
        }
        if call.operation == IS_OPEN {
            out.byte(u8::from(lob.open));
        }
        self.bytes = self.bytes + lob.data.len() - before;
        Ok(out)
    }

    fn keep(&mut self, lob: Lob) -> Result<[u8; LOCATOR], String> {
        if self.bytes + lob.data.len() > MOST {
            return Err("the session holds too many LOBs".into());
        }
        self.next += 1;
        let mut locator = [0; LOCATOR];
        locator[1] = 38; // the bytes that follow
        locator[3] = 4; // version
        locator[4] = IS_ABSTRACT | if lob.kind == Kind::Blob { IS_BLOB } else { 0 };
        locator[5] = INITIALIZED;
        locator[6] = if lob.kind == Kind::Blob { 0 } else { IS_UTF16 };
        locator[7] = IS_TEMPORARY;
        locator[10..18].copy_from_slice(&self.next.to_be_bytes());
        self.bytes += lob.data.len();
        self.held.insert(self.next, lob);
        Ok(locator)
    }
}

fn number(locator: &[u8]) -> Option<u64> {
    let bytes = locator.get(10..18)?;
    Some(bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(operation: u32, locator: &[u8], source: u64, amount: u64) -> LobCall {
        let (locator, data) = (locator.to_vec(), Vec::new());
        LobCall { operation, locator, source, destination: 0, amount, sends_amount: true, data }
    }

    #[test]
    fn characters_are_counted_in_utf16() {
        let mut lobs = Lobs::default();
        let mut row = Vec::new();
        lobs.put(&mut row, Kind::Clob, "żó😀x").unwrap();
        let locator = row[row.len() - LOCATOR..].to_vec();
        let length = lobs.call(&call(GET_LENGTH, &locator, 0, 0)).unwrap();
        assert_eq!(length[1 + LOCATOR..], [1, 5]);
        let read = lobs.call(&call(READ, &locator, 5, 100)).unwrap();
        assert_eq!(read[..4], [14, 2, 0, b'x']);
        let read = lobs.call(&call(READ, &locator, 100, 1)).unwrap();
        assert_eq!(read[0], 8);
        assert_eq!(lobs.text(&locator).as_deref(), Some("żó😀x"));
        lobs.free(&locator);
        assert_eq!(lobs.bytes, 0);
        assert!(lobs.call(&call(READ, &locator, 1, 1)).is_err());
    }

    #[test]
    fn temporary_ones_are_written() {
        let mut lobs = Lobs::default();
        let made =
            lobs.call(&LobCall { destination: 113, ..call(CREATE, &[0; 40], 0, 0) }).unwrap();
        let locator = &made[1..=LOCATOR];
        lobs.call(&LobCall { data: vec![1, 2, 3], ..call(WRITE, locator, 3, 0) }).unwrap();
        assert_eq!(lobs.text(locator).as_deref(), Some("\\x0000010203"));
        let huge = LobCall { data: vec![1], ..call(WRITE, locator, u64::MAX, 0) };
        assert!(lobs.call(&huge).is_err());
        lobs.call(&call(TRIM, locator, 0, 1)).unwrap();
        assert_eq!(lobs.text(locator).as_deref(), Some("\\x00"));
        assert!(lobs.call(&call(GET_LENGTH, &[1, 2], 0, 0)).is_err());
    }
}
