//! The surface as clients meet it: the real binary, over HTTP and stdio, in both protocol eras, with
//! raw bytes and with the clients that people use.
// Helpers of tests may panic and print as tests do.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod answers;
mod audit;
mod bad_input;
mod cancel;
mod certificates;
mod check;
pub mod client;
pub mod clients;
mod conformance;
mod consent;
mod dead_source;
mod definitions;
mod doctor;
mod eras;
mod expiry;
pub mod hostile;
pub mod http;
mod lines;
mod listing;
mod overload;
mod plans;
mod prompts;
mod proxies;
mod recipes;
mod relay;
mod results;
mod schema;
pub mod server;
mod slow_reader;
pub mod stdio;
mod tokens;
mod verify;

use std::time::{Duration, Instant};

/// The longest that anything here waits for; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again and again until there is an answer. `what` names it in the failure.
pub fn eventually<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        pause(50);
    }
}

fn pause(milliseconds: u64) {
    let duration = Duration::from_millis(milliseconds);
    crate::support::block_on(async { tokio::time::sleep(duration).await });
}
