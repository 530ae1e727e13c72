//! The conformance suite that every connector passes, and the fixtures it loads. For tests only.
//!
//! * [`fixture`]: what a connector brings: a real server, loaded.
//! * [`data`] and [`script`]: the rows of the suite and the statements that store them.
//! * [`cluster`]: a PostgreSQL server of one's own.
//! * [`double`]: servers that speak the protocols of SQL Server and Oracle.
//! * [`spoil`]: a proxy that changes what a server says.
//! * [`mod@conformance`]: the checks. [`evaluate`]: the local meaning they hold a source to.

pub mod cells;
pub mod cluster;
pub mod conformance;
pub mod data;
pub mod double;
pub mod evaluate;
pub mod fixture;
pub mod script;
pub mod spoil;
pub mod subject;

pub use conformance::{Check, checks, conformance, run_all};
pub use fixture::Fixture;
