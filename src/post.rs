//! One exchange of JSON documents, over a connection that is kept while the other side keeps it. It knows no redirect and no proxy.

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer that is read.
const LARGEST: usize = 64 << 10;

/// Where requests go.
pub(crate) struct Poster {
    uri: Uri,
    tls: TlsConnector,
    headers: Vec<(HeaderName, HeaderValue)>,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Poster {
    /// Sends to `url`; trusts the certificates of `ca`, or those that the system trusts.
    pub(crate) fn new(
        url: &str,
        headers: Vec<(String, String)>,
        ca: Option<&Path>,
    ) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|_| "the address is none".to_string())?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots(ca)?)
            .with_no_client_auth();
        let headers = headers.into_iter().map(|(name, value)| {
            let unfit = |_| format!("the header {name} is none");
            let parsed: HeaderName = name.parse().map_err(|_| unfit(()))?;
            let mut value = HeaderValue::from_str(&value).map_err(|_| unfit(()))?;
            value.set_sensitive(true);
            Ok::<_, String>((parsed, value))
        });
        let headers = headers.collect::<Result<_, _>>()?;
        Ok(Self { uri, tls: TlsConnector::from(Arc::new(config)), headers, sender: None })
    }

    /// Sends a JSON document; gives what was answered.
    pub(crate) async fn post(&mut self, body: String) -> Result<(StatusCode, Bytes), String> {
        self.within(Method::POST, body).await
    }

    /// Asks for the document there.
    pub(crate) async fn get(&mut self) -> Result<(StatusCode, Bytes), String> {
        self.within(Method::GET, String::new()).await
    }

    async fn within(
        &mut self,
        method: Method,
        body: String,
    ) -> Result<(StatusCode, Bytes), String> {
        match tokio::time::timeout(PATIENCE, self.exchange(method, body)).await {
            Ok(done) => done,
            Err(_) => Err("the server did not answer in time".to_string()),
        }
    }

    async fn exchange(
        &mut self,
        method: Method,
        body: String,
    ) -> Result<(StatusCode, Bytes), String> {
        let told = |error: hyper::Error| format!("the exchange broke off: {error}");
        let mut sender = match self.sender.take().filter(|sender| !sender.is_closed()) {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        sender.ready().await.map_err(told)?;
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.uri.authority().map_or("", |authority| authority.as_str()))
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("celosia/", env!("CARGO_PKG_VERSION")));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::from(body))).map_err(|e| e.to_string())?;
        let response = sender.send_request(request).await.map_err(told)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LARGEST).collect().await;
        let body = body.map_err(|e| format!("the answer was not read: {e}"))?.to_bytes();
        self.sender = Some(sender);
        Ok((status, body))
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, String> {
        let host = self.uri.host().unwrap_or_default().trim_matches(['[', ']']).to_string();
        let is_tls = self.uri.scheme_str() == Some("https");
        let port = self.uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let told = |error: std::io::Error| format!("no connection: {error}");
        let stream = TcpStream::connect((&*host, port)).await.map_err(told)?;
        if !is_tls {
            return handshake(stream).await;
        }
        let name = ServerName::try_from(host).map_err(|_| "the address has no host".to_string())?;
        handshake(self.tls.connect(name, stream).await.map_err(told)?).await
    }
}

async fn handshake<S>(stream: S) -> Result<SendRequest<Full<Bytes>>, String>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let shaken = http1::handshake(TokioIo::new(stream)).await;
    let (sender, connection) = shaken.map_err(|e| e.to_string())?;
    // Ends with the sender.
    tokio::spawn(connection);
    Ok(sender)
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let Some(path) = ca else {
        // A single broken certificate of the system is no reason to trust none.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    for certificate in CertificateDer::pem_file_iter(path).map_err(|e| told(&e))? {
        roots.add(certificate.map_err(|e| told(&e))?).map_err(|e| told(&e))?;
    }
    if roots.is_empty() { Err(told(&"there is no certificate in it")) } else { Ok(roots) }
}
