//! Indexes that are kept, for whoever sees the same.
//!
//! Nothing is shared but what two readers would each have made of what they see: a document is found by a digest of
//! all that one table shows, a whole index by a digest of all its tables. What one reader may not see is in neither, so
//! it changes nothing that another finds, and no number that it is ranked by.

use super::digest::{Digest, digest, digest_of};
use super::document::{Document, Reader};
use super::search::{Content, Index, VisibleTable, entries};
use crate::model::TableEntry;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Indexes of different content that are kept, and how long one that nobody asks is.
const MOST: u64 = 32;
const IDLE: Duration = Duration::from_secs(3_600);

/// The indexes of late, and the documents of which they are made.
#[derive(Debug)]
pub struct Indexes {
    contents: moka::sync::Cache<Digest, Arc<Content>>,
    documents: Mutex<HashMap<Digest, Weak<Document>>>,
}

/// Names an index that may be kept.
#[derive(Debug, Clone)]
pub struct IndexName {
    tables: Arc<[Arc<TableEntry>]>,
    digest: Digest,
}

impl Index {
    /// Names it, for [`Indexes::again`].
    pub fn name(&self) -> IndexName {
        IndexName { tables: self.tables.clone(), digest: self.content.digest }
    }
}

impl Default for Indexes {
    fn default() -> Self {
        let contents = moka::sync::Cache::builder().max_capacity(MOST).time_to_idle(IDLE);
        let contents = contents.eviction_policy(moka::policy::EvictionPolicy::lru()).build();
        Self { contents, documents: Mutex::default() }
    }
}

impl Indexes {
    /// The index over what a reader sees. Tables are read that no kept index has; what is counted over all of them is
    /// counted anew where any is another.
    pub fn of(&self, visible: &[VisibleTable]) -> Index {
        let digests: Vec<Digest> = visible.iter().map(digest).collect();
        let whole = digest_of(&digests);
        let content = self.contents.get_with(whole, || {
            let documents = self.documents(visible, &digests);
            Arc::new(Content::of(whole, visible, documents))
        });
        Index { tables: entries(visible), content }
    }

    /// An index by its name, if it is still kept.
    pub fn again(&self, name: &IndexName) -> Option<Index> {
        let content = self.contents.get(&name.digest)?;
        Some(Index { tables: name.tables.clone(), content })
    }

    /// The documents of tables, those of a kept index as they are.
    fn documents(&self, visible: &[VisibleTable], digests: &[Digest]) -> Vec<Arc<Document>> {
        let find = |known: &HashMap<Digest, Weak<Document>>| -> Vec<Option<Arc<Document>>> {
            digests.iter().map(|digest| known.get(digest)?.upgrade()).collect()
        };
        let found = find(&self.documents.lock());
        let mut reader = Reader::default();
        let read = |(table, known): (&VisibleTable, Option<Arc<Document>>)| {
            known.unwrap_or_else(|| Arc::new(reader.document(table)))
        };
        let documents: Vec<Arc<Document>> = visible.iter().zip(found).map(read).collect();
        let mut kept = self.documents.lock();
        kept.retain(|_, document| document.strong_count() > 0);
        kept.extend(digests.iter().copied().zip(documents.iter().map(Arc::downgrade)));
        documents
    }
}
