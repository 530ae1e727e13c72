//! Policy tests: what an administrator expects a caller to see, written down and checked.

use super::bind::{Attributes, bind};
use super::decide::{decide, simplify};
use super::error::{Place, PolicyError, PolicyErrors, yaml_error};
use super::explain::mask_text;
use super::filter::Filter;
use super::grant::{ColumnGrant, Grant};
use super::rules::{Rules, yaml_files};
use super::show::predicate_text;
use crate::model::{Attribute, Predicate, Principal, TableEntry};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// The JSON Schema of a file below `policy-tests/`.
pub fn policy_tests_schema() -> serde_json::Value {
    schemars::schema_for!(RawTests).to_value()
}

/// A file of policy tests.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Celosia policy tests")]
struct RawTests {
    /// The version of the format: 1.
    #[schemars(with = "u32")]
    version: Spanned<u32>,
    /// What is expected.
    #[schemars(with = "Vec<Expectation>")]
    tests: Vec<Spanned<Expectation>>,
}

/// What one caller is expected to see.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// What the test shows, in words.
    pub name: String,
    /// The caller.
    #[serde(rename = "as")]
    pub caller: Caller,
    /// `source.schema.table`; needed where rows or columns are expected.
    pub table: Option<String>,
    /// `hidden`, `visible`, `all`, or the filter on the rows that are open.
    pub rows: Option<String>,
    /// By column; `"*"` stands for every column that is not named.
    #[serde(default)]
    pub columns: BTreeMap<String, ColumnExpectation>,
    /// Statements, and how they end.
    #[serde(default)]
    pub statements: Vec<StatementExpectation>,
}

/// A caller: somebody who is known, or roles and attributes.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Caller {
    /// The local user, or the user of an API key.
    pub user: Option<String>,
    /// Roles, instead of a user.
    #[serde(default)]
    pub roles: BTreeSet<String>,
    /// What row filters know as `user.*`.
    #[serde(default)]
    pub attributes: BTreeMap<String, CallerAttribute>,
}

/// A value of an attribute.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum CallerAttribute {
    /// TRUE or FALSE.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<CallerAttribute>),
}

impl From<CallerAttribute> for Attribute {
    fn from(value: CallerAttribute) -> Self {
        match value {
            CallerAttribute::Boolean(value) => Attribute::Boolean(value),
            CallerAttribute::Integer(value) => Attribute::Integer(value),
            CallerAttribute::Text(value) => Attribute::Text(value),
            CallerAttribute::List(items) => {
                Attribute::List(items.into_iter().map(Attribute::from).collect())
            }
        }
    }
}

/// What is expected of a column.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ColumnExpectation {
    /// In one word.
    Word(ColumnWord),
    /// Masked by one rule.
    Masked(MaskedBy),
}

/// What is expected of a column, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ColumnWord {
    /// Its values as stored, on every open row.
    Open,
    /// Masked, by whatever rule.
    Masked,
    /// It does not exist for the caller.
    Hidden,
}

/// The rule that is expected to mask a column.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MaskedBy {
    /// The rule's name.
    pub masked: String,
    /// The mask, such as `email` or `first 1`.
    pub mask: Option<String>,
}

/// A statement and how it ends.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatementExpectation {
    /// One SELECT.
    pub sql: String,
    /// The code of its error, such as `unknown_name`; absent: it is answered.
    pub error: Option<String>,
}

/// The policy tests of some files.
#[derive(Debug, Default)]
pub struct PolicyTests {
    /// The tests, each with its file and line.
    pub tests: Vec<(String, Expectation)>,
}

impl PolicyTests {
    /// Reads the tests at `path`: a file, or the files of a directory.
    ///
    /// # Errors
    /// What is wrong with a file, with its line.
    pub fn load(path: &Path) -> Result<Self, PolicyErrors> {
        let mut tests = Vec::new();
        for (file, text) in yaml_files(path, "policy test")? {
            let raw: RawTests =
                serde_saphyr::from_str(&text).map_err(|error| yaml_error(&file, &text, &error))?;
            let wrong = |line, key: &str, message: &str| {
                PolicyErrors::from(PolicyError::new(&Place::new(&file, line, key), message))
            };
            if raw.version.value != 1 {
                let message = "this version of Celosia reads version 1";
                return Err(wrong(raw.version.defined.line(), "version", message));
            }
            for test in raw.tests {
                let line = test.defined.line();
                let expected = test.value;
                let of_table = expected.rows.is_some() || !expected.columns.is_empty();
                if of_table && expected.table.is_none() {
                    return Err(wrong(line, "table", "rows and columns are of a table: name it"));
                }
                if !of_table && expected.statements.is_empty() {
                    return Err(wrong(line, "", "this test expects nothing"));
                }
                let as_user = expected.caller.user.is_some();
                if as_user && !expected.caller.roles.is_empty() {
                    let message = "name a user or roles: a user has the roles of the configuration";
                    return Err(wrong(line, "as", message));
                }
                tests.push((format!("{file}:{line}"), expected));
            }
        }
        Ok(Self { tests })
    }
}

