//! Connections: bounded in number, without Nagle's delay, and closed when a client dawdles.
//!
//! The server that axum brings waits for a request's head for ever. Here a connection has a while to
//! begin a request and a shorter while to finish its head; a request that is being answered is not
//! limited (a long query is silent for as long as it runs). A client that does not take its answer is given up after a while, and
//! with it what is kept for it: the answer, its place, the connection.
//!
//! A connection with TLS shakes hands where it is first read, not where it is accepted: one that dawdles there keeps
//! nobody waiting, and has as long as a head may take.

use super::tls::Tls;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use parking_lot::Mutex;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};
use tokio_rustls::Accept;
use tokio_rustls::server::TlsStream;

/// How long a connection may do nothing, how long a request's head may take, and how long a part of an answer may
/// wait for its client to take it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) idle: Duration,
    pub(super) head: Duration,
    pub(super) write: Duration,
}

/// A listener for a bounded number of connections; the others wait in the kernel's queue.
pub(super) struct BoundedListener {
    listener: TcpListener,
    slots: Arc<Semaphore>,
    patience: Patience,
    tls: Option<Tls>,
}

impl BoundedListener {
    pub(super) fn new(
        listener: TcpListener,
        connections: usize,
        patience: Patience,
        tls: Option<Tls>,
    ) -> Self {
        let slots = Arc::new(Semaphore::new(connections.clamp(1, Semaphore::MAX_PERMITS)));
        Self { listener, slots, patience, tls }
    }
}

impl Listener for BoundedListener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let slot = self.slots.clone().acquire_owned().await.ok();
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "TCP_NODELAY cannot be set");
                    }
                    let wire = match &self.tls {
                        Some(tls) => Wire::Greeting(Box::new(tls.acceptor().accept(stream))),
                        None => Wire::Plain(stream),
                    };
                    let connection = Connection::new(wire, address.ip(), self.patience, slot);
                    return (connection, address);
                }
                Err(error) => {
                    // Out of file descriptors, most likely: others must close first.
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// One connection: the requests on it, as its middleware counts them, and who is at its other end.
#[derive(Debug, Clone)]
pub(super) struct Activity {
    counts: Arc<Mutex<Counts>>,
    address: IpAddr,
    /// The client's certificate, once TLS has verified it.
    certificate: Arc<OnceLock<Vec<u8>>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    running: u32,
    started: u64,
}

impl Activity {
    fn new(address: IpAddr) -> Self {
        Self { counts: Arc::default(), address, certificate: Arc::default() }
    }

    /// The address at the other end.
    pub(super) fn address(&self) -> IpAddr {
        self.address
    }

    /// The certificate that the client has shown and TLS has verified.
    pub(super) fn certificate(&self) -> Option<&[u8]> {
        self.certificate.get().map(Vec::as_slice)
    }

    /// Counts a request until the guard is dropped.
    pub(super) fn begin(&self) -> Busy {
        let mut counts = self.counts.lock();
        counts.running += 1;
        counts.started += 1;
        Busy(self.clone())
    }
}

impl Connected<IncomingStream<'_, BoundedListener>> for Activity {
    fn connect_info(stream: IncomingStream<'_, BoundedListener>) -> Self {
        stream.io().activity.clone()
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Busy(Activity);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.counts.lock().running -= 1;
    }
}

/// What bytes go over.
enum Wire {
    Plain(TcpStream),
    Greeting(Box<Accept<TcpStream>>),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection that closes when its client keeps the server waiting.
pub(super) struct Connection {
    wire: Wire,
    activity: Activity,
    patience: Patience,
    alarm: Pin<Box<Sleep>>,
    /// Requests that had started when the alarm was set; `None` while one runs.
    armed: Option<u64>,
    head_begun: bool,
    /// Set while something waits to be taken.
    stalled: Option<Pin<Box<Sleep>>>,
    _slot: Option<OwnedSemaphorePermit>,
}

impl Connection {
    fn new(
        wire: Wire,
        address: IpAddr,
        patience: Patience,
        slot: Option<OwnedSemaphorePermit>,
    ) -> Self {
        let first = match wire {
            Wire::Greeting(_) => patience.head,
            _ => patience.idle,
        };
        Self {
            wire,
            activity: Activity::new(address),
            patience,
            alarm: Box::pin(tokio::time::sleep(first)),
            armed: None,
            head_begun: false,
            stalled: None,
            _slot: slot,
        }
    }

    /// Shakes hands, where that is still to be done.
    fn poll_greet(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Wire::Greeting(accept) = &mut self.wire else { return Poll::Ready(Ok(())) };
        match Pin::new(accept).poll(context) {
            Poll::Ready(Ok(stream)) => {
                let shown = stream.get_ref().1.peer_certificates();
                if let Some(leaf) = shown.and_then(|chain| chain.first()) {
                    let _ = self.activity.certificate.set(leaf.to_vec());
                }
                self.wire = Wire::Tls(Box::new(stream));
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => {
                tracing::debug!(%error, "a TLS handshake failed");
                Poll::Ready(Err(error))
            }
            Poll::Pending if self.alarm.as_mut().poll(context).is_ready() => {
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// What came of writing, or an error where it has been waiting for too long. It waits from the first time that
    /// nothing more is taken until all is.
    fn patient<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            return written;
        }
        let patience = self.patience.write;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        match stalled.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Sets the alarm when the connection has become idle; `false` while a request runs.
    fn waiting(&mut self) -> bool {
        let counts = *self.activity.counts.lock();
        if counts.running > 0 {
            self.armed = None;
            return false;
        }
        if self.armed != Some(counts.started) {
            self.armed = Some(counts.started);
            self.head_begun = false;
            self.alarm.as_mut().reset(Instant::now() + self.patience.idle);
        }
        true
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.poll_greet(context) {
            Poll::Ready(Ok(())) => {}
            other => return other,
        }
        let filled = buffer.filled().len();
        let read = match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Wire::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
            Wire::Greeting(_) => Poll::Pending,
        };
        if !self.waiting() {
            return read;
        }
        if read.is_pending() {
            let late = self.alarm.as_mut().poll(context).is_ready();
            return if late { Poll::Ready(Err(io::ErrorKind::TimedOut.into())) } else { read };
        }
        if !self.head_begun && buffer.filled().len() > filled {
            self.head_begun = true;
            let deadline = Instant::now() + self.patience.head;
            self.alarm.as_mut().reset(deadline);
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Wire::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
            Wire::Greeting(_) => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        };
        self.patient(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Wire::Tls(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Wire::Greeting(_) => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        };
        self.patient(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.wire {
            Wire::Plain(stream) => stream.is_write_vectored(),
            Wire::Tls(stream) => stream.is_write_vectored(),
            Wire::Greeting(_) => false,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_flush(context),
            Wire::Tls(stream) => Pin::new(stream).poll_flush(context),
            Wire::Greeting(_) => Poll::Ready(Ok(())),
        };
        if flushed.is_ready() {
            self.stalled = None;
        }
        self.patient(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Wire::Tls(stream) => Pin::new(stream).poll_shutdown(context),
            Wire::Greeting(_) => Poll::Ready(Ok(())),
        }
    }
}
