//! The primitive encodings of the two-task protocol: integers that carry their own length, and bytes
//! whole or in chunks.

/// Why bytes could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Malformed {
    /// They end too early: more packets may follow. So many bytes must be there at least.
    Short(usize),
    /// They cannot be what they should be.
    Wrong(&'static str),
}

/// The longest value that has its length in one byte.
const SHORT: usize = 252;
/// Marks a value in chunks.
const CHUNKED: u8 = 254;
/// Marks NULL.
const ABSENT: u8 = 255;
/// Marks NULL of a type whose empty value is no NULL; one more byte follows.
const ESCAPE: u8 = 253;
/// Bytes in one chunk.
const CHUNK: usize = 32_767;

/// Reads a message.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn raw(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let end = self.at.checked_add(count).ok_or(Malformed::Wrong("a length"))?;
        let bytes = self.bytes.get(self.at..end).ok_or(Malformed::Short(end))?;
        self.at = end;
        Ok(bytes)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.raw(1)?[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        let bytes = self.raw(2)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        let bytes = self.raw(4)?;
        Ok(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// An integer with its length in front.
    pub(super) fn ub(&mut self) -> Result<u64, Malformed> {
        let length = self.u8()?;
        if length > 8 {
            return Err(Malformed::Wrong("an integer's length"));
        }
        Ok(self.raw(usize::from(length))?.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte)))
    }

    /// An integer that must fit 32 bits.
    pub(super) fn ub4(&mut self) -> Result<u32, Malformed> {
        u32::try_from(self.ub()?).map_err(|_| Malformed::Wrong("an integer"))
    }

    /// An integer that is a count of something in memory.
    pub(super) fn count(&mut self) -> Result<usize, Malformed> {
        let count = self.ub4()?;
        usize::try_from(count).map_err(|_| Malformed::Wrong("a count"))
    }

    /// Bytes with their length; NULL and nothing are the same.
    pub(super) fn bytes(&mut self) -> Result<Option<Vec<u8>>, Malformed> {
        match self.u8()? {
            0 | ABSENT => Ok(None),
            ESCAPE => self.u8().map(|_| None),
            CHUNKED => {
                let mut whole = Vec::new();
                loop {
                    match self.count()? {
                        0 => return Ok(Some(whole)),
                        length => whole.extend_from_slice(self.raw(length)?),
                    }
                }
            }
            length => Ok(Some(self.raw(usize::from(length))?.to_vec())),
        }
    }

    /// Text with its length.
    pub(super) fn text(&mut self) -> Result<String, Malformed> {
        let bytes = self.bytes()?.unwrap_or_default();
        String::from_utf8(bytes).map_err(|_| Malformed::Wrong("text"))
    }

    /// Text with its length, and an integer in front that says whether it is there.
    pub(super) fn counted_text(&mut self) -> Result<String, Malformed> {
        if self.ub()? == 0 { Ok(String::new()) } else { self.text() }
    }
}

/// Writes a message.
pub(super) trait Put {
    /// An integer with its length in front.
    fn ub(&mut self, value: u64) -> &mut Self;
    /// An integer with a sign.
    fn sb(&mut self, value: i64) -> &mut Self;
    /// One byte.
    fn byte(&mut self, value: u8) -> &mut Self;
    /// Bytes as they are.
    fn raw(&mut self, bytes: &[u8]) -> &mut Self;
    /// Bytes with their length.
    fn bytes(&mut self, bytes: &[u8]) -> &mut Self;
    /// Bytes with their length, and an integer in front that says whether they are there.
    fn counted(&mut self, bytes: &[u8]) -> &mut Self;
}

impl Put for Vec<u8> {
    fn ub(&mut self, value: u64) -> &mut Self {
        let bytes = value.to_be_bytes();
        let zeros = value.leading_zeros() / 8;
        // Eight bytes at most, so both conversions are exact.
        #[allow(clippy::cast_possible_truncation)]
        self.push(8 - zeros as u8);
        self.extend_from_slice(&bytes[zeros as usize..]);
        self
    }

    fn sb(&mut self, value: i64) -> &mut Self {
        let at = self.len();
        self.ub(value.unsigned_abs());
        if value < 0 {
            self[at] |= 0x80;
        }
        self
    }

    fn byte(&mut self, value: u8) -> &mut Self {
        self.push(value);
        self
    }

    fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.extend_from_slice(bytes);
        self
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        match u8::try_from(bytes.len()) {
            Ok(length) if bytes.len() <= SHORT => {
                self.push(length);
                self.extend_from_slice(bytes);
            }
            _ => {
                self.push(CHUNKED);
                for chunk in bytes.chunks(CHUNK) {
                    self.ub(chunk.len() as u64).raw(chunk);
                }
                self.push(0);
            }
        }
        self
    }

    fn counted(&mut self, bytes: &[u8]) -> &mut Self {
        self.ub(bytes.len() as u64);
        if bytes.is_empty() { self } else { self.bytes(bytes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_back() {
        for value in [0, 1, 127, 255, 256, 65_535, 65_536, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            out.ub(value);
            assert_eq!(Reader::new(&out).ub(), Ok(value));
        }
        let mut out = Vec::new();
        out.sb(-1).sb(300);
        assert_eq!(out, [0x81, 1, 2, 1, 44]);
    }

    #[test]
    fn bytes_come_back_and_cut_ones_are_short() {
        for length in [0, 1, 252, 253, 32_767, 32_768, 100_000] {
            let whole = vec![7; length];
            let mut out = Vec::new();
            out.bytes(&whole);
            let read = Reader::new(&out).bytes();
            assert_eq!(read, Ok((length > 0).then_some(whole)));
            for cut in [0, out.len() / 2, out.len() - 1] {
                let read = Reader::new(&out[..cut]).bytes();
                assert!(
                    matches!(read, Err(Malformed::Short(least)) if least > cut && least <= out.len()),
                    "{length}"
                );
            }
        }
    }

    #[test]
    fn lengths_that_lie_are_wrong() {
        assert!(matches!(Reader::new(&[9, 0]).ub(), Err(Malformed::Wrong(_))));
        assert!(matches!(Reader::new(&[5, 1, 0, 0, 0, 0]).ub4(), Err(Malformed::Wrong(_))));
    }
}
