//! A server that speaks Oracle's protocol, as release 19c or 23ai does, in front of any engine.
//!
//! The listener part (`refuse`) takes a connect descriptor; `auth` proves the password; a
//! `session` then answers one `request` after the other, `execute` those that are statements.
//! Between text and bytes stand `encode`, `decode`, `number`, `time`, `json`, `vector` and `lob`.

mod answer;
mod auth;
mod decode;
mod encode;
mod execute;
mod json;
mod lob;
mod number;
mod packet;
mod refuse;
mod request;
mod session;
mod time;
mod types;
mod vector;
mod wire;

use super::certificate::Certificate;
use super::engine::Engine;
use super::fault::{Fault, Faults};
use super::record::Record;
use packet::Stream;
use parking_lot::Mutex;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Which release the double is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ServerVersion {
    /// 19c: no end-of-response marks, the login in four round trips.
    V19,
    /// 23ai: end-of-response marks, the fast login, BOOLEAN, JSON and VECTOR.
    #[default]
    V23,
}

/// How a double is set up.
#[derive(Clone)]
pub struct TnsOptions {
    /// Users and their passwords.
    pub users: Vec<(String, String)>,
    /// Users that are not let in although their password is right, with the number of the error: 28000
    /// locked, 28001 expired.
    pub denied: Vec<(String, u32)>,
    /// The one service (and SID) that the listener knows.
    pub service: String,
    /// The release.
    pub version: ServerVersion,
    /// TLS under everything, as TCPS has it.
    pub tls: bool,
    /// The listener refuses everyone with this number, such as 12516 or 12528.
    pub refusal: Option<u32>,
    /// The listener sends everyone to this port of loopback, as that of a cluster or a dispatcher does.
    pub redirect: Option<u16>,
}

impl Default for TnsOptions {
    fn default() -> Self {
        let user = |name: &str, password: &str| (name.to_string(), password.to_string());
        Self {
            users: vec![user("reader", "Reader-1-secret"), user("loader", "Loader-1-secret")],
            denied: Vec::new(),
            service: "CELOSIA".into(),
            version: ServerVersion::default(),
            tls: false,
            refusal: None,
            redirect: None,
        }
    }
}

impl fmt::Debug for TnsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let users: Vec<_> = self.users.iter().map(|(user, _)| user).collect();
        f.debug_struct("TnsOptions")
            .field("users", &users)
            .field("denied", &self.denied)
            .field("service", &self.service)
            .field("version", &self.version)
            .field("tls", &self.tls)
            .field("refusal", &self.refusal)
            .field("redirect", &self.redirect)
            .finish()
    }
}

/// A running double. It ends when it is dropped.
pub struct TnsDouble {
    shared: Arc<Shared>,
    port: u16,
    running: Mutex<Option<Running>>,
}

/// What every session needs.
struct Shared {
    engine: Arc<dyn Engine>,
    options: TnsOptions,
    record: Record,
    faults: Faults,
    certificate: Option<Certificate>,
}

struct Running {
    stop: watch::Sender<bool>,
    listener: JoinHandle<()>,
}

impl fmt::Debug for TnsDouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TnsDouble")
            .field("port", &self.port)
            .field("options", &self.shared.options)
            .finish_non_exhaustive()
    }
}

impl TnsDouble {
    /// Starts a double on a free port of loopback.
    ///
    /// # Errors
    /// There is no port, or no certificate can be made.
    pub async fn start(engine: Arc<dyn Engine>, options: TnsOptions) -> io::Result<Self> {
        let certificate = match options.tls {
            true => Some(Certificate::new().map_err(io::Error::other)?),
            false => None,
        };
        if let Some(certificate) = &certificate {
            // The name under which an Oracle client looks for what it trusts.
            let wallet = certificate.authority_file().with_file_name("ewallet.pem");
            std::fs::write(wallet, &certificate.authority)?;
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let (record, faults) = (Record::new("oracle"), Faults::default());
        let shared = Arc::new(Shared { engine, options, record, faults, certificate });
        let running = Mutex::new(Some(Running::new(listener, shared.clone())));
        Ok(Self { shared, port, running })
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What was sent, and who is connected.
    pub fn record(&self) -> Record {
        self.shared.record.clone()
    }

    /// What it does wrong.
    pub fn faults(&self) -> Faults {
        self.shared.faults.clone()
    }

    /// The certificate of the authority that signed the server's, where TLS is on.
    pub fn authority_file(&self) -> Option<PathBuf> {
        self.shared.certificate.as_ref().map(Certificate::authority_file)
    }

    /// The directory with an `ewallet.pem` that trusts that authority, where TLS is on.
    pub fn wallet(&self) -> Option<PathBuf> {
        self.authority_file().and_then(|file| file.parent().map(PathBuf::from))
    }

    /// Closes the listener and every connection, and waits until they are gone.
    pub async fn stop(&self) {
        let running = self.running.lock().take();
        if let Some(running) = running {
            // Nobody listens any more where everything has ended already.
            let _ = running.stop.send(true);
            let _ = running.listener.await;
        }
    }

    /// Starts again on the same port.
    ///
    /// # Errors
    /// Somebody else has the port by now.
    pub async fn restart(&self) -> io::Result<()> {
        self.stop().await;
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await?;
        *self.running.lock() = Some(Running::new(listener, self.shared.clone()));
        Ok(())
    }
}

impl Running {
    fn new(listener: TcpListener, shared: Arc<Shared>) -> Self {
        let (stop, stopped) = watch::channel(false);
        Self { stop, listener: tokio::spawn(listen(listener, shared, stopped)) }
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                sessions.spawn(connection(shared.clone(), stream, stopped.clone()));
            },
            Some(_) = sessions.join_next() => {}
            _ = stopped.changed() => break,
        }
    }
    drop(listener);
    while sessions.join_next().await.is_some() {}
}

async fn connection(shared: Arc<Shared>, stream: TcpStream, mut stopped: watch::Receiver<bool>) {
    let fault = shared.faults.now();
    let ready = async {
        stream.set_nodelay(true)?;
        match fault {
            Fault::Refuse => return Ok(None),
            Fault::Silent => {
                swallow(stream).await;
                return Ok(None);
            }
            _ => {}
        }
        let stream: Box<dyn Stream> = match &shared.certificate {
            Some(certificate) => Box::new(certificate.acceptor.accept(stream).await?),
            None => Box::new(stream),
        };
        io::Result::Ok(Some(stream))
    };
    let stream = tokio::select! {
        stream = ready => stream,
        _ = stopped.changed() => return,
    };
    match stream {
        Ok(Some(stream)) => session::serve(shared, stream, stopped).await,
        Ok(None) => {}
        Err(error) => tracing::debug!(%error, "a client of the double was not understood"),
    }
}

/// Reads until the client goes, and says nothing.
async fn swallow(mut stream: TcpStream) {
    let mut bytes = [0; 1024];
    while stream.read(&mut bytes).await.is_ok_and(|count| count > 0) {}
}
