//! The audit as the stages of a request use it.

use super::keys::{ChainKey, LiteralKey};
use super::receipt::{Opened, Receipt};
use super::record::{Draft, Intent};
use super::seal::{Checkpoints, Sealer};
use super::sinks::{self, Lag, Progress, SinkSettings};
use super::store::{AuditError, Durability, LONE_CHAIN, Location, Note, Purpose, Store, head_of};
use super::vault::{Ciphertext, MasterKey, Vault};
use super::writer::{self, Entry, Reply};
use crate::error::Code;
use crate::model::Outcome;
use crate::telemetry::stage;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::Instrument;

/// Records that may wait for the writer; callers beyond that wait for a place.
const QUEUE: usize = 4096;
/// How long the end of the process waits for sinks and checkpoints.
const FAREWELL: Duration = Duration::from_secs(2);

/// What an audit is made of.
#[derive(Debug)]
pub struct Settings {
    /// Where records are kept.
    pub store: Location,
    /// What a record survives before an answer leaves.
    pub durability: Durability,
    /// The name of the chain, where the store holds several: the replica's.
    pub instance: String,
    /// The chain's key; without one its hashes are plain.
    pub key: Option<ChainKey>,
    /// The key of the digests of literals; without one there are none.
    pub literals: Option<LiteralKey>,
    /// The key of raw statements and how long a data key is used; without it they are not kept.
    pub raw_sql: Option<(MasterKey, Duration)>,
    /// What signs and anchors the chain.
    pub checkpoints: Option<Checkpoints>,
    /// Who gets the records beside the store.
    pub sinks: Vec<SinkSettings>,
}

impl Settings {
    /// An audit with nothing beside its store.
    pub fn of(store: Location) -> Self {
        Self {
            store,
            durability: Durability::default(),
            instance: LONE_CHAIN.to_string(),
            key: None,
            literals: None,
            raw_sql: None,
            checkpoints: None,
            sinks: Vec::new(),
        }
    }

    /// The chain that is written.
    pub fn chain(&self) -> &str {
        match self.store {
            Location::Sqlite(_) => LONE_CHAIN,
            Location::Postgres(_) => &self.instance,
        }
    }
}

/// The audit log. One task writes; whatever has queued up meanwhile becomes its next group.
#[derive(Debug)]
pub struct AuditLog {
    queue: mpsc::Sender<Entry>,
    head: watch::Receiver<u64>,
    literals: Option<LiteralKey>,
    vault: Option<Vault>,
    required: Vec<Arc<Progress>>,
    sinks: Vec<Arc<Progress>>,
    sealer: Option<mpsc::Sender<oneshot::Sender<()>>>,
}

impl AuditLog {
    /// Opens `store` (`sqlite:PATH`), creating it where there is none, and starts its writer on the
    /// current runtime. With a `key` the chain is an HMAC.
    ///
    /// # Errors
    /// The store cannot be created, is not an audit store, or cannot be written.
    pub async fn connect(
        store: &str,
        durability: Durability,
        key: Option<ChainKey>,
    ) -> Result<Arc<Self>, AuditError> {
        let settings = Settings::of(Location::parse(store)?);
        Self::start(Settings { durability, key, ..settings }).await
    }

    /// Opens the store, and starts its writer and all that follows it on the current runtime.
    ///
    /// # Errors
    /// The store cannot be created, is not an audit store, or cannot be written; or a sink is none.
    pub async fn start(settings: Settings) -> Result<Arc<Self>, AuditError> {
        let chain: Arc<str> = settings.chain().into();
        let location = Arc::new(settings.store);
        let store = Store::open(&location, &chain, settings.durability, settings.key).await?;
        let (queue, entries) = mpsc::channel(QUEUE);
        let follows = settings.checkpoints.is_some() || !settings.sinks.is_empty();
        let mut count = 0;
        if follows {
            let mut connection = location.connect(Purpose::Read).await?;
            count = head_of(&mut connection, &chain).await?.count;
        }
        let (moved, head) = watch::channel(count);
        let notes = Notes { queue: queue.downgrade() };
        let feed = sinks::Feed { location, chain, head: head.clone(), notes };
        let sealer = match settings.checkpoints {
            Some(checkpoints) => Some(Sealer::start(feed.clone(), checkpoints).await?),
            None => None,
        };
        let sinks = sinks::start(&feed, settings.sinks).await?;
        tokio::spawn(writer::run(store, entries, moved));
        Ok(Arc::new(Self {
            queue,
            head,
            literals: settings.literals,
            vault: settings.raw_sql.map(|(master, period)| Vault::new(master, period)),
            required: sinks.iter().filter(|sink| sink.bound.is_some()).cloned().collect(),
            sinks,
            sealer,
        }))
    }

