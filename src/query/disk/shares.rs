//! One statement's memory, shared evenly by those of its parts that can go to files.

use datafusion::common::config::ConfigOptions;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;

/// What a sort reads its files with. It cannot go to files itself, and takes whatever it gets (DataFusion 55.2).
const MERGE: &str = "ExternalSorterMerge";
/// Which part of the memory it gets at least, and keeps from the beginning at most.
const MERGING: usize = 64;

/// A part of a statement that can go to files gets as much of the memory as each other one, of what those leave that
/// cannot; and one share more is left to these when all parts merge their files. All of it is asked of the pool below,
/// which other statements share.
#[derive(Debug)]
pub(in super::super) struct Shares {
    pool: Arc<dyn MemoryPool>,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    /// Parts that can go to files.
    parts: usize,
    /// Bytes of the others.
    fixed: usize,
}

impl Shares {
    pub(in super::super) fn of(pool: Arc<dyn MemoryPool>) -> Self {
        Self { pool, taken: Mutex::default() }
    }

    /// Tells sorts how much they keep to merge what they hold, before it goes to a file.
    pub(in super::super) fn tell(&self, options: &mut ConfigOptions) {
        if let MemoryLimit::Finite(limit) = self.pool.memory_limit() {
            let kept = &mut options.execution.sort_spill_reservation_bytes;
            *kept = (*kept).min(limit / MERGING);
        }
    }

    /// What a consumer may hold at most, if that is bounded.
    fn share(&self, consumer: &MemoryConsumer) -> Option<usize> {
        let MemoryLimit::Finite(limit) = self.pool.memory_limit() else { return None };
        let taken = self.taken.lock();
        match consumer.can_spill() {
            true => Some(limit.saturating_sub(taken.fixed) / taken.parts.max(1)),
            false => {
                let merges = consumer.name().starts_with(MERGE);
                merges.then(|| (limit / (taken.parts + 1)).max(limit / MERGING))
            }
        }
    }
}

impl fmt::Display for Shares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("shares of one statement")
    }
}

impl MemoryPool for Shares {
    fn name(&self) -> &str {
        "shares of one statement"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.pool.register(consumer);
        self.taken.lock().parts += usize::from(consumer.can_spill());
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.pool.unregister(consumer);
        self.taken.lock().parts -= usize::from(consumer.can_spill());
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.pool.grow(reservation, additional);
        if !reservation.consumer().can_spill() {
            self.taken.lock().fixed += additional;
        }
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.pool.shrink(reservation, shrink);
        if !reservation.consumer().can_spill() {
            self.taken.lock().fixed -= shrink;
        }
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        if let Some(share) = self.share(reservation.consumer())
            && reservation.size() + additional > share
        {
            let text = format!("a part of a statement may hold {share} bytes");
            return Err(DataFusionError::ResourcesExhausted(text));
        }
        self.pool.try_grow(reservation, additional)?;
        if !reservation.consumer().can_spill() {
            self.taken.lock().fixed += additional;
        }
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.pool.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.pool.memory_limit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::execution::memory_pool::GreedyMemoryPool;

    #[test]
    fn parts_that_can_spill_leave_room_for_each_other() {
        let greedy: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(1_000));
        let pool: Arc<dyn MemoryPool> = Arc::new(Shares::of(greedy.clone()));
        let spilling = |name: &str| MemoryConsumer::new(name).with_can_spill(true).register(&pool);
        let (first, second) = (spilling("first"), spilling("second"));
        first.try_grow(500).unwrap();
        assert!(first.try_grow(1).is_err());
        let fixed = MemoryConsumer::new("fixed").register(&pool);
        fixed.try_grow(100).unwrap();
        assert!(second.try_grow(451).is_err());
        second.try_grow(400).unwrap();
        assert!(fixed.try_grow(1).is_err(), "there is no more than all of it");
        first.shrink(500);
        let merge = MemoryConsumer::new("ExternalSorterMerge[0]").register(&pool);
        merge.try_grow(333).unwrap();
        assert!(merge.try_grow(1).is_err(), "the other merges, too, and something is above both");
        drop((first, fixed, merge));
        second.try_grow(600).unwrap();
        drop(second);
        assert_eq!((pool.reserved(), greedy.reserved()), (0, 0));
    }
}
