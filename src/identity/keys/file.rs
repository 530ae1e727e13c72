//! The file of API keys: what it may say, and what is wrong with it.

use super::{ApiKeys, Known, PREFIX, SHOWN};
use crate::model::{Attribute, Principal, PrincipalKind};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

/// What is wrong with the file of keys, with file, line and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysError {
    file: String,
    line: u64,
    key: String,
    message: String,
}

impl fmt::Display for KeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for KeysError {}

/// The JSON Schema of the file of keys.
pub fn keys_schema() -> serde_json::Value {
    schemars::schema_for!(RawKeys).to_value()
}

impl ApiKeys {
    /// Reads the keys at `path`; `is_role` knows the roles there are, `is_plan` the plans.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong: a key that is half right is not let in.
    pub fn load(
        path: &Path,
        is_role: impl Fn(&str) -> bool,
        is_plan: impl Fn(&str) -> bool,
    ) -> Result<Self, KeysError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let message = format!("cannot be read: {error}");
            KeysError { file: file.clone(), line: 0, key: String::new(), message }
        })?;
        let problem =
            |line, key: String, message| KeysError { file: file.clone(), line, key, message };
        let raw: RawKeys = serde_saphyr::from_str(&text).map_err(|error| {
            let line = error.location().map_or(0, |at| at.line());
            let words = error.without_snippet().to_string();
            let words = words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words);
            problem(line, String::new(), words.to_string())
        })?;
        if raw.version.value != 1 {
            let message = "this version of Celosia reads version 1".to_string();
            return Err(problem(raw.version.defined.line(), "version".into(), message));
        }
        let (mut names, mut hashes) = (BTreeSet::new(), BTreeSet::new());
        let mut keys = Self::default();
        for (i, key) in raw.keys.into_iter().enumerate() {
            let at = |part: &str| format!("keys[{i}].{part}");
            if key.name.value.trim().is_empty() || !names.insert(key.name.value.clone()) {
                let message = "a key needs a name of its own".to_string();
                return Err(problem(key.name.defined.line(), at("name"), message));
            }
            if let Some(role) = key.roles.iter().find(|role| !is_role(&role.value)) {
                let message = format!("no role named \"{}\"", role.value);
                return Err(problem(role.defined.line(), at("roles"), message));
            }
            if let Some(plan) = key.plan.as_ref().filter(|plan| !is_plan(&plan.value)) {
                let message = format!("no plan named \"{}\"", plan.value);
                return Err(problem(plan.defined.line(), at("plan"), message));
            }
            let line = key.line();
            let wrong = |(part, message): Wrong| problem(line, at(part), message);
            for (prefix, known) in key.known(keys.holders.len()).map_err(wrong)? {
                if !hashes.insert(known.hash) {
                    return Err(wrong(("hash", "another key has this hash".to_string())));
                }
                keys.known.entry(prefix).or_default().push(known);
            }
            keys.holders.push(key.holder().map_err(wrong)?);
        }
        Ok(keys)
    }
}

/// A part of a key, and what is wrong with it.
type Wrong = (&'static str, String);

/// The start of a day in UTC, or an instant.
fn instant(text: &str) -> Option<i64> {
    let day = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let midnight = day.and_then(|day| day.and_hms_opt(0, 0, 0));
    match midnight {
        Some(midnight) => Some(midnight.and_utc().timestamp()),
        None => chrono::DateTime::parse_from_rfc3339(text).ok().map(|at| at.timestamp()),
    }
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, i) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[i..i + 2], 16).ok()?;
    }
    Some(bytes)
}

fn attribute(raw: RawAttribute) -> Attribute {
    match raw {
        RawAttribute::Boolean(value) => Attribute::Boolean(value),
        RawAttribute::Integer(value) => Attribute::Integer(value),
        RawAttribute::Text(value) => Attribute::Text(value),
        RawAttribute::List(items) => Attribute::List(items.into_iter().map(attribute).collect()),
    }
}

