//! Kept results that every replica finds: in PostgreSQL, where nobody reads them.
//!
//! A result is sealed (AES-256-GCM) together with who may read it and under which policy: without the very same owner
//! and policy version it does not open, whatever the database was told. Names are keyed digests.

use super::store::StoredResult;
use crate::model::{ColumnInfo, Principal};
use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, Schema, SchemaRef};
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The least bytes of a key's text.
const KEY: usize = 32;
/// The largest result that is shared. A larger one stays with the replica that made it.
const LARGEST: usize = 64 << 20;
/// How long the database may take, for which an answer waits.
const PATIENCE: Duration = Duration::from_secs(2);
/// Results that are written at a time while nobody waits for them; more are not shared.
const AT_ONCE: usize = 32;
/// How often what has ended is swept out.
const SWEEP: Duration = Duration::from_secs(60);

const TABLE: &str = "CREATE TABLE IF NOT EXISTS celosia_result (
    name bytea PRIMARY KEY, alias bytea NOT NULL UNIQUE, sealed bytea NOT NULL, ends timestamptz NOT NULL)";
const PUT: &str = "INSERT INTO celosia_result (name, alias, sealed, ends)
    VALUES ($1, $2, $3, now() + make_interval(secs => $4)) ON CONFLICT DO NOTHING";
const GET: &str = "SELECT name, alias, sealed FROM celosia_result WHERE (name = $1 OR alias = $1) AND ends > now()";
/// What has ended, and the oldest beyond so many bytes.
const FORGET: &str = "DELETE FROM celosia_result WHERE ends <= now() OR name IN (
    SELECT name FROM (
        SELECT name, sum(length(sealed)) OVER (ORDER BY ends DESC, name) AS held FROM celosia_result) kept
    WHERE held > $1)";

/// Where replicas share results.
pub struct SharedResults {
    pool: PgPool,
    key: RandomizedNonceKey,
    names: hmac::Key,
    ttl: Duration,
    most: i64,
    swept: parking_lot::Mutex<Option<Instant>>,
    places: Arc<Semaphore>,
}

impl fmt::Debug for SharedResults {
    // The address may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedResults")
    }
}

