//! The one error type of the connector boundary: code x retry x public text x context x source.

use std::error::Error;
use std::fmt;

/// What went wrong, as the caller of a connector can act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The configuration of the source cannot work (bad URL, unknown option).
    InvalidConfiguration,
    /// No connection: wrong host or port, server down, firewall.
    Unreachable,
    /// The server refused the login.
    AuthenticationFailed,
    /// TLS could not be agreed on, or a certificate was not trusted.
    TlsFailed,
    /// The login may not do what was asked.
    PermissionDenied,
    /// The login may do more than read, and nobody has accepted that.
    OverPrivileged,
    /// A table or column is gone: the catalog is older than the source.
    CatalogOutdated,
    /// The statement ran past its deadline.
    DeadlineExceeded,
    /// The statement was cancelled by its reader.
    Cancelled,
    /// Too many statements wait for this source already.
    QueueFull,
    /// The statement returned more bytes than its budget.
    ByteLimit,
    /// The source expects more work of the statement than it may be given.
    TooCostly,
    /// The same, and it may run if a person says so.
    CostlyUnlessAccepted,
    /// A stored value has no exact form in the column's type.
    UnrepresentableValue,
    /// The connection broke while a statement ran.
    ConnectionLost,
    /// The server rejected a statement that we generated.
    QueryFailed,
}

impl ErrorCode {
    /// The code's name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorCode::InvalidConfiguration => "invalid_configuration",
            ErrorCode::Unreachable => "unreachable",
            ErrorCode::AuthenticationFailed => "authentication_failed",
            ErrorCode::TlsFailed => "tls_failed",
            ErrorCode::PermissionDenied => "permission_denied",
            ErrorCode::OverPrivileged => "over_privileged",
            ErrorCode::CatalogOutdated => "catalog_outdated",
            ErrorCode::DeadlineExceeded => "deadline_exceeded",
            ErrorCode::Cancelled => "cancelled",
            ErrorCode::QueueFull => "queue_full",
            ErrorCode::ByteLimit => "byte_limit",
            ErrorCode::UnrepresentableValue => "unrepresentable_value",
            ErrorCode::ConnectionLost => "connection_lost",
            ErrorCode::QueryFailed => "query_failed",
        }
    }
}

/// Whether the same call may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same call fails the same way until somebody changes something.
    Never,
    /// A later call may succeed.
    Later,
}

/// An error of a source. `Display` prints the public text only; what a driver said is kept in
/// `context` and `source` for the administrator's log.
#[derive(Debug)]
pub struct ConnectorError {
    /// What went wrong.
    pub code: ErrorCode,
    /// A name that is safe to show (a column of the projection), where the code has one.
    pub subject: Option<String>,
    /// What was being done, for the log. May hold a driver's words; never shown to a caller.
    pub context: String,
    /// The driver's error, for the log.
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl ConnectorError {
    /// An error without a driver's error behind it.
    pub fn new(code: ErrorCode, context: impl Into<String>) -> Self {
        Self { code, subject: None, context: context.into(), source: None }
    }

    /// The same error with the driver's own error kept for the log.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same error with a name that is safe to show.
    #[must_use]
    pub fn with_subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// A stored value of `column` that has no exact form in the column's type.
    pub fn unrepresentable(column: &str, context: impl Into<String>) -> Self {
        Self::new(ErrorCode::UnrepresentableValue, context).with_subject(column)
    }

    /// Whether the same call may succeed later.
    pub fn retry(&self) -> Retry {
        match self.code {
            ErrorCode::Unreachable
            | ErrorCode::CatalogOutdated
            | ErrorCode::DeadlineExceeded
            | ErrorCode::QueueFull
            | ErrorCode::ConnectionLost => Retry::Later,
            _ => Retry::Never,
        }
    }

    /// The text that may be shown to any caller: made from the code, never from a driver's words.
    pub fn public_text(&self) -> String {
        let text = match self.code {
            ErrorCode::InvalidConfiguration => "the source's configuration is not usable",
            ErrorCode::Unreachable => "the source cannot be reached right now; try again later",
            ErrorCode::AuthenticationFailed => "the source refused the server's login",
            ErrorCode::TlsFailed => "no trusted TLS connection to the source could be made",
            ErrorCode::PermissionDenied => "the server's login at the source lacks a right",
            ErrorCode::OverPrivileged => {
                "the server's login at the source has more rights than reading, so the source is not served"
            }
            ErrorCode::CatalogOutdated => {
                "the source's tables have changed since they were last read; try again in a minute"
            }
            ErrorCode::DeadlineExceeded => {
                "the statement ran out of time; narrow it with a filter or a smaller range"
            }
            ErrorCode::Cancelled => "the statement was cancelled",
            ErrorCode::QueueFull => "too many statements wait for this source; try again shortly",
            ErrorCode::ByteLimit => {
                "the source returned more data than one statement may read; select fewer rows or columns"
            }
            ErrorCode::TooCostly | ErrorCode::CostlyUnlessAccepted => {
                "the source expects this statement to be more work than it is given: filter by a key or a \
                 range, join fewer tables, or read fewer rows"
            }
            ErrorCode::UnrepresentableValue => {
                "a stored value does not fit the column's type; leave the column out or cast it to text"
            }
            ErrorCode::ConnectionLost => "the connection to the source broke; try again",
            ErrorCode::QueryFailed => "the source could not run the statement",
        };
        match &self.subject {
            Some(subject) => format!("{text} (column \"{subject}\")"),
            None => text.to_string(),
        }
    }
}

impl fmt::Display for ConnectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.public_text())
    }
}

impl Error for ConnectorError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|e| e as &(dyn Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drivers_words_are_not_in_the_public_text() {
        let error = ConnectorError::new(ErrorCode::QueryFailed, "relation secret_table")
            .with_source(std::io::Error::other("row contains 4111-1111"));
        assert_eq!(error.to_string(), "the source could not run the statement");
    }
}
