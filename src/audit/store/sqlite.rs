//! The SQLite file behind the audit: opening, appending, noticing that it is gone.

use super::connection::Connection as Either;
use super::wal::{AT_MOST_PAGES, Checkpoints};
use super::{AuditError, CHAIN_ATTEMPTS, Durability, MAX_GROUP, Note};
use crate::audit::keys::ChainKey;
use crate::audit::record::{Covered, Draft, GENESIS, Hash};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row, SqlSafeStr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long a group waits for another process that writes to the same store.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(1);
/// What the store's trigger says where the head is not the one we chained to.
const MOVED_ON: &str = "audit chain has moved on";

/// The file and our place in its chain.
#[derive(Debug)]
pub(in crate::audit) struct SqliteStore {
    path: PathBuf,
    options: SqliteConnectOptions,
    key: Option<ChainKey>,
    /// Absent after a failure; the next group connects anew.
    connection: Option<Box<SqliteConnection>>,
    /// The last record's place and hash, as far as we know.
    head: Option<(u64, Hash)>,
    /// Which files the connection writes to.
    files: Files,
    /// INSERT statements by the number of their rows.
    inserts: Vec<Option<Arc<str>>>,
    checkpoints: Checkpoints,
}

impl SqliteStore {
    pub(super) async fn open(
        path: &Path,
        durability: Durability,
        key: Option<ChainKey>,
    ) -> Result<Self, AuditError> {
        let path = path.to_path_buf();
        create(&path).map_err(|e| AuditError::new("cannot create the audit store", e))?;
        let options = options(&path, durability);
        let mut connection = connect(&options).await?;
        let migrated = migrator().run(&mut *connection).await;
        migrated.map_err(|e| AuditError::new("the audit store cannot be migrated", e))?;
        let head = read_head(&mut connection).await?;
        let files = Files::of(&path);
        let inserts = vec![None; MAX_GROUP + 1];
        let checkpoints = Checkpoints::start(options.clone());
        let (connection, head) = (Some(connection), Some(head));
        Ok(Self { path, options, key, connection, head, files, inserts, checkpoints })
    }

    /// Appends the records as one transaction; gives the place of the first one.
    pub(super) async fn append(&mut self, drafts: &[Draft]) -> Result<u64, AuditError> {
        let result = self.try_append(drafts).await;
        if result.is_err() {
            // Whatever state the connection is in: the next group starts from what the file says.
            self.connection = None;
            self.head = None;
        }
        result
    }

    /// Writes something beside the chain.
    pub(super) async fn note(&mut self, note: &Note) -> Result<u64, AuditError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let connection = connect(&self.options).await?;
                self.files = Files::of(&self.path);
                connection
            }
        };
        let mut connection = Either::Sqlite(connection);
        let touched = connection.execute(note.sql, &note.values).await?;
        self.files.check(&self.path)?;
        if let Either::Sqlite(connection) = connection {
            self.connection = Some(connection);
        }
        Ok(touched)
    }

    pub(super) async fn close(self) -> Result<(), sqlx::Error> {
        match self.connection {
            Some(connection) => connection.close().await,
            None => Ok(()),
        }
    }

    async fn try_append(&mut self, drafts: &[Draft]) -> Result<u64, AuditError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let connection = connect(&self.options).await?;
                self.files = Files::of(&self.path);
                connection
            }
        };
        let mut attempts = CHAIN_ATTEMPTS;
        loop {
            let (count, hash) = match self.head.take() {
                Some(head) => head,
                None => read_head(&mut connection).await?,
            };
            match self.insert(&mut connection, drafts, count, hash).await {
                Ok(last) => {
                    self.files.check(&self.path)?;
                    self.head = Some((count + drafts.len() as u64, last));
                    self.connection = Some(connection);
                    self.checkpoints.appended(drafts.len());
                    return Ok(count + 1);
                }
                Err(error) if attempts > 0 && error.to_string().contains(MOVED_ON) => attempts -= 1,
                Err(error) => return Err(AuditError::new("cannot append", error)),
            }
        }
    }

    async fn insert(
        &mut self,
        connection: &mut SqliteConnection,
        drafts: &[Draft],
        count: u64,
        mut previous: Hash,
    ) -> Result<Hash, sqlx::Error> {
        let at = chrono::Utc::now().timestamp_millis();
        let sql = self.inserts[drafts.len()].get_or_insert_with(|| insert_sql(drafts.len()).into());
        let mut query = sqlx::query(AssertSqlSafe(sql.clone()));
        for (i, draft) in drafts.iter().enumerate() {
            let seq = i64::try_from(count + 1 + i as u64).unwrap_or(i64::MAX);
            let (kind, id, body) = (draft.kind.as_str(), &draft.id, &draft.body);
            let hash =
                Covered { previous: &previous, seq, at, kind, id, body }.hash(self.key.as_ref());
            query = query.bind(seq).bind(at).bind(kind).bind(id.clone()).bind(body.clone());
            query = query.bind(previous.to_vec()).bind(hash.to_vec());
            previous = hash;
        }
        query.execute(connection).await?;
        Ok(previous)
    }
}

