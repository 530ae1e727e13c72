//! Logins, and what comes instead of one.

use super::super::{Denial, Encryption, TdsDouble, TdsOptions};
use super::client::{Client, double, endless, error, has, login7, status};
use crate::double::canned::Canned;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn a_session_is_seen_while_it_lasts() {
    let double = double(&Canned::default()).await;
    let client = Client::login(&double).await;
    let sessions = double.record().sessions();
    let [session] = sessions.as_slice() else { panic!("{sessions:?}") };
    assert_eq!((session.user.as_str(), session.program.as_str()), ("reader", "raw"));
    assert!(!session.encrypted && !session.read_only_intent && session.running.is_none());
    drop(client);
    while !double.record().sessions().is_empty() {
        tokio::task::yield_now().await;
    }
    double.stop().await;
}

#[tokio::test]
async fn who_may_not_in_is_told_why() {
    let mut options = TdsOptions { encryption: Encryption::NotSupported, ..TdsOptions::default() };
    options.denied = vec![("loader".into(), Denial::MustChangePassword)];
    let double = TdsDouble::start(Arc::new(Canned::default()), options).await.unwrap();
    for (user, password, database, number) in [
        ("reader", "reader-1-secret", "celosia", 18456),
        ("nobody", "Reader-1-secret", "celosia", 18456),
        ("reader", "Reader-1-secret", "elsewhere", 4060),
        ("loader", "Loader-1-secret", "celosia", 18488),
        ("", "", "", 18456),
    ] {
        let mut client = Client::connect(&double).await;
        let answer = client.hello(user, password, database).await;
        assert_eq!((error(&answer), status(&answer)), (number, 2), "{user} {database}");
        assert_eq!(client.receive().await, None);
    }
    assert!(!format!("{double:?}").contains("secret"));
    double.stop().await;
}

#[tokio::test]
async fn what_is_no_login_ends_the_connection() {
    let double = double(&Canned::default()).await;
    let login = login7("reader", "Reader-1-secret", "celosia");
    let mut outside = login.clone();
    outside[40..44].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
    for body in [&[][..], &login[..60], &outside] {
        let mut client = Client::connect(&double).await;
        client.send(0x12, &[0xff]).await;
        client.receive().await.unwrap();
        client.send(0x10, body).await;
        assert_eq!(client.receive().await, None);
    }
    for start in [b"GET / HTTP/1.1\r\n\r\n".as_slice(), &[0x12, 1, 0, 3, 0, 0, 0, 0], &[0x16, 3, 1]]
    {
        let mut client = Client::connect(&double).await;
        client.stream.write_all(start).await.unwrap();
        client.stream.shutdown().await.unwrap();
        // Closed, perhaps with what it sent unread.
        assert!(matches!(client.stream.read(&mut [0; 8]).await, Ok(0) | Err(_)));
    }
    double.stop().await;
}

#[tokio::test]
async fn without_a_certificate_there_is_no_authority() {
    let double = double(&Canned::default()).await;
    assert_eq!(double.authority_file(), None);
    double.stop().await;
    let double =
        TdsDouble::start(Arc::new(Canned::default()), TdsOptions::default()).await.unwrap();
    assert!(double.authority_file().is_some_and(|file| file.exists()));
    // A client that does not encrypt is told that it must, and cannot go on.
    let mut client = Client::connect(&double).await;
    client.send(0x12, &[1, 0, 6, 0, 1, 0xff, 2]).await;
    assert_eq!(client.receive().await.unwrap()[27], 3);
    client.send(0x10, &login7("reader", "Reader-1-secret", "celosia")).await;
    assert_eq!(client.receive().await, None);
    double.stop().await;
}

#[tokio::test]
async fn stopping_ends_what_runs_and_restarting_keeps_the_port() {
    let canned = Canned::default();
    canned.answer("SELECT endless", endless());
    let double = double(&canned).await;
    let mut client = Client::login(&double).await;
    client.batch("SELECT endless").await;
    client.packet().await.unwrap();
    let idle = Client::login(&double).await;
    double.stop().await;
    assert!(double.record().sessions().is_empty());
    while client.packet().await.is_some() {}
    drop(idle);
    let port = double.port();
    assert!(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err());
    double.restart().await.unwrap();
    assert_eq!(double.port(), port);
    let mut client = Client::login(&double).await;
    assert!(has(&client.ask("SET NOCOUNT ON").await, 0xfd));
    double.stop().await;
}
