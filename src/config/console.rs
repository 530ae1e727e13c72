//! `console`: the page for people, beside the protocol for clients.

use super::Config;
use super::raw::given;
use super::validate::Checker;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;
use std::net::{IpAddr, SocketAddr};

/// The page at `/console`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConsole {
    /// Whether `/console` is served. Absent: only where the server is reached from its own machine alone (a loopback address,
    /// no other `public_url`, no proxy).
    #[serde(default, deserialize_with = "given")]
    enabled: Option<bool>,
    /// Roles whose holders see the whole policy, the sources' state and everybody's statements there; others see what
    /// is theirs.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    administrators: Vec<Spanned<String>>,
}

/// The page at `/console`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Console {
    /// Whether it is served; unsaid, where the server is reached from its own machine alone.
    pub enabled: Option<bool>,
    /// The roles of its administrators, with their lines in the file.
    pub administrators: Vec<(String, u64)>,
}

impl Checker<'_> {
    pub(super) fn console(&mut self, raw: RawConsole) -> Console {
        if let (Some(false), Some(role)) = (raw.enabled, raw.administrators.first()) {
            let message = "`enabled: false` leaves administrators without an effect";
            self.error(role, "console.administrators", message);
        }
        let roles = raw.administrators.into_iter();
        let administrators = roles.map(|role| {
            let line = role.defined.line();
            (role.value, line)
        });
        Console { enabled: raw.enabled, administrators: administrators.collect() }
    }
}

impl Config {
    /// Whether `/console` is served by a server that listens on `address`.
    pub fn serves_console(&self, address: SocketAddr) -> bool {
        let is_public = || {
            let url = self.server.public_url.as_deref();
            !address.ip().is_loopback()
                || !self.identity.proxies.is_empty()
                || url.is_some_and(|url| !is_loopback_url(url))
        };
        self.console.enabled.unwrap_or_else(|| !is_public())
    }
}

fn is_loopback_url(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let authority = rest.split('/').next().unwrap_or_default();
    // A login before the host: what stands first is no host.
    if authority.contains('@') {
        return false;
    }
    let host = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn config(text: &str) -> Result<Config, String> {
        let text = format!("version: 1\nsources: {{}}\n{text}");
        Config::parse(Path::new("c.yaml"), text, &|_| None).map_err(|error| error.to_string())
    }

    #[test]
    fn a_public_server_has_no_console_unless_it_is_said() {
        let serves = |text: &str, address: &str| {
            config(text).unwrap().serves_console(address.parse().unwrap())
        };
        let (own, public) = ("127.0.0.1:8017", "0.0.0.0:8017");
        assert!(serves("", own) && serves("", "[::1]:8017"));
        assert!(!serves("", public) && !serves("", "192.0.2.1:8017"));
        for url in ["http://127.0.0.1:8017", "http://localhost:8017", "http://[::1]:8017/x"] {
            assert!(serves(&format!("server: {{ public_url: \"{url}\" }}"), own), "{url}");
        }
        for url in ["https://data.example.org", "https://localhost.example.org"] {
            assert!(!serves(&format!("server: {{ public_url: \"{url}\" }}"), own), "{url}");
        }
        assert!(serves("console: { enabled: true }", public));
        assert!(!serves("console: { enabled: false }", own));
    }

    #[test]
    fn mistakes_have_a_place() {
        for (text, said) in [
            (
                "console: { enabled: false, administrators: [a] }",
                "c.yaml:3: console.administrators",
            ),
            ("console: { admins: [a] }", "admins"),
            ("console: { enabled: }", "enabled"),
        ] {
            let error = config(text).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
