//! More requests than places: those that are let in are answered, the others are told to come back at once.

use super::client::{Client, MODERN};
use super::server::{Demo, Server};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Long for a refusal also on a busy machine, and short for the statements here.
const AT_ONCE: Duration = Duration::from_secs(2);

#[test]
fn a_full_server_sheds_at_once_and_goes_on_answering() {
    const CALLERS: usize = 24;
    let demo = Arc::new(Demo::new());
    let config = demo.config(&[
        ("server: { ", "server: { max_requests: 3, "),
        ("semantics:", "limits: { concurrency: 1 }\nsemantics:"),
    ]);
    let server = Arc::new(Server::serve(&demo, &demo.write("small.yaml", &config)));
    // It keeps a place for a good while.
    let sql = "SELECT count(*) AS n FROM generate_series(1, 20000000)";
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let server = server.clone();
            std::thread::spawn(move || {
                let client = Client::new(&server, "analyst", MODERN);
                let started = Instant::now();
                let reply = client.send(&client.call_request("query", json!({"sql": sql})));
                let wait = reply.header("retry-after").map(String::from);
                (reply.status, wait, started.elapsed())
            })
        })
        .collect();
    let replies: Vec<_> = callers.into_iter().map(|caller| caller.join().unwrap()).collect();
    let (answered, shed): (Vec<_>, Vec<_>) = replies.iter().partition(|(code, ..)| *code == 200);
    assert!(answered.len() >= 3, "{replies:?}");
    assert!(!shed.is_empty(), "{replies:?}");
    for (status, wait, took) in shed {
        assert_eq!((*status, wait.as_deref()), (429, Some("1")), "{replies:?}");
        assert!(*took < AT_ONCE, "{replies:?}");
    }
    Client::new(&server, "analyst", MODERN).still_answers();
}
