//! The HTTP surface over real sockets: dawdling clients, disconnects, and the drain.

use super::*;
use crate::mcp::testing::{StubBackend, principal};
use crate::model::Principal;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// Takes everybody for ana.
struct Anybody;

#[async_trait::async_trait]
impl Authenticate for Anybody {
    async fn authenticate(&self, _: Option<&str>) -> Result<Principal, Challenge> {
        Ok(principal("ana"))
    }
}

struct Server {
    address: SocketAddr,
    backend: Arc<StubBackend>,
    shutdown: CancellationToken,
    serving: JoinHandle<io::Result<()>>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut config = HttpConfig::new(address);
        config.idle_timeout = Duration::from_millis(600);
        config.head_timeout = Duration::from_millis(200);
        config.body_timeout = Duration::from_millis(200);
        config.write_timeout = Duration::from_millis(300);
        config.drain_timeout = Duration::from_millis(400);
        let backend = StubBackend::shared();
        let shutdown = CancellationToken::new();
        let ready: Readiness = Arc::new(|| true);
        let engine = backend.clone();
        let anybody = Arc::new(Anybody);
        let serving = serve(listener, config, engine, anybody, ready, shutdown.clone());
        Self { address, backend, shutdown, serving: tokio::spawn(serving) }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A connection on which a query of `sql` runs.
    async fn running(&self, sql: &str) -> TcpStream {
        let before = self.backend.calls.lock().len();
        let mut stream = self.connect().await;
        stream.write_all(call(sql).as_bytes()).await.unwrap();
        while self.backend.calls.lock().len() == before {
            tokio::task::yield_now().await;
        }
        stream
    }

    async fn until_cancelled(&self) {
        while self.backend.cancelled.lock().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

const HEAD: &str = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
    Accept: application/json, text/event-stream\r\n";

fn call(sql: &str) -> String {
    let params = json!({"name": "query", "arguments": {"sql": sql}});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let body = body.to_string();
    format!("{HEAD}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// What comes until the server closes the connection, and when that was.
async fn until_closed(stream: &mut TcpStream) -> (String, Duration) {
    let started = Instant::now();
    let mut received = Vec::new();
    let read = stream.read_to_end(&mut received);
    let _ = tokio::time::timeout(Duration::from_secs(5), read).await.unwrap();
    (String::from_utf8_lossy(&received).into_owned(), started.elapsed())
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let server = Server::start().await;
    let (received, after) = until_closed(&mut server.connect().await).await;
    assert_eq!(received, "");
    assert!((400..3000).contains(&after.as_millis()), "{after:?}");
}

#[tokio::test]
async fn a_head_in_drips_is_cut() {
    let server = Server::start().await;
    let (mut read, mut write) = server.connect().await.into_split();
    let drips = tokio::spawn(async move {
        for byte in HEAD.as_bytes().iter().take(100) {
            let _ = write.write_all(&[*byte]).await;
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    });
    let mut received = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(2), read.read_to_end(&mut received));
    let _ = end.await.unwrap();
    assert!(!drips.is_finished());
}

#[tokio::test]
async fn a_body_that_does_not_come_is_a_timeout() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    stream.write_all(format!("{HEAD}Content-Length: 100\r\n\r\n{{").as_bytes()).await.unwrap();
    let (received, _) = until_closed(&mut stream).await;
    assert!(received.starts_with("HTTP/1.1 408"), "{received}");
}

#[tokio::test]
async fn a_connection_lives_on_between_requests_and_through_a_long_one() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    let mut buffer = [0; 4096];
    // Longer than the patience with a head, in all; then longer than that with an idle connection.
    for sql in ["a", "b", "c", "sleep 900", "d"] {
        stream.write_all(call(sql).as_bytes()).await.unwrap();
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(buffer[..read].starts_with(b"HTTP/1.1 200"), "{sql}");
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
}

#[tokio::test]
async fn a_client_that_does_not_take_its_answers_is_given_up() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    // Each reply says it all again, and none is read.
    let params = json!({"name": "explain", "arguments": {"sql": "x".repeat(500_000)}});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let body = body.to_string();
    let request = format!("{HEAD}Content-Length: {}\r\n\r\n{body}", body.len());
    let asking = async {
        loop {
            if stream.write_all(request.as_bytes()).await.is_err() {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asking).await.expect("it is hung up on");
    let mut other = server.connect().await;
    other.write_all(call("a").as_bytes()).await.unwrap();
    let mut buffer = [0; 4096];
    assert!(other.read(&mut buffer).await.unwrap() > 0);
}

#[tokio::test]
async fn a_client_that_goes_away_stops_its_statement() {
    let server = Server::start().await;
    drop(server.running("sleep").await);
    server.until_cancelled().await;
}

#[tokio::test]
async fn running_requests_end_before_the_server_does() {
    let server = Server::start().await;
    let mut running = server.running("sleep 100").await;
    server.shutdown.cancel();
    let (received, _) = until_closed(&mut running).await;
    assert!(received.starts_with("HTTP/1.1 200"), "{received}");
    server.serving.await.unwrap().unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn what_runs_after_the_drain_is_cancelled() {
    let server = Server::start().await;
    let mut running = server.running("sleep").await;
    server.shutdown.cancel();
    let (received, after) = until_closed(&mut running).await;
    assert!(received.starts_with("HTTP/1.1 503"), "{received}");
    assert!(after < Duration::from_secs(2), "{after:?}");
    server.until_cancelled().await;
    server.serving.await.unwrap().unwrap();
}
