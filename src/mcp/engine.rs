//! The real engine behind the surface.

use super::Backend;
use crate::error::Result;
use crate::model::Principal;
use crate::query::{
    Answer, Engine, Explanation, FetchRequest, Fetched, QueryRequest, Reply, SearchRequest,
    VisibleName,
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

    async fn fetch(&self, principal: &Principal, request: FetchRequest) -> Result<Fetched> {
        Engine::fetch(self, principal, request).await
    }

    async fn explain(&self, principal: &Principal, request: QueryRequest) -> Result<Explanation> {
        Engine::explain(self, principal, request).await
    }

    async fn search(&self, principal: &Principal, request: SearchRequest) -> Result<Reply> {
        Engine::search(self, principal, request).await
    }

    fn describe(&self, principal: &Principal, name: &str) -> Result<Reply> {
        Engine::describe(self, principal, name)
    }

    fn visible_tables(&self, principal: &Principal) -> Vec<VisibleName> {
        Engine::visible_tables(self, principal)
    }
}
