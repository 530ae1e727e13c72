//! Tokens of identity providers: this server is an OAuth 2.1 resource server. It checks tokens and never
//! asks for, passes on, stores or logs one.
//!
//! A token's text is untrusted until the last check; what it names (issuer, algorithm, key) only selects from
//! what the configuration and the provider say. The signature is checked by the provider's published keys alone.

mod cache;
mod claims;
mod discovery;
mod explain;
mod fetch;
mod json;
mod jwk;
mod refusal;
mod subject;
#[cfg(test)]
mod testing;
mod token;

pub use explain::Explanation;
pub use refusal::Refusal;

use super::RoleMap;
use crate::model::{Principal, PrincipalKind, TokenProvider};
use cache::KeyCache;
use std::sync::Arc;
use subject::Subject;
use token::Token;

/// The longest token: a few hundred groups fit.
pub(super) const LONGEST: usize = 16 << 10;

/// The identity providers, and who their users are here.
#[derive(Debug)]
pub struct Tokens {
    providers: Vec<Provider>,
    roles: RoleMap,
}

#[derive(Debug)]
struct Provider {
    settings: Arc<TokenProvider>,
    issuer: Arc<str>,
    keys: Arc<KeyCache>,
}

impl Tokens {
    /// The tokens of these providers; groups become roles by `roles`.
    ///
    /// # Errors
    ///
    /// A file of certificates that cannot be read.
    pub fn new(providers: Vec<TokenProvider>, roles: RoleMap) -> Result<Self, String> {
        let providers = providers.into_iter().map(|settings| {
            let settings = Arc::new(settings);
            let keys = Arc::new(KeyCache::new(settings.clone())?);
            Ok(Provider { issuer: settings.issuer.as_str().into(), settings, keys })
        });
        Ok(Self { providers: providers.collect::<Result<_, String>>()?, roles })
    }

    /// The same, with the keys that have been fetched already from providers that are asked as before.
    #[must_use]
    pub fn with_keys_of(mut self, before: &Self) -> Self {
        for provider in &mut self.providers {
            let known = before.providers.iter().find(|known| known.settings == provider.settings);
            if let Some(known) = known {
                provider.keys = known.keys.clone();
            }
        }
        self
    }

    /// Who holds this token.
    ///
    /// # Errors
    ///
    /// Why nobody is let in by it.
    pub async fn authenticate(&self, text: &str) -> Result<Principal, Refusal> {
        let now = chrono::Utc::now().timestamp();
        let token = Token::parse(text)?;
        let provider = self.provider(&token)?;
        if let Some(refusal) = provider.problems(&token, now).into_iter().next() {
            return Err(refusal);
        }
        provider.verify(&token).await?;
        let missing = claims::missing_scopes(&token.claims, &provider.settings.required_scopes);
        if !missing.is_empty() {
            return Err(Refusal::Scopes(provider.settings.required_scopes.clone()));
        }
        let subject = subject::subject(&token.claims, &provider.settings)?;
        Ok(self.establish(provider, subject))
    }

    /// Asks every provider for its keys, and says how many came, or why not.
    pub async fn fetch_keys(&self) -> Vec<(String, Result<usize, String>)> {
        let asked = self
            .providers
            .iter()
            .map(async |provider| (provider.settings.issuer.clone(), provider.keys.fetch().await));
        futures::future::join_all(asked).await
    }

    /// The scopes that every token needs, where all providers agree on them.
    pub fn common_scopes(&self) -> Vec<String> {
        let mut scopes = self.providers.iter().map(|provider| &provider.settings.required_scopes);
        let first = scopes.next().cloned().unwrap_or_default();
        if scopes.all(|other| *other == first) { first } else { Vec::new() }
    }

    fn provider(&self, token: &Token<'_>) -> Result<&Provider, Refusal> {
        let issuer = token.issuer().ok_or(Refusal::Issuer)?;
        let mut providers = self.providers.iter();
        providers.find(|provider| *provider.issuer == *issuer).ok_or(Refusal::Issuer)
    }

    fn establish(&self, provider: &Provider, subject: Subject) -> Principal {
        let roles = self.roles.resolve([], subject.groups.iter().map(String::as_str));
        let kind = PrincipalKind::Token;
        Principal::establish(subject.user, roles, subject.attributes, kind)
            .issued_by(provider.issuer.clone())
    }
}

impl Provider {
    /// What keeps the token out before its signature is looked at.
    fn problems(&self, token: &Token<'_>, now: i64) -> Vec<Refusal> {
        let TokenProvider { algorithms, access_tokens_only, .. } = &*self.settings;
        let mut found = token.header_problems(algorithms, *access_tokens_only);
        found.extend(claims::problems(&token.claims, &self.settings, now));
        found
    }

    /// Whether the token is signed by the provider.
    async fn verify(&self, token: &Token<'_>) -> Result<(), Refusal> {
        let allowed = |algorithm: &_| self.settings.algorithms.contains(algorithm);
        let algorithm = token.algorithm().filter(allowed).ok_or(Refusal::Algorithm)?;
        let keys = self.keys.find(algorithm, token.key_name()).await?;
        let signed = keys.iter().any(|key| key.verifies(algorithm, token.signed, &token.signature));
        if signed { Ok(()) } else { Err(Refusal::Signature) }
    }
}
