//! Who sends a request: decided before anything else of it is read.

use super::connection::Activity;
use super::metadata::ProtectedResource;
use super::refusal::Refusal;
use crate::model::Principal;
use crate::telemetry;
use async_trait::async_trait;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use std::net::IpAddr;

/// Proves who a caller is. `identity` implements it.
#[async_trait]
pub trait Authenticate: Send + Sync + 'static {
    /// The caller behind the value of an `Authorization` header, or the challenge to answer with.
    async fn authenticate(&self, authorization: Option<&str>) -> Result<Principal, Challenge>;

    /// The caller behind everything that a request and its connection bring.
    async fn identify(&self, sent: Credentials<'_>) -> Result<Principal, Challenge> {
        self.authenticate(sent.authorization).await
    }
}

/// What may say who sends a request.
#[derive(Debug, Clone, Copy)]
pub struct Credentials<'a> {
    /// The one `Authorization` header; empty where there are several.
    pub authorization: Option<&'a str>,
    /// Every header.
    pub headers: &'a HeaderMap,
    /// The address at the other end of the connection.
    pub address: Option<IpAddr>,
    /// The client's certificate that TLS has verified, if one was shown.
    pub certificate: Option<&'a [u8]>,
}

/// A refused caller, and how to come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The name of what is protected.
    pub realm: String,
    /// Why the caller was refused.
    pub reason: ChallengeReason,
    /// The scopes that a token needs.
    pub scopes: Vec<String>,
}

/// Why a caller was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChallengeReason {
    /// No credentials were sent.
    Missing,
    /// The credentials were not a bearer token, or not one that is known and valid.
    Invalid,
    /// The token is valid, and not for this: it lacks a scope.
    InsufficientScope,
    /// The client's certificate is verified, and nobody's here.
    UnknownCertificate,
    /// A proxy's headers that are not to be believed.
    Headers(&'static str),
    /// Nobody can say now whether the credentials are valid.
    Unavailable,
}

impl ChallengeReason {
    /// The reason's name in metrics.
    fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Invalid => "invalid",
            Self::InsufficientScope => "insufficient_scope",
            Self::UnknownCertificate => "unknown_certificate",
            Self::Headers(_) => "headers",
            Self::Unavailable => "unavailable",
        }
    }
}

/// The caller of a request with these headers. `resource` is told to one who has no token.
pub(super) async fn caller(
    authenticator: &dyn Authenticate,
    headers: &HeaderMap,
    connection: Option<&Activity>,
    resource: Option<&ProtectedResource>,
) -> Result<Principal, Box<Response>> {
    let mut sent = headers.get_all(AUTHORIZATION).iter();
    // Two credentials, or bytes that are no text, are no credential: neither is picked.
    let authorization = match (sent.next(), sent.next()) {
        (None, _) => None,
        (Some(one), None) => Some(one.to_str().unwrap_or_default()),
        (Some(_), Some(_)) => Some(""),
    };
    let sent = Credentials {
        authorization,
        headers,
        address: connection.map(Activity::address),
        certificate: connection.and_then(Activity::certificate),
    };
    let caller = authenticator.identify(sent).await;
    caller.map_err(|challenge| Box::new(refuse(&challenge, resource)))
}

fn refuse(challenge: &Challenge, resource: Option<&ProtectedResource>) -> Response {
    telemetry::authentication_failed(challenge.reason.as_str());
    let (status, message, hint) = match challenge.reason {
        ChallengeReason::Missing => (
            StatusCode::UNAUTHORIZED,
            "authentication is required",
            "send the header \"Authorization: Bearer <API key or access token>\"",
        ),
        ChallengeReason::Invalid => (
            StatusCode::UNAUTHORIZED,
            "the credentials are not valid",
            "check the API key or get a new access token, or ask the administrator for access",
        ),
        ChallengeReason::UnknownCertificate => {
            return Refusal::new(StatusCode::FORBIDDEN, "the certificate is nobody's here")
                .hint("ask the administrator for a rule in identity.certificates")
                .into_response();
        }
        ChallengeReason::Headers(why) => {
            return Refusal::new(StatusCode::BAD_REQUEST, why)
                .hint(
                    "a proxy has to take these headers from its clients and set its own, once each",
                )
                .into_response();
        }
        ChallengeReason::InsufficientScope => (
            StatusCode::FORBIDDEN,
            "the token lacks a scope",
            "get a token with the scopes that the WWW-Authenticate header names",
        ),
        ChallengeReason::Unavailable => {
            return Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the identity provider cannot be reached, so nobody is let in by its tokens",
            )
            .hint("try again in a few seconds, and tell the administrator")
            .retry()
            .into_response();
        }
    };
    let mut response = Refusal::new(status, message).hint(hint).into_response();
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge.header(resource));
    response
}

