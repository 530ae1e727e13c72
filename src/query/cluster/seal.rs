//! What a server says to its executors and nobody else may say or read.

use crate::error::{Code, Error, Result};
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use std::fmt;

/// The least bytes of a key's text.
const KEY: usize = 32;
/// What every leaf is bound to: another version of its form does not open.
const BOUNDS: &[u8] = b"celosia leaf 1";

/// Seals and opens leaves (AES-256-GCM) under the key of one deployment.
pub(super) struct Seal(RandomizedNonceKey);

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal([redacted])")
    }
}

impl Seal {
    /// The seal of a key's text.
    ///
    /// # Errors
    /// The key is short. It is not repeated.
    pub(super) fn new(key: &str) -> std::result::Result<Self, String> {
        if key.len() < KEY {
            return Err(format!("the key has less than {KEY} characters"));
        }
        let derived = hmac::sign(&hmac::Key::new(HMAC_SHA256, key.as_bytes()), b"executors");
        let sealing = RandomizedNonceKey::new(&AES_256_GCM, derived.as_ref());
        sealing.map(Self).map_err(|_| "the key cannot be used".to_string())
    }

    /// Nonce, and what only the same key opens.
    pub(super) fn seal(&self, mut bytes: Vec<u8>) -> Result<Vec<u8>> {
        let nonce = self.0.seal_in_place_append_tag(Aad::from(BOUNDS), &mut bytes);
        let nonce = nonce.map_err(|_| Error::internal("a leaf cannot be encrypted"))?;
        let nonce: &[u8] = nonce.as_ref();
        Ok([nonce, &bytes].concat())
    }

    /// What was sealed.
    ///
    /// # Errors
    /// `Executors`: it was sealed by somebody else, or changed since.
    pub(super) fn open(&self, sealed: &[u8]) -> Result<Vec<u8>> {
        self.opened(sealed).ok_or_else(|| {
            Error::new(Code::Executors, "an executor was sent a read that its server did not seal")
                .with_hint("give the server and its executors one `engine.key`")
        })
    }

    fn opened(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, bytes) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut bytes = bytes.to_vec();
        let plain = self.0.open_in_place(nonce, Aad::from(BOUNDS), &mut bytes).ok()?;
        Some(plain.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_opens_with_its_key_as_it_was_sealed_and_not_otherwise() {
        let seal = |text: &str| Seal::new(&text.repeat(32)).unwrap();
        let sealed = seal("k").seal(b"SELECT secret".to_vec()).unwrap();
        assert!(!sealed.windows(6).any(|bytes| bytes == b"secret"));
        assert_eq!(seal("k").open(&sealed).unwrap(), b"SELECT secret");
        let mut changed = sealed.clone();
        *changed.last_mut().unwrap() ^= 1;
        for (key, sealed) in [("x", sealed), ("k", changed), ("k", vec![1, 2, 3])] {
            assert_eq!(seal(key).open(&sealed).unwrap_err().code, Code::Executors);
        }
        assert!(Seal::new("short").unwrap_err().contains("less than 32"));
    }
}
