//! Oracle Database 12.2 to 23ai, read by one of two drivers.
//!
//! * `config` and `descriptor`: the URL, and the places a connect descriptor names.
//! * `connection`: the pool of read-only sessions, each with a thread for the driver's blocking calls.
//! * `driver`: `thin` (Oracle's driver in Rust, behind the `relay` that can stop its calls), `thick` (Oracle's
//!   client libraries), and the `line` by which a call is controlled.
//! * `stream`: one statement, from bound values to Arrow batches. `splits`: a large table by several sessions.
//! * `ask`: short work of our own on a session.
//! * `fetch`: how many rows one fetch brings.
//! * `types`, `decode` and `numeric`: which Arrow type a column arrives in, and its values.
//! * `dialect` and `mask`: how the SQL is spelled. `catalog`: what discovery reads. `examine`: what the login may do. `error`: classes of failure.

mod ask;
mod catalog;
mod config;
mod connection;
mod decode;
mod descriptor;
mod dialect;
mod driver;
mod error;
mod examine;
mod fetch;
mod functions;
mod mask;
mod numeric;
mod splits;
mod stream;
mod types;

pub use config::{Driver, OracleConfig};
pub use dialect::OracleDialect;

use ask::{Answer, Errand};
use async_trait::async_trait;
use celosia_connector_api::{
    Connector, ConnectorError, Dialect, Examination, ExecutionContext, Load, Parts, RemoteStream,
    RenderedQuery, SourceDescription,
};
use connection::Sessions;
use driver::{Connection, Failure};
use std::sync::Arc;

/// An Oracle database as a source.
#[derive(Debug)]
pub struct OracleConnector {
    sessions: Arc<Sessions>,
    dialect: OracleDialect,
    schemas: Vec<String>,
}

impl OracleConnector {
    /// A connector that connects when it is first used.
    ///
    /// # Errors
    /// `InvalidConfiguration` where the configuration cannot work.
    pub fn new(config: OracleConfig) -> Result<Self, ConnectorError> {
        // The driver's TLS asks for the process's provider; whoever installed one before us is left in place.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let schemas = config.schemas.clone();
        let dialect = OracleDialect::default();
        Ok(Self { sessions: Arc::new(Sessions::new(config)?), dialect, schemas })
    }

    /// Runs short work on a session of the login's own.
    async fn ask<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl Fn(&mut dyn Connection) -> Result<T, Failure> + Clone + Send + 'static,
    ) -> Result<Answer<T>, ConnectorError> {
        let cutoff = self.sessions.cutoff(None);
        let errand = Errand { doing, action: doing.to_string(), client: None, cutoff };
        ask::ask(&self.sessions, errand, work).await
    }
}

#[async_trait]
impl Connector for OracleConnector {
    fn dialect(&self) -> &dyn Dialect {
        &self.dialect
    }

    async fn ping(&self) -> Result<(), ConnectorError> {
        self.ask("ping", |_| Ok(())).await.map(drop)
    }

    fn load(&self) -> Load {
        Load { idle: self.sessions.idle(), ..Load::default() }
    }

    async fn reach(&self) -> Result<(), ConnectorError> {
        self.sessions.reach().await
    }

    async fn describe(&self) -> Result<SourceDescription, ConnectorError> {
        let schemas = self.schemas.clone();
        let asked = self.ask("describe", move |connection| catalog::read(connection, &schemas));
        let Answer { server: (major, version), value: found, .. } = asked.await?;
        self.dialect.learn(found.utf8, major);
        self.sessions.sizes.learn(found.widths);
        Ok(SourceDescription { server: format!("Oracle Database {version}"), tables: found.tables })
    }

    async fn examine(&self, _: bool) -> Result<Examination, ConnectorError> {
        self.ask("examine", examine::read).await.map(|answer| answer.value)
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
