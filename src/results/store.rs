//! Results that did not fit on one page, kept for their owner for a while.

use super::export;
use super::redact::Redactor;
use crate::error::{Code, Error, Result};
use crate::model::{ColumnInfo, Page, Principal};
use arrow_array::RecordBatch;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A whole result.
#[derive(Debug, Clone)]
pub struct StoredResult {
    /// The columns, in order.
    pub columns: Vec<ColumnInfo>,
    /// All rows that are kept.
    pub batches: Vec<RecordBatch>,
    /// Whether the statement has rows that are not kept.
    pub truncated: bool,
}

impl StoredResult {
    /// The number of rows that are kept.
    pub fn total_rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// A page of the result; the buffers are shared. `handle` is named where there is a next page.
    pub fn page(&self, offset: usize, limit: usize, handle: Option<&str>) -> Page {
        let total = self.total_rows();
        let offset = offset.min(total);
        let batches = slice(&self.batches, offset, limit);
        let row_count = limit.min(total - offset);
        let has_next = offset + row_count < total;
        Page {
            columns: self.columns.clone(),
            batches,
            row_count,
            offset,
            truncated: has_next || self.truncated,
            handle: handle.filter(|_| has_next).map(str::to_string),
        }
    }

    fn bytes(&self) -> usize {
        self.batches.iter().map(RecordBatch::get_array_memory_size).sum()
    }
}

/// The results that are kept. Each operation holds the lock for a look-up only.
#[derive(Debug)]
pub struct ResultStore {
    ttl: Duration,
    max_bytes: usize,
    shelf: Mutex<Shelf>,
    redactor: Redactor,
}

impl ResultStore {
    /// A store that forgets a result after `ttl`, and the oldest ones earlier when all together
    /// exceed `max_bytes`.
    pub fn new(ttl: Duration, max_bytes: usize) -> Self {
        Self { ttl, max_bytes, shelf: Mutex::default(), redactor: Redactor::default() }
    }

    /// The same store with other rules for secrets.
    #[must_use]
    pub fn with_redactor(self, redactor: Redactor) -> Self {
        Self { redactor, ..self }
    }

    /// What takes secrets out of a result, before it is put here and before it is shown.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Keeps a result for `owner` under the policy that shaped it; gives its handle, or nothing
    /// where it is larger than the whole store.
    pub fn put(
        &self,
        owner: &Principal,
        policy_version: &str,
        result: StoredResult,
    ) -> Option<String> {
        let bytes = result.bytes();
        if bytes > self.max_bytes {
            return None;
        }
        let (owner, policy_version) = (owner.clone(), policy_version.to_string());
        let kept = Kept { owner, policy_version, bytes, result: Arc::new(result) };
        let handle = new_handle();
        let now = Instant::now();
        let mut shelf = self.shelf.lock();
        let forgotten = shelf.forget(now, self.max_bytes - bytes);
        shelf.add(handle.clone(), kept, now + self.ttl);
        // The buffers of what was forgotten are freed without the lock.
        drop(shelf);
        drop(forgotten);
        Some(handle)
    }

    /// How many results are kept, and their bytes.
    pub fn kept(&self) -> (usize, usize) {
        let shelf = self.shelf.lock();
        (shelf.results.len(), shelf.bytes)
    }

    /// A page of a result.
    ///
    /// # Errors
    /// `UnknownHandle`: it never was, it is gone, it is somebody else's, or the policy has changed
    /// since. The caller cannot tell which.
    pub fn page(
        &self,
        handle: &str,
        owner: &Principal,
        policy_version: &str,
        offset: usize,
        limit: usize,
    ) -> Result<Page> {
        let result = self.get(handle, owner, policy_version)?;
        Ok(result.page(offset, limit, Some(handle)))
    }

    /// A whole result as CSV.
    ///
    /// # Errors
    /// As for [`ResultStore::page`], and a column of a type that cannot be shown.
    pub fn csv(&self, handle: &str, owner: &Principal, policy_version: &str) -> Result<String> {
        export::csv(&*self.get(handle, owner, policy_version)?)
    }

