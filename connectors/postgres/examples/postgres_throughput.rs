//! Rows a second from a throw-away server: drained by the bare driver, and made into Arrow batches by the
//! connector through COPY and through a prepared statement; then look-ups by key. Build it with `--release`.
//!
//! `cargo run --release -p celosia-connector-postgres --example postgres_throughput -- [rows] [rounds]`
#![allow(clippy::print_stdout, reason = "an example prints what it has measured")]

use arrow_array::RecordBatch;
use arrow_schema::DataType;
use celosia_connector_api::query::RenderedColumn;
use celosia_connector_api::{Connector, ExecutionContext, RenderedQuery, Value};
use celosia_connector_postgres::{PostgresConfig, PostgresConnector};
use celosia_connector_testkit::cluster::PostgresCluster;
use futures::{StreamExt, TryStreamExt};
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const SQL: &str = "SELECT * FROM public.lineitem";
const LOOK_UPS: usize = 5_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Outcome<()> {
    // On a worker, as in a server: the thread that waits for the socket is the one that reads it.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [flag, url, sql] if flag == "--url" => {
            let (url, sql) = (url.clone(), sql.clone());
            tokio::spawn(async move { on_demand(&url, &sql).await }).await?
        }
        _ => tokio::spawn(measure()).await?,
    }
}

/// Reads all of lineitem from the server at `url` each time a line comes in, and says how many rows there were.
async fn on_demand(url: &str, sql: &str) -> Outcome<()> {
    let connector = PostgresConnector::new(PostgresConfig::parse(url)?)?;
    let next = || std::io::stdin().read_line(&mut String::new());
    while tokio::task::block_in_place(next)? > 0 {
        let mut types = vec![DataType::Int64, DataType::Int32, DataType::Int32, DataType::Int32];
        types.extend(lineitem().drain(4..));
        let mut stream = connector.open(&query(sql, vec![], types, None), &context()).await?;
        let mut batches = Vec::new();
        while let Some(batch) = stream.next().await {
            batches.push(batch?);
        }
        println!("{}", batches.iter().map(RecordBatch::num_rows).sum::<usize>());
    }
    Ok(())
}

async fn measure() -> Outcome<()> {
    let arguments: Vec<u64> = std::env::args().filter_map(|text| text.parse().ok()).collect();
    let rows = arguments.first().copied().unwrap_or(1_000_000);
    let rounds = arguments.get(1).copied().unwrap_or(5);
    let cluster = PostgresCluster::start()?;
    cluster.execute("postgres", &load(rows))?;
    let url = cluster.url("postgres", "postgres");
    let connector = PostgresConnector::new(PostgresConfig::parse(&url)?)?;
    let mut bare = PgConnection::connect(&url).await?;
    let names = ["bare COPY, drained", "COPY to Arrow", "prepared to Arrow"];
    let mut all = [const { (Vec::new(), Vec::new()) }; 3];
    for _ in 0..rounds {
        for (way, (seconds, work)) in all.iter_mut().enumerate() {
            let (begun, worked) = (Instant::now(), processor_seconds());
            match way {
                0 => drain(&mut bare).await?,
                1 => read(&connector, None, rows).await?,
                _ => read(&connector, Some(0), rows).await?,
            }
            seconds.push(begun.elapsed().as_secs_f64());
            work.push(processor_seconds() - worked);
        }
    }
    println!("{rows} rows of 16 columns, medians of {rounds}; work is this process's");
    let all = all.map(|(seconds, work)| (median(seconds), median(work)));
    for (name, (seconds, work)) in names.iter().zip(all) {
        let (rate, ratio) = (rows as f64 / seconds, seconds / all[0].0);
        println!(
            "{name:20} {seconds:6.3} s {rate:9.0} rows/s {ratio:5.2} x bare COPY, work {work:.2} s"
        );
    }
    look_ups(&connector, &url, rows).await
}

fn load(rows: u64) -> String {
    format!(
        "CREATE TABLE lineitem (l_orderkey bigint, l_partkey bigint, l_suppkey bigint, \
           l_linenumber integer, l_quantity numeric(15,2), l_extendedprice numeric(15,2), \
           l_discount numeric(15,2), l_tax numeric(15,2), l_returnflag char(1), \
           l_linestatus char(1), l_shipdate date, l_commitdate date, l_receiptdate date, \
           l_shipinstruct char(25), l_shipmode char(10), l_comment varchar(44)); \
         INSERT INTO lineitem SELECT g / 4, g % 200000, g % 10000, g % 4 + 1, g % 50 + 1, \
           (g * 7919 % 10494950)::numeric / 100 + 900, (g % 11)::numeric / 100, \
           (g % 9)::numeric / 100, (ARRAY['A','N','R'])[g % 3 + 1], (ARRAY['O','F'])[g % 2 + 1], \
           date '1992-01-01' + (g % 2500)::int, date '1992-01-31' + (g % 2500)::int, \
           date '1992-02-10' + (g % 2500)::int, \
           (ARRAY['DELIVER IN PERSON','COLLECT COD','NONE','TAKE BACK RETURN'])[g % 4 + 1], \
           (ARRAY['REG AIR','AIR','RAIL','SHIP','TRUCK','MAIL','FOB'])[g % 7 + 1], \
           left(md5(g::text) || md5((g + 1)::text), (10 + g % 34)::int) \
           FROM generate_series(1::bigint, {rows}) AS g; \
         CREATE TABLE keyed AS SELECT g::bigint AS id, md5(g::text) AS name \
           FROM generate_series(1, 100000) AS g; \
         ALTER TABLE keyed ADD PRIMARY KEY (id); VACUUM ANALYZE;"
    )
}

