//! Questions and answers of the interface: JSON, and nothing that is kept.

use crate::error::{Code, Error};
use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    status: StatusCode,
    body: String,
}

/// Why there is none.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    message: String,
}

/// What a handler gives.
pub(super) type Reply = Result<Answer, Refused>;

/// The value as an answer.
pub(super) fn answer(value: &impl Serialize) -> Reply {
    match serde_json::to_string(value) {
        Ok(body) => Ok(Answer { status: StatusCode::OK, body }),
        Err(_) => Err(Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer is no JSON")),
    }
}

/// What a request asks. No body asks for nothing in particular.
pub(super) fn question<T: DeserializeOwned + Default>(body: &Bytes) -> Result<T, Refused> {
    if body.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(body).map_err(|error| {
        Refused::new(StatusCode::BAD_REQUEST, format!("the question cannot be read: {error}"))
    })
}

impl Refused {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// Somebody asks for what is an administrator's.
    pub(super) fn not_an_administrator() -> Self {
        Self::new(StatusCode::FORBIDDEN, "this is for administrators (console.administrators)")
    }

    pub(super) fn wrong(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// Something that the console needs does not answer; why is in the log.
    pub(super) fn unavailable(what: &str, why: &dyn std::fmt::Display) -> Self {
        tracing::warn!(what, %why, "the console cannot show something");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, format!("{what} cannot be read now"))
    }

    /// Others ask for as much at this moment.
    pub(super) fn busy() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "this is being done for somebody else; try again")
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        let status = match error.code {
            Code::UnknownName => StatusCode::NOT_FOUND,
            _ => StatusCode::BAD_REQUEST,
        };
        let hint = error.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
        Self::new(status, format!("{}{hint}", error.message))
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        for (name, value) in [
            (CONTENT_TYPE, "application/json"),
            (CACHE_CONTROL, "no-store"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "message": self.message } }).to_string();
        Answer { status: self.status, body }.into_response()
    }
}
