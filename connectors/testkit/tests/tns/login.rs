//! Who is let in, what the session view shows, and how a double goes and comes back.

use crate::support::{
    VERSIONS, blocking, canned, code, connect, connect_as, connect_to, double, until,
};
use celosia_connector_testkit::double::tns::{ServerVersion, TnsDouble, TnsOptions};
use oracledb::{Config, ErrorKind, OracleNumber, OracleVersion};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn a_login_and_a_row() {
    for version in VERSIONS {
        let double = double(version, canned()).await;
        let port = double.port();
        let (value, release) = blocking(move || {
            let mut connection = connect(port);
            connection.ping().unwrap();
            let row = connection.query_row("select 1 from dual", &[]).unwrap();
            let value: OracleNumber = row.get(0).unwrap();
            let release = connection.version().unwrap();
            connection.close().unwrap();
            (value.to_string(), release)
        })
        .await;
        assert_eq!(value, "1");
        let expected = match version {
            ServerVersion::V19 => OracleVersion(19, 19, 0, 0, 0),
            ServerVersion::V23 => OracleVersion(23, 6, 0, 24, 10),
        };
        assert_eq!(release.to_string(), expected.to_string());
        until(|| double.record().sessions().is_empty()).await;
        double.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_may_not_are_turned_away() {
    for version in VERSIONS {
        let denied = vec![("loader".to_string(), 28_000), ("old".to_string(), 28_001)];
        let mut options = TnsOptions { version, denied, ..TnsOptions::default() };
        options.users.push(("old".into(), "pass".into()));
        let double = TnsDouble::start(Arc::new(canned()), options).await.unwrap();
        let port = double.port();
        blocking(move || {
            let told = |user, password| code(&connect_as(port, user, password).err().unwrap());
            assert_eq!(told("reader", "wrong"), 1017);
            assert_eq!(told("nobody", "Reader-1-secret"), 1017);
            assert_eq!(told("loader", "wrong"), 1017);
            assert_eq!(told("loader", "Loader-1-secret"), 28_000);
            assert_eq!(told("old", "pass"), 28_001);
            assert!(connect_as(port, "READER", "Reader-1-secret").is_ok());
            let string = format!("127.0.0.1:{port}/other");
            let refused = connect_to(&string, "reader", "Reader-1-secret").err().unwrap();
            assert!(matches!(refused.kind(), ErrorKind::InvalidServiceName(..)), "{refused}");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_may_refuse_everyone() {
    let options = TnsOptions { refusal: Some(12_516), ..TnsOptions::default() };
    let double = TnsDouble::start(Arc::new(canned()), options).await.unwrap();
    let port = double.port();
    let refused = blocking(move || connect_as(port, "reader", "x").err().unwrap()).await;
    assert!(
        matches!(refused.kind(), ErrorKind::ListenerRefusedConnection(.., 12_516)),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_may_send_everyone_elsewhere() {
    let server = double(ServerVersion::V19, canned()).await;
    let options = TnsOptions { redirect: Some(server.port()), ..TnsOptions::default() };
    let listener = TnsDouble::start(Arc::new(canned()), options).await.unwrap();
    let port = listener.port();
    let connection = blocking(move || connect(port)).await;
    assert_eq!(server.record().sessions().len(), 1);
    assert_eq!(listener.record().sessions(), []);
    blocking(move || drop(connection)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_seen_with_what_it_tells() {
    let double = double(ServerVersion::V23, canned()).await;
    let port = double.port();
    let connection = blocking(move || {
        let connection = connect(port);
        connection.set_module("celosia").unwrap();
        connection.set_action("query 7").unwrap();
        connection.set_client_identifier("ana").unwrap();
        connection.ping().unwrap();
        connection
    })
    .await;
    let sessions = double.record().sessions();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0].user, "READER");
    assert!(sessions[0].program.contains("tns"), "{}", sessions[0].program);
    assert!(!sessions[0].encrypted);
    let told = |name: &str| sessions[0].told.get(name).map(String::as_str);
    assert_eq!(told("module"), Some("celosia"));
    assert_eq!(told("action"), Some("query 7"));
    assert_eq!(told("client_identifier"), Some("ana"));
    blocking(move || drop(connection)).await;
    until(|| double.record().sessions().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_can_be_reached_through_tls() {
    // The driver asks for the process's provider, and the workspace links two.
    let _ = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider().install_default();
    for version in VERSIONS {
        let options = TnsOptions { version, tls: true, ..TnsOptions::default() };
        let double = TnsDouble::start(Arc::new(canned()), options).await.unwrap();
        let (port, wallet) = (double.port(), double.wallet().unwrap());
        let record = double.record();
        blocking(move || {
            let string = format!("tcps://localhost:{port}/celosia");
            let config = || {
                let config = Config::default().set_credentials("reader", "Reader-1-secret");
                config.set_connect_string(&string).unwrap()
            };
            let trusted = config().set_wallet_location(wallet.to_string_lossy().into_owned());
            let connection = oracledb::connect(trusted).unwrap();
            connection.query_row("select 1 from dual", &[]).unwrap();
            assert!(record.sessions()[0].encrypted);
            assert!(oracledb::connect(config()).is_err(), "an unknown authority");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_and_comes_back() {
    let double = double(ServerVersion::V19, canned()).await;
    let port = double.port();
    let connection = blocking(move || connect(port)).await;
    double.stop().await;
    assert_eq!(double.record().sessions(), []);
    let lost = blocking(move || {
        assert!(connect_as(port, "reader", "Reader-1-secret").is_err());
        connection.ping().is_err()
    });
    assert!(lost.await);
    double.restart().await.unwrap();
    assert_eq!(double.port(), port);
    blocking(move || connect(port).ping().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_let_in_at_once() {
    let double = double(ServerVersion::V23, canned()).await;
    let port = double.port();
    let connections: Vec<_> = (0..40).map(|_| blocking(move || connect(port))).collect();
    let connections = futures::future::join_all(connections).await;
    assert_eq!(double.record().sessions().len(), 40);
    blocking(move || drop(connections)).await;
    until(|| double.record().sessions().is_empty()).await;
}
