//! Short work of our own on a session: a look at the dictionary, a sign of life.

use crate::connection::{After, Sessions, Stopper};
use crate::driver::{Connection, Failure, Kind};
use crate::error;
use celosia_connector_api::{ConnectorError, ErrorCode};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::oneshot;

/// What is done, and for whom.
#[derive(Clone)]
pub(crate) struct Errand {
    /// What an error calls it.
    pub(crate) doing: &'static str,
    /// What the server's session view calls it.
    pub(crate) action: String,
    /// Who asks, where the session is told.
    pub(crate) client: Option<String>,
    /// When it must have ended.
    pub(crate) cutoff: Instant,
}

/// What it gave.
pub(crate) struct Answer<T> {
    /// The server's version: major, and whole.
    pub(crate) server: (u32, String),
    pub(crate) value: T,
    /// Ends when the session can be used again, or is gone.
    pub(crate) returned: oneshot::Receiver<()>,
}

/// Runs the work on a session; a session of the pool that has gone stale is replaced. Dropping the future stops
/// what runs.
pub(crate) async fn ask<T: Send + 'static>(
    sessions: &Arc<Sessions>,
    errand: Errand,
    work: impl Fn(&mut dyn Connection) -> Result<T, Failure> + Clone + Send + 'static,
) -> Result<Answer<T>, ConnectorError> {
    let Errand { doing, action, client, cutoff } = errand;
    loop {
        let lease = sessions.lease(cutoff).await?;
        let (server, is_pooled) = (lease.server().clone(), lease.is_pooled());
        let (mut asked, work) = (Asked { stopper: Some(lease.stopper()) }, work.clone());
        let (tell, told) = oneshot::channel();
        let (held, returned) = oneshot::channel();
        lease.run(action.clone(), client.clone(), held, move |connection| {
            let answer = connection.and_then(work);
            let after = match &answer {
                Err(failure) if !error::keeps_session(failure) => After::ThrowAway,
                _ => After::Keep,
            };
            let _ = tell.send(answer);
            after
        });
        let answer = told.await;
        let reason = asked.stopper.take().and_then(|stopper| stopper.line().reason());
        let failure = match answer {
            Ok(Ok(value)) => return Ok(Answer { server, value, returned }),
            Ok(Err(failure)) => failure,
            Err(_) => Failure::new(Kind::Connection, "the session ended"),
        };
        let error = error::running(failure, reason, doing);
        if !is_pooled || error.code != ErrorCode::ConnectionLost {
            return Err(error);
        }
    }
}

/// Work that somebody waits for; it is stopped where nobody does any more.
struct Asked {
    stopper: Option<Stopper>,
}

impl Drop for Asked {
    fn drop(&mut self) {
        if let Some(stopper) = self.stopper.take() {
            stopper.stop();
        }
    }
}
