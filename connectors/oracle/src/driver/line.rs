//! The control of one connection: which call is on its way, until when, and whether somebody wants it
//! stopped. Shared by the thread that makes the call, the reader that waits, and the relay that can stop it.

use super::{Failure, Kind};
use parking_lot::Mutex;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How long a server may take to confirm that a call has stopped before its connection is closed.
pub(crate) const GRACE: Duration = Duration::from_secs(3);
/// How long the relay sleeps where no call can go out.
const IDLE: Duration = Duration::from_secs(3_600);

/// The control of one connection.
#[derive(Debug)]
pub(crate) struct Line {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    /// Counts statements, so that a late stop does not meet the next one.
    turn: u64,
    deadline: Instant,
    stopped: Option<Reason>,
    in_call: bool,
    /// A break was sent for the call that is on its way.
    broken: bool,
    /// When the call was first found to be one that must end.
    overdue: Option<Instant>,
    closed: Option<&'static str>,
}

/// Why a statement has to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Nobody waits for it.
    Cancelled,
    /// It has run out of time.
    Deadline,
}

/// What the relay does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Looks again then, or when it is told.
    Wait(Instant),
    /// Breaks the call, or looks again very soon where that is not possible yet.
    Break,
    /// Closes the connection: the server did not confirm in time.
    Close,
}

impl Line {
    /// A connection whose first call, the login, must be done by then.
    pub(crate) fn new(deadline: Instant) -> Self {
        let state = State {
            turn: 0,
            deadline,
            stopped: None,
            in_call: false,
            broken: false,
            overdue: None,
            closed: None,
        };
        Self { state: Mutex::new(state), changed: Notify::new() }
    }

    /// A new statement that must be done by then; its number.
    pub(crate) fn turn(&self, deadline: Instant) -> u64 {
        let mut state = self.state.lock();
        state.turn += 1;
        state.deadline = deadline;
        (state.stopped, state.overdue, state.broken) = (None, None, false);
        self.changed.notify_one();
        state.turn
    }

    /// Stops a statement, if it is still the one that runs.
    pub(crate) fn stop(&self, turn: u64) {
        let mut state = self.state.lock();
        if state.turn == turn && state.stopped.is_none() {
            state.stopped = Some(Reason::Cancelled);
            self.changed.notify_one();
        }
    }

    /// A call goes out.
    ///
    /// # Errors
    /// The statement has been stopped, or the connection is closed.
    pub(crate) fn enter(&self) -> Result<(), Failure> {
        let mut state = self.state.lock();
        if let Some(cause) = state.closed {
            return Err(Failure::new(Kind::Connection, cause));
        }
        if let Some(reason) = state.reason(Instant::now()) {
            return Err(Failure::new(Kind::Stopped, format!("not sent: {reason:?}")));
        }
        (state.in_call, state.broken) = (true, false);
        Ok(())
    }

    /// The call has come back; whether a break was sent for it.
    pub(crate) fn leave(&self) -> bool {
        let mut state = self.state.lock();
        state.in_call = false;
        std::mem::take(&mut state.broken)
    }

    /// Why the statement has to stop, if it has to.
    pub(crate) fn reason(&self) -> Option<Reason> {
        self.state.lock().reason(Instant::now())
    }

    /// Why the connection was closed, if it was.
    pub(crate) fn closed(&self) -> Option<&'static str> {
        self.state.lock().closed
    }

    /// The connection is closed.
    pub(crate) fn close(&self, cause: &'static str) {
        self.state.lock().closed.get_or_insert(cause);
        self.changed.notify_one();
    }

    /// The time that is left for a call, with what the server may take to confirm a break.
    pub(crate) fn remaining(&self) -> Duration {
        self.state.lock().deadline.saturating_duration_since(Instant::now())
    }

    /// What the relay does next.
    pub(crate) fn next(&self) -> Next {
        let now = Instant::now();
        let mut state = self.state.lock();
        if state.closed.is_some() {
            return Next::Close;
        }
        if !state.in_call || state.reason(now).is_none() {
            // A call that begins later does so before the deadline, or not at all.
            let idle = if now < state.deadline { state.deadline } else { now + IDLE };
            return Next::Wait(idle);
        }
        match state.overdue {
            Some(since) if now >= since + GRACE => {
                state.closed = Some("the server did not confirm that a call was stopped");
                Next::Close
            }
            Some(since) if state.broken => Next::Wait(since + GRACE),
            Some(_) => Next::Break,
            None => {
                state.overdue = Some(now);
                Next::Break
            }
        }
    }

    /// A break has been sent for the call that is on its way.
    pub(crate) fn broke(&self) {
        self.state.lock().broken = true;
    }

    /// Whether a call is on its way.
    pub(crate) fn is_in_call(&self) -> bool {
        self.state.lock().in_call
    }

    /// Waits for a change.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }
}

impl State {
    fn reason(&self, now: Instant) -> Option<Reason> {
        self.stopped.or_else(|| (now >= self.deadline).then_some(Reason::Deadline))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_stop_does_not_meet_the_next_statement() {
        let later = Instant::now() + Duration::from_secs(60);
        let line = Line::new(later);
        let first = line.turn(later);
        line.stop(first);
        assert_eq!(line.reason(), Some(Reason::Cancelled));
        assert!(line.enter().is_err());
        line.turn(later);
        line.stop(first);
        assert_eq!(line.reason(), None);
        assert!(line.enter().is_ok());
    }

    #[test]
    fn a_call_is_broken_once_and_then_closed() {
        let later = Instant::now() + Duration::from_secs(60);
        let line = Line::new(later);
        let turn = line.turn(later);
        assert!(matches!(line.next(), Next::Wait(_)));
        line.enter().expect("open");
        line.stop(turn);
        assert_eq!(line.next(), Next::Break);
        // Asked again until it was possible.
        assert_eq!(line.next(), Next::Break);
        line.broke();
        assert!(matches!(line.next(), Next::Wait(_)));
        assert!(line.leave());
        assert!(!line.leave());
        line.close("a test");
        assert_eq!(line.next(), Next::Close);
    }

    #[test]
    fn a_deadline_is_a_reason_of_its_own() {
        let line = Line::new(Instant::now());
        assert_eq!(line.reason(), Some(Reason::Deadline));
        assert_eq!(line.enter().expect_err("late").kind, Kind::Stopped);
    }
}
