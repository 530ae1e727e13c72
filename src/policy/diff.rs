//! What one policy opens that another does not: roles x tables x columns x effect.
//!
//! Each role is looked at alone, and row filters by their text: whoever reads a difference knows the
//! attributes of no caller. Where two texts cannot be compared the change counts as one that opens.

use super::explain::mask_text;
use super::mask::fitted;
use super::pattern::{ColumnPattern, Names};
use super::rules::{Role, Rules};
use crate::model::{Mask, TableEntry, TableRef};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// One policy over the tables that it is about.
#[derive(Debug)]
pub struct Side<'a> {
    /// The policy.
    pub rules: &'a Rules,
    /// The tables of its sources.
    pub tables: Vec<Arc<TableEntry>>,
}

/// Which way a change goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Somebody may see more.
    Opens,
    /// More for some rows or values and less for others, or what cannot be compared.
    Changes,
    /// Nobody sees more.
    Closes,
}

/// One change for the holders of one role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Which way it goes.
    pub direction: Direction,
    /// The role.
    pub role: String,
    /// The table; absent where the role itself changed.
    pub table: Option<String>,
    /// The column; absent where the whole table changed.
    pub column: Option<String>,
    /// How it was.
    pub before: String,
    /// How it is.
    pub after: String,
    /// The columns with personal data whose stored values open.
    pub personal: Vec<String>,
}

/// Everything that `after` changes, what opens first. `personal` says why a column holds personal data
/// where the rules do not.
pub fn diff(
    before: &Side<'_>,
    after: &Side<'_>,
    personal: &dyn Fn(&TableEntry, usize) -> bool,
) -> Vec<Change> {
    let mut found = Vec::new();
    let names = before.rules.roles.keys().chain(after.rules.roles.keys());
    for role in names.collect::<BTreeSet<_>>() {
        let (old, new) = (before.rules.roles.get(role), after.rules.roles.get(role));
        found.extend(groups(role, old, new));
        let (old, new) = (facts(before, old), facts(after, new));
        for table in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
            let entry = after.tables.iter().chain(&before.tables).find(|t| t.reference == *table);
            let Some(entry) = entry else { continue };
            let names = Names::of(entry);
            let is_personal = |column: &str| {
                let found = entry.description.columns.iter().position(|c| c.name == column);
                found.is_some_and(|index| {
                    before.rules.calls_personal(&names, index)
                        || after.rules.calls_personal(&names, index)
                        || personal(entry, index)
                })
            };
            let at = At { role, table, personal: &is_personal };
            found.extend(at.table(old.get(table), new.get(table)));
        }
    }
    found.sort_by(|a, b| (a.direction, &a.role, &a.table).cmp(&(b.direction, &b.role, &b.table)));
    found
}

impl Rules {
    /// Whether a rule masks the column or a tag `pii` is on it.
    fn calls_personal(&self, names: &Names, index: usize) -> bool {
        let meant = |columns: &[(ColumnPattern, String)]| {
            columns.iter().any(|(pattern, _)| self.matches(pattern, names, index))
        };
        let is_pii = |name: &str| name == "pii" || name.starts_with("pii.");
        self.masks.iter().any(|rule| meant(&rule.columns))
            || self.tags.iter().any(|tag| is_pii(&tag.name) && meant(&tag.columns))
    }
}

/// Alternatives of row filters; `None` is every row.
type Rows = Option<BTreeSet<String>>;

/// What a role alone opens of a table.
#[derive(Debug, PartialEq, Eq)]
struct TableFacts {
    rows: Rows,
    restrictions: BTreeSet<String>,
    columns: BTreeMap<String, ColumnFacts>,
}

#[derive(Debug, PartialEq, Eq)]
struct ColumnFacts {
    rows: Rows,
    mask: Option<Masked>,
}

#[derive(Debug, PartialEq, Eq)]
struct Masked {
    strength: (u8, i64),
    text: String,
}

fn facts(side: &Side<'_>, role: Option<&Role>) -> BTreeMap<TableRef, TableFacts> {
    let Some(role) = role else { return BTreeMap::new() };
    side.tables
        .iter()
        .filter_map(|table| Some((table.reference.clone(), table_facts(side.rules, role, table)?)))
        .collect()
}

