//! What a double was sent, and who is connected to it: the server's own session view.

use super::engine::Bind;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The record of one double.
#[derive(Debug, Clone, Default)]
pub struct Record {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
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
