//! The real engine behind the surface.

use super::Backend;
use crate::error::Result;
use crate::model::Principal;
use crate::query::{
    Answer, AskRequest, Asked, Chart, ChartRequest, DeclaredTool, DescribeRequest, Engine,
    Explanation, Export, ExportRequest, FetchRequest, Fetched, QueryRequest, Reply, SearchRequest,
    ToolRequest, VisibleName,
};
use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

#[async_trait]
impl Backend for Engine {
    async fn admit(&self, principal: &Principal) -> Result<()> {
        Engine::admit(self, principal).await
    }

    async fn query(
        &self,
        principal: &Principal,
        request: QueryRequest,
        cancel: CancellationToken,
    ) -> Result<Answer> {
        Engine::query(self, principal, request, cancel).await
    }

    fn has_executors(&self) -> bool {
        Engine::has_executors(self)
    }

    async fn fetch(&self, principal: &Principal, request: FetchRequest) -> Result<Fetched> {
        Engine::fetch(self, principal, request).await
    }

    async fn export(&self, principal: &Principal, request: ExportRequest) -> Result<Export> {
        Engine::export(self, principal, request).await
    }

    async fn chart(&self, principal: &Principal, request: ChartRequest) -> Result<Chart> {
        Engine::chart(self, principal, request).await
    }

    async fn requery(
        &self,
        principal: &Principal,
        handle: &str,
        request: QueryRequest,
        cancel: CancellationToken,
    ) -> Result<Answer> {
        Engine::requery(self, principal, handle, request, cancel).await
    }

    fn has_model(&self) -> bool {
        Engine::has_model(self)
    }

    async fn ask(
        &self,
        principal: &Principal,
        request: AskRequest,
        cancel: CancellationToken,
    ) -> Result<Asked> {
        Engine::ask(self, principal, request, cancel).await
    }

    async fn explain(&self, principal: &Principal, request: QueryRequest) -> Result<Explanation> {
        Engine::explain(self, principal, request).await
    }

    async fn search(&self, principal: &Principal, request: SearchRequest) -> Result<Reply> {
        Engine::search(self, principal, request).await
    }

    async fn describe_with_values(
        &self,
        principal: &Principal,
        request: DescribeRequest,
    ) -> Result<Reply> {
        Engine::describe_with_values(self, principal, request).await
    }

    fn tools(&self, principal: &Principal) -> Vec<DeclaredTool> {
        Engine::tools(self, principal)
    }

    async fn call_tool(
        &self,
        principal: &Principal,
        request: ToolRequest,
        cancel: CancellationToken,
    ) -> Option<Result<Answer>> {
        Engine::call_tool(self, principal, request, cancel).await
    }

    fn describe(&self, principal: &Principal, name: &str) -> Result<Reply> {
        Engine::describe(self, principal, name)
    }

    fn visible_tables(&self, principal: &Principal) -> Vec<VisibleName> {
        Engine::visible_tables(self, principal)
    }
}
