//! Who may speak at the engine's ports: the processes of one deployment, which have one key, and nobody else.
//!
//! Every process derives the same authority from `engine.transport_key`, and makes itself a certificate at its start
//! that this authority has signed. Both ends of a connection show theirs, by TLS 1.3 alone. The authority's key and
//! those of the certificates are in memory only, and nothing of a connection is resumed.

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::signature::Ed25519KeyPair;
use ballista_core::extension::EndpointOverrideFn;
use futures::{Stream, StreamExt, stream};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, PKCS_ED25519,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

type Failure = Box<dyn StdError + Send + Sync>;

/// The least characters of a key.
const KEY: usize = 32;
/// What the authority's key is derived for: another version of this is another deployment.
const LABEL: &[u8] = b"celosia engine transport 1: authority";
/// The name in every certificate. Who somebody is follows from the key, not from where they are.
const NAME: &str = "celosia-engine";
/// What is spoken inside.
const PROTOCOL: &[u8] = b"h2";
/// How long connecting and a handshake may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a request of a few bytes may take, as in Ballista itself.
const ANSWER: Duration = Duration::from_secs(20);
/// Handshakes at the same time at one port; who comes later waits in the system's queue.
const HANDSHAKES: usize = 128;
/// How long nothing is accepted after that failed, as it does where the process has too many files open.
const PAUSE: Duration = Duration::from_millis(50);
/// How often a silent connection is asked whether it lives, and how long it may take to say so.
const ALIVE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(20));
/// Bytes on their way over one connection, and over one stream of it: Ballista's own for rows between stages.
const WINDOWS: (u32, u32) = (64 << 20, 16 << 20);
/// Bytes that are passed on at once.
const BUFFER: usize = 64 << 10;

/// One process of a deployment, as the others know it.
pub struct Transport {
    accepting: TlsAcceptor,
    asking: ClientTlsConfig,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport([redacted])")
    }
}

impl Transport {
    /// A process that has this key, with a new certificate of its own.
    ///
    /// # Errors
    /// The key is short, or cannot be used. It is not repeated.
    pub fn new(key: &str) -> Result<Self, String> {
        if key.len() < KEY {
            return Err(format!("the key has less than {KEY} characters"));
        }
        Self::made(key).map_err(|error| format!("no certificate can be made: {error}"))
    }

    fn made(key: &str) -> Result<Self, Failure> {
        let authority = authority(key)?;
        let own = KeyPair::generate_for(&PKCS_ED25519)?;
        let certificate = own_certificate()?.signed_by(&own, &authority)?;
        let asking = ClientTlsConfig::new()
            .domain_name(NAME)
            .ca_certificate(Certificate::from_pem(authority.pem()))
            .identity(Identity::from_pem(certificate.pem(), own.serialize_pem()))
            .timeout(PATIENCE);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone())?;
        let known = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .build()?;
        let own = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.serialize_der()));
        let mut accepting = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(known)
            .with_single_cert(vec![certificate.der().clone()], own)?;
        accepting.alpn_protocols = vec![PROTOCOL.to_vec()];
        accepting.session_storage = Arc::new(NoServerSessionStorage {});
        accepting.send_tls13_tickets = 0;
        Ok(Self { accepting: TlsAcceptor::from(Arc::new(accepting)), asking })
    }

    /// Where `plain` leads, by TLS to a process with the same key. What else `plain` says is not kept.
    ///
    /// # Errors
    /// It leads to no host.
    pub fn endpoint(&self, plain: &Endpoint) -> Result<Endpoint, Failure> {
        let authority = plain.uri().authority().ok_or("an endpoint without a host")?;
        let endpoint = Endpoint::from_shared(format!("https://{authority}"))?;
        let (interval, answer) = ALIVE;
        Ok(endpoint
            .tls_config(self.asking.clone())?
            .connect_timeout(PATIENCE)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(interval)
            .keep_alive_timeout(answer)
            .keep_alive_while_idle(true))
    }

    /// How others are reached for their rows: as many bytes at once as without TLS, however long they take.
    pub(super) fn rows(self: &Arc<Self>) -> EndpointOverrideFn {
        let this = self.clone();
        Arc::new(move |plain| {
            let (connection, stream) = WINDOWS;
            let endpoint = this.endpoint(&plain)?;
            Ok(endpoint
                .initial_connection_window_size(connection)
                .initial_stream_window_size(stream))
        })
    }

    /// How scheduler and executors reach each other.
    pub(super) fn control(self: &Arc<Self>) -> EndpointOverrideFn {
        let this = self.clone();
        Arc::new(move |plain| Ok(this.endpoint(&plain)?.timeout(ANSWER)))
    }

    /// The connections of processes with the same key. Others are closed without an answer.
    pub(super) fn accept(
        &self,
        listener: TcpListener,
    ) -> impl Stream<Item = io::Result<TlsStream<TcpStream>>> + Send + use<> {
        let acceptor = self.accepting.clone();
        let arriving = stream::unfold(listener, |listener| async move {
            let arrived = arrived(&listener).await;
            Some((arrived, listener))
        });
        arriving
            .map(move |stream| known(acceptor.clone(), stream))
            .buffer_unordered(HANDSHAKES)
            .filter_map(|known| async move { known.map(Ok) })
    }

    /// Passes what processes with the same key say on to a server of this process, until this is dropped.
    pub(super) async fn pass_on(&self, listener: TcpListener, server: SocketAddr) {
        let mut accepted = pin!(self.accept(listener));
        let mut passing = JoinSet::new();
        while let Some(outer) = accepted.next().await {
            if let Ok(outer) = outer {
                passing.spawn(passed_on(outer, server));
            }
            while passing.try_join_next().is_some() {}
        }
    }
}

