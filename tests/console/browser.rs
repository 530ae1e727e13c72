//! The page in a browser that people use, in both languages: what it shows, that its console stays empty, and that who
//! uses a keyboard or a reader of screens can use it. Skipped without Chromium, unless `CELOSIA_REQUIRE_CLIENTS=1`.

use crate::governance::at_source;
use crate::mcp::client::{Client, MODERN};
use crate::mcp::clients::{run, tool};
use crate::mcp::server::{Demo, Server};
use serde_json::json;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

const HOSTILE: &str =
    r#"CREATE TABLE "<img src=x onerror=alert(1)>" ("<script>alert(2)</script>" TEXT)"#;

#[test]
fn the_page_works_in_a_browser_in_both_languages() {
    let (Some(node), Some(chromium)) = (tool("CELOSIA_TEST_NODE"), tool("CELOSIA_TEST_CHROMIUM"))
    else {
        return;
    };
    let Some(modules) = tool("CELOSIA_TEST_NODE_MODULES") else { return };
    // Of its own: what is shown is what was asked here, and a table has a name that is markup.
    let demo = Arc::new(Demo::new());
    at_source(&demo, "shop.db", HOSTILE);
    let config = demo.write("console.yaml", &demo.config(&[]));
    let server = Arc::new(Server::serve(&demo, &config));
    let analyst = Client::new(&server, "analyst", MODERN);
    let sql = "SELECT region, count(*) FROM shop.main.customers WHERE email <> 'q-literal' GROUP BY region";
    analyst.answer("query", json!({ "sql": sql }));
    analyst.error("query", json!({ "sql": "SELECT emial FROM shop.main.customers" }));
    let shots = tempfile::tempdir().unwrap();
    let shots = std::env::var_os("CELOSIA_TEST_SCREENSHOTS")
        .map_or_else(|| shots.path().to_path_buf(), Into::into);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/console/browse.mjs");
    let mut command = Command::new(node);
    command.arg(script).arg(modules).arg(chromium).arg(shots);
    command.arg(format!("http://{}", server.address));
    command.args([server.demo.key("compliance"), server.demo.key("analyst")]);
    let output = run(&mut command);
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("browser: ok"), "{said}");
}
