//! The conformance suite over a server of Oracle's protocol with an engine that runs Oracle's SQL, as 19c and
//! as 23ai; or over a real one where `CELOSIA_TEST_ORACLE_URL` names a login that may create tables, views,
//! materialized views and synonyms in its own schema. Without PostgreSQL's programs the test says so and
//! passes, unless `CELOSIA_REQUIRE_SOURCES` names `oracle`.

use arrow_schema::DataType;
use celosia_connector_api::Connector;
use celosia_connector_oracle::{OracleConfig, OracleConnector};
use celosia_connector_testkit::cluster::PostgresCluster;
use celosia_connector_testkit::data::{HOSTILE_ORACLE, Kind, Table, oracle_tables};
use celosia_connector_testkit::double::plsql::{OWNER, OracleEngine, Release};
use celosia_connector_testkit::double::tns::{ServerVersion, TnsDouble, TnsOptions};
use celosia_connector_testkit::fixture::Fixture;
use celosia_connector_testkit::script::{Spelling, script};
use futures::future::BoxFuture;
use std::sync::Arc;

struct Oracle {
    double: Option<TnsDouble>,
    url: String,
    schema: String,
    booleans: bool,
}

impl Fixture for Oracle {
    fn schema(&self) -> &str {
        &self.schema
    }

    fn connector(&self) -> Arc<dyn Connector> {
        let mut config = OracleConfig::parse(&self.url).expect("a URL");
        config.schemas = vec![self.schema.clone()];
        config.concurrency = 4;
        Arc::new(OracleConnector::new(config).expect("a connector"))
    }

    fn data_type(&self, kind: Kind) -> DataType {
        match kind {
            Kind::Boolean if !self.booleans => DataType::Int64,
            other => other.data_type(),
        }
    }

    fn tables(&self) -> Vec<Table> {
        oracle_tables(self.booleans)
    }

    fn hostile(&self) -> &'static str {
        HOSTILE_ORACLE
    }

    fn unrepresentable(&self) -> Vec<(&'static str, &'static str)> {
        ["tiny", "huge", "rate"].map(|column| ("misfits", column)).to_vec()
    }

    fn writes(&self) -> Vec<String> {
        let schema = &self.schema;
        vec![
            format!("CREATE INDEX written ON {schema}.\"people\" (\"name\")"),
            format!("SELECT \"id\" FROM {schema}.\"people\" FOR UPDATE"),
            format!("COMMENT ON TABLE {schema}.\"people\" IS 'written'"),
            format!("BEGIN DELETE FROM {schema}.\"people\"; END;"),
            format!("INSERT INTO {schema}.\"people\" (\"id\", \"name\") VALUES (99, 'x')"),
            format!("LOCK TABLE {schema}.\"people\" IN EXCLUSIVE MODE"),
        ]
    }

    fn running<'a>(&'a self, query_id: &'a str) -> BoxFuture<'a, Option<bool>> {
        let double = self.double.as_ref();
        let running = double.map(|double| {
            double.record().sessions().iter().any(|session| {
                session.told.get("action").is_some_and(|action| action == query_id)
                    && session.running.is_some()
            })
        });
        Box::pin(async move { running })
    }

    fn restart(&self) -> BoxFuture<'_, bool> {
        Box::pin(async {
            match &self.double {
                Some(double) => {
                    double.restart().await.expect("a restart");
                    true
                }
                None => false,
            }
        })
    }
}

/// Numbers with more digits than are kept behind the point, and in front of it.
const MISFITS: &str = "
CREATE TABLE \"misfits\" (\"id\" NUMBER(18) PRIMARY KEY, \"tiny\" NUMBER, \"huge\" NUMBER, \"rate\" FLOAT)
/
INSERT INTO \"misfits\" VALUES (1, 0.00000000000000000000000000000000001, 1000000000000000000000000000000000000000000000000000000000000, 0.3333333333333333333333333333333333333333)
/
COMMIT
/
";

