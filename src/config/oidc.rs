//! `identity.oidc`: the identity providers whose tokens are taken.

use super::raw::given;
use super::units::Span;
use super::validate::Checker;
use crate::model::{Algorithm, TokenProvider, is_provider_url};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;
use std::collections::BTreeMap;
use std::time::Duration;

/// The shortest time after which keys may be too old: failed tries to get them are 5 s apart.
const SHORTEST_AGE: Duration = Duration::from_secs(6);

/// An identity provider.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProvider {
    /// The issuer as its tokens name it, letter for letter, such as `https://id.example.org`.
    #[schemars(with = "String")]
    issuer: Spanned<String>,
    /// The name, or names, by which tokens are meant for this server; `server.public_url` and `/mcp` unless given.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<RawTexts>")]
    audience: Option<Spanned<RawTexts>>,
    /// Where the provider's keys are; discovered from the issuer unless given.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    jwks_url: Option<Spanned<String>>,
    /// How tokens may be signed; RS256, PS256, ES256 and EdDSA unless given.
    #[serde(default, deserialize_with = "given")]
    algorithms: Option<Vec<RawAlgorithm>>,
    /// Scopes that every token needs.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    required_scopes: Vec<Spanned<String>>,
    /// The claim that names the user; `sub` unless given.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    user_claim: Option<Spanned<String>>,
    /// The claim that lists the user's groups, such as `realm_access.roles`; `groups` unless given.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    groups_claim: Option<Spanned<String>>,
    /// What row filters know as `user.*`, and the claims it comes from: `region: address.region`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    attributes: BTreeMap<String, Spanned<String>>,
    /// How far the provider's clock and ours may be apart; `60s` unless given.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    clock_skew: Option<Spanned<Span>>,
    /// Whether a token must say that it is an access token (`typ: at+jwt`, RFC 9068).
    #[serde(default, deserialize_with = "given")]
    access_tokens_only: Option<bool>,
    /// How old keys may be before they are asked for again; `10m` unless given.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    refresh: Option<Spanned<Span>>,
    /// How old keys may be, when the provider cannot be reached, before nobody is let in by them; `1h` unless given.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    max_age: Option<Spanned<Span>>,
    /// A file of the only certificates (PEM) that the provider may be known by; the system's unless given.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    ca: Option<Spanned<String>>,
}

/// One text, or several.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum RawTexts {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

/// An algorithm for signatures.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
enum RawAlgorithm {
    #[serde(rename = "RS256")]
    Rs256,
    #[serde(rename = "PS256")]
    Ps256,
    #[serde(rename = "ES256")]
    Es256,
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Checker<'_> {
    /// The providers; `public_url` is where clients find this server.
    pub(super) fn providers(
        &mut self,
        raw: Vec<RawProvider>,
        public_url: Option<&str>,
    ) -> Vec<TokenProvider> {
        let mut providers: Vec<TokenProvider> = Vec::new();
        for (i, raw) in raw.into_iter().enumerate() {
            let key = format!("identity.oidc[{i}]");
            let at = format!("{key}.issuer");
            if providers.iter().any(|other| other.issuer == raw.issuer.value) {
                self.error(&raw.issuer, &at, "another provider has this issuer");
            }
            if !is_provider_url(&raw.issuer.value) {
                let message = "write the issuer's URL, such as https://id.example.org";
                self.error(&raw.issuer, &at, message);
            }
            if public_url.is_none() {
                let message = "set server.public_url: clients are told by it where to get a token";
                self.error(&raw.issuer, &at, message);
            }
            providers.push(self.provider(raw, &key, public_url));
        }
        providers
    }

