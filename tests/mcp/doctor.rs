//! `celosia doctor`, and what a login with rights beyond reading is good for.

use super::client::{Client, MODERN};
use super::server::{Demo, Server, celosia};
use crate::support::lab::cluster;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

const CONFIG: &str = r#"
version: 1
identity: { api_keys: { file: keys.yaml } }
sources:
  shop: { kind: sqlite, url: "sqlite:shop.db" }
  books: { kind: postgres, url: "$URL" }
roles:
  analyst: { open: [{ tables: "shop.main.products" }, { tables: "books.public.*" }] }
  support: { open: [{ tables: "shop.main.products" }] }
  compliance: { open: [{ tables: "shop.main.products" }] }
"#;

fn said(arguments: &[&str], config: &Path) -> (bool, String) {
    let path = config.to_str().expect("a path");
    let done = celosia(&[arguments, &["--config", path]].concat());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (done.status.success(), text(&done.stdout) + &text(&done.stderr))
}

#[test]
fn the_demo_is_healthy() {
    let demo = Demo::new();
    let (fine, said) = said(&["doctor"], &demo.path().join("celosia.yaml"));
    assert!(fine && said.contains("a write in a session is refused"), "{said}");
    assert_eq!(said.matches("no library can be loaded").count(), 2, "{said}");
    assert!(!said.contains("DANGER"), "{said}");
}

#[test]
fn a_superusers_source_is_served_only_where_that_is_accepted() {
    let Some(cluster) = cluster() else { return };
    let url = cluster.create_database().expect("a database");
    let database = url.split('/').nth(3).and_then(|rest| rest.split('?').next()).expect("a name");
    cluster
        .execute(database, "CREATE TABLE books (id int PRIMARY KEY); INSERT INTO books VALUES (7)")
        .expect("a table");
    let demo = Arc::new(Demo::new());
    let refused = demo.write("refused.yaml", &CONFIG.replace("$URL", &url));
    let (fine, report) = said(&["doctor"], &refused);
    assert!(!fine && report.contains("DANGER   the login is a superuser"), "{report}");
    assert!(report.contains("books is not served"), "{report}");
    let (fine, check) = said(&["check"], &refused);
    assert!(!fine && check.contains("more rights than reading"), "{check}");
    let asked = json!({"sql": "SELECT id FROM books.public.books"});
    let server = Arc::new(Server::serve(&demo, &refused));
    let client = Client::new(&server, "analyst", MODERN);
    let error = client.error("query", asked.clone());
    assert_eq!((&error["code"], &error["retry"]), (&json!("source"), &json!("never")), "{error}");
    assert!(!error.to_string().contains("superuser"), "{error}");
    let others = client.call("query", json!({"sql": "SELECT count(*) FROM shop.main.products"}));
    assert_eq!(others["isError"], false, "{others}");
    let accepted =
        CONFIG.replace("$URL\" }", "$URL\", over_privileged: accepted }").replace("$URL", &url);
    let accepted = demo.write("accepted.yaml", &accepted);
    let (fine, report) = said(&["doctor", "--source", "books"], &accepted);
    assert!(fine && report.contains("served nevertheless"), "{report}");
    let server = Arc::new(Server::serve(&demo, &accepted));
    let answer = Client::new(&server, "analyst", MODERN).call("query", asked);
    assert_eq!(answer["structuredContent"]["rows"], json!([[7]]), "{answer}");
}
