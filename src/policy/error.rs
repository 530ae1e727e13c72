//! What is wrong with the rules, with file, line and key.

use std::fmt;
use std::sync::Arc;

/// One defect of a rule file or of the roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    place: Place,
    message: String,
}

impl PolicyError {
    pub(super) fn new(place: &Place, message: impl Into<String>) -> Self {
        Self { place: place.clone(), message: message.into() }
    }

    /// The file, as it was named in the configuration.
    pub fn file(&self) -> &str {
        &self.place.file
    }

    /// The line, from 1; 0 where the whole file is meant.
    pub fn line(&self) -> u64 {
        self.place.line
    }

    /// The path of the key, such as `masks[0].except`.
    pub fn key(&self) -> &str {
        &self.place.key
    }

    /// What is wrong, and what to write instead.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl std::error::Error for PolicyError {}

/// Everything that is wrong with the rules, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyErrors(pub Vec<PolicyError>);

impl fmt::Display for PolicyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            let end = if i == 0 { "" } else { "\n" };
            write!(f, "{end}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for PolicyErrors {}

impl From<PolicyError> for PolicyErrors {
    fn from(error: PolicyError) -> Self {
        Self(vec![error])
    }
}

/// Where a rule was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: Arc<str>,
    pub(super) line: u64,
    pub(super) key: String,
}

impl Place {
    pub(super) fn new(file: &Arc<str>, line: u64, key: impl Into<String>) -> Self {
        Self { file: file.clone(), line, key: key.into() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if self.key.is_empty() { Ok(()) } else { write!(f, ": {}", self.key) }
    }
}

/// A YAML or type error with its line and the key nearest to it.
pub(super) fn yaml_error(file: &Arc<str>, text: &str, error: &serde_saphyr::Error) -> PolicyError {
    let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
    let words = error.without_snippet().to_string();
    let words = words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words);
    let message = match words {
        w if w.starts_with("cannot deserialize null") => "a value is missing".to_string(),
        w => w.split(", set DuplicateKeyPolicy").next().unwrap_or(w).to_string(),
    };
    PolicyError::new(&Place::new(file, line, key_at(text, line, column)), message)
}

/// The last key that begins on `line` at or before `column`, as a person would point at it.
fn key_at(text: &str, line: u64, column: u64) -> String {
    let line = usize::try_from(line).unwrap_or(0).checked_sub(1);
    let Some(line) = line.and_then(|i| text.lines().nth(i)) else { return String::new() };
    let mut keys = line.match_indices(':').map(|(end, _)| {
        let start = line[..end].rfind(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'));
        let start = start.map_or(0, |i| i + line[i..].chars().next().map_or(1, char::len_utf8));
        (line[..start].chars().count() as u64 + 1, &line[start..end])
    });
    let last = keys.rfind(|(start, key)| *start <= column && !key.is_empty());
    last.map_or_else(String::new, |(_, key)| key.to_string())
}

/// `; did you mean "x"?` for the nearest of `candidates`, or nothing.
pub(super) fn did_you_mean<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> String {
    let wanted = name.to_lowercase();
    let allowed = (wanted.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map_or_else(String::new, |(_, nearest)| format!("; did you mean \"{nearest}\"?"))
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_proposed_only_when_it_is_near() {
        let roles = ["analyst", "compliance", "support"];
        assert_eq!(did_you_mean("complance", roles), "; did you mean \"compliance\"?");
        assert_eq!(did_you_mean("Analyst", roles), "; did you mean \"analyst\"?");
        assert_eq!(did_you_mean("zebra", roles), "");
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }

    #[test]
    fn a_yaml_error_names_its_line_and_key() {
        let text = "a: 1\nb: {c: 2, größe: x}\n";
        assert_eq!(key_at(text, 2, 11), "größe");
        assert_eq!(key_at(text, 2, 5), "c");
        assert_eq!(key_at(text, 9, 1), "");
        let result: Result<std::collections::BTreeMap<String, i64>, _> =
            serde_saphyr::from_str("a: 1\nbee: x\n");
        let error = yaml_error(&"f.yaml".into(), "a: 1\nbee: x\n", &result.unwrap_err());
        assert_eq!((error.line(), error.key()), (2, "bee"));
        assert!(error.to_string().starts_with("f.yaml:2: bee: "), "{error}");
        assert!(!error.to_string().contains('\n'));
    }
}
