//! `celosia audit`: verifying, exporting, looking things up, erasing; and the audit of a server.

use super::Failure;
use crate::audit::{
    self, Anchor, AuditLog, ChainKey, Checkpoints, Durability, Format, Header, Intent, LiteralKey,
    Location, MasterKey, Proofs, PublicKey, Raw, Selection, Settings, Shown, SigningKey,
    SinkSettings, SyslogAddress, Target, VerifyReport, host_name,
};
use crate::config::{self, AuditStore, AuditTarget, Config, Secret};
use crate::identity::establish_local;
use crate::model::{Outcome, QueryId};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Find a record that was altered, removed or reordered, and an end that was cut off
    Verify {
        #[command(flatten)]
        place: Place,
        /// The chain's key, by env:NAME or file:path, instead of the configured one
        #[arg(long)]
        key: Option<String>,
        /// The public key that checkpoints must be signed with, or file:path
        #[arg(long)]
        public_key: Option<String>,
        /// A file with the heads that were kept outside of the store
        #[arg(long)]
        anchor: Option<PathBuf>,
    },
    /// Print the public key that checkpoints are signed with
    PublicKey {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
    },
    /// Write the records to standard output, one a line
    Export {
        #[command(flatten)]
        place: Place,
        /// What a line is
        #[arg(long, value_enum, default_value_t = ExportFormat::Ocsf)]
        format: ExportFormat,
        #[command(flatten)]
        filter: Filter,
    },
    /// Show records, and what was asked in the words it was asked in where that is kept
    Show {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
        #[command(flatten)]
        filter: Filter,
    },
    /// Say who asked for a value: the records whose statements named it
    Find {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
        /// The value
        #[arg(long)]
        value: String,
    },
    /// Destroy the keys of what a user asked: the chain stays whole, the words are gone
    Erase {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
        /// The user's name
        #[arg(long)]
        user: String,
    },
    /// Drop old segments; a signed tombstone stands for them
    Retain {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
        /// How long records are kept
        #[arg(long)]
        days: u64,
    },
}

