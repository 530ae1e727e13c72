//! The audit from outside: what proves it, who gets it, what is taken out of it, and what a sudden end leaves.
// Helpers of tests may panic as tests do.
#![allow(clippy::unwrap_used)]

mod crash;
mod erasure;
mod keys;
mod ocsf;
mod proofs;
mod shared;
mod sinks;

use celosia::audit::{
    AuditLog, Checkpoints, Intent, Location, Proofs, Settings, VerifyFailure, VerifyReport,
    verify_all,
};
use celosia::identity::establish_local;
use celosia::model::{Outcome, QueryId};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A store of its own.
struct Lab {
    directory: tempfile::TempDir,
    location: Location,
}

impl Lab {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(directory.path().join("audit.db"));
        Self { directory, location }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    fn settings(&self) -> Settings {
        Settings::of(self.location.clone())
    }

    async fn log(&self) -> Arc<AuditLog> {
        AuditLog::start(self.settings()).await.unwrap()
    }

    async fn verify(&self, proofs: &Proofs) -> Result<VerifyReport, VerifyFailure> {
        Ok(verify_all(&self.location, proofs).await?.remove(0))
    }

    /// What somebody with the file in hand can do to it.
    async fn tamper(&self, sql: &str) {
        let options = SqliteConnectOptions::new().filename(self.path("audit.db"));
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql.to_string())).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

fn intent(user: &str) -> Intent {
    let principal = establish_local(user, ["analyst".to_string()], Default::default());
    let mut intent = Intent::new(QueryId::random(), &principal, "tests 1", "query");
    intent.statement = "select total from shop.main.orders where id = ?".into();
    intent.policy_version = "p1".into();
    intent
}

/// A statement that is answered.
async fn answer(log: &AuditLog, intent: Intent) {
    let open = log.open(intent).await.unwrap();
    let _receipt =
        log.close(open, &Outcome { rows_returned: 1, ..Outcome::default() }).await.unwrap();
}

fn checkpoints(records: u64) -> Checkpoints {
    Checkpoints { records, interval: Duration::from_secs(3_600), signing: None, anchor: None }
}

/// Waits until `done` says so.
async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let started = std::time::Instant::now();
    while !done().await {
        assert!(started.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn lines(path: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    whole.map(|line| serde_json::from_str(line).unwrap()).collect()
}
