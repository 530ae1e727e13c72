//! Refusals by the HTTP layer: one JSON form for all, with what to do next.

use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use rmcp::model::JsonRpcError;
use serde_json::{Value as Json, json};

/// A refused request.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    message: String,
    hint: Option<&'static str>,
    retry_after: bool,
}

impl Refusal {
    /// A refusal with its reason.
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), hint: None, retry_after: false }
    }

    /// The same refusal with what to do next.
    pub(super) fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// The same refusal, worth another try in a second.
    pub(super) fn retry(mut self) -> Self {
        self.retry_after = true;
        self
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
        if self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
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
