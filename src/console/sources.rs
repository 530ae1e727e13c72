//! How the sources are, what they may be asked to carry, and what waits.

use super::Desk;
use super::reply::{Refused, Reply, answer};
use crate::catalog::{SourceState, SourceStatus};
use crate::model::Principal;
use axum::extract::{Extension, State};
use celosia_connector_api::ConnectorError;
use serde::Serialize;
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// What a source may be asked to carry.
#[derive(Debug, Clone, Serialize)]
pub struct SourceBudget {
    /// The source.
    pub source: String,
    /// What engine it is.
    pub kind: &'static str,
    /// Statements at a time.
    pub concurrency: usize,
    /// Statements that may wait.
    pub queue: usize,
    /// The longest statement, in milliseconds.
    pub timeout_ms: u64,
    /// Bytes of one statement.
    pub bytes: usize,
    /// Statements a second.
    pub statements_per_second: Option<f64>,
    /// Rows a day, for all callers together.
    pub rows_per_day: Option<u64>,
}

/// The sources, the statements, and what was used today.
pub(super) async fn sources(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Arc<Principal>>,
) -> Reply {
    desk.administrator(&caller)?;
    let snapshot = desk.console.catalog.snapshot();
    let sources: Vec<Json> = snapshot.sources().iter().map(|source| line(&desk, source)).collect();
    let load = desk.console.engine.load();
    let limits = desk.console.engine.usual_limits();
    let used = match &desk.console.ledger {
        Some(ledger) => {
            let today = chrono::Utc::now().format("%Y-%m-%d").to_string();
            let rows = ledger.since(&today).await;
            Some(rows.map_err(|why| Refused::unavailable("what was used", &why))?)
        }
        None => None,
    };
    answer(&json!({
        "ready": desk.console.engine.is_ready(),
        "sources": sources,
        "statements": {
            "running": load.running,
            "waiting": load.waiting,
            "places": limits.concurrency,
            "results": load.results,
            "result_bytes": load.result_bytes,
        },
        "limits": {
            "rows": limits.rows,
            "bytes": limits.bytes,
            "time_ms": u64::try_from(limits.time.as_millis()).unwrap_or(u64::MAX),
            "memory": limits.memory,
        },
        "used_today": used,
    }))
}

fn line(desk: &Desk, source: &SourceStatus) -> Json {
    let load = desk.console.catalog.connector(&source.name).map(|found| found.load());
    let lost = load.is_some_and(|load| load.lost);
    let (state, said) = match source.state {
        SourceState::Up if lost => ("unreachable", None),
        SourceState::Up => ("up", None),
        SourceState::Waiting => ("waiting", None),
        // What the driver said is for the log.
        SourceState::Down { code, .. } => {
            (code.as_str(), Some(ConnectorError::new(code, "").public_text()))
        }
    };
    let budget = desk.console.budgets.iter().find(|budget| *budget.source == *source.name);
    json!({
        "name": source.name,
        "state": state,
        "said": said,
        "server": source.server,
        "tables": source.tables,
        "described_seconds": source.described_at.map(|at| at.elapsed().as_secs()),
        "running": load.map(|load| load.running),
        "waiting": load.map(|load| load.waiting),
        "idle": load.map(|load| load.idle),
        "budget": budget,
    })
}
