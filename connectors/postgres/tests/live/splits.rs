//! A large table read by several sessions at the same time: each row once, all in one snapshot, and only where
//! the server would read the whole table anyway.

use crate::support::{Source, connector, context, running, source, until, whole};
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use celosia_connector_api::render::render;
use celosia_connector_api::splits::splits;
use celosia_connector_api::{
    Budget, Budgeted, Comparison, Connector, ErrorCode, ExecutionContext, Predicate, RenderedQuery,
    TableRead, Value,
};
use celosia_connector_postgres::PostgresConnector;
use futures::{StreamExt, TryStreamExt};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

const ROWS: i64 = 120_000;
const TABLE: &str = "CREATE TABLE accounts (id int8 PRIMARY KEY, amount int8, pad text);
    INSERT INTO accounts SELECT i, i, repeat('x', 60) FROM generate_series(1, 120000) i;
    ANALYZE accounts";

/// The read of a table, which several sessions may share.
fn shared(source: &Source, read: &TableRead) -> RenderedQuery {
    let dialect = source.connector.dialect();
    let query = render(dialect, read).unwrap();
    RenderedQuery { splits: splits(dialect, read), ..query }
}

fn wide(source: &Source, places: usize) -> PostgresConnector {
    connector(&source.cluster.url(&source.database, "postgres"), places)
}

fn by(readers: usize) -> ExecutionContext {
    ExecutionContext { readers, ..context("shared") }
}

/// The first column, in the order in which rows come.
async fn ids(connector: &dyn Connector, query: &RenderedQuery, readers: usize) -> Vec<i64> {
    let stream = connector.open(query, &by(readers)).await.unwrap();
    let batches: Vec<RecordBatch> = stream.try_collect().await.unwrap();
    let of = |batch: &RecordBatch| batch.column(0).as_primitive::<Int64Type>().values().to_vec();
    batches.iter().flat_map(of).collect()
}

struct Sums {
    readers: usize,
    rows: i64,
    ids: i64,
    amounts: i64,
}

