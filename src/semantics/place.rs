//! Where something is written, and what is wrong there.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SemanticsError {
    place: Place,
    message: String,
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    file: Arc<Path>,
    line: u64,
}

impl Place {
    pub(super) fn of(file: &Path, line: u64) -> Self {
        Self { file: file.into(), line }
    }

    pub(super) fn line(&self, line: u64) -> Self {
        Self { file: self.file.clone(), line }
    }

    /// What is wrong here.
    pub fn error(&self, message: impl Into<String>) -> SemanticsError {
        SemanticsError { place: self.clone(), message: message.into() }
    }
}

impl SemanticsError {
    /// The order of files and lines.
    pub fn sort(errors: &mut [Self]) {
        errors.sort_by(|a, b| (&a.place.file, a.place.line).cmp(&(&b.place.file, b.place.line)));
    }
}

impl fmt::Display for SemanticsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl std::error::Error for SemanticsError {}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}", self.file.display()),
            line => write!(f, "{}:{line}", self.file.display()),
        }
    }
}
