//! What a double was sent, and who is connected to it: the server's own session view.

use super::engine::Bind;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

/// The record of one double.
///
/// Where `CELOSIA_TEST_STATEMENTS` names a directory, each query of our own connectors is also appended to a
/// file there, one JSON string a line, for judges of the dialect's grammar.
#[derive(Debug, Clone)]
pub struct Record {
    inner: Arc<Mutex<Inner>>,
}

/// What our connectors call themselves.
const OURS: &str = "celosia";

#[derive(Debug, Default)]
struct Inner {
    journal: Option<PathBuf>,
    journaled: BTreeSet<String>,
    statements: Vec<Statement>,
    sessions: BTreeMap<u64, SessionView>,
    next: u64,
    cancelled: u64,
}

/// One statement as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The session it came on.
    pub session: u64,
    /// Its text.
    pub sql: String,
    /// Its bound values.
    pub binds: Vec<Bind>,
}

/// One session as the server sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionView {
    /// The login's name.
    pub user: String,
    /// What the client calls itself: the application name, or Oracle's program.
    pub program: String,
    /// What the client has told of itself since, by name: `context_info`, `module`, `action`,
    /// `client_identifier`.
    pub told: BTreeMap<String, String>,
    /// The login asked for a read-only replica.
    pub read_only_intent: bool,
    /// The connection is encrypted.
    pub encrypted: bool,
    /// The statement that runs or whose rows are not all sent, if there is one.
    pub running: Option<String>,
}

impl Record {
    /// A record of statements in `dialect`, which names its file.
    pub fn new(dialect: &str) -> Self {
        let directory = std::env::var_os("CELOSIA_TEST_STATEMENTS").map(PathBuf::from);
        let journal = directory.map(|directory| directory.join(format!("{dialect}.jsonl")));
        Self { inner: Arc::new(Mutex::new(Inner { journal, ..Inner::default() })) }
    }

    /// A session begins; its number.
    pub fn opened(&self, view: SessionView) -> u64 {
        let mut inner = self.inner.lock();
        inner.next += 1;
        let number = inner.next;
        inner.sessions.insert(number, view);
        number
    }

    /// A session has ended.
    pub fn closed(&self, session: u64) {
        self.inner.lock().sessions.remove(&session);
    }

    /// Changes what is known of a session.
    pub fn update(&self, session: u64, change: impl FnOnce(&mut SessionView)) {
        if let Some(view) = self.inner.lock().sessions.get_mut(&session) {
            change(view);
        }
    }

    /// A statement has arrived and runs.
    pub fn arrived(&self, session: u64, sql: &str, binds: &[Bind]) {
        let mut inner = self.inner.lock();
        let statement = Statement { session, sql: sql.to_string(), binds: binds.to_vec() };
        inner.statements.push(statement);
        let ours = inner.sessions.get(&session).is_some_and(|view| view.program == OURS);
        if ours && sql.starts_with("SELECT ") {
            inner.journal(sql);
        }
        if let Some(view) = inner.sessions.get_mut(&session) {
            view.running = Some(sql.to_string());
        }
    }

    /// The statement of a session has ended; `cancelled` where its client broke it off.
    pub fn ended(&self, session: u64, cancelled: bool) {
        let mut inner = self.inner.lock();
        inner.cancelled += u64::from(cancelled);
        if let Some(view) = inner.sessions.get_mut(&session) {
            view.running = None;
        }
    }

    /// Every statement so far, oldest first.
    pub fn statements(&self) -> Vec<Statement> {
        self.inner.lock().statements.clone()
    }

    /// The sessions that are open.
    pub fn sessions(&self) -> Vec<SessionView> {
        self.inner.lock().sessions.values().cloned().collect()
    }

    /// How many statements were broken off by their client.
    pub fn cancelled(&self) -> u64 {
        self.inner.lock().cancelled
    }
}

impl Inner {
    fn journal(&mut self, sql: &str) {
        let Some(path) = self.journal.clone() else { return };
        if self.journaled.insert(sql.to_string()) {
            let line = format!("{}\n", serde_json::Value::from(sql));
            let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
            // One write: several processes append to the file.
            if let Err(error) = file.and_then(|mut file| file.write_all(line.as_bytes())) {
                tracing::warn!(%error, "a statement was not kept for its judge");
                self.journal = None;
            }
        }
    }
}
