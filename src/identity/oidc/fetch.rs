//! One document by HTTP: the only place where this room speaks to the outside.
//!
//! A document is asked for rarely, so each gets a connection of its own. Nothing is sent but the request: no
//! cookie, no credential. A redirect is not followed, since it could lead anywhere.

use crate::model::is_provider_url;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, HOST, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The largest document.
const LARGEST: usize = 256 << 10;

/// How long a document may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Fetches documents of a provider.
pub(super) struct Fetcher {
    tls: TlsConnector,
}

/// Why a document could not be fetched: for the log and the administrator.
#[derive(Debug)]
pub(super) enum FetchError {
    /// The server answered otherwise than with the document.
    Status(StatusCode),
    /// Anything else.
    Failed(String),
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FetchError::Status(status) => write!(f, "the server answered {status}"),
            FetchError::Failed(why) => f.write_str(why),
        }
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fetcher")
    }
}

impl Fetcher {
    /// A fetcher that trusts the certificates of `ca`, or those that the system trusts.
    pub(super) fn new(ca: Option<&Path>) -> Result<Self, String> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots(ca)?)
            .with_no_client_auth();
        Ok(Self { tls: TlsConnector::from(Arc::new(config)) })
    }

    /// The document at `url`.
    pub(super) async fn get(&self, url: &str) -> Result<Bytes, FetchError> {
        if !is_provider_url(url) {
            return failed("the address is not https");
        }
        let uri: Uri = url.parse().map_err(|_| FetchError::Failed("the address is none".into()))?;
        match tokio::time::timeout(PATIENCE, self.connect_and_get(&uri)).await {
            Ok(done) => done,
            Err(_) => failed("the server did not answer in time"),
        }
    }

    async fn connect_and_get(&self, uri: &Uri) -> Result<Bytes, FetchError> {
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_string();
        let tls = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let told = |error: std::io::Error| FetchError::Failed(format!("no connection: {error}"));
        let stream = TcpStream::connect((&*host, port)).await.map_err(told)?;
        if !tls {
            return get(stream, uri).await;
        }
        let name = ServerName::try_from(host)
            .map_err(|_| FetchError::Failed("the address has no host's name".into()))?;
        get(self.tls.connect(name, stream).await.map_err(told)?, uri).await
    }
}

async fn get<S>(stream: S, uri: &Uri) -> Result<Bytes, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let told = |error: hyper::Error| FetchError::Failed(format!("the exchange broke off: {error}"));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(told)?;
    // Ends with the sender, at the latest with this function.
    let connection = tokio::spawn(connection);
    let request = Request::get(uri.path_and_query().map_or("/", |path| path.as_str()))
        .header(HOST, uri.authority().map_or("", |authority| authority.as_str()))
        .header(ACCEPT, "application/json")
        .header(USER_AGENT, concat!("celosia/", env!("CARGO_PKG_VERSION")))
        .body(Empty::<Bytes>::new())
        .map_err(|error| FetchError::Failed(error.to_string()))?;
    let response = sender.send_request(request).await.map_err(told)?;
    if response.status() != StatusCode::OK {
        return Err(FetchError::Status(response.status()));
    }
    let body = Limited::new(response.into_body(), LARGEST).collect().await;
    drop(sender);
    connection.abort();
    body.map(|whole| whole.to_bytes())
        .map_err(|error| FetchError::Failed(format!("the document was not read: {error}")))
}

fn failed<T>(why: &str) -> Result<T, FetchError> {
    Err(FetchError::Failed(why.to_string()))
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let Some(path) = ca else {
        // A single broken certificate of the system is no reason to trust none.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    let told = |error: &dyn fmt::Display| format!("{}: {error}", path.display());
    for certificate in CertificateDer::pem_file_iter(path).map_err(|e| told(&e))? {
        roots.add(certificate.map_err(|e| told(&e))?).map_err(|e| told(&e))?;
    }
    if roots.is_empty() { Err(told(&"there is no certificate in it")) } else { Ok(roots) }
}
