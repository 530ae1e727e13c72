//! The file under the connector: missing, replaced, locked, written to, not a database.

mod support;

use arrow_schema::DataType;
use celosia_connector_api::query::RenderedColumn;
use celosia_connector_api::render::render;
use celosia_connector_api::{Connector, ErrorCode, ExecutionContext, Predicate, Value};
use celosia_connector_testkit::subject::{select, select_all};
use sqlx::{Connection, Executor};
use std::time::{Duration, Instant};
use support::{Database, context, execute, run, table};

const ONE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)";
const TWO: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2)";

#[tokio::test]
async fn a_missing_file_is_unreachable_until_it_exists_and_is_never_made() {
    let database = Database::nowhere();
    let connector = database.connector(2);
    for _ in 0..3 {
        let error = connector.ping().await.expect_err("no file");
        assert_eq!(error.code, ErrorCode::Unreachable, "{error:?}");
        assert!(connector.describe().await.is_err());
    }
    assert_eq!(database.files(), "");
    database.write(ONE).await;
    connector.ping().await.expect("a file");
    assert_eq!(connector.describe().await.expect("a description").tables.len(), 1);
    std::fs::remove_file(database.path("test.db")).expect("removed");
    assert_eq!(connector.ping().await.expect_err("gone").code, ErrorCode::Unreachable);
}

#[tokio::test]
async fn a_file_that_was_replaced_is_read_anew() {
    let database = Database::create(ONE).await;
    let connector = database.connector(2);
    let query = select_all(&table(&connector, "t").await);
    assert_eq!(run(&connector, &query).await.expect("rows").count, 1);
    let other = Database::create(TWO).await;
    std::fs::copy(other.path("test.db"), database.path("new.db")).expect("copied");
    std::fs::rename(database.path("new.db"), database.path("test.db")).expect("renamed");
    assert_eq!(run(&connector, &query).await.expect("rows").count, 2);
}

#[tokio::test]
async fn what_is_not_a_database_is_told() {
    let database = Database::nowhere();
    std::fs::write(database.path("test.db"), "not a database at all ".repeat(100))
        .expect("written");
    let error = database.connector(1).ping().await.expect_err("no database");
    assert_eq!(error.code, ErrorCode::InvalidConfiguration, "{error:?}");
    let directory = Database::nowhere();
    std::fs::create_dir(directory.path("test.db")).expect("made");
    let error = directory.connector(1).ping().await.expect_err("a directory");
    assert_eq!(error.code, ErrorCode::Unreachable, "{error:?}");
}

#[tokio::test]
async fn a_writer_beside_us_is_seen_and_never_held_up() {
    let database = Database::create(&format!("PRAGMA journal_mode = WAL; {ONE}")).await;
    let mut writer = database.writer().await;
    let connector = database.connector(2);
    let query = select_all(&table(&connector, "t").await);
    for id in 2..10 {
        writer
            .execute(sqlx::AssertSqlSafe(format!("INSERT INTO t VALUES ({id})")))
            .await
            .expect("written");
        assert_eq!(run(&connector, &query).await.expect("rows").rows.len(), id);
    }
    writer.execute("ALTER TABLE t ADD COLUMN later TEXT").await.expect("altered");
    assert_eq!(run(&connector, &query).await.expect("rows").rows.len(), 9);
    writer.execute("ALTER TABLE t RENAME COLUMN id TO other").await.expect("altered");
    let error = run(&connector, &query).await.expect_err("stale");
    assert_eq!(error.code, ErrorCode::CatalogOutdated, "{error:?}");
}

#[tokio::test]
async fn a_locked_file_is_unreachable_for_now() {
    let database = Database::create(ONE).await;
    let connector = database.connector(2);
    let query = select_all(&table(&connector, "t").await);
    let mut writer = database.writer().await;
    writer.execute("BEGIN EXCLUSIVE").await.expect("locked");
    let error = run(&connector, &query).await.expect_err("locked");
    assert_eq!(error.code, ErrorCode::Unreachable, "{error:?}");
    writer.execute("COMMIT").await.expect("unlocked");
    assert_eq!(run(&connector, &query).await.expect("rows").count, 1);
    writer.close().await.expect("closed");
}

