//! One source: where it is, how the connection is protected, and what its sessions start with.

use crate::address::{self, Options};
use celosia_connector_api::{ConnectorError, ErrorCode};
use std::fmt;
use std::time::Duration;
use tiberius::{AuthMethod, Config, EncryptionLevel};

/// How a connection is protected, as `encrypt` in the URL says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encryption {
    /// TLS before anything else (TDS 8.0, SQL Server 2022 and later).
    Strict,
    /// TLS for everything; a server without it is refused.
    #[default]
    Required,
    /// TLS for the login only, unless the server wants more.
    Login,
    /// None, unless the server wants it.
    Off,
}

/// What a statement sees of changes that others make meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Isolation {
    /// Committed rows, as the database's own settings have it.
    #[default]
    ReadCommitted,
    /// The state of one moment; the database must have ALLOW_SNAPSHOT_ISOLATION.
    Snapshot,
}

/// One SQL Server source.
#[derive(Clone)]
pub struct SqlServerConfig {
    /// Schemas that discovery reads; empty means all but the system's.
    pub schemas: Vec<String>,
    /// Sessions at the same time, at most.
    pub concurrency: usize,
    /// The longest a statement may run at the server.
    pub statement_timeout: Duration,
    /// What a statement sees of others' changes.
    pub isolation: Isolation,
    encryption: Encryption,
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
    pub(crate) instance: Option<String>,
    pub(crate) database: String,
    pub(crate) user: String,
    pub(crate) connect_timeout: Duration,
    driver: Config,
}

/// The port of a server without a named instance.
const DEFAULT_PORT: u16 = 1433;
/// The name a session has in the server's own view.
const APPLICATION: &str = "celosia";
/// How long one attempt to connect may take, unless the URL says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

impl SqlServerConfig {
    /// Reads `sqlserver://user:password@host:port/database?encrypt=required&trust_certificate=ca.pem`,
    /// or an ADO string such as `Server=host,port;Database=...;User Id=...;Password=...`.
    ///
    /// Keys of the URL: `encrypt` (`strict`, `required`, `login`, `off`; default `required`),
    /// `trust_certificate` (a file with the authority's certificate), `trust_server_certificate=true`
    /// (any certificate: for trials only), `host_in_certificate`, `instance` (found through SQL Server
    /// Browser unless a port is given), `packet_size`, `isolation` (`read_committed`, `snapshot`),
    /// `multi_subnet_failover`, `connect_timeout` (seconds).
    ///
    /// The other fields get their defaults: all schemas, 8 sessions, 30 seconds.
    ///
    /// # Errors
    /// `InvalidConfiguration` for an address without host, user or database, an unknown key, or a value that
    /// a key does not take. The error never holds the address.
    pub fn parse(text: &str) -> Result<Self, ConnectorError> {
        let options =
            if text.contains("://") { address::from_url(text)? } else { address::from_ado(text)? };
        Self::of(&options)
    }

    /// How connections are protected.
    pub fn encryption(&self) -> Encryption {
        self.encryption
    }

