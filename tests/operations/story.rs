//! The story of the profile `full`: its init scripts run on a real PostgreSQL and on the servers that speak SQL Server's and Oracle's
//! protocol, and the question of `./try` gives each role its answer.

use super::{file, text};
use crate::mcp::server::{Demo, Server};
use crate::support::ask::ask;
use crate::support::load::{self, Store};
use crate::support::{block_on, lab, policy};
use celosia::identity::establish_local;
use celosia::model::{Attribute, Principal};
use celosia::query::Engine;
use celosia_connector_api::Connector;
use celosia_connector_postgres::{PostgresConfig, PostgresConnector};
use celosia_connector_testkit::cluster::PostgresCluster;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::Arc;

/// A cluster of its own, on which the scripts of `docker/postgres` ran as the image runs them.
fn shop() -> Option<PostgresCluster> {
    lab::cluster()?;
    let cluster = PostgresCluster::start().unwrap();
    let password = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(password.path(), "trial").unwrap();
    let reader = password.path().display().to_string();
    cluster.execute("postgres", "CREATE DATABASE shop").unwrap();
    for script in ["docker/postgres/init.sql", "docker/postgres/support.sql"] {
        let sql = text(script).replace("/run/secrets/reader_password", &reader);
        cluster.execute("shop", &sql).unwrap_or_else(|error| panic!("{script}: {error}"));
    }
    Some(cluster)
}

#[test]
fn the_reader_of_postgres_reads_and_does_nothing_else() {
    block_on(async {
        let Some(cluster) = shop() else { return };
        let config = PostgresConfig::parse(&cluster.url("shop", "celosia_reader")).unwrap();
        let connector = PostgresConnector::new(config).unwrap();
        let examined = connector.examine(true).await.unwrap();
        let dangers: Vec<&str> = examined.dangers().map(|finding| finding.text.as_str()).collect();
        assert!(dangers.is_empty(), "{dangers:?}");
        let described = connector.describe().await.unwrap();
        let columns = |table: &str| -> Vec<String> {
            let found = described.tables.iter().find(|found| found.name == table);
            let found = found.unwrap_or_else(|| panic!("{table} is not seen"));
            found.columns.iter().map(|column| column.name.clone()).collect()
        };
        assert!(columns("customers").contains(&"email".to_string()));
        assert!(!columns("tickets").contains(&"body".to_string()), "{:?}", columns("tickets"));
        assert!(!described.tables.iter().any(|table| table.name == "password_hashes"));
    });
}

async fn engine(cluster: &PostgresCluster) -> Engine {
    let crm = lab::remote(
        Store::Oracle,
        &load::oracle(cluster, &text("docker/oracle/customers.sql")).await,
    );
    let orders = load::sqlserver(cluster, &text("docker/sqlserver/orders.sql")).await;
    let orders = lab::remote(Store::SqlServer, &orders);
    let desk = lab::postgres(&cluster.url("shop", "celosia_reader"));
    let sources = [("crm", crm), ("orders", orders), ("desk", desk)];
    let sources = sources.map(|(name, source)| (name.to_string(), source)).to_vec();
    let mut parts = lab::parts(sources).await;
    // The owner of everything there has another name.
    let here = |path: &str| text(path).replace("crm.CRM.", "crm.CELOSIA.");
    let rules = (here("docker/full/celosia.yaml"), here("docker/full/masking-rules/people.yaml"));
    parts.rules = policy::rules_of(&rules.0, &rules.1);
    let problems = parts.rules.check(parts.catalog.snapshot().tables(), &[]);
    assert!(problems.is_empty(), "{problems:?}");
    Engine::new(parts).unwrap()
}

fn person(user: &str, role: &str) -> Principal {
    let region = ("region".to_string(), Attribute::Text("EU".into()));
    establish_local(user, [role.to_string()], BTreeMap::from([region]))
}

#[test]
fn the_question_of_try_has_an_answer_for_each_role() {
    block_on(async {
        let Some(cluster) = shop() else { return };
        let engine = engine(&cluster).await;
        let question = text("docker/full/question.sql");
        let all = ask(&engine, &person("carla", "compliance"), &question).await;
        assert_eq!(all.rows.len(), 5, "{}", all.everything());
        assert_eq!(all.sources.as_array().map(Vec::len), Some(3), "{}", all.sources);
        assert!(all.rows.iter().any(|row| row[3] != "EU"), "{}", all.everything());
        assert!(all.rows[0][2].as_str().unwrap().contains('.'), "{}", all.everything());

        let own = ask(&engine, &person("ana", "analyst"), &question).await;
        assert_eq!(own.rows.len(), 5, "{}", own.everything());
        for row in &own.rows {
            assert_eq!(row[3], "EU");
            assert!(row[2].as_str().unwrap().starts_with("***@"), "{row}");
        }
        let names: Vec<&Json> = all.rows.iter().map(|row| &row[1]).collect();
        assert!(own.rows.iter().all(|row| !names.contains(&&row[1])), "{}", own.everything());

        let desk = ask(&engine, &person("sam", "support"), &question).await;
        assert_eq!(desk.error(), Some("unknown_name"), "{}", desk.everything());
    });
}

/// `./try` asks a real server as a client does; where its token comes from is the identity provider's part.
#[test]
fn try_prints_what_a_model_would_read() {
    let demo = Arc::new(Demo::new());
    let server = Server::serve(&demo, &demo.path().join("celosia.yaml"));
    let ask = |role: &str, sql: &str| {
        let mut command = Command::new("python3");
        command.arg(file("try")).args([role, sql]).stdin(Stdio::null());
        command.env("CELOSIA_URL", server.url()).env("CELOSIA_TOKEN", demo.key(role)).output()
    };
    let Ok(done) = ask("analyst", "SELECT email FROM shop.main.customers LIMIT 1") else {
        return println!("SKIPPED: there is no python3");
    };
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(said.contains("== ana, analyst") && said.contains("***@"), "{said}");
    assert!(said.contains("Receipt "), "{said}");
    let done = ask("support", "SELECT * FROM shop.main.products").unwrap();
    assert!(String::from_utf8_lossy(&done.stdout).contains("Error code: unknown_name"), "{done:?}");
}
