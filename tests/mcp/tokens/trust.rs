//! A demo whose server trusts two providers, and the tokens that its tests send.

use super::super::client::{Client, LEGACY};
use super::super::http::Reply;
use super::super::server::{Demo, Server};
use crate::support::issuer::Issuer;
use crate::support::issuer::key::SigningKey;
use crate::support::issuer::token::{header, token};
use celosia::config::Config;
use celosia::identity::{RoleMap, Tokens};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The name by which tokens are meant for the server: its public URL and `/mcp`.
pub const AUDIENCE: &str = "http://127.0.0.1:8017/mcp";
/// The server's public URL.
pub const PUBLIC_URL: &str = "http://127.0.0.1:8017";
/// What every token of the first provider needs.
pub const SCOPE: &str = "celosia:read";

/// A demo's directory with a configuration that names providers.
pub fn configured(demo: &Demo, providers: &str) -> PathBuf {
    let text = demo.config(&[
        (
            "server: { listen: \"127.0.0.1:8017\" }",
            "server: { listen: \"127.0.0.1:8017\", public_url: \"http://127.0.0.1:8017/\" }",
        ),
        (
            "  api_keys: { file: keys.yaml }",
            &format!("  api_keys: {{ file: keys.yaml }}\n  oidc:\n{providers}"),
        ),
        ("  analyst:\n", "  analyst:\n    groups: [data-analysts]\n"),
    ]);
    demo.write("tokens.yaml", &text)
}

/// A provider as the configuration names it, with more keys after the usual ones.
pub fn entry(issuer: &Issuer, more: &str) -> String {
    format!("    - {{ issuer: \"{}\", attributes: {{ region: region }}{more} }}\n", issuer.url)
}

/// A server that takes the tokens of one provider.
pub fn serve(issuer: &Issuer, more: &str) -> Arc<Server> {
    let demo = Arc::new(Demo::new());
    let config = configured(&demo, &entry(issuer, more));
    Arc::new(Server::serve(&demo, &config))
}

/// The tokens of a configuration, without a server around them.
pub fn tokens(config: &Path) -> Tokens {
    let config = Config::load(config).unwrap();
    let groups = BTreeSet::from(["data-analysts".to_string()]);
    let roles = RoleMap::new([("analyst", &groups)]);
    Tokens::new(config.identity.oidc.clone(), roles).unwrap()
}

/// The claims of an analyst of the EU.
pub fn claims(issuer: &Issuer) -> Json {
    let now = now();
    json!({
        "iss": issuer.url, "aud": AUDIENCE, "sub": "ana", "exp": now + 600, "iat": now,
        "scope": SCOPE, "groups": ["data-analysts"], "region": "EU",
    })
}

/// The token of an analyst by this key.
pub fn good(issuer: &Issuer, key: &SigningKey) -> String {
    token(key, &header(key), &claims(issuer))
}

/// The same with other claims; null takes one away.
pub fn with(issuer: &Issuer, key: &SigningKey, changes: Json) -> String {
    let mut claims = claims(issuer);
    change(&mut claims, &changes);
    token(key, &header(key), &claims)
}

/// Sets members, or takes them away where they are null.
pub fn change(object: &mut Json, changes: &Json) {
    let object = object.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Json::Null => drop(object.remove(name)),
            value => drop(object.insert(name.clone(), value.clone())),
        }
    }
}

/// The reply to a small request with this token.
pub fn send(server: &Arc<Server>, token: &str) -> Reply {
    let client = Client::holding(server, token, LEGACY);
    client.send(&client.request("tools/list", json!({})))
}

/// The second of the Unix epoch.
pub fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}
