//! An identity provider of our own, over real HTTP on loopback: it publishes its metadata and its keys, signs
//! tokens, takes other keys, and fails in every way that a provider can.

pub mod key;
pub mod token;

use super::{RUNTIME, block_on};
use celosia_connector_testkit::double::certificate::Certificate;
use key::SigningKey;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

/// Where the metadata is.
pub const OPENID: &str = "/.well-known/openid-configuration";
/// Where it is by RFC 8414.
pub const OAUTH: &str = "/.well-known/oauth-authorization-server";
/// Where the keys are.
pub const KEYS: &str = "/keys";

/// The provider.
pub struct Issuer {
    /// What its tokens name as their issuer.
    pub url: String,
    shared: Arc<Shared>,
    certificate: Option<Certificate>,
}

struct Shared {
    url: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The published keys.
    keys: Vec<Json>,
    /// Answers that stand in for the real ones, by path: status and body.
    instead: BTreeMap<String, (u16, String)>,
    /// Where a redirect leads, by path.
    redirects: BTreeMap<String, String>,
    /// Every path that was asked for.
    asked: Vec<String>,
}

impl Issuer {
    /// A provider over plain HTTP.
    pub fn start() -> Self {
        Self::listening(None)
    }

    /// A provider over TLS, with a certificate of an authority that nobody knows.
    pub fn start_tls() -> Self {
        Self::listening(Some(Certificate::new().expect("a certificate")))
    }

    fn listening(certificate: Option<Certificate>) -> Self {
        let listener = block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        let scheme = if certificate.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://127.0.0.1:{}", address.port());
        let shared = Arc::new(Shared { url: url.clone(), state: Mutex::default() });
        let acceptor = certificate.as_ref().map(|certificate| certificate.acceptor.clone());
        let serving = shared.clone();
        RUNTIME.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, acceptor) = (serving.clone(), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => shared.answer(stream).await,
                        Some(acceptor) => match acceptor.accept(stream).await {
                            Ok(stream) => shared.answer(stream).await,
                            Err(_) => None,
                        },
                    }
                });
            }
        });
        Self { url, shared, certificate }
    }

    /// The file of the authority by which its certificate is known.
    pub fn authority(&self) -> std::path::PathBuf {
        self.certificate.as_ref().expect("a provider with TLS").authority_file()
    }

    /// Publishes these keys and no others.
    pub fn publish(&self, keys: &[&SigningKey]) {
        self.publish_raw(keys.iter().map(|key| key.jwk()).collect());
    }

    /// Publishes keys as they are written here.
    pub fn publish_raw(&self, keys: Vec<Json>) {
        self.state().keys = keys;
    }

    /// Answers `path` with this instead.
    pub fn instead(&self, path: &str, status: u16, body: &str) {
        self.state().instead.insert(path.to_string(), (status, body.to_string()));
    }

    /// Sends whoever asks for `path` to another place.
    pub fn redirect(&self, path: &str, to: &str) {
        self.state().redirects.insert(path.to_string(), to.to_string());
    }

    /// Answers nothing as it should until [`Self::recover`].
    pub fn fail(&self) {
        for path in [OPENID, OAUTH, KEYS] {
            self.instead(path, 503, "");
        }
    }

    /// Answers as it should again.
    pub fn recover(&self) {
        let mut state = self.state();
        state.instead.clear();
        state.redirects.clear();
    }

    /// How often the keys were asked for.
    pub fn fetches(&self) -> usize {
        self.asked(KEYS)
    }

    /// How often a path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        self.state().asked.iter().filter(|asked| *asked == path).count()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.shared.state.lock().expect("the state")
    }
}

impl Shared {
    async fn answer(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Option<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).ok()?;
        let path = head.split(' ').nth(1)?.to_string();
        // What a resource server has no business sending.
        let lower = head.to_lowercase();
        assert!(!lower.contains("authorization:") && !lower.contains("cookie:"), "{head}");
        let (status, body, location) = self.document(&path);
        let location = location.map_or(String::new(), |to| format!("Location: {to}\r\n"));
        let reply = format!(
            "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\n{location}\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(reply.as_bytes()).await.ok()?;
        stream.shutdown().await.ok()
    }

    fn document(&self, path: &str) -> (u16, String, Option<String>) {
        let mut state = self.state.lock().expect("the state");
        state.asked.push(path.to_string());
        if let Some(to) = state.redirects.get(path) {
            return (302, String::new(), Some(to.clone()));
        }
        if let Some((status, body)) = state.instead.get(path) {
            return (*status, body.clone(), None);
        }
        let body = match path {
            OPENID | OAUTH => {
                json!({"issuer": self.url, "jwks_uri": format!("{}{KEYS}", self.url)})
            }
            KEYS => json!({"keys": state.keys}),
            _ => return (404, String::new(), None),
        };
        (200, body.to_string(), None)
    }
}
