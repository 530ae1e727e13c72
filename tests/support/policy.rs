//! The policy of the worlds and the people it knows, made the way production makes them.

use celosia::identity::establish_local;
use celosia::model::{Attribute, Principal};
use celosia::policy::{PseudonymKey, Rules};
use celosia::semantics::Semantics;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The rules of `tests/leaks/policy`.
pub fn rules() -> Arc<Rules> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/leaks/policy");
    let file = directory.join("celosia.yaml");
    let text = std::fs::read_to_string(&file).expect("the policy's configuration");
    let rules = Rules::load(&file, &text, Some(&directory.join("masking-rules")), true);
    Arc::new(rules.unwrap_or_else(|errors| panic!("{errors}")))
}

/// The definitions of `tests/leaks/policy`, over the source `shop` with this schema.
pub fn semantics(schema: &str) -> Arc<Semantics> {
    let text = include_str!("../leaks/policy/semantics.yaml").replace("{schema}", schema);
    let semantics = Semantics::parse("semantics.yaml", &text);
    Arc::new(semantics.unwrap_or_else(|error| panic!("{error}")))
}

/// Rules of these texts; `masks` may be empty.
pub fn rules_of(roles: &str, masks: &str) -> Arc<Rules> {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("rules.yaml");
    let masks = if masks.is_empty() { "version: 1" } else { masks };
    std::fs::write(&file, masks).expect("written");
    let rules = Rules::load(Path::new("celosia.yaml"), roles, Some(&file), true);
    Arc::new(rules.unwrap_or_else(|errors| panic!("{errors}")))
}

/// What the key of the pseudonyms is written as.
pub const KEY: &str = "6f1c5d9a0b7e48d2a3c4f5061728394a";

/// The key of the pseudonyms.
pub fn key() -> Option<PseudonymKey> {
    PseudonymKey::parse(KEY)
}

/// Sees most rows.
pub fn analyst() -> Principal {
    named("ana", &["analyst"])
}

/// Sees some rows and few columns.
pub fn regional() -> Principal {
    named("rolf", &["regional"])
}

/// Holds both roles.
pub fn both() -> Principal {
    named("bea", &["analyst", "regional"])
}

/// Holds no role.
pub fn nobody() -> Principal {
    named("noel", &[])
}

/// Somebody with these roles, whose regions are the three open ones.
pub fn named(user: &str, roles: &[&str]) -> Principal {
    let regions = ["EU", "NA", "APAC"].map(|region| Attribute::Text(region.into()));
    let attributes = BTreeMap::from([("regions".to_string(), Attribute::List(regions.into()))]);
    establish_local(user, roles.iter().map(ToString::to_string), attributes)
}

/// The principal that a case names.
pub fn principal(name: &str) -> Principal {
    match name {
        "" | "analyst" => analyst(),
        "regional" => regional(),
        "both" => both(),
        "nobody" => nobody(),
        other => panic!("no principal is called {other:?}"),
    }
}
