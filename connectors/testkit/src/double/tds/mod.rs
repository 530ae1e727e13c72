//! A server of TDS, SQL Server's protocol: 7.3, 7.4 and 8.0.
//!
//! It takes logins, TLS, batches, procedure calls with parameters, transactions and attentions, and
//! answers with the rows of an [`Engine`] as the bytes of their native types.

mod batch;
mod collation;
mod cursor;
mod decode;
mod encode;
mod input;
mod login;
mod number;
mod output;
mod rpc;
mod session;
mod temporal;
#[cfg(test)]
mod tests;
mod tokens;
mod transport;
mod types;

use super::certificate::Certificate;
use super::engine::{Engine, Login};
use super::fault::{Fault, Faults};
use super::record::{Record, SessionView};
use input::Input;
use login::Acceptors;
use output::Output;
use parking_lot::Mutex;
use session::Session;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ServerConfig, SupportedProtocolVersion};

/// What a double is told to be.
#[derive(Clone)]
pub struct TdsOptions {
    /// Logins and their passwords.
    pub users: Vec<(String, String)>,
    /// What is encrypted.
    pub encryption: Encryption,
    /// The database that logins get; `master` and `tempdb` are there too.
    pub database: String,
    /// The server's version: major, minor, and the build in two bytes.
    pub version: [u8; 4],
    /// Logins whose password is right and that are kept out all the same.
    pub denied: Vec<(String, Denial)>,
}

/// How much of a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// Nothing: the server has no certificate.
    NotSupported,
    /// The login only, unless the client asks for more.
    Off,
    /// Everything.
    Required,
    /// Everything, from the first byte on: TDS 8.0 and nothing else.
    Strict,
}

/// Why a login with the right password is kept out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// It may not open the database.
    Database,
    /// Its password must be changed first.
    MustChangePassword,
    /// Its password has expired.
    PasswordExpired,
    /// It is disabled.
    Disabled,
    /// It is locked after too many attempts.
    Locked,
}

impl Default for TdsOptions {
    fn default() -> Self {
        let user = |name: &str, password: &str| (name.to_string(), password.to_string());
        Self {
            users: vec![user("reader", "Reader-1-secret"), user("loader", "Loader-1-secret")],
            encryption: Encryption::Required,
            database: "celosia".into(),
            version: [16, 0, 0x03, 0xe8],
            denied: Vec::new(),
        }
    }
}

impl fmt::Debug for TdsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let users: Vec<&str> = self.users.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("TdsOptions")
            .field("users", &users)
            .field("encryption", &self.encryption)
            .field("database", &self.database)
            .field("version", &self.version)
            .field("denied", &self.denied)
            .finish()
    }
}

/// A running double. Dropping it stops it.
#[derive(Debug)]
pub struct TdsDouble {
    shared: Arc<Shared>,
    port: u16,
    running: Mutex<Option<Running>>,
}

