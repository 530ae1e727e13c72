//! What the driver and the server say, as the classes a caller can act on, with what an administrator
//! should check. Never a secret: neither the URL nor the password is known here.

use crate::config::{Encryption, SqlServerConfig};
use celosia_connector_api::{ConnectorError, ErrorCode};
use std::io::ErrorKind;
use tiberius::error::Error;

/// Errors of this severity and above end the connection.
const FATAL_CLASS: u8 = 20;
/// Characters of a server's message that are kept.
const MESSAGE: usize = 400;

/// A socket that was not made.
pub(crate) fn reaching(config: &SqlServerConfig, error: &std::io::Error) -> ConnectorError {
    let place = config.place();
    let check = match error.kind() {
        ErrorKind::ConnectionRefused => {
            "nothing listens there: check the port and that TCP/IP is enabled for the instance"
        }
        ErrorKind::TimedOut => "no answer: check the host and the firewall",
        _ => "check the host's name and the network",
    };
    ConnectorError::new(ErrorCode::Unreachable, format!("connecting to {place}: {error}; {check}"))
}

/// Time ran out while a connection was made.
pub(crate) fn silent(config: &SqlServerConfig) -> ConnectorError {
    let context = format!(
        "connecting to {}: no answer within {:?}; check the host, the port and the firewall (they may \
         drop packets in silence)",
        config.place(),
        config.connect_timeout
    );
    ConnectorError::new(ErrorCode::Unreachable, context)
}

/// An error while a connection is made and set up.
pub(crate) fn connecting(config: &SqlServerConfig, error: Error) -> ConnectorError {
    let (code, check) = match &error {
        Error::Server(server) => login_code(server.code()),
        Error::Tls(_) => (ErrorCode::TlsFailed, TLS),
        Error::Io {
            kind: ErrorKind::InvalidData | ErrorKind::NotFound | ErrorKind::InvalidInput,
            ..
        } => (ErrorCode::TlsFailed, TLS),
        Error::Io { kind: ErrorKind::TimedOut, .. } => return silent(config).with_source(error),
        Error::Protocol(text) if text.contains("encryption level") => (
            ErrorCode::TlsFailed,
            "the server offers no TLS: install a certificate there, or lower encrypt",
        ),
        Error::Conversion(text) if text.to_lowercase().contains("browser") => (
            ErrorCode::Unreachable,
            "check that the instance exists and that SQL Server Browser runs (UDP 1434), or give the port",
        ),
        _ if config.encryption() == Encryption::Strict => (
            ErrorCode::TlsFailed,
            "encrypt=strict needs SQL Server 2022 or later; try encrypt=required",
        ),
        _ => (ErrorCode::Unreachable, "the connection broke: check that this port is SQL Server's"),
    };
    let context =
        format!("connecting to {} as {}: {}; {check}", config.place(), config.user, words(&error));
    ConnectorError::new(code, context).with_source(error)
}

const TLS: &str = "the certificate is not trusted or not for this host: check trust_certificate and \
                   host_in_certificate";

/// An error of a statement.
pub(crate) fn running(error: Error, doing: &str) -> ConnectorError {
    let code = match &error {
        Error::Server(server) if server.class() >= FATAL_CLASS => ErrorCode::ConnectionLost,
        Error::Server(server) => statement_code(server.code()),
        // A value that is no text in its column's encoding; the rest of the stream is lost with it.
        Error::Encoding(_) | Error::Utf8 | Error::Utf16 => ErrorCode::UnrepresentableValue,
        Error::Protocol(text) if text.contains("invalid UTF-16") => ErrorCode::UnrepresentableValue,
        _ => ErrorCode::ConnectionLost,
    };
    ConnectorError::new(code, format!("{doing}: {}", words(&error))).with_source(error)
}

/// Whether only the statement has ended, so that the session can be used again.
pub(crate) fn keeps_session(error: &Error) -> bool {
    match error {
        Error::Server(server) => {
            server.class() < FATAL_CLASS
                && statement_code(server.code()) != ErrorCode::ConnectionLost
        }
        _ => false,
    }
}

