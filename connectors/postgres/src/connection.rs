//! The pool of read-only sessions.
//!
//! sqlx's own pool asks the server twice more for each statement (once before lending, once after);
//! here what names the query in the server's session view is also the proof that the session is
//! alive, and a look-up does without.

use crate::config::PostgresConfig;
use crate::error;
use crate::lease::State;
use celosia_connector_api::{ConnectorError, ErrorCode, SessionSlots};
use parking_lot::Mutex;
use sqlx::postgres::PgConnection;
use sqlx::{ConnectOptions, Connection, Executor, Row};
use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// How long one attempt to connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a new session may take to say who it is.
const FIRST_TIMEOUT: Duration = Duration::from_secs(5);
/// A session is replaced after this long, so that a changed address or certificate is noticed.
const MAX_AGE: Duration = Duration::from_secs(30 * 60);
/// The oldest server whose catalog and operators we know.
const OLDEST_SERVER: u32 = 120_000;

/// All sessions of one source.
pub(crate) struct Sessions {
    pub(crate) config: PostgresConfig,
    idle: Mutex<Vec<Session>>,
    pub(crate) slots: Arc<SessionSlots>,
    /// The connection that carries cancel requests; made when it is first needed.
    pub(crate) control: tokio::sync::Mutex<Option<PgConnection>>,
    /// Whether the server knows `client_connection_check_interval`.
    check_interval: AtomicBool,
    /// Counts changes of tables that made prepared statements stale.
    epoch: AtomicU64,
}

/// One connection and what we know of it.
pub(crate) struct Session {
    pub(crate) connection: PgConnection,
    pub(crate) backend: Backend,
    pub(crate) state: State,
    /// The application name set last; empty where it is not known.
    pub(crate) set_name: String,
    /// The statement timeout set last; zero where it is not known.
    pub(crate) timeout: Duration,
    /// Texts of statements that were quick the last time, as their hashes.
    pub(crate) quick: HashSet<u64>,
    /// When the server last answered.
    pub(crate) used: Instant,
    pub(crate) epoch: u64,
    opened: Instant,
}

/// The server's process, by which a statement is cancelled. Its number may be given to another one
/// later, but neither of its names.
#[derive(Debug, Clone)]
pub(crate) struct Backend {
    pub(crate) process: i32,
    /// The session's own name, by which it goes while no query has given it one.
    pub(crate) name: String,
    /// The name of the last query; empty where there was none.
    pub(crate) query: String,
}

/// A name for a session that no other one has.
fn unique_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = RandomState::new().hash_one(NEXT.fetch_add(1, Ordering::Relaxed));
    format!("celosia.{number:016x}")
}

impl Sessions {
    /// Sessions that are open and wait for a statement.
    pub(crate) fn idle(&self) -> usize {
        self.idle.lock().len()
    }

    pub(crate) fn new(config: PostgresConfig) -> Result<Self, ConnectorError> {
        if config.concurrency == 0 || config.statement_timeout.is_zero() {
            let context = "concurrency and statement_timeout must be above zero";
            return Err(ConnectorError::new(ErrorCode::InvalidConfiguration, context));
        }
        Ok(Self {
            idle: Mutex::new(Vec::with_capacity(config.concurrency)),
            slots: SessionSlots::new(config.concurrency),
            control: tokio::sync::Mutex::new(None),
            check_interval: AtomicBool::new(true),
            epoch: AtomicU64::new(0),
            config,
        })
    }

    /// Connects, with the name and the settings of a read-only session.
    pub(crate) async fn connect(&self, name: &str) -> Result<PgConnection, ConnectorError> {
        let local = self.config.is_local_socket();
        loop {
            let check_interval = self.check_interval.load(Ordering::Relaxed);
            let options = self.config.session_options(name, check_interval);
            let error = match timeout(CONNECT_TIMEOUT, options.connect()).await {
                Ok(Ok(connection)) => return supported(connection),
                Ok(Err(error)) => error,
                Err(_) => {
                    let context = "no answer while connecting";
                    return Err(ConnectorError::new(ErrorCode::Unreachable, context));
                }
            };
            // Servers before version 14, and platforms that cannot watch a socket.
            if check_interval && error::is_unknown_setting(&error) {
                self.check_interval.store(false, Ordering::Relaxed);
                continue;
            }
            return Err(error::connecting(error, local));
        }
    }

    /// Whether the server answers somebody new. One that has no room for another session does.
    pub(crate) async fn reach(&self) -> Result<(), ConnectorError> {
        match self.connect("celosia").await {
            Ok(connection) => {
                let _ = connection.close().await;
                Ok(())
            }
            Err(error) if error::is_full(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// How often tables are known to have changed under prepared statements.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// A table has changed: what was prepared before is not used again.
    pub(crate) fn outdate(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }

    /// Takes back a session that is ready for its next statement.
    pub(crate) fn give_back(&self, session: Session) {
        self.idle.lock().push(session);
    }

    /// A new session.
    pub(crate) async fn open_session(&self) -> Result<Session, ConnectorError> {
        let epoch = self.epoch();
        let name = unique_name();
        let mut connection = self.connect(&name).await?;
        let sql = "SELECT pg_backend_pid()::text, getdatabaseencoding()::text";
        let row = timeout(FIRST_TIMEOUT, connection.fetch_one(sqlx::raw_sql(sql)))
            .await
            .map_err(|_| ConnectorError::new(ErrorCode::Unreachable, "no answer to a first query"))?
            .map_err(|error| error::connecting(error, false))?;
        let unreadable = |error| error::connecting(error, false);
        let process: &str = row.try_get(0).map_err(unreadable)?;
        let encoding: &str = row.try_get(1).map_err(unreadable)?;
        if encoding == "SQL_ASCII" {
            // Its bytes have no meaning as text: lengths, patterns and masks would count bytes.
            let context = "databases with the encoding SQL_ASCII are not supported";
            return Err(ConnectorError::new(ErrorCode::InvalidConfiguration, context));
        }
        let process = process.parse().map_err(|error| {
            ConnectorError::new(ErrorCode::Unreachable, "no process id").with_source(error)
        })?;
        let now = Instant::now();
        Ok(Session {
            connection,
            state: State::Free,
            set_name: name.clone(),
            backend: Backend { process, name, query: String::new() },
            timeout: self.config.statement_timeout,
            quick: HashSet::new(),
            used: now,
            epoch,
            opened: now,
        })
    }

    /// A session that was given back and is not too old.
    pub(crate) fn pooled(&self) -> Option<Session> {
        loop {
            let session = self.idle.lock().pop()?;
            if session.opened.elapsed() < MAX_AGE {
                return Some(session);
            }
        }
    }

    /// When a statement that starts now has to have ended.
    pub(crate) fn cutoff(&self, deadline: Option<Instant>) -> Instant {
        let cutoff = Instant::now() + self.config.statement_timeout;
        deadline.map_or(cutoff, |deadline| deadline.min(cutoff))
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("config", &self.config).finish_non_exhaustive()
    }
}

fn supported(connection: PgConnection) -> Result<PgConnection, ConnectorError> {
    match connection.server_version_num() {
        Some(version) if version < OLDEST_SERVER => {
            let context = format!("PostgreSQL 12 or later is needed, this is {version}");
            Err(ConnectorError::new(ErrorCode::InvalidConfiguration, context))
        }
        _ => Ok(connection),
    }
}
