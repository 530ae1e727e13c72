//! The user of the machine: whoever can start the process may be who the configuration says.

use crate::model::{Attribute, Principal, PrincipalKind};
use std::collections::BTreeMap;

/// The principal of a stdio session or of the demo.
pub fn establish_local(
    user: &str,
    roles: impl IntoIterator<Item = String>,
    attributes: BTreeMap<String, Attribute>,
) -> Principal {
    let roles = roles.into_iter().collect();
    Principal::establish(user.to_string(), roles, attributes, PrincipalKind::Local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_user_is_who_the_configuration_says() {
        let attributes = BTreeMap::from([("region".into(), Attribute::Text("EU".into()))]);
        let ana = establish_local("ana", ["analyst".into(), "analyst".into()], attributes.clone());
        assert_eq!((ana.user(), ana.kind()), ("ana", PrincipalKind::Local));
        assert_eq!(ana.roles().iter().collect::<Vec<_>>(), ["analyst"]);
        assert_eq!(ana.attributes(), &attributes);
    }
}
