//! Retention: whole segments at the chain's beginning go, and a signed tombstone says what the last of their records
//! was, so that what follows still verifies.

use super::keys::SigningKey;
use super::proof::{RETENTION, Signed, Statement};
use super::sinks::cursor;
use super::store::{AuditError, Connection, Location, Purpose, Stored, records};
use std::time::Duration;

/// Records that go at once: a server that writes meanwhile must not wait long.
const STEP: i64 = 2_000;

/// What retention took away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retained {
    /// Records that went.
    pub records: u64,
    /// The last of them.
    pub last: u64,
    /// Data keys that nothing that is left needs.
    pub keys: u64,
}

/// Takes away the segments of `chain` that are older than `age` as a whole. A sink's records stay until it has them.
///
/// # Errors
/// The store cannot be read or written, or a sink has not got what would go.
pub async fn retain(
    store: &Location,
    chain: &str,
    age: Duration,
    key: &SigningKey,
    sinks: &[String],
) -> Result<Option<Retained>, AuditError> {
    let mut connection = store.connect(Purpose::Change).await?;
    let now = chrono::Utc::now().timestamp_millis();
    let before = now.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
    let Some(last) = last_of_old_segments(&mut connection, chain, before).await? else {
        return Ok(None);
    };
    for sink in sinks {
        if cursor(&mut connection, chain, sink).await? < number(last) {
            return Err(AuditError::new("retention", format!("sink {sink} has not got all of it")));
        }
    }
    let row = records(&mut connection, chain, number(last - 1), 1).await?;
    let Some(record) = row.first().map(Stored::of).transpose()?.filter(|r| r.seq == last) else {
        return Ok(None);
    };
    let tombstone = Statement {
        kind: RETENTION.to_string(),
        chain: chain.to_string(),
        n: number(last),
        seq: number(last),
        hash: super::record::hex(&record.hash),
        at: now,
        every: 0,
    };
    let signed = Signed::of(&tombstone, Some(key));
    let sql = "INSERT INTO audit_tombstone (chain, seq, body, signature) VALUES ($1, $2, $3, $4)";
    let values =
        [chain.into(), last.into(), signed.body.as_str().into(), (&*signed.signature).into()];
    connection.execute(sql, &values).await?;
    // From here on the records are gone for whoever verifies; whatever is left of them goes the next time.
    let records = take_away(&mut connection, chain, last).await?;
    let keys = take_keys(&mut connection, record.at).await?;
    Ok(Some(Retained { records, last: number(last), keys }))
}

/// The last record of the segments in which every record is older than `before`.
async fn last_of_old_segments(
    connection: &mut Connection,
    chain: &str,
    before: i64,
) -> Result<Option<i64>, AuditError> {
    // Aggregates are of the type of their column in both databases; there is no row without records.
    let young = if connection.is_postgres() {
        let sql = "SELECT seq FROM audit_record WHERE chain = $1 AND at >= $2 ORDER BY seq LIMIT 1";
        connection.rows(sql, &[chain.into(), before.into()]).await?
    } else {
        let sql = "SELECT seq FROM audit_record WHERE at >= $1 ORDER BY seq LIMIT 1";
        connection.rows(sql, &[before.into()]).await?
    };
    let first = young.first().map_or(Ok(i64::MAX), |row| row.int(0))?;
    let sql = "SELECT seq FROM audit_checkpoint WHERE chain = $1 AND seq < $2
               AND seq > COALESCE((SELECT max(seq) FROM audit_tombstone WHERE chain = $1), 0)
               ORDER BY seq DESC LIMIT 1";
    let rows = connection.rows(sql, &[chain.into(), first.into()]).await?;
    Ok(rows.first().map(|row| row.int(0)).transpose()?)
}

async fn take_away(connection: &mut Connection, chain: &str, last: i64) -> Result<u64, AuditError> {
    let mut gone = 0;
    loop {
        let taken = if connection.is_postgres() {
            let sql = "DELETE FROM audit_record WHERE chain = $1 AND seq <= LEAST($2,
                (SELECT min(seq) FROM audit_record WHERE chain = $1) + $3)";
            connection.execute(sql, &[chain.into(), last.into(), STEP.into()]).await?
        } else {
            let sql = "DELETE FROM audit_record
                WHERE seq <= min($1, (SELECT min(seq) FROM audit_record) + $2)";
            connection.execute(sql, &[last.into(), STEP.into()]).await?
        };
        if taken == 0 {
            return Ok(gone);
        }
        gone += taken;
    }
}

/// Destroys the data keys that only records which went were encrypted under.
async fn take_keys(connection: &mut Connection, before: i64) -> Result<u64, AuditError> {
    let sql = "DELETE FROM audit_data_key WHERE until < $1";
    let gone = connection.execute(sql, &[before.into()]).await?;
    super::admin::forget(connection).await?;
    Ok(gone)
}

fn number(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}
