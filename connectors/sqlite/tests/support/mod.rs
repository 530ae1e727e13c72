//! A database file in a directory of its own, and what the operating system says of its readers.

#![allow(dead_code, reason = "each test binary uses its part")]

use celosia_connector_api::{
    Connector, ConnectorError, ExecutionContext, RenderedQuery, TableDescription, TableRead,
};
use celosia_connector_sqlite::{SqliteConfig, SqliteConnector};
use celosia_connector_testkit::subject::{Answer, collect};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(crate) struct Database {
    directory: TempDir,
}

impl Database {
    /// A directory without a file.
    pub(crate) fn nowhere() -> Self {
        Self { directory: TempDir::new().expect("a directory") }
    }

    /// A file made by a script.
    pub(crate) async fn create(script: &str) -> Self {
        let database = Self::nowhere();
        database.write(script).await;
        database
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn connector(&self, concurrency: usize) -> SqliteConnector {
        let config = SqliteConfig::parse("sqlite:test.db", self.directory.path(), concurrency);
        SqliteConnector::new(config.expect("a path")).expect("a connector")
    }

    /// A connection that may write.
    pub(crate) async fn writer(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.path("test.db"));
        let options = options.create_if_missing(true).foreign_keys(false);
        options.disable_statement_logging().connect().await.expect("a writer")
    }

    /// Runs a script in one transaction and closes the file.
    pub(crate) async fn write(&self, script: &str) {
        let mut writer = self.writer().await;
        writer.execute(AssertSqlSafe(script)).await.expect("a script");
        writer.close().await.expect("closed");
    }

    /// Names and sizes of the files, without the shared memory of a WAL.
    pub(crate) fn files(&self) -> String {
        let entries = std::fs::read_dir(self.directory.path()).expect("a directory");
        let mut files: Vec<String> = entries
            .map(|entry| entry.expect("an entry"))
            .filter(|entry| !entry.file_name().to_string_lossy().ends_with("-shm"))
            .map(|entry| {
                format!("{:?} {}", entry.file_name(), entry.metadata().expect("a file").len())
            })
            .collect();
        files.sort();
        files.join(", ")
    }
}

pub(crate) fn context() -> ExecutionContext {
    let deadline = Instant::now() + Duration::from_secs(30);
    ExecutionContext {
        query_id: "test".to_string(),
        deadline,
        batch_rows: 16,
        caller: None,
        identity: None,
        accepts_cost: false,
        readers: 1,
        snapshot: None,
    }
}

pub(crate) async fn table(connector: &SqliteConnector, name: &str) -> Arc<TableDescription> {
    let description = connector.describe().await.expect("a description");
    let found = description.tables.into_iter().find(|table| table.name == name);
    Arc::new(found.expect("the table"))
}

pub(crate) async fn run(
    connector: &SqliteConnector,
    query: &TableRead,
) -> Result<Answer, ConnectorError> {
    let rendered =
        celosia_connector_api::render::render(connector.dialect(), query).expect("spelled");
    execute(connector, &rendered).await
}

pub(crate) async fn execute(
    connector: &SqliteConnector,
    query: &RenderedQuery,
) -> Result<Answer, ConnectorError> {
    collect(connector.open(query, &context()).await?).await
}

/// Processor time that the connections' threads have used so far, as the kernel counts it.
pub(crate) fn worker_ticks() -> Option<u64> {
    let mut ticks = 0;
    for task in std::fs::read_dir("/proc/self/task").ok()? {
        let Ok(stat) = std::fs::read_to_string(task.ok()?.path().join("stat")) else { continue };
        let (name, fields) = stat.split_once('(')?.1.rsplit_once(')')?;
        if name.starts_with("celosia-sqlite") {
            let fields: Vec<&str> = fields.split_whitespace().collect();
            ticks += fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
        }
    }
    Some(ticks)
}
