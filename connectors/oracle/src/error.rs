//! What the drivers and the server say, as the classes a caller can act on, with what to check.

use crate::driver::line::Reason;
use crate::driver::{Failure, Kind};
use celosia_connector_api::{ConnectorError, ErrorCode};

/// An error while a connection is made to `place`.
pub(crate) fn connecting(failure: Failure, place: &str) -> ConnectorError {
    let (code, check) = match failure.kind {
        Kind::Server(number) => login(number),
        Kind::Tls => {
            (ErrorCode::TlsFailed, "check trust_certificate, wallet and the server's name")
        }
        Kind::Configuration | Kind::Statement => {
            (ErrorCode::InvalidConfiguration, "check the source's URL and driver")
        }
        Kind::Connection | Kind::Stopped => {
            (ErrorCode::Unreachable, "check host and port, that the listener runs, and firewalls")
        }
        Kind::Driver => (ErrorCode::Unreachable, "the server does not speak as expected"),
    };
    let context = format!("connecting to {place}: {failure}; {check}");
    ConnectorError::new(code, context).with_source(failure)
}

/// An error of a statement; `reason` tells that it was stopped by us.
pub(crate) fn running(failure: Failure, reason: Option<Reason>, doing: &str) -> ConnectorError {
    let code = match (failure.kind, reason) {
        (Kind::Stopped, None) => ErrorCode::Cancelled,
        (Kind::Server(1013) | Kind::Stopped | Kind::Connection, Some(reason)) => stopped(reason),
        (Kind::Server(number), _) => statement(number),
        (Kind::Connection | Kind::Driver | Kind::Tls, _) => ErrorCode::ConnectionLost,
        (Kind::Configuration, _) => ErrorCode::InvalidConfiguration,
        (Kind::Statement, _) => ErrorCode::QueryFailed,
    };
    ConnectorError::new(code, format!("{doing}: {failure}")).with_source(failure)
}

/// What a statement that we stopped ends with.
pub(crate) fn stopped(reason: Reason) -> ErrorCode {
    match reason {
        Reason::Cancelled => ErrorCode::Cancelled,
        Reason::Deadline => ErrorCode::DeadlineExceeded,
    }
}

/// Whether only the statement has ended, so that the session can be used again.
pub(crate) fn keeps_session(failure: &Failure) -> bool {
    match failure.kind {
        Kind::Server(number) => statement(number) != ErrorCode::ConnectionLost,
        // Refused before anything was sent.
        Kind::Statement | Kind::Stopped => true,
        _ => false,
    }
}

fn login(number: u32) -> (ErrorCode, &'static str) {
    match number {
        1017 | 1005 => (ErrorCode::AuthenticationFailed, "check user and password"),
        28000 => (
            ErrorCode::AuthenticationFailed,
            "the account is locked: ALTER USER ... ACCOUNT UNLOCK",
        ),
        28001 | 28002 => (
            ErrorCode::AuthenticationFailed,
            "the password has expired: set a new one, or a profile without PASSWORD_LIFE_TIME",
        ),
        1040 | 28003 | 28007 => (ErrorCode::AuthenticationFailed, "check the password's rules"),
        1045 => (ErrorCode::PermissionDenied, "the login needs GRANT CREATE SESSION"),
        1031 => (ErrorCode::PermissionDenied, "the login lacks a right"),
        12514 => (
            ErrorCode::InvalidConfiguration,
            "the listener knows no such service: check the service name (lsnrctl services)",
        ),
        12505 => (
            ErrorCode::InvalidConfiguration,
            "the listener knows no such SID: check it, or use a service",
        ),
        12154 => {
            (ErrorCode::InvalidConfiguration, "no such alias: check tnsnames.ora and tns_admin")
        }
        12162 | 12504 | 12533 | 12529 => {
            (ErrorCode::InvalidConfiguration, "check the address and the service name")
        }
        12650 | 12660 | 12268 | 12269 | 12270 => (
            ErrorCode::InvalidConfiguration,
            "the server asks for Native Network Encryption: use TCPS, or driver: thick",
        ),
        28759 | 28791 | 28860 | 28864 | 29002 | 29003 | 29019 | 29024 | 29106 => {
            (ErrorCode::TlsFailed, "check trust_certificate, wallet and the server's name")
        }
        12516 | 12518 | 12519 | 12520 | 20 | 18 => (
            ErrorCode::Unreachable,
            "the database takes no more sessions: raise PROCESSES or lower concurrency",
        ),
        12541 => (ErrorCode::Unreachable, "no listener: check host and port, and lsnrctl status"),
        12170 | 12535 | 12543 | 12545 => {
            (ErrorCode::Unreachable, "no answer: check host and port, routes and firewalls")
        }
        1033 | 1034 | 1089 | 1090 | 12526 | 12527 | 12528 => {
            (ErrorCode::Unreachable, "the database is starting, stopping or restricted")
        }
        _ => (ErrorCode::Unreachable, "see the number in Oracle's error messages"),
    }
}

