//! A double that misbehaves, and clients that do.

use crate::support::{blocking, canned, connect, connect_as, double, numbered, until};
use celosia_connector_testkit::double::fault::Fault;
use celosia_connector_testkit::double::tns::{ServerVersion, TnsDouble};
use rand::RngExt;
use rand::SeedableRng;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

const BIG: &str = "select n, s, d from big";

async fn big(version: ServerVersion) -> TnsDouble {
    let canned = canned();
    canned.answer(BIG, numbered(20_000, None));
    double(version, canned).await
}

/// Where a process of its own finds what it has to read.
const CHILD: &str = "CELOSIA_TNS_CHILD";

/// Reads the big table with the driver; `None` where that fails in whatever way. The driver panics on
/// lies, and on a call timeout in the middle of a packet, and takes its process with it, for its statement
/// panics again when it is dropped: so it gets one of its own.
async fn read(port: u16, timeout: Duration) -> Option<usize> {
    let output = Command::new(std::env::current_exe().ok()?)
        .args(["--exact", "faults::a_process_of_its_own", "--nocapture"])
        .env(CHILD, format!("{port} {}", timeout.as_millis()))
        .output()
        .await
        .ok()?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    printed.split_once("rows: ").and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok())
}

#[test]
fn a_process_of_its_own() {
    let Ok(told) = std::env::var(CHILD) else { return };
    let (port, timeout) = told.split_once(' ').unwrap();
    let connection = connect(port.parse().unwrap());
    connection.set_call_timeout(Some(Duration::from_millis(timeout.parse().unwrap()))).unwrap();
    let mut statement = connection.statement(BIG).unwrap();
    statement = statement.fetch_array_size(1_000);
    let rows: Result<Vec<_>, _> = statement.build().unwrap().query(&[]).unwrap().collect();
    println!("rows: {}", rows.unwrap().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_stop_where_they_are_told_to() {
    for version in [ServerVersion::V19, ServerVersion::V23] {
        let double = big(version).await;
        let (port, faults) = (double.port(), double.faults());
        let short = Duration::from_millis(300);
        for after in [0, 1, 100, 100_000] {
            faults.set(Fault::Drop { after });
            assert_eq!(read(port, Duration::from_secs(20)).await, None);
            faults.set(Fault::HalfOpen { after });
            // A driver that waits for the answer to its break has to be let go.
            let reader = tokio::spawn(read(port, short));
            until(|| double.record().sessions().iter().any(|session| session.running.is_some()))
                .await;
            tokio::time::sleep(short * 2).await;
            double.restart().await.unwrap();
            assert_eq!(reader.await.unwrap(), None);
        }
        faults.set(Fault::None);
        assert_eq!(read(port, Duration::from_secs(20)).await, Some(20_000));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_refused_or_met_with_silence() {
    let double = big(ServerVersion::V23).await;
    let (port, faults) = (double.port(), double.faults());
    faults.set(Fault::Refuse);
    assert!(blocking(move || connect_as(port, "reader", "Reader-1-secret").is_err()).await);
    faults.set(Fault::Silent);
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(&[0; 100]).await.unwrap();
    let silence = tokio::time::timeout(Duration::from_millis(100), stream.read_u8()).await;
    assert!(silence.is_err());
    double.stop().await;
    assert!(stream.read_u8().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_answers_can_be_broken_off() {
    let double = big(ServerVersion::V19).await;
    let (port, record) = (double.port(), double.record());
    double.faults().set(Fault::Slow { pause: Duration::from_millis(400) });
    blocking(move || {
        let connection = connect(port);
        connection.set_call_timeout(Some(Duration::from_millis(100))).unwrap();
        let statement = connection.statement(BIG).unwrap().prefetch_rows(5_000).build().unwrap();
        assert!(statement.query(&[]).is_err());
    })
    .await;
    // The driver does not wait for the end of it.
    until(|| record.cancelled() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lies_reach_the_client() {
    let double = big(ServerVersion::V19).await;
    let (port, faults) = (double.port(), double.faults());
    for (at, bytes) in [(0, vec![0xff; 4]), (4, vec![99]), (10, vec![0xee; 40])] {
        faults.set(Fault::Corrupt { at, bytes });
        assert_eq!(read(port, Duration::from_millis(500)).await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_lie_are_cut_off_and_others_served() {
    let double = big(ServerVersion::V23).await;
    let port = double.port();
    let mut random = rand::rngs::StdRng::seed_from_u64(7);
    let descriptor = "(DESCRIPTION=(CONNECT_DATA=(SERVICE_NAME=CELOSIA)))";
    for round in 0..200 {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let mut bytes: Vec<u8> = if round % 2 == 0 {
            (0..random.random_range(1..200)).map(|_| random.random()).collect()
        } else {
            connect_packet(descriptor)
        };
        if round % 2 == 1 {
            for _ in 0..8 {
                let noise: Vec<u8> =
                    (0..random.random_range(1..300)).map(|_| random.random()).collect();
                bytes.extend(u32::try_from(noise.len() + 10).unwrap().to_be_bytes());
                bytes.extend([6, 0, 0, 0, 0, 0]);
                // The numbers of messages and functions that are known.
                let mut noise = noise;
                noise[0] = [1, 2, 3, 17, 34][random.random_range(0..5)];
                if let Some(second) = noise.get_mut(1) {
                    *second = [0x76, 0x73, 94, 4, 5, 78, 96, 135, 105][random.random_range(0..9)];
                }
                bytes.extend(noise);
            }
        }
        // The double may have closed already.
        let _ = stream.write_all(&bytes).await;
        let _ = stream.shutdown().await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
    assert_eq!(read(port, Duration::from_secs(20)).await, Some(20_000));
}

fn connect_packet(descriptor: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for part in [319_u16, 300, 1, 8192, 8192, 0x4f98, 0, 1] {
        body.extend(part.to_be_bytes());
    }
    body.extend(u16::try_from(descriptor.len()).unwrap().to_be_bytes());
    body.extend(74_u16.to_be_bytes());
    body.extend([0; 30]);
    body.extend(8192_u32.to_be_bytes());
    body.extend([0; 12]);
    body.extend(descriptor.as_bytes());
    let mut packet = u16::try_from(body.len() + 8).unwrap().to_be_bytes().to_vec();
    packet.extend([0, 0, 1, 0, 0, 0]);
    packet.extend(body);
    packet
}
