//! The surface over stdin and stdout, for one local user.
//!
//! rmcp's own transport ignores a line that is not JSON and one that is too long, and leaves the client
//! waiting; and a stray notification before the first request ends it. This one answers every line
//! that it cannot read, and goes on.

use super::top_level_id::IdScanner;
use super::{Backend, CelosiaServer, malformed};
use crate::model::{Language, Principal};
use rmcp::model::{ClientJsonRpcMessage, JsonRpcMessage, RequestId};
use rmcp::service::{
    RoleServer, RxJsonRpcMessage, ServerInitializeError, TxJsonRpcMessage, serve_server_with_ct,
};
use rmcp::transport::Transport;
use serde::Serialize;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The longest line that is read.
pub const MAX_LINE_BYTES: usize = 1 << 20;

/// Messages that were read and wait for their turn.
pub(super) const QUEUE: usize = 64;

/// Serves stdin and stdout until stdin ends or `shutdown` fires. Stdout belongs to the protocol.
pub async fn serve(
    backend: Arc<dyn Backend>,
    principal: Principal,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let (input, output) = rmcp::transport::stdio_pipes();
    // The client has started this process, in the language of whoever uses it.
    let language = Language::of_environment(&|name| std::env::var(name).ok());
    let server = CelosiaServer::local(backend, principal).speaking(language);
    serve_lines(server, input, output, shutdown).await
}

/// Serves any pair of streams as stdin and stdout.
pub async fn serve_streams(
    backend: Arc<dyn Backend>,
    principal: Principal,
    input: impl AsyncRead + Send + Unpin + 'static,
    output: impl AsyncWrite + Send + Unpin + 'static,
    shutdown: CancellationToken,
) -> io::Result<()> {
    serve_lines(CelosiaServer::local(backend, principal), input, output, shutdown).await
}

async fn serve_lines(
    server: CelosiaServer,
    input: impl AsyncRead + Send + Unpin + 'static,
    output: impl AsyncWrite + Send + Unpin + 'static,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let lines = Lines::new(input, output);
    match serve_server_with_ct(server, lines, shutdown).await {
        Ok(running) => running.waiting().await.map(|_| ()).map_err(io::Error::other),
        // Nobody asked anything before the end.
        Err(ServerInitializeError::ConnectionClosed(_) | ServerInitializeError::Cancelled) => {
            Ok(())
        }
        Err(error) => Err(io::Error::other(error)),
    }
}

/// One message per line, in both directions.
struct Lines<W> {
    incoming: mpsc::Receiver<ClientJsonRpcMessage>,
    output: Output<W>,
    reader: JoinHandle<()>,
}

type Output<W> = Arc<Mutex<Option<W>>>;

impl<W: AsyncWrite + Send + Unpin + 'static> Lines<W> {
    /// Reads in a task of its own: a read that is given up half-way loses nothing.
    fn new(input: impl AsyncRead + Send + Unpin + 'static, output: W) -> Self {
        let output = Arc::new(Mutex::new(Some(output)));
        let (messages, incoming) = mpsc::channel(QUEUE);
        let reader = tokio::spawn(read(input, output.clone(), messages));
        Self { incoming, output, reader }
    }
}

impl<W> Drop for Lines<W> {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl<W: AsyncWrite + Send + Unpin + 'static> Transport<RoleServer> for Lines<W> {
    type Error = io::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let output = self.output.clone();
        async move { write(&output, &item).await }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        self.incoming.recv().await
    }

    async fn close(&mut self) -> io::Result<()> {
        self.reader.abort();
        self.output.lock().await.take();
        Ok(())
    }
}

pub(super) async fn read<W: AsyncWrite + Send + Unpin>(
    input: impl AsyncRead + Send + Unpin,
    output: Output<W>,
    messages: mpsc::Sender<ClientJsonRpcMessage>,
) {
    let mut input = BufReader::with_capacity(32 * 1024, input);
    let mut line = Vec::new();
    let mut started = false;
    loop {
        let read = match next_line(&mut input, &mut line).await {
            Ok(read) => read,
            Err(error) => return tracing::warn!(%error, "stdin cannot be read"),
        };
        let answer = match read {
            Line::End => return,
            Line::TooLong(id) => Some(malformed::too_large(MAX_LINE_BYTES, id)),
            Line::Whole if line.trim_ascii().is_empty() => None,
            Line::Whole => match serde_json::from_slice(without_mark(&line)) {
                Err(_) => Some(malformed::error_for(without_mark(&line))),
                Ok(message) => {
                    started |= matches!(message, JsonRpcMessage::Request(_));
                    // Before the first request there is nothing to be notified of.
                    if started && messages.send(message).await.is_err() {
                        return;
                    }
                    None
                }
            },
        };
        if let Some(answer) = answer
            && let Err(error) = write(&output, &answer).await
        {
            return tracing::warn!(%error, "stdout cannot be written");
        }
    }
}

enum Line {
    /// `line` holds a line, without its end.
    Whole,
    /// A line was longer than is read; all of it was skipped but its id.
    TooLong(Option<RequestId>),
    /// The input has ended.
    End,
}