impl SharedResults {
    /// A PostgreSQL database, connected to when it is needed, and the key that all replicas have. Results are kept for
    /// `ttl`; of all together, `most` bytes are.
    ///
    /// # Errors
    /// The URL is none, or the key is short. Neither is repeated.
    pub fn new(url: &str, key: &str, ttl: Duration, most: usize) -> Result<Self, String> {
        if key.len() < KEY {
            return Err(format!("the key has less than {KEY} characters"));
        }
        let told = || "the store is not a PostgreSQL URL".to_string();
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(told());
        }
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| told())?
            .application_name("celosia results")
            .disable_statement_logging();
        let pool = PgPoolOptions::new().max_connections(4).acquire_timeout(PATIENCE);
        let derived = |purpose: &str| {
            hmac::sign(&hmac::Key::new(HMAC_SHA256, key.as_bytes()), purpose.as_bytes())
        };
        let sealing = RandomizedNonceKey::new(&AES_256_GCM, derived("seal").as_ref());
        Ok(Self {
            pool: pool.connect_lazy_with(options),
            key: sealing.map_err(|_| "the key cannot be used".to_string())?,
            names: hmac::Key::new(HMAC_SHA256, derived("name").as_ref()),
            ttl,
            most: i64::try_from(most).unwrap_or(i64::MAX),
            swept: parking_lot::Mutex::default(),
            places: Arc::new(Semaphore::new(AT_ONCE)),
        })
    }

    /// Makes the table where there is none.
    ///
    /// # Errors
    /// The database cannot be reached, or the login may not make the table.
    pub async fn prepare(&self) -> Result<(), String> {
        let there = "SELECT to_regclass('celosia_result') IS NOT NULL";
        let made = async {
            let there: bool = sqlx::query_scalar(there).fetch_one(&self.pool).await?;
            if !there {
                sqlx::raw_sql(TABLE).execute(&self.pool).await?;
            }
            Ok::<_, sqlx::Error>(())
        };
        within(made).await
    }

    /// A place for a result that is written while nobody waits; none where the database does not keep up.
    pub(super) fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.places.clone().try_acquire_owned().ok()
    }

    /// Shares a result under its two names. What fails is logged: the replica that made it still has it.
    pub(super) async fn put(
        &self,
        owner: &Principal,
        policy_version: &str,
        names: [&str; 2],
        result: &StoredResult,
    ) {
        let held: usize = result.batches.iter().map(RecordBatch::get_array_memory_size).sum();
        if held > LARGEST {
            return;
        }
        let names = names.map(|name| self.name(name));
        let sealed = match self.seal(&bound_to(owner, policy_version, &names), result) {
            Ok(sealed) => sealed,
            Err(error) => return tracing::warn!(%error, "a result cannot be shared"),
        };
        let put = sqlx::query(PUT).bind(&names[0][..]).bind(&names[1][..]).bind(sealed);
        let put = put.bind(self.ttl.as_secs_f64()).execute(&self.pool);
        if let Err(error) = within(put).await {
            tracing::warn!(error, "a result is not shared with the other replicas");
        }
        self.sweep();
    }

    /// The result of this name, for this owner under this policy.
    pub(super) async fn get(
        &self,
        name: &str,
        owner: &Principal,
        policy_version: &str,
    ) -> Option<StoredResult> {
        let name = self.name(name);
        let found = sqlx::query_as(GET).bind(&name[..]).fetch_optional(&self.pool);
        let (one, other, sealed): (Vec<u8>, Vec<u8>, Vec<u8>) = match within(found).await {
            Ok(found) => found?,
            Err(error) => {
                tracing::warn!(error, "results of other replicas cannot be read");
                return None;
            }
        };
        self.open(&bound_to(owner, policy_version, &[one, other]), sealed)
    }

    /// Takes away what has ended, now and then, while nobody waits.
    fn sweep(&self) {
        let now = Instant::now();
        let mut swept = self.swept.lock();
        if swept.is_some_and(|last| now.duration_since(last) <= SWEEP) {
            return;
        }
        *swept = Some(now);
        let (pool, most) = (self.pool.clone(), self.most);
        tokio::spawn(async move {
            if let Err(error) = within(sqlx::query(FORGET).bind(most).execute(&pool)).await {
                tracing::warn!(error, "results that have ended are not swept out");
            }
        });
    }

    fn name(&self, name: &str) -> Vec<u8> {
        hmac::sign(&self.names, name.as_bytes()).as_ref().to_vec()
    }

    /// Nonce, and what only the same key and the same bounds open.
    fn seal(&self, bounds: &str, result: &StoredResult) -> Result<Vec<u8>, String> {
        let mut bytes = written(result).map_err(|error| error.to_string())?;
        let nonce = self.key.seal_in_place_append_tag(Aad::from(bounds.as_bytes()), &mut bytes);
        let nonce = nonce.map_err(|_| "it cannot be encrypted".to_string())?;
        let nonce: &[u8] = nonce.as_ref();
        Ok([nonce, &bytes].concat())
    }

    fn open(&self, bounds: &str, sealed: Vec<u8>) -> Option<StoredResult> {
        let (nonce, bytes) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut bytes = bytes.to_vec();
        let plain = self.key.open_in_place(nonce, Aad::from(bounds.as_bytes()), &mut bytes).ok()?;
        read(plain).ok()?
    }
}

/// Everything that makes an owner the same one, the policy, and the names.
fn bound_to(owner: &Principal, policy_version: &str, names: &[Vec<u8>; 2]) -> String {
    let who = (owner.user(), owner.kind().as_str(), owner.issuer(), owner.plan());
    format!("{:?}", (who, owner.roles(), owner.attributes(), policy_version, names))
}

async fn within<T>(asked: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, String> {
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(_) => Err("the store does not answer".to_string()),
    }
}

/// What stands beside the rows, in the metadata of their schema.
const COLUMNS: &str = "celosia.columns";
const TRUNCATED: &str = "celosia.truncated";

