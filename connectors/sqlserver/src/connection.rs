//! The pool of sessions, and the lease of one of them by one statement.
//!
//! The batch that names the query, bounds its waiting for locks and begins its transaction is also the
//! proof that the session is alive. The transaction is rolled back when the lease ends, after the reader
//! has got its last rows: nobody waits for that round trip but the session itself.
//!
//! A session that was told who asks is that caller's until it is closed: what it was told is read-only, its
//! user cannot be put back, and the pool gives it to nobody else.

use crate::config::SqlServerConfig;
use crate::error;
use crate::session::Session;
use celosia_connector_api::slots::spared;
use celosia_connector_api::{
    ConnectorError, ErrorCode, SessionIdentity, SessionSlot, SessionSlots,
};
use parking_lot::Mutex;
use std::fmt;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tiberius::Client;
use tiberius::error::Error;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::compat::Compat;

/// How long a pooled session may take to answer before it counts as broken.
const INTRODUCE_TIMEOUT: Duration = Duration::from_secs(5);
/// A session is replaced after this long, so that a changed address or certificate is noticed.
const MAX_AGE: Duration = Duration::from_secs(30 * 60);
/// New sessions that may break while they are set up before the source counts as unreachable.
const FRESH_ATTEMPTS: u32 = 3;
/// Bytes of context information that a session has.
const CONTEXT_BYTES: usize = 128;

/// All sessions of one source.
pub(crate) struct Sessions {
    config: SqlServerConfig,
    idle: Mutex<Vec<Session>>,
    slots: Arc<SessionSlots>,
}

impl Sessions {
    /// Sessions that are open and wait for a statement.
    pub(crate) fn idle(&self) -> usize {
        self.idle.lock().len()
    }

    pub(crate) fn new(config: SqlServerConfig) -> Result<Self, ConnectorError> {
        if config.concurrency == 0 || config.statement_timeout.is_zero() {
            let context = "concurrency and statement_timeout must be above zero";
            return Err(ConnectorError::new(ErrorCode::InvalidConfiguration, context));
        }
        Ok(Self {
            idle: Mutex::new(Vec::with_capacity(config.concurrency)),
            slots: SessionSlots::new(config.concurrency),
            config,
        })
    }

    /// A session that is alive, named after the query, in a transaction of its own.
    ///
    /// A pooled session that turns out to be broken is replaced: nothing of the caller's has been sent
    /// on it.
    pub(crate) async fn lease(
        self: Arc<Self>,
        query_id: &str,
        identity: Option<&SessionIdentity>,
        deadline: Option<Instant>,
    ) -> Result<Lease, ConnectorError> {
        let slot = self.slots.slot(self.cutoff(deadline)).await?;
        self.lease_in(slot, query_id, identity, deadline).await
    }

    /// The same where a slot is free, or about to be.
    pub(crate) async fn lease_now(
        self: Arc<Self>,
        query_id: &str,
        identity: Option<&SessionIdentity>,
        deadline: Option<Instant>,
    ) -> Option<Lease> {
        let slot = self.slots.spare(self.cutoff(deadline)).await?;
        spared(self.lease_in(slot, query_id, identity, deadline).await)
    }

    /// When a statement that starts now has to have ended.
    fn cutoff(&self, deadline: Option<Instant>) -> Instant {
        let cutoff = Instant::now() + self.config.statement_timeout;
        deadline.map_or(cutoff, |deadline| deadline.min(cutoff))
    }

    async fn lease_in(
        self: Arc<Self>,
        slot: SessionSlot,
        query_id: &str,
        identity: Option<&SessionIdentity>,
        deadline: Option<Instant>,
    ) -> Result<Lease, ConnectorError> {
        let runtime = Handle::try_current().map_err(|error| {
            ConnectorError::new(ErrorCode::QueryFailed, "no runtime").with_source(error)
        })?;
        let cutoff = self.cutoff(deadline);
        let context = context_information(query_id);
        let mut lease = Lease {
            session: None,
            end: End::Unknown,
            slot: Some(slot),
            runtime,
            cutoff,
            sessions: self,
        };
        let mut fresh = 0;
        loop {
            let pooled = lease.sessions.pooled(identity);
            if pooled.is_none() {
                fresh += 1;
                lease.session =
                    Some(Box::pin(Session::open(&lease.sessions.config, identity)).await?);
            } else {
                lease.session = pooled;
            }
            match timeout(INTRODUCE_TIMEOUT, Box::pin(lease.introduce(&context))).await {
                Ok(Ok(())) => return Ok(lease),
                Ok(Err(error)) if error.code != ErrorCode::ConnectionLost => return Err(error),
                Ok(Err(error)) => tracing::debug!(context = %error.context, "a session was broken"),
                Err(_) => tracing::debug!("a session did not answer"),
            }
            lease.session = None;
            if fresh >= FRESH_ATTEMPTS {
                let context = format!(
                    "new sessions at {} break while they are set up",
                    lease.sessions.config.place()
                );
                return Err(ConnectorError::new(ErrorCode::Unreachable, context));
            }
        }
    }