    /// How far the audit and its sinks have come.
    pub fn lag(&self) -> Lag {
        let head = *self.head.borrow();
        Lag {
            waiting: self.queue.max_capacity().saturating_sub(self.queue.capacity()),
            sinks: self.sinks.iter().map(|sink| (sink.name.clone(), sink.lag(head))).collect(),
        }
    }

    /// The key of the digests of literals, if there is one.
    pub fn literals(&self) -> Option<&LiteralKey> {
        self.literals.as_ref()
    }

    /// Whether raw statements are kept.
    pub fn keeps_raw(&self) -> bool {
        self.vault.is_some()
    }

    /// Writes the intent; returns once it is durable.
    ///
    /// # Errors
    /// The store cannot write, or a sink that is required lags too far behind: nothing may be answered.
    pub async fn open(&self, intent: Intent) -> Result<OpenRecord, AuditError> {
        let head = *self.head.borrow();
        if let Some(behind) = self.required.iter().find(|sink| sink.is_behind(head)) {
            return Err(AuditError::new("a required audit sink lags behind", &behind.name));
        }
        let raw = self.sealed(&intent).await?;
        let draft = Draft::open(&intent, raw.as_ref());
        let record =
            OpenRecord { queue: self.queue.clone(), opened: Opened::of(intent), armed: false };
        let (reply, written) = oneshot::channel();
        self.send(Entry::Record(draft, Reply::Open { record, reply })).await?;
        let written = written.instrument(stage!("audit intent"));
        written.await.map_err(|_| AuditError::stopped())?
    }

    /// Writes the outcome; returns once it is durable. A statement that failed has `outcome.error`.
    ///
    /// # Errors
    /// The store cannot write: nothing may be answered.
    pub async fn close(
        &self,
        mut open: OpenRecord,
        outcome: &Outcome,
    ) -> Result<Receipt, AuditError> {
        let draft = Draft::close(&open.opened.id, open.opened.seq, outcome);
        // A request that goes away while it waits for a place still leaves an abandoned record.
        let place = self.queue.reserve().await.map_err(|_| AuditError::stopped())?;
        open.armed = false;
        let (reply, written) = oneshot::channel();
        place.send(Entry::Record(draft, Reply::Seq(reply)));
        let written = written.instrument(stage!("audit outcome"));
        let seq = written.await.map_err(|_| AuditError::stopped())??;
        Ok(Receipt::new(&open.opened, outcome, seq))
    }

    /// Writes that a statement was refused before it was run; returns its place once it is durable.
    ///
    /// # Errors
    /// The store cannot write: the caller must not learn the reason of the refusal.
    pub async fn refuse(&self, intent: &Intent, code: Code) -> Result<u64, AuditError> {
        let (reply, written) = oneshot::channel();
        let raw = self.sealed(intent).await?;
        let draft = Draft::refused(intent, raw.as_ref(), code);
        self.send(Entry::Record(draft, Reply::Seq(reply))).await?;
        written.await.map_err(|_| AuditError::stopped())?
    }

    /// Waits until everything that was queued before is written or has failed, and a little longer for a
    /// checkpoint and for the sinks: for shutdown.
    pub async fn flush(&self) {
        let (reply, written) = oneshot::channel();
        if self.send(Entry::Barrier(reply)).await.is_ok() {
            // The answer and the writer's end mean the same here: nothing is queued any more.
            let _ = written.await;
        }
        let farewell = async {
            if let Some(sealer) = &self.sealer {
                let (reply, sealed) = oneshot::channel();
                if sealer.send(reply).await.is_ok() {
                    let _ = sealed.await;
                }
            }
            let head = *self.head.borrow();
            for sink in &self.sinks {
                sink.reaches(head).await;
            }
        };
        if tokio::time::timeout(FAREWELL, farewell).await.is_err() {
            tracing::warn!(
                "the audit's sinks have not got everything yet; they go on where they were"
            );
        }
    }

    /// The raw statement, encrypted, where it is kept.
    async fn sealed(&self, intent: &Intent) -> Result<Option<Ciphertext>, AuditError> {
        let (Some(vault), Some(raw)) = (&self.vault, &intent.raw) else { return Ok(None) };
        let notes = Notes { queue: self.queue.downgrade() };
        vault.seal(&notes, &intent.user, intent.query_id.as_str(), raw).await.map(Some)
    }

    async fn send(&self, entry: Entry) -> Result<(), AuditError> {
        self.queue.send(entry).await.map_err(|_| AuditError::stopped())
    }
}