impl Expectation {
    /// What of the table is not as expected: one line each.
    pub fn differences(
        &self,
        rules: &Rules,
        principal: &Principal,
        tables: &[Arc<TableEntry>],
    ) -> Vec<String> {
        let mut found: Vec<String> = principal
            .roles()
            .iter()
            .filter(|role| !rules.roles.contains_key(*role))
            .map(|role| format!("there is no role \"{role}\""))
            .collect();
        let Some(wanted) = &self.table else { return found };
        let same = |table: &&Arc<TableEntry>| {
            table.reference.to_string().to_lowercase() == wanted.to_lowercase()
        };
        let Some(table) = tables.iter().find(same) else {
            found.push(format!("there is no table {wanted}"));
            return found;
        };
        let grant = decide(rules, principal, table);
        found.extend(self.rows_differ(principal, table, grant.as_ref()));
        for (name, expected) in &self.columns {
            let named = |index: &usize| {
                table.description.columns[*index].name.to_lowercase() == name.to_lowercase()
            };
            let all = 0..table.description.columns.len();
            let indices: Vec<usize> = if name == "*" {
                all.filter(|index| !self.names(&table.description.columns[*index].name)).collect()
            } else {
                all.filter(named).collect()
            };
            if indices.is_empty() && name != "*" {
                found.push(format!("{wanted} has no column {name}"));
            }
            for index in indices {
                let column = &table.description.columns[index].name;
                found.extend(
                    column_differs(expected, index, grant.as_ref(), table)
                        .map(|difference| format!("column {column}: {difference}")),
                );
            }
        }
        found
    }

    fn names(&self, column: &str) -> bool {
        self.columns.keys().any(|name| name.to_lowercase() == column.to_lowercase())
    }

    fn rows_differ(
        &self,
        principal: &Principal,
        table: &TableEntry,
        grant: Option<&Grant>,
    ) -> Option<String> {
        let wanted = self.rows.as_deref()?;
        let found = match grant.map(Grant::row_filter) {
            None => "hidden".to_string(),
            Some(None) => "all".to_string(),
            Some(Some(rows)) => predicate_text(rows, &table.description),
        };
        let differs = format!("rows: expected {wanted}, found {found}");
        match (wanted, grant) {
            ("hidden", None) | ("visible", Some(_)) => return None,
            ("hidden" | "visible", _) => return Some(differs),
            _ => {}
        }
        let Some(grant) = grant else { return Some(differs) };
        let expected = match wanted {
            "all" => Predicate::Constant(true),
            text => {
                let attributes = Attributes::Of(principal.attributes());
                let bound = Filter::parse(text)
                    .and_then(|f| bind(&f, &table.description, attributes).map_err(|e| e.0));
                match bound {
                    Ok(bound) => simplify(bound),
                    Err(problem) => return Some(format!("rows: {problem}")),
                }
            }
        };
        let open = grant.row_filter().cloned().unwrap_or(Predicate::Constant(true));
        (parts(&open) != parts(&expected)).then_some(differs)
    }
}

/// The parts of a condition, whose order says nothing.
fn parts(predicate: &Predicate) -> BTreeSet<String> {
    match predicate {
        Predicate::And(parts) => parts.iter().map(|part| format!("and {part:?}")).collect(),
        Predicate::Or(parts) => parts.iter().map(|part| format!("or {part:?}")).collect(),
        other => BTreeSet::from([format!("{other:?}")]),
    }
}

fn column_differs(
    expected: &ColumnExpectation,
    index: usize,
    grant: Option<&Grant>,
    table: &TableEntry,
) -> Option<String> {
    let column = grant.and_then(|grant| grant.columns().iter().find(|c| c.column() == index));
    let found = match column {
        None => "hidden".to_string(),
        Some(column) => shown(column, table),
    };
    let mask = column.and_then(ColumnGrant::declared_mask);
    let holds = match expected {
        ColumnExpectation::Word(ColumnWord::Hidden) => column.is_none(),
        ColumnExpectation::Word(ColumnWord::Open) => {
            column.is_some_and(|column| column.visible().is_none()) && mask.is_none()
        }
        ColumnExpectation::Word(ColumnWord::Masked) => mask.is_some(),
        ColumnExpectation::Masked(by) => {
            column.and_then(ColumnGrant::rule) == Some(&by.masked)
                && by.mask.as_ref().is_none_or(|wanted| {
                    mask.is_some_and(|mask| mask_text(mask) == *wanted || mask.name() == wanted)
                })
        }
    };
    let wanted = match expected {
        ColumnExpectation::Word(ColumnWord::Hidden) => "hidden".to_string(),
        ColumnExpectation::Word(ColumnWord::Open) => "open".to_string(),
        ColumnExpectation::Word(ColumnWord::Masked) => "masked".to_string(),
        ColumnExpectation::Masked(by) => match &by.mask {
            Some(mask) => format!("masked by \"{}\" ({mask})", by.masked),
            None => format!("masked by \"{}\"", by.masked),
        },
    };
    (!holds).then(|| format!("expected {wanted}, found {found}"))
}

