//! The heart: a statement from untrusted text to governed rows.

mod age;
mod aggregate_only;
mod arithmetic;
mod ask;
mod average;
mod card;
mod caution;
mod clock;
#[cfg(feature = "ballista")]
mod cluster;
mod collect;
mod concat;
mod context;
mod cut;
mod date_part;
mod declared;
mod describe;
mod digests;
mod disk;
mod division;
mod doubles;
mod engine;
mod escapes;
mod failure;
mod find;
mod frame;
mod functions;
#[doc(hidden)]
pub mod fuzz;
mod gate;
mod guard;
mod identity;
mod inspect;
mod kept;
mod keys;
mod known;
mod leaf;
mod lineage;
mod local;
mod lookup;
mod meanings;
mod memory;
mod mismatch;
mod names;
mod one_row;
mod only_value;
mod parameters;
mod parts;
mod patterns;
mod planner;
mod preaggregate;
mod prepared;
mod pushdown;
mod regroup;
mod repair;
mod request;
mod rerank;
mod round;
mod rules;
mod run;
mod scan_plan;
mod sequential;
mod session;
mod settle;
mod spellings;
mod splits;
mod statement;
mod stored;
mod supervise;
mod template;
mod text_number;
mod ties;
mod top;
mod truncate;
mod values;
mod windows;

pub use crate::catalog::nearest;
#[cfg(feature = "ballista")]
pub use cluster::{ExecutorNode, Transport, Worker, execute, schedule};
pub use engine::Engine;
pub use identity::{Identity, identify};
pub use meanings::check_semantics;
pub use parts::{Executors, Limits, Parts, Spread};
pub use request::{
    Answer, AskRequest, Asked, Chart, ChartRequest, DeclaredTool, DescribeRequest, Explanation,
    Export, ExportRequest, FetchRequest, Fetched, Parameters, QueryRequest, Reply, RunOn,
    SearchRequest, SourceStatement, Stage, ToolRequest, VerifiedQuestion, VisibleName,
};
pub use supervise::EngineLoad;
