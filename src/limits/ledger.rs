//! The file of what was used: one row for each caller, plan and day.

use super::account::Who;
use super::{Day, SECONDS_A_DAY, today};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Row};
use std::fmt;
use std::ops::AddAssign;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::Mutex;

/// How long rows are kept.
const KEPT_DAYS: Day = 400;

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS usage (
    day TEXT NOT NULL, kind TEXT NOT NULL, issuer TEXT NOT NULL, name TEXT NOT NULL, plan TEXT NOT NULL,
    requests INTEGER NOT NULL, statements INTEGER NOT NULL, refusals INTEGER NOT NULL,
    rows_returned INTEGER NOT NULL, bytes INTEGER NOT NULL, remote_rows INTEGER NOT NULL,
    PRIMARY KEY (day, kind, issuer, name, plan)
) STRICT, WITHOUT ROWID";

const ADD: &str = "INSERT INTO usage VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
    ON CONFLICT (day, kind, issuer, name, plan) DO UPDATE SET
    requests = requests + excluded.requests, statements = statements + excluded.statements,
    refusals = refusals + excluded.refusals, rows_returned = rows_returned + excluded.rows_returned,
    bytes = bytes + excluded.bytes, remote_rows = remote_rows + excluded.remote_rows
    RETURNING remote_rows";

const READ: &str = "SELECT remote_rows FROM usage
    WHERE day = ?1 AND kind = ?2 AND issuer = ?3 AND name = ?4 AND plan = ?5";

const EXPORT: &str = "SELECT * FROM usage WHERE day >= ?1 ORDER BY day, kind, issuer, name, plan";

/// What was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Usage {
    pub(super) requests: u64,
    pub(super) statements: u64,
    pub(super) refusals: u64,
    pub(super) rows_returned: u64,
    pub(super) bytes: u64,
    pub(super) remote_rows: u64,
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.statements += other.statements;
        self.refusals += other.refusals;
        self.rows_returned += other.rows_returned;
        self.bytes += other.bytes;
        self.remote_rows += other.remote_rows;
    }
}

/// What one caller, or all callers of one source, used in one day.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LedgerRow {
    /// The day (UTC), such as `2026-11-27`.
    pub day: String,
    /// How the caller was established (`api_key`, `token`, ...), or `source`.
    pub kind: String,
    /// The identity provider, where there is one.
    pub issuer: String,
    /// The user's name, or the source's.
    pub name: String,
    /// The plan that held.
    pub plan: String,
    /// Requests, those refused among them.
    pub requests: u64,
    /// Statements that were begun.
    pub statements: u64,
    /// What a limit refused or ended.
    pub refusals: u64,
    /// Rows that were shown.
    pub rows_returned: u64,
    /// Bytes of the whole results.
    pub bytes: u64,
    /// Rows that sources returned.
    pub remote_rows: u64,
}

/// Why the file cannot be read or written.
#[derive(Debug)]
pub struct LedgerError {
    path: PathBuf,
    source: sqlx::Error,
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the usage file {} cannot be used: {}", self.path.display(), self.source)
    }
}

impl std::error::Error for LedgerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// The file. Several processes may share it: each adds what it has counted.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    /// Absent after a failure; whoever is next connects anew.
    connection: Mutex<Option<SqliteConnection>>,
}

impl Ledger {
    /// Opens the file, which is made where it is not there.
    ///
    /// # Errors
    /// It cannot be made or is no such file.
    pub async fn open(path: &Path) -> Result<Self, LedgerError> {
        let ledger = Self { path: path.to_path_buf(), connection: Mutex::new(None) };
        let opened = async {
            let mut connection = ledger.connect(true).await?;
            sqlx::query(SCHEMA).execute(&mut connection).await?;
            let old = day_name(today() - KEPT_DAYS);
            sqlx::query("DELETE FROM usage WHERE day < ?1")
                .bind(old)
                .execute(&mut connection)
                .await?;
            Ok::<_, sqlx::Error>(connection)
        };
        let connection = opened.await.map_err(|source| ledger.error(source))?;
        *ledger.connection.lock().await = Some(connection);
        Ok(ledger)
    }

