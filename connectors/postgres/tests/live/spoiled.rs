//! Answers with changed bytes: an error or an answer in time, and never a panic.

use crate::support::{connector, source, statement};
use arrow_array::RecordBatch;
use arrow_schema::{DataType, TimeUnit};
use celosia_connector_api::{
    Connector, ConnectorError, Contained, ExecutionContext, RenderedQuery,
};
use celosia_connector_testkit::spoil::{Edits, Spoiler};
use futures::TryStreamExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_millis(300);
/// How late an end may be on a busy machine.
const LATE: Duration = Duration::from_secs(8);
const SQL: &str = "SELECT g::int8, 'some text ' || g, (g / 7.0)::numeric(18,4), now()::timestamp, \
                   decode('00ff', 'hex'), g > 20 FROM generate_series(1, 40) AS g";

async fn read(
    connector: &dyn Connector,
    query: &RenderedQuery,
    patience: Duration,
) -> Result<Vec<RecordBatch>, ConnectorError> {
    let context = ExecutionContext {
        query_id: "spoiled".into(),
        deadline: Instant::now() + patience,
        batch_rows: 1_000,
        caller: None,
        identity: None,
        accepts_cost: false,
        readers: 1,
        snapshot: None,
    };
    connector.open(query, &context).await?.try_collect().await
}

/// Through COPY, and through the way of short answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changed_bytes_are_an_error_or_an_answer() {
    let cases = std::env::var("CELOSIA_FUZZ_CASES").ok().and_then(|n| n.parse().ok());
    let cases: u64 = cases.unwrap_or(300);
    let Some(source) = source("SELECT 1") else { return };
    let spoiler = Spoiler::before(source.cluster.port()).await.unwrap();
    let url = source.cluster.url(&source.database, "postgres");
    let url = url.replace(&source.cluster.port().to_string(), &spoiler.port().to_string());
    let long = statement(
        SQL,
        &[
            DataType::Int64,
            DataType::Utf8,
            DataType::Decimal128(18, 4),
            DataType::Timestamp(TimeUnit::Microsecond, None),
            DataType::Binary,
            DataType::Boolean,
        ],
    );
    let short = RenderedQuery { rows_hint: Some(40), ..long.clone() };
    let (mut answers, mut errors) = (0, 0);
    for seed in 0..cases {
        spoiler.set(if seed < 2 { Edits::default() } else { Edits::seeded(seed) });
        // A connector of its own, so that each case begins with a login.
        let connector = Contained::new(Arc::new(connector(&url, 1)));
        let begun = Instant::now();
        let query = if seed % 2 == 0 { &long } else { &short };
        match read(&connector, query, if seed < 2 { LATE } else { PATIENCE }).await {
            Ok(_) => answers += 1,
            Err(error) => {
                assert!(seed > 1, "{error:?}");
                errors += 1;
            }
        }
        assert!(begun.elapsed() < LATE, "seed {seed}: {:?}", begun.elapsed());
    }
    println!("{cases} dialogues with changed bytes: {answers} answers, {errors} errors");
    assert!(errors > cases / 10, "the changes hit nothing");
}
