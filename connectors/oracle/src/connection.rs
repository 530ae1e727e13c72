//! The pool of read-only sessions. A session is a thread of its own on which the driver's blocking calls
//! happen, so there are never more such threads than the source has places.

use crate::config::{Driver, OracleConfig};
use crate::driver::line::Line;
use crate::driver::relay::Relays;
use crate::driver::thick::Thick;
use crate::driver::thin::Thin;
use crate::driver::{Connection, Failure, Kind};
use crate::error;
use crate::fetch::FetchSizes;
use celosia_connector_api::slots::spared;
use celosia_connector_api::{ConnectorError, ErrorCode, SessionSlot, SessionSlots};
use parking_lot::Mutex;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How long a connection may take to be made, with login and settings.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the end of a transaction may take before its session is thrown away.
const END_TIMEOUT: Duration = Duration::from_secs(5);
/// A session is replaced after this long, so that a changed address or certificate is noticed.
const MAX_AGE: Duration = Duration::from_secs(30 * 60);
/// Bytes of an action that every server keeps.
const ACTION_BYTES: usize = 64;
/// The oldest server whose dictionary and SQL we know.
const OLDEST_SERVER: &str = "Oracle Database 12.2 or later is needed";

/// What every session is told once: binary comparison, and formats that no setting of the server changes.
const SETTINGS: &str = "ALTER SESSION SET NLS_SORT = BINARY NLS_COMP = BINARY \
    NLS_NUMERIC_CHARACTERS = '.,' NLS_DATE_FORMAT = 'YYYY-MM-DD HH24:MI:SS' \
    NLS_TIMESTAMP_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF' \
    NLS_TIMESTAMP_TZ_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF TZH:TZM' NLS_CALENDAR = GREGORIAN \
    TIME_ZONE = '+00:00'";

/// All sessions of one source.
pub(crate) struct Sessions {
    config: OracleConfig,
    idle: Mutex<Vec<Session>>,
    slots: Arc<SessionSlots>,
    relays: Arc<Relays>,
    /// How many rows one fetch brings.
    pub(crate) sizes: FetchSizes,
}

/// One session: the way to its thread, and the control of its connection.
pub(crate) struct Session {
    jobs: mpsc::Sender<Job>,
    control: Control,
    server: (u32, String),
    opened: Instant,
}

type Job = Box<dyn FnOnce(&mut dyn Connection) + Send>;

/// Stops what a session runs, from anywhere.
#[derive(Clone)]
pub(crate) struct Control {
    line: Arc<Line>,
    breaker: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl Sessions {
    /// Sessions that are open and wait for a statement.
    pub(crate) fn idle(&self) -> usize {
        self.idle.lock().len()
    }

    pub(crate) fn new(config: OracleConfig) -> Result<Self, ConnectorError> {
        if config.concurrency == 0 || config.statement_timeout.is_zero() {
            let context = "concurrency and statement_timeout must be above zero";
            return Err(ConnectorError::new(ErrorCode::InvalidConfiguration, context));
        }
        Ok(Self {
            idle: Mutex::new(Vec::with_capacity(config.concurrency)),
            slots: SessionSlots::new(config.concurrency),
            relays: Arc::new(Relays::new()),
            sizes: FetchSizes::default(),
            config,
        })
    }

    /// When a statement that starts now has to have ended.
    pub(crate) fn cutoff(&self, deadline: Option<Instant>) -> Instant {
        let cutoff = Instant::now() + self.config.statement_timeout;
        deadline.map_or(cutoff, |deadline| deadline.min(cutoff))
    }

    /// A session for one statement. One that comes from the pool may turn out to be broken.
    pub(crate) async fn lease(self: &Arc<Self>, cutoff: Instant) -> Result<Lease, ConnectorError> {
        let slot = self.slots.slot(cutoff).await?;
        self.lease_in(slot, cutoff).await
    }

    /// The same where a slot is free, or about to be.
    pub(crate) async fn lease_now(self: &Arc<Self>, cutoff: Instant) -> Option<Lease> {
        let slot = self.slots.spare(cutoff).await?;
        spared(self.lease_in(slot, cutoff).await)
    }

    async fn lease_in(
        self: &Arc<Self>,
        slot: SessionSlot,
        cutoff: Instant,
    ) -> Result<Lease, ConnectorError> {
        let pooled = self.pooled();
        let is_pooled = pooled.is_some();
        let session = match pooled {
            Some(session) => session,
            None => self.connect(cutoff).await?,
        };
        let turn = session.control.line.turn(cutoff);
        Ok(Lease { session, turn, is_pooled, sessions: self.clone(), slot })
    }

    async fn connect(&self, cutoff: Instant) -> Result<Session, ConnectorError> {
        let deadline = cutoff.min(Instant::now() + CONNECT_TIMEOUT);
        let line = Arc::new(Line::new(deadline));
        let (jobs, queue) = mpsc::channel();
        let (tell, told) = oneshot::channel();
        let opening = Opening {
            config: self.config.clone(),
            relays: self.relays.clone(),
            line: line.clone(),
        };
        std::thread::Builder::new()
            .name("oracle-session".to_string())
            .spawn(move || serve(&opening, tell, &queue))
            .map_err(|error| {
                ConnectorError::new(ErrorCode::Unreachable, "no thread for a session")
                    .with_source(error)
            })?;
        let place = self.config.place();
        let failed = |failure| error::connecting(failure, &place);
        let opened = match tokio::time::timeout_at(deadline.into(), told).await {
            Ok(Ok(opened)) => opened.map_err(failed)?,
            Ok(Err(_)) => {
                return Err(failed(Failure::new(Kind::Driver, "the session's thread ended")));
            }
            Err(_) => {
                line.close("a connect took too long");
                return Err(failed(Failure::new(Kind::Connection, "no answer while connecting")));
            }
        };
        let control = Control { line, breaker: opened.breaker };
        Ok(Session { jobs, control, server: opened.server, opened: Instant::now() })
    }

    /// Whether the server answers somebody new.
    pub(crate) async fn reach(&self) -> Result<(), ConnectorError> {
        self.connect(self.cutoff(None)).await.map(drop)
    }

    fn pooled(&self) -> Option<Session> {
        loop {
            let session = self.idle.lock().pop()?;
            if session.opened.elapsed() < MAX_AGE && session.control.line.closed().is_none() {
                return Some(session);
            }
        }
    }
}

/// A session that one statement holds, with its place in the pool.
pub(crate) struct Lease {
    session: Session,
    turn: u64,
    is_pooled: bool,
    sessions: Arc<Sessions>,
    slot: SessionSlot,
}

/// Whether a session may be used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    Keep,
    ThrowAway,
}

