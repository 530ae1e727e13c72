//! Reading the chain back: what was altered, removed, reordered, slipped in, or cut off.

use super::anchor;
use super::keys::{ChainKey, PublicKey};
use super::proof::{CHECKPOINT, RETENTION, Signed, Statement};
use super::record::{Covered, GENESIS, Hash, hex};
use super::store::{
    AuditError, Connection, Head, Location, Purpose, Stored, has_proofs, heads, records,
};
use super::tally::{Tally, VerifyReport};
use std::collections::BTreeMap;
use std::fmt;

/// Records that are read at once.
const PAGE: i64 = 1_000;

/// A chain that does not hold, or that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerifyFailure {
    /// The record's content is not what was written, or the key is not the one it was written under.
    Altered {
        /// The record.
        seq: u64,
    },
    /// The record is gone.
    Removed {
        /// The record.
        seq: u64,
    },
    /// The record is whole in itself, but does not follow the one before it: reordered, or slipped in.
    OutOfChain {
        /// The record.
        seq: u64,
    },
    /// The record came after the last one that was written through the server.
    Inserted {
        /// The record.
        seq: u64,
    },
    /// A key was given, and no record was written under it.
    Unkeyed,
    /// A checkpoint or a tombstone is not signed by the key, or speaks of another chain.
    Forged {
        /// The record that it speaks of.
        seq: u64,
    },
    /// The checkpoint is gone.
    CheckpointRemoved {
        /// Its number.
        n: u64,
    },
    /// A checkpoint or an anchored head has another hash than the record: the chain was written anew.
    Rewritten {
        /// The record.
        seq: u64,
    },
    /// The chain ends before what was signed or anchored: its end was cut off, or an older copy put back.
    CutOff {
        /// The last record that there was.
        seq: u64,
    },
    /// More records than a segment has are not signed.
    Unsigned {
        /// The first of them.
        seq: u64,
    },
    /// The anchor speaks of a chain that is not there.
    NoChain(String),
    /// The store or the anchor cannot be read.
    Unreadable(String),
}

impl fmt::Display for VerifyFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Altered { seq } => write!(f, "record {seq} was altered, or the key is wrong"),
            Self::Removed { seq } => write!(f, "record {seq} was removed"),
            Self::OutOfChain { seq } => {
                write!(f, "record {seq} does not follow the record before it")
            }
            Self::Inserted { seq } => write!(f, "record {seq} was inserted behind the last one"),
            Self::Unkeyed => write!(f, "no record was written under this key"),
            Self::Forged { seq } => {
                write!(f, "what is signed for record {seq} was not signed by this key")
            }
            Self::CheckpointRemoved { n } => write!(f, "checkpoint {n} was removed"),
            Self::Rewritten { seq } => {
                write!(f, "record {seq} is not the one that was signed or anchored")
            }
            Self::CutOff { seq } => {
                write!(f, "the chain ends before record {seq}, which was signed or anchored")
            }
            Self::Unsigned { seq } => {
                write!(f, "the records from {seq} on should have been signed by now, and are not")
            }
            Self::NoChain(chain) => write!(f, "the anchored chain {chain} is not in the store"),
            Self::Unreadable(why) => write!(f, "the audit store cannot be read: {why}"),
        }
    }
}

impl std::error::Error for VerifyFailure {}

