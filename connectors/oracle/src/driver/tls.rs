//! TLS to the server: trust from a file, a wallet, or the public authorities; a client certificate from a
//! wallet. The server's name is always verified.

use super::{Failure, Kind};
use crate::config::Tls;
use pkcs8::DecodePrivateKey as _;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme};
use std::path::Path;
use std::sync::Arc;

const ENCRYPTED_KEY: (&str, &str) =
    ("-----BEGIN ENCRYPTED PRIVATE KEY-----", "-----END ENCRYPTED PRIVATE KEY-----");

/// How connections with TLS are made.
///
/// # Errors
/// A file that cannot be read, or that holds no certificate.
pub(crate) fn client_config(tls: &Tls) -> Result<Arc<ClientConfig>, Failure> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    if let Some(file) = &tls.trust {
        let pem = read(file)?;
        trust(&mut roots, &pem, file)?;
    }
    let mut key = None;
    if let Some(directory) = &tls.wallet {
        let file = directory.join("ewallet.pem");
        let pem = read(&file)?;
        key = client_key(&pem, tls, &provider, &file)?;
        trust(&mut roots, &pem, &file)?;
    }
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(error.to_string()))?
        .with_root_certificates(roots);
    Ok(Arc::new(match key {
        Some(key) => config.with_client_cert_resolver(Arc::new(OneKey(Arc::new(key)))),
        None => config.with_no_client_auth(),
    }))
}

fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file)
        .map_err(|error| refused(format!("{} cannot be read: {error}", file.display())))
}

fn certificates(pem: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| refused(format!("{} is no PEM file: {error}", file.display())))
}

fn trust(roots: &mut RootCertStore, pem: &str, file: &Path) -> Result<(), Failure> {
    // A wallet holds certificates that are no authorities, too.
    let (added, _) = roots.add_parsable_certificates(certificates(pem, file)?);
    if added == 0 {
        return Err(refused(format!("{} holds no certificate to trust", file.display())));
    }
    Ok(())
}

/// The wallet's private key with its certificates, where it has one.
fn client_key(
    pem: &str,
    tls: &Tls,
    provider: &CryptoProvider,
    file: &Path,
) -> Result<Option<CertifiedKey>, Failure> {
    let key = if let Some(key) = encrypted_key(pem) {
        let Some(password) = &tls.wallet_password else {
            return Err(refused(format!("the key in {} needs wallet_password", file.display())));
        };
        let wrong = |_| refused(format!("wallet_password does not open {}", file.display()));
        let (_, document) = pkcs8::SecretDocument::from_pem(key).map_err(wrong)?;
        let opened = pkcs8::SecretDocument::from_pkcs8_encrypted_der(
            document.as_bytes(),
            password.as_bytes(),
        );
        let opened = opened
            .map_err(|_| refused(format!("wallet_password does not open {}", file.display())))?;
        PrivateKeyDer::Pkcs8(opened.as_bytes().to_vec().into())
    } else {
        match PrivateKeyDer::from_pem_slice(pem.as_bytes()) {
            Ok(key) => key,
            Err(_) => return Ok(None),
        }
    };
    let unusable =
        |error: rustls::Error| refused(format!("the key in {}: {error}", file.display()));
    let signing = provider.key_provider.load_private_key(key).map_err(unusable)?;
    Ok(Some(CertifiedKey::new(certificates(pem, file)?, signing)))
}

fn encrypted_key(pem: &str) -> Option<&str> {
    let start = pem.find(ENCRYPTED_KEY.0)?;
    let end = pem.get(start..)?.find(ENCRYPTED_KEY.1)? + start + ENCRYPTED_KEY.1.len();
    pem.get(start..end)
}

/// Offers the wallet's certificate; the server's older ones are of version 1, which the library's own
/// resolver refuses to load.
#[derive(Debug)]
struct OneKey(Arc<CertifiedKey>);

impl ResolvesClientCert for OneKey {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn refused(text: String) -> Failure {
    Failure::new(Kind::Tls, text)
}