impl Lease {
    /// The server's version: major, and whole.
    pub(crate) fn server(&self) -> &(u32, String) {
        &self.session.server
    }

    /// Whether the session has served before, so that it may have gone stale since.
    pub(crate) fn is_pooled(&self) -> bool {
        self.is_pooled
    }

    /// What stops the statement.
    pub(crate) fn stopper(&self) -> Stopper {
        Stopper { control: self.session.control.clone(), turn: self.turn }
    }

    /// Runs work on the session's thread, inside a read-only transaction that is rolled back. The session
    /// goes back to the pool when the transaction has ended; `held` is dropped then.
    pub(crate) fn run(
        self,
        action: String,
        client: Option<String>,
        held: impl Send + 'static,
        work: impl FnOnce(Result<&mut dyn Connection, Failure>) -> After + Send + 'static,
    ) {
        let jobs = self.session.jobs.clone();
        let job: Job = Box::new(move |connection: &mut dyn Connection| {
            // Set anew by each lease: what the one before had set is never seen.
            let client = client.as_deref().unwrap_or(&action);
            let after = match connection.begin(&action, client) {
                Ok(()) => work(Ok(connection)),
                Err(failure) => {
                    let keeps = error::keeps_session(&failure);
                    work(Err(failure));
                    if keeps { After::Keep } else { After::ThrowAway }
                }
            };
            let Lease { session, sessions, mut slot, .. } = self;
            slot.leaves();
            session.control.line.turn(Instant::now() + END_TIMEOUT);
            if after == After::Keep && connection.end().is_ok() {
                sessions.idle.lock().push(session);
            }
            // The slot is free when the session is in the pool, or gone.
            drop(slot);
            drop(held);
        });
        // Where the thread has ended the job is dropped, and whoever waits for it is told by that.
        drop(jobs.send(job));
    }
}

/// Stops one statement.
#[derive(Clone)]
pub(crate) struct Stopper {
    control: Control,
    turn: u64,
}

impl Stopper {
    /// Stops the statement, if it still runs.
    pub(crate) fn stop(&self) {
        self.control.line.stop(self.turn);
        if let Some(breaker) = &self.control.breaker
            && self.control.line.reason().is_some()
        {
            breaker();
        }
    }

    /// Why the statement has to stop, if it has to.
    pub(crate) fn line(&self) -> &Line {
        &self.control.line
    }
}

/// What a session's thread starts from.
struct Opening {
    config: OracleConfig,
    relays: Arc<Relays>,
    line: Arc<Line>,
}

/// What a connection tells when it is there.
struct Opened {
    server: (u32, String),
    breaker: Option<Arc<dyn Fn() + Send + Sync>>,
}

/// A session's thread: connects, then does one job after the other until nobody can send any more.
fn serve(
    opening: &Opening,
    tell: oneshot::Sender<Result<Opened, Failure>>,
    jobs: &mpsc::Receiver<Job>,
) {
    let (mut connection, opened) = match open(opening) {
        Ok(opened) => opened,
        Err(failure) => return drop(tell.send(Err(failure))),
    };
    if tell.send(Ok(opened)).is_err() {
        return;
    }
    while let Ok(job) = jobs.recv() {
        // The drivers' panics are caught where they are called; one of ours ends the session only.
        if catch_unwind(AssertUnwindSafe(|| job(&mut *connection))).is_err() {
            tracing::error!("a session of an Oracle source panicked");
            return;
        }
    }
}

fn open(opening: &Opening) -> Result<(Box<dyn Connection>, Opened), Failure> {
    let Opening { config, relays, line } = opening;
    let (mut connection, breaker): (Box<dyn Connection>, _) = match config.driver {
        Driver::Thin => (Box::new(Thin::open(config, relays, line)?), None),
        Driver::Thick => {
            let thick = Thick::open(config, line)?;
            let breaker = thick.breaker();
            (Box::new(thick), Some(breaker))
        }
    };
    let server = connection.version();
    if server.0 < 12 {
        let text = format!("{OLDEST_SERVER}, this is {}", server.1);
        return Err(Failure::new(Kind::Configuration, text));
    }
    connection.set_up(SETTINGS)?;
    Ok((connection, Opened { server, breaker }))
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("config", &self.config).finish_non_exhaustive()
    }
}

/// The action of a query. What does not print, or is not plain, is replaced.
pub(crate) fn action(query_id: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.:".contains(c) { c } else { '_' };
    query_id.chars().take(ACTION_BYTES).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_plain_and_short() {
        assert_eq!(action("q-1.2:a_B"), "q-1.2:a_B");
        assert_eq!(action("'; DROP\0é"), "___DROP__");
        assert_eq!(action(&"x".repeat(100)).len(), ACTION_BYTES);
    }
}
