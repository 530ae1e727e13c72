//! The governed table: an opaque leaf. The planner sees governed columns and nothing below them.
//!
//! It answers `Inexact` to every filter it can use, exposes no children, no statistics and no
//! ordering, so that no optimizer rule can move the caller's expressions behind the policy.

use super::context::QueryContext;
use super::cut::Read;
use super::pushdown;
use super::scan_plan::{self, Request, ScanPlan, governed_schema};
use crate::model::{TableEntry, Value};
use crate::policy::Grant;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use celosia_connector_api::{Connector, TableRead};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::TableType;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties,
};
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

/// A table as one caller may see it.
#[derive(Debug, Clone)]
pub(super) struct GovernedTable {
    entry: Arc<TableEntry>,
    grant: Arc<Grant>,
    connector: Arc<dyn Connector>,
    schema: SchemaRef,
    pushdown: bool,
    top: Option<Top>,
}

/// The first rows of an order: enough for a sort with a limit above.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Top {
    /// The order, over governed columns.
    pub(super) keys: Vec<TopKey>,
    /// How many rows are enough.
    pub(super) fetch: u64,
}

/// One key of that order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TopKey {
    pub(super) column: usize,
    pub(super) descending: bool,
    pub(super) nulls_first: bool,
}

impl GovernedTable {
    pub(super) fn new(
        entry: Arc<TableEntry>,
        grant: Arc<Grant>,
        connector: Arc<dyn Connector>,
        pushdown: bool,
    ) -> Self {
        let schema = Arc::new(governed_schema(&grant, &entry));
        Self { entry, grant, connector, schema, pushdown, top: None }
    }

    /// The same table, from which the first rows of an order are enough.
    #[must_use]
    pub(super) fn with_top(&self, top: Top) -> Self {
        Self { top: Some(top), ..self.clone() }
    }

    /// The same table for the inside of an aggregate that is guarded.
    #[must_use]
    pub(super) fn inside_aggregates(&self) -> Self {
        let grant = Arc::new(self.grant.inside_aggregates());
        let schema = Arc::new(governed_schema(&grant, &self.entry));
        Self { grant, schema, ..self.clone() }
    }

    pub(super) fn has_top(&self) -> bool {
        self.top.is_some()
    }

    pub(super) fn entry(&self) -> &Arc<TableEntry> {
        &self.entry
    }

    pub(super) fn grant(&self) -> &Arc<Grant> {
        &self.grant
    }

    pub(super) fn connector(&self) -> &Arc<dyn Connector> {
        &self.connector
    }

    /// Whether its source is given work.
    pub(super) fn pushes(&self) -> bool {
        self.pushdown
    }

    /// The read of these governed columns, where the source itself can apply the whole policy.
    pub(super) fn at_source(&self, projection: &[usize]) -> Option<TableRead> {
        if !self.pushdown {
            return None;
        }
        scan_plan::at_source(&self.grant, &self.entry, self.connector.dialect(), projection)
    }
}

#[async_trait]
impl TableProvider for GovernedTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(filters
            .iter()
            .map(|filter| match pushdown::predicate(filter, &self.schema) {
                Some(_) if self.pushdown => TableProviderFilterPushDown::Inexact,
                _ => TableProviderFilterPushDown::Unsupported,
            })
            .collect())
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let projection = match projection {
            Some(projection) => projection.clone(),
            None => (0..self.schema.fields().len()).collect(),
        };
        let predicates =
            filters.iter().filter_map(|f| pushdown::predicate(f, &self.schema)).collect();
        let request = Request {
            projection: projection.clone(),
            predicates,
            limit: limit.map(|limit| limit as u64),
            top: self.top.as_ref(),
        };
        let plan = scan_plan::plan(
            &self.grant,
            &self.entry,
            self.connector.dialect(),
            self.pushdown,
            &request,
        )?;
        let source = self.entry.reference.source.clone();
        let reads = vec![Read { table: self.clone(), projection }];
        let scan = GovernedScan::new(self.connector.clone(), source, reads, plan);
        #[cfg(feature = "ballista")]
        if session.config().get_extension::<Elsewhere>().is_some() {
            return Ok(Arc::new(scan.in_parts()));
        }
        let _ = session;
        Ok(Arc::new(scan))
    }
}

/// Marks a session whose plans other processes run.
#[cfg(feature = "ballista")]
#[derive(Debug)]
pub(super) struct Elsewhere;

/// The running half of a leaf: one statement at one source, over governed tables.
#[derive(Debug)]
pub(super) struct GovernedScan {
    connector: Arc<dyn Connector>,
    source: Arc<str>,
    reads: Vec<Read>,
    plan: Arc<ScanPlan>,
    /// The statement as the caller may read it.
    shown: Arc<str>,
    properties: Arc<PlanProperties>,
}

