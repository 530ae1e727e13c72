//! TLS for the connections that are served: rustls, TLS 1.2 and later, and certificates that can be changed
//! while it serves.
//!
//! Nothing is resumed: each connection shows its client's certificate anew, so that one that has expired, or
//! whose authority was taken out of the configuration, is not carried on by a ticket.

use arc_swap::ArcSwap;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// What TLS is served with; cheap to share.
#[derive(Debug, Clone)]
pub struct Tls(Arc<ArcSwap<ServerConfig>>);

/// Whose certificates clients may show.
#[derive(Debug, Clone, Copy)]
pub struct ClientCertificates<'a> {
    /// A file of the authorities (PEM).
    pub authority: &'a Path,
    /// Whether a connection without one is refused.
    pub required: bool,
}

impl Tls {
    /// TLS with the certificate chain of a file, its key (PEM), and certificates of clients where they are asked
    /// for.
    ///
    /// # Errors
    /// What is wrong with which file; never a part of the key.
    pub fn new(
        certificate: &Path,
        key: &str,
        clients: Option<ClientCertificates<'_>>,
    ) -> Result<Self, String> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let chain = certificates(certificate)?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
            .map_err(|_| "server.tls.key: there is no private key in PEM form in it".to_string())?;
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("server.tls: {error}"))?;
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(ClientCertificates { authority, required }) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(authority)? {
                    let told = |error| format!("{}: {error}", authority.display());
                    roots.add(certificate).map_err(told)?;
                }
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                let verifier = if required { verifier } else { verifier.allow_unauthenticated() };
                let verifier = verifier.build();
                let told = |error| format!("{}: {error}", authority.display());
                builder.with_client_cert_verifier(verifier.map_err(told)?)
            }
        };
        let mut config = builder.with_single_cert(chain, key).map_err(|error| {
            format!("{}: it does not fit server.tls.key: {error}", certificate.display())
        })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self(Arc::new(ArcSwap::from_pointee(config))))
    }

    /// Connections that are made from now on get what `other` has.
    pub fn replace(&self, other: &Self) {
        self.0.store(other.0.load_full());
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.load_full())
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let read = CertificateDer::pem_file_iter(path).map_err(|error| told(&error))?;
    let read = read.collect::<Result<Vec<_>, _>>().map_err(|error| told(&error))?;
    if read.is_empty() { Err(told(&"there is no certificate in it")) } else { Ok(read) }
}
