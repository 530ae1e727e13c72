//! Packets of a client into messages, read by a task of its own so that an attention is seen while rows
//! are sent.

use super::transport::Transport;
use std::collections::VecDeque;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, ReadHalf};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// The kinds of message that a client sends.
pub(super) mod kind {
    pub(in super::super) const BATCH: u8 = 1;
    pub(in super::super) const PROCEDURE: u8 = 3;
    pub(in super::super) const ATTENTION: u8 = 6;
    pub(in super::super) const TRANSACTION: u8 = 14;
    pub(in super::super) const LOGIN: u8 = 16;
    pub(in super::super) const PRELOGIN: u8 = 18;
}

/// The most bytes of one message.
const MOST: usize = 16 << 20;
/// Messages that wait while a statement runs: a client that sends more breaks the protocol.
const WAITING: usize = 8;

/// One whole message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) kind: u8,
    /// The client asks for a session as after a login.
    pub(super) reset: bool,
    /// The client takes back what it had begun to send.
    pub(super) ignored: bool,
    pub(super) body: Vec<u8>,
}

/// What ends a statement before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interrupt {
    /// The client wants no more of it.
    Attention,
    /// The client has gone, or speaks no TDS, or the double stops.
    Gone,
}

/// Reads one message.
///
/// # Errors
/// The stream ends or breaks, or what it brings is no message of a size that is accepted.
pub(super) async fn message(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Message> {
    let (mut body, mut reset) = (Vec::new(), false);
    loop {
        let mut header = [0; 8];
        stream.read_exact(&mut header).await?;
        let [kind, status, high, low, ..] = header;
        let length = usize::from(u16::from_be_bytes([high, low])).checked_sub(8);
        let length = length.ok_or(io::ErrorKind::InvalidData)?;
        if body.len() + length > MOST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let start = body.len();
        body.resize(start + length, 0);
        stream.read_exact(&mut body[start..]).await?;
        reset |= status & 0x18 != 0;
        if status & 1 != 0 || kind == kind::ATTENTION {
            return Ok(Message { kind, reset, ignored: status & 2 != 0, body });
        }
    }
}

/// The messages of a client that is logged in.
#[derive(Debug)]
pub(super) struct Input {
    messages: mpsc::Receiver<Message>,
    waiting: VecDeque<Message>,
    reader: JoinHandle<()>,
}

impl Input {
    /// Begins to read; until the client goes, or the double stops.
    pub(super) fn start(mut stream: ReadHalf<Transport>, mut stop: watch::Receiver<bool>) -> Self {
        let (sender, messages) = mpsc::channel(2);
        let reader = tokio::spawn(async move {
            let read = async {
                while let Ok(message) = message(&mut stream).await {
                    if sender.send(message).await.is_err() {
                        break;
                    }
                }
            };
            tokio::select! {
                () = read => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        });
        Self { messages, waiting: VecDeque::new(), reader }
    }

    /// The next message; `None` where no more will come.
    pub(super) async fn next(&mut self) -> Option<Message> {
        match self.waiting.pop_front() {
            Some(message) => Some(message),
            None => self.messages.recv().await,
        }
    }

    /// Waits for what ends a statement. May be dropped at any time.
    pub(super) async fn interrupt(&mut self) -> Interrupt {
        loop {
            match self.messages.recv().await {
                Some(Message { kind: kind::ATTENTION, .. }) => return Interrupt::Attention,
                Some(message) if self.waiting.len() < WAITING => self.waiting.push_back(message),
                _ => return Interrupt::Gone,
            }
        }
    }

    /// Waits until no more messages will come.
    pub(super) async fn gone(&mut self) {
        while self.messages.recv().await.is_some() {}
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(kind: u8, status: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len() + 8).unwrap().to_be_bytes();
        [&[kind, status, length[0], length[1], 0, 0, 0, 0], body].concat()
    }

    #[tokio::test]
    async fn packets_become_one_message() {
        let parts =
            [packet(1, 0x08, b"ab"), packet(1, 1, b"c"), packet(6, 1, b""), packet(3, 3, b"")];
        let bytes = parts.concat();
        let mut stream = bytes.as_slice();
        let mut next = async || message(&mut stream).await;
        let one = next().await.unwrap();
        assert_eq!((one.kind, one.reset, one.ignored, one.body), (1, true, false, b"abc".to_vec()));
        let one = next().await.unwrap();
        assert_eq!((one.kind, one.reset, one.ignored), (6, false, false));
        assert!(next().await.unwrap().ignored);
        assert!(next().await.is_err());
    }

    #[tokio::test]
    async fn lengths_that_lie_are_errors() {
        assert!(message(&mut [1, 1, 0, 7, 0, 0, 0, 0].as_slice()).await.is_err());
        assert!(message(&mut [1, 1, 0, 20, 0, 0, 0, 0, 1].as_slice()).await.is_err());
        let endless = packet(1, 0, &[0; 60_000]).repeat(300);
        let error = message(&mut endless.as_slice()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
