//! What the tests of this room share.

use crate::model::{Algorithm, TokenProvider};
use std::collections::BTreeMap;
use std::time::Duration;

/// A provider as a short configuration describes it.
pub(super) fn provider() -> TokenProvider {
    TokenProvider {
        issuer: "https://id.example.org".into(),
        audiences: vec!["celosia".into()],
        jwks_url: None,
        algorithms: Algorithm::ALL.into(),
        required_scopes: Vec::new(),
        user_claim: "sub".into(),
        groups_claim: "groups".into(),
        attributes: BTreeMap::new(),
        clock_skew: Duration::from_secs(60),
        access_tokens_only: false,
        refresh: Duration::from_secs(600),
        max_age: Duration::from_secs(3_600),
        ca: None,
    }
}
