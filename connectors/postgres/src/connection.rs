//! The pool of read-only sessions, and the lease of one of them by one statement.
//!
//! sqlx's own pool asks the server twice more for each statement (once before lending, once after);
//! here the statement that names the query in the server's session view is also the proof that the
//! session is alive.

use crate::config::PostgresConfig;
use crate::{cancel, error};
use celosia_connector_api::{ConnectorError, ErrorCode};
use parking_lot::Mutex;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, Row};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How long one attempt to connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a session may take to accept its settings before it counts as broken.
const SETUP_TIMEOUT: Duration = Duration::from_secs(5);
/// A session is replaced after this long, so that a changed address or certificate is noticed.
const MAX_AGE: Duration = Duration::from_secs(30 * 60);
/// New sessions that may break while they are set up before the source counts as unreachable.
const FRESH_ATTEMPTS: u32 = 3;
/// Bytes of an application name that the server keeps.
const NAME_BYTES: usize = 63;
/// The oldest server whose catalog and operators we know.
const OLDEST_SERVER: u32 = 120_000;

/// All sessions of one source.
pub(crate) struct Sessions {
    config: PostgresConfig,
    idle: Mutex<Vec<Session>>,
    places: Arc<Semaphore>,
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
    /// The server's process, by which a statement is cancelled.
    pub(crate) process: i32,
    /// The application name set last.
    pub(crate) name: String,
    /// The statement timeout set last; zero where it is not known.
    timeout: Duration,
    opened: Instant,
    epoch: u64,
}

impl Sessions {
    pub(crate) fn new(config: PostgresConfig) -> Result<Self, ConnectorError> {
        if config.concurrency == 0 || config.statement_timeout.is_zero() {
            let context = "concurrency and statement_timeout must be above zero";
            return Err(ConnectorError::new(ErrorCode::InvalidConfiguration, context));
        }
        Ok(Self {
            idle: Mutex::new(Vec::with_capacity(config.concurrency)),
            places: Arc::new(Semaphore::new(config.concurrency)),
            control: tokio::sync::Mutex::new(None),
            check_interval: AtomicBool::new(true),
            epoch: AtomicU64::new(0),
            config,
        })
    }

    /// A session that is alive, named after the query, and will stop its statement at the deadline.
    ///
    /// A pooled session that turns out to be broken is replaced: nothing of the caller's has been
    /// sent on it.
    pub(crate) async fn lease(
        self: Arc<Self>,
        query_id: &str,
        deadline: Option<Instant>,
    ) -> Result<Lease, ConnectorError> {
        let runtime = Handle::try_current().map_err(|error| {
            ConnectorError::new(ErrorCode::QueryFailed, "no runtime").with_source(error)
        })?;
        let permit = self.place(deadline).await?;
        let name = session_name(query_id);
        let cutoff = Instant::now() + self.config.statement_timeout;
        let cutoff = deadline.map_or(cutoff, |deadline| deadline.min(cutoff));
        let mut lease = Lease {
            session: None,
            clean: false,
            permit: Some(permit),
            runtime,
            cutoff,
            sessions: self,
        };
        let mut fresh = 0;
        loop {
            let pooled = lease.sessions.pooled();
            if pooled.is_none() {
                fresh += 1;
                lease.session = Some(Box::pin(lease.sessions.open_session()).await?);
            } else {
                lease.session = pooled;
            }
            match timeout(SETUP_TIMEOUT, lease.introduce(&name)).await {
                Ok(Ok(())) => return Ok(lease),
                Ok(Err(error)) if error.code != ErrorCode::ConnectionLost => return Err(error),
                Ok(Err(error)) => tracing::debug!(context = %error.context, "a session was broken"),
                Err(_) => tracing::debug!("a session did not answer"),
            }
            lease.session = None;
            if fresh >= FRESH_ATTEMPTS {
                let context = "new sessions break while they are set up";
                return Err(ConnectorError::new(ErrorCode::Unreachable, context));
            }
        }
    }

