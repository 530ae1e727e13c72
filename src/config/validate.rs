//! From what is written to what holds; every defect is collected.

use super::error::{ConfigError, ConfigErrors, yaml_error};
use super::raw::{
    RawAttribute, RawConfig, RawDriver, RawIdentity, RawKind, RawLocal, RawPrivilege, RawRedact,
    RawResults, RawServer, RawSource, RawSourceIdentity,
};
use super::secret::{Secret, holds_password, resolve};
use super::vault::Vault;
use super::{
    Catalog, Config, Identity, Kind, Limits, LocalUser, OracleDriver, Redact, RedactRule, Results,
    Server, Shared, Source,
};
use crate::model::Attribute;
use celosia_connector_api::{Budget, IdentityMap};
use serde_saphyr::Spanned;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Where HTTP is served unless the configuration says otherwise.
const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8017);

pub(super) fn validate(
    path: &Path,
    text: String,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, ConfigErrors> {
    let raw: RawConfig =
        serde_saphyr::from_str(&text).map_err(|error| yaml_error(path, &text, &error))?;
    let directory = path.parent().unwrap_or(Path::new("")).to_path_buf();
    let mut checker = Checker { path, directory, environment, vault: None, errors: Vec::new() };
    let config = checker.config(raw, text);
    if checker.errors.is_empty() { Ok(config) } else { Err(ConfigErrors(checker.errors)) }
}

/// Collects what is wrong.
pub(super) struct Checker<'a> {
    path: &'a Path,
    pub(super) directory: PathBuf,
    pub(super) environment: &'a dyn Fn(&str) -> Option<String>,
    vault: Option<Vault>,
    errors: Vec<ConfigError>,
}

