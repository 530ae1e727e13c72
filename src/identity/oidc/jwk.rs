//! The provider's public keys (RFC 7517), and signatures by them.

use super::json::object;
use crate::model::Algorithm;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents,
};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use std::fmt;
use std::ops::RangeInclusive;

/// More keys than a provider has.
const MOST_KEYS: usize = 100;

/// The length of an RSA modulus: 2048 to 8192 bits.
const RSA_BYTES: RangeInclusive<usize> = 256..=1024;

/// One public key, and the algorithms that it may be used with: a key of RSA has two unless it says which.
pub(super) struct Key {
    name: Option<String>,
    uses: Vec<(Algorithm, ParsedPublicKey)>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?})", self.name)
    }
}

/// The keys of a set that can verify tokens; others are passed over. `None` where it is no set of keys.
pub(super) fn parse_keys(body: &[u8]) -> Option<Vec<Key>> {
    let set = object(body)?;
    let list = set.get("keys")?.as_array().filter(|list| list.len() <= MOST_KEYS)?;
    Some(list.iter().filter_map(Value::as_object).filter_map(key).collect())
}

impl Key {
    /// Whether the key may verify a token of this algorithm that names this key, or none.
    pub(super) fn fits(&self, algorithm: Algorithm, name: Option<&str>) -> bool {
        self.uses.iter().any(|(known, _)| *known == algorithm)
            && name.is_none_or(|name| self.name.as_deref() == Some(name))
    }

    /// Whether the signature of the message is by this key and algorithm.
    pub(super) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let mut uses = self.uses.iter().filter(|(known, _)| *known == algorithm);
        uses.any(|(_, public)| public.verify_sig(message, signature).is_ok())
    }
}

fn key(jwk: &Map<String, Value>) -> Option<Key> {
    if !is_for_verifying(jwk) {
        return None;
    }
    let declared = jwk.get("alg").map(|alg| alg.as_str().and_then(Algorithm::named));
    let allowed = |algorithm: &Algorithm| declared.is_none_or(|only| only == Some(*algorithm));
    let uses: Vec<_> = Algorithm::ALL
        .into_iter()
        .filter(allowed)
        .filter_map(|algorithm| Some((algorithm, public_key(jwk, algorithm)?)))
        .collect();
    let name = jwk.get("kid").and_then(Value::as_str).map(str::to_string);
    (!uses.is_empty()).then_some(Key { name, uses })
}

/// Keys to encrypt with are not for signatures, and one that is published with its private part is nobody's.
fn is_for_verifying(jwk: &Map<String, Value>) -> bool {
    let signs = jwk.get("use").is_none_or(|purpose| purpose == "sig");
    let verifies = jwk.get("key_ops").is_none_or(|operations| {
        operations.as_array().is_some_and(|list| list.iter().any(|operation| operation == "verify"))
    });
    signs && verifies && !jwk.contains_key("d")
}

/// The key, if it is of the type that the algorithm needs.
fn public_key(jwk: &Map<String, Value>, algorithm: Algorithm) -> Option<ParsedPublicKey> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let bytes = |name: &str| BASE64_URL_SAFE_NO_PAD.decode(text(name)?).ok();
    match (algorithm, text("kty")?) {
        (Algorithm::Rs256 | Algorithm::Ps256, "RSA") => {
            let (n, e) = (bytes("n")?, bytes("e")?);
            let parameters = match algorithm {
                Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
                _ => &RSA_PSS_2048_8192_SHA256,
            };
            let (n, e) = (without_zeros(&n), without_zeros(&e));
            // An exponent of 1 would make everybody's signature the provider's.
            let odd = e.last().is_some_and(|last| last % 2 == 1) && e != [1];
            let strong = RSA_BYTES.contains(&n.len()) && odd;
            let key = RsaPublicKeyComponents { n, e };
            strong.then(|| key.to_parsed_public_key(parameters).ok()).flatten()
        }
        (Algorithm::Es256, "EC") if text("crv") == Some("P-256") => {
            let (x, y) = (bytes("x")?, bytes("y")?);
            let point = [&[4], &*x, &*y].concat();
            let fits = x.len() == 32 && y.len() == 32;
            fits.then(|| ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).ok()).flatten()
        }
        (Algorithm::EdDsa, "OKP") if text("crv") == Some("Ed25519") => {
            ParsedPublicKey::new(&ED25519, bytes("x")?).ok()
        }
        _ => None,
    }
}

