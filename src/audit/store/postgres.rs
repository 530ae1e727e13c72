//! PostgreSQL as the store. Replicas share it, and each has a chain of its own, so that none waits for another and
//! each verifies by itself.

use super::connection::Connection;
use super::location::{Location, Purpose};
use super::read::head_of;
use super::{AuditError, CHAIN_ATTEMPTS, Durability, Note};
use crate::audit::keys::ChainKey;
use crate::audit::record::{Covered, Draft, GENESIS, Hash};
use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::PgConnection;
use std::time::Duration;

/// How long a group may take: a store that hangs is a store that cannot be written.
const PATIENCE: Duration = Duration::from_secs(5);
/// The head moves and the records come, or neither: one statement, one round trip.
const APPEND: &str = "WITH moved AS (
        UPDATE audit_head SET count = $2, hash = $3 WHERE chain = $1 AND count = $4 AND hash = $5 RETURNING 1
    )
    INSERT INTO audit_record (chain, seq, at, kind, id, body, prev_hash, hash)
    SELECT $1, r.seq, $6, r.kind, r.id, r.body, r.prev_hash, r.hash
    FROM unnest($7::bigint[], $8::text[], $9::text[], $10::text[], $11::bytea[], $12::bytea[])
        AS r (seq, kind, id, body, prev_hash, hash)
    WHERE EXISTS (SELECT 1 FROM moved)";

/// The database and our place in our chain.
#[derive(Debug)]
pub(in crate::audit) struct PostgresStore {
    location: Location,
    chain: String,
    durability: Durability,
    key: Option<ChainKey>,
    /// Absent after a failure; the next group connects anew.
    connection: Option<Box<PgConnection>>,
    /// The last record's place and hash, as far as we know.
    head: Option<(u64, Hash)>,
}

impl PostgresStore {
    pub(super) async fn open(
        location: Location,
        chain: &str,
        durability: Durability,
        key: Option<ChainKey>,
    ) -> Result<Self, AuditError> {
        let chain = chain.to_string();
        let mut store = Self { location, chain, durability, key, connection: None, head: None };
        let mut connection = store.connect().await?;
        let migrated = migrator().run(&mut *connection).await;
        migrated.map_err(|e| AuditError::new("the audit store cannot be migrated", e))?;
        let sql = "INSERT INTO audit_head (chain, count, hash) VALUES ($1, 0, $2)
                   ON CONFLICT (chain) DO NOTHING";
        let begun = sqlx::query(sql).bind(store.chain.clone()).bind(GENESIS.to_vec());
        begun.execute(&mut *connection).await?;
        store.connection = Some(connection);
        Ok(store)
    }

    pub(super) async fn append(&mut self, drafts: &[Draft]) -> Result<u64, AuditError> {
        let result = match tokio::time::timeout(PATIENCE, self.try_append(drafts)).await {
            Ok(result) => result,
            Err(_) => Err(AuditError::new("cannot append", "the audit store does not answer")),
        };
        if result.is_err() {
            // The statement may have been committed all the same: the next group asks for the head.
            self.connection = None;
            self.head = None;
        }
        result
    }

    pub(super) async fn note(&mut self, note: &Note) -> Result<u64, AuditError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let mut connection = Connection::Postgres(connection);
        let run = connection.execute(note.sql, &note.values);
        let touched = match tokio::time::timeout(PATIENCE, run).await {
            Ok(touched) => touched?,
            Err(_) => return Err(AuditError::new("cannot write", "the store does not answer")),
        };
        if let Connection::Postgres(connection) = connection {
            self.connection = Some(connection);
        }
        Ok(touched)
    }

    pub(super) async fn close(self) -> Result<(), sqlx::Error> {
        match self.connection {
            Some(connection) => Connection::Postgres(connection).close().await,
            None => Ok(()),
        }
    }

    async fn connect(&self) -> Result<Box<PgConnection>, AuditError> {
        let mut connection = self.location.connect(Purpose::Change).await?;
        // A record outlives our process either way; whether it is on the server's disk is the question.
        let commit = match self.durability {
            Durability::Process => "SET synchronous_commit = off",
            Durability::Disk => "SET synchronous_commit = on",
        };
        connection.run(commit).await?;
        match connection {
            Connection::Postgres(connection) => Ok(connection),
            Connection::Sqlite(_) => Err(AuditError::new("the audit store", "is not PostgreSQL")),
        }
    }

    async fn try_append(&mut self, drafts: &[Draft]) -> Result<u64, AuditError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        for _ in 0..CHAIN_ATTEMPTS {
            let (count, hash) = match self.head.take() {
                Some(head) => head,
                None => {
                    let mut reading = Connection::Postgres(connection);
                    let head = head_of(&mut reading, &self.chain).await?;
                    let Connection::Postgres(back) = reading else {
                        return Err(AuditError::stopped());
                    };
                    connection = back;
                    (head.count, head.hash)
                }
            };
            if let Some(last) = self.insert(&mut connection, drafts, count, hash).await? {
                self.head = Some((count + drafts.len() as u64, last));
                self.connection = Some(connection);
                return Ok(count + 1);
            }
        }
        Err(AuditError::new(
            "cannot append",
            "another server writes to this chain all the time; give each its own audit.instance",
        ))
    }

    /// Appends behind `count`; `None` where the chain has moved on.
    async fn insert(
        &self,
        connection: &mut PgConnection,
        drafts: &[Draft],
        count: u64,
        begin: Hash,
    ) -> Result<Option<Hash>, AuditError> {
        let at = chrono::Utc::now().timestamp_millis();
        let mut previous = begin;
        let mut columns = Columns::default();
        for (i, draft) in drafts.iter().enumerate() {
            let seq = i64::try_from(count + 1 + i as u64).unwrap_or(i64::MAX);
            let (kind, id, body) = (draft.kind.as_str(), &draft.id, &draft.body);
            let covered = Covered { previous: &previous, seq, at, kind, id, body };
            let hash = covered.hash(self.key.as_ref());
            columns.seqs.push(seq);
            columns.kinds.push(kind.to_string());
            columns.ids.push(id.clone());
            columns.bodies.push(body.clone());
            columns.previous.push(previous.to_vec());
            columns.hashes.push(hash.to_vec());
            previous = hash;
        }
        let end = i64::try_from(count + drafts.len() as u64).unwrap_or(i64::MAX);
        let query = sqlx::query(APPEND)
            .bind(self.chain.clone())
            .bind(end)
            .bind(previous.to_vec())
            .bind(i64::try_from(count).unwrap_or(i64::MAX))
            .bind(begin.to_vec())
            .bind(at)
            .bind(columns.seqs)
            .bind(columns.kinds)
            .bind(columns.ids)
            .bind(columns.bodies)
            .bind(columns.previous)
            .bind(columns.hashes);
        let done = query.execute(connection).await;
        let done = done.map_err(|e| AuditError::new("cannot append", e))?;
        Ok((done.rows_affected() > 0).then_some(previous))
    }
}

/// The records of a group, by column.
#[derive(Default)]
struct Columns {
    seqs: Vec<i64>,
    kinds: Vec<String>,
    ids: Vec<String>,
    bodies: Vec<String>,
    previous: Vec<Vec<u8>>,
    hashes: Vec<Vec<u8>>,
}

fn migrator() -> Migrator {
    let sql = include_str!("../../../migrations/postgres/0001_audit.sql").into_sql_str();
    let kind = MigrationType::Simple;
    Migrator::with_migrations(vec![Migration::new(1, "audit".into(), kind, sql, false)])
}
