//! HTTP by hand: what a client may send is more than what a library would let it.

use super::PATIENCE;
use serde_json::Value as Json;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

/// A request, as bytes that are sent as they are.
#[derive(Debug, Clone)]
pub struct Request {
    method: &'static str,
    path: &'static str,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// A POST to `/mcp` with the headers that every client sends.
    pub fn post(body: impl Into<Vec<u8>>) -> Self {
        let headers = [
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
            ("Connection", "close"),
        ];
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_string())).into();
        Self { method: "POST", path: "/mcp", headers, body: body.into() }
    }

    /// The same request for another path.
    pub fn to(self, path: &'static str) -> Self {
        Self { path, ..self }
    }

    pub fn get(path: &'static str) -> Self {
        Self { method: "GET", path, ..Self::post("") }
    }

    /// The same request with one more header, or another value of one.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        if !value.is_empty() {
            self.headers.push((name.to_string(), value.to_string()));
        }
        self
    }

    pub fn bearer(self, key: &str) -> Self {
        self.header("Authorization", &format!("Bearer {key}"))
    }

    /// Sends the request and leaves the connection open.
    pub fn open(&self, address: SocketAddr) -> TcpStream {
        self.try_open(address).unwrap()
    }

    fn try_open(&self, address: SocketAddr) -> std::io::Result<TcpStream> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push_str(&format!("Host: {address}\r\n"));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", self.body.len()));
        stream.write_all(head.as_bytes())?;
        stream.write_all(&self.body)?;
        Ok(stream)
    }

    /// The reply, if it comes whole: the server may go away meanwhile.
    pub fn try_send(&self, address: SocketAddr) -> Option<Reply> {
        let mut bytes = Vec::new();
        self.try_open(address).ok()?.read_to_end(&mut bytes).ok()?;
        bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let reply = Reply::parse(&bytes);
        let length: usize = reply.header("content-length")?.parse().ok()?;
        (reply.body.len() == length).then_some(reply)
    }

    /// Sends the request and reads the whole reply.
    pub fn send(&self, address: SocketAddr) -> Reply {
        self.send_and_see(address, &[], || {})
    }

    /// The same, and does something each time that the next of these texts has come.
    pub fn send_and_see(&self, address: SocketAddr, texts: &[&str], then: impl Fn()) -> Reply {
        let (mut stream, mut bytes) = (self.open(address), Vec::new());
        for text in texts {
            read_until(&mut stream, &mut bytes, text);
            then();
        }
        stream.read_to_end(&mut bytes).expect("a reply that ends");
        Reply::parse(&bytes)
    }
}

/// A reply.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    head: String,
    pub body: Vec<u8>,
}

impl Reply {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut reply = Self { status, head, body: bytes[end + 4..].to_vec() };
        if reply.header("transfer-encoding") == Some("chunked") {
            reply.body = joined(&reply.body);
        }
        reply
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// The message of the body, which is JSON.
    pub fn json(&self) -> Json {
        assert_eq!(self.header("content-type"), Some("application/json"), "{}", self.head);
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Every message of the body: of a stream of events, or the only one.
    pub fn messages(&self) -> Vec<Json> {
        match self.header("content-type") {
            Some("text/event-stream") => {
                let text = self.text();
                let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
                data.map(|message| serde_json::from_str(message).unwrap()).collect()
            }
            _ => vec![self.json()],
        }
    }
}

/// The status and the text of what comes back for these bytes, after which nothing more is written; 0 where the
/// connection is closed without a reply.
pub fn written(address: SocketAddr, bytes: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // The server may have said no before everything is sent.
    let _ = stream.write_all(bytes);
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    let text = String::from_utf8_lossy(&said).into_owned();
    let status = text.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok());
    (status.unwrap_or_default(), text)
}

/// Reads until `wanted` has come, and hangs up.
pub fn hang_up_after(mut stream: TcpStream, wanted: &str) {
    read_until(&mut stream, &mut Vec::new(), wanted);
    let _ = stream.shutdown(Shutdown::Both);
}

/// Reads until `wanted` is in what was read.
fn read_until(stream: &mut TcpStream, seen: &mut Vec<u8>, wanted: &str) {
    let mut part = [0; 4096];
    while !String::from_utf8_lossy(seen).contains(wanted) {
        let read = stream.read(&mut part).expect("more of the reply");
        let so_far = String::from_utf8_lossy(seen);
        assert!(read > 0, "the reply ended before {wanted:?}: {so_far}");
        seen.extend_from_slice(&part[..read]);
    }
}

/// The parts of a chunked body.
fn joined(mut chunked: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = chunked.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&chunked[..end]).unwrap();
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        if size == 0 {
            return whole;
        }
        whole.extend_from_slice(&chunked[end + 2..end + 2 + size]);
        chunked = &chunked[end + 2 + size + 2..];
    }
    panic!("a chunked body without its end");
}
