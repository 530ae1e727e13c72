//! A described connector and short ways to ask it.

use crate::cells;
use crate::data::{Row, Table};
use crate::fixture::Fixture;
use arrow_schema::SchemaRef;
use celosia_connector_api::render::render;
use celosia_connector_api::{
    Connector, ConnectorError, ExecutionContext, OperandClass, OutputColumn, RemoteStream,
    RenderedQuery, SourceDescription, TableDescription, TableRead,
};
use futures::StreamExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Rows of a batch in the suite: small, so that most results have several.
pub const BATCH_ROWS: usize = 16;
/// How long a statement of the suite may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A connector with what it says about its tables.
pub struct Subject {
    /// The connector.
    pub connector: Arc<dyn Connector>,
    /// Its description.
    pub description: SourceDescription,
    schema: String,
}

/// A whole result.
#[derive(Debug)]
pub struct Answer {
    /// The schema of every batch.
    pub schema: SchemaRef,
    /// The rows in the order they came.
    pub rows: Vec<Row>,
    /// How many rows came, also where there are no columns.
    pub count: usize,
}

impl Subject {
    /// A new connector to the fixture, described.
    ///
    /// # Errors
    /// Discovery failed.
    pub async fn new(fixture: &dyn Fixture) -> Result<Self, String> {
        let connector = fixture.connector();
        let description = connector.describe().await.map_err(|error| told("describe", &error))?;
        Ok(Self { connector, description, schema: fixture.schema().to_string() })
    }

    /// A table of the fixture as discovery described it.
    ///
    /// # Errors
    /// It was not found.
    pub fn table(&self, name: &str) -> Result<Arc<TableDescription>, String> {
        let mut tables = self.description.tables.iter();
        tables
            .find(|table| table.schema == self.schema && table.name == name)
            .map(|table| Arc::new(table.clone()))
            .ok_or_else(|| format!("table {name:?} was not described"))
    }

    /// The statement of a query.
    ///
    /// # Errors
    /// The dialect cannot spell it.
    pub fn render(&self, query: &TableRead) -> Result<RenderedQuery, String> {
        render(self.connector.dialect(), query).ok_or_else(|| format!("not spelled: {query:?}"))
    }

    /// Runs a query to its end.
    ///
    /// # Errors
    /// What the connector said, with the statement.
    pub async fn run(&self, query: &TableRead) -> Result<Answer, String> {
        let rendered = self.render(query)?;
        let answer = self.execute(&rendered).await;
        answer.map_err(|error| told(&format!("{rendered:?}"), &error))
    }

    /// Runs a statement to its end.
    ///
    /// # Errors
    /// What the connector said.
    pub async fn execute(&self, query: &RenderedQuery) -> Result<Answer, ConnectorError> {
        collect(self.connector.open(query, &context()).await?).await
    }
}

/// Reads a stream to its end; checks what holds for every stream.
///
/// # Errors
/// What the connector said.
///
/// # Panics
/// A batch breaks the contract: another schema than the stream's, too many rows, none.
pub async fn collect(mut stream: RemoteStream) -> Result<Answer, ConnectorError> {
    let schema = stream.schema();
    let mut answer = Answer { schema: schema.clone(), rows: Vec::new(), count: 0 };
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        assert_eq!(batch.schema(), schema, "a batch has the schema of its stream");
        assert!((1..=BATCH_ROWS).contains(&batch.num_rows()), "{} rows", batch.num_rows());
        answer.count += batch.num_rows();
        answer.rows.extend(cells::rows(&batch).expect("a type of the suite"));
    }
    Ok(answer)
}

/// A context with a name of its own and the suite's patience.
pub fn context() -> ExecutionContext {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    ExecutionContext {
        query_id: format!("conformance-{}-{number}", std::process::id()),
        deadline: Instant::now() + PATIENCE,
        batch_rows: BATCH_ROWS,
        caller: None,
        identity: None,
        accepts_cost: false,
        readers: 1,
        snapshot: None,
    }
}

/// A query for columns of a table by index, with nothing else.
pub fn select(table: &Arc<TableDescription>, columns: &[usize]) -> TableRead {
    TableRead {
        table: table.clone(),
        row_filter: None,
        output: columns.iter().copied().map(OutputColumn::open).collect(),
        predicate: None,
        order: vec![],
        limit: None,
    }
}

/// A query for every column of a table.
pub fn select_all(table: &Arc<TableDescription>) -> TableRead {
    select(table, &(0..table.columns.len()).collect::<Vec<_>>())
}

/// The operand classes of a table's columns.
pub fn classes(table: &TableDescription) -> Vec<OperandClass> {
    table.columns.iter().map(|column| column.class).collect()
}

/// Rows in the order of their first cell, for results that were asked for in no order.
pub fn by_id(mut rows: Vec<Row>) -> Vec<Row> {
    let id = celosia_connector_api::SortKey { output: 0, descending: false, nulls_first: false };
    crate::evaluate::sort(&mut rows, &[id]);
    rows
}

/// An error with everything that is known of it, for whoever reads the failure.
pub fn told(doing: &str, error: &ConnectorError) -> String {
    format!("{doing}: {:?} ({})", error.code, error.context)
}

/// Fails a check unless both are equal; names the first row that differs.
///
/// # Errors
/// They are not.
pub fn same_rows(what: &str, found: &[Row], expected: &[Row]) -> Result<(), String> {
    let differs = |at: &usize| found.get(*at) != expected.get(*at);
    match (0..found.len().max(expected.len())).find(differs) {
        None => Ok(()),
        Some(at) => Err(format!(
            "{what}: {} rows for {}; at {at} {:?} for {:?}",
            found.len(),
            expected.len(),
            found.get(at),
            expected.get(at)
        )),
    }
}

/// The index of a column of the suite's data.
///
/// # Panics
/// There is none: the suite is wrong.
pub fn column(table: &Table, name: &str) -> usize {
    let found = table.columns.iter().position(|(column, _)| *column == name);
    found.unwrap_or_else(|| panic!("{} has no column {name}", table.name))
}
