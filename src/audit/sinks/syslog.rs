//! RFC 5424 over UDP (one message a datagram), TCP (RFC 6587, octets counted) or a Unix socket.
//!
//! Syslog confirms nothing. Over TCP and a Unix stream what was on its way when the server went is lost to it, not to
//! the store; where each record must arrive, use a sink that answers.

use super::Event;
use std::fmt;
use std::net::ToSocketAddrs;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UdpSocket, UnixDatagram};

/// How long a server may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest message of a datagram.
const LONGEST: usize = 60_000;
/// Log audit (13), informational (6) and warning (4).
const USUAL: u8 = 13 * 8 + 6;
const FAILURE: u8 = 13 * 8 + 4;

/// Where a syslog server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyslogAddress {
    /// `udp://host:514`
    Udp(String),
    /// `tcp://host:601`
    Tcp(String),
    /// `unix:///dev/log`
    Unix(PathBuf),
}

impl SyslogAddress {
    /// The address in `udp://host:port`, `tcp://host:port` or `unix:///path`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let has_port = rest.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
        match scheme {
            "udp" if has_port => Some(Self::Udp(rest.to_string())),
            "tcp" if has_port => Some(Self::Tcp(rest.to_string())),
            "unix" if rest.starts_with('/') => Some(Self::Unix(rest.into())),
            _ => None,
        }
    }
}

/// A syslog server, and the connection to it.
#[derive(Debug)]
pub(super) struct Syslog {
    address: SyslogAddress,
    host: String,
    connection: Option<Connection>,
}

#[derive(Debug)]
enum Connection {
    Udp(UdpSocket),
    Tcp(TcpStream),
    Unix(UnixDatagram),
}

impl Syslog {
    pub(super) fn new(address: SyslogAddress) -> Self {
        Self { address, host: crate::audit::store::host_name(), connection: None }
    }

    pub(super) async fn deliver(&mut self, events: &[Event]) -> Result<(), String> {
        match tokio::time::timeout(PATIENCE, self.send(events)).await {
            Ok(sent) => sent.map_err(|error| error.to_string()),
            Err(_) => Err("the server takes nothing".to_string()),
        }
    }

    async fn send(&mut self, events: &[Event]) -> std::io::Result<()> {
        let mut connection = match self.connection.take() {
            Some(Connection::Tcp(stream)) if has_ended(&stream) => self.connect().await?,
            Some(connection) => connection,
            None => self.connect().await?,
        };
        for event in events {
            let message = self.message(event);
            match &mut connection {
                Connection::Udp(socket) => drop(socket.send(cut(&message).as_bytes()).await?),
                Connection::Unix(socket) => drop(socket.send(cut(&message).as_bytes()).await?),
                Connection::Tcp(stream) => {
                    stream.write_all(format!("{} {message}", message.len()).as_bytes()).await?;
                }
            }
        }
        if let Connection::Tcp(stream) = &mut connection {
            stream.flush().await?;
        }
        self.connection = Some(connection);
        Ok(())
    }

    async fn connect(&self) -> std::io::Result<Connection> {
        Ok(match &self.address {
            SyslogAddress::Tcp(address) => Connection::Tcp(TcpStream::connect(address).await?),
            SyslogAddress::Unix(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(path)?;
                Connection::Unix(socket)
            }
            SyslogAddress::Udp(address) => {
                let named = address.clone();
                let found = tokio::task::spawn_blocking(move || named.to_socket_addrs()).await;
                let to = found.map_err(std::io::Error::other)??.next();
                let to = to.ok_or_else(|| std::io::Error::other("the host has no address"))?;
                let from = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                let socket = UdpSocket::bind(from).await?;
                socket.connect(to).await?;
                Connection::Udp(socket)
            }
        })
    }

    fn message(&self, event: &Event) -> String {
        let priority = if event.is_failure { FAILURE } else { USUAL };
        let time = chrono::DateTime::from_timestamp_millis(event.at).unwrap_or_default();
        let time = time.format("%Y-%m-%dT%H:%M:%S%.3fZ");
        let (host, process) = (&self.host, std::process::id());
        let (kind, id) = (Word(&event.kind), Word(&event.id));
        // 32473 is the number that RFC 5612 keeps for examples and for those who have none.
        format!(
            "<{priority}>1 {time} {host} celosia {process} {kind} [audit@32473 id=\"{id}\"] \u{feff}{}",
            event.line
        )
    }
}

/// Whether the other side has closed: what is written then goes nowhere.
fn has_ended(stream: &TcpStream) -> bool {
    let mut byte = [0];
    match stream.try_read(&mut byte) {
        Ok(read) => read == 0,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    }
}

/// As much of a message as a datagram takes.
fn cut(message: &str) -> &str {
    let mut end = message.len().min(LONGEST);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    &message[..end]
}

/// A text with nothing in it that ends a field.
struct Word<'a>(&'a str);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        self.0.chars().filter(plain).try_for_each(|c| fmt::Write::write_char(f, c))
    }
}
