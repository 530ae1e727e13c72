//! A stub engine for the tests of the surface.

use super::Backend;
use crate::error::{Code, Error, Result};
use crate::model::{Principal, PrincipalKind};
use crate::query::{
    Answer, AskRequest, Asked, Chart, ChartRequest, DeclaredTool, DescribeRequest, Explanation,
    Export, ExportRequest, FetchRequest, Fetched, QueryRequest, Reply, SearchRequest, ToolRequest,
    VisibleName,
};
use async_trait::async_trait;
use parking_lot::Mutex;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Tables `shop.main.t0000`... that everybody sees, and `vault.main.secret` that nobody does.
#[derive(Default)]
pub(crate) struct StubBackend {
    tables: usize,
    /// What was called, as `tool user client`.
    pub(crate) calls: Mutex<Vec<String>>,
    /// Statements that were cancelled.
    pub(crate) cancelled: Mutex<Vec<String>>,
}

impl StubBackend {
    pub(crate) const HIDDEN: &str = "celosia://vault/main/secret";

    pub(crate) fn with_tables(tables: usize) -> Self {
        Self { tables, ..Self::default() }
    }

    pub(crate) fn shared() -> Arc<Self> {
        Arc::new(Self::with_tables(3))
    }

    fn note(&self, tool: &str, principal: &Principal, client: &str) {
        self.calls.lock().push(format!("{tool} {} {client}", principal.user()));
    }
}

/// A caller without roles.
pub(crate) fn principal(user: &str) -> Principal {
    let kind = PrincipalKind::ApiKey;
    Principal::establish(user.into(), BTreeSet::new(), BTreeMap::new(), kind)
}

#[async_trait]
impl Backend for StubBackend {
    /// Everybody but `zoe` may go on.
    async fn admit(&self, principal: &Principal) -> Result<()> {
        if principal.user() != "zoe" {
            return Ok(());
        }
        let error = Error::new(Code::LimitReached, "too many requests of yours");
        Err(error.with_hint("send fewer").retry_in(Duration::from_millis(2_500)))
    }

    /// `sleep` waits a minute or for its cancellation, `panic` panics; else an error with a hint.
    async fn query(
        &self,
        principal: &Principal,
        request: QueryRequest,
        cancel: CancellationToken,
    ) -> Result<Answer> {
        self.note("query", principal, &request.client);
        assert_ne!(request.sql, "panic");
        if request.sql.starts_with("sleep") {
            let nap = request.sql.strip_prefix("sleep ").and_then(|ms| ms.parse().ok());
            tokio::select! {
                () = cancel.cancelled() => self.cancelled.lock().push(request.sql.clone()),
                () = tokio::time::sleep(Duration::from_millis(nap.unwrap_or(60_000))) => {}
            }
        }
        Err(Error::new(Code::Syntax, "this is not SQL").with_hint("write one SELECT"))
    }

    async fn fetch(&self, principal: &Principal, request: FetchRequest) -> Result<Fetched> {
        self.note("fetch", principal, &request.client);
        Err(Error::new(Code::UnknownHandle, "there is no such result").with_hint("run it again"))
    }

    async fn export(&self, _: &Principal, _: ExportRequest) -> Result<Export> {
        Err(Error::new(Code::UnknownHandle, "there is no such result"))
    }

    async fn chart(&self, _: &Principal, _: ChartRequest) -> Result<Chart> {
        Err(Error::new(Code::UnknownHandle, "there is no such result"))
    }

    async fn requery(
        &self,
        _: &Principal,
        _: &str,
        _: QueryRequest,
        _: CancellationToken,
    ) -> Result<Answer> {
        Err(Error::new(Code::UnknownHandle, "there is no such result"))
    }

    fn has_executors(&self) -> bool {
        false
    }

    fn has_model(&self) -> bool {
        false
    }

    async fn ask(&self, _: &Principal, _: AskRequest, _: CancellationToken) -> Result<Asked> {
        Err(Error::new(Code::Model, "there is no model"))
    }

    async fn explain(&self, principal: &Principal, request: QueryRequest) -> Result<Explanation> {
        self.note("explain", principal, &request.client);
        Ok(Explanation {
            columns: Vec::new(),
            plan: request.sql,
            sources: Vec::new(),
            masks: Vec::new(),
            filters: Vec::new(),
            warnings: Vec::new(),
        })
    }

    async fn search(&self, principal: &Principal, request: SearchRequest) -> Result<Reply> {
        self.note("search", principal, &request.client);
        let SearchRequest { question, limit, .. } = request;
        Ok(Reply {
            text: format!("{} tables for {question}", limit.unwrap_or_default()),
            structured: json!({ "question": question, "user": principal.user() }),
        })
    }

    async fn describe_with_values(
        &self,
        principal: &Principal,
        request: DescribeRequest,
    ) -> Result<Reply> {
        self.describe(principal, &request.name.unwrap_or_default())
    }

    fn tools(&self, _: &Principal) -> Vec<DeclaredTool> {
        Vec::new()
    }

    async fn call_tool(
        &self,
        _: &Principal,
        _: ToolRequest,
        _: CancellationToken,
    ) -> Option<Result<Answer>> {
        None
    }

    fn describe(&self, principal: &Principal, name: &str) -> Result<Reply> {
        let text = format!("about {name}");
        if name == "shop" {
            return Ok(Reply { text, structured: json!({ "source": name }) });
        }
        let visible = self.visible_tables(principal);
        let is_meant = |t: &VisibleName| format!("{}.{}.{}", t.source, t.schema, t.table) == name;
        if !visible.iter().any(is_meant) {
            let message = format!("table \"{name}\" does not exist or is not open to you");
            return Err(Error::new(Code::UnknownName, message).with_hint("search"));
        }
        let columns = ["id", "amount", "group"].map(|column| json!({ "name": column }));
        Ok(Reply { text, structured: json!({ "table": name, "columns": columns }) })
    }

    fn visible_tables(&self, _: &Principal) -> Vec<VisibleName> {
        (0..self.tables)
            .map(|number| VisibleName {
                source: "shop".into(),
                schema: "main".into(),
                table: format!("t{number:04}"),
                description: Some("a table".into()),
            })
            .collect()
    }
}
