//! The engine that runs T-SQL: every rule of its semantics, statement by statement. Without PostgreSQL
//! the tests say so and pass, unless `CELOSIA_REQUIRE_SOURCES` names `sqlserver`.

use celosia_connector_testkit::cluster::PostgresCluster;
use celosia_connector_testkit::double::engine::{Bind, Engine, EngineSession, Login, Outcome};
use celosia_connector_testkit::double::tsql::TsqlEngine;
use celosia_connector_testkit::script::{Spelling, script};
use std::sync::Arc;

async fn engine() -> Option<Arc<TsqlEngine>> {
    let cluster = match PostgresCluster::shared() {
        Ok(cluster) => cluster,
        Err(reason) => {
            let required = std::env::var("CELOSIA_REQUIRE_SOURCES");
            assert!(!required.is_ok_and(|sources| sources.contains("sqlserver")), "{reason}");
            eprintln!("skipped: {reason}");
            return None;
        }
    };
    Some(TsqlEngine::start(cluster).await.expect("an engine"))
}

async fn session(engine: &Arc<TsqlEngine>, user: &str) -> Box<dyn EngineSession> {
    let login = Login { user: user.into(), database: String::new() };
    engine.session(&login).await.expect("a session")
}

/// Rows as text: `|` between columns, NULL as `NULL`, one row a line; or the error's number.
async fn ask(session: &mut Box<dyn EngineSession>, sql: &str, binds: &[Bind]) -> String {
    match session.execute(sql, binds).await {
        Err(error) => format!("error {}: {}", error.number, error.message),
        Ok(Outcome::Done { affected }) => format!("done {affected}"),
        Ok(Outcome::Rows(_)) => {
            let mut lines = Vec::new();
            loop {
                match session.rows(1_000).await {
                    Err(error) => return format!("error {}: {}", error.number, error.message),
                    Ok(rows) if rows.is_empty() => return lines.join("\n"),
                    Ok(rows) => lines.extend(rows.into_iter().map(|row| {
                        let cells =
                            row.into_iter().map(|cell| cell.unwrap_or_else(|| "NULL".into()));
                        cells.collect::<Vec<_>>().join("|")
                    })),
                }
            }
        }
    }
}

#[tokio::test]
async fn the_fixture_loads() {
    let Some(engine) = engine().await else { return };
    engine.load(&script(Spelling::SqlServer)).await.expect("the fixture");
    let mut session = session(&engine, "reader").await;
    for (sql, expected) in [
        ("SELECT COUNT(*) FROM [dbo].[big]", "20000"),
        ("SELECT TOP (2) id, filler FROM big ORDER BY id", "1|0"),
        ("SELECT [id], [i], [d], [f], [b] FROM [dbo].[numbers] WHERE [id] IN (1, 13)", "1|"),
    ] {
        let answer = ask(&mut session, sql, &[]).await;
        assert!(answer.starts_with(expected), "{sql}: {answer}");
    }
}
