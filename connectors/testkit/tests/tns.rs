//! The Oracle double, driven by Oracle's own driver.

use celosia_connector_testkit::double::canned::{Answer, Canned};
use celosia_connector_testkit::double::engine::ResultColumn;
use celosia_connector_testkit::double::tns::{ServerVersion, TnsDouble, TnsOptions};
use oracledb::{Config, Connection, OracleNumber};
use std::sync::Arc;

const VERSIONS: [ServerVersion; 2] = [ServerVersion::V19, ServerVersion::V23];

fn column(name: &str, native: &str) -> ResultColumn {
    ResultColumn { name: name.into(), native: native.into(), nullable: true, collation: None }
}

fn canned() -> Canned {
    let canned = Canned::default();
    let one = vec![vec![Some("1".to_string())]];
    canned.answer("select 1 from dual", Answer::rows(vec![column("1", "NUMBER")], one));
    canned
}

fn connect(port: u16, user: &str, password: &str) -> Result<Connection, oracledb::Error> {
    let string = format!("127.0.0.1:{port}/celosia");
    oracledb::connect(
        Config::default().set_credentials(user, password).set_connect_string(&string)?,
    )
}

async fn with<T: Send + 'static>(
    options: TnsOptions,
    work: impl FnOnce(u16) -> T + Send + 'static,
) -> (T, TnsDouble) {
    let double = TnsDouble::start(Arc::new(canned()), options).await.unwrap();
    let port = double.port();
    let done = tokio::task::spawn_blocking(move || work(port)).await.unwrap();
    (done, double)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_and_a_row() {
    for version in VERSIONS {
        let options = TnsOptions { version, ..TnsOptions::default() };
        let (value, double) = with(options, |port| {
            let mut connection = connect(port, "reader", "Reader-1-secret").unwrap();
            let row = connection.query_row("select 1 from dual", &[]).unwrap();
            let value: OracleNumber = row.get(0).unwrap();
            connection.close().unwrap();
            value.to_string()
        })
        .await;
        assert_eq!(value, "1");
        double.stop().await;
    }
}
