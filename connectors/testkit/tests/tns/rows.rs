//! Many rows: array sizes, packet sizes, prefetch, and how fast they come.

use crate::support::{VERSIONS, blocking, canned, column, connect_to, double, numbered};
use celosia_connector_testkit::double::canned::Answer;
use celosia_connector_testkit::double::tns::ServerVersion;
use oracledb::Connection;
use std::sync::Arc;
use std::time::Instant;

fn connect(port: u16, sdu: u32) -> Connection {
    let string = format!("127.0.0.1:{port}/celosia?sdu={sdu}");
    connect_to(&string, "reader", "Reader-1-secret").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_array_and_packet_size_gives_every_row() {
    for version in VERSIONS {
        let canned = canned();
        for count in [0, 1, 2, 3, 100, 101, 2_500] {
            canned.answer(&format!("select n, s, d from t{count}"), numbered(count, None));
        }
        let double = double(version, canned).await;
        let port = double.port();
        blocking(move || {
            for sdu in [512, 8_192, 65_536] {
                let connection = connect(port, sdu);
                for count in [0, 1, 2, 3, 100, 101, 2_500] {
                    for (prefetch, array) in [(2, 100), (0, 7), (100, 1), (5_000, 1_000)] {
                        let sql = format!("select n, s, d from t{count}");
                        let statement = connection.statement(&sql).unwrap().prefetch_rows(prefetch);
                        let statement = statement.fetch_array_size(array).build().unwrap();
                        let rows = statement.query(&[]).unwrap();
                        let numbers: Vec<u64> =
                            rows.map(|row| row.unwrap().get(0).unwrap()).collect();
                        assert!(
                            numbers.into_iter().eq(0..count),
                            "{count} {sdu} {prefetch} {array}"
                        );
                    }
                }
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_nobody_reads_on_is_closed_by_the_next_call() {
    for version in VERSIONS {
        let canned = canned();
        canned.answer("select n, s, d from endless", numbered(u64::MAX, None));
        let double = double(version, canned).await;
        let (port, record) = (double.port(), double.record());
        blocking(move || {
            let connection = connect(port, 8_192);
            for _ in 0..10 {
                let mut rows = connection.query("select n, s, d from endless", &[]).unwrap();
                for _ in 0..1_000 {
                    rows.next().unwrap().unwrap();
                }
                drop(rows);
                connection.query_row("select 1 from dual", &[]).unwrap();
                // The driver asks for one row, and so does not learn that it was the last.
                let running = record.sessions()[0].running.clone();
                assert_eq!(running.as_deref(), Some("select 1 from dual"));
            }
        })
        .await;
    }
}

/// Not a bound: what the double gives is printed, for whoever wants to know.
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_thousand_rows_come_quickly() {
    let canned = canned();
    let columns = [
        ("ID", "NUMBER(10)"),
        ("NAME", "VARCHAR2(40)"),
        ("PRICE", "NUMBER(12,2)"),
        ("AT", "TIMESTAMP(6)"),
        ("DAY", "DATE"),
        ("NOTE", "VARCHAR2(100)"),
    ];
    let columns = columns.map(|(name, native)| column(name, native)).to_vec();
    let row = |at: u64| {
        let texts = [
            at.to_string(),
            "a name of some length".into(),
            "1234567.89".into(),
            "2024-01-02 03:04:05.678901".into(),
            "2024-01-02 00:00:00".into(),
            "a note that is a little longer than the name".into(),
        ];
        Ok((at < 200_000).then(|| texts.map(Some).to_vec()))
    };
    canned.answer("select * from big", Answer { columns, row: Arc::new(row) });
    let double = double(ServerVersion::V23, canned).await;
    let port = double.port();
    blocking(move || {
        let connection = connect(port, 65_536);
        let statement = connection.statement("select * from big").unwrap().prefetch_rows(1_000);
        let statement = statement.fetch_array_size(5_000).build().unwrap();
        let begun = Instant::now();
        let count = statement.query(&[]).unwrap().map(Result::unwrap).count();
        assert_eq!(count, 200_000);
        let rate = 200_000.0 / begun.elapsed().as_secs_f64();
        println!("{rate:.0} rows of six columns a second");
    })
    .await;
}
