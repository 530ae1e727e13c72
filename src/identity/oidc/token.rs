//! A signed token as it is sent: three parts of base64url (RFC 7515, compact form).

use super::LONGEST;
use super::json::object;
use super::refusal::Refusal;
use crate::model::Algorithm;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// The longest name of a key.
const LONGEST_KEY_NAME: usize = 256;

/// The parts of a token. Nothing of it is proven yet.
#[derive(Debug)]
pub(super) struct Token<'a> {
    header: Map<String, Value>,
    pub(super) claims: Map<String, Value>,
    pub(super) signed: &'a [u8],
    pub(super) signature: Vec<u8>,
}

impl<'a> Token<'a> {
    /// Takes a token apart.
    pub(super) fn parse(text: &'a str) -> Result<Self, Refusal> {
        if text.len() > LONGEST {
            return Err(Refusal::TooLong);
        }
        let parts: Vec<&str> = text.split('.').take(6).collect();
        let (header, claims, signature) = match parts[..] {
            [header, claims, signature] => (header, claims, signature),
            [_, _, _, _, _] => return Err(Refusal::Encrypted),
            _ => return Err(Refusal::NotSigned),
        };
        let signed = &text.as_bytes()[..header.len() + 1 + claims.len()];
        let decode = |part| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::NotSigned);
        let (header, claims) = (decode(header)?, decode(claims)?);
        let signature = decode(signature)?;
        let header = object(&header).ok_or(Refusal::Header)?;
        // A nested token's claims are a token: say so before they turn out to be no JSON.
        if header.contains_key("cty") {
            return Err(Refusal::Nested);
        }
        let claims = object(&claims).ok_or(Refusal::Claims)?;
        Ok(Self { header, claims, signed, signature })
    }

    /// The algorithm of the signature, if it is one that is ever taken.
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        self.header.get("alg")?.as_str().and_then(Algorithm::named)
    }

    /// The name of the key, if the token names one.
    pub(super) fn key_name(&self) -> Option<&str> {
        self.header.get("kid").and_then(Value::as_str)
    }

    /// The issuer that the token names.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.claims.get("iss").and_then(Value::as_str)
    }

    /// Everything in the header that is not as it should be. A key in it (`jwk`, `jku`, `x5c`, `x5u`) is not
    /// looked at: keys come from the provider alone.
    pub(super) fn header_problems(
        &self,
        allowed: &[Algorithm],
        access_tokens_only: bool,
    ) -> Vec<Refusal> {
        let mut found = Vec::new();
        if self.algorithm().is_none_or(|algorithm| !allowed.contains(&algorithm)) {
            found.push(Refusal::Algorithm);
        }
        if !self.has_fitting_type(access_tokens_only) {
            found.push(Refusal::Type);
        }
        // None is understood here, and what must be understood and is not ends the matter (RFC 7515, 4.1.11).
        if ["crit", "b64", "zip"].iter().any(|name| self.header.contains_key(*name)) {
            found.push(Refusal::Extension);
        }
        let fits = |kid: &Value| {
            kid.as_str().is_some_and(|kid| !kid.is_empty() && kid.len() <= LONGEST_KEY_NAME)
        };
        if self.header.get("kid").is_some_and(|kid| !fits(kid)) {
            found.push(Refusal::KeyName);
        }
        found
    }

    /// Tokens for other purposes (a logout, a proof of possession, an event) have types of their own.
    fn has_fitting_type(&self, access_tokens_only: bool) -> bool {
        let Some(kind) = self.header.get("typ") else { return !access_tokens_only };
        let kind = kind.as_str().unwrap_or("?").to_ascii_lowercase();
        match kind.strip_prefix("application/").unwrap_or(&kind) {
            "at+jwt" => true,
            "jwt" => !access_tokens_only,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, claims: &str) -> String {
        let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", encode(header), encode(claims), encode("signature"))
    }

    fn problems(header: &str, only: bool) -> Vec<Refusal> {
        let text = token(header, "{}");
        let token = Token::parse(&text).expect("a token");
        token.header_problems(&[Algorithm::Es256, Algorithm::EdDsa], only)
    }

    #[test]
    fn three_parts_are_a_token() {
        let text = token(r#"{"alg":"ES256","kid":"k"}"#, r#"{"iss":"i"}"#);
        let token = Token::parse(&text).expect("a token");
        assert_eq!(token.algorithm(), Some(Algorithm::Es256));
        assert_eq!((token.key_name(), token.issuer()), (Some("k"), Some("i")));
        assert_eq!(token.signed, &text.as_bytes()[..text.rfind('.').expect("parts")]);
        assert_eq!(token.signature, b"signature");
    }

    #[test]
    fn what_is_not_three_parts_of_json_is_none() {
        let refused = |text: &str| Token::parse(text).map(drop).expect_err(text);
        for text in
            ["", ".", "a.b", "e30.e30", "e30.e30.e30.e30", "e30=.e30.", "e31.e30.", "é.e30."]
        {
            assert_eq!(refused(text), Refusal::NotSigned, "{text}");
        }
        assert_eq!(refused("e30.e30.e30.e30.e30"), Refusal::Encrypted);
        assert_eq!(refused(&token("[]", "{}")), Refusal::Header);
        assert_eq!(refused(&token("{}", r#"{"a":1,"a":2}"#)), Refusal::Claims);
        assert_eq!(refused(&token(r#"{"cty":"JWT"}"#, "e30.e30.")), Refusal::Nested);
        assert_eq!(refused(&"x".repeat(LONGEST + 1)), Refusal::TooLong);
    }

    #[test]
    fn the_header_is_held_to_the_list() {
        for fine in [
            r#"{"alg":"ES256"}"#,
            r#"{"alg":"EdDSA","typ":"JWT","kid":"k"}"#,
            r#"{"alg":"ES256","typ":"application/AT+jwt","jku":"https://evil.org","x5c":[]}"#,
        ] {
            assert_eq!(problems(fine, false), [], "{fine}");
        }
        for (header, refusal) in [
            ("{}", Refusal::Algorithm),
            (r#"{"alg":"RS256"}"#, Refusal::Algorithm),
            (r#"{"alg":"none"}"#, Refusal::Algorithm),
            (r#"{"alg":["ES256"]}"#, Refusal::Algorithm),
            (r#"{"alg":"ES256","typ":"logout+jwt"}"#, Refusal::Type),
            (r#"{"alg":"ES256","typ":1}"#, Refusal::Type),
            (r#"{"alg":"ES256","crit":[]}"#, Refusal::Extension),
            (r#"{"alg":"ES256","kid":7}"#, Refusal::KeyName),
            (r#"{"alg":"ES256","kid":""}"#, Refusal::KeyName),
        ] {
            assert_eq!(problems(header, false), [refusal], "{header}");
        }
        assert_eq!(problems(r#"{"alg":"ES256","typ":"JWT"}"#, true), [Refusal::Type]);
        assert_eq!(problems(r#"{"alg":"ES256"}"#, true), [Refusal::Type]);
        assert_eq!(problems(r#"{"alg":"ES256","typ":"at+jwt"}"#, true), []);
    }
}
