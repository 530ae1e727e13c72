//! A large table read by several sessions at the same time, over an engine that runs Oracle's SQL: each row once,
//! in the order of the rows' addresses, and only where rows keep them.

use crate::support::{cells, column, connector, context, double, failed, until, url};
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use async_trait::async_trait;
use celosia_connector_api::render::render;
use celosia_connector_api::splits::splits;
use celosia_connector_api::{
    Budget, Budgeted, Comparison, Connector, ErrorCode, ExecutionContext, OutputColumn, Predicate,
    Readers, RenderedQuery, SessionIdentity, Splits, TableRead, Value,
};
use celosia_connector_oracle::OracleConnector;
use celosia_connector_testkit::cluster::PostgresCluster;
use celosia_connector_testkit::double::engine::{
    Bind, Engine, EngineError, EngineSession, Login, Outcome, Row,
};
use celosia_connector_testkit::double::fault::Fault;
use celosia_connector_testkit::double::plsql::{OracleEngine, Release};
use celosia_connector_testkit::double::tns::{ServerVersion, TnsDouble, TnsOptions};
use futures::{StreamExt, TryStreamExt};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROWS: i64 = 200_000;
const PATIENCE: Duration = Duration::from_secs(120);
const ACCOUNTS: &str = "CREATE TABLE accounts (id NUMBER(18) NOT NULL, amount NUMBER(18) NOT NULL)
/
INSERT INTO accounts SELECT LEVEL, LEVEL FROM DUAL CONNECT BY LEVEL <= 200000
/
BEGIN DBMS_STATS.GATHER_SCHEMA_STATS(USER); END;
/
";

/// A server with the tables of a script.
async fn store(release: Release, script: &str) -> Option<TnsDouble> {
    let cluster = match PostgresCluster::shared() {
        Ok(cluster) => cluster,
        Err(reason) => {
            let required = std::env::var("CELOSIA_REQUIRE_SOURCES");
            assert!(!required.is_ok_and(|sources| sources.contains("oracle")), "{reason}");
            eprintln!("skipped: {reason}");
            return None;
        }
    };
    let version = match release {
        Release::V19 => ServerVersion::V19,
        Release::V23 => ServerVersion::V23,
    };
    let engine = OracleEngine::start_release(cluster, release).await.expect("an engine");
    engine.load(&format!("{ACCOUNTS}{script}")).await.expect("a script");
    Some(double(engine, TnsOptions { version, ..TnsOptions::default() }).await)
}

fn wide(server: &TnsDouble, places: usize) -> Arc<OracleConnector> {
    connector(&url(server), |config| {
        config.concurrency = places;
        config.statement_timeout = PATIENCE;
        config.schemas = vec!["CELOSIA".to_string()];
    })
}

/// Waits until no session runs anything.
async fn idle(server: &TnsDouble) {
    let still = || server.record().sessions().iter().all(|session| session.running.is_none());
    until("a statement still runs", still).await;
}

/// The sessions that were sent a statement like this.
fn sent(server: &TnsDouble, like: &str) -> BTreeSet<u64> {
    let statements = server.record().statements();
    let like = statements.iter().filter(|statement| statement.sql.contains(like));
    like.map(|statement| statement.session).collect()
}

/// The read of all columns of a table.
async fn whole(connector: &dyn Connector, table: &str) -> TableRead {
    let tables = connector.describe().await.expect("tables").tables;
    let table = tables.into_iter().find(|found| found.name == table).expect("the table");
    let output = (0..table.columns.len()).map(OutputColumn::open).collect();
    let table = Arc::new(table);
    TableRead { table, row_filter: None, output, predicate: None, order: vec![], limit: None }
}

/// The read as a statement that several sessions may share.
fn shared(connector: &dyn Connector, read: &TableRead) -> RenderedQuery {
    let dialect = connector.dialect();
    RenderedQuery { splits: splits(dialect, read), ..render(dialect, read).expect("a statement") }
}

fn by(readers: usize) -> ExecutionContext {
    ExecutionContext { readers, ..context(PATIENCE) }
}

/// Three places, all of which one statement may take.
fn budgeted(connector: Arc<OracleConnector>) -> Budgeted {
    let budget =
        Budget { concurrency: 3, readers: 3, statement_timeout: PATIENCE, ..Budget::default() };
    Budgeted::new(connector, budget)
}

struct Found {
    readers: Readers,
    rows: i64,
    /// The first column as it came.
    ids: Vec<i64>,
}

