//! The conformance suite over SQLite files.

mod support;

use celosia_connector_api::Connector;
use celosia_connector_testkit::fixture::Fixture;
use celosia_connector_testkit::script::{Spelling, script};
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use support::Database;

struct Sqlite {
    database: Database,
}

impl Fixture for Sqlite {
    fn schema(&self) -> &str {
        "main"
    }

    fn connector(&self) -> Arc<dyn Connector> {
        Arc::new(self.database.connector(4))
    }

    fn stores_nul(&self) -> bool {
        true
    }

    fn keeps_comments(&self) -> bool {
        false
    }

    fn unrepresentable(&self) -> Vec<(&'static str, &'static str)> {
        let columns = ["i", "b", "d", "f", "t", "x", "day", "at", "instant", "clock", "loose"];
        columns.map(|column| ("misfits", column)).to_vec()
    }

    fn writes(&self) -> Vec<String> {
        let beside = self.database.path("written.db");
        vec![
            "CREATE INDEX written ON people (name)".to_string(),
            "PRAGMA query_only = OFF; DELETE FROM people".to_string(),
            "PRAGMA user_version = 7; SELECT 1 FROM nowhere".to_string(),
            format!("ATTACH '{}' AS w; CREATE TABLE w.written (id)", beside.display()),
            "SELECT load_extension('libm.so.6')".to_string(),
            "SELECT writefile('written', 'x')".to_string(),
        ]
    }

    fn state(&self) -> BoxFuture<'_, String> {
        Box::pin(async { self.database.files() })
    }

    fn running<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Option<bool>> {
        Box::pin(async {
            let before = support::worker_ticks()?;
            tokio::time::sleep(Duration::from_millis(100)).await;
            Some(support::worker_ticks()? > before)
        })
    }
}

const MISFITS: &str = "
    CREATE TABLE misfits (i INTEGER, b BOOLEAN, d DECIMAL(6, 2), f REAL, t TEXT, x BLOB, day DATE,
      at TIMESTAMP, instant TIMESTAMPTZ, clock TIME, loose);
    INSERT INTO misfits VALUES ('one', 2, 1.005, 'much', X'00', 'text', '2024-02-30', 1700000000,
      '2024-01-01 00:00 CET', '25:00', X'FF');";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conformance() {
    for journal in ["DELETE", "WAL"] {
        let database = Database::create(&format!(
            "PRAGMA journal_mode = {journal};\n{}{MISFITS}",
            script(Spelling::Sqlite)
        ))
        .await;
        celosia_connector_testkit::conformance(&Sqlite { database }).await;
    }
}
