//! The records' content and the chain of their hashes.

use super::keys::ChainKey;
use super::vault::Ciphertext;
use crate::error::Code;
use crate::model::{
    AppliedFilter, AppliedMask, Lineage, Outcome, Place, Principal, PrincipalKind, QueryId,
    RedactedValues, SourceReceipt, TableRef, Warning,
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What somebody is about to do. Holds no literal and no row value.
#[derive(Debug, Clone)]
pub struct Intent {
    /// Names the statement here, in its receipt and at the sources.
    pub query_id: QueryId,
    /// The caller's name.
    pub user: String,
    /// The caller's roles, sorted.
    pub roles: Vec<String>,
    /// How the caller was established.
    pub principal_kind: PrincipalKind,
    /// The identity provider that vouched for the caller, if one did.
    pub issuer: Option<String>,
    /// The client's name and version, as it says.
    pub client: String,
    /// The tool that was called.
    pub tool: String,
    /// The statement with its literals taken out.
    pub statement: String,
    /// The fingerprint of `statement`.
    pub fingerprint: String,
    /// The tables it reads.
    pub tables: Vec<TableRef>,
    /// The policy it was decided under.
    pub policy_version: String,
    /// The definitions (metrics, meanings, tools) it may have used; empty where there are none.
    pub semantics_version: String,
    /// The catalog it was planned on.
    pub catalog_version: u64,
    /// The keyed digests of the statement's literals, in order; empty where the audit has no key for them.
    pub literals: Arc<[String]>,
    /// The keyed digests of its parameters, by name.
    pub parameters: Arc<[(String, Vec<String>)]>,
    /// The statement as it was sent, where the audit keeps it: encrypted before it is written.
    pub raw: Option<Arc<str>>,
}

impl Intent {
    /// The intent of `principal` to use `tool`; the statement's part is still empty.
    pub fn new(query_id: QueryId, principal: &Principal, client: &str, tool: &str) -> Self {
        Self {
            query_id,
            user: principal.user().to_string(),
            roles: principal.roles().iter().cloned().collect(),
            principal_kind: principal.kind(),
            issuer: principal.issuer().map(str::to_string),
            client: client.to_string(),
            tool: tool.to_string(),
            statement: String::new(),
            fingerprint: String::new(),
            tables: Vec::new(),
            policy_version: String::new(),
            semantics_version: String::new(),
            catalog_version: 0,
            literals: Arc::default(),
            parameters: Arc::default(),
            raw: None,
        }
    }
}

/// A hash of the chain.
pub(super) type Hash = [u8; 32];

/// The hash before the first record.
pub(super) const GENESIS: Hash = [0; 32];

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Open,
    Close,
    Refused,
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Kind::Open => "open",
            Kind::Close => "close",
            Kind::Refused => "refused",
        }
    }
}

/// A record that has no place in the chain yet.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) kind: Kind,
    pub(super) id: String,
    pub(super) body: String,
}

impl Draft {
    pub(super) fn open(intent: &Intent, raw: Option<&Ciphertext>) -> Self {
        Self::of(Kind::Open, intent.query_id.as_str(), &IntentBody::of(intent, raw, None))
    }

    pub(super) fn refused(intent: &Intent, raw: Option<&Ciphertext>, code: Code) -> Self {
        let body = IntentBody::of(intent, raw, Some(code.as_str()));
        Self::of(Kind::Refused, intent.query_id.as_str(), &body)
    }

    pub(super) fn close(id: &str, open_seq: u64, outcome: &Outcome) -> Self {
        let status = if outcome.error.is_some() { "failed" } else { "answered" };
        Self::of(Kind::Close, id, &OutcomeBody::of(open_seq, status, outcome))
    }

    /// The close record of a statement whose request went away.
    pub(super) fn abandoned(id: &str, open_seq: u64) -> Self {
        let outcome = Outcome::default();
        Self::of(Kind::Close, id, &OutcomeBody::of(open_seq, "abandoned", &outcome))
    }

    fn of(kind: Kind, id: &str, body: &impl Serialize) -> Self {
        // Bodies are structures of texts, numbers and lists: they always serialize.
        let body = serde_json::to_string(body).unwrap_or_default();
        Self { kind, id: id.to_string(), body }
    }
}

/// The fields that a record's hash covers.
pub(super) struct Covered<'a> {
    pub(super) previous: &'a [u8],
    pub(super) seq: i64,
    pub(super) at: i64,
    pub(super) kind: &'a str,
    pub(super) id: &'a str,
    pub(super) body: &'a str,
}

