//! API keys: a file of hashes, and whose they are.
//!
//! A key is 256 random bits, so its plain SHA-256 is as hard to turn back as to guess the key; a slow
//! password hash would protect nothing and cost every request. [`generate_key`] is the only maker of
//! keys; people do not choose them.

use crate::model::{Attribute, Principal, PrincipalKind};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use subtle::{ConditionallySelectable, ConstantTimeEq};

/// What every key begins with, so that scanners of leaked secrets can know one.
const PREFIX: &str = "cel_";

/// The known keys.
#[derive(Debug, Default)]
pub struct ApiKeys {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    hash: [u8; 32],
    /// The second of the Unix epoch from which on the key is refused.
    expires: Option<i64>,
    principal: Principal,
}

/// A new key: the text goes to its holder, the hash into the file.
pub struct GeneratedKey {
    /// What the holder presents. It is shown once and stored nowhere.
    pub plaintext: String,
    /// `sha256:` and 64 hexadecimal digits.
    pub hash: String,
}

impl fmt::Debug for GeneratedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GeneratedKey").field("hash", &self.hash).finish_non_exhaustive()
    }
}

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

/// A new random key.
pub fn generate_key() -> GeneratedKey {
    let secret: [u8; 32] = rand::random();
    let plaintext = format!("{PREFIX}{}", hex(&secret));
    let hash = format!("sha256:{}", hex(&digest(&plaintext)));
    GeneratedKey { plaintext, hash }
}

/// The JSON Schema of the file of keys.
pub fn keys_schema() -> serde_json::Value {
    schemars::schema_for!(RawKeys).to_value()
}

impl ApiKeys {
    /// Reads the keys at `path`; `is_role` knows the roles there are.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong: a key that is half right is not let in.
    pub fn load(path: &Path, is_role: impl Fn(&str) -> bool) -> Result<Self, KeysError> {
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
        let mut entries = Vec::new();
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
            let line = key.line();
            let (part, entry) = entry(key);
            let entry = entry.map_err(|message| problem(line, at(part), message))?;
            if !hashes.insert(entry.hash) {
                let message = "another key has this hash".to_string();
                return Err(problem(line, at("hash"), message));
            }
            entries.push(entry);
        }
        Ok(Self { entries })
    }

    /// Whose key `presented` is, if it is a known key that has not expired.
    ///
    /// Every entry is compared in constant time, whichever one it is.
    pub fn authenticate(&self, presented: &str) -> Option<Principal> {
        self.authenticate_at(presented, chrono::Utc::now().timestamp())
    }

    /// How many keys there are.
    pub fn principals(&self) -> impl Iterator<Item = &Principal> {
        self.entries.iter().map(|entry| &entry.principal)
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no key, so that nobody can call.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn authenticate_at(&self, presented: &str, now: i64) -> Option<Principal> {
        let hash = digest(presented);
        let mut found = u64::MAX;
        for (index, entry) in (0_u64..).zip(&self.entries) {
            found.conditional_assign(&index, entry.hash.ct_eq(&hash));
        }
        let entry = self.entries.get(usize::try_from(found).ok()?)?;
        let valid = entry.expires.is_none_or(|expires| now < expires);
        valid.then(|| entry.principal.clone())
    }
}

/// The entry, or the part of the key that is wrong and why.
fn entry(raw: RawKey) -> (&'static str, Result<Entry, String>) {
    if raw.user.trim().is_empty() {
        return ("user", Err("a key belongs to a user".into()));
    }
    let Some(hash) = raw.hash.value.strip_prefix("sha256:").and_then(unhex) else {
        let message = "write `sha256:` and 64 hexadecimal digits; `celosia keys new` makes a key";
        return ("hash", Err(message.into()));
    };
    let expires = match raw.expires.as_deref().map(instant) {
        Some(None) => {
            let message = "write a date such as 2027-01-31, or 2027-01-31T12:00:00Z";
            return ("expires", Err(message.into()));
        }
        expires => expires.flatten(),
    };
    let roles = raw.roles.into_iter().map(|role| role.value).collect();
    let attributes = raw.attributes.into_iter().map(|(name, v)| (name, attribute(v))).collect();
    let principal = Principal::establish(raw.user, roles, attributes, PrincipalKind::ApiKey);
    ("", Ok(Entry { hash, expires, principal }))
}

