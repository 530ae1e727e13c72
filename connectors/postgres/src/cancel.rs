//! Stopping a statement that nobody waits for any more.
//!
//! sqlx keeps the key that a CancelRequest needs to itself, so the server is asked by
//! `pg_cancel_backend` over a connection of its own; one is kept for a source. The session whose
//! statement is stopped is still ours while that happens, and takes no other statement until the
//! server has said that this one is over: a late signal can hit nothing else.

use crate::connection::{Session, Sessions};
use crate::error;
use celosia_connector_api::{ConnectorError, ErrorCode};
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use std::time::{Duration, Instant};
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
const CONTROL_TIMEOUT: Duration = Duration::from_secs(5);
/// Errors that may stand in the way of the answer to a ping: the statement's own end is one.
const ERRORS_TO_READ: usize = 4;

const CANCEL: &str = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity \
                      WHERE pid = $1 AND application_name = $2";
const TERMINATE: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                         WHERE pid = $1 AND application_name = $2";

/// Stops the session's statement and returns the session to the pool; one that cannot be stopped, or
/// whose connection is in doubt, is closed.
pub(crate) async fn recover(sessions: &Sessions, mut session: Session) {
    // Half of a message was sent: the rest must not follow.
    let torn = session.connection.should_flush();
    match timeout(OVERALL, Box::pin(stop(sessions, &mut session, torn))).await {
        Ok(Ok(true)) => sessions.give_back(session),
        Ok(Ok(false)) => {}
        Ok(Err(error)) => {
            tracing::warn!(context = %error.context, "a statement was left to the server");
        }
        Err(_) => tracing::warn!("a statement was left to the server: it does not answer"),
    }
}

async fn stop(
    sessions: &Sessions,
    session: &mut Session,
    torn: bool,
) -> Result<bool, ConnectorError> {
    if torn {
        signal(sessions, CANCEL, session).await?;
        return Ok(false);
    }
    for patience in PATIENCE {
        signal(sessions, CANCEL, session).await?;
        // Reads and drops whatever the statement still sends; safe to give up and begin again.
        if let Ok(drained) = timeout(patience, drain(&mut session.connection)).await {
            return Ok(drained);
        }
    }
    signal(sessions, TERMINATE, session).await?;
    Ok(false)
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

/// Sends one request over the control connection, which is made again where it is broken.
async fn signal(
    sessions: &Sessions,
    sql: &'static str,
    session: &Session,
) -> Result<(), ConnectorError> {
    let mut control = sessions.control.lock().await;
    let mut attempts_left = 2;
    loop {
        let mut connection = match control.take() {
            Some(connection) => connection,
            None => sessions.connect().await?,
        };
        let query = sqlx::query(sql).bind(session.process).bind(&session.name);
        let error = match timeout(CONTROL_TIMEOUT, query.fetch_optional(&mut connection)).await {
            Ok(Ok(_)) => {
                *control = Some(connection);
                return Ok(());
            }
            Ok(Err(error)) => error::running(error, Instant::now(), "cancelling"),
            Err(_) => ConnectorError::new(ErrorCode::ConnectionLost, "no answer while cancelling"),
        };
        attempts_left -= 1;
        if attempts_left == 0 {
            return Err(error);
        }
    }
}
