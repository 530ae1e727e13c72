//! The URL of an Oracle database, and which driver reads it.

use crate::descriptor::{self, Endpoint};
use celosia_connector_api::{ConnectorError, ErrorCode};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Which driver connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Driver {
    /// Oracle's driver in Rust: nothing to install.
    #[default]
    Thin,
    /// Oracle's client libraries, which must be installed: for Native Network Encryption, Kerberos, LDAP.
    Thick,
}

/// How to reach one Oracle database. Its `Debug` form shows neither password.
#[derive(Clone)]
pub struct OracleConfig {
    /// Schemas to describe, as the dictionary stores their names; empty for all that are not Oracle's own.
    pub schemas: Vec<String>,
    /// Sessions at the same time.
    pub concurrency: usize,
    /// The longest a statement may run.
    pub statement_timeout: Duration,
    /// The driver.
    pub driver: Driver,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) address: Address,
    pub(crate) tls: Tls,
    pub(crate) tns_admin: Option<PathBuf>,
}

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// One listener.
    Direct(Endpoint),
    /// An alias, an Easy Connect string or a descriptor.
    Text(String),
}

/// What TLS trusts and shows.
#[derive(Clone, Default)]
pub(crate) struct Tls {
    /// A PEM file of authorities.
    pub(crate) trust: Option<PathBuf>,
    /// A directory that holds `ewallet.pem`.
    pub(crate) wallet: Option<PathBuf>,
    pub(crate) wallet_password: Option<String>,
    /// The name the certificate must have, where it is not the host's.
    pub(crate) server_name: Option<String>,
}

/// The options a URL may carry. Others are refused: a misspelt `wallet` must not be ignored.
const OPTIONS: [&str; 8] = [
    "alias",
    "descriptor",
    "server_name",
    "sid",
    "tns_admin",
    "trust_certificate",
    "wallet",
    "wallet_password",
];

impl OracleConfig {
    /// Reads one of
    /// * `oracle://user:password@host:1521/SERVICE` (also `?sid=SID` in place of the service),
    /// * `oracles://user:password@host:2484/SERVICE?trust_certificate=/ca.pem` for TLS (TCPS), with
    ///   `wallet=/dir` (its `ewallet.pem`), `wallet_password=` and `server_name=`,
    /// * `oracle://user:password@/?alias=NAME&tns_admin=/dir` for an alias of `tnsnames.ora`,
    /// * `oracle://user:password@/?descriptor=(DESCRIPTION=...)`,
    /// * `user/password@host:1521/SERVICE`, Oracle's own form, with whatever connect string behind the `@`.
    ///
    /// The other fields get their defaults: all schemas, 8 sessions, 30 seconds, thin.
    ///
    /// # Errors
    /// `InvalidConfiguration` for a URL without user, password or address, or with an unknown option. The
    /// error never holds the URL.
    pub fn parse(url: &str) -> Result<Self, ConnectorError> {
        let tls = url.starts_with("oracles://");
        match url.strip_prefix("oracle://").or_else(|| url.strip_prefix("oracles://")) {
            Some(rest) => Self::from_url(rest, tls),
            None => Self::from_connect_string(url),
        }
    }

    fn from_url(rest: &str, tls: bool) -> Result<Self, ConnectorError> {
        let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
        let options = Options::read(query)?;
        let (login, place) =
            address.rsplit_once('@').ok_or_else(|| invalid("the URL names no user"))?;
        let (user, password) =
            login.split_once(':').ok_or_else(|| invalid("the URL has no password"))?;
        let mut config = Self::with_login(&decoded(user)?, &decoded(password)?)?;
        config.tls = Tls {
            trust: options.find("trust_certificate").map(PathBuf::from),
            wallet: options.find("wallet").map(PathBuf::from),
            wallet_password: options.find("wallet_password"),
            server_name: options.find("server_name"),
        };
        config.tns_admin = options.find("tns_admin").map(PathBuf::from);
        config.address = match (options.find("alias"), options.find("descriptor")) {
            (None, None) => Address::Direct(direct(place, options.find("sid"), tls)?),
            (Some(_), Some(_)) => return Err(invalid("alias and descriptor exclude each other")),
            (alias, text) => {
                if !place.trim_matches('/').is_empty() {
                    return Err(invalid("an alias or a descriptor stands in place of the host"));
                }
                if let Some(text) = &text {
                    descriptor::endpoints(text).map_err(invalid)?;
                }
                Address::Text(alias.or(text).unwrap_or_default())
            }
        };
        config.checked(tls)
    }