impl From<AuditError> for VerifyFailure {
    fn from(error: AuditError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl From<sqlx::Error> for VerifyFailure {
    fn from(error: sqlx::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// What a chain is held against, beside itself.
#[derive(Debug, Clone, Default)]
pub struct Proofs {
    /// The key that the chain is written with.
    pub key: Option<ChainKey>,
    /// The key that checkpoints are signed with.
    pub public_key: Option<PublicKey>,
    /// The text of the anchor: one head a line.
    pub anchor: Option<String>,
}

/// Verifies a store with one chain: every hash, the order, and the head, under the key it is written with. A server
/// may be writing to it meanwhile.
///
/// # Errors
/// The first record that is not as it was written, or why the store cannot be read.
pub async fn verify(store: &str, key: Option<&ChainKey>) -> Result<VerifyReport, VerifyFailure> {
    let proofs = Proofs { key: key.cloned(), ..Proofs::default() };
    let reports = verify_all(&Location::parse(store)?, &proofs).await?;
    let mut reports = reports.into_iter();
    reports.next().ok_or_else(|| VerifyFailure::Unreadable("it has no chain".to_string()))
}

/// Verifies every chain of a store.
///
/// # Errors
/// The first thing that does not hold, or why the store cannot be read.
pub async fn verify_all(
    store: &Location,
    proofs: &Proofs,
) -> Result<Vec<VerifyReport>, VerifyFailure> {
    let mut connection = store.connect(Purpose::Read).await?;
    // The records, the heads and the checkpoints of the same moment.
    connection.freeze().await?;
    let anchored = match &proofs.anchor {
        Some(text) => anchor::read(text).map_err(VerifyFailure::Unreadable)?,
        None => Vec::new(),
    };
    let signs = has_proofs(&mut connection).await?;
    let heads = heads(&mut connection).await?;
    if let Some((_, lost)) = anchored.iter().find(|(_, s)| heads.iter().all(|h| h.chain != s.chain))
    {
        return Err(VerifyFailure::NoChain(lost.chain.clone()));
    }
    let mut reports = Vec::new();
    for head in heads {
        let mut chain = Chain::of(&mut connection, head, proofs, signs).await?;
        chain.expect_anchored(&anchored, proofs.public_key.as_ref())?;
        reports.push(chain.walk(&mut connection, proofs).await?);
    }
    Ok(reports)
}

/// A chain and what it must agree with.
struct Chain {
    head: Head,
    /// The last record that retention took away, and its hash.
    begin: (u64, Hash),
    /// Hashes that were signed or anchored, by record.
    expected: BTreeMap<u64, Vec<String>>,
    checkpoints: u64,
    anchors: u64,
    /// The last record that is signed, and how many may follow it.
    signed: Option<(u64, u64)>,
}

impl Chain {
    async fn of(
        connection: &mut Connection,
        head: Head,
        proofs: &Proofs,
        signs: bool,
    ) -> Result<Self, VerifyFailure> {
        let expected = BTreeMap::new();
        let begin = (0, GENESIS);
        let mut chain = Self { head, begin, expected, checkpoints: 0, anchors: 0, signed: None };
        if signs {
            chain.read_checkpoints(connection, proofs).await?;
            chain.read_tombstones(connection, proofs).await?;
        }
        if chain.checkpoints == 0 && proofs.public_key.is_some() && chain.head.count > 0 {
            return Err(VerifyFailure::Unsigned { seq: 1 });
        }
        Ok(chain)
    }

    async fn read_checkpoints(
        &mut self,
        connection: &mut Connection,
        proofs: &Proofs,
    ) -> Result<(), VerifyFailure> {
        let sql =
            "SELECT seq, body, signature, n FROM audit_checkpoint WHERE chain = $1 ORDER BY n";
        let rows = connection.rows(sql, &[self.head.chain.as_str().into()]).await?;
        for row in rows {
            let statement = self.statement(&row, CHECKPOINT, proofs.public_key.as_ref())?;
            self.checkpoints += 1;
            if statement.n != self.checkpoints || row.int(3)? != number(statement.n) {
                return Err(VerifyFailure::CheckpointRemoved { n: self.checkpoints });
            }
            self.signed = Some((statement.seq, statement.every));
            self.expect(statement);
        }
        Ok(())
    }

    async fn read_tombstones(
        &mut self,
        connection: &mut Connection,
        proofs: &Proofs,
    ) -> Result<(), VerifyFailure> {
        let sql = "SELECT seq, body, signature FROM audit_tombstone WHERE chain = $1 ORDER BY seq";
        let rows = connection.rows(sql, &[self.head.chain.as_str().into()]).await?;
        for row in rows {
            let statement = self.statement(&row, RETENTION, proofs.public_key.as_ref())?;
            let seq = statement.seq;
            let hash = bytes_of(&statement.hash).ok_or(VerifyFailure::Forged { seq })?;
            self.begin = (seq, hash);
            // What was signed of the same record before must agree with what retention says of it.
            if self.expected.get(&seq).is_some_and(|all| all.iter().any(|h| *h != statement.hash)) {
                return Err(VerifyFailure::Rewritten { seq });
            }
        }
        Ok(())
    }

    fn statement(
        &self,
        row: &super::store::Row,
        kind: &str,
        key: Option<&PublicKey>,
    ) -> Result<Statement, VerifyFailure> {
        let seq = u64::try_from(row.int(0)?).unwrap_or_default();
        let signed = Signed { body: row.text(1)?, signature: row.bytes(2)? };
        let statement = signed.read(key).filter(|statement| {
            statement.kind == kind && statement.chain == self.head.chain && statement.seq == seq
        });
        statement.ok_or(VerifyFailure::Forged { seq })
    }

    fn expect(&mut self, statement: Statement) {
        let hashes = self.expected.entry(statement.seq).or_default();
        if !hashes.contains(&statement.hash) {
            hashes.push(statement.hash);
        }
    }

    fn expect_anchored(
        &mut self,
        anchored: &[(Signed, Statement)],
        key: Option<&PublicKey>,
    ) -> Result<(), VerifyFailure> {
        let chain = self.head.chain.clone();
        for (signed, statement) in anchored.iter().filter(|(_, s)| s.chain == chain) {
            if signed.read(key).is_none() {
                return Err(VerifyFailure::Forged { seq: statement.seq });
            }
            self.anchors += 1;
            self.expect(statement.clone());
        }
        Ok(())
    }

    async fn walk(
        self,
        connection: &mut Connection,
        proofs: &Proofs,
    ) -> Result<VerifyReport, VerifyFailure> {
        let (begin, mut previous) = self.begin;
        self.agrees(begin, &previous)?;
        let mut tally = Tally::default();
        let mut keyed = Keyed { key: proofs.key.as_ref(), unkeyed: 0, seen: false };
        let mut last = begin;
        loop {
            let rows = records(connection, &self.head.chain, last, PAGE).await?;
            for row in &rows {
                let expected = last + 1;
                // A value of another type or text that is not UTF-8 is an alteration too.
                let record = Stored::of(row);
                let record = record.map_err(|_| VerifyFailure::Altered { seq: expected })?;
                if expected > self.head.count {
                    return Err(VerifyFailure::Inserted { seq: record.seq.unsigned_abs() });
                }
                previous = check(&record, expected, previous, &mut keyed)?;
                self.agrees(expected, &previous)?;
                tally.add(&record);
                last = expected;
            }
            if rows.is_empty() {
                break;
            }
        }
        self.ends(last, &previous)?;
        if keyed.key.is_some() && !keyed.seen && tally.records > 0 {
            return Err(VerifyFailure::Unkeyed);
        }
        let unsigned = last.saturating_sub(self.signed.map_or(0, |(seq, _)| seq));
        if let Some((seq, every)) = self.signed.filter(|_| proofs.public_key.is_some())
            && unsigned > every.saturating_mul(2).saturating_add(1_000)
        {
            return Err(VerifyFailure::Unsigned { seq: seq + 1 });
        }
        Ok(VerifyReport {
            retired: begin,
            unkeyed: if keyed.key.is_some() { keyed.unkeyed } else { 0 },
            checkpoints: self.checkpoints,
            unsigned,
            anchors: self.anchors,
            ..tally.report(&self.head)
        })
    }

    /// Whether the record is the one that was signed and anchored.
    fn agrees(&self, seq: u64, hash: &Hash) -> Result<(), VerifyFailure> {
        let Some(expected) = self.expected.get(&seq) else { return Ok(()) };
        let hash = hex(hash);
        if expected.iter().all(|e| *e == hash) {
            Ok(())
        } else {
            Err(VerifyFailure::Rewritten { seq })
        }
    }

    fn ends(&self, last: u64, hash: &Hash) -> Result<(), VerifyFailure> {
        if last < self.head.count {
            return Err(VerifyFailure::Removed { seq: last + 1 });
        }
        if *hash != self.head.hash {
            return Err(VerifyFailure::Altered { seq: self.head.count });
        }
        match self.expected.keys().next_back() {
            Some(seq) if *seq > last => Err(VerifyFailure::CutOff { seq: *seq }),
            _ => Ok(()),
        }
    }
}

/// From which record on a chain has its key. What came before is held by the first keyed record's hash.
struct Keyed<'a> {
    key: Option<&'a ChainKey>,
    unkeyed: u64,
    seen: bool,
}

/// Checks one record against its place and the record before it; gives its hash.
fn check(
    record: &Stored,
    expected: u64,
    previous: Hash,
    keyed: &mut Keyed<'_>,
) -> Result<Hash, VerifyFailure> {
    if u64::try_from(record.seq) != Ok(expected) {
        return Err(VerifyFailure::Removed { seq: expected });
    }
    let covered = Covered {
        previous: &record.previous,
        seq: record.seq,
        at: record.at,
        kind: &record.kind,
        id: &record.id,
        body: &record.body,
    };
    let mut hash = covered.hash(keyed.key);
    if hash[..] == *record.hash {
        keyed.seen = true;
    } else if keyed.key.is_some() && !keyed.seen {
        hash = covered.hash(None);
        keyed.unkeyed += 1;
    }
    if hash[..] != *record.hash {
        return Err(VerifyFailure::Altered { seq: expected });
    }
    if previous[..] != *record.previous {
        return Err(VerifyFailure::OutOfChain { seq: expected });
    }
    Ok(hash)
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn bytes_of(text: &str) -> Option<Hash> {
    let digits = text.as_bytes();
    let mut bytes = GENESIS;
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    (digits.len() == 64).then_some(bytes)
}

#[cfg(test)]
mod tests;
