//! Oracle's SQL in, rows out: one case for each rule that the engine models.

use celosia_connector_testkit::cluster::PostgresCluster;
use celosia_connector_testkit::data::oracle_tables;
use celosia_connector_testkit::double::engine::{
    Bind, Engine, EngineError, EngineSession, Login, Outcome, ResultColumn,
};
use celosia_connector_testkit::double::plsql::{OracleEngine, Release};
use celosia_connector_testkit::script::{Spelling, script};
use std::sync::Arc;

/// A database of a release; `None` where there is no PostgreSQL to run it.
async fn engine(release: Release) -> Option<Arc<OracleEngine>> {
    match PostgresCluster::shared() {
        Ok(cluster) => {
            Some(OracleEngine::start_release(cluster, release).await.expect("a database"))
        }
        Err(reason) => {
            let required = std::env::var("CELOSIA_REQUIRE_SOURCES");
            assert!(!required.is_ok_and(|sources| sources.contains("postgres")), "{reason}");
            eprintln!("skipped: {reason}");
            None
        }
    }
}

async fn session(engine: &Arc<OracleEngine>, user: &str) -> Box<dyn EngineSession> {
    let login = Login { user: user.to_string(), database: "CELOSIA".to_string() };
    engine.session(&login).await.expect("a session")
}

async fn ask(
    session: &mut Box<dyn EngineSession>,
    sql: &str,
    binds: &[Bind],
) -> Result<(Vec<ResultColumn>, Vec<Vec<Option<String>>>), EngineError> {
    let columns = match session.execute(sql, binds).await? {
        Outcome::Rows(columns) => columns,
        Outcome::Done { .. } => return Ok((Vec::new(), Vec::new())),
    };
    let mut rows = Vec::new();
    loop {
        let more = session.rows(1_000).await?;
        if more.is_empty() {
            return Ok((columns, rows));
        }
        rows.extend(more);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fixture_is_loaded_and_read() {
    for release in [Release::V19, Release::V23] {
        let Some(engine) = engine(release).await else { return };
        let booleans = release == Release::V23;
        engine.load(&script(Spelling::Oracle { booleans })).await.expect("loaded");
        let mut reader = session(&engine, "reader").await;
        for table in oracle_tables(booleans) {
            let sql = format!("SELECT * FROM CELOSIA.\"{}\" ORDER BY \"id\"", table.name);
            let (columns, rows) = ask(&mut reader, &sql, &[]).await.expect("read");
            assert_eq!(rows.len(), table.rows.len(), "{}", table.name);
            let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            let expected: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, expected);
            for (row, expected) in rows.iter().zip(&table.rows) {
                let nulls: Vec<bool> = row.iter().map(Option::is_none).collect();
                let expected: Vec<bool> = expected.iter().map(Option::is_none).collect();
                assert_eq!(nulls, expected, "{} {row:?}", table.name);
            }
        }
    }
}