    fn of(options: &Options) -> Result<Self, ConnectorError> {
        let find = |key: &str| {
            let mut found = options.iter().rev().filter(|(name, _)| *name == key);
            found.next().map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
        };
        let needed = |key: &str| find(key).ok_or_else(|| invalid(format!("no {key} is named")));
        let (host, user, database) = (needed("host")?, needed("user")?, needed("database")?);
        let password = needed("password")?;
        let encryption = encryption(find("encrypt"))?;
        let isolation = match find("isolation") {
            None | Some("read_committed") => Isolation::ReadCommitted,
            Some("snapshot") => Isolation::Snapshot,
            Some(_) => return Err(invalid("isolation is one of read_committed, snapshot")),
        };
        let port = find("port").map(|port| number("port", port, 1, u16::MAX)).transpose()?;
        let instance = find("instance").map(str::to_string);
        let seconds = find("connect_timeout").map(|text| number("connect_timeout", text, 1, 600));
        let connect_timeout = seconds
            .transpose()?
            .map_or(CONNECT_TIMEOUT, |seconds| Duration::from_secs(u64::from(seconds)));
        let mut driver = Config::new();
        driver.host(host);
        driver.database(database);
        driver.authentication(AuthMethod::sql_server(user, password));
        driver.encryption(level(encryption));
        driver.application_name(APPLICATION);
        driver.readonly(true);
        driver.handshake_timeout(Some(connect_timeout));
        // Half of a surrogate pair has no exact form, and the driver would end the whole answer for one in a
        // row that the caller may not even see: it arrives as U+FFFD.
        driver.lossy_utf16_decoding(true);
        // Ours is the deadline of each statement.
        driver.command_timeout(None);
        trust(&mut driver, find("trust_certificate"), find("trust_server_certificate"))?;
        if let Some(name) = find("host_in_certificate") {
            driver.hostname_in_certificate(name);
        }
        if let Some(size) = find("packet_size") {
            driver.packet_size(u32::from(number("packet_size", size, 512, 32_767)?));
        }
        driver
            .multi_subnet_failover(switch("multi_subnet_failover", find("multi_subnet_failover"))?);
        Ok(Self {
            schemas: Vec::new(),
            concurrency: 8,
            statement_timeout: Duration::from_secs(30),
            isolation,
            encryption,
            host: host.to_string(),
            port,
            instance,
            database: database.to_string(),
            user: user.to_string(),
            connect_timeout,
            driver,
        })
    }

    /// The driver's configuration for a server at `place`, where a gateway has named another one.
    pub(crate) fn driver(&self, place: Option<(&str, u16)>) -> Config {
        let mut driver = self.driver.clone();
        match (place, &self.instance) {
            (Some((host, port)), _) => {
                driver.host(host);
                driver.port(port);
            }
            // A port says where the instance is; only without one is the browser asked.
            (None, Some(instance)) if self.port.is_none() => driver.instance_name(instance),
            (None, _) => driver.port(self.port.unwrap_or(DEFAULT_PORT)),
        }
        driver
    }

    /// The server as an administrator knows it.
    pub(crate) fn place(&self) -> String {
        match (&self.instance, self.port) {
            (Some(instance), None) => format!("{}\\{instance}", self.host),
            (_, port) => format!("{}:{}", self.host, port.unwrap_or(DEFAULT_PORT)),
        }
    }
}

impl fmt::Debug for SqlServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlServerConfig")
            .field("place", &self.place())
            .field("database", &self.database)
            .field("user", &self.user)
            .field("encryption", &self.encryption)
            .field("schemas", &self.schemas)
            .field("concurrency", &self.concurrency)
            .field("statement_timeout", &self.statement_timeout)
            .field("isolation", &self.isolation)
            .finish_non_exhaustive()
    }
}

/// The configuration cannot work.
pub(crate) fn invalid(context: impl Into<String>) -> ConnectorError {
    ConnectorError::new(ErrorCode::InvalidConfiguration, context)
}

fn encryption(text: Option<&str>) -> Result<Encryption, ConnectorError> {
    match text {
        None | Some("required") => Ok(Encryption::Required),
        Some("strict") => Ok(Encryption::Strict),
        Some("login") => Ok(Encryption::Login),
        Some("off") => Ok(Encryption::Off),
        Some(_) => Err(invalid("encrypt is one of strict, required, login, off")),
    }
}

fn level(encryption: Encryption) -> EncryptionLevel {
    match encryption {
        Encryption::Strict => EncryptionLevel::Strict,
        Encryption::Required => EncryptionLevel::Required,
        Encryption::Login => EncryptionLevel::Off,
        Encryption::Off => EncryptionLevel::NotSupported,
    }
}

