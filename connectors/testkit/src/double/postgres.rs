//! A client of PostgreSQL's simple protocol, as small as the engines need it: statements as text, values
//! as text, and of each column the type with its modifier and the table column it comes from.
//!
//! Only for a throw-away cluster of [`crate::cluster`]: no password, no TLS.

use bytes::{Buf, BytesMut};
use std::collections::VecDeque;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One connection.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    buffer: BytesMut,
    port: u16,
    /// Process and secret key, by which a statement is cancelled.
    backend: [u8; 8],
    busy: bool,
    rows: VecDeque<Vec<Option<String>>>,
}

/// A column of a result as PostgreSQL describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The table it comes from unchanged, by object id; 0 for an expression.
    pub table: u32,
    /// The number of that table's column.
    pub attribute: i16,
    /// The type, by object id.
    pub type_oid: u32,
    /// The type's modifier, -1 where it has none.
    pub modifier: i32,
}

/// What a statement gives first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Rows follow.
    Columns(Vec<Column>),
    /// The command's tag, such as `INSERT 0 1`.
    Tag(String),
}

/// What went wrong.
#[derive(Debug)]
pub enum Failure {
    /// The server's own error.
    Server {
        /// SQLSTATE.
        state: String,
        /// The message.
        message: String,
        /// The place in the text, in characters from 1.
        position: Option<usize>,
    },
    /// The connection.
    Io(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Io(error)
    }
}

