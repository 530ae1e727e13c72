//! The cases of `cases.yaml`, over HTTP and by the explanation.

use super::super::http::Reply;
use super::super::server::{Demo, Server};
use super::trust::{
    AUDIENCE, PUBLIC_URL, SCOPE, change, claims, configured, entry, now, send, tokens,
};
use crate::support::block_on;
use crate::support::issuer::Issuer;
use crate::support::issuer::key::SigningKey;
use crate::support::issuer::token::{Form, formed, header};
use celosia::identity::Tokens;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A token, and what becomes of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    key: String,
    #[serde(default)]
    header: Map<String, Json>,
    #[serde(default)]
    claims: Map<String, Json>,
    header_text: Option<String>,
    claims_text: Option<String>,
    #[serde(default)]
    form: Form,
    /// The token as it is written.
    raw: Option<String>,
    status: u16,
    because: Option<String>,
    roles: Option<Vec<String>>,
}

/// The provider with the keys of the cases, and another one.
struct Stage {
    issuer: Issuer,
    other: Issuer,
    keys: BTreeMap<&'static str, SigningKey>,
}

impl Stage {
    fn new() -> Self {
        let keys = [
            ("rs", "rs", "RS256"),
            ("ps", "ps", "PS256"),
            ("es", "es", "ES256"),
            ("ed", "ed", "EdDSA"),
            ("stranger", "es", "ES256"),
            ("gone", "gone", "ES256"),
            ("enc", "enc", "RS256"),
            ("private", "private", "ES256"),
        ];
        let keys: BTreeMap<_, _> = keys
            .map(|(id, name, algorithm)| (id, SigningKey::new(name, algorithm)))
            .into_iter()
            .collect();
        let (issuer, other) = (Issuer::start(), Issuer::start());
        let mut published: Vec<Json> =
            ["rs", "ps", "es", "ed", "enc", "private"].map(|id| keys[id].jwk()).into();
        published[4]["use"] = json!("enc");
        published[5]["d"] = json!("AAAA");
        published.push(json!({"kty": "oct", "kid": "oct", "k": "", "alg": "HS256", "use": "sig"}));
        published.push(json!({"kty": "of tomorrow", "kid": "new"}));
        issuer.publish_raw(published);
        other.publish(&[&SigningKey::new("es", "ES256")]);
        Self { issuer, other, keys }
    }

    fn token(&self, case: &Case) -> String {
        if let Some(raw) = &case.raw {
            return raw.clone();
        }
        let key = &self.keys[&*case.key];
        let text = |usual: Json, changes: &Map<String, Json>, whole: &Option<String>| {
            let mut object = usual;
            let changes = changes.iter().map(|(name, value)| (name.clone(), written(value, key)));
            change(&mut object, &Json::Object(changes.collect()));
            self.filled(whole.as_ref().unwrap_or(&object.to_string()))
        };
        let header = text(header(key), &case.header, &case.header_text);
        let claims = text(claims(&self.issuer), &case.claims, &case.claims_text);
        formed(case.form, key, &header, &claims)
    }

    /// The text with what its names stand for.
    fn filled(&self, text: &str) -> String {
        let deep = format!("{}{}", "[".repeat(300), "]".repeat(300));
        let mut text = text
            .replace("ISSUER", &self.issuer.url)
            .replace("OTHER", &self.other.url)
            .replace("AUDIENCE", AUDIENCE)
            .replace("DEEP", &deep);
        while let Some(start) = text.find("\"RAW(") {
            let end = start + text[start..].find(")\"").unwrap();
            text = format!("{}{}{}", &text[..start], &text[start + 5..end], &text[end + 2..]);
        }
        text
    }
}

