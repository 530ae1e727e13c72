//! TLS and client certificates, against the real server.

use super::eventually;
use super::server::{Demo, Server};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

const BODY: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"query","arguments":{"sql":"SELECT DISTINCT region FROM shop.main.customers"}}}"#;

type Authority = CertifiedIssuer<'static, KeyPair>;

/// A certificate and its key.
struct Held {
    chain: Vec<rustls::pki_types::CertificateDer<'static>>,
    key: KeyPair,
    pem: String,
}

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn signed(params: &CertificateParams, by: &Authority) -> Held {
    let key = KeyPair::generate().unwrap();
    let made = params.signed_by(&key, by).unwrap();
    Held { chain: vec![made.der().clone()], pem: made.pem(), key }
}

fn for_server(by: &Authority) -> Held {
    let mut params = params("server");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.subject_alt_names = vec![SanType::IpAddress("127.0.0.1".parse().unwrap())];
    signed(&params, by)
}

struct Stage {
    authority: Authority,
    server: Server,
}

const RULES: &str = "
    - { uri: 'spiffe://acme/reports', user: reports, roles: [analyst], attributes: { region: EU } }
    - { subject: 'CN=ana', issuer: 'CN=acme', user: ana, roles: [analyst], attributes: { region: US } }
    - { email: twice@acme.org, user: one, roles: [analyst], attributes: { region: EU } }
    - { dns: twice.acme.org, user: two, roles: [analyst], attributes: { region: EU } }";

fn stage(clients: &str) -> Stage {
    let authority = authority("acme");
    let demo = Arc::new(Demo::new());
    let held = for_server(&authority);
    demo.write("server.pem", &held.pem);
    demo.write("server.key", &held.key.serialize_pem());
    demo.write("clients.pem", &authority.pem());
    let tls = format!(
        "server: {{ listen: \"127.0.0.1:8017\", tls: {{ certificate: server.pem, key: \"file:server.key\", \
         client_ca: clients.pem, client_certificates: {clients} }} }}"
    );
    let keys = "  api_keys: { file: keys.yaml }";
    let config = demo.config(&[
        ("server: { listen: \"127.0.0.1:8017\" }", &tls),
        (keys, &format!("{keys}\n  certificates:{RULES}")),
    ]);
    let config = demo.write("tls.yaml", &config);
    let server = Server::serve(&demo, &config);
    Stage { authority, server }
}

/// What comes back, or why nothing does.
fn ask(
    server: &Server,
    trusted: &Authority,
    held: Option<&Held>,
    more: &str,
) -> Result<String, String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match held {
        None => builder.with_no_client_auth(),
        Some(held) => {
            let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(held.key.serialize_der()));
            builder.with_client_auth_cert(held.chain.clone(), key).unwrap()
        }
    };
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = TcpStream::connect(server.address).unwrap();
    socket.set_read_timeout(Some(super::PATIENCE)).unwrap();
    let mut stream = StreamOwned::new(connection, socket);
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nConnection: close\r\n\
         MCP-Protocol-Version: 2025-11-25\r\n\
         Accept: application/json, text/event-stream\r\n{more}Content-Length: {}\r\n\r\n{BODY}",
        server.address,
        BODY.len()
    );
    stream.write_all(head.as_bytes()).map_err(|error| error.to_string())?;
    let mut reply = Vec::new();
    let read = stream.read_to_end(&mut reply);
    if reply.is_empty() {
        return Err(read.err().map_or("closed".to_string(), |error| error.to_string()));
    }
    Ok(String::from_utf8_lossy(&reply).into_owned())
}

fn status(reply: &Result<String, String>) -> Option<u16> {
    reply.as_ref().ok()?.split(' ').nth(1)?.parse().ok()
}

