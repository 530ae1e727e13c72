//! Asking the sources what they hold, again and again.

use super::content;
use super::lock::{Lock, Quarantined};
use super::snapshot::{Held, Names, Snapshot, SourceState, SourceStatus};
use crate::model::{TableDescription, TableEntry, TableRef};
use arc_swap::{ArcSwap, ArcSwapOption};
use celosia_connector_api::{Connector, ConnectorError, ErrorCode};
use sha2::{Digest, Sha256};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, JoinSet};

/// How long one source may take to say what it holds.
const DESCRIBE_LIMIT: Duration = Duration::from_secs(60);
/// The pause before a source that is down is asked again; it doubles up to the refresh interval.
const FIRST_RETRY: Duration = Duration::from_secs(2);

/// The catalog: the sources and the newest snapshot of what they hold.
#[derive(Debug)]
pub struct Catalog {
    sources: Vec<(Arc<str>, Arc<dyn Connector>)>,
    pace: Pace,
    snapshot: ArcSwap<Snapshot>,
    slots: Mutex<Vec<Slot>>,
    lock: ArcSwapOption<Lock>,
}

/// How often sources are asked, and how long they may take.
#[derive(Debug, Clone, Copy)]
struct Pace {
    refresh: Duration,
    retry: Duration,
    limit: Duration,
}

/// What a refresh brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refreshed {
    /// The snapshot's version after it.
    pub version: u64,
    /// Whether the content changed.
    pub changed: bool,
    /// The sources that did not answer, and why.
    pub down: Vec<(Arc<str>, ErrorCode)>,
}

impl Catalog {
    /// A catalog of these sources, empty until its first refresh.
    pub fn new(sources: Vec<(String, Arc<dyn Connector>)>, refresh: Duration) -> Arc<Self> {
        let pace = Pace { refresh, retry: FIRST_RETRY.min(refresh), limit: DESCRIBE_LIMIT };
        Arc::new(Self::at_pace(sources, pace))
    }

    /// Asks all sources at the same time. A source that does not answer keeps its tables.
    pub async fn refresh(&self) -> Refreshed {
        self.refresh_some(|_| true).await
    }

    /// Refreshes at the interval, sooner where a source is down, until the catalog is dropped. The
    /// first refresh begins after the interval, or soon where a source has not answered yet.
    pub fn spawn_refresh(self: &Arc<Self>) -> JoinHandle<()> {
        tokio::spawn(keep_fresh(Arc::downgrade(self), self.pace))
    }

    /// Shows nothing but what this lock took in; without one, everything. No source is asked.
    pub async fn lock(&self, lock: Option<Lock>) {
        let mut slots = self.slots.lock().await;
        self.lock.store(lock.map(Arc::new));
        let lock = self.lock.load_full();
        for slot in slots.iter_mut().filter(|slot| slot.status.described_at.is_some()) {
            let admitted = Described::of(
                std::mem::take(&mut slot.status.server),
                std::mem::take(&mut slot.discovered),
                lock.as_deref(),
            );
            slot.take(admitted);
        }
        let statuses = slots.iter().map(|slot| slot.status.clone()).collect();
        self.snapshot.store(Arc::new(snapshot_of(&slots, statuses)));
    }

    /// The newest snapshot.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// The connector of a source.
    pub fn connector(&self, source: &str) -> Option<Arc<dyn Connector>> {
        let found = self.sources.iter().find(|(name, _)| **name == *source);
        found.map(|(_, connector)| connector.clone())
    }

    fn at_pace(sources: Vec<(String, Arc<dyn Connector>)>, pace: Pace) -> Self {
        let sources: Vec<(Arc<str>, _)> =
            sources.into_iter().map(|(name, connector)| (name.into(), connector)).collect();
        let slots: Vec<Slot> = sources.iter().map(|(name, _)| Slot::new(name)).collect();
        let empty = Snapshot::new(
            version_of(&slots),
            slots.iter().map(|slot| slot.status.clone()).collect(),
            Arc::default(),
            Arc::default(),
        );
        let snapshot = ArcSwap::from_pointee(empty);
        let lock = ArcSwapOption::empty();
        Self { sources, pace, snapshot, slots: Mutex::new(slots), lock }
    }

    /// Asks the sources that `wanted` picks by their index.
    async fn refresh_some(&self, wanted: impl Fn(usize) -> bool) -> Refreshed {
        let mut slots = self.slots.lock().await;
        let mut down = Vec::new();
        let mut moved = false;
        for (at, answer) in self.describe(wanted).await {
            match answer {
                Ok(description) => moved |= slots[at].answered(description),
                Err(error) => {
                    down.push((slots[at].status.name.clone(), error.code));
                    slots[at].failed(error);
                }
            }
        }
        down.sort_by(|a, b| a.0.cmp(&b.0));
        let before = self.snapshot();
        let statuses = slots.iter().map(|slot| slot.status.clone()).collect();
        let after =
            if moved { snapshot_of(&slots, statuses) } else { before.with_sources(statuses) };
        let version = after.version();
        self.snapshot.store(Arc::new(after));
        Refreshed { version, changed: version != before.version(), down }
    }

