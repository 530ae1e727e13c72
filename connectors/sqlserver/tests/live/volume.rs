//! A large result in little memory, and how fast it comes beside the bare driver.

use crate::support::{Source, columns, context, statement};
use arrow_schema::{DataType, TimeUnit};
use celosia_connector_api::{Connector, ExecutionContext};
use celosia_connector_testkit::double::canned::Answer;
use celosia_connector_testkit::double::tds::{Encryption, TdsOptions};
use futures::{StreamExt, TryStreamExt};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tiberius::{AuthMethod, Client, Config, EncryptionLevel, QueryItem};
use tokio_util::compat::TokioAsyncWriteCompatExt;

const ROWS: u64 = 200_000;
const NATIVE: [&str; 6] =
    ["bigint", "int", "nvarchar(50)", "decimal(18,4)", "datetime2(6)", "float"];
/// The most that memory may grow.
const GROWTH: u64 = 64 << 20;

async fn source() -> Source {
    let options = TdsOptions { encryption: Encryption::NotSupported, ..TdsOptions::default() };
    let source = Source::start(options).await;
    let row = |at: u64| {
        let cells = [
            at.to_string(),
            (at % 1_000).to_string(),
            format!("customer number {at}"),
            format!("{at}.25"),
            "2024-02-29 12:34:56.789012".to_string(),
            "0.5".to_string(),
        ];
        Ok((at < ROWS).then(|| cells.into_iter().map(Some).collect()))
    };
    source.canned.answer("SELECT 1", Answer { columns: columns(&NATIVE), row: Arc::new(row) });
    source
}

fn types() -> [DataType; 6] {
    [
        DataType::Int64,
        DataType::Int32,
        DataType::Utf8,
        DataType::Decimal128(18, 4),
        DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Float64,
    ]
}

async fn through_the_connector(source: &Source) -> (u64, Duration, u64) {
    let mut config = source.config("encrypt=off");
    config.statement_timeout = Duration::from_secs(300);
    let connector = celosia_connector_sqlserver::SqlServerConnector::new(config).unwrap();
    let query = statement("SELECT 1", &types());
    let patient =
        ExecutionContext { batch_rows: 8_192, ..context("volume", Duration::from_secs(300)) };
    let (asked, before) = (Instant::now(), resident());
    let mut stream = connector.open(&query, &patient).await.unwrap();
    let (mut rows, mut peak) = (0, 0);
    while let Some(batch) = stream.next().await {
        rows += batch.unwrap().num_rows() as u64;
        peak = peak.max(resident().saturating_sub(before));
    }
    (rows, asked.elapsed(), peak)
}

async fn through_the_bare_driver(source: &Source) -> (u64, Duration) {
    let mut config = Config::new();
    config.host("127.0.0.1");
    config.port(source.double.port());
    config.database("celosia");
    config.authentication(AuthMethod::sql_server("reader", "Reader-1-secret"));
    config.encryption(EncryptionLevel::NotSupported);
    let socket = tokio::net::TcpStream::connect(config.get_addr()).await.unwrap();
    socket.set_nodelay(true).unwrap();
    let mut client = Box::pin(Client::connect(config, socket.compat_write())).await.unwrap();
    let asked = Instant::now();
    let mut rows = 0;
    let mut answer = client.query("SELECT 1", &[]).await.unwrap();
    while let Some(item) = answer.try_next().await.unwrap() {
        rows += u64::from(matches!(item, QueryItem::Row(_)));
    }
    (rows, asked.elapsed())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_result_streams_in_bounded_memory() {
    let source = source().await;
    let (rows, bare) = through_the_bare_driver(&source).await;
    assert_eq!(rows, ROWS);
    let (rows, ours, peak) = through_the_connector(&source).await;
    assert_eq!(rows, ROWS);
    let rate = |time: Duration| ROWS as f64 / time.as_secs_f64();
    eprintln!(
        "{ROWS} rows x 6 columns: {:.0} rows/s through the connector, {:.0} rows/s through the bare \
         driver ({:.0} %), peak growth {} KiB",
        rate(ours),
        rate(bare),
        100.0 * bare.as_secs_f64() / ours.as_secs_f64(),
        peak >> 10
    );
    assert!(peak < GROWTH, "{} MiB", peak >> 20);
}

/// Resident memory of this process in bytes.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * 4096
}