    /// Whether the server answers somebody new.
    pub(crate) async fn reach(&self) -> Result<(), ConnectorError> {
        Box::pin(Session::open(&self.config, None)).await.map(drop)
    }

    /// A session of just this identity. Where there is none and a new one would be one too many beside those
    /// that wait, the one that has waited longest is closed.
    fn pooled(&self, identity: Option<&SessionIdentity>) -> Option<Session> {
        let mut idle = self.idle.lock();
        idle.retain(|session| session.opened.elapsed() < MAX_AGE);
        if let Some(at) = idle.iter().rposition(|session| session.identity.as_ref() == identity) {
            return Some(idle.remove(at));
        }
        if !idle.is_empty() && idle.len() + self.slots.held() > self.config.concurrency {
            drop(idle.remove(0));
        }
        None
    }
}

/// How the statement of a lease ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Its last answer was read: the session can be used again when its transaction has ended.
    Read,
    /// Nothing was sent: the session can be used again as it is.
    Unused,
    /// It may still run.
    Unknown,
}

/// A session that one statement holds.
///
/// A lease that ends without [`Lease::finish`] may have left a statement running: its place in the pool
/// is given to another one only when the server has confirmed that the statement has stopped.
pub(crate) struct Lease {
    session: Option<Session>,
    end: End,
    slot: Option<SessionSlot>,
    runtime: Handle,
    cutoff: Instant,
    sessions: Arc<Sessions>,
}

impl Lease {
    /// The connection, while the lease holds one.
    pub(crate) fn client(&mut self) -> Result<&mut Client<Compat<TcpStream>>, ConnectorError> {
        Ok(&mut self.held()?.client)
    }

    /// When the statement must have ended.
    pub(crate) fn cutoff(&self) -> Instant {
        self.cutoff
    }

    /// The statement has ended and its last answer has been read.
    pub(crate) fn finish(mut self) {
        self.end = End::Read;
    }

    /// The statement has failed: keeps the session where the server does.
    pub(crate) fn failed(mut self, error: Error, doing: &str) -> ConnectorError {
        if error::keeps_session(&error) {
            self.end = End::Read;
        } else {
            self.session = None;
        }
        error::running(error, doing)
    }

    /// Names the query, bounds its waiting for locks and begins its transaction, in one round trip.
    async fn introduce(&mut self, context: &str) -> Result<(), ConnectorError> {
        let remaining = self.cutoff.saturating_duration_since(Instant::now());
        if remaining.is_zero() {
            self.end = End::Unused;
            return Err(late("before the statement was sent"));
        }
        let locks = i32::try_from(remaining.as_millis().max(1)).unwrap_or(i32::MAX);
        let sql =
            format!("SET CONTEXT_INFO {context}; SET LOCK_TIMEOUT {locks}; BEGIN TRANSACTION");
        let session = self.held()?;
        session.batch(sql).await.map_err(|error| error::running(error, "setting up a session"))
    }

    fn held(&mut self) -> Result<&mut Session, ConnectorError> {
        let gone = || ConnectorError::new(ErrorCode::ConnectionLost, "the session is gone");
        self.session.as_mut().ok_or_else(gone)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut session) = self.session.take() else { return };
        let (sessions, mut slot, end) = (self.sessions.clone(), self.slot.take(), self.end);
        if end == End::Unused {
            sessions.idle.lock().push(session);
            return;
        }
        slot.iter_mut().for_each(SessionSlot::leaves);
        self.runtime.spawn(async move {
            if end == End::Unknown {
                session.stop().await;
            } else if session.roll_back().await {
                sessions.idle.lock().push(session);
            }
            drop(slot);
        });
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("config", &self.config).finish_non_exhaustive()
    }
}

/// The deadline has passed.
pub(crate) fn late(doing: &str) -> ConnectorError {
    ConnectorError::new(ErrorCode::DeadlineExceeded, format!("the deadline passed: {doing}"))
}

/// The query's name as a binary literal: nothing of it can end the literal. What does not print is
/// replaced, for whoever reads it back.
fn context_information(query_id: &str) -> String {
    let mut hex = String::with_capacity(2 + 2 * CONTEXT_BYTES);
    hex.push_str("0x");
    let name = query_id
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_.:".contains(c) { c } else { '_' });
    for c in "celosia ".chars().chain(name).take(CONTEXT_BYTES) {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{:02x}", u32::from(c));
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_id_is_a_binary_literal() {
        assert_eq!(context_information("q-1"), "0x63656c6f73696120712d31");
        assert_eq!(context_information("'é"), "0x63656c6f736961205f5f");
        assert_eq!(context_information(&"x".repeat(500)).len(), 2 + 2 * CONTEXT_BYTES);
    }
}
