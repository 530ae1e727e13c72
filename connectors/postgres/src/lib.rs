//! PostgreSQL 12 and later, read through sqlx.
//!
//! * `config`: the URL, its TLS options, and what every session is started with.
//! * `connection` and `lease`: the pool of read-only sessions, and one of them in use.
//! * `cancel`: how a statement that nobody waits for any more is stopped at the server.
//! * `stream`: one statement as a stream of batches, read by `prepared` or by `copy`. `splits`: a large table by several sessions.
//! * `tuples`: the binary form of COPY. `batches`: rows into batches.
//! * `types`, `decode` and `numeric`: which Arrow type a column arrives in, and its binary form.
//! * `dialect`: how the SQL is spelled. `functions`: what may be computed at the server.
//! * `catalog`: what discovery reads. `examine`: what the login may do. `estimate`: what the server expects. `error`: classes of failure.

mod batches;
mod cancel;
mod catalog;
mod config;
mod connection;
mod copy;
mod decode;
mod dialect;
mod error;
mod estimate;
mod examine;
mod functions;
mod lease;
mod list;
mod numeric;
mod prepared;
mod splits;
mod stream;
mod tuples;
mod types;

pub use config::{PostgresConfig, TlsMode};
pub use dialect::PostgresDialect;

use async_trait::async_trait;
use celosia_connector_api::{
    Connector, ConnectorError, Dialect, Estimate, Examination, ExecutionContext, Load, Parts,
    RemoteStream, RenderedQuery, SourceDescription,
};
use connection::Sessions;
use lease::Purpose;
use std::sync::Arc;

/// A PostgreSQL database as a source.
#[derive(Debug)]
pub struct PostgresConnector {
    sessions: Arc<Sessions>,
    schemas: Vec<String>,
}

impl PostgresConnector {
    /// A connector that connects when it is first used.
    ///
    /// # Errors
    /// `InvalidConfiguration` where the configuration cannot work.
    pub fn new(config: PostgresConfig) -> Result<Self, ConnectorError> {
        // Several providers are linked, so the driver cannot choose one; somebody may have chosen before.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let schemas = config.schemas.clone();
        Ok(Self { sessions: Arc::new(Sessions::new(config)?), schemas })
    }
}

#[async_trait]
impl Connector for PostgresConnector {
    fn dialect(&self) -> &dyn Dialect {
        &PostgresDialect
    }

    async fn ping(&self) -> Result<(), ConnectorError> {
        let lease = self.sessions.clone().lease("ping", Purpose::Once, None).await?;
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
        let lease = self.sessions.clone().lease("describe", Purpose::Once, None).await?;
        catalog::describe(lease, &self.schemas).await
    }

    async fn examine(&self, probe: bool) -> Result<Examination, ConnectorError> {
        let lease = self.sessions.clone().lease("examine", Purpose::Once, None).await?;
        examine::examine(lease, probe).await
    }

    async fn estimate(
        &self,
        query: &RenderedQuery,
        context: &ExecutionContext,
    ) -> Result<Option<Estimate>, ConnectorError> {
        estimate::estimate(self.sessions.clone(), query, context).await.map(Some)
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
        stream::open(self.sessions.clone(), query, context).await
    }
}
