//! SQL Server 2016 and later, and Azure SQL, read through tiberius.
//!
//! * `config` and `address`: the URL or ADO string, TLS options, named instances.
//! * `session` and `connection`: one connection and what it starts with; the pool and the lease of one.
//! * `stream`: one statement, from bound values to Arrow batches. `splits`: a large table by several sessions.
//! * `types` and `decode`: which Arrow type a column arrives in, and how.
//! * `dialect`, `functions`, `compare`, `text`, `moment` and `mask`: how the SQL is spelled.
//! * `catalog` and `catalog_rows`: what discovery reads. `examine`: what the login may do. `error`: classes of failure.
//!
//! Every statement runs in a transaction that is rolled back, on a session that says
//! `ApplicationIntent=ReadOnly`; the query's name is in `CONTEXT_INFO`, which a database administrator
//! sees in `sys.dm_exec_sessions` and `sys.dm_exec_requests`.

mod address;
mod catalog;
mod catalog_rows;
mod compare;
mod config;
mod connection;
mod decode;
mod dialect;
mod error;
mod examine;
mod functions;
mod mask;
mod moment;
mod session;
mod splits;
mod stream;
mod text;
mod types;

pub use config::{Encryption, Isolation, SqlServerConfig};
pub use dialect::SqlServerDialect;

use async_trait::async_trait;
use celosia_connector_api::{
    Connector, ConnectorError, Dialect, Examination, ExecutionContext, Load, Parts, RemoteStream,
    RenderedQuery, SourceDescription,
};
use connection::Sessions;
use std::sync::Arc;

/// A SQL Server database as a source.
#[derive(Debug)]
pub struct SqlServerConnector {
    sessions: Arc<Sessions>,
    schemas: Vec<String>,
}

impl SqlServerConnector {
    /// A connector that connects when it is first used.
    ///
    /// # Errors
    /// `InvalidConfiguration` where the configuration cannot work.
    pub fn new(config: SqlServerConfig) -> Result<Self, ConnectorError> {
        // Two providers are linked into the server, so rustls must be told which one; the first wins.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let schemas = config.schemas.clone();
        Ok(Self { sessions: Arc::new(Sessions::new(config)?), schemas })
    }
}

#[async_trait]
impl Connector for SqlServerConnector {
    fn dialect(&self) -> &dyn Dialect {
        &SqlServerDialect
    }

    async fn ping(&self) -> Result<(), ConnectorError> {
        let lease = self.sessions.clone().lease("ping", None, None).await?;
        lease.finish();
        Ok(())
    }

    fn load(&self) -> Load {
        Load { idle: self.sessions.idle(), ..Load::default() }
    }

    async fn reach(&self) -> Result<(), ConnectorError> {
        self.sessions.reach().await
    }

    async fn describe(&self) -> Result<SourceDescription, ConnectorError> {
        let lease = self.sessions.clone().lease("describe", None, None).await?;
        catalog::describe(lease, &self.schemas).await
    }

    async fn examine(&self, _: bool) -> Result<Examination, ConnectorError> {
        let lease = self.sessions.clone().lease("examine", None, None).await?;
        examine::examine(lease).await
    }

    async fn divide(
        &self,
        query: &RenderedQuery,
        context: &ExecutionContext,
    ) -> Result<Option<Parts>, ConnectorError> {
        splits::divide(&self.sessions, query, context).await
    }

    async fn open(
        &self,
        query: &RenderedQuery,
        context: &ExecutionContext,
    ) -> Result<RemoteStream, ConnectorError> {
        match splits::open(&self.sessions, query, context).await? {
            Some(stream) => Ok(stream),
            None => stream::open(&self.sessions, query, context).await,
        }
    }
}
