//! Packets, and the conversation up to the moment when the server accepts.

use super::{Target, connect, encrypt};
use crate::descriptor;
use crate::driver::line::{Line, Next};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::client::TlsStream;

pub(super) const MARKER: u8 = 12;
const ACCEPT: u8 = 2;
const REFUSE: u8 = 4;
const REDIRECT: u8 = 5;
const DATA: u8 = 6;
const RESEND: u8 = 11;
/// A RESEND that wants TLS to be agreed on anew.
const RENEGOTIATE: u8 = 0x08;
/// Bytes of a packet before its body.
const HEADER: usize = 8;
/// The longest packet before the server accepts.
const LONGEST: usize = 32 << 10;

/// The server's socket.
pub(super) enum Server {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// How the conversation went.
pub(super) enum Established {
    Accepted(TcpStream, Server),
    Redirected(TcpListener, Server, Target),
}

/// Bytes that have arrived and not yet been passed on.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
}

impl Buffer {
    /// What has arrived.
    pub(super) fn filled(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// The first bytes have been passed on.
    pub(super) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.bytes.len());
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
        }
    }

    /// Reads more; 0 is the end. Nothing is lost where the future is dropped.
    pub(super) async fn read(&mut self, from: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.reserve(READ);
        from.read_buf(&mut self.bytes).await
    }
}

/// Bytes that are read at once.
const READ: usize = 64 << 10;

/// Relays until the server accepts, refuses or redirects.
pub(super) async fn establish(
    mut driver: TcpStream,
    mut server: Server,
    target: &Target,
    line: &Line,
    until: Instant,
) -> Result<Established, &'static str> {
    let (mut up, mut down) = (Buffer::default(), Buffer::default());
    let mut redirect = None;
    loop {
        tokio::select! {
            read = up.read(&mut driver) => {
                if read.unwrap_or(0) == 0 {
                    return Err("the driver gave up");
                }
                server.write_all(up.filled()).await.map_err(|_| BROKE)?;
                server.flush().await.map_err(|_| BROKE)?;
                up.consume(up.filled().len());
            }
            read = down.read(&mut server) => {
                if read.unwrap_or(0) == 0 {
                    return Err(BROKE);
                }
            }
            () = tokio::time::sleep_until(until.into()) => return Err("no answer to a connect"),
            () = line.changed() => if line.next() == Next::Close { return Err("given up") },
        }
        while let Some(length) = packet(down.filled(), false, LONGEST)? {
            let mut bytes = down.filled().get(..length).unwrap_or_default().to_vec();
            down.consume(length);
            let kind = bytes.get(4).copied().unwrap_or_default();
            match kind {
                REDIRECT => redirect = Some(bytes),
                DATA if redirect.is_some() => {
                    let first = redirect.take().unwrap_or_default();
                    return redirected(driver, target, &first, &bytes).await;
                }
                RESEND if bytes.get(5).is_some_and(|flags| flags & RENEGOTIATE != 0) => {
                    server = renegotiated(server, target).await?;
                    if let Some(flags) = bytes.get_mut(5) {
                        *flags &= !RENEGOTIATE;
                    }
                    driver.write_all(&bytes).await.map_err(|_| BROKE)?;
                }
                _ => {
                    driver.write_all(&bytes).await.map_err(|_| BROKE)?;
                    match kind {
                        ACCEPT if down.filled().is_empty() => {
                            return Ok(Established::Accepted(driver, server));
                        }
                        ACCEPT => return Err("the server sent more than it was asked for"),
                        REFUSE => {
                            // The driver reads why, and closes.
                            let _ = up.read(&mut driver).await;
                            return Err("the listener refused");
                        }
                        _ => {}
                    }
                }
            }
        }
    }
}

const BROKE: &str = "the connection broke";