/// `keys.yaml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Celosia API keys")]
struct RawKeys {
    /// The version of the format: 1.
    #[schemars(with = "u32")]
    version: Spanned<u32>,
    /// The keys.
    keys: Vec<RawKey>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawKey {
    /// What the key is for; no two keys share a name.
    #[schemars(with = "String")]
    name: Spanned<String>,
    /// `sha256:` and the hash of the key.
    #[schemars(with = "String")]
    hash: Spanned<String>,
    /// The first twelve letters of the key, by which it is found.
    #[serde(default, deserialize_with = "given")]
    prefix: Option<String>,
    /// The key that this one replaces, until its holder has changed over.
    #[serde(default, deserialize_with = "given")]
    previous: Option<RawPrevious>,
    /// Whose key it is, for audit.
    user: String,
    /// The roles of its holder.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    roles: Vec<Spanned<String>>,
    /// The plan of this key, one of `plans` in celosia.yaml; goes before the plans of the roles.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    plan: Option<Spanned<String>>,
    /// What row filters know as `user.*`.
    #[serde(default)]
    attributes: BTreeMap<String, RawAttribute>,
    /// The day or instant from which on the key is refused.
    #[serde(default, deserialize_with = "given")]
    expires: Option<String>,
}

/// A key that was replaced.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawPrevious {
    /// `sha256:` and the hash of the key.
    hash: String,
    /// The first twelve letters of the key, by which it is found.
    #[serde(default, deserialize_with = "given")]
    prefix: Option<String>,
    /// The day or instant from which on the key is refused; it must have one.
    expires: String,
}

impl RawKey {
    fn line(&self) -> u64 {
        self.hash.defined.line()
    }

    /// The key and the one that it replaces, each with its prefix.
    fn known(&self, holder: usize) -> Result<Vec<(String, Known)>, Wrong> {
        let expires = self.expires.as_deref();
        let mut all = vec![known(&self.hash.value, self.prefix.as_deref(), expires, holder)?];
        if let Some(RawPrevious { hash, prefix, expires }) = &self.previous {
            let previous = known(hash, prefix.as_deref(), Some(expires), holder);
            all.push(previous.map_err(|(_, message)| ("previous", message))?);
        }
        Ok(all)
    }

    fn holder(self) -> Result<Principal, Wrong> {
        if self.user.trim().is_empty() {
            return Err(("user", "a key belongs to a user".into()));
        }
        let roles = self.roles.into_iter().map(|role| role.value).collect();
        let attributes =
            self.attributes.into_iter().map(|(name, v)| (name, attribute(v))).collect();
        let plan = self.plan.map(|plan| plan.value.into());
        let kind = PrincipalKind::ApiKey;
        Ok(Principal::establish(self.user, roles, attributes, kind).under_plan(plan))
    }
}

fn known(
    hash: &str,
    prefix: Option<&str>,
    expires: Option<&str>,
    holder: usize,
) -> Result<(String, Known), Wrong> {
    let Some(hash) = hash.strip_prefix("sha256:").and_then(unhex) else {
        let message = "write `sha256:` and 64 hexadecimal digits; `celosia keys new` makes a key";
        return Err(("hash", message.into()));
    };
    let fits = |prefix: &str| prefix.len() == SHOWN && prefix.starts_with(PREFIX);
    if prefix.is_some_and(|prefix| !fits(prefix)) {
        let message = "write the first twelve letters of the key, such as cel_0123abcd";
        return Err(("prefix", message.into()));
    }
    let expires = match expires.map(instant) {
        Some(None) => {
            let message = "write a date such as 2027-01-31, or 2027-01-31T12:00:00Z";
            return Err(("expires", message.into()));
        }
        expires => expires.flatten(),
    };
    Ok((prefix.unwrap_or_default().to_string(), Known { hash, expires, holder }))
}

/// A value of an attribute.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum RawAttribute {
    /// TRUE or FALSE.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<RawAttribute>),
}

/// A key that may be absent, but not blank: a blank `expires:` must not mean "never".
fn given<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    input: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(input).map(Some)
}
