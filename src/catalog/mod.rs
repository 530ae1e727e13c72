//! The tables of all sources under virtual names: discovery, drift, look-up and search.
//!
//! Nothing here knows who may see what. [`Snapshot::resolve`] takes the caller's visibility as a
//! question it asks, and [`search`](fn@search) and [`nearest`] see only what they are handed.

mod asked;
mod content;
mod digest;
mod discovery;
mod document;
mod indexes;
mod items;
mod joins;
mod lock;
mod personal;
mod rank;
mod search;
mod snapshot;
mod suggest;
mod terms;
mod words;

pub use discovery::{Catalog, Refreshed};
pub use indexes::{IndexName, Indexes};
pub use items::{Item, Items};
pub use joins::Step;
pub use lock::{Lock, LockError, Quarantined, lock_schema};
pub use personal::{
    Finding, Kind, Samples, find_personal, is_personal_name, masking_rules, read_samples,
};
pub use search::{Hit, Index, VisibleTable, Why, search};
pub use snapshot::{Snapshot, SourceState, SourceStatus};
pub use suggest::{closeness, nearest};
