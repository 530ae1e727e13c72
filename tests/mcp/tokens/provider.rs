//! Providers that change their keys, lie, are slow to come or are gone; and clients that would have them asked.

use super::super::eventually;
use super::super::http::Request;
use super::super::server::{Demo, Server, celosia};
use super::trust::{PUBLIC_URL, configured, entry, good, send, serve, tokens};
use crate::support::block_on;
use crate::support::issuer::key::SigningKey;
use crate::support::issuer::token::{header, token};
use crate::support::issuer::{Issuer, KEYS, OAUTH, OPENID};
use celosia::identity::Refusal;
use serde_json::json;
use std::time::Instant;

#[test]
fn a_client_without_a_token_is_told_where_to_get_one() {
    let issuer = Issuer::start();
    let server = serve(&issuer, ", required_scopes: [\"celosia:read\"]");
    let url = format!("{PUBLIC_URL}/.well-known/oauth-protected-resource/mcp");
    let reply = Request::post("{}").send(server.address);
    assert_eq!(reply.status, 401);
    assert_eq!(
        reply.header("www-authenticate").unwrap(),
        format!("Bearer realm=\"celosia\", scope=\"celosia:read\", resource_metadata=\"{url}\"")
    );
    for path in
        ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"]
    {
        let reply = Request::get(path).send(server.address);
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(
            reply.json(),
            json!({
                "resource": format!("{PUBLIC_URL}/mcp"),
                "authorization_servers": [issuer.url],
                "bearer_methods_supported": ["header"],
                "resource_name": "Celosia",
                "scopes_supported": ["celosia:read"],
            })
        );
    }
    let plain = Server::shared();
    let reply = Request::get("/.well-known/oauth-protected-resource").send(plain.address);
    assert_eq!(reply.status, 404, "where no tokens are taken there is no metadata");
}

#[test]
fn keys_may_change_and_a_key_that_is_gone_lets_nobody_in() {
    let issuer = Issuer::start();
    let (old, new) = (SigningKey::new("1", "ES256"), SigningKey::new("2", "RS256"));
    issuer.publish(&[&old]);
    let server = serve(&issuer, "");
    assert_eq!(send(&server, &good(&issuer, &old)).status, 200);
    assert_eq!(send(&server, &good(&issuer, &new)).status, 401);
    issuer.publish(&[&old, &new]);
    assert_eq!(send(&server, &good(&issuer, &new)).status, 200, "it is asked for at once");
    assert_eq!(send(&server, &good(&issuer, &old)).status, 200, "both hold while both are there");
    // Another key of the same name, as a provider that was restored has.
    let third = SigningKey::new("3", "EdDSA");
    issuer.publish(&[&new, &third]);
    assert_eq!(send(&server, &good(&issuer, &third)).status, 200);
    assert_eq!(send(&server, &good(&issuer, &old)).status, 401, "it was taken back");
}

#[test]
fn keys_are_asked_for_again_when_they_are_due() {
    let issuer = Issuer::start();
    let (old, new) = (SigningKey::new("1", "ES256"), SigningKey::new("2", "ES256"));
    issuer.publish(&[&old]);
    let server = serve(&issuer, ", refresh: 1s");
    let token = good(&issuer, &old);
    assert_eq!(send(&server, &token).status, 200);
    issuer.publish(&[&new]);
    // Nobody names the new key: the old one goes because keys were due.
    eventually("the old key goes", || (send(&server, &token).status == 401).then_some(()));
}