/// The start of a day in UTC, or an instant.
fn instant(text: &str) -> Option<i64> {
    let day = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let midnight = day.and_then(|day| day.and_hms_opt(0, 0, 0));
    match midnight {
        Some(midnight) => Some(midnight.and_utc().timestamp()),
        None => chrono::DateTime::parse_from_rfc3339(text).ok().map(|at| at.timestamp()),
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
    /// Whose key it is, for audit.
    user: String,
    /// The roles of its holder.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    roles: Vec<Spanned<String>>,
    /// What row filters know as `user.*`.
    #[serde(default)]
    attributes: BTreeMap<String, RawAttribute>,
    /// The day or instant from which on the key is refused.
    #[serde(default, deserialize_with = "given")]
    expires: Option<String>,
}

impl RawKey {
    fn line(&self) -> u64 {
        self.hash.defined.line()
    }
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
fn given<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    String::deserialize(input).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(keys: &str) -> Result<ApiKeys, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys.yaml");
        std::fs::write(&path, format!("version: 1\nkeys:\n{keys}")).unwrap();
        ApiKeys::load(&path, |role| role == "analyst").map_err(|error| {
            let text = error.to_string();
            text[text.find("keys.yaml").unwrap_or(0)..].to_string()
        })
    }

    fn key(name: &str, hash: &str, rest: &str) -> String {
        format!("  - {{ name: {name}, hash: \"{hash}\", user: ana, roles: [analyst]{rest} }}\n")
    }

    #[test]
    fn a_generated_key_opens_its_own_entry_only() {
        let (one, two) = (generate_key(), generate_key());
        assert_ne!(one.plaintext, two.plaintext);
        assert!(one.plaintext.starts_with("cel_") && one.plaintext.len() == 68);
        let region = ", attributes: { region: EU, teams: [a, 1, true] }";
        let file = key("one", &one.hash, region)
            + &key("two", &two.hash, "").replace("user: ana", "user: ben");
        let keys = load(&file).unwrap();
        let ana = keys.authenticate(&one.plaintext).unwrap();
        assert_eq!((ana.user(), ana.kind()), ("ana", PrincipalKind::ApiKey));
        assert!(ana.has_role("analyst"));
        assert_eq!(ana.attributes()["region"], Attribute::Text("EU".into()));
        assert_eq!(keys.authenticate(&two.plaintext).unwrap().user(), "ben");
        for wrong in ["", "cel_", &one.hash, &one.plaintext[..67], &format!("{}0", one.plaintext)] {
            assert!(keys.authenticate(wrong).is_none(), "{wrong}");
        }
        assert_eq!((keys.len(), keys.is_empty()), (2, false));
        assert!(!format!("{one:?}{keys:?}").contains(&one.plaintext));
    }

    #[test]
    fn the_hash_is_plain_sha256_of_the_key() {
        let hash = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";
        let keys = load(&key("k", hash, "")).unwrap();
        assert!(keys.authenticate("foo").is_some());
        let near = hash.replace("266e7ae", "266e7af");
        assert!(load(&key("k", &near, "")).unwrap().authenticate("foo").is_none());
        let upper = hash.to_uppercase().replace("SHA256", "sha256");
        assert!(load(&key("k", &upper, "")).unwrap().authenticate("foo").is_some());
    }

    #[test]
    fn a_key_ends_at_its_expiry() {
        let new = generate_key();
        for (expires, last) in [("1970-01-02", 86_399), ("1970-01-01T01:00:00+01:00", -1)] {
            let keys = load(&key("k", &new.hash, &format!(", expires: {expires}"))).unwrap();
            assert!(keys.authenticate_at(&new.plaintext, last).is_some(), "{expires}");
            assert!(keys.authenticate_at(&new.plaintext, last + 1).is_none(), "{expires}");
            assert!(keys.authenticate(&new.plaintext).is_none());
        }
    }

    #[test]
    fn what_is_half_right_is_not_let_in() {
        let hash = generate_key().hash;
        for (keys, start) in [
            (key("k", "sha256:00", ""), "keys.yaml:3: keys[0].hash: write `sha256:`"),
            (key("k", &hash[7..], ""), "keys.yaml:3: keys[0].hash: "),
            (
                key("k", &hash, "") + &key("k", &generate_key().hash, ""),
                "keys.yaml:4: keys[1].name: ",
            ),
            (key("k", &hash, "") + &key("l", &hash, ""), "keys.yaml:4: keys[1].hash: another key"),
            (key("k", &hash, ", expires: soon"), "keys.yaml:3: keys[0].expires: "),
            (key("k", &hash, ", expires: "), "keys.yaml:3: "),
            (key("k", &hash, ", expire: 2027-01-01"), "keys.yaml:3: unknown field `expire`"),
            (key("k", &hash, ", attributes: { x: 1.5 }"), "keys.yaml:3: "),
            (
                key("k", &hash, "").replace("analyst", "admin"),
                "keys.yaml:3: keys[0].roles: no role",
            ),
            (
                key("k", &hash, "").replace("user: ana,", "user: ' ',"),
                "keys.yaml:3: keys[0].user: ",
            ),
        ] {
            let error = load(&keys).unwrap_err();
            assert!(error.starts_with(start), "{error}\n{start}");
        }
        let missing = ApiKeys::load(Path::new("/nowhere.yaml"), |_| true).unwrap_err();
        assert!(missing.to_string().starts_with("/nowhere.yaml: cannot be read"));
        assert!(ApiKeys::default().authenticate("").is_none());
    }

    #[test]
    fn the_schema_knows_every_key() {
        let schema = keys_schema().to_string();
        for key in ["hash", "expires", "attributes", "additionalProperties"] {
            assert!(schema.contains(key), "{key}");
        }
    }
}
