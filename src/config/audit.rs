//! `audit`: where statements are recorded, what proves it, and who else gets the records.

use super::raw::given;
use super::secret::{Secret, holds_password};
use super::units::{Size, Span};
use super::validate::Checker;
use crate::model::is_provider_url;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;
use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

/// Where statements are recorded.
#[derive(Debug, Clone)]
pub struct Audit {
    /// The store.
    pub store: AuditStore,
    /// What a record survives before an answer leaves.
    pub durability: Durability,
    /// The replica's name, under which it writes to a store that is shared.
    pub instance: Option<String>,
    /// The key of the chain.
    pub key: Option<Secret>,
    /// The key of the digests of literals.
    pub literals: Option<Secret>,
    /// The key of raw statements, and how long a user's data key is used.
    pub raw_sql: Option<(Secret, Duration)>,
    /// What signs and anchors the chain.
    pub checkpoints: Option<AuditCheckpoints>,
    /// Who else gets the records.
    pub sinks: Vec<AuditSink>,
}

/// A store of records.
#[derive(Debug, Clone)]
pub enum AuditStore {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL URL.
    Postgres(Secret),
}

/// What an audit record survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The end of our process.
    Process,
    /// The end of the machine.
    Disk,
}

/// What signs and anchors a chain.
#[derive(Debug, Clone)]
pub struct AuditCheckpoints {
    /// Records between two checkpoints.
    pub records: u64,
    /// Time between two checkpoints.
    pub interval: Duration,
    /// The private key, in PEM.
    pub signing_key: Option<Secret>,
    /// The file that heads are appended to.
    pub anchor_file: Option<PathBuf>,
    /// The command that gets heads.
    pub anchor_command: Option<Vec<String>>,
}

/// Somebody else who gets the records.
#[derive(Debug, Clone)]
pub struct AuditSink {
    /// Its name.
    pub name: String,
    /// Whether it gets the records as they are stored, instead of OCSF events.
    pub as_stored: bool,
    /// Where it is required: by how many records it may lag.
    pub required: Option<u64>,
    /// Where it is.
    pub target: AuditTarget,
}

