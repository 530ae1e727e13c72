//! Where a store is, and how it is connected to.

use super::connection::Connection;
use super::{AuditError, sqlite};
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// The chain of a store that has one.
pub(in crate::audit) const LONE_CHAIN: &str = "main";
/// How long a connection over the network may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A store's place.
#[derive(Clone)]
pub enum Location {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL database.
    Postgres(Box<PgConnectOptions>),
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::audit) enum Purpose {
    /// Reading beside the writer.
    Read,
    /// Administration: retention and erasure.
    Change,
}

impl fmt::Debug for Location {
    // A login may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Location::Postgres(_) => f.write_str("postgres"),
        }
    }
}

impl Location {
    /// The place that `sqlite:PATH` or a PostgreSQL URL names.
    ///
    /// # Errors
    /// It is neither. A URL is not repeated, since it may hold a password.
    pub fn parse(text: &str) -> Result<Self, AuditError> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let options = PgConnectOptions::from_str(text)
                .map_err(|_| AuditError::new("the audit store", "the PostgreSQL URL is not one"))?;
            let options = options.application_name("celosia audit").disable_statement_logging();
            return Ok(Self::Postgres(Box::new(options)));
        }
        let path = text.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path));
        match path {
            Some(path) if !path.is_empty() && !path.contains(":memory:") && !path.contains('?') => {
                Ok(Self::Sqlite(PathBuf::from(path)))
            }
            _ => Err(AuditError::new("the audit store", "must be sqlite:PATH or postgres://...")),
        }
    }

    /// A connection of its own.
    pub(in crate::audit) async fn connect(
        &self,
        purpose: Purpose,
    ) -> Result<Connection, AuditError> {
        let failed = |e: sqlx::Error| AuditError::new("the audit store cannot be opened", e);
        match self {
            Location::Sqlite(path) if purpose == Purpose::Read => {
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .read_only(true)
                    .busy_timeout(sqlite::BUSY_TIMEOUT)
                    .disable_statement_logging();
                Ok(Connection::Sqlite(Box::new(options.connect().await.map_err(failed)?)))
            }
            Location::Sqlite(path) => {
                // What is erased is to be gone from the file too.
                let options = sqlite::options(path, super::Durability::Disk)
                    .pragma("secure_delete", "ON")
                    .busy_timeout(Duration::from_secs(10));
                Ok(Connection::Sqlite(Box::new(options.connect().await.map_err(failed)?)))
            }
            Location::Postgres(options) => {
                match tokio::time::timeout(PATIENCE, options.connect()).await {
                    Ok(connected) => Ok(Connection::Postgres(Box::new(connected.map_err(failed)?))),
                    Err(_) => Err(AuditError::new("the audit store", "does not answer")),
                }
            }
        }
    }
}

/// The machine's name: what a replica is called unless the configuration says otherwise.
pub fn host_name() -> String {
    let named = std::env::var("HOSTNAME")
        .ok()
        .or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok());
    let name: String = named
        .unwrap_or_default()
        .trim()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        .collect();
    if name.is_empty() { "replica".to_string() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_a_file_or_a_database() {
        let path = |text: &str| match Location::parse(text).expect("a place") {
            Location::Sqlite(path) => path,
            Location::Postgres(_) => PathBuf::new(),
        };
        assert_eq!(path("sqlite:audit.db"), PathBuf::from("audit.db"));
        assert_eq!(path("sqlite:///var/a.db"), PathBuf::from("/var/a.db"));
        for bad in ["audit.db", "sqlite:", "sqlite::memory:", "mysql://x", "sqlite:a?mode=ro"] {
            assert!(Location::parse(bad).is_err(), "{bad}");
        }
        let shared = Location::parse("postgres://ana:hunter2@db/audit").expect("a place");
        assert_eq!(format!("{shared:?}"), "postgres");
    }
}
