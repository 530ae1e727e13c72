//! Where the file is and how many statements may read it at the same time.

use celosia_connector_api::{ConnectorError, ErrorCode};
use std::path::{Path, PathBuf};

/// A SQLite file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteConfig {
    /// The database file.
    pub path: PathBuf,
    /// Statements that run at the same time, each on a connection of its own.
    pub concurrency: usize,
}

impl SqliteConfig {
    /// Reads `sqlite:support.db`, `sqlite://support.db` (both relative to `base_dir`) or
    /// `sqlite:///var/lib/support.db`. Percent escapes are decoded; the only parameter that is
    /// accepted is `mode=ro`, which is what happens anyway.
    ///
    /// # Errors
    /// `InvalidConfiguration` for another scheme, a database in memory, an unknown parameter.
    pub fn parse(url: &str, base_dir: &Path, concurrency: usize) -> Result<Self, ConnectorError> {
        let rest = url.strip_prefix("sqlite:").ok_or_else(|| invalid("not a sqlite: URL"))?;
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let (path, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        if let Some(unknown) = parameters.split('&').find(|p| !p.is_empty() && *p != "mode=ro") {
            return Err(invalid(format!("unknown parameter {unknown}")));
        }
        let path = percent_decode(path).ok_or_else(|| invalid("a broken percent escape"))?;
        if path.is_empty() || path.contains('\0') || path.ends_with(":memory:") {
            return Err(invalid("a database file is needed"));
        }
        // Absolute, so that SQLite never takes a path for a `file:` URI.
        let path = std::path::absolute(base_dir.join(path))
            .map_err(|error| invalid("the path cannot be made absolute").with_source(error))?;
        Ok(Self { path, concurrency })
    }
}

fn invalid(context: impl Into<String>) -> ConnectorError {
    ConnectorError::new(ErrorCode::InvalidConfiguration, context)
}

fn percent_decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let high = char::from(bytes.next()?).to_digit(16)?;
        let low = char::from(bytes.next()?).to_digit(16)?;
        decoded.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(url: &str) -> Option<PathBuf> {
        SqliteConfig::parse(url, Path::new("/etc/celosia"), 4).ok().map(|config| config.path)
    }

    #[test]
    fn a_relative_path_starts_at_the_base_directory() {
        assert_eq!(path("sqlite:support.db"), Some("/etc/celosia/support.db".into()));
        assert_eq!(path("sqlite://data/support.db"), Some("/etc/celosia/data/support.db".into()));
        assert_eq!(path("sqlite:///var/s.db?mode=ro"), Some("/var/s.db".into()));
        assert_eq!(path("sqlite:/var/a%20b%25.db"), Some("/var/a b%.db".into()));
        assert_eq!(path("sqlite:file:x.db"), Some("/etc/celosia/file:x.db".into()));
    }

    #[test]
    fn what_cannot_be_a_file_is_refused() {
        for url in
            ["postgres://x", "sqlite:", "sqlite::memory:", "sqlite:a.db?mode=rwc", "sqlite:%4"]
        {
            assert_eq!(path(url), None, "{url}");
        }
    }
}
