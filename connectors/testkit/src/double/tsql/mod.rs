//! An engine that runs T-SQL on a PostgreSQL of one's own, with SQL Server's semantics where a dialect
//! could go wrong: blanks at the end of text, collations, LIKE, whole-number division, types, the catalog.
//!
//! A batch is split into statements, each is parsed, rewritten and run. Text
//! lives in PostgreSQL types of our own (`setup/types.sql`), functions and catalog views in set-up
//! scripts. Of several statements in a batch, the first that yields rows gives the answer, and the rest
//! still runs.

mod define;
mod errors;
mod native;
mod registry;
mod session;
mod translate;

use super::engine::{Engine, EngineError, EngineSession, Login, Outcome};
use super::postgres::{Client, Failure};
use crate::cluster::PostgresCluster;
use async_trait::async_trait;
use native::{Carriers, DEFAULT_COLLATION, Native, TYPES};
use registry::{Facts, Registry};
use session::Session;
use std::sync::Arc;

/// The login that owns everything; every other one may only read.
pub const OWNER: &str = "loader";
/// The name of the database.
pub const DATABASE: &str = "celosia";

/// The columns of the catalog views with the types that carry them, those of `sys` first.
const CATALOG: &str = "\
    SELECT n.nspname, c.relname, c.oid, a.attname, t.typname, \
      CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END, \
      CASE t.typtype WHEN 'd' THEN t.typtypmod ELSE a.atttypmod END \
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
      JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid = a.atttypid \
    WHERE n.nspname IN ('sys', 'INFORMATION_SCHEMA') AND c.relkind = 'v' AND a.attnum > 0 \
    ORDER BY n.nspname DESC, c.oid, a.attnum";

/// The engine: a database in a cluster, and what T-SQL knows of its tables.
#[derive(Debug)]
pub struct TsqlEngine {
    inner: Arc<Shared>,
}

/// What sessions share.
#[derive(Debug)]
struct Shared {
    port: u16,
    database: String,
    carriers: Carriers,
    registry: Registry,
}

impl TsqlEngine {
    /// Makes a database with the catalog of an empty SQL Server database.
    ///
    /// # Errors
    /// What PostgreSQL said.
    pub async fn start(cluster: &PostgresCluster) -> Result<Arc<Self>, String> {
        let url = cluster.create_database()?;
        let database = url.split('/').nth(3).and_then(|rest| rest.split('?').next());
        let database = database.ok_or("a URL without a database")?.to_string();
        let mut client =
            Client::connect(cluster.port(), &database, "postgres").await.map_err(told)?;
        for script in scripts() {
            client.query(&script).await.map_err(told)?;
        }
        let carriers = carriers(&mut client).await?;
        let registry = Registry::default();
        learn(&mut client, &carriers, &registry).await?;
        let inner = Shared { port: cluster.port(), database, carriers, registry };
        Ok(Arc::new(Self { inner: Arc::new(inner) }))
    }

    /// Runs a script as the owner; its batches are separated by lines `GO`.
    ///
    /// # Errors
    /// The batch that failed, shortened, and why.
    pub async fn load(&self, script: &str) -> Result<(), String> {
        let login = Login { user: OWNER.into(), database: String::new() };
        let mut session = self.session(&login).await.map_err(|error| error.to_string())?;
        for batch in batches(script) {
            let failed = |error: EngineError| {
                let start: String = batch.trim().chars().take(200).collect();
                format!("{error}: {start}")
            };
            if let Outcome::Rows(_) = session.execute(&batch, &[]).await.map_err(failed)? {
                while !session.rows(1_000).await.map_err(failed)?.is_empty() {}
            }
        }
        // A server makes its statistics by itself, and picks the order of a join by them.
        let (port, database) = (self.inner.port, &self.inner.database);
        let mut client = Client::connect(port, database, "postgres").await.map_err(told)?;
        client.query("ANALYZE").await.map_err(told)?;
        Ok(())
    }
}

#[async_trait]
impl Engine for TsqlEngine {
    async fn session(&self, login: &Login) -> Result<Box<dyn EngineSession>, EngineError> {
        Ok(Box::new(Session::open(self.inner.clone(), login).await?))
    }
}

/// The batches of a script that `GO` on a line of its own ends.
pub fn batches(script: &str) -> Vec<String> {
    let mut batches = vec![String::new()];
    for line in script.split_inclusive('\n') {
        if line.trim().eq_ignore_ascii_case("go") {
            batches.push(String::new());
        } else if let Some(batch) = batches.last_mut() {
            batch.push_str(line);
        }
    }
    batches.retain(|batch| !batch.trim().is_empty());
    batches
}

/// The set-up, in order.
fn scripts() -> Vec<String> {
    let text = include_str!("setup/text.sql");
    let rows: Vec<String> = TYPES
        .iter()
        .map(|(name, system, user, bytes, precision, scale)| {
            format!("('{name}', {system}, {user}, {bytes}, {precision}, {scale})")
        })
        .collect();
    let types = format!("INSERT INTO tsql.types VALUES {}", rows.join(", "));
    vec![
        include_str!("setup/roles.sql").into(),
        include_str!("setup/types.sql").into(),
        include_str!("setup/helpers.sql").into(),
        text.replace('@', "nv"),
        text.replace('@', "vc"),
        include_str!("setup/functions.sql").into(),
        include_str!("setup/dates.sql").into(),
        include_str!("setup/catalog.sql").into(),
        types,
    ]
}

async fn carriers(client: &mut Client) -> Result<Carriers, String> {
    let sql = "SELECT 'tsql.nv'::regtype::oid, 'tsql.vc'::regtype::oid, 'tsql.bit'::regtype::oid";
    let rows = client.query(sql).await.map_err(told)?;
    let oid = |at: usize| {
        let value = rows.first().and_then(|row| row.get(at)).cloned().flatten();
        value.and_then(|value| value.parse().ok()).ok_or("no such type")
    };
    Ok(Carriers { wide: oid(0)?, narrow: oid(1)?, bit: oid(2)? })
}

/// Takes the catalog views into the registry.
async fn learn(
    client: &mut Client,
    carriers: &Carriers,
    registry: &Registry,
) -> Result<(), String> {
    let rows = client.query(CATALOG).await.map_err(told)?;
    let view = |row: &[Option<String>]| row.get(..3).map(<[_]>::to_vec);
    for columns in rows.chunk_by(|a, b| view(a) == view(b)) {
        let facts = columns.iter().map(|row| {
            let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
            let native = match text(4).as_str() {
                "tinyint" => Native::plain("tinyint"),
                _ => {
                    let modifier = text(6).parse().unwrap_or(-1);
                    Native::of(carriers, text(5).parse().unwrap_or_default(), modifier)
                }
            };
            let collation = native.is_collated().then(|| DEFAULT_COLLATION.to_string());
            Facts { name: text(3), native, collation, nullable: true }
        });
        let facts: Vec<Facts> = facts.collect();
        if let Some([Some(schema), Some(name), Some(oid), ..]) = columns.first().map(Vec::as_slice)
        {
            registry.add(oid.parse().unwrap_or_default(), schema, name, facts);
        }
    }
    Ok(())
}

fn told(failure: Failure) -> String {
    match failure {
        Failure::Server { state, message, .. } => format!("{message} [{state}]"),
        Failure::Io(error) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_cut_at_go() {
        assert_eq!(batches("a\nGO\n\n go \nb 'GO'\nc\n"), ["a\n", "b 'GO'\nc\n"]);
    }
}
