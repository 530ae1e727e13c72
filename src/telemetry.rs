//! Logs: to stderr, since stdout belongs to the protocol.

use tracing_subscriber::EnvFilter;

/// Starts logging. `CELOSIA_LOG` holds a filter such as `celosia=debug`; `CELOSIA_LOG_FORMAT=json`
/// gives one JSON object a line. Without a filter a server says what it does, a command only what is
/// wrong. A second call does nothing.
pub fn start(is_server: bool) {
    let usual = if is_server { "warn,celosia=info" } else { "warn" };
    let filter = EnvFilter::try_from_env("CELOSIA_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    // The protocol library logs whole requests and results, so rows; drivers log statements
    // and a server's own words, which may hold values.
    let filter = ["rmcp=off", "sqlx=off", "tiberius=off"]
        .into_iter()
        .filter_map(|directive| directive.parse().ok())
        .fold(filter, EnvFilter::add_directive);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let json = std::env::var("CELOSIA_LOG_FORMAT").is_ok_and(|format| format == "json");
    let started = if json { builder.json().try_init() } else { builder.try_init() };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
}
