//! A connector's dialogue with a server whose words are changed on the way.

use celosia_connector_api::query::RenderedColumn;
use celosia_connector_api::{Connector, ExecutionContext, RenderedQuery};
use celosia_connector_testkit::spoil::{Edits, Spoiler};
use futures::TryStreamExt;
use std::any::Any;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

pub const SQL: &str = "SELECT 1";

pub struct Dialogue {
    runtime: Runtime,
    spoiler: Spoiler,
    connector: fn(u16) -> Box<dyn Connector>,
    query: RenderedQuery,
    _server: Box<dyn Any + Send + Sync>,
}

pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

impl Dialogue {
    pub fn new(
        runtime: Runtime,
        port: u16,
        server: Box<dyn Any + Send + Sync>,
        connector: fn(u16) -> Box<dyn Connector>,
    ) -> Self {
        let spoiler = runtime.block_on(Spoiler::before(port)).expect("a port");
        use arrow_schema::DataType::{Decimal128, Int64, Utf8};
        let columns = [Int64, Utf8, Decimal128(18, 4)].into_iter().enumerate();
        let columns =
            columns.map(|(at, data_type)| RenderedColumn { name: format!("c{at}"), data_type });
        let query = RenderedQuery {
            sql: SQL.into(),
            parameters: vec![],
            columns: columns.collect(),
            defer_unfit: false,
            rows_hint: None,
            splits: None,
        };
        Self { runtime, spoiler, connector, query, _server: server }
    }

    /// An error or an answer, in time.
    pub fn hold(&self, data: &[u8]) {
        self.spoiler.set(Edits::from_bytes(data));
        let begun = Instant::now();
        let context = ExecutionContext {
            query_id: "fuzz".into(),
            deadline: begun + Duration::from_millis(300),
            batch_rows: 1_000,
            caller: None,
            identity: None,
            accepts_cost: false,
            readers: 1,
            snapshot: None,
        };
        let connector = (self.connector)(self.spoiler.port());
        let _ = self.runtime.block_on(async {
            connector.open(&self.query, &context).await?.try_collect::<Vec<_>>().await
        });
        assert!(begun.elapsed() < Duration::from_secs(5), "too late: {:?}", begun.elapsed());
    }
}
