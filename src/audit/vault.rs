//! Raw statements, readable only with the master key, and only until their keys are destroyed.
//!
//! Each user has a data key for each period. It is kept wrapped by the master key, outside of the chain; the chain
//! covers what was encrypted. Whoever destroys the data key takes the statements away and leaves the chain whole.

use super::log::Notes;
use super::record::hex;
use super::store::{AuditError, Connection, Note, Value};
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use serde::Serialize;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The most data keys that are held ready.
const MOST_KEYS: usize = 10_000;
/// How long a data key is used without asking whether it was destroyed meanwhile.
const TRUST: Duration = Duration::from_secs(5);
/// Bytes of a key.
const KEY: usize = 32;

/// The key that wraps data keys.
#[derive(Clone)]
pub struct MasterKey(Arc<RandomizedNonceKey>);

impl MasterKey {
    /// A key of 32 bytes, as 64 hexadecimal digits or in Base64.
    ///
    /// # Errors
    /// It is no such key. No part of it is repeated.
    pub fn parse(text: &str) -> Result<Self, String> {
        let told = || "is not a key of 32 bytes; make one with `openssl rand -hex 32`".to_string();
        let bytes = of_hex(text).or_else(|| STANDARD.decode(text).ok()).unwrap_or_default();
        let key = RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| told())?;
        if bytes.len() == KEY { Ok(Self(Arc::new(key))) } else { Err(told()) }
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

fn of_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
}

/// An encrypted statement, as it stands in a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Ciphertext {
    /// The data key's id.
    pub(super) key: String,
    /// Nonce and ciphertext with its tag, in Base64.
    pub(super) data: String,
}

/// Encrypts raw statements.
#[derive(Debug)]
pub(super) struct Vault {
    master: MasterKey,
    period: Duration,
    keys: Mutex<HashMap<String, Arc<DataKey>>>,
}

struct DataKey {
    id: String,
    key: RandomizedNonceKey,
    until: Instant,
    /// When it was last known to exist.
    seen: Mutex<Instant>,
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey({})", self.id)
    }
}

impl Vault {
    pub(super) fn new(master: MasterKey, period: Duration) -> Self {
        Self { master, period, keys: Mutex::default() }
    }

    /// Encrypts what `subject` asked. The key is durable before anything that was encrypted under it.
    pub(super) async fn seal(
        &self,
        notes: &Notes,
        subject: &str,
        query: &str,
        raw: &str,
    ) -> Result<Ciphertext, AuditError> {
        let key = self.key_of(notes, subject).await?;
        let mut bytes = raw.as_bytes().to_vec();
        // The record's own id is part of it: a ciphertext that is moved to another record is not read.
        let nonce = key.key.seal_in_place_append_tag(Aad::from(query.as_bytes()), &mut bytes);
        let nonce = nonce.map_err(|_| AuditError::new("raw SQL", "cannot be encrypted"))?;
        Ok(Ciphertext { key: key.id.clone(), data: STANDARD.encode(join(&nonce, &bytes)) })
    }

    async fn key_of(&self, notes: &Notes, subject: &str) -> Result<Arc<DataKey>, AuditError> {
        let now = Instant::now();
        let held = self.keys.lock().get(subject).filter(|key| key.until > now).cloned();
        if let Some(key) = held {
            if now.duration_since(*key.seen.lock()) < TRUST {
                return Ok(key);
            }
            // Writing nothing asks whether the row is there, in the writer's own order.
            let sql = "UPDATE audit_data_key SET until = until WHERE id = $1";
            let there = notes.write(Note { sql, values: vec![Value::from(&*key.id)] }).await?;
            if there > 0 {
                *key.seen.lock() = now;
                return Ok(key);
            }
        }
        let key = Arc::new(self.make(notes, subject).await?);
        let mut keys = self.keys.lock();
        if keys.len() >= MOST_KEYS {
            keys.clear();
        }
        keys.insert(subject.to_string(), key.clone());
        Ok(key)
    }

    async fn make(&self, notes: &Notes, subject: &str) -> Result<DataKey, AuditError> {
        let failed = |_| AuditError::new("raw SQL", "a key cannot be made");
        let (mut id, mut secret) = ([0; 16], [0; KEY]);
        aws_lc_rs::rand::fill(&mut id).map_err(failed)?;
        aws_lc_rs::rand::fill(&mut secret).map_err(failed)?;
        let id = hex(&id);
        let key = RandomizedNonceKey::new(&AES_256_GCM, &secret).map_err(failed)?;
        let mut wrapped = secret.to_vec();
        let about = Aad::from(about(&id, subject));
        let nonce = self.master.0.seal_in_place_append_tag(about, &mut wrapped).map_err(failed)?;
        secret.fill(0);
        std::hint::black_box(&secret);
        let made = chrono::Utc::now().timestamp_millis();
        let until = made + i64::try_from(self.period.as_millis()).unwrap_or(i64::MAX / 2);
        let sql = "INSERT INTO audit_data_key (id, subject, made, until, wrapped)
                   VALUES ($1, $2, $3, $4, $5)";
        let wrapped = join(&nonce, &wrapped);
        let values =
            vec![(&*id).into(), subject.into(), made.into(), until.into(), (&*wrapped).into()];
        notes.write(Note { sql, values }).await?;
        let now = Instant::now();
        Ok(DataKey { id, key, until: now + self.period, seen: Mutex::new(now) })
    }
}

/// What became of a statement's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Raw {
    /// The text.
    Text(String),
    /// Its key was destroyed.
    Erased,
    /// It cannot be read: the master key is another one, or it was altered.
    Unreadable,
}

/// Decrypts what a record holds.
pub(super) async fn open(
    connection: &mut Connection,
    master: &MasterKey,
    query: &str,
    key: &str,
    data: &str,
) -> Result<Raw, AuditError> {
    let sql = "SELECT subject, wrapped FROM audit_data_key WHERE id = $1";
    let rows = connection.rows(sql, &[key.into()]).await?;
    let Some(row) = rows.first() else { return Ok(Raw::Erased) };
    let (subject, wrapped) = (row.text(0)?, row.bytes(1)?);
    let text = take(&master.0, &about(key, &subject), &wrapped)
        .and_then(|secret| RandomizedNonceKey::new(&AES_256_GCM, &secret).ok())
        .and_then(|key| take(&key, query.as_bytes(), &STANDARD.decode(data).ok()?))
        .and_then(|text| String::from_utf8(text).ok());
    Ok(text.map_or(Raw::Unreadable, Raw::Text))
}

fn about(id: &str, subject: &str) -> Vec<u8> {
    format!("celosia data key 1\0{id}\0{subject}").into_bytes()
}

fn join(nonce: &Nonce, sealed: &[u8]) -> Vec<u8> {
    [nonce.as_ref().as_slice(), sealed].concat()
}

fn take(key: &RandomizedNonceKey, about: &[u8], joined: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = joined.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut bytes = sealed.to_vec();
    let opened = key.open_in_place(nonce, Aad::from(about), &mut bytes).ok()?.len();
    bytes.truncate(opened);
    Some(bytes)
}
