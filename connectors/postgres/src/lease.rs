//! One session in the hands of one statement.
//!
//! A session is proven alive and named after its query before the statement is sent, in one round trip. A
//! look-up that this session has answered quickly before, and a moment ago, does without: it
//! would double its time. Such a session goes by a name of its own, and the log tells at debug level
//! which query it runs.

use crate::cancel::{self, Remains};
use crate::connection::{Backend, Session, Sessions};
use crate::error;
use celosia_connector_api::slots::spared;
use celosia_connector_api::{ConnectorError, ErrorCode, SessionIdentity, SessionSlot};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};
use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::time::timeout;

/// How long a session may take to accept its settings before it counts as broken.
const SETUP_TIMEOUT: Duration = Duration::from_secs(5);
/// New sessions that may break while they are set up before the source counts as unreachable.
const FRESH_ATTEMPTS: u32 = 3;
/// Bytes of an application name that the server keeps.
const NAME_BYTES: usize = 63;
/// A statement that ends in this time is quick.
const QUICK: Duration = Duration::from_millis(10);
/// Quick statements that a session remembers.
const QUICK_STATEMENTS: usize = 512;
/// A session that was alive so short a time ago still is.
const ALIVE: Duration = Duration::from_millis(50);

/// Begins a transaction of which every statement sees what the first one sees.
const BEGIN_SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// What a session is wanted for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose<'a> {
    /// A statement that may come again.
    Repeated(&'a str),
    /// Statements that will not.
    Once,
    /// A transaction, which is begun, under an identity if one is named.
    Transaction(Option<&'a SessionIdentity>),
    /// A transaction in which every statement sees the same.
    Snapshot(Option<&'a SessionIdentity>, Snapshot<'a>),
}

/// What the statements of a transaction see.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Snapshot<'a> {
    /// What there is when its first statement begins.
    Own,
    /// What another transaction sees, which has exported that under a name and is still open.
    Of(&'a str),
}

/// How far a session is from its next statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing stands in the way.
    Free,
    /// A transaction is open.
    Transaction,
    /// In the midst of COPY, which must be read to its end.
    Copying,
}

/// A session that one statement holds.
///
/// A lease that ends without [`Lease::finish`] may have left a statement running: the session then
/// keeps its place in the pool until the server has confirmed that the statement has stopped.
pub(crate) struct Lease {
    session: Option<Session>,
    clean: bool,
    slot: Option<SessionSlot>,
    runtime: Handle,
    begun: Instant,
    cutoff: Instant,
    /// Stands for the text of a statement that may come again.
    text: Option<u64>,
    sessions: Arc<Sessions>,
}

impl Sessions {
    /// A session that is alive and will stop its statement at the deadline, or soon after it where
    /// nobody is left to do so.
    ///
    /// A pooled session that turns out to be broken is replaced: nothing of the caller's has been
    /// sent on it.
    pub(crate) async fn lease(
        self: Arc<Self>,
        query_id: &str,
        purpose: Purpose<'_>,
        deadline: Option<Instant>,
    ) -> Result<Lease, ConnectorError> {
        let slot = self.slots.slot(self.cutoff(deadline)).await?;
        self.lease_in(slot, query_id, purpose, deadline).await
    }

    /// The same where a slot is free, or about to be.
    pub(crate) async fn lease_now(
        self: Arc<Self>,
        query_id: &str,
        purpose: Purpose<'_>,
        deadline: Option<Instant>,
    ) -> Option<Lease> {
        let slot = self.slots.spare(self.cutoff(deadline)).await?;
        spared(self.lease_in(slot, query_id, purpose, deadline).await)
    }