impl Covered<'_> {
    /// SHA-256, or HMAC-SHA-256 under a key, over the fields. Texts are preceded by their length,
    /// so no two records have the same bytes.
    pub(super) fn hash(&self, key: Option<&ChainKey>) -> Hash {
        let mut bytes = Vec::with_capacity(96 + self.id.len() + self.body.len());
        bytes.extend_from_slice(self.previous);
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        bytes.extend_from_slice(&self.at.to_be_bytes());
        for text in [self.kind, self.id, self.body] {
            bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        match key.and_then(|key| key.mac(&bytes)) {
            Some(mac) => mac,
            None => Sha256::digest(&bytes).into(),
        }
    }
}

/// A hash as text.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[derive(Serialize)]
struct IntentBody<'a> {
    user: &'a str,
    roles: &'a [String],
    principal_kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<&'a str>,
    client: &'a str,
    tool: &'a str,
    statement: &'a str,
    fingerprint: &'a str,
    tables: Vec<String>,
    policy_version: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    semantics_version: &'a str,
    catalog_version: u64,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    literals: &'a [String],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    parameters: BTreeMap<&'a str, &'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<&'a Ciphertext>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
}

impl<'a> IntentBody<'a> {
    fn of(intent: &'a Intent, raw: Option<&'a Ciphertext>, error: Option<&'static str>) -> Self {
        Self {
            user: &intent.user,
            roles: &intent.roles,
            principal_kind: intent.principal_kind.as_str(),
            issuer: intent.issuer.as_deref(),
            client: &intent.client,
            tool: &intent.tool,
            statement: &intent.statement,
            fingerprint: &intent.fingerprint,
            tables: intent.tables.iter().map(TableRef::to_string).collect(),
            policy_version: &intent.policy_version,
            semantics_version: &intent.semantics_version,
            catalog_version: intent.catalog_version,
            literals: &intent.literals,
            parameters: intent.parameters.iter().map(|(n, d)| (n.as_str(), d.as_slice())).collect(),
            raw,
            error,
        }
    }
}

#[derive(Serialize)]
struct OutcomeBody<'a> {
    open_seq: u64,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    sources: &'a [SourceReceipt],
    masks: &'a [AppliedMask],
    filters: &'a [AppliedFilter],
    #[serde(skip_serializing_if = "<[RedactedValues]>::is_empty")]
    redacted: &'a [RedactedValues],
    lineage: &'a [Lineage],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    columns: &'a [String],
    #[serde(skip_serializing_if = "<[Warning]>::is_empty")]
    warnings: &'a [Warning],
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<&'a Place>,
    rows_returned: u64,
    bytes: u64,
    truncated: bool,
    ms: f64,
    catalog_age_ms: u64,
}

impl<'a> OutcomeBody<'a> {
    fn of(open_seq: u64, status: &'static str, outcome: &'a Outcome) -> Self {
        Self {
            open_seq,
            status,
            error: outcome.error.as_deref(),
            sources: &outcome.sources,
            masks: &outcome.masks,
            filters: &outcome.filters,
            redacted: &outcome.redacted,
            lineage: &outcome.lineage,
            columns: &outcome.columns,
            warnings: &outcome.warnings,
            place: outcome.place.as_ref(),
            rows_returned: outcome.rows_returned,
            bytes: outcome.bytes,
            truncated: outcome.truncated,
            ms: outcome.ms,
            catalog_age_ms: outcome.catalog_age_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered<'a>(id: &'a str, body: &'a str) -> Covered<'a> {
        Covered { previous: &GENESIS, seq: 1, at: 2, kind: "open", id, body }
    }

    #[test]
    fn a_byte_cannot_move_between_fields() {
        assert_ne!(covered("ab", "c").hash(None), covered("a", "bc").hash(None));
        assert_eq!(covered("ab", "c").hash(None), covered("ab", "c").hash(None));
    }

    #[test]
    fn a_key_changes_the_chain() {
        let key = ChainKey::new(*b"0123456789abcdef").expect("long enough");
        assert_ne!(covered("a", "b").hash(Some(&key)), covered("a", "b").hash(None));
    }

    #[test]
    fn hashes_print_as_hexadecimal() {
        assert_eq!(hex(&[0, 171, 16]), "00ab10");
    }
}
