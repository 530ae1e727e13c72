//! Rows a second from a server of Oracle's protocol that answers from a list: by the bare driver, and by the
//! connector, which makes Arrow batches of them. Build it with `--release`.
#![allow(clippy::print_stdout, reason = "an example prints what it has measured")]

use arrow_schema::{DataType, TimeUnit};
use celosia_connector_api::query::RenderedColumn;
use celosia_connector_api::{Connector, ExecutionContext, RenderedQuery};
use celosia_connector_oracle::{OracleConfig, OracleConnector};
use celosia_connector_testkit::double::canned::{Answer, Canned};
use celosia_connector_testkit::double::engine::ResultColumn;
use celosia_connector_testkit::double::tns::{TnsDouble, TnsOptions};
use futures::StreamExt;
use oracledb::{OracleNumber, OracleTimestamp};
use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROWS: u64 = 200_000;
const SQL: &str = "SELECT * FROM \"MANY\"";
const FETCH: u32 = 2_000;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Outcome<()> {
    let canned = Canned::default();
    canned.answer(SQL, many());
    let server = TnsDouble::start(Arc::new(canned), TnsOptions::default()).await?;
    let port = server.port();
    for _ in 0..3 {
        let bare = tokio::task::spawn_blocking(move || {
            let (rows, begun) = bare(port).map_err(|error| error.to_string())?;
            rate(rows, begun)
        });
        let bare = bare.await??;
        let connector = connector(port).await?;
        let share = 100.0 * connector / bare;
        println!("bare driver {bare:9.0} rows/s, connector {connector:9.0} rows/s ({share:.0} %)");
    }
    Ok(())
}

fn many() -> Answer {
    let natives =
        ["NUMBER(18)", "NUMBER(12,2)", "VARCHAR2(100)", "DATE", "TIMESTAMP(6)", "BINARY_DOUBLE"];
    let columns = natives.iter().enumerate().map(|(at, native)| ResultColumn {
        name: format!("C{at}"),
        native: (*native).to_string(),
        nullable: true,
        collation: None,
    });
    let row = |at: u64| {
        Ok((at < ROWS).then(|| {
            vec![
                Some(at.to_string()),
                Some(format!("{}.25", at % 1_000)),
                Some(format!("text number {at}")),
                Some("2024-01-02 03:04:05".to_string()),
                Some("2024-01-02 03:04:05.678901".to_string()),
                Some("0.5".to_string()),
            ]
        }))
    };
    Answer { columns: columns.collect(), row: Arc::new(row) }
}

/// Reads every value in the driver's own types and does nothing with it.
fn bare(port: u16) -> Result<(u64, Instant), oracledb::Error> {
    let config = oracledb::Config::default()
        .set_credentials("reader", "Reader-1-secret")
        .set_connect_string(&format!("127.0.0.1:{port}/CELOSIA"))?;
    let connection = oracledb::connect(config)?;
    let begun = Instant::now();
    let statement = connection.statement(SQL)?.prefetch_rows(FETCH).fetch_array_size(FETCH);
    let mut rows = 0;
    for row in statement.build()?.query(&[])? {
        let row = row?;
        black_box(row.get::<Option<OracleNumber>>(0)?);
        black_box(row.get::<Option<OracleNumber>>(1)?);
        black_box(row.get::<Option<&str>>(2)?);
        black_box(row.get::<Option<OracleTimestamp>>(3)?);
        black_box(row.get::<Option<OracleTimestamp>>(4)?);
        black_box(row.get::<Option<f64>>(5)?);
        rows += 1;
    }
    Ok((rows, begun))
}

async fn connector(port: u16) -> Outcome<f64> {
    let url = format!("oracle://reader:Reader-1-secret@127.0.0.1:{port}/CELOSIA");
    let connector = OracleConnector::new(OracleConfig::parse(&url)?)?;
    connector.ping().await?;
    let stamp = DataType::Timestamp(TimeUnit::Microsecond, None);
    let types = [
        DataType::Int64,
        DataType::Decimal128(12, 2),
        DataType::Utf8,
        stamp.clone(),
        stamp,
        DataType::Float64,
    ];
    let columns = types.into_iter().enumerate();
    let query = RenderedQuery {
        sql: SQL.to_string(),
        parameters: vec![],
        columns: columns
            .map(|(at, data_type)| RenderedColumn { name: format!("C{at}"), data_type })
            .collect(),
        defer_unfit: false,
        rows_hint: None,
        splits: None,
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    let context = ExecutionContext {
        query_id: "throughput".to_string(),
        deadline,
        batch_rows: 8_192,
        caller: None,
        identity: None,
        accepts_cost: false,
        readers: 1,
        snapshot: None,
    };
    let begun = Instant::now();
    let mut stream = connector.open(&query, &context).await?;
    let mut rows = 0;
    while let Some(batch) = stream.next().await {
        rows += batch?.num_rows() as u64;
    }
    rate(rows, begun)
}

fn rate(rows: u64, begun: Instant) -> Outcome<f64> {
    if rows != ROWS {
        return Err(format!("{rows} rows for {ROWS}").into());
    }
    Ok(ROWS as f64 / begun.elapsed().as_secs_f64())
}
