//! The surface over streamable HTTP, at `/mcp`.
//!
//! A request passes, in this order: it gets one of a bounded number of places, its caller is authenticated, its
//! `Host` and `Origin` are checked, its caller's plan is asked, its body is read within limits of size and time, and
//! rmcp takes it from there. What is served beside it passes the same ([`Beside`]). Nothing is kept between requests in either era, so any replica can answer.

mod auth;
mod beside;
mod connection;
mod hosts;
mod intake;
mod metadata;
mod operations;
mod refusal;
mod tls;

pub use auth::{Authenticate, Challenge, ChallengeReason, Credentials};
pub use beside::Beside;
pub use metadata::ProtectedResource;
pub use operations::{Operations, SourceState, serve_operations};
pub use tls::{ClientCertificates, Tls};

use super::Backend;
use crate::telemetry;
use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{any, get};
use connection::{Activity, BoundedListener, Patience};
use futures::future::Either;
use hosts::Hosts;
use intake::Intake;
use refusal::{Refusal, json_response};
use serde_json::json;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How the HTTP surface behaves.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// The address that is listened on; requests may name it as their `Host`.
    pub listen: SocketAddr,
    /// More names (`host` or `host:port`) that requests may name.
    pub allowed_hosts: Vec<String>,
    /// Origins (`https://app.example.com`) of pages that may send requests, besides the server's own.
    pub allowed_origins: Vec<String>,
    /// Where clients get tokens, if any are taken.
    pub resource: Option<ProtectedResource>,
    /// What TLS is served with, if it is.
    pub tls: Option<Tls>,
    /// The largest request body.
    pub max_body_bytes: usize,
    /// Connections at a time; more wait in the kernel's queue.
    pub max_connections: usize,
    /// Requests at a time; more are told to come back.
    pub max_requests: usize,
    /// How long a connection may be open without a request.
    pub idle_timeout: Duration,
    /// How long the head of a request may take to arrive.
    pub head_timeout: Duration,
    /// How long the body of a request may take to arrive.
    pub body_timeout: Duration,
    /// How long a part of an answer may take to be taken by its client.
    pub write_timeout: Duration,
    /// How long an answer may take to begin. Longer than any statement may run.
    pub request_timeout: Duration,
    /// Fires before the shutdown: requests are still taken, but this is no place for more of them.
    pub leaving: CancellationToken,
    /// How long running requests may go on after a shutdown began.
    pub drain_timeout: Duration,
    /// Whether a changed configuration was refused, so that an older one is in force. `/readyz` says so.
    pub reload_refused: Arc<AtomicBool>,
    /// What is served beside `/mcp`.
    pub beside: Beside,
}

impl HttpConfig {
    /// The defaults, for one address.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            resource: None,
            tls: None,
            max_body_bytes: 1 << 20,
            max_connections: 1024,
            max_requests: 256,
            idle_timeout: Duration::from_secs(120),
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(60),
            request_timeout: Duration::from_secs(300),
            // With what follows it (see `serve`), half a minute: what supervisors of processes wait.
            drain_timeout: Duration::from_secs(25),
            leaving: CancellationToken::new(),
            reload_refused: Arc::default(),
            beside: Beside::default(),
        }
    }
}

/// Says whether the server can answer now.
pub type Readiness = Arc<dyn Fn() -> bool + Send + Sync>;

