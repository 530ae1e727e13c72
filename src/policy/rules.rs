//! The rules of a deployment: loaded once, checked, immutable.

use super::compile::Compiler;
use super::error::{Place, PolicyError, PolicyErrors, yaml_error};
use super::filter::Filter;
use super::pattern::{ColumnPattern, Glob, Names, TablePattern};
use super::raw::{RawFile, RawRoles};
use crate::model::Mask;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Roles, masking rules, restrictions and tags.
#[derive(Debug)]
pub struct Rules {
    pub(super) roles: BTreeMap<String, Role>,
    pub(super) masks: Vec<MaskRule>,
    pub(super) restrictions: Vec<Restriction>,
    pub(super) tags: Vec<Tag>,
    version: String,
}

/// What the holders of a role may see.
#[derive(Debug)]
pub struct Role {
    pub(super) name: String,
    pub(super) groups: BTreeSet<String>,
    pub(super) plan: Option<(String, Place)>,
    pub(super) openings: Vec<Opening>,
}

/// Tables, columns and rows that a role opens.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) tables: Vec<TablePattern>,
    /// `None`: every column.
    pub(super) columns: Option<Vec<(Glob, String)>>,
    /// `None`: every row.
    pub(super) rows: Option<Filter>,
    pub(super) place: Place,
    pub(super) columns_place: Place,
    pub(super) rows_place: Place,
}

/// Columns that are masked for everybody but some roles.
#[derive(Debug)]
pub(super) struct MaskRule {
    pub(super) name: Arc<str>,
    pub(super) columns: Vec<(ColumnPattern, String)>,
    pub(super) mask: Mask,
    pub(super) except: BTreeSet<String>,
    pub(super) place: Place,
    pub(super) mask_place: Place,
}

/// Rows that are closed for everybody but some roles.
#[derive(Debug)]
pub(super) struct Restriction {
    pub(super) name: String,
    pub(super) tables: Vec<TablePattern>,
    pub(super) rows: Filter,
    pub(super) except: BTreeSet<String>,
    pub(super) place: Place,
    pub(super) rows_place: Place,
}

/// A name for columns.
#[derive(Debug)]
pub(super) struct Tag {
    pub(super) name: String,
    pub(super) columns: Vec<(ColumnPattern, String)>,
    pub(super) place: Place,
}

impl Role {
    /// The role's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The groups whose members hold the role.
    pub fn groups(&self) -> &BTreeSet<String> {
        &self.groups
    }

    /// The plan of the role's holders, if it names one.
    pub fn plan(&self) -> Option<&str> {
        self.plan.as_ref().map(|(name, _)| name.as_str())
    }
}

impl Opening {
    /// Whether the opening is about the table with these names.
    pub(super) fn is_meant(&self, names: &Names) -> bool {
        self.tables.iter().any(|pattern| pattern.matches(names))
    }

    /// Whether it opens the column with this name, in lower case.
    pub(super) fn opens(&self, column: &str) -> bool {
        self.columns.as_ref().is_none_or(|globs| globs.iter().any(|(glob, _)| glob.matches(column)))
    }
}

impl Rules {
    /// The rules of a deployment: the key `roles` of the configuration's text and the rule files at
    /// `masking_rules` (a directory, or one file).
    ///
    /// # Errors
    ///
    /// Everything that is wrong, each with file, line and key. Nothing is skipped.
    pub fn load(
        config_file: &Path,
        config_text: &str,
        masking_rules: Option<&Path>,
        has_pseudonym_key: bool,
    ) -> Result<Self, PolicyErrors> {
        let files = match masking_rules {
            Some(path) => yaml_files(path, "rule")?,
            None => Vec::new(),
        };
        let config_name: Arc<str> = config_file.display().to_string().into();
        Self::of_texts(&config_name, config_text, files, has_pseudonym_key)
    }

