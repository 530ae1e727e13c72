//! What every connector implements and what the engine knows about a source.
//!
//! A connector is two things: a [`Connector`], which talks to a server, and a [`Dialect`], which is
//! pure and turns a [`RemoteQuery`] into that server's SQL. This crate has no driver in it and no
//! query engine, so a connector builds in seconds.

pub mod budget;
pub mod connector;
pub mod description;
pub mod dialect;
pub mod error;
pub mod mask;
pub mod predicate;
pub mod query;
pub mod render;
pub mod value;

pub use budget::{Budget, Budgeted};
pub use connector::{Connector, ExecutionContext, RemoteStream};
pub use description::{
    ColumnDescription, ForeignKey, OperandClass, SourceDescription, TableDescription, TableKind,
};
pub use dialect::{Bind, Capabilities, ClassSet, Dialect, Feature, Operand};
pub use error::{ConnectorError, ErrorCode, Retry};
pub use mask::Mask;
pub use predicate::{Comparison, Predicate};
pub use query::{OutputColumn, RemoteQuery, RenderedQuery, SortKey};
pub use value::Value;
