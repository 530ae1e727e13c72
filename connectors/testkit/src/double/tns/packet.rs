//! Packets of Oracle Net: how they are cut from the stream and put on it, and what a faulty double does
//! to an answer on its way out.

use crate::double::fault::{Fault, Faults};
use bytes::{Buf, Bytes, BytesMut};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};

/// What a connection runs over: TCP, or TLS on it.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

pub(super) const CONNECT: u8 = 1;
pub(super) const ACCEPT: u8 = 2;
pub(super) const REFUSE: u8 = 4;
pub(super) const REDIRECT: u8 = 5;
pub(super) const DATA: u8 = 6;
pub(super) const MARKER: u8 = 12;

/// Kinds of markers.
pub(super) const BREAK: u8 = 1;
pub(super) const RESET: u8 = 2;
pub(super) const INTERRUPT: u8 = 3;

/// The client says goodbye.
pub(super) const FLAG_EOF: u16 = 0x0040;
/// The last packet of an answer, where the client knows of it.
const FLAG_END: u16 = 0x2000;
/// The message that ends an answer, likewise.
const END_OF_RESPONSE: u8 = 29;

/// The largest packet either side may send.
const LARGEST: usize = 2 << 20;
/// Bytes of an answer that are gathered before they are written.
const GATHERED: usize = 64 << 10;

/// What the client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Packet {
    /// The first packet.
    Connect(Bytes),
    /// A part of a message.
    Data {
        /// The data flags.
        flags: u16,
        /// The part.
        body: Bytes,
    },
    /// A break or a reset.
    Marker(u8),
    /// Something else.
    Other(u8),
}

/// Reads packets.
pub(super) struct Incoming {
    stream: ReadHalf<Box<dyn Stream>>,
    buffer: BytesMut,
    long: bool,
}

impl Incoming {
    pub(super) fn new(stream: ReadHalf<Box<dyn Stream>>) -> Self {
        Self { stream, buffer: BytesMut::new(), long: false }
    }

    /// Lengths have 32 bits from now on.
    pub(super) fn lengthen(&mut self) {
        self.long = true;
    }

