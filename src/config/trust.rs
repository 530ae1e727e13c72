//! `server.tls`, `identity.certificates` and `identity.proxies`.

use super::Tls;
use super::raw::{RawAttribute, given};
use super::validate::{Checker, attribute};
use crate::model::{CertificateMatch, CertificateRule, Network, TrustedProxy};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;
use std::collections::{BTreeMap, BTreeSet};

/// Headers that mean something else already, or that a connection sets.
const TAKEN: &[&str] = &[
    "authorization",
    "host",
    "origin",
    "cookie",
    "connection",
    "content-length",
    "content-type",
    "transfer-encoding",
    "accept",
    "upgrade",
];

/// TLS 1.2 and later. The files are read again when they change.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTls {
    /// The file of the certificate and what leads to its authority (PEM).
    #[schemars(with = "String")]
    certificate: Spanned<String>,
    /// The certificate's key (PEM): `file:path` or `env:NAME`.
    #[schemars(with = "String")]
    key: Spanned<String>,
    /// The file of the authorities (PEM) whose certificates clients may show.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    client_ca: Option<Spanned<String>>,
    /// Whether a client must show one: `optional` (the default) or `required`.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<RawClientCertificates>")]
    client_certificates: Option<Spanned<RawClientCertificates>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum RawClientCertificates {
    /// A client may come without one.
    Optional,
    /// A connection without one is refused.
    Required,
}

/// Who the holder of a certificate is. Everything that is given of `subject`, `issuer`, `uri`, `dns` and `email` must
/// be so, letter for letter; `celosia token explain --certificate` shows them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCertificateRule {
    /// The subject, such as `O=Acme, CN=ana`.
    subject: Option<String>,
    /// The issuer, likewise.
    issuer: Option<String>,
    /// A URI among the alternative names, such as `spiffe://acme/reports`.
    uri: Option<String>,
    /// A DNS name among them.
    dns: Option<String>,
    /// An e-mail address among them.
    email: Option<String>,
    /// The user's name, for audit.
    #[schemars(with = "String")]
    user: Spanned<String>,
    /// Roles by name.
    #[serde(default)]
    roles: BTreeSet<String>,
    /// What row filters know as `user.*`.
    #[serde(default)]
    attributes: BTreeMap<String, RawAttribute>,
}

/// A certificate by what it says.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawMatch {
    /// The subject, such as `O=Acme, CN=proxy`.
    subject: Option<String>,
    /// The issuer, likewise.
    issuer: Option<String>,
    /// A URI among the alternative names.
    uri: Option<String>,
    /// A DNS name among them.
    dns: Option<String>,
    /// An e-mail address among them.
    email: Option<String>,
}

/// A proxy that has authenticated its clients. It must take these headers from them and set each once.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProxy {
    /// Where it calls from, such as `10.1.0.0/24`.
    #[schemars(with = "Vec<String>")]
    networks: Vec<Spanned<String>>,
    /// The certificate that it must show.
    certificate: Option<RawMatch>,
    /// The header with the user's name, such as `x-forwarded-user`.
    #[schemars(with = "String")]
    user_header: Spanned<String>,
    /// The header with the user's groups, between commas.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    groups_header: Option<Spanned<String>>,
    /// What row filters know as `user.*`, and the headers it comes from: `region: x-region`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    attributes: BTreeMap<String, Spanned<String>>,
}