#[derive(Debug, Args)]
pub(super) struct Place {
    /// The configuration file
    #[arg(long, required_unless_present = "store")]
    config: Option<PathBuf>,
    /// The audit store: sqlite:audit.db, or a PostgreSQL URL by env:NAME or file:path
    #[arg(long)]
    store: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Filter {
    /// Records behind this one
    #[arg(long, default_value_t = 0)]
    after: u64,
    /// The records of one statement, by the id in its receipt
    #[arg(long)]
    id: Option<String>,
    /// The records that name this user
    #[arg(long)]
    user: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum ExportFormat {
    /// OCSF Datastore Activity (6005)
    Ocsf,
    /// The records as they are stored, with their hashes
    Jsonl,
}

/// Runs a command.
pub(super) async fn run(command: AuditCommand) -> Result<(), Failure> {
    match command {
        AuditCommand::Verify { place, key, public_key, anchor } => {
            verify(&place, key.as_deref(), public_key.as_deref(), anchor).await
        }
        AuditCommand::PublicKey { config } => {
            let config = Config::load(&config)?;
            writeln!(std::io::stdout(), "{}", signing_key(&config)?.public())?;
            Ok(())
        }
        AuditCommand::Export { place, format, filter } => {
            let format = match format {
                ExportFormat::Ocsf => Format::Ocsf,
                ExportFormat::Jsonl => Format::Records,
            };
            let store = place.store()?.0;
            let mut out = std::io::BufWriter::new(std::io::stdout());
            let write = |line: String| writeln!(out, "{line}");
            audit::export(&store, format, &filter.selection(), write).await?;
            Ok(out.flush()?)
        }
        AuditCommand::Show { config, filter } => {
            let config = Config::load(&config)?;
            show(&config, &filter.selection()).await
        }
        AuditCommand::Find { config, value } => {
            let config = Config::load(&config)?;
            let key = literal_key(&config)?.ok_or(
                "there is no audit.literals in the configuration: \
                 statements are recorded without the digests of their values",
            )?;
            let selection = Selection { literal: Some(key.digest(&value)), ..Selection::default() };
            show(&config, &selection).await
        }
        AuditCommand::Erase { config, user } => erase(&Config::load(&config)?, &user).await,
        AuditCommand::Retain { config, days } => retain(&Config::load(&config)?, days).await,
    }
}

/// The audit of a server.
pub(super) async fn start(config: &Config) -> Result<Arc<AuditLog>, Failure> {
    Ok(AuditLog::start(settings(config)?).await?)
}

/// Whether an audit could be made of the configuration: its keys and addresses are what they should be.
pub(super) fn check(config: &Config) -> Result<(), Failure> {
    settings(config).map(drop)
}

fn settings(config: &Config) -> Result<Settings, Failure> {
    let audit = &config.audit;
    let sinks = audit.sinks.iter().map(|sink| self::sink(config, sink));
    Ok(Settings {
        store: location(config)?,
        durability: match audit.durability {
            config::Durability::Process => Durability::Process,
            config::Durability::Disk => Durability::Disk,
        },
        instance: audit.instance.clone().unwrap_or_else(host_name),
        key: chain_key(config)?,
        literals: literal_key(config)?,
        raw_sql: match &audit.raw_sql {
            Some((key, period)) => Some((master_key(config, key)?, *period)),
            None => None,
        },
        checkpoints: checkpoints(config)?,
        sinks: sinks.collect::<Result<_, Failure>>()?,
    })
}

pub(super) fn location(config: &Config) -> Result<Location, Failure> {
    Ok(match &config.audit.store {
        AuditStore::Sqlite(path) => Location::Sqlite(path.clone()),
        AuditStore::Postgres(url) => Location::parse(url.expose())?,
    })
}

fn wrong(config: &Config, key: &str, why: impl std::fmt::Display) -> Failure {
    format!("{}: {key}: {why}", config.path().display()).into()
}

const SHORT: &str = "the key is too short; make one with `openssl rand -hex 32`";

fn chain_key(config: &Config) -> Result<Option<ChainKey>, Failure> {
    let Some(key) = &config.audit.key else { return Ok(None) };
    let key = ChainKey::new(key.expose().as_bytes());
    Ok(Some(key.ok_or_else(|| wrong(config, "audit.key", SHORT))?))
}

pub(super) fn literal_key(config: &Config) -> Result<Option<LiteralKey>, Failure> {
    let Some(key) = &config.audit.literals else { return Ok(None) };
    let key = LiteralKey::new(key.expose().as_bytes());
    Ok(Some(key.ok_or_else(|| wrong(config, "audit.literals", SHORT))?))
}

fn master_key(config: &Config, key: &Secret) -> Result<MasterKey, Failure> {
    MasterKey::parse(key.expose()).map_err(|why| wrong(config, "audit.raw_sql.key", why))
}

fn signing_key(config: &Config) -> Result<SigningKey, Failure> {
    let name = "audit.checkpoints.signing_key";
    let key = config.audit.checkpoints.as_ref().and_then(|c| c.signing_key.as_ref());
    let key = key.ok_or_else(|| wrong(config, name, "is not set"))?;
    SigningKey::parse(key.expose()).map_err(|why| wrong(config, name, why))
}

fn checkpoints(config: &Config) -> Result<Option<Checkpoints>, Failure> {
    let Some(checkpoints) = &config.audit.checkpoints else { return Ok(None) };
    let signing = checkpoints.signing_key.as_ref().map(|_| signing_key(config)).transpose()?;
    let file = checkpoints.anchor_file.clone().map(Anchor::File);
    Ok(Some(Checkpoints {
        records: checkpoints.records,
        interval: checkpoints.interval,
        signing,
        anchor: file.or_else(|| checkpoints.anchor_command.clone().map(Anchor::Command)),
    }))
}

fn sink(config: &Config, sink: &config::AuditSink) -> Result<SinkSettings, Failure> {
    let target = match &sink.target {
        AuditTarget::Jsonl(file, rotate, keep) => {
            Target::Jsonl { file: file.clone(), rotate: *rotate, keep: *keep }
        }
        AuditTarget::Syslog(address) => {
            let parsed = SyslogAddress::parse(address);
            let why = "write udp://host:514, tcp://host:601 or unix:///dev/log";
            let name = format!("audit.sinks.{}.address", sink.name);
            Target::Syslog(parsed.ok_or_else(|| wrong(config, &name, why))?)
        }
        AuditTarget::Otlp(url, headers, ca) => {
            let headers = headers.iter();
            let headers = headers.map(|(n, v)| (n.clone(), Header(v.expose().to_string())));
            Target::Otlp { url: url.clone(), headers: headers.collect(), ca: ca.clone() }
        }
    };
    let format = if sink.as_stored { Format::Records } else { Format::Ocsf };
    Ok(SinkSettings { name: sink.name.clone(), format, required: sink.required, target })
}

impl Place {
    /// The store, and the configuration if it was named by one.
    fn store(&self) -> Result<(Location, Option<Config>), Failure> {
        match (&self.store, &self.config) {
            (Some(store), _) => Ok((Location::parse(&referred(store)?)?, None)),
            (None, Some(config)) => {
                let config = Config::load(config)?;
                Ok((location(&config)?, Some(config)))
            }
            (None, None) => {
                Err("name a configuration with --config or a store with --store".into())
            }
        }
    }
}

impl Filter {
    fn selection(self) -> Selection {
        Selection { after: self.after, id: self.id, user: self.user, literal: None }
    }
}

/// What `env:NAME` or `file:path` stands for, or the text itself.
fn referred(text: &str) -> Result<String, Failure> {
    let found = match (text.strip_prefix("env:"), text.strip_prefix("file:")) {
        (Some(name), _) => std::env::var(name).map_err(|_| format!("{name} is not set"))?,
        (_, Some(path)) => std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))?,
        _ => text.to_string(),
    };
    Ok(found.trim().to_string())
}

