//! The keys of one provider, kept for a while.
//!
//! Keys are asked for again in three cases, and each is bounded, whatever is sent to us: they are due; there
//! are none that are young enough; or a token names a key that is not among them, as after a rotation.

use super::discovery::published_keys;
use super::fetch::Fetcher;
use super::jwk::Key;
use super::refusal::Refusal;
use crate::model::{Algorithm, TokenProvider};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The shortest time between two tries to get keys that are due.
const RETRY: Duration = Duration::from_secs(5);

/// Refreshes for unknown keys: so many at once, and then one in each [`UNKNOWN_PERIOD`].
const UNKNOWN_BURST: u32 = 3;
const UNKNOWN_PERIOD: Duration = Duration::from_secs(10);

/// The kept keys of a provider.
#[derive(Debug)]
pub(super) struct KeyCache {
    provider: Arc<TokenProvider>,
    fetcher: Fetcher,
    state: Mutex<State>,
    /// Whoever refreshes holds it; the others wait, and find what came of it.
    turn: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug)]
struct State {
    held: Option<Held>,
    /// Counts tries, so that one who waited knows that there was one.
    tries: u64,
    last_try: Option<Instant>,
    /// Refreshes for unknown keys that may begin now, and when the count was last added to.
    spare: u32,
    spare_since: Instant,
}

#[derive(Debug, Clone)]
struct Held {
    keys: Arc<[Arc<Key>]>,
    since: Instant,
}

/// Why keys are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    Due,
    Unknown,
}

impl KeyCache {
    pub(super) fn new(provider: Arc<TokenProvider>) -> Result<Self, String> {
        let state = State {
            held: None,
            tries: 0,
            last_try: None,
            spare: UNKNOWN_BURST,
            spare_since: Instant::now(),
        };
        let fetcher = Fetcher::new(provider.ca.as_deref())?;
        Ok(Self { provider, fetcher, state: Mutex::new(state), turn: Arc::default() })
    }

    /// The keys that may have signed a token of this algorithm that names this key, or none. At least one.
    pub(super) async fn find(
        self: &Arc<Self>,
        algorithm: Algorithm,
        name: Option<&str>,
    ) -> Result<Vec<Arc<Key>>, Refusal> {
        let now = Instant::now();
        let (held, tries) = self.young(now);
        let reason = match &held {
            None => Reason::Due,
            Some(held) => match fitting(held, algorithm, name) {
                Ok(found) => {
                    if now.duration_since(held.since) >= self.provider.refresh {
                        self.refresh_aside(now);
                    }
                    return Ok(found);
                }
                Err(_) => Reason::Unknown,
            },
        };
        // A task of its own: a caller who hangs up does not take it away from the others.
        let cache = self.clone();
        let refresh = async move {
            let _turn = cache.turn.lock().await;
            cache.refresh_unless_tried(reason, tries).await;
        };
        let _ = tokio::spawn(refresh).await;
        let (held, _) = self.young(Instant::now());
        fitting(&held.ok_or(Refusal::Unavailable)?, algorithm, name)
    }

    /// Asks for the keys now, and says how many there are.
    pub(super) async fn fetch(&self) -> Result<usize, String> {
        let _turn = self.turn.lock().await;
        self.refresh().await?;
        Ok(self.state.lock().held.as_ref().map_or(0, |held| held.keys.len()))
    }

    /// The keys, where they are young enough, and the count of tries so far.
    fn young(&self, now: Instant) -> (Option<Held>, u64) {
        let state = self.state.lock();
        let young = |held: &&Held| now.duration_since(held.since) < self.provider.max_age;
        (state.held.as_ref().filter(young).cloned(), state.tries)
    }

    /// Refreshes keys that are due while the ones there are still serve.
    fn refresh_aside(self: &Arc<Self>, now: Instant) {
        let may = self.state.lock().may_try(now);
        let turn = self.turn.clone().try_lock_owned();
        if let (true, Ok(turn)) = (may, turn) {
            let cache = self.clone();
            tokio::spawn(async move {
                let _ = cache.refresh().await;
                drop(turn);
            });
        }
    }

    async fn refresh_unless_tried(&self, reason: Reason, tries: u64) {
        let may = {
            let mut state = self.state.lock();
            let now = Instant::now();
            state.tries == tries
                && match reason {
                    Reason::Due => state.may_try(now),
                    Reason::Unknown => state.take_spare(now),
                }
        };
        if may {
            let _ = self.refresh().await;
        }
    }

    /// Asks for the keys; on failure the ones there are stay, and grow older.
    async fn refresh(&self) -> Result<(), String> {
        let since = Instant::now();
        let published = published_keys(&self.fetcher, &self.provider).await;
        let mut state = self.state.lock();
        state.tries += 1;
        state.last_try = Some(since);
        let issuer = &self.provider.issuer;
        match published {
            Ok(keys) => {
                if keys.is_empty() {
                    tracing::warn!(%issuer, "the identity provider publishes no key that can be used");
                }
                let keys = keys.into_iter().map(Arc::new).collect();
                state.held = Some(Held { keys, since });
                Ok(())
            }
            Err(error) => {
                tracing::warn!(%issuer, %error, "the identity provider's keys cannot be had");
                Err(error)
            }
        }
    }
}

impl State {
    fn may_try(&self, now: Instant) -> bool {
        self.last_try.is_none_or(|last| now.duration_since(last) >= RETRY)
    }

    fn take_spare(&mut self, now: Instant) -> bool {
        while self.spare < UNKNOWN_BURST && now.duration_since(self.spare_since) >= UNKNOWN_PERIOD {
            self.spare += 1;
            self.spare_since += UNKNOWN_PERIOD;
        }
        if self.spare == UNKNOWN_BURST {
            self.spare_since = now;
        }
        let taken = self.spare > 0;
        self.spare = self.spare.saturating_sub(1);
        taken
    }
}

/// The keys that fit. A token that names no key is by the only key of its algorithm, or by none.
fn fitting(
    held: &Held,
    algorithm: Algorithm,
    name: Option<&str>,
) -> Result<Vec<Arc<Key>>, Refusal> {
    let fits = |key: &&Arc<Key>| key.fits(algorithm, name);
    let found: Vec<Arc<Key>> = held.keys.iter().filter(fits).cloned().collect();
    match found.len() {
        0 => Err(Refusal::UnknownKey),
        1 => Ok(found),
        _ if name.is_none() => Err(Refusal::UnknownKey),
        _ => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_have_a_bounded_number_of_tries() {
        let start = Instant::now();
        let mut state = State {
            held: None,
            tries: 0,
            last_try: None,
            spare: UNKNOWN_BURST,
            spare_since: start,
        };
        let mut taken = |at: u64, asked: u32| {
            let now = start + Duration::from_secs(at);
            (0..asked).filter(|_| state.take_spare(now)).count()
        };
        assert_eq!(taken(100, 1_000), 3, "a burst");
        assert_eq!(taken(109, 1_000), 0);
        assert_eq!(taken(110, 1_000), 1);
        assert_eq!((111..210).map(|at| taken(at, 10)).sum::<usize>(), 9, "one in ten seconds");
        assert_eq!(taken(1_000, 1_000), 3, "no more than a burst after a quiet time");
    }

    #[test]
    fn keys_that_are_due_are_not_asked_for_all_the_time() {
        let start = Instant::now();
        let mut state =
            State { held: None, tries: 0, last_try: None, spare: 0, spare_since: start };
        assert!(state.may_try(start));
        state.last_try = Some(start);
        assert!(!state.may_try(start + RETRY / 2) && state.may_try(start + RETRY));
    }
}
