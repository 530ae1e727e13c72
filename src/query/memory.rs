//! The process's memory, and who takes it.
//!
//! The engine's own pool bounds what sorts, joins and aggregates say they need; functions, windows and batches on their
//! way say nothing. So a thread of its own reads what the process really holds. Near the ceiling the statement that holds
//! most is ended, one at a time, and above it nothing new is begun.

use crate::error::{Code, Error, Result};
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};
use parking_lot::Mutex;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How often the memory is looked at, while statements run and while none does.
const PACE: Duration = Duration::from_millis(10);
const IDLE_PACE: Duration = Duration::from_millis(200);
/// A shorter piece of work has not taken much.
const WORTH_A_LOOK: Duration = Duration::from_micros(500);
/// How long memory may take to come back after a statement was ended, before another one is.
const PATIENCE: Duration = Duration::from_millis(500);

/// Looks after the process's memory.
#[derive(Debug)]
pub(super) struct Watch {
    ceiling: Option<usize>,
    page: usize,
    resident: AtomicUsize,
    running: Mutex<Vec<Weak<Holding>>>,
    ended: Mutex<Option<(Weak<Holding>, Instant)>>,
    warned: AtomicBool,
}

/// What one statement holds, as far as is known.
#[derive(Debug, Default)]
pub(super) struct Holding {
    /// What it has asked of the engine's pool.
    reserved: AtomicUsize,
    /// By how much the process grew while it worked.
    grown: AtomicUsize,
    /// What the process held when its present piece of work began; 0 between two pieces.
    before: AtomicUsize,
    /// Fires when it is to end for the sake of the others.
    pub(super) condemned: CancellationToken,
}

impl Watch {
    /// A watch over this many bytes; none where nothing is to be bounded or where the system does not say what a
    /// process holds.
    pub(super) fn new(ceiling: Option<usize>) -> std::io::Result<Arc<Self>> {
        let page = ceiling.and_then(|_| page_bytes());
        if let (Some(_), None) = (ceiling, page) {
            tracing::warn!(
                "this system does not say what a process holds: its memory is not watched"
            );
        }
        let watch = Arc::new(Self {
            ceiling: ceiling.filter(|_| page.is_some()),
            page: page.unwrap_or_default(),
            resident: AtomicUsize::new(0),
            running: Mutex::default(),
            ended: Mutex::default(),
            warned: AtomicBool::new(false),
        });
        if watch.ceiling.is_some() {
            let watched = Arc::downgrade(&watch);
            // A thread: it must look when all of the runtime's are busy.
            std::thread::Builder::new().name("celosia-memory".into()).spawn(move || {
                while let Some(watch) = watched.upgrade() {
                    let pace = if watch.look() { PACE } else { IDLE_PACE };
                    drop(watch);
                    std::thread::park_timeout(pace);
                }
            })?;
        }
        Ok(watch)
    }

    /// What a new statement will hold.
    ///
    /// # Errors
    /// `Overloaded`: the process holds more than it may.
    pub(super) fn enter(&self) -> Result<Arc<Holding>> {
        let holding = Arc::new(Holding::default());
        let Some(ceiling) = self.ceiling else { return Ok(holding) };
        // The thread has looked a moment ago.
        let known = self.resident.load(Ordering::Relaxed);
        if known > ceiling || known == 0 && self.sample() > ceiling {
            return Err(Error::new(Code::Overloaded, "the server is short of memory")
                .with_hint("try again in a few seconds")
                .retry_in(Duration::from_secs(2)));
        }
        let mut running = self.running.lock();
        running.retain(|other| other.strong_count() > 0);
        running.push(Arc::downgrade(&holding));
        Ok(holding)
    }

    /// Work whose growth is counted for its statement.
    pub(super) fn watched<T>(
        self: &Arc<Self>,
        work: impl Future<Output = T> + Send + 'static,
        holding: Arc<Holding>,
    ) -> Watched<T> {
        Watched { work: Box::pin(work), holding, watch: self.clone() }
    }

    /// One look; says whether anything runs.
    fn look(&self) -> bool {
        let Some(ceiling) = self.ceiling else { return false };
        let resident = self.sample();
        let running: Vec<Arc<Holding>> =
            self.running.lock().iter().filter_map(Weak::upgrade).collect();
        if resident > ceiling - ceiling / 8 && !running.is_empty() {
            self.judge(&running, resident, ceiling);
        }
        !running.is_empty()
    }

    /// Ends the statement that holds most, unless one was ended just now.
    fn judge(&self, running: &[Arc<Holding>], resident: usize, ceiling: usize) {
        let mut ended = self.ended.lock();
        if let Some((last, at)) = &*ended
            && (last.strong_count() > 0 || at.elapsed() < PATIENCE)
            && at.elapsed() < 4 * PATIENCE
        {
            return;
        }
        let candidates = running.iter().filter(|holding| !holding.condemned.is_cancelled());
        let largest = candidates.max_by_key(|holding| holding.bytes(resident));
        // Who holds next to nothing is not to blame, whoever is.
        let least = ceiling / 32;
        match largest {
            Some(holding) if holding.bytes(resident) >= least => {
                let bytes = holding.bytes(resident);
                tracing::warn!(resident, ceiling, bytes, "memory runs out: a statement is ended");
                holding.condemned.cancel();
                *ended = Some((Arc::downgrade(holding), Instant::now()));
                self.warned.store(false, Ordering::Relaxed);
            }
            _ if !self.warned.swap(true, Ordering::Relaxed) => {
                tracing::warn!(
                    resident,
                    ceiling,
                    "memory runs out, and no statement is to blame: limits.process_memory is too low"
                );
            }
            _ => {}
        }
    }

