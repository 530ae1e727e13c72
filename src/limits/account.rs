//! One caller (or one source) under one plan: what it may do now, and what it has used.

use super::ledger::Usage;
use super::{Day, left_of_today, today};
use crate::error::{Code, Error, Result};
use crate::model::{PlanLimits, Principal, Rate};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use parking_lot::Mutex;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Who uses something, and under which plan. The same name from two providers, or proven by two means, is two.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Who {
    pub(super) kind: &'static str,
    pub(super) issuer: Arc<str>,
    pub(super) name: Arc<str>,
    pub(super) plan: Arc<str>,
}

impl Who {
    pub(super) fn caller(principal: &Principal, plan: Arc<str>) -> Self {
        Self {
            kind: principal.kind().as_str(),
            issuer: principal.issuer().unwrap_or_default().into(),
            name: principal.user().into(),
            plan,
        }
    }

    /// A caller of whom only the plan is known.
    #[cfg(feature = "ballista")]
    pub(super) fn of_plan(plan: &str) -> Self {
        Self { kind: "", issuer: "".into(), name: "".into(), plan: plan.into() }
    }

    pub(super) fn source(name: &str) -> Self {
        Self { kind: "source", issuer: "".into(), name: name.into(), plan: "".into() }
    }
}

/// What a caller may do now, and what it has used. Shared by the caller's requests.
#[derive(Debug)]
pub struct Account {
    pub(super) who: Who,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limits: PlanLimits,
    bucket: Option<Bucket>,
    running: usize,
    /// The day that `settled` is about.
    day: Day,
    /// Rows of that day that are in the file, those of other processes among them.
    settled: u64,
    /// What is being written to the file.
    leaving: Vec<(Day, Usage)>,
    /// What has still to be written to the file.
    pending: Vec<(Day, Usage)>,
    used_at: Instant,
}

/// One statement of a caller that runs; it ends with this value.
#[derive(Debug)]
#[must_use]
pub struct Pass(Arc<Account>);

impl Account {
    /// An account that has read `settled` rows on `day`.
    pub(super) fn new(who: Who, limits: PlanLimits, day: Day, settled: u64) -> Self {
        let state = State {
            limits,
            bucket: limits.requests.map(Bucket::new),
            running: 0,
            day,
            settled,
            leaving: Vec::new(),
            pending: Vec::new(),
            used_at: Instant::now(),
        };
        Self { who, state: Mutex::new(state) }
    }

    /// The limits of the caller's plan.
    pub fn limits(&self) -> PlanLimits {
        self.state.lock().limits
    }

    /// Counts a request and says whether it may go on.
    ///
    /// # Errors
    /// `LimitReached`: they come too often.
    pub fn admit(&self) -> Result<()> {
        let mut state = self.state.lock();
        state.used_at = Instant::now();
        state.use_today(|usage| usage.requests += 1);
        match state.wait() {
            None => Ok(()),
            Some(wait) => {
                state.use_today(|usage| usage.refusals += 1);
                Err(self.too_often(state.limits.requests, wait))
            }
        }
    }

    /// How long the next request has to wait; where it need not, it is counted.
    pub(super) fn wait(&self) -> Option<Duration> {
        self.state.lock().wait()
    }

    /// Says whether the day has rows left.
    ///
    /// # Errors
    /// `LimitReached`: it has none.
    pub(super) fn has_rows(&self) -> Result<()> {
        let mut state = self.state.lock();
        match self.used_up(&state) {
            Some(refusal) => {
                state.use_today(|usage| usage.refusals += 1);
                Err(refusal)
            }
            None => Ok(()),
        }
    }

    /// Begins a statement.
    ///
    /// # Errors
    /// `LimitReached`: too many run, or the day's rows are used up.
    pub fn begin(self: &Arc<Self>) -> Result<Pass> {
        let mut state = self.state.lock();
        state.used_at = Instant::now();
        let most = state.limits.concurrent_queries;
        let refusal = match most {
            Some(most) if state.running >= most => Some(self.too_many(most)),
            _ => self.used_up(&state),
        };
        if let Some(refusal) = refusal {
            state.use_today(|usage| usage.refusals += 1);
            return Err(refusal);
        }
        state.use_today(|usage| usage.statements += 1);
        state.running += 1;
        Ok(Pass(self.clone()))
    }

    /// Counts rows that a source returned.
    ///
    /// # Errors
    /// `LimitReached`: they are more than the day has left.
    pub fn count(&self, rows: u64) -> Result<()> {
        let mut state = self.state.lock();
        state.use_today(|usage| usage.remote_rows += rows);
        let most = state.limits.remote_rows_per_day;
        match most {
            Some(most) if state.read_today() > most => {
                state.use_today(|usage| usage.refusals += 1);
                Err(self.day_is_over(most))
            }
            _ => Ok(()),
        }
    }

