//! Who does most of something: bounded in memory, and without a label for anybody.
//!
//! Counts are kept for two windows, the running one and the one before, by a hash that no other process shares. What is
//! exported is the greatest count of one caller; who that is, the log says once, when the count is no accident any more.

use crate::model::Principal;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

/// A window. A count looks back over one to two of them.
const WINDOW: Duration = Duration::from_secs(150);
/// Callers that are told apart in a window. Callers are known people and programs, so there are rarely as many.
const MOST: usize = 4096;
/// The count at which the log says who it is.
const SUSPICIOUS: u32 = 50;

/// Counts by caller.
#[derive(Debug)]
pub(super) struct Offenders {
    what: &'static str,
    state: RandomState,
    windows: Mutex<Windows>,
}

#[derive(Debug)]
struct Windows {
    since: Instant,
    before: HashMap<u64, u32>,
    now: HashMap<u64, u32>,
}

impl Offenders {
    /// Nobody yet. `what` is what the log calls it.
    pub(super) fn new(what: &'static str) -> Self {
        let windows =
            Windows { since: Instant::now(), before: HashMap::new(), now: HashMap::new() };
        Self { what, state: RandomState::new(), windows: Mutex::new(windows) }
    }

    /// Counts one more of a caller.
    pub(super) fn add(&self, caller: &Principal) {
        let name = self.state.hash_one((caller.user(), caller.issuer(), caller.kind()));
        let count = self.windows.lock().add(name, Instant::now());
        if count == SUSPICIOUS {
            let (what, user, issuer) = (self.what, caller.user(), caller.issuer());
            tracing::warn!(
                what,
                user,
                issuer,
                count,
                "one caller is refused again and again; the audit says what was asked"
            );
        }
    }

    /// The greatest count of one caller.
    pub(super) fn greatest(&self) -> u32 {
        self.windows.lock().greatest(Instant::now())
    }
}

impl Windows {
    fn add(&mut self, name: u64, now: Instant) -> u32 {
        self.turn(now);
        if self.now.len() >= MOST && !self.now.contains_key(&name) {
            return 0;
        }
        let count = self.now.entry(name).or_default();
        *count += 1;
        *count + self.before.get(&name).copied().unwrap_or_default()
    }

    fn greatest(&mut self, now: Instant) -> u32 {
        self.turn(now);
        let both = |(name, count): (&u64, &u32)| {
            count + self.before.get(name).copied().unwrap_or_default()
        };
        let running = self.now.iter().map(both).max().unwrap_or_default();
        running.max(self.before.values().copied().max().unwrap_or_default())
    }

    /// Begins another window where this one is over.
    fn turn(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.since);
        if age < WINDOW {
            return;
        }
        let ended = std::mem::take(&mut self.now);
        self.before = if age < 2 * WINDOW { ended } else { HashMap::new() };
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(since: Instant) -> Windows {
        Windows { since, before: HashMap::new(), now: HashMap::new() }
    }

    #[test]
    fn the_greatest_count_is_of_one_caller_over_two_windows() {
        let start = Instant::now();
        let mut windows = windows(start);
        for (name, after) in [(1, 0), (2, 1), (2, 2), (2, 151), (1, 152)] {
            windows.add(name, start + Duration::from_secs(after));
        }
        assert_eq!(windows.greatest(start + Duration::from_secs(160)), 3);
        assert_eq!(windows.greatest(start + Duration::from_secs(302)), 1, "the first is forgotten");
        assert_eq!(windows.greatest(start + Duration::from_secs(900)), 0);
    }

    #[test]
    fn a_crowd_takes_no_more_memory() {
        let start = Instant::now();
        let mut windows = windows(start);
        for name in 0..10_000 {
            windows.add(name, start);
        }
        assert_eq!(windows.now.len(), MOST);
        assert_eq!(windows.add(7, start), 2, "who was there first is still counted");
    }
}