    /// A whole result.
    ///
    /// # Errors
    /// As for [`ResultStore::page`].
    pub fn get(
        &self,
        handle: &str,
        owner: &Principal,
        policy_version: &str,
    ) -> Result<Arc<StoredResult>> {
        let mut shelf = self.shelf.lock();
        let forgotten = shelf.forget(Instant::now(), self.max_bytes);
        let found = shelf.results.get(handle);
        let found = found.filter(|k| k.owner == *owner && k.policy_version == policy_version);
        let found = found.map(|kept| kept.result.clone());
        drop(shelf);
        drop(forgotten);
        found.ok_or_else(|| {
            Error::new(Code::UnknownHandle, "there is no result with this handle")
                .with_hint("results are kept for a short time only; run the query again")
        })
    }
}

/// What is kept, and in which order it goes.
#[derive(Debug, Default)]
struct Shelf {
    results: HashMap<String, Kept>,
    /// Oldest first; all live equally long, so this is the order of their ends too.
    ends: VecDeque<(Instant, String)>,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    owner: Principal,
    policy_version: String,
    bytes: usize,
    result: Arc<StoredResult>,
}

impl Shelf {
    fn add(&mut self, handle: String, kept: Kept, end: Instant) {
        self.bytes += kept.bytes;
        self.ends.push_back((end, handle.clone()));
        self.results.insert(handle, kept);
    }

    /// Takes out what has ended, and the oldest until at most `most` bytes are left.
    fn forget(&mut self, now: Instant, most: usize) -> Vec<Kept> {
        let mut forgotten = Vec::new();
        while self.ends.front().is_some_and(|(end, _)| *end <= now || self.bytes > most) {
            let kept = self.ends.pop_front().and_then(|(_, handle)| self.results.remove(&handle));
            forgotten.extend(kept.inspect(|kept| self.bytes -= kept.bytes));
        }
        forgotten
    }
}

/// 128 random bits, in 22 letters that need no escaping in a URL.
fn new_handle() -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits: u128 = rand::random();
    let letter = |at: u32| char::from(LETTERS[(bits >> (6 * at) & 63) as usize]);
    "h_".chars().chain((0..22).map(letter)).collect()
}

