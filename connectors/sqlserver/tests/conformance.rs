//! The conformance suite over TDS: against a server of our own with an engine that runs T-SQL on a
//! throw-away PostgreSQL, or against the real server that `CELOSIA_TEST_SQLSERVER_URL` names, where it
//! makes and drops a schema of its own. Without either the test says so and passes, unless
//! `CELOSIA_REQUIRE_SOURCES` names `sqlserver`.

use celosia_connector_api::Connector;
use celosia_connector_sqlserver::{SqlServerConfig, SqlServerConnector};
use celosia_connector_testkit::cluster::PostgresCluster;
use celosia_connector_testkit::data::{Table, sqlserver_tables};
use celosia_connector_testkit::double::tds::{TdsDouble, TdsOptions};
use celosia_connector_testkit::double::tsql::{TsqlEngine, batches};
use celosia_connector_testkit::fixture::Fixture;
use celosia_connector_testkit::script::{sqlserver_drop, sqlserver_script};
use futures::future::BoxFuture;
use std::sync::Arc;
use tiberius::{Client, Config};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

struct SqlServer {
    url: String,
    schema: String,
    double: Option<TdsDouble>,
}

impl Fixture for SqlServer {
    fn schema(&self) -> &str {
        &self.schema
    }

    fn connector(&self) -> Arc<dyn Connector> {
        let mut config = SqlServerConfig::parse(&self.url).expect("a URL");
        config.schemas = vec![self.schema.clone()];
        config.concurrency = 4;
        Arc::new(SqlServerConnector::new(config).expect("a connector"))
    }

    fn tables(&self) -> Vec<Table> {
        sqlserver_tables()
    }

    fn writes(&self) -> Vec<String> {
        let schema = &self.schema;
        vec![
            format!("SELECT [id] INTO [{schema}].[written] FROM [{schema}].[people]"),
            format!("WITH gone AS (SELECT * FROM [{schema}].[people]) DELETE FROM gone"),
            format!("TRUNCATE TABLE [{schema}].[people]"),
            format!("EXEC sp_rename '{schema}.people', 'written'"),
            format!("CREATE INDEX [written] ON [{schema}].[people] ([name])"),
            format!("SELECT 1 AS [id]; DELETE FROM [{schema}].[people]"),
        ]
    }

    fn running<'a>(&'a self, query_id: &'a str) -> BoxFuture<'a, Option<bool>> {
        let told = format!("celosia {query_id}");
        let running = self.double.as_ref().map(|double| {
            let sessions = double.record().sessions();
            sessions.iter().any(|view| {
                let named = view.told.get("context_info").is_some_and(|name| *name == told);
                named && view.running.is_some()
            })
        });
        Box::pin(async move { running })
    }

    fn restart(&self) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            let Some(double) = &self.double else { return false };
            double.restart().await.expect("a restart");
            true
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conformance() {
    if let Ok(url) = std::env::var("CELOSIA_TEST_SQLSERVER_URL") {
        return Box::pin(real(url)).await;
    }
    let required = std::env::var("CELOSIA_REQUIRE_SOURCES");
    let cluster = match PostgresCluster::start() {
        Ok(cluster) => cluster,
        Err(reason) => {
            assert!(!required.is_ok_and(|sources| sources.contains("sqlserver")), "{reason}");
            eprintln!("skipped: {reason}");
            return;
        }
    };
    let engine = TsqlEngine::start(&cluster).await.expect("an engine");
    engine.load(&sqlserver_script("dbo")).await.expect("a script");
    let double = TdsDouble::start(engine, TdsOptions::default()).await.expect("a double");
    let authority = double.authority_file().expect("a certificate");
    let url = format!(
        "sqlserver://reader:Reader-1-secret@127.0.0.1:{}/celosia?trust_certificate={}",
        double.port(),
        authority.display()
    );
    let fixture = SqlServer { url, schema: "dbo".to_string(), double: Some(double) };
    celosia_connector_testkit::conformance::conformance(&fixture).await;
}

/// A real server: the URL's login must be allowed to create a schema.
async fn real(url: String) {
    let schema = format!("celosia_{}", std::process::id());
    let mut client = connect(&url).await;
    run(&mut client, &sqlserver_script(&schema)).await;
    let fixture = SqlServer { url, schema: schema.clone(), double: None };
    let failures = celosia_connector_testkit::conformance::run_all(&fixture).await;
    run(&mut client, &sqlserver_drop(&schema)).await;
    assert!(failures.is_empty(), "{failures:#?}");
}

async fn run(client: &mut Client<Compat<TcpStream>>, script: &str) {
    for batch in batches(script) {
        let answer = client.simple_query(&batch).await.expect("an answer");
        answer.into_results().await.unwrap_or_else(|error| panic!("{error}: {batch}"));
    }
}

/// The driver alone: the connector sends nothing but SELECT.
async fn connect(url: &str) -> Client<Compat<TcpStream>> {
    // Parsed by the connector first, so that a URL it does not take is found here, too.
    SqlServerConfig::parse(url).expect("a URL");
    let (login, place) =
        url.trim_start_matches("sqlserver://").rsplit_once('@').expect("a URL with a login");
    let (user, password) = login.split_once(':').expect("a password");
    let (place, query) = place.split_once('?').unwrap_or((place, ""));
    let (address, database) = place.split_once('/').expect("a database");
    let (host, port) = address.split_once(':').unwrap_or((address, "1433"));
    let mut config = Config::new();
    config.host(host);
    config.port(port.parse().expect("a port"));
    config.database(database);
    config.authentication(tiberius::AuthMethod::sql_server(user, password));
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("trust_certificate", file)) => config.trust_cert_ca(file),
            Some(("trust_server_certificate", "true")) => config.trust_cert(),
            Some(("encrypt", "off")) => config.encryption(tiberius::EncryptionLevel::NotSupported),
            _ => {}
        }
    }
    let socket = TcpStream::connect(config.get_addr()).await.expect("a server");
    Box::pin(Client::connect(config, socket.compat_write())).await.expect("a login")
}
