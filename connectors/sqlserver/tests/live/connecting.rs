//! How connections are protected, and what is said where there is none.

use crate::support::{READER, Source, fetch, statement};
use arrow_schema::DataType;
use celosia_connector_api::{Connector, ConnectorError, ErrorCode};
use celosia_connector_sqlserver::{SqlServerConfig, SqlServerConnector};
use celosia_connector_testkit::double::tds::{Denial, Encryption, TdsOptions};

async fn ping(url: &str) -> Result<(), ConnectorError> {
    SqlServerConnector::new(SqlServerConfig::parse(url)?)?.ping().await
}

/// The error says this, names the server, and holds no password.
async fn refused(url: &str, code: ErrorCode, words: &str) {
    let error = ping(url).await.unwrap_err();
    let shown = format!("{error:?}");
    assert_eq!(error.code, code, "{shown}");
    assert!(error.context.contains(words), "{words:?} is not in {:?}", error.context);
    assert!(error.context.contains("127.0.0.1") || error.context.contains("localhost"), "{shown}");
    assert!(!shown.contains("secret"), "{shown}");
}

#[tokio::test]
async fn every_tls_mode_is_what_it_says() {
    for (encryption, query, encrypted) in [
        (Encryption::NotSupported, "encrypt=off", Some(false)),
        (Encryption::NotSupported, "encrypt=required", None),
        (Encryption::NotSupported, "", None),
        (Encryption::Off, "encrypt=off", Some(false)),
        (Encryption::Off, "encrypt=login", Some(false)),
        (Encryption::Required, "encrypt=required", Some(true)),
        (Encryption::Required, "", Some(true)),
        (Encryption::Required, "encrypt=login", Some(true)),
        (Encryption::Strict, "encrypt=strict", Some(true)),
    ] {
        let source = Source::start(TdsOptions { encryption, ..TdsOptions::default() }).await;
        source.answer("SELECT 1", &["int"], vec![vec![Some("1".into())]]);
        let connector = SqlServerConnector::new(source.config(query)).unwrap();
        let found = fetch(&connector, &statement("SELECT 1", &[DataType::Int32])).await;
        match encrypted {
            Some(encrypted) => {
                assert_eq!(found.unwrap()[0].num_rows(), 1, "{encryption:?} {query}");
                let sessions = source.double.record().sessions();
                let view = sessions.first().unwrap();
                assert_eq!(view.encrypted, encrypted, "{encryption:?} {query}");
                assert!(view.read_only_intent && view.program == "celosia");
            }
            None => {
                let error = found.unwrap_err();
                assert_eq!(error.code, ErrorCode::TlsFailed, "{encryption:?} {query}: {error:?}");
            }
        }
        source.double.stop().await;
    }
}

#[tokio::test]
async fn a_certificate_must_be_trusted_and_for_this_host() {
    let source = Source::usual().await;
    let port = source.double.port();
    let stranger = Source::usual().await.double.authority_file().unwrap();
    let wrong = format!(
        "sqlserver://{READER}@127.0.0.1:{port}/celosia?trust_certificate={}",
        stranger.display()
    );
    drop(stranger);
    refused(&wrong, ErrorCode::TlsFailed, "trust_certificate").await;
    let unknown = format!("sqlserver://{READER}@127.0.0.1:{port}/celosia");
    refused(&unknown, ErrorCode::TlsFailed, "trust_certificate").await;
    let other = source.url(READER, "host_in_certificate=db.example.org");
    refused(&other, ErrorCode::TlsFailed, "host_in_certificate").await;
    ping(&source.url(READER, "host_in_certificate=localhost")).await.unwrap();
    ping(&format!("{unknown}?trust_server_certificate=true")).await.unwrap();
}

#[tokio::test]
async fn what_is_wrong_with_a_login_is_told() {
    let denied = [
        ("shut", Denial::Database),
        ("new", Denial::MustChangePassword),
        ("old", Denial::PasswordExpired),
        ("off", Denial::Disabled),
        ("locked", Denial::Locked),
    ];
    let users = denied.iter().map(|(name, _)| ((*name).to_string(), "x-secret".to_string()));
    let options = TdsOptions {
        users: users.chain(TdsOptions::default().users).collect(),
        denied: denied.iter().map(|(name, denial)| ((*name).to_string(), *denial)).collect(),
        ..TdsOptions::default()
    };
    let source = Source::start(options).await;
    let auth = ErrorCode::AuthenticationFailed;
    refused(&source.url("reader:wrong-secret", ""), auth, "name and password").await;
    refused(&source.url("nobody:x-secret", ""), auth, "18456").await;
    refused(&source.url("new:x-secret", ""), auth, "expired").await;
    refused(&source.url("old:x-secret", ""), auth, "expired").await;
    refused(&source.url("locked:x-secret", ""), auth, "locked").await;
    refused(&source.url("off:x-secret", ""), auth, "disabled").await;
    let invalid = ErrorCode::InvalidConfiguration;
    refused(&source.url("shut:x-secret", ""), invalid, "4060").await;
    let nowhere = source.url(READER, "").replace("/celosia?", "/nowhere?");
    refused(&nowhere, invalid, "database").await;
    ping(&source.url(READER, "")).await.unwrap();
}

#[tokio::test]
async fn an_old_server_is_refused() {
    let source = Source::of_version(TdsOptions::default(), "12.0.5000.0").await;
    let error = ping(&source.url(READER, "")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidConfiguration);
    assert!(error.context.contains("2016"), "{}", error.context);
}

#[tokio::test]
async fn a_wrong_address_says_what_to_check() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let unreachable = ErrorCode::Unreachable;
    refused(&format!("sqlserver://a:secret@127.0.0.1:{closed}/x"), unreachable, "port").await;
    // No browser answers for an instance.
    let named = "sqlserver://a:secret@127.0.0.1/x?instance=SALES".to_string();
    refused(&named, unreachable, "SALES").await;
    let error = ping("sqlserver://a:secret@no-such-host.invalid/x").await.unwrap_err();
    assert_eq!(error.code, unreachable, "{error:?}");
    assert!(error.context.contains("name"), "{}", error.context);
}