/// The rows from `offset`, at most `limit`.
fn slice(batches: &[RecordBatch], mut offset: usize, mut limit: usize) -> Vec<RecordBatch> {
    let mut slices = Vec::new();
    for batch in batches {
        if limit == 0 {
            break;
        }
        if offset >= batch.num_rows() {
            offset -= batch.num_rows();
            continue;
        }
        let rows = limit.min(batch.num_rows() - offset);
        slices.push(batch.slice(offset, rows));
        limit -= rows;
        offset = 0;
    }
    slices
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Attribute, PrincipalKind};
    use arrow_array::{ArrayRef, Int64Array, cast::AsArray, types::Int64Type};
    use std::collections::{BTreeMap, BTreeSet};

    fn principal(user: &str, role: &str, region: &str, kind: PrincipalKind) -> Principal {
        let attributes = BTreeMap::from([("region".into(), Attribute::Text(region.into()))]);
        Principal::establish(user.into(), BTreeSet::from([role.into()]), attributes, kind)
    }

    fn ana() -> Principal {
        principal("ana", "analyst", "EU", PrincipalKind::Local)
    }

    fn result(truncated: bool) -> StoredResult {
        let batch = |values: std::ops::Range<i64>| {
            let array: ArrayRef = Arc::new(Int64Array::from_iter_values(values));
            RecordBatch::try_from_iter([("id", array)]).expect("a batch")
        };
        let column = ColumnInfo { name: "id".into(), type_name: "bigint".into(), masked: None };
        let batches = vec![batch(0..4), batch(4..4), batch(4..10)];
        StoredResult { columns: vec![column], batches, truncated }
    }

    fn ids(page: &Page) -> Vec<i64> {
        let columns = page.batches.iter().map(|batch| batch.column(0).as_primitive::<Int64Type>());
        columns.flat_map(|column| column.values().to_vec()).collect()
    }

    #[test]
    fn pages_cover_the_result_once() {
        let store = ResultStore::new(Duration::from_secs(60), 1 << 20);
        let handle = store.put(&ana(), "p1", result(true)).expect("kept");
        assert_eq!(handle.len(), 24);
        let mut seen = Vec::new();
        while seen.len() < 10 {
            let page = store.page(&handle, &ana(), "p1", seen.len(), 3).expect("a page");
            assert_eq!((page.offset, page.row_count), (seen.len(), page.row_count.min(3)));
            seen.extend(ids(&page));
            assert_eq!(page.handle.is_some(), seen.len() < 10);
            assert!(page.truncated, "the statement has more rows than were kept");
        }
        assert_eq!(seen, (0..10).collect::<Vec<_>>());
        assert!(!result(false).page(8, 9, None).truncated);
        assert_eq!(result(false).page(99, 9, None).row_count, 0);
    }

    #[test]
    fn a_page_shares_its_buffers() {
        let result = result(false);
        let page = result.page(1, 2, None);
        let start =
            |batch: &RecordBatch| batch.column(0).as_primitive::<Int64Type>().values().as_ptr();
        assert_eq!(start(&page.batches[0]), start(&result.batches[0]).wrapping_add(1));
    }

    #[test]
    fn nobody_else_learns_that_it_is_there() {
        let store = ResultStore::new(Duration::from_secs(60), 1 << 20);
        let handle = store.put(&ana(), "p1", result(false)).expect("kept");
        let unknown = store.page("h_none", &ana(), "p1", 0, 1).expect_err("unknown");
        let others = [
            principal("eve", "analyst", "EU", PrincipalKind::Local),
            principal("ana", "admin", "EU", PrincipalKind::Local),
            principal("ana", "analyst", "US", PrincipalKind::Local),
            principal("ana", "analyst", "EU", PrincipalKind::ApiKey),
        ];
        for other in &others {
            let refused = store.page(&handle, other, "p1", 0, 1).expect_err("refused");
            assert_eq!(format!("{refused:?}"), format!("{unknown:?}"));
        }
        let refused = store.page(&handle, &ana(), "p2", 0, 1).expect_err("refused");
        assert_eq!(format!("{refused:?}"), format!("{unknown:?}"));
        assert!(store.page(&handle, &ana(), "p1", 0, 1).is_ok());
    }

    #[test]
    fn results_end() {
        let store = ResultStore::new(Duration::ZERO, 1 << 20);
        let handle = store.put(&ana(), "p1", result(false)).expect("kept");
        let error = store.page(&handle, &ana(), "p1", 0, 1).expect_err("expired");
        assert_eq!(error.code, Code::UnknownHandle);
        assert_eq!(store.shelf.lock().bytes, 0);
    }

    #[test]
    fn the_oldest_make_room_for_the_newest() {
        let bytes = result(false).bytes();
        let store = ResultStore::new(Duration::from_secs(60), 2 * bytes);
        let handles: Vec<String> =
            (0..3).map(|_| store.put(&ana(), "p1", result(false)).expect("kept")).collect();
        let found = handles.iter().map(|handle| store.get(handle, &ana(), "p1").is_ok());
        assert_eq!(found.collect::<Vec<_>>(), [false, true, true]);
        assert_eq!(store.shelf.lock().bytes, 2 * bytes);
        let small = ResultStore::new(Duration::from_secs(60), bytes - 1);
        assert!(small.put(&ana(), "p1", result(false)).is_none());
    }

    #[test]
    fn handles_do_not_repeat() {
        let handles: BTreeSet<String> = (0..1000).map(|_| new_handle()).collect();
        assert_eq!(handles.len(), 1000);
    }
}
