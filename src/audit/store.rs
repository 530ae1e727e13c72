//! The SQLite file behind the audit: opening, appending, noticing that it is gone.

use super::checkpoint::{AT_MOST_PAGES, Checkpoints};
use super::record::{ChainKey, Covered, Draft, GENESIS, Hash};
use crate::error::Error;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row, SqlSafeStr};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Records of one group, at most.
pub(super) const MAX_GROUP: usize = 64;
/// How long a group waits for another process that writes to the same store.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);
/// How often a group is chained anew after another process was faster.
const CHAIN_ATTEMPTS: usize = 50;
/// What the store's trigger says where the head is not the one we chained to.
const MOVED_ON: &str = "audit chain has moved on";

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

/// The file and our place in its chain.
#[derive(Debug)]
pub(super) struct Store {
    path: PathBuf,
    options: SqliteConnectOptions,
    key: Option<ChainKey>,
    /// Absent after a failure; the next group connects anew.
    connection: Option<SqliteConnection>,
    /// The last record's place and hash, as far as we know.
    head: Option<(u64, Hash)>,
    /// Which files the connection writes to.
    files: Files,
    /// INSERT statements by the number of their rows.
    inserts: Vec<Option<Arc<str>>>,
    checkpoints: Checkpoints,
}

impl Store {
    pub(super) async fn open(
        store: &str,
        durability: Durability,
        key: Option<ChainKey>,
    ) -> Result<Self, AuditError> {
        let path = path_of(store)?;
        create(&path).map_err(|e| AuditError::new("cannot create the audit store", e))?;
        let options = options(&path, durability);
        let mut connection = connect(&options).await?;
        let migrated = migrator().run(&mut connection).await;
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
        if drafts.is_empty() {
            return Ok(0);
        }
        let result = self.try_append(drafts).await;
        if result.is_err() {
            // Whatever state the connection is in: the next group starts from what the file says.
            self.connection = None;
            self.head = None;
        }
        result
    }

    pub(super) async fn close(self) {
        if let Some(connection) = self.connection
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the audit store did not close cleanly");
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

/// The path in `sqlite:PATH`.
pub(super) fn path_of(store: &str) -> Result<PathBuf, AuditError> {
    let path = store.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path));
    match path {
        Some(path) if !path.is_empty() && !path.contains(":memory:") && !path.contains('?') => {
            Ok(PathBuf::from(path))
        }
        _ => Err(AuditError::new("the audit store must be sqlite:PATH", store)),
    }
}

/// The store's head: the number of records and the last one's hash.
pub(super) async fn read_head(
    connection: &mut SqliteConnection,
) -> Result<(u64, Hash), AuditError> {
    let unreadable = |e: sqlx::Error| AuditError::new("the audit store's head cannot be read", e);
    let row = sqlx::query("SELECT count, hash FROM audit_head").fetch_one(connection).await;
    let row = row.map_err(unreadable)?;
    let count: i64 = row.try_get(0).map_err(unreadable)?;
    let hash: Vec<u8> = row.try_get(1).map_err(unreadable)?;
    let hash = hash.try_into().unwrap_or(GENESIS);
    Ok((u64::try_from(count).unwrap_or_default(), hash))
}

fn options(path: &Path, durability: Durability) -> SqliteConnectOptions {
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

async fn connect(options: &SqliteConnectOptions) -> Result<SqliteConnection, AuditError> {
    options.connect().await.map_err(|e| AuditError::new("the audit store cannot be opened", e))
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
    let sql = include_str!("../../migrations/0001_audit.sql").into_sql_str();
    Migrator::with_migrations(vec![Migration::new(
        1,
        "audit".into(),
        MigrationType::Simple,
        sql,
        false,
    )])
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_is_a_file() {
        assert_eq!(path_of("sqlite:audit.db").expect("a path"), PathBuf::from("audit.db"));
        assert_eq!(path_of("sqlite:///var/a.db").expect("a path"), PathBuf::from("/var/a.db"));
        for bad in ["audit.db", "sqlite:", "sqlite::memory:", "postgres://x", "sqlite:a?mode=ro"] {
            assert!(path_of(bad).is_err(), "{bad}");
        }
    }
}
