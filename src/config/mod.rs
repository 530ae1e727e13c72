//! The configuration: one YAML file, secrets by reference, checked as a whole before anything runs.
//!
//! The key `roles` belongs to the policy, which reads it from the same text ([`Config::text`]) so that
//! its errors name the right line.

mod audit;
mod console;
mod endpoint;
mod engine;
mod error;
#[doc(hidden)]
pub mod fuzz;
mod oidc;
mod plans;
mod raw;
mod secret;
mod trust;
mod units;
mod validate;
mod vault;

pub use audit::{Audit, AuditCheckpoints, AuditSink, AuditStore, AuditTarget, Durability};
pub use console::Console;
pub use endpoint::{Endpoint, Llm};
pub use engine::{Engine, EngineMode, Executor, HAS_EXECUTORS, is_local};
pub use error::{ConfigError, ConfigErrors};
pub use raw::schema;
pub use secret::Secret;

use crate::model::{
    Attribute, CertificateRule, PlanLimits, SourceLimits, TokenProvider, TrustedProxy,
};
use celosia_connector_api::{Budget, IdentityMap, RefuseAbove};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The configuration of a server. Paths are resolved against the directory of its file; the URL of a
/// source is left to its connector.
#[derive(Debug)]
pub struct Config {
    path: PathBuf,
    text: String,
    /// Where HTTP is served.
    pub server: Server,
    /// Who may call.
    pub identity: Identity,
    /// The databases, by name.
    pub sources: Vec<Source>,
    /// The directory of the masking rules, if there are any.
    pub masking_rules: Option<PathBuf>,
    /// The policy tests, if there are any.
    pub policy_tests: Option<PathBuf>,
    /// The directory of the semantic layer, if there is one.
    pub semantics: Option<PathBuf>,
    /// Where statements are recorded.
    pub audit: Audit,
    /// What one statement may cost.
    pub limits: Limits,
    /// What callers may ask for, by the plan's name.
    pub plans: BTreeMap<String, PlanLimits>,
    /// The file of what was used, if there is one.
    pub usage: Option<PathBuf>,
    /// How results are kept for `fetch`.
    pub results: Results,
    /// How the catalog is kept fresh.
    pub catalog: Catalog,
    /// Where statements run that one machine cannot hold, if there is such a place.
    pub engine: Option<Engine>,
    /// The page for people.
    pub console: Console,
    /// The language model of `ask`, if there is one.
    pub llm: Option<Llm>,
    /// What ranks the hits of `search` anew, if it is there.
    pub embeddings: Option<Endpoint>,
    /// The key of the pseudonyms, if there is one.
    pub pseudonym_key: Option<Secret>,
    /// Whether sources are asked to filter and mask; off only to compare answers.
    pub pushdown: bool,
}

/// Where HTTP is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The URL clients know the server by, without a slash at its end.
    pub public_url: Option<String>,
    /// Hosts that clients may name beside the address and the public URL.
    pub allowed_hosts: Vec<String>,
    /// Origins of browsers that may call.
    pub allowed_origins: Vec<String>,
    /// Connections at a time.
    pub max_connections: Option<usize>,
    /// Requests at a time.
    pub max_requests: Option<usize>,
    /// How long requests are still taken after the process was told to stop.
    pub shutdown_notice: Duration,
    /// Where operators are served, if they are.
    pub metrics_listen: Option<SocketAddr>,
    /// What TLS is served with, if it is.
    pub tls: Option<Tls>,
}

/// What TLS is served with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The file of the certificate and what leads to its authority.
    pub certificate: PathBuf,
    /// The certificate's key, in PEM form.
    pub key: Secret,
    /// The file of the key, where it is in one.
    pub key_file: Option<PathBuf>,
    /// The file of the authorities whose certificates clients may show.
    pub client_ca: Option<PathBuf>,
    /// Whether every connection has to show one.
    pub client_required: bool,
}

/// Who may call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// The user of the machine, over stdio.
    pub local: Option<LocalUser>,
    /// The file of the API keys, over HTTP.
    pub api_keys: Option<PathBuf>,
    /// The identity providers whose tokens are taken over HTTP.
    pub oidc: Vec<TokenProvider>,
    /// Holders of client certificates.
    pub certificates: Vec<CertificateRule>,
    /// Proxies whose headers are believed.
    pub proxies: Vec<TrustedProxy>,
}

/// The user of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalUser {
    /// The name, for audit.
    pub user: String,
    /// The roles by name.
    pub roles: Vec<String>,
    /// What row filters know as `user.*`.
    pub attributes: BTreeMap<String, Attribute>,
}

/// What engine a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// PostgreSQL.
    Postgres,
    /// Oracle Database.
    Oracle,
    /// Microsoft SQL Server.
    SqlServer,
    /// SQLite.
    Sqlite,
}

impl Kind {
    /// The kind as it is written in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Postgres => "postgres",
            Kind::Oracle => "oracle",
            Kind::SqlServer => "sqlserver",
            Kind::Sqlite => "sqlite",
        }
    }
}

/// How Oracle is talked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OracleDriver {
    /// A driver in pure Rust; nothing to install.
    #[default]
    Thin,
    /// Oracle's own client libraries.
    Thick,
}