/// COPY to nowhere.
async fn drain(connection: &mut PgConnection) -> Outcome<()> {
    let copy = format!("COPY ({SQL}) TO STDOUT (FORMAT binary)");
    let mut chunks = connection.copy_out_raw(&copy).await?;
    while let Some(chunk) = chunks.try_next().await? {
        black_box(chunk);
    }
    Ok(())
}

/// The types of lineitem.
fn lineitem() -> Vec<DataType> {
    let money = || DataType::Decimal128(15, 2);
    let mut types = vec![DataType::Int64; 3];
    types.extend([DataType::Int32, money(), money(), money(), money()]);
    types.extend([DataType::Utf8, DataType::Utf8]);
    types.extend(vec![DataType::Date32; 3]);
    types.extend(vec![DataType::Utf8; 3]);
    types
}

async fn read(connector: &PostgresConnector, hint: Option<u64>, rows: u64) -> Outcome<()> {
    let query = query(SQL, vec![], lineitem(), hint);
    let mut stream = connector.open(&query, &context()).await?;
    let mut read = 0;
    while let Some(batch) = stream.next().await {
        read += black_box(batch?).num_rows() as u64;
    }
    if read != rows {
        return Err(format!("{read} rows for {rows}").into());
    }
    Ok(())
}

/// A key look-up, one after the other: by the bare driver, and by the connector.
async fn look_ups(connector: &PostgresConnector, url: &str, rows: u64) -> Outcome<()> {
    let sql = "SELECT id, name FROM public.keyed WHERE id = CAST($1 AS bigint)";
    let mut bare = PgConnection::connect(url).await?;
    let mut all = [Vec::new(), Vec::new()];
    let types = vec![DataType::Int64, DataType::Utf8];
    let mut query = query(sql, vec![Value::Integer(0)], types, Some(1));
    for at in 0..LOOK_UPS {
        let id = 1 + (at as i64 * 7919) % 100_000;
        let begun = Instant::now();
        black_box(sqlx::query(sql).bind(id).fetch_one(&mut bare).await?);
        all[0].push(begun.elapsed().as_secs_f64());
        query.parameters[0] = Value::Integer(id);
        let begun = Instant::now();
        let mut stream = connector.open(&query, &context()).await?;
        let batch = stream.next().await.ok_or("no row")??;
        if batch.num_rows() != 1 || stream.next().await.is_some() {
            return Err("not one row".into());
        }
        all[1].push(begun.elapsed().as_secs_f64());
    }
    let [bare, ours] = all.map(median).map(|seconds| seconds * 1e6);
    println!("look-up: bare driver {bare:.0} us, connector {ours:.0} us ({:.2} x)", ours / bare);
    let whole = [2, 100, 5_000, rows.min(20_000)];
    for count in whole {
        let sql = format!("SELECT l_orderkey FROM public.lineitem LIMIT {count}");
        let mut medians = Vec::new();
        for hint in [None, Some(0)] {
            let mut all = Vec::new();
            for _ in 0..100 {
                let query = self::query(&sql, vec![], vec![DataType::Int64], hint);
                let begun = Instant::now();
                let stream = connector.open(&query, &context()).await?;
                black_box(stream.try_collect::<Vec<_>>().await?);
                all.push(begun.elapsed().as_secs_f64() * 1e6);
            }
            medians.push(median(all));
        }
        println!("{count:6} rows of 1: COPY {:.0} us, prepared {:.0} us", medians[0], medians[1]);
    }
    Ok(())
}

fn query(
    sql: &str,
    parameters: Vec<Value>,
    types: Vec<DataType>,
    rows_hint: Option<u64>,
) -> RenderedQuery {
    let column = |(at, data_type)| RenderedColumn { name: format!("c{at}"), data_type };
    let columns = types.into_iter().enumerate().map(column).collect();
    RenderedQuery {
        sql: sql.to_string(),
        parameters,
        columns,
        defer_unfit: false,
        rows_hint,
        splits: None,
    }
}

fn context() -> ExecutionContext {
    let deadline = Instant::now() + Duration::from_secs(30);
    ExecutionContext {
        query_id: "throughput".to_string(),
        deadline,
        batch_rows: 8_192,
        caller: None,
        identity: None,
        accepts_cost: false,
        readers: 1,
        snapshot: None,
    }
}

/// Time this process has had a processor, where the system tells: in hundredths of a second.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
