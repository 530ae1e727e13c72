//! What the dictionary says of a login, as findings. The rows are canned: no double has Oracle's rights.

use crate::support::{cells, column, connector, double, list, url};
use celosia_connector_api::{Connector, ErrorCode, LeastPrivilege};
use celosia_connector_oracle::OracleConnector;
use celosia_connector_testkit::double::canned::Answer;
use celosia_connector_testkit::double::tns::{TnsDouble, TnsOptions};
use std::sync::Arc;

async fn told(rows: &[(&str, &str)]) -> (TnsDouble, Arc<OracleConnector>) {
    let canned = list(&[]);
    let rows = std::iter::once(&("login", "READER"))
        .chain(rows)
        .map(|(what, name)| cells(&[Some(*what), Some(*name).filter(|name| !name.is_empty())]))
        .collect();
    let columns = vec![column("WHAT", "VARCHAR2(20)"), column("NAME", "VARCHAR2(256)")];
    canned.answer_to_part("session_privs", Answer::rows(columns, rows));
    let server = double(canned, TnsOptions::default()).await;
    let connector = connector(&url(&server), |_| ());
    (server, connector)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_has_no_finding_that_is_a_danger() {
    let (_server, connector) = told(&[("clear", "")]).await;
    let found = connector.examine(true).await.expect("an examination");
    assert_eq!((found.login.as_str(), found.dangers().count()), ("READER", 0), "{found:?}");
    assert!(found.findings.iter().any(|f| f.text.contains("not encrypted")), "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_beyond_reading_are_told_and_not_served() {
    let rows = [
        ("any", "SELECT ANY TABLE"),
        ("any", "EXECUTE ANY PROCEDURE"),
        ("system", "ALTER SYSTEM"),
        ("role", "DBA"),
        ("write", "HR.PEOPLE"),
        ("package", "UTL_FILE"),
        ("owner", "MINE"),
    ];
    let (_server, connector) = told(&rows).await;
    let found = connector.examine(true).await.expect("an examination");
    let texts: Vec<&str> = found.dangers().map(|danger| danger.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "the login has rights on everybody's objects: SELECT ANY TABLE, EXECUTE ANY PROCEDURE",
            "the login may change the database: ALTER SYSTEM",
            "the login has roles that administer: DBA",
            "the login may write to tables: HR.PEOPLE",
            "the login was granted packages that reach files, programs or the network: UTL_FILE",
        ]
    );
    let served = LeastPrivilege::new(connector);
    let error = served.describe().await.expect_err("it is not served");
    assert_eq!(error.code, ErrorCode::OverPrivileged);
}
