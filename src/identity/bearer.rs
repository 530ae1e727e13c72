//! The `Authorization` header of an HTTP request.

use super::keys::ApiKeys;
use crate::model::Principal;
use std::fmt;

/// Proves who sends an HTTP request.
#[derive(Debug)]
pub struct Authenticator {
    keys: ApiKeys,
}

/// Why a request is not let in: 401 with [`AuthError::challenge`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthError {
    /// There is no `Authorization` header.
    Missing,
    /// The header is not `Bearer` and one token.
    Malformed,
    /// The token is unknown or has expired; which of the two is not said.
    Rejected,
}

impl Authenticator {
    /// An authenticator that knows these keys.
    pub fn new(keys: ApiKeys) -> Self {
        Self { keys }
    }

    /// Who sends a request with this `Authorization` header.
    ///
    /// # Errors
    ///
    /// Where the header is missing or wrong.
    pub fn authenticate_bearer(&self, header: Option<&str>) -> Result<Principal, AuthError> {
        let token = bearer_token(header.ok_or(AuthError::Missing)?)?;
        self.keys.authenticate(token).ok_or(AuthError::Rejected)
    }
}

impl AuthError {
    /// The value of `WWW-Authenticate`, as RFC 6750 has it: no error code where no token was sent.
    pub fn challenge(self, resource_metadata: Option<&str>) -> String {
        let error = match self {
            AuthError::Missing => None,
            AuthError::Malformed => Some("invalid_request"),
            AuthError::Rejected => Some("invalid_token"),
        };
        let mut parts = vec!["realm=\"celosia\"".to_string()];
        if let Some(error) = error {
            parts.push(format!("error=\"{error}\""));
            parts.push(format!("error_description=\"{self}\""));
        }
        // A quote or a control character in a header would start something else.
        let url = resource_metadata
            .filter(|url| url.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\'));
        if let Some(url) = url {
            parts.push(format!("resource_metadata=\"{url}\""));
        }
        format!("Bearer {}", parts.join(", "))
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AuthError::Missing => "an API key is needed: Authorization: Bearer <key>",
            AuthError::Malformed => "the Authorization header is not Bearer and a key",
            AuthError::Rejected => "the API key is unknown or has expired",
        })
    }
}

impl std::error::Error for AuthError {}

/// The token of `Bearer <token>`; the scheme's case does not matter.
fn bearer_token(header: &str) -> Result<&str, AuthError> {
    let (scheme, token) = header.trim().split_once(' ').ok_or(AuthError::Malformed)?;
    let token = token.trim_start();
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    let well_formed = !token.is_empty() && token.len() <= 4_096 && token.bytes().all(allowed);
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

    #[test]
    fn the_header_must_be_bearer_and_a_known_key() {
        let key = generate_key();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys.yaml");
        let entry = format!("{{ name: k, hash: '{}', user: ana }}", key.hash);
        std::fs::write(&path, format!("version: 1\nkeys: [{entry}]")).unwrap();
        let authenticator = Authenticator::new(ApiKeys::load(&path, |_| true).unwrap());
        let ask = |header: Option<&str>| authenticator.authenticate_bearer(header);
        for scheme in ["Bearer", "bearer", "BEARER "] {
            let header = format!("{scheme} {}", key.plaintext);
            assert_eq!(ask(Some(&header)).unwrap().user(), "ana");
        }
        assert_eq!(ask(None), Err(AuthError::Missing));
        let basic = format!("Basic {}", key.plaintext);
        let two = format!("Bearer {0} {0}", key.plaintext);
        let long = format!("Bearer {}", "x".repeat(5_000));
        for malformed in
            ["", "Bearer", "Bearer ", &key.plaintext, &basic, &two, "Bearer \"x\"", &long]
        {
            assert_eq!(ask(Some(malformed)), Err(AuthError::Malformed), "{malformed}");
        }
        assert_eq!(ask(Some("Bearer cel_unknown")), Err(AuthError::Rejected));
        assert_eq!(
            Authenticator::new(ApiKeys::default()).authenticate_bearer(Some("Bearer x")),
            Err(AuthError::Rejected)
        );
    }

    #[test]
    fn the_challenge_follows_rfc_6750() {
        assert_eq!(AuthError::Missing.challenge(None), "Bearer realm=\"celosia\"");
        let rejected = AuthError::Rejected.challenge(Some("https://d.example.org/.well-known/x"));
        assert!(rejected.contains("error=\"invalid_token\""), "{rejected}");
        assert!(rejected.ends_with("resource_metadata=\"https://d.example.org/.well-known/x\""));
        assert!(!AuthError::Malformed.challenge(Some("a\"\r\nb")).contains('\n'));
    }
}