#[test]
fn a_flood_of_unknown_keys_asks_the_provider_a_bounded_number_of_times() {
    let issuer = Issuer::start();
    let key = SigningKey::new("known", "ES256");
    issuer.publish(&[&key]);
    let server = serve(&issuer, "");
    let token_of = |name: String| {
        let mut header = header(&key);
        header["kid"] = json!(name);
        token(&key, &header, &super::trust::claims(&issuer))
    };
    assert_eq!(send(&server, &good(&issuer, &key)).status, 200);
    let started = Instant::now();
    let before = issuer.fetches();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (server, token_of) = (&server, &token_of);
            scope.spawn(move || {
                for i in 0..50 {
                    let reply = send(server, &token_of(format!("unknown-{thread}-{i}")));
                    assert_eq!(reply.status, 401);
                }
            });
        }
    });
    let fetches = issuer.fetches() - before;
    let may = 3 + usize::try_from(started.elapsed().as_secs()).unwrap() / 10 + 1;
    assert!((1..=may).contains(&fetches), "{fetches} for 400 requests, {may} at most");
    assert_eq!(send(&server, &good(&issuer, &key)).status, 200, "the flood stops nobody else");
}

#[test]
fn kept_keys_serve_while_the_provider_is_gone_until_they_are_too_old() {
    let issuer = Issuer::start();
    let key = SigningKey::new("1", "ES256");
    issuer.publish(&[&key]);
    let server = serve(&issuer, ", refresh: 1s, max_age: 8s");
    let token = good(&issuer, &key);
    let asked = Instant::now();
    assert_eq!(send(&server, &token).status, 200);
    issuer.fail();
    let mut served = 0;
    let refused = eventually("the keys are too old", || {
        let reply = send(&server, &token);
        served += usize::from(reply.status == 200);
        assert!(reply.status == 200 || reply.status == 503, "{}", reply.status);
        (reply.status == 503).then_some(reply)
    });
    assert!(served > 0 && asked.elapsed().as_secs() >= 7, "kept keys served before");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(refused.header("www-authenticate").is_none() && !refused.text().contains("127.0.0.1"));
    for _ in 0..5 {
        assert_eq!(send(&server, &token).status, 503, "no more until it answers again");
    }
    let key_holder = server.demo.key("analyst");
    assert_eq!(send(&server, &key_holder).status, 200, "API keys do not depend on it");
    issuer.recover();
    eventually("the provider is back", || (send(&server, &token).status == 200).then_some(()));
}

#[test]
fn nobody_is_let_in_where_the_provider_was_never_there() {
    let issuer = Issuer::start();
    let key = SigningKey::new("1", "ES256");
    issuer.publish(&[&key]);
    issuer.fail();
    let server = serve(&issuer, "");
    assert_eq!(send(&server, &good(&issuer, &key)).status, 503);
    issuer.recover();
    let token = good(&issuer, &key);
    eventually("the provider came", || (send(&server, &token).status == 200).then_some(()));
}

/// What one request with a good token finds, with a provider of this kind.
fn outcome(prepare: impl Fn(&Issuer), more: &str) -> Result<String, Refusal> {
    let issuer = Issuer::start();
    let key = SigningKey::new("1", "ES256");
    issuer.publish(&[&key]);
    prepare(&issuer);
    let demo = Demo::new();
    let tokens = tokens(&configured(&demo, &entry(&issuer, more)));
    let found = block_on(tokens.authenticate(&good(&issuer, &key)));
    found.map(|principal| principal.user().to_string())
}

#[test]
fn keys_are_found_where_the_standards_put_them() {
    let ana = Ok("ana".to_string());
    assert_eq!(outcome(|_| {}, ""), ana);
    assert_eq!(outcome(|issuer| issuer.instead(OPENID, 404, ""), ""), ana, "RFC 8414");
    let issuer = Issuer::start();
    let key = SigningKey::new("1", "ES256");
    issuer.publish(&[&key]);
    issuer.instead(OPENID, 500, "");
    issuer.instead(OAUTH, 500, "");
    let demo = Demo::new();
    let given = format!(", jwks_url: \"{}{KEYS}\"", issuer.url);
    let tokens = tokens(&configured(&demo, &entry(&issuer, &given)));
    assert!(block_on(tokens.authenticate(&good(&issuer, &key))).is_ok());
    assert_eq!(issuer.asked(OPENID) + issuer.asked(OAUTH), 0, "nothing is discovered then");
}

