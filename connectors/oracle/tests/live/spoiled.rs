//! Answers with changed bytes: an error or an answer in time, and never a panic.

use crate::support::{PASSWORD, cells, column, connector, context, double, list, query, read};
use arrow_schema::{DataType, TimeUnit};
use celosia_connector_testkit::double::canned::Answer;
use celosia_connector_testkit::double::tns::{ServerVersion, TnsOptions};
use celosia_connector_testkit::spoil::{Edits, Spoiler};
use std::time::{Duration, Instant};

const SQL: &str = "SELECT * FROM \"V\"";
const PATIENCE: Duration = Duration::from_millis(500);
/// How late an end may be on a busy machine.
const LATE: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changed_bytes_are_an_error_or_an_answer() {
    let cases = std::env::var("CELOSIA_FUZZ_CASES").ok().and_then(|n| n.parse().ok());
    let cases: u64 = cases.unwrap_or(120);
    let columns =
        [("N", "NUMBER(18)"), ("T", "VARCHAR2(50)"), ("D", "DATE"), ("F", "BINARY_DOUBLE")];
    let row = cells(&[Some("42"), Some("some text"), Some("2024-02-29 12:00:00"), Some("1.5")]);
    let answer =
        Answer::rows(columns.map(|(name, native)| column(name, native)).into(), vec![row; 30]);
    let wanted = query(
        SQL,
        &[
            ("N", DataType::Int64),
            ("T", DataType::Utf8),
            ("D", DataType::Timestamp(TimeUnit::Microsecond, None)),
            ("F", DataType::Float64),
        ],
    );
    let (mut answers, mut errors) = (0, 0);
    for version in [ServerVersion::V19, ServerVersion::V23] {
        let options = TnsOptions { version, ..TnsOptions::default() };
        let server = double(list(&[(SQL, answer.clone())]), options).await;
        let spoiler = Spoiler::before(server.port()).await.expect("a port");
        let url = format!("oracle://reader:{PASSWORD}@127.0.0.1:{}/CELOSIA", spoiler.port());
        for seed in 0..cases {
            spoiler.set(if seed == 0 { Edits::default() } else { Edits::seeded(seed) });
            // A connector of its own, so that each case begins with a login.
            let connector = connector(&url, |_| ());
            let begun = Instant::now();
            let patience = if seed == 0 { LATE } else { PATIENCE };
            match read(&*connector, &wanted, &context(patience)).await {
                Ok(_) => answers += 1,
                Err(error) => {
                    assert!(seed > 0, "{error:?}");
                    assert!(!format!("{error:?}").contains(PASSWORD), "seed {seed}: {error:?}");
                    errors += 1;
                }
            }
            assert!(begun.elapsed() < LATE, "seed {seed}: {:?}", begun.elapsed());
        }
    }
    println!("{} dialogues with changed bytes: {answers} answers, {errors} errors", 2 * cases);
    assert!(errors > cases / 5, "the changes hit nothing");
}
