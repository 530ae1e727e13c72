//! What the policy makes of one table for one caller, and why: for administrators, since it names what
//! the caller may not see. What is shown is the [`Grant`] itself; the reasons stand beside it.

use super::bind::{Attributes, bind};
use super::decide::decide;
use super::grant::Grant;
use super::mask::fitted;
use super::pattern::Names;
use super::rules::{MaskRule, Opening, Rules};
use super::show::{name, predicate_text};
use crate::model::{Mask, Principal, TableEntry, sql_type_name};
use serde::Serialize;
use std::fmt;

/// One table as one caller may see it, with the reasons.
#[derive(Debug, Clone, Serialize)]
pub struct TableAccess {
    /// `source.schema.table`.
    pub table: String,
    /// Whether the caller sees the table at all.
    pub visible: bool,
    /// The rows that are open, as SQL; absent where the table is hidden.
    pub rows: Option<String>,
    /// What each role of the caller opens of it.
    pub roles: Vec<RoleAccess>,
    /// The restrictions on it.
    pub restrictions: Vec<RestrictionAccess>,
    /// Every column.
    pub columns: Vec<ColumnAccess>,
}

/// One opening of a role, on one table.
#[derive(Debug, Clone, Serialize)]
pub struct RoleAccess {
    /// The role.
    pub role: String,
    /// File, line and key of the opening.
    pub place: String,
    /// The rows it opens, as written; absent opens every row.
    pub rows: Option<String>,
    /// The columns it opens, as written; absent opens every column.
    pub columns: Option<Vec<String>>,
    /// Why it opens nothing for this caller.
    pub problem: Option<String>,
}

/// One restriction, on one table.
#[derive(Debug, Clone, Serialize)]
pub struct RestrictionAccess {
    /// The rule.
    pub rule: String,
    /// The rows that stay open, as written.
    pub rows: String,
    /// The role of the caller that is excepted.
    pub excepted_by: Option<String>,
    /// Why it closes every row for this caller.
    pub problem: Option<String>,
}

/// What a caller has of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Its values as stored.
    Open,
    /// Its values under a mask.
    Masked,
    /// Nothing: for the caller it does not exist.
    Hidden,
}

/// One column as one caller may see it, with the reason.
#[derive(Debug, Clone, Serialize)]
pub struct ColumnAccess {
    /// The column.
    pub column: String,
    /// Its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// What the caller has of it.
    pub effect: Effect,
    /// The mask's name.
    pub mask: Option<String>,
    /// The name of the rule that masks it.
    pub rule: Option<String>,
    /// Of the open rows, those on which it is open, as SQL; on the others it is NULL.
    pub open_where: Option<String>,
    /// Why.
    pub because: String,
}

/// What of `table` is open to `principal`, and why.
pub fn explain(rules: &Rules, principal: &Principal, table: &TableEntry) -> TableAccess {
    let names = Names::of(table);
    let grant = decide(rules, principal, table);
    let rows = grant.as_ref().map(|grant| {
        grant
            .row_filter()
            .map_or_else(|| "TRUE".to_string(), |rows| predicate_text(rows, &table.description))
    });
    let roles = roles(rules, principal, table, &names);
    let columns = (0..table.description.columns.len())
        .map(|index| column(rules, principal, table, &names, index, grant.as_ref(), &roles))
        .collect();
    TableAccess {
        table: table.reference.to_string(),
        visible: grant.is_some(),
        rows,
        roles,
        restrictions: restrictions(rules, principal, table, &names),
        columns,
    }
}

impl Rules {
    /// The names of the rules that mask the column at `index` for somebody.
    pub fn rules_on(&self, table: &TableEntry, index: usize) -> Vec<&str> {
        let names = Names::of(table);
        matching(self, &names, index).into_iter().map(|rule| &*rule.name).collect()
    }
}

impl TableAccess {
    /// Adds a column, or turns one into one, that is hidden until the catalog lock takes it in.
    pub fn quarantine(&mut self, column: &str, type_name: &str, because: String) {
        let hidden = ColumnAccess {
            column: column.to_string(),
            type_name: type_name.to_string(),
            effect: Effect::Hidden,
            mask: None,
            rule: None,
            open_where: None,
            because,
        };
        match self.columns.iter_mut().find(|known| known.column == column) {
            Some(known) => *known = hidden,
            None => self.columns.push(hidden),
        }
    }
}

