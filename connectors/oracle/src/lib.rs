//! Oracle Database 12.2 to 23ai, read by one of two drivers.
//!
//! * `config` and `descriptor`: the URL, and the places a connect descriptor names.
//! * `connection`: the pool of read-only sessions, each with a thread for the driver's blocking calls.
//! * `driver`: `thin` (Oracle's driver in Rust, behind the `relay` that can stop its calls), `thick` (Oracle's
//!   client libraries), and the `line` by which a call is controlled.
//! * `stream`: one statement, from bound values to Arrow batches.
//! * `fetch`: how many rows one fetch brings.
//! * `types`, `decode` and `numeric`: which Arrow type a column arrives in, and its values.
//! * `dialect` and `mask`: how the SQL is spelled. `catalog`: what discovery reads. `examine`: what the login may do. `error`: classes of failure.

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
mod stream;
mod types;

pub use config::{Driver, OracleConfig};
pub use dialect::OracleDialect;

use async_trait::async_trait;
use celosia_connector_api::{
    Connector, ConnectorError, Dialect, ErrorCode, Examination, ExecutionContext, Load,
    RemoteStream, RenderedQuery, SourceDescription,
};
use connection::{After, Sessions};
use driver::{Connection, Failure};
use std::sync::Arc;
use tokio::sync::oneshot;

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

    /// Runs short work on a session; a session of the pool that has gone stale is replaced.
    async fn ask<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl Fn(&mut dyn Connection) -> Result<T, Failure> + Clone + Send + 'static,
    ) -> Result<((u32, String), T), ConnectorError> {
        let cutoff = self.sessions.cutoff(None);
        loop {
            let lease = self.sessions.lease(cutoff).await?;
            let (server, is_pooled) = (lease.server().clone(), lease.is_pooled());
            let (stopper, work) = (lease.stopper(), work.clone());
            let (tell, told) = oneshot::channel();
            lease.run(doing.to_string(), None, move |connection| {
                let answer = connection.and_then(work);
                let after = match &answer {
                    Err(failure) if !error::keeps_session(failure) => After::ThrowAway,
                    _ => After::Keep,
                };
                let _ = tell.send(answer);
                after
            });
            let failure = match told.await {
                Ok(Ok(answer)) => return Ok((server, answer)),
                Ok(Err(failure)) => failure,
                Err(_) => Failure::new(driver::Kind::Connection, "the session ended"),
            };
            let reason = stopper.line().reason();
            let error = error::running(failure, reason, doing);
            if !is_pooled || error.code != ErrorCode::ConnectionLost {
                return Err(error);
            }
        }
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
        let ((major, version), found) = asked.await?;
        self.dialect.learn(found.utf8, major);
        self.sessions.sizes.learn(found.widths);
        Ok(SourceDescription { server: format!("Oracle Database {version}"), tables: found.tables })
    }

    async fn examine(&self, _: bool) -> Result<Examination, ConnectorError> {
        self.ask("examine", examine::read).await.map(|(_, found)| found)
    }

    async fn open(
        &self,
        query: &RenderedQuery,
        context: &ExecutionContext,
    ) -> Result<RemoteStream, ConnectorError> {
        stream::open(&self.sessions, query, context).await
    }
}