impl Checker<'_> {
    pub(super) fn tls(&mut self, raw: RawTls) -> Option<Tls> {
        let required = raw.client_certificates.as_ref().map(|c| c.value);
        if let Some(asked) = raw.client_certificates.as_ref().filter(|_| raw.client_ca.is_none()) {
            let message = "set server.tls.client_ca: nobody vouches for a client otherwise";
            self.error(asked, "server.tls.client_certificates", message);
        }
        let key = match self.resolved(&raw.key.value) {
            Some(Ok(key)) => Some(key),
            Some(Err(message)) => {
                self.error(&raw.key, "server.tls.key", message);
                None
            }
            None => {
                let message = "refer to the key by `file:path` or `env:NAME`";
                self.error(&raw.key, "server.tls.key", message);
                None
            }
        };
        let key_file = raw.key.value.strip_prefix("file:").map(|path| self.directory().join(path));
        let certificate = self.existing(Some(raw.certificate), "server.tls.certificate")?;
        Some(Tls {
            certificate,
            key: key?,
            key_file,
            client_ca: self.existing(raw.client_ca, "server.tls.client_ca"),
            client_required: required == Some(RawClientCertificates::Required),
        })
    }

    pub(super) fn certificates(
        &mut self,
        raw: Vec<RawCertificateRule>,
        has_authority: bool,
    ) -> Vec<CertificateRule> {
        let rules = raw.into_iter().enumerate().map(|(at, raw)| {
            let key = format!("identity.certificates[{at}]");
            let RawCertificateRule { subject, issuer, uri, dns, email, user, .. } = raw;
            let certificate = CertificateMatch { subject, issuer, uri, dns, email };
            if certificate.is_open() {
                let message = "name the holder: subject, uri, dns or email";
                self.error(&user, &key, message);
            }
            if user.value.trim().is_empty() {
                self.error(&user, &format!("{key}.user"), "the user needs a name");
            }
            if !has_authority {
                let message =
                    "set server.tls.client_ca: no client can show a certificate otherwise";
                self.error(&user, &key, message);
            }
            CertificateRule {
                certificate,
                user: user.value,
                roles: raw.roles,
                attributes: raw.attributes.into_iter().map(|(n, v)| (n, attribute(v))).collect(),
            }
        });
        rules.collect()
    }

    pub(super) fn proxies(&mut self, raw: Vec<RawProxy>, has_authority: bool) -> Vec<TrustedProxy> {
        let proxies = raw.into_iter().enumerate();
        proxies
            .map(|(at, raw)| self.proxy(raw, &format!("identity.proxies[{at}]"), has_authority))
            .collect()
    }

    fn proxy(&mut self, raw: RawProxy, key: &str, has_authority: bool) -> TrustedProxy {
        let mut networks = Vec::new();
        if raw.networks.is_empty() {
            self.error(&raw.user_header, &format!("{key}.networks"), "name a network at least");
        }
        for network in &raw.networks {
            match Network::parse(&network.value) {
                Some(parsed) => networks.push(parsed),
                None => {
                    let message = "write a network such as 10.1.0.0/24, or one address";
                    self.error(network, &format!("{key}.networks"), message);
                }
            }
        }
        let certificate = raw.certificate.map(|raw| {
            let RawMatch { subject, issuer, uri, dns, email } = raw;
            CertificateMatch { subject, issuer, uri, dns, email }
        });
        if let Some(certificate) = &certificate {
            let message = match (certificate.is_open(), has_authority) {
                (true, _) => Some("name its holder: subject, uri, dns or email"),
                (_, false) => Some("set server.tls.client_ca: no proxy can show one otherwise"),
                _ => None,
            };
            if let Some(message) = message {
                self.error(&raw.user_header, &format!("{key}.certificate"), message);
            }
        }
        let mut names = BTreeSet::new();
        let all = [&raw.user_header].into_iter().chain(&raw.groups_header);
        for header in all.chain(raw.attributes.values()) {
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            let name = &header.value;
            if name.is_empty() || !name.bytes().all(plain) || TAKEN.contains(&&**name) {
                let message =
                    "write a header of its own in small letters, such as x-forwarded-user";
                self.error(header, key, message);
            }
            if !names.insert(name.clone()) {
                self.error(header, key, "this header is named twice");
            }
        }
        TrustedProxy {
            networks,
            certificate,
            user_header: raw.user_header.value,
            groups_header: raw.groups_header.map(|header| header.value),
            attributes: raw.attributes.into_iter().map(|(name, h)| (name, h.value)).collect(),
        }
    }
}
