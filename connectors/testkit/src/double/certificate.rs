//! A certificate authority of one's own and a server certificate for `localhost` and `127.0.0.1`.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use std::path::PathBuf;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// What a double with TLS needs, and what its client must trust.
pub struct Certificate {
    /// Takes TLS connections with the server certificate.
    pub acceptor: TlsAcceptor,
    /// The authority's certificate in PEM form.
    pub authority: String,
    directory: tempfile::TempDir,
}

impl Certificate {
    /// A new authority and a certificate by it.
    ///
    /// # Errors
    /// Keys cannot be made or files cannot be written.
    pub fn new() -> Result<Self, String> {
        let told = |error: &dyn std::fmt::Display| error.to_string();
        let key = KeyPair::generate().map_err(|e| told(&e))?;
        let mut authority = CertificateParams::new(Vec::<String>::new()).map_err(|e| told(&e))?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        // OpenSSL takes a certificate whose names are its issuer's for self-signed.
        authority.distinguished_name.push(DnType::CommonName, "authority of a test");
        let issuer = CertifiedIssuer::self_signed(authority, key).map_err(|e| told(&e))?;
        let names = vec!["localhost".to_string(), "127.0.0.1".to_string()];
        let mut server = CertificateParams::new(names).map_err(|e| told(&e))?;
        server.distinguished_name.push(DnType::CommonName, "localhost");
        server.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(|e| told(&e))?;
        let signed = server.signed_by(&key, &issuer).map_err(|e| told(&e))?;
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|e| told(&e))?
            .with_no_client_auth()
            .with_single_cert(vec![signed.der().clone()], private)
            .map_err(|e| told(&e))?;
        let directory = tempfile::tempdir().map_err(|e| told(&e))?;
        let authority = issuer.pem();
        std::fs::write(directory.path().join("authority.pem"), &authority).map_err(|e| told(&e))?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), authority, directory })
    }

    /// A file that holds the authority's certificate.
    pub fn authority_file(&self) -> PathBuf {
        self.directory.path().join("authority.pem")
    }
}
