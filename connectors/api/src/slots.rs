//! How many sessions of a source there are at most, and who holds one.

use crate::error::{ConnectorError, ErrorCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a session is waited for whose statement is over. Its last act is one round trip, as a rule.
const LEAVING: Duration = Duration::from_millis(100);

/// The slots of a source's sessions. Who waits for one gets it in turn.
#[derive(Debug)]
pub struct SessionSlots {
    count: usize,
    free: Arc<Semaphore>,
    /// Those whose statement is over, and whose session is not ready for another one yet.
    leaving: AtomicUsize,
}

impl SessionSlots {
    /// So many, all of them free.
    pub fn new(count: usize) -> Arc<Self> {
        let free = Arc::new(Semaphore::new(count));
        Arc::new(Self { count, free, leaving: AtomicUsize::new(0) })
    }

    /// How many are held.
    pub fn held(&self) -> usize {
        self.count - self.free.available_permits()
    }

    /// A slot for a statement.
    ///
    /// # Errors
    /// There is none until the cutoff.
    pub async fn slot(self: &Arc<Self>, cutoff: Instant) -> Result<SessionSlot, ConnectorError> {
        match tokio::time::timeout_at(cutoff.into(), self.free.clone().acquire_owned()).await {
            Ok(Ok(permit)) => Ok(self.held_by(permit)),
            Ok(Err(_)) => Err(ConnectorError::new(ErrorCode::Cancelled, "the source is closing")),
            Err(_) => {
                let context = "waited for a session past the deadline";
                Err(ConnectorError::new(ErrorCode::DeadlineExceeded, context))
            }
        }
    }

    /// One more slot for a statement that can do without: no running statement is waited for, only one that is
    /// over, as the statement just before it may be.
    pub async fn spare(self: &Arc<Self>, cutoff: Instant) -> Option<SessionSlot> {
        if let Ok(permit) = self.free.clone().try_acquire_owned() {
            return Some(self.held_by(permit));
        }
        if self.leaving.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.slot(cutoff.min(Instant::now() + LEAVING)).await.ok()
    }

    fn held_by(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> SessionSlot {
        SessionSlot { permit: Some(permit), leaving: false, slots: self.clone() }
    }
}

/// A slot that a session holds until this is dropped.
#[derive(Debug)]
pub struct SessionSlot {
    permit: Option<OwnedSemaphorePermit>,
    leaving: bool,
    slots: Arc<SessionSlots>,
}

impl SessionSlot {
    /// From now on the session is only made ready for the next statement.
    pub fn leaves(&mut self) {
        if !std::mem::replace(&mut self.leaving, true) {
            self.slots.leaving.fetch_add(1, Ordering::AcqRel);
        }
    }
}

impl Drop for SessionSlot {
    fn drop(&mut self) {
        // First, so that whoever sees none leaving finds it free.
        drop(self.permit.take());
        if self.leaving {
            self.slots.leaving.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

/// The session in a spare slot, if one could be made.
pub fn spared<T>(session: Result<T, ConnectorError>) -> Option<T> {
    let told =
        |error: &ConnectorError| tracing::debug!(context = %error.context, "no spare session");
    session.inspect_err(told).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{FutureExt, join};

    fn far() -> Instant {
        Instant::now() + Duration::from_secs(600)
    }

    #[tokio::test]
    async fn nobody_is_waited_for_but_who_leaves() {
        let slots = SessionSlots::new(2);
        let first = slots.slot(far()).await.unwrap();
        let mut second = slots.spare(far()).await.unwrap();
        assert_eq!(slots.held(), 2);
        assert!(slots.spare(far()).now_or_never().unwrap().is_none());
        second.leaves();
        second.leaves();
        let (third, ()) = join!(slots.spare(far()), async { drop(second) });
        assert!(third.is_some());
        assert!(slots.spare(far()).now_or_never().unwrap().is_none(), "nobody leaves any more");
        drop((first, third));
        assert_eq!(slots.held(), 0);
    }

    #[tokio::test]
    async fn who_does_not_leave_soon_is_not_waited_for() {
        let slots = SessionSlots::new(1);
        let mut held = slots.slot(far()).await.unwrap();
        held.leaves();
        assert!(slots.spare(far()).await.is_none());
        let error = slots.slot(Instant::now()).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::DeadlineExceeded);
    }
}
