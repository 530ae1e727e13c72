//! Why the demo cannot be set up.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why the demo cannot be set up, in words for whoever started it.
#[derive(Debug)]
pub enum DemoError {
    /// The directory holds something that the demo did not make.
    Occupied(PathBuf),
    /// A file or directory cannot be read or written.
    File {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A database cannot be made.
    Database {
        /// Which one.
        path: PathBuf,
        /// What SQLite said.
        source: sqlx::Error,
    },
    /// A file of the demo was changed so that it cannot be read any more.
    Unreadable(PathBuf),
    /// There is no role of this name.
    UnknownRole(String),
}

impl DemoError {
    pub(super) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        |source| Self::File { path, source }
    }

    pub(super) fn database(path: &Path) -> impl FnOnce(sqlx::Error) -> Self {
        let path = path.to_path_buf();
        |source| Self::Database { path, source }
    }
}

impl fmt::Display for DemoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Occupied(path) => write!(
                f,
                "{} holds files that the demo did not make, and it does not touch them; \
                 give an empty or new directory with --data",
                path.display()
            ),
            Self::File { path, source } => write!(
                f,
                "{}: {source}; another directory can be given with --data",
                path.display()
            ),
            Self::Database { path, source } => {
                write!(f, "{}: the database cannot be made: {source}", path.display())
            }
            Self::Unreadable(path) => write!(
                f,
                "{}: this is not what the demo wrote; remove the file, and it is made again",
                path.display()
            ),
            Self::UnknownRole(name) => {
                write!(f, "no role named \"{name}\": choose analyst, support or compliance")
            }
        }
    }
}

impl std::error::Error for DemoError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { source, .. } => Some(source),
            Self::Database { source, .. } => Some(source),
            Self::Occupied(_) | Self::Unreadable(_) | Self::UnknownRole(_) => None,
        }
    }
}
