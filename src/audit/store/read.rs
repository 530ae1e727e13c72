//! Reading a store of either kind.

use super::connection::{Connection, Row, Value};
use super::location::LONE_CHAIN;
use crate::audit::record::{GENESIS, Hash};

/// A record as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::audit) struct Stored {
    pub(in crate::audit) seq: i64,
    pub(in crate::audit) at: i64,
    pub(in crate::audit) kind: String,
    pub(in crate::audit) id: String,
    pub(in crate::audit) body: String,
    pub(in crate::audit) previous: Vec<u8>,
    pub(in crate::audit) hash: Vec<u8>,
}

impl Stored {
    /// The record in a row of [`records`].
    pub(in crate::audit) fn of(row: &Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            seq: row.int(0)?,
            at: row.int(1)?,
            kind: row.text(2)?,
            id: row.text(3)?,
            body: row.text(4)?,
            previous: row.bytes(5)?,
            hash: row.bytes(6)?,
        })
    }
}

/// The end of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::audit) struct Head {
    pub(in crate::audit) chain: String,
    pub(in crate::audit) count: u64,
    pub(in crate::audit) hash: Hash,
}

/// The records of a chain behind `after`, in order.
pub(in crate::audit) async fn records(
    connection: &mut Connection,
    chain: &str,
    after: u64,
    limit: i64,
) -> Result<Vec<Row>, sqlx::Error> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    if connection.is_postgres() {
        let sql = "SELECT seq, at, kind, id, body, prev_hash, hash FROM audit_record
                   WHERE chain = $3 AND seq > $1 ORDER BY seq LIMIT $2";
        connection.rows(sql, &[after.into(), limit.into(), chain.into()]).await
    } else {
        let sql = "SELECT seq, at, kind, id, body, prev_hash, hash FROM audit_record
                   WHERE seq > $1 ORDER BY seq LIMIT $2";
        connection.rows(sql, &[after.into(), limit.into()]).await
    }
}

/// The records of a chain before `before`, the last one first.
pub(in crate::audit) async fn latest(
    connection: &mut Connection,
    chain: &str,
    before: u64,
    limit: i64,
) -> Result<Vec<Row>, sqlx::Error> {
    let before = i64::try_from(before).unwrap_or(i64::MAX);
    if connection.is_postgres() {
        let sql = "SELECT seq, at, kind, id, body, prev_hash, hash FROM audit_record
                   WHERE chain = $3 AND seq < $1 ORDER BY seq DESC LIMIT $2";
        connection.rows(sql, &[before.into(), limit.into(), chain.into()]).await
    } else {
        let sql = "SELECT seq, at, kind, id, body, prev_hash, hash FROM audit_record
                   WHERE seq < $1 ORDER BY seq DESC LIMIT $2";
        connection.rows(sql, &[before.into(), limit.into()]).await
    }
}

/// The ends of all chains.
pub(in crate::audit) async fn heads(connection: &mut Connection) -> Result<Vec<Head>, sqlx::Error> {
    let sql = if connection.is_postgres() {
        "SELECT chain, count, hash FROM audit_head ORDER BY chain"
    } else {
        "SELECT 'main', count, hash FROM audit_head"
    };
    connection.rows(sql, &[]).await?.iter().map(head).collect()
}

/// The end of one chain.
pub(in crate::audit) async fn head_of(
    connection: &mut Connection,
    chain: &str,
) -> Result<Head, sqlx::Error> {
    let found = heads(connection).await?.into_iter().find(|head| head.chain == chain);
    found.ok_or(sqlx::Error::RowNotFound)
}

/// Whether the store knows checkpoints: one that an earlier version made, and that no later one has written to, does not.
pub(in crate::audit) async fn has_proofs(connection: &mut Connection) -> Result<bool, sqlx::Error> {
    if connection.is_postgres() {
        return Ok(true);
    }
    let sql = "SELECT count(*) FROM sqlite_master WHERE name = $1";
    let rows = connection.rows(sql, &[Value::from("audit_checkpoint")]).await?;
    Ok(rows.first().is_some_and(|row| row.int(0).is_ok_and(|count| count > 0)))
}

fn head(row: &Row) -> Result<Head, sqlx::Error> {
    Ok(Head {
        chain: row.text(0).unwrap_or_else(|_| LONE_CHAIN.to_string()),
        count: u64::try_from(row.int(1)?).unwrap_or_default(),
        hash: row.bytes(2)?.try_into().unwrap_or(GENESIS),
    })
}