#[test]
fn a_verified_certificate_that_a_rule_names_is_somebody_and_no_other() {
    let Stage { authority: acme, server } = stage("optional");
    let with = |name: &str, names: &[SanType]| {
        let mut params = params(name);
        params.subject_alt_names = names.to_vec();
        signed(&params, &acme)
    };
    let uri = |text: &str| SanType::URI(text.try_into().unwrap());
    let reports = with("reports", &[uri("spiffe://acme/reports")]);
    let eu = ask(&server, &acme, Some(&reports), "");
    assert_eq!(status(&eu), Some(200), "{eu:?}");
    assert!(eu.as_ref().unwrap().contains("EU") && !eu.unwrap().contains("US"));
    let us = ask(&server, &acme, Some(&with("ana", &[])), "").unwrap();
    assert!(us.contains("US") && !us.contains("EU"), "{us}");

    let other = authority("acme");
    let two = [
        SanType::Rfc822Name("twice@acme.org".try_into().unwrap()),
        SanType::DnsName("twice.acme.org".try_into().unwrap()),
    ];
    let mut expired = params("ana");
    expired.not_before = date_time_ymd(2020, 1, 1);
    expired.not_after = date_time_ymd(2021, 1, 1);
    let mut early = params("ana");
    early.not_before = date_time_ymd(2090, 1, 1);
    early.not_after = date_time_ymd(2091, 1, 1);
    let mut no_client = params("ana");
    no_client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let mut odd = params("ana");
    odd.distinguished_name.push(DnType::OrganizationName, "x");
    let key = KeyPair::generate().unwrap();
    let own = params("ana").self_signed(&key).unwrap();
    let own = Held { chain: vec![own.der().clone()], pem: own.pem(), key };
    let borrowed = Held {
        chain: reports.chain.clone(),
        pem: String::new(),
        key: KeyPair::generate().unwrap(),
    };
    // Verified, and nobody's: 403. Not verified: the connection ends before a request is read.
    let cases: Vec<(&str, Held, Option<u16>)> = vec![
        ("no rule names it", with("eve", &[]), Some(403)),
        ("a longer URI", with("eve", &[uri("spiffe://acme/reports/x")]), Some(403)),
        ("a URI in capitals", with("eve", &[uri("SPIFFE://acme/reports")]), Some(403)),
        ("the URI as its subject", with("spiffe://acme/reports", &[]), Some(403)),
        ("a subject with a part more", signed(&odd, &acme), Some(403)),
        ("a subject that is spelled into one part", with("ana, CN=ana", &[]), Some(403)),
        ("two rules name it", with("eve", &two), Some(403)),
        ("another authority of the same name", signed(&params("ana"), &other), None),
        ("its own authority", own, None),
        ("expired", signed(&expired, &acme), None),
        ("not valid yet", signed(&early, &acme), None),
        ("for servers", signed(&no_client, &acme), None),
    ];
    for (name, held, wanted) in cases {
        let reply = ask(&server, &acme, Some(&held), "");
        assert_eq!(status(&reply), wanted, "{name}: {reply:?}");
    }
    // Without its key a certificate shows nothing; rustls may refuse to try.
    let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        ask(&server, &acme, Some(&borrowed), "")
    }));
    assert!(tried.is_err() || status(&tried.unwrap()).is_none(), "a borrowed certificate");
    assert_eq!(status(&ask(&server, &acme, None, "")), Some(401), "none at all");
}

#[test]
fn a_bearer_token_goes_before_the_certificate() {
    let Stage { authority: acme, server } = stage("optional");
    let ana = signed(&params("ana"), &acme);
    let eve = signed(&params("eve"), &acme);
    let key = format!("Authorization: Bearer {}\r\n", server.demo.key("analyst"));
    for held in [Some(&ana), Some(&eve), None] {
        let reply = ask(&server, &acme, held, &key);
        assert_eq!(status(&reply), Some(200), "{reply:?}");
        assert!(reply.unwrap().contains("EU"), "the key's region, not the certificate's");
    }
    // A bad token is not mended by a good certificate.
    let bad = ask(&server, &acme, Some(&ana), "Authorization: Bearer x\r\n");
    assert_eq!(status(&bad), Some(401), "{bad:?}");
}

#[test]
fn what_is_no_tls_of_today_gets_no_answer_and_keeps_nobody_waiting() {
    let Stage { authority: acme, server } = stage("required");
    let raw = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
        stream.write_all(bytes).unwrap();
        let mut reply = Vec::new();
        let _ = stream.read_to_end(&mut reply);
        reply
    };
    let plain = raw(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(!String::from_utf8_lossy(&plain).contains("HTTP/1."), "{plain:?}");
    for (minor, name) in [(1_u8, "TLS 1.0"), (2, "TLS 1.1")] {
        // A hello of that version with a suite that it has.
        let mut hello = vec![3, minor];
        hello.extend([7; 32]);
        hello.extend([0, 0, 4, 0xc0, 0x13, 0x00, 0x2f, 1, 0]);
        let mut record = vec![22, 3, 1];
        record.extend(u16::try_from(hello.len() + 4).unwrap().to_be_bytes());
        record.extend([1, 0]);
        record.extend(u16::try_from(hello.len()).unwrap().to_be_bytes());
        record.extend(hello);
        let reply = raw(&record);
        assert_eq!(reply.first(), Some(&21), "{name}: an alert and nothing else: {reply:?}");
    }
    assert_eq!(status(&ask(&server, &acme, None, "")), None, "a certificate is required");
    let idle: Vec<TcpStream> =
        (0..20).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    let ana = signed(&params("ana"), &acme);
    assert_eq!(status(&ask(&server, &acme, Some(&ana), "")), Some(200), "beside those who dawdle");
    for mut silent in idle {
        silent.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
        let read = silent.read(&mut [0; 1]);
        let timed_out = |e: &std::io::Error| {
            matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
        };
        assert!(!read.as_ref().is_err_and(timed_out), "it is closed in time: {read:?}");
    }
}

#[test]
fn certificates_are_changed_while_it_serves() {
    let Stage { authority: acme, server } = stage("optional");
    let ana = signed(&params("ana"), &acme);
    assert_eq!(status(&ask(&server, &acme, Some(&ana), "")), Some(200));
    let next = authority("next");
    let held = for_server(&next);
    // A key that does not fit its certificate changes nothing.
    server.demo.write("server.key", &held.key.serialize_pem());
    eventually("the refusal", || server.log().contains("is refused").then_some(()));
    assert_eq!(status(&ask(&server, &acme, Some(&ana), "")), Some(200));
    server.demo.write("clients.pem", &next.pem());
    server.demo.write("server.pem", &held.pem);
    eventually("the new certificate", || {
        (status(&ask(&server, &next, None, "")) == Some(401)).then_some(())
    });
    assert_eq!(status(&ask(&server, &next, Some(&ana), "")), None, "its authority was taken out");
}
