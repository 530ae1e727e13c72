//! From what is written to rules that can be decided with; every defect is collected.

use super::error::{Place, PolicyError, PolicyErrors, did_you_mean};
use super::filter::Filter;
use super::pattern::{ColumnPattern, Glob, TablePattern, is_tag};
use super::raw::{
    OneOrMany, RawConstant, RawFile, RawMask, RawMaskRule, RawOpening, RawRestriction, RawRoles,
    RawTag,
};
use super::rules::{MaskRule, Opening, Restriction, Role, Rules, Tag};
use crate::model::{Mask, Value};
use serde_saphyr::Spanned;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Takes roles first, then all files, and gives the rules or every error.
#[derive(Debug)]
pub(super) struct Compiler {
    has_pseudonym_key: bool,
    roles: BTreeMap<String, Role>,
    masks: Vec<MaskRule>,
    restrictions: Vec<Restriction>,
    tags: Vec<Tag>,
    names: BTreeSet<String>,
    errors: Vec<PolicyError>,
}

impl Compiler {
    pub(super) fn new(has_pseudonym_key: bool) -> Self {
        Self {
            has_pseudonym_key,
            roles: BTreeMap::new(),
            masks: Vec::new(),
            restrictions: Vec::new(),
            tags: Vec::new(),
            names: BTreeSet::new(),
            errors: Vec::new(),
        }
    }

    pub(super) fn roles(&mut self, file: &Arc<str>, raw: RawRoles) {
        for (name, role) in raw.roles {
            let place = Place::new(file, role.defined.line(), format!("roles.{name}"));
            if name.trim().is_empty() {
                self.error(&place, "a role needs a name");
            }
            let mut openings = Vec::new();
            for (i, opening) in role.value.open.into_iter().enumerate() {
                let key = format!("roles.{name}.open[{i}]");
                openings.extend(self.opening(file, &key, opening));
            }
            let groups = role.value.groups.into_iter().collect();
            let plan = role.value.plan.map(|plan| {
                let place = Place::new(file, plan.defined.line(), format!("roles.{name}.plan"));
                (plan.value, place)
            });
            self.roles.insert(name.clone(), Role { name, groups, plan, openings });
        }
    }

    pub(super) fn files(&mut self, files: Vec<(Arc<str>, RawFile)>) {
        let mut rest = Vec::new();
        for (file, raw) in files {
            if raw.version.value != 1 {
                let place = Place::new(&file, raw.version.defined.line(), "version");
                self.error(&place, "this version of Celosia reads version 1");
            }
            for (i, tag) in raw.tags.into_iter().enumerate() {
                self.tag(&file, i, &tag);
            }
            rest.push((file, raw.masks, raw.restrict));
        }
        for (file, masks, restrictions) in rest {
            for (i, mask) in masks.into_iter().enumerate() {
                self.mask(&file, i, mask);
            }
            for (i, restriction) in restrictions.into_iter().enumerate() {
                self.restriction(&file, i, restriction);
            }
        }
    }

    pub(super) fn finish(self) -> Result<Rules, PolicyErrors> {
        if self.errors.is_empty() {
            Ok(Rules::new(self.roles, self.masks, self.restrictions, self.tags))
        } else {
            Err(PolicyErrors(self.errors))
        }
    }

    fn error(&mut self, place: &Place, message: impl Into<String>) {
        self.errors.push(PolicyError::new(place, message));
    }

    fn opening(&mut self, file: &Arc<str>, key: &str, raw: RawOpening) -> Option<Opening> {
        let before = self.errors.len();
        let place = Place::new(file, raw.tables.defined.line(), format!("{key}.tables"));
        let tables = self.tables(&place, &raw.tables.value);
        let line = raw.columns.as_ref().map_or(place.line, |columns| columns.defined.line());
        let columns_place = Place::new(file, line, format!("{key}.columns"));
        let columns = raw.columns.map(|raw| self.opened_columns(&columns_place, raw.value));
        let line = raw.rows.as_ref().map_or(place.line, |rows| rows.defined.line());
        let rows_place = Place::new(file, line, format!("{key}.rows"));
        let rows = raw.rows.and_then(|rows| self.filter(&rows_place, &rows.value));
        // A filter that did not parse must not leave an opening without a filter.
        (self.errors.len() == before).then_some(Opening {
            tables,
            columns,
            rows,
            place,
            columns_place,
            rows_place,
        })
    }

