//! Results that did not fit on one page, kept for their owner for a while.

use super::redact::Redactor;
use super::shared::SharedResults;
use crate::error::{Code, Error, Result};
use crate::model::{ColumnInfo, Page, Principal};
use arrow_array::RecordBatch;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet, VecDeque};
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

    /// The columns' names; one that was there already gets a number.
    pub fn distinct_names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::with_capacity(self.columns.len());
        let taken: HashSet<&str> = self.columns.iter().map(|c| c.name.as_str()).collect();
        for column in &self.columns {
            let mut name = column.name.clone();
            let mut number = 1;
            while names.contains(&name) || (number > 1 && taken.contains(name.as_str())) {
                number += 1;
                name = format!("{}_{number}", column.name);
            }
            names.push(name);
        }
        names
    }

    fn bytes(&self) -> usize {
        let rows: usize = self.batches.iter().map(RecordBatch::get_array_memory_size).sum();
        rows + OVERHEAD
    }
}

/// The results that are kept. Each operation holds the lock for a look-up only.
#[derive(Debug)]
pub struct ResultStore {
    ttl: Duration,
    max_bytes: usize,
    /// Results that have a next page.
    shelf: Mutex<Shelf>,
    /// Results that were shown whole: for files, charts and statements over them. They have a shelf of their
    /// own, so that they take no room from those that somebody reads.
    shown: Mutex<Shelf>,
    redactor: Redactor,
    shared: Option<Arc<SharedResults>>,
}

impl ResultStore {
    /// A store that forgets a result after `ttl`, and the oldest ones earlier when all together
    /// exceed `max_bytes`.
    pub fn new(ttl: Duration, max_bytes: usize) -> Self {
        let (shelf, shown) = (Mutex::default(), Mutex::default());
        Self { ttl, max_bytes, shelf, shown, redactor: Redactor::default(), shared: None }
    }

    /// The same store with other rules for secrets.
    #[must_use]
    pub fn with_redactor(self, redactor: Redactor) -> Self {
        Self { redactor, ..self }
    }

    /// The same store, whose results other replicas find, too.
    #[must_use]
    pub fn with_shared(self, shared: Arc<SharedResults>) -> Self {
        Self { shared: Some(shared), ..self }
    }

    /// What takes secrets out of a result, before it is put here and before it is shown.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Keeps a result for `owner` under the policy that shaped it; gives its handle, or nothing
    /// where it is larger than the whole store. It is found by `id`, too.
    pub fn put(
        &self,
        owner: &Principal,
        policy_version: &str,
        id: &str,
        result: StoredResult,
    ) -> Option<String> {
        let kept = Kept::new(owner, policy_version, result);
        let handle = new_handle();
        let names = vec![handle.clone(), id.to_string()];
        self.keep(&self.shelf, self.max_bytes, names, kept).then_some(handle)
    }

    /// Keeps a result as [`ResultStore::put`] and [`ResultStore::put_shown`] do, for every replica where results are shared:
    /// one that has a next page (`is_cut`) is there before its handle is told.
    pub async fn keep_everywhere(
        &self,
        owner: &Principal,
        policy_version: &str,
        id: &str,
        result: StoredResult,
        is_cut: bool,
    ) -> Option<String> {
        let copy = self.shared.clone().map(|shared| (shared, result.clone()));
        let handle = match is_cut {
            true => self.put(owner, policy_version, id, result),
            false => {
                self.put_shown(owner, policy_version, id, result);
                None
            }
        };
        let Some((shared, copy)) = copy else { return handle };
        match handle {
            Some(handle) => {
                shared.put(owner, policy_version, [&handle, id], &copy).await;
                Some(handle)
            }
            None => {
                let place = shared.place()?;
                let (owner, version, id) =
                    (owner.clone(), policy_version.to_string(), id.to_string());
                // Nobody waits for it: the answer is whole.
                tokio::spawn(async move {
                    let _place = place;
                    shared.put(&owner, &version, [&new_handle(), &id], &copy).await;
                });
                None
            }
        }
    }

    /// Keeps a result that was shown whole, by `id` alone, where there is room for such.
    pub fn put_shown(
        &self,
        owner: &Principal,
        policy_version: &str,
        id: &str,
        result: StoredResult,
    ) {
        let kept = Kept::new(owner, policy_version, result);
        self.keep(&self.shown, self.max_bytes / SHOWN, vec![id.to_string()], kept);
    }

