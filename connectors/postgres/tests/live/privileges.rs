//! What a login may do beyond reading: seen, and kept from being served.

use crate::support::{Source, connector, fetch, source, statement};
use arrow_schema::DataType;
use celosia_connector_api::{Connector, ErrorCode, Examination, LeastPrivilege, Severity};
use std::sync::Arc;

/// Roles belong to the cluster, so each test's have its database's name in theirs.
fn with_roles(source: &Source, sql: &str) {
    let sql = sql.replace("$", &source.database);
    source.cluster.execute(&source.database, &sql).unwrap();
}

async fn examined(source: &Source, role: &str) -> Examination {
    let url = source.cluster.url(&source.database, &role.replace('$', &source.database));
    connector(&url, 1).examine(true).await.unwrap()
}

fn dangers(found: &Examination) -> Vec<&str> {
    found.dangers().map(|danger| danger.text.as_str()).collect()
}

const TABLES: &str = "REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE TABLE a (id int); CREATE TABLE b (id int, v text)";

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_is_fine_and_its_writes_are_refused() {
    let Some(source) = source(TABLES) else { return };
    with_roles(
        &source,
        "CREATE ROLE $_r LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO $_r",
    );
    let found = examined(&source, "$_r").await;
    assert_eq!(dangers(&found), Vec::<&str>::new());
    assert_eq!(found.login, format!("{}_r", source.database));
    let fine = found.findings.iter().filter(|f| f.severity == Severity::Fine).count();
    let refused = found.findings.iter().filter(|f| f.text.contains("is refused")).count();
    assert!(fine >= 3 && refused == 2, "{found:?}");
    let served = source.cluster.url(&source.database, &format!("{}_r", source.database));
    let served = LeastPrivilege::new(Arc::new(connector(&served, 1)));
    assert_eq!(served.describe().await.unwrap().tables.len(), 2);
    let left = "SELECT count(*) FROM pg_class WHERE relname = 'celosia_doctor_probe'";
    assert_eq!(source.cluster.execute(&source.database, left).unwrap(), "0");
}

/// Each right by itself, as a statement that gives it and the words by which it is told.
const RIGHTS: [(&str, &str); 10] = [
    ("ALTER ROLE $_x CREATEROLE", "may administer: roles"),
    ("ALTER ROLE $_x REPLICATION", "may administer: replication"),
    ("ALTER ROLE $_x BYPASSRLS", "row-level security does not hold"),
    ("GRANT pg_read_server_files TO $_x", "files, programs or all tables: pg_read_server_files"),
    ("GRANT pg_write_all_data TO $_x", "pg_write_all_data"),
    ("CREATE ROLE $_boss CREATEROLE; GRANT $_boss TO $_x", "may become roles that administer: "),
    ("GRANT INSERT ON a TO $_x", "may write to tables: public.a"),
    ("GRANT UPDATE (v) ON b TO $_x", "may write to tables: public.b"),
    (
        "ALTER TABLE a OWNER TO $_x",
        "owns tables, for whose owner no grant and no row-level security holds: public.a",
    ),
    (
        "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO $_x",
        "reach files or other servers: pg_read_file",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_right_beyond_reading_is_told_and_not_served() {
    for (grant, told) in RIGHTS {
        let Some(source) = source(TABLES) else { return };
        with_roles(
            &source,
            "CREATE ROLE $_x LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO $_x",
        );
        with_roles(&source, grant);
        let found = examined(&source, "$_x").await;
        assert!(dangers(&found).iter().any(|danger| danger.contains(told)), "{grant}: {found:?}");
        assert!(found.dangers().all(|danger| !danger.advice.is_empty()), "{found:?}");
        let url = source.cluster.url(&source.database, &format!("{}_x", source.database));
        let served = LeastPrivilege::new(Arc::new(connector(&url, 1)));
        let error = served.describe().await.unwrap_err();
        assert_eq!(error.code, ErrorCode::OverPrivileged, "{grant}");
        assert!(error.context.contains("celosia doctor"), "{error:?}");
        assert!(!error.public_text().contains("public."), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_superuser_that_alone_is_told() {
    let Some(source) = source(TABLES) else { return };
    let found = source.connector.examine(true).await.unwrap();
    assert_eq!(dangers(&found), ["the login is a superuser"]);
    let could = found.findings.iter().any(|f| f.text.contains("could create a table"));
    assert!(could, "the probe beyond the read-only session: {found:?}");
    let left = "SELECT count(*) FROM pg_class WHERE relname = 'celosia_doctor_probe'";
    assert_eq!(source.cluster.execute(&source.database, left).unwrap(), "0");
}

/// The catalog keeps the tables of a source that is not described again.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_gains_a_right_is_not_read_with_any_more() {
    let Some(source) = source(TABLES) else { return };
    with_roles(
        &source,
        "CREATE ROLE $_g LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO $_g",
    );
    let url = source.cluster.url(&source.database, &format!("{}_g", source.database));
    let served = LeastPrivilege::new(Arc::new(connector(&url, 1)));
    let count = statement("SELECT count(*) FROM public.a", &[DataType::Int64]);
    served.describe().await.unwrap();
    fetch(&served, &count).await.unwrap();
    with_roles(&source, "GRANT DELETE ON a TO $_g");
    assert_eq!(served.describe().await.unwrap_err().code, ErrorCode::OverPrivileged);
    assert_eq!(fetch(&served, &count).await.unwrap_err().code, ErrorCode::OverPrivileged);
    with_roles(&source, "REVOKE DELETE ON a FROM $_g");
    served.describe().await.unwrap();
    fetch(&served, &count).await.unwrap();
}
