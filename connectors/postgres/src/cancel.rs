//! Stopping a statement that nobody waits for any more.
//!
//! sqlx keeps the key that a CancelRequest needs to itself, so the server is asked by
//! `pg_cancel_backend` over a connection of its own; one is kept for a source. The session whose
//! statement is stopped is still ours while that happens, and takes no other statement until the
//! server has said that this one is over: a late signal can hit nothing else.
//!
//! A prepared statement is simply left, and the driver reads what the server still sends. Out of COPY the
//! driver does not find by itself: there the statement's future is polled until it ends.

use crate::connection::{Backend, Session, Sessions};
use crate::error;
use crate::lease::State;
use crate::stream::Statement;
use celosia_connector_api::{ConnectorError, ErrorCode};
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor, Row};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::time::timeout;

/// How long each request is given before the next one. The first may come before the server has
/// begun the statement, and is then without effect.
const PATIENCE: [Duration; 8] = [
    Duration::from_millis(20),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];
/// How long all of it may take, so that a server out of reach does not keep the places of a source.
const OVERALL: Duration = Duration::from_secs(20);
/// How long the control connection may take to answer.
const CONTROL_TIMEOUT: Duration = Duration::from_secs(3);
/// How often a session is seen idle at the server, and silent here, before it counts as half a connection.
const IDLE_LOOKS: u32 = 3;
/// Errors that may stand in the way of the answer to a ping: the statement's own end is one.
const ERRORS_TO_READ: usize = 4;

const CANCEL: &str = "SELECT state LIKE 'idle%', pg_cancel_backend(pid) FROM pg_stat_activity \
                      WHERE pid = $1 AND application_name IN ($2, $3)";
const TERMINATE: &str = "SELECT NULL::boolean, pg_terminate_backend(pid) FROM pg_stat_activity \
                         WHERE pid = $1 AND application_name IN ($2, $3)";

/// What is left to do for a statement that must come to its own end.
pub(crate) struct Remains {
    sessions: Arc<Sessions>,
    backend: Backend,
    runtime: Handle,
}

impl Remains {
    pub(crate) fn new(sessions: Arc<Sessions>, backend: Backend, runtime: Handle) -> Self {
        Self { sessions, backend, runtime }
    }

    /// Stops the statement. Its own end gives its session back; where that does not come the session is
    /// closed.
    pub(crate) fn stop(self, mut statement: Statement) {
        let Self { sessions, backend, runtime } = self;
        runtime.spawn(async move {
            let ended = async {
                for patience in PATIENCE {
                    signal(&sessions, CANCEL, &backend).await?;
                    if timeout(patience, &mut statement).await.is_ok() {
                        return Ok(true);
                    }
                }
                signal(&sessions, TERMINATE, &backend).await.map(|_| true)
            };
            report(timeout(OVERALL, ended).await);
        });
    }
}

/// Stops the session's statement and returns the session to the pool; one that cannot be stopped, or
/// whose connection is in doubt, is closed.
pub(crate) async fn recover(sessions: &Sessions, mut session: Session) {
    // Half of a message was sent: the rest must not follow.
    let torn = session.connection.should_flush();
    if report(timeout(OVERALL, Box::pin(stop(sessions, &mut session, torn))).await) {
        session.used = Instant::now();
        sessions.give_back(session);
    }
}

/// Whether a session is fit for use; says so where its statement may run on.
fn report(outcome: Result<Result<bool, ConnectorError>, tokio::time::error::Elapsed>) -> bool {
    match outcome {
        Ok(Ok(fit)) => fit,
        Ok(Err(error)) => {
            tracing::warn!(context = %error.context, "a statement was left to the server");
            false
        }
        Err(_) => {
            tracing::warn!("a statement was left to the server: it does not answer");
            false
        }
    }
}

async fn stop(
    sessions: &Sessions,
    session: &mut Session,
    torn: bool,
) -> Result<bool, ConnectorError> {
    if torn {
        signal(sessions, CANCEL, &session.backend).await?;
        return Ok(false);
    }
    let mut idle = 0;
    for patience in PATIENCE {
        match signal(sessions, CANCEL, &session.backend).await? {
            Seen::Gone => return Ok(false),
            Seen::Idle => idle += 1,
            Seen::Busy => {}
        }
        // Reads and drops whatever the statement still sends; safe to give up and begin again.
        if let Ok(drained) = timeout(patience, drain(&mut session.connection)).await {
            return Ok(drained && roll_back(session).await);
        }
        if idle == IDLE_LOOKS {
            break;
        }
    }
    signal(sessions, TERMINATE, &session.backend).await?;
    Ok(false)
}

/// Ends a transaction that was left open. Whether the session is fit for use.
async fn roll_back(session: &mut Session) -> bool {
    if session.state == State::Free {
        return true;
    }
    session.state = State::Free;
    session.connection.execute(sqlx::raw_sql("ROLLBACK")).await.is_ok()
}

/// Reads to the end of everything under way. Whether the connection is fit for use.
async fn drain(connection: &mut PgConnection) -> bool {
    for _ in 0..ERRORS_TO_READ {
        match connection.ping().await {
            Ok(()) => return true,
            Err(error) if error::keeps_session(&error) => {}
            Err(_) => return false,
        }
    }
    false
}

/// What the server's session view says of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// There is no such session.
    Gone,
    /// It runs nothing.
    Idle,
    /// It runs something, or that is not known.
    Busy,
}

/// Sends one request over the control connection, which is made again where it is broken. What the session
/// was doing before.
async fn signal(
    sessions: &Sessions,
    sql: &'static str,
    backend: &Backend,
) -> Result<Seen, ConnectorError> {
    let mut control = sessions.control.lock().await;
    let mut attempts_left = 2;
    loop {
        let mut connection = match control.take() {
            Some(connection) => connection,
            None => timeout(CONTROL_TIMEOUT, sessions.connect("celosia"))
                .await
                .map_err(|_| silent())??,
        };
        let query = sqlx::query(sql).bind(backend.process);
        let query = query.bind(&backend.name).bind(&backend.query);
        let error = match timeout(CONTROL_TIMEOUT, query.fetch_optional(&mut connection)).await {
            Ok(Ok(row)) => {
                *control = Some(connection);
                let idle = row.map(|row| row.try_get::<Option<bool>, _>(0).ok().flatten());
                return Ok(match idle {
                    None => Seen::Gone,
                    Some(Some(true)) => Seen::Idle,
                    Some(_) => Seen::Busy,
                });
            }
            Ok(Err(error)) => error::running(error, Instant::now(), "cancelling"),
            Err(_) => silent(),
        };
        attempts_left -= 1;
        if attempts_left == 0 {
            return Err(error);
        }
    }
}

fn silent() -> ConnectorError {
    ConnectorError::new(ErrorCode::ConnectionLost, "no answer while cancelling")
}