    async fn lease_in(
        self: Arc<Self>,
        slot: SessionSlot,
        query_id: &str,
        purpose: Purpose<'_>,
        deadline: Option<Instant>,
    ) -> Result<Lease, ConnectorError> {
        let runtime = Handle::try_current().map_err(|error| {
            ConnectorError::new(ErrorCode::QueryFailed, "no runtime").with_source(error)
        })?;
        let (begun, cutoff) = (Instant::now(), self.cutoff(deadline));
        let mut lease = Lease {
            session: None,
            clean: false,
            slot: Some(slot),
            runtime,
            begun,
            cutoff,
            text: purpose.text(),
            sessions: self,
        };
        let name = session_name(query_id, purpose.identity().map(|who| who.user.as_str()));
        let mut fresh = 0;
        loop {
            let pooled = lease.sessions.pooled();
            if pooled.is_none() {
                fresh += 1;
                let opening = Box::pin(lease.sessions.open_session());
                let opened = tokio::time::timeout_at(lease.cutoff.into(), opening).await;
                lease.session = Some(opened.map_err(|_| late("opening a session"))??);
            } else {
                lease.session = pooled;
            }
            let patience =
                SETUP_TIMEOUT.min(lease.cutoff.saturating_duration_since(Instant::now()));
            match timeout(patience, lease.introduce(&name, purpose)).await {
                Ok(Ok(())) => return Ok(lease),
                Ok(Err(error)) if error.code != ErrorCode::ConnectionLost => return Err(error),
                Ok(Err(error)) => tracing::debug!(context = %error.context, "a session was broken"),
                Err(_) if patience < SETUP_TIMEOUT => return Err(late("setting a session up")),
                Err(_) => tracing::debug!("a session did not answer"),
            }
            lease.session = None;
            if fresh >= FRESH_ATTEMPTS {
                let context = "new sessions break while they are set up";
                return Err(ConnectorError::new(ErrorCode::Unreachable, context));
            }
        }
    }
}

impl Lease {
    /// The connection, while the lease holds one.
    pub(crate) fn connection(&mut self) -> Result<&mut PgConnection, ConnectorError> {
        Ok(&mut self.held()?.connection)
    }

    /// When the statement must have ended.
    pub(crate) fn cutoff(&self) -> Instant {
        self.cutoff
    }

    /// What stops the statement when the lease is out of reach.
    pub(crate) fn remains(&self) -> Option<Remains> {
        let backend = self.session.as_ref()?.backend.clone();
        Some(Remains::new(self.sessions.clone(), backend, self.runtime.clone()))
    }

    /// The connection, for a COPY that is read to its end.
    pub(crate) fn copying(&mut self) -> Result<&mut PgConnection, ConnectorError> {
        let session = self.held()?;
        session.state = State::Copying;
        Ok(&mut session.connection)
    }

    /// COPY has come to its end.
    pub(crate) fn copied(&mut self) {
        if let Some(session) = &mut self.session {
            session.state = State::Transaction;
        }
    }

    /// The statement has ended: so does its transaction, where it has one.
    pub(crate) async fn complete(self) -> Result<(), ConnectorError> {
        match self.session.as_ref().map(|session| session.state) {
            Some(State::Transaction) => self.end("COMMIT").await,
            _ => {
                self.finish();
                Ok(())
            }
        }
    }

    /// Ends the transaction, and so the lease.
    pub(crate) async fn end(mut self, sql: &'static str) -> Result<(), ConnectorError> {
        let cutoff = self.cutoff;
        let session = self.held()?;
        match session.connection.execute(sqlx::raw_sql(sql)).await {
            Ok(_) => session.state = State::Free,
            Err(error) => {
                self.session = None;
                return Err(error::running(error, cutoff, "ending a transaction"));
            }
        }
        self.finish();
        Ok(())
    }

    /// The statement has ended and its last answer has been read.
    pub(crate) fn finish(mut self) {
        let now = Instant::now();
        if let (Some(session), Some(text)) = (&mut self.session, self.text) {
            session.remember(text, now.duration_since(self.begun) < QUICK);
        }
        if let Some(session) = &mut self.session {
            session.used = now;
        }
        self.clean = true;
    }

    /// The statement has failed: keeps the session where the server does.
    pub(crate) async fn failed(mut self, error: sqlx::Error, doing: &str) -> ConnectorError {
        if error::is_stale_plan(&error) {
            // Every session has prepared the same statements; each forgets them before its next one.
            self.sessions.outdate();
        }
        let cutoff = self.cutoff;
        let state = self.session.as_ref().map(|session| session.state);
        match state {
            Some(State::Free) if error::keeps_session(&error) => self.clean = true,
            Some(State::Transaction) if error::keeps_session(&error) => {
                // Where this fails too, the session is closed.
                let _ = self.end("ROLLBACK").await;
            }
            _ => self.session = None,
        }
        error::running(error, cutoff, doing)
    }