    fn keep(&self, shelf: &Mutex<Shelf>, most: usize, names: Vec<String>, kept: Kept) -> bool {
        if kept.bytes > most {
            return false;
        }
        let now = Instant::now();
        let mut shelf = shelf.lock();
        let forgotten = shelf.forget(now, most - kept.bytes);
        shelf.add(names, kept, now + self.ttl);
        // The buffers of what was forgotten are freed without the lock.
        drop(shelf);
        drop(forgotten);
        true
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

    /// A whole result, of this replica or another one.
    ///
    /// # Errors
    /// As for [`ResultStore::page`].
    pub async fn find(
        &self,
        handle: &str,
        owner: &Principal,
        policy_version: &str,
    ) -> Result<Arc<StoredResult>> {
        let missing = match (self.get(handle, owner, policy_version), &self.shared) {
            (Err(missing), Some(shared)) => {
                if let Some(found) = shared.get(handle, owner, policy_version).await {
                    return Ok(Arc::new(found));
                }
                missing
            }
            (here, _) => return here,
        };
        Err(missing)
    }

    /// A whole result of this replica.
    ///
    /// # Errors
    /// As for [`ResultStore::page`].
    pub fn get(
        &self,
        handle: &str,
        owner: &Principal,
        policy_version: &str,
    ) -> Result<Arc<StoredResult>> {
        let found = self.found(&self.shelf, self.max_bytes, handle);
        let found = found.or_else(|| self.found(&self.shown, self.max_bytes / SHOWN, handle));
        let found = found.filter(|k| k.owner == *owner && k.policy_version == policy_version);
        let found = found.map(|kept| kept.result.clone());
        found.ok_or_else(|| {
            Error::new(Code::UnknownHandle, "there is no result with this handle")
                .with_hint("results are kept for a short time only; run the query again")
        })
    }
}

impl ResultStore {
    fn found(&self, shelf: &Mutex<Shelf>, most: usize, name: &str) -> Option<Arc<Kept>> {
        let mut shelf = shelf.lock();
        let forgotten = shelf.forget(Instant::now(), most);
        let found = shelf.results.get(name).cloned();
        drop(shelf);
        drop(forgotten);
        found
    }
}

/// The share of the store that results may take which were shown whole.
const SHOWN: usize = 16;
/// What keeping a result costs beside its rows.
const OVERHEAD: usize = 2_048;

/// What is kept, and in which order it goes.
#[derive(Debug, Default)]
struct Shelf {
    results: HashMap<String, Arc<Kept>>,
    /// Oldest first; all live equally long, so this is the order of their ends too.
    ends: VecDeque<(Instant, Vec<String>)>,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    owner: Principal,
    policy_version: String,
    bytes: usize,
    result: Arc<StoredResult>,
}

impl Kept {
    fn new(owner: &Principal, policy_version: &str, result: StoredResult) -> Self {
        let (owner, policy_version) = (owner.clone(), policy_version.to_string());
        let bytes = result.bytes();
        Self { owner, policy_version, bytes, result: Arc::new(result) }
    }
}

impl Shelf {
    fn add(&mut self, names: Vec<String>, kept: Kept, end: Instant) {
        self.bytes += kept.bytes;
        let kept = Arc::new(kept);
        self.results.extend(names.iter().map(|name| (name.clone(), kept.clone())));
        self.ends.push_back((end, names));
    }

    /// Takes out what has ended, and the oldest until at most `most` bytes are left.
    fn forget(&mut self, now: Instant, most: usize) -> Vec<Arc<Kept>> {
        let mut forgotten = Vec::new();
        while self.ends.front().is_some_and(|(end, _)| *end <= now || self.bytes > most) {
            let names = self.ends.pop_front().map(|(_, names)| names).unwrap_or_default();
            let kept = names.iter().filter_map(|name| self.results.remove(name)).last();
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
        let handle = store.put(&ana(), "p1", "id", result(true)).expect("kept");
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
        let handle = store.put(&ana(), "p1", "id", result(false)).expect("kept");
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
        let handle = store.put(&ana(), "p1", "id", result(false)).expect("kept");
        let error = store.page(&handle, &ana(), "p1", 0, 1).expect_err("expired");
        assert_eq!(error.code, Code::UnknownHandle);
        assert_eq!(store.shelf.lock().bytes, 0);
    }

    #[test]
    fn the_oldest_make_room_for_the_newest() {
        let bytes = result(false).bytes();
        let store = ResultStore::new(Duration::from_secs(60), 2 * bytes);
        let handles: Vec<String> = (0..3)
            .map(|n| store.put(&ana(), "p1", &n.to_string(), result(false)).expect("kept"))
            .collect();
        let found = handles.iter().map(|handle| store.get(handle, &ana(), "p1").is_ok());
        assert_eq!(found.collect::<Vec<_>>(), [false, true, true]);
        assert_eq!(store.shelf.lock().bytes, 2 * bytes);
        let small = ResultStore::new(Duration::from_secs(60), bytes - 1);
        assert!(small.put(&ana(), "p1", "id", result(false)).is_none());
    }

    #[test]
    fn what_was_shown_whole_is_found_by_its_receipt() {
        let bytes = result(false).bytes();
        let store = ResultStore::new(Duration::from_secs(60), SHOWN * 2 * bytes);
        let paged = store.put(&ana(), "p1", "paged", result(true)).expect("kept");
        for id in ["a", "b", "c"] {
            store.put_shown(&ana(), "p1", id, result(false));
        }
        let found = |name: &str| store.get(name, &ana(), "p1").is_ok();
        assert_eq!(["a", "b", "c", "paged", &paged].map(found), [false, true, true, true, true]);
        assert!(
            store.get("c", &principal("eve", "analyst", "EU", PrincipalKind::Local), "p1").is_err()
        );
    }

    #[test]
    fn columns_of_one_name_are_told_apart() {
        let named = |names: &[&str]| {
            let column = |name: &&str| ColumnInfo {
                name: (*name).into(),
                type_name: "text".into(),
                masked: None,
            };
            let columns = names.iter().map(column).collect();
            StoredResult { columns, batches: Vec::new(), truncated: false }.distinct_names()
        };
        assert_eq!(named(&["id", "id", "id"]), ["id", "id_2", "id_3"]);
        assert_eq!(named(&["id", "id", "id_2"]), ["id", "id_3", "id_2"]);
    }

    #[test]
    fn handles_do_not_repeat() {
        let handles: BTreeSet<String> = (0..1000).map(|_| new_handle()).collect();
        assert_eq!(handles.len(), 1000);
    }
}