/// Whether a connection failed because the other end has another key, or none.
pub(super) fn is_stranger(error: &(dyn StdError + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), cause);
    causes.any(|error| {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        error.is::<rustls::Error>() || inner.is_some_and(|inner| inner.is::<rustls::Error>())
    })
}

/// Why a process cannot be reached, for the log.
pub(super) fn why(error: &(dyn StdError + 'static)) -> String {
    let causes = std::iter::successors(cause(&error), cause);
    let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    if is_stranger(error) {
        format!("{text}; the handshake failed: compare `engine.transport_key` at both ends")
    } else {
        text
    }
}

fn cause<'e>(error: &&'e (dyn StdError + 'static)) -> Option<&'e (dyn StdError + 'static)> {
    (*error).source()
}

/// The authority of everybody who has the key.
fn authority(key: &str) -> Result<CertifiedIssuer<'static, KeyPair>, Failure> {
    let seed = hmac::sign(&hmac::Key::new(HMAC_SHA256, key.as_bytes()), LABEL);
    let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_ref());
    let pair = pair.map_err(|_| "the key cannot be used")?;
    let pair = pair.to_pkcs8().map_err(|_| "the key cannot be used")?;
    let pair = PrivatePkcs8KeyDer::from(pair.as_ref());
    let pair = KeyPair::from_pkcs8_der_and_sign_algo(&pair, &PKCS_ED25519)?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.distinguished_name = named("celosia engine authority");
    Ok(CertifiedIssuer::self_signed(params, pair)?)
}

/// It has no end of its own: its key ends with the process, and clocks need not agree.
fn own_certificate() -> Result<CertificateParams, Failure> {
    let mut params = CertificateParams::new(vec![NAME.to_string()])?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.distinguished_name = named(NAME);
    Ok(params)
}

fn named(name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::CommonName, name);
    named
}

/// The next connection.
async fn arrived(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::debug!(%error, "a connection cannot be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// The connection, if its other end has the key.
async fn known(acceptor: TlsAcceptor, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
    let shaken = tokio::time::timeout(PATIENCE, async {
        stream.set_nodelay(true)?;
        acceptor.accept(stream).await
    });
    match shaken.await {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            tracing::debug!(%error, "a connection is closed: its handshake failed");
            None
        }
        Err(_) => {
            tracing::debug!("a connection is closed: its handshake took too long");
            None
        }
    }
}

async fn passed_on(mut outer: TlsStream<TcpStream>, server: SocketAddr) {
    let passed = async {
        let mut inner = TcpStream::connect(server).await?;
        inner.set_nodelay(true)?;
        tokio::io::copy_bidirectional_with_sizes(&mut outer, &mut inner, BUFFER, BUFFER).await
    };
    if let Err(error) = passed.await {
        tracing::debug!(%error, "a connection ended");
    }
}

#[cfg(test)]
mod tests;
