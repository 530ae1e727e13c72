//! What a source expects a statement to cost, asked before it runs.
//!
//! The numbers come from the source's statistics, which count rows that no caller may see. So they are compared with
//! what the administrator has set, and go no further: into no message and no receipt. Whether a statement is refused is
//! still one bit that depends on such rows; who sets no threshold has no such bit.

use crate::{
    Connector, ConnectorError, Dialect, ErrorCode, Examination, ExecutionContext, Parts, Places,
    RemoteStream, RenderedQuery, SourceDescription,
};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Instant;

/// What a source expects of a statement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// In the source's own unit.
    pub cost: f64,
    /// The most rows that a step of its plan is expected to give.
    pub rows: f64,
}

/// Above what a statement is refused.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RefuseAbove {
    /// In the source's own unit.
    pub cost: Option<f64>,
    /// Rows of a step of its plan.
    pub rows: Option<f64>,
    /// Whether it may run nevertheless where a person says so.
    pub ask: bool,
}

impl RefuseAbove {
    fn refuses(&self, estimate: &Estimate) -> bool {
        let above = |value: f64, most: Option<f64>| most.is_some_and(|most| value > most);
        above(estimate.cost, self.cost) || above(estimate.rows, self.rows)
    }
}

/// A connector that runs a statement only where its source does not expect too much of it.
#[derive(Debug)]
pub struct Estimated {
    inner: Arc<dyn Connector>,
    most: RefuseAbove,
}

impl Estimated {
    /// Asks before each statement of `inner`.
    pub fn new(inner: Arc<dyn Connector>, most: RefuseAbove) -> Self {
        Self { inner, most }
    }
}

impl Estimated {
    async fn refused(
        &self,
        query: &RenderedQuery,
        context: &ExecutionContext,
    ) -> Result<(), ConnectorError> {
        let is_accepted = context.accepts_cost && self.most.ask;
        if !is_accepted
            && let Some(estimate) = self.inner.estimate(query, context).await?
            && self.most.refuses(&estimate)
        {
            let code = match self.most.ask {
                true => ErrorCode::CostlyUnlessAccepted,
                false => ErrorCode::TooCostly,
            };
            let context = format!("an estimate of {estimate:?} is above {:?}", self.most);
            return Err(ConnectorError::new(code, context));
        }
        Ok(())
    }
}

#[async_trait]
impl Connector for Estimated {
    fn dialect(&self) -> &dyn Dialect {
        self.inner.dialect()
    }

    async fn ping(&self) -> Result<(), ConnectorError> {
        self.inner.ping().await
    }

    async fn reach(&self) -> Result<(), ConnectorError> {
        self.inner.reach().await
    }

    async fn describe(&self) -> Result<SourceDescription, ConnectorError> {
        self.inner.describe().await
    }

    async fn examine(&self, probe: bool) -> Result<Examination, ConnectorError> {
        self.inner.examine(probe).await
    }

    async fn estimate(
        &self,
        query: &RenderedQuery,
        context: &ExecutionContext,
    ) -> Result<Option<Estimate>, ConnectorError> {
        self.inner.estimate(query, context).await
    }

    fn readers(&self) -> usize {
        self.inner.readers()
    }

    async fn reserve(
        &self,
        statements: usize,
        deadline: Instant,
    ) -> Result<Option<Places>, ConnectorError> {
        self.inner.reserve(statements, deadline).await
    }

    async fn divide(
        &self,
        query: &RenderedQuery,
        context: &ExecutionContext,
    ) -> Result<Option<Parts>, ConnectorError> {
        // Of a part the source would expect less.
        self.refused(query, context).await?;
        self.inner.divide(query, context).await
    }

    async fn open(
        &self,
        query: &RenderedQuery,
        context: &ExecutionContext,
    ) -> Result<RemoteStream, ConnectorError> {
        self.refused(query, context).await?;
        self.inner.open(query, context).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_threshold_refuses_and_none_does_not() {
        let estimate = Estimate { cost: 10.0, rows: 500.0 };
        for (cost, rows, refused) in [
            (None, None, false),
            (Some(10.0), Some(500.0), false),
            (Some(9.9), None, true),
            (Some(1e9), Some(499.0), true),
        ] {
            assert_eq!(
                RefuseAbove { cost, rows, ask: false }.refuses(&estimate),
                refused,
                "{cost:?} {rows:?}"
            );
        }
    }
}
