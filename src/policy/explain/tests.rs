//! Explanations say what [`decide`] decides, and why.

use super::super::samples::{customers, load, principal, text};
use super::*;

const ROLES: &str = "roles:
  eu: { open: [ { tables: shop.main.customers, rows: \"region = 'EU'\", columns: [id, name] } ] }
  mine: { open: [ { tables: 'shop.*.*', rows: region = user.region } ] }
  mail: { open: [ { tables: shop.main.customers, columns: [id, email] } ] }
  compliance: { open: [ { tables: '*.*.*' } ] }
";
const MASKS: &str = "version: 1
masks:
- { name: names, columns: ['*.*.*.name'], mask: { first: 1 }, except: [compliance] }
- { name: all names, columns: ['shop.main.customers.name'], mask: redact, except: [compliance, mail] }
restrict:
- { name: hold, tables: shop.main.customers, rows: on_hold = false, except: [compliance] }
";

fn explained(roles: &[&str], region: Option<&str>) -> TableAccess {
    let rules = load(ROLES, MASKS).unwrap_or_else(|e| panic!("{e}"));
    let attributes: Vec<_> = region.iter().map(|region| ("region", text(region))).collect();
    let caller = principal(roles, &attributes);
    let access = explain(&rules, &caller, &customers());
    let grant = decide(&rules, &caller, &customers());
    assert_eq!(access.visible, grant.is_some());
    for (index, column) in access.columns.iter().enumerate() {
        let granted = grant.as_ref().and_then(|g| g.columns().iter().find(|c| c.column() == index));
        let rule = granted.and_then(|column| column.rule().map(str::to_string));
        assert_eq!((column.effect == Effect::Hidden, &column.rule), (granted.is_none(), &rule));
    }
    access
}

fn column<'a>(access: &'a TableAccess, name: &str) -> &'a ColumnAccess {
    access.columns.iter().find(|column| column.column == name).unwrap()
}

#[test]
fn the_winning_rule_is_named_with_those_it_beat() {
    let access = explained(&["eu"], None);
    assert_eq!(access.rows.as_deref(), Some("region = 'EU' AND on_hold = FALSE"));
    let name = column(&access, "name");
    assert_eq!((name.effect, name.mask.as_deref()), (Effect::Masked, Some("redact")));
    assert!(name.because.starts_with("rule \"all names\" ("), "{}", name.because);
    assert!(name.because.ends_with("it is stronger than rule \"names\" (first 1)"));
    let email = column(&access, "Email");
    assert_eq!(email.effect, Effect::Hidden);
    assert_eq!(email.because, "role eu does not list it; opened by: compliance, mail, mine");
}

#[test]
fn an_exception_and_a_missing_attribute_are_reasons() {
    let open = explained(&["compliance"], None);
    assert_eq!(open.rows.as_deref(), Some("TRUE"));
    assert_eq!(
        column(&open, "name").because,
        "rule \"names\" excepts compliance; rule \"all names\" excepts compliance"
    );
    let hidden = explained(&["mine"], None);
    assert!(!hidden.visible);
    let because = &column(&hidden, "id").because;
    assert!(because.starts_with("role mine opens nothing: "), "{because}");
    assert!(because.contains("region"), "{because}");
    let nobody = explained(&[], None);
    assert!(column(&nobody, "id").because.starts_with("no role of the caller opens the table"));
}

#[test]
fn cells_that_are_null_on_some_rows_say_on_which() {
    let access = explained(&["eu", "mail"], None);
    assert_eq!(column(&access, "name").open_where.as_deref(), Some("region = 'EU'"));
    assert_eq!(column(&access, "id").open_where, None);
    let shown = access.to_string();
    assert!(shown.contains("NULL unless region = 'EU'"), "{shown}");
    assert!(shown.contains("restriction \"hold\": on_hold = false"), "{shown}");
    let name = column(&access, "name");
    assert_eq!(name.mask.as_deref(), Some("first 1"), "{}", name.because);
    assert!(name.because.contains("rule \"all names\" excepts mail"), "{}", name.because);
}
