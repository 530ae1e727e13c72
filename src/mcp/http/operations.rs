//! What operators and their machines ask, on an address of its own: numbers, and the state of each source.
//!
//! Nobody is asked who they are here. What is said holds the names of sources and tools, and no person, statement or value;
//! callers of the protocol are not to know even the names, so none of it is served beside `/mcp`.

use super::connection::{BoundedListener, Patience};
use super::refusal::{Refusal, json_response};
use super::{Readiness, wrong_method};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value as Json, json};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How a source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceState {
    /// Its name.
    pub name: String,
    /// Whether it is served.
    pub ready: bool,
    /// One word: `up`, `waiting`, or why it is down.
    pub state: &'static str,
}

/// What is told about the server.
pub struct Operations {
    /// Every number as text, and its media type.
    pub metrics: Box<dyn Fn() -> (&'static str, String) + Send + Sync>,
    /// Whether the server can answer now.
    pub ready: Readiness,
    /// Whether a changed configuration was refused.
    pub reload_refused: Arc<AtomicBool>,
    /// Each source.
    pub sources: Box<dyn Fn() -> Vec<SourceState> + Send + Sync>,
}

/// Serves `listener` until `shutdown` fires.
///
/// # Errors
/// Those of the listener.
pub async fn serve_operations(
    listener: TcpListener,
    operations: Operations,
    shutdown: CancellationToken,
) -> io::Result<()> {
    const CONNECTIONS: usize = 64;
    let (idle, seconds) = (Duration::from_secs(120), Duration::from_secs(10));
    let patience = Patience { idle, head: seconds, write: seconds };
    let listener = BoundedListener::new(listener, CONNECTIONS, patience, None);
    let app = router(operations).layer(axum::middleware::from_fn(super::counted));
    let service = app.into_make_service_with_connect_info::<super::Activity>();
    axum::serve(listener, service).with_graceful_shutdown(shutdown.cancelled_owned()).await
}

fn router(operations: Operations) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(async || json_response(StatusCode::OK, &json!({"status": "ok"}))))
        .route("/readyz", get(readiness))
        .route("/readyz/{source}", get(source_readiness))
        .fallback(nowhere)
        .method_not_allowed_fallback(wrong_method)
        .with_state(Arc::new(operations))
}

async fn metrics(State(operations): State<Arc<Operations>>) -> Response {
    let (media_type, text) = (operations.metrics)();
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

async fn readiness(State(operations): State<Arc<Operations>>) -> Response {
    let sources =
        (operations.sources)().into_iter().map(|source| (source.name, source.state.into()));
    let mut body = super::readiness_body(
        (operations.ready)(),
        operations.reload_refused.load(Ordering::Relaxed),
    );
    body.1["sources"] = Json::Object(sources.collect());
    json_response(body.0, &body.1)
}

async fn source_readiness(
    State(operations): State<Arc<Operations>>,
    Path(name): Path<String>,
) -> Response {
    let Some(source) = (operations.sources)().into_iter().find(|source| source.name == name) else {
        return Refusal::new(StatusCode::NOT_FOUND, "there is no source of this name")
            .hint("/readyz lists them")
            .into_response();
    };
    let status = if source.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json_response(status, &json!({ "status": source.state }))
}

async fn nowhere() -> Response {
    Refusal::new(StatusCode::NOT_FOUND, "there is nothing here")
        .hint("operators are served at /metrics, /healthz, /readyz and /readyz/<source>")
        .into_response()
}
