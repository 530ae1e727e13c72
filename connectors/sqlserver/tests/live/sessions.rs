//! Sessions: names, transactions, places, cancelling.

use crate::support::{Source, columns, context, fetch, statement, until};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_schema::DataType;
use celosia_connector_api::{Connector, ErrorCode};
use celosia_connector_testkit::double::canned::Answer;
use futures::StreamExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Rows without an end.
fn endless(source: &Source, sql: &str) {
    let row = |at: u64| Ok(Some(vec![Some(at.to_string())]));
    source.canned.answer(sql, Answer { columns: columns(&["bigint"]), row: Arc::new(row) });
}

#[tokio::test]
async fn a_statement_runs_in_a_named_transaction_that_is_rolled_back() {
    let source = Source::usual().await;
    source.answer("SELECT 1", &["bigint"], vec![vec![Some("1".into())]]);
    let connector = source.connector();
    let query = statement("SELECT 1", &[DataType::Int64]);
    let mut stream = connector.open(&query, &context("q-7", Duration::from_secs(9))).await.unwrap();
    while let Some(batch) = stream.next().await {
        batch.unwrap();
    }
    let record = source.double.record();
    let texts = || -> Vec<String> { record.statements().into_iter().map(|s| s.sql).collect() };
    until("the transaction is never rolled back", || {
        texts().last().is_some_and(|sql| sql.contains("ROLLBACK TRANSACTION"))
    })
    .await;
    let texts = texts();
    let at = texts.iter().position(|sql| sql == "SELECT 1").unwrap();
    assert!(texts[at - 1].starts_with("SET CONTEXT_INFO 0x"), "{texts:?}");
    assert!(
        texts[at - 1].contains("SET LOCK_TIMEOUT ") && texts[at - 1].ends_with("BEGIN TRANSACTION")
    );
    assert_eq!(texts.len(), at + 2, "one round trip before, one after: {texts:?}");
    let told = record.sessions()[0].told.get("context_info").cloned();
    assert_eq!(told.as_deref(), Some("celosia q-7"));
}

#[tokio::test]
async fn only_a_select_is_sent() {
    let source = Source::usual().await;
    let connector = source.connector();
    for sql in ["DELETE FROM t", "WITH a AS (SELECT 1) DELETE FROM a", "EXEC x", ""] {
        let error = fetch(&connector, &statement(sql, &[DataType::Int64])).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::QueryFailed);
    }
    assert!(source.double.record().statements().is_empty());
    // What has no result is no answer, whatever it did.
    let error =
        fetch(&connector, &statement("SELECT 1 INTO t", &[DataType::Int64])).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::QueryFailed);
}

#[tokio::test]
async fn a_dropped_stream_sends_an_attention_and_closes_its_connection() {
    let source = Source::usual().await;
    endless(&source, "SELECT 1");
    source.answer("SELECT 2", &["bigint"], vec![vec![Some("2".into())]]);
    let connector = source.connector();
    let query = statement("SELECT 1", &[DataType::Int64]);
    let mut stream = connector.open(&query, &context("q", Duration::from_secs(60))).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap().num_rows(), 1_000);
    let record = source.double.record();
    assert!(record.sessions()[0].running.is_some());
    drop(stream);
    until("no attention came", || record.cancelled() == 1).await;
    until("the connection was kept", || record.sessions().is_empty()).await;
    let found = fetch(&connector, &statement("SELECT 2", &[DataType::Int64])).await.unwrap();
    assert_eq!(found[0].column(0).as_primitive::<Int64Type>().value(0), 2);
}

#[tokio::test]
async fn a_deadline_stops_a_reader_that_is_always_served() {
    let source = Source::usual().await;
    endless(&source, "SELECT 1");
    let connector = source.connector();
    let query = statement("SELECT 1", &[DataType::Int64]);
    // Connecting is not what takes the time.
    connector.ping().await.unwrap();
    let asked = Instant::now();
    let short = context("q", Duration::from_secs(2));
    let mut stream = connector.open(&query, &short).await.unwrap();
    let error = loop {
        match stream.next().await {
            Some(Ok(_)) => {}
            Some(Err(error)) => break error,
            None => panic!("it ended"),
        }
    };
    assert_eq!(error.code, ErrorCode::DeadlineExceeded);
    assert!(asked.elapsed() < Duration::from_secs(10));
    assert!(stream.next().await.is_none());
    let record = source.double.record();
    until("it still runs", || record.cancelled() == 1).await;
}

#[tokio::test]
async fn sessions_are_used_again_and_never_more_than_allowed() {
    let source = Source::usual().await;
    source.answer("SELECT 1", &["bigint"], vec![vec![Some("1".into())]]);
    let connector = Arc::new(source.connector());
    let query = statement("SELECT 1", &[DataType::Int64]);
    let readers = (0..8).map(|_| {
        let (connector, query) = (connector.clone(), query.clone());
        tokio::spawn(async move {
            for _ in 0..10 {
                assert_eq!(fetch(&*connector, &query).await.unwrap()[0].num_rows(), 1);
            }
        })
    });
    for reader in readers.collect::<Vec<_>>() {
        reader.await.unwrap();
    }
    let record = source.double.record();
    assert!(record.sessions().len() <= 2, "{:?}", record.sessions());
    let sessions: std::collections::BTreeSet<u64> =
        record.statements().iter().map(|statement| statement.session).collect();
    assert!(sessions.len() <= 2, "{sessions:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_statements_get_their_own_rows() {
    let source = Source::usual().await;
    for id in 0..50_u64 {
        let row = move |at: u64| Ok((at < 300).then(|| vec![Some((id * 1_000 + at).to_string())]));
        let answer = Answer { columns: columns(&["bigint"]), row: Arc::new(row) };
        source.canned.answer(&format!("SELECT {id}"), answer);
    }
    let mut config = source.config("");
    config.concurrency = 4;
    let connector = Arc::new(celosia_connector_sqlserver::SqlServerConnector::new(config).unwrap());
    let readers = (0..50_i64).map(|id| {
        let connector = connector.clone();
        tokio::spawn(async move {
            let query = statement(&format!("SELECT {id}"), &[DataType::Int64]);
            let batches = fetch(&*connector, &query).await.unwrap();
            let found: Vec<i64> = batches
                .iter()
                .flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec())
                .collect();
            assert_eq!(found, (id * 1_000..id * 1_000 + 300).collect::<Vec<_>>());
        })
    });
    for reader in readers.collect::<Vec<_>>() {
        reader.await.unwrap();
    }
}

#[tokio::test]
async fn a_restarted_server_is_found_again() {
    let source = Source::usual().await;
    source.answer("SELECT 1", &["bigint"], vec![vec![Some("1".into())]]);
    let connector = source.connector();
    let query = statement("SELECT 1", &[DataType::Int64]);
    for _ in 0..3 {
        assert_eq!(fetch(&connector, &query).await.unwrap()[0].num_rows(), 1);
        source.double.restart().await.unwrap();
    }
    source.double.stop().await;
    assert_eq!(fetch(&connector, &query).await.unwrap_err().code, ErrorCode::Unreachable);
}