/// The store's head: the number of records and the last one's hash.
async fn read_head(connection: &mut SqliteConnection) -> Result<(u64, Hash), AuditError> {
    let unreadable = |e: sqlx::Error| AuditError::new("the audit store's head cannot be read", e);
    let row = sqlx::query("SELECT count, hash FROM audit_head").fetch_one(connection).await;
    let row = row.map_err(unreadable)?;
    let count: i64 = row.try_get(0).map_err(unreadable)?;
    let hash: Vec<u8> = row.try_get(1).map_err(unreadable)?;
    let hash = hash.try_into().unwrap_or(GENESIS);
    Ok((u64::try_from(count).unwrap_or_default(), hash))
}

pub(super) fn options(path: &Path, durability: Durability) -> SqliteConnectOptions {
    let synchronous = match durability {
        Durability::Process => SqliteSynchronous::Normal,
        Durability::Disk => SqliteSynchronous::Full,
    };
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("wal_autocheckpoint", AT_MOST_PAGES)
        .disable_statement_logging()
}

async fn connect(options: &SqliteConnectOptions) -> Result<Box<SqliteConnection>, AuditError> {
    let connected = options.connect().await;
    connected.map(Box::new).map_err(|e| AuditError::new("the audit store cannot be opened", e))
}

/// Creates the file where there is none, readable by its owner alone: it says who asked what.
fn create(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn migrator() -> Migrator {
    let of = |version, name: &'static str, sql: &'static str| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(vec![
        of(1, "audit", include_str!("../../../migrations/0001_audit.sql")),
        of(2, "audit proofs", include_str!("../../../migrations/0002_audit_proofs.sql")),
    ])
}

fn insert_sql(rows: usize) -> String {
    let values = vec!["(?,?,?,?,?,?,?)"; rows].join(",");
    format!("INSERT INTO audit_record (seq, at, kind, id, body, prev_hash, hash) VALUES {values}")
}

/// The files a connection writes to. SQLite goes on writing to a file that was deleted or replaced
/// under it, and what it writes there is lost.
#[derive(Debug, Default, PartialEq, Eq)]
struct Files {
    database: Option<FileId>,
    log: Option<FileId>,
}

type FileId = (u64, u64);

impl Files {
    fn of(path: &Path) -> Self {
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        Self { database: file_id(path), log: file_id(Path::new(&log)) }
    }

    fn check(&mut self, path: &Path) -> Result<(), AuditError> {
        let now = Self::of(path);
        let same = now.database.is_some()
            && now.log.is_some()
            && now.database == self.database
            && (self.log.is_none() || now.log == self.log);
        if !same {
            return Err(AuditError::new("the audit store was deleted or replaced", path.display()));
        }
        *self = now;
        Ok(())
    }
}

#[cfg(unix)]
fn file_id(path: &Path) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|m| (m.dev(), m.ino()))
}

#[cfg(not(unix))]
fn file_id(path: &Path) -> Option<FileId> {
    std::fs::metadata(path).ok().map(|_| (0, 0))
}
