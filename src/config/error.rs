//! What is wrong with the configuration, with file, line and key. Never with a value that may be secret.

use std::fmt;
use std::path::Path;

/// One defect of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    file: String,
    line: u64,
    key: String,
    message: String,
}

impl ConfigError {
    pub(super) fn new(
        file: &Path,
        line: u64,
        key: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        let (key, message) = (key.into(), message.into());
        Self { file: file.display().to_string(), line, key, message }
    }

    /// The line, from 1; 0 where the whole file is meant.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The path of the key, such as `sources.sales.url`.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What is wrong, and what to write instead.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for ConfigError {
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

impl std::error::Error for ConfigError {}

/// Everything that is wrong with the configuration, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            let end = if i == 0 { "" } else { "\n" };
            write!(f, "{end}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

/// A YAML or type error with its line, without the text around it.
pub(super) fn yaml_error(file: &Path, text: &str, error: &serde_saphyr::Error) -> ConfigError {
    let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
    let words = error.without_snippet().to_string();
    let words = words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words);
    let message = match words {
        w if w.starts_with("cannot deserialize null") => "a value is missing".to_string(),
        w => w.split(", set DuplicateKeyPolicy").next().unwrap_or(w).to_string(),
    };
    ConfigError::new(file, line, key_at(text, line, column), message)
}

/// The last key that begins on `line` at or before `column`.
fn key_at(text: &str, line: u64, column: u64) -> String {
    let index = usize::try_from(line).unwrap_or(0).checked_sub(1);
    let Some(line) = index.and_then(|i| text.lines().nth(i)) else { return String::new() };
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let mut keys = line.match_indices(':').map(|(end, _)| {
        let name: Vec<char> = line[..end].chars().rev().take_while(|c| is_name(*c)).collect();
        let start = line[..end].chars().count() - name.len();
        (start as u64 + 1, name.into_iter().rev().collect::<String>())
    });
    let last = keys.rfind(|(start, key)| *start <= column && !key.is_empty());
    last.map_or_else(String::new, |(_, key)| key)
}