    fn from_connect_string(text: &str) -> Result<Self, ConnectorError> {
        let forms = "the URL must start with oracle:// or oracles://, or have the form \
                     user/password@connect string";
        // A connect string holds no @; a password may.
        let (login, place) = text.rsplit_once('@').ok_or_else(|| invalid(forms))?;
        let (user, password) = login.split_once('/').ok_or_else(|| invalid(forms))?;
        if user.contains(':') || place.is_empty() {
            return Err(invalid(forms));
        }
        let mut config = Self::with_login(user, password)?;
        config.address = Address::Text(place.to_string());
        config.checked(false)
    }

    fn with_login(user: &str, password: &str) -> Result<Self, ConnectorError> {
        if user.is_empty() || password.is_empty() {
            return Err(invalid("user and password are needed"));
        }
        Ok(Self {
            schemas: Vec::new(),
            concurrency: 8,
            statement_timeout: Duration::from_secs(30),
            driver: Driver::Thin,
            user: user.to_string(),
            password: password.to_string(),
            address: Address::Text(String::new()),
            tls: Tls::default(),
            tns_admin: None,
        })
    }

    fn checked(self, tls: bool) -> Result<Self, ConnectorError> {
        let direct = matches!(self.address, Address::Direct(_));
        let asked =
            self.tls.trust.is_some() || self.tls.wallet.is_some() || self.tls.server_name.is_some();
        if direct && asked && !tls {
            return Err(invalid("trust_certificate, wallet and server_name need oracles://"));
        }
        Ok(self)
    }

    /// Where the database is, for an administrator.
    pub(crate) fn place(&self) -> String {
        match &self.address {
            Address::Direct(endpoint) => {
                format!("{}:{} ({})", endpoint.host, endpoint.port, endpoint.connect_data)
            }
            Address::Text(text) => text.clone(),
        }
    }
}

impl fmt::Debug for OracleConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OracleConfig")
            .field("address", &self.place())
            .field("user", &self.user)
            .field("driver", &self.driver)
            .field("schemas", &self.schemas)
            .field("concurrency", &self.concurrency)
            .field("statement_timeout", &self.statement_timeout)
            .finish_non_exhaustive()
    }
}

fn direct(place: &str, sid: Option<String>, tls: bool) -> Result<Endpoint, ConnectorError> {
    let (authority, service) = place.split_once('/').unwrap_or((place, ""));
    let service = decoded(service)?;
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) =
                rest.split_once(']').ok_or_else(|| invalid("an address without ]"))?;
            (host, port.strip_prefix(':'))
        }
        None => match authority.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    if host.is_empty() {
        return Err(invalid("the URL names no host"));
    }
    let standard = if tls { 2484 } else { 1521 };
    let port = port.map_or(Ok(standard), str::parse);
    let port = port.map_err(|_| invalid("the port must be a number"))?;
    let connect_data = match (service.as_str(), sid) {
        ("", None) => return Err(invalid("the URL names no service: oracle://...@host/SERVICE")),
        ("", Some(sid)) => format!("(SID={sid})"),
        (service, None) => format!("(SERVICE_NAME={service})"),
        _ => return Err(invalid("a service and a sid exclude each other")),
    };
    // What closes a parenthesis would say something else to the listener.
    if connect_data.matches(['(', ')', '=']).count() != 3 || host.contains(['(', ')', '=']) {
        return Err(invalid("parentheses and = cannot stand in a host, service or sid"));
    }
    Ok(Endpoint { host: host.to_string(), port, tls, connect_data })
}

/// The options of a URL.
struct Options(Vec<(String, String)>);

impl Options {
    fn read(query: &str) -> Result<Self, ConnectorError> {
        let mut pairs = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if !OPTIONS.contains(&name) {
                let known = OPTIONS.join(", ");
                return Err(invalid(format!(
                    "unknown option {name:?} in the URL; known are {known}"
                )));
            }
            if value.is_empty() {
                return Err(invalid(format!("the option {name} has no value")));
            }
            pairs.push((name.to_string(), decoded(value)?));
        }
        Ok(Self(pairs))
    }

    fn find(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }
}

