//! What administrators ask before they let anybody in: explanations, policy tests, differences, the
//! catalog lock and proposals for masks, by the commands they use.
// Helpers of tests may panic as tests do.
#![allow(clippy::unwrap_used)]

mod commands;
mod drift;
mod first_run;
mod personal;
mod reload;

use crate::mcp::server::{Demo, celosia};

/// Exit code, stdout and stderr of a command on the demo's configuration.
fn run(demo: &Demo, arguments: &[&str]) -> (Option<i32>, String, String) {
    let config = demo.path().join("celosia.yaml");
    let config = config.to_str().unwrap();
    let arguments: Vec<&str> =
        arguments.iter().map(|a| if *a == "CONFIG" { config } else { *a }).collect();
    let done = celosia(&arguments);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (done.status.code(), text(done.stdout), text(done.stderr))
}

/// Runs SQL at a database of the demo, as the owner of the source would.
pub fn at_source(demo: &Demo, file: &str, sql: &str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(demo.path().join(file));
    crate::support::block_on(async {
        use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
        let mut connection = options.connect().await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql.to_string())).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}
