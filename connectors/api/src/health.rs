//! Whether a source can be reached, found out beside its statements.
//!
//! A statement that hears nothing is slow, or its source is gone: it cannot tell, and waits for its deadline
//! either way. So after a silence the source is asked over a connection of its own. While it does not
//! answer, statements that would begin, or wait for a place, are told so at once: a dead source holds up its
//! own callers for seconds and nobody else's at all. What runs already runs on, to its own end or deadline.

use crate::{Connector, ConnectorError, ErrorCode};
use parking_lot::Mutex;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// A statement that has heard nothing for so long has its source asked.
const SILENCE: Duration = Duration::from_secs(1);
/// A source that answered so short a time ago is not asked again.
const FRESH: Duration = Duration::from_secs(5);
/// How long a new connection may take.
const ANSWER: Duration = Duration::from_secs(2);
/// Attempts in a row that must fail.
const ATTEMPTS: u32 = 2;
/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(500);

/// What is known of a source.
pub(crate) struct Health {
    source: Arc<dyn Connector>,
    down: watch::Sender<bool>,
    asking: AtomicBool,
    answered: Mutex<Option<Instant>>,
}

impl Health {
    /// A source that nothing speaks against.
    pub(crate) fn new(source: Arc<dyn Connector>) -> Arc<Self> {
        let (down, asking) = (watch::Sender::new(false), AtomicBool::new(false));
        Arc::new(Self { source, down, asking, answered: Mutex::new(None) })
    }

    /// # Errors
    /// `Unreachable` while the source does not answer.
    pub(crate) fn check(&self) -> Result<(), ConnectorError> {
        if *self.down.borrow() { Err(unreachable()) } else { Ok(()) }
    }

    /// Ends when the source does not answer any more.
    pub(crate) async fn lost(&self) -> ConnectorError {
        // The sender is ours, so this waits as long as it takes.
        let _ = self.down.subscribe().wait_for(|down| *down).await;
        unreachable()
    }

    /// Does `work`, and has the source asked whenever that takes long.
    pub(crate) async fn watched<T>(self: &Arc<Self>, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = tokio::time::sleep(SILENCE) => self.doubt(),
            }
        }
    }

    /// Has the source asked, unless that happens already or has happened just now.
    pub(crate) fn doubt(self: &Arc<Self>) {
        let fresh = self.answered.lock().is_some_and(|at| at.elapsed() < FRESH);
        if !fresh && !self.asking.swap(true, Ordering::AcqRel) {
            tokio::spawn(ask(Arc::downgrade(self)));
        }
    }
}

/// Asks until there is an answer, or nobody who wants it.
async fn ask(health: Weak<Health>) {
    let mut failed = 0;
    while let Some(health) = health.upgrade() {
        let attempt = tokio::time::timeout(ANSWER, health.source.reach()).await;
        match attempt {
            Ok(Err(error)) if error.code == ErrorCode::Unreachable => failed += 1,
            Err(_) => failed += 1,
            // Whatever else it says, it says something.
            Ok(_) => {
                *health.answered.lock() = Some(Instant::now());
                if health.down.send_replace(false) {
                    tracing::info!("a source that did not answer is back");
                }
                health.asking.store(false, Ordering::Release);
                return;
            }
        }
        if failed == ATTEMPTS {
            tracing::warn!("a source does not answer; its statements are refused until it does");
            health.down.send_replace(true);
        }
        drop(health);
        tokio::time::sleep(PAUSE).await;
    }
}

fn unreachable() -> ConnectorError {
    let context = "the source does not answer; it is asked again every half second";
    ConnectorError::new(ErrorCode::Unreachable, context)
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health").field("down", &*self.down.borrow()).finish_non_exhaustive()
    }
}