    /// Connects, with the settings of a read-only session.
    pub(crate) async fn connect(&self) -> Result<PgConnection, ConnectorError> {
        let local = self.config.is_local_socket();
        loop {
            let check_interval = self.check_interval.load(Ordering::Relaxed);
            let options = self.config.session_options(check_interval);
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

    /// Takes back a session that is ready for its next statement.
    pub(crate) fn give_back(&self, session: Session) {
        self.idle.lock().push(session);
    }

    async fn open_session(&self) -> Result<Session, ConnectorError> {
        let epoch = self.epoch.load(Ordering::Acquire);
        let mut connection = self.connect().await?;
        let sql = "SELECT pg_backend_pid()::text, getdatabaseencoding()::text";
        let row = timeout(SETUP_TIMEOUT, connection.fetch_one(sqlx::raw_sql(sql)))
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
        Ok(Session {
            connection,
            process,
            name: String::new(),
            timeout: self.config.statement_timeout,
            opened: Instant::now(),
            epoch,
        })
    }

    fn pooled(&self) -> Option<Session> {
        loop {
            let session = self.idle.lock().pop()?;
            if session.opened.elapsed() < MAX_AGE {
                return Some(session);
            }
        }
    }

    async fn place(
        &self,
        deadline: Option<Instant>,
    ) -> Result<OwnedSemaphorePermit, ConnectorError> {
        let places = self.places.clone();
        if let Ok(permit) = places.clone().try_acquire_owned() {
            return Ok(permit);
        }
        let deadline = deadline.unwrap_or_else(|| Instant::now() + self.config.statement_timeout);
        match tokio::time::timeout_at(deadline.into(), places.acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(ConnectorError::new(ErrorCode::Cancelled, "the source is closing")),
            Err(_) => {
                let context = "waited for a session past the deadline";
                Err(ConnectorError::new(ErrorCode::DeadlineExceeded, context))
            }
        }
    }
}

/// A session that one statement holds.
///
/// A lease that ends without [`Lease::finish`] may have left a statement running: the session then
/// keeps its place in the pool until the server has confirmed that the statement has stopped.
pub(crate) struct Lease {
    session: Option<Session>,
    clean: bool,
    permit: Option<OwnedSemaphorePermit>,
    runtime: Handle,
    cutoff: Instant,
    sessions: Arc<Sessions>,
}

impl Lease {
    /// The connection, while the lease holds one.
    pub(crate) fn connection(&mut self) -> Result<&mut PgConnection, ConnectorError> {
        Ok(&mut self.held()?.connection)
    }

    /// The statement has ended and its last answer has been read.
    pub(crate) fn finish(mut self) {
        self.clean = true;
    }

    /// The statement has failed: keeps the session where the server does.
    pub(crate) async fn failed(mut self, error: sqlx::Error, doing: &str) -> ConnectorError {
        if error::is_stale_plan(&error) {
            // Every session has prepared the same statements; each forgets them before its next one.
            self.sessions.epoch.fetch_add(1, Ordering::AcqRel);
        }
        if error::keeps_session(&error) {
            self.clean = true;
        } else {
            self.session = None;
        }
        error::running(error, self.cutoff, doing)
    }

    /// Names the query in the server's session view and bounds its time, in one round trip.
    async fn introduce(&mut self, name: &str) -> Result<(), ConnectorError> {
        let cutoff = self.cutoff;
        let epoch = self.sessions.epoch.load(Ordering::Acquire);
        let remaining = cutoff.saturating_duration_since(Instant::now());
        if remaining.is_zero() {
            self.clean = true;
            let context = "the deadline passed before the statement was sent";
            return Err(ConnectorError::new(ErrorCode::DeadlineExceeded, context));
        }
        let timeout = rounded(remaining).min(self.sessions.config.statement_timeout);
        let session = self.held()?;
        let mut sql = format!("SET application_name = '{name}'");
        if timeout != session.timeout {
            sql.push_str(&format!("; SET statement_timeout = {}", timeout.as_millis().max(1)));
        }
        session.name.clear();
        session.name.push_str(name);
        let lost = |error| error::running(error, cutoff, "setting up a session");
        session.connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.map_err(lost)?;
        session.timeout = timeout;
        if session.epoch != epoch {
            session.connection.clear_cached_statements().await.map_err(lost)?;
            session.epoch = epoch;
        }
        Ok(())
    }

    fn held(&mut self) -> Result<&mut Session, ConnectorError> {
        let gone = || ConnectorError::new(ErrorCode::ConnectionLost, "the session is gone");
        self.session.as_mut().ok_or_else(gone)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut session) = self.session.take() else { return };
        if self.clean {
            self.sessions.give_back(session);
        } else {
            // Whether its last settings arrived is not known.
            session.timeout = Duration::ZERO;
            let (sessions, permit) = (self.sessions.clone(), self.permit.take());
            self.runtime.spawn(async move {
                cancel::recover(&sessions, session).await;
                drop(permit);
            });
        }
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

/// The application name of a query. What could end the literal, or does not print, is replaced.
fn session_name(query_id: &str) -> String {
    let mut name = String::with_capacity(NAME_BYTES);
    name.push_str("celosia ");
    for c in query_id.chars().take(NAME_BYTES - name.len()) {
        name.push(if c.is_ascii_alphanumeric() || "-_.:".contains(c) { c } else { '_' });
    }
    name
}

/// A timeout in steps, so that equal deadlines need no new setting; never shorter than asked for.
fn rounded(remaining: Duration) -> Duration {
    let step = if remaining < Duration::from_secs(1) { 10 } else { 100 };
    let millis = remaining.as_micros().div_ceil(step * 1_000) * step;
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_id_cannot_leave_its_literal() {
        assert_eq!(session_name("q-1.2:a_B"), "celosia q-1.2:a_B");
        assert_eq!(session_name("'; DROP TABLE x; --\\\n\0é"), "celosia ___DROP_TABLE_x__--____");
        assert_eq!(session_name(&"x".repeat(100)).len(), NAME_BYTES);
    }

    #[test]
    fn deadlines_are_rounded_up() {
        let millis = Duration::from_millis;
        assert_eq!(rounded(Duration::from_micros(29_999_990)), millis(30_000));
        assert_eq!(rounded(millis(30_000)), millis(30_000));
        assert_eq!(rounded(Duration::from_micros(1)), millis(10));
        assert_eq!(rounded(millis(1_001)), millis(1_100));
    }
}