    /// Asks at the same time; a source that panics or takes too long has not answered.
    async fn describe(
        &self,
        wanted: impl Fn(usize) -> bool,
    ) -> Vec<(usize, Result<Described, ConnectorError>)> {
        let mut asked = JoinSet::new();
        let mut answers = Vec::new();
        let mut indexes = std::collections::HashMap::new();
        for (at, (name, connector)) in self.sources.iter().enumerate().filter(|(at, _)| wanted(*at))
        {
            let (name, connector, limit) = (name.clone(), connector.clone(), self.pace.limit);
            let lock = self.lock.load_full();
            let task = asked.spawn(async move { describe(&name, &*connector, limit, lock).await });
            indexes.insert(task.id(), at);
        }
        while let Some(answer) = asked.join_next_with_id().await {
            let (id, answer) = match answer {
                Ok((id, answer)) => (id, answer),
                Err(panicked) => (
                    panicked.id(),
                    Err(ConnectorError::new(ErrorCode::QueryFailed, "discovery panicked")),
                ),
            };
            if let Some(&at) = indexes.get(&id) {
                answers.push((at, answer));
            }
        }
        answers
    }
}

async fn describe(
    name: &Arc<str>,
    connector: &dyn Connector,
    limit: Duration,
    lock: Option<Arc<Lock>>,
) -> Result<Described, ConnectorError> {
    let answer = match tokio::time::timeout(limit, connector.describe()).await {
        Ok(Ok(description)) => description,
        Ok(Err(error)) => {
            tracing::warn!(source = %name, code = ?error.code, context = %error.context, "not described");
            return Err(error);
        }
        Err(_) => {
            let context = format!("no description within {limit:?}");
            return Err(ConnectorError::new(ErrorCode::DeadlineExceeded, context));
        }
    };
    // Hashing ten thousand tables takes milliseconds that other requests on this thread would wait.
    let name = name.clone();
    let described = tokio::task::spawn_blocking(move || {
        let discovered = entries(&name, answer.tables);
        Described::of(answer.server, discovered, lock.as_deref())
    });
    let described = described.await;
    described.map_err(|error| {
        ConnectorError::new(ErrorCode::QueryFailed, "hashing a description").with_source(error)
    })
}

/// Refreshes whatever is due, until the catalog is gone.
async fn keep_fresh(catalog: Weak<Catalog>, pace: Pace) {
    let mut pauses;
    let mut due: Vec<Instant> = {
        let Some(catalog) = catalog.upgrade() else { return };
        let snapshot = catalog.snapshot();
        pauses = vec![pace.retry; snapshot.sources().len()];
        let pause = |(at, source): (usize, &SourceStatus)| match source.state {
            SourceState::Up => pace.refresh,
            _ => pauses[at],
        };
        snapshot.sources().iter().enumerate().map(|s| Instant::now() + pause(s)).collect()
    };
    while let Some(&next) = due.iter().min() {
        tokio::time::sleep_until(next.into()).await;
        let Some(catalog) = catalog.upgrade() else { return };
        let now = Instant::now();
        catalog.refresh_some(|at| due[at] <= now).await;
        for (at, source) in catalog.snapshot().sources().iter().enumerate() {
            if due[at] > now {
                continue;
            }
            if source.state == SourceState::Up {
                pauses[at] = pace.retry;
                due[at] = Instant::now() + pace.refresh;
            } else {
                due[at] = Instant::now() + pauses[at];
                pauses[at] = (pauses[at] * 2).min(pace.refresh);
            }
        }
    }
}

/// What one source said last.
#[derive(Debug)]
struct Slot {
    status: SourceStatus,
    tables: Vec<Arc<TableEntry>>,
    discovered: Vec<Arc<TableEntry>>,
    quarantined: Vec<Quarantined>,
    content: [u8; 32],
}

impl Slot {
    fn new(name: &Arc<str>) -> Self {
        let status = SourceStatus {
            name: name.clone(),
            state: SourceState::Waiting,
            tables: 0,
            server: String::new(),
            described_at: None,
            complaint: String::new(),
        };
        Self {
            status,
            tables: Vec::new(),
            discovered: Vec::new(),
            quarantined: Vec::new(),
            content: [0; 32],
        }
    }