fn shown(column: &ColumnGrant, table: &TableEntry) -> String {
    let effect = match (column.declared_mask(), column.rule()) {
        (Some(mask), Some(rule)) => format!("masked by \"{rule}\" ({})", mask_text(mask)),
        _ => "open".to_string(),
    };
    match column.visible() {
        Some(rows) => {
            format!("{effect}, NULL unless {}", predicate_text(rows, &table.description))
        }
        None => effect,
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{customers, load, principal, text};
    use super::*;

    const ROLES: &str = "roles:
  mine: { open: [ { tables: shop.main.customers, rows: region = user.region, columns: [id, name, email] } ] }
  all: { open: [ { tables: shop.main.customers } ] }
";
    const MASKS: &str = "version: 1
masks: [ { name: names, columns: ['*.*.*.name'], mask: { first: 1 } } ]
restrict: [ { name: hold, tables: shop.main.customers, rows: on_hold = false, except: [all] } ]
";

    fn differences(test: &str) -> Vec<String> {
        let rules = load(ROLES, MASKS).unwrap_or_else(|e| panic!("{e}"));
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("t.yaml");
        std::fs::write(&file, format!("version: 1\ntests:\n- {test}\n")).unwrap();
        let tests = PolicyTests::load(&file).unwrap_or_else(|e| panic!("{e}")).tests;
        let expected = &tests[0].1;
        let roles: Vec<&str> = expected.caller.roles.iter().map(String::as_str).collect();
        let caller = principal(&roles, &[("region", text("EU"))]);
        expected.differences(&rules, &caller, &[Arc::new(customers())])
    }

    #[test]
    fn what_holds_is_silent() {
        for test in [
            "{name: a, as: {roles: [mine]}, table: shop.main.customers, rows: \"on_hold = false AND region = 'EU'\"}",
            "{name: a, as: {roles: [mine]}, table: SHOP.main.customers, rows: visible, columns: {ID: open, name: {masked: names, mask: first 1}, email: open, '*': hidden}}",
            "{name: a, as: {roles: [all]}, table: shop.main.customers, rows: all, columns: {name: masked, '*': open}}",
            "{name: a, as: {}, table: shop.main.customers, rows: hidden, columns: {'*': hidden}}",
        ] {
            assert_eq!(differences(test), [""; 0], "{test}");
        }
    }

    #[test]
    fn what_does_not_hold_is_said_with_what_was_found() {
        let test = "{name: a, as: {roles: [mine]}, table: shop.main.customers, rows: \"region = 'US'\", columns: {id: hidden, name: open, email: {masked: names}, score: open, nmae: open}}";
        assert_eq!(
            differences(test),
            [
                "rows: expected region = 'US', found region = 'EU' AND on_hold = FALSE",
                "column Email: expected masked by \"names\", found open",
                "column id: expected hidden, found open",
                "column name: expected open, found masked by \"names\" (first 1)",
                "shop.main.customers has no column nmae",
                "column score: expected open, found hidden",
            ]
        );
        let cells = "{name: a, as: {roles: [mine, all]}, table: shop.main.customers, rows: all, columns: {id: open, score: hidden}}";
        assert_eq!(differences(cells), ["column score: expected hidden, found open"]);
        let unknown = "{name: a, as: {roles: [nobody]}, table: shop.main.nothing, rows: hidden}";
        assert_eq!(
            differences(unknown),
            ["there is no role \"nobody\"", "there is no table shop.main.nothing"]
        );
    }

    #[test]
    fn a_test_that_cannot_be_meant_is_an_error_with_its_line() {
        for (test, says) in [
            ("- {name: a, as: {}}", ":3: : this test expects nothing"),
            ("- {name: a, as: {}, rows: all}", ":3: table: "),
            ("- {name: a, as: {user: x, roles: [y]}, table: t, rows: all}", ":3: as: "),
            ("- {name: a, as: {}, table: t, column: {}}", "unknown field `column`"),
            ("- {name: a, as: {}, table: t, columns: {x: opne}}", ":3: "),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join("t.yaml");
            std::fs::write(&file, format!("version: 1\ntests:\n{test}\n")).unwrap();
            let error = PolicyTests::load(&file).unwrap_err().to_string();
            assert!(error.contains(&says.replace(": : ", ": ")), "{error}");
        }
    }
}
