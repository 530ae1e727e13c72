//! Servers that misbehave: every end is an error in time, and never a panic.

use crate::support::{Source, columns, fetch_within, statement};
use arrow_schema::DataType;
use celosia_connector_api::{Connector, ErrorCode};
use celosia_connector_sqlserver::{SqlServerConfig, SqlServerConnector};
use celosia_connector_testkit::double::canned::Answer;
use celosia_connector_testkit::double::fault::Fault;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_millis(700);
/// How late an end may be on a busy machine.
const LATE: Duration = Duration::from_secs(8);

const TYPES: [DataType; 3] = [DataType::Int64, DataType::Utf8, DataType::Decimal128(18, 4)];

async fn source() -> Source {
    let source = Source::usual().await;
    let row = |at: u64| {
        let cells = [at.to_string(), format!("some text {at}"), format!("{at}.5")];
        Ok((at < 2_000).then(|| cells.into_iter().map(Some).collect()))
    };
    let columns = columns(&["bigint", "nvarchar(50)", "decimal(18,4)"]);
    source.canned.answer("SELECT 1", Answer { columns, row: Arc::new(row) });
    source
}

#[tokio::test]
async fn every_fault_is_an_error_in_time_and_the_next_statement_runs() {
    let source = source().await;
    let connector = source.connector();
    let query = statement("SELECT 1", &TYPES);
    let lost = [ErrorCode::ConnectionLost, ErrorCode::Unreachable, ErrorCode::DeadlineExceeded];
    for fault in [
        Fault::Silent,
        Fault::Refuse,
        Fault::HalfOpen { after: 0 },
        Fault::HalfOpen { after: 10_000 },
        Fault::Drop { after: 0 },
        Fault::Drop { after: 10_000 },
        Fault::Slow { pause: Duration::from_millis(400) },
    ] {
        // New connections must be made, or the fault is met on an old one.
        for fresh in [false, true] {
            if fresh {
                source.double.restart().await.unwrap();
            }
            source.double.faults().set(fault.clone());
            let asked = Instant::now();
            let found = fetch_within(&connector, &query, PATIENCE).await;
            assert!(asked.elapsed() < LATE, "{fault:?} ended after {:?}", asked.elapsed());
            if let Err(error) = found {
                assert!(lost.contains(&error.code), "{fault:?}: {error:?}");
            } else {
                // A pooled session does not see how new ones are treated.
                assert!(!fresh && matches!(fault, Fault::Silent | Fault::Refuse), "{fault:?}");
            }
            source.double.faults().set(Fault::None);
            let rows: usize = fetch_within(&connector, &query, Duration::from_secs(30))
                .await
                .unwrap_or_else(|error| panic!("after {fault:?}: {error:?}"))
                .iter()
                .map(|batch| batch.num_rows())
                .sum();
            assert_eq!(rows, 2_000, "after {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_silent_firewall_is_told_from_a_closed_port() {
    let source = source().await;
    source.double.faults().set(Fault::Silent);
    let config = SqlServerConfig::parse(&source.url("a:secret", "connect_timeout=1")).unwrap();
    let asked = Instant::now();
    let error = SqlServerConnector::new(config).unwrap().ping().await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Unreachable, "{error:?}");
    assert!(error.context.contains("firewall"), "{}", error.context);
    assert!(asked.elapsed() < LATE);
}

/// Bytes of an answer that are others: lengths that lie, tokens that are none.
#[tokio::test]
async fn corrupted_answers_never_panic_and_never_hang() {
    let source = source().await;
    let connector = source.connector();
    let query = statement("SELECT 1", &TYPES);
    let mut random = Random(0x5EED);
    for round in 0..200 {
        let at = random.below(if round % 3 == 0 { 120 } else { 20_000 });
        let count = 1 + random.below(4);
        let bytes = (0..count).map(|_| random.byte()).collect();
        source.double.faults().set(Fault::Corrupt { at, bytes });
        let asked = Instant::now();
        // Another value than the one that was sent may well be one.
        let _ = fetch_within(&connector, &query, Duration::from_millis(150)).await;
        assert!(asked.elapsed() < LATE, "byte {at} ended after {:?}", asked.elapsed());
    }
    source.double.faults().set(Fault::None);
    let found = fetch_within(&connector, &query, Duration::from_secs(30)).await.unwrap();
    assert_eq!(found.iter().map(|batch| batch.num_rows()).sum::<usize>(), 2_000);
}

/// The same bytes on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % bound
    }

    fn byte(&mut self) -> u8 {
        [0, 1, 0x7f, 0xff, 0xfe, 0xd1, 0xfd, 0xaa][self.below(8)]
    }
}
