//! Cursors of paged lists. A cursor holds where its page ended, sealed for the caller it was given to.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Seals cursors with a key of this process: a restart or a stranger's cursor ends in an error, and the
/// client lists from the start again.
#[derive(Clone)]
pub(super) struct Cursors {
    keyed: Hmac<Sha256>,
}

impl Cursors {
    /// Cursors under a new random key.
    pub(super) fn new() -> Self {
        let key: [u8; 64] = rand::random();
        Self { keyed: Hmac::new(&key.into()) }
    }

    /// A cursor behind the entry `last` of the list that `user` sees.
    pub(super) fn seal(&self, user: &str, last: &str) -> String {
        let seal = self.mac(user, last).finalize().into_bytes();
        let mut cursor: String = seal.iter().take(SEAL).map(|byte| format!("{byte:02x}")).collect();
        cursor.push('.');
        cursor.push_str(last);
        cursor
    }

    /// The entry that a cursor of `user` lies behind, if it is a cursor of ours.
    pub(super) fn open<'a>(&self, user: &str, cursor: &'a str) -> Option<&'a str> {
        let (seal, last) = cursor.split_once('.')?;
        let seal = unhex(seal)?;
        self.mac(user, last).verify_truncated_left(&seal).ok().map(|()| last)
    }

    fn mac(&self, user: &str, last: &str) -> Hmac<Sha256> {
        let mut mac = self.keyed.clone();
        mac.update(user.as_bytes());
        mac.update(&[0]);
        mac.update(last.as_bytes());
        mac
    }
}

/// Bytes of the seal that a cursor carries.
const SEAL: usize = 12;

fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 2 * SEAL || !text.is_ascii() {
        return None;
    }
    (0..SEAL).map(|at| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_for_its_user_only() {
        let cursors = Cursors::new();
        let cursor = cursors.seal("ana", "celosia://shop/main/orders");
        assert_eq!(cursors.open("ana", &cursor), Some("celosia://shop/main/orders"));
        assert_eq!(cursors.open("bob", &cursor), None);
        assert_eq!(Cursors::new().open("ana", &cursor), None);
    }

    #[test]
    fn a_forged_cursor_does_not_open() {
        let cursors = Cursors::new();
        let cursor = cursors.seal("ana", "celosia://shop/main/orders");
        let (seal, last) = cursor.split_once('.').unwrap();
        for forged in [
            String::new(),
            ".".into(),
            "garbage".into(),
            format!(".{last}"),
            format!("{}.{last}", "0".repeat(24)),
            format!("{}.{last}", &seal[..22]),
            format!("{seal}00.{last}"),
            format!("{}.{last}", "é".repeat(12)),
            format!("{seal}.celosia://shop/main/zzz"),
        ] {
            assert_eq!(cursors.open("ana", &forged), None, "{forged}");
        }
    }
}
