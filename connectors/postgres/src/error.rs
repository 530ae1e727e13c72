//! What the driver and the server say, as the classes a caller can act on.

use celosia_connector_api::{ConnectorError, ErrorCode};
use sqlx::postgres::{PgDatabaseError, PgSeverity};
use std::io::ErrorKind;
use std::time::{Duration, Instant};

/// The server counts its timeout on its own clock; an end this close to ours is the deadline.
const CLOCK_SLACK: Duration = Duration::from_millis(5);

/// An error while a connection is made; `local` tells that the address is a socket in the file system.
pub(crate) fn connecting(error: sqlx::Error, local: bool) -> ConnectorError {
    let code = match &error {
        sqlx::Error::Database(server) => match server.code().as_deref() {
            Some("28000" | "28P01") => ErrorCode::AuthenticationFailed,
            Some("42501") => ErrorCode::PermissionDenied,
            Some("3D000" | "42704" | "22023" | "08P01") => ErrorCode::InvalidConfiguration,
            // Starting up, shutting down, recovering, out of connections or memory.
            _ => ErrorCode::Unreachable,
        },
        sqlx::Error::Tls(_) => ErrorCode::TlsFailed,
        // The TLS library reports what it refuses inside the handshake as invalid data.
        sqlx::Error::Io(io) if io.kind() == ErrorKind::InvalidData => ErrorCode::TlsFailed,
        // A certificate or key file that is not there.
        sqlx::Error::Io(io) if io.kind() == ErrorKind::NotFound && !local => ErrorCode::TlsFailed,
        sqlx::Error::Configuration(_) => ErrorCode::InvalidConfiguration,
        _ => ErrorCode::Unreachable,
    };
    ConnectorError::new(code, format!("connecting: {error}")).with_source(error)
}

/// An error of a statement that ends at `cutoff` by our own timeout.
pub(crate) fn running(error: sqlx::Error, cutoff: Instant, doing: &str) -> ConnectorError {
    let code = match &error {
        _ if !keeps_session(&error) => ErrorCode::ConnectionLost,
        sqlx::Error::Database(server) => statement_code(server.code().as_deref(), cutoff),
        _ => ErrorCode::QueryFailed,
    };
    ConnectorError::new(code, format!("{doing}: {error}")).with_source(error)
}

/// Whether only the statement has ended, so that the session can be used again.
pub(crate) fn keeps_session(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(server) => {
            let severity = server.try_downcast_ref::<PgDatabaseError>().map(|e| e.severity());
            !matches!(severity, Some(PgSeverity::Fatal | PgSeverity::Panic))
                && statement_code(server.code().as_deref(), Instant::now())
                    != ErrorCode::ConnectionLost
        }
        // Refused before anything was sent.
        sqlx::Error::Encode(_) => true,
        _ => false,
    }
}

/// Whether a prepared statement no longer fits the tables it reads: "cached plan must not change
/// result type" (the only reading statement of its class), or a statement somebody deallocated.
pub(crate) fn is_stale_plan(error: &sqlx::Error) -> bool {
    has_state(error, &["0A000", "26000"])
}

/// Whether the server does not know a setting that we start a session with.
pub(crate) fn is_unknown_setting(error: &sqlx::Error) -> bool {
    has_state(error, &["42704", "22023"])
}

/// Whether a server did not let us in for want of room.
pub(crate) fn is_full(error: &ConnectorError) -> bool {
    let source = error.source.as_ref().and_then(|source| source.downcast_ref::<sqlx::Error>());
    source.is_some_and(|error| has_state(error, &["53300", "53200", "53000"]))
}

fn has_state(error: &sqlx::Error, states: &[&str]) -> bool {
    match error {
        sqlx::Error::Database(server) => server.code().is_some_and(|s| states.contains(&&*s)),
        _ => false,
    }
}

fn statement_code(state: Option<&str>, cutoff: Instant) -> ErrorCode {
    match state.unwrap_or_default() {
        "57014" if Instant::now() + CLOCK_SLACK >= cutoff => ErrorCode::DeadlineExceeded,
        "57014" => ErrorCode::Cancelled,
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "25P04" => ErrorCode::ConnectionLost,
        state if state.starts_with("08") => ErrorCode::ConnectionLost,
        "28000" | "28P01" => ErrorCode::AuthenticationFailed,
        "42501" => ErrorCode::PermissionDenied,
        // A table, column, schema, type or operator that was there when the catalog was read: our
        // statements are generated from it, so what no longer resolves has changed since.
        "42P01" | "42703" | "3F000" | "42704" | "42883" | "42804" | "42846" => {
            ErrorCode::CatalogOutdated
        }
        "0A000" | "26000" => ErrorCode::CatalogOutdated,
        // A standby ended the statement to catch up, or two transactions met: the next try may pass.
        "40001" | "40P01" => ErrorCode::ConnectionLost,
        _ => ErrorCode::QueryFailed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_told_apart() {
        let past = Instant::now();
        let future = past + Duration::from_secs(60);
        assert_eq!(statement_code(Some("57014"), past), ErrorCode::DeadlineExceeded);
        assert_eq!(statement_code(Some("57014"), future), ErrorCode::Cancelled);
        assert_eq!(statement_code(Some("57P01"), future), ErrorCode::ConnectionLost);
        assert_eq!(statement_code(Some("08006"), future), ErrorCode::ConnectionLost);
        assert_eq!(statement_code(Some("42501"), future), ErrorCode::PermissionDenied);
        assert_eq!(statement_code(Some("42703"), future), ErrorCode::CatalogOutdated);
        assert_eq!(statement_code(Some("22012"), future), ErrorCode::QueryFailed);
    }

    #[test]
    fn a_broken_socket_is_unreachable_before_and_lost_after() {
        let broken = || sqlx::Error::Io(std::io::Error::from(ErrorKind::ConnectionReset));
        assert_eq!(connecting(broken(), false).code, ErrorCode::Unreachable);
        assert_eq!(running(broken(), Instant::now(), "x").code, ErrorCode::ConnectionLost);
        assert!(!keeps_session(&broken()));
        let tls = sqlx::Error::Io(std::io::Error::from(ErrorKind::InvalidData));
        assert_eq!(connecting(tls, false).code, ErrorCode::TlsFailed);
        let missing = sqlx::Error::Io(std::io::Error::from(ErrorKind::NotFound));
        assert_eq!(connecting(missing, true).code, ErrorCode::Unreachable);
    }
}