fn table_facts(rules: &Rules, role: &Role, table: &TableEntry) -> Option<TableFacts> {
    let names = Names::of(table);
    let openings: Vec<_> = role
        .openings
        .iter()
        .filter(|opening| opening.is_meant(&names))
        .filter(|opening| names.columns.iter().any(|column| opening.opens(column)))
        .collect();
    let rows_of = |column: Option<&str>| {
        let opening = openings.iter().filter(|o| column.is_none_or(|column| o.opens(column)));
        let rows: Vec<Option<String>> =
            opening.map(|o| o.rows.as_ref().map(|filter| filter.text.clone())).collect();
        (!rows.is_empty()).then(|| rows.into_iter().collect::<Option<BTreeSet<String>>>())
    };
    let mut columns = BTreeMap::new();
    for (index, column) in table.description.columns.iter().enumerate() {
        let Some(rows) = rows_of(Some(&names.columns[index])) else { continue };
        let masks = rules.masks.iter().filter(|rule| {
            !rule.except.contains(&role.name)
                && rule.columns.iter().any(|(p, _)| rules.matches(p, &names, index))
        });
        let fitting = masks.map(|rule| fitted(&rule.mask, column).unwrap_or(Mask::Null));
        let mask = fitting
            .map(|mask| Masked { strength: mask.strength(), text: mask_text(&mask) })
            .reduce(|a, b| if b.strength > a.strength { b } else { a });
        columns.insert(column.name.clone(), ColumnFacts { rows, mask });
    }
    let restrictions = rules
        .restrictions
        .iter()
        .filter(|rule| !rule.except.contains(&role.name))
        .filter(|rule| rule.tables.iter().any(|pattern| pattern.matches(&names)))
        .map(|rule| rule.rows.text.clone())
        .collect();
    (!columns.is_empty()).then(|| TableFacts {
        rows: rows_of(None).flatten(),
        restrictions,
        columns,
    })
}

/// Members of more groups hold the role: it opens to more people.
fn groups(name: &str, old: Option<&Role>, new: Option<&Role>) -> Option<Change> {
    let of = |role: Option<&Role>| match role {
        None => "no such role".to_string(),
        Some(role) if role.groups.is_empty() => "no groups".to_string(),
        Some(role) => {
            let groups: Vec<&str> = role.groups.iter().map(String::as_str).collect();
            format!("groups {}", groups.join(", "))
        }
    };
    let direction = match (old, new) {
        (Some(old), Some(new)) if old.groups == new.groups => return None,
        (Some(old), Some(new)) if new.groups.is_subset(&old.groups) => Direction::Closes,
        (Some(_), None) => Direction::Closes,
        _ => Direction::Opens,
    };
    Some(Change {
        direction,
        role: name.to_string(),
        table: None,
        column: None,
        before: of(old),
        after: of(new),
        personal: Vec::new(),
    })
}

struct At<'a> {
    role: &'a str,
    table: &'a TableRef,
    personal: &'a dyn Fn(&str) -> bool,
}

impl At<'_> {
    fn table(&self, old: Option<&TableFacts>, new: Option<&TableFacts>) -> Vec<Change> {
        let (old, new) = match (old, new) {
            (Some(old), Some(new)) => (old, new),
            (None, Some(new)) => {
                let personal = new.columns.iter().filter(|(_, facts)| facts.mask.is_none());
                let personal = personal.map(|(name, _)| name.as_str()).collect();
                let after = whole(new);
                return vec![self.change(Direction::Opens, None, "hidden".into(), after, personal)];
            }
            (Some(old), None) => {
                let before = whole(old);
                let after = "hidden".into();
                return vec![self.change(Direction::Closes, None, before, after, vec![])];
            }
            (None, None) => return Vec::new(),
        };
        let mut found = Vec::new();
        let rows = rows_direction(&old.rows, &new.rows);
        let restrictions = restrictions_direction(&old.restrictions, &new.restrictions);
        if let Some(direction) = both(rows, restrictions) {
            let personal = new.columns.iter().filter(|(_, facts)| facts.mask.is_none());
            let personal = personal.map(|(name, _)| name.as_str()).collect();
            let (before, after) = (rows_of_table(old), rows_of_table(new));
            found.push(self.change(direction, None, before, after, personal));
        }
        let names = old.columns.keys().chain(new.columns.keys());
        for name in names.collect::<BTreeSet<_>>() {
            let (before, after) = (old.columns.get(name), new.columns.get(name));
            let (direction, personal) = match (before, after) {
                (Some(before), Some(after)) => {
                    // Rows that changed with the whole table were told above.
                    let own = !(before.rows == old.rows && after.rows == new.rows);
                    let rows = own.then(|| rows_direction(&before.rows, &after.rows)).flatten();
                    let mask = mask_direction(before.mask.as_ref(), after.mask.as_ref());
                    let bare = after.mask.is_none() && (before.mask.is_some() || rows.is_some());
                    (both(rows, mask), bare)
                }
                (None, Some(after)) => (Some(Direction::Opens), after.mask.is_none()),
                (Some(_), None) => (Some(Direction::Closes), false),
                (None, None) => (None, false),
            };
            let Some(direction) = direction else { continue };
            let personal = if personal { vec![name.as_str()] } else { vec![] };
            let before = column_text(before, &old.rows);
            let after = column_text(after, &new.rows);
            found.push(self.change(direction, Some(name), before, after, personal));
        }
        found
    }

    fn change(
        &self,
        direction: Direction,
        column: Option<&str>,
        before: String,
        after: String,
        opened: Vec<&str>,
    ) -> Change {
        let personal = match direction {
            Direction::Closes => Vec::new(),
            _ => opened.into_iter().filter(|c| (self.personal)(c)).map(String::from).collect(),
        };
        Change {
            direction,
            role: self.role.to_string(),
            table: Some(self.table.to_string()),
            column: column.map(str::to_string),
            before,
            after,
            personal,
        }
    }
}

