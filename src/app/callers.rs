//! Callers as administrators name them: somebody who is known, or roles and attributes.

use super::Failure;
use crate::config::Config;
use crate::identity::{ApiKeys, RoleMap, establish_local};
use crate::model::{Attribute, Principal};
use crate::policy::{Caller, CallerAttribute, Rules};
use std::collections::BTreeMap;

/// The caller that the command line names: `--as`, or `--roles` and `--attributes`.
pub(super) fn named(
    user: Option<String>,
    roles: Vec<String>,
    attributes: &[String],
) -> Result<Caller, Failure> {
    if user.is_none() && roles.is_empty() {
        return Err("name a caller: --as USER, or --roles a,b with --attributes name=value".into());
    }
    let mut caller =
        Caller { user, roles: roles.into_iter().collect(), attributes: BTreeMap::new() };
    for attribute in attributes {
        let Some((name, value)) = attribute.split_once('=') else {
            return Err(format!("--attributes {attribute}: write name=value").into());
        };
        let value: CallerAttribute = serde_saphyr::from_str(value).map_err(|_| {
            format!("--attributes {attribute}: write a text, a number, true, false or [a, list]")
        })?;
        caller.attributes.insert(name.to_string(), value);
    }
    Ok(caller)
}

/// Who the caller is. Attributes that were named take the place of those that are configured.
pub(super) fn principal(
    config: &Config,
    rules: &Rules,
    caller: &Caller,
) -> Result<Principal, Failure> {
    let named: BTreeMap<String, Attribute> =
        caller.attributes.iter().map(|(name, v)| (name.clone(), v.clone().into())).collect();
    let Some(user) = &caller.user else {
        let map = RoleMap::new(rules.roles().map(|role| (role.name(), role.groups())));
        if let Some(unknown) = caller.roles.iter().find(|role| !map.contains(role)) {
            let known: Vec<&str> = rules.roles().map(|role| role.name()).collect();
            let known = known.join(", ");
            return Err(format!("there is no role \"{unknown}\"; the roles are: {known}").into());
        }
        return Ok(establish_local("somebody", caller.roles.iter().cloned(), named));
    };
    let known = known(config, rules, user)?;
    let mut attributes = known.attributes().clone();
    attributes.extend(named);
    Ok(establish_local(user, known.roles().iter().cloned(), attributes))
}

/// The local user or the user of an API key.
fn known(config: &Config, rules: &Rules, user: &str) -> Result<Principal, Failure> {
    if let Some(local) = config.identity.local.as_ref().filter(|local| local.user == user) {
        let roles = local.roles.iter().cloned();
        return Ok(establish_local(user, roles, local.attributes.clone()));
    }
    let keys = match &config.identity.api_keys {
        Some(file) => {
            let is_role = |role: &str| rules.roles().any(|known| known.name() == role);
            ApiKeys::load(file, is_role, |plan| config.plans.contains_key(plan))?
        }
        None => ApiKeys::default(),
    };
    let mut found = keys.principals().filter(|principal| principal.user() == user);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one.clone()),
        (Some(_), Some(_)) => {
            Err(format!("{user} has several API keys; name the roles with --roles").into())
        }
        _ => Err(format!(
            "{user} is neither the local user nor the user of an API key; name roles with --roles"
        )
        .into()),
    }
}
