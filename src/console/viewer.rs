//! Who looks, what of it is theirs, and whose eyes an administrator may borrow.

use super::Desk;
use super::reply::{Refused, Reply, answer};
use crate::identity::establish_local;
use crate::model::{Attribute, Principal};
use crate::policy::{CallerAttribute, Rules};
use arc_swap::ArcSwap;
use axum::extract::{Extension, State};
use serde::Deserialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The roles whose holders administer. They can change while the server runs.
#[derive(Debug, Default)]
pub struct Administrators(ArcSwap<BTreeSet<String>>);

impl Administrators {
    /// The holders of these roles.
    pub fn new(roles: BTreeSet<String>) -> Arc<Self> {
        Arc::new(Self(ArcSwap::from_pointee(roles)))
    }

    /// From now on, the holders of these roles.
    pub fn replace(&self, roles: BTreeSet<String>) {
        self.0.store(Arc::new(roles));
    }

    fn has(&self, principal: &Principal) -> bool {
        self.0.load().iter().any(|role| principal.has_role(role))
    }
}

/// A caller as somebody else: these roles with these attributes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct As {
    roles: BTreeSet<String>,
    #[serde(default)]
    attributes: BTreeMap<String, CallerAttribute>,
}

impl Desk {
    pub(super) fn is_administrator(&self, caller: &Principal) -> bool {
        self.console.administrators.has(caller)
    }

    /// Refuses whoever does not administer.
    pub(super) fn administrator(&self, caller: &Principal) -> Result<(), Refused> {
        match self.is_administrator(caller) {
            true => Ok(()),
            false => Err(Refused::not_an_administrator()),
        }
    }

    /// With whose eyes the caller looks: their own, or those of a role where they administer.
    pub(super) fn eyes(
        &self,
        caller: &Principal,
        other: Option<As>,
        rules: &Rules,
    ) -> Result<Principal, Refused> {
        let Some(other) = other else { return Ok(caller.clone()) };
        self.administrator(caller)?;
        let known = |wanted: &String| rules.roles().any(|role| role.name() == wanted);
        if let Some(unknown) = other.roles.iter().find(|role| !known(role)) {
            return Err(Refused::wrong(format!("there is no role \"{unknown}\"")));
        }
        let attributes = other.attributes.into_iter();
        let attributes: BTreeMap<String, Attribute> =
            attributes.map(|(name, value)| (name, value.into())).collect();
        Ok(establish_local("somebody", other.roles, attributes))
    }
}

/// Who the caller is, and what they may look at.
pub(super) async fn me(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Arc<Principal>>,
) -> Reply {
    let mut me = json!({
        "user": caller.user(),
        "roles": caller.roles(),
        "kind": caller.kind().as_str(),
        "issuer": caller.issuer(),
        "administrator": desk.is_administrator(&caller),
        "version": env!("CARGO_PKG_VERSION"),
    });
    if desk.is_administrator(&caller) {
        let rules = desk.console.engine.rules();
        me["known_roles"] = rules.roles().map(|role| role.name()).collect();
        me["rule_files"] = desk.console.policy.names().into();
        me["policy_version"] = rules.version().into();
    }
    answer(&me)
}

/// What clients are to be told, for the caller to paste. No key is in it.
pub(super) async fn connect(State(desk): State<Arc<Desk>>) -> Reply {
    answer(&json!({ "clients": desk.console.setups }))
}
