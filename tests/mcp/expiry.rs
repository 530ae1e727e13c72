//! Results that are kept for a short time.

use super::client::{Client, MODERN};
use super::eventually;
use super::server::{Demo, Server};
use serde_json::json;
use std::sync::Arc;

#[test]
fn an_expired_handle_is_like_a_forged_one() {
    let demo = Arc::new(Demo::new());
    let config = demo.config(&[("semantics:", "results: { ttl: 1s }\nsemantics:")]);
    let server = Arc::new(Server::serve(&demo, &demo.write("forgetful.yaml", &config)));
    let client = Client::new(&server, "analyst", MODERN);
    let sql = "SELECT id FROM shop.main.orders ORDER BY id LIMIT 9";
    let handle = client.answer("query", json!({"sql": sql, "limit": 2}))["handle"].take();
    // A look at the result would keep it: what is asked for here is another one.
    let before = std::time::Instant::now();
    eventually("more than the time to live", || {
        (before.elapsed().as_millis() > 1_500).then_some(())
    });
    let expired = client.error("fetch", json!({"handle": handle}));
    let forged = client.error("fetch", json!({"handle": "h_AAAAAAAAAAAAAAAAAAAAAA"}));
    assert_eq!(expired, forged);
    assert_eq!(expired["code"], "unknown_handle");
    assert!(expired["hint"].as_str().unwrap().contains("run the query again"));
    client.still_answers();
}
