//! The error of a request: code x retry x public text x context x source.

use celosia_connector_api::{ConnectorError, Retry};
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// What went wrong with a request, as a client can act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// An argument of a tool is missing or of the wrong type.
    InvalidArgument,
    /// The text is not SQL.
    Syntax,
    /// The statement is SQL that is not allowed here (not one SELECT, a refused construct).
    NotAllowed,
    /// The statement is larger or deeper than the limits.
    TooComplex,
    /// A table, column or function that the caller cannot see or that does not exist.
    UnknownName,
    /// The statement cannot be planned (types, grouping, ambiguity).
    InvalidStatement,
    /// A parameter is missing, unused or of the wrong type.
    InvalidParameter,
    /// An expression failed on a value the caller may see (division by zero, a cast).
    Evaluation,
    /// A source failed; the public text says how.
    Source,
    /// The statement ran out of time.
    DeadlineExceeded,
    /// The client gave up.
    Cancelled,
    /// Memory or another budget ran out.
    ResourceLimit,
    /// A result handle that is unknown, expired or somebody else's.
    UnknownHandle,
    /// Too much is running already.
    Overloaded,
    /// A limit of the caller's plan is reached.
    LimitReached,
    /// A source expects too much work of the statement.
    TooCostly,
    /// The same, and it may run if a person says so.
    CostlyUnlessAccepted,
    /// The audit store cannot write, so nothing is answered.
    AuditUnavailable,
    /// The configured language model gave nothing of use.
    Model,
    /// The executors of a statement that one machine cannot hold were lost, or refuse it.
    Executors,
    /// A defect of ours.
    Internal,
}

impl Code {
    /// The code's name in replies, audit records and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::InvalidArgument => "invalid_argument",
            Code::Syntax => "syntax",
            Code::NotAllowed => "not_allowed",
            Code::TooComplex => "too_complex",
            Code::UnknownName => "unknown_name",
            Code::InvalidStatement => "invalid_statement",
            Code::InvalidParameter => "invalid_parameter",
            Code::Evaluation => "evaluation",
            Code::Source => "source",
            Code::DeadlineExceeded => "deadline_exceeded",
            Code::Cancelled => "cancelled",
            Code::ResourceLimit => "resource_limit",
            Code::UnknownHandle => "unknown_handle",
            Code::Overloaded => "overloaded",
            Code::LimitReached => "limit_reached",
            Code::TooCostly | Code::CostlyUnlessAccepted => "too_costly",
            Code::AuditUnavailable => "audit_unavailable",
            Code::Model => "model",
            Code::Executors => "executors",
            Code::Internal => "internal",
        }
    }
}

/// An error of a request. `Display` prints only what any caller may read.
#[derive(Debug)]
pub struct Error {
    /// What went wrong.
    pub code: Code,
    /// What happened, in words that are safe to show.
    pub message: String,
    /// What to do next, in words that are safe to show.
    pub hint: Option<String>,
    /// When to come back, where that is known.
    pub retry_after: Option<Duration>,
    /// For the log only.
    pub source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The result of a request's stage.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error whose message is safe to show.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, retry_after: None, source: None }
    }

    /// The same error with what to do next.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same error with the time after which it is worth trying again.
    #[must_use]
    pub fn retry_in(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Whole seconds after which it is worth trying again, where that is known; at least one.
    pub fn retry_seconds(&self) -> Option<u64> {
        let wait = self.retry_after?;
        Some((wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1))
    }

    /// The same error with its cause, for the log.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// A defect of ours; the details go to the log.
    pub fn internal(context: impl Into<String>) -> Self {
        Self::new(Code::Internal, "the server failed to answer this request")
            .with_hint(
                "try again; if it happens again, give the administrator the time of the request",
            )
            .with_source(context.into())
    }

    /// The audit store refused a record: no answer leaves.
    pub fn audit_unavailable(context: impl Into<String>) -> Self {
        Self::new(
            Code::AuditUnavailable,
            "the audit store cannot be written, so nothing is answered",
        )
        .with_hint("try again later, and tell the administrator")
        .with_source(context.into())
    }

    /// The failure of a source, by its public text.
    pub fn from_source(source_name: &str, error: ConnectorError) -> Self {
        let message = format!("source \"{source_name}\": {}", error.public_text());
        let code = match error.code {
            celosia_connector_api::ErrorCode::DeadlineExceeded => Code::DeadlineExceeded,
            celosia_connector_api::ErrorCode::Cancelled => Code::Cancelled,
            celosia_connector_api::ErrorCode::TooCostly => Code::TooCostly,
            celosia_connector_api::ErrorCode::CostlyUnlessAccepted => Code::CostlyUnlessAccepted,
            _ => Code::Source,
        };
        let hint = match error.retry() {
            _ if code.as_str() == Code::TooCostly.as_str() => {
                "narrow the statement: explain shows what each source would be sent"
            }
            Retry::Later => "other sources still answer; try this one again in a minute",
            Retry::Never => "other sources still answer; tell the administrator about this one",
        };
        Self::new(code, message).with_hint(hint).with_source(error)
    }

    /// Whether the same request may succeed later.
    pub fn retry(&self) -> Retry {
        let connector = self.source.as_deref().and_then(|e| e.downcast_ref::<ConnectorError>());
        match (self.code, connector) {
            (Code::Source, Some(error)) => error.retry(),
            (
                Code::DeadlineExceeded
                | Code::Overloaded
                | Code::LimitReached
                | Code::Model
                | Code::Executors
                | Code::AuditUnavailable,
                _,
            ) => Retry::Later,
            _ => Retry::Never,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nHint: {hint}"),
            None => Ok(()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|e| e as &(dyn StdError + 'static))
    }
}