/// What the server says to a login, and what to check.
fn login_code(number: u32) -> (ErrorCode, &'static str) {
    match number {
        18456 => (ErrorCode::AuthenticationFailed, "check the user's name and password"),
        18487 | 18488 => {
            (ErrorCode::AuthenticationFailed, "the password has expired: change it at the server")
        }
        18486 => (ErrorCode::AuthenticationFailed, "the login is locked: ALTER LOGIN ... UNLOCK"),
        18470 => (ErrorCode::AuthenticationFailed, "the login is disabled: ALTER LOGIN ... ENABLE"),
        18450..=18489 => {
            (ErrorCode::AuthenticationFailed, "check that the server takes SQL logins")
        }
        4060 | 4064 => (
            ErrorCode::InvalidConfiguration,
            "check the database's name and that the login has a user there",
        ),
        911 => (ErrorCode::InvalidConfiguration, "check the database's name"),
        916 => (ErrorCode::PermissionDenied, "the login has no user in the database: CREATE USER"),
        3952 => (
            ErrorCode::InvalidConfiguration,
            "isolation=snapshot needs ALTER DATABASE ... SET ALLOW_SNAPSHOT_ISOLATION ON",
        ),
        40615 => (ErrorCode::Unreachable, "the server's own firewall refuses this address"),
        17142 | 17809 | 17810 | 40197 | 40501 | 40613 => {
            (ErrorCode::Unreachable, "the server takes no connections now")
        }
        229 | 230 | 262 | 297 | 300 => {
            (ErrorCode::PermissionDenied, "the login lacks a right that every session needs")
        }
        _ => (ErrorCode::Unreachable, "the server refused the session"),
    }
}

fn statement_code(number: u32) -> ErrorCode {
    match number {
        229 | 230 | 262 | 297 | 300 | 371 | 378 | 916 | 15247 | 18456 => {
            ErrorCode::PermissionDenied
        }
        // A name or a type that was there when the catalog was read: our statements are generated from
        // it, so what no longer resolves has changed since.
        206 | 207 | 208 | 306 | 402 | 468 | 1088 | 4104 | 4413 | 8116 => ErrorCode::CatalogOutdated,
        // The lock timeout is what was left of the deadline.
        1222 => ErrorCode::DeadlineExceeded,
        // A deadlock's victim, a snapshot that met a change, a server on its way down.
        596 | 1205 | 3960 | 3961 | 6002 | 6005 | 40197 | 40501 | 40613 => ErrorCode::ConnectionLost,
        3952 => ErrorCode::InvalidConfiguration,
        _ => ErrorCode::QueryFailed,
    }
}

fn words(error: &Error) -> String {
    let (number, text) = match error {
        Error::Server(server) => (Some(server.code()), server.message().to_string()),
        other => (None, other.to_string()),
    };
    let text: String = text.chars().take(MESSAGE).collect();
    number.map_or(text.clone(), |number| format!("{text} (error {number})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_apart() {
        assert_eq!(statement_code(208), ErrorCode::CatalogOutdated);
        assert_eq!(statement_code(207), ErrorCode::CatalogOutdated);
        assert_eq!(statement_code(229), ErrorCode::PermissionDenied);
        assert_eq!(statement_code(1222), ErrorCode::DeadlineExceeded);
        assert_eq!(statement_code(1205), ErrorCode::ConnectionLost);
        assert_eq!(statement_code(102), ErrorCode::QueryFailed);
        assert_eq!(login_code(18456).0, ErrorCode::AuthenticationFailed);
        assert!(login_code(18488).1.contains("expired"));
        assert_eq!(login_code(4060).0, ErrorCode::InvalidConfiguration);
    }

    #[test]
    fn what_to_check_is_named_and_no_secret_is() {
        let config = SqlServerConfig::parse("sqlserver://ana:s3cr3t@db:1444/sales").unwrap();
        let refused = reaching(&config, &std::io::Error::from(ErrorKind::ConnectionRefused));
        assert!(refused.context.contains("db:1444") && refused.context.contains("port"));
        let broken = Error::Io { kind: ErrorKind::UnexpectedEof, message: "eof".into() };
        assert_eq!(connecting(&config, broken.clone()).code, ErrorCode::Unreachable);
        assert_eq!(running(broken.clone(), "x").code, ErrorCode::ConnectionLost);
        assert!(!keeps_session(&broken));
        let tls = connecting(&config, Error::Tls("unknown issuer".into()));
        assert_eq!(tls.code, ErrorCode::TlsFailed);
        for error in [refused, tls, silent(&config)] {
            assert!(!format!("{error:?}").contains("s3cr3t"));
        }
    }
}
