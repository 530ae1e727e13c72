//! What a fuzzer drives: the configuration, with any bytes. A broken promise is a panic.

use super::Config;
use std::path::Path;

/// What every `env:` reference gives. No error may hold it.
const SECRET: &str = "hunter2-is-not-to-be-seen";

/// Any text is a configuration or a list of defects, each in words, and none of them shows a secret.
///
/// # Panics
/// Where that is not so.
pub fn config(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    // A directory that is not there: references to files find nothing.
    let path = Path::new("/nonexistent/celosia.yaml");
    if text.contains(SECRET) {
        return;
    }
    match Config::parse(path, text, &|_| Some(SECRET.into())) {
        Ok(config) => assert!(!format!("{config:?}").contains(SECRET), "a secret is printed"),
        Err(errors) => {
            let said = errors.to_string();
            assert!(!said.trim().is_empty(), "an error says something");
            assert!(!said.contains(SECRET), "an error shows a secret");
        }
    }
}
