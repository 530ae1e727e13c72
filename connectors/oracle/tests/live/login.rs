//! Logins: what is refused, and what is said of it.

use crate::support::{PASSWORD, canned, connector, double, failed, list, url};
use celosia_connector_api::{Connector, ErrorCode};
use celosia_connector_oracle::Driver;
use celosia_connector_testkit::double::fault::Fault;
use celosia_connector_testkit::double::tns::{ServerVersion, TnsOptions};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_logins_are_told_apart() {
    for version in [ServerVersion::V19, ServerVersion::V23] {
        let denied = vec![("locked".to_string(), 28_000), ("expired".to_string(), 28_001)];
        let mut options = TnsOptions { version, denied, ..TnsOptions::default() };
        for user in ["locked", "expired"] {
            options.users.push((user.to_string(), PASSWORD.to_string()));
        }
        let server = double(list(&[]), options).await;
        let place = format!("127.0.0.1:{}", server.port());
        for (login, service, code, word) in [
            ("reader:not-the-secret", "CELOSIA", ErrorCode::AuthenticationFailed, "password"),
            ("nobody:any-secret", "CELOSIA", ErrorCode::AuthenticationFailed, "password"),
            ("locked:Reader-1-secret", "CELOSIA", ErrorCode::AuthenticationFailed, "locked"),
            ("expired:Reader-1-secret", "CELOSIA", ErrorCode::AuthenticationFailed, "expired"),
            ("reader:Reader-1-secret", "NOWHERE", ErrorCode::InvalidConfiguration, "service"),
        ] {
            let connector = connector(&format!("oracle://{login}@{place}/{service}"), |_| ());
            let error = failed(connector.ping().await, code);
            assert!(error.context.contains(word) && error.context.contains(&place), "{error:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_is_unreachable() {
    let server = canned(&[]).await;
    let asked = connector(&url(&server), |_| ());
    asked.ping().await.expect("it is there");
    server.stop().await;
    failed(asked.ping().await, ErrorCode::Unreachable);
    server.restart().await.expect("a restart");
    asked.ping().await.expect("it is there again");
    let options = TnsOptions { refusal: Some(12_516), ..TnsOptions::default() };
    let full = double(list(&[]), options).await;
    let error = failed(connector(&url(&full), |_| ()).ping().await, ErrorCode::Unreachable);
    assert!(error.context.contains("PROCESSES"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_ends_at_the_deadline() {
    let server = canned(&[]).await;
    for fault in [Fault::Silent, Fault::Refuse] {
        server.faults().set(fault);
        let asked = Instant::now();
        let connector = connector(&url(&server), |config| {
            config.statement_timeout = Duration::from_millis(800);
        });
        failed(connector.ping().await, ErrorCode::Unreachable);
        assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_verified() {
    let server = double(list(&[]), TnsOptions { tls: true, ..TnsOptions::default() }).await;
    let authority = server.authority_file().expect("a file");
    let wallet = server.wallet().expect("a directory");
    let base = format!("oracles://reader:{PASSWORD}@127.0.0.1:{}/CELOSIA", server.port());
    for trusted in [
        format!("{base}?trust_certificate={}", authority.display()),
        format!("{base}?wallet={}", wallet.display()),
        format!("{base}?wallet={}&server_name=localhost", wallet.display()),
    ] {
        let connector = connector(&trusted, |_| ());
        connector.ping().await.expect("trusted");
        assert!(server.record().sessions().iter().any(|session| session.encrypted));
    }
    for refused in [
        base.clone(),
        format!("{base}?trust_certificate=/nowhere.pem"),
        format!("{base}?trust_certificate={}&server_name=elsewhere.example", authority.display()),
    ] {
        failed(connector(&refused, |_| ()).ping().await, ErrorCode::TlsFailed);
    }
    // The wrong protocol on either side is an error, and soon.
    let short =
        |url: &str| connector(url, |config| config.statement_timeout = Duration::from_secs(2));
    failed(short(&url(&server)).ping().await, ErrorCode::Unreachable);
    let plain = canned(&[]).await;
    let url = url(&plain).replacen("oracle:", "oracles:", 1);
    let error = short(&url).ping().await.expect_err("no TLS there");
    assert!(matches!(error.code, ErrorCode::TlsFailed | ErrorCode::Unreachable), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_are_read_from_descriptors_and_files() {
    let server = canned(&[]).await;
    let port = server.port();
    let descriptor = format!(
        "(DESCRIPTION=(ADDRESS_LIST=(ADDRESS=(PROTOCOL=tcp)(HOST=127.0.0.1)(PORT=1))\
         (ADDRESS=(PROTOCOL=tcp)(HOST=127.0.0.1)(PORT={port})))(CONNECT_DATA=(SERVICE_NAME=CELOSIA)))"
    );
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("tnsnames.ora"), format!("ERP = {descriptor}\n"))
        .expect("a file");
    let admin = directory.path().display();
    for url in [
        format!("oracle://reader:{PASSWORD}@/?descriptor={descriptor}"),
        format!("oracle://reader:{PASSWORD}@/?alias=ERP&tns_admin={admin}"),
        format!("reader/{PASSWORD}@127.0.0.1:{port}/CELOSIA"),
        format!("reader/{PASSWORD}@tcp://127.0.0.1:{port}/CELOSIA"),
        format!("oracle://reader:{PASSWORD}@127.0.0.1:{port}/?sid=CELOSIA"),
    ] {
        connector(&url, |_| ()).ping().await.unwrap_or_else(|error| panic!("{url}: {error:?}"));
    }
    let unknown = format!("oracle://reader:{PASSWORD}@/?alias=CRM&tns_admin={admin}");
    let asked = connector(&unknown, |_| ());
    let error = failed(asked.ping().await, ErrorCode::InvalidConfiguration);
    assert!(error.context.contains("tnsnames.ora"), "{error:?}");
}

/// Where a client is installed there is nothing to be said, and the address is not there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thick_without_a_client_says_what_to_install() {
    let url = format!("oracle://reader:{PASSWORD}@127.0.0.1:1/CELOSIA");
    let connector = connector(&url, |config| config.driver = Driver::Thick);
    let error = connector.ping().await.expect_err("no client, or no server");
    assert!(!format!("{error:?}").contains(PASSWORD), "{error:?}");
    if error.code == ErrorCode::InvalidConfiguration {
        for word in ["Instant Client", "LD_LIBRARY_PATH", "ldconfig", "driver: thin"] {
            assert!(error.context.contains(word), "{word} is not in {}", error.context);
        }
    } else {
        assert_eq!(error.code, ErrorCode::Unreachable, "{error:?}");
    }
}