async fn verify(
    place: &Place,
    key: Option<&str>,
    public_key: Option<&str>,
    anchor: Option<PathBuf>,
) -> Result<(), Failure> {
    let (store, config) = place.store()?;
    let (mut proofs, configured) = match &config {
        Some(config) => configured_proofs(config)?,
        None => (Proofs::default(), None),
    };
    let anchor = anchor.or(configured);
    if let Some(key) = key {
        proofs.key = Some(ChainKey::new(referred(key)?.into_bytes()).ok_or(SHORT)?);
    }
    if let Some(key) = public_key {
        proofs.public_key = Some(PublicKey::parse(&referred(key)?)?);
    }
    proofs.anchor = anchor.map(read_anchor).transpose()?;
    for report in audit::verify_all(&store, &proofs).await? {
        tell(&report, &proofs)?;
    }
    Ok(())
}

/// What the configuration says the chain is held against, and the file of the anchor.
fn configured_proofs(config: &Config) -> Result<(Proofs, Option<PathBuf>), Failure> {
    let checkpoints = checkpoints(config)?;
    let public_key = checkpoints.as_ref().and_then(|c| Some(c.signing.as_ref()?.public()));
    let anchor = checkpoints.and_then(|c| match c.anchor? {
        Anchor::File(path) => Some(path),
        Anchor::Command(_) => None,
    });
    Ok((Proofs { key: chain_key(config)?, public_key, anchor: None }, anchor))
}

/// Gives what the chain is held against, its anchor as of the moment.
pub(super) fn proof_reader(
    config: &Config,
) -> Result<impl Fn() -> Result<Proofs, String> + Send + Sync + 'static, Failure> {
    let (proofs, anchor) = configured_proofs(config)?;
    Ok(move || {
        let text =
            anchor.clone().map(read_anchor).transpose().map_err(|error| error.to_string())?;
        Ok(Proofs { anchor: text, ..proofs.clone() })
    })
}

/// An anchor that is not there is no anchor that agrees.
fn read_anchor(path: PathBuf) -> Result<String, Failure> {
    let text = std::fs::read_to_string(&path);
    text.map_err(|error| format!("the anchor {}: {error}", path.display()).into())
}

fn tell(report: &VerifyReport, proofs: &Proofs) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "the chain holds: {} records ({} refused, {} abandoned, {} without an outcome)",
        report.records, report.refused, report.abandoned, report.unclosed,
    )?;
    if report.chain != "main" {
        writeln!(out, "chain {}", report.chain)?;
    }
    if report.retired > 0 {
        let checked =
            if proofs.public_key.is_some() { "" } else { "; its signature was not checked" };
        writeln!(out, "retention took the first {} away{checked}", report.retired)?;
    }
    if report.unkeyed > 0 {
        writeln!(out, "the first {} were written before the chain had its key", report.unkeyed)?;
    }
    if proofs.public_key.is_some() {
        let (signed, open) = (report.checkpoints, report.unsigned);
        writeln!(out, "{signed} checkpoints are signed, {open} records are behind the last")?;
    }
    if proofs.anchor.is_some() {
        writeln!(out, "{} anchored heads agree", report.anchors)?;
    }
    writeln!(out, "head {}", report.head)?;
    Ok(())
}

