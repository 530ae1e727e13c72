//! Rules against the catalog: what matches nothing or does not fit is said at start-up.

use super::bind::{Attributes, bind};
use super::decide::entity_column;
use super::error::{Place, PolicyError, did_you_mean};
use super::filter::Filter;
use super::mask::fitted;
use super::pattern::{ColumnPattern, Names, TablePattern};
use super::rules::{MaskRule, Opening, Restriction, Rules};
use crate::model::{Mask, Principal, TableEntry, sql_type_name};
use std::sync::Arc;

impl Rules {
    /// What of the rules does not hold for these tables. A rule that matches nothing is an error
    /// unless it can only mean a source in `absent_sources`, whose tables are not known now.
    #[must_use]
    pub fn check(&self, tables: &[Arc<TableEntry>], absent_sources: &[String]) -> Vec<PolicyError> {
        let mut check = Check {
            rules: self,
            tables: tables.iter().map(|table| (Names::of(table), table.as_ref())).collect(),
            absent: absent_sources.iter().map(|source| source.to_lowercase()).collect(),
            errors: Vec::new(),
        };
        self.roles.values().flat_map(|role| &role.openings).for_each(|o| check.opening(o));
        self.masks.iter().for_each(|rule| check.mask(rule));
        self.restrictions.iter().for_each(|rule| check.restriction(rule));
        self.tags.iter().for_each(|tag| check.patterns(&tag.columns, &tag.place));
        check.errors
    }
}

impl Rules {
    /// The attributes that row filters ask of a caller with these roles and that it does not have: on
    /// those filters everything would be closed. `caller` names it in the error.
    #[must_use]
    pub fn check_caller(&self, caller: &str, principal: &Principal) -> Vec<PolicyError> {
        let held = self.roles.values().filter(|role| principal.has_role(role.name()));
        let openings = held
            .flat_map(|role| &role.openings)
            .filter_map(|opening| Some((opening.rows.as_ref()?, &opening.rows_place)));
        let restrictions = self
            .restrictions
            .iter()
            .filter(|rule| !rule.except.iter().any(|role| principal.has_role(role)))
            .map(|rule| (&rule.rows, &rule.rows_place));
        let mut errors = Vec::new();
        for (filter, place) in openings.chain(restrictions) {
            for name in filter.attributes() {
                if !principal.attributes().contains_key(name) {
                    let near =
                        did_you_mean(name, principal.attributes().keys().map(String::as_str));
                    let message = format!("{caller} has no attribute \"{name}\"{near}");
                    errors.push(PolicyError::new(place, message));
                }
            }
        }
        errors
    }

    /// Whether a caller's roles may open something at a source whose tables are not known now.
    pub fn may_open(&self, principal: &Principal, source: &str) -> bool {
        let source = source.to_lowercase();
        let held = self.roles.values().filter(|role| principal.has_role(role.name()));
        held.flat_map(|role| &role.openings)
            .flat_map(|opening| &opening.tables)
            .any(|pattern| pattern.source.matches(&source))
    }
}

struct Check<'a> {
    rules: &'a Rules,
    tables: Vec<(Names, &'a TableEntry)>,
    absent: Vec<String>,
    errors: Vec<PolicyError>,
}

impl<'a> Check<'a> {
    fn error(&mut self, place: &Place, message: String) {
        self.errors.push(PolicyError::new(place, message));
    }

    fn opening(&mut self, opening: &Opening) {
        self.tables_exist(&opening.tables, &opening.place);
        if let Some(filter) = &opening.rows {
            self.binds(filter, &opening.tables, &opening.rows_place);
        }
        let excused = opening.tables.iter().any(|table| self.is_absent(table));
        let open: Vec<usize> = self.matched(&opening.tables);
        for (glob, text) in opening.columns.iter().flatten() {
            let columns = || open.iter().flat_map(|table| &self.tables[*table].0.columns);
            if open.is_empty() || excused || columns().any(|column| glob.matches(column)) {
                continue;
            }
            let near = did_you_mean(text, columns().map(String::as_str));
            let message = format!("\"{text}\" is a column of none of the opened tables{near}");
            self.error(&opening.columns_place, message);
        }
    }