/// Reads a line of bounded length. The last line needs no newline.
async fn next_line(
    input: &mut (impl AsyncBufReadExt + Unpin),
    line: &mut Vec<u8>,
) -> io::Result<Line> {
    line.clear();
    let mut skipped: Option<IdScanner> = None;
    let mut any = false;
    loop {
        let available = input.fill_buf().await?;
        let ended = available.is_empty();
        any |= !ended;
        let newline = available.iter().position(|byte| *byte == b'\n');
        let part = &available[..newline.unwrap_or(available.len())];
        if skipped.is_none() && line.len() + part.len() > MAX_LINE_BYTES {
            let mut scanner = IdScanner::default();
            scanner.push(line);
            line.clear();
            skipped = Some(scanner);
        }
        match &mut skipped {
            Some(scanner) => scanner.push(part),
            None => line.extend_from_slice(part),
        }
        let used = part.len() + usize::from(newline.is_some());
        input.consume(used);
        if newline.is_some() || ended {
            return Ok(match skipped {
                _ if !any => Line::End,
                Some(scanner) => Line::TooLong(scanner.id()),
                None => Line::Whole,
            });
        }
    }
}

/// Some clients begin their stream with the mark of UTF-8.
fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line)
}

async fn write<W: AsyncWrite + Unpin>(
    output: &Output<W>,
    message: &impl Serialize,
) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(message)?;
    bytes.push(b'\n');
    let mut output = output.lock().await;
    let Some(output) = output.as_mut() else {
        return Err(io::Error::from(io::ErrorKind::NotConnected));
    };
    output.write_all(&bytes).await?;
    output.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mcp::testing::{StubBackend, principal};
    use serde_json::{Value as Json, json};
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, DuplexStream, Lines as TokioLines, duplex};

    struct Client {
        input: DuplexStream,
        output: TokioLines<BufReader<DuplexStream>>,
        server: JoinHandle<io::Result<()>>,
        backend: Arc<StubBackend>,
    }

    impl Client {
        fn new() -> Self {
            let (input, server_input) = duplex(1 << 16);
            let (server_output, output) = duplex(1 << 16);
            let backend = StubBackend::shared();
            let stop = CancellationToken::new();
            let ana = principal("ana");
            let serving = serve_streams(backend.clone(), ana, server_input, server_output, stop);
            let output = BufReader::new(output).lines();
            Self { input, output, server: tokio::spawn(serving), backend }
        }

        async fn initialized() -> Self {
            let mut client = Self::new();
            let params = json!({
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": {"name": "test", "version": "7"},
            });
            let answer = client.ask(1, "initialize", params).await;
            assert_eq!(answer["result"]["protocolVersion"], "2025-06-18");
            client.send(b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n").await;
            client
        }

        async fn send(&mut self, bytes: &[u8]) {
            self.input.write_all(bytes).await.unwrap();
        }

        async fn answer(&mut self) -> Json {
            let line = tokio::time::timeout(Duration::from_secs(5), self.output.next_line());
            serde_json::from_str(&line.await.unwrap().unwrap().unwrap()).unwrap()
        }

        async fn ask(&mut self, id: u32, method: &str, params: Json) -> Json {
            let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
            self.send(format!("{message}\n").as_bytes()).await;
            self.answer().await
        }

        /// Ends the input, and gives what else the server wrote.
        async fn end(self) -> String {
            drop(self.input);
            let mut rest = String::new();
            self.output.into_inner().read_to_string(&mut rest).await.unwrap();
            self.server.await.unwrap().unwrap();
            rest
        }
    }

    #[tokio::test]
    async fn an_end_before_the_first_request_is_clean() {
        assert_eq!(Client::new().end().await, "");
    }

    #[tokio::test]
    async fn garbage_is_answered_and_the_server_goes_on() {
        let mut client = Client::new();
        client.send(b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n").await;
        for (garbage, code) in
            [(&b"hello\n"[..], -32700), (b"\xff\xfe\r\n", -32700), (b"[]\n", -32600)]
        {
            client.send(garbage).await;
            assert_eq!(client.answer().await["error"]["code"], code);
        }
        client.send(b"\n  \r\n\xEF\xBB\xBF").await;
        assert_eq!(client.ask(1, "ping", json!({})).await["result"], json!({}));
        assert_eq!(client.end().await, "");
    }

    #[tokio::test]
    async fn a_line_too_long_is_answered_by_its_id() {
        let mut client = Client::initialized().await;
        let long = "x".repeat(MAX_LINE_BYTES);
        let answer = client.ask(2, "tools/call", json!({"name": "query", "sql": long})).await;
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(2), &json!(-32600)));
        assert!(answer["error"]["message"].as_str().unwrap().contains("1048576"));
        let params = json!({"name": "search", "arguments": {"question": "orders"}});
        let answer = client.ask(3, "tools/call", params).await;
        assert_eq!(answer["result"]["structuredContent"]["user"], "ana");
    }

    #[tokio::test]
    async fn a_cancelled_call_stops_its_statement() {
        let mut client = Client::initialized().await;
        let call = json!({"jsonrpc": "2.0", "id": 5, "method": "tools/call",
            "params": {"name": "query", "arguments": {"sql": "sleep"}}});
        let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled",
            "params": {"requestId": 5}});
        client.send(format!("{call}\n").as_bytes()).await;
        while client.backend.calls.lock().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(*client.backend.calls.lock(), ["query ana test/7"]);
        client.send(format!("{cancel}\n").as_bytes()).await;
        while client.backend.cancelled.lock().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(client.ask(6, "ping", json!({})).await["id"], 6);
    }

    #[tokio::test]
    async fn what_was_asked_before_the_end_is_answered() {
        let mut client = Client::initialized().await;
        let ask = b"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":\
            {\"name\":\"query\",\"arguments\":{\"sql\":\"sleep 100\"}}}";
        client.send(ask).await;
        assert!(client.end().await.contains("\"id\":2"));
    }
}