async fn show(config: &Config, selection: &Selection) -> Result<(), Failure> {
    let master = config.audit.raw_sql.as_ref();
    let master = master.map(|(key, _)| master_key(config, key)).transpose()?;
    let mut out = std::io::BufWriter::new(std::io::stdout());
    let store = location(config)?;
    audit::show(&store, selection, master.as_ref(), |shown| {
        let mut record = shown.record;
        match shown.raw {
            None => {}
            Some(Raw::Text(text)) => {
                record["raw"] = serde_json::from_str(&text).unwrap_or(serde_json::Value::Null);
            }
            Some(Raw::Erased) => record["raw"] = "erased".into(),
            Some(Raw::Unreadable) => record["raw"] = "not readable with this key".into(),
        }
        writeln!(out, "{record}")
    })
    .await?;
    Ok(out.flush()?)
}

/// A statement that was asked.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) fingerprint: String,
    pub(super) literals: Vec<String>,
    pub(super) raw: Option<Raw>,
    pub(super) answered: bool,
}

/// The statements of these ids, by the id.
pub(super) async fn statements(
    config: &Config,
    ids: &BTreeSet<String>,
) -> Result<BTreeMap<String, Recorded>, Failure> {
    let master = config.audit.raw_sql.as_ref();
    let master = master.map(|(key, _)| master_key(config, key)).transpose()?;
    let mut found = BTreeMap::new();
    let store = location(config)?;
    audit::show(&store, &Selection::default(), master.as_ref(), |Shown { record, raw }| {
        let body = &record["body"];
        let Some(id) = record["id"].as_str().filter(|id| ids.contains(*id)) else { return Ok(()) };
        let text = |value: &Json| value.as_str().unwrap_or_default().to_string();
        match record["kind"].as_str() {
            Some("open") => {
                let literals = body["literals"].as_array().map(|l| l.iter().map(text).collect());
                let (fingerprint, literals) =
                    (text(&body["fingerprint"]), literals.unwrap_or_default());
                let recorded = Recorded { fingerprint, literals, raw, answered: false };
                found.insert(id.to_string(), recorded);
            }
            Some("close") if body["status"] == "answered" => {
                if let Some(recorded) = found.get_mut(id) {
                    recorded.answered = true;
                }
            }
            _ => {}
        }
        Ok(())
    })
    .await?;
    found.retain(|_, recorded| !recorded.fingerprint.is_empty());
    Ok(found)
}

async fn erase(config: &Config, user: &str) -> Result<(), Failure> {
    let store = location(config)?;
    let what = format!("erase what {user} asked");
    let keys = recorded(config, &what, "audit erase", audit::erase(&store, user)).await?;
    writeln!(
        std::io::stdout(),
        "{keys} data keys were destroyed; a server that runs stops using them within seconds"
    )?;
    Ok(())
}

async fn retain(config: &Config, days: u64) -> Result<(), Failure> {
    let settings = settings(config)?;
    let key = signing_key(config)?;
    let age = Duration::from_secs(days.saturating_mul(86_400));
    let sinks: Vec<String> = settings.sinks.iter().map(|sink| sink.name.clone()).collect();
    let (store, chain) = (settings.store.clone(), settings.chain().to_string());
    let what = format!("keep {days} days of records");
    let work = audit::retain(&store, &chain, age, &key, &sinks);
    let gone = recorded(config, &what, "audit retain", work).await?;
    let mut out = std::io::stdout().lock();
    match gone {
        None => writeln!(out, "no signed segment is as old as that as a whole")?,
        Some(gone) => writeln!(
            out,
            "{} records, up to {}, and {} data keys were dropped; a tombstone stands for them",
            gone.records, gone.last, gone.keys
        )?,
    }
    Ok(())
}

/// What an administrator does is a record too: its intent before, its outcome after.
async fn recorded<T>(
    config: &Config,
    what: &str,
    tool: &str,
    work: impl Future<Output = Result<T, audit::AuditError>>,
) -> Result<T, Failure> {
    // The sinks are the server's to feed.
    let settings = Settings { sinks: Vec::new(), checkpoints: None, ..settings(config)? };
    let log = AuditLog::start(settings).await?;
    let user = std::env::var("USER").unwrap_or_else(|_| "administrator".to_string());
    let principal = establish_local(&user, [], Default::default());
    let mut intent = Intent::new(QueryId::random(), &principal, "celosia", tool);
    intent.statement = what.to_string();
    let open = log.open(intent).await?;
    let done = work.await;
    let error = done.as_ref().err().map(|_| "audit_unavailable".to_string());
    let _receipt = log.close(open, &Outcome { error, ..Outcome::default() }).await?;
    log.flush().await;
    Ok(done?)
}
