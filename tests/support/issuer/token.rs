//! Tokens, right ones and forged ones.

use super::key::SigningKey;
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use sha2::Sha256;

/// How a token is put together from a header, claims and a key.
#[derive(Debug, Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// As it should be.
    #[default]
    Signed,
    /// The signature is left out, its dot is not.
    Stripped,
    /// Two parts.
    Unsigned,
    /// The signature in DER.
    Der,
    /// One bit of the signature is another.
    Flipped,
    /// The signature lacks its last byte.
    Short,
    /// The signature has a byte more.
    Long,
    /// A signature of zeros.
    Zeros,
    /// HMAC under the public key.
    HmacPublic,
    /// HMAC under nothing.
    HmacEmpty,
    /// The signature of a token of somebody else.
    Swapped,
    /// With `=` at the end of each part.
    Padded,
    /// With `+` and `/`.
    Standard,
    /// A fourth part.
    FourParts,
    /// Five parts, as an encrypted token has.
    FiveParts,
    /// A token around the token.
    Nested,
    /// A dot at the end.
    Dot,
}

/// The token of this header and these claims.
pub fn token(key: &SigningKey, header: &Json, claims: &Json) -> String {
    formed(Form::Signed, key, &header.to_string(), &claims.to_string())
}

/// The header that belongs to a key.
pub fn header(key: &SigningKey) -> Json {
    json!({"alg": key.algorithm, "kid": key.name, "typ": "at+jwt"})
}

/// The token of these texts, in this form.
pub fn formed(form: Form, key: &SigningKey, header: &str, claims: &str) -> String {
    let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let signed = format!("{}.{}", text(header.as_bytes()), text(claims.as_bytes()));
    let signature = key.sign(signed.as_bytes());
    let with = |signature: &[u8]| format!("{signed}.{}", text(signature));
    match form {
        Form::Signed => with(&signature),
        Form::Stripped => with(b""),
        Form::Unsigned => signed.clone(),
        Form::Der => with(&key.sign_der(signed.as_bytes())),
        Form::Flipped => {
            let mut other = signature.clone();
            other[10] ^= 1;
            with(&other)
        }
        Form::Short => with(&signature[..signature.len() - 1]),
        Form::Long => with(&[&*signature, &[0]].concat()),
        Form::Zeros => with(&vec![0; signature.len()]),
        Form::HmacPublic => with(&hmac(&key.public_bytes(), signed.as_bytes())),
        Form::HmacEmpty => with(&hmac(b"", signed.as_bytes())),
        Form::Swapped => with(&key.sign(b"e30.e30")),
        Form::Padded => {
            let parts = [header.as_bytes(), claims.as_bytes(), &signature];
            parts.map(|part| BASE64_URL_SAFE.encode(part)).join(".")
        }
        Form::Standard => {
            let parts = [header.as_bytes(), claims.as_bytes(), &signature];
            parts
                .map(|part| BASE64_STANDARD.encode(part).trim_end_matches('=').to_string())
                .join(".")
        }
        Form::FourParts => format!("{}.{}", with(&signature), text(b"more")),
        Form::FiveParts => format!("{}.{}.{}", with(&signature), text(b"more"), text(b"and more")),
        Form::Nested => {
            let outer =
                format!("{}.{}", text(header.as_bytes()), text(with(&signature).as_bytes()));
            format!("{outer}.{}", text(&key.sign(outer.as_bytes())))
        }
        Form::Dot => format!("{}.", with(&signature)),
    }
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}