    /// Takes the answer in; says whether the snapshot's tables must be built anew.
    fn answered(&mut self, described: Described) -> bool {
        let first = self.status.described_at.is_none();
        self.status.state = SourceState::Up;
        self.status.complaint.clear();
        self.status.described_at = Some(Instant::now());
        let moved = first
            || self.content != described.content
            || self.quarantined != described.quarantined
            || self.grew(&described.tables);
        if moved {
            self.take(described);
        } else {
            self.status.server = described.server;
        }
        moved
    }

    fn take(&mut self, described: Described) {
        self.status.server = described.server;
        self.status.tables = described.tables.len();
        (self.tables, self.content) = (described.tables, described.content);
        (self.discovered, self.quarantined) = (described.discovered, described.quarantined);
    }

    /// Whether a guess of a row count changed: the tables are new, their version is not.
    fn grew(&self, tables: &[Arc<TableEntry>]) -> bool {
        let estimate = |table: &Arc<TableEntry>| table.description.row_estimate;
        self.tables.iter().zip(tables).any(|(old, new)| estimate(old) != estimate(new))
    }

    fn failed(&mut self, error: ConnectorError) {
        let since = match self.status.state {
            SourceState::Down { since, .. } => since,
            _ => SystemTime::now(),
        };
        self.status.state = SourceState::Down { since, code: error.code };
        self.status.complaint = error.context;
    }
}

/// A source's answer with the hash of what matters in it.
struct Described {
    server: String,
    tables: Vec<Arc<TableEntry>>,
    discovered: Vec<Arc<TableEntry>>,
    quarantined: Vec<Quarantined>,
    content: [u8; 32],
}

impl Described {
    fn of(server: String, discovered: Vec<Arc<TableEntry>>, lock: Option<&Lock>) -> Self {
        let (mut tables, mut quarantined) = (Vec::new(), Vec::new());
        for table in &discovered {
            match lock {
                None => tables.push(table.clone()),
                Some(lock) => {
                    let (admitted, held) = lock.admit(table);
                    tables.extend(admitted);
                    quarantined.extend(held);
                }
            }
        }
        // The version is shown to callers: what is quarantined is no part of it.
        let content = content::hash(&tables);
        Self { server, tables, discovered, quarantined, content }
    }
}

/// The tables of a source under their virtual names, sorted.
fn entries(source: &Arc<str>, mut tables: Vec<TableDescription>) -> Vec<Arc<TableEntry>> {
    tables.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
    let entry = |table: TableDescription| {
        let reference = TableRef {
            source: source.clone(),
            schema: table.schema.as_str().into(),
            table: table.name.as_str().into(),
        };
        Arc::new(TableEntry { reference, description: Arc::new(table) })
    };
    tables.into_iter().map(entry).collect()
}

fn snapshot_of(slots: &[Slot], statuses: Vec<SourceStatus>) -> Snapshot {
    let tables = slots.iter().flat_map(|slot| slot.tables.iter().cloned()).collect();
    let held = Held {
        discovered: slots.iter().flat_map(|slot| slot.discovered.clone()).collect(),
        quarantined: slots.iter().flat_map(|slot| slot.quarantined.clone()).collect(),
    };
    let names = Arc::new(Names::new(tables));
    Snapshot::new(version_of(slots), statuses, names, Arc::new(held))
}

