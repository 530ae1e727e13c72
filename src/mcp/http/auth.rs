//! Who sends a request: decided before anything else of it is read.

use super::refusal::Refusal;
use crate::model::Principal;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;

/// Proves who a caller is. `identity` implements it.
pub trait Authenticate: Send + Sync + 'static {
    /// The caller behind the value of an `Authorization` header, or the challenge to answer with.
    fn authenticate(&self, authorization: Option<&str>) -> Result<Principal, Challenge>;
}

/// A refused caller, and how to come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The name of what is protected.
    pub realm: String,
    /// Why the caller was refused.
    pub reason: ChallengeReason,
}

/// Why a caller was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChallengeReason {
    /// No credentials were sent.
    Missing,
    /// The credentials were not a bearer token, or not one that is known and valid.
    Invalid,
}

/// The caller of a request with these headers.
pub(super) fn caller(
    authenticator: &dyn Authenticate,
    headers: &HeaderMap,
) -> Result<Principal, Box<Response>> {
    let mut sent = headers.get_all(AUTHORIZATION).iter();
    // Two credentials, or bytes that are no text, are no credential: neither is picked.
    let authorization = match (sent.next(), sent.next()) {
        (None, _) => None,
        (Some(one), None) => Some(one.to_str().unwrap_or_default()),
        (Some(_), Some(_)) => Some(""),
    };
    authenticator.authenticate(authorization).map_err(|challenge| Box::new(refuse(&challenge)))
}

fn refuse(challenge: &Challenge) -> Response {
    let (message, hint) = match challenge.reason {
        ChallengeReason::Missing => {
            ("authentication is required", "send the header \"Authorization: Bearer <API key>\"")
        }
        ChallengeReason::Invalid => (
            "the credentials are not valid",
            "check the API key in the client's configuration, or ask the administrator for one",
        ),
    };
    let mut response = Refusal::new(StatusCode::UNAUTHORIZED, message).hint(hint).into_response();
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge.header());
    response
}

impl Challenge {
    fn header(&self) -> HeaderValue {
        let realm: String = self
            .realm
            .chars()
            .filter(|c| (' '..='~').contains(c) && !"\"\\".contains(*c))
            .collect();
        let value = match self.reason {
            ChallengeReason::Missing => format!("Bearer realm=\"{realm}\""),
            ChallengeReason::Invalid => format!(
                "Bearer realm=\"{realm}\", error=\"invalid_token\", \
                 error_description=\"the token is unknown or no longer valid\""
            ),
        };
        HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static("Bearer"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_a_header_whatever_the_realm() {
        let challenge =
            Challenge { realm: "ce\"lo\nsia é".into(), reason: ChallengeReason::Missing };
        assert_eq!(challenge.header(), "Bearer realm=\"celosia \"");
        let challenge = Challenge { reason: ChallengeReason::Invalid, ..challenge };
        assert!(challenge.header().to_str().unwrap().contains("error=\"invalid_token\""));
    }
}
