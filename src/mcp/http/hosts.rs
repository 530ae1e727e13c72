//! `Host` and `Origin`: a web page that a user happens to visit must not reach a server on their
//! machine or network (DNS rebinding, cross-site requests).

use super::refusal::Refusal;
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Uri};
use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};

/// The hosts a request may name, and the origins it may come from.
#[derive(Debug, Clone)]
pub(super) struct Hosts {
    hosts: Vec<Host>,
    origins: Vec<AllowedOrigin>,
}

/// A host, and its port where only one is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Host {
    name: String,
    port: Option<u16>,
}

/// Where a page comes from. The port is always there for http and https.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    scheme: String,
    host: Host,
}

/// An origin of the configuration, which may end in `:*` for any port.
#[derive(Debug, Clone)]
struct AllowedOrigin {
    origin: Origin,
    any_port: bool,
}

impl Hosts {
    /// Localhost in its forms, the address that is listened on, and what the configuration adds.
    pub(super) fn new(
        listen: SocketAddr,
        hosts: &[String],
        origins: &[String],
    ) -> Result<Self, String> {
        let mut allowed: Vec<Host> = ["localhost", "127.0.0.1", "::1"]
            .map(|name| Host { name: name.into(), port: None })
            .into();
        if !listen.ip().is_unspecified() {
            allowed.push(Host { name: listen.ip().to_string(), port: Some(listen.port()) });
        }
        for host in hosts {
            allowed.push(Host::parse(host).ok_or_else(|| {
                format!("server.allowed_hosts: \"{host}\" is neither a host nor host:port")
            })?);
        }
        let origins = origins.iter().map(|origin| {
            AllowedOrigin::parse(origin).ok_or_else(|| {
                format!("server.allowed_origins: \"{origin}\" is not like https://app.example.com")
            })
        });
        Ok(Self { hosts: allowed, origins: origins.collect::<Result<_, _>>()? })
    }

    /// Refuses a request that names a strange host or comes from a strange origin.
    pub(super) fn check(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), Refusal> {
        let host = named_host(headers, uri).filter(|host| self.allows(host));
        let Some(host) = host else {
            return Err(forbidden("this Host is not served here")
                .hint("use the server's address, or add the name to server.allowed_hosts"));
        };
        let mut origins = headers.get_all(ORIGIN).iter();
        let origin = match (origins.next(), origins.next()) {
            (None, _) => return Ok(()),
            (Some(origin), None) => origin.to_str().ok().and_then(Origin::parse),
            (Some(_), Some(_)) => None,
        };
        match origin {
            Some(origin) if self.allows_origin(&origin, host) => Ok(()),
            _ => Err(forbidden("this Origin is not allowed")
                .hint("add the page's origin to server.allowed_origins")),
        }
    }

    /// The same hosts and origins as rmcp's own check takes them: a second line, no narrower than this.
    pub(super) fn for_rmcp(&self) -> (Vec<String>, Vec<String>) {
        let hosts = self.hosts.iter().map(Host::to_string).collect();
        let same_host = self.hosts.iter().flat_map(|host| {
            let host = Host { name: host.name.clone(), port: None };
            ["http", "https"].map(|scheme| format!("{scheme}://{host}:*"))
        });
        let configured = self.origins.iter().map(|allowed| {
            let Origin { scheme, host } = &allowed.origin;
            let any = if allowed.any_port { ":*" } else { "" };
            format!("{scheme}://{host}{any}")
        });
        (hosts, configured.chain(same_host).collect())
    }

    fn allows(&self, host: &Host) -> bool {
        self.hosts.iter().any(|allowed| {
            allowed.name == host.name && (allowed.port.is_none() || allowed.port == host.port)
        })
    }

    /// An origin of the configuration, or the very host that the request names.
    fn allows_origin(&self, origin: &Origin, host: Host) -> bool {
        let listed = self.origins.iter().any(|allowed| {
            allowed.origin.scheme == origin.scheme
                && allowed.origin.host.name == origin.host.name
                && (allowed.any_port || allowed.origin.host.port == origin.host.port)
        });
        let port = host.port.or_else(|| default_port(&origin.scheme));
        listed || port.is_some() && origin.host == Host { name: host.name, port }
    }
}

