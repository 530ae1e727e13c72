//! The demo's secrets: one API key per role and the key of the pseudonyms, made on the first run.

use super::error::DemoError;
use super::files;
use super::role::Role;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::path::Path;

/// An API key of the demo.
#[derive(Clone, PartialEq, Eq)]
pub struct DemoKey {
    /// The role of its holder.
    pub role: Role,
    /// What the holder presents.
    pub plaintext: String,
}

impl std::fmt::Debug for DemoKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DemoKey").field("role", &self.role).finish_non_exhaustive()
    }
}

/// The keys of this directory. `demo-keys.txt` holds them, so that a second run prints the same;
/// `keys.yaml` holds their hashes.
pub(super) fn api_keys(directory: &Path) -> Result<Vec<DemoKey>, DemoError> {
    let path = directory.join("demo-keys.txt");
    let text = files::write_once(&path, || {
        let keys = Role::ALL.map(|role| format!("{role} cel_{}\n", secret()));
        format!("# API keys of the demo: role and key.\n{}", keys.concat())
    })?;
    let keys: Option<Vec<_>> = Role::ALL.into_iter().map(|role| find(&text, role)).collect();
    let keys = keys.ok_or(DemoError::Unreadable(path))?;
    files::write(&directory.join("keys.yaml"), &hashes(&keys))?;
    Ok(keys)
}

/// Makes the key of the pseudonyms: tokens stay the same from run to run.
pub(super) fn pseudonym_key(directory: &Path) -> Result<(), DemoError> {
    let path = directory.join("pseudonym.key");
    let key = files::write_once(&path, || format!("{}\n", secret()))?;
    if key.trim().len() < 32 { Err(DemoError::Unreadable(path)) } else { Ok(()) }
}

fn find(text: &str, role: Role) -> Option<DemoKey> {
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    let (_, key) = lines.find(|(name, _)| *name == role.name())?;
    let key = key.trim();
    let whole = key.strip_prefix("cel_").is_some_and(|hex| hex.len() == 64);
    whole.then(|| DemoKey { role, plaintext: key.to_string() })
}

fn hashes(keys: &[DemoKey]) -> String {
    let entries = keys.iter().map(|key| {
        let hash = hex(&Sha256::digest(key.plaintext.as_bytes()));
        format!(
            "  - name: demo {role}\n    hash: \"sha256:{hash}\"\n    user: demo-{role}\n    \
             roles: [{role}]\n    attributes: {{ region: EU }}\n",
            role = key.role
        )
    });
    format!(
        "# Written by `celosia demo`; the keys themselves are in demo-keys.txt.\nversion: 1\nkeys:\n{}",
        entries.collect::<String>()
    )
}

/// 256 random bits.
fn secret() -> String {
    hex(&rand::random::<[u8; 32]>())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once() {
        let directory = tempfile::tempdir().unwrap();
        let keys = api_keys(directory.path()).unwrap();
        assert_eq!(api_keys(directory.path()).unwrap(), keys);
        assert_eq!(keys.iter().map(|key| key.role).collect::<Vec<_>>(), Role::ALL);
        let file = std::fs::read_to_string(directory.path().join("keys.yaml")).unwrap();
        assert!(keys.iter().all(|key| !file.contains(&key.plaintext)));
        assert!(!format!("{keys:?}").contains("cel_"));
        let other = tempfile::tempdir().unwrap();
        assert_ne!(api_keys(other.path()).unwrap()[0], keys[0]);
    }

    #[test]
    fn the_file_of_hashes_is_what_the_server_reads() {
        let key = DemoKey { role: Role::Support, plaintext: "foo".into() };
        let tree: serde_json::Value = serde_saphyr::from_str(&hashes(&[key])).unwrap();
        assert_eq!(
            tree["keys"][0]["hash"],
            "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
        );
        assert_eq!(tree["keys"][0]["user"], "demo-support");
        assert_eq!(tree["keys"][0]["roles"][0], "support");
        assert_eq!(tree["keys"][0]["attributes"]["region"], "EU");
    }

    #[test]
    fn a_broken_file_of_keys_is_named() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("demo-keys.txt"), "analyst cel_12\n").unwrap();
        let error = api_keys(directory.path()).unwrap_err().to_string();
        assert!(error.contains("demo-keys.txt") && error.contains("remove the file"), "{error}");
        std::fs::write(directory.path().join("pseudonym.key"), "\n").unwrap();
        assert!(pseudonym_key(directory.path()).is_err());
    }
}
