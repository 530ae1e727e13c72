//! The keys of the audit. Each has one purpose; none is ever printed.
//!
//! ```text
//! chain key      whoever lacks it cannot compute a chain that verifies
//! literal key    whoever has it can ask which statements named a value
//! signing key    signs checkpoints and tombstones; its public half checks them
//! master key     wraps the keys that raw statements are encrypted under (see `vault`)
//! ```

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use std::sync::Arc;

/// The shortest key, in bytes.
const SHORTEST: usize = 16;
/// Bytes of a literal's digest that are kept: enough that no two values meet by chance.
const DIGEST: usize = 16;

/// The key of the chain: with one, nobody without it can compute a chain that verifies.
#[derive(Clone)]
pub struct ChainKey(Vec<u8>);

impl ChainKey {
    /// A key of at least 16 bytes; `None` for a shorter one.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Option<Self> {
        let bytes = bytes.into();
        (bytes.len() >= SHORTEST).then_some(Self(bytes))
    }

    /// HMAC-SHA-256 of `bytes`; `None` cannot happen, since HMAC takes keys of every length.
    pub(super) fn mac(&self, bytes: &[u8]) -> Option<[u8; 32]> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(bytes);
        Some(mac.finalize().into_bytes().into())
    }
}

/// The key of the digests of literals.
#[derive(Clone)]
pub struct LiteralKey(Hmac<Sha256>);

impl LiteralKey {
    /// A key of at least 16 bytes; `None` for a shorter one.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut mac = Hmac::<Sha256>::new_from_slice(bytes).ok()?;
        mac.update(b"celosia literal 1\0");
        (bytes.len() >= SHORTEST).then_some(Self(mac))
    }

    /// The digest of a value: of its text without regard to case, blanks around it, and the wild cards at the ends of
    /// a pattern, so that whoever looks for a value finds it however it was asked for.
    pub fn digest(&self, value: &str) -> String {
        let mut mac = self.0.clone();
        mac.update(plain(value).as_bytes());
        super::record::hex(&mac.finalize().into_bytes()[..DIGEST])
    }
}

fn plain(value: &str) -> String {
    let value = value.trim_matches(|c: char| c.is_whitespace() || c == '%').to_lowercase();
    let is_number = value.parse::<f64>().is_ok_and(f64::is_finite)
        && value.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'-');
    if !is_number {
        return value;
    }
    // 17, 17.0 and 017.00 are one value, and -17 too: its sign is an operator of the statement.
    let digits = value.trim_start_matches('-');
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let (whole, part) = (whole.trim_start_matches('0'), part.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    if part.is_empty() { whole.to_string() } else { format!("{whole}.{part}") }
}

/// The private key of checkpoints (Ed25519).
#[derive(Clone)]
pub struct SigningKey(Arc<Ed25519KeyPair>);

impl SigningKey {
    /// The key in PKCS #8 as PEM (`openssl genpkey -algorithm ed25519`), or as its Base64.
    ///
    /// # Errors
    /// It is no such key. No part of it is repeated.
    pub fn parse(text: &str) -> Result<Self, String> {
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("-----"));
        let der = STANDARD.decode(lines.collect::<String>()).map_err(|_| wanted())?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).map_err(|_| wanted())?;
        Ok(Self(Arc::new(pair)))
    }

    /// What checks its signatures.
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        let public = self.0.public_key().as_ref();
        if public.len() == bytes.len() {
            bytes.copy_from_slice(public);
        }
        PublicKey(bytes)
    }

    pub(super) fn sign(&self, text: &str) -> Vec<u8> {
        self.0.sign(text.as_bytes()).as_ref().to_vec()
    }
}

fn wanted() -> String {
    "is not an Ed25519 key; make one with `openssl genpkey -algorithm ed25519`".to_string()
}

/// The public key of checkpoints.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// The key as `celosia audit public-key` prints it, or as PEM.
    ///
    /// # Errors
    /// It is no such key.
    pub fn parse(text: &str) -> Result<Self, String> {
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("-----"));
        let bytes = STANDARD.decode(lines.collect::<String>()).unwrap_or_default();
        // The key is the end of what PEM says about it.
        let key = bytes.len().checked_sub(32).and_then(|at| bytes[at..].try_into().ok());
        key.filter(|_| [32, 44].contains(&bytes.len()))
            .map(Self)
            .ok_or_else(|| "is not an Ed25519 public key".to_string())
    }

    pub(super) fn holds(&self, text: &str, signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(text.as_bytes(), signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

macro_rules! never_printed {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}

never_printed!(ChainKey, LiteralKey, SigningKey);

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Made by `openssl genpkey -algorithm ed25519` for this test.
    pub(in crate::audit) fn signing() -> SigningKey {
        let rng = aws_lc_rs::rand::SystemRandom::new();
        let pkcs8 = Ed25519KeyPair::generate_pkcs8v1(&rng).expect("a key");
        SigningKey::parse(&STANDARD.encode(pkcs8.as_ref())).expect("a key")
    }

    #[test]
    fn keys_are_long_and_not_printed() {
        assert!(ChainKey::new(*b"short").is_none() && LiteralKey::new(b"short").is_none());
        let chain = ChainKey::new(*b"0123456789abcdef").expect("long enough");
        let literal = LiteralKey::new(b"0123456789abcdef").expect("long enough");
        let shown = format!("{chain:?} {literal:?} {:?}", signing());
        assert_eq!(shown, "ChainKey(..) LiteralKey(..) SigningKey(..)");
    }

    #[test]
    fn a_value_has_one_digest_however_it_is_written() {
        let key = LiteralKey::new(b"0123456789abcdef").expect("long enough");
        for (one, other) in [
            ("ana@example.com", "%Ana@Example.COM% "),
            ("17", "017.00"),
            ("-0.50", "0.5"),
            ("17", "%17%"),
        ] {
            assert_eq!(key.digest(one), key.digest(other), "{one} and {other}");
        }
        for (one, other) in [("17", "170"), ("1e3", "1000"), ("a", "b"), ("1.5", "15")] {
            assert_ne!(key.digest(one), key.digest(other), "{one} and {other}");
        }
        let another = LiteralKey::new(b"0123456789abcdeg").expect("long enough");
        assert_ne!(key.digest("17"), another.digest("17"));
    }

    #[test]
    fn a_signature_is_checked_by_the_printed_key() {
        let key = signing();
        let public = PublicKey::parse(&key.public().to_string()).expect("a key");
        let signature = key.sign("head");
        assert!(public.holds("head", &signature));
        assert!(!public.holds("tail", &signature));
        assert!(!signing().public().holds("head", &signature));
        for bad in ["", "AAAA", "no base64 at all", "-----BEGIN PUBLIC KEY-----"] {
            assert!(PublicKey::parse(bad).is_err() && SigningKey::parse(bad).is_err(), "{bad}");
        }
    }
}
