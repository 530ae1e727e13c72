//! An identity provider whose tokens are taken, as it is configured.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// A provider of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenProvider {
    /// The issuer, as its tokens name it, byte for byte.
    pub issuer: String,
    /// The names by which tokens are meant for this server; a token needs one of them.
    pub audiences: Vec<String>,
    /// Where its keys are; discovered from the issuer where it is not given.
    pub jwks_url: Option<String>,
    /// The algorithms that its tokens may be signed with.
    pub algorithms: Vec<Algorithm>,
    /// Scopes that every token needs.
    pub required_scopes: Vec<String>,
    /// The claim that names the user.
    pub user_claim: String,
    /// The claim that lists the user's groups.
    pub groups_claim: String,
    /// What row filters know as `user.*`, and the claims it comes from.
    pub attributes: BTreeMap<String, String>,
    /// How far the provider's clock and ours may be apart.
    pub clock_skew: Duration,
    /// Whether a token must say that it is an access token (RFC 9068).
    pub access_tokens_only: bool,
    /// How old keys may be before they are asked for again.
    pub refresh: Duration,
    /// How old keys may be before nobody is let in by them.
    pub max_age: Duration,
    /// The file of the only certificates that the provider may be known by; the system's otherwise.
    pub ca: Option<PathBuf>,
}

/// How a token may be signed. All of them are by a private key that only the provider has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// RSA PKCS #1 v1.5 with SHA-256.
    Rs256,
    /// RSA PSS with SHA-256.
    Ps256,
    /// ECDSA over P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// Every algorithm that is taken.
    pub const ALL: [Self; 4] = [Self::Rs256, Self::Ps256, Self::Es256, Self::EdDsa];

    /// The algorithm's registered name.
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Rs256 => "RS256",
            Algorithm::Ps256 => "PS256",
            Algorithm::Es256 => "ES256",
            Algorithm::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of a registered name, which is case-sensitive.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}

/// Whether keys may be fetched from `url`: by TLS, or from this very machine. It holds no login, query or
/// fragment.
pub fn is_provider_url(url: &str) -> bool {
    let (rest, tls) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (rest, true),
        (None, Some(rest)) => (rest, false),
        (None, None) => return false,
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/:[]%+=,;!$&'()*".contains(&b);
    let host = match authority.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let local = matches!(host, "127.0.0.1" | "localhost" | "::1");
    !host.is_empty() && rest.bytes().all(plain) && (tls || local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithms_have_one_spelling() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::named(algorithm.as_str()), Some(algorithm));
        }
        for other in ["none", "None", "HS256", "rs256", "RS384", "ES256K", "", "EdDSA "] {
            assert_eq!(Algorithm::named(other), None, "{other}");
        }
    }

    #[test]
    fn keys_come_by_tls_or_from_this_machine() {
        for url in [
            "https://id.example.org",
            "https://id.example.org:8443/realms/data",
            "http://127.0.0.1:8080",
            "http://localhost/x",
            "http://[::1]:80/x",
        ] {
            assert!(is_provider_url(url), "{url}");
        }
        for url in [
            "",
            "id.example.org",
            "https://",
            "https:///x",
            "http://id.example.org",
            "http://127.0.0.1.evil.org",
            "http://localhost@evil.org/",
            "https://ana@id.example.org",
            "https://id.example.org/?x=1",
            "https://id.example.org/#x",
            "https://id.example.org/ x",
            "https://id.exämple.org",
            "file:///etc/passwd",
            "HTTPS://id.example.org",
        ] {
            assert!(!is_provider_url(url), "{url}");
        }
    }
}
