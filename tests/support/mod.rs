//! What every test stands on: two worlds, real engines over them, and replies that can be compared.

pub mod ask;
pub mod endpoint;
pub mod issuer;
pub mod lab;
pub mod load;
pub mod people;
pub mod policy;
pub mod rng;
pub mod secret;
pub mod world;

use std::sync::LazyLock;
use tokio::runtime::{Builder, Runtime};

/// One runtime for all tests: engines, connectors and the audit outlive the test that made them.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    // `RUST_LOG=celosia=info` shows what the callers of a failing test do not see.
    if std::env::var_os("RUST_LOG").is_some() {
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    }
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
});

/// Runs a test's future on the runtime that all engines live on.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.block_on(future)
}
