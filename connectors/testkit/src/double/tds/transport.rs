//! The bytes under the packets: a socket, TLS in it, or TLS whose handshake is wrapped in packets.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A connection's stream.
pub(super) enum Transport {
    /// Without TLS.
    Plain(TcpStream),
    /// In TLS.
    Tls(Box<TlsStream<Wrapped>>),
}

impl Transport {
    /// TLS first, before any packet: TDS 8.0.
    ///
    /// # Errors
    /// The handshake fails.
    pub(super) async fn strict(stream: TcpStream, acceptor: &TlsAcceptor) -> io::Result<Self> {
        Ok(Transport::Tls(Box::new(acceptor.accept(Wrapped::new(stream, false)).await?)))
    }

    /// TLS whose handshake is in PRELOGIN packets: TDS 7.
    ///
    /// # Errors
    /// The handshake fails.
    pub(super) async fn in_packets(self, acceptor: &TlsAcceptor) -> io::Result<Self> {
        let Transport::Plain(stream) = self else { return Ok(self) };
        let mut tls = acceptor.accept(Wrapped::new(stream, true)).await?;
        tls.get_mut().0.handshake = false;
        Ok(Transport::Tls(Box::new(tls)))
    }

    /// The stream without TLS from here on, where only the login is encrypted.
    pub(super) fn unencrypted(self) -> Self {
        match self {
            Transport::Tls(tls) => Transport::Plain(tls.into_inner().0.stream),
            plain @ Transport::Plain(_) => plain,
        }
    }

    /// The stream is in TLS.
    pub(super) fn encrypted(&self) -> bool {
        matches!(self, Transport::Tls(_))
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Transport::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Transport::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Transport::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Transport::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Transport::Plain(stream) => Pin::new(stream).poll_flush(context),
            Transport::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Transport::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Transport::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

/// A socket that puts what goes through it in PRELOGIN packets while the handshake lasts.
#[derive(Debug)]
pub(super) struct Wrapped {
    stream: TcpStream,
    handshake: bool,
    /// The header of the packet that is being read, and how much of it is here.
    header: [u8; HEADER],
    header_read: usize,
    /// What is not read yet of the packet's body.
    body: usize,
    /// What goes out, behind place for a header; written when it is flushed.
    out: Vec<u8>,
    written: usize,
}

const HEADER: usize = 8;
/// The most that a handshake's flight may have before it is flushed.
const FLIGHT: usize = 16 << 10;

impl Wrapped {
    fn new(stream: TcpStream, handshake: bool) -> Self {
        let (header, out) = ([0; HEADER], vec![0; HEADER]);
        Self { stream, handshake, header, header_read: 0, body: 0, out, written: 0 }
    }

    /// Reads up to the body of a packet; `false` at the end of the stream.
    fn poll_header(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        while self.body == 0 {
            let mut rest = ReadBuf::new(&mut self.header[self.header_read..]);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut rest))?;
            match rest.filled().len() {
                0 => return Poll::Ready(Ok(false)),
                count => self.header_read += count,
            }
            if self.header_read == HEADER {
                let length = usize::from(u16::from_be_bytes([self.header[2], self.header[3]]));
                if self.header[0] != 0x12 || length < HEADER {
                    return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
                }
                (self.body, self.header_read) = (length - HEADER, 0);
            }
        }
        Poll::Ready(Ok(true))
    }

    /// Writes what waits as one packet.
    fn poll_packet(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.out.len() > HEADER {
            let length = u16::try_from(self.out.len()).unwrap_or(u16::MAX).to_be_bytes();
            self.out[..HEADER].copy_from_slice(&[0x12, 1, length[0], length[1], 0, 0, 1, 0]);
            while self.written < self.out.len() {
                let rest = &self.out[self.written..];
                match ready!(Pin::new(&mut self.stream).poll_write(context, rest))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    count => self.written += count,
                }
            }
            self.out.truncate(HEADER);
            self.written = 0;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Wrapped {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.handshake && this.body == 0 {
            return Pin::new(&mut this.stream).poll_read(context, buffer);
        }
        if !ready!(this.poll_header(context))? {
            return Poll::Ready(Ok(()));
        }
        let most = this.body.min(buffer.remaining());
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(most));
        ready!(Pin::new(&mut this.stream).poll_read(context, &mut part))?;
        let count = part.filled().len();
        buffer.advance(count);
        this.body -= count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wrapped {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if !this.handshake {
            return Pin::new(&mut this.stream).poll_write(context, bytes);
        }
        if this.out.len() >= FLIGHT || this.written > 0 {
            ready!(this.poll_packet(context))?;
        }
        let most = bytes.len().min(FLIGHT);
        this.out.extend_from_slice(&bytes[..most]);
        Poll::Ready(Ok(most))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_packet(context))?;
        Pin::new(&mut this.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