/// The whole HTTP application. `stop` ends the requests that still run.
///
/// # Errors
/// A host or origin of the configuration that is none.
pub fn router(
    config: &HttpConfig,
    backend: Arc<dyn Backend>,
    authenticator: Arc<dyn Authenticate>,
    ready: Readiness,
    stop: CancellationToken,
) -> io::Result<Router> {
    let hosts = Hosts::new(config.listen, &config.allowed_hosts, &config.allowed_origins)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let refused = config.reload_refused.clone();
    let leaving = config.leaving.clone();
    let ready = move || ready() && !leaving.is_cancelled();
    let intake = Intake::new(config, hosts, authenticator, backend.clone(), stop);
    let intake = Arc::new(intake);
    let mut routes = beside::routes(config.beside.clone(), backend, &intake);
    if let Some(resource) = config.resource.clone().map(Arc::new) {
        for path in [metadata::WELL_KNOWN.to_string(), format!("{}/mcp", metadata::WELL_KNOWN)] {
            let resource = resource.clone();
            routes = routes.route(&path, get(async move || resource.response()));
        }
    }
    Ok(routes
        .route("/mcp", any(mcp))
        .route("/healthz", get(async || json_response(StatusCode::OK, &json!({"status": "ok"}))))
        .route("/readyz", get(async move || readiness(ready(), refused.load(Ordering::Relaxed))))
        .fallback(nowhere)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn(counted))
        .layer(from_fn_with_state(config.leaving.clone(), farewell))
        .with_state(intake))
}

/// Serves `listener` until `shutdown` fires, then lets running requests end, for a while.
///
/// # Errors
/// A host or origin of the configuration that is none.
pub async fn serve(
    listener: TcpListener,
    config: HttpConfig,
    backend: Arc<dyn Backend>,
    authenticator: Arc<dyn Authenticate>,
    ready: Readiness,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let stop = CancellationToken::new();
    let app = router(&config, backend, authenticator, ready, stop.clone())?;
    let patience = Patience {
        idle: config.idle_timeout,
        head: config.head_timeout,
        write: config.write_timeout,
    };
    let listener = BoundedListener::new(listener, config.max_connections, patience, config.tls);
    let service = app.into_make_service_with_connect_info::<Activity>();
    let serving = axum::serve(listener, service)
        .with_graceful_shutdown(shutdown.clone().cancelled_owned())
        .into_future();
    let overdue = async {
        shutdown.cancelled().await;
        tokio::time::sleep(config.drain_timeout).await;
    };
    match futures::future::select(serving, Box::pin(overdue)).await {
        Either::Left((result, _)) => result,
        Either::Right(((), serving)) => {
            tracing::warn!("requests still run after the drain time; they are cancelled");
            stop.cancel();
            // Their replies, and their cancellation at the sources, get a last moment.
            let _ = tokio::time::timeout(Duration::from_secs(2), serving).await;
            Ok(())
        }
    }
}

async fn mcp(State(intake): State<Arc<Intake>>, request: Request) -> Response {
    let response = intake.answer(request).await;
    telemetry::http_answered(response.status().as_u16());
    response
}

/// Tells the connection that a request runs, until its answer is complete.
async fn counted(request: Request, next: Next) -> Response {
    let activity = request.extensions().get::<ConnectInfo<Activity>>();
    let Some(ConnectInfo(activity)) = activity else { return next.run(request).await };
    let busy = activity.begin();
    intake::held(next.run(request).await, busy)
}

/// The last answer on a connection to a server that is leaving says so, so that its client opens the next one
/// elsewhere.
async fn farewell(
    State(leaving): State<CancellationToken>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    if leaving.is_cancelled() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn readiness(ready: bool, refused: bool) -> Response {
    let (status, body) = readiness_body(ready, refused);
    json_response(status, &body)
}

fn readiness_body(ready: bool, refused: bool) -> (StatusCode, serde_json::Value) {
    let (status, word) = if ready {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    let mut body = json!({ "status": word });
    if refused {
        body["reload"] = "a changed configuration was refused; the one before is in force".into();
    }
    (status, body)
}

async fn nowhere() -> Response {
    Refusal::new(StatusCode::NOT_FOUND, "there is nothing here")
        .hint("the Model Context Protocol is served at /mcp")
        .into_response()
}

async fn wrong_method(method: Method) -> Response {
    let message = format!("{method} is not served here");
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, message).hint("use GET").into_response()
}

#[cfg(test)]
mod socket_tests;
#[cfg(test)]
mod tests;
