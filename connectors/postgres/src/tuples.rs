//! The binary form of COPY: a header, tuples, a trailer.
//!
//! A server sends one tuple in one message, but nothing says so: chunks may end anywhere. A tuple that
//! is whole in its chunk is read where it lies; only what spans two chunks is copied. Nothing in it
//! is trusted: a length is a claim until the bytes are there.

use std::mem::take;

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
/// Signature, flags, and the length of the header's extension.
const HEADER: usize = SIGNATURE.len() + 8;
/// No server has ever sent an extension; one that a later version may send is skipped.
const LONGEST_EXTENSION: usize = 1 << 16;
/// The server cannot build a longer message.
const LONGEST_TUPLE: usize = 1 << 30;

/// Why chunks are no COPY data.
pub(crate) type Malformed = &'static str;

/// Tuples as they come out of chunks.
#[derive(Debug)]
pub(crate) struct Tuples<C> {
    /// What is read now, unless a tuple spans chunks.
    chunk: Option<C>,
    /// The begin of a tuple whose end has not come, and everything after it.
    spanning: Vec<u8>,
    /// How much of the chunk, or of `spanning`, has been read.
    at: usize,
    place: Place,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    Header,
    Tuple,
    End,
}

/// One row: its fields, each NULL or the binary form of a value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tuple<'a> {
    count: usize,
    bytes: &'a [u8],
}

/// What lies at the begin of some bytes.
enum Found {
    /// So many bytes that are no tuple.
    Header(usize),
    /// A tuple of so many fields, which ends there.
    Tuple(usize, usize),
    /// The trailer.
    End,
    /// Less than one of them.
    Part,
}

impl<C: AsRef<[u8]>> Tuples<C> {
    pub(crate) fn new() -> Self {
        Self { chunk: None, spanning: Vec::new(), at: 0, place: Place::Header }
    }

    /// Takes the next chunk, after [`Tuples::next`] has found no more in the one before.
    pub(crate) fn add(&mut self, chunk: C) -> Result<(), Malformed> {
        if self.spanning.is_empty() {
            self.chunk = Some(chunk);
            self.at = 0;
            return Ok(());
        }
        if self.spanning.len() > LONGEST_TUPLE {
            return Err("a row without an end");
        }
        self.spanning.extend_from_slice(chunk.as_ref());
        Ok(())
    }

    /// The next row that is whole.
    pub(crate) fn next(&mut self) -> Result<Option<Tuple<'_>>, Malformed> {
        loop {
            let bytes = self.unread();
            if bytes.is_empty() {
                self.keep();
                return Ok(None);
            }
            let begin = self.at;
            match find(self.place, bytes)? {
                Found::Part => {
                    self.keep();
                    return Ok(None);
                }
                Found::Header(length) => {
                    self.at += length;
                    self.place = Place::Tuple;
                }
                Found::End => {
                    self.at += 2;
                    self.place = Place::End;
                }
                Found::Tuple(count, length) => {
                    self.at += length;
                    let bytes = &self.bytes()[begin + 2..begin + length];
                    return Ok(Some(Tuple { count, bytes }));
                }
            }
        }
    }

    /// The data has ended; it must have been whole.
    pub(crate) fn finish(&self) -> Result<(), Malformed> {
        if self.place == Place::End { Ok(()) } else { Err("the rows ended without a trailer") }
    }

    fn bytes(&self) -> &[u8] {
        match &self.chunk {
            Some(chunk) => chunk.as_ref(),
            None => &self.spanning,
        }
    }

    fn unread(&self) -> &[u8] {
        self.bytes().get(self.at..).unwrap_or_default()
    }

    /// Keeps what has not been read until the rest of it comes.
    fn keep(&mut self) {
        match self.chunk.take() {
            Some(chunk) => {
                self.spanning.extend_from_slice(chunk.as_ref().get(self.at..).unwrap_or_default());
            }
            None => drop(self.spanning.drain(..self.at)),
        }
        self.at = 0;
        if self.spanning.is_empty() && self.spanning.capacity() > LONGEST_EXTENSION {
            take(&mut self.spanning);
        }
    }
}

