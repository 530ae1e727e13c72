//! Stands between a client that cannot send credentials and the server, and adds them.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};

/// A relay that ends with the process of the test.
#[derive(Debug)]
pub struct Relay {
    pub address: SocketAddr,
}

impl Relay {
    /// Every request at this relay's address goes to `server` with `key`; the rest of it, `Host` and
    /// `Origin` above all, goes through as it came.
    pub fn start(server: SocketAddr, key: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let key = key.to_string();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let key = key.clone();
                std::thread::spawn(move || drop(pass(client, server, &key)));
            }
        });
        Self { address }
    }
}

/// One connection, one request: the connection is marked so.
fn pass(mut client: TcpStream, server: SocketAddr, key: &str) -> std::io::Result<()> {
    let (head, rest) = head(&mut client)?;
    let mut server = TcpStream::connect(server)?;
    for line in head.split("\r\n") {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        if name != "connection" && name != "authorization" {
            server.write_all(line.as_bytes())?;
            server.write_all(b"\r\n")?;
        }
    }
    let added = format!("Authorization: Bearer {key}\r\nConnection: close\r\n\r\n");
    server.write_all(added.as_bytes())?;
    server.write_all(&rest)?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        // The client has gone, and its request goes with it.
        let _ = to.shutdown(Shutdown::Both);
    });
    let _ = std::io::copy(&mut server, &mut client);
    client.shutdown(Shutdown::Both)
}

/// The head of a request, and what of the body came with it.
fn head(client: &mut TcpStream) -> std::io::Result<(String, Vec<u8>)> {
    let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            bytes.truncate(end);
            return Ok((String::from_utf8_lossy(&bytes).into_owned(), rest));
        }
        match client.read(&mut part)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => bytes.extend_from_slice(&part[..read]),
        }
    }
}
