//! The URL of a source, its TLS options, and the settings every session starts with.

use celosia_connector_api::{ConnectorError, ErrorCode};
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How a connection is protected, as `sslmode` in the URL says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsMode {
    /// Never.
    Disable,
    /// Where the server offers it; the certificate is not checked.
    #[default]
    Prefer,
    /// Always; the certificate is checked only where `sslrootcert` is given, as libpq does.
    Require,
    /// Always, with a certificate of a trusted authority.
    VerifyCa,
    /// Always, with a certificate of a trusted authority for this host.
    VerifyFull,
}

/// One PostgreSQL source.
#[derive(Clone)]
pub struct PostgresConfig {
    /// Schemas that discovery reads; empty means all but the system's.
    pub schemas: Vec<String>,
    /// Sessions at the same time, at most; cancelling needs one connection more.
    pub concurrency: usize,
    /// The longest a statement may run at the server.
    pub statement_timeout: Duration,
    /// How connections are protected.
    tls: TlsMode,
    options: PgConnectOptions,
}

/// The keys a URL may carry. Others are refused: a misspelt `sslmode` must not be ignored.
const KEYS: [&str; 10] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "port",
    "user",
    "password",
    "dbname",
    "options",
];

/// Prepared statements kept for each session.
const CACHED_STATEMENTS: usize = 200;

impl PostgresConfig {
    /// Reads `postgres://user:password@host:port/database?sslmode=verify-full&sslrootcert=/ca.pem`.
    ///
    /// The other fields get their defaults: all schemas, 8 sessions, 30 seconds.
    ///
    /// # Errors
    /// `InvalidConfiguration` for a URL without host, user or database, an unknown key or TLS mode, or a client
    /// certificate without its key. The error never holds the URL.
    pub fn parse(url: &str) -> Result<Self, ConnectorError> {
        if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            return Err(invalid("the URL must start with postgres://"));
        }
        if url.contains('#') {
            return Err(invalid("a # in the URL must be written as %23"));
        }
        let (address, pairs) = split(url);
        let find = |key: &str| pairs.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
        for (key, _) in &pairs {
            if !KEYS.contains(key) {
                return Err(invalid(format!("unknown key {key:?} in the URL")));
            }
        }
        if find("sslcert").is_some() != find("sslkey").is_some() {
            return Err(invalid("sslcert and sslkey belong together"));
        }
        let authority = address.split('/').nth(2).unwrap_or_default();
        let (login, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        if host.is_empty() && find("host").is_none() {
            return Err(invalid("the URL names no host"));
        }
        if login.split(':').next().unwrap_or_default().is_empty() && find("user").is_none() {
            return Err(invalid("the URL names no user"));
        }
        let path = address.split('/').nth(3).unwrap_or_default();
        if path.is_empty() && find("dbname").is_none() {
            return Err(invalid("the URL names no database"));
        }
        let tls = tls_mode(find("sslmode"), find("sslrootcert").is_some())?;
        let options = PgConnectOptions::from_str(url)
            .map_err(|error| invalid("the URL cannot be read").with_source(error))?
            .ssl_mode(driver_mode(tls));
        Ok(Self {
            schemas: Vec::new(),
            concurrency: 8,
            statement_timeout: Duration::from_secs(30),
            tls,
            options,
        })
    }

    /// How connections are protected.
    pub fn tls(&self) -> TlsMode {
        self.tls
    }

    /// Whether the server is reached through a socket in the file system.
    pub(crate) fn is_local_socket(&self) -> bool {
        self.options.get_socket().is_some() || self.options.get_host().starts_with('/')
    }

    /// What a session starts with: read-only, bounded, and with every setting that changes how a
    /// value is printed or a name is found. `check_interval` asks the server to notice that we have
    /// gone; servers before version 14 do not know it.
    pub(crate) fn session_options(&self, name: &str, check_interval: bool) -> PgConnectOptions {
        let timeout = format!("{}ms", self.statement_timeout.as_millis().max(1));
        // Of two values for one setting the server takes the last, so these win over the URL's.
        let mut options = self
            .options
            .clone()
            .application_name(name)
            .statement_cache_capacity(CACHED_STATEMENTS)
            .extra_float_digits(3)
            .options([
                ("default_transaction_read_only", "on"),
                ("statement_timeout", timeout.as_str()),
                ("idle_in_transaction_session_timeout", "60s"),
                ("search_path", "pg_catalog"),
                ("TimeZone", "UTC"),
                ("DateStyle", "ISO"),
                ("IntervalStyle", "postgres"),
                ("bytea_output", "hex"),
                ("standard_conforming_strings", "on"),
                ("lc_monetary", "C"),
                // A notice may quote a row, and the driver would log it.
                ("client_min_messages", "error"),
            ]);
        if check_interval {
            options = options.options([("client_connection_check_interval", "2s")]);
        }
        options.disable_statement_logging()
    }
}