impl<'a> Tuple<'a> {
    /// How many fields it has.
    pub(crate) fn count(self) -> usize {
        self.count
    }

    /// How many bytes its fields are, lengths included.
    pub(crate) fn size(self) -> usize {
        self.bytes.len()
    }

    /// The fields in order; `None` is NULL.
    pub(crate) fn fields(self) -> impl Iterator<Item = Option<&'a [u8]>> {
        let mut bytes = self.bytes;
        std::iter::from_fn(move || {
            let (length, rest) = bytes.split_first_chunk::<4>()?;
            let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
                bytes = rest;
                return Some(None);
            };
            let (field, rest) = rest.split_at_checked(length)?;
            bytes = rest;
            Some(Some(field))
        })
    }
}

fn find(place: Place, bytes: &[u8]) -> Result<Found, Malformed> {
    match place {
        Place::Header => header(bytes),
        Place::Tuple => tuple(bytes),
        Place::End => Err("rows after the trailer"),
    }
}

fn header(bytes: &[u8]) -> Result<Found, Malformed> {
    let Some((fixed, _)) = bytes.split_first_chunk::<HEADER>() else {
        return Ok(Found::Part);
    };
    let Some(numbers) = fixed.strip_prefix(SIGNATURE) else {
        return Err("no signature of COPY data");
    };
    let (flags, extension) = numbers.split_at(4);
    // The upper half are flags that change the format.
    if flags[..2] != [0, 0] {
        return Err("an unknown form of COPY data");
    }
    let extension = extension.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte));
    if extension > LONGEST_EXTENSION {
        return Err("an unknown form of COPY data");
    }
    let length = HEADER + extension;
    Ok(if bytes.len() < length { Found::Part } else { Found::Header(length) })
}