    /// What the process holds now.
    fn sample(&self) -> usize {
        let resident = resident_pages().unwrap_or_default() * self.page;
        self.resident.store(resident, Ordering::Relaxed);
        resident
    }
}

impl Holding {
    /// What is known to be its own; `resident` is what the process holds now.
    fn bytes(&self, resident: usize) -> usize {
        let before = self.before.load(Ordering::Relaxed);
        let growing = if before > 0 { resident.saturating_sub(before) } else { 0 };
        let unseen = self.grown.load(Ordering::Relaxed) + growing;
        // What it asked of the pool is part of what grew, where both are known.
        unseen.max(self.reserved.load(Ordering::Relaxed))
    }
}

/// The error of a statement that was ended for its memory.
pub(super) fn condemned() -> Error {
    Error::new(
        Code::ResourceLimit,
        "the server's memory was running out, and this statement held most of it: it was ended",
    )
    .with_hint("filter earlier, select fewer columns, or aggregate less at once")
}

/// Work whose growth is counted.
pub(super) struct Watched<T> {
    work: Pin<Box<dyn Future<Output = T> + Send>>,
    holding: Arc<Holding>,
    watch: Arc<Watch>,
}

impl<T> Future for Watched<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        if self.watch.ceiling.is_none() {
            return self.work.as_mut().poll(context);
        }
        let before = self.watch.resident.load(Ordering::Relaxed);
        let started = Instant::now();
        self.holding.before.store(before, Ordering::Relaxed);
        let polled = self.work.as_mut().poll(context);
        self.holding.before.store(0, Ordering::Relaxed);
        if started.elapsed() > WORTH_A_LOOK {
            let grown = self.watch.sample().saturating_sub(before);
            self.holding.grown.fetch_add(grown, Ordering::Relaxed);
        }
        polled
    }
}

/// The pool that all statements share, as one of them sees it: what it reserves is counted as its own.
#[derive(Debug)]
pub(super) struct OwnShare {
    pub(super) pool: Arc<dyn MemoryPool>,
    pub(super) holding: Arc<Holding>,
}

impl fmt::Display for OwnShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("share of one statement")
    }
}

impl MemoryPool for OwnShare {
    fn name(&self) -> &str {
        "share of one statement"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.pool.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.pool.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.pool.grow(reservation, additional);
        self.holding.reserved.fetch_add(additional, Ordering::Relaxed);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.pool.shrink(reservation, shrink);
        self.holding.reserved.fetch_sub(shrink, Ordering::Relaxed);
    }

    fn try_grow(
        &self,
        reservation: &MemoryReservation,
        additional: usize,
    ) -> datafusion::common::Result<()> {
        self.pool.try_grow(reservation, additional)?;
        self.holding.reserved.fetch_add(additional, Ordering::Relaxed);
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.pool.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.pool.memory_limit()
    }
}

/// Pages of the process that are in memory.
fn resident_pages() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    text.split(' ').nth(1)?.parse().ok()
}

/// Bytes of a page: what the system says in pages and in kilobytes must be about the same.
fn page_bytes() -> Option<usize> {
    let pages = resident_pages().filter(|pages| *pages > 0)?;
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let bytes = line.trim().trim_end_matches(" kB").parse::<usize>().ok()? * 1_024;
    let rough = bytes / pages;
    [4_096, 16_384, 65_536].into_iter().min_by_key(|page: &usize| page.abs_diff(rough))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(ceiling: usize) -> Watch {
        Watch {
            ceiling: Some(ceiling),
            page: page_bytes().unwrap(),
            resident: AtomicUsize::new(0),
            running: Mutex::default(),
            ended: Mutex::default(),
            warned: AtomicBool::new(false),
        }
    }

    fn holding(reserved: usize, grown: usize) -> Arc<Holding> {
        let holding = Holding::default();
        holding.reserved.store(reserved, Ordering::Relaxed);
        holding.grown.store(grown, Ordering::Relaxed);
        Arc::new(holding)
    }

    #[test]
    fn the_largest_is_ended_and_then_it_is_waited_for() {
        let watch = watch(1_000);
        let all = [holding(100, 0), holding(10, 300), holding(200, 50)];
        let condemned = || all.iter().map(|one| one.condemned.is_cancelled()).collect::<Vec<_>>();
        watch.judge(&all, 900, 1_000);
        assert_eq!(condemned(), [false, true, false]);
        // It still runs: nobody else is ended meanwhile.
        watch.judge(&all, 900, 1_000);
        assert_eq!(condemned(), [false, true, false]);
        // It is gone, and its memory had time to come back.
        let earlier = Instant::now() - 2 * PATIENCE;
        *watch.ended.lock() = Some((Weak::new(), earlier));
        watch.judge(&all, 900, 1_000);
        assert_eq!(condemned(), [false, true, true]);
    }

    #[test]
    fn who_holds_nothing_is_not_ended() {
        let watch = watch(1_000);
        let small = holding(1, 2);
        watch.judge(std::slice::from_ref(&small), 2_000, 1_000);
        assert!(!small.condemned.is_cancelled());
        // What grows while it works counts before the work is over.
        small.before.store(1_500, Ordering::Relaxed);
        watch.judge(std::slice::from_ref(&small), 2_000, 1_000);
        assert!(small.condemned.is_cancelled());
    }

    #[test]
    fn above_the_ceiling_nothing_is_begun() {
        assert_eq!(watch(1).enter().unwrap_err().code, Code::Overloaded);
        assert!(watch(usize::MAX).enter().is_ok());
        let resident = watch(1).sample();
        assert!(resident > 1 << 20 && resident < 1 << 40, "{resident}");
    }
}
