//! What a token would be, for its administrator (`celosia token explain`).

use super::refusal::Refusal;
use super::subject::subject;
use super::token::Token;
use super::{Tokens, claims};
use crate::model::{Attribute, Principal};
use std::collections::{BTreeMap, BTreeSet};

/// What a token says, and what keeps it out. Nothing here can be used as a token.
#[derive(Debug, Default)]
pub struct Explanation {
    /// The issuer, where it is a configured one.
    pub issuer: Option<String>,
    /// The algorithm, where it is one that is ever taken.
    pub algorithm: Option<&'static str>,
    /// The name of the key.
    pub key: Option<String>,
    /// The second of the Unix epoch at which it ends.
    pub expires: Option<i64>,
    /// The user, where the token names one.
    pub user: Option<String>,
    /// The groups that the provider names.
    pub groups: BTreeSet<String>,
    /// The roles of these groups.
    pub roles: BTreeSet<String>,
    /// The attributes.
    pub attributes: BTreeMap<String, Attribute>,
    /// Attributes that are configured and not there.
    pub missing: Vec<String>,
    /// Everything that keeps the token out.
    pub refusals: Vec<Refusal>,
    /// Its holder, where nothing does.
    pub principal: Option<Principal>,
}

impl Tokens {
    /// What a token would be. It asks the provider for its keys, as a request with the token would.
    pub async fn explain(&self, text: &str) -> Explanation {
        let mut told = Explanation::default();
        let token = match Token::parse(text) {
            Ok(token) => token,
            Err(refusal) => return Explanation { refusals: vec![refusal], ..told },
        };
        told.algorithm = token.algorithm().map(|algorithm| algorithm.as_str());
        told.key = token.key_name().map(str::to_string);
        told.expires = claims::expiry(&token.claims);
        let provider = match self.provider(&token) {
            Ok(provider) => provider,
            Err(refusal) => return Explanation { refusals: vec![refusal], ..told },
        };
        told.issuer = Some(provider.issuer.to_string());
        told.refusals = provider.problems(&token, chrono::Utc::now().timestamp());
        if !told.refusals.contains(&Refusal::Algorithm) {
            told.refusals.extend(provider.verify(&token).await.err());
        }
        let missing = claims::missing_scopes(&token.claims, &provider.settings.required_scopes);
        if !missing.is_empty() {
            told.refusals.push(Refusal::Scopes(missing));
        }
        match subject(&token.claims, &provider.settings) {
            Err(refusal) => told.refusals.push(refusal),
            Ok(subject) => {
                told.user = Some(subject.user.clone());
                told.groups = subject.groups.clone();
                told.roles = self.roles.resolve([], subject.groups.iter().map(String::as_str));
                told.attributes = subject.attributes.clone();
                told.missing = subject.missing.clone();
                if told.refusals.is_empty() {
                    told.principal = Some(self.establish(provider, subject));
                }
            }
        }
        told
    }
}