    fn restriction(&mut self, rule: &Restriction) {
        self.tables_exist(&rule.tables, &rule.place);
        self.binds(&rule.rows, &rule.tables, &rule.rows_place);
    }

    fn mask(&mut self, rule: &MaskRule) {
        self.patterns(&rule.columns, &rule.place);
        let mut messages = Vec::new();
        for (names, table) in &self.tables {
            for (index, column) in table.description.columns.iter().enumerate() {
                let matched = rule.columns.iter().any(|(p, _)| self.rules.matches(p, names, index));
                if matched && fitted(&rule.mask, column).is_none() {
                    messages.push(format!(
                        "mask {} does not fit {}.{} of type {}",
                        rule.mask.name(),
                        table.reference,
                        column.name,
                        sql_type_name(&column.data_type)
                    ));
                } else if matched
                    && let Mask::AggregateOnly { entity: Some(entity), .. } = &rule.mask
                    && entity_column(entity, &table.description).is_none()
                {
                    let known = table.description.columns.iter().map(|c| c.name.as_str());
                    messages.push(format!(
                        "{} has no column \"{entity}\" of whole numbers, text or dates to tell the entities of {} apart{}",
                        table.reference,
                        column.name,
                        did_you_mean(entity, known.filter(|known| known != entity))
                    ));
                }
            }
        }
        for message in messages {
            self.error(&rule.mask_place, message);
        }
    }

    /// Every pattern means some column.
    fn patterns(&mut self, patterns: &[(ColumnPattern, String)], place: &Place) {
        for (pattern, text) in patterns {
            // A tag's own patterns are checked where the tag is declared.
            let ColumnPattern::Named { table, .. } = pattern else { continue };
            let found = self.tables.iter().any(|(names, _)| {
                (0..names.columns.len()).any(|index| self.rules.matches(pattern, names, index))
            });
            if !found && !self.is_absent(table) {
                let known: Vec<String> = self.tables.iter().flat_map(|(_, t)| columns(t)).collect();
                let near = did_you_mean(text, known.iter().map(String::as_str));
                self.error(place, format!("\"{text}\" matches no column{near}"));
            }
        }
    }

    fn tables_exist(&mut self, patterns: &[TablePattern], place: &Place) {
        for pattern in patterns {
            let found = self.tables.iter().any(|(names, _)| pattern.matches(names));
            if !found && !self.is_absent(pattern) {
                let known: Vec<String> =
                    self.tables.iter().map(|(_, table)| table.reference.to_string()).collect();
                let near = did_you_mean(&pattern.text, known.iter().map(String::as_str));
                self.error(place, format!("\"{}\" matches no table{near}", pattern.text));
            }
        }
    }

    fn binds(&mut self, filter: &Filter, tables: &[TablePattern], place: &Place) {
        for index in self.matched(tables) {
            let table = self.tables[index].1;
            if let Err(reason) = bind(filter, &table.description, Attributes::Unknown) {
                let message = format!("does not hold for {}: {}", table.reference, reason.0);
                self.error(place, message);
            }
        }
    }

    fn matched(&self, patterns: &[TablePattern]) -> Vec<usize> {
        let meant = |names: &Names| patterns.iter().any(|pattern| pattern.matches(names));
        (0..self.tables.len()).filter(|index| meant(&self.tables[*index].0)).collect()
    }

    /// Whether the pattern may mean a source that is absent: what it matches is not known now.
    fn is_absent(&self, pattern: &TablePattern) -> bool {
        self.absent.iter().any(|source| pattern.source.matches(source))
    }
}

