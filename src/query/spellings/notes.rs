//! What of a statement was read as PostgreSQL spells it. A note holds no literal and no name of the statement.

use crate::model::Warning;
use std::collections::BTreeSet;

/// The longest expression that is written out in a note.
const MOST_SHOWN: usize = 90;

/// Notes of one statement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::query) struct Notes(BTreeSet<String>);

impl Notes {
    /// The code of the warning that they become.
    const CODE: &'static str = "read_as";

    pub(super) fn add(&mut self, note: impl Into<String>) {
        self.0.insert(note.into());
    }

    /// A call that is another expression in PostgreSQL.
    pub(super) fn call(&mut self, name: &str, arguments: usize, template: &str) {
        let places: Vec<String> = (1..=arguments).map(|place| format!("${place}")).collect();
        let instead = if template.len() <= MOST_SHOWN {
            template
        } else {
            "an expression of the same meaning"
        };
        self.add(format!("{}({}) as {instead}", name.to_uppercase(), places.join(", ")));
    }

    /// Takes those of `other`.
    pub(in crate::query) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Whether everything was PostgreSQL.
    pub(in crate::query) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One warning for all of them.
    pub(in crate::query) fn warning(&self) -> Option<Warning> {
        if self.0.is_empty() {
            return None;
        }
        let notes: Vec<&str> = self.0.iter().map(String::as_str).collect();
        let text = format!("the statement was read as PostgreSQL: {}", notes.join("; "));
        Some(Warning { code: Self::CODE, text, columns: Vec::new() })
    }
}
