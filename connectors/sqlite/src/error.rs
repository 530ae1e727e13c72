//! What SQLite and sqlx say, as a class of the connector boundary.

use celosia_connector_api::{ConnectorError, ErrorCode};
use sqlx::error::DatabaseError;

/// The class of a driver's error; its words are kept for the log only.
pub(crate) fn classify(error: sqlx::Error, doing: &str) -> ConnectorError {
    let code = match &error {
        sqlx::Error::Database(database) => database_code(&**database),
        sqlx::Error::Io(_) => ErrorCode::Unreachable,
        sqlx::Error::WorkerCrashed => ErrorCode::ConnectionLost,
        sqlx::Error::Configuration(_) => ErrorCode::InvalidConfiguration,
        _ => ErrorCode::QueryFailed,
    };
    ConnectorError::new(code, format!("{doing}: {error}")).with_source(error)
}

/// Whether a database could not be opened because nothing can be written beside it: its directory is
/// read-only, and it is in WAL mode, which wants shared memory there.
pub(crate) fn is_write_protected(error: &sqlx::Error) -> bool {
    // CANTOPEN whatever its extension, READONLY_DIRECTORY, READONLY_CANTINIT
    let sqlx::Error::Database(database) = error else { return false };
    extended_code(&**database).is_some_and(|code| code & 0xff == 14 || matches!(code, 1544 | 1288))
}

fn extended_code(error: &dyn DatabaseError) -> Option<i32> {
    error.code()?.parse().ok()
}

/// <https://www.sqlite.org/rescode.html>
fn database_code(error: &dyn DatabaseError) -> ErrorCode {
    let extended = extended_code(error).unwrap_or(1);
    match extended & 0xff {
        // A generic error when a statement is prepared: only the message tells a stale catalog.
        1 if is_stale(error.message()) => ErrorCode::CatalogOutdated,
        // PERM, AUTH
        3 | 23 => ErrorCode::PermissionDenied,
        // BUSY, LOCKED, CANTOPEN, PROTOCOL: somebody else has it now.
        5 | 6 | 14 | 15 => ErrorCode::Unreachable,
        // READONLY: 8 alone is an attempt to write; extended, a journal waits for its writer.
        8 if extended == 8 => ErrorCode::PermissionDenied,
        8 => ErrorCode::Unreachable,
        // INTERRUPT
        9 => ErrorCode::Cancelled,
        // IOERR
        10 => ErrorCode::ConnectionLost,
        // SCHEMA
        17 => ErrorCode::CatalogOutdated,
        // NOTADB
        26 => ErrorCode::InvalidConfiguration,
        _ => ErrorCode::QueryFailed,
    }
}

fn is_stale(message: &str) -> bool {
    ["no such table", "no such column", "no such view"].iter().any(|m| message.starts_with(m))
}
