//! Who else gets the records. Each sink is fed from the store, in order, at least once, and how far it has come is
//! kept in the store: a sink that is away misses nothing, and no request waits for one.
//!
//! A sink that is *required* may lag by so many records; beyond that no statement is answered until it has caught up.

mod jsonl;
mod otlp;
mod syslog;

pub use syslog::SyslogAddress;

use super::log::Notes;
use super::ocsf::Mapper;
use super::store::{AuditError, Connection, Location, Note, Purpose, Stored, records};
use jsonl::Jsonl;
use otlp::Otlp;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use syslog::Syslog;
use tokio::sync::{Notify, watch};

/// Records that are sent together.
const BATCH: i64 = 200;
/// How often the store is asked for what other processes wrote.
const POLL: Duration = Duration::from_secs(2);
/// The first and the longest pause after a failure.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));

/// What a sink gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// One OCSF event (Datastore Activity) for each record.
    #[default]
    Ocsf,
    /// The records as they are stored, with their hashes: a copy of the chain.
    Records,
}

/// A sink.
#[derive(Debug, Clone)]
pub struct SinkSettings {
    /// Its name, under which its place is kept.
    pub name: String,
    /// What it gets.
    pub format: Format,
    /// Where it is required: by how many records it may lag.
    pub required: Option<u64>,
    /// Where it is.
    pub target: Target,
}

/// Where a sink is.
#[derive(Debug, Clone)]
pub enum Target {
    /// A file of lines.
    Jsonl {
        /// The file that is written.
        file: PathBuf,
        /// The size at which it is put aside.
        rotate: u64,
        /// Files that are kept aside.
        keep: usize,
    },
    /// A syslog server (RFC 5424).
    Syslog(SyslogAddress),
    /// A collector of OpenTelemetry, by HTTP.
    Otlp {
        /// Where logs are taken, such as `https://collector.example.org/v1/logs`.
        url: String,
        /// What goes with each request; the values may be secrets.
        headers: Vec<(String, Header)>,
        /// The certificates to trust, instead of the system's.
        ca: Option<PathBuf>,
    },
}

/// A header's value, which is never printed.
#[derive(Clone)]
pub struct Header(pub String);

impl std::fmt::Debug for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Header(..)")
    }
}

/// What follows a chain: where it is, how far it has come, and a way to write beside it.
#[derive(Debug, Clone)]
pub(super) struct Feed {
    pub(super) location: Arc<Location>,
    pub(super) chain: Arc<str>,
    pub(super) head: watch::Receiver<u64>,
    pub(super) notes: Notes,
}

/// How far an audit has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    /// Records that wait for the writer.
    pub waiting: usize,
    /// By sink, the records that it does not have yet.
    pub sinks: Vec<(String, u64)>,
}

/// How far a sink has come.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) name: String,
    pub(super) bound: Option<u64>,
    seq: AtomicU64,
    moved: Notify,
}

impl Progress {
    /// Whether a sink that is required lags further than it may.
    pub(super) fn is_behind(&self, head: u64) -> bool {
        self.bound.is_some_and(|bound| self.lag(head) > bound)
    }

    /// The records up to `head` that the sink does not have yet.
    pub(super) fn lag(&self, head: u64) -> u64 {
        head.saturating_sub(self.seq.load(Ordering::Relaxed))
    }

    /// Waits until the sink has the record at `head`.
    pub(super) async fn reaches(&self, head: u64) {
        loop {
            let moved = self.moved.notified();
            if self.seq.load(Ordering::Relaxed) >= head {
                return;
            }
            moved.await;
        }
    }

    fn set(&self, seq: u64) {
        self.seq.store(seq, Ordering::Relaxed);
        self.moved.notify_waiters();
    }
}

/// One line for a sink.
#[derive(Debug)]
struct Event {
    at: i64,
    id: String,
    kind: String,
    /// Whether it tells of a refusal or a failure.
    is_failure: bool,
    line: String,
}

/// Starts a task for each sink.
pub(super) async fn start(
    feed: &Feed,
    sinks: Vec<SinkSettings>,
) -> Result<Vec<Arc<Progress>>, AuditError> {
    let mut started = Vec::new();
    for settings in sinks {
        let told = |why: String| AuditError::new(&format!("audit sink {}", settings.name), why);
        let outlet = Outlet::of(&settings.target).map_err(told)?;
        let mut connection = feed.location.connect(Purpose::Read).await?;
        let seq = cursor(&mut connection, &feed.chain, &settings.name).await?;
        let progress = Arc::new(Progress {
            name: settings.name,
            bound: settings.required,
            seq: AtomicU64::new(seq),
            moved: Notify::new(),
        });
        started.push(progress.clone());
        let worker = Worker {
            feed: feed.clone(),
            mapper: Mapper::new(settings.format, feed.chain.clone()),
            progress,
            outlet,
            connection: Some(connection),
        };
        tokio::spawn(worker.run());
    }
    Ok(started)
}