    /// Rows that sources have returned today.
    #[cfg(feature = "ballista")]
    pub(super) fn read_today(&self) -> u64 {
        self.state.lock().read_today()
    }

    /// Counts what an answer showed.
    pub fn answered(&self, rows: u64, bytes: u64) {
        self.state.lock().use_today(|usage| {
            usage.rows_returned += rows;
            usage.bytes += bytes;
        });
    }

    /// The caller's plan has other limits now.
    pub(super) fn set_limits(&self, limits: PlanLimits) {
        let mut state = self.state.lock();
        if state.limits.requests != limits.requests {
            state.bucket = limits.requests.map(Bucket::new);
        }
        state.limits = limits;
    }

    /// What has to be written to the file; it stays counted until [`Self::settle`].
    pub(super) fn leave(&self) -> Vec<(Day, Usage)> {
        let mut state = self.state.lock();
        let pending = std::mem::take(&mut state.pending);
        state.leaving.clone_from(&pending);
        pending
    }

    /// It is in the file, which says how many rows were read on which days; or it is not.
    pub(super) fn settle(&self, totals: Option<&[(Day, u64)]>) {
        let mut state = self.state.lock();
        let left = std::mem::take(&mut state.leaving);
        match totals {
            Some(totals) => {
                let day = state.day;
                if let Some((_, rows)) = totals.iter().find(|(of, _)| *of == day) {
                    state.settled = *rows;
                }
            }
            None => left.into_iter().for_each(|(day, usage)| state.add(day, usage)),
        }
    }

    /// Since when nobody has used the account; `None` where it must be kept.
    pub(super) fn idle_since(&self, in_file: bool) -> Option<Instant> {
        let state = self.state.lock();
        let unsaved = !state.leaving.is_empty() || in_file && !state.pending.is_empty();
        let counts = !in_file && state.limits.remote_rows_per_day.is_some();
        (state.running == 0 && !unsaved && !counts).then_some(state.used_at)
    }

    fn used_up(&self, state: &State) -> Option<Error> {
        let most = state.limits.remote_rows_per_day?;
        (state.read_today() >= most).then(|| self.day_is_over(most))
    }

    fn too_often(&self, rate: Option<Rate>, wait: Duration) -> Error {
        let Rate { per_second, burst } = rate.unwrap_or(Rate { per_second: 0.0, burst: 0 });
        let error = Error::new(Code::LimitReached, "you send more requests than your plan allows");
        let plan = &self.who.plan;
        let again = seconds(wait);
        error.retry_in(wait).with_hint(format!(
            "plan \"{plan}\" allows {per_second} requests a second and {burst} at once: send the next one in {again}"
        ))
    }

    fn too_many(&self, most: usize) -> Error {
        let plan = &self.who.plan;
        Error::new(Code::LimitReached, "as many of your statements run as your plan allows")
            .retry_in(Duration::from_secs(1))
            .with_hint(format!(
                "plan \"{plan}\" allows {most} at a time: wait until one has ended, then try again"
            ))
    }

    fn day_is_over(&self, most: u64) -> Error {
        let left = left_of_today();
        let (hours, minutes) = (left.as_secs() / 3_600, left.as_secs() / 60 % 60);
        if self.who.kind == "source" {
            let name = &self.who.name;
            return Error::new(
                Code::LimitReached,
                format!("source \"{name}\" has returned all the rows that it may return today"),
            )
            .retry_in(left)
            .with_hint(format!(
                "it may return {most} a day; the count begins anew at 00:00 UTC, in {hours} h {minutes} min"
            ));
        }
        let plan = &self.who.plan;
        Error::new(Code::LimitReached, "your statements have read all the rows that your plan allows a day")
            .retry_in(left)
            .with_hint(format!(
                "plan \"{plan}\" allows {most}; the count begins anew at 00:00 UTC, in {hours} h {minutes} min. \
                 Until then ask less of the sources: count and aggregate instead of listing, filter earlier"
            ))
    }
}

impl State {
    fn wait(&self) -> Option<Duration> {
        self.bucket.as_ref()?.wait()
    }

    fn use_today(&mut self, change: impl FnOnce(&mut Usage)) {
        let mut usage = Usage::default();
        change(&mut usage);
        self.add(today(), usage);
    }

    fn add(&mut self, day: Day, usage: Usage) {
        if day > self.day {
            (self.day, self.settled) = (day, 0);
        }
        match self.pending.iter_mut().find(|(of, _)| *of == day) {
            Some((_, pending)) => *pending += usage,
            None => {
                // What no file takes is of no use once its day is over.
                const DAYS: usize = 8;
                if self.pending.len() == DAYS {
                    self.pending.remove(0);
                }
                self.pending.push((day, usage));
            }
        }
    }

