//! A large table read by several sessions at the same time, over an engine that runs T-SQL: each row once, in the
//! order of the key, and only where a range of the key is a piece of the table.

use crate::support::{READER, context, until};
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use celosia_connector_api::render::render;
use celosia_connector_api::splits::splits;
use celosia_connector_api::{
    Budget, Budgeted, Comparison, Connector, ErrorCode, ExecutionContext, OutputColumn, Predicate,
    Readers, RenderedQuery, SessionIdentity, TableRead, Value,
};
use celosia_connector_sqlserver::{SqlServerConfig, SqlServerConnector};
use celosia_connector_testkit::cluster::PostgresCluster;
use celosia_connector_testkit::double::fault::Fault;
use celosia_connector_testkit::double::tds::{TdsDouble, TdsOptions};
use celosia_connector_testkit::double::tsql::TsqlEngine;
use futures::{StreamExt, TryStreamExt};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROWS: i64 = 200_000;
/// As few as two sessions are worth.
const LARGE: i64 = 100_000;
/// Two hundred thousand numbers from 1, and the tables that most tests read.
const NUMBERS: &str = "CREATE VIEW numbers AS
  WITH n (i) AS (SELECT v.i FROM (VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)) AS v (i)),
       m (i) AS (SELECT a.i + 10 * b.i + 100 * c.i FROM n AS a CROSS JOIN n AS b CROSS JOIN n AS c)
  SELECT CAST(a.i * 1000 + b.i + 1 AS bigint) AS i FROM m AS a CROSS JOIN m AS b WHERE a.i < 200
GO
CREATE TABLE accounts (id bigint NOT NULL PRIMARY KEY, amount bigint NOT NULL)
GO
INSERT INTO accounts (id, amount) SELECT i, i FROM numbers
GO
";

/// A server with the tables of a script.
struct Store {
    double: TdsDouble,
}

async fn store(script: &str) -> Option<Store> {
    let cluster = match PostgresCluster::shared() {
        Ok(cluster) => cluster,
        Err(reason) => {
            let required = std::env::var("CELOSIA_REQUIRE_SOURCES");
            assert!(!required.is_ok_and(|sources| sources.contains("sqlserver")), "{reason}");
            eprintln!("skipped: {reason}");
            return None;
        }
    };
    let engine = TsqlEngine::start(cluster).await.unwrap();
    engine.load(&format!("{NUMBERS}{script}")).await.unwrap();
    let double = TdsDouble::start(engine, TdsOptions::default()).await.unwrap();
    Some(Store { double })
}

impl Store {
    fn connector(&self, places: usize) -> SqlServerConnector {
        let authority = self.double.authority_file().unwrap().display().to_string();
        let port = self.double.port();
        let url =
            format!("sqlserver://{READER}@127.0.0.1:{port}/celosia?trust_certificate={authority}");
        let mut config = SqlServerConfig::parse(&url).unwrap();
        config.concurrency = places;
        config.statement_timeout = Duration::from_secs(120);
        SqlServerConnector::new(config).unwrap()
    }

    /// Waits until no session runs anything.
    async fn idle(&self) {
        let record = self.double.record();
        until("a statement still runs", || {
            record.sessions().iter().all(|session| session.running.is_none())
        })
        .await;
    }

    /// The sessions that were sent a statement like this.
    fn sent(&self, like: &str) -> BTreeSet<u64> {
        let statements = self.double.record().statements();
        let like = statements.iter().filter(|statement| statement.sql.contains(like));
        like.map(|statement| statement.session).collect()
    }
}

/// The read of all columns of a table.
async fn whole(connector: &dyn Connector, table: &str) -> TableRead {
    let tables = connector.describe().await.unwrap().tables;
    let table = Arc::new(tables.into_iter().find(|found| found.name == table).unwrap());
    let output = (0..table.columns.len()).map(OutputColumn::open).collect();
    TableRead { table, row_filter: None, output, predicate: None, order: vec![], limit: None }
}

