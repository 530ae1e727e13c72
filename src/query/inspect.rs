//! What a plan reads and what the policy does to it: for receipts and explanations.

use super::aggregate_only;
use super::cut::{Kept, Read};
use super::leaf::GovernedScan;
use super::lineage::{Origins, origins};
use super::request::SourceStatement;
use crate::model::{AppliedFilter, AppliedMask, ColumnInfo, Lineage, sql_type_name};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What the policy does to one plan.
#[derive(Debug, Clone, Default)]
pub(super) struct Effects {
    /// Masks on columns that are read.
    pub(super) masks: Vec<AppliedMask>,
    /// Row filters on tables that are read.
    pub(super) filters: Vec<AppliedFilter>,
    /// Every column that is read, also to filter or to join by it.
    pub(super) columns: Vec<String>,
    /// The statements the sources are sent.
    pub(super) statements: Vec<SourceStatement>,
    /// What stayed in the engine, and why.
    pub(super) kept: Vec<Kept>,
    /// What the caller must know to read the answer right.
    pub(super) warnings: Vec<String>,
}

/// The effects of the policy on a physical plan.
pub(super) fn effects(plan: &Arc<dyn ExecutionPlan>) -> Effects {
    let (mut masks, mut filters) = (BTreeSet::new(), BTreeSet::new());
    let (mut warnings, mut columns) = (BTreeSet::new(), BTreeSet::new());
    let mut statements = Vec::new();
    walk(plan, &mut |scan| {
        for Read { table, projection } in scan.reads() {
            let reference = &table.entry().reference;
            for index in projection {
                let granted = &table.grant().columns()[*index];
                let column = &table.entry().description.columns[granted.column()].name;
                columns.insert(format!("{reference}.{column}"));
                if let Some(mask) = granted.declared_mask() {
                    masks.insert(AppliedMask {
                        column: format!("{reference}.{column}"),
                        mask: mask.name().to_string(),
                        rule: granted.rule().unwrap_or_default().to_string(),
                    });
                }
                warnings.extend(aggregate_only::warning(table, granted));
            }
            for rule in table.grant().filters() {
                filters.insert(AppliedFilter { table: reference.to_string(), rule: rule.clone() });
            }
        }
        statements
            .push(SourceStatement { name: scan.source().to_string(), sql: scan.sql().to_string() });
    });
    Effects {
        masks: masks.into_iter().collect(),
        filters: filters.into_iter().collect(),
        columns: columns.into_iter().collect(),
        statements,
        kept: Vec::new(),
        warnings: warnings.into_iter().collect(),
    }
}

/// Name, type and masks of each output column, and where it comes from.
pub(super) fn columns(plan: &LogicalPlan) -> (Vec<ColumnInfo>, Vec<Lineage>) {
    let sources = origins(plan);
    let fields = plan.schema().fields();
    let empty = Origins::new();
    fields
        .iter()
        .enumerate()
        .map(|(index, field)| {
            let from = sources.get(index).unwrap_or(&empty);
            let masks: BTreeSet<&str> = from.iter().filter_map(|o| o.mask.as_deref()).collect();
            let masked =
                (!masks.is_empty()).then(|| masks.into_iter().collect::<Vec<_>>().join(", "));
            let info = ColumnInfo {
                name: field.name().clone(),
                type_name: sql_type_name(field.data_type()),
                masked,
            };
            let lineage = Lineage {
                column: field.name().clone(),
                from: from.iter().map(|origin| origin.column.clone()).collect(),
            };
            (info, lineage)
        })
        .unzip()
}

fn walk(plan: &Arc<dyn ExecutionPlan>, visit: &mut impl FnMut(&GovernedScan)) {
    if let Some(scan) = plan.downcast_ref::<GovernedScan>() {
        visit(scan);
    }
    for child in plan.children() {
        walk(child, visit);
    }
}
