//! What was asked, by whom, and how it ended: durable before anything is answered.
//!
//! An [`Intent`] becomes an [`OpenRecord`] once it is durable; the outcome becomes a [`Receipt`] once it
//! is. Without a receipt no rows leave. Records hold no row values and no literals, and are chained by
//! their hashes, so [`verify`] finds what was altered, removed, reordered or slipped in.

mod checkpoint;
mod log;
mod receipt;
mod record;
mod store;
mod verify;
mod writer;

pub use log::{AuditLog, OpenRecord};
pub use receipt::Receipt;
pub use record::{ChainKey, Intent};
pub use store::{AuditError, Durability};
pub use verify::{VerifyFailure, VerifyReport, verify};
