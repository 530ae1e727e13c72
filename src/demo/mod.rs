//! The demo: two SQLite databases with people's data, made on first run, and the configuration that
//! governs them.

mod clients;
mod database;
mod error;
mod files;
mod keys;
mod people;
mod products;
mod random;
mod role;
mod shop;
mod support;
mod talk;

#[cfg(test)]
mod tests;

pub use clients::{WORKED_QUESTION, client_configs};
pub use error::DemoError;
pub use keys::DemoKey;
pub use role::Role;

use shop::Shop;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The shipped masking rules of the demo's tables.
const MASKING_RULES: &str = include_str!("../../masking-rules/people.yaml");
/// The shipped policy tests of the demo's roles.
const POLICY_TESTS: &str = include_str!("../../policy-tests/demo.yaml");
/// The shipped semantic layer of the demo.
const SEMANTICS: &str = include_str!("../../schemas/demo.yaml");

/// The demo as it lies in its directory.
#[derive(Debug)]
pub struct DemoFiles {
    /// Where everything is.
    pub directory: PathBuf,
    /// The configuration, written for the role [`Role::Analyst`].
    pub config: PathBuf,
    /// The API keys, one of each role.
    pub keys: Vec<DemoKey>,
    /// Whether a database was made by this call: the first run, or one that found a damaged file.
    pub built: bool,
}

impl DemoFiles {
    /// The text of the configuration with `role` for the user of the machine. It stands for the file
    /// at [`DemoFiles::config`], which stays as it is: two demos may run as two roles.
    pub fn config_text(&self, role: Role) -> String {
        role::configuration(role)
    }

    /// The API key of `role`.
    pub fn key(&self, role: Role) -> &str {
        self.keys.iter().find(|key| key.role == role).map_or("", |key| &key.plaintext)
    }
}

/// Makes the demo in `directory`, or finds it there from an earlier run.
///
/// Databases that are damaged or of an older version are made again; keys stay.
///
/// # Errors
///
/// A directory that holds something else or cannot be written, or what SQLite said.
pub async fn prepare(directory: &Path) -> Result<DemoFiles, DemoError> {
    let directory = std::path::absolute(directory).map_err(DemoError::file(directory))?;
    files::claim(&directory)?;
    let shop = OnceLock::new();
    let generated = || shop.get_or_init(Shop::generate);
    let shop_made = database::ensure(&directory.join("shop.db"), || generated().content()).await?;
    let desk = directory.join("support.db");
    let desk_made = database::ensure(&desk, || support::content(generated())).await?;
    for (folder, name, text) in [
        ("masking-rules", "people.yaml", MASKING_RULES),
        ("policy-tests", "demo.yaml", POLICY_TESTS),
        ("schemas", "demo.yaml", SEMANTICS),
    ] {
        let folder = directory.join(folder);
        std::fs::create_dir_all(&folder).map_err(DemoError::file(&folder))?;
        files::write(&folder.join(name), text)?;
    }
    keys::pseudonym_key(&directory)?;
    let keys = keys::api_keys(&directory)?;
    let config = directory.join("celosia.yaml");
    files::write(&config, &role::configuration(Role::default()))?;
    Ok(DemoFiles { directory, config, keys, built: shop_made || desk_made })
}

/// The demo's directory of this user: `$XDG_DATA_HOME/celosia/demo`, else
/// `~/.local/share/celosia/demo`, else one below the directory for temporary files.
pub fn default_directory() -> PathBuf {
    files::default_directory(&|name| std::env::var_os(name))
}
