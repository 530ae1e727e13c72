//! From what an identity says about itself to roles.

use std::collections::{BTreeMap, BTreeSet};

/// The roles there are, and the groups whose members hold them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleMap {
    groups: BTreeMap<String, BTreeSet<String>>,
}

impl RoleMap {
    /// A map of roles and their groups.
    pub fn new<'a>(roles: impl IntoIterator<Item = (&'a str, &'a BTreeSet<String>)>) -> Self {
        let roles = roles.into_iter();
        Self { groups: roles.map(|(role, groups)| (role.to_string(), groups.clone())).collect() }
    }

    /// Whether there is such a role.
    pub fn contains(&self, role: &str) -> bool {
        self.groups.contains_key(role)
    }

    /// The roles held by somebody who was given `roles` by us and `groups` by an identity provider.
    ///
    /// A group never counts as the role of the same name: who names groups is not who names roles.
    pub fn resolve<'a>(
        &self,
        roles: impl IntoIterator<Item = &'a str>,
        groups: impl IntoIterator<Item = &'a str>,
    ) -> BTreeSet<String> {
        let groups: BTreeSet<&str> = groups.into_iter().collect();
        let named = roles.into_iter().filter(|role| self.contains(role)).map(String::from);
        let member = self.groups.iter().filter(|(_, of)| of.iter().any(|g| groups.contains(&**g)));
        named.chain(member.map(|(role, _)| role.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_come_by_name_or_by_group_and_not_by_a_group_of_their_name() {
        let (data, none) = (BTreeSet::from(["data".to_string()]), BTreeSet::new());
        let map = RoleMap::new([("analyst", &data), ("compliance", &none)]);
        let resolve = |roles: &[&'static str], groups: &[&'static str]| {
            let held = map.resolve(roles.iter().copied(), groups.iter().copied());
            held.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(resolve(&["compliance"], &["data"]), ["analyst", "compliance"]);
        assert_eq!(resolve(&[], &["compliance", "analyst", "other"]), [""; 0]);
        assert_eq!(resolve(&["unknown"], &[]), [""; 0]);
        assert!(map.contains("analyst") && !map.contains("data"));
    }
}