/// The read as a statement that several sessions may share.
fn shared(connector: &dyn Connector, read: &TableRead) -> RenderedQuery {
    let dialect = connector.dialect();
    RenderedQuery { splits: splits(dialect, read), ..render(dialect, read).unwrap() }
}

fn by(readers: usize) -> ExecutionContext {
    ExecutionContext { readers, ..context("shared", Duration::from_secs(120)) }
}

/// Three places, all of which one statement may take.
fn budgeted(connector: SqlServerConnector) -> Budgeted {
    let statement_timeout = Duration::from_secs(120);
    let budget = Budget { concurrency: 3, readers: 3, statement_timeout, ..Budget::default() };
    Budgeted::new(Arc::new(connector), budget)
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
    let stream = connector.open(query, context).await.unwrap();
    let readers = stream.readers();
    let batches: Vec<RecordBatch> = stream.try_collect().await.unwrap();
    let numbers = |batch: &RecordBatch| {
        let column = batch.column(0).as_primitive_opt::<Int64Type>();
        column.map_or_else(Vec::new, |column| column.values().to_vec())
    };
    let rows = batches.iter().map(|batch| batch.num_rows() as i64).sum();
    Found { readers, rows, ids: batches.iter().flat_map(numbers).collect() }
}

/// The same in their order.
fn sorted(mut ids: Vec<i64>) -> Vec<i64> {
    ids.sort_unstable();
    ids
}