    fn opened_columns(&mut self, place: &Place, columns: Vec<String>) -> Vec<(Glob, String)> {
        if columns.is_empty() {
            self.error(place, "the list is empty; leave the key out to open every column");
        }
        let mut found = Vec::new();
        for text in columns {
            match Glob::parse(&text) {
                Some(glob) => found.push((glob, text)),
                None => self.error(place, format!("{text:?} is not a column's name")),
            }
        }
        found
    }

    fn tables(&mut self, place: &Place, raw: &OneOrMany) -> Vec<TablePattern> {
        if raw.as_slice().is_empty() {
            self.error(place, "the list is empty");
        }
        let parsed: Vec<_> = raw.as_slice().iter().map(|text| TablePattern::parse(text)).collect();
        parsed.into_iter().filter_map(|table| self.taken(place, table)).collect()
    }

    fn filter(&mut self, place: &Place, text: &str) -> Option<Filter> {
        self.taken(place, Filter::parse(text))
    }

    fn taken<T>(&mut self, place: &Place, result: Result<T, String>) -> Option<T> {
        result.map_err(|message| self.error(place, message)).ok()
    }

    fn tag(&mut self, file: &Arc<str>, i: usize, raw: &RawTag) {
        let place = Place::new(file, raw.tag.defined.line(), format!("tags[{i}].tag"));
        let name = raw.tag.value.to_lowercase();
        if !is_tag(&name) || name.contains('*') {
            self.error(&place, format!("{:?} is not a tag; write for instance pii.email", name));
        }
        let place = Place::new(file, raw.columns.defined.line(), format!("tags[{i}].columns"));
        let columns = self.columns(&place, &raw.columns.value);
        if columns.iter().any(|(pattern, _)| matches!(pattern, ColumnPattern::Tag(_))) {
            self.error(&place, "a tag is put on columns by name, not by another tag");
        }
        self.tags.push(Tag { name, columns, place });
    }

    fn mask(&mut self, file: &Arc<str>, i: usize, raw: RawMaskRule) {
        let at = |line, key: &str| Place::new(file, line, format!("masks[{i}].{key}"));
        self.name(&at(raw.name.defined.line(), "name"), &raw.name.value);
        let place = at(raw.columns.defined.line(), "columns");
        let columns = self.columns(&place, &raw.columns.value);
        for (pattern, text) in &columns {
            if let ColumnPattern::Tag(tag) = pattern
                && !self.tags.iter().any(|known| tag.matches(&known.name))
            {
                let known: BTreeSet<&str> = self.tags.iter().map(|tag| tag.name.as_str()).collect();
                let near = did_you_mean(text.trim_start_matches("tag:"), known);
                self.error(&place, format!("no tag \"{text}\" is declared{near}"));
            }
        }
        let mask_place = at(raw.mask.defined.line(), "mask");
        let mask = self.mask_of(&mask_place, raw.mask.value);
        let except = self.except(file, &format!("masks[{i}].except"), &raw.except);
        let name: Arc<str> = raw.name.value.into();
        if let Some(mask) = mask {
            self.masks.push(MaskRule { name, columns, mask, except, place, mask_place });
        }
    }

    fn restriction(&mut self, file: &Arc<str>, i: usize, raw: RawRestriction) {
        let at = |line, key: &str| Place::new(file, line, format!("restrict[{i}].{key}"));
        self.name(&at(raw.name.defined.line(), "name"), &raw.name.value);
        let place = at(raw.tables.defined.line(), "tables");
        let tables = self.tables(&place, &raw.tables.value);
        let rows_place = at(raw.rows.defined.line(), "rows");
        let rows = self.filter(&rows_place, &raw.rows.value);
        let except = self.except(file, &format!("restrict[{i}].except"), &raw.except);
        if let Some(rows) = rows {
            let name = raw.name.value;
            self.restrictions.push(Restriction { name, tables, rows, except, place, rows_place });
        }
    }

