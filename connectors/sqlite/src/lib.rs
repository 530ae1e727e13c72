//! The SQLite connector: a file, opened read-only, read through sqlx into Arrow.
//!
//! A stored value that does not conform to its column's declared type is an error that names the
//! column, never a silent NULL (see the `types` and `decode` modules for the rules). What is pushed
//! to SQLite is what SQLite answers exactly as local evaluation does (see [`SqliteDialect`]).

mod catalog;
mod config;
mod connection;
mod decode;
mod dialect;
mod error;
mod examine;
mod functions;
mod sessions;
mod types;

pub use config::SqliteConfig;
pub use dialect::SqliteDialect;

use crate::sessions::Sessions;
use async_trait::async_trait;
use celosia_connector_api::{
    Connector, ConnectorError, Dialect, Examination, ExecutionContext, Load, RemoteStream,
    RenderedQuery, SourceDescription,
};
use std::sync::Arc;

/// A SQLite file as a source.
#[derive(Debug)]
pub struct SqliteConnector {
    sessions: Arc<Sessions>,
    dialect: SqliteDialect,
}

impl SqliteConnector {
    /// A connector that opens its file when it is first asked. A missing file is an `Unreachable`
    /// source until the file exists; it is never created.
    ///
    /// # Errors
    /// `InvalidConfiguration` for a concurrency of zero.
    pub fn new(config: SqliteConfig) -> Result<Self, ConnectorError> {
        Ok(Self { sessions: Arc::new(Sessions::new(config)?), dialect: SqliteDialect })
    }
}

#[async_trait]
impl Connector for SqliteConnector {
    fn dialect(&self) -> &dyn Dialect {
        &self.dialect
    }

    async fn ping(&self) -> Result<(), ConnectorError> {
        let question = "SELECT count(*) FROM sqlite_schema";
        connection::fetch_all(&self.sessions, question, None).await.map(drop)
    }

    fn load(&self) -> Load {
        Load { idle: self.sessions.idle(), ..Load::default() }
    }

    async fn describe(&self) -> Result<SourceDescription, ConnectorError> {
        catalog::describe(&self.sessions).await
    }

    async fn examine(&self, probe: bool) -> Result<Examination, ConnectorError> {
        examine::examine(&self.sessions, probe).await
    }

    async fn open(
        &self,
        query: &RenderedQuery,
        context: &ExecutionContext,
    ) -> Result<RemoteStream, ConnectorError> {
        connection::open(&self.sessions, query, context).await
    }
}
