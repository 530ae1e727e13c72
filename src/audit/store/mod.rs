//! Where records are kept: an embedded SQLite file, or a PostgreSQL that replicas share.

mod connection;
mod location;
mod postgres;
mod read;
mod sqlite;
mod wal;

pub(super) use connection::{Connection, Row, Value};
pub(super) use location::{LONE_CHAIN, Purpose};
pub use location::{Location, host_name};
use postgres::PostgresStore;
pub(super) use read::{Head, Stored, has_proofs, head_of, heads, latest, records};
use sqlite::SqliteStore;

use super::keys::ChainKey;
use super::record::Draft;
use crate::error::Error;
use std::fmt;
use std::sync::Arc;

/// Records of one group, at most.
pub(super) const MAX_GROUP: usize = 64;
/// How often a group is chained anew after another process was faster.
const CHAIN_ATTEMPTS: usize = 50;

/// What a durable record outlives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// The end of the process, however it ends.
    #[default]
    Process,
    /// The end of the machine as well: every group is synced to the disk.
    Disk,
}

/// The audit store cannot be written, or is not one.
#[derive(Debug, Clone)]
pub struct AuditError {
    context: Arc<str>,
}

impl AuditError {
    pub(super) fn new(doing: &str, cause: impl fmt::Display) -> Self {
        Self { context: format!("{doing}: {cause}").into() }
    }

    pub(super) fn stopped() -> Self {
        Self { context: "the audit writer has stopped".into() }
    }
}

impl fmt::Display for AuditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.context)
    }
}

impl std::error::Error for AuditError {}

impl From<AuditError> for Error {
    fn from(error: AuditError) -> Self {
        Error::audit_unavailable(&*error.context)
    }
}

impl From<sqlx::Error> for AuditError {
    fn from(error: sqlx::Error) -> Self {
        Self::new("the audit store failed", error)
    }
}

/// Something to write that is no record: a checkpoint, a cursor, a data key.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) sql: &'static str,
    pub(super) values: Vec<Value>,
}

/// The writer's end of the store, and its place in its chain.
#[derive(Debug)]
pub(super) enum Store {
    Sqlite(Box<SqliteStore>),
    Postgres(Box<PostgresStore>),
}

impl Store {
    /// Opens the store, and makes it where there is none.
    pub(super) async fn open(
        location: &Location,
        chain: &str,
        durability: Durability,
        key: Option<ChainKey>,
    ) -> Result<Self, AuditError> {
        Ok(match location {
            Location::Sqlite(path) => {
                Store::Sqlite(Box::new(SqliteStore::open(path, durability, key).await?))
            }
            Location::Postgres(_) => {
                let store = PostgresStore::open(location.clone(), chain, durability, key).await?;
                Store::Postgres(Box::new(store))
            }
        })
    }

    /// Appends the records as one transaction; gives the place of the first one.
    pub(super) async fn append(&mut self, drafts: &[Draft]) -> Result<u64, AuditError> {
        if drafts.is_empty() {
            return Ok(0);
        }
        match self {
            Store::Sqlite(store) => store.append(drafts).await,
            Store::Postgres(store) => store.append(drafts).await,
        }
    }

    /// Writes something beside the chain.
    pub(super) async fn note(&mut self, note: &Note) -> Result<u64, AuditError> {
        match self {
            Store::Sqlite(store) => store.note(note).await,
            Store::Postgres(store) => store.note(note).await,
        }
    }

    pub(super) async fn close(self) {
        let closed = match self {
            Store::Sqlite(store) => store.close().await,
            Store::Postgres(store) => store.close().await,
        };
        if let Err(error) = closed {
            tracing::warn!(%error, "the audit store did not close cleanly");
        }
    }
}
