//! Who the holder of a token is: roles, attributes, and nobody else.

use super::super::client::{Client, MODERN};
use super::super::server::{Demo, Server};
use super::trust::{configured, entry, good, serve, with};
use crate::support::issuer::Issuer;
use crate::support::issuer::key::SigningKey;
use serde_json::{Value as Json, json};
use std::sync::Arc;

const REGIONS: &str = "SELECT DISTINCT region FROM shop.main.customers ORDER BY region";

fn stage() -> (Issuer, SigningKey, Arc<Server>) {
    let issuer = Issuer::start();
    let key = SigningKey::new("1", "ES256");
    issuer.publish(&[&key]);
    let server = serve(&issuer, "");
    (issuer, key, server)
}

#[test]
fn claims_are_roles_and_attributes_of_the_policy() {
    let (issuer, key, server) = stage();
    for (region, wanted) in [("EU", json!([["EU"]])), ("US", json!([["US"]])), ("x", json!([]))] {
        let token = with(&issuer, &key, json!({"region": region}));
        assert_eq!(Client::holding(&server, &token, MODERN).rows(REGIONS), wanted, "{region}");
    }
    let outsider = with(&issuer, &key, json!({"groups": ["compliance"]}));
    let outsider = Client::holding(&server, &outsider, MODERN);
    let error = outsider.error("query", json!({"sql": REGIONS}));
    assert_eq!(error["code"], "unknown_name", "{error}");
}

#[test]
fn a_missing_attribute_closes() {
    let (issuer, key, server) = stage();
    let absent = Client::holding(&server, &server.demo.key("support"), MODERN)
        .error("query", json!({"sql": "SELECT region FROM shop.main.customerz"}));
    assert_eq!(absent["code"], "unknown_name");
    for region in [Json::Null, json!({"EU": true}), json!([["EU"]]), json!(1.5), json!("E\u{0}U")] {
        let token = with(&issuer, &key, json!({"region": region}));
        let client = Client::holding(&server, &token, MODERN);
        let error = client.error("query", json!({"sql": REGIONS}));
        assert_eq!(error["code"], "unknown_name", "{region}: {error}");
        client.still_answers();
    }
}

#[test]
fn two_providers_may_know_one_name_each() {
    let (one, two) = (Issuer::start(), Issuer::start());
    let (first, second) = (SigningKey::new("1", "ES256"), SigningKey::new("1", "ES256"));
    one.publish(&[&first]);
    two.publish(&[&second]);
    let demo = Arc::new(Demo::new());
    let config = configured(&demo, &(entry(&one, "") + &entry(&two, "")));
    let server = Arc::new(Server::serve(&demo, &config));
    let ana = Client::holding(&server, &good(&one, &first), MODERN);
    let namesake = Client::holding(&server, &good(&two, &second), MODERN);
    let page = json!({"sql": "SELECT id FROM shop.main.orders ORDER BY id", "limit": 2});
    let handle = ana.answer("query", page)["handle"].clone();
    let error = namesake.error("fetch", json!({"handle": handle}));
    assert_eq!(error["code"], "unknown_handle", "a result belongs to one of them");
    // A new token of the same person goes on where the old one was.
    let later = Client::holding(&server, &good(&one, &first), MODERN);
    assert!(later.answer("fetch", json!({"handle": handle}))["rows"].is_array());
}

#[test]
fn the_audit_knows_the_user_and_not_the_token() {
    let (issuer, key, server) = stage();
    let token = good(&issuer, &key);
    Client::holding(&server, &token, MODERN).rows(REGIONS);
    let mut recorded = Vec::new();
    for file in ["audit.db", "audit.db-wal"] {
        recorded.extend(std::fs::read(server.demo.path().join(file)).unwrap_or_default());
    }
    let recorded = String::from_utf8_lossy(&recorded);
    let who = format!("\"principal_kind\":\"token\",\"issuer\":\"{}\"", issuer.url);
    assert!(recorded.contains("\"user\":\"ana\"") && recorded.contains(&who));
    for part in token.split('.') {
        assert!(!recorded.contains(part), "a part of the token is in the audit");
    }
}