/// What writes beside the chain, in the writer's own order. It does not keep the writer alive.
#[derive(Debug, Clone)]
pub(super) struct Notes {
    queue: mpsc::WeakSender<Entry>,
}

impl Notes {
    /// Writes a note; gives the number of rows it touched.
    pub(super) async fn write(&self, note: Note) -> Result<u64, AuditError> {
        let queue = self.queue.upgrade().ok_or_else(AuditError::stopped)?;
        let (reply, written) = oneshot::channel();
        let sent = queue.send(Entry::Note(note, reply)).await;
        sent.map_err(|_| AuditError::stopped())?;
        drop(queue);
        written.await.map_err(|_| AuditError::stopped())?
    }
}

/// An intent that is durable and whose outcome is not. Dropped without [`AuditLog::close`], it leaves
/// a close record with the status `abandoned`.
#[must_use]
#[derive(Debug)]
pub struct OpenRecord {
    queue: mpsc::Sender<Entry>,
    opened: Opened,
    armed: bool,
}

impl OpenRecord {
    /// The statement's id.
    pub fn id(&self) -> &str {
        &self.opened.id
    }

    /// The place of the intent in the audit.
    pub fn seq(&self) -> u64 {
        self.opened.seq
    }

    /// The record once it is durable at `seq`.
    pub(super) fn durable(mut self, seq: u64) -> Self {
        self.opened.seq = seq;
        self.armed = true;
        self
    }
}

