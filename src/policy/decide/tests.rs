//! The decision, by example and against the definition of an open cell.

use super::super::samples::{customers, load, principal, text};
use super::*;
use crate::model::{Attribute, Comparison, Value};

const ROLES: &str = r#"
roles:
  eu: { open: [ { tables: shop.main.customers, rows: "region = 'EU'", columns: [id, name] } ] }
  mine: { open: [ { tables: "shop.*.*", rows: "region = user.region" } ] }
  all: { open: [ { tables: shop.main.customers, columns: [id, email] } ] }
  broken: { open: [ { tables: shop.main.customers, rows: "nothing = 1" } ] }
  elsewhere: { open: [ { tables: crm.main.customers } ] }
  blind: { open: [ { tables: shop.main.customers, columns: [nothing] } ] }
  twice: { open: [ { tables: shop.main.customers, rows: "region = 'EU'" }, { tables: "*.*.*", rows: "id = 1" } ] }
  compliance: {}
  legal: {}
"#;

fn grant_of(masks: &str, roles: &[&str], attributes: &[(&str, Attribute)]) -> Option<Grant> {
    let masks = if masks.is_empty() { String::new() } else { format!("version: 1\n{masks}") };
    let rules = load(ROLES, &masks).unwrap_or_else(|e| panic!("{e}"));
    decide(&rules, &principal(roles, attributes), &customers())
}

fn region(name: &str) -> Predicate {
    let value = Value::Text(name.into());
    Predicate::Compare { column: 3, operator: Comparison::Equal, value }
}

fn id_is(value: i64) -> Predicate {
    let value = Value::Integer(value);
    Predicate::Compare { column: 0, operator: Comparison::Equal, value }
}

fn indices(grant: &Grant) -> Vec<usize> {
    grant.columns().iter().map(ColumnGrant::column).collect()
}

#[test]
fn nothing_is_open_that_no_role_opens() {
    for roles in [&[][..], &["unknown"], &["elsewhere"], &["compliance"], &["broken"], &["blind"]] {
        assert!(grant_of("", roles, &[]).is_none(), "{roles:?}");
    }
    let table = super::super::samples::table("shop.main.empty", vec![]);
    let rules = load(ROLES, "").unwrap();
    assert!(decide(&rules, &principal(&["mine"], &[("region", text("EU"))]), &table).is_none());
}

#[test]
fn one_role_opens_its_rows_and_columns() {
    let grant = grant_of("", &["eu"], &[]).unwrap();
    assert_eq!(grant.row_filter(), Some(&region("EU")));
    assert_eq!(indices(&grant), [0, 1]);
    assert!(grant.columns().iter().all(|c| c.visible().is_none() && c.mask().is_none()));
    assert_eq!(grant.filters(), ["role eu"]);
    assert_eq!(grant.roles(), ["eu"]);
    assert_eq!(grant.table().to_string(), "shop.main.customers");
}

