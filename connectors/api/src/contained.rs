//! A driver that panics is a lost connection, and nothing more: what a server says is untrusted, and drivers
//! unwrap what they read.

use crate::{
    Connector, ConnectorError, Dialect, ErrorCode, Estimate, Examination, ExecutionContext, Parts,
    Places, RemoteStream, RenderedQuery, SourceDescription,
};
use async_trait::async_trait;
use futures::{FutureExt, StreamExt};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

/// A connector whose panics are errors. What panicked is dropped, with its session.
#[derive(Debug)]
pub struct Contained {
    inner: Arc<dyn Connector>,
}

impl Contained {
    /// Contains `inner`.
    pub fn new(inner: Arc<dyn Connector>) -> Self {
        Self { inner }
    }
}

/// The panic's own text may hold what the server said, so it is not repeated.
fn panicked() -> ConnectorError {
    ConnectorError::new(ErrorCode::ConnectionLost, "the driver panicked over what the server said")
}

async fn contained<T>(
    work: impl Future<Output = Result<T, ConnectorError>>,
) -> Result<T, ConnectorError> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| Err(panicked()))
}

#[async_trait]
impl Connector for Contained {
    fn dialect(&self) -> &dyn Dialect {
        self.inner.dialect()
    }

    async fn ping(&self) -> Result<(), ConnectorError> {
        contained(self.inner.ping()).await
    }

    async fn reach(&self) -> Result<(), ConnectorError> {
        contained(self.inner.reach()).await
    }

    async fn describe(&self) -> Result<SourceDescription, ConnectorError> {
        contained(self.inner.describe()).await
    }

    async fn examine(&self, probe: bool) -> Result<Examination, ConnectorError> {
        contained(self.inner.examine(probe)).await
    }

    async fn estimate(
        &self,
        query: &RenderedQuery,
        context: &ExecutionContext,
    ) -> Result<Option<Estimate>, ConnectorError> {
        contained(self.inner.estimate(query, context)).await
    }

    fn readers(&self) -> usize {
        self.inner.readers()
    }

    async fn reserve(
        &self,
        statements: usize,
        deadline: Instant,
    ) -> Result<Option<Places>, ConnectorError> {
        contained(self.inner.reserve(statements, deadline)).await
    }

    async fn divide(
        &self,
        query: &RenderedQuery,
        context: &ExecutionContext,
    ) -> Result<Option<Parts>, ConnectorError> {
        contained(self.inner.divide(query, context)).await
    }

    async fn open(
        &self,
        query: &RenderedQuery,
        context: &ExecutionContext,
    ) -> Result<RemoteStream, ConnectorError> {
        let stream = contained(self.inner.open(query, context)).await?;
        let (schema, readers) = (stream.schema(), stream.readers());
        let batches = AssertUnwindSafe(stream).catch_unwind();
        let batches = batches.map(|batch| batch.unwrap_or_else(|_| Err(panicked())));
        Ok(RemoteStream::new(schema, batches.boxed()).read_by(readers))
    }
}
