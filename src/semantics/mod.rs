//! What tables and columns mean to people, and what an organisation defines over them, from `schemas/*.yaml`:
//! descriptions, joins, metrics, words, verified questions, views and tools.
//!
//! Statements are texts here. Whether they can be planned, and who may see what they need, is for
//! `query` to say.

mod file;
mod items;
mod meaning;
mod osi;
mod parameter;
mod place;
mod table;
mod tool;

pub use file::{Cardinality, Grain, ParameterType, semantics_schema};
pub use items::{ColumnRef, CuratedView, Defined, Metric, Term, Verified};
pub use meaning::Semantics;
pub use osi::{Imported, import_osi};
pub use parameter::Parameter;
pub use place::{Place, SemanticsError};
pub use table::{ColumnMeaning, DeclaredJoin, TableMeaning};
pub use tool::{RESERVED, Tool};
