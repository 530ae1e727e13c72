//! Callers and plans for the tests of this room.

use crate::model::{PlanLimits, Principal, PrincipalKind};
use std::collections::BTreeMap;

pub(super) fn caller(user: &str, roles: &[&str], plan: Option<&str>) -> Principal {
    let roles = roles.iter().map(ToString::to_string).collect();
    Principal::establish(user.into(), roles, BTreeMap::new(), PrincipalKind::ApiKey)
        .under_plan(plan.map(Into::into))
}

pub(super) fn rows(most: usize) -> PlanLimits {
    PlanLimits { rows: Some(most), ..PlanLimits::default() }
}