/// What all connections have in common.
struct Shared {
    engine: Arc<dyn Engine>,
    options: TdsOptions,
    record: Record,
    faults: Faults,
    certificate: Certificate,
    acceptors: Acceptors,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("options", &self.options).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Running {
    stop: watch::Sender<bool>,
    listener: JoinHandle<()>,
}

impl TdsDouble {
    /// Listens on a free port of loopback.
    ///
    /// # Errors
    /// There is no port, or no certificate can be made.
    pub async fn start(engine: Arc<dyn Engine>, options: TdsOptions) -> io::Result<Self> {
        let certificate = Certificate::new().map_err(io::Error::other)?;
        let acceptors = acceptors(&certificate)?;
        let (record, faults) = (Record::new("tsql"), Faults::default());
        let shared = Shared { engine, options, record, faults, certificate, acceptors };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let double = Self { shared: Arc::new(shared), port, running: Mutex::default() };
        double.run(listener);
        Ok(double)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it was sent, and who is connected.
    pub fn record(&self) -> Record {
        self.shared.record.clone()
    }

    /// What it does wrong. Offsets into an answer count all bytes of its packets, headers too.
    pub fn faults(&self) -> Faults {
        self.shared.faults.clone()
    }

    /// A file with the certificate of the authority that a client must trust; `None` without TLS.
    pub fn authority_file(&self) -> Option<PathBuf> {
        let tls = self.shared.options.encryption != Encryption::NotSupported;
        tls.then(|| self.shared.certificate.authority_file())
    }

    /// Closes the port and every connection, and waits until nothing runs any more.
    pub async fn stop(&self) {
        let running = self.running.lock().take();
        if let Some(Running { stop, listener }) = running {
            stop.send_replace(true);
            // The task ends by itself when its connections have.
            let _ = listener.await;
        }
    }

    /// Listens on the same port again, after it has stopped.
    ///
    /// # Errors
    /// Something else has taken the port.
    pub async fn restart(&self) -> io::Result<()> {
        self.stop().await;
        self.run(TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await?);
        Ok(())
    }

    fn run(&self, listener: TcpListener) {
        let (stop, stopped) = watch::channel(false);
        let listener = tokio::spawn(listen(listener, self.shared.clone(), stopped));
        *self.running.lock() = Some(Running { stop, listener });
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
            Some(_) = connections.join_next() => continue,
        };
        if let Ok((stream, _)) = accepted {
            connections.spawn(Box::pin(connection(stream, shared.clone(), stop.clone())));
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// One connection, from its first byte to its end.
async fn connection(mut stream: TcpStream, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    match shared.faults.now() {
        Fault::Refuse => return,
        Fault::Silent => {
            let mut heard = [0; 1024];
            let silence =
                async { while stream.read(&mut heard).await.is_ok_and(|count| count > 0) {} };
            tokio::select! {
                () = silence => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
            return;
        }
        _ => {}
    }
    let opened = tokio::select! {
        opened = open(stream, &shared, stop.clone()) => opened,
        _ = stop.wait_for(|stop| *stop) => return,
    };
    if let Ok(Some((session, _view))) = opened {
        Box::pin(session.run()).await;
    }
}

/// Ends a session's view with the session.
struct Viewed {
    record: Record,
    number: u64,
}

impl Drop for Viewed {
    fn drop(&mut self) {
        self.record.closed(self.number);
    }
}

/// Logs a client in; `None` where it was told why not.
async fn open(
    stream: TcpStream,
    shared: &Shared,
    stop: watch::Receiver<bool>,
) -> io::Result<Option<(Session, Viewed)>> {
    stream.set_nodelay(true)?;
    let options = &shared.options;
    let caller = login::receive(stream, options, &shared.acceptors).await?;
    let database = caller.database(options).to_string();
    let (packet, encrypted) = (caller.packet(), caller.encrypted);
    let (refused, welcome) = (caller.refused(options), caller.welcome(options));
    let login::Caller { transport, asked, .. } = caller;
    let (reading, writing) = tokio::io::split(transport);
    let mut output = Output::new(writing, output::PACKET);
    let login = Login { user: asked.user.clone(), database: database.clone() };
    let engine = match refused {
        Some(tokens) => Err(tokens),
        None => shared
            .engine
            .session(&login)
            .await
            .map_err(|error| login::unavailable(error.number, &error.message)),
    };
    let engine = match engine {
        Ok(engine) => engine,
        Err(tokens) => {
            output.tokens = tokens;
            output.send().await?;
            return Ok(None);
        }
    };
    let view = SessionView {
        user: asked.user,
        program: asked.program,
        read_only_intent: asked.read_only,
        encrypted,
        ..SessionView::default()
    };
    let number = shared.record.opened(view);
    let viewed = Viewed { record: shared.record.clone(), number };
    output.tokens = welcome;
    output.send().await?;
    output.resize(packet);
    let mut databases = vec![database];
    for name in [options.database.as_str(), "master", "tempdb"] {
        if !databases.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            databases.push(name.to_string());
        }
    }
    let session = Session {
        engine,
        input: Input::start(reading, stop),
        output,
        record: shared.record.clone(),
        number,
        faults: shared.faults.clone(),
        databases,
        utf8: asked.utf8,
        transactions: 0,
        prepared: HashMap::new(),
        handles: 0,
    };
    Ok(Some((session, viewed)))
}

fn acceptors(certificate: &Certificate) -> io::Result<Acceptors> {
    let resolver = certificate.acceptor.config().cert_resolver.clone();
    let config = |versions: &[&'static SupportedProtocolVersion]| {
        let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(versions)
            .map_err(io::Error::other)?;
        io::Result::Ok(builder.with_no_client_auth().with_cert_resolver(resolver.clone()))
    };
    let mut strict = config(&[&TLS13, &TLS12])?;
    strict.alpn_protocols = vec![b"tds/8.0".to_vec()];
    // Inside packets the end of the handshake must be known, as it is in TLS 1.2.
    let wrapped = config(&[&TLS12])?;
    let acceptor = |config| TlsAcceptor::from(Arc::new(config));
    Ok(Acceptors { strict: acceptor(strict), wrapped: acceptor(wrapped) })
}