/// The length of the first packet, where it has wholly arrived.
pub(super) fn packet(
    bytes: &[u8],
    wide: bool,
    longest: usize,
) -> Result<Option<usize>, &'static str> {
    let Some(head) = bytes.first_chunk::<4>() else { return Ok(None) };
    let length = if wide {
        usize::try_from(u32::from_be_bytes(*head)).unwrap_or(usize::MAX)
    } else {
        usize::from(u16::from_be_bytes([head[0], head[1]]))
    };
    if !(HEADER..=longest).contains(&length) {
        return Err("a packet of impossible length");
    }
    Ok((bytes.len() >= length).then_some(length))
}

/// The listener sends its client elsewhere: the way there leads through a relay, too.
async fn redirected(
    mut driver: TcpStream,
    target: &Target,
    redirect: &[u8],
    data: &[u8],
) -> Result<Established, &'static str> {
    const UNREADABLE: &str = "a redirect that cannot be read";
    let text = data.get(HEADER + 2..).ok_or(UNREADABLE)?;
    let text = std::str::from_utf8(text).map_err(|_| UNREADABLE)?;
    let (address, rest) = text.split_once('\0').ok_or(UNREADABLE)?;
    let (host, port, tls) = descriptor::redirect(address).ok_or(UNREADABLE)?;
    if tls != target.tls.is_some() {
        return Err("a redirect to a listener with another protocol");
    }
    let next = Target { host, port, ..target.clone() };
    let server = connect(&next).await.map_err(|_| "a redirect to a listener that is not there")?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|_| BROKE)?;
    let port = listener.local_addr().map_err(|_| BROKE)?.port();
    let text = format!("(ADDRESS=(PROTOCOL=tcp)(HOST=127.0.0.1)(PORT={port}))\0{rest}");
    let length = u16::try_from(text.len()).map_err(|_| UNREADABLE)?;
    let mut first = redirect.get(..HEADER).ok_or(UNREADABLE)?.to_vec();
    first.extend(length.to_be_bytes());
    let whole = u16::try_from(first.len()).map_err(|_| UNREADABLE)?;
    first.splice(..2, whole.to_be_bytes());
    let mut second = data.get(..HEADER + 2).ok_or(UNREADABLE)?.to_vec();
    second.extend(text.as_bytes());
    let whole = u16::try_from(second.len()).map_err(|_| UNREADABLE)?;
    second.splice(..2, whole.to_be_bytes());
    driver.write_all(&first).await.map_err(|_| BROKE)?;
    driver.write_all(&second).await.map_err(|_| BROKE)?;
    Ok(Established::Redirected(listener, server, next))
}

async fn renegotiated(server: Server, target: &Target) -> Result<Server, &'static str> {
    match server {
        Server::Plain(_) => Err("a listener without TLS asks for it"),
        Server::Tls(stream) => {
            let (tcp, _) = stream.into_inner();
            encrypt(tcp, target).await.map_err(|_| "TLS could not be agreed on anew")
        }
    }
}

impl AsyncRead for Server {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Server {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_of_impossible_length_are_refused() {
        let narrow = |bytes: &[u8]| packet(bytes, false, LONGEST);
        assert_eq!(narrow(&[0, 9, 0]), Ok(None));
        assert_eq!(narrow(&[0, 9, 0, 0, 6, 0, 0, 0]), Ok(None));
        assert_eq!(narrow(&[0, 9, 0, 0, 6, 0, 0, 0, 1, 2]), Ok(Some(9)));
        assert!(narrow(&[0, 7, 0, 0]).is_err() && narrow(&[0xff, 0xff, 0, 0]).is_err());
        assert!(packet(&[0x7f, 0, 0, 0], true, LONGEST).is_err());
        assert_eq!(packet(&[0, 0, 0, 8, 6, 0, 0, 0], true, LONGEST), Ok(Some(8)));
    }

    #[test]
    fn a_buffer_keeps_what_is_not_consumed() {
        let mut buffer = Buffer { bytes: vec![1, 2, 3], start: 0 };
        buffer.consume(2);
        assert_eq!(buffer.filled(), [3]);
        buffer.consume(9);
        assert!(buffer.filled().is_empty());
    }
}
