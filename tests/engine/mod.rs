//! The pipeline, from statement to answer, over real sources.

mod aggregate_only;
mod cache;
mod cancel;
mod definitions;
mod estimate;
mod failures;
mod hostile;
mod large;
mod limits;
mod names;
mod paging;
mod parameters;
mod plans;
mod snapshots;
mod three_sources;
mod values;

use crate::support::lab::{Bench, benches};
use crate::support::world::World;
use celosia::query::Engine;

/// The engine over world A on SQLite.
fn engine() -> &'static Engine {
    let all: Vec<&'static Bench> = benches();
    all[0].engine(World::A, true)
}