async fn over_a_double(release: Release, version: ServerVersion) {
    let cluster = match PostgresCluster::start() {
        Ok(cluster) => cluster,
        Err(reason) => {
            let required = std::env::var("CELOSIA_REQUIRE_SOURCES");
            assert!(!required.is_ok_and(|sources| sources.contains("oracle")), "{reason}");
            eprintln!("skipped: {reason}");
            return;
        }
    };
    let booleans = release == Release::V23;
    let engine = OracleEngine::start_release(&cluster, release).await.expect("an engine");
    engine.load(&script(Spelling::Oracle { booleans })).await.expect("a script");
    engine.load(MISFITS).await.expect("a script");
    let options = TnsOptions { version, ..TnsOptions::default() };
    let double = TnsDouble::start(engine, options).await.expect("a server");
    let url = format!("oracle://reader:Reader-1-secret@127.0.0.1:{}/CELOSIA", double.port());
    let fixture = Oracle { double: Some(double), url, schema: OWNER.to_string(), booleans };
    celosia_connector_testkit::conformance(&fixture).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conformance_19c() {
    over_a_double(Release::V19, ServerVersion::V19).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conformance_23ai() {
    over_a_double(Release::V23, ServerVersion::V23).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conformance_of_a_real_server() {
    let Ok(url) = std::env::var("CELOSIA_TEST_ORACLE_URL") else {
        eprintln!("skipped: CELOSIA_TEST_ORACLE_URL names no server");
        return;
    };
    let loading = url.clone();
    let (schema, booleans) =
        tokio::task::spawn_blocking(move || load(&loading)).await.expect("a thread");
    let fixture = Oracle { double: None, url: url.clone(), schema, booleans };
    celosia_connector_testkit::conformance(&fixture).await;
    tokio::task::spawn_blocking(move || drop_all(&connect(&url))).await.expect("a thread");
}

/// A connection of the bare driver, for what a connector never does.
fn connect(url: &str) -> oracledb::Connection {
    let plain = url.strip_prefix("oracle://").expect("a URL that starts with oracle://");
    let (login, place) = plain.rsplit_once('@').expect("a login");
    let (user, password) = login.split_once(':').expect("a password");
    let config = oracledb::Config::default().set_credentials(user, password);
    oracledb::connect(config.set_connect_string(place).expect("an address")).expect("a connection")
}

/// Loads the suite's script into the login's own schema; its name, and whether it has BOOLEAN.
fn load(url: &str) -> (String, bool) {
    let connection = connect(url);
    drop_all(&connection);
    let booleans = connection.version().expect("a version").0 >= 23;
    let text = format!("{}{MISFITS}", script(Spelling::Oracle { booleans }));
    for statement in text.split("\n/\n").map(str::trim).filter(|text| !text.is_empty()) {
        let code = statement.lines().filter(|line| !line.starts_with("--"));
        let code: Vec<&str> = code.collect();
        connection.execute(&code.join("\n"), &[]).expect(statement);
    }
    let row = connection.query_row("SELECT USER FROM DUAL", &[]).expect("a user");
    (row.get(0).expect("a name"), booleans)
}

fn drop_all(connection: &oracledb::Connection) {
    let names = oracle_tables(false).into_iter().map(|table| table.name);
    for name in names.chain(["empty", "staff", "shops", "regions", "big", "misfits"]) {
        let _ =
            connection.execute(&format!("DROP TABLE \"{name}\" CASCADE CONSTRAINTS PURGE"), &[]);
    }
    for (kind, name) in [
        ("VIEW", "shop_names"),
        ("VIEW", "slow"),
        ("VIEW", "endless"),
        ("SYNONYM", "boutiques"),
        ("MATERIALIZED VIEW", "big_ends"),
    ] {
        let _ = connection.execute(&format!("DROP {kind} \"{name}\""), &[]);
    }
}
