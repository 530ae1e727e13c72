//! Moves what was appended from SQLite's log into the database, beside the writer instead of within
//! its commits: a checkpoint syncs the disk, and an append must not wait for that.

use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tokio::sync::mpsc;

/// Records between two checkpoints.
const EVERY: usize = 500;
/// Pages of the log (of 4 KiB) at which the writer helps itself.
pub(super) const AT_MOST_PAGES: &str = "8192";

/// The writer's end: counts records, and rings when there are enough.
#[derive(Debug)]
pub(super) struct Checkpoints {
    bell: mpsc::Sender<()>,
    since: usize,
}

impl Checkpoints {
    /// Starts the task on the current runtime. It ends with the value.
    pub(super) fn start(options: SqliteConnectOptions) -> Self {
        let (bell, rung) = mpsc::channel(1);
        tokio::spawn(run(options, rung));
        Self { bell, since: 0 }
    }

    pub(super) fn appended(&mut self, records: usize) {
        self.since += records;
        // A bell that is still ringing covers these records too.
        if self.since >= EVERY && self.bell.try_send(()).is_ok() {
            self.since = 0;
        }
    }
}

async fn run(options: SqliteConnectOptions, mut rung: mpsc::Receiver<()>) {
    let mut connection = None;
    while rung.recv().await.is_some() {
        connection = match checkpoint(&options, connection).await {
            Ok(connection) => Some(connection),
            Err(error) => {
                tracing::debug!(%error, "no checkpoint of the audit store this time");
                None
            }
        };
    }
}

async fn checkpoint(
    options: &SqliteConnectOptions,
    connection: Option<SqliteConnection>,
) -> Result<SqliteConnection, sqlx::Error> {
    let mut connection = match connection {
        Some(connection) => connection,
        None => options.connect().await?,
    };
    sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&mut connection).await?;
    Ok(connection)
}
