//! Texts that a source compares otherwise than the engine, which compares bytes.

use super::atoms::{Atom, Reading};
use super::{EMPTY_TEXT, TEXT_COLLATION, listed};
use crate::model::Warning;
use std::collections::BTreeSet;

/// Two columns are compared.
pub(super) fn compared(atoms: &[Atom], left: usize, right: usize) -> Vec<Warning> {
    let mut both = atoms[left].clone();
    both.mix(&atoms[right]);
    together(&both, "compared")
}

/// Rows are grouped by a column that has values of several tables.
pub(super) fn grouped(column: &Atom) -> Vec<Warning> {
    together(column, "grouped")
}

/// A column is compared with `''`.
pub(super) fn with_empty(column: &Atom) -> Option<Warning> {
    let names = &column.names;
    (column.loses_empty && !names.is_empty()).then(|| Warning {
        code: EMPTY_TEXT,
        text: format!(
            "{} comes from Oracle, where an empty text is NULL, so no value equals ''; write IS NULL or IS NOT \
             NULL for what has no text",
            listed(names)
        ),
        columns: names.iter().cloned().collect(),
    })
}

fn together(all: &Atom, done: &str) -> Vec<Warning> {
    let mut found = Vec::new();
    if all.habits.len() > 1 {
        found.push(Warning {
            code: TEXT_COLLATION,
            text: format!(
                "{} are {done} byte by byte, while some of their databases ignore {}, so values that are equal \
                 there may differ here; check how both are written, or bring both to one form (lower, rtrim)",
                listed(&all.names),
                ignored(&all.habits)
            ),
            columns: all.names.iter().cloned().collect(),
        });
    }
    if all.keeps_empty && all.may_have_lost {
        found.push(Warning {
            code: EMPTY_TEXT,
            text: format!(
                "{} are {done}, while an empty text is NULL in Oracle and a value elsewhere, so rows without a \
                 text do not meet; compare coalesce(..., '') of both if they should",
                listed(&all.names)
            ),
            columns: all.names.iter().cloned().collect(),
        });
    }
    found
}

/// What some of these readings ignore and others do not.
fn ignored(habits: &BTreeSet<Reading>) -> String {
    let mixed = |of: fn(&Reading) -> bool| habits.iter().any(of) && !habits.iter().all(of);
    let words = [
        ("case", mixed(|habit| habit.case)),
        ("accents", mixed(|habit| habit.accents)),
        ("blanks at the end", mixed(|habit| habit.padding)),
    ];
    let words: Vec<String> =
        words.into_iter().filter(|(_, is)| *is).map(|(word, _)| word.to_string()).collect();
    listed(&words)
}
