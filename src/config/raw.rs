//! The configuration as it is written, before anything is checked.

use super::audit::RawAudit;
use super::console::RawConsole;
use super::endpoint::{RawEmbeddings, RawLlm};
use super::engine::RawEngine;
use super::oidc::RawProvider;
use super::plans::{RawPlan, RawRefuseAbove, RawUsage};
use super::trust::{RawCertificateRule, RawProxy, RawTls};
use super::units::{Size, Span};
use super::vault::RawVault;
use schemars::JsonSchema;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_saphyr::Spanned;
use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};

/// The JSON Schema of `celosia.yaml`, with the policy's schema of the key `roles`.
pub fn schema(mut roles: Value) -> Value {
    let mut schema = schemars::schema_for!(RawConfig).to_value();
    let definitions = roles.get_mut("$defs").map(Value::take);
    if let Some(roles) = roles.as_object_mut() {
        roles.remove("$defs");
        roles.remove("$schema");
        roles.remove("title");
    }
    if let Some(Value::Object(definitions)) = definitions {
        for (name, definition) in definitions {
            schema["$defs"][name] = definition;
        }
    }
    roles["description"] = "What each role opens, and to whom.".into();
    schema["properties"]["roles"] = roles;
    schema
}

/// `celosia.yaml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Celosia configuration")]
pub(super) struct RawConfig {
    /// The version of the format: 1.
    #[schemars(with = "u32")]
    pub(super) version: Spanned<u32>,
    /// Where HTTP is served.
    #[serde(default)]
    pub(super) server: RawServer,
    /// Who may call.
    #[serde(default)]
    pub(super) identity: RawIdentity,
    /// The databases; a name is the first part of the names of its tables.
    #[schemars(with = "BTreeMap<String, RawSource>")]
    pub(super) sources: BTreeMap<String, Spanned<RawSource>>,
    /// Read by the policy.
    #[serde(default)]
    #[schemars(with = "Value")]
    #[expect(dead_code, reason = "the policy reads the roles from the same text")]
    pub(super) roles: Option<IgnoredAny>,
    /// The directory of the masking rules.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    pub(super) masking_rules: Option<Spanned<String>>,
    /// Policy tests that `celosia check` runs: a directory or a file.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    pub(super) policy_tests: Option<Spanned<String>>,
    /// The directory of the semantic layer.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    pub(super) semantics: Option<Spanned<String>>,
    /// Where secrets are that are referred to as `vault:MOUNT/PATH#FIELD`.
    #[serde(default, deserialize_with = "given")]
    pub(super) vault: Option<RawVault>,
    /// Secrets, by reference.
    #[serde(default)]
    pub(super) keys: RawKeys,
    /// Where statements are recorded.
    #[serde(default)]
    pub(super) audit: RawAudit,
    /// What one statement may cost.
    #[serde(default)]
    pub(super) limits: RawLimits,
    /// What callers may ask for, by the plan's name. Roles and API keys name a plan; `default` is everybody else's.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, RawPlan>")]
    pub(super) plans: BTreeMap<String, Spanned<RawPlan>>,
    /// Where it is written down what callers used.
    #[serde(default)]
    pub(super) usage: RawUsage,
    /// How results are kept.
    #[serde(default)]
    pub(super) results: RawResults,
    /// How the catalog is kept fresh.
    #[serde(default)]
    pub(super) catalog: RawCatalog,
    /// Where statements run that one machine cannot hold; absent: nowhere.
    #[serde(default, deserialize_with = "given")]
    pub(super) engine: Option<RawEngine>,
    /// The page for people, at `/console`.
    #[serde(default)]
    pub(super) console: RawConsole,
    /// A language model that writes statements for the tool `ask`; absent: there is no such tool.
    #[serde(default, deserialize_with = "given")]
    pub(super) llm: Option<RawLlm>,
    /// A model of embeddings that ranks the first hits of `search` anew; absent: words alone rank.
    #[serde(default, deserialize_with = "given")]
    pub(super) embeddings: Option<RawEmbeddings>,
    /// Whether sources filter and mask; off only to compare answers.
    #[serde(default)]
    #[schemars(skip)]
    pub(super) pushdown: Option<bool>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawServer {
    /// The address, such as `127.0.0.1:8017`.
    #[schemars(with = "Option<String>")]
    pub(super) listen: Option<Spanned<String>>,
    /// The URL clients know the server by.
    #[schemars(with = "Option<String>")]
    pub(super) public_url: Option<Spanned<String>>,
    /// More hosts that clients may name, such as `data.example.org:443`.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) allowed_hosts: Vec<Spanned<String>>,
    /// Origins of browsers that may call, such as `https://app.example.org`.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) allowed_origins: Vec<Spanned<String>>,
    /// Connections at a time (1024); more wait.
    pub(super) max_connections: Option<NonZeroUsize>,
    /// Requests at a time, those that wait for a place among the statements among them; one more is answered with 429.
    /// Three times `limits.concurrency` unless given.
    pub(super) max_requests: Option<NonZeroUsize>,
    /// How long requests are still taken after the process was told to stop, while `/readyz` already says that it is not
    /// ready, such as `5s` (0): what a load balancer needs to notice.
    #[schemars(with = "Option<String>")]
    pub(super) shutdown_notice: Option<Span>,
    /// Serves `/metrics` and what `/readyz` says of each source at an address of its own, such as `127.0.0.1:9464`; absent:
    /// nowhere. Nobody is asked who they are there: give an address that only the operators' network reaches.
    #[schemars(with = "Option<String>")]
    pub(super) metrics_listen: Option<Spanned<String>>,
    /// Serves TLS; absent: plain HTTP.
    #[serde(default, deserialize_with = "given")]
    pub(super) tls: Option<RawTls>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawIdentity {
    /// The user of the machine, over stdio only.
    pub(super) local: Option<RawLocal>,
    /// The API keys, over HTTP.
    pub(super) api_keys: Option<RawApiKeys>,
    /// Identity providers (OpenID Connect, OAuth 2.1) whose tokens are taken over HTTP.
    #[serde(default)]
    pub(super) oidc: Vec<RawProvider>,
    /// Who the holders of client certificates are; needs `server.tls.client_ca`.
    #[serde(default)]
    pub(super) certificates: Vec<RawCertificateRule>,
    /// Proxies whose headers say who calls.
    #[serde(default)]
    pub(super) proxies: Vec<RawProxy>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLocal {
    /// The name, for audit.
    #[schemars(with = "String")]
    pub(super) user: Spanned<String>,
    /// The roles by name.
    #[serde(default)]
    pub(super) roles: Vec<String>,
    /// What row filters know as `user.*`.
    #[serde(default)]
    pub(super) attributes: BTreeMap<String, RawAttribute>,
}

/// A value of an attribute.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum RawAttribute {
    /// TRUE or FALSE.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<RawAttribute>),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawApiKeys {
    /// The file.
    #[schemars(with = "String")]
    pub(super) file: Spanned<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSource {
    /// The engine.
    #[schemars(with = "RawKind")]
    pub(super) kind: Spanned<RawKind>,
    /// `env:NAME`, `file:path`, or a URL without a password.
    #[schemars(with = "String")]
    pub(super) url: Spanned<String>,
    /// The schemas to offer; absent or empty offers all that the login sees.
    #[serde(default)]
    pub(super) schemas: Vec<String>,
    /// The driver of an Oracle source: `thin` (the default) or `thick`, which needs Oracle's client.
    #[schemars(with = "Option<RawDriver>")]
    pub(super) driver: Option<Spanned<RawDriver>>,
    /// `refused` (the default), or `accepted`: the source is served although its login may do more than read.
    pub(super) over_privileged: Option<RawPrivilege>,
    /// Tells the source's sessions who asks, so that row-level security and auditing there work; absent: nobody is named.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<RawSourceIdentity>")]
    pub(super) identity: Option<Spanned<RawSourceIdentity>>,
    /// Statements that run at the same time.
    pub(super) concurrency: Option<NonZeroUsize>,
    /// Sessions that may read one large table at the same time (not of SQLite); 1 unless given, `concurrency` at most.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<NonZeroUsize>")]
    pub(super) readers: Option<Spanned<NonZeroUsize>>,
    /// Statements that may wait for a place.
    pub(super) queue: Option<usize>,
    /// The longest a statement may run, such as `30s`.
    #[schemars(with = "Option<String>")]
    pub(super) timeout: Option<Span>,
    /// Bytes one statement may return, such as `64MiB`.
    #[schemars(with = "Option<String>")]
    pub(super) bytes: Option<Size>,
    /// Statements that are sent a second, on average; one too many waits for its turn.
    #[serde(default, deserialize_with = "given")]
    pub(super) statements_per_second: Option<f64>,
    /// Statements that may be sent at once; twice `statements_per_second` unless given.
    #[serde(default, deserialize_with = "given")]
    pub(super) burst: Option<NonZeroU32>,
    /// Refuses a statement of which the source itself expects too much (PostgreSQL); it is asked before each one.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<RawRefuseAbove>")]
    pub(super) refuse_above: Option<Spanned<RawRefuseAbove>>,
    /// Rows it may return to all callers together in one day (UTC); needs `usage.file`.
    #[serde(default, deserialize_with = "given")]
    pub(super) rows_per_day: Option<NonZeroU64>,
}

/// Who a source's sessions are. Without entries only the user's name is told; with some, somebody whom no entry
/// names is refused.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSourceIdentity {
    /// Database roles (PostgreSQL) or users (SQL Server) by role: `analyst: sales_reader`.
    #[serde(default)]
    pub(super) roles: BTreeMap<String, String>,
    /// The same by user; goes before `roles`.
    #[serde(default)]
    pub(super) users: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawKind {
    Postgres,
    Oracle,
    SqlServer,
    Sqlite,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawPrivilege {
    /// The source is not served.
    Refused,
    /// It is.
    Accepted,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawDriver {
    /// In pure Rust; nothing to install.
    Thin,
    /// Oracle's own client libraries: native network encryption, Kerberos, LDAP, wallets.
    Thick,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawKeys {
    /// The key of the pseudonyms: `env:NAME` or `file:path`.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    pub(super) pseudonym: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLimits {
    /// Rows of one page.
    pub(super) rows: Option<NonZeroUsize>,
    /// Bytes of one page, such as `1MiB`.
    #[schemars(with = "Option<String>")]
    pub(super) bytes: Option<Size>,
    /// Time from request to answer, such as `30s`.
    #[schemars(with = "Option<String>")]
    pub(super) time: Option<Span>,
    /// Memory of all statements together, such as `512MiB`.
    #[schemars(with = "Option<String>")]
    pub(super) memory: Option<Size>,
    /// Disk of all statements together, for sorts and joins that do not fit into memory, such as `16GiB` (the default).
    /// It is used below the directory that TMPDIR names.
    #[schemars(with = "Option<String>")]
    pub(super) spill: Option<Size>,
    /// Statements that run at the same time.
    pub(super) concurrency: Option<NonZeroUsize>,
    /// Memory of the whole process, such as `2GiB` (the default, or more where `memory` is more): near it, the statement that
    /// holds most is ended. Set it below what the machine or the container has.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    pub(super) process_memory: Option<Spanned<Size>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawResults {
    /// How long after its last use, such as `15m`.
    #[schemars(with = "Option<String>")]
    pub(super) ttl: Option<Span>,
    /// Bytes of all kept results together, such as `128MiB`.
    #[schemars(with = "Option<String>")]
    pub(super) memory: Option<Size>,
    /// Where replicas share them, so that any replica goes on with a result of another; absent: each has its own.
    pub(super) shared: Option<RawShared>,
    /// `on` (the default) takes what looks like a secret out of answers, `off` shows it.
    pub(super) redact: Option<RawRedact>,
    /// More kinds of secrets.
    #[serde(default)]
    #[schemars(with = "Vec<RawSecretRule>")]
    pub(super) redact_rules: Vec<Spanned<RawSecretRule>>,
    /// Roles that are shown everything.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) redact_except: Vec<Spanned<String>>,
}

/// Where replicas share results.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawShared {
    /// A PostgreSQL URL, by reference.
    #[schemars(with = "String")]
    pub(super) store: Spanned<String>,
    /// The key that seals them (32 characters or more), by reference; the same for every replica.
    #[schemars(with = "String")]
    pub(super) key: Spanned<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawRedact {
    /// Secrets are taken out.
    On,
    /// Secrets are shown.
    Off,
}

/// What a kind of secret looks like.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSecretRule {
    /// What receipts call it.
    pub(super) name: String,
    /// A regular expression; where it has a group `(?<secret>...)`, only that part is taken out.
    pub(super) pattern: String,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCatalog {
    /// Time between two discoveries of a source, such as `5m`.
    #[schemars(with = "Option<String>")]
    pub(super) refresh: Option<Span>,
    /// Rows of each table (not of views) that are read so that `search` knows some values (100); 0 reads none. A caller
    /// finds only values of columns whose every cell is open to them.
    #[serde(default)]
    pub(super) values: Option<u32>,
    /// The file of the tables and columns that were taken in, such as `catalog.lock.yaml`; what is not in
    /// it is hidden. `celosia catalog accept` writes it. Absent: nothing is held back.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    pub(super) lock: Option<Spanned<String>>,
}

/// A key that may be absent, but not blank.
pub(super) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    input: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(input).map(Some)
}
