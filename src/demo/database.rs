//! A SQLite file made whole or not at all.

use super::error::DemoError;
use super::files;
use sqlx::sqlite::{
    Sqlite, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, Connection, QueryBuilder};
use std::path::Path;

/// Raised whenever the demo's tables or rows change; files of another version are made again.
pub(super) const VERSION: i32 = 1;

/// Rows of one INSERT; its values stay well below SQLite's 32,766.
const ROWS: usize = 500;

/// A stored value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Null,
    Integer(i64),
    Text(String),
    /// An amount in hundredths. It is stored by the column's affinity: a whole number as INTEGER, any
    /// other as the REAL that prints the same two digits.
    Cents(i64),
}

/// A table's rows.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) rows: Vec<Vec<Cell>>,
}

/// A database: statements that make its tables, and their rows.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) schema: &'static str,
    pub(super) tables: Vec<Table>,
}

/// Makes the database at `path` unless it is there, whole and of this version. Says whether it did.
pub(super) async fn ensure(
    path: &Path,
    content: impl FnOnce() -> Content,
) -> Result<bool, DemoError> {
    if is_current(path).await {
        return Ok(false);
    }
    let temporary = files::temporary_name(path);
    let outcome = build(&temporary, content()).await.map_err(DemoError::database(path));
    let outcome = match outcome {
        Ok(()) => put_in_place(&temporary, path).map_err(DemoError::file(path)),
        Err(error) => Err(error),
    };
    if outcome.is_err() {
        std::fs::remove_file(&temporary).ok();
    }
    outcome.map(|()| true)
}

/// Whether a whole database of this version is there. Whatever cannot be read is not.
async fn is_current(path: &Path) -> bool {
    if !path.is_file() {
        return false;
    }
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let Ok(mut connection) = SqliteConnection::connect_with(&options).await else { return false };
    let version = sqlx::query_scalar::<_, i32>("PRAGMA user_version")
        .fetch_one(&mut connection)
        .await
        .unwrap_or(0);
    let whole = version == VERSION
        && sqlx::query_scalar::<_, String>("PRAGMA quick_check(1)")
            .fetch_one(&mut connection)
            .await
            .is_ok_and(|verdict| verdict == "ok");
    connection.close().await.is_ok() && whole
}

async fn build(path: &Path, content: Content) -> Result<(), sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Off)
        .synchronous(SqliteSynchronous::Off);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let mut transaction = connection.begin().await?;
    sqlx::raw_sql(content.schema).execute(&mut *transaction).await?;
    for table in &content.tables {
        for rows in table.rows.chunks(ROWS) {
            insert(table.name, rows).build().execute(&mut *transaction).await?;
        }
    }
    let version = format!("ANALYZE; PRAGMA user_version = {VERSION}");
    sqlx::raw_sql(AssertSqlSafe(version)).execute(&mut *transaction).await?;
    transaction.commit().await?;
    connection.close().await
}

fn insert(table: &str, rows: &[Vec<Cell>]) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(format!("INSERT INTO {table} "));
    query.push_values(rows, |mut values, row| {
        for cell in row {
            match cell {
                Cell::Null => values.push_bind(None::<String>),
                Cell::Integer(number) => values.push_bind(*number),
                Cell::Text(text) => values.push_bind(text.clone()),
                Cell::Cents(cents) => values.push_bind(decimal(*cents)),
            };
        }
    });
    query
}

/// Hundredths as decimal text; amounts are never negative here.
fn decimal(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// Flushes the new file and gives it its name. A journal that an older file left behind would be
/// played into the new one, so it goes first.
fn put_in_place(temporary: &Path, path: &Path) -> std::io::Result<()> {
    std::fs::File::open(temporary)?.sync_all()?;
    for suffix in ["-journal", "-wal", "-shm"] {
        let mut beside = path.as_os_str().to_owned();
        beside.push(suffix);
        match std::fs::remove_file(&beside) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    std::fs::rename(temporary, path)
}
