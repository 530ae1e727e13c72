//! What stands for the chain outside of it: a checkpoint says what its head was, a tombstone what retention took away.
//!
//! Both are a text and a signature over just that text, so nothing has to be put together again to check one.

use super::keys::{PublicKey, SigningKey};
use super::record::hex;
use super::store::Head;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// What is said of a chain's head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Statement {
    /// `checkpoint` or `retention`.
    pub(super) kind: String,
    pub(super) chain: String,
    /// Which checkpoint of its chain it is, from 1; of a tombstone, how many records it stands for.
    pub(super) n: u64,
    /// The record that it speaks of, and that record's hash.
    pub(super) seq: u64,
    pub(super) hash: String,
    /// Milliseconds since the Unix epoch.
    pub(super) at: i64,
    /// Records until the next checkpoint, at most.
    pub(super) every: u64,
}

pub(super) const CHECKPOINT: &str = "checkpoint";
pub(super) const RETENTION: &str = "retention";

impl Statement {
    /// The `n`th checkpoint of a chain, at its head.
    pub(super) fn checkpoint(head: &Head, n: u64, every: u64) -> Self {
        Self {
            kind: CHECKPOINT.to_string(),
            chain: head.chain.clone(),
            n,
            seq: head.count,
            hash: hex(&head.hash),
            at: chrono::Utc::now().timestamp_millis(),
            every,
        }
    }
}

/// A statement as it is kept: its text, and the signature if it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signed {
    pub(super) body: String,
    pub(super) signature: Vec<u8>,
}

impl Signed {
    /// Signs a statement; without a key it stays unsigned.
    pub(super) fn of(statement: &Statement, key: Option<&SigningKey>) -> Self {
        // Texts and numbers: it always serializes.
        let body = serde_json::to_string(statement).unwrap_or_default();
        let signature = key.map(|key| key.sign(&body)).unwrap_or_default();
        Self { body, signature }
    }

    /// What it says; `None` where it is no statement, or where `key` does not hold for it.
    pub(super) fn read(&self, key: Option<&PublicKey>) -> Option<Statement> {
        if key.is_some_and(|key| !key.holds(&self.body, &self.signature)) {
            return None;
        }
        serde_json::from_str(&self.body).ok()
    }

    /// One line: the text, a blank, and the signature in Base64 or `-`.
    pub(super) fn line(&self) -> String {
        let signature = match &*self.signature {
            [] => "-".to_string(),
            bytes => STANDARD.encode(bytes),
        };
        format!("{} {signature}", self.body)
    }

    /// What [`Self::line`] wrote.
    pub(super) fn of_line(line: &str) -> Option<Self> {
        let (body, signature) = line.trim().rsplit_once(' ')?;
        let signature = match signature {
            "-" => Vec::new(),
            text => STANDARD.decode(text).ok()?,
        };
        Some(Self { body: body.to_string(), signature })
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::tests::signing;
    use super::*;

    #[test]
    fn a_statement_survives_its_line_and_not_a_change() {
        let head = Head { chain: "main".into(), count: 7, hash: [3; 32] };
        let key = signing();
        let statement = Statement::checkpoint(&head, 1, 1_000);
        let signed = Signed::of(&statement, Some(&key));
        let back = Signed::of_line(&signed.line()).expect("a line");
        assert_eq!(back.read(Some(&key.public())), Some(statement.clone()));
        let altered = Signed { body: back.body.replace("\"seq\":7", "\"seq\":8"), ..back };
        assert_ne!(altered.body, signed.body);
        assert_eq!(altered.read(Some(&key.public())), None);
        // Without a key it is taken as it is.
        assert_eq!(altered.read(None).map(|s| s.seq), Some(8));
        assert_eq!(Signed::of(&statement, None).read(Some(&key.public())), None);
    }
}
