//! The way of a request from the connection to rmcp and back.

use super::HttpConfig;
use super::auth::{self, Authenticate};
use super::connection::Activity;
use super::hosts::Hosts;
use super::metadata::ProtectedResource;
use super::refusal::{Refusal, malformed};
use crate::mcp::{Backend, CelosiaServer, malformed as explain};
use crate::model::Principal;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request};
use axum::http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use futures::StreamExt;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// Everything a request passes on its way.
pub(super) struct Intake {
    authenticator: Arc<dyn Authenticate>,
    hosts: Hosts,
    resource: Option<ProtectedResource>,
    backend: Arc<dyn Backend>,
    places: Arc<Semaphore>,
    max_body_bytes: usize,
    body_timeout: Duration,
    request_timeout: Duration,
    stop: CancellationToken,
    protocol: StreamableHttpService<CelosiaServer, NeverSessionManager>,
}

impl Intake {
    pub(super) fn new(
        config: &HttpConfig,
        hosts: Hosts,
        authenticator: Arc<dyn Authenticate>,
        backend: Arc<dyn Backend>,
        stop: CancellationToken,
    ) -> Self {
        let server = CelosiaServer::per_request(backend.clone());
        let protocol = StreamableHttpService::new(
            move || Ok(server.clone()),
            Arc::new(NeverSessionManager::default()),
            protocol_config(config, &hosts, stop.clone()),
        );
        let places = config.max_requests.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            authenticator,
            hosts,
            resource: config.resource.clone(),
            backend,
            places: Arc::new(Semaphore::new(places)),
            max_body_bytes: config.max_body_bytes,
            body_timeout: config.body_timeout,
            request_timeout: config.request_timeout,
            stop,
            protocol,
        }
    }

    /// The answer to any request at `/mcp`. Where the server is full nothing of the request is looked at: a refusal
    /// has to cost next to nothing.
    pub(super) async fn answer(&self, request: Request) -> Response {
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            return Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too many requests are running")
                .hint("try again in a second")
                .retry()
                .into_response();
        };
        let (authenticator, resource) = (self.authenticator.as_ref(), self.resource.as_ref());
        let connection = request.extensions().get::<ConnectInfo<Activity>>();
        let connection = connection.map(|ConnectInfo(activity)| activity);
        let caller = auth::caller(authenticator, request.headers(), connection, resource);
        let principal = match caller.await {
            Ok(principal) => principal,
            Err(challenge) => return *challenge,
        };
        match self.admitted(request, principal, place).await {
            Ok(response) => response,
            Err(refusal) => refusal.into_response(),
        }
    }

    async fn admitted(
        &self,
        request: Request,
        principal: Principal,
        place: OwnedSemaphorePermit,
    ) -> Result<Response, Refusal> {
        self.hosts.check(request.headers(), request.uri())?;
        self.backend.admit(&principal).await.map_err(Refusal::of_limit)?;
        let (mut parts, body) = request.into_parts();
        if parts.method != Method::POST {
            return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "only POST is served here")
                .hint(
                    "sessions are not kept: there is no stream to GET and no session to DELETE",
                ));
        }
        check_content_type(&parts.headers)?;
        check_content_encoding(&parts.headers)?;
        accept_both(&mut parts.headers);
        let bytes = self.read(&parts.headers, body).await?;
        parts.extensions.insert(Arc::new(principal));
        let request = Request::from_parts(parts, Body::from(bytes.clone()));
        let answer = tokio::time::timeout(self.request_timeout, self.protocol.handle(request));
        let answer = answer.await.map_err(|_| {
            Refusal::new(StatusCode::GATEWAY_TIMEOUT, "the answer took too long")
                .hint("narrow the statement with a filter or a smaller range")
        })?;
        Ok(held(self.legible(answer.map(Body::new), &bytes), place))
    }

    /// rmcp refuses in plain text: say it as JSON, and say what was wrong with the message.
    fn legible(&self, response: Response, sent: &Bytes) -> Response {
        let status = response.status();
        if status.is_success() || is_json(&response) {
            return response;
        }
        let refusal = match status {
            StatusCode::UNSUPPORTED_MEDIA_TYPE => return malformed(&explain::error_for(sent)),
            StatusCode::NOT_ACCEPTABLE => {
                Refusal::new(status, "the client does not accept the answer's form")
                    .hint("send the header \"Accept: application/json, text/event-stream\"")
            }
            StatusCode::BAD_REQUEST => {
                Refusal::new(status, "the protocol version of this request is not served")
                    .hint("use one of 2026-07-28, 2025-11-25, 2025-06-18, 2025-03-26")
            }
            _ if self.stop.is_cancelled() => {
                Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the server is shutting down")
                    .hint("try again shortly")
                    .retry()
            }
            _ => Refusal::new(status, "the server failed to answer this request"),
        };
        refusal.into_response()
    }

    fn too_large(&self) -> Refusal {
        Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the request body is larger than {} bytes", self.max_body_bytes),
        )
        .hint("shorten the statement, or pass long lists as one parameter")
    }

    /// The body, within its limits. An overlong one is read to its end, within reason, so that the
    /// client reads the refusal instead of a broken connection.
    async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
        let declared = headers
            .get(CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok())
            .and_then(|length| length.parse::<usize>().ok());
        // One that is far too large is not read to its end.
        if declared.is_some_and(|length| length > self.max_body_bytes.saturating_mul(SKIPPED)) {
            return Err(self.too_large());
        }
        let capacity = declared.unwrap_or(1024).min(self.max_body_bytes);
        let collected =
            tokio::time::timeout(self.body_timeout, collect(body, capacity, self.max_body_bytes));
        match collected.await {
            Ok(Ok(Some(bytes))) => Ok(bytes),
            Ok(Ok(None)) => Err(self.too_large()),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a request body broke off");
                Err(Refusal::new(StatusCode::BAD_REQUEST, "the request body broke off"))
            }
            Err(_) => {
                Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "the request body came too slowly"))
            }
        }
    }
}

