//! Logs: to stderr, since stdout belongs to the protocol, and to a collector where there is one.

use super::otlp::{Outbox, Settings};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

/// Starts logging. `CELOSIA_LOG` holds a filter such as `celosia=debug`; `CELOSIA_LOG_FORMAT=json`
/// gives one JSON object a line. Without a filter a server says what it does, a command only what is
/// wrong. A server exports traces and logs where the `OTEL_*` variables say where to: what it gives back has to be
/// sent. A second call does nothing.
pub fn start(is_server: bool) -> Option<Outbox> {
    let environment = |name: &str| std::env::var(name).ok();
    let exported = match is_server {
        true => Settings::of(&environment).and_then(|settings| {
            settings.map(|settings| Ok((Outbox::new(&settings)?, settings))).transpose()
        }),
        false => Ok(None),
    };
    let (exported, wrong) = match exported {
        Ok(exported) => (exported, None),
        Err(wrong) => (None, Some(wrong)),
    };
    let fmt = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let json = std::env::var("CELOSIA_LOG_FORMAT").is_ok_and(|format| format == "json");
    let shown: Box<dyn Layer<Registry> + Send + Sync> =
        if json { fmt.json().boxed() } else { fmt.boxed() };
    let shown = shown.with_filter(filter(is_server, "celosia::trace=off"));
    let registry = tracing_subscriber::registry().with(shown);
    let (started, outbox) = match exported {
        None => (registry.try_init(), None),
        Some(((outbox, recorder), settings)) => {
            let spans = if settings.exports_traces() {
                "celosia::trace=info"
            } else {
                "celosia::trace=off"
            };
            super::statements::show_statements(settings.shows_statements());
            let recorder = recorder.with_filter(filter(is_server, spans));
            (registry.with(recorder).try_init(), Some(outbox))
        }
    };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
    if let Some(wrong) = wrong {
        tracing::error!(wrong, "telemetry is not exported");
    }
    outbox
}

fn filter(is_server: bool, spans: &str) -> EnvFilter {
    let usual = if is_server { "warn,celosia=info" } else { "warn" };
    let filter = EnvFilter::try_from_env("CELOSIA_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    // The protocol library logs whole requests and results, so rows; drivers log statements
    // and a server's own words, which may hold values.
    ["rmcp=off", "sqlx=off", "tiberius=off", spans]
        .into_iter()
        .filter_map(|directive| directive.parse().ok())
        .fold(filter, EnvFilter::add_directive)
}
