//! The credentials of an HTTP request.

use super::certificate::Certificates;
use super::keys::ApiKeys;
use super::oidc::{LONGEST, Refusal, Tokens};
use super::proxy::{Peer, Proxies};
use crate::model::Principal;
use std::fmt;

/// Proves who sends an HTTP request.
#[derive(Debug)]
pub struct Authenticator {
    keys: ApiKeys,
    tokens: Option<Tokens>,
    certificates: Certificates,
    proxies: Proxies,
}

/// What a request brings that may say who sends it.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    /// The one `Authorization` header.
    pub authorization: Option<&'a str>,
    /// The connection it came over.
    pub peer: Peer<'a>,
}

/// Why a request is not let in. Why a token was refused goes to the log, and not to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthError {
    /// There is no `Authorization` header.
    Missing,
    /// The header is not `Bearer` and one token.
    Malformed,
    /// The credential is unknown or no longer valid; which of the two is not said.
    Rejected,
    /// The token is valid and lacks a scope. These are needed.
    InsufficientScope(Vec<String>),
    /// The certificate is verified, and nobody's here.
    UnknownCertificate,
    /// Headers by which a proxy names a caller, and that are not to be believed. Why, in fixed words.
    Headers(&'static str),
    /// The identity provider cannot be asked for its keys, so nobody can be let in by its tokens.
    Unavailable,
}

impl Authenticator {
    /// An authenticator that knows these keys, and tokens of identity providers if there are any.
    pub fn new(keys: ApiKeys, tokens: Option<Tokens>) -> Self {
        Self { keys, tokens, certificates: Certificates::default(), proxies: Proxies::default() }
    }

    /// The same, with holders of certificates, and proxies that are believed.
    #[must_use]
    pub fn trusting(self, certificates: Certificates, proxies: Proxies) -> Self {
        Self { certificates, proxies, ..self }
    }

    /// Who sends a request.
    ///
    /// A proxy's word stands alone: beside an `Authorization` header it would be a second answer to one question.
    /// A bearer token goes before the certificate, which then only carries the connection.
    ///
    /// # Errors
    ///
    /// Where nothing says who calls, or what does is not to be believed.
    pub async fn identify<'a>(
        &self,
        sent: Sent<'_>,
        headers: impl Iterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Principal, AuthError> {
        if !self.proxies.is_empty()
            && let Some(named) =
                self.proxies.identify(sent.peer, headers).map_err(AuthError::Headers)?
        {
            return match sent.authorization {
                None => Ok(named),
                Some(_) => Err(AuthError::Headers("identity headers beside a credential")),
            };
        }
        match (sent.authorization, sent.peer.certificate) {
            (None, Some(der)) if !self.certificates.is_empty() => {
                self.certificates.identify(der).map_err(|refusal| {
                    tracing::debug!(?refusal, "a certificate was refused");
                    AuthError::UnknownCertificate
                })
            }
            (authorization, _) => self.authenticate_bearer(authorization).await,
        }
    }

    /// The holders of certificates.
    pub fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// The proxies that are believed.
    pub fn proxies(&self) -> &Proxies {
        &self.proxies
    }

    /// The same, with what is known of the identity providers already.
    #[must_use]
    pub fn with_keys_of(mut self, before: &Self) -> Self {
        if let (Some(tokens), Some(before)) = (self.tokens.take(), &before.tokens) {
            self.tokens = Some(tokens.with_keys_of(before));
        }
        self
    }

    /// Who sends a request with this `Authorization` header.
    ///
    /// # Errors
    ///
    /// Where the header is missing or wrong.
    pub async fn authenticate_bearer(&self, header: Option<&str>) -> Result<Principal, AuthError> {
        let text = bearer_token(header.ok_or(AuthError::Missing)?)?;
        if let Some(principal) = self.keys.authenticate(text) {
            return Ok(principal);
        }
        let Some(tokens) = &self.tokens else { return Err(AuthError::Rejected) };
        tokens.authenticate(text).await.map_err(|refusal| {
            tracing::debug!(%refusal, "a token was refused");
            match refusal {
                Refusal::Scopes(needed) => AuthError::InsufficientScope(needed),
                Refusal::Unavailable => AuthError::Unavailable,
                _ => AuthError::Rejected,
            }
        })
    }

    /// The identity providers' tokens, if any are taken.
    pub fn tokens(&self) -> Option<&Tokens> {
        self.tokens.as_ref()
    }

    /// The API keys.
    pub fn keys(&self) -> &ApiKeys {
        &self.keys
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AuthError::Missing => {
                "a credential is needed: Authorization: Bearer <API key or token>"
            }
            AuthError::Malformed => "the Authorization header is not Bearer and a credential",
            AuthError::Rejected => "the credential is unknown or no longer valid",
            AuthError::InsufficientScope(_) => "the token lacks a scope",
            AuthError::UnknownCertificate => "the certificate is nobody's here",
            AuthError::Headers(why) => why,
            AuthError::Unavailable => "the identity provider cannot be reached",
        })
    }
}

impl std::error::Error for AuthError {}

/// The token of `Bearer <token>`; the scheme's case does not matter.
fn bearer_token(header: &str) -> Result<&str, AuthError> {
    let (scheme, token) = header.trim().split_once(' ').ok_or(AuthError::Malformed)?;
    let token = token.trim_start();
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    let well_formed = !token.is_empty() && token.len() <= LONGEST && token.bytes().all(allowed);
    if scheme.eq_ignore_ascii_case("bearer") && well_formed {
        Ok(token)
    } else {
        Err(AuthError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::generate_key;
    use super::*;

    #[tokio::test]
    async fn the_header_must_be_bearer_and_a_known_key() {
        let key = generate_key();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys.yaml");
        let entry = format!("{{ name: k, hash: '{}', user: ana }}", key.hash);
        std::fs::write(&path, format!("version: 1\nkeys: [{entry}]")).unwrap();
        let authenticator =
            Authenticator::new(ApiKeys::load(&path, |_| true, |_| true).unwrap(), None);
        let ask = async |header: Option<&str>| authenticator.authenticate_bearer(header).await;
        for scheme in ["Bearer", "bearer", "BEARER "] {
            let header = format!("{scheme} {}", key.plaintext);
            assert_eq!(ask(Some(&header)).await.unwrap().user(), "ana");
        }
        assert_eq!(ask(None).await, Err(AuthError::Missing));
        let basic = format!("Basic {}", key.plaintext);
        let two = format!("Bearer {0} {0}", key.plaintext);
        let long = format!("Bearer {}", "x".repeat(LONGEST + 1));
        for malformed in
            ["", "Bearer", "Bearer ", &key.plaintext, &basic, &two, "Bearer \"x\"", &long]
        {
            assert_eq!(ask(Some(malformed)).await, Err(AuthError::Malformed), "{malformed}");
        }
        for unknown in ["Bearer cel_unknown", "Bearer e30.e30.e30"] {
            assert_eq!(ask(Some(unknown)).await, Err(AuthError::Rejected), "{unknown}");
        }
        let nobody = Authenticator::new(ApiKeys::default(), None);
        assert_eq!(nobody.authenticate_bearer(Some("Bearer x")).await, Err(AuthError::Rejected));
    }
}
