//! Who asks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An attribute of a principal, as row filters use it (`user.region`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Attribute {
    /// One text.
    Text(String),
    /// One whole number.
    Integer(i64),
    /// TRUE or FALSE.
    Boolean(bool),
    /// A list, for `column IN (user.teams)`.
    List(Vec<Attribute>),
}

/// By what means a principal was established.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    /// The user of the machine, over stdio or in the demo.
    Local,
    /// The holder of an API key.
    ApiKey,
    /// The holder of an identity provider's token.
    Token,
    /// The holder of a client's certificate.
    Certificate,
    /// Somebody a trusted proxy vouches for.
    Proxy,
}

impl PrincipalKind {
    /// The kind's name in records.
    pub fn as_str(self) -> &'static str {
        match self {
            PrincipalKind::Local => "local",
            PrincipalKind::ApiKey => "api_key",
            PrincipalKind::Token => "token",
            PrincipalKind::Certificate => "certificate",
            PrincipalKind::Proxy => "proxy",
        }
    }
}

/// An authenticated caller. Only `identity` establishes one (`tests/architecture.rs` holds that).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Principal {
    user: String,
    roles: BTreeSet<String>,
    attributes: BTreeMap<String, Attribute>,
    kind: PrincipalKind,
    issuer: Option<Arc<str>>,
    plan: Option<Arc<str>>,
}

impl Principal {
    /// A principal whose identity has just been proven.
    #[must_use]
    pub(crate) fn establish(
        user: String,
        roles: BTreeSet<String>,
        attributes: BTreeMap<String, Attribute>,
        kind: PrincipalKind,
    ) -> Self {
        Self { user, roles, attributes, kind, issuer: None, plan: None }
    }

    /// The same principal, vouched for by an identity provider: two providers may know one name each, and
    /// these are two people.
    #[must_use]
    pub(crate) fn issued_by(mut self, issuer: Arc<str>) -> Self {
        self.issuer = Some(issuer);
        self
    }

    /// The same principal under a plan of its own, whatever its roles say.
    #[must_use]
    pub(crate) fn under_plan(mut self, plan: Option<Arc<str>>) -> Self {
        self.plan = plan;
        self
    }

    /// The user's name, for audit.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The roles the caller holds.
    pub fn roles(&self) -> &BTreeSet<String> {
        &self.roles
    }

    /// The caller's attributes.
    pub fn attributes(&self) -> &BTreeMap<String, Attribute> {
        &self.attributes
    }

    /// How the caller was established.
    pub fn kind(&self) -> PrincipalKind {
        self.kind
    }

    /// The identity provider that vouched for the caller, if one did.
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// The plan that the caller's key names, if it names one.
    pub fn plan(&self) -> Option<&str> {
        self.plan.as_deref()
    }

    /// Whether the caller holds `role`.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.contains(role)
    }
}