/// How far a sink has come, as the store knows it.
pub(super) async fn cursor(
    connection: &mut Connection,
    chain: &str,
    sink: &str,
) -> Result<u64, AuditError> {
    let sql = "SELECT seq FROM audit_cursor WHERE chain = $1 AND sink = $2";
    let rows = connection.rows(sql, &[chain.into(), sink.into()]).await?;
    let seq = rows.first().map_or(Ok(0), |row| row.int(0))?;
    Ok(u64::try_from(seq).unwrap_or_default())
}

struct Worker {
    feed: Feed,
    mapper: Mapper,
    progress: Arc<Progress>,
    outlet: Outlet,
    connection: Option<Connection>,
}

impl Worker {
    async fn run(mut self) {
        let mut head = self.feed.head.clone();
        let mut pause = PAUSE.0;
        let mut failing = false;
        loop {
            match self.step().await {
                Ok(more) => {
                    if failing {
                        tracing::info!(
                            sink = self.progress.name,
                            "the audit sink takes records again"
                        );
                    }
                    (failing, pause) = (false, PAUSE.0);
                    if more {
                        continue;
                    }
                    tokio::select! {
                        moved = head.changed() => if moved.is_err() { return },
                        () = tokio::time::sleep(POLL) => {}
                    }
                }
                Err(error) => {
                    if !failing {
                        tracing::error!(sink = self.progress.name, %error, "the audit sink takes no records");
                    }
                    failing = true;
                    self.connection = None;
                    if head.has_changed().is_err() {
                        return;
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE.1);
                }
            }
        }
    }

    /// Sends what comes next; whether there was something.
    async fn step(&mut self) -> Result<bool, AuditError> {
        let chain = self.feed.chain.clone();
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let mut connection = self.feed.location.connect(Purpose::Read).await?;
                // Another process may have fed the sink meanwhile.
                self.progress.set(cursor(&mut connection, &chain, &self.progress.name).await?);
                connection
            }
        };
        let after = self.progress.seq.load(Ordering::Relaxed);
        let rows = records(&mut connection, &chain, after, BATCH).await?;
        let mut events = Vec::with_capacity(rows.len());
        let mut last = after;
        for row in &rows {
            let record = Stored::of(row)?;
            last = u64::try_from(record.seq).unwrap_or(last);
            events.push(self.event(&mut connection, &record).await?);
        }
        self.connection = Some(connection);
        if events.is_empty() {
            return Ok(false);
        }
        let sent = self.outlet.deliver(&events).await;
        sent.map_err(|why| AuditError::new("delivery failed", why))?;
        self.keep(last).await?;
        Ok(true)
    }

    async fn event(
        &mut self,
        connection: &mut Connection,
        record: &Stored,
    ) -> Result<Event, AuditError> {
        let line = self.mapper.line(connection, record).await?;
        Ok(Event {
            at: record.at,
            id: record.id.clone(),
            kind: record.kind.clone(),
            is_failure: record.kind == "refused" || record.body.contains("\"status\":\"failed\""),
            line,
        })
    }

    async fn keep(&self, seq: u64) -> Result<(), AuditError> {
        let sql = "INSERT INTO audit_cursor (chain, sink, seq) VALUES ($1, $2, $3)
                   ON CONFLICT (chain, sink) DO UPDATE SET seq = excluded.seq
                   WHERE audit_cursor.seq < excluded.seq";
        let values = vec![
            (&*self.feed.chain).into(),
            (&*self.progress.name).into(),
            i64::try_from(seq).unwrap_or(i64::MAX).into(),
        ];
        self.feed.notes.write(Note { sql, values }).await?;
        self.progress.set(seq);
        Ok(())
    }
}

/// The way out to a sink.
enum Outlet {
    Jsonl(Jsonl),
    Syslog(Syslog),
    Otlp(Box<Otlp>),
}

impl Outlet {
    fn of(target: &Target) -> Result<Self, String> {
        Ok(match target.clone() {
            Target::Jsonl { file, rotate, keep } => Self::Jsonl(Jsonl::new(file, rotate, keep)),
            Target::Syslog(address) => Self::Syslog(Syslog::new(address)),
            Target::Otlp { url, headers, ca } => {
                Self::Otlp(Box::new(Otlp::new(&url, headers, ca.as_deref())?))
            }
        })
    }

    async fn deliver(&mut self, events: &[Event]) -> Result<(), String> {
        match self {
            Self::Jsonl(sink) => sink.deliver(events).await,
            Self::Syslog(sink) => sink.deliver(events).await,
            Self::Otlp(sink) => sink.deliver(events).await,
        }
    }
}
