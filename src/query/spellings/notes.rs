//! What of a statement was read as PostgreSQL spells it. A note holds no literal and no name of the statement.

use crate::model::Warning;
use crate::query::caution::{Habits, Watched};
use std::collections::BTreeSet;

/// The longest expression that is written out in a note.
const MOST_SHOWN: usize = 90;

/// Notes of one statement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::query) struct Notes {
    read: BTreeSet<String>,
    /// What else is to say of the way it is written.
    beside: Vec<Warning>,
    /// And of its rows, where they are such.
    watched: Option<Watched>,
}

impl Notes {
    /// The code of the warning that they become.
    const CODE: &'static str = "read_as";

    pub(super) fn add(&mut self, note: impl Into<String>) {
        self.read.insert(note.into());
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
        self.read.extend(other.read);
        self.beside.extend(other.beside);
        self.watched = self.watched.take().or(other.watched);
    }

    /// Says something beside how the statement was read.
    pub(in crate::query) fn warn(&mut self, habits: Habits) {
        self.beside.extend(habits.said);
        self.watched = habits.watched;
    }

    /// What is to be looked at in the answer.
    pub(in crate::query) fn watched(&self) -> Option<&Watched> {
        self.watched.as_ref()
    }

    /// Whether everything was PostgreSQL.
    pub(in crate::query) fn is_empty(&self) -> bool {
        self.read.is_empty()
    }

    /// One warning for how it was read, and the others.
    pub(in crate::query) fn warnings(&self) -> impl Iterator<Item = Warning> + '_ {
        let notes: Vec<&str> = self.read.iter().map(String::as_str).collect();
        let read = (!notes.is_empty()).then(|| Warning {
            code: Self::CODE,
            text: format!("the statement was read as PostgreSQL: {}", notes.join("; ")),
            columns: Vec::new(),
        });
        read.into_iter().chain(self.beside.iter().cloned())
    }
}
