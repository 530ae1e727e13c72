//! Oracle's SQL on a throw-away PostgreSQL.
//!
//! A statement is parsed, written anew as PostgreSQL's SQL and run there, in a database of the engine's
//! own. What the two take for different things has a type, an operator or a function of its own in the
//! schema `ora`: the empty string that is NULL, CHAR that is padded, DATE that has a time, division, LOBs
//! that are never compared. What was declared is kept in the schema `registry`; the dictionary views of
//! the schema `SYS` read from there. What the engine does not know it refuses (ORA-03001), so that a test
//! never passes on a wrong answer.

mod block;
mod change;
mod ddl;
mod errors;
mod registry;
mod session;
mod translate;
mod types;

use super::engine::{Engine, EngineError, EngineSession, Login, Outcome};
use super::postgres::{Client, Failure};
use crate::cluster::PostgresCluster;
use async_trait::async_trait;
use parking_lot::RwLock;
use registry::{Catalog, literal};
use session::Session;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The schema that [`OracleEngine::load`] loads into.
pub const OWNER: &str = "CELOSIA";
/// The user that may only read, if no other is named.
pub const READER: &str = "READER";

/// The release whose SQL is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Release {
    /// 19c: no BOOLEAN, no SELECT without FROM, 1,000 items in a list.
    #[default]
    V19,
    /// 23ai.
    V23,
}

impl Release {
    fn is_23(self) -> bool {
        self == Release::V23
    }

    /// The version's number, as the dictionary tells it.
    fn version(self) -> &'static str {
        if self.is_23() { "23.4.0.24.05" } else { "19.22.0.0.0" }
    }
}

/// A database.
#[derive(Debug)]
pub struct OracleEngine {
    shared: Arc<Shared>,
}

/// What the sessions share.
#[derive(Debug)]
struct Shared {
    port: u16,
    database: String,
    release: Release,
    catalog: RwLock<Arc<Catalog>>,
    readers: RwLock<BTreeSet<String>>,
    /// One change of what is declared at a time.
    changes: tokio::sync::Mutex<()>,
    names: AtomicU32,
}

impl OracleEngine {
    /// A database of 19c on a cluster.
    ///
    /// # Errors
    /// What the cluster said.
    pub async fn start(cluster: &PostgresCluster) -> Result<Arc<Self>, String> {
        Self::start_release(cluster, Release::V19).await
    }

    /// A database of a release.
    ///
    /// # Errors
    /// As [`OracleEngine::start`].
    pub async fn start_release(
        cluster: &PostgresCluster,
        release: Release,
    ) -> Result<Arc<Self>, String> {
        let port = cluster.port();
        let database = create_database(port).await?;
        let mut client = Client::connect(port, &database, "postgres").await.map_err(told)?;
        for script in [
            include_str!("types.sql"),
            include_str!("functions.sql"),
            include_str!("dates.sql"),
            include_str!("dictionary.sql"),
        ] {
            client.query(script).await.map_err(told)?;
        }
        let product = format!(
            "Oracle Database {} ",
            if release.is_23() { "23ai Free" } else { "19c Enterprise Edition" }
        );
        let banner = format!("{product}Release {} - Production", release.version());
        let row = [release.version(), &banner, &product].map(literal).join(", ");
        client
            .query(&format!("INSERT INTO registry.release VALUES ({row})"))
            .await
            .map_err(told)?;
        let catalog = Catalog::read(&mut client).await.map_err(|error| error.to_string())?;
        let shared = Shared {
            port,
            database,
            release,
            catalog: RwLock::new(Arc::new(catalog)),
            readers: RwLock::new(BTreeSet::from([READER.to_string()])),
            changes: tokio::sync::Mutex::new(()),
            names: AtomicU32::new(7_000),
        };
        Ok(Arc::new(Self { shared: Arc::new(shared) }))
    }

    /// Runs a script as the owner of the schema [`OWNER`]: statements end at a line `/`.
    ///
    /// # Errors
    /// The first statement that failed, with what was said of it.
    pub async fn load(&self, script: &str) -> Result<(), String> {
        self.load_as(OWNER, script).await
    }

    /// Runs a script as a user, in its own schema.
    ///
    /// # Errors
    /// As [`OracleEngine::load`].
    pub async fn load_as(&self, user: &str, script: &str) -> Result<(), String> {
        let login = Login { user: user.to_string(), database: String::new() };
        let mut session =
            Session::open(self.shared.clone(), &login).await.map_err(|error| error.to_string())?;
        for statement in statements(script) {
            let told = |error: EngineError| format!("{error} in: {statement}");
            if let Outcome::Rows(_) = session.execute(&statement, &[]).await.map_err(told)? {
                while !session.rows(1_000).await.map_err(told)?.is_empty() {}
            }
        }
        session.commit().await.map_err(|error| error.to_string())
    }

    /// Makes a user one that may only read. [`READER`] is one from the start.
    pub fn restrict(&self, user: &str) {
        self.shared.readers.write().insert(user.to_uppercase());
    }

    /// Hides a table (or, as `%`, a whole schema) from a user, as a missing grant does.
    ///
    /// # Errors
    /// What the cluster said.
    pub async fn hide(&self, user: &str, schema: &str, table: &str) -> Result<(), String> {
        let mut client = self.client().await?;
        let row = [user.to_uppercase().as_str(), schema, table].map(literal).join(", ");
        let sql = format!("INSERT INTO registry.hidden VALUES ({row}) ON CONFLICT DO NOTHING");
        client.query(&sql).await.map_err(told)?;
        let catalog = Catalog::read(&mut client).await.map_err(|error| error.to_string())?;
        *self.shared.catalog.write() = Arc::new(catalog);
        Ok(())
    }

    async fn client(&self) -> Result<Client, String> {
        Client::connect(self.shared.port, &self.shared.database, "postgres").await.map_err(told)
    }
}

#[async_trait]
impl Engine for OracleEngine {
    async fn session(&self, login: &Login) -> Result<Box<dyn EngineSession>, EngineError> {
        Ok(Box::new(Session::open(self.shared.clone(), login).await?))
    }
}

/// A new database that orders text by bytes and knows the letters of every script.
async fn create_database(port: u16) -> Result<String, String> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("oracle_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let mut client = Client::connect(port, "postgres", "postgres").await.map_err(told)?;
    let mut outcome = Err(String::new());
    for locale in [
        "LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'",
        "LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'",
        "LC_COLLATE 'C' LC_CTYPE 'en_US.UTF-8'",
        "LC_COLLATE 'C' LC_CTYPE 'C'",
    ] {
        let sql = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' {locale}");
        outcome = client.query(&sql).await.map(drop).map_err(told);
        if outcome.is_ok() {
            break;
        }
    }
    outcome.map(|()| name)
}

fn told(failure: Failure) -> String {
    match failure {
        Failure::Server { state, message, .. } => format!("{message} ({state})"),
        Failure::Io(error) => error.to_string(),
    }
}

/// The statements of a script: what stands between lines `/`.
fn statements(script: &str) -> Vec<String> {
    let mut statements = vec![String::new()];
    for line in script.split_inclusive('\n') {
        if line.trim() == "/" {
            statements.push(String::new());
        } else if let Some(last) = statements.last_mut() {
            last.push_str(line);
        }
    }
    let trimmed = statements.iter().map(|text| text.trim().to_string());
    trimmed.filter(|text| !text.is_empty()).collect()
}
