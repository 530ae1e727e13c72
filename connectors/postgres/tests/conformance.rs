//! The conformance suite, read by COPY where that can be and by prepared statements alone, over a
//! PostgreSQL server of its own, or over the one that
//! `CELOSIA_TEST_POSTGRES_URL` names: there in a schema that is made and dropped. Without any the test says
//! so and passes, unless `CELOSIA_REQUIRE_SOURCES` names `postgres`.

use async_trait::async_trait;
use celosia_connector_api::{
    Connector, ConnectorError, Dialect, ExecutionContext, RemoteStream, RenderedQuery,
    SourceDescription,
};
use celosia_connector_postgres::{PostgresConfig, PostgresConnector};
use celosia_connector_testkit::cluster::PostgresCluster;
use celosia_connector_testkit::fixture::Fixture;
use celosia_connector_testkit::script::{Spelling, script};
use futures::future::BoxFuture;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use std::sync::Arc;

struct Postgres {
    /// A cluster of our own, which may be restarted.
    cluster: Option<Arc<PostgresCluster>>,
    url: String,
    schema: String,
    /// Every statement says that few rows will come.
    few: bool,
}

/// A connector that is told to expect few rows.
#[derive(Debug)]
struct Few(PostgresConnector);

#[async_trait]
impl Connector for Few {
    fn dialect(&self) -> &dyn Dialect {
        self.0.dialect()
    }

    async fn ping(&self) -> Result<(), ConnectorError> {
        self.0.ping().await
    }

    async fn describe(&self) -> Result<SourceDescription, ConnectorError> {
        self.0.describe().await
    }

    async fn open(
        &self,
        query: &RenderedQuery,
        context: &ExecutionContext,
    ) -> Result<RemoteStream, ConnectorError> {
        let query = RenderedQuery { rows_hint: Some(1), ..query.clone() };
        self.0.open(&query, context).await
    }
}

impl Postgres {
    async fn connect(&self) -> PgConnection {
        let options: PgConnectOptions = self.url.parse().expect("a URL");
        options.connect().await.expect("a connection")
    }

    async fn execute(&self, sql: String) {
        let mut connection = self.connect().await;
        connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.expect("it runs");
        connection.close().await.expect("an end");
    }
}

impl Fixture for Postgres {
    fn schema(&self) -> &str {
        &self.schema
    }

    fn connector(&self) -> Arc<dyn Connector> {
        let mut config = PostgresConfig::parse(&self.url).expect("a URL");
        config.schemas = vec![self.schema.clone()];
        config.concurrency = 4;
        let connector = PostgresConnector::new(config).expect("a connector");
        if self.few { Arc::new(Few(connector)) } else { Arc::new(connector) }
    }

    fn unrepresentable(&self) -> Vec<(&'static str, &'static str)> {
        ["day", "at", "instant"].map(|column| ("misfits", column)).to_vec()
    }

    fn writes(&self) -> Vec<String> {
        let schema = &self.schema;
        vec![
            format!("CREATE INDEX written ON {schema}.people (name)"),
            format!("WITH gone AS (DELETE FROM {schema}.people RETURNING id) SELECT id FROM gone"),
            format!("SELECT id FROM {schema}.people FOR UPDATE"),
            format!("COMMENT ON TABLE {schema}.people IS 'written'"),
        ]
    }

    fn running<'a>(&'a self, query_id: &'a str) -> BoxFuture<'a, Option<bool>> {
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity \
             WHERE application_name = 'celosia {query_id}' AND state = 'active'"
        );
        Box::pin(async move {
            let mut connection = self.connect().await;
            let asked = sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql));
            Some(asked.fetch_one(&mut connection).await.expect("an answer") != 0)
        })
    }

    fn restart(&self) -> BoxFuture<'_, bool> {
        let cluster = self.cluster.clone();
        Box::pin(async move {
            let Some(cluster) = cluster else { return false };
            let restarted = tokio::task::spawn_blocking(move || cluster.restart());
            restarted.await.expect("an answer").expect("a restart");
            true
        })
    }
}

const MISFITS: &str = "
    CREATE TABLE misfits (id bigint PRIMARY KEY, day date, at timestamp, instant timestamptz);
    INSERT INTO misfits VALUES (1, 'infinity', '-infinity', 'infinity');";

/// A server that somebody named.
async fn named(url: String, few: bool) {
    let schema = format!("celosia_conformance_{}_{few}", std::process::id());
    let postgres = Postgres { cluster: None, url, schema: schema.clone(), few };
    let tables = format!("{}{MISFITS}", script(Spelling::Postgres));
    let load = format!("CREATE SCHEMA {schema}; SET search_path = {schema}; {tables}");
    postgres.execute(load).await;
    let failures = celosia_connector_testkit::run_all(&postgres).await;
    postgres.execute(format!("DROP SCHEMA {schema} CASCADE")).await;
    assert!(failures.is_empty(), "{failures:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conformance() {
    conforms(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conformance_of_prepared_statements() {
    conforms(true).await;
}

async fn conforms(few: bool) {
    if let Ok(url) = std::env::var("CELOSIA_TEST_POSTGRES_URL") {
        return named(url, few).await;
    }
    let cluster = match PostgresCluster::start() {
        Ok(cluster) => Arc::new(cluster),
        Err(reason) => {
            let required = std::env::var("CELOSIA_REQUIRE_SOURCES");
            assert!(!required.is_ok_and(|sources| sources.contains("postgres")), "{reason}");
            eprintln!("skipped: {reason}");
            return;
        }
    };
    let url = cluster.create_database().expect("a database");
    let postgres = Postgres { cluster: Some(cluster), url, schema: "public".to_string(), few };
    postgres.execute(format!("{}{MISFITS}", script(Spelling::Postgres))).await;
    celosia_connector_testkit::conformance(&postgres).await;
}
