//! `celosia token explain`.

use super::super::server::{BINARY, Demo, celosia};
use super::trust::{configured, entry, good, with};
use crate::support::issuer::Issuer;
use crate::support::issuer::key::SigningKey;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

struct Stage {
    issuer: Issuer,
    key: SigningKey,
    demo: Demo,
    config: PathBuf,
}

impl Stage {
    fn new() -> Self {
        let (issuer, demo) = (Issuer::start(), Demo::new());
        let key = SigningKey::new("k1", "ES256");
        issuer.publish(&[&key]);
        let config = configured(&demo, &entry(&issuer, ", required_scopes: [\"celosia:read\"]"));
        Self { issuer, key, demo, config }
    }

    /// Whether the token would be let in, and everything that is said about it.
    fn explain(&self, token: &str) -> (bool, String) {
        let file = self.demo.write("token", &format!("{token}\n"));
        let config = self.config.to_str().unwrap();
        let done = celosia(&[
            "token",
            "explain",
            "--config",
            config,
            "--token-file",
            file.to_str().unwrap(),
        ]);
        let said = String::from_utf8([done.stdout, done.stderr].concat()).unwrap();
        for part in token.split('.').filter(|part| part.len() > 20) {
            assert!(!said.contains(part), "the token is told: {said}");
        }
        (done.status.success(), said)
    }
}

#[test]
fn a_token_is_explained() {
    let stage = Stage::new();
    let (fine, said) = stage.explain(&good(&stage.issuer, &stage.key));
    assert!(fine, "{said}");
    for line in [
        &*format!("issuer      {}", stage.issuer.url),
        "algorithm   ES256",
        "key         k1",
        "user        ana",
        "groups      data-analysts",
        "roles       analyst",
        "attribute   user.region = EU",
    ] {
        assert!(said.lines().any(|found| found == line), "{line}\n{said}");
    }
    assert!(said.contains("expires     20") && said.contains("minutes from now)"), "{said}");
}

#[test]
fn what_keeps_a_token_out_or_rows_closed_is_said() {
    let stage = Stage::new();
    let told = |changes| stage.explain(&with(&stage.issuer, &stage.key, changes));
    let (fine, said) = told(json!({"exp": 1, "aud": "other", "scope": "openid"}));
    assert!(!fine);
    for reason in ["it has expired", "its audience", "it lacks the scope celosia:read"] {
        assert!(said.contains(&format!("it would be refused: {reason}")), "{reason}: {said}");
    }
    assert!(said.contains("user        ana") && said.contains("roles       analyst"), "{said}");
    let (fine, said) = told(json!({"region": null}));
    assert!(fine, "it is let in, and rows are closed: {said}");
    assert!(said.contains("missing     user.region: there is no claim \"region\""), "{said}");
    assert!(
        said.contains("closed      ") && said.contains("has no attribute \"region\""),
        "{said}"
    );
    let forged = SigningKey::new("k1", "ES256");
    let (fine, said) = stage.explain(&good(&stage.issuer, &forged));
    assert!(!fine && said.contains("its signature is not"), "{said}");
    stage.issuer.fail();
    let (fine, said) = stage.explain(&good(&stage.issuer, &stage.key));
    assert!(!fine && said.contains("keys cannot be had now"), "{said}");
}

#[test]
fn an_api_key_and_nothing_are_explained_too() {
    let stage = Stage::new();
    let key = stage.demo.key("analyst");
    let (fine, said) = stage.explain(&key);
    assert!(fine && said.contains("an API key") && said.contains("roles       analyst"), "{said}");
    assert!(!said.contains(&key));
    let (fine, said) = stage.explain("");
    assert!(!fine && said.contains("three parts"), "{said}");
}

#[test]
fn a_token_may_come_by_standard_input() {
    let stage = Stage::new();
    let mut command = Command::new(BINARY);
    command.args(["token", "explain", "--config", stage.config.to_str().unwrap()]);
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let token = good(&stage.issuer, &stage.key);
    process.stdin.take().unwrap().write_all(token.as_bytes()).unwrap();
    let done = process.wait_with_output().unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success() && said.contains("user        ana"), "{said}");
}