    fn read_today(&self) -> u64 {
        let day = today();
        let settled = if day == self.day { self.settled } else { 0 };
        let unsettled = self.leaving.iter().chain(&self.pending);
        let unsettled = unsettled.filter(|(of, _)| *of == day).map(|(_, usage)| usage.remote_rows);
        settled + unsettled.sum::<u64>()
    }
}

impl Pass {
    /// Whose statement it is.
    pub fn account(&self) -> &Arc<Account> {
        &self.0
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.running = state.running.saturating_sub(1);
        state.used_at = Instant::now();
    }
}

/// How often somebody has come, against how often they may.
#[derive(Debug)]
struct Bucket(DefaultDirectRateLimiter);

impl Bucket {
    fn new(rate: Rate) -> Self {
        const DAY: f64 = 86_400.0;
        // Times are counted in nanoseconds of 64 bits; a burst that takes decades to come back is as good as any.
        const DECADES: f64 = 1e9;
        let seconds = (1.0 / rate.per_second).clamp(1e-9, 10.0 * DAY);
        let period = Duration::from_secs_f64(seconds);
        let burst = f64::from(rate.burst).min(DECADES / seconds) as u32;
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(period.max(Duration::from_nanos(1)));
        let quota = quota.unwrap_or_else(|| Quota::per_second(burst)).allow_burst(burst);
        Self(RateLimiter::direct(quota))
    }

    /// How long the next one has to wait; `None` where it may come now, and is counted.
    fn wait(&self) -> Option<Duration> {
        self.0.check().err().map(|early| early.wait_time_from(DefaultClock::default().now()))
    }
}

fn seconds(wait: Duration) -> String {
    match wait.as_secs() + u64::from(wait.subsec_nanos() > 0) {
        0 | 1 => "a second".to_string(),
        seconds => format!("{seconds} seconds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(limits: PlanLimits) -> Arc<Account> {
        let who = Who { kind: "api_key", ..Who::source("ana") };
        Arc::new(Account::new(Who { plan: "slow".into(), ..who }, limits, today(), 0))
    }

    #[test]
    fn a_burst_passes_and_then_one_waits() {
        let requests = Some(Rate { per_second: 0.01, burst: 3 });
        let account = account(PlanLimits { requests, ..PlanLimits::default() });
        for _ in 0..3 {
            account.admit().unwrap();
        }
        let error = account.admit().unwrap_err();
        assert_eq!(error.code, Code::LimitReached);
        assert!((98..=100).contains(&error.retry_seconds().unwrap()), "{error:?}");
        assert!(
            error.to_string().contains("plan \"slow\" allows 0.01 requests a second"),
            "{error}"
        );
        let usage = account.leave();
        assert_eq!((usage[0].1.requests, usage[0].1.refusals), (4, 1));
        account.set_limits(PlanLimits::default());
        account.admit().unwrap();
    }

    #[test]
    fn a_statement_that_ends_makes_room_for_another() {
        let account = account(PlanLimits { concurrent_queries: Some(2), ..PlanLimits::default() });
        let (one, two) = (account.begin().unwrap(), account.begin().unwrap());
        let refused = account.begin().unwrap_err();
        assert_eq!((refused.code, refused.retry_seconds()), (Code::LimitReached, Some(1)));
        drop(one);
        let three = account.begin().unwrap();
        assert!(account.begin().is_err());
        drop((two, three));
        assert_eq!(account.leave()[0].1.statements, 3);
    }

    #[test]
    fn a_days_rows_end_whether_or_not_they_are_in_the_file() {
        let limits = PlanLimits { remote_rows_per_day: Some(100), ..PlanLimits::default() };
        let account = account(limits);
        account.count(60).unwrap();
        let _running = account.begin().unwrap();
        // Written, not written, and written together with forty of another process.
        assert_eq!(account.leave().len(), 1);
        account.count(30).unwrap();
        account.settle(None);
        account.count(0).unwrap();
        let _ = account.leave();
        account.settle(Some(&[(today(), 100)]));
        let refused = account.begin().unwrap_err();
        assert!(refused.retry_after.unwrap() <= Duration::from_secs(86_400));
        assert!(refused.to_string().contains("00:00 UTC"), "{refused}");
        assert_eq!(account.count(1).unwrap_err().code, Code::LimitReached);
    }

    #[test]
    fn yesterday_does_not_count_today() {
        let limits = PlanLimits { remote_rows_per_day: Some(100), ..PlanLimits::default() };
        let account = Account::new(Who::source("shop"), limits, today() - 1, 1_000);
        let account = Arc::new(account);
        let _running = account.begin().unwrap();
        account.count(100).unwrap();
        assert!(account.count(1).unwrap_err().message.contains("source \"shop\""));
    }
}