    fn provider(&mut self, raw: RawProvider, key: &str, public_url: Option<&str>) -> TokenProvider {
        let usual = format!("{}/mcp", public_url.unwrap_or_default());
        let algorithms = raw.algorithms.map_or(Algorithm::ALL.to_vec(), |list| {
            list.into_iter().map(Algorithm::from).collect()
        });
        if algorithms.is_empty() {
            self.error(&raw.issuer, &format!("{key}.algorithms"), "name one algorithm at least");
        }
        if let Some(url) = raw.jwks_url.as_ref().filter(|url| !is_provider_url(&url.value)) {
            self.error(
                url,
                &format!("{key}.jwks_url"),
                "write a URL such as https://id.example.org/keys",
            );
        }
        for scope in &raw.required_scopes {
            let fits = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
            if scope.value.is_empty() || !scope.value.bytes().all(fits) {
                self.error(scope, &format!("{key}.required_scopes"), "a scope is one word");
            }
        }
        let attributes = raw.attributes.into_iter();
        let refresh = self.span(raw.refresh, 600, 86_400, &format!("{key}.refresh"));
        let max_age = self.span(raw.max_age, 3_600, 86_400, &format!("{key}.max_age"));
        // Keys that are too old before they may be asked for again would shut everybody out for nothing.
        if max_age <= refresh || max_age < SHORTEST_AGE {
            let message = "longer than refresh, and 6s at least";
            self.error(&raw.issuer, &format!("{key}.max_age"), message);
        }
        TokenProvider {
            audiences: self.audiences(raw.audience, usual, &format!("{key}.audience")),
            jwks_url: raw.jwks_url.map(|url| url.value),
            algorithms,
            required_scopes: raw.required_scopes.into_iter().map(|scope| scope.value).collect(),
            user_claim: self.claim(raw.user_claim, "sub", &format!("{key}.user_claim")),
            groups_claim: self.claim(raw.groups_claim, "groups", &format!("{key}.groups_claim")),
            attributes: attributes
                .map(|(name, claim)| {
                    let at = format!("{key}.attributes.{name}");
                    (name, self.claim(Some(claim), "", &at))
                })
                .collect(),
            clock_skew: self.span(raw.clock_skew, 60, 300, &format!("{key}.clock_skew")),
            access_tokens_only: raw.access_tokens_only.unwrap_or(false),
            refresh,
            max_age,
            ca: self.existing(raw.ca, &format!("{key}.ca")),
            issuer: raw.issuer.value,
        }
    }

    fn audiences(
        &mut self,
        raw: Option<Spanned<RawTexts>>,
        usual: String,
        key: &str,
    ) -> Vec<String> {
        let Some(raw) = raw else { return vec![usual] };
        let texts = match &raw.value {
            RawTexts::One(one) => vec![one.clone()],
            RawTexts::Several(several) => several.clone(),
        };
        if texts.is_empty() || texts.iter().any(|text| text.trim().is_empty()) {
            self.error(&raw, key, "name the audience, as tokens for this server do");
        }
        texts
    }

    fn claim(&mut self, raw: Option<Spanned<String>>, usual: &str, key: &str) -> String {
        let Some(raw) = raw else { return usual.to_string() };
        if raw.value.trim().is_empty() {
            self.error(&raw, key, "name a claim, such as sub or address.region");
        }
        raw.value
    }

    fn span(&mut self, raw: Option<Spanned<Span>>, usual: u64, most: u64, key: &str) -> Duration {
        let Some(raw) = raw else { return Duration::from_secs(usual) };
        let most = Duration::from_secs(most);
        if raw.value.0 > most {
            self.error(&raw, key, format!("{} seconds at most", most.as_secs()));
        }
        raw.value.0
    }
}

impl From<RawAlgorithm> for Algorithm {
    fn from(raw: RawAlgorithm) -> Self {
        match raw {
            RawAlgorithm::Rs256 => Algorithm::Rs256,
            RawAlgorithm::Ps256 => Algorithm::Ps256,
            RawAlgorithm::Es256 => Algorithm::Es256,
            RawAlgorithm::EdDsa => Algorithm::EdDsa,
        }
    }
}
