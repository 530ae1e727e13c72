//! Results: kept for their owner for a while, cut into pages, written as text, JSON or files.

mod chart;
mod encode;
mod export;
mod files;
mod parquet;
mod redact;
mod render;
mod shared;
mod store;
mod temporal;
mod text;

pub use chart::{ChartKind, ChartSpec, Drawing, draw};
pub use export::{csv, legible_csv};
pub use files::{FileFormat, file};
pub use redact::{Redactor, RuleDefect, SecretRule};
pub use render::{Rendered, render};
pub use shared::SharedResults;
pub use store::{ResultStore, StoredResult};
pub use text::{NOTE, fenced, legible, name, seen};
