//! The proof that a statement's outcome is durable.

use super::record::Intent;
use crate::model::{
    AppliedFilter, AppliedMask, Lineage, Outcome, Place, RedactedValues, SourceReceipt, Warning,
};
use serde::Serialize;

/// What was done for a statement, durable in the audit before this value exists. Only the audit makes
/// one, and no rows leave without one.
#[must_use]
#[derive(Debug, Clone, Serialize)]
pub struct Receipt {
    id: String,
    fingerprint: String,
    sources: Vec<SourceReceipt>,
    masks: Vec<AppliedMask>,
    filters: Vec<AppliedFilter>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    redacted: Vec<RedactedValues>,
    lineage: Vec<Lineage>,
    warnings: Vec<Warning>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<Place>,
    truncated: bool,
    rows_returned: u64,
    policy_version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    semantics_version: String,
    catalog_version: u64,
    catalog_age_ms: u64,
    ms: f64,
    audit_seq: u64,
}

impl Receipt {
    pub(super) fn new(opened: &Opened, outcome: &Outcome, audit_seq: u64) -> Self {
        Self {
            id: opened.id.clone(),
            fingerprint: opened.fingerprint.clone(),
            sources: outcome.sources.clone(),
            masks: outcome.masks.clone(),
            filters: outcome.filters.clone(),
            redacted: outcome.redacted.clone(),
            lineage: outcome.lineage.clone(),
            warnings: outcome.warnings.clone(),
            place: outcome.place.clone(),
            truncated: outcome.truncated,
            rows_returned: outcome.rows_returned,
            policy_version: opened.policy_version.clone(),
            semantics_version: opened.semantics_version.clone(),
            catalog_version: opened.catalog_version,
            catalog_age_ms: outcome.catalog_age_ms,
            ms: outcome.ms,
            audit_seq,
        }
    }

    /// The statement's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What each source did.
    pub fn sources(&self) -> &[SourceReceipt] {
        &self.sources
    }

    /// The masks that were applied.
    pub fn masks(&self) -> &[AppliedMask] {
        &self.masks
    }

    /// The row filters that were applied.
    pub fn filters(&self) -> &[AppliedFilter] {
        &self.filters
    }

    /// How the answer may be misread.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Where the statement ran, if not in the server's own process.
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// The place of the outcome in the audit.
    pub fn audit_seq(&self) -> u64 {
        self.audit_seq
    }
}

/// What a receipt takes from the intent.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) id: String,
    pub(super) seq: u64,
    pub(super) fingerprint: String,
    pub(super) policy_version: String,
    pub(super) semantics_version: String,
    pub(super) catalog_version: u64,
}

impl Opened {
    pub(super) fn of(intent: Intent) -> Self {
        Self {
            id: intent.query_id.to_string(),
            seq: 0,
            fingerprint: intent.fingerprint,
            policy_version: intent.policy_version,
            semantics_version: intent.semantics_version,
            catalog_version: intent.catalog_version,
        }
    }
}
