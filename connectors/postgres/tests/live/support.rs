//! A database for each test, and short ways to ask it.

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, RecordBatch};
use celosia_connector_api::query::RenderedColumn;
use celosia_connector_api::render::render;
use celosia_connector_api::{
    Connector, ConnectorError, ExecutionContext, OutputColumn, RenderedQuery, TableRead,
};
use celosia_connector_postgres::{PostgresConfig, PostgresConnector};
use celosia_connector_testkit::cluster::PostgresCluster;
use futures::TryStreamExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A database of its own for one test: the cluster, the database's name, and a connector.
pub(crate) struct Source {
    pub(crate) cluster: &'static PostgresCluster,
    pub(crate) database: String,
    pub(crate) connector: PostgresConnector,
}

pub(crate) fn required() -> bool {
    std::env::var("CELOSIA_REQUIRE_SOURCES").is_ok_and(|sources| sources.contains("postgres"))
}

pub(crate) fn source(sql: &str) -> Option<Source> {
    let cluster = match PostgresCluster::shared() {
        Ok(cluster) => cluster,
        Err(reason) if required() => panic!("{reason}"),
        Err(reason) => {
            eprintln!("skipped: {reason}");
            return None;
        }
    };
    let url = cluster.create_database().unwrap();
    let database = url.split('/').nth(3).unwrap().split('?').next().unwrap().to_string();
    cluster.execute(&database, sql).unwrap();
    Some(Source { cluster, database, connector: connector(&url, 2) })
}

pub(crate) fn connector(url: &str, concurrency: usize) -> PostgresConnector {
    let mut config = PostgresConfig::parse(url).unwrap();
    config.concurrency = concurrency;
    PostgresConnector::new(config).unwrap()
}

pub(crate) fn context(id: &str) -> ExecutionContext {
    let deadline = Instant::now() + Duration::from_secs(30);
    ExecutionContext {
        query_id: id.into(),
        deadline,
        batch_rows: 1000,
        caller: None,
        identity: None,
        accepts_cost: false,
        readers: 1,
        snapshot: None,
    }
}

/// A statement of our own, reading columns of these types.
pub(crate) fn statement(sql: &str, columns: &[arrow_schema::DataType]) -> RenderedQuery {
    let columns = columns.iter().enumerate().map(|(i, data_type)| RenderedColumn {
        name: format!("c{i}"),
        data_type: data_type.clone(),
    });
    let columns = columns.collect();
    RenderedQuery {
        sql: sql.into(),
        parameters: vec![],
        columns,
        defer_unfit: false,
        rows_hint: None,
        splits: None,
    }
}

pub(crate) async fn fetch(
    connector: &dyn Connector,
    query: &RenderedQuery,
) -> Result<Vec<RecordBatch>, ConnectorError> {
    connector.open(query, &context("test")).await?.try_collect().await
}

/// The same statement, to be read through COPY and to be prepared.
pub(crate) fn both_ways(query: &RenderedQuery) -> [RenderedQuery; 2] {
    assert!(query.parameters.is_empty(), "COPY binds nothing");
    [None, Some(1)].map(|rows_hint| RenderedQuery { rows_hint, ..query.clone() })
}

/// The table and a query for all its columns, unmasked.
pub(crate) async fn whole(source: &Source, table: &str) -> TableRead {
    let description = source.connector.describe().await.unwrap();
    let table = description.tables.into_iter().find(|t| t.name == table).unwrap();
    let output = (0..table.columns.len()).map(OutputColumn::open).collect();
    let table = Arc::new(table);
    TableRead { table, row_filter: None, output, predicate: None, order: vec![], limit: None }
}

pub(crate) fn rendered(source: &Source, query: &TableRead) -> RenderedQuery {
    render(source.connector.dialect(), query).unwrap()
}

pub(crate) fn texts(array: &ArrayRef) -> Vec<Option<&str>> {
    array.as_string::<i32>().iter().collect()
}

/// Waits until the server's own session view gives this answer.
pub(crate) async fn until(source: &Source, sql: &str, expected: &str) {
    let start = Instant::now();
    loop {
        let answer = source.cluster.execute("postgres", sql).unwrap();
        if answer == expected {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "{sql}: {answer}");
        tokio::task::yield_now().await;
    }
}

pub(crate) fn running(name: &str) -> String {
    format!(
        "SELECT count(*) FROM pg_stat_activity \
         WHERE application_name = 'celosia {name}' AND state = 'active'"
    )
}