fn trust(driver: &mut Config, file: Option<&str>, any: Option<&str>) -> Result<(), ConnectorError> {
    match (file, switch("trust_server_certificate", any)?) {
        (Some(_), true) => {
            Err(invalid("trust_certificate and trust_server_certificate exclude each other"))
        }
        (Some(file), false) => {
            let known = ["pem", "crt", "der"].iter().any(|end| file.ends_with(&format!(".{end}")));
            if !known {
                return Err(invalid("trust_certificate names a file ending in .pem, .crt or .der"));
            }
            driver.trust_cert_ca(file);
            Ok(())
        }
        (None, true) => {
            driver.trust_cert();
            Ok(())
        }
        (None, false) => Ok(()),
    }
}

fn switch(key: &str, text: Option<&str>) -> Result<bool, ConnectorError> {
    match text.map(str::to_ascii_lowercase).as_deref() {
        None | Some("false" | "no") => Ok(false),
        Some("true" | "yes") => Ok(true),
        Some(_) => Err(invalid(format!("{key} is true or false"))),
    }
}

fn number(key: &str, text: &str, least: u16, most: u16) -> Result<u16, ConnectorError> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| invalid(format!("{key} is a number from {least} to {most}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "sqlserver://ana:s3cr3t@db:1444/sales";

    #[test]
    fn a_password_is_never_printed() {
        let config = SqlServerConfig::parse(URL).unwrap();
        assert!(!format!("{config:?}").contains("s3cr3t"));
        let connector = crate::SqlServerConnector::new(config).unwrap();
        assert!(!format!("{connector:?}").contains("s3cr3t"));
        for bad in [
            "sqlserver://ana:s3cr3t@db:x/sales",
            "sqlserver://ana:s3cr3t@db/x?encrypt=maybe",
            "sqlserver://ana:s3cr3t%@db/x",
            "Server=db;User Id=ana;Password=s3cr3t;Encrypt=maybe",
            "Server=db;User Id=ana;Password='s3cr3t",
        ] {
            let error = SqlServerConfig::parse(bad).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidConfiguration, "{bad}");
            assert!(!format!("{error:?}").contains("s3cr3t"), "{error:?}");
        }
    }

    #[test]
    fn encryption_is_on_unless_it_is_turned_off() {
        let mode =
            |query: &str| SqlServerConfig::parse(&format!("{URL}{query}")).map(|c| c.encryption());
        assert_eq!(mode("").unwrap(), Encryption::Required);
        assert_eq!(mode("?encrypt=strict").unwrap(), Encryption::Strict);
        assert_eq!(mode("?encrypt=login").unwrap(), Encryption::Login);
        assert_eq!(mode("?encrypt=off").unwrap(), Encryption::Off);
        assert!(mode("?encrypt=required&trust_certificate=/ca.pem").is_ok());
        for bad in [
            "?encrypt=true",
            "?Encrypt=off",
            "?trust_certificate=/ca.txt",
            "?trust_certificate=/ca.pem&trust_server_certificate=true",
            "?packet_size=100",
            "?isolation=dirty",
        ] {
            assert_eq!(mode(bad).unwrap_err().code, ErrorCode::InvalidConfiguration, "{bad}");
        }
    }

    #[test]
    fn an_unknown_option_is_named_with_what_is_allowed() {
        let error = SqlServerConfig::parse(&format!("{URL}?encrpyt=off")).unwrap_err();
        assert!(error.context.contains("encrpyt") && error.context.contains("trust_certificate"));
    }

    #[test]
    fn host_user_password_and_database_are_named() {
        for bad in
            ["sqlserver://a:b@/x", "sqlserver://db/x", "sqlserver://a:b@db", "sqlserver://a@db/x"]
        {
            assert!(SqlServerConfig::parse(bad).is_err(), "{bad}");
        }
        let place = |url: &str| SqlServerConfig::parse(url).unwrap().place();
        assert_eq!(place("sqlserver://a:b@db/x"), "db:1433");
        assert_eq!(place("sqlserver://a:b@db/x?instance=SALES"), "db\\SALES");
        assert_eq!(place("Server=db\\SALES,1500;Database=x;uid=a;pwd=b"), "db:1500");
    }
}
