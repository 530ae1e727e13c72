//! Answers with changed bytes: an error or an answer in time, and never a panic.

use crate::support::{READER, Source, columns, fetch_within, statement};
use arrow_schema::{DataType, TimeUnit};
use celosia_connector_api::Contained;
use celosia_connector_sqlserver::{SqlServerConfig, SqlServerConnector};
use celosia_connector_testkit::double::canned::Answer;
use celosia_connector_testkit::double::tds::{Encryption, TdsOptions};
use celosia_connector_testkit::spoil::{Edits, Spoiler};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_millis(300);
/// How late an end may be on a busy machine.
const LATE: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changed_bytes_are_an_error_or_an_answer() {
    let cases = std::env::var("CELOSIA_FUZZ_CASES").ok().and_then(|n| n.parse().ok());
    let cases: u64 = cases.unwrap_or(400);
    let source =
        Source::start(TdsOptions { encryption: Encryption::NotSupported, ..TdsOptions::default() })
            .await;
    let native =
        ["bigint", "nvarchar(50)", "decimal(18,4)", "datetime2(6)", "varbinary(20)", "bit"];
    let row = |at: u64| {
        let number = at.to_string();
        let cells = [&number, "some text", "1.5", "2024-02-29 12:00:00.5", "\\x00ff", "1"];
        Ok((at < 40).then(|| cells.iter().map(|cell| Some((*cell).to_string())).collect()))
    };
    let answer = Answer { columns: columns(&native), row: std::sync::Arc::new(row) };
    source.canned.answer("SELECT 1", answer);
    let query = statement(
        "SELECT 1",
        &[
            DataType::Int64,
            DataType::Utf8,
            DataType::Decimal128(18, 4),
            DataType::Timestamp(TimeUnit::Microsecond, None),
            DataType::Binary,
            DataType::Boolean,
        ],
    );
    let spoiler = Spoiler::before(source.double.port()).await.unwrap();
    let url = format!("sqlserver://{READER}@127.0.0.1:{}/celosia?encrypt=off", spoiler.port());
    let (mut answers, mut errors) = (0, 0);
    for seed in 0..cases {
        spoiler.set(if seed == 0 { Edits::default() } else { Edits::seeded(seed) });
        // A connector of its own, so that each case begins with a login.
        let connector = SqlServerConnector::new(SqlServerConfig::parse(&url).unwrap()).unwrap();
        let connector = Contained::new(std::sync::Arc::new(connector));
        let begun = Instant::now();
        let patience = if seed == 0 { LATE } else { PATIENCE };
        match fetch_within(&connector, &query, patience).await {
            Ok(_) => answers += 1,
            Err(error) => {
                assert!(seed > 0, "{error:?}");
                assert!(
                    !format!("{error:?}").contains("Reader-1-secret"),
                    "seed {seed}: {error:?}"
                );
                errors += 1;
            }
        }
        assert!(begun.elapsed() < LATE, "seed {seed}: {:?}", begun.elapsed());
    }
    println!("{cases} dialogues with changed bytes: {answers} answers, {errors} errors");
    assert!(errors > cases / 10, "the changes hit nothing");
}
