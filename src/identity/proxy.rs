//! Who calls, by the word of a proxy in front of this server.
//!
//! Its headers are believed where the connection comes from a configured network and, where that is asked for,
//! shows the proxy's certificate. From anybody else they are refused, never passed over: a caller who
//! sends them means to be somebody.

use super::certificate::CertificateFacts;
use super::roles::RoleMap;
use crate::model::{Attribute, Principal, PrincipalKind, TrustedProxy};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// The longest value of a header.
const LONGEST: usize = 1_024;

/// The proxies that are believed.
#[derive(Debug, Default)]
pub struct Proxies {
    proxies: Vec<TrustedProxy>,
    roles: RoleMap,
}

/// Where a request comes from: nothing that its sender writes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Peer<'a> {
    /// The address at the other end of the connection.
    pub address: Option<IpAddr>,
    /// The certificate that TLS has verified, if one was shown.
    pub certificate: Option<&'a [u8]>,
}

impl Proxies {
    /// These proxies, over these roles.
    pub fn new(proxies: Vec<TrustedProxy>, roles: RoleMap) -> Self {
        Self { proxies, roles }
    }

    /// Whether any proxy is believed.
    pub fn is_empty(&self) -> bool {
        self.proxies.is_empty()
    }

    /// Who calls by a proxy's word; `None` where no header says anything of that.
    ///
    /// # Errors
    /// Why the headers are refused, in words that say nothing of the configuration.
    pub fn identify<'a>(
        &self,
        peer: Peer<'_>,
        headers: impl Iterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Option<Principal>, &'static str> {
        let known: BTreeSet<String> =
            self.proxies.iter().flat_map(TrustedProxy::headers).map(|name| folded(name)).collect();
        let mut sent: BTreeMap<&str, &'a [u8]> = BTreeMap::new();
        for (name, value) in headers.filter(|(name, _)| known.contains(&folded(name))) {
            if !self.proxies.iter().flat_map(TrustedProxy::headers).any(|known| known == name) {
                return Err("an identity header is spelled oddly");
            }
            if sent.insert(name, value).is_some() {
                return Err("an identity header stands twice");
            }
        }
        if sent.is_empty() {
            return Ok(None);
        }
        let mut believed = self.proxies.iter().filter(|proxy| is(proxy, peer));
        let (Some(proxy), None) = (believed.next(), believed.next()) else {
            return Err("identity headers are not taken from here");
        };
        if sent.keys().any(|name| !proxy.headers().any(|known| known == name)) {
            return Err("an identity header is not this proxy's");
        }
        let user = sent.get(&*proxy.user_header).ok_or("the identity headers name no user")?;
        let user = text(user)?;
        let groups = proxy.groups_header.as_ref().and_then(|name| sent.get(&**name));
        let groups = match groups {
            Some(groups) => text(groups)?.split(',').map(str::trim).collect::<Vec<_>>(),
            None => Vec::new(),
        };
        if groups.iter().any(|group| group.is_empty()) {
            return Err("an identity header has an empty group");
        }
        let mut attributes = BTreeMap::new();
        for (name, header) in &proxy.attributes {
            if let Some(value) = sent.get(&**header) {
                attributes.insert(name.clone(), Attribute::Text(text(value)?.to_string()));
            }
        }
        let roles = self.roles.resolve([], groups);
        let kind = PrincipalKind::Proxy;
        Ok(Some(Principal::establish(user.to_string(), roles, attributes, kind)))
    }
}

/// Whether the connection is the proxy's.
fn is(proxy: &TrustedProxy, peer: Peer<'_>) -> bool {
    let Some(address) = peer.address else { return false };
    let at_home = proxy.networks.iter().any(|network| network.contains(address));
    let shows = proxy.certificate.as_ref().is_none_or(|wanted| {
        let facts = peer.certificate.and_then(CertificateFacts::read);
        let now = chrono::Utc::now().timestamp();
        facts.is_some_and(|facts| {
            facts.matches(wanted) && facts.valid.0 <= now && now <= facts.valid.1
        })
    });
    at_home && shows
}

/// A header's name as careless programs take it: `X_User` for `x-user`.
fn folded(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

/// A value that says one thing: not empty, nothing around it, visible ASCII.
fn text(value: &[u8]) -> Result<&str, &'static str> {
    let odd = "an identity header is empty, or has odd characters";
    let text = std::str::from_utf8(value).map_err(|_| odd)?;
    let fits = text.bytes().all(|b| (b' '..=b'~').contains(&b)) && text.trim() == text;
    if fits && !text.is_empty() && text.len() <= LONGEST { Ok(text) } else { Err(odd) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Network;

    fn proxies() -> Proxies {
        let data = BTreeSet::from(["data".to_string()]);
        let proxy = TrustedProxy {
            networks: vec![Network::parse("10.1.0.0/16").unwrap()],
            certificate: None,
            user_header: "x-user".into(),
            groups_header: Some("x-groups".into()),
            attributes: [("region".to_string(), "x-region".to_string())].into(),
        };
        Proxies::new(vec![proxy], RoleMap::new([("analyst", &data)]))
    }

    fn ask(from: &str, headers: &[(&str, &[u8])]) -> Result<Option<Principal>, &'static str> {
        let peer = Peer { address: from.parse().ok(), certificate: None };
        proxies().identify(peer, headers.iter().copied())
    }

    #[test]
    fn a_proxy_is_believed_and_nobody_else() {
        let headers: &[(&str, &[u8])] =
            &[("x-user", b"ana"), ("x-groups", b"data, other"), ("x-region", b"EU")];
        let ana = ask("10.1.2.3", headers).unwrap().unwrap();
        assert_eq!((ana.user(), ana.kind()), ("ana", PrincipalKind::Proxy));
        assert!(ana.has_role("analyst") && ana.roles().len() == 1);
        assert_eq!(ana.attributes()["region"], Attribute::Text("EU".into()));
        for stranger in ["10.2.0.1", "127.0.0.1", "::1", ""] {
            assert!(ask(stranger, headers).is_err(), "{stranger}");
            assert!(ask(stranger, &[("x-region", b"EU")]).is_err(), "{stranger}");
            assert_eq!(ask(stranger, &[("accept", b"x")]), Ok(None));
        }
        assert_eq!(ask("10.1.2.3", &[]), Ok(None));
    }

    #[test]
    fn headers_say_one_thing_or_are_refused() {
        let odd: &[&[(&str, &[u8])]] = &[
            &[("x-user", b"ana"), ("x-user", b"ana")],
            &[("x-user", b"ana"), ("x_user", b"bo")],
            &[("x_user", b"ana")],
            &[("X-User", b"ana")],
            &[("x-user", b"ana"), ("x-groups", b"data"), ("x-groups", b"admin")],
            &[("x-user", b"")],
            &[("x-user", b" ana")],
            &[("x-user", b"an\xc3\xa1")],
            &[("x-user", b"a\tb")],
            &[("x-user", &[b'a'; 1_025])],
            &[("x-user", b"ana"), ("x-groups", b"data,,x")],
            &[("x-user", b"ana"), ("x-groups", b"")],
            &[("x-user", b"ana"), ("x-region", b"")],
            &[("x-groups", b"data")],
        ];
        for headers in odd {
            assert!(ask("10.1.2.3", headers).is_err(), "{headers:?}");
        }
    }
}
