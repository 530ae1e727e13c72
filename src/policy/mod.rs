//! Who sees what: roles open tables, columns and rows; masking rules and restrictions close them.
//!
//! [`Rules`] are loaded once from `celosia.yaml` and the rule files and never change. [`decide`] is
//! pure: rules, a principal and a table give a [`Grant`], or nothing where the table is hidden. What
//! is not certain is closed: an attribute that is missing, a filter that does not bind, a mask that
//! does not fit.

mod bind;
mod check;
mod compile;
mod convert;
mod decide;
mod diff;
mod error;
mod expect;
mod explain;
mod filter;
#[doc(hidden)]
pub mod fuzz;
mod grant;
pub mod mask;
mod pattern;
mod raw;
mod rules;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod shipped;
mod show;

pub use decide::{decide, explain_closed};
pub use diff::{Change, Direction, Side, diff};
pub use error::{PolicyError, PolicyErrors};
pub use expect::{Caller, CallerAttribute, Expectation, PolicyTests, policy_tests_schema};
pub use explain::{ColumnAccess, Effect, TableAccess, explain};
pub use grant::{AggregateOnly, ColumnGrant, Grant};
pub use mask::{MaskContext, MaskError, PseudonymKey};
pub use raw::{masking_rules_schema, roles_schema};
pub use rules::{Role, Rules, rule_files};
