//! What goes over the wire and into files, seen from outside.

use super::nodes::files;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A relay that keeps what passes it.
#[derive(Debug)]
pub struct Relay {
    pub port: u16,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Relay {
    /// A relay before a port of this machine.
    pub async fn before(port: u16) -> Self {
        Self::between(0, SocketAddr::from(([127, 0, 0, 1], port))).await
    }

    /// A relay at a port of this machine before an address.
    pub async fn between(port: u16, server: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("a port");
        let relay =
            Self { port: listener.local_addr().expect("an address").port(), seen: Arc::default() };
        let seen = relay.seen.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(server).await else { continue };
                let ((client_in, client_out), (server_in, server_out)) =
                    (client.into_split(), server.into_split());
                tokio::spawn(pass(client_in, server_out, seen.clone()));
                tokio::spawn(pass(server_in, client_out, seen.clone()));
            }
        });
        relay
    }

    /// Everything so far, both ways, as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().expect("not poisoned")).into_owned()
    }
}

async fn pass(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    seen: Arc<Mutex<Vec<u8>>>,
) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read) = from.read(&mut buffer).await {
        if read == 0 {
            break;
        }
        seen.lock().expect("not poisoned").extend_from_slice(&buffer[..read]);
        if to.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
}

/// Reads every file below a directory again and again.
#[derive(Debug)]
pub struct Watch {
    ended: Arc<AtomicBool>,
    reader: JoinHandle<(usize, String)>,
}

impl Watch {
    pub fn over(directory: PathBuf) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let over = ended.clone();
        let reader = std::thread::spawn(move || {
            let (mut count, mut text) = (0, String::new());
            let mut lengths = std::collections::HashMap::new();
            while !over.load(Ordering::Relaxed) {
                for file in files(&directory) {
                    // It may be gone already.
                    let Ok(bytes) = std::fs::read(&file) else { continue };
                    if lengths.insert(file, bytes.len()) != Some(bytes.len()) {
                        count += 1;
                        text.push_str(&String::from_utf8_lossy(&bytes));
                    }
                }
                std::thread::yield_now();
            }
            (count, text)
        });
        Self { ended, reader }
    }

    /// How many files had something new, and all of it as text.
    pub fn seen(self) -> (usize, String) {
        self.ended.store(true, Ordering::Relaxed);
        self.reader.join().expect("it reads")
    }
}
