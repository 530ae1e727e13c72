//! A client in raw frames, without TLS.

use super::super::input;
use super::super::{Encryption, TdsDouble, TdsOptions};
use crate::double::canned::{Answer, Canned};
use crate::double::engine::{ResultColumn, Row};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(super) struct Client {
    pub(super) stream: TcpStream,
}

/// A double without TLS in front of canned answers.
pub(super) async fn double(canned: &Canned) -> TdsDouble {
    let options = TdsOptions { encryption: Encryption::NotSupported, ..TdsOptions::default() };
    TdsDouble::start(Arc::new(canned.clone()), options).await.unwrap()
}

pub(super) fn column(name: &str, native: &str) -> ResultColumn {
    let (name, native) = (name.to_string(), native.to_string());
    ResultColumn { name, native, nullable: true, collation: None }
}

/// An answer without end.
pub(super) fn endless() -> Answer {
    let row = |at: u64| Ok(Some(vec![Some((at % 1000).to_string())]));
    Answer { columns: vec![column("n", "int")], row: Arc::new(row) }
}

pub(super) fn one(native: &str, value: Option<&str>) -> Answer {
    let row: Row = vec![value.map(str::to_string)];
    Answer::rows(vec![column("v", native)], vec![row])
}

impl Client {
    pub(super) async fn connect(double: &TdsDouble) -> Self {
        Self { stream: TcpStream::connect(("127.0.0.1", double.port())).await.unwrap() }
    }

    /// A session of the reader.
    pub(super) async fn login(double: &TdsDouble) -> Self {
        let mut client = Self::connect(double).await;
        let answer = client.hello("reader", "Reader-1-secret", "celosia").await;
        assert!(has(&answer, 0xad), "{answer:?}");
        client
    }

    /// PRELOGIN and LOGIN7; what is answered to the latter.
    pub(super) async fn hello(&mut self, user: &str, password: &str, database: &str) -> Vec<u8> {
        self.send(0x12, &[1, 0, 6, 0, 1, 0xff, 2]).await;
        let answer = self.receive().await.unwrap();
        assert_eq!(answer[5..10], [1, 0, 27, 0, 1], "the place of the encryption");
        assert_eq!(answer[27], 2, "no encryption");
        self.send(0x10, &login7(user, password, database)).await;
        self.receive().await.unwrap()
    }

    pub(super) async fn send(&mut self, kind: u8, body: &[u8]) {
        let length = u16::try_from(body.len() + 8).unwrap().to_be_bytes();
        let header = [kind, 1, length[0], length[1], 0, 0, 1, 0];
        self.stream.write_all(&[&header, body].concat()).await.unwrap();
    }

    pub(super) async fn batch(&mut self, sql: &str) {
        self.send(1, &[&headers(), wide(sql).as_slice()].concat()).await;
    }

    pub(super) async fn ask(&mut self, sql: &str) -> Vec<u8> {
        self.batch(sql).await;
        self.receive().await.unwrap()
    }

    /// The tokens of the next message; `None` where the connection ends.
    pub(super) async fn receive(&mut self) -> Option<Vec<u8>> {
        let message = input::message(&mut self.stream);
        let message = tokio::time::timeout(Duration::from_secs(20), message).await.unwrap();
        message.ok().map(|message| message.body)
    }

    /// Nothing comes and the connection stays open, for a while.
    pub(super) async fn hears_nothing(&mut self) -> bool {
        let mut byte = [0];
        let heard = self.stream.read(&mut byte);
        tokio::time::timeout(Duration::from_millis(50), heard).await.is_err()
    }

    /// The size of the next packet; `None` where the connection ends.
    pub(super) async fn packet(&mut self) -> Option<(bool, usize)> {
        let mut header = [0; 8];
        self.stream.read_exact(&mut header).await.ok()?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        self.stream.read_exact(&mut vec![0; length - 8]).await.ok()?;
        Some((header[1] == 1, length))
    }
}

pub(super) fn headers() -> [u8; 22] {
    let mut headers = [0; 22];
    headers[..10].copy_from_slice(&[22, 0, 0, 0, 18, 0, 0, 0, 2, 0]);
    headers[18] = 1;
    headers
}

pub(super) fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Whether an answer has a token; only for tokens whose byte stands nowhere else in it.
pub(super) fn has(answer: &[u8], token: u8) -> bool {
    answer.contains(&token)
}

/// The status of the DONE that ends an answer.
pub(super) fn status(answer: &[u8]) -> u16 {
    let done = &answer[answer.len() - 13..];
    assert!(matches!(done[0], 0xfd..=0xff), "{answer:?}");
    u16::from_le_bytes([done[1], done[2]])
}

/// The number of the first error of an answer that begins with it.
pub(super) fn error(answer: &[u8]) -> u32 {
    assert_eq!(answer[0], 0xaa, "{answer:?}");
    u32::from_le_bytes([answer[3], answer[4], answer[5], answer[6]])
}

pub(super) fn login7(user: &str, password: &str, database: &str) -> Vec<u8> {
    let hidden = wide(password).iter().map(|byte| byte.rotate_left(4) ^ 0xa5).collect::<Vec<_>>();
    let mut body = vec![0; 94];
    body[4..8].copy_from_slice(&0x7400_0004_u32.to_le_bytes());
    body[8..12].copy_from_slice(&512_u32.to_le_bytes());
    for (entry, text) in [(40, wide(user)), (44, hidden), (48, wide("raw")), (68, wide(database))] {
        let offset = u16::try_from(body.len()).unwrap().to_le_bytes();
        let length = u16::try_from(text.len() / 2).unwrap().to_le_bytes();
        body[entry..entry + 4].copy_from_slice(&[offset, length].concat());
        body.extend(text);
    }
    let length = u32::try_from(body.len()).unwrap().to_le_bytes();
    body[..4].copy_from_slice(&length);
    body
}
