//! What of the catalog a statement names: a caller who lacks any of it could not have written it.

use crate::model::{TableEntry, TableRef};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, TableReference};
use datafusion::logical_expr::{Expr, LogicalPlan};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Tables with the columns that are named, as their sources store them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Needs {
    pub(super) tables: BTreeMap<TableRef, BTreeSet<String>>,
}

impl Needs {
    /// What a plan names, before anything is optimised. Where it is not certain which table a column is
    /// of, it is of each that has one of its name.
    pub(super) fn of(
        plan: &LogicalPlan,
        tables: &HashMap<TableReference, Arc<TableEntry>>,
    ) -> Self {
        let mut needs = Self::default();
        for entry in tables.values() {
            needs.tables.entry(entry.reference.clone()).or_default();
        }
        let names = Names::of(plan, tables);
        let walked = plan.apply_with_subqueries(|node| {
            node.apply_expressions(|expr| {
                expr.apply(|expr| {
                    if let Expr::Column(column) | Expr::OuterReferenceColumn(_, column) = expr {
                        needs.add(column, &names);
                    }
                    Ok(TreeNodeRecursion::Continue)
                })
            })
        });
        if walked.is_err() {
            needs.add_all(tables.values());
        }
        needs
    }

    fn add(&mut self, column: &Column, names: &Names) {
        let entries = match &column.relation {
            None => names.all.iter(),
            // The columns of a derived table are named where it is made.
            Some(relation) => match names.of_relation.get(relation) {
                Some(entries) => entries.iter(),
                None => return,
            },
        };
        for entry in entries {
            let known = &entry.description.columns;
            let stored = known.iter().filter(|stored| {
                stored.name == column.name || stored.name.to_lowercase() == column.name
            });
            let needed = self.tables.entry(entry.reference.clone()).or_default();
            needed.extend(stored.map(|stored| stored.name.clone()));
        }
    }

    fn add_all<'a>(&mut self, entries: impl Iterator<Item = &'a Arc<TableEntry>>) {
        for entry in entries {
            let columns = entry.description.columns.iter().map(|column| column.name.clone());
            self.tables.entry(entry.reference.clone()).or_default().extend(columns);
        }
    }
}

/// The tables that each name of a statement may mean: one alias may be given twice, in different places.
struct Names {
    of_relation: HashMap<TableReference, Vec<Arc<TableEntry>>>,
    all: Vec<Arc<TableEntry>>,
}

impl Names {
    fn of(plan: &LogicalPlan, tables: &HashMap<TableReference, Arc<TableEntry>>) -> Self {
        let mut names =
            Self { of_relation: HashMap::new(), all: tables.values().cloned().collect() };
        let walked = plan.apply_with_subqueries(|node| {
            let (name, scan) = match node {
                LogicalPlan::TableScan(scan) => (&scan.table_name, scan),
                LogicalPlan::SubqueryAlias(alias) => match alias.input.as_ref() {
                    LogicalPlan::TableScan(scan) => (&alias.alias, scan),
                    _ => return Ok(TreeNodeRecursion::Continue),
                },
                _ => return Ok(TreeNodeRecursion::Continue),
            };
            if let Some(entry) = tables.get(&scan.table_name) {
                names.of_relation.entry(name.clone()).or_default().push(entry.clone());
            }
            Ok(TreeNodeRecursion::Continue)
        });
        if walked.is_err() {
            names.of_relation.clear();
        }
        names
    }
}
