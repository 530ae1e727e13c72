//! Sessions that know who asks: they are that caller's until they are closed.

use crate::support::{Source, context, statement, until};
use arrow_schema::DataType;
use celosia_connector_api::{Connector, ExecutionContext, SessionIdentity};
use celosia_connector_sqlserver::SqlServerConnector;
use futures::StreamExt;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

fn asked(user: Option<&str>) -> ExecutionContext {
    let identity = user.map(|user| {
        let role = Some(format!("db_{user}"));
        Arc::new(SessionIdentity { user: user.into(), issuer: String::new(), role })
    });
    ExecutionContext { identity, ..context("q", Duration::from_secs(30)) }
}

/// Runs a statement whose text says for whom; `None` as the login.
async fn run(connector: &SqlServerConnector, user: Option<&str>) {
    let sql = format!("SELECT '{}'", user.unwrap_or("login"));
    let query = statement(&sql, &[DataType::Utf8]);
    let mut stream = connector.open(&query, &asked(user)).await.unwrap();
    while let Some(batch) = stream.next().await {
        batch.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_session_crosses_identities() {
    let source = Source::usual().await;
    let people = [Some("ana"), Some("bo"), Some("cy"), None];
    for user in people {
        let name = user.unwrap_or("login");
        source.answer(&format!("SELECT '{name}'"), &["varchar(20)"], vec![vec![Some(name.into())]]);
    }
    let connector = Arc::new(source.connector());
    let work = (0..8).map(|at: usize| {
        let connector = connector.clone();
        tokio::spawn(async move {
            for turn in 0..12 {
                run(&connector, people[(at + turn) % people.len()]).await;
            }
        })
    });
    for done in futures::future::join_all(work).await {
        done.unwrap();
    }
    let mut owners: BTreeMap<u64, String> = BTreeMap::new();
    let mut asked = 0;
    for sent in source.double.record().statements() {
        if let Some((_, rest)) = sent.sql.split_once("@key = N'celosia.user', @value = N'") {
            let owner = rest.split('\'').next().unwrap().to_string();
            let whole = format!("EXECUTE AS USER = N'db_{owner}' WITH NO REVERT");
            assert!(
                sent.sql.ends_with(&whole) && sent.sql.contains("@read_only = 1"),
                "{}",
                sent.sql
            );
            assert!(owners.insert(sent.session, owner).is_none(), "told once");
        } else if let Some(name) = sent.sql.strip_prefix("SELECT '") {
            asked += 1;
            let owner = owners.get(&sent.session).map_or("login", String::as_str);
            assert_eq!(name.trim_end_matches('\''), owner, "a session of somebody else's");
        }
    }
    assert_eq!(asked, 8 * 12);
    until("sessions of callers that are gone stay open", || {
        source.double.record().sessions().len() <= 2
    })
    .await;
}
