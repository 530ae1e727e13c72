//! The heart: a statement from untrusted text to governed rows.

mod age;
mod aggregate_only;
mod arithmetic;
mod average;
mod caution;
mod collect;
mod concat;
mod context;
mod cut;
mod date_part;
mod describe;
mod digests;
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
mod inspect;
mod kept;
mod keys;
mod leaf;
mod lineage;
mod local;
mod names;
mod parameters;
mod patterns;
mod planner;
mod preaggregate;
mod prepared;
mod pushdown;
mod regroup;
mod request;
mod round;
mod run;
mod scan_plan;
mod sequential;
mod session;
mod statement;
mod stored;
mod supervise;
mod template;
mod top;
mod truncate;
mod values;

pub use engine::{Engine, Limits, Parts};
pub use request::{
    Answer, Chart, ChartRequest, Explanation, Export, ExportRequest, FetchRequest, Fetched,
    Parameters, QueryRequest, Reply, SearchRequest, SourceStatement, VisibleName,
};