/// A WAL database whose shared memory cannot be made, as in a directory that is read-only.
#[tokio::test]
async fn a_wal_database_is_read_where_nothing_can_be_written() {
    let database = Database::create(&format!("PRAGMA journal_mode = WAL; {ONE}")).await;
    // SQLite does not follow links here, so it cannot make or open the file, as any user.
    std::os::unix::fs::symlink("nowhere", database.path("test.db-shm")).expect("linked");
    let connector = database.connector(2);
    let query = select_all(&table(&connector, "t").await);
    assert_eq!(run(&connector, &query).await.expect("rows").count, 1);
    // Written anew in place: the connection without locks is not used for it.
    let other = Database::create(&format!("PRAGMA journal_mode = WAL; {TWO}")).await;
    let bytes = std::fs::read(other.path("test.db")).expect("read");
    tokio::time::sleep(Duration::from_millis(20)).await;
    std::fs::write(database.path("test.db"), bytes).expect("written");
    assert_eq!(run(&connector, &query).await.expect("rows").count, 2);
    // A log with content must not be passed over.
    std::fs::write(database.path("test.db-wal"), [0; 64]).expect("written");
    let error = run(&connector, &query).await.expect_err("a log");
    assert_eq!(error.code, ErrorCode::Unreachable, "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_as_many_as_configured_and_end_with_the_connector() {
    let slow = "CREATE VIEW slow AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                SELECT CAST(i AS INTEGER) AS id FROM n WHERE i < 0";
    let database = Database::create(slow).await;
    let connector = database.connector(3);
    let query = select(&table(&connector, "slow").await, &[0]);
    let query = render(connector.dialect(), &query).expect("spelled");
    for _ in 0..30 {
        let context = context();
        let open = connector.open(&query, &context);
        assert!(tokio::time::timeout(Duration::from_millis(10), open).await.is_err(), "it is slow");
    }
    connector.ping().await.expect("a place is free soon");
    // A place that does not become free in time.
    let deadline = Instant::now() + Duration::from_secs(2);
    let held = (0..3).map(|_| {
        let context = ExecutionContext { deadline, ..context() };
        let (connector, query) = (&connector, &query);
        async move { connector.open(query, &context).await.map(drop) }
    });
    let late = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let context =
            ExecutionContext { deadline: Instant::now() + Duration::from_millis(300), ..context() };
        connector.open(&query, &context).await.map(drop)
    };
    let (held, late) = futures::join!(futures::future::join_all(held), late);
    for error in held.into_iter().chain([late]) {
        assert_eq!(error.expect_err("too late").code, ErrorCode::DeadlineExceeded);
    }
    connector.ping().await.expect("well again");
}

#[tokio::test]
async fn text_is_compared_by_bytes_and_an_index_still_serves() {
    let script = "CREATE TABLE t (id INTEGER PRIMARY KEY, plain TEXT, folded TEXT COLLATE NOCASE);
        CREATE INDEX by_plain ON t (plain); CREATE INDEX by_folded ON t (folded);
        INSERT INTO t VALUES (1, 'a', 'a'), (2, 'A', 'A')";
    let database = Database::create(script).await;
    let connector = database.connector(1);
    let t = table(&connector, "t").await;
    for (column, index) in [(1, Some("by_plain")), (2, None)] {
        let mut query = select(&t, &[0, column]);
        query.predicate = Some(Predicate::InList {
            column: 1,
            values: vec![Value::Text("a".into()), Value::Text("x".into())],
            negated: false,
        });
        assert_eq!(run(&connector, &query).await.expect("rows").count, 1);
        let mut plan = render(connector.dialect(), &query).expect("spelled");
        plan.sql = format!("EXPLAIN QUERY PLAN {}", plan.sql);
        plan.columns = ["id", "parent", "unused", "detail"]
            .map(|name| {
                let data_type = if name == "detail" { DataType::Utf8 } else { DataType::Int64 };
                RenderedColumn { name: name.to_string(), data_type }
            })
            .to_vec();
        let plan = format!("{:?}", execute(&connector, &plan).await.expect("a plan").rows);
        match index {
            Some(index) => assert!(plan.contains(index), "{plan}"),
            None => assert!(plan.contains("SCAN"), "{plan}"),
        }
    }
}