    /// What was used from this day on (`2026-11-01`), by day and caller.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn since(&self, day: &str) -> Result<Vec<LedgerRow>, LedgerError> {
        let mut held = self.connection.lock().await;
        let read = async {
            let mut connection = self.take(&mut held).await?;
            let rows = sqlx::query(EXPORT).bind(day).fetch_all(&mut connection).await?;
            *held = Some(connection);
            rows.iter().map(row).collect::<Result<Vec<_>, sqlx::Error>>()
        };
        read.await.map_err(|source| self.error(source))
    }

    /// Rows that sources returned to `who` on a day.
    pub(super) async fn remote_rows(&self, who: &Who, day: Day) -> Result<u64, LedgerError> {
        let mut held = self.connection.lock().await;
        let read = async {
            let mut connection = self.take(&mut held).await?;
            let found = sqlx::query(READ)
                .bind(day_name(day))
                .bind(who.kind)
                .bind(&*who.issuer)
                .bind(&*who.name)
                .bind(&*who.plan)
                .fetch_optional(&mut connection)
                .await?;
            *held = Some(connection);
            found.map_or(Ok(0), |row| count(&row, 0))
        };
        read.await.map_err(|source| self.error(source))
    }

    /// Adds what was used, all or nothing; gives the days' rows as they are then.
    pub(super) async fn add(&self, used: &[(&Who, Day, Usage)]) -> Result<Vec<u64>, LedgerError> {
        let mut held = self.connection.lock().await;
        let write = async {
            let mut connection = self.take(&mut held).await?;
            let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
            let mut totals = Vec::with_capacity(used.len());
            for (who, day, usage) in used {
                let mut query = sqlx::query(ADD)
                    .bind(day_name(*day))
                    .bind(who.kind)
                    .bind(&*who.issuer)
                    .bind(&*who.name)
                    .bind(&*who.plan);
                let Usage { requests, statements, refusals, rows_returned, bytes, remote_rows } =
                    *usage;
                for number in [requests, statements, refusals, rows_returned, bytes, remote_rows] {
                    query = query.bind(i64::try_from(number).unwrap_or(i64::MAX));
                }
                totals.push(count(&query.fetch_one(&mut *transaction).await?, 0)?);
            }
            transaction.commit().await?;
            *held = Some(connection);
            Ok::<_, sqlx::Error>(totals)
        };
        write.await.map_err(|source| self.error(source))
    }

    /// The connection; it is put back by whoever could use it.
    async fn take(
        &self,
        held: &mut Option<SqliteConnection>,
    ) -> Result<SqliteConnection, sqlx::Error> {
        match held.take() {
            Some(connection) => Ok(connection),
            None => self.connect(false).await,
        }
    }

    async fn connect(&self, create: bool) -> Result<SqliteConnection, sqlx::Error> {
        SqliteConnectOptions::new()
            .filename(&self.path)
            .create_if_missing(create)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(Duration::from_secs(2))
            .connect()
            .await
    }

    fn error(&self, source: sqlx::Error) -> LedgerError {
        LedgerError { path: self.path.clone(), source }
    }
}

fn day_name(day: Day) -> String {
    let at = chrono::DateTime::from_timestamp(day.saturating_mul(SECONDS_A_DAY), 0);
    at.unwrap_or_default().format("%Y-%m-%d").to_string()
}

fn count(row: &SqliteRow, index: usize) -> Result<u64, sqlx::Error> {
    Ok(u64::try_from(row.try_get::<i64, _>(index)?).unwrap_or_default())
}

fn row(row: &SqliteRow) -> Result<LedgerRow, sqlx::Error> {
    Ok(LedgerRow {
        day: row.try_get(0)?,
        kind: row.try_get(1)?,
        issuer: row.try_get(2)?,
        name: row.try_get(3)?,
        plan: row.try_get(4)?,
        requests: count(row, 5)?,
        statements: count(row, 6)?,
        refusals: count(row, 7)?,
        rows_returned: count(row, 8)?,
        bytes: count(row, 9)?,
        remote_rows: count(row, 10)?,
    })
}

#[cfg(test)]
impl Ledger {
    /// The connection, to lose it.
    pub(super) async fn connection_for_tests(
        &self,
    ) -> tokio::sync::MutexGuard<'_, Option<SqliteConnection>> {
        self.connection.lock().await
    }
}