/// One database.
#[derive(Debug, Clone)]
pub struct Source {
    /// The first part of its tables' names.
    pub name: String,
    /// The engine.
    pub kind: Kind,
    /// Where it is, with credentials. SQLite resolves a relative path against
    /// [`Config::directory`].
    pub url: Secret,
    /// The schemas to offer; empty offers all that the login sees.
    pub schemas: Vec<String>,
    /// The driver of an Oracle source; other kinds have one each.
    pub driver: OracleDriver,
    /// Whether it is served although its login may do more than read.
    pub over_privileged: bool,
    /// How its sessions are told who asks, if they are.
    pub identity: Option<IdentityMap>,
    /// What it may be asked to carry.
    pub budget: Budget,
    /// How often it may be asked, and for how much a day.
    pub limits: SourceLimits,
    /// Above what of its own estimate a statement is refused, if it is asked.
    pub refuse_above: Option<RefuseAbove>,
}

/// What one statement may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Rows of one page.
    pub rows: usize,
    /// Bytes of one page.
    pub bytes: usize,
    /// Time from request to answer.
    pub time: Duration,
    /// Memory of all statements together.
    pub memory: usize,
    /// Bytes on disk of all statements together, for what does not fit into memory.
    pub spill: u64,
    /// Statements that run at the same time.
    pub concurrency: usize,
    /// Memory of the whole process.
    pub process_memory: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rows: 1_000,
            bytes: 1 << 20,
            time: Duration::from_secs(30),
            memory: 512 << 20,
            spill: 16 << 30,
            concurrency: 32,
            process_memory: Some(2 << 30),
        }
    }
}

/// How results are kept for `fetch`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Results {
    /// How long after its last use.
    pub ttl: Duration,
    /// Bytes of all kept results together.
    pub memory: usize,
    /// Where replicas share them, if they do.
    pub shared: Option<Shared>,
    /// What is taken out of them.
    pub redact: Redact,
}

/// Where replicas share results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    /// The PostgreSQL URL.
    pub store: Secret,
    /// The key that seals them; the same for every replica.
    pub key: Secret,
}

/// What is taken out of answers because it looks like a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redact {
    /// Whether anything is.
    pub on: bool,
    /// More kinds of secrets than are known.
    pub rules: Vec<RedactRule>,
    /// Roles that are shown everything, with their lines in the file.
    pub except: Vec<(String, u64)>,
}

/// A kind of secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedactRule {
    /// What receipts call it.
    pub name: String,
    /// A regular expression.
    pub pattern: String,
    /// Its line in the file.
    pub line: u64,
}

impl Default for Redact {
    fn default() -> Self {
        Self { on: true, rules: Vec::new(), except: Vec::new() }
    }
}

impl Default for Results {
    fn default() -> Self {
        let redact = Redact::default();
        Self { ttl: Duration::from_secs(15 * 60), memory: 128 << 20, shared: None, redact }
    }
}

/// How the catalog is kept fresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    /// Time between two discoveries of a source.
    pub refresh: Duration,
    /// Rows of each table that are read for the values that search knows.
    pub values: u32,
    /// The file of what was taken in, if the catalog is locked.
    pub lock: Option<PathBuf>,
}

impl Default for Catalog {
    fn default() -> Self {
        Self { refresh: Duration::from_secs(5 * 60), values: 100, lock: None }
    }
}

impl Config {
    /// Reads and checks the configuration at `path` and resolves its secrets.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, each with file, line and key.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            ConfigErrors(vec![ConfigError::new(path, 0, "", format!("cannot be read: {error}"))])
        })?;
        Self::parse(path, text, &|name| std::env::var(name).ok())
    }

    /// Checks `text` as the configuration at `path`, with `environment` for `env:` references.
    ///
    /// # Errors
    ///
    /// As [`Config::load`].
    pub fn parse(
        path: &Path,
        text: String,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigErrors> {
        validate::validate(path, text, environment)
    }

    /// The file the configuration came from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory of the file, against which relative paths are resolved.
    pub fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// The file's text, in which the policy reads the roles. It holds references, no secrets.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Who may call over HTTP: it is not served where nobody may.
    ///
    /// # Errors
    ///
    /// Where neither API keys nor an identity provider is configured.
    pub fn require_http_identity(&self) -> Result<&Identity, ConfigError> {
        let Identity { api_keys, oidc, certificates, proxies, .. } = &self.identity;
        let none = oidc.is_empty() && certificates.is_empty() && proxies.is_empty();
        let known = api_keys.is_some() || !none;
        known.then_some(&self.identity).ok_or_else(|| {
            self.missing(
                "identity.api_keys",
                "HTTP is served to known callers only: set `api_keys: { file: keys.yaml }`, or an \
                 identity provider in `oidc: [...]`",
            )
        })
    }

    /// The user of the machine: stdio is not served without one.
    ///
    /// # Errors
    ///
    /// Where none is configured.
    pub fn require_local_identity(&self) -> Result<&LocalUser, ConfigError> {
        self.identity.local.as_ref().ok_or_else(|| {
            self.missing(
                "identity.local",
                "stdio is served to a known user only: set `local: { user: ..., roles: [...] }`",
            )
        })
    }

    fn missing(&self, key: &str, message: &str) -> ConfigError {
        ConfigError::new(&self.path, 0, key, message)
    }
}
