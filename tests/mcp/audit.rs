//! `celosia audit verify`: the chain holds after a run, and an altered record is found.

use super::client::{Client, MODERN};
use super::server::{Server, celosia};
use crate::support::block_on;
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection};
use std::path::Path;
use std::sync::Arc;

fn verify(store: &Path) -> (Option<i32>, String) {
    let done = celosia(&["audit", "verify", "--store", &format!("sqlite:{}", store.display())]);
    let said = [done.stdout, done.stderr].concat();
    (done.status.code(), String::from_utf8(said).unwrap())
}

/// What somebody with the file in hand can do to it.
fn tamper(store: &Path, sql: &str) {
    block_on(async {
        let options = SqliteConnectOptions::new().filename(store);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql.to_string())).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}

/// A store with a few records, whose server has ended.
fn store() -> (Arc<super::server::Demo>, std::path::PathBuf) {
    let server = Arc::new(Server::demo());
    let client = Client::new(&server, "analyst", MODERN);
    client.still_answers();
    client.error("query", json!({"sql": "SELECT no_such FROM shop.main.orders"}));
    client.error("query", json!({"sql": "DROP TABLE orders"}));
    client.still_answers();
    let demo = server.demo.clone();
    drop(client);
    drop(server);
    let path = demo.path().join("audit.db");
    // The server was killed: its journal goes into the file when the file is next closed.
    tamper(&path, "SELECT 1");
    (demo, path)
}

#[test]
fn the_chain_holds_after_a_run() {
    let (_demo, store) = store();
    let (code, said) = verify(&store);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the chain holds: ") && said.contains("(1 refused"), "{said}");
    assert!(said.contains("0 without an outcome"), "{said}");
}

#[test]
fn an_altered_record_is_found() {
    let (_demo, store) = store();
    for (drop_guard, alter, found) in [
        (
            "audit_record_not_updated",
            "UPDATE audit_record SET body = replace(body, 'demo-analyst', 'demo-analist') WHERE seq = 3",
            "record 3 was altered",
        ),
        (
            "audit_record_not_deleted",
            "DELETE FROM audit_record WHERE seq = 4",
            "record 4 was removed",
        ),
    ] {
        let kept = std::fs::read(&store).unwrap();
        tamper(&store, &format!("DROP TRIGGER {drop_guard}; {alter}"));
        let (code, said) = verify(&store);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(found), "{said}");
        std::fs::write(&store, kept).unwrap();
        assert_eq!(verify(&store).0, Some(0), "the store was put back");
    }
}

#[test]
fn honest_tools_cannot_alter_a_record() {
    let (_demo, store) = store();
    let refused =
        std::panic::catch_unwind(|| tamper(&store, "DELETE FROM audit_record WHERE seq = 1"));
    assert!(refused.is_err(), "the triggers are there");
    assert_eq!(verify(&store).0, Some(0));
}

#[test]
fn a_store_that_is_not_there_is_no_chain() {
    let (code, said) = verify(Path::new("/no/such/audit.db"));
    assert_eq!(code, Some(1));
    assert!(said.contains("cannot be read"), "{said}");
}
