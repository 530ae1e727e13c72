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

/// What parts that can go to files leave to the others, of the whole: rows on their way, results that grow.
const LEFT: usize = 8;

/// A part of a statement that can go to files gets as much of the memory as each other one, of what those leave that
/// cannot, but for an [eighth](LEFT); and one share more is left to these when all parts merge their files. All of it is
/// asked of the pool below, which other statements share.
#[derive(Debug)]
pub(in super::super) struct Shares {
    pool: Arc<dyn MemoryPool>,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    /// Parts that can go to files.
    parts: usize,
    /// As many as there ever were at the same time: one that has gone to files merges them afterwards, as none.
    most: usize,
    /// Bytes of merges.
    merging: usize,
    /// Bytes of what else cannot go to files.
    fixed: usize,
}

impl Taken {
    /// The bytes that a consumer's are counted among, if it cannot go to files.
    fn of(&mut self, consumer: &MemoryConsumer) -> Option<&mut usize> {
        match (consumer.can_spill(), is_merge(consumer)) {
            (true, _) => None,
            (false, true) => Some(&mut self.merging),
            (false, false) => Some(&mut self.fixed),
        }
    }
}

fn is_merge(consumer: &MemoryConsumer) -> bool {
    consumer.name().starts_with(MERGE)
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
            true => {
                let held = taken.fixed + taken.merging + limit / LEFT;
                Some(limit.saturating_sub(held) / taken.parts.max(1))
            }
            false => is_merge(consumer).then(|| {
                let share = limit.saturating_sub(taken.fixed) / (taken.most + 1);
                share.max(limit / MERGING)
            }),
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
        let mut taken = self.taken.lock();
        taken.parts += usize::from(consumer.can_spill());
        taken.most = taken.most.max(taken.parts);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.pool.unregister(consumer);
        self.taken.lock().parts -= usize::from(consumer.can_spill());
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.pool.grow(reservation, additional);
        if let Some(bytes) = self.taken.lock().of(reservation.consumer()) {
            *bytes += additional;
        }
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.pool.shrink(reservation, shrink);
        if let Some(bytes) = self.taken.lock().of(reservation.consumer()) {
            *bytes -= shrink;
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
        if let Some(bytes) = self.taken.lock().of(reservation.consumer()) {
            *bytes += additional;
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
        first.try_grow(437).unwrap();
        assert!(first.try_grow(1).is_err(), "half of seven eighths");
        let fixed = MemoryConsumer::new("fixed").register(&pool);
        fixed.try_grow(100).unwrap();
        assert!(second.try_grow(388).is_err());
        second.try_grow(387).unwrap();
        assert!(fixed.try_grow(77).is_err(), "there is no more than all of it");
        drop(first);
        let merging = |name: &str| MemoryConsumer::new(name).register(&pool);
        let merge = merging("ExternalSorterMerge[0]");
        merge.try_grow(300).unwrap();
        assert!(merge.try_grow(1).is_err(), "the other merges, too, and something is above both");
        drop(second);
        let other = merging("ExternalSorterMerge[1]");
        other.try_grow(300).unwrap();
        assert!(other.try_grow(1).is_err(), "it is no more when the parts are gone");
        fixed.try_grow(300).unwrap();
        drop((fixed, merge, other));
        let third = spilling("third");
        third.try_grow(875).unwrap();
        drop(third);
        assert_eq!((pool.reserved(), greedy.reserved()), (0, 0));
    }
}