impl Client {
    /// Connects to a cluster on loopback.
    ///
    /// # Errors
    /// The server is not there, or has no such database.
    pub async fn connect(port: u16, database: &str, user: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let buffer = BytesMut::with_capacity(64 << 10);
        let mut client =
            Self { stream, buffer, port, backend: [0; 8], busy: true, rows: VecDeque::new() };
        let mut body = 196_608_u32.to_be_bytes().to_vec();
        let settings = [
            ("user", user),
            ("database", database),
            ("client_encoding", "UTF8"),
            ("DateStyle", "ISO"),
            ("TimeZone", "UTC"),
            ("bytea_output", "hex"),
            ("extra_float_digits", "1"),
            ("client_min_messages", "warning"),
        ];
        for (name, value) in settings {
            body.extend([name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat());
        }
        body.push(0);
        client.stream.write_all(&framed(None, &body)).await?;
        client.finish().await?;
        Ok(client)
    }

    /// Starts a text of one or more statements; of several, the last with rows counts, and rows before
    /// it are lost. May be dropped before it is done; [`Client::cancel`] must follow.
    ///
    /// # Errors
    /// What the server says; the client can be used again, unless the connection is broken.
    pub async fn start(&mut self, sql: &str) -> Result<Answer, Failure> {
        self.finish().await?;
        self.busy = true;
        let body = [sql.as_bytes(), b"\0"].concat();
        self.stream.write_all(&framed(Some(b'Q'), &body)).await?;
        let mut tag = String::new();
        loop {
            let (kind, mut body) = self.message().await?;
            match kind {
                b'T' => return Ok(Answer::Columns(columns(&mut body)?)),
                b'C' => tag = text(&mut body)?,
                b'E' => return Err(self.failed(&mut body).await),
                b'Z' => {
                    self.busy = false;
                    return Ok(Answer::Tag(tag));
                }
                _ => {}
            }
        }
    }

    /// At most `most` rows of what was started; empty at the end. May be dropped like `start`: the rows
    /// already read are kept.
    ///
    /// # Errors
    /// An error in the middle of the rows.
    pub async fn rows(&mut self, most: usize) -> Result<Vec<Vec<Option<String>>>, Failure> {
        while self.busy && self.rows.len() < most {
            let (kind, mut body) = self.message().await?;
            match kind {
                b'D' => self.rows.push_back(row(&mut body)?),
                b'E' => return Err(self.failed(&mut body).await),
                b'Z' => self.busy = false,
                _ => {}
            }
        }
        let count = most.min(self.rows.len());
        Ok(self.rows.drain(..count).collect())
    }

    /// Runs a text and gives all its rows.
    ///
    /// # Errors
    /// As `start` and `rows`.
    pub async fn query(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, Failure> {
        self.start(sql).await?;
        self.rows(usize::MAX).await
    }

    /// Stops what runs and throws away what was not read.
    ///
    /// # Errors
    /// The connection is broken.
    pub async fn cancel(&mut self) -> Result<(), Failure> {
        if self.busy {
            let mut other = TcpStream::connect(("127.0.0.1", self.port)).await?;
            let body = [&80_877_102_u32.to_be_bytes()[..], &self.backend].concat();
            other.write_all(&framed(None, &body)).await?;
            // The server closes when it has signalled.
            let _ = other.read_to_end(&mut Vec::new()).await;
        }
        match self.finish().await {
            Err(Failure::Server { .. }) | Ok(()) => Ok(()),
            broken => broken,
        }
    }

    /// Reads until the server is ready for the next statement.
    async fn finish(&mut self) -> Result<(), Failure> {
        self.rows.clear();
        while self.busy {
            let (kind, mut body) = self.message().await?;
            match kind {
                b'Z' => self.busy = false,
                b'E' => return Err(self.failed(&mut body).await),
                b'K' if body.len() == 8 => self.backend.copy_from_slice(&body),
                b'R' if body.as_ref() != [0; 4] => {
                    return Err(io::Error::other("the cluster asks for a password").into());
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn failed(&mut self, body: &mut BytesMut) -> Failure {
        let failure = failure(body);
        self.rows.clear();
        // A fatal error is followed by the end of the connection instead.
        while self.busy {
            match self.message().await {
                Ok((b'Z', _)) | Err(_) => self.busy = false,
                Ok(_) => {}
            }
        }
        failure
    }

    /// The next message; what has been read of one stays in the buffer where the future is dropped.
    async fn message(&mut self) -> Result<(u8, BytesMut), Failure> {
        loop {
            if let Some(head) = self.buffer.get(..5) {
                let length =
                    usize::try_from(u32::from_be_bytes([head[1], head[2], head[3], head[4]]));
                let length = length.map_err(io::Error::other)?;
                if length < 4 {
                    return Err(io::Error::other("a message shorter than its length").into());
                }
                if self.buffer.len() > length {
                    let kind = head[0];
                    let mut body = self.buffer.split_to(length + 1);
                    body.advance(5);
                    return Ok((kind, body));
                }
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
    }
}

fn framed(kind: Option<u8>, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    kind.into_iter().chain(length.to_be_bytes()).chain(body.iter().copied()).collect()
}

fn columns(body: &mut BytesMut) -> Result<Vec<Column>, Failure> {
    let count = body.try_get_u16().map_err(io::Error::other)?;
    let mut columns = Vec::new();
    for _ in 0..count {
        let name = text(body)?;
        if body.len() < 18 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let (table, attribute, type_oid) = (body.get_u32(), body.get_i16(), body.get_u32());
        body.advance(2);
        let modifier = body.get_i32();
        body.advance(2);
        columns.push(Column { name, table, attribute, type_oid, modifier });
    }
    Ok(columns)
}

fn row(body: &mut BytesMut) -> Result<Vec<Option<String>>, Failure> {
    let count = body.try_get_u16().map_err(io::Error::other)?;
    let mut row = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let length = body.try_get_i32().map_err(io::Error::other)?;
        row.push(match usize::try_from(length) {
            Err(_) => None,
            Ok(length) if length <= body.len() => {
                let bytes = body.split_to(length).to_vec();
                Some(String::from_utf8(bytes).map_err(io::Error::other)?)
            }
            Ok(_) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        });
    }
    Ok(row)
}

fn text(body: &mut BytesMut) -> Result<String, Failure> {
    let end = body.iter().position(|byte| *byte == 0);
    let end = end.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
    let bytes = body.split_to(end).to_vec();
    body.advance(1);
    Ok(String::from_utf8(bytes).map_err(io::Error::other)?)
}

fn failure(body: &mut BytesMut) -> Failure {
    let (mut state, mut message, mut position) = (String::new(), String::new(), None);
    while !body.is_empty() {
        let field = body.get_u8();
        let Ok(value) = text(body) else { break };
        match field {
            b'C' => state = value,
            b'M' => message = value,
            b'P' => position = value.parse().ok(),
            _ => {}
        }
    }
    Failure::Server { state, message, position }
}
