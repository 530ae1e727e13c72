//! What every connector implements and what the engine knows about a source.
//!
//! A connector is two things: a [`Connector`], which talks to a server, and a [`Dialect`], which is
//! pure and says how a [`RemoteQuery`] (or the [`TableRead`] at its leaves) is spelled in that server's SQL. This crate has no driver in it and no
//! query engine, so a connector builds in seconds.

pub mod budget;
pub mod connector;
pub mod contained;
pub mod description;
pub mod dialect;
pub mod error;
pub mod estimate;
pub mod examination;
pub mod expression;
pub mod functions;
mod health;
pub mod identity;
pub mod mask;
pub mod predicate;
pub mod query;
pub mod relation;
pub mod render;
pub mod slots;
pub mod splits;
pub mod statement;
pub mod value;

pub use budget::{Budget, Budgeted};
pub use connector::{Connector, ExecutionContext, Load, Places, Readers, RemoteStream};
pub use contained::Contained;
pub use description::{
    ColumnDescription, ForeignKey, OperandClass, SourceDescription, TableDescription, TableKind,
};
pub use dialect::{
    Bind, Capabilities, ClassSet, Dialect, Feature, GroupKey, Operand, Relational, Spelled,
    TextHabit,
};
pub use error::{ConnectorError, ErrorCode, Retry};
pub use estimate::{Estimate, Estimated, RefuseAbove};
pub use examination::{Examination, Finding, LeastPrivilege, Right, Severity};
pub use expression::{Expression, Node};
pub use functions::{Argument, FunctionKind, FunctionRule};
pub use identity::{Caller, Identified, IdentityMap, SessionIdentity};
pub use mask::Mask;
pub use predicate::{Comparison, Predicate};
pub use query::{OutputColumn, RenderedQuery, SortKey, TableRead};
pub use relation::{AggregateCall, JoinKind, OrderKey, RemoteQuery, WindowCall};
pub use slots::{SessionSlot, SessionSlots};
pub use splits::{Parts, Splits};
pub use value::Value;