impl Challenge {
    /// The header as RFC 6750, RFC 9728 and the protocol's authorization chapter have it: no error where no
    /// token was sent, and where to go for one.
    fn header(&self, resource: Option<&ProtectedResource>) -> HeaderValue {
        let mut parts = vec![("realm", self.realm.clone())];
        let error = match self.reason {
            ChallengeReason::Missing
            | ChallengeReason::Unavailable
            | ChallengeReason::UnknownCertificate
            | ChallengeReason::Headers(_) => None,
            ChallengeReason::Invalid => {
                Some(("invalid_token", "the token is unknown or no longer valid"))
            }
            ChallengeReason::InsufficientScope => {
                Some(("insufficient_scope", "the token lacks a scope"))
            }
        };
        if let Some((error, description)) = error {
            parts.push(("error", error.to_string()));
            parts.push(("error_description", description.to_string()));
        }
        if !self.scopes.is_empty() {
            parts.push(("scope", self.scopes.join(" ")));
        }
        if let Some(resource) = resource {
            parts.push(("resource_metadata", resource.metadata_url()));
        }
        let parts: Vec<String> = parts
            .into_iter()
            .map(|(name, text)| format!("{name}=\"{}\"", quotable(&text)))
            .collect();
        HeaderValue::from_str(&format!("Bearer {}", parts.join(", ")))
            .unwrap_or(HeaderValue::from_static("Bearer"))
    }
}

/// A quote or a control character in a header would start something else.
fn quotable(text: &str) -> String {
    text.chars().filter(|c| (' '..='~').contains(c) && !"\"\\".contains(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(reason: ChallengeReason, scopes: &[&str], protected: bool) -> String {
        let resource = ProtectedResource {
            public_url: "https://data.example.org".into(),
            issuers: Vec::new(),
            scopes: Vec::new(),
        };
        let scopes = scopes.iter().map(ToString::to_string).collect();
        let challenge = Challenge { realm: "celosia".into(), reason, scopes };
        let header = challenge.header(protected.then_some(&resource));
        header.to_str().expect("text").to_string()
    }

    #[test]
    fn a_challenge_says_what_the_standards_ask_for() {
        let metadata = "resource_metadata=\"https://data.example.org/.well-known/oauth-protected-resource/mcp\"";
        assert_eq!(header(ChallengeReason::Missing, &[], false), "Bearer realm=\"celosia\"");
        assert_eq!(
            header(ChallengeReason::Missing, &["celosia:read", "x"], true),
            format!("Bearer realm=\"celosia\", scope=\"celosia:read x\", {metadata}")
        );
        assert_eq!(
            header(ChallengeReason::Invalid, &[], true),
            format!(
                "Bearer realm=\"celosia\", error=\"invalid_token\", \
                 error_description=\"the token is unknown or no longer valid\", {metadata}"
            )
        );
        assert_eq!(
            header(ChallengeReason::InsufficientScope, &["x"], true),
            format!(
                "Bearer realm=\"celosia\", error=\"insufficient_scope\", \
                 error_description=\"the token lacks a scope\", scope=\"x\", {metadata}"
            )
        );
    }

    #[test]
    fn a_challenge_is_a_header_whatever_the_realm() {
        let reason = ChallengeReason::Missing;
        let challenge = Challenge { realm: "ce\"lo\nsia é".into(), reason, scopes: Vec::new() };
        assert_eq!(challenge.header(None), "Bearer realm=\"celosia \"");
    }
}