async fn found(
    connector: &dyn Connector,
    query: &RenderedQuery,
    context: &ExecutionContext,
) -> Found {
    let stream = connector.open(query, context).await.expect("a stream");
    let readers = stream.readers();
    let batches: Vec<RecordBatch> = stream.try_collect().await.expect("rows");
    let numbers =
        |batch: &RecordBatch| batch.column(0).as_primitive::<Int64Type>().values().to_vec();
    let rows = batches.iter().map(|batch| batch.num_rows() as i64).sum();
    Found { readers, rows, ids: batches.iter().flat_map(numbers).collect() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_row_comes_once_and_in_the_order_of_addresses() {
    for release in [Release::V19, Release::V23] {
        let Some(server) = store(release, "").await else { return };
        let connector = wide(&server, 4);
        let query = shared(&*connector, &whole(&*connector, "ACCOUNTS").await);
        for readers in [2, 3, 4] {
            let all = found(&*connector, &query, &by(readers)).await;
            assert_eq!(all.readers, Readers { count: readers, one_snapshot: false });
            assert!(all.ids.iter().copied().eq(1..=ROWS), "{readers}: {} rows", all.rows);
        }
        let many = found(&*connector, &query, &by(9)).await;
        assert_eq!((many.readers.count, many.rows), (4, ROWS), "as many as the rows are worth");
        let one = found(&*connector, &query, &by(1)).await;
        assert_eq!((one.readers, one.rows), (Readers::ONE, ROWS));
        let middle = "WHERE ROWID >= CHARTOROWID('AAA";
        assert!(!sent(&server, middle).is_empty());
        assert!(!sent(&server, middle).is_disjoint(&sent(&server, "SAMPLE BLOCK")), "none more");
        assert!(server.record().sessions().len() <= 4, "sessions are used again");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_are_governed_and_bound_as_the_whole_is() {
    let Some(server) = store(Release::V19, "").await else { return };
    let connector = wide(&server, 3);
    let mut read = whole(&*connector, "ACCOUNTS").await;
    let at_least = |column, value| Predicate::Compare {
        column,
        operator: Comparison::GreaterOrEqual,
        value: Value::Integer(value),
    };
    read.row_filter = Some(Predicate::Or(vec![at_least(0, 1_001), at_least(0, 500_000)]));
    read.predicate = Some(at_least(1, 2_001));
    let query = shared(&*connector, &read);
    assert_eq!(
        query.splits.as_ref().expect("splits").statement("<range>"),
        "SELECT \"ID\", \"AMOUNT\" FROM (SELECT \"ID\", \"AMOUNT\" FROM \"CELOSIA\".\"ACCOUNTS\" \
         WHERE <range> AND ((\"ID\" >= :1 OR \"ID\" >= :2))) governed WHERE \"AMOUNT\" >= :3"
    );
    let parts = found(&*connector, &query, &by(3)).await;
    assert_eq!(parts.readers.count, 3);
    assert!(parts.ids.iter().copied().eq(2_001..=ROWS), "{} rows", parts.rows);
    let open = shared(&*connector, &TableRead { predicate: None, ..read.clone() });
    assert!(found(&*connector, &open, &by(3)).await.ids.iter().copied().eq(1_001..=ROWS));
    let one = found(&*connector, &query, &by(1)).await;
    assert_eq!((one.readers.count, one.rows), (1, parts.rows));
    read.limit = Some(5);
    assert_eq!(splits(connector.dialect(), &read), None, "a limit is one for all parts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_heap_whose_rows_stay_is_read_by_one() {
    let more = "CREATE TABLE small (id NUMBER(18) NOT NULL)
/
INSERT INTO small VALUES (1)
/
CREATE TABLE mover (id NUMBER(18) NOT NULL)
/
INSERT INTO mover SELECT id FROM accounts
/
ALTER TABLE mover ENABLE ROW MOVEMENT
/
CREATE VIEW seen AS SELECT id FROM accounts
/
CREATE MATERIALIZED VIEW kept AS SELECT id FROM accounts
/
CREATE SYNONYM same FOR accounts
/
CREATE TABLE stays AS SELECT id FROM accounts
/
BEGIN DBMS_STATS.GATHER_SCHEMA_STATS(USER); END;
/
CREATE TABLE unknown (id NUMBER(18) NOT NULL)
/
INSERT INTO unknown SELECT id FROM accounts
/
";
    let Some(server) = store(Release::V23, more).await else { return };
    let connector = wide(&server, 3);
    for (table, readers) in [
        ("SMALL", 1),
        ("MOVER", 1),
        ("SEEN", 1),
        ("KEPT", 1),
        ("SAME", 1),
        ("UNKNOWN", 1),
        ("STAYS", 3),
    ] {
        let query = shared(&*connector, &whole(&*connector, table).await);
        let all = found(&*connector, &query, &by(3)).await;
        let rows = if table == "SMALL" { 1 } else { ROWS };
        assert_eq!((all.readers.count, all.rows), (readers, rows), "{table}");
        let parts = connector.divide(&query, &by(3)).await.expect("an answer");
        assert_eq!(parts.map_or(1, |parts| parts.statements.len()), readers, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_for_other_processes_give_each_row_once() {
    let Some(server) = store(Release::V23, "").await else { return };
    let budgeted = budgeted(wide(&server, 6));
    let mut read = whole(&budgeted, "ACCOUNTS").await;
    read.row_filter = Some(Predicate::Compare {
        column: 1,
        operator: Comparison::Greater,
        value: Value::Integer(60),
    });
    let query = shared(&budgeted, &read);
    let parts = budgeted.divide(&query, &by(1)).await.expect("an answer").expect("parts");
    assert_eq!((parts.statements.len(), parts.snapshot.as_deref()), (3, None));
    assert_eq!(budgeted.load().running, 2, "places are kept for the parts");
    let mut ids = Vec::new();
    for sql in parts.statements.clone() {
        let part = RenderedQuery { sql, splits: None, ..query.clone() };
        let rows = found(&budgeted, &part, &by(1)).await.ids;
        assert!(!rows.is_empty(), "{}", part.sql);
        ids.extend(rows);
    }
    assert!(ids.iter().copied().eq(61..=ROWS), "{} rows", ids.len());
    drop(parts);
    assert_eq!(budgeted.load().running, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_places_that_are_free_are_taken_and_all_are_given_back() {
    let Some(server) = store(Release::V23, "").await else { return };
    let budgeted = budgeted(wide(&server, 6));
    let query = shared(&budgeted, &whole(&budgeted, "ACCOUNTS").await);
    let first = budgeted.open(&query, &by(1)).await.expect("a stream");
    assert_eq!((first.readers().count, budgeted.load().running), (3, 3));
    drop(first);
    idle(&server).await;
    assert_eq!(budgeted.load().running, 0);
    let alone = RenderedQuery { splits: None, ..query.clone() };
    let one = budgeted.open(&alone, &by(1)).await.expect("a stream");
    let two = budgeted.open(&alone, &by(1)).await.expect("a stream");
    let third = found(&budgeted, &query, &by(1)).await;
    assert_eq!((third.readers.count, third.rows), (1, ROWS), "nobody is waited for");
    for stream in [one, two] {
        let _: Vec<RecordBatch> = stream.try_collect().await.expect("rows");
    }
    let again = found(&budgeted, &query, &by(1)).await;
    assert_eq!((again.readers.count, again.rows), (3, ROWS));
    assert_eq!(budgeted.load().running, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaving_and_the_deadline_stop_every_session() {
    let Some(server) = store(Release::V23, "").await else { return };
    let connector = wide(&server, 6);
    let query = shared(&*connector, &whole(&*connector, "ACCOUNTS").await);
    let mut stream = connector.open(&query, &by(3)).await.expect("a stream");
    stream.next().await.expect("a batch").expect("a batch");
    drop(stream);
    idle(&server).await;
    let soon = ExecutionContext { deadline: Instant::now(), ..by(3) };
    failed(connector.open(&query, &soon).await, ErrorCode::DeadlineExceeded);
    // No part of the table is ever sent to its end. On a busy machine the sessions need their time.
    server.faults().set(Fault::HalfOpen { after: 100_000 });
    let mut patience = Duration::from_secs(2);
    let mut stream = loop {
        let late = ExecutionContext { readers: 3, ..context(patience) };
        match connector.open(&query, &late).await {
            Ok(stream) if stream.readers().count == 3 => break stream,
            Ok(stream) => drop(stream),
            Err(error) => assert_eq!(error.code, ErrorCode::DeadlineExceeded, "{error:?}"),
        }
        assert!(patience < Duration::from_secs(60), "three sessions were never there in time");
        patience *= 2;
    };
    let error = loop {
        match stream.next().await {
            Some(Ok(_)) => {}
            Some(Err(error)) => break error,
            None => panic!("it ended"),
        }
    };
    assert_eq!(error.code, ErrorCode::DeadlineExceeded, "{error:?}");
    drop(stream);
    server.faults().set(Fault::None);
    idle(&server).await;
    let all = found(&*connector, &query, &by(3)).await;
    assert_eq!((all.readers.count, all.rows), (3, ROWS));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_session_is_told_who_asks() {
    let Some(server) = store(Release::V23, "").await else { return };
    let connector = wide(&server, 3);
    let query = shared(&*connector, &whole(&*connector, "ACCOUNTS").await);
    let ana = SessionIdentity { user: "ana".into(), issuer: String::new(), role: None };
    let asked = ExecutionContext { identity: Some(Arc::new(ana)), ..by(3) };
    let all = found(&*connector, &query, &asked).await;
    assert_eq!((all.readers.count, all.rows), (3, ROWS));
    let sessions = server.record().sessions();
    let told = sessions.iter().filter_map(|session| session.told.get("client_identifier"));
    assert_eq!(told.filter(|told| *told == "ana").count(), 3);
}

/// A table of many rows, and an engine that never ends when it is asked where they lie.
#[derive(Debug)]
struct Hanging;

struct HangingSession(bool);

#[async_trait]
impl Engine for Hanging {
    async fn session(&self, _: &Login) -> Result<Box<dyn EngineSession>, EngineError> {
        Ok(Box::new(HangingSession(false)))
    }
}

#[async_trait]
impl EngineSession for HangingSession {
    async fn execute(&mut self, sql: &str, _: &[Bind]) -> Result<Outcome, EngineError> {
        if sql.contains("SAMPLE BLOCK") {
            std::future::pending::<()>().await;
        }
        self.0 = sql.contains("all_tables");
        if !self.0 {
            return Ok(Outcome::Done { affected: 0 });
        }
        Ok(Outcome::Rows(vec![column("NUM_ROWS", "NUMBER"), column("BLOCKS", "NUMBER")]))
    }

    async fn rows(&mut self, _: usize) -> Result<Vec<Row>, EngineError> {
        let rows = std::mem::take(&mut self.0);
        Ok(if rows { vec![cells(&[Some("900000"), Some("9000")])] } else { Vec::new() })
    }

    async fn cancel(&mut self) {
        self.0 = false;
    }
}

/// What is left before the first session has found out where to begin is stopped there, and so it is at the deadline.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaving_while_ranges_are_looked_for_stops_the_look() {
    let server = double(Arc::new(Hanging), TnsOptions::default()).await;
    let connector = wide(&server, 2);
    connector.ping().await.expect("a session");
    let query =
        RenderedQuery { splits: Some(anything()), ..crate::support::one_number("SELECT 1") };
    let (reader, asked) = (connector.clone(), query.clone());
    let reading = tokio::spawn(async move { reader.open(&asked, &by(2)).await.map(drop) });
    let running = || {
        server.record().sessions().iter().any(|session| {
            session.running.as_deref().is_some_and(|sql| sql.contains("SAMPLE BLOCK"))
        })
    };
    until("it is asked where rows lie", running).await;
    reading.abort();
    until("it is stopped", || server.record().cancelled() == 1).await;
    let late = ExecutionContext { readers: 2, ..context(Duration::from_millis(300)) };
    failed(connector.open(&query, &late).await, ErrorCode::DeadlineExceeded);
    until("it is stopped", || server.record().cancelled() == 2).await;
    failed(connector.divide(&query, &late).await, ErrorCode::DeadlineExceeded);
    connector.ping().await.expect("a session");
}

/// The splits of some table.
fn anything() -> Splits {
    let dialect = celosia_connector_oracle::OracleDialect::of(true, 23);
    let table = celosia_connector_api::TableDescription {
        schema: "S".into(),
        name: "T".into(),
        columns: vec![celosia_connector_api::ColumnDescription {
            name: "N".into(),
            native_type: "NUMBER(18)".into(),
            collation: None,
            data_type: arrow_schema::DataType::Int64,
            nullable: true,
            comment: None,
            class: celosia_connector_api::OperandClass::Integer,
            read_as_text: false,
        }],
        ..celosia_connector_api::TableDescription::default()
    };
    let output = vec![OutputColumn::open(0)];
    let read = TableRead {
        table: Arc::new(table),
        row_filter: None,
        output,
        predicate: None,
        order: vec![],
        limit: None,
    };
    splits(&dialect, &read).expect("splits")
}
