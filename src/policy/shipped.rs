//! The shipped rules over the demo's tables, and the examples of the design.

use super::samples::{column, principal, table, text};
use super::{Grant, Rules, decide, masking_rules_schema, roles_schema};
use crate::model::{Mask, TableEntry};
use arrow_schema::{DataType, TimeUnit};
use std::path::Path;
use std::sync::Arc;

/// Roles such as the demo has, a little wider so that every shipped rule shows.
const DEMO_ROLES: &str = r#"
roles:
  analyst:
    groups: [data-analysts]
    open:
      - { tables: shop.main.customers, rows: "region = user.region" }
      - { tables: [shop.main.orders, shop.main.order_items, shop.main.products] }
      - { tables: support.main.tickets }
      - { tables: support.main.agents, columns: [id, team] }
  support:
    groups: [support-desk]
    open:
      - { tables: shop.main.customers, columns: [id, name, email, phone, birth_date, city, region] }
      - { tables: [shop.main.orders, shop.main.products] }
      - { tables: "support.main.*" }
  compliance:
    groups: [compliance]
    open:
      - { tables: ["shop.main.*", "support.main.*"] }
"#;

fn demo_tables() -> Vec<Arc<TableEntry>> {
    let (int, utf8, date) = (DataType::Int64, DataType::Utf8, DataType::Date32);
    let at = DataType::Timestamp(TimeUnit::Microsecond, None);
    let money = DataType::Decimal128(12, 2);
    let tables: [(&str, &[(&str, &DataType)]); 6] = [
        (
            "shop.main.customers",
            &[
                ("id", &int),
                ("name", &utf8),
                ("email", &utf8),
                ("phone", &utf8),
                ("tax_id", &utf8),
                ("birth_date", &date),
                ("city", &utf8),
                ("region", &utf8),
                ("created_at", &at),
            ],
        ),
        (
            "shop.main.orders",
            &[
                ("id", &int),
                ("customer_id", &int),
                ("ordered_at", &at),
                ("status", &utf8),
                ("total", &money),
            ],
        ),
        (
            "shop.main.order_items",
            &[
                ("id", &int),
                ("order_id", &int),
                ("product_id", &int),
                ("quantity", &int),
                ("unit_price", &money),
            ],
        ),
        (
            "shop.main.products",
            &[("id", &int), ("name", &utf8), ("category", &utf8), ("price", &money)],
        ),
        (
            "support.main.tickets",
            &[
                ("id", &int),
                ("customer_id", &int),
                ("agent_id", &int),
                ("opened_at", &at),
                ("closed_at", &at),
                ("status", &utf8),
                ("priority", &utf8),
                ("subject", &utf8),
                ("body", &utf8),
            ],
        ),
        (
            "support.main.agents",
            &[("id", &int), ("name", &utf8), ("email", &utf8), ("team", &utf8)],
        ),
    ];
    let columns = |columns: &[(&str, &DataType)]| {
        columns.iter().map(|(name, data_type)| column(name, (*data_type).clone())).collect()
    };
    tables.iter().map(|(name, of)| Arc::new(table(name, columns(of)))).collect()
}

fn shipped() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("masking-rules")
}

fn demo_rules() -> Rules {
    Rules::load(Path::new("celosia.yaml"), DEMO_ROLES, Some(&shipped()), true)
        .unwrap_or_else(|errors| panic!("{errors}"))
}

fn grant(role: &str, table: &str) -> Option<Grant> {
    let tables = demo_tables();
    let table = tables.iter().find(|t| t.reference.to_string() == table).unwrap();
    decide(&demo_rules(), &principal(&[role], &[("region", text("EU"))]), table)
}

fn mask(role: &str, table: &str, index: usize) -> Option<Mask> {
    let grant = grant(role, table).unwrap();
    let column = grant.columns().iter().find(|column| column.column() == index).unwrap();
    column.mask().cloned()
}

#[test]
fn the_shipped_rules_hold_for_the_demo() {
    let errors = demo_rules().check(&demo_tables(), &[]);
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn each_role_of_the_demo_sees_its_share() {
    let customers = "shop.main.customers";
    assert_eq!(mask("analyst", customers, 2), Some(Mask::Email));
    assert_eq!(mask("analyst", customers, 1), Some(Mask::Partial { first: 1, last: 0 }));
    assert_eq!(mask("analyst", customers, 5), Some(Mask::AgeBand { width: 10 }));
    assert_eq!(mask("support", customers, 5), Some(Mask::Year));
    assert_eq!(mask("support", customers, 1), None);
    assert_eq!(mask("support", customers, 2), Some(Mask::Email));
    assert_eq!(mask("analyst", "support.main.tickets", 8), Some(Mask::Redact));
    assert_eq!(mask("support", "support.main.tickets", 8), None);
    assert!((0..9).all(|index| mask("compliance", customers, index).is_none()));
    assert!(grant("analyst", customers).unwrap().row_filter().is_some());
    assert!(grant("support", customers).unwrap().row_filter().is_none());
    assert_eq!(grant("analyst", "support.main.agents").unwrap().columns().len(), 2);
    assert!(grant("support", "shop.main.order_items").is_none());
}

#[test]
fn the_examples_of_the_design_load() {
    let roles = r#"
version: 1
sources: { sales: { kind: postgres, url: "env:SALES_URL" } }
roles:
  legal: {}
  compliance: {}
  analyst:
    groups: [data-analysts]
    open:
      - { tables: "sales.public.*", rows: "region = user.region" }
      - { tables: "support.main.tickets", columns: [id, opened_at, status, customer_id] }
"#;
    let rules = r#"
version: 1
masks:
  - { name: emails, columns: ["*.*.*.email", "tag:pii.email"], mask: email, except: [compliance] }
  - { name: tax ids, columns: ["sales.public.customers.tax_id"], mask: { pseudonym: { domain: person } }, except: [compliance] }
restrict:
  - { name: legal hold, tables: "sales.public.cases", rows: "on_hold = false", except: [legal] }
tags:
  - { tag: pii.email, columns: ["*.*.*.contact_email"] }
"#;
    let rules = super::samples::load(roles, rules).unwrap_or_else(|errors| panic!("{errors}"));
    let groups: Vec<_> = rules.roles().flat_map(|role| role.groups()).collect();
    assert_eq!(groups, ["data-analysts"]);
}

#[test]
fn the_schemas_accept_what_is_shipped_and_refuse_what_is_not_known() {
    let yaml = |text: &str| serde_saphyr::from_str::<serde_json::Value>(text).unwrap();
    let rules = jsonschema::validator_for(&masking_rules_schema()).unwrap();
    let people = std::fs::read_to_string(shipped().join("people.yaml")).unwrap();
    assert!(rules.is_valid(&yaml(&people)));
    let rule = |mask: &str| {
        yaml(&format!("version: 1\nmasks: [{{name: m, columns: [a.b.c.d], mask: {mask}}}]"))
    };
    for good in ["null", "\"null\"", "{bucket: 10}", "{partial: {last: 2}}", "{constant: x}"] {
        assert!(rules.is_valid(&rule(good)), "{good}");
    }
    for bad in ["emial", "{bucket: x}", "{email: 1}", "aggregate_only", "{partial: {lst: 2}}"] {
        assert!(!rules.is_valid(&rule(bad)), "{bad}");
    }
    let roles = jsonschema::validator_for(&roles_schema()).unwrap();
    assert!(roles.is_valid(&yaml(DEMO_ROLES)["roles"]));
    assert!(!roles.is_valid(&yaml("{a: {opens: []}}")));
}
