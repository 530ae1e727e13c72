//! Results: kept for their owner for a while, cut into pages, written as text, JSON or CSV.

mod encode;
mod export;
mod render;
mod store;
mod temporal;
mod text;

pub use export::csv;
pub use render::{Rendered, render};
pub use store::{ResultStore, StoredResult};