    /// The next packet. May be dropped: what was read stays for the next call.
    pub(super) async fn packet(&mut self) -> io::Result<Packet> {
        loop {
            if let Some(packet) = self.cut()? {
                return Ok(packet);
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn cut(&mut self) -> io::Result<Option<Packet>> {
        let Some(head) = self.buffer.get(..8) else { return Ok(None) };
        let length = if self.long {
            u32::from_be_bytes([head[0], head[1], head[2], head[3]])
        } else {
            u32::from(u16::from_be_bytes([head[0], head[1]]))
        };
        let length = usize::try_from(length).map_err(io::Error::other)?;
        let kind = head[4];
        if !(8..=LARGEST).contains(&length) {
            return Err(io::Error::other("a packet's length"));
        }
        if self.buffer.len() < length {
            self.buffer.reserve(length - self.buffer.len());
            return Ok(None);
        }
        let mut body = self.buffer.split_to(length).freeze();
        body.advance(8);
        Ok(Some(match kind {
            CONNECT => Packet::Connect(body),
            DATA if body.len() >= 2 => Packet::Data { flags: body.get_u16(), body },
            MARKER if body.len() >= 3 => Packet::Marker(body[2]),
            other => Packet::Other(other),
        }))
    }
}

/// Writes packets.
pub(super) struct Outgoing {
    stream: WriteHalf<Box<dyn Stream>>,
    long: bool,
    sdu: usize,
    /// Answers end with a message and a flag of their own.
    marks_end: bool,
    faults: Faults,
    /// The answer that is being sent is that of a statement: faults apply.
    statement: bool,
    /// Bytes sent of the statement's answers so far.
    sent: usize,
    /// Nothing is sent any more.
    stalled: bool,
}

impl Outgoing {
    pub(super) fn new(stream: WriteHalf<Box<dyn Stream>>, faults: Faults) -> Self {
        Self {
            stream,
            long: false,
            sdu: 8192,
            marks_end: false,
            faults,
            statement: false,
            sent: 0,
            stalled: false,
        }
    }

    /// What the two sides have agreed on.
    pub(super) fn agree(&mut self, sdu: usize, marks_end: bool) {
        (self.long, self.sdu, self.marks_end) = (true, sdu, marks_end);
    }

    /// A statement begins: faults count from here.
    pub(super) fn begin_statement(&mut self) {
        self.sent = 0;
    }

    /// Whether what follows is of a statement's answer.
    pub(super) fn of_statement(&mut self, yes: bool) {
        self.statement = yes;
    }

    /// Sends a packet that is no data.
    pub(super) async fn packet(&mut self, kind: u8, body: &[u8]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(body.len() + 8);
        self.head(&mut bytes, kind, body.len() + 8);
        bytes.extend_from_slice(body);
        let statement = std::mem::take(&mut self.statement);
        self.write(&mut bytes).await?;
        self.statement = statement;
        self.stream.flush().await
    }

    /// Sends a marker.
    pub(super) async fn marker(&mut self, kind: u8) -> io::Result<()> {
        self.packet(MARKER, &[1, 0, kind]).await
    }

    /// Sends what has been gathered of an answer, if it is enough, and takes it off `body`. True where
    /// something was sent.
    pub(super) async fn part(&mut self, body: &mut Vec<u8>) -> io::Result<bool> {
        let slow = matches!(self.faults.now(), Fault::Slow { .. });
        let full = body.len() / self.room() * self.room();
        if full == 0 || (body.len() < GATHERED && !slow) {
            return Ok(false);
        }
        let rest = body.split_off(full);
        self.data(body, false).await?;
        *body = rest;
        Ok(true)
    }

    /// Sends the end of an answer.
    pub(super) async fn last(&mut self, mut body: Vec<u8>) -> io::Result<()> {
        if self.marks_end {
            body.push(END_OF_RESPONSE);
        }
        self.data(&body, true).await?;
        self.stream.flush().await
    }

    /// Sends an answer that never has an end of its own.
    pub(super) async fn unmarked(&mut self, body: Vec<u8>) -> io::Result<()> {
        let marks_end = std::mem::replace(&mut self.marks_end, false);
        let sent = self.last(body).await;
        self.marks_end = marks_end;
        sent
    }

    fn room(&self) -> usize {
        self.sdu.saturating_sub(10).max(1)
    }

    async fn data(&mut self, body: &[u8], last: bool) -> io::Result<()> {
        let pause = match self.faults.now() {
            Fault::Slow { pause } if self.statement => Some(pause),
            _ => None,
        };
        let room = self.room();
        let count = body.len().div_ceil(room);
        let mut bytes = Vec::with_capacity(body.len() + count * 10);
        for (number, part) in body.chunks(room).enumerate() {
            let end = last && number + 1 == count && self.marks_end;
            self.head(&mut bytes, DATA, part.len() + 10);
            bytes.extend_from_slice(&if end { FLAG_END } else { 0 }.to_be_bytes());
            bytes.extend_from_slice(part);
            if let Some(pause) = pause {
                tokio::time::sleep(pause).await;
                self.write(&mut bytes).await?;
                self.stream.flush().await?;
                bytes.clear();
            }
        }
        self.write(&mut bytes).await
    }

    fn head(&self, bytes: &mut Vec<u8>, kind: u8, length: usize) {
        // The SDU bounds every length.
        let length = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
        if self.long {
            bytes.extend_from_slice(&length);
        } else {
            bytes.extend_from_slice(&[length[2], length[3], 0, 0]);
        }
        bytes.extend_from_slice(&[kind, 0, 0, 0]);
    }

    async fn write(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        if self.stalled {
            return Ok(());
        }
        if !self.statement {
            return self.stream.write_all(bytes).await;
        }
        let from = self.sent;
        self.sent += bytes.len();
        match self.faults.now() {
            Fault::HalfOpen { after } if self.sent > after => {
                self.stalled = true;
                self.stream.write_all(&bytes[..after.saturating_sub(from)]).await?;
                self.stream.flush().await
            }
            Fault::Drop { after } if self.sent > after => {
                self.stream.write_all(&bytes[..after.saturating_sub(from)]).await?;
                self.stream.flush().await?;
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            Fault::Corrupt { at, bytes: lies } => {
                for (place, lie) in (at..).zip(lies) {
                    if let Some(byte) = place.checked_sub(from).and_then(|at| bytes.get_mut(at)) {
                        *byte = lie;
                    }
                }
                self.stream.write_all(bytes).await
            }
            _ => self.stream.write_all(bytes).await,
        }
    }
}