fn written(result: &StoredResult) -> Result<Vec<u8>, ArrowError> {
    let columns = serde_json::to_string(&result.columns)
        .map_err(|error| ArrowError::JsonError(error.to_string()))?;
    let about =
        [(COLUMNS.to_string(), columns), (TRUNCATED.to_string(), result.truncated.to_string())];
    let schema = result.batches.first().map_or_else(|| Schema::empty().into(), RecordBatch::schema);
    let schema: SchemaRef =
        Schema::new_with_metadata(schema.fields().clone(), HashMap::from(about)).into();
    let mut writer = StreamWriter::try_new(Vec::new(), &schema)?;
    for batch in &result.batches {
        writer.write(&batch.clone().with_schema(schema.clone())?)?;
    }
    writer.into_inner()
}

fn read(bytes: &[u8]) -> Result<Option<StoredResult>, ArrowError> {
    let reader = StreamReader::try_new(bytes, None)?;
    let schema = reader.schema();
    let about = |key: &str| schema.metadata().get(key);
    let columns = about(COLUMNS).and_then(|text| columns(text));
    let truncated = about(TRUNCATED).is_some_and(|text| text == "true");
    let batches = reader.collect::<Result<Vec<_>, _>>()?;
    Ok(columns.map(|columns| StoredResult { columns, batches, truncated }))
}

fn columns(text: &str) -> Option<Vec<ColumnInfo>> {
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PrincipalKind;
    use arrow_array::{ArrayRef, Int64Array, StringArray};
    use std::collections::BTreeMap;

    fn principal(user: &str, roles: &[&str]) -> Principal {
        let roles = roles.iter().map(|role| role.to_string()).collect();
        Principal::establish(user.into(), roles, BTreeMap::new(), PrincipalKind::ApiKey)
    }

    fn shared(key: &str) -> SharedResults {
        SharedResults::new("postgres://nowhere/x", key, Duration::from_secs(1), 1 << 20).unwrap()
    }

    fn result() -> StoredResult {
        let id: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
        let name: ArrayRef = Arc::new(StringArray::from(vec!["***", "x"]));
        let column = |name: &str, masked: Option<&str>| ColumnInfo {
            name: name.into(),
            type_name: "text".into(),
            masked: masked.map(Into::into),
        };
        StoredResult {
            columns: vec![column("id", None), column("id", Some("redact"))],
            batches: vec![RecordBatch::try_from_iter([("a", id), ("b", name)]).unwrap()],
            truncated: true,
        }
    }

    #[tokio::test]
    async fn a_result_opens_for_its_owner_under_its_policy_alone() {
        let store = shared(&"k".repeat(32));
        let names = [store.name("h_1"), store.name("id")];
        let ana = principal("ana", &["analyst"]);
        let bounds = bound_to(&ana, "v1", &names);
        let sealed = store.seal(&bounds, &result()).unwrap();
        assert!(!sealed.windows(3).any(|bytes| bytes == b"***"));
        let opened = store.open(&bounds, sealed.clone()).unwrap();
        assert_eq!((opened.columns, opened.truncated), (result().columns, true));
        assert_eq!(opened.batches[0].columns(), result().batches[0].columns());
        for other in [
            bound_to(&principal("bea", &["analyst"]), "v1", &names),
            bound_to(&principal("ana", &["analyst", "support"]), "v1", &names),
            bound_to(&ana, "v2", &names),
            bound_to(&ana, "v1", &[store.name("h_2"), store.name("id")]),
        ] {
            assert!(store.open(&other, sealed.clone()).is_none(), "{other}");
        }
        let mut changed = sealed.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert!(store.open(&bounds, changed).is_none());
        assert!(shared(&"x".repeat(32)).open(&bounds, sealed).is_none());
        assert!(store.open(&bounds, vec![1, 2, 3]).is_none());
    }

    #[test]
    fn a_result_without_rows_is_one() {
        let empty = StoredResult { batches: Vec::new(), ..result() };
        let read = read(&written(&empty).unwrap()).unwrap().unwrap();
        assert_eq!((read.columns, read.batches.len()), (empty.columns, 0));
    }

    #[tokio::test]
    async fn a_short_key_and_a_strange_url_are_refused() {
        let new = |url: &str, key: &str| SharedResults::new(url, key, SWEEP, 1).err();
        assert!(new("postgres://x/y", "short").unwrap().contains("less than 32"));
        let told = new("mysql://u:hunter2@x", &"k".repeat(32)).unwrap();
        assert!(!told.contains("hunter2"), "{told}");
    }
}