fn roles(
    rules: &Rules,
    principal: &Principal,
    table: &TableEntry,
    names: &Names,
) -> Vec<RoleAccess> {
    let held = principal.roles().iter().filter_map(|role| rules.roles.get(role));
    held.flat_map(|role| role.openings.iter().map(move |opening| (role, opening)))
        .filter(|(_, opening)| opening.is_meant(names))
        .map(|(role, opening)| {
            let attributes = Attributes::Of(principal.attributes());
            let unbound = opening.rows.as_ref().and_then(|filter| {
                bind(filter, &table.description, attributes).err().map(|reason| reason.0)
            });
            let opens = names.columns.iter().any(|column| opening.opens(column));
            let problem =
                unbound.or_else(|| (!opens).then(|| "it opens no column of this table".into()));
            RoleAccess {
                role: role.name.clone(),
                place: opening.place.to_string(),
                rows: opening.rows.as_ref().map(|filter| filter.text.clone()),
                columns: opening
                    .columns
                    .as_ref()
                    .map(|columns| columns.iter().map(|(_, text)| text.clone()).collect()),
                problem,
            }
        })
        .collect()
}

fn restrictions(
    rules: &Rules,
    principal: &Principal,
    table: &TableEntry,
    names: &Names,
) -> Vec<RestrictionAccess> {
    let meant =
        rules.restrictions.iter().filter(|rule| rule.tables.iter().any(|t| t.matches(names)));
    meant
        .map(|rule| {
            let attributes = Attributes::Of(principal.attributes());
            RestrictionAccess {
                rule: rule.name.clone(),
                rows: rule.rows.text.clone(),
                excepted_by: rule.except.iter().find(|role| principal.has_role(role)).cloned(),
                problem: bind(&rule.rows, &table.description, attributes).err().map(|r| r.0),
            }
        })
        .collect()
}

fn column(
    rules: &Rules,
    principal: &Principal,
    table: &TableEntry,
    names: &Names,
    index: usize,
    grant: Option<&Grant>,
    roles: &[RoleAccess],
) -> ColumnAccess {
    let description = &table.description.columns[index];
    let granted = grant.and_then(|g| g.columns().iter().find(|column| column.column() == index));
    let mask = granted.and_then(|column| column.declared_mask());
    let rule = granted.and_then(|column| column.rule());
    let (effect, because) = match (granted, mask, rule) {
        (None, ..) => (Effect::Hidden, hidden(rules, principal, names, index, roles)),
        (Some(_), Some(mask), Some(rule)) => {
            (Effect::Masked, masked(rules, principal, table, names, index, mask, rule))
        }
        (Some(_), ..) => (Effect::Open, opened(rules, principal, names, index)),
    };
    ColumnAccess {
        column: description.name.clone(),
        type_name: sql_type_name(&description.data_type),
        effect,
        mask: mask.map(mask_text),
        rule: rule.map(str::to_string),
        open_where: granted
            .and_then(|column| column.visible())
            .map(|rows| predicate_text(rows, &table.description)),
        because,
    }
}

/// The mask as a rule file spells it.
pub(super) fn mask_text(mask: &Mask) -> String {
    match mask {
        Mask::AggregateOnly { min_group, .. } => format!("aggregate_only {min_group}"),
        Mask::Pseudonym { domain } => format!("pseudonym {domain}"),
        Mask::AgeBand { width } => format!("age_band {width}"),
        Mask::Bucket { width } => format!("bucket {width}"),
        Mask::Round { digits } => format!("round {digits}"),
        Mask::Partial { first: 0, last: 4 } => "last4".into(),
        Mask::Partial { first, last: 0 } => format!("first {first}"),
        Mask::Partial { first, last } => format!("partial {first}, {last}"),
        other => other.name().to_string(),
    }
}

/// The rules that match a column.
fn matching<'a>(rules: &'a Rules, names: &Names, index: usize) -> Vec<&'a MaskRule> {
    let meant = |rule: &&MaskRule| {
        rule.columns.iter().any(|(pattern, _)| rules.matches(pattern, names, index))
    };
    rules.masks.iter().filter(meant).collect()
}

fn excepted<'a>(rule: &'a MaskRule, principal: &Principal) -> Option<&'a String> {
    rule.except.iter().find(|role| principal.has_role(role))
}