fn tuple(bytes: &[u8]) -> Result<Found, Malformed> {
    let Some((count, mut rest)) = bytes.split_first_chunk::<2>() else {
        return Ok(Found::Part);
    };
    let count = match i16::from_be_bytes(*count) {
        -1 => return Ok(Found::End),
        count => usize::try_from(count).map_err(|_| "a negative number of fields")?,
    };
    for _ in 0..count {
        let Some((length, after)) = rest.split_first_chunk::<4>() else {
            return Ok(Found::Part);
        };
        rest = match i32::from_be_bytes(*length) {
            -1 => after,
            length => {
                let length = usize::try_from(length).map_err(|_| "a field of negative length")?;
                match after.get(length..) {
                    Some(rest) => rest,
                    None => return Ok(Found::Part),
                }
            }
        };
    }
    Ok(Found::Tuple(count, bytes.len() - rest.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rows = Vec<Vec<Option<Vec<u8>>>>;

    fn begin() -> Vec<u8> {
        [&SIGNATURE[..], &[0; 8]].concat()
    }

    fn row(fields: &[Option<&[u8]>]) -> Vec<u8> {
        let mut bytes = (fields.len() as i16).to_be_bytes().to_vec();
        for field in fields {
            bytes.extend(field.map_or(-1, |field| field.len() as i32).to_be_bytes());
            bytes.extend(field.unwrap_or_default());
        }
        bytes
    }

    fn read(chunks: &[&[u8]]) -> Result<Rows, Malformed> {
        let mut tuples = Tuples::new();
        let mut rows = Rows::new();
        for chunk in chunks {
            tuples.add(*chunk)?;
            while let Some(tuple) = tuples.next()? {
                let fields: Vec<_> =
                    tuple.fields().map(|field| field.map(<[u8]>::to_vec)).collect();
                assert_eq!(fields.len(), tuple.count());
                rows.push(fields);
            }
        }
        tuples.finish().map(|()| rows)
    }

    fn sample() -> (Vec<u8>, Rows) {
        let fields: [&[Option<&[u8]>]; 4] = [
            &[Some(b"abc"), None, Some(b"")],
            &[],
            &[Some(&[0xff; 300]), Some(&[0xff, 0xff]), None],
            &[None],
        ];
        let rows = fields.map(row).concat();
        let owned = |row: &&[Option<&[u8]>]| row.iter().map(|f| f.map(<[u8]>::to_vec)).collect();
        ([begin(), rows, vec![0xff, 0xff]].concat(), fields.iter().map(owned).collect())
    }

    #[test]
    fn rows_are_whole_wherever_chunks_end() {
        let (bytes, rows) = sample();
        assert_eq!(read(&[&bytes]), Ok(rows.clone()));
        for cut in 0..=bytes.len() {
            assert_eq!(read(&[&bytes[..cut], &bytes[cut..]]), Ok(rows.clone()), "cut at {cut}");
            for second in (cut..=bytes.len()).step_by(7) {
                let chunks = [&bytes[..cut], &bytes[cut..second], &bytes[second..]];
                assert_eq!(read(&chunks), Ok(rows.clone()), "cut at {cut} and {second}");
            }
        }
        let bytes: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(read(&bytes), Ok(rows));
    }

    #[test]
    fn what_is_cut_off_is_no_result() {
        let (bytes, _) = sample();
        for cut in 0..bytes.len() {
            assert!(read(&[&bytes[..cut]]).is_err(), "cut at {cut}");
        }
        assert_eq!(read(&[]), Err("the rows ended without a trailer"));
    }

    #[test]
    fn an_extension_is_skipped_and_another_form_refused() {
        let end = [0xff, 0xff];
        let header = |flags: [u8; 4], length: u32, extension: &[u8]| {
            [&SIGNATURE[..], &flags, &length.to_be_bytes(), extension, &end].concat()
        };
        assert_eq!(read(&[&header([0; 4], 3, b"abc")]), Ok(vec![]));
        assert_eq!(read(&[&header([0, 0, 0xff, 0xff], 0, b"")]), Ok(vec![]));
        assert!(read(&[&header([0, 1, 0, 0], 0, b"")]).is_err());
        assert!(read(&[&header([0x80, 0, 0, 0], 0, b"")]).is_err());
        assert!(read(&[&header([0; 4], u32::MAX, b"")]).is_err());
        assert!(read(&[b"PGCOPY\n\xff\r\n\x01\0\0\0\0\0\0\0\0\xff\xff"]).is_err());
        assert!(read(&[b"id\tname\n1\tAna and some more text\n"]).is_err());
    }

    #[test]
    fn lengths_are_claims() {
        let after = |bytes: &[u8]| read(&[&[&begin(), bytes].concat()]);
        assert!(after(&[0xff, 0xfe]).is_err());
        assert!(after(&[0x80, 0]).is_err());
        assert!(after(&[0, 1, 0xff, 0xff, 0xff, 0xfe]).is_err());
        assert!(after(&[0, 1, 0x7f, 0xff, 0xff, 0xff, 1]).is_err());
        assert!(after(&[0x7f, 0xff, 0, 0, 0, 0]).is_err());
        assert!(after(&[0xff, 0xff, 0]).is_err());
        assert!(after(&[0xff, 0xff, 0xff, 0xff]).is_err());
        assert_eq!(after(&[0xff, 0xff]), Ok(vec![]));
    }

    #[test]
    fn noise_is_an_error_or_rows_but_no_panic() {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let (sample, _) = sample();
        for _ in 0..20_000 {
            let mut bytes = sample.clone();
            for _ in 0..1 + next() % 4 {
                let at = HEADER + next() as usize % (bytes.len() - HEADER);
                bytes[at] = next() as u8;
            }
            let size = 1 + next() as usize % 64;
            let _ = read(&bytes.chunks(size).collect::<Vec<_>>());
        }
    }
}