    fn name(&mut self, place: &Place, name: &str) {
        if name.trim().is_empty() {
            self.error(place, "a rule needs a name");
        } else if !self.names.insert(name.to_lowercase()) {
            self.error(place, format!("another rule is named \"{name}\" already"));
        }
    }

    fn columns(&mut self, place: &Place, raw: &[String]) -> Vec<(ColumnPattern, String)> {
        if raw.is_empty() {
            self.error(place, "the list is empty");
        }
        let parsed = raw.iter().map(|text| (ColumnPattern::parse(text), text.clone()));
        parsed.filter_map(|(pattern, text)| Some((self.taken(place, pattern)?, text))).collect()
    }

    fn except(&mut self, file: &Arc<str>, key: &str, raw: &[Spanned<String>]) -> BTreeSet<String> {
        for role in raw {
            if !self.roles.contains_key(&role.value) {
                let near = did_you_mean(&role.value, self.roles.keys().map(String::as_str));
                let place = Place::new(file, role.defined.line(), key);
                self.error(&place, format!("no role named \"{}\"{near}", role.value));
            }
        }
        raw.iter().map(|role| role.value.clone()).collect()
    }

    fn mask_of(&mut self, place: &Place, raw: RawMask) -> Option<Mask> {
        let mask = match raw {
            RawMask::Null => Ok(Mask::Null),
            RawMask::Redact => Ok(Mask::Redact),
            RawMask::Constant(value) => Ok(Mask::Constant(constant(value))),
            RawMask::Email => Ok(Mask::Email),
            RawMask::Last4 => Ok(Mask::Partial { first: 0, last: 4 }),
            RawMask::First(first) => Ok(Mask::Partial { first, last: 0 }),
            RawMask::Partial(part) => Ok(Mask::Partial { first: part.first, last: part.last }),
            RawMask::Pseudonym(raw) => self.pseudonym(raw.domain),
            RawMask::Year => Ok(Mask::Year),
            RawMask::Month => Ok(Mask::Month),
            RawMask::Bucket(width) if width >= 1 => Ok(Mask::Bucket { width }),
            RawMask::Bucket(_) => Err("a bucket is at least 1 wide"),
            RawMask::Round(digits) if digits <= 15 => Ok(Mask::Round { digits }),
            RawMask::Round(_) => Err("at most 15 digits can be rounded away"),
            RawMask::AgeBand(width @ 1..=100) => Ok(Mask::AgeBand { width }),
            RawMask::AgeBand(_) => Err("an age band is 1 to 100 years wide"),
            RawMask::AggregateOnly(raw) if raw.min_group < 2 => {
                Err("a group of aggregate_only has a min_group of at least 2; 10 is usual")
            }
            RawMask::AggregateOnly(raw) => {
                Ok(Mask::AggregateOnly { min_group: raw.min_group, entity: raw.entity })
            }
        };
        self.taken(place, mask.map_err(String::from))
    }

    fn pseudonym(&self, domain: String) -> Result<Mask, &'static str> {
        if domain.is_empty() || domain.contains('\0') {
            return Err("a pseudonym needs a domain, for instance { domain: person }");
        }
        if !self.has_pseudonym_key {
            return Err("pseudonyms need a key: set `keys: { pseudonym: \"env:...\" }`");
        }
        Ok(Mask::Pseudonym { domain })
    }
}

