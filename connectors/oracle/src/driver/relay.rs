//! A relay on loopback between the thin driver and the server, one for each connection.
//!
//! The driver blocks in a call and offers no way to stop it from outside; only the holder of the socket
//! could. So the socket is ours: the relay passes packets on, and when a statement must end it sends the
//! server the break that the driver itself would send after a timeout, and gives the driver the server's
//! answer (ORA-01013), as if it had come by itself. It also bounds what the driver does not: the time of
//! a connect, the length of a packet, the size of an answer. TLS ends here, so that the break works over
//! TCPS, too, and certificates of one's own can be trusted.
//!
//! All relays of a source share one thread.

mod pump;
mod wire;

use super::line::Line;
use super::{Failure, Kind};
use crate::config::Tls;
use crate::descriptor::Endpoint;
use parking_lot::Mutex;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long the server's host may take to answer a connect.
const CONNECT: Duration = Duration::from_secs(8);
/// How long the driver may take to come to its relay.
const ACCEPT: Duration = Duration::from_secs(5);

/// The thread on which a source's relays run; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Relays {
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    handle: Handle,
    /// Dropping it ends the thread.
    _stop: oneshot::Sender<()>,
}

/// Where a relay goes to.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) server_name: Option<String>,
}

impl Relays {
    pub(crate) const fn new() -> Self {
        Self { running: Mutex::new(None) }
    }

    /// Connects to an endpoint and waits for the driver on the port that is returned.
    ///
    /// # Errors
    /// There is no connection, or TLS is refused.
    pub(crate) fn open(
        &self,
        endpoint: &Endpoint,
        tls: &Tls,
        line: &Arc<Line>,
    ) -> Result<u16, Failure> {
        let config = if endpoint.tls { Some(super::tls::client_config(tls)?) } else { None };
        let target = Target {
            host: endpoint.host.clone(),
            port: endpoint.port,
            tls: config,
            server_name: tls.server_name.clone(),
        };
        let handle = self.handle().map_err(|error| {
            Failure::new(Kind::Connection, format!("no thread for the relay: {error}"))
        })?;
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        let line = line.clone();
        handle.spawn(async move {
            match open(target, line).await {
                Ok((port, relay)) => {
                    let _ = tell.send(Ok(port));
                    relay.await;
                }
                Err(failure) => drop(tell.send(Err(failure))),
            }
        });
        let gone = |_| Err(Failure::new(Kind::Connection, "the relay has ended"));
        told.recv().unwrap_or_else(gone)
    }

    fn handle(&self) -> io::Result<Handle> {
        let mut running = self.running.lock();
        if let Some(running) = &*running {
            return Ok(running.handle.clone());
        }
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::Builder::new().name("oracle-relay".to_string()).spawn(move || {
            // Ends by an error when the sender is dropped.
            let _ = runtime.block_on(stopped);
        })?;
        *running = Some(Running { handle: handle.clone(), _stop: stop });
        Ok(handle)
    }
}

/// A connection to the target, and the relay that serves it once it is awaited.
async fn open(target: Target, line: Arc<Line>) -> Result<(u16, impl Future<Output = ()>), Failure> {
    let server = connect(&target).await?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| local(&error))?;
    let port = listener.local_addr().map_err(|error| local(&error))?.port();
    Ok((port, serve(listener, server, target, line)))
}

/// A socket to the target, in TLS where that is asked for.
async fn connect(target: &Target) -> Result<wire::Server, Failure> {
    let place = (target.host.as_str(), target.port);
    let tcp = match timeout(CONNECT, TcpStream::connect(place)).await {
        Ok(Ok(tcp)) => tcp,
        Ok(Err(error)) => {
            return Err(Failure::new(
                Kind::Connection,
                format!("{}:{}: {error}", place.0, place.1),
            ));
        }
        Err(_) => {
            let text = format!("{}:{} does not answer", place.0, place.1);
            return Err(Failure::new(Kind::Server(12170), text));
        }
    };
    tcp.set_nodelay(true).map_err(|error| local(&error))?;
    encrypt(tcp, target).await
}

/// The socket in TLS, where the target has it.
async fn encrypt(tcp: TcpStream, target: &Target) -> Result<wire::Server, Failure> {
    let Some(config) = &target.tls else { return Ok(wire::Server::Plain(tcp)) };
    let name = target.server_name.as_ref().unwrap_or(&target.host);
    let name = ServerName::try_from(name.clone())
        .map_err(|_| Failure::new(Kind::Tls, format!("{name:?} is no name of a server")))?;
    let connector = tokio_rustls::TlsConnector::from(config.clone());
    match timeout(CONNECT, connector.connect(name, tcp)).await {
        Ok(Ok(stream)) => Ok(wire::Server::Tls(Box::new(stream))),
        Ok(Err(error)) => Err(Failure::new(Kind::Tls, format!("TLS: {error}"))),
        Err(_) => Err(Failure::new(Kind::Tls, "TLS: the server does not answer")),
    }
}

/// Takes the one connection of the driver and relays until either side is done.
fn serve(
    listener: TcpListener,
    server: wire::Server,
    target: Target,
    line: Arc<Line>,
) -> futures::future::BoxFuture<'static, ()> {
    Box::pin(async move {
        let driver = match timeout(ACCEPT, listener.accept()).await {
            Ok(Ok((driver, _))) => driver,
            _ => return line.close("the driver did not come to its relay"),
        };
        drop(listener);
        if driver.set_nodelay(true).is_err() {
            return line.close("the driver's connection broke");
        }
        let until = Instant::now() + line.remaining();
        match wire::establish(driver, server, &target, &line, until).await {
            Ok(wire::Established::Accepted(driver, server)) => {
                let cause = pump::run(driver, server, &line).await;
                line.close(cause);
            }
            // The driver comes again, by another way.
            Ok(wire::Established::Redirected(listener, server, target)) => {
                serve(listener, server, target, line).await;
            }
            Err(cause) => line.close(cause),
        }
    })
}

fn local(error: &io::Error) -> Failure {
    Failure::new(Kind::Connection, format!("on loopback: {error}"))
}
