//! The leaf that stands for a subtree which runs at its source.

use super::super::leaf::{GovernedScan, GovernedTable};
use super::super::local::{LocalOutput, LocalWork};
use super::super::scan_plan::{Asked, ScanPlan};
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use celosia_connector_api::{Connector, RemoteQuery, RenderedQuery};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::TableType;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use std::sync::Arc;

/// A governed table that a statement reads, and which of its columns.
#[derive(Debug, Clone)]
pub(in super::super) struct Read {
    pub(in super::super) table: GovernedTable,
    /// Indices of the grant's columns.
    pub(in super::super) projection: Vec<usize>,
}

/// A subtree at its source, as a table of the plan above. As opaque as a governed table.
#[derive(Debug)]
pub(in super::super) struct RemoteTable {
    pub(super) reads: Vec<Read>,
    pub(super) connector: Arc<dyn Connector>,
    pub(super) source: Arc<str>,
    pub(super) rendered: RenderedQuery,
    pub(super) query: Arc<RemoteQuery>,
    pub(super) schema: SchemaRef,
}

#[async_trait]
impl TableProvider for RemoteTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        _: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let outputs = (0..self.rendered.columns.len()).map(LocalOutput::Fetched).collect();
        let local = Arc::new(LocalWork { filter: None, outputs, shown: Vec::new() });
        let plan = ScanPlan {
            rendered: self.rendered.clone(),
            asked: Asked::Tree(self.query.clone()),
            local,
            schema: self.schema.clone(),
        };
        Ok(Arc::new(GovernedScan::new(
            self.connector.clone(),
            self.source.clone(),
            self.reads.clone(),
            plan,
        )))
    }
}