impl GovernedScan {
    pub(super) fn new(
        connector: Arc<dyn Connector>,
        source: Arc<str>,
        reads: Vec<Read>,
        plan: ScanPlan,
    ) -> Self {
        let properties = properties(&plan.schema, 1);
        let shown = without_hidden_names(&*connector, &reads, &plan.rendered.sql);
        Self { connector, source, reads, plan: Arc::new(plan), shown, properties }
    }

    /// The same scan with as many partitions as sessions may read it. It runs in other processes only.
    #[cfg(feature = "ballista")]
    fn in_parts(self) -> Self {
        let parts = match self.plan.rendered.splits {
            Some(_) => self.connector.readers().max(1),
            None => 1,
        };
        Self { properties: properties(&self.plan.schema, parts), ..self }
    }

    /// The source's name.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// What asks the source.
    #[cfg(feature = "ballista")]
    pub(super) fn connector(&self) -> &Arc<dyn Connector> {
        &self.connector
    }

    /// The statement the source is sent, without the names of columns that are hidden.
    pub(super) fn sql(&self) -> &str {
        &self.shown
    }

    /// Whether the source can be told which values of a column matter.
    pub(super) fn takes_keys(&self, column: usize) -> bool {
        let pushes = self.reads.iter().all(|read| read.table.pushdown);
        pushes && self.plan.takes_keys(self.connector.dialect(), column)
    }

    /// The scan for the rows that have one of `values` in a column, and perhaps for others.
    pub(super) fn with_keys(
        &self,
        column: usize,
        values: &[Value],
        range: Option<&(Value, Value)>,
    ) -> Option<Self> {
        let plan = self.plan.with_keys(self.connector.dialect(), column, values, range)?;
        let (connector, source) = (self.connector.clone(), self.source.clone());
        Some(Self::new(connector, source, self.reads.clone(), plan))
    }

    /// How few rows the statement promises: the more, the fewer.
    pub(super) fn promise(&self) -> u8 {
        self.plan.promise()
    }

    /// What the source is sent, and what is done with its rows.
    #[cfg(feature = "ballista")]
    pub(super) fn plan(&self) -> &ScanPlan {
        &self.plan
    }

    /// The governed tables read, and their columns.
    pub(super) fn reads(&self) -> &[Read] {
        &self.reads
    }
}

impl DisplayAs for GovernedScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> =
            self.reads.iter().map(|read| read.table.entry.reference.to_string()).collect();
        write!(f, "GovernedScan: {}", names.join(", "))
    }
}

impl ExecutionPlan for GovernedScan {
    fn name(&self) -> &str {
        "GovernedScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, _: usize, task: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let context = task.session_config().get_extension::<QueryContext>().ok_or_else(|| {
            DataFusionError::Internal("a governed scan runs only within a governed query".into())
        })?;
        let batch_rows = task.session_config().batch_size();
        let (connector, source) = (self.connector.clone(), self.source.clone());
        Ok(context.read(connector, source, self.plan.clone(), &self.shown, batch_rows))
    }
}

/// Rows in no order, in so many parts.
pub(super) fn properties(schema: &SchemaRef, parts: usize) -> Arc<PlanProperties> {
    Arc::new(PlanProperties::new(
        EquivalenceProperties::new(schema.clone()),
        Partitioning::UnknownPartitioning(parts),
        EmissionType::Incremental,
        Boundedness::Bounded,
    ))
}

/// The text in which columns that the policy reads and the caller may not know have no name.
fn without_hidden_names(connector: &dyn Connector, reads: &[Read], sql: &str) -> Arc<str> {
    let hides = |read: &Read| {
        let open = read.table.grant.columns().iter().filter(|column| !column.is_counted());
        open.count() < read.table.entry.description.columns.len()
    };
    if !reads.iter().any(hides) {
        return sql.into();
    }
    let mut open = HashSet::new();
    for Read { table, .. } in reads {
        let columns = table.grant.columns().iter().filter(|column| !column.is_counted());
        open.extend(columns.map(|c| table.entry.description.columns[c.column()].name.as_str()));
    }
    let dialect = connector.dialect();
    let mut shown = sql.to_string();
    for Read { table, .. } in reads {
        for column in &table.entry.description.columns {
            let name = dialect.quote(&column.name);
            if !open.contains(column.name.as_str()) && shown.contains(&name) {
                shown = shown.replace(&name, &dialect.quote("hidden"));
            }
        }
    }
    shown.into()
}