impl Checker<'_> {
    fn config(&mut self, mut raw: RawConfig, text: String) -> Config {
        if raw.version.value != 1 {
            self.error(&raw.version, "version", "this version of Celosia reads version 1");
        }
        // Before everything that may refer to a secret there.
        self.vault = raw.vault.and_then(|vault| self.vault(vault));
        let limits = Limits::default();
        let results = Results::default();
        let server = self.server(raw.server);
        let has_authority = server.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        let identity = self.identity(raw.identity, server.public_url.as_deref(), has_authority);
        let usage = self.usage(raw.usage);
        let mut sources: Vec<Source> = Vec::new();
        for (name, source) in raw.sources {
            let line = source.defined.line();
            if sources.iter().any(|other| other.name.eq_ignore_ascii_case(&name)) {
                self.at(line, format!("sources.{name}"), "another source has this name");
            }
            sources.extend(self.source(name, line, source.value, usage.is_some()));
        }
        let mut limits = Limits {
            rows: raw.limits.rows.map_or(limits.rows, Into::into),
            bytes: raw.limits.bytes.map_or(limits.bytes, |size| size.0),
            time: raw.limits.time.map_or(limits.time, |span| span.0),
            memory: raw.limits.memory.map_or(limits.memory, |size| size.0),
            spill: raw.limits.spill.map_or(limits.spill, |size| size.0 as u64),
            concurrency: raw.limits.concurrency.map_or(limits.concurrency, Into::into),
            process_memory: limits.process_memory,
        };
        let shared = raw.results.shared.take().and_then(|shared| {
            let store = self.secret(&shared.store, "results.shared.store");
            let key = self.secret(&shared.key, "results.shared.key");
            Some(Shared { store: store?, key: key? })
        });
        let results = Results {
            shared,
            ttl: raw.results.ttl.map_or(results.ttl, |span| span.0),
            memory: raw.results.memory.map_or(results.memory, |size| size.0),
            redact: self.redact(raw.results),
        };
        limits.process_memory = self.process_memory(raw.limits.process_memory, &limits, &results);
        Config {
            path: self.path.to_path_buf(),
            text,
            server,
            identity,
            sources,
            masking_rules: self.existing(raw.masking_rules, "masking_rules"),
            policy_tests: self.existing(raw.policy_tests, "policy_tests"),
            semantics: self.existing(raw.semantics, "semantics"),
            audit: self.audit(raw.audit),
            plans: self.plans(raw.plans, &limits, usage.is_some()),
            usage,
            engine: raw.engine.and_then(|engine| self.engine(engine, limits.memory)),
            limits,
            results,
            catalog: Catalog {
                refresh: raw.catalog.refresh.map_or(Catalog::default().refresh, |span| span.0),
                values: raw.catalog.values.unwrap_or(Catalog::default().values),
                lock: raw.catalog.lock.map(|lock| self.directory.join(lock.value)),
            },
            console: self.console(raw.console),
            llm: raw.llm.and_then(|llm| self.llm(llm)),
            embeddings: raw.embeddings.and_then(|embeddings| self.embeddings(embeddings)),
            pseudonym_key: raw.keys.pseudonym.and_then(|key| self.secret(&key, "keys.pseudonym")),
            pushdown: raw.pushdown.unwrap_or(true),
        }
    }

    fn redact(&mut self, raw: RawResults) -> Redact {
        const MOST: usize = 100;
        let on = raw.redact != Some(RawRedact::Off);
        if let Some(rule) = raw.redact_rules.get(MOST) {
            self.error(rule, "results.redact_rules", format!("there are more than {MOST} rules"));
        }
        if let (false, Some(rule)) = (on, raw.redact_rules.first()) {
            self.error(
                rule,
                "results.redact_rules",
                "`redact: off` leaves rules without an effect",
            );
        }
        let rules = raw.redact_rules.into_iter().map(|rule| RedactRule {
            line: rule.defined.line(),
            name: rule.value.name,
            pattern: rule.value.pattern,
        });
        let except = raw.redact_except.into_iter().map(|role| {
            let line = role.defined.line();
            (role.value, line)
        });
        Redact { on, rules: rules.collect(), except: except.collect() }
    }

    pub(super) fn at(&mut self, line: u64, key: impl Into<String>, message: impl Into<String>) {
        self.errors.push(ConfigError::new(self.path, line, key, message));
    }

    pub(super) fn error<T>(&mut self, at: &Spanned<T>, key: &str, message: impl Into<String>) {
        self.at(at.defined.line(), key, message);
    }

    fn server(&mut self, raw: RawServer) -> Server {
        let listen = raw.listen.map(|listen| match listen.value.parse() {
            Ok(address) => address,
            Err(_) => {
                self.error(&listen, "server.listen", "write an address such as 127.0.0.1:8017");
                DEFAULT_LISTEN
            }
        });
        if let Some(url) = raw.public_url.as_ref().filter(|url| host_of_url(&url.value).is_none()) {
            self.error(url, "server.public_url", "write a URL such as https://data.example.org");
        }
        for host in &raw.allowed_hosts {
            if !is_host(&host.value) {
                let message = "write a host, with its port if it has one; `*` is not allowed";
                self.error(host, "server.allowed_hosts", message);
            }
        }
        for origin in &raw.allowed_origins {
            let host = origin.value.split_once("://").map(|(_, host)| host);
            if host.is_none() || host_of_url(&origin.value) != host {
                let message = "write an origin such as https://app.example.org, without a path";
                self.error(origin, "server.allowed_origins", message);
            }
        }
        let values = |list: Vec<Spanned<String>>| list.into_iter().map(|item| item.value).collect();
        let listen = listen.unwrap_or(DEFAULT_LISTEN);
        Server {
            metrics_listen: raw.metrics_listen.and_then(|address| self.metrics(&address, listen)),
            listen,
            public_url: raw.public_url.map(|url| url.value.trim_end_matches('/').to_string()),
            allowed_hosts: values(raw.allowed_hosts),
            allowed_origins: values(raw.allowed_origins),
            max_connections: raw.max_connections.map(Into::into),
            max_requests: raw.max_requests.map(Into::into),
            shutdown_notice: raw.shutdown_notice.map(|span| span.0).unwrap_or_default(),
            tls: raw.tls.and_then(|tls| self.tls(tls)),
        }
    }

    fn metrics(&mut self, raw: &Spanned<String>, listen: SocketAddr) -> Option<SocketAddr> {
        const KEY: &str = "server.metrics_listen";
        let Ok(address) = raw.value.parse::<SocketAddr>() else {
            self.error(raw, KEY, "write an address such as 127.0.0.1:9464");
            return None;
        };
        if address.port() != 0 && address.port() == listen.port() {
            let message = "it needs a port of its own: callers of server.listen must not reach it";
            self.error(raw, KEY, message);
        }
        Some(address)
    }

    fn identity(
        &mut self,
        raw: RawIdentity,
        public_url: Option<&str>,
        has_authority: bool,
    ) -> Identity {
        Identity {
            local: raw.local.map(|local| self.local(local)),
            api_keys: raw.api_keys.map(|keys| self.directory.join(keys.file.value)),
            oidc: self.providers(raw.oidc, public_url),
            certificates: self.certificates(raw.certificates, has_authority),
            proxies: self.proxies(raw.proxies, has_authority),
        }
    }

    fn local(&mut self, raw: RawLocal) -> LocalUser {
        if raw.user.value.trim().is_empty() {
            self.error(&raw.user, "identity.local.user", "the user needs a name");
        }
        let attributes = raw.attributes.into_iter();
        let attributes: BTreeMap<_, _> =
            attributes.map(|(name, value)| (name, attribute(value))).collect();
        LocalUser { user: raw.user.value, roles: raw.roles, attributes }
    }

    fn source(&mut self, name: String, line: u64, raw: RawSource, in_file: bool) -> Option<Source> {
        let key = format!("sources.{name}");
        if !is_name(&name) {
            let message = "a source's name is a letter, then letters, digits or _";
            self.at(line, &key, message);
        }
        let kind = match raw.kind.value {
            RawKind::Postgres => Kind::Postgres,
            RawKind::Oracle => Kind::Oracle,
            RawKind::SqlServer => Kind::SqlServer,
            RawKind::Sqlite => Kind::Sqlite,
        };
        if let Some(driver) = raw.driver.as_ref().filter(|_| kind != Kind::Oracle) {
            let message = format!("{} has one driver; leave the key out", kind.as_str());
            self.error(driver, &format!("{key}.driver"), message);
        }
        let limits = self.source_limits(&raw, line, &key, in_file);
        let url = self.url(&raw.url, &format!("{key}.url"), kind)?;
        let usual = Budget::default();
        let budget = Budget {
            concurrency: raw.concurrency.map_or(usual.concurrency, Into::into),
            queue: raw.queue.unwrap_or(usual.queue),
            statement_timeout: raw.timeout.map_or(usual.statement_timeout, |span| span.0),
            bytes: raw.bytes.map_or(usual.bytes, |size| size.0),
            readers: self.readers(raw.readers.as_ref(), raw.concurrency, &key, kind),
        };
        let driver = match raw.driver.map(|driver| driver.value) {
            Some(RawDriver::Thick) => OracleDriver::Thick,
            Some(RawDriver::Thin) | None => OracleDriver::Thin,
        };
        let over_privileged = raw.over_privileged == Some(RawPrivilege::Accepted);
        let schemas = raw.schemas;
        let refuse_above = self.refuse_above(raw.refuse_above, &key, kind);
        let identity = raw.identity.map(|raw| self.source_identity(raw, &key, kind));
        Some(Source {
            name,
            kind,
            url,
            schemas,
            driver,
            over_privileged,
            identity,
            budget,
            limits,
            refuse_above,
        })
    }

    fn source_identity(
        &mut self,
        raw: Spanned<RawSourceIdentity>,
        key: &str,
        kind: Kind,
    ) -> IdentityMap {
        let key = format!("{key}.identity");
        let names_a_role = !raw.value.roles.is_empty() || !raw.value.users.is_empty();
        match kind {
            Kind::Sqlite => {
                let message =
                    "SQLite has no users that a session could be told of; leave the key out";
                self.error(&raw, &key, message);
            }
            Kind::Oracle if names_a_role => {
                let message = "Oracle sessions are told the user's name (CLIENT_IDENTIFIER) and take on no \
                    other user; write `identity: {}`";
                self.error(&raw, &key, message);
            }
            _ => {}
        }
        let names = raw.value.roles.values().chain(raw.value.users.values());
        let mut names = names.into_iter();
        if names
            .any(|name| matches!(&**name, "" | "none") || name.len() > 63 || name.contains('\0'))
        {
            self.error(&raw, &key, "a database role has a name of 1 to 63 bytes, and not \"none\"");
        }
        let RawSourceIdentity { roles, users } = raw.value;
        IdentityMap { users, roles }
    }

    /// The source's URL; no error repeats a part of it.
    fn url(&mut self, raw: &Spanned<String>, key: &str, kind: Kind) -> Option<Secret> {
        let url = match self.resolved(&raw.value) {
            Some(Ok(url)) => url,
            Some(Err(message)) => {
                self.error(raw, key, message);
                return None;
            }
            None if kind != Kind::Sqlite && holds_password(&raw.value) => {
                let message = "a password does not belong here: write the URL to an environment \
                    variable or a file and refer to it by `env:NAME` or `file:path`";
                self.error(raw, key, message);
                return None;
            }
            None => Secret::new(raw.value.as_str()),
        };
        let schemes: &[&str] = match kind {
            Kind::Postgres => &["postgres://", "postgresql://"],
            Kind::Sqlite => &["sqlite:"],
            Kind::Oracle => &["oracle://", "oracles://"],
            Kind::SqlServer => &["sqlserver://"],
        };
        // Both know a form of their own beside the URL, which the connector reads.
        let own_form =
            matches!(kind, Kind::Oracle | Kind::SqlServer) && !url.expose().contains("://");
        if !own_form && !schemes.iter().any(|scheme| url.expose().starts_with(scheme)) {
            let message =
                format!("the URL of a {} source begins with {}", kind.as_str(), schemes[0]);
            self.error(raw, key, message);
            return None;
        }
        Some(url)
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// What a reference to a secret stands for; `None` where the text is no reference.
    pub(super) fn resolved(&self, reference: &str) -> Option<Result<Secret, String>> {
        match reference.strip_prefix("vault:") {
            Some(place) => Some(match &self.vault {
                Some(vault) => vault.secret(place),
                None => Err("say where Vault is: `vault: { url: ..., token: ... }`".to_string()),
            }),
            None => resolve(reference, &self.directory, self.environment),
        }
    }

    pub(super) fn existing(&mut self, raw: Option<Spanned<String>>, key: &str) -> Option<PathBuf> {
        let raw = raw?;
        let path = self.directory.join(&raw.value);
        if raw.value.trim().is_empty() || !path.exists() {
            self.error(&raw, key, format!("{} does not exist", path.display()));
        }
        Some(path)
    }

    /// The secret that `raw` refers to.
    pub(super) fn secret(&mut self, raw: &Spanned<String>, key: &str) -> Option<Secret> {
        match self.resolved(&raw.value) {
            Some(Ok(secret)) => return Some(secret),
            Some(Err(message)) => self.error(raw, key, message),
            None => self.error(
                raw,
                key,
                "refer to the key by `env:NAME`, `file:path` or `vault:mount/path#field`",
            ),
        }
        None
    }
}

pub(super) fn attribute(raw: RawAttribute) -> Attribute {
    match raw {
        RawAttribute::Boolean(value) => Attribute::Boolean(value),
        RawAttribute::Integer(value) => Attribute::Integer(value),
        RawAttribute::Text(value) => Attribute::Text(value),
        RawAttribute::List(items) => Attribute::List(items.into_iter().map(attribute).collect()),
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn is_host(text: &str) -> bool {
    let allowed =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    !text.is_empty() && text.chars().all(allowed)
}

/// The host and port of an HTTP URL.
fn host_of_url(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let host = rest.split('/').next().unwrap_or_default();
    (is_host(host) && !url.contains(char::is_whitespace)).then_some(host)
}

#[cfg(test)]
mod tests;