/// The value that a case means.
fn written(value: &Json, key: &SigningKey) -> Json {
    let Some(object) = value.as_object().filter(|object| object.len() == 1) else {
        return value.clone();
    };
    match object.iter().next().map(|(name, value)| (name.as_str(), value)) {
        Some(("now", seconds)) => json!(now() + seconds.as_i64().unwrap()),
        Some(("json", text)) => json!(format!("RAW({})", text.as_str().unwrap())),
        Some(("long", length)) => {
            json!("x".repeat(usize::try_from(length.as_u64().unwrap()).unwrap()))
        }
        Some(("own", _)) => key.jwk(),
        _ => value.clone(),
    }
}

/// What is wrong with the reply to a token.
fn reply_defect(case: &Case, token: &str, reply: &Reply) -> Option<String> {
    if reply.status != case.status {
        return Some(format!("status {} instead of {}", reply.status, case.status));
    }
    let body = reply.text();
    if token.len() > 10 && body.contains(token) {
        return Some(format!("the token is told: {body}"));
    }
    let metadata =
        format!("resource_metadata=\"{PUBLIC_URL}/.well-known/oauth-protected-resource/mcp\"");
    let challenge = reply.header("www-authenticate").unwrap_or_default();
    let wanted = match case.status {
        200 => return (!challenge.is_empty()).then(|| format!("a challenge: {challenge}")),
        401 => format!(
            "Bearer realm=\"celosia\", error=\"invalid_token\", error_description=\"the token is unknown \
             or no longer valid\", {metadata}"
        ),
        _ => format!(
            "Bearer realm=\"celosia\", error=\"insufficient_scope\", error_description=\"the token lacks a \
             scope\", scope=\"{SCOPE}\", {metadata}"
        ),
    };
    // The same words for every token that is no good: nobody learns which check it failed.
    let same = body.contains("-32000") && challenge == wanted;
    (!same).then(|| format!("{challenge}\n  {body}"))
}

/// What is wrong with the explanation of a token.
fn explanation_defect(case: &Case, token: &str, tokens: &Tokens) -> Option<String> {
    let told = block_on(tokens.explain(token));
    let reasons: Vec<String> = told.refusals.iter().map(ToString::to_string).collect();
    let Some(because) = &case.because else {
        let wanted = case.roles.clone().unwrap_or(vec!["analyst".to_string()]);
        let roles: Vec<String> = told.roles.iter().cloned().collect();
        let fine = told.principal.is_some() && reasons.is_empty() && roles == wanted;
        return (!fine).then(|| format!("{reasons:?} {roles:?}"));
    };
    let fine = told.principal.is_none() && reasons.iter().any(|reason| reason.contains(because));
    (!fine).then(|| format!("not because of {because:?}: {reasons:?}"))
}

#[test]
fn every_token_has_the_reply_it_should() {
    let stage = Stage::new();
    let demo = Arc::new(Demo::new());
    let providers = entry(&stage.issuer, &format!(", required_scopes: [\"{SCOPE}\"]"))
        + &entry(&stage.other, &format!(", required_scopes: [\"{SCOPE}\", other]"));
    let config = configured(&demo, &providers);
    let server = Arc::new(Server::serve_talkative(&demo, &config));
    let tokens = tokens(&config);
    let cases: Vec<Case> = serde_saphyr::from_str(include_str!("cases.yaml")).unwrap();
    let mut defects = Vec::new();
    let mut sent = Vec::new();
    for case in &cases {
        let token = stage.token(case);
        let reply = send(&server, &token);
        let found = [reply_defect(case, &token, &reply), explanation_defect(case, &token, &tokens)];
        defects
            .extend(found.into_iter().flatten().map(|defect| format!("{}: {defect}", case.name)));
        sent.push(token);
    }
    assert!(defects.is_empty(), "{}", defects.join("\n"));
    assert!(cases.len() >= 100 && cases.iter().filter(|case| case.status != 200).count() >= 100);
    let log = server.log();
    assert!(log.contains("a token was refused"), "the log talks");
    for token in sent {
        let parts = token.split('.').filter(|part| part.len() > 20);
        let told: Vec<&str> = parts.filter(|part| log.contains(*part)).collect();
        assert!(told.is_empty(), "a part of a token is in the log: {told:?}");
    }
}