fn constant(raw: RawConstant) -> Value {
    match raw {
        RawConstant::Boolean(value) => Value::Boolean(value),
        RawConstant::Integer(value) => Value::Integer(value),
        RawConstant::Float(value) => Value::Float(value),
        RawConstant::Text(value) => Value::Text(value),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{load, load_errors};
    use super::*;
    use std::path::Path;

    const ROLES: &str = "roles:\n  compliance: {}\n  analyst: {groups: [data], open: []}\n";

    fn masks(rules: &str) -> Vec<String> {
        load_errors(ROLES, &format!("version: 1\n{rules}"))
    }

    #[test]
    fn an_unknown_role_is_named_with_its_line() {
        let errors = masks(
            "masks:\n  - name: m\n    columns: [s.t.u.v]\n    mask: email\n    except: [complance]",
        );
        assert_eq!(
            errors,
            [
                "people.yaml:6: masks[0].except: no role named \"complance\"; did you mean \"compliance\"?"
            ]
        );
    }

    #[test]
    fn every_defect_is_reported_at_once() {
        let errors = masks(
            "masks:\n\
             - {name: a, columns: [s.t.u], mask: email}\n\
             - {name: A, columns: [s.t.u.v], mask: {bucket: 0}}\n\
             - {name: b, columns: ['tag:pii.mail'], mask: null}\n\
             - {name: c, columns: [], mask: {aggregate_only: {min_group: 1}}}\n\
             restrict:\n\
             - {name: d, tables: s.t, rows: 'lower(a) = 1'}\n\
             tags:\n\
             - {tag: pii.email, columns: ['tag:x']}\n",
        );
        let starts = [
            "people.yaml:10: tags[0].columns: a tag is put on columns by name",
            "people.yaml:3: masks[0].columns: \"s.t.u\" has 3 parts",
            "people.yaml:4: masks[1].name: another rule is named \"A\" already",
            "people.yaml:4: masks[1].mask: a bucket is at least 1 wide",
            "people.yaml:5: masks[2].columns: no tag \"tag:pii.mail\" is declared; did you mean \"pii.email\"?",
            "people.yaml:6: masks[3].columns: the list is empty",
            "people.yaml:6: masks[3].mask: a group of aggregate_only has a min_group of at least 2",
            "people.yaml:8: restrict[0].tables: \"s.t\" has 2 parts",
            "people.yaml:8: restrict[0].rows: `lower(a) = 1` is not allowed",
        ];
        assert_eq!(errors.len(), starts.len(), "{errors:#?}");
        for (error, start) in errors.iter().zip(starts) {
            assert!(error.starts_with(start), "{error}\n{start}");
        }
    }

    #[test]
    fn roles_are_checked_where_they_are_written() {
        let errors = load_errors(
            "version: 1\nroles:\n  a:\n    open:\n      - {tables: s.t.u, rows: 'now() > x'}\n      \
             - {tables: [], columns: }\n      - {tables: s.t.u, columns: ['a b']}\n",
            "",
        );
        assert!(
            errors[0].starts_with("celosia.yaml:5: roles.a.open[0].rows: `now()`"),
            "{errors:?}"
        );
        assert!(errors[1].starts_with("celosia.yaml:6: roles.a.open[1].tables: "), "{errors:?}");
        assert!(errors[2].starts_with("celosia.yaml:6: roles.a.open[1].columns: "), "{errors:?}");
        assert!(errors[3].starts_with("celosia.yaml:7: roles.a.open[2].columns: "), "{errors:?}");
        assert_eq!(errors.len(), 4);
    }

    #[test]
    fn unknown_keys_and_duplicates_are_errors_with_their_line() {
        for (roles, line) in [
            ("roles:\n  a:\n    opens: []", "celosia.yaml:3: opens: unknown field `opens`"),
            ("roles:\n  a: {}\n  a: {}", "celosia.yaml:3: a: duplicate mapping key: a"),
            ("roles:\n  a:\n    open:\n      - tables: s.t.u\n        rows:", "celosia.yaml:5"),
        ] {
            let errors = load_errors(roles, "");
            assert!(errors[0].starts_with(line), "{errors:?}");
        }
        assert!(masks("mask: []")[0].starts_with("people.yaml:2: mask: unknown field `mask`"));
        assert!(load_errors(ROLES, "masks: []")[0].contains("missing field `version`"));
        assert!(load_errors(ROLES, "version: 2")[0].starts_with("people.yaml:1: version: "));
    }

    #[test]
    fn pseudonyms_need_a_key() {
        let rules =
            "version: 1\nmasks: [{name: m, columns: [s.t.u.v], mask: {pseudonym: {domain: p}}}]";
        assert!(load(ROLES, rules).unwrap().needs_pseudonym_key());
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("m.yaml"), rules).unwrap();
        let path = Some(directory.path());
        let error = Rules::load(Path::new("c.yaml"), ROLES, path, false).unwrap_err();
        assert!(error.to_string().contains("masks[0].mask: pseudonyms need a key"));
    }
}
