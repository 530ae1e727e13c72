//! Where a provider's keys are: OpenID Connect Discovery and RFC 8414.

use super::fetch::{FetchError, Fetcher};
use super::jwk::{Key, parse_keys};
use crate::model::TokenProvider;
use serde::Deserialize;

/// What is read of a provider's metadata.
#[derive(Debug, Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

/// The keys that the provider publishes now.
pub(super) async fn published_keys(
    fetcher: &Fetcher,
    provider: &TokenProvider,
) -> Result<Vec<Key>, String> {
    let url = match &provider.jwks_url {
        Some(url) => url.clone(),
        None => discover(fetcher, &provider.issuer).await?,
    };
    let body = fetcher.get(&url).await.map_err(|error| format!("{url}: {error}"))?;
    parse_keys(&body).ok_or_else(|| format!("{url}: this is not a set of keys"))
}

/// The address of the issuer's keys, by the first of its metadata that is there.
async fn discover(fetcher: &Fetcher, issuer: &str) -> Result<String, String> {
    let mut told = String::new();
    for url in well_known(issuer) {
        let body = match fetcher.get(&url).await {
            Ok(body) => body,
            Err(error) => {
                told = format!("{url}: {error}");
                match error {
                    FetchError::Status(_) => continue,
                    FetchError::Failed(_) => break,
                }
            }
        };
        let metadata: Metadata = serde_json::from_slice(&body)
            .map_err(|_| format!("{url}: this is not a provider's metadata"))?;
        // Otherwise one provider could speak for another (RFC 8414, section 3.3).
        if metadata.issuer != issuer {
            return Err(format!("{url}: it is the metadata of another issuer"));
        }
        return Ok(metadata.jwks_uri);
    }
    Err(told)
}

/// The addresses at which an issuer's metadata may be.
fn well_known(issuer: &str) -> Vec<String> {
    const OPENID: &str = "/.well-known/openid-configuration";
    const OAUTH: &str = "/.well-known/oauth-authorization-server";
    let issuer = issuer.trim_end_matches('/');
    let host = issuer.find("://").map_or(0, |scheme| scheme + 3);
    let (origin, path) =
        issuer.split_at(issuer[host..].find('/').map_or(issuer.len(), |at| host + at));
    let mut urls = vec![format!("{issuer}{OPENID}"), format!("{origin}{OAUTH}{path}")];
    if !path.is_empty() {
        urls.push(format!("{origin}{OPENID}{path}"));
    }
    urls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_looked_for_where_the_standards_put_it() {
        assert_eq!(
            well_known("https://id.example.org/"),
            [
                "https://id.example.org/.well-known/openid-configuration",
                "https://id.example.org/.well-known/oauth-authorization-server",
            ]
        );
        assert_eq!(
            well_known("http://[::1]:80/realms/x"),
            [
                "http://[::1]:80/realms/x/.well-known/openid-configuration",
                "http://[::1]:80/.well-known/oauth-authorization-server/realms/x",
                "http://[::1]:80/.well-known/openid-configuration/realms/x",
            ]
        );
    }
}
