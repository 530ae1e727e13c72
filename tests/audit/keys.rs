//! Keys that `openssl genpkey -algorithm ed25519` made for these tests; they protect nothing.

use celosia::audit::SigningKey;

pub const ONE: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIKk5EmcCy4NBI/kwg7JgogwTLI5a4vAnHCHs1up57iSV
-----END PRIVATE KEY-----
";

pub const ANOTHER: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJWWsMwGt82jBe51SeAbik8OlLD1jvAjQUMzYs1JhHhU
-----END PRIVATE KEY-----
";

pub fn signing(text: &str) -> SigningKey {
    SigningKey::parse(text).unwrap()
}
