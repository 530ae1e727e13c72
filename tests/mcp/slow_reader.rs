//! A client that does not read: whatever it does, the database does not wait for it.

use super::client::{Client, MODERN};
use super::server::{Demo, Server, settles};
use serde_json::json;
use std::io::Read;
use std::net::Shutdown;
use std::sync::Arc;

/// A server whose source `shop` runs one statement at a time.
fn server(limits: &str) -> Arc<Server> {
    let demo = Arc::new(Demo::new());
    let config = demo.config(&[
        ("url: \"sqlite:shop.db\"", "url: \"sqlite:shop.db\", concurrency: 1"),
        ("semantics:", &format!("limits: {limits}\nsemantics:")),
    ]);
    Arc::new(Server::serve(&demo, &demo.write("slow.yaml", &config)))
}

#[test]
fn an_answer_that_is_not_read_holds_no_connection() {
    let server = server("{ rows: 200000, bytes: 64MiB, time: 60s }");
    let client = Client::new(&server, "compliance", MODERN);
    let sql = "SELECT a.id, b.name, b.name AS again FROM shop.main.order_items a \
        CROSS JOIN shop.main.products b LIMIT 150000";
    let mut stream = client.call_request("query", json!({"sql": sql})).open(server.address);
    // The answer has begun, and there is far more of it than the sockets hold.
    let mut first = [0; 16];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first[..12], b"HTTP/1.1 200");
    for _ in 0..3 {
        let rows = client.rows("SELECT COUNT(*) FROM shop.main.orders");
        assert_eq!(rows.as_array().unwrap().len(), 1);
    }
    stream.shutdown(Shutdown::Both).unwrap();
}

#[test]
fn a_statement_whose_progress_is_not_read_ends_with_its_time() {
    let server = server("{ time: 2s }");
    let client = Client::new(&server, "compliance", MODERN);
    let sql = "SELECT COUNT(*) FROM shop.main.order_items a CROSS JOIN shop.main.order_items b \
        CROSS JOIN shop.main.order_items c";
    let call = json!({"name": "query", "arguments": {"sql": sql}, "_meta": {"progressToken": "p"}});
    let unread = client.request("tools/call", call).open(server.address);
    settles(&server.process, "the statement has ended");
    assert_eq!(client.rows("SELECT COUNT(*) FROM shop.main.orders").as_array().unwrap().len(), 1);
    drop(unread);
}
