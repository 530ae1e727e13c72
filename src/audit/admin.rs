//! What an administrator does with the store: export, look things up, and erase.

use super::ocsf::{Mapper, stored};
use super::sinks::Format;
use super::store::{AuditError, Connection, Location, Purpose, Stored, heads, records};
use super::vault::{self, MasterKey, Raw};
use serde_json::Value as Json;
use std::sync::Arc;

/// Records that are read at once.
const PAGE: i64 = 1_000;

/// Which records.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Those behind this one.
    pub after: u64,
    /// Those of this statement.
    pub id: Option<String>,
    /// Those of this user.
    pub user: Option<String>,
    /// Those whose statement named the value with this digest.
    pub literal: Option<String>,
}

impl Selection {
    fn takes(&self, record: &Stored, body: &Json) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        // A digest stands nowhere else than among the literals.
        let names = self.literal.as_deref().is_none_or(|digest| {
            body["literals"].to_string().contains(digest)
                || body["parameters"].to_string().contains(digest)
        });
        is(&self.id, Some(&record.id)) && is(&self.user, body["user"].as_str()) && names
    }
}

/// A record, and what its raw statement was.
#[derive(Debug)]
pub struct Shown {
    /// The record as it is stored.
    pub record: Json,
    /// The raw statement, where one was kept and the key was given.
    pub raw: Option<Raw>,
}

/// Gives every record of every chain as a line, in order.
///
/// # Errors
/// The store cannot be read, or what takes the lines fails.
pub async fn export(
    store: &Location,
    format: Format,
    selection: &Selection,
    mut take: impl FnMut(String) -> std::io::Result<()>,
) -> Result<u64, AuditError> {
    let mut connection = store.connect(Purpose::Read).await?;
    let mut lines = 0;
    for head in heads(&mut connection).await? {
        let mut mapper = Mapper::new(format, head.chain.as_str().into());
        let mut after = selection.after;
        loop {
            let rows = records(&mut connection, &head.chain, after, PAGE).await?;
            for row in &rows {
                let record = Stored::of(row)?;
                after = u64::try_from(record.seq).unwrap_or(u64::MAX);
                let body: Json = serde_json::from_str(&record.body).unwrap_or_default();
                let line = mapper.line(&mut connection, &record).await?;
                if selection.takes(&record, &body) {
                    take(line).map_err(|e| AuditError::new("the export broke off", e))?;
                    lines += 1;
                }
            }
            if rows.is_empty() {
                break;
            }
        }
    }
    Ok(lines)
}

/// The records that are asked for, with their raw statements where `master` opens them.
///
/// # Errors
/// The store cannot be read, or what takes the records fails.
pub async fn show(
    store: &Location,
    selection: &Selection,
    master: Option<&MasterKey>,
    mut take: impl FnMut(Shown) -> std::io::Result<()>,
) -> Result<u64, AuditError> {
    let mut connection = store.connect(Purpose::Read).await?;
    let mut shown = 0;
    for head in heads(&mut connection).await? {
        let chain: Arc<str> = head.chain.as_str().into();
        let mut after = selection.after;
        loop {
            let rows = records(&mut connection, &chain, after, PAGE).await?;
            for row in &rows {
                let record = Stored::of(row)?;
                after = u64::try_from(record.seq).unwrap_or(u64::MAX);
                let body: Json = serde_json::from_str(&record.body).unwrap_or_default();
                if selection.takes(&record, &body) {
                    let raw = raw(&mut connection, master, &record, &body).await?;
                    let record = stored(&chain, &record, body);
                    let taken = take(Shown { record, raw });
                    taken.map_err(|e| AuditError::new("the output broke off", e))?;
                    shown += 1;
                }
            }
            if rows.is_empty() {
                break;
            }
        }
    }
    Ok(shown)
}

async fn raw(
    connection: &mut Connection,
    master: Option<&MasterKey>,
    record: &Stored,
    body: &Json,
) -> Result<Option<Raw>, AuditError> {
    let raw = &body["raw"];
    let (Some(master), Some(key), Some(data)) = (master, raw["key"].as_str(), raw["data"].as_str())
    else {
        return Ok(None);
    };
    vault::open(connection, master, &record.id, key, data).await.map(Some)
}

/// Destroys the data keys of `user`: what they asked is not readable any more. Gives the number of keys.
///
/// # Errors
/// The store cannot be written.
pub async fn erase(store: &Location, user: &str) -> Result<u64, AuditError> {
    let mut connection = store.connect(Purpose::Change).await?;
    let sql = "DELETE FROM audit_data_key WHERE subject = $1";
    let keys = connection.execute(sql, &[user.into()]).await?;
    forget(&mut connection).await?;
    Ok(keys)
}

/// Takes what was deleted out of the files too.
pub(super) async fn forget(connection: &mut Connection) -> Result<(), AuditError> {
    let sql = match connection {
        Connection::Sqlite(_) => "PRAGMA wal_checkpoint(TRUNCATE)",
        Connection::Postgres(_) => "VACUUM audit_data_key",
    };
    Ok(connection.run(sql).await?)
}
