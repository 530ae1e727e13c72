//! Reading the chain back: what was altered, removed, reordered or slipped in.

use super::record::{ChainKey, Covered, GENESIS, Hash, hex};
use super::store::{AuditError, path_of, read_head};
use futures::TryStreamExt;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{ConnectOptions, Connection, Row};
use std::collections::HashSet;
use std::fmt;

/// A chain that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyReport {
    /// Records in the store.
    pub records: u64,
    /// Statements that were refused.
    pub refused: u64,
    /// Statements whose request went away.
    pub abandoned: u64,
    /// Statements with an intent and no outcome: still running, or the process was killed.
    pub unclosed: u64,
    /// The last record's hash. Kept elsewhere, it shows later that the store was not put back.
    pub head: String,
}

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
    /// The store cannot be read.
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

/// Checks every record of `store` (`sqlite:PATH`), under the `key` it is written with. A server may
/// be writing to it meanwhile.
///
/// # Errors
/// The first record that is not as it was written, or why the store cannot be read.
pub async fn verify(store: &str, key: Option<&ChainKey>) -> Result<VerifyReport, VerifyFailure> {
    let options = SqliteConnectOptions::new()
        .filename(path_of(store)?)
        .read_only(true)
        .disable_statement_logging();
    let mut connection = options.connect().await?;
    // One transaction: the records and the head of the same moment.
    let mut transaction = connection.begin().await?;
    let head = read_head(&mut transaction).await?;
    walk(&mut transaction, head, key).await
}

async fn walk(
    connection: &mut SqliteConnection,
    (count, head): (u64, Hash),
    key: Option<&ChainKey>,
) -> Result<VerifyReport, VerifyFailure> {
    let mut tally = Tally::default();
    let mut previous = GENESIS;
    let sql = "SELECT seq, at, kind, id, body, prev_hash, hash FROM audit_record ORDER BY seq";
    let mut rows = sqlx::query(sql).fetch(connection);
    while let Some(row) = rows.try_next().await? {
        let expected = tally.records + 1;
        if expected > count {
            return Err(VerifyFailure::Inserted { seq: row.try_get::<i64, _>(0)?.unsigned_abs() });
        }
        previous = check(&row, expected, previous, key)?;
        tally.add(&row)?;
    }
    if tally.records < count {
        return Err(VerifyFailure::Removed { seq: tally.records + 1 });
    }
    if previous != head {
        return Err(VerifyFailure::Altered { seq: count });
    }
    Ok(tally.report(&head))
}

/// Checks one record against its place and the record before it; gives its hash.
fn check(
    row: &SqliteRow,
    expected: u64,
    previous: Hash,
    key: Option<&ChainKey>,
) -> Result<Hash, VerifyFailure> {
    // A value of another type or text that is not UTF-8 is an alteration too.
    let altered = |_| VerifyFailure::Altered { seq: expected };
    let seq: i64 = row.try_get(0).map_err(altered)?;
    if u64::try_from(seq) != Ok(expected) {
        return Err(VerifyFailure::Removed { seq: expected });
    }
    let at: i64 = row.try_get(1).map_err(altered)?;
    let kind: &str = row.try_get(2).map_err(altered)?;
    let id: &str = row.try_get(3).map_err(altered)?;
    let body: &str = row.try_get(4).map_err(altered)?;
    let stated: &[u8] = row.try_get(5).map_err(altered)?;
    let stored: &[u8] = row.try_get(6).map_err(altered)?;
    let hash = Covered { previous: stated, seq, at, kind, id, body }.hash(key);
    if hash[..] != *stored {
        return Err(VerifyFailure::Altered { seq: expected });
    }
    if previous[..] != *stated {
        return Err(VerifyFailure::OutOfChain { seq: expected });
    }
    Ok(hash)
}

#[derive(Default)]
struct Tally {
    records: u64,
    refused: u64,
    abandoned: u64,
    unclosed: HashSet<String>,
}

impl Tally {
    fn add(&mut self, row: &SqliteRow) -> Result<(), VerifyFailure> {
        let (kind, id): (&str, &str) = (row.try_get(2)?, row.try_get(3)?);
        self.records += 1;
        match kind {
            "open" => {
                self.unclosed.insert(id.to_string());
            }
            "close" => {
                self.unclosed.remove(id);
                let body: &str = row.try_get(4)?;
                let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
                self.abandoned += u64::from(body["status"] == "abandoned");
            }
            _ => self.refused += 1,
        }
        Ok(())
    }

