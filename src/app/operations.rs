//! What operators are told: numbers, and the state of each source, on an address of its own.

use super::Failure;
use crate::catalog::{Catalog, SourceState as State};
use crate::config::Config;
use crate::mcp::http::{Operations, SourceState, serve_operations};
use crate::query::{Engine, EngineLoad};
use crate::telemetry::{Exposition, Reading, Series};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio_util::sync::CancellationToken;

/// Serves operators where the configuration says so, until the process ends.
///
/// # Errors
/// The address cannot be listened on.
pub(super) async fn spawn(
    config: &Config,
    engine: &Arc<Engine>,
    catalog: &Arc<Catalog>,
    reload_refused: Arc<AtomicBool>,
) -> Result<(), Failure> {
    let Some(address) = config.server.metrics_listen else { return Ok(()) };
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .map_err(|error| format!("cannot listen on {address} (server.metrics_listen): {error}"))?;
    tracing::info!(address = %listener.local_addr()?, "serving operators at /metrics");
    let (answering, asked, known) = (engine.clone(), engine.clone(), catalog.clone());
    let refused = reload_refused.clone();
    let exposition = Exposition::new(move || {
        let mut readings = of_engine(&asked.load());
        let refused = f64::from(u8::from(refused.load(Ordering::Relaxed)));
        let help = "Whether a changed configuration was refused, so that an older one is in force";
        readings.push(Reading::of("reload_refused", help, refused));
        readings.extend(of_sources(&known));
        readings
    });
    let known = catalog.clone();
    let operations = Operations {
        metrics: Box::new(move || (Exposition::MEDIA_TYPE, exposition.text().unwrap_or_default())),
        ready: Arc::new(move || answering.is_ready()),
        reload_refused,
        sources: Box::new(move || states(&known)),
    };
    // Operators are served for as long as anything is: the process's end ends this too.
    let forever = CancellationToken::new();
    tokio::spawn(async move {
        if let Err(error) = serve_operations(listener, operations, forever).await {
            tracing::error!(%error, "operators are not served any more");
        }
    });
    Ok(())
}

fn states(catalog: &Catalog) -> Vec<SourceState> {
    let snapshot = catalog.snapshot();
    let of = |source: &crate::catalog::SourceStatus| {
        let lost = catalog.connector(&source.name).is_some_and(|found| found.load().lost);
        let state = match source.state {
            State::Up if lost => "unreachable",
            State::Up => "up",
            State::Waiting => "waiting",
            State::Down { code, .. } => code.as_str(),
        };
        SourceState { name: source.name.to_string(), ready: state == "up", state }
    };
    snapshot.sources().iter().map(of).collect()
}

fn of_engine(load: &EngineLoad) -> Vec<Reading> {
    let sinks = load.audit.sinks.iter();
    let sinks = sinks.map(|(name, lag)| (vec![("sink", name.clone())], *lag as f64)).collect();
    vec![
        Reading::of(
            "statements_running",
            "Statements that are planned or run",
            load.running as f64,
        ),
        Reading::of(
            "statements_waiting",
            "Statements that wait for their turn",
            load.waiting as f64,
        ),
        Reading::of("results_kept", "Results that are kept for fetch", load.results as f64),
        Reading::of("results_kept_bytes", "Bytes of the kept results", load.result_bytes as f64),
        Reading::of(
            "audit_waiting",
            "Audit records that wait for the writer",
            load.audit.waiting as f64,
        ),
        Reading {
            name: "audit_sink_lag",
            help: "Audit records that a sink does not have yet",
            series: sinks,
        },
    ]
}

fn of_sources(catalog: &Catalog) -> Vec<Reading> {
    let snapshot = catalog.snapshot();
    let loads: Vec<_> = snapshot
        .sources()
        .iter()
        .filter_map(|source| {
            let load = catalog.connector(&source.name)?.load();
            Some((vec![("source", source.name.to_string())], load))
        })
        .collect();
    let each = |name, help, number: &dyn Fn(&celosia_connector_api::Load) -> usize| {
        let series = loads.iter().map(|(label, load)| (label.clone(), number(load) as f64));
        Reading { name, help, series: series.collect() }
    };
    let label = |name: &str| vec![("source", name.to_string())];
    let up = states(catalog).into_iter();
    let up: Vec<Series> =
        up.map(|source| (label(&source.name), f64::from(u8::from(source.ready)))).collect();
    let described = snapshot.sources().iter().filter_map(|source| {
        Some((label(&source.name), source.described_at?.elapsed().as_secs_f64()))
    });
    let described: Vec<Series> = described.collect();
    vec![
        Reading {
            name: "source_up",
            help: "Whether a source answered when it was last asked",
            series: up,
        },
        Reading {
            name: "source_described_seconds",
            help: "Time since a source last said what it holds",
            series: described,
        },
        each("source_running", "Statements that run at a source", &|load| load.running),
        each("source_places", "Statements that may run at a source", &|load| load.places),
        each("source_waiting", "Statements that wait for a place at a source", &|load| {
            load.waiting
        }),
        each("source_idle_connections", "Open connections without a statement", &|load| load.idle),
    ]
}