impl Drop for OpenRecord {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        let draft = Draft::abandoned(&self.opened.id, self.opened.seq);
        let Err(refused) = self.queue.try_send(Entry::Record(draft, Reply::Nobody)) else { return };
        let runtime = tokio::runtime::Handle::try_current();
        match (refused, runtime) {
            (mpsc::error::TrySendError::Full(entry), Ok(runtime)) => {
                let queue = self.queue.clone();
                runtime.spawn(async move { queue.send(entry).await.is_ok() });
            }
            _ => {
                tracing::error!(id = %self.opened.id, "an abandoned statement has no close record")
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::audit::verify;
    use crate::model::{PrincipalKind, QueryId, SourceReceipt};
    use std::time::{Duration, Instant};
    use tempfile::TempDir;

    pub(in crate::audit) fn intent() -> Intent {
        Intent {
            query_id: QueryId::random(),
            user: "ana".into(),
            roles: vec!["analyst".into()],
            principal_kind: PrincipalKind::Local,
            issuer: None,
            client: "test 1".into(),
            tool: "query".into(),
            statement: "SELECT total FROM shop.main.orders WHERE id = ?".into(),
            fingerprint: "f00".into(),
            tables: vec![crate::model::TableRef::new("shop", "main", "orders")],
            policy_version: "p1".into(),
            semantics_version: "d1".into(),
            catalog_version: 7,
            literals: Arc::default(),
            parameters: Arc::default(),
            raw: None,
        }
    }

    pub(in crate::audit) async fn store() -> (TempDir, String, Arc<AuditLog>) {
        let dir = TempDir::new().expect("a directory");
        let store = format!("sqlite:{}/audit.db", dir.path().display());
        let log = AuditLog::connect(&store, Durability::Process, None).await.expect("a log");
        (dir, store, log)
    }

    #[tokio::test]
    async fn a_receipt_says_what_the_outcome_says() {
        let (_dir, store, log) = store().await;
        let open = log.open(intent()).await.expect("durable");
        assert_eq!(open.seq(), 1);
        let sql = "SELECT \"total\" FROM \"orders\"".to_string();
        let source = SourceReceipt {
            name: "shop".into(),
            sql,
            rows: 3,
            ms: 0.5,
            readers: None,
            one_snapshot: None,
        };
        let outcome = Outcome { rows_returned: 3, sources: vec![source], ..Default::default() };
        let receipt = log.close(open, &outcome).await.expect("durable");
        let json = serde_json::to_value(&receipt).expect("json");
        assert_eq!(json["audit_seq"], 2);
        assert_eq!(json["fingerprint"], "f00");
        assert_eq!(
            (&json["catalog_version"], &json["semantics_version"]),
            (&7.into(), &"d1".into())
        );
        assert_eq!(json["sources"][0]["rows"], 3);
        assert_eq!(json.get("user"), None);
        let report = verify(&store, None).await.expect("whole");
        assert_eq!((report.records, report.unclosed, report.abandoned), (2, 0, 0));
    }

    #[tokio::test]
    async fn a_dropped_record_is_closed_as_abandoned() {
        let (_dir, store, log) = store().await;
        drop(log.open(intent()).await.expect("durable"));
        log.refuse(&intent(), Code::UnknownName).await.expect("durable");
        log.flush().await;
        let report = verify(&store, None).await.expect("whole");
        assert_eq!((report.records, report.abandoned, report.refused), (3, 1, 1));
        assert_eq!(report.unclosed, 0);
    }

    #[tokio::test]
    async fn an_opener_that_goes_away_leaves_no_open_end() {
        let (_dir, store, log) = store().await;
        {
            let mut opening = Box::pin(log.open(intent()));
            // Polled once: the intent is queued, and then nobody waits for it any more.
            assert!(futures::poll!(opening.as_mut()).is_pending());
        }
        log.flush().await;
        log.flush().await;
        let report = verify(&store, None).await.expect("whole");
        assert_eq!((report.records, report.abandoned, report.unclosed), (2, 1, 0));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn concurrent_appends_make_one_dense_chain() {
        let (_dir, store, log) = store().await;
        let started = Instant::now();
        let tasks: Vec<_> = (0..32)
            .map(|_| {
                let log = log.clone();
                tokio::spawn(async move {
                    for _ in 0..50 {
                        let open = log.open(intent()).await.expect("durable");
                        let _receipt = log.close(open, &Outcome::default()).await.expect("durable");
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic");
        }
        println!("{:.0} records/s", 3200.0 / started.elapsed().as_secs_f64());
        let report = verify(&store, None).await.expect("whole");
        assert_eq!((report.records, report.unclosed), (3200, 0));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_logs_on_one_store_make_one_chain() {
        let (_dir, store, first) = store().await;
        let second = AuditLog::connect(&store, Durability::Disk, None).await.expect("a log");
        let run = |log: Arc<AuditLog>| async move {
            for _ in 0..100 {
                let open = log.open(intent()).await.expect("durable");
                let _receipt = log.close(open, &Outcome::default()).await.expect("durable");
            }
        };
        tokio::join!(tokio::spawn(run(first)), tokio::spawn(run(second))).0.expect("no panic");
        let report = verify(&store, None).await.expect("whole");
        assert_eq!((report.records, report.unclosed), (400, 0));
    }

    #[tokio::test]
    async fn a_deleted_store_is_noticed_and_stays_noticed() {
        let (dir, _store, log) = store().await;
        let _first = log.open(intent()).await.expect("durable");
        std::fs::rename(dir.path().join("audit.db"), dir.path().join("gone.db")).expect("moved");
        assert!(log.open(intent()).await.is_err());
        assert!(log.open(intent()).await.is_err());
        assert!(!dir.path().join("audit.db").exists());
        // Back where it was, it is written again.
        std::fs::rename(dir.path().join("gone.db"), dir.path().join("audit.db")).expect("moved");
        let _second = log.open(intent()).await.expect("durable again");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_locked_store_refuses_until_it_is_free() {
        let (dir, store, log) = store().await;
        let open = log.open(intent()).await.expect("durable");
        let mut other = raw(&dir).await;
        sqlx::query("BEGIN EXCLUSIVE").execute(&mut other).await.expect("locked");
        let started = Instant::now();
        let (second, third) = tokio::join!(log.open(intent()), log.open(intent()));
        assert!(second.is_err() && third.is_err());
        assert!(log.close(open, &Outcome::default()).await.is_err());
        assert!(started.elapsed() < Duration::from_secs(10));
        sqlx::query("ROLLBACK").execute(&mut other).await.expect("free");
        let open = log.open(intent()).await.expect("durable");
        let _receipt = log.close(open, &Outcome::default()).await.expect("durable");
        let report = verify(&store, None).await.expect("whole");
        assert_eq!(report.unclosed, 1);
    }

    #[tokio::test]
    async fn a_store_that_is_something_else_is_refused() {
        let dir = TempDir::new().expect("a directory");
        std::fs::write(
            dir.path().join("text.db"),
            "not a database, but long enough to be read as one",
        )
        .expect("written");
        for name in ["text.db", "missing/audit.db"] {
            let store = format!("sqlite:{}/{name}", dir.path().display());
            assert!(AuditLog::connect(&store, Durability::Process, None).await.is_err(), "{name}");
        }
    }

    pub(in crate::audit) async fn raw(dir: &TempDir) -> sqlx::SqliteConnection {
        use sqlx::ConnectOptions;
        sqlx::sqlite::SqliteConnectOptions::new()
            .filename(dir.path().join("audit.db"))
            .connect()
            .await
            .expect("a connection")
    }
}
