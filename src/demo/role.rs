//! The roles of the demo, and the configuration that opens its tables to them.

use super::error::DemoError;
use std::fmt;
use std::str::FromStr;

/// Who looks at the demo's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Role {
    /// Customers of their own region, every order, tickets without their text.
    #[default]
    Analyst,
    /// Tickets with their text, and what it takes to call a customer.
    Support,
    /// Every row, unmasked.
    Compliance,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 3] = [Role::Analyst, Role::Support, Role::Compliance];

    /// The role's name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Role::Analyst => "analyst",
            Role::Support => "support",
            Role::Compliance => "compliance",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = DemoError;

    fn from_str(name: &str) -> Result<Self, DemoError> {
        let found = Role::ALL.into_iter().find(|role| role.name() == name);
        found.ok_or_else(|| DemoError::UnknownRole(name.to_string()))
    }
}

/// `celosia.yaml` of the demo, with this role for the user of the machine.
pub(super) fn configuration(role: Role) -> String {
    CONFIGURATION.replace("{role}", role.name())
}

const CONFIGURATION: &str = r#"# Written by `celosia demo` whenever it starts. To change it, copy this directory and run
# `celosia serve --config celosia.yaml` there.
version: 1
server: { listen: "127.0.0.1:8017" }
identity:
  local: { user: demo, roles: [{role}], attributes: { region: EU } }
  api_keys: { file: keys.yaml }
sources:
  shop: { kind: sqlite, url: "sqlite:shop.db" }
  support: { kind: sqlite, url: "sqlite:support.db" }
roles:
  # Customers of the analyst's own region; tickets without what people wrote.
  analyst:
    open:
      - { tables: shop.main.customers, rows: "region = user.region" }
      - { tables: [shop.main.products, shop.main.orders, shop.main.order_items] }
      - tables: support.main.tickets
        columns: [id, customer_id, agent_id, opened_at, closed_at, status, priority, subject]
      - { tables: support.main.agents }
  # Tickets with their text, and as much of a customer as it takes to call back.
  support:
    open:
      - { tables: [support.main.tickets, support.main.agents] }
      - { tables: shop.main.customers, columns: [id, name, phone, city, region] }
      - { tables: shop.main.orders }
  # Everything; the masking rules name this role as their exception.
  compliance:
    open:
      - { tables: ["shop.main.*", "support.main.*"] }
masking_rules: masking-rules/
policy_tests: policy-tests/
semantics: schemas/
keys: { pseudonym: "file:pseudonym.key" }
audit: { store: "sqlite:audit.db" }
# Who sees at /console what everybody sees and asked.
console: { administrators: [compliance] }
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_roles_and_nothing_else_is() {
        for role in Role::ALL {
            assert_eq!(role.name().parse::<Role>().unwrap(), role);
        }
        let error = "admin".parse::<Role>().unwrap_err().to_string();
        assert_eq!(error, "no role named \"admin\": choose analyst, support or compliance");
    }

    #[test]
    fn the_configuration_opens_its_tables_to_every_role() {
        for role in Role::ALL {
            let text = configuration(role);
            let tree: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
            assert_eq!(tree["identity"]["local"]["roles"], serde_json::json!([role.name()]));
            assert!(tree["roles"][role.name()]["open"].is_array());
            assert_eq!(tree["sources"]["support"]["url"], "sqlite:support.db");
        }
    }
}
