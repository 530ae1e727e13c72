//! Untrusted statements are planned and run on threads of their own: big stacks, a bounded number at
//! a time, and a deadline that stops planning too.

use super::memory::{Holding, Watch, condemned};
use crate::audit::Lag;
use crate::error::{Code, Error, Result};
use std::cell::Cell;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// The parser and the planner recurse; a tree at the limits of the gate needs a fraction of this.
pub(super) const STACK_BYTES: usize = 64 * 1024 * 1024;

/// Statements that may wait for each one that runs; one more is refused at once.
const WAITING_PER_SLOT: usize = 4;

/// When to try again, where there is no room even to wait.
const COME_BACK: Duration = Duration::from_secs(2);

/// What a planning rule says when it gives up.
pub(super) const PLANNING_DEADLINE: &str = "planning ran out of time";

/// How busy an engine is.
#[derive(Debug, Clone)]
pub struct EngineLoad {
    /// Statements that are planned or run.
    pub running: usize,
    /// Statements that wait for their turn.
    pub waiting: usize,
    /// Results that are kept for `fetch`.
    pub results: usize,
    /// Their bytes.
    pub result_bytes: usize,
    /// How far the audit and its sinks have come.
    pub audit: Lag,
}

thread_local! {
    static DEADLINE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The threads that plan and run statements.
#[derive(Debug)]
pub(super) struct Supervisor {
    runtime: Option<Runtime>,
    places: usize,
    slots: Arc<Semaphore>,
    waiting: Semaphore,
    watch: Arc<Watch>,
}

impl Supervisor {
    /// Threads for at most `concurrency` statements at a time, in a process of at most `ceiling` bytes.
    pub(super) fn new(concurrency: usize, ceiling: Option<usize>) -> std::io::Result<Self> {
        let threads = std::thread::available_parallelism().map_or(2, usize::from).max(2);
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("celosia-query")
            .thread_stack_size(STACK_BYTES)
            .enable_all()
            .build()?;
        let concurrency = concurrency.max(1);
        Ok(Self {
            runtime: Some(runtime),
            places: concurrency,
            slots: Arc::new(Semaphore::new(concurrency)),
            waiting: Semaphore::new(concurrency * WAITING_PER_SLOT),
            watch: Watch::new(ceiling)?,
        })
    }

    /// What a new statement will hold.
    ///
    /// # Errors
    /// `Overloaded`: there is no memory for one.
    pub(super) fn enter(&self) -> Result<Arc<Holding>> {
        self.watch.enter()
    }

    /// Runs `work` until it ends, the deadline passes or `cancel` fires, or memory runs out and it is what
    /// holds most. Work that is given up is dropped at its next await, which stops its statements at their sources.
    ///
    /// # Errors
    /// Those of `work`; `Overloaded`, `DeadlineExceeded`, `Cancelled`, `ResourceLimit`, and `Internal` on a panic.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        deadline: Instant,
        cancel: CancellationToken,
        holding: Arc<Holding>,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let slot = self.slot(deadline, &cancel).await?;
        let Some(runtime) = &self.runtime else {
            return Err(Error::internal("the runtime is gone"));
        };
        let ended = holding.condemned.clone();
        let work = async move {
            // Held by the work itself: a runaway keeps its slot until it really ends.
            let _slot = slot;
            work.await
        };
        let mut task =
            AbortOnDrop(runtime.spawn(self.watch.watched(work.in_current_span(), holding)));
        tokio::select! {
            () = cancel.cancelled() => Err(cancelled()),
            () = ended.cancelled() => Err(condemned()),
            () = tokio::time::sleep_until(deadline.into()) => Err(deadline_exceeded()),
            joined = &mut task.0 => match joined {
                Ok(result) => result,
                Err(error) => Err(Error::internal(format!("a statement panicked: {error}"))),
            },
        }
    }

    /// Statements that run, and those that wait for their turn.
    pub(super) fn load(&self) -> (usize, usize) {
        let running = self.places.saturating_sub(self.slots.available_permits());
        let waiting = self.places * WAITING_PER_SLOT;
        (running, waiting.saturating_sub(self.waiting.available_permits()))
    }

    /// A place to run, waited for where there is room to wait.
    async fn slot(
        &self,
        deadline: Instant,
        cancel: &CancellationToken,
    ) -> Result<OwnedSemaphorePermit> {
        if let Ok(slot) = self.slots.clone().try_acquire_owned() {
            return Ok(slot);
        }
        let Ok(_waiting) = self.waiting.try_acquire() else {
            return Err(Error::new(
                Code::Overloaded,
                "the server is answering as many questions as it can",
            )
            .with_hint("try again in a few seconds")
            .retry_in(COME_BACK));
        };
        tokio::select! {
            () = cancel.cancelled() => Err(cancelled()),
            () = tokio::time::sleep_until(deadline.into()) => Err(deadline_exceeded()),
            slot = self.slots.clone().acquire_owned() => {
                slot.map_err(|_| Error::internal("the threads are gone"))
            }
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs synchronous planning with `deadline` in sight of [`is_past_deadline`].
pub(super) fn with_deadline<T>(deadline: Instant, plan: impl FnOnce() -> T) -> T {
    let before = DEADLINE.replace(Some(deadline));
    let planned = plan();
    DEADLINE.set(before);
    planned
}

/// Whether the statement being planned on this thread has run out of time.
pub(super) fn is_past_deadline() -> bool {
    DEADLINE.get().is_some_and(|deadline| Instant::now() > deadline)
}

/// The error of a request that its caller gave up.
pub(super) fn cancelled() -> Error {
    Error::new(Code::Cancelled, "the request was cancelled")
}

/// The error of a statement that ran out of time.
pub(super) fn deadline_exceeded() -> Error {
    Error::new(Code::DeadlineExceeded, "the statement ran out of time")
        .with_hint("narrow it: filter on a key or a date range, or aggregate less at once")
}
