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
mod division;
mod doubles;
mod engine;
mod escapes;
mod failure;
mod find;
mod frame;
mod functions;
mod gate;
mod guard;
mod inspect;
mod keys;
mod leaf;
mod lineage;
mod local;
mod names;
mod one_row;
mod parameters;
mod patterns;
mod planner;
mod preaggregate;
mod prepared;
mod pushdown;
mod regroup;
mod repair;
mod request;
mod round;
mod run;
mod scan_plan;
mod sequential;
mod session;
mod spellings;
mod statement;
mod supervise;
mod template;
mod top;
mod truncate;
mod values;

pub use crate::catalog::nearest;
pub use engine::{Engine, Limits, Parts};
pub use request::{
    Answer, Explanation, FetchRequest, Fetched, Parameters, QueryRequest, Reply, SearchRequest,
    SourceStatement, VisibleName,
};