/// Text with its `%41` replaced.
fn decoded(text: &str) -> Result<String, ConnectorError> {
    let malformed = || invalid("a % in the URL that two hexadecimal digits do not follow");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        match (digit(rest.next()), digit(rest.next())) {
            (Some(high), Some(low)) => bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?')),
            _ => return Err(malformed()),
        }
    }
    String::from_utf8(bytes).map_err(|_| malformed())
}

fn invalid(context: impl Into<String>) -> ConnectorError {
    ConnectorError::new(ErrorCode::InvalidConfiguration, context)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str) -> Address {
        OracleConfig::parse(url).expect(url).address
    }

    #[test]
    fn every_form_of_an_address_is_read() {
        let direct = |host: &str, port, tls, data: &str| {
            let (host, connect_data) = (host.to_string(), data.to_string());
            Address::Direct(Endpoint { host, port, tls, connect_data })
        };
        for (url, expected) in [
            ("oracle://a:b@db/X", direct("db", 1521, false, "(SERVICE_NAME=X)")),
            ("oracles://a:b@db/X.y?wallet=/w", direct("db", 2484, true, "(SERVICE_NAME=X.y)")),
            ("oracle://a:b@[::1]:7/X", direct("::1", 7, false, "(SERVICE_NAME=X)")),
            ("oracle://a:p%40%2F:@db:1/?sid=ORCL", direct("db", 1, false, "(SID=ORCL)")),
            ("oracle://a:b@/?alias=ERP&tns_admin=/etc", Address::Text("ERP".into())),
            ("a/b@//db:1521/X", Address::Text("//db:1521/X".into())),
            ("a/b@tcps://db:2484/X", Address::Text("tcps://db:2484/X".into())),
        ] {
            assert_eq!(address(url), expected, "{url}");
        }
        let config = OracleConfig::parse("oracle://a:p%40%2F:@db:1/?sid=ORCL").expect("a URL");
        assert_eq!(config.password, "p@/:");
        let descriptor = "(DESCRIPTION=(ADDRESS=(HOST=h))(CONNECT_DATA=(SERVICE_NAME=s)))";
        let url = format!("oracle://a:b@/?descriptor={descriptor}");
        assert_eq!(address(&url), Address::Text(descriptor.into()));
    }

    #[test]
    fn what_cannot_work_is_refused_without_a_secret() {
        for bad in [
            "oracle://db/X",
            "oracle://a@db/X",
            "oracle://a:s3cr3t@db",
            "oracle://a:s3cr3t@db:x/X",
            "oracle://:s3cr3t@db/X",
            "oracle://a:s3cr3t@/X",
            "oracle://a:s3cr3t@db/X?walet=/w",
            "oracle://a:s3cr3t@db/X?wallet=/w",
            "oracle://a:s3cr3t@db/X?sid=Y",
            "oracle://a:s3cr3t@db/X)(SERVER=SHARED",
            "oracle://a:s3cr3t@db/%4",
            "oracle://a:s3cr3t@db/?alias=A",
            "oracle://a:s3cr3t@/?descriptor=(x",
            "postgres://a:s3cr3t@db/X",
            "a:s3cr3t",
        ] {
            let error = OracleConfig::parse(bad).expect_err(bad);
            assert_eq!(error.code, ErrorCode::InvalidConfiguration);
            assert!(!format!("{error:?}").contains("s3cr3t"), "{error:?}");
        }
        let unknown = OracleConfig::parse("oracle://a:b@db/X?walet=/w").expect_err("unknown");
        assert!(unknown.context.contains("wallet_password"), "{}", unknown.context);
    }

    #[test]
    fn passwords_are_never_printed() {
        let url = "oracles://ana:s3cr3t@db/X?wallet=/w&wallet_password=h1dden";
        let config = OracleConfig::parse(url).expect("a URL");
        let printed = format!("{config:?}");
        assert!(!printed.contains("s3cr3t") && !printed.contains("h1dden"), "{printed}");
        let connector = crate::OracleConnector::new(config).expect("lazy");
        let printed = format!("{connector:?}");
        assert!(!printed.contains("s3cr3t") && !printed.contains("h1dden"), "{printed}");
    }
}