    /// The same from texts alone, each with the name that its errors begin with: nothing is read and no reference
    /// is followed, so the texts may be anybody's.
    ///
    /// # Errors
    ///
    /// As [`Rules::load`].
    pub fn of_texts(
        config_name: &Arc<str>,
        config_text: &str,
        rule_files: Vec<(Arc<str>, String)>,
        has_pseudonym_key: bool,
    ) -> Result<Self, PolicyErrors> {
        let roles: RawRoles = serde_saphyr::from_str(config_text)
            .map_err(|error| yaml_error(config_name, config_text, &error))?;
        let mut files = Vec::new();
        for (name, text) in rule_files {
            let file: RawFile =
                serde_saphyr::from_str(&text).map_err(|error| yaml_error(&name, &text, &error))?;
            files.push((name, file));
        }
        let mut compiler = Compiler::new(has_pseudonym_key);
        compiler.roles(config_name, roles);
        compiler.files(files);
        let mut rules = compiler.finish()?;
        rules.version = rules.fingerprint();
        Ok(rules)
    }

    pub(super) fn new(
        roles: BTreeMap<String, Role>,
        masks: Vec<MaskRule>,
        restrictions: Vec<Restriction>,
        tags: Vec<Tag>,
    ) -> Self {
        Self { roles, masks, restrictions, tags, version: String::new() }
    }

    /// Twelve hexadecimal digits that change whenever a rule does.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The roles, by name.
    pub fn roles(&self) -> impl Iterator<Item = &Role> {
        self.roles.values()
    }

    /// Roles whose plan is none of those that `is_plan` knows.
    pub fn check_plans(&self, is_plan: impl Fn(&str) -> bool) -> Vec<PolicyError> {
        let named = self.roles.values().filter_map(|role| role.plan.as_ref());
        let unknown = named.filter(|(name, _)| !is_plan(name));
        unknown
            .map(|(name, place)| {
                PolicyError::new(place, format!("there is no plan named \"{name}\""))
            })
            .collect()
    }

    /// Whether some rule needs the key for pseudonyms.
    pub fn needs_pseudonym_key(&self) -> bool {
        self.masks.iter().any(|rule| matches!(rule.mask, Mask::Pseudonym { .. }))
    }

    /// Whether `pattern` means the column at `index` of the table with these names.
    pub(super) fn matches(&self, pattern: &ColumnPattern, names: &Names, index: usize) -> bool {
        match pattern {
            ColumnPattern::Named { table, column } => {
                column.matches(&names.columns[index]) && table.matches(names)
            }
            ColumnPattern::Tag(wanted) => self
                .tags
                .iter()
                .filter(|tag| wanted.matches(&tag.name))
                .flat_map(|tag| &tag.columns)
                .any(|(pattern, _)| match pattern {
                    ColumnPattern::Named { .. } => self.matches(pattern, names, index),
                    ColumnPattern::Tag(_) => false,
                }),
        }
    }

