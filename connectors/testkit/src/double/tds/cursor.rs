//! Reading a message that a client made: every length is checked.

/// The rest of a message.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

/// The message is not what the protocol says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

impl<'a> Cursor<'a> {
    /// Over the bytes of a message.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next byte, which stays.
    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// What is left.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) =
            self.rest.split_at_checked(count).ok_or(Malformed("a length beyond the message"))?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next bytes, of a number known beforehand.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N)?.try_into().map_err(|_| Malformed("a length beyond the message"))
    }

    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, Malformed> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// So many bytes as the length in four bytes before them says.
    pub(super) fn sized(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.u32()?;
        self.take(usize::try_from(length).map_err(|_| Malformed("a length beyond the message"))?)
    }

    /// Text behind its length in one byte.
    pub(super) fn short_text(&mut self) -> Result<String, Malformed> {
        let length = usize::from(self.u8()?);
        utf16(self.take(length * 2)?)
    }

    /// Skips ALL_HEADERS, which stands before what a client asks.
    pub(super) fn skip_headers(&mut self) -> Result<(), Malformed> {
        let length = usize::try_from(self.u32()?).map_err(|_| Malformed("headers too long"))?;
        self.take(length.checked_sub(4).ok_or(Malformed("headers too short"))?)?;
        Ok(())
    }
}

/// Text in UTF-16.
pub(super) fn utf16(bytes: &[u8]) -> Result<String, Malformed> {
    if !bytes.len().is_multiple_of(2) {
        return Err(Malformed("half a character"));
    }
    let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    Ok(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}