fn without_zeros(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    &bytes[start..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
    use serde_json::json;

    fn ed25519() -> (Ed25519KeyPair, Value) {
        let pair = Ed25519KeyPair::generate().expect("a key");
        let x = BASE64_URL_SAFE_NO_PAD.encode(pair.public_key());
        (pair, json!({"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": x}))
    }

    fn parsed(jwk: &Value) -> Vec<Key> {
        parse_keys(json!({"keys": [jwk]}).to_string().as_bytes()).expect("a set")
    }

    #[test]
    fn a_signature_is_by_one_key_over_one_message() {
        let ((pair, jwk), (_, other)) = (ed25519(), ed25519());
        let signature = pair.sign(b"message");
        let key = parsed(&jwk).pop().expect("a key");
        let signature = signature.as_ref();
        let verifies = |key: &Key, message: &[u8], signature: &[u8]| {
            key.verifies(Algorithm::EdDsa, message, signature)
        };
        assert!(verifies(&key, b"message", signature));
        assert!(!verifies(&key, b"Message", signature));
        assert!(!verifies(&key, b"message", &signature[1..]) && !verifies(&key, b"message", b""));
        assert!(!verifies(&parsed(&other)[0], b"message", signature));
        assert!(!key.verifies(Algorithm::Es256, b"message", signature));
    }

    #[test]
    fn a_key_fits_its_name_and_algorithm() {
        let key = parsed(&ed25519().1).pop().expect("a key");
        assert!(key.fits(Algorithm::EdDsa, Some("k")) && key.fits(Algorithm::EdDsa, None));
        assert!(!key.fits(Algorithm::EdDsa, Some("K")) && !key.fits(Algorithm::Es256, Some("k")));
    }

    #[test]
    fn keys_for_something_else_are_passed_over() {
        let (_, jwk) = ed25519();
        for (name, value) in [
            ("use", json!("enc")),
            ("use", json!(1)),
            ("key_ops", json!(["sign"])),
            ("key_ops", json!("verify")),
            ("alg", json!("HS256")),
            ("alg", json!("ES256")),
            ("alg", json!(null)),
            ("d", json!("AAAA")),
            ("kty", json!("oct")),
            ("kty", json!("EC")),
            ("crv", json!("X25519")),
            ("x", json!("AAAA")),
            ("x", json!("=")),
        ] {
            let mut odd = jwk.clone();
            odd[name] = value.clone();
            assert!(parsed(&odd).is_empty(), "{name}: {value}");
        }
        let mut fine = jwk.clone();
        fine["use"] = json!("sig");
        fine["key_ops"] = json!(["verify"]);
        fine["alg"] = json!("EdDSA");
        assert_eq!(parsed(&fine).len(), 1);
    }

    #[test]
    fn weak_and_broken_keys_are_passed_over() {
        let n = |bytes: usize| BASE64_URL_SAFE_NO_PAD.encode(vec![0xff; bytes]);
        let rsa = |n: &str, e: &str| json!({"kty": "RSA", "n": n, "e": e});
        assert_eq!(parsed(&rsa(&n(256), "AQAB"))[0].uses.len(), 2, "both ways of RSA");
        for (n, e) in
            [(n(128), "AQAB"), (n(256), "AQ"), (n(256), ""), (n(256), "Ag"), (n(2048), "AQAB")]
        {
            assert!(parsed(&rsa(&n, e)).is_empty(), "{} {e}", n.len());
        }
        let off = json!({"kty": "EC", "crv": "P-256", "x": n(32), "y": n(32)});
        assert!(parsed(&off).is_empty(), "a point that is not on the curve");
        for body in ["", "[]", "{}", r#"{"keys": {}}"#, r#"{"keys": [], "keys": []}"#] {
            assert!(parse_keys(body.as_bytes()).is_none(), "{body}");
        }
        let many = json!({"keys": vec![json!({}); MOST_KEYS + 1]}).to_string();
        assert!(parse_keys(many.as_bytes()).is_none());
    }
}
