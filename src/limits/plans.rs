//! Which plan holds for a caller.
//!
//! A plan that the caller's API key names stands alone. Otherwise the plans of the caller's roles hold, of each
//! limit the widest. A caller whom no plan is named for has the plan `default`, and so has every limit that a plan does
//! not set.

use crate::model::{PlanLimits, Principal, SourceLimits};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The plan of everybody who has no other.
pub(super) const DEFAULT: &str = "default";

/// The plans of a deployment, and who has which.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plans {
    named: BTreeMap<String, PlanLimits>,
    roles: BTreeMap<String, String>,
    sources: BTreeMap<String, SourceLimits>,
}

impl Plans {
    /// These plans, by name; `roles` says which roles have which, `sources` what each source may be asked for.
    pub fn new(
        named: BTreeMap<String, PlanLimits>,
        roles: BTreeMap<String, String>,
        sources: BTreeMap<String, SourceLimits>,
    ) -> Self {
        Self { named, roles, sources }
    }

    /// The name of the caller's plan and its limits.
    pub(super) fn of(&self, principal: &Principal) -> (Arc<str>, PlanLimits) {
        if let Some(own) = principal.plan() {
            return (own.into(), self.complete(own));
        }
        let mut names: Vec<&str> = principal
            .roles()
            .iter()
            .filter_map(|role| self.roles.get(role).map(String::as_str))
            .collect();
        names.sort_unstable();
        names.dedup();
        let limits = names.iter().map(|name| self.complete(name));
        match limits.reduce(|one, other| one.wider(&other)) {
            Some(limits) => (names.join("+").into(), limits),
            None => (DEFAULT.into(), self.complete(DEFAULT)),
        }
    }

    /// What a source may be asked for.
    pub(super) fn of_source(&self, name: &str) -> SourceLimits {
        self.sources.get(name).copied().unwrap_or_default()
    }

    fn complete(&self, name: &str) -> PlanLimits {
        let usual = self.named.get(DEFAULT).copied().unwrap_or_default();
        self.named.get(name).map_or(usual, |plan| plan.or(&usual))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{caller, rows};
    use super::*;

    fn plans() -> Plans {
        let text = |(key, value): (&str, &str)| (key.to_string(), value.to_string());
        let named = [
            ("default", PlanLimits { concurrent_queries: Some(2), ..rows(10) }),
            ("analyst", rows(100)),
            ("batch", PlanLimits { remote_rows_per_day: Some(7), ..rows(1_000) }),
        ];
        let named = named.into_iter().map(|(name, limits)| (name.to_string(), limits));
        let roles = [("analyst", "analyst"), ("robot", "batch")].map(text);
        Plans::new(named.collect(), roles.into(), BTreeMap::new())
    }

    #[test]
    fn a_key_goes_before_roles_and_several_roles_give_the_widest() {
        for (roles, own, name, most) in [
            (&[][..], None, "default", 10),
            (&["viewer"], None, "default", 10),
            (&["analyst"], None, "analyst", 100),
            (&["viewer", "analyst"], None, "analyst", 100),
            (&["analyst", "robot"], None, "analyst+batch", 1_000),
            (&["robot"], Some("analyst"), "analyst", 100),
        ] {
            let (found, limits) = plans().of(&caller("ana", roles, own));
            assert_eq!((&*found, limits.rows), (name, Some(most)), "{roles:?} {own:?}");
            assert_eq!(limits.concurrent_queries, Some(2), "what is not set is that of default");
        }
        let (_, both) = plans().of(&caller("ana", &["analyst", "robot"], None));
        assert_eq!(both.remote_rows_per_day, None, "one of the two does not set it");
    }

    #[test]
    fn without_plans_nothing_is_limited() {
        let (name, limits) = Plans::default().of(&caller("ana", &["analyst"], None));
        assert_eq!((&*name, limits), ("default", PlanLimits::default()));
    }
}