async fn sums(connector: &dyn Connector, query: &RenderedQuery, readers: usize) -> Sums {
    let stream = connector.open(query, &by(readers)).await.unwrap();
    let readers = stream.readers().count;
    let batches: Vec<RecordBatch> = stream.try_collect().await.unwrap();
    let sum = |column: usize| {
        let values = |batch: &RecordBatch| -> i64 {
            batch.column(column).as_primitive::<Int64Type>().values().iter().sum()
        };
        batches.iter().map(values).sum()
    };
    let rows = batches.iter().map(|batch| batch.num_rows() as i64).sum();
    Sums { readers, rows, ids: sum(0), amounts: sum(1) }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_row_comes_once_also_while_rows_move() {
    let Some(source) = source(TABLE) else { return };
    let connector = wide(&source, 4);
    let query = shared(&source, &whole(&source, "accounts").await);
    // A moved row goes to another page: without one snapshot it would be read twice, or not at all.
    let transfers = "DO $$ BEGIN FOR i IN 1..1000 LOOP \
        UPDATE accounts SET amount = amount + CASE WHEN id <= 60000 THEN 1 ELSE -1 END \
        WHERE id IN (1 + i * 59, 120000 - i * 59); COMMIT; END LOOP; END $$";
    let (cluster, database) = (source.cluster, source.database.clone());
    let stop = Arc::new(AtomicBool::new(false));
    let told = stop.clone();
    let writer = std::thread::spawn(move || {
        let mut rounds = 0;
        while !told.load(Ordering::Relaxed) {
            cluster.execute(&database, transfers).unwrap();
            rounds += 1;
        }
        rounds
    });
    let total = ROWS * (ROWS + 1) / 2;
    for _ in 0..6 {
        let found = sums(&connector, &query, 3).await;
        assert_eq!(found.readers, 3);
        assert_eq!((found.rows, found.ids, found.amounts), (ROWS, total, total));
    }
    stop.store(true, Ordering::Relaxed);
    println!("{} thousand transfers", writer.join().unwrap());
    let pages = "SELECT pg_relation_size('accounts') / 8192 > 1700";
    assert_eq!(source.cluster.execute(&source.database, pages).unwrap(), "t", "rows have moved");
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_are_governed_and_bound_as_the_whole_is() {
    let Some(source) = source(TABLE) else { return };
    let connector = wide(&source, 3);
    let mut read = whole(&source, "accounts").await;
    let at_least = |column, value| Predicate::Compare {
        column,
        operator: Comparison::GreaterOrEqual,
        value: Value::Integer(value),
    };
    read.row_filter = Some(Predicate::Or(vec![at_least(0, 1_001), at_least(0, 500_000)]));
    read.predicate = Some(at_least(1, 2_001));
    let query = shared(&source, &read);
    assert_eq!(
        query.splits.as_ref().unwrap().statement("<pages>"),
        "SELECT \"id\", \"amount\", \"pad\" FROM (SELECT \"id\", \"amount\", \"pad\" FROM \"public\".\"accounts\" \
         WHERE <pages> AND ((\"id\" >= CAST($1 AS bigint) OR \"id\" >= CAST($2 AS bigint)))) AS governed \
         WHERE \"amount\" >= CAST($3 AS bigint)"
    );
    let found = sums(&connector, &query, 3).await;
    assert_eq!((found.readers, found.rows), (3, ROWS - 2_000));
    let open = TableRead { row_filter: None, ..read.clone() };
    let all = sums(&connector, &shared(&source, &open), 3).await;
    assert_eq!((all.readers, all.rows), (3, ROWS - 2_000));
    assert!(ids(&connector, &query, 3).await.is_sorted(), "in the order of one scan");
    let one = sums(&connector, &query, 1).await;
    assert_eq!((one.readers, one.rows, one.ids), (1, found.rows, found.ids));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_would_not_read_whole_is_read_by_one() {
    let more = "CREATE TABLE small (id int8, amount int8); INSERT INTO small VALUES (1, 1);
        CREATE TABLE parent (id int8, amount int8) PARTITION BY RANGE (id);
        CREATE TABLE child PARTITION OF parent FOR VALUES FROM (0) TO (1000000);
        INSERT INTO parent SELECT id, amount FROM accounts;
        CREATE VIEW seen AS SELECT id, amount FROM accounts;
        CREATE TABLE secured AS SELECT id, amount, pad FROM accounts;
        ALTER TABLE secured ENABLE ROW LEVEL SECURITY; ANALYZE";
    let Some(source) = source(&format!("{TABLE}; {more}")) else { return };
    let connector = wide(&source, 4);
    for (table, rows) in
        [("small", 1), ("parent", ROWS), ("seen", ROWS), ("secured", ROWS), ("accounts", ROWS)]
    {
        let read = whole(&source, table).await;
        let found = sums(&connector, &shared(&source, &read), 3).await;
        let readers = if table == "accounts" { 3 } else { 1 };
        assert_eq!((found.readers, found.rows), (readers, rows), "{table}");
    }
    let mut read = whole(&source, "accounts").await;
    read.predicate = Some(Predicate::Compare {
        column: 0,
        operator: Comparison::Less,
        value: Value::Integer(50),
    });
    let found = sums(&connector, &shared(&source, &read), 3).await;
    assert_eq!((found.readers, found.rows), (1, 49), "an index serves it");
    read.limit = Some(5);
    assert_eq!(splits(connector.dialect(), &read), None, "a limit is one for all parts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_sees_some_columns_reads_alone() {
    let columns = "DO $$ BEGIN CREATE ROLE some_columns LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
        GRANT SELECT (id, amount) ON accounts TO some_columns";
    let Some(source) = source(&format!("{TABLE}; {columns}")) else { return };
    let connector = connector(&source.cluster.url(&source.database, "some_columns"), 4);
    let mut read = whole(&source, "accounts").await;
    read.output.truncate(2);
    let found = sums(&connector, &shared(&source, &read), 3).await;
    assert_eq!((found.readers, found.rows), (1, ROWS));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_places_that_are_free_are_taken_and_all_are_given_back() {
    let Some(source) = source(TABLE) else { return };
    let budget = Budget { concurrency: 3, readers: 3, ..Budget::default() };
    let budgeted = Budgeted::new(Arc::new(wide(&source, 3)), budget);
    let query = shared(&source, &whole(&source, "accounts").await);
    let first = budgeted.open(&query, &context("shared")).await.unwrap();
    assert_eq!(first.readers().count, 3);
    assert_eq!(budgeted.load().running, 3);
    drop(first);
    until(&source, &running("shared"), "0").await;
    let alone = RenderedQuery { splits: None, ..query.clone() };
    let one = budgeted.open(&alone, &context("alone")).await.unwrap();
    let two = budgeted.open(&alone, &context("alone")).await.unwrap();
    let third = sums(&budgeted, &query, 1).await;
    assert_eq!((third.readers, third.rows), (1, ROWS), "nobody is waited for");
    for stream in [one, two] {
        let _: Vec<RecordBatch> = stream.try_collect().await.unwrap();
    }
    let again = sums(&budgeted, &query, 1).await;
    assert_eq!((again.readers, again.rows), (3, ROWS));
    assert_eq!(budgeted.load().running, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_and_the_deadline_stop_every_session() {
    let Some(source) = source(TABLE) else { return };
    let connector = wide(&source, 6);
    let query = shared(&source, &whole(&source, "accounts").await);
    let mut stream = connector.open(&query, &by(3)).await.unwrap();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    until(&source, &running("shared"), "0").await;
    let soon = ExecutionContext { deadline: Instant::now(), ..by(3) };
    let error = connector.open(&query, &soon).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::DeadlineExceeded, "{error:?}");
    let found = sums(&connector, &query, 3).await;
    assert_eq!((found.readers, found.rows), (3, ROWS));
    let open = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%'";
    until(&source, open, "0").await;
}
