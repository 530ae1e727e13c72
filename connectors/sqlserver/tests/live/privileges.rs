//! What the server says of a login, as findings. The rows are canned: no double has SQL Server's rights.

use crate::support::{Source, columns};
use celosia_connector_api::{Connector, ErrorCode, LeastPrivilege};
use celosia_connector_testkit::double::canned::Answer;
use std::sync::Arc;

async fn told(rows: &[(&str, &str)]) -> Source {
    let source = Source::usual().await;
    let cell = |text: &str| Some(text.to_string());
    let rows = std::iter::once(&("login", "reader"))
        .chain(rows)
        .map(|(what, name)| vec![cell(what), cell(name)])
        .collect();
    let answer = Answer::rows(columns(&["varchar(20)", "nvarchar(256)"]), rows);
    source.canned.answer_to_part("IS_SRVROLEMEMBER", answer);
    source
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_has_no_finding_that_is_a_danger() {
    let source = told(&[]).await;
    let found = source.connector().examine(true).await.unwrap();
    assert_eq!((found.login.as_str(), found.dangers().count()), ("reader", 0), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_beyond_reading_are_told_and_not_served() {
    let rows = [
        ("server role", "sysadmin"),
        ("database right", "EXECUTE"),
        ("table", "dbo.orders"),
        ("shell", ""),
        ("trustworthy", ""),
    ];
    let source = told(&rows).await;
    let found = source.connector().examine(true).await.unwrap();
    let texts: Vec<&str> = found.dangers().map(|danger| danger.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "the login is in server roles that administer: sysadmin",
            "the user may write or administer in the database: EXECUTE",
            "the login may run programs by xp_cmdshell",
            "the user may write to tables: dbo.orders",
        ]
    );
    let served = LeastPrivilege::new(Arc::new(source.connector()));
    assert_eq!(served.describe().await.unwrap_err().code, ErrorCode::OverPrivileged);
}
