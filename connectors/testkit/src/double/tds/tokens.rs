//! The tokens of an answer.

use super::collation::Collation;
use super::encode::Column;

/// DONE after a statement of a batch.
pub(super) const DONE: u8 = 0xfd;
/// DONE after a procedure.
pub(super) const DONE_PROCEDURE: u8 = 0xfe;
/// DONE after a statement in a procedure.
pub(super) const DONE_IN_PROCEDURE: u8 = 0xff;

/// More results follow.
pub(super) const MORE: u16 = 0x01;
/// The statement failed.
pub(super) const FAILED: u16 = 0x02;
/// A transaction is open.
pub(super) const IN_TRANSACTION: u16 = 0x04;
/// The answer to an attention.
pub(super) const ATTENTION: u16 = 0x20;
const COUNT: u16 = 0x10;

/// What ENVCHANGE tells.
pub(super) enum Change<'a> {
    Database { new: &'a str, old: &'a str },
    Language,
    PacketSize { new: usize, old: usize },
    Collation,
    Began(u64),
    Committed(u64),
    RolledBack(u64),
    Reset,
}

/// Writes a DONE of one of three kinds.
pub(super) fn put_done(out: &mut Vec<u8>, token: u8, status: u16, rows: Option<u64>) {
    out.push(token);
    let counted = if rows.is_some() { COUNT } else { 0 };
    out.extend((status | counted).to_le_bytes());
    let command: u16 = match rows {
        _ if status & ATTENTION != 0 => 0xfd,
        None if status & FAILED == 0 => 0,
        _ => 0xc1,
    };
    out.extend(command.to_le_bytes());
    out.extend(rows.unwrap_or(0).to_le_bytes());
}

/// A message of the server: an error or information.
pub(super) struct Notice<'a> {
    pub(super) number: u32,
    pub(super) class: u8,
    pub(super) message: &'a str,
    pub(super) line: u32,
}

/// The name by which the double calls itself in messages.
pub(super) const SERVER: &str = "DOUBLE";

impl Notice<'_> {
    /// Writes ERROR, or INFO where the class is none of an error.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.push(if self.class > 10 { 0xaa } else { 0xab });
        sized(out, |out| {
            out.extend(self.number.to_le_bytes());
            out.extend([1, self.class]);
            put_text(out, shortened(self.message, 2000));
            put_short_text(out, SERVER);
            put_short_text(out, "");
            out.extend(self.line.to_le_bytes());
        });
    }
}

/// Writes ENVCHANGE.
pub(super) fn put_change(out: &mut Vec<u8>, change: &Change<'_>) {
    out.push(0xe3);
    sized(out, |out| match change {
        Change::Database { new, old } => put_pair(out, 1, new, old),
        Change::Language => put_pair(out, 2, "us_english", ""),
        Change::PacketSize { new, old } => put_pair(out, 4, &new.to_string(), &old.to_string()),
        Change::Collation => {
            out.extend([7, 5]);
            out.extend(Collation::default().bytes());
            out.push(0);
        }
        Change::Began(number) => {
            out.extend([8, 8]);
            out.extend(number.to_le_bytes());
            out.push(0);
        }
        Change::Committed(number) => put_ended(out, 9, *number),
        Change::RolledBack(number) => put_ended(out, 10, *number),
        Change::Reset => out.extend([18, 0, 0]),
    });
}

/// Writes LOGINACK.
pub(super) fn put_login_acknowledged(out: &mut Vec<u8>, protocol: u32, version: [u8; 4]) {
    out.push(0xad);
    sized(out, |out| {
        out.push(1);
        out.extend(protocol.to_be_bytes());
        put_short_text(out, "Microsoft SQL Server");
        out.extend(version);
    });
}

/// Writes FEATUREEXTACK for the one feature that is known: UTF-8.
pub(super) fn put_features(out: &mut Vec<u8>) {
    out.extend([0xae, 0x0a, 1, 0, 0, 0, 1, 0xff]);
}

/// Writes RETURNSTATUS.
pub(super) fn put_return_status(out: &mut Vec<u8>, status: i32) {
    out.push(0x79);
    out.extend(status.to_le_bytes());
}

/// Writes RETURNVALUE of an `int` output parameter.
pub(super) fn put_return_int(out: &mut Vec<u8>, ordinal: u16, name: &str, value: i32) {
    out.push(0xac);
    out.extend(ordinal.to_le_bytes());
    put_short_text(out, name);
    // An output parameter; no user type, no flags; a nullable int of four bytes.
    out.extend([1, 0, 0, 0, 0, 0, 0, 0x26, 4, 4]);
    out.extend(value.to_le_bytes());
}

/// Writes COLMETADATA.
pub(super) fn put_columns(out: &mut Vec<u8>, columns: &[Column]) {
    out.push(0x81);
    out.extend(u16::try_from(columns.len()).unwrap_or(u16::MAX - 1).to_le_bytes());
    for column in columns {
        column.put_metadata(out);
    }
}

/// Writes text behind its length in one byte.
pub(super) fn put_short_text(out: &mut Vec<u8>, text: &str) {
    let text = shortened(text, 255);
    out.push(u8::try_from(text.encode_utf16().count()).unwrap_or(u8::MAX));
    out.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
}

/// Writes text behind its length in two bytes.
pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    let text = shortened(text, u16::MAX.into());
    out.extend(u16::try_from(text.encode_utf16().count()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
}

/// The beginning of a text that has at most so many units of UTF-16.
fn shortened(text: &str, most: usize) -> &str {
    let mut units = 0;
    for (at, character) in text.char_indices() {
        units += character.len_utf16();
        if units > most {
            return &text[..at];
        }
    }
    text
}

/// Writes what is behind a length of two bytes.
fn sized(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0, 0]);
    body(out);
    let length = u16::try_from(out.len() - start - 2).unwrap_or(u16::MAX);
    out[start..start + 2].copy_from_slice(&length.to_le_bytes());
}

fn put_pair(out: &mut Vec<u8>, kind: u8, new: &str, old: &str) {
    out.push(kind);
    put_short_text(out, new);
    put_short_text(out, old);
}

fn put_ended(out: &mut Vec<u8>, kind: u8, number: u64) {
    out.extend([kind, 0, 8]);
    out.extend(number.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_its_own_length() {
        let mut out = Vec::new();
        Notice { number: 208, class: 16, message: "No", line: 3 }.put(&mut out);
        let server = SERVER.len() * 2;
        assert_eq!(out[0], 0xaa);
        assert_eq!(usize::from(u16::from_le_bytes([out[1], out[2]])), out.len() - 3);
        assert_eq!(out.len() - 3, 4 + 2 + 2 + 4 + 1 + server + 1 + 4);
        assert_eq!(out[3..9], [208, 0, 0, 0, 1, 16]);
    }

    #[test]
    fn done_counts_rows_only_where_there_are_some() {
        let mut out = Vec::new();
        put_done(&mut out, DONE, MORE, Some(3));
        assert_eq!(out, [0xfd, 0x11, 0, 0xc1, 0, 3, 0, 0, 0, 0, 0, 0, 0]);
        out.clear();
        put_done(&mut out, DONE_PROCEDURE, FAILED, None);
        assert_eq!(out, [0xfe, 2, 0, 0xc1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(shortened("a😀b", 2), "a");
        assert_eq!(shortened("a😀b", 3), "a😀");
        assert_eq!(shortened("abc", 3), "abc");
    }
}