fn both(a: Option<Direction>, b: Option<Direction>) -> Option<Direction> {
    match (a, b) {
        (a, None) => a,
        (None, b) => b,
        (Some(a), Some(b)) if a == b => Some(a),
        _ => Some(Direction::Changes),
    }
}

fn rows_direction(old: &Rows, new: &Rows) -> Option<Direction> {
    match (old, new) {
        (old, new) if old == new => None,
        (_, None) => Some(Direction::Opens),
        (None, _) => Some(Direction::Closes),
        (Some(old), Some(new)) if new.is_superset(old) => Some(Direction::Opens),
        (Some(old), Some(new)) if new.is_subset(old) => Some(Direction::Closes),
        _ => Some(Direction::Changes),
    }
}

fn restrictions_direction(old: &BTreeSet<String>, new: &BTreeSet<String>) -> Option<Direction> {
    match (new.is_subset(old), new.is_superset(old)) {
        (true, true) => None,
        (true, false) => Some(Direction::Opens),
        (false, true) => Some(Direction::Closes),
        (false, false) => Some(Direction::Changes),
    }
}

fn mask_direction(old: Option<&Masked>, new: Option<&Masked>) -> Option<Direction> {
    match (old, new) {
        (old, new) if old == new => None,
        (Some(_), None) => Some(Direction::Opens),
        (None, Some(_)) => Some(Direction::Closes),
        // The order of strengths is that of what wins, not of what tells more: only the same kind of
        // mask can be compared, and NULL, which tells nothing.
        (Some(old), Some(new)) if old.strength.0 == new.strength.0 => {
            Some(match new.strength.1.cmp(&old.strength.1) {
                std::cmp::Ordering::Less => Direction::Opens,
                std::cmp::Ordering::Equal => Direction::Changes,
                std::cmp::Ordering::Greater => Direction::Closes,
            })
        }
        (Some(old), Some(_)) if old.text == "null" => Some(Direction::Opens),
        (Some(_), Some(new)) if new.text == "null" => Some(Direction::Closes),
        _ => Some(Direction::Changes),
    }
}

fn rows_text(rows: &Rows) -> String {
    match rows {
        None => "every row".to_string(),
        Some(rows) if rows.len() == 1 => rows.iter().cloned().collect(),
        Some(rows) => rows.iter().map(|r| format!("({r})")).collect::<Vec<_>>().join(" OR "),
    }
}

fn rows_of_table(facts: &TableFacts) -> String {
    let mut text = rows_text(&facts.rows);
    for restriction in &facts.restrictions {
        text.push_str(&format!(" AND ({restriction})"));
    }
    text
}

fn whole(facts: &TableFacts) -> String {
    let masked: Vec<&str> = facts
        .columns
        .iter()
        .filter(|(_, column)| column.mask.is_some())
        .map(|(name, _)| name.as_str())
        .collect();
    let masked =
        if masked.is_empty() { String::new() } else { format!(", masked: {}", masked.join(", ")) };
    format!("{} columns{masked}; {}", facts.columns.len(), rows_of_table(facts))
}

