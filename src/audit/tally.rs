//! What a chain holds, counted while it is read.

use super::record::hex;
use super::store::{Head, Stored};
use std::collections::HashSet;

/// A chain that holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerifyReport {
    /// The chain's name.
    pub chain: String,
    /// Records in the store.
    pub records: u64,
    /// Statements that were refused.
    pub refused: u64,
    /// Statements whose request went away.
    pub abandoned: u64,
    /// Statements with an intent and no outcome: still running, or the process was killed.
    pub unclosed: u64,
    /// Records that retention took away.
    pub retired: u64,
    /// Records that were written before the chain had its key; 0 where none was given.
    pub unkeyed: u64,
    /// Checkpoints that were checked.
    pub checkpoints: u64,
    /// Records behind the last checkpoint.
    pub unsigned: u64,
    /// Anchored heads that were compared.
    pub anchors: u64,
    /// The last record's hash. Kept elsewhere, it shows later that the store was not put back.
    pub head: String,
}

/// Counts records.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) records: u64,
    refused: u64,
    abandoned: u64,
    unclosed: HashSet<String>,
}

impl Tally {
    pub(super) fn add(&mut self, record: &Stored) {
        self.records += 1;
        match &*record.kind {
            "open" => {
                self.unclosed.insert(record.id.clone());
            }
            "close" => {
                self.unclosed.remove(&record.id);
                let body: serde_json::Value =
                    serde_json::from_str(&record.body).unwrap_or_default();
                self.abandoned += u64::from(body["status"] == "abandoned");
            }
            _ => self.refused += 1,
        }
    }

    pub(super) fn report(self, head: &Head) -> VerifyReport {
        VerifyReport {
            chain: head.chain.clone(),
            records: self.records,
            refused: self.refused,
            abandoned: self.abandoned,
            unclosed: self.unclosed.len() as u64,
            head: hex(&head.hash),
            ..VerifyReport::default()
        }
    }
}