    /// Proves that the session is alive, names the query in the server's session view and bounds its
    /// time.
    async fn introduce(&mut self, name: &str, purpose: Purpose<'_>) -> Result<(), ConnectorError> {
        let (cutoff, text, epoch) = (self.cutoff, self.text, self.sessions.epoch());
        let remaining = cutoff.saturating_duration_since(Instant::now());
        if remaining.is_zero() {
            self.clean = true;
            let context = "the deadline passed before the statement was sent";
            return Err(ConnectorError::new(ErrorCode::DeadlineExceeded, context));
        }
        let most = self.sessions.config.statement_timeout;
        let lost = |error| error::running(error, cutoff, "setting up a session");
        let session = self.held()?;
        let quick = text.is_some_and(|text| session.quick.contains(&text));
        let Backend { process, name: own, query } = &mut session.backend;
        tracing::debug!(query = name, session = own, process, "a session is taken");
        query.clear();
        if !quick {
            query.push_str(name);
        }
        let timeout = fitting(session.timeout, remaining, most);
        if let Some(begin) = purpose.begin() {
            session.state = State::Transaction;
            let sql = transaction(&begin, name, timeout, purpose.identity());
            session.connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.map_err(lost)?;
        } else if let Some(sql) = session.settings(timeout) {
            session.connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.map_err(lost)?;
            session.timeout = timeout.unwrap_or(session.timeout);
        } else if session.used.elapsed() > ALIVE {
            session.connection.ping().await.map_err(lost)?;
        }
        if session.epoch != epoch {
            session.connection.clear_cached_statements().await.map_err(lost)?;
            session.quick.clear();
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
        } else if session.state != State::Copying {
            // Whether its last settings arrived is not known.
            session.forget_settings();
            let (sessions, mut slot) = (self.sessions.clone(), self.slot.take());
            slot.iter_mut().for_each(SessionSlot::leaves);
            self.runtime.spawn(async move {
                cancel::recover(&sessions, session).await;
                drop(slot);
            });
        }
    }
}

impl Session {
    /// The statement that gives the session its name, its way to plan and its timeout, where one of them
    /// is not as it should be.
    fn settings(&mut self, timeout: Option<Duration>) -> Option<String> {
        let Backend { name, query, .. } = &self.backend;
        // A plan for any values is worth having where planning is most of the work, and only there.
        let (name, plans) = match query.is_empty() {
            true => (name, "auto"),
            false => (query, "force_custom_plan"),
        };
        let mut settings = Vec::new();
        if self.set_name != *name {
            settings
                .push(format!("SET application_name = '{name}'; SET plan_cache_mode = {plans}"));
            self.set_name.clone_from(name);
        }
        settings.extend(timeout.map(|timeout| format!("SET {}", spelled(timeout))));
        (!settings.is_empty()).then(|| settings.join("; "))
    }

    fn remember(&mut self, text: u64, quick: bool) {
        if !quick {
            self.quick.remove(&text);
            return;
        }
        if self.quick.len() >= QUICK_STATEMENTS {
            self.quick.clear();
        }
        self.quick.insert(text);
    }

    fn forget_settings(&mut self) {
        self.timeout = Duration::ZERO;
        self.set_name.clear();
    }
}

impl<'a> Purpose<'a> {
    fn identity(self) -> Option<&'a SessionIdentity> {
        match self {
            Self::Transaction(identity) | Self::Snapshot(identity, _) => identity,
            Self::Repeated(_) | Self::Once => None,
        }
    }

    /// How its transaction begins, where it has one.
    fn begin(self) -> Option<Cow<'static, str>> {
        match self {
            Self::Transaction(_) => Some("BEGIN READ ONLY".into()),
            Self::Snapshot(_, Snapshot::Own) => Some(BEGIN_SNAPSHOT.into()),
            Self::Snapshot(_, Snapshot::Of(name)) => {
                Some(format!("{BEGIN_SNAPSHOT}; SET TRANSACTION SNAPSHOT '{name}'").into())
            }
            Self::Repeated(_) | Self::Once => None,
        }
    }

    fn text(self) -> Option<u64> {
        let Self::Repeated(sql) = self else { return None };
        let mut hasher = DefaultHasher::new();
        sql.hash(&mut hasher);
        Some(hasher.finish())
    }
}

/// Begins a transaction whose settings end with it.
fn transaction(
    begin: &str,
    name: &str,
    timeout: Option<Duration>,
    identity: Option<&SessionIdentity>,
) -> String {
    let timeout = timeout.map(|timeout| format!("; SET LOCAL {}", spelled(timeout)));
    let timeout = timeout.unwrap_or_default();
    let identity = identity.map(assumed).unwrap_or_default();
    format!("{begin}; SET LOCAL application_name = '{name}'{timeout}{identity}")
}