    fn report(self, head: &Hash) -> VerifyReport {
        VerifyReport {
            records: self.records,
            refused: self.refused,
            abandoned: self.abandoned,
            unclosed: self.unclosed.len() as u64,
            head: hex(head),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::log::tests::{intent, raw, store};
    use super::*;
    use crate::audit::{AuditLog, Durability};
    use crate::error::Code;
    use sqlx::AssertSqlSafe;
    use tempfile::TempDir;

    async fn five_records() -> (TempDir, String) {
        let (dir, store, log) = store().await;
        for _ in 0..5 {
            log.refuse(&intent(), Code::Syntax).await.expect("durable");
        }
        (dir, store)
    }

    async fn tamper(dir: &TempDir, statements: &str) {
        let drop_triggers =
            "DROP TRIGGER audit_record_follows; DROP TRIGGER audit_record_moves_head;
            DROP TRIGGER audit_record_not_updated; DROP TRIGGER audit_record_not_deleted;
            DROP TRIGGER audit_head_moves_forward;";
        let mut connection = raw(dir).await;
        for sql in [drop_triggers, statements] {
            let sql = AssertSqlSafe(sql.to_string());
            sqlx::raw_sql(sql).execute(&mut connection).await.expect("tampered");
        }
    }

    #[tokio::test]
    async fn every_kind_of_tampering_is_named() {
        let copy = "INSERT INTO audit_record SELECT 6, at, kind, id, body, prev_hash, hash
                    FROM audit_record WHERE seq = 5";
        let swap = "UPDATE audit_record SET seq = 99 WHERE seq = 2;
                    UPDATE audit_record SET seq = 2 WHERE seq = 3;
                    UPDATE audit_record SET seq = 3 WHERE seq = 99";
        let cut = "DELETE FROM audit_record WHERE seq >= 4";
        let cases: [(&str, VerifyFailure); 10] = [
            (
                "UPDATE audit_record SET body = '{}' WHERE seq = 3",
                VerifyFailure::Altered { seq: 3 },
            ),
            (
                "UPDATE audit_record SET at = at + 1 WHERE seq = 1",
                VerifyFailure::Altered { seq: 1 },
            ),
            ("UPDATE audit_record SET id = 'x' WHERE seq = 5", VerifyFailure::Altered { seq: 5 }),
            (
                "UPDATE audit_record SET kind = 'open' WHERE seq = 2",
                VerifyFailure::Altered { seq: 2 },
            ),
            (
                "UPDATE audit_record SET hash = zeroblob(32) WHERE seq = 2",
                VerifyFailure::Altered { seq: 2 },
            ),
            ("DELETE FROM audit_record WHERE seq = 3", VerifyFailure::Removed { seq: 3 }),
            (cut, VerifyFailure::Removed { seq: 4 }),
            ("DELETE FROM audit_record", VerifyFailure::Removed { seq: 1 }),
            (swap, VerifyFailure::Altered { seq: 2 }),
            (copy, VerifyFailure::Inserted { seq: 6 }),
        ];
        for (sql, failure) in cases {
            let (dir, store) = five_records().await;
            assert_eq!(verify(&store, None).await.expect("whole").records, 5);
            tamper(&dir, sql).await;
            assert_eq!(verify(&store, None).await, Err(failure), "{sql}");
        }
    }

    #[tokio::test]
    async fn a_record_with_a_hash_of_its_own_does_not_fit_the_chain() {
        for seq in [3_i64, 5] {
            let (dir, store) = five_records().await;
            tamper(&dir, "").await;
            let mut connection = raw(&dir).await;
            let sql = "SELECT at, id, prev_hash FROM audit_record WHERE seq = ?";
            let row = sqlx::query(sql).bind(seq).fetch_one(&mut connection).await.expect("a row");
            let (at, id, previous): (i64, String, Vec<u8>) = (row.get(0), row.get(1), row.get(2));
            let forged =
                Covered { previous: &previous, seq, at, kind: "refused", id: &id, body: "{}" };
            let hash = forged.hash(None).to_vec();
            let sql = "UPDATE audit_record SET body = '{}', hash = ? WHERE seq = ?";
            let update = sqlx::query(sql).bind(hash).bind(seq).execute(&mut connection);
            update.await.expect("forged");
            let found = verify(&store, None).await;
            let expected = match seq {
                3 => VerifyFailure::OutOfChain { seq: 4 },
                _ => VerifyFailure::Altered { seq: 5 },
            };
            assert_eq!(found, Err(expected));
        }
    }

    #[tokio::test]
    async fn a_keyed_chain_needs_its_key() {
        let dir = TempDir::new().expect("a directory");
        let store = format!("sqlite:{}/audit.db", dir.path().display());
        let key = ChainKey::new(*b"0123456789abcdef").expect("long enough");
        let log = AuditLog::connect(&store, Durability::Process, Some(key.clone())).await;
        log.expect("a log").refuse(&intent(), Code::Syntax).await.expect("durable");
        assert_eq!(verify(&store, Some(&key)).await.expect("whole").records, 1);
        assert_eq!(verify(&store, None).await, Err(VerifyFailure::Altered { seq: 1 }));
    }

    #[tokio::test]
    async fn the_triggers_refuse_what_is_not_an_append() {
        let (dir, store) = five_records().await;
        let mut connection = raw(&dir).await;
        for sql in [
            "UPDATE audit_record SET body = '{}' WHERE seq = 1",
            "DELETE FROM audit_record WHERE seq = 5",
            "DELETE FROM audit_head",
            "UPDATE audit_head SET count = 4",
            "INSERT OR REPLACE INTO audit_record SELECT * FROM audit_record WHERE seq = 2",
            "INSERT INTO audit_record SELECT 6, at, kind, id, body, prev_hash, hash
             FROM audit_record WHERE seq = 5",
        ] {
            assert!(sqlx::query(sql).execute(&mut connection).await.is_err(), "{sql}");
        }
        assert_eq!(verify(&store, None).await.expect("whole").records, 5);
    }

    #[tokio::test]
    async fn a_store_that_is_not_there_is_unreadable() {
        let failure = verify("sqlite:/nonexistent/audit.db", None).await;
        assert!(matches!(failure, Err(VerifyFailure::Unreadable(_))));
    }
}
