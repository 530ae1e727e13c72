//! A double with answers, and a connector to it.

use arrow_array::RecordBatch;
use arrow_schema::DataType;
use celosia_connector_api::query::RenderedColumn;
use celosia_connector_api::{
    Connector, ConnectorError, ErrorCode, ExecutionContext, RenderedQuery,
};
use celosia_connector_oracle::{OracleConfig, OracleConnector};
use celosia_connector_testkit::double::canned::{Answer, Canned};
use celosia_connector_testkit::double::engine::{Engine, ResultColumn, Row};
use celosia_connector_testkit::double::tns::{TnsDouble, TnsOptions};
use futures::StreamExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The password of the double's reader, which no error may hold.
pub(crate) const PASSWORD: &str = "Reader-1-secret";

pub(crate) async fn double(engine: Arc<dyn Engine>, options: TnsOptions) -> TnsDouble {
    TnsDouble::start(engine, options).await.expect("a server")
}

/// A double of 23ai that answers from a list.
pub(crate) async fn canned(answers: &[(&str, Answer)]) -> TnsDouble {
    double(list(answers), TnsOptions::default()).await
}

pub(crate) fn list(answers: &[(&str, Answer)]) -> Arc<Canned> {
    let canned = Canned::default();
    for (sql, answer) in answers {
        canned.answer(sql, answer.clone());
    }
    Arc::new(canned)
}

pub(crate) fn url(double: &TnsDouble) -> String {
    format!("oracle://reader:{PASSWORD}@127.0.0.1:{}/CELOSIA", double.port())
}

pub(crate) fn connector(url: &str, change: impl FnOnce(&mut OracleConfig)) -> Arc<OracleConnector> {
    let mut config = OracleConfig::parse(url).expect("a URL");
    config.concurrency = 1;
    change(&mut config);
    Arc::new(OracleConnector::new(config).expect("a connector"))
}

pub(crate) fn column(name: &str, native: &str) -> ResultColumn {
    ResultColumn { name: name.into(), native: native.into(), nullable: true, collation: None }
}

pub(crate) fn cells(cells: &[Option<&str>]) -> Row {
    cells.iter().map(|cell| cell.map(str::to_string)).collect()
}

/// One column of whole numbers, from 0 up to a count.
pub(crate) fn numbers(count: u64) -> Answer {
    let row = move |at: u64| Ok((at < count).then(|| vec![Some(at.to_string())]));
    Answer { columns: vec![column("N", "NUMBER(18)")], row: Arc::new(row) }
}

pub(crate) fn query(sql: &str, columns: &[(&str, DataType)]) -> RenderedQuery {
    let columns = columns.iter();
    RenderedQuery {
        sql: sql.to_string(),
        parameters: vec![],
        columns: columns
            .map(|(name, data_type)| RenderedColumn {
                name: name.to_string(),
                data_type: data_type.clone(),
            })
            .collect(),
        defer_unfit: false,
        rows_hint: None,
        splits: None,
    }
}

pub(crate) fn one_number(sql: &str) -> RenderedQuery {
    query(sql, &[("N", DataType::Int64)])
}

pub(crate) fn context(time: Duration) -> ExecutionContext {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    ExecutionContext {
        query_id: format!("live-{}", NEXT.fetch_add(1, Ordering::Relaxed)),
        deadline: Instant::now() + time,
        batch_rows: 1_000,
        caller: None,
        identity: None,
        accepts_cost: false,
        readers: 1,
        snapshot: None,
    }
}

/// Reads a statement to its end.
pub(crate) async fn read(
    connector: &dyn Connector,
    query: &RenderedQuery,
    context: &ExecutionContext,
) -> Result<Vec<RecordBatch>, ConnectorError> {
    let mut stream = connector.open(query, context).await?;
    let mut batches = Vec::new();
    while let Some(batch) = stream.next().await {
        batches.push(batch?);
    }
    Ok(batches)
}

/// The error, which holds no secret.
pub(crate) fn failed<T>(result: Result<T, ConnectorError>, code: ErrorCode) -> ConnectorError {
    let Err(error) = result else { panic!("no error where {code:?} was expected") };
    assert_eq!(error.code, code, "{error:?}");
    assert!(!format!("{error:?} {error}").contains("secret"), "{error:?}");
    error
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let late = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < late, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
