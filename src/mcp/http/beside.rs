//! What is served beside `/mcp`: the list of tools for who speaks no protocol, and what others mount.

use super::intake::Intake;
use super::refusal::json_response;
use crate::mcp::{Backend, tools};
use crate::model::Principal;
use axum::Router;
use axum::extract::{Extension, Request, State};
use axum::http::header::{CACHE_CONTROL, VARY};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use serde_json::json;
use std::sync::Arc;

/// Routes of others, behind the same doors as `/mcp`.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    /// Served to whoever names a right `Host` and `Origin`: nothing of it may be anybody's.
    pub open: Router,
    /// Served to proven callers alone. A handler finds its caller as an `Arc<Principal>` among the request's
    /// extensions, the body read and small.
    pub closed: Router,
}

/// The tools of the caller, as `tools/list` shows them.
const MANIFEST: &str = "/.well-known/mcp/tool-manifest.json";

/// All of it, each part behind its door.
pub(super) fn routes(
    beside: Beside,
    backend: Arc<dyn Backend>,
    intake: &Arc<Intake>,
) -> Router<Arc<Intake>> {
    let manifest = Router::new().route(MANIFEST, get(manifest)).with_state(backend);
    let closed = manifest.merge(beside.closed);
    let closed = closed.route_layer(from_fn_with_state(intake.clone(), proven));
    // A router without routes cannot have a layer on them.
    let open = match beside.open.has_routes() {
        true => beside.open.route_layer(from_fn_with_state(intake.clone(), addressed)),
        false => beside.open,
    };
    closed.merge(open).with_state(())
}

async fn proven(State(intake): State<Arc<Intake>>, request: Request, next: Next) -> Response {
    intake.pass(request, next).await
}

async fn addressed(State(intake): State<Arc<Intake>>, request: Request, next: Next) -> Response {
    match intake.check_origin(&request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

async fn manifest(
    State(backend): State<Arc<dyn Backend>>,
    Extension(principal): Extension<Arc<Principal>>,
) -> Response {
    let tools = tools::listed(backend.as_ref(), &principal);
    let body = json!({
        "server": { "name": "celosia", "title": "Celosia", "version": env!("CARGO_PKG_VERSION") },
        "endpoint": "/mcp",
        "tools": tools,
    });
    let mut response = json_response(StatusCode::OK, &body);
    let headers = response.headers_mut();
    // As long as a client may keep `tools/list`, and for nobody else.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, max-age=30"));
    headers.insert(VARY, HeaderValue::from_static("Authorization"));
    response
}
