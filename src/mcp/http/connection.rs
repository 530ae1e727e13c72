//! Connections: bounded in number, without Nagle's delay, and closed when a client dawdles.
//!
//! The server that axum brings waits for a request's head for ever. Here a connection has a while to
//! begin a request and a shorter while to finish its head; a request that is being answered is not
//! limited (a long query is silent for as long as it runs).

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use parking_lot::Mutex;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

/// How long a connection may do nothing, and how long a request's head may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) idle: Duration,
    pub(super) head: Duration,
}

/// A listener for a bounded number of connections; the others wait in the kernel's queue.
pub(super) struct BoundedListener {
    listener: TcpListener,
    slots: Arc<Semaphore>,
    patience: Patience,
}

impl BoundedListener {
    pub(super) fn new(listener: TcpListener, connections: usize, patience: Patience) -> Self {
        let slots = Arc::new(Semaphore::new(connections.clamp(1, Semaphore::MAX_PERMITS)));
        Self { listener, slots, patience }
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
                    return (Connection::new(stream, self.patience, slot), address);
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

/// Requests of one connection, as its middleware counts them.
#[derive(Debug, Clone, Default)]
pub(super) struct Activity(Arc<Mutex<Counts>>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    running: u32,
    started: u64,
}

impl Activity {
    /// Counts a request until the guard is dropped.
    pub(super) fn begin(&self) -> Busy {
        let mut counts = self.0.lock();
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
        self.0.0.lock().running -= 1;
    }
}

/// A connection that closes when its client keeps the server waiting.
pub(super) struct Connection {
    stream: TcpStream,
    activity: Activity,
    patience: Patience,
    alarm: Pin<Box<Sleep>>,
    /// Requests that had started when the alarm was set; `None` while one runs.
    armed: Option<u64>,
    head_begun: bool,
    _slot: Option<OwnedSemaphorePermit>,
}

impl Connection {
    fn new(stream: TcpStream, patience: Patience, slot: Option<OwnedSemaphorePermit>) -> Self {
        Self {
            stream,
            activity: Activity::default(),
            patience,
            alarm: Box::pin(tokio::time::sleep(patience.idle)),
            armed: None,
            head_begun: false,
            _slot: slot,
        }
    }

    /// Sets the alarm when the connection has become idle; `false` while a request runs.
    fn waiting(&mut self) -> bool {
        let counts = *self.activity.0.lock();
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
        let filled = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
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
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