impl fmt::Debug for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresConfig")
            .field("host", &self.options.get_host())
            .field("port", &self.options.get_port())
            .field("user", &self.options.get_username())
            .field("database", &self.options.get_database())
            .field("tls", &self.tls)
            .field("schemas", &self.schemas)
            .field("concurrency", &self.concurrency)
            .field("statement_timeout", &self.statement_timeout)
            .finish_non_exhaustive()
    }
}

/// The URL without its query, and the query's keys and values as they are spelled.
fn split(url: &str) -> (&str, Vec<(&str, &str)>) {
    let Some((address, query)) = url.split_once('?') else {
        return (url, Vec::new());
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    (address, pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect())
}

fn tls_mode(text: Option<&str>, has_authority: bool) -> Result<TlsMode, ConnectorError> {
    Ok(match text {
        None => TlsMode::Prefer,
        Some("disable") => TlsMode::Disable,
        Some("prefer") => TlsMode::Prefer,
        Some("require") if has_authority => TlsMode::VerifyCa,
        Some("require") => TlsMode::Require,
        Some("verify-ca") => TlsMode::VerifyCa,
        Some("verify-full") => TlsMode::VerifyFull,
        Some(_) => {
            let modes = "sslmode is one of disable, prefer, require, verify-ca, verify-full";
            return Err(invalid(modes));
        }
    })
}

fn driver_mode(mode: TlsMode) -> PgSslMode {
    match mode {
        TlsMode::Disable => PgSslMode::Disable,
        TlsMode::Prefer => PgSslMode::Prefer,
        TlsMode::Require => PgSslMode::Require,
        TlsMode::VerifyCa => PgSslMode::VerifyCa,
        TlsMode::VerifyFull => PgSslMode::VerifyFull,
    }
}

fn invalid(context: impl Into<String>) -> ConnectorError {
    ConnectorError::new(ErrorCode::InvalidConfiguration, context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_printed() {
        let config = PostgresConfig::parse("postgres://ana:s3cr3t@db:5433/sales").expect("a URL");
        assert!(!format!("{config:?}").contains("s3cr3t"));
        let connector = crate::PostgresConnector::new(config).expect("lazy");
        assert!(!format!("{connector:?}").contains("s3cr3t"));
        for bad in ["postgres://ana:s3cr3t@db:x/sales", "postgres://ana:s3cr3t@db/x?sslmod=y"] {
            let error = PostgresConfig::parse(bad).expect_err("refused");
            assert!(!format!("{error:?}").contains("s3cr3t"), "{error:?}");
        }
    }

    #[test]
    fn tls_modes_are_exact_and_fail_closed() {
        let mode = |query: &str| {
            PostgresConfig::parse(&format!("postgres://a@db/x{query}")).map(|config| config.tls())
        };
        assert_eq!(mode("").ok(), Some(TlsMode::Prefer));
        assert_eq!(mode("?sslmode=verify-full").ok(), Some(TlsMode::VerifyFull));
        assert_eq!(mode("?sslmode=require").ok(), Some(TlsMode::Require));
        assert_eq!(mode("?sslmode=require&sslrootcert=/ca.pem").ok(), Some(TlsMode::VerifyCa));
        for bad in ["?sslmode=allow", "?sslmode=Verify-Full", "?ssl_mode=require", "?sslcert=/a"] {
            assert_eq!(mode(bad).expect_err(bad).code, ErrorCode::InvalidConfiguration);
        }
    }

    #[test]
    fn host_user_and_database_are_named() {
        for bad in ["postgres:///x", "postgres://db/x", "postgres://a@db", "postgres://a@db/"] {
            assert!(PostgresConfig::parse(bad).is_err(), "{bad}");
        }
        assert!(PostgresConfig::parse("mysql://a@db/x").is_err());
        assert!(PostgresConfig::parse("postgres://a@db/x#y").is_err());
        assert!(PostgresConfig::parse("postgres:///x?host=/tmp&user=a").is_ok());
    }

    #[test]
    fn our_settings_come_after_the_urls() {
        let url = "postgres://a@db/x?options=-c%20default_transaction_read_only%3Doff";
        let config = PostgresConfig::parse(url).expect("a URL");
        let options = config.session_options("celosia", true);
        let text = options.get_options().expect("options");
        assert!(text.find("=off") < text.find("default_transaction_read_only=on"), "{text}");
        assert!(text.contains("client_connection_check_interval"));
    }
}