impl Host {
    fn parse(text: &str) -> Option<Self> {
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        if bare.parse::<Ipv6Addr>().is_ok() {
            return Some(Self { name: bare.into(), port: None });
        }
        let authority: Authority = text.parse().ok()?;
        // A user's name, or a port that is no number, has no place in a host.
        if authority.as_str().contains('@') {
            return None;
        }
        let port = match authority.port() {
            Some(_) => Some(authority.port_u16()?),
            None if authority.as_str().len() == authority.host().len() => None,
            None => return None,
        };
        let name = authority.host().trim_start_matches('[').trim_end_matches(']');
        Some(Self { name: name.trim_end_matches('.').to_ascii_lowercase(), port })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.contains(':') {
            true => write!(f, "[{}]", self.name)?,
            false => f.write_str(&self.name)?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl Origin {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let mut host = Host::parse(authority)?;
        host.port = host.port.or_else(|| default_port(&scheme));
        Some(Self { scheme, host })
    }
}

impl AllowedOrigin {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_end_matches('/');
        let (text, any_port) = match text.strip_suffix(":*") {
            Some(text) => (text, true),
            None => (text, false),
        };
        let mut origin = Origin::parse(text)?;
        if any_port {
            origin.host.port = None;
        }
        Some(Self { origin, any_port })
    }
}

/// The port that an origin leaves out.
fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// The one host that a request names.
fn named_host(headers: &HeaderMap, uri: &Uri) -> Option<Host> {
    let mut named = headers.get_all(HOST).iter();
    let target = uri.authority().map(|authority| Host::parse(authority.as_str()));
    match (named.next(), named.next()) {
        (Some(host), None) => {
            let host = Host::parse(host.to_str().ok()?)?;
            // A target with a host in it counts more than the header (RFC 9112, 3.2.2): both say the same.
            target.is_none_or(|target| target.as_ref() == Some(&host)).then_some(host)
        }
        (None, _) => target?,
        (Some(_), Some(_)) => None,
    }
}

fn forbidden(message: &str) -> Refusal {
    Refusal::new(StatusCode::FORBIDDEN, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Hosts {
        Hosts::new(
            "127.0.0.1:8017".parse().unwrap(),
            &["data.example.com".into(), "Proxy.example.com:8443".into()],
            &[
                "https://app.example.com:443".into(),
                "http://localhost:3000/".into(),
                "http://dev.example.com:*".into(),
                "vscode-webview://abc".into(),
            ],
        )
        .unwrap()
    }

    fn check(host: Option<&str>, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(host) = host {
            headers.insert(HOST, host.parse().unwrap());
        }
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        hosts().check(&headers, &"/mcp".parse().unwrap()).is_ok()
    }

    #[test]
    fn known_hosts_pass() {
        for host in [
            "127.0.0.1:8017",
            "localhost",
            "LocalHost:9999",
            "localhost.:8017",
            "[::1]:8017",
            "[::1]",
            "data.example.com",
            "data.example.com:443",
            "proxy.example.com:8443",
        ] {
            assert!(check(Some(host), None), "{host}");
        }
    }

    #[test]
    fn strange_hosts_do_not() {
        for host in [
            "evil.com",
            "evil.com:8017",
            "localhost.evil.com",
            "127.0.0.1.evil.com",
            "localhost@evil.com",
            "evil@localhost",
            "localhost:",
            "localhost:x",
            "localhost:99999",
            "proxy.example.com",
            "proxy.example.com:80",
            "0.0.0.0:8017",
            "",
            "local host",
        ] {
            assert!(!check(Some(host), None), "{host}");
        }
        assert!(!check(None, None));
    }

    #[test]
    fn an_origin_is_listed_or_the_same_host() {
        let host = Some("localhost:8017");
        for origin in [
            "https://app.example.com",
            "http://localhost:3000",
            "http://LOCALHOST:8017",
            "http://dev.example.com:5173",
            "http://dev.example.com",
            "vscode-webview://abc",
        ] {
            assert!(check(host, Some(origin)), "{origin}");
        }
        for origin in [
            "https://evil.com",
            "http://localhost",
            "http://localhost:3001",
            "http://127.0.0.1:8017",
            "https://app.example.com.evil.com",
            "https://app.example.com:444",
            "http://app.example.com",
            "null",
            "",
            "file://",
            "chrome-extension://abc",
            "localhost:8017",
            "https://dev.example.com:5173",
            "vscode-webview://abd",
            "http://localhost:8017/path",
            "http://evil@localhost:8017",
        ] {
            assert!(!check(host, Some(origin)), "{origin}");
        }
        assert!(check(Some("data.example.com"), Some("https://data.example.com")));
        assert!(!check(Some("evil.com"), Some("https://app.example.com")));
    }

    #[test]
    fn two_hosts_or_origins_are_none() {
        let mut headers = HeaderMap::new();
        headers.append(HOST, "localhost".parse().unwrap());
        headers.append(HOST, "localhost".parse().unwrap());
        assert!(hosts().check(&headers, &"/".parse().unwrap()).is_err());
        let mut headers = HeaderMap::new();
        headers.append(HOST, "localhost".parse().unwrap());
        headers.append(ORIGIN, "https://app.example.com".parse().unwrap());
        headers.append(ORIGIN, "https://evil.com".parse().unwrap());
        assert!(hosts().check(&headers, &"/".parse().unwrap()).is_err());
    }

    #[test]
    fn an_open_listener_allows_no_more_than_localhost() {
        let hosts = Hosts::new("0.0.0.0:8017".parse().unwrap(), &[], &[]).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "0.0.0.0:8017".parse().unwrap());
        assert!(hosts.check(&headers, &"/".parse().unwrap()).is_err());
    }

    #[test]
    fn what_is_no_host_or_origin_is_an_error() {
        let listen = "127.0.0.1:8017".parse().unwrap();
        for host in ["https://x.com", "x.com/path", "a@b", "x y", "x:port", ""] {
            let error = Hosts::new(listen, &[host.into()], &[]).unwrap_err();
            assert!(error.contains("server.allowed_hosts"), "{error}");
        }
        for origin in ["x.com", "*", "https://", "null", "https://x.com/path"] {
            let error = Hosts::new(listen, &[], &[origin.into()]).unwrap_err();
            assert!(error.contains("server.allowed_origins"), "{error}");
        }
    }
}
