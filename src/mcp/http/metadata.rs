//! What is told to a client that has no token yet: the metadata of this resource (RFC 9728).

use super::refusal::json_response;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::{Value as Json, json};

/// Where the metadata is: below this at the root, and with the path of what is protected after it.
pub(super) const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// A protected resource and who gives tokens for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtectedResource {
    /// The URL by which clients know the server, without a slash at its end.
    pub public_url: String,
    /// The issuers of tokens.
    pub issuers: Vec<String>,
    /// Scopes that tokens may need.
    pub scopes: Vec<String>,
}

impl ProtectedResource {
    /// Where clients find the metadata, for a challenge.
    pub(super) fn metadata_url(&self) -> String {
        format!("{}{WELL_KNOWN}/mcp", self.public_url)
    }

    /// The metadata. It is the same for everybody, and holds nothing that a challenge does not.
    pub(super) fn response(&self) -> Response {
        let mut response = json_response(StatusCode::OK, &self.document());
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
        response
    }

    fn document(&self) -> Json {
        let mut document = json!({
            "resource": format!("{}/mcp", self.public_url),
            "authorization_servers": self.issuers,
            "bearer_methods_supported": ["header"],
            "resource_name": "Celosia",
        });
        if !self.scopes.is_empty() {
            document["scopes_supported"] = json!(self.scopes);
        }
        document
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metadata_names_the_resource_and_the_issuers() {
        let mut resource = ProtectedResource {
            public_url: "https://data.example.org".into(),
            issuers: vec!["https://id.example.org".into()],
            scopes: Vec::new(),
        };
        let url = "https://data.example.org/.well-known/oauth-protected-resource/mcp";
        assert_eq!(resource.metadata_url(), url);
        let document = resource.document();
        assert_eq!(document["resource"], "https://data.example.org/mcp");
        assert_eq!(document["authorization_servers"], json!(["https://id.example.org"]));
        assert!(document.get("scopes_supported").is_none());
        resource.scopes = vec!["celosia:read".into()];
        assert_eq!(resource.document()["scopes_supported"], json!(["celosia:read"]));
    }
}
