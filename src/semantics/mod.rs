//! What tables and columns mean to people: descriptions, units, synonyms, from `schemas/*.yaml`.

mod file;
mod meaning;

pub use meaning::{ColumnMeaning, Semantics, SemanticsError, TableMeaning};