fn columns(table: &TableEntry) -> impl Iterator<Item = String> + '_ {
    table.description.columns.iter().map(|column| format!("{}.{}", table.reference, column.name))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{customers, load};

    fn check(roles: &str, masks: &str, absent: &[&str]) -> Vec<String> {
        let masks = if masks.is_empty() { String::new() } else { format!("version: 1\n{masks}") };
        let rules = load(roles, &masks).unwrap_or_else(|e| panic!("{e}"));
        let absent: Vec<String> = absent.iter().map(ToString::to_string).collect();
        let errors = rules.check(&[std::sync::Arc::new(customers())], &absent);
        errors.iter().map(|e| format!("{}:{} {}", e.line(), e.key(), e.message())).collect()
    }

    #[test]
    fn rules_that_hold_are_silent() {
        let roles = "roles:\n  a:\n    open:\n      - {tables: '*.MAIN.*', rows: region = user.region, columns: [ID, '*mail', region]}";
        let masks = "masks: [{name: m, columns: ['*.*.*.email', 'tag:born'], mask: null}]\n\
            restrict: [{name: r, tables: shop.main.customers, rows: on_hold = false}]\n\
            tags: [{tag: born, columns: ['shop.*.*.birth_date']}]";
        assert_eq!(check(roles, masks, &[]), [""; 0]);
    }

    #[test]
    fn what_matches_nothing_is_an_error() {
        let roles = "roles:\n  a:\n    open:\n      - {tables: shop.main.customer}\n      \
            - {tables: shop.main.customers, columns: [mail, name]}";
        assert_eq!(
            check(roles, "", &[]),
            [
                "4:roles.a.open[0].tables \"shop.main.customer\" matches no table; did you mean \"shop.main.customers\"?",
                "5:roles.a.open[1].columns \"mail\" is a column of none of the opened tables; did you mean \"email\"?",
            ]
        );
        let masks = "masks:\n- {name: m, columns: ['*.*.*.e_mail'], mask: email}\n\
            restrict:\n- {name: r, tables: 'shop.dbo.*', rows: 'TRUE'}\n\
            tags:\n- {tag: t, columns: [crm.main.customers.email]}";
        let errors = check("roles: {}", masks, &[]);
        assert_eq!(errors.len(), 3, "{errors:?}");
        assert!(errors[0].starts_with("3:masks[0].columns \"*.*.*.e_mail\" matches no column"));
        assert!(errors[1].starts_with("5:restrict[0].tables \"shop.dbo.*\" matches no table"));
        assert!(errors[2].starts_with("7:tags[0].columns \"crm.main.customers.email\" matches no"));
    }

    #[test]
    fn what_may_mean_an_absent_source_is_excused() {
        let masks = "masks: [{name: m, columns: [crm.main.people.email], mask: email}]";
        assert_eq!(check("roles: {}", masks, &["CRM"]), [""; 0]);
        assert_eq!(check("roles: {}", masks, &["erp"]).len(), 1);
        let wide = "masks: [{name: m, columns: ['*.*.*.mail'], mask: email}]";
        assert_eq!(check("roles: {}", wide, &["crm"]), [""; 0]);
        assert_eq!(check("roles: {}", wide, &[]).len(), 1);
        let half =
            "roles: {a: {open: [{tables: [shop.main.nothing, crm.main.people], rows: x = 1}]}}";
        assert_eq!(check(half, "", &["crm"]).len(), 1);
    }

    #[test]
    fn masks_and_filters_must_fit_what_they_match() {
        let roles = "roles: {a: {open: [{tables: shop.main.*, rows: region = 5}]}}";
        let masks = "masks:\n- {name: m, columns: [shop.main.customers.*], mask: email}\n\
            - {name: n, columns: ['*.*.*.region'], mask: {constant: 1}}";
        let errors = check(roles, masks, &[]);
        assert!(errors[0].ends_with(
            "rows does not hold for shop.main.customers: a number does not fit column \"region\" of type text"
        ));
        assert!(errors.contains(
            &"3:masks[0].mask mask email does not fit shop.main.customers.id of type bigint".into()
        ));
        assert_eq!(errors.len(), 1 + 4 + 1, "{errors:?}");
    }
}
