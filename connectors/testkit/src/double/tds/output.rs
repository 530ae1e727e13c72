//! Tokens into packets, with the faults that the double is told to have.

use super::input::{Input, Interrupt};
use super::transport::Transport;
use crate::double::fault::Fault;
use std::io;
use tokio::io::{AsyncWrite, AsyncWriteExt, WriteHalf};

/// The size of packets before a login agrees on another.
pub(super) const PACKET: usize = 4096;
const HEADER: usize = 8;

/// The answers of one connection.
#[derive(Debug)]
pub(super) struct Output<W = WriteHalf<Transport>> {
    stream: W,
    /// The tokens that are not in packets yet.
    pub(super) tokens: Vec<u8>,
    /// The packets that are not written yet.
    wire: Vec<u8>,
    packet: usize,
    number: u8,
    fault: Fault,
    /// Bytes of the answer that were written so far.
    sent: usize,
}

impl<W: AsyncWrite + Unpin> Output<W> {
    /// Answers in packets of a size.
    pub(super) fn new(stream: W, packet: usize) -> Self {
        let (tokens, wire) = (Vec::new(), Vec::new());
        Self { stream, tokens, wire, packet, number: 0, fault: Fault::None, sent: 0 }
    }

    /// From here on this is the answer to a statement, with these faults.
    pub(super) fn begin(&mut self, fault: Fault) {
        (self.fault, self.sent, self.number) = (fault, 0, 0);
    }

    /// Writes the packets that are full.
    ///
    /// # Errors
    /// What happened meanwhile. All that was to be written is, after an attention.
    pub(super) async fn push(&mut self, input: &mut Input) -> Result<(), Interrupt> {
        self.pack(false);
        if self.wire.is_empty() { Ok(()) } else { self.write(input).await }
    }

    /// Writes all tokens and ends the message.
    ///
    /// # Errors
    /// As `push`; the message has ended all the same after an attention.
    pub(super) async fn finish(&mut self, input: &mut Input) -> Result<(), Interrupt> {
        self.pack(true);
        let written = self.write(input).await;
        self.begin(Fault::None);
        if self.stream.flush().await.is_err() { Err(Interrupt::Gone) } else { written }
    }

    /// Writes all tokens as one message, before there is anything to interrupt.
    ///
    /// # Errors
    /// The connection breaks.
    pub(super) async fn send(&mut self) -> io::Result<()> {
        self.pack(true);
        self.stream.write_all(&self.wire).await?;
        self.wire.clear();
        self.number = 0;
        self.stream.flush().await
    }

    /// The size of packets from the next message on.
    pub(super) fn resize(&mut self, packet: usize) {
        self.packet = packet;
    }

    /// Moves tokens into packets: full ones, or all.
    fn pack(&mut self, last: bool) {
        let room = self.packet - HEADER;
        let mut rest = self.tokens.as_slice();
        while rest.len() > room || last {
            let (part, behind) = rest.split_at(room.min(rest.len()));
            rest = behind;
            let end = last && rest.is_empty();
            let length = u16::try_from(part.len() + HEADER).unwrap_or(u16::MAX).to_be_bytes();
            self.number = self.number.wrapping_add(1);
            let status = u8::from(end);
            self.wire.extend([4, status, length[0], length[1], 0, 51, self.number, 0]);
            self.wire.extend_from_slice(part);
            if end {
                break;
            }
        }
        let packed = self.tokens.len() - rest.len();
        self.tokens.drain(..packed);
    }

    /// Writes the packets that wait.
    async fn write(&mut self, input: &mut Input) -> Result<(), Interrupt> {
        let wire = std::mem::take(&mut self.wire);
        let result = match self.fault.clone() {
            Fault::None | Fault::Silent | Fault::Refuse => self.put(&wire, input).await,
            Fault::HalfOpen { after } => {
                let left = wire.len().min(after.saturating_sub(self.sent));
                let mut result = self.put(&wire[..left], input).await;
                if left < wire.len() {
                    // The socket stays open and nothing comes any more, whatever the client sends.
                    if self.stream.flush().await.is_ok() {
                        input.gone().await;
                    }
                    result = Err(Interrupt::Gone);
                }
                result
            }
            Fault::Drop { after } => {
                let left = wire.len().min(after.saturating_sub(self.sent));
                let result = self.put(&wire[..left], input).await;
                let dropped = left < wire.len();
                if dropped { Err(Interrupt::Gone) } else { result }
            }
            Fault::Slow { pause } => {
                let mut result = Ok(());
                for packet in wire.chunks(self.packet) {
                    let paused = tokio::select! {
                        interrupt = input.interrupt() => Err(interrupt),
                        () = tokio::time::sleep(pause) => Ok(()),
                    };
                    result = result.and(paused).and(self.put(packet, input).await);
                    if result == Err(Interrupt::Gone) {
                        break;
                    }
                }
                result
            }
            Fault::Corrupt { at, bytes } => {
                let mut wire = wire.clone();
                for (place, byte) in (at..).zip(&bytes) {
                    let inside = place.checked_sub(self.sent).and_then(|place| wire.get_mut(place));
                    if let Some(place) = inside {
                        *place = *byte;
                    }
                }
                self.put(&wire, input).await
            }
        };
        self.wire = wire;
        self.wire.clear();
        result
    }

    /// Writes bytes while it sees what the client does. After an attention the rest is written too: the
    /// client reads until it finds the answer to it.
    async fn put(&mut self, mut bytes: &[u8], input: &mut Input) -> Result<(), Interrupt> {
        let mut attention = Ok(());
        while !bytes.is_empty() {
            let written = tokio::select! {
                biased;
                written = self.stream.write(bytes) => written,
                interrupt = input.interrupt() => match interrupt {
                    Interrupt::Attention => {
                        attention = Err(Interrupt::Attention);
                        continue;
                    }
                    Interrupt::Gone => return Err(Interrupt::Gone),
                },
            };
            match written {
                Ok(count) if count > 0 => {
                    bytes = &bytes[count..];
                    self.sent += count;
                }
                _ => return Err(Interrupt::Gone),
            }
        }
        attention
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_message_is_cut_into_packets() {
        let mut sent = Vec::new();
        let mut output = Output::new(&mut sent, 12);
        output.tokens.extend(b"abcdefgh");
        output.send().await.unwrap();
        output.resize(20);
        output.tokens.extend(b"ij");
        output.send().await.unwrap();
        let parts = [
            &[4, 0, 0, 12, 0, 51, 1, 0][..],
            b"abcd",
            &[4, 1, 0, 12, 0, 51, 2, 0],
            b"efgh",
            &[4, 1, 0, 10, 0, 51, 1, 0],
            b"ij",
        ];
        assert_eq!(sent, parts.concat());
    }

    #[tokio::test]
    async fn packets_go_out_when_they_are_full() {
        let mut output = Output::new(Vec::new(), 12);
        output.tokens.extend(b"abcd");
        output.pack(false);
        assert!(output.wire.is_empty());
        output.tokens.extend(b"efghi");
        output.pack(false);
        assert_eq!((output.wire.len(), output.tokens.as_slice()), (24, &b"i"[..]));
    }
}
