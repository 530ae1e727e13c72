//! Who asks, where a source is to know: names for its sessions, from a list that the configuration closes.
//!
//! A connector is told a [`SessionIdentity`] and nothing of roles or policies. It has to hold two things: a
//! statement with an identity runs under it or not at all, and no other statement does.

use crate::{
    Connector, ConnectorError, Dialect, ErrorCode, Examination, ExecutionContext, Load, Parts,
    Places, RemoteStream, RenderedQuery, SourceDescription,
};
use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

/// The longest name, in bytes, that every source keeps whole. A longer one would be cut, and be somebody else's.
const LONGEST: usize = 64;

/// Who asks, as far as a source may be told.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Caller {
    /// The user's name.
    pub user: String,
    /// Who vouches for that name, where somebody does: two may know one name each.
    pub issuer: Option<String>,
    /// The roles the user holds here.
    pub roles: BTreeSet<String>,
}

/// What a session at the source is told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionIdentity {
    /// The user's name.
    pub user: String,
    /// Who vouches for it; empty where nobody does.
    pub issuer: String,
    /// The database's own role or user whose rights the statement has, if not the login's.
    pub role: Option<String>,
}

/// From callers to identities. Closed: somebody whom no entry names is refused, unless there are no entries
/// at all and the login's rights are everybody's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IdentityMap {
    /// Database roles by user.
    pub users: BTreeMap<String, String>,
    /// Database roles by our roles.
    pub roles: BTreeMap<String, String>,
}

impl IdentityMap {
    /// What a session of the caller's is told.
    ///
    /// # Errors
    /// `PermissionDenied` where nobody asks, the name cannot be told whole, no entry names the caller, or
    /// roles of the caller have different entries.
    pub fn resolve(&self, caller: Option<&Caller>) -> Result<SessionIdentity, ConnectorError> {
        let refused = |context: &str| ConnectorError::new(ErrorCode::PermissionDenied, context);
        let caller = caller.ok_or_else(|| {
            refused("this source answers by identity, and the statement is nobody's")
        })?;
        let fits = |name: &str| name.len() <= LONGEST && !name.chars().any(char::is_control);
        let issuer = caller.issuer.clone().unwrap_or_default();
        if caller.user.is_empty() || !fits(&caller.user) || issuer.chars().any(char::is_control) {
            return Err(refused("the caller's name has more than 64 bytes, or odd ones"));
        }
        let role = match self.users.get(&caller.user) {
            Some(role) => Some(role.clone()),
            None => self.by_role(caller)?,
        };
        Ok(SessionIdentity { user: caller.user.clone(), issuer, role })
    }

    fn by_role(&self, caller: &Caller) -> Result<Option<String>, ConnectorError> {
        if self.users.is_empty() && self.roles.is_empty() {
            return Ok(None);
        }
        let held = caller.roles.iter().filter_map(|role| self.roles.get(role));
        let held: BTreeSet<&String> = held.collect();
        let mut held = held.into_iter();
        let context = match (held.next(), held.next()) {
            (Some(one), None) => return Ok(Some(one.clone())),
            (None, _) => "no entry of the source's `identity` names the caller or a role of theirs",
            _ => {
                "the caller's roles have different entries in the source's `identity`; name the user"
            }
        };
        Err(ConnectorError::new(ErrorCode::PermissionDenied, context))
    }
}

/// A source whose sessions are told who asks.
#[derive(Debug)]
pub struct Identified {
    inner: Arc<dyn Connector>,
    map: IdentityMap,
}

impl Identified {
    /// Tells `inner` who asks, as `map` has it.
    pub fn new(inner: Arc<dyn Connector>, map: IdentityMap) -> Self {
        Self { inner, map }
    }
}

#[async_trait]
impl Connector for Identified {
    fn dialect(&self) -> &dyn Dialect {
        self.inner.dialect()
    }

    async fn ping(&self) -> Result<(), ConnectorError> {
        self.inner.ping().await
    }

    async fn reach(&self) -> Result<(), ConnectorError> {
        self.inner.reach().await
    }

    fn load(&self) -> Load {
        self.inner.load()
    }

    async fn describe(&self) -> Result<SourceDescription, ConnectorError> {
        let mut described = self.inner.describe().await?;
        for table in &mut described.tables {
            // It counts rows that the source itself may hide from the caller.
            table.row_estimate = None;
        }
        Ok(described)
    }

    async fn examine(&self, probe: bool) -> Result<Examination, ConnectorError> {
        self.inner.examine(probe).await
    }

    fn readers(&self) -> usize {
        self.inner.readers()
    }

    async fn reserve(
        &self,
        statements: usize,
        deadline: Instant,
    ) -> Result<Option<Places>, ConnectorError> {
        self.inner.reserve(statements, deadline).await
    }

    async fn divide(
        &self,
        query: &RenderedQuery,
        context: &ExecutionContext,
    ) -> Result<Option<Parts>, ConnectorError> {
        let identity = self.map.resolve(context.caller.as_deref())?;
        let context = ExecutionContext { identity: Some(Arc::new(identity)), ..context.clone() };
        self.inner.divide(query, &context).await
    }

    async fn open(
        &self,
        query: &RenderedQuery,
        context: &ExecutionContext,
    ) -> Result<RemoteStream, ConnectorError> {
        let identity = self.map.resolve(context.caller.as_deref())?;
        let context = ExecutionContext { identity: Some(Arc::new(identity)), ..context.clone() };
        self.inner.open(query, &context).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(user: &str, roles: &[&str]) -> Caller {
        let roles = roles.iter().map(ToString::to_string).collect();
        Caller { user: user.into(), issuer: None, roles }
    }

    fn map(users: &[(&str, &str)], roles: &[(&str, &str)]) -> IdentityMap {
        let owned = |list: &[(&str, &str)]| {
            list.iter().map(|(from, to)| (from.to_string(), to.to_string())).collect()
        };
        IdentityMap { users: owned(users), roles: owned(roles) }
    }

    #[test]
    fn the_list_is_closed() {
        let list = map(&[("ana", "ana_db")], &[("eu", "reader_eu"), ("us", "reader_us")]);
        let role = |who: &Caller| list.resolve(Some(who)).map(|identity| identity.role);
        let some = |role: &str| Some(Some(role.to_string()));
        assert_eq!(role(&caller("ana", &["us"])).ok(), some("ana_db"));
        assert_eq!(role(&caller("bo", &["eu", "other"])).ok(), some("reader_eu"));
        for refused in [caller("bo", &[]), caller("Ana", &["EU"]), caller("bo", &["eu", "us"])] {
            let error = role(&refused).expect_err("refused");
            assert_eq!(error.code, ErrorCode::PermissionDenied, "{refused:?}");
        }
        assert_eq!(map(&[], &[]).resolve(Some(&caller("bo", &[]))).expect("told").role, None);
    }

    #[test]
    fn nobody_and_a_name_that_would_be_cut_are_refused() {
        let open = map(&[], &[]);
        assert!(open.resolve(None).is_err());
        let long = "é".repeat(33);
        for name in ["", "a\0b", "a\nb", &long] {
            assert!(open.resolve(Some(&caller(name, &[]))).is_err(), "{name:?}");
        }
        assert!(open.resolve(Some(&caller(&"é".repeat(32), &[]))).is_ok());
    }
}
