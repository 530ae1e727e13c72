//! What the double does wrong when it is told to.

use super::client::{Client, double, endless, one, status};
use crate::double::canned::Canned;
use crate::double::fault::Fault;
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;

async fn prepared() -> (super::super::TdsDouble, Client) {
    let canned = Canned::default();
    canned.answer("SELECT 1", one("int", Some("1")));
    canned.answer("SELECT endless", endless());
    let double = double(&canned).await;
    let client = Client::login(&double).await;
    (double, client)
}

#[tokio::test]
async fn connections_are_refused_or_met_with_silence() {
    let (double, mut client) = prepared().await;
    double.faults().set(Fault::Refuse);
    let mut refused = Client::connect(&double).await;
    assert!(matches!(refused.stream.read(&mut [0; 8]).await, Ok(0) | Err(_)));
    double.faults().set(Fault::Silent);
    let mut silent = Client::connect(&double).await;
    silent.send(0x12, &[0xff]).await;
    // Those that are logged in go on.
    assert_eq!(status(&client.ask("SELECT 1").await), 0x10);
    assert!(silent.hears_nothing().await);
    double.stop().await;
}

#[tokio::test]
async fn an_answer_is_dropped_after_so_many_bytes() {
    let (double, mut client) = prepared().await;
    double.faults().set(Fault::Drop { after: 20 });
    client.batch("SELECT 1").await;
    let mut sent = Vec::new();
    client.stream.read_to_end(&mut sent).await.unwrap();
    assert_eq!(sent.len(), 20);
    double.stop().await;
}

#[tokio::test]
async fn a_half_open_connection_says_no_more_until_it_is_closed() {
    let (double, mut client) = prepared().await;
    double.faults().set(Fault::HalfOpen { after: 1000 });
    client.batch("SELECT endless").await;
    client.stream.read_exact(&mut [0; 1000]).await.unwrap();
    client.send(6, &[]).await;
    assert!(client.hears_nothing().await);
    drop(client);
    while !double.record().sessions().is_empty() {
        tokio::task::yield_now().await;
    }
    double.stop().await;
}

#[tokio::test]
async fn bytes_of_an_answer_are_replaced() {
    let (double, mut client) = prepared().await;
    let right = client.ask("SELECT 1").await;
    double.faults().set(Fault::Corrupt { at: 9, bytes: vec![0xff, 0xfe] });
    let wrong = client.ask("SELECT 1").await;
    assert_eq!((wrong[1], wrong[2]), (0xff, 0xfe));
    assert_eq!(wrong[3..], right[3..]);
    double.stop().await;
}

#[tokio::test]
async fn a_slow_answer_can_be_broken_off() {
    let (double, mut client) = prepared().await;
    double.faults().set(Fault::Slow { pause: Duration::from_secs(60) });
    let started = Instant::now();
    client.batch("SELECT 1").await;
    client.send(6, &[]).await;
    client.receive().await.unwrap();
    client.receive().await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(30));
    double.stop().await;
}