/// Takes on an identity until the end of the transaction. The role comes last: it need not have the right to
/// anything of the others.
fn assumed(identity: &SessionIdentity) -> String {
    let SessionIdentity { user, issuer, role } = identity;
    let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let role =
        role.as_ref().map(|role| format!("; SET LOCAL ROLE \"{}\"", role.replace('"', "\"\"")));
    format!(
        "; SET LOCAL celosia.\"user\" = {}; SET LOCAL celosia.issuer = {}{}",
        literal(user),
        literal(issuer),
        role.unwrap_or_default()
    )
}

fn spelled(timeout: Duration) -> String {
    format!("statement_timeout = {}", timeout.as_millis().max(1))
}

fn late(doing: &str) -> ConnectorError {
    ConnectorError::new(ErrorCode::DeadlineExceeded, doing)
}

/// The application name of a query, and of who asks. What could end the literal, or does not print, is replaced.
fn session_name(query_id: &str, user: Option<&str>) -> String {
    let mut name = String::with_capacity(NAME_BYTES);
    name.push_str("celosia ");
    let user = user.map(|user| format!(" {user}")).unwrap_or_default();
    for c in query_id.chars().map(|c| if c == ' ' { '_' } else { c }).chain(user.chars()) {
        if name.len() == NAME_BYTES {
            break;
        }
        name.push(if c.is_ascii_alphanumeric() || "-_.: @".contains(c) { c } else { '_' });
    }
    name
}

/// The timeout a session needs for a statement of which so much time remains; `None` where the one it
/// has will do. The reader stops the statement at its deadline; the server's timeout is for a reader
/// who cannot, so it may be later, but never earlier and not by much.
fn fitting(set: Duration, remaining: Duration, most: Duration) -> Option<Duration> {
    let wanted = rounded(remaining).min(most);
    let enough = wanted..=wanted * 2 + Duration::from_secs(1);
    (!enough.contains(&set)).then_some(wanted)
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
        assert_eq!(session_name("q-1.2:a_B", None), "celosia q-1.2:a_B");
        assert_eq!(
            session_name("'; DROP TABLE x; --\\\n\0é", None),
            "celosia ___DROP_TABLE_x__--____"
        );
        assert_eq!(session_name(&"x".repeat(100), None).len(), NAME_BYTES);
    }

    #[test]
    fn an_identity_cannot_leave_its_literals() {
        assert_eq!(session_name("q-1", Some("o'neil ana\"@x")), "celosia q-1 o_neil ana_@x");
        let identity = SessionIdentity {
            user: "o'; RESET ROLE; --\\".into(),
            issuer: String::new(),
            role: Some("a\"; RESET ROLE; --".into()),
        };
        assert_eq!(
            assumed(&identity),
            "; SET LOCAL celosia.\"user\" = 'o''; RESET ROLE; --\\'; SET LOCAL celosia.issuer = ''; \
             SET LOCAL ROLE \"a\"\"; RESET ROLE; --\""
        );
    }

    #[test]
    fn deadlines_are_rounded_up() {
        let millis = Duration::from_millis;
        assert_eq!(rounded(Duration::from_micros(29_999_990)), millis(30_000));
        assert_eq!(rounded(millis(30_000)), millis(30_000));
        assert_eq!(rounded(Duration::from_micros(1)), millis(10));
        assert_eq!(rounded(millis(1_001)), millis(1_100));
    }

    #[test]
    fn a_timeout_is_set_where_the_one_there_is_does_not_fit() {
        let seconds = Duration::from_secs;
        let most = seconds(30);
        assert_eq!(fitting(seconds(30), Duration::from_micros(29_999_990), most), None);
        assert_eq!(fitting(seconds(30), seconds(15), most), None);
        assert_eq!(fitting(seconds(30), seconds(10), most), Some(seconds(10)));
        assert_eq!(fitting(seconds(10), seconds(12), most), Some(seconds(12)));
        assert_eq!(fitting(Duration::ZERO, seconds(60), most), Some(most));
        assert_eq!(fitting(seconds(30), seconds(60), most), None);
        let short = Duration::from_millis(200);
        assert_eq!(fitting(seconds(30), short, most), Some(short));
    }
}
