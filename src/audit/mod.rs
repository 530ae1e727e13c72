//! What was asked, by whom, and how it ended: durable before anything is answered.
//!
//! An [`Intent`] becomes an [`OpenRecord`] once it is durable; the outcome becomes a [`Receipt`] once it
//! is. Without a receipt no rows leave. Records hold no row values and no literals, and are chained by
//! their hashes, so [`verify`] finds what was altered, removed, reordered or slipped in.

mod admin;
mod anchor;
mod history;
mod keys;
mod log;
mod ocsf;
mod proof;
mod receipt;
mod record;
mod retain;
mod seal;
mod sinks;
mod store;
mod tally;
mod vault;
mod verify;
mod writer;

pub use admin::{Selection, Shown, erase, export, show};
pub use anchor::Anchor;
pub use history::{Asked, ChainEnd, Look, Reader, Seen, chain_ends, history};
pub use keys::{ChainKey, LiteralKey, PublicKey, SigningKey};
pub use log::{AuditLog, OpenRecord, Settings};
pub use receipt::Receipt;
pub use record::Intent;
pub use retain::{Retained, retain};
pub use seal::Checkpoints;
pub use sinks::{Format, Header, Lag, SinkSettings, SyslogAddress, Target};
pub use store::{AuditError, Durability, Location, host_name};
pub use tally::VerifyReport;
pub use vault::{MasterKey, Raw};
pub use verify::{Proofs, VerifyFailure, verify, verify_all};
