//! A client that starts Celosia and speaks to it by lines.

use super::PATIENCE;
use super::server::{BINARY, Demo, drain};
use serde_json::{Value as Json, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

/// A process that speaks MCP over its standard streams.
#[derive(Debug)]
pub struct Lines {
    pub process: Child,
    input: Option<ChildStdin>,
    output: Receiver<String>,
    log: Arc<Mutex<String>>,
}

impl Lines {
    /// `celosia demo --stdio` for a role.
    pub fn demo(demo: &Demo, role: &str) -> Self {
        Self::start(&["demo", "--stdio", "--role", role, "--data", demo.text()])
    }

    pub fn start(arguments: &[&str]) -> Self {
        Self::start_in(arguments, &[])
    }

    /// The same in an environment.
    pub fn start_in(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(BINARY);
        command.args(arguments).env_remove("CELOSIA_LOG").envs(environment.iter().copied());
        Self::spawn(command)
    }

    /// Any program that speaks so.
    pub fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::piped());
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = drain(process.stderr.take().unwrap());
        let input = process.stdin.take();
        let (lines, output) = channel();
        let pipe = BufReader::new(process.stdout.take().unwrap());
        std::thread::spawn(move || {
            pipe.lines().map_while(Result::ok).for_each(|line| drop(lines.send(line)));
        });
        Self { process, input, output, log }
    }

    /// The session of a client of an older era.
    pub fn initialized(mut self, version: &str) -> Self {
        let params = json!({
            "protocolVersion": version,
            "capabilities": {},
            "clientInfo": {"name": "tests", "version": "1"},
        });
        let answer = self.ask("initialize", params);
        assert_eq!(answer["result"]["protocolVersion"], version, "{answer}");
        self.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        self
    }

    pub fn write(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().unwrap();
        input.write_all(bytes).unwrap();
        input.flush().unwrap();
    }

    pub fn say(&mut self, message: &Json) {
        self.write(format!("{message}\n").as_bytes());
    }

    /// The next line, which is a message.
    pub fn hear(&mut self) -> Json {
        let line = self.output.recv_timeout(PATIENCE);
        let line = line.unwrap_or_else(|_| panic!("no answer; log: {}", self.log.lock().unwrap()));
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// The answer to `method`.
    pub fn ask(&mut self, method: &str, params: Json) -> Json {
        self.say(&json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}));
        let answer = self.hear();
        assert_eq!(answer["id"], 7, "{answer}");
        answer
    }

    /// The structured answer of a tool.
    pub fn call(&mut self, tool: &str, arguments: Json) -> Json {
        let mut answer = self.ask("tools/call", json!({"name": tool, "arguments": arguments}));
        answer["result"]["structuredContent"].take()
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Ends the input: what was still said, and how the process ended.
    pub fn end(mut self) -> (Vec<String>, ExitStatus) {
        drop(self.input.take());
        let said = std::iter::from_fn(|| self.output.recv_timeout(PATIENCE).ok()).collect();
        (said, self.process.wait().unwrap())
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
