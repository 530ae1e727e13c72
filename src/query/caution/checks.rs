//! What is said of comparisons, groups and joins of columns.

use super::atoms::{Atom, Set};
use super::keys::Rows;
use super::level::{Cell, cell};
use super::{FAN_OUT, MASKED_COMPARED, compares, listed, matters, texts};
use crate::model::Warning;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{BinaryExpr, Expr};
use std::collections::BTreeSet;

/// Comparisons within an expression over columns.
pub(super) fn compared(
    atoms: &[Atom],
    expr: &Expr,
    schema: &DFSchema,
    cells: &[Cell],
) -> Vec<Warning> {
    let atom = |expr: &Expr| cell(cells, expr, schema).atom();
    let mut found = Vec::new();
    let _: datafusion::common::Result<_> = expr.apply(|node| {
        match node {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(*op) => {
                match (atom(left), atom(right)) {
                    (Some(l), Some(r)) => found.extend(texts::compared(atoms, l, r)),
                    (Some(column), None) if is_empty_text(right) => {
                        found.extend(texts::with_empty(&atoms[column]));
                    }
                    (None, Some(column)) if is_empty_text(left) => {
                        found.extend(texts::with_empty(&atoms[column]));
                    }
                    _ => {}
                }
            }
            Expr::InList(list) if list.list.iter().any(is_empty_text) => {
                let column = atom(&list.expr);
                found.extend(column.and_then(|column| texts::with_empty(&atoms[column])));
            }
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    });
    found
}

/// Two columns that a join compares.
pub(super) fn joined(atoms: &[Atom], left: usize, right: usize) -> Vec<Warning> {
    let mut found = texts::compared(atoms, left, right);
    found.extend(masked(atoms, &Set::from([left, right]), "joined"));
    found
}

/// Columns that tell groups apart. One that follows from the others tells nothing apart.
pub(super) fn grouped(atoms: &[Atom], keys: &[Cell], rows: &Rows) -> Vec<Warning> {
    let mut found = Vec::new();
    for (at, key) in keys.iter().enumerate() {
        let Some(atom) = key.atom() else { continue };
        let others = keys.iter().enumerate().filter(|(other, _)| *other != at);
        let others: Set = others.filter_map(|(_, key)| key.atom()).collect();
        if rows.closure(&others).contains(&atom) {
            continue;
        }
        found.extend(texts::grouped(&atoms[atom]));
        found.extend(masked(atoms, &Set::from([atom]), "grouped"));
    }
    found
}

/// Those of some columns that are masked.
pub(super) fn masked(atoms: &[Atom], columns: &Set, done: &str) -> Option<Warning> {
    let (mut names, mut masks) = (BTreeSet::new(), BTreeSet::new());
    for atom in columns.iter().map(|atom| &atoms[*atom]).filter(|atom| !atom.masks.is_empty()) {
        names.extend(atom.names.iter().cloned());
        masks.extend(atom.masks.iter().map(|mask| (*mask).to_string()));
    }
    (!masks.is_empty()).then(|| {
        let is = if names.len() == 1 { "is" } else { "are" };
        let text = format!(
            "{} {is} {done} by masks ({}), so different values that look alike are taken for one",
            listed(&names),
            listed(&masks)
        );
        Warning { code: MASKED_COMPARED, text, columns: names.into_iter().collect() }
    })
}

/// A join of rows that repeat on both sides, by some columns or by none.
pub(super) fn fan_out(atoms: &[Atom], left: &Rows, right: &Rows, keys: &Set) -> Warning {
    let (left, right) = (listed(&left.tables), listed(&right.tables));
    let names = keys.iter().flat_map(|atom| atoms[*atom].names.iter().cloned());
    let columns: BTreeSet<String> = names.collect();
    let by = match (keys.is_empty(), columns.is_empty()) {
        (true, _) => {
            let text = format!(
                "every row of {left} is paired with every row of {right}, so each counts many times in what is \
                 added up or counted; join them by a key, or aggregate them apart"
            );
            return Warning { code: FAN_OUT, text, columns: Vec::new() };
        }
        (false, true) => "what they are joined by".to_string(),
        (false, false) => format!("what they are joined by ({})", listed(&columns)),
    };
    let text = format!(
        "rows of {left} and of {right} repeat each other, since {by} is unique on neither side, so one row may \
         count many times in what is added up or counted; aggregate one side before the join"
    );
    Warning { code: FAN_OUT, text, columns: columns.into_iter().collect() }
}

fn is_empty_text(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if matters(value))
}