fn statement(number: u32) -> ErrorCode {
    match number {
        1013 => ErrorCode::Cancelled,
        40 => ErrorCode::DeadlineExceeded,
        // A table, column or synonym that was there when the catalog was read, or another type of it: our
        // statements are generated from it, so what no longer resolves has changed since.
        942 | 904 | 932 | 980 | 1775 | 4043 | 4063 | 4064 => ErrorCode::CatalogOutdated,
        1031 | 1720 | 41900 => ErrorCode::PermissionDenied,
        1017 | 28000 | 28001 => ErrorCode::AuthenticationFailed,
        // The session is gone, or was killed.
        28 | 1012 | 1033 | 1034 | 1089 | 1090 | 1092 | 2396 | 2399 | 3113 | 3114 | 3135 | 12537
        | 12547 | 12570 | 12571 | 12583 | 17410 => ErrorCode::ConnectionLost,
        // The snapshot is too old, or two transactions met: the next try may pass.
        1555 | 60 | 8177 => ErrorCode::ConnectionLost,
        _ => ErrorCode::QueryFailed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(number: u32) -> Failure {
        Failure::new(Kind::Server(number), format!("ORA-{number:05}"))
    }

    #[test]
    fn a_login_error_says_what_to_check() {
        for (number, code, word) in [
            (1017, ErrorCode::AuthenticationFailed, "password"),
            (28000, ErrorCode::AuthenticationFailed, "locked"),
            (28001, ErrorCode::AuthenticationFailed, "expired"),
            (1045, ErrorCode::PermissionDenied, "CREATE SESSION"),
            (12514, ErrorCode::InvalidConfiguration, "service"),
            (12505, ErrorCode::InvalidConfiguration, "SID"),
            (12154, ErrorCode::InvalidConfiguration, "tnsnames.ora"),
            (12541, ErrorCode::Unreachable, "listener"),
            (12170, ErrorCode::Unreachable, "firewalls"),
            (12650, ErrorCode::InvalidConfiguration, "driver: thick"),
            (29024, ErrorCode::TlsFailed, "trust_certificate"),
        ] {
            let error = connecting(server(number), "db:1521 (SERVICE_NAME=X)");
            assert_eq!(error.code, code, "{number}");
            assert!(error.context.contains(word), "{}", error.context);
            assert!(error.context.contains("db:1521"), "{}", error.context);
        }
    }

    #[test]
    fn numbers_are_told_apart() {
        for (number, code, keeps) in [
            (942, ErrorCode::CatalogOutdated, true),
            (904, ErrorCode::CatalogOutdated, true),
            (1031, ErrorCode::PermissionDenied, true),
            (3113, ErrorCode::ConnectionLost, false),
            (3135, ErrorCode::ConnectionLost, false),
            (28, ErrorCode::ConnectionLost, false),
            (1476, ErrorCode::QueryFailed, true),
            (933, ErrorCode::QueryFailed, true),
        ] {
            assert_eq!(keeps_session(&server(number)), keeps, "{number}");
            assert_eq!(running(server(number), None, "x").code, code, "{number}");
        }
    }

    #[test]
    fn a_stopped_statement_tells_why() {
        let ended = |kind, reason| running(Failure::new(kind, "x"), reason, "x").code;
        assert_eq!(ended(Kind::Server(1013), Some(Reason::Deadline)), ErrorCode::DeadlineExceeded);
        assert_eq!(ended(Kind::Server(1013), Some(Reason::Cancelled)), ErrorCode::Cancelled);
        assert_eq!(ended(Kind::Server(1013), None), ErrorCode::Cancelled);
        assert_eq!(ended(Kind::Connection, Some(Reason::Deadline)), ErrorCode::DeadlineExceeded);
        assert_eq!(ended(Kind::Connection, None), ErrorCode::ConnectionLost);
        assert_eq!(ended(Kind::Driver, Some(Reason::Deadline)), ErrorCode::ConnectionLost);
    }
}