#[test]
fn a_provider_that_does_not_answer_as_it_should_lets_nobody_in() {
    let elsewhere = Issuer::start();
    elsewhere.publish(&[&SigningKey::new("1", "ES256")]);
    let metadata =
        |issuer: &str, keys: &str| json!({"issuer": issuer, "jwks_uri": keys}).to_string();
    type Prepare<'a> = Box<dyn Fn(&Issuer) + 'a>;
    let cases: Vec<(&str, Prepare)> = vec![
        ("gone", Box::new(Issuer::fail)),
        ("the metadata of another", {
            let text = metadata(&elsewhere.url, &format!("{}{KEYS}", elsewhere.url));
            Box::new(move |issuer| issuer.instead(OPENID, 200, &text))
        }),
        ("a redirect of the metadata", {
            let to = format!("{}{OPENID}", elsewhere.url);
            Box::new(move |issuer| {
                issuer.redirect(OPENID, &to);
                issuer.redirect(OAUTH, &to);
            })
        }),
        ("a redirect of the keys", {
            let to = format!("{}{KEYS}", elsewhere.url);
            Box::new(move |issuer| issuer.redirect(KEYS, &to))
        }),
        (
            "keys without TLS from another machine",
            Box::new(|issuer| {
                let text = metadata(&issuer.url, "http://192.0.2.1/keys");
                issuer.instead(OPENID, 200, &text);
            }),
        ),
        (
            "keys from a file",
            Box::new(|issuer| {
                let text = metadata(&issuer.url, "file:///etc/passwd");
                issuer.instead(OPENID, 200, &text);
            }),
        ),
        ("metadata that is none", Box::new(|issuer| issuer.instead(OPENID, 200, "<html>"))),
        ("keys that are none", Box::new(|issuer| issuer.instead(KEYS, 200, "<html>"))),
        ("keys that are cut", Box::new(|issuer| issuer.instead(KEYS, 200, "{\"keys\": ["))),
        (
            "more than anybody's keys",
            Box::new(|issuer| {
                let text = format!("{{\"keys\": [], \"x\": \"{}\"}}", "x".repeat(300 << 10));
                issuer.instead(KEYS, 200, &text);
            }),
        ),
        ("keys that have moved", Box::new(|issuer| issuer.instead(KEYS, 404, ""))),
    ];
    for (name, prepare) in cases {
        assert_eq!(outcome(prepare, ""), Err(Refusal::Unavailable), "{name}");
    }
    assert_eq!(elsewhere.fetches(), 0, "no redirect is followed");
    let none = outcome(|issuer| issuer.publish(&[]), "");
    assert_eq!(none, Err(Refusal::UnknownKey), "no keys at all are an answer too");
}

#[test]
fn a_provider_with_tls_is_known_by_its_certificate() {
    let issuer = Issuer::start_tls();
    let key = SigningKey::new("1", "ES256");
    issuer.publish(&[&key]);
    let demo = Demo::new();
    let ask = |more: &str| {
        let tokens = tokens(&configured(&demo, &entry(&issuer, more)));
        block_on(tokens.authenticate(&good(&issuer, &key))).map(drop)
    };
    assert_eq!(ask(""), Err(Refusal::Unavailable), "an authority that nobody knows");
    assert_eq!(issuer.fetches(), 0);
    assert_eq!(ask(&format!(", ca: \"{}\"", issuer.authority().display())), Ok(()));
}

#[test]
fn check_asks_the_providers() {
    let issuer = Issuer::start();
    issuer.publish(&[&SigningKey::new("1", "RS256"), &SigningKey::new("2", "ES256")]);
    let demo = Demo::new();
    let config = configured(&demo, &entry(&issuer, ""));
    let check = || celosia(&["check", "--config", config.to_str().unwrap()]);
    let said = check();
    let text = String::from_utf8(said.stdout).unwrap();
    assert!(said.status.success(), "{text}");
    assert!(text.contains(&format!("identity provider {}: 2 keys", issuer.url)), "{text}");
    issuer.fail();
    let said = check();
    assert_eq!(said.status.code(), Some(1));
    let text = String::from_utf8(said.stderr).unwrap();
    assert!(text.contains(&format!("identity provider {}: ", issuer.url)), "{text}");
}
