//! What the surface asks of the engine.

use crate::error::Result;
use crate::model::Principal;
use crate::query::{
    Answer, AskRequest, Asked, Chart, ChartRequest, DeclaredTool, DescribeRequest, Explanation,
    Export, ExportRequest, FetchRequest, Fetched, QueryRequest, Reply, SearchRequest, ToolRequest,
    VisibleName,
};
use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

/// The engine as the surface knows it. Whatever it returns has passed the policy of `principal`.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// Counts a request of `principal`, whatever it asks; an error where its plan allows no more now.
    async fn admit(&self, principal: &Principal) -> Result<()>;

    /// Runs a statement; `cancel` stops it at its sources.
    async fn query(
        &self,
        principal: &Principal,
        request: QueryRequest,
        cancel: CancellationToken,
    ) -> Result<Answer>;

    /// A page of a stored result.
    async fn fetch(&self, principal: &Principal, request: FetchRequest) -> Result<Fetched>;

    /// A whole stored result as a file.
    async fn export(&self, principal: &Principal, request: ExportRequest) -> Result<Export>;

    /// A stored result as a picture.
    async fn chart(&self, principal: &Principal, request: ChartRequest) -> Result<Chart>;

    /// Runs a statement over a stored result, which it calls `result`.
    async fn requery(
        &self,
        principal: &Principal,
        handle: &str,
        request: QueryRequest,
        cancel: CancellationToken,
    ) -> Result<Answer>;

    /// Whether a statement may run in other processes than the server's own.
    fn has_executors(&self) -> bool;

    /// Whether questions in words are answered.
    fn has_model(&self) -> bool;

    /// Answers a question in words; `cancel` stops it wherever it is.
    async fn ask(
        &self,
        principal: &Principal,
        request: AskRequest,
        cancel: CancellationToken,
    ) -> Result<Asked>;

    /// What a statement would do.
    async fn explain(&self, principal: &Principal, request: QueryRequest) -> Result<Explanation>;

    /// The tables and columns that fit a question, best first.
    async fn search(&self, principal: &Principal, request: SearchRequest) -> Result<Reply>;

    /// Tables, a source, or what a question needs, with some values.
    async fn describe_with_values(
        &self,
        principal: &Principal,
        request: DescribeRequest,
    ) -> Result<Reply>;

    /// The declared tools that the caller may use.
    fn tools(&self, principal: &Principal) -> Vec<DeclaredTool>;

    /// The answer of a declared tool; `None` where the caller has none of this name.
    async fn call_tool(
        &self,
        principal: &Principal,
        request: ToolRequest,
        cancel: CancellationToken,
    ) -> Option<Result<Answer>>;

    /// One table or source.
    fn describe(&self, principal: &Principal, name: &str) -> Result<Reply>;

    /// The tables the caller may see, sorted by source, schema and table.
    fn visible_tables(&self, principal: &Principal) -> Vec<VisibleName>;
}