fn opened(rules: &Rules, principal: &Principal, names: &Names, index: usize) -> String {
    let excepted: Vec<String> = matching(rules, names, index)
        .into_iter()
        .filter_map(|rule| {
            excepted(rule, principal).map(|role| format!("rule \"{}\" excepts {role}", rule.name))
        })
        .collect();
    if excepted.is_empty() { "no rule masks it".into() } else { excepted.join("; ") }
}

/// Why the rule that masks the column won.
fn masked(
    rules: &Rules,
    principal: &Principal,
    table: &TableEntry,
    names: &Names,
    index: usize,
    mask: &Mask,
    winner: &str,
) -> String {
    let description = &table.description.columns[index];
    let mut reasons = Vec::new();
    for rule in matching(rules, names, index) {
        if *rule.name == *winner {
            reasons.insert(0, format!("rule \"{winner}\" ({})", rule.place));
            if fitted(&rule.mask, description).is_none() {
                reasons.insert(1, format!("its mask {} does not fit", rule.mask.name()));
            }
            continue;
        }
        reasons.push(match excepted(rule, principal) {
            Some(role) => format!("rule \"{}\" excepts {role}", rule.name),
            None => {
                let other = fitted(&rule.mask, description).unwrap_or(Mask::Null);
                let how = if other.strength() == mask.strength() {
                    "comes before"
                } else {
                    "is stronger than"
                };
                format!("it {how} rule \"{}\" ({})", rule.name, mask_text(&other))
            }
        });
    }
    reasons.join("; ")
}

fn hidden(
    rules: &Rules,
    principal: &Principal,
    names: &Names,
    index: usize,
    roles: &[RoleAccess],
) -> String {
    let opens = |opening: &Opening| opening.is_meant(names) && opening.opens(&names.columns[index]);
    let others: Vec<&str> = rules
        .roles
        .values()
        .filter(|role| !principal.has_role(&role.name) && role.openings.iter().any(opens))
        .map(|role| role.name.as_str())
        .collect();
    let mut reasons: Vec<String> = match roles {
        [] => vec!["no role of the caller opens the table".into()],
        roles => roles
            .iter()
            .map(|role| match &role.problem {
                Some(problem) => format!("role {} opens nothing: {problem}", role.role),
                None => format!("role {} does not list it", role.role),
            })
            .collect(),
    };
    reasons.dedup();
    if !others.is_empty() {
        reasons.push(format!("opened by: {}", others.join(", ")));
    }
    reasons.join("; ")
}

impl fmt::Display for TableAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rows {
            None => writeln!(f, "{}: hidden", self.table)?,
            Some(rows) if rows == "TRUE" => writeln!(f, "{}: every row", self.table)?,
            Some(rows) => writeln!(f, "{}: rows where {rows}", self.table)?,
        }
        for role in &self.roles {
            let rows = role.rows.as_deref().unwrap_or("every row");
            write!(f, "  role {}: {rows}", role.role)?;
            if let Some(columns) = &role.columns {
                write!(f, ", columns {}", columns.join(", "))?;
            }
            writeln!(f, " ({})", role.place)?;
            if let Some(problem) = &role.problem {
                writeln!(f, "    opens nothing: {problem}")?;
            }
        }
        for rule in &self.restrictions {
            write!(f, "  restriction \"{}\": {}", rule.rule, rule.rows)?;
            match (&rule.excepted_by, &rule.problem) {
                (Some(role), _) => writeln!(f, " (not for {role})")?,
                (None, Some(problem)) => writeln!(f, " closes every row: {problem}")?,
                (None, None) => writeln!(f)?,
            }
        }
        let shown = |column: &ColumnAccess| name(&column.column).chars().count();
        let width = self.columns.iter().map(shown).max().unwrap_or(0);
        for column in &self.columns {
            let effect = match (column.effect, &column.mask) {
                (Effect::Open, _) => "open".to_string(),
                (Effect::Masked, mask) => format!("masked {}", mask.as_deref().unwrap_or("")),
                (Effect::Hidden, _) => "hidden".to_string(),
            };
            writeln!(f, "  {:width$}  {effect:18}  {}", name(&column.column), column.because)?;
            if let Some(rows) = &column.open_where {
                writeln!(f, "  {:width$}  NULL unless {rows}", "")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
