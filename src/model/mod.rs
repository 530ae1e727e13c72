//! Plain data that every stage shares. No I/O and no engine.

mod answer;
mod language;
mod plan;
mod principal;
mod provider;
mod table;
mod trust;

pub use answer::{
    AppliedFilter, AppliedMask, ColumnInfo, Lineage, Outcome, Page, Place, RedactedValues,
    SourceReceipt, Warning, sql_type_name,
};
pub use language::Language;
pub use plan::{PlanLimits, Rate, SourceLimits};
pub use principal::{Attribute, Principal, PrincipalKind};
pub use provider::{Algorithm, TokenProvider, is_provider_url};
pub use table::{QueryId, TableEntry, TableRef};
pub use trust::{CertificateMatch, CertificateRule, Network, TrustedProxy};

pub use celosia_connector_api::mask::Mask;
pub use celosia_connector_api::{
    ColumnDescription, Comparison, ForeignKey, OperandClass, Predicate, SourceDescription,
    TableDescription, TableKind, Value,
};
