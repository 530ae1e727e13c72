//! A double that needs no database, and short ways to ask it.

use arrow_array::RecordBatch;
use arrow_schema::DataType;
use async_trait::async_trait;
use celosia_connector_api::query::RenderedColumn;
use celosia_connector_api::{Connector, ConnectorError, ExecutionContext, RenderedQuery};
use celosia_connector_sqlserver::{SqlServerConfig, SqlServerConnector};
use celosia_connector_testkit::double::canned::{Answer, Canned};
use celosia_connector_testkit::double::engine::{
    Bind, Engine, EngineError, EngineSession, Login, Outcome, ResultColumn, Row,
};
use celosia_connector_testkit::double::tds::{TdsDouble, TdsOptions};
use futures::TryStreamExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A double whose answers are canned.
pub(crate) struct Source {
    pub(crate) double: TdsDouble,
    pub(crate) canned: Canned,
}

impl Source {
    pub(crate) async fn start(options: TdsOptions) -> Self {
        Self::of_version(options, "16.0.1000.6").await
    }

    pub(crate) async fn of_version(options: TdsOptions, version: &'static str) -> Self {
        let canned = Canned::before(Arc::new(Server { version }));
        let double = TdsDouble::start(Arc::new(canned.clone()), options).await.unwrap();
        Self { double, canned }
    }

    pub(crate) async fn usual() -> Self {
        Self::start(TdsOptions::default()).await
    }

    /// The URL of a login; the certificate's authority is trusted.
    pub(crate) fn url(&self, login: &str, query: &str) -> String {
        let port = self.double.port();
        let trust = match self.double.authority_file() {
            Some(file) => format!("trust_certificate={}&", file.display()),
            None => String::new(),
        };
        format!("sqlserver://{login}@127.0.0.1:{port}/celosia?{trust}{query}")
    }

    pub(crate) fn config(&self, query: &str) -> SqlServerConfig {
        let mut config = SqlServerConfig::parse(&self.url(READER, query)).unwrap();
        config.concurrency = 2;
        config
    }

    pub(crate) fn connector(&self) -> SqlServerConnector {
        SqlServerConnector::new(self.config("")).unwrap()
    }

    /// Answers one statement with rows of one column.
    pub(crate) fn answer(&self, sql: &str, native: &[&str], rows: Vec<Row>) {
        self.canned.answer(sql, Answer::rows(columns(native), rows));
    }
}

/// The login that may read, and its password.
pub(crate) const READER: &str = "reader:Reader-1-secret";

pub(crate) fn columns(native: &[&str]) -> Vec<ResultColumn> {
    let named = |(at, native): (usize, &&str)| ResultColumn {
        name: format!("c{at}"),
        native: (*native).to_string(),
        nullable: true,
        collation: native.contains("char").then(|| "Latin1_General_CI_AS".to_string()),
    };
    native.iter().enumerate().map(named).collect()
}

pub(crate) fn context(id: &str, patience: Duration) -> ExecutionContext {
    let deadline = Instant::now() + patience;
    ExecutionContext {
        query_id: id.into(),
        deadline,
        batch_rows: 1_000,
        caller: None,
        identity: None,
        accepts_cost: false,
        readers: 1,
        snapshot: None,
    }
}

/// A statement of our own, reading columns of these types.
pub(crate) fn statement(sql: &str, columns: &[DataType]) -> RenderedQuery {
    let columns = columns.iter().enumerate().map(|(at, data_type)| RenderedColumn {
        name: format!("c{at}"),
        data_type: data_type.clone(),
    });
    let columns = columns.collect();
    RenderedQuery {
        sql: sql.into(),
        parameters: vec![],
        columns,
        defer_unfit: false,
        rows_hint: None,
        splits: None,
    }
}

pub(crate) async fn fetch(
    connector: &dyn Connector,
    query: &RenderedQuery,
) -> Result<Vec<RecordBatch>, ConnectorError> {
    fetch_within(connector, query, Duration::from_secs(30)).await
}

pub(crate) async fn fetch_within(
    connector: &dyn Connector,
    query: &RenderedQuery,
    patience: Duration,
) -> Result<Vec<RecordBatch>, ConnectorError> {
    connector.open(query, &context("test", patience)).await?.try_collect().await
}

/// Waits until something holds at the double.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(10), "{what}");
        tokio::task::yield_now().await;
    }
}

/// What stands behind the list: a server that tells its version and takes every other statement.
#[derive(Debug)]
struct Server {
    version: &'static str,
}

#[async_trait]
impl Engine for Server {
    async fn session(&self, _: &Login) -> Result<Box<dyn EngineSession>, EngineError> {
        Ok(Box::new(Session { version: self.version, told: true }))
    }
}

struct Session {
    version: &'static str,
    told: bool,
}

#[async_trait]
impl EngineSession for Session {
    async fn execute(&mut self, sql: &str, _: &[Bind]) -> Result<Outcome, EngineError> {
        self.told = !sql.contains("'EngineEdition'");
        if self.told {
            return Ok(Outcome::Done { affected: 0 });
        }
        Ok(Outcome::Rows(columns(&["nvarchar(128)", "int"])))
    }

    async fn rows(&mut self, _: usize) -> Result<Vec<Row>, EngineError> {
        if std::mem::replace(&mut self.told, true) {
            return Ok(Vec::new());
        }
        Ok(vec![vec![Some(self.version.to_string()), Some("3".to_string())]])
    }

    async fn cancel(&mut self) {}
}
