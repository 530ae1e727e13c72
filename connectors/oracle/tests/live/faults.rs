//! Servers that do wrong: always an error in time, never a panic, and the next statement is answered.

use crate::support::{
    canned, cells, column, connector, context, double, list, numbers, one_number, query, read, url,
};
use arrow_schema::{DataType, TimeUnit};
use celosia_connector_api::{Connector, ConnectorError, ErrorCode};
use celosia_connector_testkit::double::canned::Answer;
use celosia_connector_testkit::double::engine::EngineError;
use celosia_connector_testkit::double::fault::Fault;
use celosia_connector_testkit::double::tns::{ServerVersion, TnsOptions};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a server may take to confirm a break, and a busy machine.
const SLACK: Duration = Duration::from_secs(6);
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_connection_is_told_and_replaced() {
    let server = canned(&[("SELECT N", numbers(50_000)), ("SELECT 1", numbers(1))]).await;
    let connector = connector(&url(&server), |_| ());
    for after in [0, 1, 11, 100, 5_000] {
        server.faults().set(Fault::Drop { after });
        let error = read(&*connector, &one_number("SELECT N"), &context(PATIENCE)).await;
        let error = error.expect_err("a broken connection");
        let clean = [ErrorCode::ConnectionLost, ErrorCode::Unreachable];
        assert!(clean.contains(&error.code), "after {after}: {error:?}");
        server.faults().set(Fault::None);
        let rows = read(&*connector, &one_number("SELECT 1"), &context(PATIENCE)).await;
        assert_eq!(rows.expect("rows")[0].num_rows(), 1, "after {after}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_open_connection_ends_at_the_deadline() {
    let server = canned(&[("SELECT N", numbers(50_000)), ("SELECT 1", numbers(1))]).await;
    let connector = connector(&url(&server), |_| ());
    for after in [0, 100, 9_000] {
        connector.ping().await.expect("a session");
        server.faults().set(Fault::HalfOpen { after });
        let asked = Instant::now();
        let late = context(Duration::from_millis(400));
        let error = read(&*connector, &one_number("SELECT N"), &late).await.expect_err("silence");
        assert!(asked.elapsed() < SLACK, "after {after}: {:?}", asked.elapsed());
        let in_time = [ErrorCode::DeadlineExceeded, ErrorCode::Unreachable];
        assert!(in_time.contains(&error.code), "after {after}: {error:?}");
        server.faults().set(Fault::None);
        let rows = read(&*connector, &one_number("SELECT 1"), &context(PATIENCE)).await;
        assert_eq!(rows.expect("rows")[0].num_rows(), 1, "after {after}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_server_is_waited_for_until_the_deadline() {
    let server = canned(&[("SELECT N", numbers(10)), ("SELECT ALL", numbers(100_000_000))]).await;
    let connector = connector(&url(&server), |_| ());
    server.faults().set(Fault::Slow { pause: Duration::from_millis(30) });
    let rows = read(&*connector, &one_number("SELECT N"), &context(PATIENCE)).await.expect("rows");
    assert_eq!(rows[0].num_rows(), 10);
    let asked = Instant::now();
    let late = context(Duration::from_millis(600));
    let error = read(&*connector, &one_number("SELECT ALL"), &late).await.expect_err("late");
    assert_eq!(error.code, ErrorCode::DeadlineExceeded, "{error:?}");
    assert!(asked.elapsed() < SLACK, "{:?}", asked.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_in_the_middle_of_the_rows_is_told() {
    let row = |at: u64| match at {
        0..=2_999 => Ok(Some(vec![Some(at.to_string())])),
        _ => Err(EngineError::new(1476, "ORA-01476: divisor is equal to zero")),
    };
    let failing = Answer { columns: vec![column("N", "NUMBER(18)")], row: Arc::new(row) };
    let server = canned(&[("SELECT N", failing), ("SELECT 1", numbers(1))]).await;
    let connector = connector(&url(&server), |_| ());
    let error = read(&*connector, &one_number("SELECT N"), &context(PATIENCE)).await;
    let error = error.expect_err("an error in the rows");
    assert_eq!(error.code, ErrorCode::QueryFailed, "{error:?}");
    assert!(!error.to_string().contains("ORA-"), "{error}");
    read(&*connector, &one_number("SELECT 1"), &context(PATIENCE)).await.expect("rows");
    assert_eq!(server.record().sessions().len(), 1);
}

/// Bytes of an answer replaced at random: lengths that lie, messages that are none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn corrupt_answers_never_panic_or_hang() {
    let rows = (0..40).map(|at| {
        let number = format!("{at}.5");
        cells(&[
            Some(&number),
            Some("some text"),
            Some("2024-01-02 03:04:05"),
            None,
            Some("\\x00ff"),
        ])
    });
    let natives = ["NUMBER", "VARCHAR2(100)", "DATE", "BINARY_DOUBLE", "RAW(10)"];
    let columns = natives.iter().enumerate().map(|(at, native)| column(&format!("C{at}"), native));
    let answer = Answer::rows(columns.collect(), rows.collect());
    let asked = query(
        "SELECT MIXED",
        &[
            ("C0", DataType::Decimal256(76, 30)),
            ("C1", DataType::Utf8),
            ("C2", DataType::Timestamp(TimeUnit::Microsecond, None)),
            ("C3", DataType::Float64),
            ("C4", DataType::Binary),
        ],
    );
    let mut random = Random(0x0DDB_1A5E_5BAD_5EED);
    for version in [ServerVersion::V19, ServerVersion::V23] {
        let options = TnsOptions { version, ..TnsOptions::default() };
        let answers = [("SELECT MIXED", answer.clone()), ("SELECT 1", numbers(1))];
        let server = double(list(&answers), options).await;
        let connector = connector(&url(&server), |_| ());
        for round in 0..60 {
            let bytes = (0..1 + random.below(4)).map(|_| random.byte()).collect();
            server.faults().set(Fault::Corrupt { at: random.below(700), bytes });
            let begun = Instant::now();
            let late = context(Duration::from_millis(500));
            // Whatever comes is fine, if it comes: rows, or an error.
            let _: Result<_, ConnectorError> = read(&*connector, &asked, &late).await;
            assert!(begun.elapsed() < SLACK, "round {round}: {:?}", begun.elapsed());
            server.faults().set(Fault::None);
            let rows = read(&*connector, &one_number("SELECT 1"), &context(PATIENCE)).await;
            let rows = rows.unwrap_or_else(|error| panic!("after round {round}: {error:?}"));
            assert_eq!(rows[0].num_rows(), 1);
        }
    }
}

/// The same sequence on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % bound
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap_or(0)
    }
}
