//! Refusals by the HTTP layer: one JSON form for all, with what to do next.

use crate::error::{Code, Error};
use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use rmcp::model::JsonRpcError;
use serde_json::{Value as Json, json};
use std::borrow::Cow;

/// A refused request.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    message: String,
    hint: Option<Cow<'static, str>>,
    retry_after: Option<u64>,
}

impl Refusal {
    /// A refusal with its reason.
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), hint: None, retry_after: None }
    }

    /// The same refusal with what to do next.
    pub(super) fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same refusal, worth another try in a second.
    pub(super) fn retry(mut self) -> Self {
        self.retry_after = Some(1);
        self
    }

    /// A limit of the caller's plan, or of the server.
    pub(super) fn of_limit(error: Error) -> Self {
        let status = match error.code {
            Code::LimitReached | Code::Overloaded => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        let retry_after = error.retry_seconds();
        Self { retry_after, hint: error.hint.map(Cow::Owned), ..Self::new(status, error.message) }
    }

    /// The refusal as a JSON-RPC error without an id: the request was not read.
    pub(super) fn into_response(self) -> Response {
        // -32600 is an invalid request; servers may use -32000 to -32099 for their own errors.
        let code = if self.status == StatusCode::BAD_REQUEST { -32600 } else { -32000 };
        let mut error = json!({ "code": code, "message": self.message });
        if let Some(hint) = self.hint {
            error["data"] = json!({ "hint": hint });
        }
        let mut response = json_response(self.status, &json!({ "jsonrpc": "2.0", "error": error }));
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }
}

/// A message that could not be read, as an answer.
pub(super) fn malformed(error: &JsonRpcError) -> Response {
    json_response(StatusCode::BAD_REQUEST, &serde_json::to_value(error).unwrap_or_default())
}

/// JSON as an answer.
pub(super) fn json_response(status: StatusCode, body: &Json) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
