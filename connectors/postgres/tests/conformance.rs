//! The conformance suite over a PostgreSQL server of its own. Without one the test says so and passes,
//! unless `CELOSIA_REQUIRE_SOURCES` names `postgres`.

use celosia_connector_api::Connector;
use celosia_connector_postgres::{PostgresConfig, PostgresConnector};
use celosia_connector_testkit::cluster::PostgresCluster;
use celosia_connector_testkit::fixture::Fixture;
use celosia_connector_testkit::script::{Spelling, script};
use futures::future::BoxFuture;
use std::sync::Arc;

struct Postgres {
    cluster: Arc<PostgresCluster>,
    url: String,
}

impl Fixture for Postgres {
    fn schema(&self) -> &str {
        "public"
    }

    fn connector(&self) -> Arc<dyn Connector> {
        let mut config = PostgresConfig::parse(&self.url).expect("a URL");
        config.schemas = vec!["public".to_string()];
        config.concurrency = 4;
        Arc::new(PostgresConnector::new(config).expect("a connector"))
    }

    fn unrepresentable(&self) -> Vec<(&'static str, &'static str)> {
        ["day", "at", "instant"].map(|column| ("misfits", column)).to_vec()
    }

    fn writes(&self) -> Vec<String> {
        let texts = [
            "CREATE INDEX written ON public.people (name)",
            "WITH gone AS (DELETE FROM public.people RETURNING id) SELECT id FROM gone",
            "SELECT id FROM public.people FOR UPDATE",
            "COMMENT ON TABLE public.people IS 'written'",
        ];
        texts.map(str::to_string).to_vec()
    }

    fn running<'a>(&'a self, query_id: &'a str) -> BoxFuture<'a, Option<bool>> {
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity \
             WHERE application_name = 'celosia {query_id}' AND state = 'active'"
        );
        let cluster = self.cluster.clone();
        Box::pin(async move {
            let asked = tokio::task::spawn_blocking(move || cluster.execute("postgres", &sql));
            Some(asked.await.expect("an answer").expect("an answer") != "0")
        })
    }

    fn restart(&self) -> BoxFuture<'_, bool> {
        let cluster = self.cluster.clone();
        Box::pin(async move {
            let restarted = tokio::task::spawn_blocking(move || cluster.restart());
            restarted.await.expect("an answer").expect("a restart");
            true
        })
    }
}

const MISFITS: &str = "
    CREATE TABLE misfits (id bigint PRIMARY KEY, day date, at timestamp, instant timestamptz);
    INSERT INTO misfits VALUES (1, 'infinity', '-infinity', 'infinity');";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conformance() {
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
    let database = url.split('/').nth(3).and_then(|rest| rest.split('?').next()).expect("a name");
    let script = format!("{}{MISFITS}", script(Spelling::Postgres));
    cluster.execute(database, &script).expect("a script");
    celosia_connector_testkit::conformance(&Postgres { cluster, url }).await;
}
