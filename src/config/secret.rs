//! Secrets and where they come from: `env:NAME` or `file:path`, never the configuration itself.

use std::fmt;
use std::path::Path;

/// A text that is never printed, and overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a text as a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.0).into_bytes();
        bytes.fill(0);
        // Keeps the compiler from dropping a write that nobody reads.
        std::hint::black_box(&bytes);
    }
}

/// What a reference stands for; `None` where the text is not a reference.
pub(super) fn resolve(
    reference: &str,
    directory: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Option<Result<Secret, String>> {
    if let Some(name) = reference.strip_prefix("env:") {
        let value = environment(name).filter(|value| !value.trim().is_empty());
        return Some(
            value
                .map(|value| Secret::new(value.trim()))
                .ok_or_else(|| format!("the environment variable \"{name}\" is not set")),
        );
    }
    let path = reference.strip_prefix("file:")?;
    let path = directory.join(path);
    Some(match std::fs::read_to_string(&path).map(Secret::new) {
        Ok(text) if text.expose().trim().is_empty() => {
            Err(format!("the file {} is empty", path.display()))
        }
        Ok(text) => Ok(Secret::new(text.expose().trim())),
        Err(error) => Err(format!("the file {} cannot be read: {error}", path.display())),
    })
}

/// Whether a literal URL may hold a password: in doubt it does.
pub(super) fn holds_password(url: &str) -> bool {
    let lower = url.to_lowercase();
    let words = ["password", "passwd", "pwd=", "secret", "token"];
    let login = lower.split_once("://").map_or(lower.as_str(), |(_, rest)| rest);
    let login = login.rsplit_once('@').map(|(login, _)| login);
    words.iter().any(|word| lower.contains(word))
        || login.is_some_and(|login| login.contains([':', '/']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?}"), "[redacted] [redacted]");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn references_resolve_or_say_why_not() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("key"), " s3cret\n").unwrap();
        std::fs::write(directory.path().join("empty"), "\n").unwrap();
        let environment = |name: &str| match name {
            "SET" => Some("value".to_string()),
            "BLANK" => Some(" ".to_string()),
            _ => None,
        };
        let resolve = |text: &str| resolve(text, directory.path(), &environment);
        assert_eq!(resolve("env:SET").unwrap().unwrap().expose(), "value");
        assert_eq!(resolve("file:key").unwrap().unwrap().expose(), "s3cret");
        for bad in ["env:UNSET", "env:BLANK", "env:", "file:missing", "file:empty", "file:"] {
            assert!(resolve(bad).unwrap().is_err(), "{bad}");
        }
        assert!(resolve("postgres://db").is_none());
    }

    #[test]
    fn passwords_in_urls_are_seen() {
        for url in [
            "postgres://ana:pw@db/sales",
            "postgres://ana:p@ss/w@db",
            "postgresql://db/sales?user=ana&password=x",
            "host=db user=ana password=x",
            "scott/tiger@db:1521/orcl",
            "server=tcp:db;uid=sa;PWD=x",
            "postgres://db/sales?sslpassword=x",
        ] {
            assert!(holds_password(url), "{url}");
        }
        for url in ["postgres://db/sales", "postgres://ana@db:5432/sales", "postgres://db:5432/"] {
            assert!(!holds_password(url), "{url}");
        }
    }
}