/// Whether each id comes in or behind the range of the one before it, of so many of equal width between the ends.
/// What is within a range comes as the server reads it: the double keeps no order of keys.
fn in_ranges(ids: &[i64], (low, high): (i64, i64), count: i64) -> bool {
    let start = |range: i64| low + (high - low + 1) * range / count;
    let range = |id: &i64| (1..count).filter(|range| *id >= start(*range)).count();
    ids.is_sorted_by_key(range)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_row_comes_once_and_in_the_order_of_the_key() {
    // A key with gaps that grow, from below zero, and rows that were not stored in its order.
    let squares = "CREATE TABLE squares (id bigint NOT NULL PRIMARY KEY, note varchar(10) NULL)
GO
INSERT INTO squares (id, note) SELECT (200001 - i) * (200001 - i) - 5000, NULL FROM numbers
GO
";
    let Some(store) = store(squares).await else { return };
    let connector = store.connector(8);
    let accounts = shared(&connector, &whole(&connector, "accounts").await);
    let squares = shared(&connector, &whole(&connector, "squares").await);
    for readers in [2, 3, 4] {
        let all = found(&connector, &accounts, &by(readers)).await;
        assert_eq!(all.readers, Readers { count: readers, one_snapshot: false });
        assert!(in_ranges(&all.ids, (1, ROWS), readers as i64), "{readers}");
        assert!(sorted(all.ids).into_iter().eq(1..=ROWS), "{readers}: {} rows", all.rows);
        let all = found(&connector, &squares, &by(readers)).await;
        assert_eq!(all.readers.count, readers);
        assert!(in_ranges(&all.ids, (-4_999, ROWS * ROWS - 5_000), readers as i64), "{readers}");
        assert!(sorted(all.ids).into_iter().eq((1..=ROWS).map(|i| i * i - 5_000)), "{readers}");
    }
    let many = found(&connector, &accounts, &by(9)).await;
    assert_eq!((many.readers.count, many.rows), (4, ROWS), "as many as the rows are worth");
    let one = found(&connector, &accounts, &by(1)).await;
    assert_eq!((one.readers, one.rows), (Readers::ONE, ROWS));
    let middle = "WHERE [id] >= CAST(100001 AS bigint) AND [id] < CAST(150001 AS bigint)";
    assert!(!store.sent(middle).is_empty());
    assert!(!store.sent("WHERE [id] < CAST(").is_disjoint(&store.sent("MIN([id])")), "none more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_are_governed_and_bound_as_the_whole_is() {
    let Some(store) = store("").await else { return };
    let connector = store.connector(3);
    let mut read = whole(&connector, "accounts").await;
    let at_least = |column, value| Predicate::Compare {
        column,
        operator: Comparison::GreaterOrEqual,
        value: Value::Integer(value),
    };
    read.row_filter = Some(Predicate::Or(vec![at_least(0, 1_001), at_least(0, 500_000)]));
    read.predicate = Some(at_least(1, 2_001));
    let query = shared(&connector, &read);
    assert_eq!(
        query.splits.as_ref().unwrap().statement("<range>"),
        "SELECT [id], [amount] FROM (SELECT [id], [amount] FROM [dbo].[accounts] \
         WHERE <range> AND (([id] >= @P1 OR [id] >= @P2))) AS governed WHERE [amount] >= @P3"
    );
    let parts = found(&connector, &query, &by(3)).await;
    assert_eq!(parts.readers.count, 3);
    assert!(sorted(parts.ids).into_iter().eq(2_001..=ROWS), "{} rows", parts.rows);
    let open = shared(&connector, &TableRead { predicate: None, ..read.clone() });
    let all = found(&connector, &open, &by(3)).await;
    assert!(sorted(all.ids).into_iter().eq(1_001..=ROWS), "{} rows", all.rows);
    let one = found(&connector, &query, &by(1)).await;
    assert_eq!((one.readers.count, one.rows), (1, parts.rows));
    read.limit = Some(5);
    assert_eq!(splits(connector.dialect(), &read), None, "a limit is one for all parts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_stored_by_a_whole_number_is_read_by_one() {
    let declared = [
        ("small", "id bigint NOT NULL PRIMARY KEY", "i", 10),
        ("heap", "id bigint NOT NULL", "i", LARGE),
        ("beside", "id bigint NOT NULL PRIMARY KEY NONCLUSTERED", "i", LARGE),
        ("words", "id varchar(20) NOT NULL PRIMARY KEY", "CAST(i AS varchar(20))", LARGE),
        ("exact", "id decimal(18,0) NOT NULL PRIMARY KEY", "i", LARGE),
    ];
    let mut script = declared.map(|(name, column, value, rows)| {
        format!(
            "CREATE TABLE {name} ({column})\nGO\nINSERT INTO {name} (id) SELECT {value} FROM numbers WHERE i <= {rows}\nGO\n"
        )
    })
    .concat();
    script.push_str(
        "CREATE VIEW seen AS SELECT id FROM accounts
GO
CREATE SYNONYM same FOR dbo.accounts
GO
CREATE TABLE pairs (id int NOT NULL, part varchar(10) NOT NULL, PRIMARY KEY (id, part))
GO
INSERT INTO pairs (id, part) SELECT i, 'a' FROM numbers WHERE i <= 100000
GO
CREATE TABLE apart (part varchar(10) NOT NULL, id int NOT NULL, PRIMARY KEY (part, id))
GO
INSERT INTO apart (part, id) SELECT 'a', i FROM numbers WHERE i <= 100000
GO
",
    );
    let Some(store) = store(&script).await else { return };
    let connector = store.connector(2);
    for (table, readers) in [
        ("small", 1),
        ("heap", 1),
        ("beside", 1),
        ("words", 1),
        ("exact", 1),
        ("seen", 1),
        ("same", 1),
        ("apart", 1),
        ("pairs", 2),
    ] {
        let query = shared(&connector, &whole(&connector, table).await);
        let all = found(&connector, &query, &by(2)).await;
        let rows = match table {
            "small" => 10,
            "seen" | "same" => ROWS,
            _ => LARGE,
        };
        assert_eq!((all.readers.count, all.rows), (readers, rows), "{table}");
        let parts = connector.divide(&query, &by(2)).await.unwrap();
        assert_eq!(parts.map_or(1, |parts| parts.statements.len()), readers, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_may_not_read_the_key_reads_alone() {
    let rights = "DENY SELECT ON accounts TO reader
GO
GRANT SELECT (amount) ON accounts TO reader
GO
";
    let Some(store) = store(rights).await else { return };
    let connector = store.connector(3);
    let query = shared(&connector, &whole(&connector, "accounts").await);
    let all = found(&connector, &query, &by(3)).await;
    assert_eq!((all.readers, all.rows), (Readers::ONE, ROWS));
    assert!(!store.sent("MIN([id])").is_empty(), "it was asked");
    assert!(connector.divide(&query, &by(3)).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_for_other_processes_give_each_row_once() {
    let Some(store) = store("").await else { return };
    let budgeted = budgeted(store.connector(6));
    let mut read = whole(&budgeted, "accounts").await;
    read.row_filter = Some(Predicate::Compare {
        column: 1,
        operator: Comparison::Greater,
        value: Value::Integer(60),
    });
    let query = shared(&budgeted, &read);
    let parts = budgeted.divide(&query, &by(1)).await.unwrap().unwrap();
    assert_eq!((parts.statements.len(), parts.snapshot.as_deref()), (3, None));
    assert_eq!(budgeted.load().running, 2, "places are kept for the parts");
    let mut ids = Vec::new();
    for sql in parts.statements.clone() {
        let part = RenderedQuery { sql, splits: None, ..query.clone() };
        ids.extend(found(&budgeted, &part, &by(1)).await.ids);
    }
    assert!(in_ranges(&ids, (1, ROWS), 3));
    assert!(sorted(ids).into_iter().eq(61..=ROWS));
    drop(parts);
    assert_eq!(budgeted.load().running, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_places_that_are_free_are_taken_and_all_are_given_back() {
    let Some(store) = store("").await else { return };
    let budgeted = budgeted(store.connector(6));
    let query = shared(&budgeted, &whole(&budgeted, "accounts").await);
    let first = budgeted.open(&query, &by(1)).await.unwrap();
    assert_eq!((first.readers().count, budgeted.load().running), (3, 3));
    drop(first);
    store.idle().await;
    assert_eq!(budgeted.load().running, 0);
    let alone = RenderedQuery { splits: None, ..query.clone() };
    let one = budgeted.open(&alone, &by(1)).await.unwrap();
    let two = budgeted.open(&alone, &by(1)).await.unwrap();
    let third = found(&budgeted, &query, &by(1)).await;
    assert_eq!((third.readers.count, third.rows), (1, ROWS), "nobody is waited for");
    for stream in [one, two] {
        let _: Vec<RecordBatch> = stream.try_collect().await.unwrap();
    }
    let again = found(&budgeted, &query, &by(1)).await;
    assert_eq!((again.readers.count, again.rows), (3, ROWS));
    assert_eq!(budgeted.load().running, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaving_and_the_deadline_stop_every_session() {
    let Some(store) = store("").await else { return };
    let connector = store.connector(6);
    let query = shared(&connector, &whole(&connector, "accounts").await);
    let mut stream = connector.open(&query, &by(3)).await.unwrap();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    store.idle().await;
    let soon = ExecutionContext { deadline: Instant::now(), ..by(3) };
    let error = connector.open(&query, &soon).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::DeadlineExceeded, "{error:?}");
    // No part of the table is ever sent to its end. On a busy machine the sessions need their time.
    store.double.faults().set(Fault::HalfOpen { after: 100_000 });
    let mut patience = Duration::from_secs(2);
    let mut stream = loop {
        let late = ExecutionContext { readers: 3, ..context("shared", patience) };
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
    store.double.faults().set(Fault::None);
    store.idle().await;
    let all = found(&connector, &query, &by(3)).await;
    assert_eq!((all.readers.count, all.rows), (3, ROWS));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_session_is_told_who_asks() {
    let Some(store) = store("").await else { return };
    let connector = store.connector(3);
    let query = shared(&connector, &whole(&connector, "accounts").await);
    let ana = SessionIdentity { user: "ana".into(), issuer: String::new(), role: None };
    let asked = ExecutionContext { identity: Some(Arc::new(ana)), ..by(3) };
    let all = found(&connector, &query, &asked).await;
    assert_eq!((all.readers.count, all.rows), (3, ROWS));
    let told = store.sent("@key = N'celosia.user', @value = N'ana'");
    assert_eq!(store.sent("FROM [dbo].[accounts]"), told);
    assert_eq!(told.len(), 3);
}