fn column_text(facts: Option<&ColumnFacts>, table: &Rows) -> String {
    let Some(facts) = facts else { return "hidden".to_string() };
    let effect =
        facts.mask.as_ref().map_or_else(|| "open".into(), |mask| format!("masked {}", mask.text));
    if facts.rows == *table { effect } else { format!("{effect} where {}", rows_text(&facts.rows)) }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = match self.direction {
            Direction::Opens => "opens",
            Direction::Changes => "changes",
            Direction::Closes => "closes",
        };
        write!(f, "{direction:7}  role {}", self.role)?;
        if let Some(table) = &self.table {
            write!(f, "  {table}")?;
        }
        if let Some(column) = &self.column {
            write!(f, ".{column}")?;
        }
        write!(f, ": {} -> {}", self.before, self.after)?;
        if !self.personal.is_empty() {
            write!(f, "  PERSONAL DATA: {}", self.personal.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{customers, load};
    use super::*;

    const ROLES: &str = "roles:
  a: { groups: [g], open: [ { tables: shop.main.customers, rows: region = user.region, columns: [id, name, score] } ] }
  c: {}
";
    const MASKS: &str = "version: 1
masks: [ { name: names, columns: ['*.*.*.name'], mask: redact } ]
restrict: [ { name: hold, tables: shop.main.customers, rows: on_hold = false } ]
";

    fn change(from: &str, to: &str) -> Vec<String> {
        assert!(ROLES.contains(from) || MASKS.contains(from), "{from}");
        let changed = |text: &str| text.replacen(from, to, 1);
        let old = load(ROLES, MASKS).unwrap_or_else(|e| panic!("{e}"));
        let new = load(&changed(ROLES), &changed(MASKS)).unwrap_or_else(|e| panic!("{e}"));
        let side = |rules| Side { rules, tables: vec![Arc::new(customers())] };
        let email = |_: &TableEntry, index: usize| index == 2;
        diff(&side(&old), &side(&new), &email).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_same_policy_changes_nothing() {
        assert_eq!(change("roles", "roles"), [""; 0]);
    }

    #[test]
    fn what_opens_is_told_with_the_personal_data_it_opens() {
        assert_eq!(
            change("[id, name, score]", "[id, name, score, email]"),
            ["opens    role a  shop.main.customers.Email: hidden -> open  PERSONAL DATA: Email"]
        );
        assert_eq!(
            change("mask: redact", "mask: redact, except: [a]"),
            [
                "opens    role a  shop.main.customers.name: masked redact -> open  PERSONAL DATA: name"
            ]
        );
        assert_eq!(
            change("rows: region = user.region, ", ""),
            [
                "opens    role a  shop.main.customers: region = user.region AND (on_hold = false) -> every row AND (on_hold = false)"
            ]
        );
        assert_eq!(
            change("rows: on_hold = false", "rows: on_hold = false, except: [a]"),
            [
                "opens    role a  shop.main.customers: region = user.region AND (on_hold = false) -> region = user.region"
            ]
        );
        assert_eq!(
            change("c: {}", "c: { open: [ { tables: shop.main.customers } ] }"),
            [
                "opens    role c  shop.main.customers: hidden -> 7 columns, masked: name; every row AND (on_hold = false)  PERSONAL DATA: Email"
            ]
        );
        assert_eq!(
            change("groups: [g]", "groups: [g, h]"),
            ["opens    role a: groups g -> groups g, h"]
        );
    }

    #[test]
    fn what_closes_is_no_opening() {
        assert_eq!(
            change("[id, name, score]", "[id, name]"),
            ["closes   role a  shop.main.customers.score: open -> hidden"]
        );
        assert_eq!(change("  c: {}\n", ""), ["closes   role c: no groups -> no such role"]);
        assert_eq!(
            change("mask: redact", "mask: null"),
            ["closes   role a  shop.main.customers.name: masked redact -> masked null"]
        );
    }

    #[test]
    fn what_cannot_be_compared_is_a_change() {
        assert_eq!(
            change("mask: redact", "mask: { first: 1 }"),
            ["changes  role a  shop.main.customers.name: masked redact -> masked first 1"]
        );
        assert_eq!(
            change("region = user.region", "id = 7"),
            [
                "changes  role a  shop.main.customers: region = user.region AND (on_hold = false) -> id = 7 AND (on_hold = false)"
            ]
        );
    }
}
