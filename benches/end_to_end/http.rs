//! The HTTP side of the load client.

use super::*;

/// One connection, kept alive.
pub(super) struct Http<'a> {
    settings: &'a Settings,
    stream: BufReader<TcpStream>,
    session: Option<String>,
    ids: u64,
    whole: Vec<u8>,
}

impl<'a> Http<'a> {
    pub(super) fn connect(settings: &'a Settings) -> Outcome<Self> {
        let (host, _) = settings.http.as_ref().ok_or("no address")?;
        let stream = TcpStream::connect(host).map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        stream.set_read_timeout(Some(ANSWER_LIMIT)).map_err(|error| error.to_string())?;
        let stream = BufReader::with_capacity(256 * 1024, stream);
        Ok(Self { settings, stream, session: None, ids: 0, whole: Vec::new() })
    }

    /// Opens a session where the era has them; the tools.
    pub(super) fn hello(&mut self) -> Outcome<Vec<u8>> {
        self.open()?;
        let (body, _) = self.post("tools/list", list)?;
        Ok(body)
    }

    pub(super) fn open(&mut self) -> Outcome<()> {
        if self.settings.era != STATELESS {
            let (body, _) = self.post("initialize", initialize)?;
            if occurrences(&body, b"\"result\"") == 0 {
                return Err(format!("initialize: {}", String::from_utf8_lossy(&body)));
            }
            self.post("notifications/initialized", |_, _| INITIALIZED.to_string())?;
        }
        Ok(())
    }

    pub(super) fn call(&mut self, arguments: &str) -> Outcome<(Vec<u8>, Duration)> {
        self.post("tools/call", |settings, id| call(settings, id, arguments))
    }

    /// Sends a message and reads the whole answer. Time runs from the first byte sent to the last read.
    pub(super) fn post(
        &mut self,
        method: &str,
        message: impl FnOnce(&Settings, u64) -> String,
    ) -> Outcome<(Vec<u8>, Duration)> {
        use std::fmt::Write as _;
        self.ids += 1;
        let settings = self.settings;
        let body = message(settings, self.ids);
        let (host, path) = settings.http.as_ref().ok_or("no address")?;
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nContent-Length: {}\r\n",
            body.len()
        );
        for header in &settings.headers {
            let _ = write!(request, "{header}\r\n");
        }
        if method != "initialize" {
            let _ = write!(request, "MCP-Protocol-Version: {}\r\n", settings.era);
        }
        if settings.era == STATELESS {
            let _ = write!(request, "Mcp-Method: {method}\r\n");
            if method == "tools/call" {
                let _ = write!(request, "Mcp-Name: {}\r\n", settings.tool);
            }
        } else if let Some(session) = &self.session {
            let _ = write!(request, "Mcp-Session-Id: {session}\r\n");
        }
        request.push_str("\r\n");
        request.push_str(&body);
        let began = Instant::now();
        self.stream.get_mut().write_all(request.as_bytes()).map_err(|error| error.to_string())?;
        let status = self.answer()?;
        let took = began.elapsed();
        let body = std::mem::take(&mut self.whole);
        if !(200..300).contains(&status) {
            return Err(format!("HTTP {status}: {}", String::from_utf8_lossy(&body)));
        }
        Ok((body, took))
    }

    /// Reads head and body; the status.
    pub(super) fn answer(&mut self) -> Outcome<u16> {
        let mut line = String::new();
        self.line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| format!("no HTTP status: {line:?}"))?;
        let (mut length, mut chunked) = (0usize, false);
        loop {
            self.line(&mut line)?;
            let Some((name, value)) = line.split_once(':') else { break };
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse().map_err(|_| "a bad content-length")?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                chunked = value.eq_ignore_ascii_case("chunked");
            } else if name.eq_ignore_ascii_case("mcp-session-id") {
                self.session = Some(value.to_string());
            }
        }
        self.whole.clear();
        if !chunked {
            self.take(length)?;
            return Ok(status);
        }
        loop {
            self.line(&mut line)?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size =
                usize::from_str_radix(size, 16).map_err(|_| format!("a bad chunk {line:?}"))?;
            self.take(size)?;
            self.line(&mut line)?;
            if size == 0 {
                return Ok(status);
            }
        }
    }

    pub(super) fn line(&mut self, line: &mut String) -> Outcome<()> {
        line.clear();
        match self.stream.read_line(line) {
            Ok(0) => Err("the server closed the connection".into()),
            Ok(_) => {
                line.truncate(line.trim_end().len());
                Ok(())
            }
            Err(error) => Err(error.to_string()),
        }
    }

    pub(super) fn take(&mut self, size: usize) -> Outcome<()> {
        let before = self.whole.len();
        self.whole.resize(before + size, 0);
        self.stream.read_exact(&mut self.whole[before..]).map_err(|error| error.to_string())
    }
}
