//! What the process says of itself: logs on stderr, numbers for Prometheus, traces and logs for a collector.
//!
//! Numbers are counted where things happen, by one line each, and cost an atomic or two there. What is a state
//! rather than an event (places taken, sources up, records that wait) is looked at when somebody asks. Labels are
//! names of the configuration and of this program; never a person, a statement or a value.

mod calls;
mod exposition;
mod log;
mod metrics;
mod offenders;
mod otlp;
mod process;
mod statements;

pub use calls::ToolCall;
pub use exposition::{Exposition, Reading, Series};
pub use log::start;
pub use metrics::{answered, audit_appended, authentication_failed, http_answered, plan_sought};
pub(crate) use otlp::stage;
pub use otlp::{Outbox, exported};
pub use statements::Observed;