#[test]
fn a_missing_attribute_opens_nothing() {
    assert!(grant_of("", &["mine"], &[]).is_none());
    assert!(grant_of("", &["mine"], &[("region", Attribute::Integer(1))]).is_none());
    let grant = grant_of("", &["mine", "eu"], &[]).unwrap();
    assert_eq!((grant.row_filter(), grant.roles()), (Some(&region("EU")), &["eu".to_string()][..]));
    let grant = grant_of("", &["mine"], &[("region", text("US"))]).unwrap();
    assert_eq!(indices(&grant), [0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn several_roles_join_by_or_and_cells_stay_closed() {
    let grant = grant_of("", &["eu", "mine"], &[("region", text("US"))]).unwrap();
    let both = Predicate::Or(vec![region("EU"), region("US")]);
    assert_eq!(grant.row_filter(), Some(&both));
    let visible: Vec<_> = grant.columns().iter().map(ColumnGrant::visible).collect();
    let us = region("US");
    assert_eq!(visible, [None, None, Some(&us), Some(&us), Some(&us), Some(&us), Some(&us)]);
    assert_eq!(grant.filters(), ["role eu", "role mine"]);
}

#[test]
fn an_opening_without_rows_opens_every_row() {
    let grant = grant_of("", &["all", "eu"], &[]).unwrap();
    assert_eq!(grant.row_filter(), None);
    assert_eq!(indices(&grant), [0, 1, 2]);
    assert_eq!(grant.columns()[1].visible(), Some(&region("EU")));
    assert!(grant.columns()[2].visible().is_none());
    assert_eq!(grant.filters(), ["role eu"]);
    assert!(grant_of("", &["all"], &[]).unwrap().filters().is_empty());
}

#[test]
fn an_opening_of_no_column_opens_no_row() {
    let grant = grant_of("", &["blind", "eu"], &[]).unwrap();
    assert_eq!((grant.row_filter(), grant.roles()), (Some(&region("EU")), &["eu".to_string()][..]));
}

#[test]
fn equal_filters_are_one() {
    let grant = grant_of("", &["eu", "mine"], &[("region", text("EU"))]).unwrap();
    assert_eq!(grant.row_filter(), Some(&region("EU")));
    assert!(grant.columns().iter().all(|c| c.visible().is_none()));
    let grant = grant_of("", &["eu", "twice"], &[]).unwrap();
    assert_eq!(grant.row_filter(), Some(&Predicate::Or(vec![region("EU"), id_is(1)])));
}

const MASKS: &str = r#"
masks:
  - { name: weak, columns: ["*.*.*.email"], mask: email, except: [compliance] }
  - { name: strong, columns: ["tag:pii.*"], mask: redact, except: [legal] }
  - { name: unfit, columns: ["shop.main.customers.id"], mask: email }
  - { name: also redact, columns: ["*.*.*.email"], mask: redact }
  - { name: score, columns: ["*.*.*.score"], mask: { constant: 0 } }
tags:
  - { tag: PII.email, columns: ["shop.main.*.EMAIL"] }
"#;

#[test]
fn the_strongest_mask_wins() {
    let rule = |roles: &[&str], index: usize| {
        let grant = grant_of(MASKS, roles, &[("region", text("EU"))]).unwrap();
        let column = grant.columns()[index].clone();
        (column.mask().cloned(), column.rule().map(String::from))
    };
    assert_eq!(rule(&["mine"], 2), (Some(Mask::Redact), Some("strong".into())));
    assert_eq!(rule(&["mine", "legal"], 2), (Some(Mask::Redact), Some("also redact".into())));
    assert_eq!(rule(&["mine"], 0), (Some(Mask::Null), Some("unfit".into())));
    assert_eq!(rule(&["mine"], 1), (None, None));
    let zero = Mask::Constant(Value::Decimal { unscaled: 0, scale: 2 });
    assert_eq!(rule(&["mine"], 5), (Some(zero), Some("score".into())));
}

#[test]
fn exceptions_are_by_role() {
    let masks = "masks: [{name: m, columns: ['*.*.*.email'], mask: email, except: [compliance]}]";
    let mask = |roles: &[&str]| grant_of(masks, roles, &[]).unwrap().columns()[1].mask().cloned();
    assert_eq!(mask(&["all"]), Some(Mask::Email));
    assert_eq!(mask(&["all", "compliance"]), None);
}

#[test]
fn restrictions_close_rows_and_close_them_all_when_they_do_not_bind() {
    let hold = "restrict: [{name: hold, tables: '*.*.*', rows: on_hold = false, except: [legal]}]";
    let closed =
        Predicate::Compare { column: 6, operator: Comparison::Equal, value: Value::Boolean(false) };
    let grant = grant_of(hold, &["all"], &[]).unwrap();
    assert_eq!(grant.row_filter(), Some(&closed));
    assert_eq!(grant.filters(), ["hold"]);
    let grant = grant_of(hold, &["eu"], &[]).unwrap();
    assert_eq!(grant.row_filter(), Some(&Predicate::And(vec![region("EU"), closed])));
    assert_eq!(grant.filters(), ["role eu", "hold"]);
    assert_eq!(grant_of(hold, &["all", "legal"], &[]).unwrap().row_filter(), None);
    for rows in ["nothing = 1", "region = user.tenant", "FALSE"] {
        let rules = format!("restrict: [{{name: t, tables: '*.*.*', rows: '{rows}'}}]");
        let grant = grant_of(&rules, &["all"], &[]).unwrap();
        assert_eq!(grant.row_filter(), Some(&Predicate::Constant(false)), "{rows}");
    }
}

#[test]
fn a_grant_says_why() {
    let grant = grant_of(MASKS, &["eu", "all"], &[]).unwrap();
    let table = customers();
    let reasons = grant.explain(|index| &table.description.columns[index].name);
    assert_eq!(
        reasons,
        [
            "shop.main.customers is open by role all, eu: 3 columns",
            "id is masked (null) by rule \"unfit\"",
            "name is NULL on rows that no role opens it on",
            "Email is masked (redact) by rule \"strong\"",
        ]
    );
}

#[test]
fn what_does_not_bind_is_explained_to_the_administrator() {
    let masks = "version: 1\nrestrict: [{name: t, tables: '*.*.*', rows: region = user.tenant}]";
    let rules = load(ROLES, masks).unwrap();
    let reasons = explain_closed(&rules, &principal(&["broken", "mine", "eu"], &[]), &customers());
    let [broken, mine, tenant] = reasons.as_slice() else { panic!("{reasons:?}") };
    assert!(broken.starts_with("celosia.yaml:6: roles.broken.open[0].rows: opens nothing: table"));
    assert!(mine.ends_with("opens nothing: the caller has no attribute \"region\""), "{mine}");
    assert!(tenant.ends_with("closes every row: the caller has no attribute \"tenant\""));
}

/// SQL's three-valued logic over one row of small integers.
fn holds(predicate: &Predicate, row: &[Option<i64>]) -> Option<bool> {
    match predicate {
        Predicate::Constant(value) => Some(*value),
        Predicate::Compare { column, value: Value::Integer(value), operator } => {
            let order = row[*column]?.cmp(value);
            Some(match operator {
                Comparison::Equal => order.is_eq(),
                Comparison::NotEqual => order.is_ne(),
                Comparison::Less => order.is_lt(),
                Comparison::LessOrEqual => order.is_le(),
                Comparison::Greater => order.is_gt(),
                Comparison::GreaterOrEqual => order.is_ge(),
            })
        }
        Predicate::IsNull { column, negated } => Some(row[*column].is_none() != *negated),
        Predicate::And(parts) => all(parts.iter().map(|part| holds(part, row))),
        Predicate::Or(parts) => {
            all(parts.iter().map(|part| holds(part, row).map(|value| !value))).map(|value| !value)
        }
        Predicate::Not(part) => holds(part, row).map(|value| !value),
        other => panic!("not generated: {other:?}"),
    }
}

fn all(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let parts: Vec<_> = parts.collect();
    if parts.contains(&Some(false)) {
        return Some(false);
    }
    if parts.contains(&None) { None } else { Some(true) }
}

/// A small deterministic generator.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn filter(&mut self, depth: u64) -> String {
        let column = ["a", "b", "c"][self.roll(3) as usize];
        match self.roll(if depth == 0 { 4 } else { 7 }) {
            0 => format!("{column} = {}", self.roll(3)),
            1 => format!("{column} <> {}", self.roll(3)),
            2 => format!("{column} IS NULL"),
            3 => ["TRUE", "FALSE", "a <= 1", "b > 0"][self.roll(4) as usize].into(),
            4 => format!("NOT ({})", self.filter(depth - 1)),
            5 => format!("({} AND {})", self.filter(depth - 1), self.filter(depth - 1)),
            _ => format!("({} OR {})", self.filter(depth - 1), self.filter(depth - 1)),
        }
    }
}

#[test]
fn a_cell_is_open_exactly_where_some_role_opens_it() {
    let mut dice = Dice(7);
    let columns =
        ["a", "b", "c"].map(|n| super::super::samples::column(n, arrow_schema::DataType::Int64));
    let table = super::super::samples::table("s.t.u", columns.to_vec());
    let rows: Vec<Vec<Option<i64>>> = (0..27)
        .map(|i| [i % 3, i / 3 % 3, i / 9].iter().map(|v| (*v < 2).then_some(*v)).collect())
        .collect();
    for _ in 0..200 {
        let openings: Vec<(String, Vec<usize>)> = (0..=dice.roll(3))
            .map(|_| (dice.filter(2), (0..3).filter(|_| dice.roll(2) == 0).collect()))
            .filter(|(_, columns): &(_, Vec<usize>)| !columns.is_empty())
            .collect();
        let restriction = dice.filter(1);
        let mut yaml = String::from("roles:\n");
        for (i, (filter, open)) in openings.iter().enumerate() {
            let open: Vec<&str> = open.iter().map(|c| ["a", "b", "c"][*c]).collect();
            let open = open.join(", ");
            yaml += &format!(
                "  r{i}: {{open: [{{tables: s.t.u, rows: \"{filter}\", columns: [{open}]}}]}}\n"
            );
        }
        let masks =
            format!("version: 1\nrestrict: [{{name: x, tables: s.t.u, rows: \"{restriction}\"}}]");
        let rules = load(&yaml, &masks).unwrap_or_else(|e| panic!("{yaml}{e}"));
        let roles: Vec<String> = (0..openings.len()).map(|i| format!("r{i}")).collect();
        let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
        let grant = decide(&rules, &principal(&roles, &[]), &table);
        let truth = |filter: &str, row: &[Option<i64>]| {
            let filter = super::super::filter::Filter::parse(filter).unwrap();
            let bound = bind(&filter, &table.description, Attributes::Unknown).unwrap();
            holds(&bound, row) == Some(true)
        };
        for row in &rows {
            let closed = !truth(&restriction, row);
            let opening: Vec<_> =
                openings.iter().filter(|(f, _)| !closed && truth(f, row)).collect();
            let is_row = |g: &Grant| g.row_filter().is_none_or(|f| holds(f, row) == Some(true));
            let row_open = grant.as_ref().is_some_and(is_row);
            assert_eq!(row_open, !opening.is_empty(), "{yaml}{masks}{row:?}");
            for column in 0..3 {
                let expected = opening.iter().any(|(_, open)| open.contains(&column));
                let cell = grant
                    .as_ref()
                    .filter(|_| row_open)
                    .and_then(|grant| grant.columns().iter().find(|c| c.column() == column));
                let open =
                    cell.is_some_and(|c| c.visible().is_none_or(|v| holds(v, row) == Some(true)));
                assert_eq!(open, expected, "{yaml}{masks}{row:?} column {column}");
            }
        }
    }
}
