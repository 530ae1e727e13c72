//! Statements and their answers.

use super::client::{Client, column, double, endless, error, headers, one, status, wide};
use crate::double::canned::{Answer, Canned};
use crate::double::engine::{Bind, EngineError};
use std::sync::Arc;

#[tokio::test]
async fn rows_come_behind_their_columns() {
    let canned = Canned::default();
    canned.answer("SELECT 1", one("int", Some("1")));
    let double = double(&canned).await;
    let mut client = Client::login(&double).await;
    let answer = client.ask("SELECT 1").await;
    // COLMETADATA: one column, no user type, may be NULL, int of four bytes, called v.
    let columns = [0x81, 1, 0, 0, 0, 0, 0, 9, 0, 0x26, 4, 1, b'v', 0];
    let row = [0xd1, 4, 1, 0, 0, 0];
    let done = [0xfd, 0x10, 0, 0xc1, 0, 1, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(answer, [&columns[..], &row, &done].concat());
    assert_eq!(double.record().statements()[0].sql, "SELECT 1");
    double.stop().await;
}

#[tokio::test]
async fn long_answers_fill_packets_of_the_size_agreed() {
    let canned = Canned::default();
    let rows = (0..1000).map(|_| vec![Some("x".repeat(20))]).collect();
    canned.answer("SELECT much", Answer::rows(vec![column("s", "varchar(20)")], rows));
    let double = double(&canned).await;
    let mut client = Client::login(&double).await;
    client.batch("SELECT much").await;
    let mut packets = 0;
    loop {
        let (last, length) = client.packet().await.unwrap();
        packets += 1;
        assert!(last || length == 512, "{length}");
        if last {
            break;
        }
    }
    assert_eq!(packets, (1000_usize * 23 + 20 + 14).div_ceil(504));
    double.stop().await;
}

#[tokio::test]
async fn session_statements_are_done_without_the_engine() {
    let double = double(&Canned::default()).await;
    let mut client = Client::login(&double).await;
    client.ask("SET CONTEXT_INFO 0x71756572792037; SET LOCK_TIMEOUT 5000").await;
    let told = double.record().sessions()[0].told.clone();
    assert_eq!(told.get("context_info").map(String::as_str), Some("query 7"));
    assert_eq!(told.get("lock_timeout").map(String::as_str), Some("5000"));
    assert_eq!(client.ask("USE [master]").await[0], 0xe3);
    assert_eq!(error(&client.ask("USE nowhere").await), 911);
    double.stop().await;
}

#[tokio::test]
async fn transactions_begin_and_end() {
    let double = double(&Canned::default()).await;
    let mut client = Client::login(&double).await;
    assert_eq!(error(&client.ask("ROLLBACK").await), 3903);
    let answer = client.ask("BEGIN TRAN").await;
    assert_eq!((answer[0], answer[3], status(&answer)), (0xe3, 8, 4));
    assert_eq!(status(&client.ask("SET NOCOUNT ON").await), 4);
    let answer = client.ask("IF @@TRANCOUNT > 0 ROLLBACK").await;
    assert_eq!((answer[0], answer[3], status(&answer)), (0xe3, 10, 0));
    // The transaction manager: begin, commit and begin again, roll back.
    for (request, kind, open) in
        [(&[5, 0, 0, 0][..], 8, 4), (&[7, 0, 0, 1, 0, 0], 9, 4), (&[8, 0, 0, 0], 10, 0)]
    {
        client.send(14, &[&headers(), request].concat()).await;
        let answer = client.receive().await.unwrap();
        assert_eq!((answer[3], status(&answer)), (kind, open));
    }
    double.stop().await;
}

#[tokio::test]
async fn an_error_may_come_in_the_middle_of_rows() {
    let canned = Canned::default();
    let row = |at: u64| match at {
        0..300 => Ok(Some(vec![Some(at.to_string())])),
        _ => Err(EngineError::new(8134, "Divide by zero error encountered.")),
    };
    canned.answer("SELECT x", Answer { columns: vec![column("n", "int")], row: Arc::new(row) });
    canned.answer("SELECT wrong", one("int", Some("1.5")));
    canned.answer("SELECT none", one("no_type", None));
    let double = double(&canned).await;
    let mut client = Client::login(&double).await;
    let answer = client.ask("SELECT x").await;
    let rows = answer.get(14..14 + 300 * 6).unwrap();
    assert!(rows.chunks(6).all(|row| row[0] == 0xd1));
    assert_eq!((error(&answer[14 + 300 * 6..]), status(&answer)), (8134, 2));
    assert_eq!(error(&client.ask("SELECT wrong").await[14..]), 8114);
    assert_eq!(error(&client.ask("SELECT none").await), 243);
    assert!(double.record().sessions()[0].running.is_none());
    double.stop().await;
}

#[tokio::test]
async fn an_attention_breaks_off_and_is_acknowledged() {
    let canned = Canned::default();
    canned.answer("SELECT endless", endless());
    let double = double(&canned).await;
    let mut client = Client::login(&double).await;
    client.batch("SELECT endless").await;
    client.packet().await.unwrap();
    assert!(double.record().sessions()[0].running.is_some());
    client.send(6, &[]).await;
    while !client.packet().await.unwrap().0 {}
    let acknowledged = [0xfd, 0x20, 0, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(client.receive().await.unwrap(), acknowledged);
    assert_eq!(double.record().cancelled(), 1);
    assert!(double.record().sessions()[0].running.is_none());
    // Where nothing runs it is acknowledged all the same, and counts for nothing.
    client.send(6, &[]).await;
    assert_eq!(client.receive().await.unwrap(), acknowledged);
    assert_eq!(double.record().cancelled(), 1);
    assert_eq!(status(&client.ask("SET NOCOUNT ON").await), 0);
    double.stop().await;
}

/// A call of `sp_executesql` with these parameters behind the text and their declaration.
fn call(sql: &str, declared: &str, parameters: &[u8]) -> Vec<u8> {
    let text = |text: &str| {
        let bytes = wide(text);
        let length = u16::try_from(bytes.len()).unwrap().to_le_bytes();
        let head = [0, 0, 0xe7, 0x40, 0x1f, 9, 4, 0xd0, 0, 0x34];
        [&head[..], &length, &bytes].concat()
    };
    let head = [0xff, 0xff, 10, 0, 0, 0];
    [&headers()[..], &head, &text(sql), &text(declared), parameters].concat()
}

#[tokio::test]
async fn parameters_are_recorded_as_declared() {
    let canned = Canned::default();
    canned.answer("SELECT @a", one("int", Some("7")));
    let double = double(&canned).await;
    let mut client = Client::login(&double).await;
    let named = [2, b'@', 0, b'a', 0, 0, 0x26, 4, 4, 7, 0, 0, 0];
    let null = [2, b'@', 0, b'b', 0, 0, 0x1f];
    let parameters = [&named[..], &null].concat();
    client.send(3, &call("SELECT @a", "@a bigint, @b decimal(18,4) OUTPUT", &parameters)).await;
    let answer = client.receive().await.unwrap();
    // DONEINPROC, RETURNSTATUS and DONEPROC end it.
    let end = &answer[answer.len() - 31..];
    assert_eq!((end[0], end[1], end[13], end[18]), (0xff, 0x11, 0x79, 0xfe));
    let bind = |name: &str, native: &str, value: Option<&str>| {
        let (native, value) = (native.to_string(), value.map(str::to_string));
        Bind { name: Some(name.to_string()), native, value }
    };
    let binds = [bind("@a", "bigint", Some("7")), bind("@b", "decimal(18,4)", None)];
    assert_eq!(double.record().statements()[0].binds, binds);
    double.stop().await;
}

#[tokio::test]
async fn calls_that_lie_about_lengths_are_refused() {
    let double = double(&Canned::default()).await;
    let whole = call("SELECT @a", "@a int", &[0, 0, 0x26, 4, 4, 7, 0, 0, 0]);
    for cut in 22..whole.len() {
        let mut client = Client::login(&double).await;
        client.send(3, &whole[..cut]).await;
        // An error that ends the session, or less than was meant: never silence.
        assert!(client.receive().await.is_some(), "{cut}");
    }
    let long = call("SELECT @a", "@a int", &[0, 0, 0x26, 4, 200, 7]);
    let mut client = Client::login(&double).await;
    client.send(3, &long).await;
    assert_eq!(error(&client.receive().await.unwrap()), 8009);
    assert_eq!(client.receive().await, None);
    double.stop().await;
}
