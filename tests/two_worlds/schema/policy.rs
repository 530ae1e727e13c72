//! Generated policies: what two roles open, a restriction, masks; and what a caller with both roles sees.

use super::filter::{Attributes, Filter};
use super::masks;
use super::names::quoted;
use super::table::{Part, Table};
use crate::support::rng::Rng;
use celosia_connector_api::Mask;
use celosia_connector_testkit::data::Row;

/// The roles of the caller.
pub const HELD: [&str; 2] = ["first", "second"];
/// A role that opens everything, and is nobody's.
const OTHER: &str = "other";

/// What is open of one table.
#[derive(Debug)]
pub struct TablePolicy {
    openings: Vec<Opening>,
    restriction: Option<Filter>,
    /// By column.
    pub masks: Vec<Option<Mask>>,
}

#[derive(Debug)]
struct Opening {
    role: &'static str,
    columns: Vec<usize>,
    rows: Option<Filter>,
}

impl TablePolicy {
    /// A policy for a table with rows like these.
    pub fn generate(
        table: &Table,
        rows: &[Row],
        attributes: &mut Attributes,
        rng: &mut Rng,
    ) -> Self {
        let everyone = |rng: &mut Rng, table: &Table, most: usize| -> Vec<usize> {
            let kept = |at: &usize| *at == 0 || rng.chance(most);
            (0..table.columns.len()).filter(kept).collect()
        };
        let mut openings = Vec::new();
        for role in HELD.into_iter().take(if rng.chance(55) { 2 } else { 1 }) {
            let columns = everyone(rng, table, if role == HELD[0] { 85 } else { 50 });
            let rows = match rng.chance(80) {
                true => Filter::generate(table, rows, attributes, rng),
                false => None,
            };
            openings.push(Opening { role, columns, rows });
        }
        let restriction = match rng.chance(30) {
            true => Filter::generate(table, rows, attributes, rng),
            false => None,
        };
        let key = table.is_keyed().then(|| table.columns[0].name.as_str());
        let masks = table.columns.iter().map(|column| {
            let most = if column.part == Part::Key { 6 } else { 30 };
            rng.chance(most).then(|| masks::generate(column.declared, key, rng))
        });
        let masks = masks.collect();
        Self { openings, restriction, masks }
    }

    /// Whether the caller sees the row.
    pub fn is_open(&self, row: &Row) -> bool {
        let opens = |filter: &Option<Filter>| filter.as_ref().is_none_or(|f| f.opens(row));
        opens(&self.restriction) && self.openings.iter().any(|opening| opens(&opening.rows))
    }

    /// The columns that the caller sees.
    pub fn visible(&self, table: &Table) -> Vec<usize> {
        let seen = |at: &usize| self.openings.iter().any(|opening| opening.columns.contains(at));
        (0..table.columns.len()).filter(seen).collect()
    }

    /// Whether every open row shows the column.
    pub fn is_shown_everywhere(&self, column: usize) -> bool {
        self.openings.iter().all(|opening| opening.columns.contains(&column))
    }

    /// What the caller sees of a row: nothing, or its cells, those of hidden columns left out. Two rows
    /// for which this is the same are the same to the caller.
    pub fn governed(&self, table: &Table, row: &Row) -> Option<Vec<Option<String>>> {
        if !self.is_open(row) {
            return None;
        }
        let cell = |at: usize| {
            let opens = |opening: &Opening| {
                opening.columns.contains(&at) && opening.rows.as_ref().is_none_or(|f| f.opens(row))
            };
            let visible = self.openings.iter().any(opens);
            let value = row[at].as_ref().filter(|_| visible)?;
            let mask = self.masks[at].as_ref();
            match masks::shown(mask, table.columns[at].declared, value) {
                // Always NULL.
                nothing if nothing.is_empty() => None,
                shown => Some(shown),
            }
        };
        Some(self.visible(table).into_iter().map(cell).collect())
    }
}

/// The values of `roles:`, and a file of masking rules.
pub fn rules(tables: &[Table], policies: &[&TablePolicy]) -> (String, String) {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let pattern = |table: &Table| format!("{}.*.{}", table.source, quoted(&table.name));
    let pairs = || tables.iter().zip(policies);
    let mut roles = String::from("roles:\n");
    for role in HELD {
        roles.push_str(&format!("  {role}:\n    open:\n"));
        let mut none = true;
        for (table, policy) in pairs() {
            for opening in policy.openings.iter().filter(|opening| opening.role == role) {
                let names =
                    opening.columns.iter().map(|at| text(&quoted(&table.columns[*at].name)));
                let names = names.collect::<Vec<_>>().join(", ");
                let rows =
                    opening.rows.as_ref().map(|rows| format!(", rows: {}", text(&rows.text)));
                let rows = rows.unwrap_or_default();
                let tables = text(&pattern(table));
                roles.push_str(&format!(
                    "      - {{ tables: {tables}, columns: [{names}]{rows} }}\n"
                ));
                none = false;
            }
        }
        if none {
            roles.truncate(roles.len() - "    open:\n".len());
            roles.push_str("    open: []\n");
        }
    }
    roles.push_str(&format!("  {OTHER}:\n    open: [{{ tables: \"*.*.*\" }}]\n"));
    let (mut masks, mut restrictions) = (String::new(), String::new());
    for (table, policy) in pairs() {
        for (column, mask) in table.columns.iter().zip(&policy.masks) {
            let Some(mask) = mask else { continue };
            let name = text(&format!("mask of {} {}", table.name, column.name));
            let columns = text(&format!("{}.{}", pattern(table), quoted(&column.name)));
            let mask = masks::spelled(mask);
            masks.push_str(&format!(
                "  - {{ name: {name}, columns: [{columns}], mask: {mask}, except: [{OTHER}] }}\n"
            ));
        }
        if let Some(filter) = &policy.restriction {
            let (name, tables) = (text(&format!("hold on {}", table.name)), text(&pattern(table)));
            let rows = text(&filter.text);
            restrictions.push_str(&format!(
                "  - {{ name: {name}, tables: {tables}, rows: {rows}, except: [{OTHER}] }}\n"
            ));
        }
    }
    let part = |key: &str, rules: String| match rules.is_empty() {
        true => String::new(),
        false => format!("{key}:\n{rules}"),
    };
    let rules = format!("version: 1\n{}{}", part("masks", masks), part("restrict", restrictions));
    (roles, rules)
}
