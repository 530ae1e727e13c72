//! API keys, and whose they are.
//!
//! A key is 256 random bits, so its plain SHA-256 is as hard to turn back as to guess the key; a slow
//! password hash would protect nothing and cost every request. [`generate_key`] is the only maker of
//! keys; people do not choose them. A key is found by its prefix, which is no secret, and then compared as a
//! whole in constant time.

mod file;

pub use file::{KeysError, keys_schema};

use crate::model::Principal;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use subtle::{ConditionallySelectable, ConstantTimeEq};

/// What every key begins with, so that scanners of leaked secrets can know one.
const PREFIX: &str = "cel_";

/// The length of the part of a key that may be known: [`PREFIX`] and 32 bits.
const SHOWN: usize = PREFIX.len() + 8;

/// The known keys.
#[derive(Debug, Default)]
pub struct ApiKeys {
    holders: Vec<Principal>,
    /// By prefix; under the empty one those of which none is written down.
    known: BTreeMap<String, Vec<Known>>,
}

/// A key that lets its holder in.
#[derive(Debug)]
struct Known {
    hash: [u8; 32],
    /// The second of the Unix epoch from which on the key is refused.
    expires: Option<i64>,
    holder: usize,
}

/// A new key: the text goes to its holder, the hash into the file.
pub struct GeneratedKey {
    /// What the holder presents. It is shown once and stored nowhere.
    pub plaintext: String,
    /// `sha256:` and 64 hexadecimal digits.
    pub hash: String,
    /// The beginning of the text, by which the key is found.
    pub prefix: String,
}

impl fmt::Debug for GeneratedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GeneratedKey").field("hash", &self.hash).finish_non_exhaustive()
    }
}

/// A new random key.
pub fn generate_key() -> GeneratedKey {
    let secret: [u8; 32] = rand::random();
    let plaintext = format!("{PREFIX}{}", hex(&secret));
    let hash = format!("sha256:{}", hex(&digest(&plaintext)));
    let prefix = plaintext[..SHOWN].to_string();
    GeneratedKey { plaintext, hash, prefix }
}

impl ApiKeys {
    /// Whose key `presented` is, if it is a known key that has not expired.
    ///
    /// Every key of its prefix is compared in constant time, whichever one it is.
    pub fn authenticate(&self, presented: &str) -> Option<Principal> {
        self.authenticate_at(presented, chrono::Utc::now().timestamp())
    }

    /// The holders of the keys.
    pub fn principals(&self) -> impl Iterator<Item = &Principal> {
        self.holders.iter()
    }

    /// The number of holders.
    pub fn len(&self) -> usize {
        self.holders.len()
    }

    /// Whether there is no key, so that nobody can call.
    pub fn is_empty(&self) -> bool {
        self.holders.is_empty()
    }

    fn authenticate_at(&self, presented: &str, now: i64) -> Option<Principal> {
        let hash = digest(presented);
        let prefix = presented.get(..SHOWN).unwrap_or_default();
        let candidates: Vec<&Known> =
            ["", prefix].iter().filter_map(|prefix| self.known.get(*prefix)).flatten().collect();
        let mut found = u64::MAX;
        for (index, known) in (0_u64..).zip(&candidates) {
            found.conditional_assign(&index, known.hash.ct_eq(&hash));
        }
        let known = candidates.get(usize::try_from(found).ok()?)?;
        let valid = known.expires.is_none_or(|expires| now < expires);
        valid.then(|| self.holders.get(known.holder).cloned()).flatten()
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Attribute, PrincipalKind};
    use std::path::Path;

    fn load(keys: &str) -> Result<ApiKeys, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys.yaml");
        std::fs::write(&path, format!("version: 1\nkeys:\n{keys}")).unwrap();
        ApiKeys::load(&path, |role| role == "analyst", |plan| plan == "batch").map_err(|error| {
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
    fn a_key_and_the_one_it_replaces_both_hold_for_a_while() {
        let (old, new, other) = (generate_key(), generate_key(), generate_key());
        let previous = format!(
            ", prefix: {}, previous: {{ hash: '{}', prefix: {}, expires: 1970-01-02 }}",
            new.prefix, old.hash, old.prefix
        );
        let keys = load(&(key("k", &new.hash, &previous) + &key("l", &other.hash, ""))).unwrap();
        let holds =
            |key: &GeneratedKey, at: i64| keys.authenticate_at(&key.plaintext, at).is_some();
        assert!(holds(&old, 86_399) && holds(&new, 86_399) && holds(&other, 0));
        assert!(!holds(&old, 86_400) && holds(&new, 86_400), "the change is over");
        assert_eq!(keys.len(), 2);
        let one = keys.authenticate_at(&old.plaintext, 0);
        assert_eq!(one, keys.authenticate_at(&new.plaintext, 0), "it is one holder");
    }

    #[test]
    fn a_key_is_found_by_its_prefix_only() {
        let new = generate_key();
        assert!(new.plaintext.starts_with(&new.prefix) && new.prefix.len() == 12);
        let prefixed = |prefix: &str| {
            let keys = load(&key("k", &new.hash, &format!(", prefix: {prefix}"))).unwrap();
            keys.authenticate(&new.plaintext).is_some()
        };
        assert!(prefixed(&new.prefix) && !prefixed("cel_00000000"));
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
            (key("k", &hash, ", prefix: cel_"), "keys.yaml:3: keys[0].prefix: "),
            (key("k", &hash, ", prefix: key_01234567"), "keys.yaml:3: keys[0].prefix: "),
            (key("k", &hash, ", prefix: "), "keys.yaml:3: "),
            (
                key("k", &hash, ", previous: { hash: 'x', expires: 2027-01-01 }"),
                "keys.yaml:3: keys[0].previous: write",
            ),
            (
                key("k", &hash, &format!(", previous: {{ hash: '{hash}', expires: 2027-01-01 }}")),
                "keys.yaml:3: keys[0].hash: another key",
            ),
            (
                key("k", &hash, &format!(", previous: {{ hash: '{}' }}", generate_key().hash)),
                "keys.yaml:3: missing field `expires`",
            ),
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
        let missing = ApiKeys::load(Path::new("/nowhere.yaml"), |_| true, |_| true).unwrap_err();
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
