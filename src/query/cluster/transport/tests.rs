use super::*;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, ClientConfig, DigitallySignedStruct, SignatureScheme,
    SupportedProtocolVersion,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

const SECRET: &[u8] = b"what only processes with the key may read";
const MINE: &str = "a key of transport of this deployment";
const OTHER: &str = "a key of transport of another deployment";

/// A server that says something to whoever it knows; gives its address.
async fn saying(transport: Transport) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut known = pin!(transport.accept(listener));
        while let Some(Ok(mut stream)) = known.next().await {
            stream.write_all(SECRET).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    address
}

/// Takes every certificate of a server.
#[derive(Debug)]
struct Anybody(CryptoProvider);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// A client that takes every server, with the certificate of a deployment or without one.
fn client(key: Option<&str>, version: &'static SupportedProtocolVersion) -> TlsConnector {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let builder = ClientConfig::builder_with_provider(Arc::new(provider.clone()))
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)));
    let mut config = match key {
        None => builder.with_no_client_auth(),
        Some(key) => {
            let own = KeyPair::generate_for(&PKCS_ED25519).unwrap();
            let signed = own_certificate().unwrap().signed_by(&own, &authority(key).unwrap());
            let own = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.serialize_der()));
            builder.with_client_auth_cert(vec![signed.unwrap().der().clone()], own).unwrap()
        }
    };
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    TlsConnector::from(Arc::new(config))
}

/// What a client hears, or how it is refused.
async fn heard(client: TlsConnector, server: SocketAddr) -> io::Result<Vec<u8>> {
    let stream = TcpStream::connect(server).await?;
    let mut stream = client.connect(NAME.try_into().unwrap(), stream).await?;
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).await?;
    Ok(heard)
}

#[tokio::test]
async fn processes_with_one_key_hear_each_other_and_nobody_else_does() {
    use rustls::version::{TLS12, TLS13};
    let server = saying(Transport::new(MINE).unwrap()).await;
    assert_eq!(heard(client(Some(MINE), &TLS13), server).await.unwrap(), SECRET);
    for (key, version, alert) in [
        // The authority has the same name, and another signature.
        (Some(OTHER), &TLS13, AlertDescription::DecryptError),
        (None, &TLS13, AlertDescription::CertificateRequired),
        (Some(MINE), &TLS12, AlertDescription::ProtocolVersion),
    ] {
        let refused = heard(client(key, version), server).await.unwrap_err();
        let refused = refused.get_ref().and_then(|error| error.downcast_ref());
        assert_eq!(refused, Some(&rustls::Error::AlertReceived(alert)), "{key:?}");
    }
    // It goes on after all of them.
    assert_eq!(heard(client(Some(MINE), &TLS13), server).await.unwrap(), SECRET);
}

#[tokio::test]
async fn a_server_with_another_key_is_nobody_to_a_client() {
    let plain = |server| Endpoint::from_shared(format!("http://{server}")).unwrap();
    let server = saying(Transport::new(OTHER).unwrap()).await;
    let mine = Transport::new(MINE).unwrap();
    let error = mine.endpoint(&plain(server)).unwrap().connect().await.unwrap_err();
    assert!(is_stranger(&error), "{error:?}");
    let told = why(&error);
    assert!(told.contains("compare `engine.transport_key`") && !told.contains(MINE), "{told}");
    // Nor is one that speaks no TLS, while one that is not there is only not there.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let open = listener.local_addr().unwrap();
    let clear = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    });
    let error = mine.endpoint(&plain(open)).unwrap().connect().await.unwrap_err();
    assert!(is_stranger(&error), "{error:?}");
    clear.await.unwrap();
    let error = mine.endpoint(&plain(open)).unwrap().connect().await.unwrap_err();
    assert!(!is_stranger(&error), "{error:?}");
}

#[tokio::test]
async fn plain_text_gets_nothing() {
    let server = saying(Transport::new(MINE).unwrap()).await;
    for words in [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), b"GET / HTTP/1.1\r\n\r\n", b"\0"]
    {
        let mut stream = TcpStream::connect(server).await.unwrap();
        stream.write_all(words).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut heard = Vec::new();
        // The end may come as a reset; what was sent before it has been read.
        let _ = stream.read_to_end(&mut heard).await;
        // At most an alert: its type, and two bytes of it.
        assert!(heard.is_empty() || heard.len() == 7 && heard[0] == 21, "{heard:?}");
    }
}

/// More than may shake hands at once say nothing; they are closed, and whoever has the key comes in.
#[tokio::test]
async fn who_says_nothing_keeps_nobody_out_for_long() {
    let server = saying(Transport::new(MINE).unwrap()).await;
    let mut silent = Vec::new();
    for _ in 0..HANDSHAKES + 5 {
        silent.push(TcpStream::connect(server).await.unwrap());
    }
    let known = client(Some(MINE), &rustls::version::TLS13);
    assert_eq!(heard(known, server).await.unwrap(), SECRET);
    let mut end = [0];
    assert_eq!(silent[0].read(&mut end).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn what_is_said_is_passed_on_both_ways() {
    let inner = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = inner.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = inner.accept().await {
            let (mut from, mut to) = stream.split();
            tokio::io::copy(&mut from, &mut to).await.unwrap();
        }
    });
    let outer = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = outer.local_addr().unwrap();
    let transport = Transport::new(MINE).unwrap();
    let passing = tokio::spawn(async move { transport.pass_on(outer, server).await });
    let said = vec![7; 300_000];
    let stream = TcpStream::connect(address).await.unwrap();
    let known = client(Some(MINE), &rustls::version::TLS13);
    let stream = known.connect(NAME.try_into().unwrap(), stream).await.unwrap();
    let (mut from, mut to) = tokio::io::split(stream);
    let saying = async {
        to.write_all(&said).await.unwrap();
        to.shutdown().await.unwrap();
    };
    let mut back = Vec::new();
    let (read, ()) = tokio::join!(from.read_to_end(&mut back), saying);
    assert_eq!((read.unwrap(), back == said), (said.len(), true));
    passing.abort();
}

#[test]
fn a_short_key_is_none_and_no_key_is_shown() {
    let told = Transport::new(&"k".repeat(KEY - 1)).unwrap_err();
    assert!(told.contains("less than 32") && !told.contains("kk"), "{told}");
    assert_eq!(format!("{:?}", Transport::new(MINE).unwrap()), "Transport([redacted])");
}

#[test]
fn every_process_has_a_certificate_of_its_own_under_one_authority() {
    let keys = |key: &str| authority(key).unwrap().key().serialize_der();
    assert_eq!(keys(MINE), keys(MINE));
    assert_ne!(keys(MINE), keys(OTHER));
}
