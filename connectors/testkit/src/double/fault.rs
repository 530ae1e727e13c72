//! What a double does wrong on demand.

use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// The faults a double is told to have; shared with its sessions, changed at any time.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    inner: Arc<Mutex<Fault>>,
}

/// One way to misbehave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Fault {
    /// None.
    #[default]
    None,
    /// Accepts a connection and says nothing.
    Silent,
    /// Closes every new connection at once.
    Refuse,
    /// Stops answering (the socket stays open) after so many bytes of a statement's answer.
    HalfOpen {
        /// Bytes of the answer that are still sent.
        after: usize,
    },
    /// Closes the connection after so many bytes of a statement's answer.
    Drop {
        /// Bytes of the answer that are still sent.
        after: usize,
    },
    /// Waits before each packet of an answer.
    Slow {
        /// How long.
        pause: Duration,
    },
    /// Replaces bytes of a statement's answer, from an offset on: lengths that lie, tokens that are none.
    Corrupt {
        /// Offset into the answer.
        at: usize,
        /// What stands there instead.
        bytes: Vec<u8>,
    },
}

impl Faults {
    /// From now on.
    pub fn set(&self, fault: Fault) {
        *self.inner.lock() = fault;
    }

    /// The fault of now.
    pub fn now(&self) -> Fault {
        self.inner.lock().clone()
    }
}