/// How many times the limit an overlong body may have and still be read to its end.
const SKIPPED: usize = 16;

/// The response, with `guard` kept until its body has been sent (or given up, for a stream).
pub(super) fn held(response: Response, guard: impl Send + 'static) -> Response {
    if !is_stream(&response) {
        return response;
    }
    response.map(|body| {
        Body::from_stream(body.into_data_stream().map(move |part| {
            let _ = &guard;
            part
        }))
    })
}

fn protocol_config(
    config: &HttpConfig,
    hosts: &Hosts,
    stop: CancellationToken,
) -> StreamableHttpServerConfig {
    let (hosts, origins) = hosts.for_rmcp();
    StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_allowed_hosts(hosts)
        .with_allowed_origins(origins)
        .enforce_origin_validation()
        .with_max_request_body_bytes(config.max_body_bytes)
        .with_cancellation_token(stop)
}

/// Reads a body; `None` where it is larger than `most`.
async fn collect(body: Body, capacity: usize, most: usize) -> Result<Option<Bytes>, axum::Error> {
    let mut stream = body.into_data_stream();
    let mut whole = Vec::with_capacity(capacity);
    let mut seen = 0usize;
    while let Some(part) = stream.next().await {
        let part = part?;
        seen = seen.saturating_add(part.len());
        if seen <= most {
            whole.extend_from_slice(&part);
        } else if seen > most.saturating_mul(SKIPPED) {
            break;
        }
    }
    Ok((seen <= most).then(|| whole.into()))
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let is_json = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|value| value.trim_end() == "application/json");
    if is_json {
        return Ok(());
    }
    Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the request body must be JSON")
        .hint("send the header \"Content-Type: application/json\""))
}

/// A body is read as it is: one that says it is packed is not.
fn check_content_encoding(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    if encodings.all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Ok(());
    }
    Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the request body must not be compressed")
        .hint("leave the header Content-Encoding out"))
}

/// rmcp wants both kinds of answer to be named; a client that takes anything takes both.
fn accept_both(headers: &mut HeaderMap) {
    const BOTH: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");
    let anything = match headers.get(ACCEPT) {
        None => true,
        Some(accept) => accept.to_str().is_ok_and(|accept| accept.contains("*/*")),
    };
    if anything {
        headers.insert(ACCEPT, BOTH);
    }
}

fn is_json(response: &Response) -> bool {
    content_type(response).is_some_and(|kind| kind.starts_with("application/json"))
}

fn is_stream(response: &Response) -> bool {
    content_type(response).is_some_and(|kind| kind.starts_with("text/event-stream"))
}

fn content_type(response: &Response) -> Option<&str> {
    response.headers().get(CONTENT_TYPE)?.to_str().ok()
}