    /// The content without its places, as JSON: moving a rule to another line is no change.
    pub(super) fn fingerprint(&self) -> String {
        let tables = |tables: &[TablePattern]| -> Vec<String> {
            tables.iter().map(|table| table.text.clone()).collect()
        };
        let texts = |columns: &[(ColumnPattern, String)]| -> Vec<String> {
            columns.iter().map(|(_, text)| text.clone()).collect()
        };
        let opening = |opening: &Opening| {
            let columns: Option<Vec<&String>> =
                opening.columns.as_ref().map(|columns| columns.iter().map(|(_, t)| t).collect());
            let rows = opening.rows.as_ref().map(|rows| &rows.text);
            serde_json::json!([tables(&opening.tables), columns, rows])
        };
        let roles = self.roles.values().map(|role| {
            let openings: Vec<_> = role.openings.iter().map(opening).collect();
            serde_json::json!([role.name, role.groups, openings])
        });
        let masks = self.masks.iter().map(|rule| {
            let mask = format!("{:?}", rule.mask);
            serde_json::json!([&*rule.name, texts(&rule.columns), mask, rule.except])
        });
        let restrictions = self.restrictions.iter().map(|rule| {
            serde_json::json!([rule.name, tables(&rule.tables), rule.rows.text, rule.except])
        });
        let tags = self.tags.iter().map(|tag| serde_json::json!([tag.name, texts(&tag.columns)]));
        let content = serde_json::json!([
            roles.collect::<Vec<_>>(),
            masks.collect::<Vec<_>>(),
            restrictions.collect::<Vec<_>>(),
            tags.collect::<Vec<_>>(),
        ]);
        let digest = Sha256::digest(content.to_string().as_bytes());
        digest.iter().take(6).fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

/// The masking rule files at `path` (a directory, or one file): their names and texts, in the order of the names.
///
/// # Errors
///
/// What cannot be read, or is no rule file.
pub fn rule_files(path: &Path) -> Result<Vec<(Arc<str>, String)>, PolicyErrors> {
    yaml_files(path, "rule")
}

/// The files of a kind at `path`, which is one or a directory of them: names and texts, by name.
pub(super) fn yaml_files(path: &Path, kind: &str) -> Result<Vec<(Arc<str>, String)>, PolicyErrors> {
    let whole = |path: &Path, message: String| {
        PolicyErrors::from(PolicyError::new(
            &Place::new(&path.display().to_string().into(), 0, ""),
            message,
        ))
    };
    let mut paths: Vec<PathBuf> = Vec::new();
    if path.is_dir() {
        let unreadable = |error: std::io::Error| whole(path, format!("cannot be read: {error}"));
        for entry in std::fs::read_dir(path).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
            match extension {
                _ if name.starts_with('.') => {}
                "yaml" | "yml" => paths.push(path),
                "md" => {}
                _ => return Err(whole(&path, format!("is not a {kind} file (.yaml)"))),
            }
        }
        if paths.is_empty() {
            return Err(whole(path, format!("holds no {kind} file (.yaml)")));
        }
    } else {
        paths.push(path.to_path_buf());
    }
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path)
            .map_err(|error| whole(&path, format!("cannot be read: {error}")))?;
        files.push((path.display().to_string().into(), text));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::super::samples::load;
    use super::*;

    const ROLES: &str = "roles: {a: {open: [{tables: s.t.u, rows: 'x = 1'}]}}";

    #[test]
    fn the_version_follows_the_content_alone() {
        let version = |roles: &str, masks: &str| load(roles, masks).unwrap().version().to_string();
        let base = version(ROLES, "");
        assert_eq!(base.len(), 12);
        assert_eq!(base, version(&format!("sources: {{}}\n\n{ROLES}"), ""));
        assert_ne!(base, version(&ROLES.replace("x = 1", "x = 2"), ""));
        assert_ne!(base, version(&ROLES.replace("s.t.u", "s.t.*"), ""));
        let masks = "version: 1\nmasks: [{name: m, columns: [s.t.u.x], mask: null}]";
        assert_ne!(base, version(ROLES, masks));
        assert_ne!(version(ROLES, masks), version(ROLES, &masks.replace("null", "redact")));
        assert_eq!(version(ROLES, masks), version(ROLES, &format!("# why\n{masks}")));
    }

    #[test]
    fn files_that_cannot_be_read_are_errors() {
        let missing = Rules::load(Path::new("c.yaml"), "", Some(Path::new("/nowhere")), false);
        assert!(missing.unwrap_err().to_string().starts_with("/nowhere: cannot be read"));
        let directory = tempfile::tempdir().unwrap();
        let load = || Rules::load(Path::new("c.yaml"), ROLES, Some(directory.path()), false);
        assert!(load().unwrap_err().to_string().contains("holds no rule file"));
        std::fs::write(directory.path().join("a.yaml"), "version: 1").unwrap();
        std::fs::write(directory.path().join("README.md"), "#").unwrap();
        assert!(load().is_ok());
        std::fs::write(directory.path().join("b.yaml.off"), "version: 1").unwrap();
        assert!(load().unwrap_err().to_string().contains("b.yaml.off: is not a rule file"));
    }

    #[test]
    fn a_configuration_without_roles_opens_nothing() {
        let rules = load("version: 1", "").unwrap();
        assert_eq!(rules.roles().count(), 0);
        assert!(!rules.needs_pseudonym_key());
    }
}