/// The version of what all sources said. A source that never answered differs from an empty one.
fn version_of(slots: &[Slot]) -> u64 {
    let mut hash = Sha256::new();
    for slot in slots {
        hash.update((slot.status.name.len() as u64).to_be_bytes());
        hash.update(slot.status.name.as_bytes());
        hash.update([u8::from(slot.status.described_at.is_some())]);
        hash.update(slot.content);
    }
    let hash: [u8; 32] = hash.finalize().into();
    hash[..6].iter().fold(0, |version, &byte| version << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SourceDescription;
    use async_trait::async_trait;
    use celosia_connector_api::{
        ConnectorError, Dialect, ExecutionContext, RemoteStream, RenderedQuery,
    };
    use parking_lot::Mutex as Cell;

    type Answer = Option<Result<SourceDescription, ErrorCode>>;

    /// A source that answers what it is told to: nothing at all where it is told nothing.
    #[derive(Debug, Default)]
    struct Told(Cell<Answer>);

    #[async_trait]
    impl Connector for Told {
        fn dialect(&self) -> &dyn Dialect {
            unreachable!("discovery asks for no dialect")
        }
        async fn ping(&self) -> Result<(), ConnectorError> {
            Ok(())
        }
        async fn describe(&self) -> Result<SourceDescription, ConnectorError> {
            let answer = self.0.lock().clone();
            match answer {
                Some(Ok(description)) if description.server == "panics" => {
                    panic!("a driver's todo!()")
                }
                Some(answer) => answer.map_err(|code| ConnectorError::new(code, "told so")),
                None => std::future::pending().await,
            }
        }
        async fn open(
            &self,
            _: &RenderedQuery,
            _: &ExecutionContext,
        ) -> Result<RemoteStream, ConnectorError> {
            Err(ConnectorError::new(ErrorCode::QueryFailed, "describes only"))
        }
    }

    fn holds(tables: &[&str], rows: u64) -> Answer {
        let table = |name: &&str| TableDescription {
            schema: "main".into(),
            name: (*name).into(),
            row_estimate: Some(rows),
            ..Default::default()
        };
        let tables = tables.iter().map(table).collect();
        Some(Ok(SourceDescription { server: "told 1".into(), tables }))
    }

    fn catalog(answers: Vec<Answer>) -> (Vec<Arc<Told>>, Arc<Catalog>) {
        let told: Vec<_> = answers.into_iter().map(|a| Arc::new(Told(Cell::new(a)))).collect();
        let named = |(at, told): (usize, &Arc<Told>)| {
            (format!("s{at}"), told.clone() as Arc<dyn Connector>)
        };
        let sources = told.iter().enumerate().map(named).collect();
        let milliseconds = Duration::from_millis;
        let pace =
            Pace { refresh: milliseconds(1500), retry: milliseconds(50), limit: milliseconds(200) };
        (told, Arc::new(Catalog::at_pace(sources, pace)))
    }

    #[tokio::test]
    async fn a_source_that_goes_down_keeps_its_tables() {
        let (told, catalog) = catalog(vec![holds(&["a", "b"], 1), holds(&["c"], 1)]);
        let first = catalog.refresh().await;
        assert!(first.changed && first.down.is_empty());
        *told[0].0.lock() = Some(Err(ErrorCode::Unreachable));
        let second = catalog.refresh().await;
        assert_eq!(second.down, [("s0".into(), ErrorCode::Unreachable)]);
        assert!(!second.changed);
        let snapshot = catalog.snapshot();
        assert_eq!((snapshot.tables().len(), snapshot.sources()[0].tables), (3, 2));
        let state = snapshot.sources()[0].state;
        assert!(matches!(state, SourceState::Down { code: ErrorCode::Unreachable, .. }));
        assert!(snapshot.absent_sources().is_empty());
        catalog.refresh().await;
        assert_eq!(catalog.snapshot().sources()[0].state, state, "down since the first time");
    }

    #[tokio::test]
    async fn the_version_follows_the_content_alone() {
        let (told, one) = catalog(vec![holds(&["a", "b"], 1)]);
        let empty = one.snapshot().version();
        let first = one.refresh().await.version;
        assert_ne!(first, empty);
        *told[0].0.lock() = holds(&["b", "a"], 2);
        assert_eq!(one.refresh().await.version, first);
        assert_eq!(one.snapshot().tables()[0].description.row_estimate, Some(2));
        *told[0].0.lock() = holds(&["a", "b", "c"], 2);
        assert_ne!(one.refresh().await.version, first);
        let (_, other) = catalog(vec![holds(&["a", "b"], 9)]);
        assert_eq!(other.refresh().await.version, first, "the same after a restart");
        assert!(first < 1 << 48);
    }

    #[tokio::test]
    async fn silence_and_panics_stop_nobody_else() {
        let panics = Some(Ok(SourceDescription { server: "panics".into(), tables: vec![] }));
        let (_, catalog) = catalog(vec![None, panics, holds(&["a"], 1), holds(&[], 0)]);
        let refreshed = catalog.refresh().await;
        let codes: Vec<_> = refreshed.down.iter().map(|(_, code)| *code).collect();
        assert_eq!(codes, [ErrorCode::DeadlineExceeded, ErrorCode::QueryFailed]);
        let snapshot = catalog.snapshot();
        assert_eq!(snapshot.tables().len(), 1);
        assert_eq!(snapshot.absent_sources(), ["s0".into(), "s1".into()]);
        assert!(catalog.connector("s2").is_some() && catalog.connector("S2").is_none());
    }

    #[tokio::test]
    async fn a_source_that_comes_up_is_found_soon() {
        let (told, catalog) = catalog(vec![Some(Err(ErrorCode::Unreachable)), holds(&["b"], 1)]);
        catalog.refresh().await;
        let task = catalog.spawn_refresh();
        *told[0].0.lock() = holds(&["a"], 1);
        *told[1].0.lock() = holds(&["b", "c"], 1);
        until(|| catalog.snapshot().tables().len() > 1).await;
        assert_eq!(catalog.snapshot().tables().len(), 2, "the other one is not due yet");
        until(|| catalog.snapshot().tables().len() == 3).await;
        drop(catalog);
        tokio::time::timeout(Duration::from_secs(10), task).await.expect("ends").expect("well");
    }

    async fn until(happened: impl Fn() -> bool) {
        for _ in 0..1000 {
            if happened() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it did not happen in ten seconds");
    }
}