/// Where a sink is.
#[derive(Debug, Clone)]
pub enum AuditTarget {
    /// A file of lines: its path, the size at which it is put aside, and how many are kept aside.
    Jsonl(PathBuf, u64, usize),
    /// `udp://`, `tcp://` or `unix://`.
    Syslog(String),
    /// A URL, headers, and the certificates to trust.
    Otlp(String, Vec<(String, Secret)>, Option<PathBuf>),
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAudit {
    /// `sqlite:` and a path, or a PostgreSQL URL by `env:NAME` or `file:path`.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    store: Option<Spanned<String>>,
    /// What a record survives before an answer leaves: `process` (the default) or `disk`.
    durability: Option<RawDurability>,
    /// The name of this replica's chain in PostgreSQL; the machine's name unless given.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    instance: Option<Spanned<String>>,
    /// The key of the chain: `env:NAME` or `file:path`.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    key: Option<Spanned<String>>,
    /// The key of the digests of literals: `env:NAME` or `file:path`. Absent: there are none.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    literals: Option<Spanned<String>>,
    /// Keeps statements as they were sent, encrypted.
    #[serde(default, deserialize_with = "given")]
    raw_sql: Option<RawRawSql>,
    /// Signs and anchors the chain.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<RawCheckpoints>")]
    checkpoints: Option<Spanned<RawCheckpoints>>,
    /// Who else gets the records, by name.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, RawSink>")]
    sinks: BTreeMap<String, Spanned<RawSink>>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum RawDurability {
    /// The end of our process, also a sudden one.
    Process,
    /// A power cut too; each answer then waits for the disk twice.
    Disk,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawRawSql {
    /// The key that wraps data keys (32 bytes): `env:NAME` or `file:path`.
    #[schemars(with = "String")]
    key: Spanned<String>,
    /// How long a user's data key is used; `30d` unless given.
    #[schemars(with = "Option<String>")]
    period: Option<Span>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawCheckpoints {
    /// Records between two checkpoints; 1000 unless given.
    records: Option<NonZeroU64>,
    /// Time between two checkpoints where there is something to sign; `60s` unless given.
    #[schemars(with = "Option<String>")]
    interval: Option<Span>,
    /// The private key (Ed25519, PEM): `env:NAME` or `file:path`.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    signing_key: Option<Spanned<String>>,
    /// Where heads are kept outside of the store.
    anchor: Option<RawAnchor>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawAnchor {
    /// A file that heads are appended to.
    file: Option<String>,
    /// A program and its arguments; it gets each head as a line on its input.
    command: Option<Vec<String>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawSink {
    /// What it is.
    kind: RawSinkKind,
    /// `ocsf` (the default), or `records` as they are stored.
    format: Option<RawFormat>,
    /// Whether nothing is answered while it lags too far behind.
    #[serde(default)]
    required: bool,
    /// By how many records a required sink may lag; 10000 unless given.
    lag: Option<NonZeroU64>,
    /// The file of a `jsonl` sink.
    file: Option<String>,
    /// The size at which a file is put aside; `64MiB` unless given.
    #[schemars(with = "Option<String>")]
    rotate: Option<Size>,
    /// Files that are kept aside; 10 unless given.
    keep: Option<usize>,
    /// Where a `syslog` sink is: `udp://host:514`, `tcp://host:601` or `unix:///dev/log`.
    address: Option<String>,
    /// Where an `otlp` sink takes logs, such as `https://collector.example.org/v1/logs`.
    url: Option<String>,
    /// Headers of each request to it, by `env:NAME` or `file:path`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    headers: BTreeMap<String, Spanned<String>>,
    /// A file of the certificates to trust, in PEM; those of the system unless given.
    ca: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum RawSinkKind {
    /// A file of lines.
    Jsonl,
    /// RFC 5424.
    Syslog,
    /// OpenTelemetry logs by HTTP.
    Otlp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum RawFormat {
    /// OCSF Datastore Activity (6005).
    Ocsf,
    /// The records as they are stored.
    Records,
}

impl Checker<'_> {
    pub(super) fn audit(&mut self, raw: RawAudit) -> Audit {
        let instance = raw.instance.map(|name| {
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            if name.value.is_empty() || !name.value.chars().all(fits) {
                self.error(&name, "audit.instance", "write letters, digits, `-`, `_` and `.`");
            }
            name.value
        });
        let sinks = raw.sinks.into_iter();
        let sinks: Vec<_> = sinks.filter_map(|(name, sink)| self.audit_sink(name, sink)).collect();
        Audit {
            store: self.audit_store(raw.store),
            durability: match raw.durability {
                Some(RawDurability::Process) | None => Durability::Process,
                Some(RawDurability::Disk) => Durability::Disk,
            },
            instance,
            key: raw.key.and_then(|key| self.secret(&key, "audit.key")),
            literals: raw.literals.and_then(|key| self.secret(&key, "audit.literals")),
            raw_sql: raw.raw_sql.and_then(|raw| {
                let period = raw.period.map_or(Duration::from_secs(30 * 86_400), |span| span.0);
                Some((self.secret(&raw.key, "audit.raw_sql.key")?, period))
            }),
            checkpoints: raw.checkpoints.map(|checkpoints| self.audit_checkpoints(checkpoints)),
            sinks,
        }
    }

    fn audit_store(&mut self, raw: Option<Spanned<String>>) -> AuditStore {
        let Some(raw) = raw else { return AuditStore::Sqlite(self.directory.join("audit.db")) };
        let text = match self.resolved(&raw.value) {
            Some(Ok(secret)) => secret,
            Some(Err(message)) => {
                self.error(&raw, "audit.store", message);
                return AuditStore::Sqlite(PathBuf::new());
            }
            None if raw.value.starts_with("postgres") && holds_password(&raw.value) => {
                let message = "a password does not belong here: refer to the URL by `env:NAME` or `file:path`";
                self.error(&raw, "audit.store", message);
                return AuditStore::Sqlite(PathBuf::new());
            }
            None => Secret::new(raw.value.as_str()),
        };
        let url = text.expose();
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return AuditStore::Postgres(text);
        }
        match url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path)) {
            Some(path) if !path.is_empty() && !path.contains([':', '?']) => {
                AuditStore::Sqlite(self.directory.join(path))
            }
            _ => {
                let message =
                    "write `sqlite:` and a path, such as sqlite:audit.db, or a PostgreSQL URL";
                self.error(&raw, "audit.store", message);
                AuditStore::Sqlite(PathBuf::new())
            }
        }
    }

    fn audit_checkpoints(&mut self, raw: Spanned<RawCheckpoints>) -> AuditCheckpoints {
        let line = raw.defined.line();
        let raw = raw.value;
        let signing_key = raw.signing_key;
        let has_anchor = raw.anchor.is_some();
        let anchor = raw.anchor;
        if signing_key.is_none() && anchor.is_none() {
            let message = "name a signing_key, an anchor, or both";
            self.at(line, "audit.checkpoints", message);
        }
        let (file, command) = anchor.map_or((None, None), |a| (Some(a.file), Some(a.command)));
        let (file, command) = (file.flatten(), command.flatten());
        let one = file.is_some() != command.is_some();
        let is_empty = command.as_ref().is_some_and(Vec::is_empty);
        if has_anchor && (!one || is_empty) {
            self.at(line, "audit.checkpoints.anchor", "name a file or a command");
        }
        AuditCheckpoints {
            records: raw.records.map_or(1_000, NonZeroU64::get),
            interval: raw.interval.map_or(Duration::from_secs(60), |span| span.0),
            signing_key: signing_key
                .and_then(|key| self.secret(&key, "audit.checkpoints.signing_key")),
            anchor_file: file.map(|file| self.directory.join(file)),
            anchor_command: command,
        }
    }

    fn audit_sink(&mut self, name: String, raw: Spanned<RawSink>) -> Option<AuditSink> {
        let line = raw.defined.line();
        let raw = raw.value;
        let key = format!("audit.sinks.{name}");
        let fit = [
            ("file", raw.file.is_some(), raw.kind == RawSinkKind::Jsonl),
            ("rotate", raw.rotate.is_some(), raw.kind == RawSinkKind::Jsonl),
            ("keep", raw.keep.is_some(), raw.kind == RawSinkKind::Jsonl),
            ("address", raw.address.is_some(), raw.kind == RawSinkKind::Syslog),
            ("url", raw.url.is_some(), raw.kind == RawSinkKind::Otlp),
            ("headers", !raw.headers.is_empty(), raw.kind == RawSinkKind::Otlp),
            ("ca", raw.ca.is_some(), raw.kind == RawSinkKind::Otlp),
            ("lag", raw.lag.is_some(), raw.required),
        ];
        for (part, _, _) in fit.iter().filter(|(_, given, fits)| *given && !fits) {
            self.at(line, format!("{key}.{part}"), "this sink has no such key");
        }
        let target = match raw.kind {
            RawSinkKind::Jsonl => raw.file.filter(|file| !file.is_empty()).map(|file| {
                let rotate = raw.rotate.map_or(64 << 20, |size| size.0 as u64);
                AuditTarget::Jsonl(self.directory.join(file), rotate, raw.keep.unwrap_or(10))
            }),
            RawSinkKind::Syslog => raw.address.map(AuditTarget::Syslog),
            RawSinkKind::Otlp => {
                let headers = raw.headers.into_iter().filter_map(|(header, value)| {
                    let secret = self.secret(&value, &format!("{key}.headers.{header}"))?;
                    Some((header, secret))
                });
                let headers: Vec<_> = headers.collect();
                let ca = raw.ca.map(|ca| self.directory.join(ca));
                let url = raw.url.filter(|url| is_provider_url(url));
                url.map(|url| AuditTarget::Otlp(url, headers, ca))
            }
        };
        let Some(target) = target else {
            let message = "a jsonl sink has a `file`, a syslog sink an `address`, an otlp sink a `url` of https";
            self.at(line, key, message);
            return None;
        };
        let required = raw.required.then(|| raw.lag.map_or(10_000, NonZeroU64::get));
        Some(AuditSink {
            name,
            as_stored: raw.format == Some(RawFormat::Records),
            required,
            target,
        })
    }
}
