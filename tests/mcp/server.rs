//! Celosia as a process of its own.

use super::{PATIENCE, eventually};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, Weak};
use tempfile::TempDir;

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_celosia");

/// A directory with the demo's databases, keys and configuration.
#[derive(Debug)]
pub struct Demo {
    directory: TempDir,
}

impl Demo {
    /// A demo that nobody has used yet.
    pub fn new() -> Self {
        let demo = Self { directory: tempfile::tempdir().unwrap() };
        let made = celosia(&["demo", "--stdio", "--data", demo.path().to_str().unwrap()]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        demo
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The directory as an argument.
    pub fn text(&self) -> &str {
        self.path().to_str().unwrap()
    }

    /// The API key of a role.
    pub fn key(&self, role: &str) -> String {
        let keys = std::fs::read_to_string(self.path().join("demo-keys.txt")).unwrap();
        let mut lines = keys.lines().filter_map(|line| line.split_once(' '));
        lines.find(|(name, _)| *name == role).unwrap().1.to_string()
    }

    /// Writes another configuration beside the demo's own.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The demo's configuration with changes.
    pub fn config(&self, changes: &[(&str, &str)]) -> String {
        let text = std::fs::read_to_string(self.path().join("celosia.yaml")).unwrap();
        changes.iter().fold(text, |text, (from, to)| {
            assert!(text.contains(from), "the demo's configuration has no {from:?}");
            text.replacen(from, to, 1)
        })
    }
}

/// A server over HTTP. It ends with its last holder.
#[derive(Debug)]
pub struct Server {
    pub address: SocketAddr,
    pub demo: Arc<Demo>,
    pub process: Child,
    log: Arc<Mutex<String>>,
}

impl Server {
    /// `celosia demo` of its own.
    pub fn demo() -> Self {
        let demo = Arc::new(Demo::new());
        let arguments = ["demo", "--data", demo.text(), "--listen", "127.0.0.1:0"];
        let (process, log, lines) = start(&arguments);
        Self {
            address: address(&lines, "Serving MCP on http://"),
            demo: demo.clone(),
            process,
            log,
        }
    }

    /// `celosia serve` with a configuration in the demo's directory.
    pub fn serve(demo: &Arc<Demo>, config: &Path) -> Self {
        let arguments = ["serve", "--config", config.to_str().unwrap(), "--listen", "127.0.0.1:0"];
        Self::listening(demo, start(&arguments))
    }

    /// The same, and its log says everything that it ever says.
    pub fn serve_talkative(demo: &Arc<Demo>, config: &Path) -> Self {
        let arguments = ["serve", "--config", config.to_str().unwrap(), "--listen", "127.0.0.1:0"];
        let mut command = Command::new(BINARY);
        command.args(arguments).env("CELOSIA_LOG", "trace");
        Self::listening(demo, started(command))
    }

    /// The same, with more variables in its environment.
    pub fn serve_within(demo: &Arc<Demo>, config: &Path, variables: &[(&str, &str)]) -> Self {
        let arguments = ["serve", "--config", config.to_str().unwrap(), "--listen", "127.0.0.1:0"];
        let mut command = Command::new(BINARY);
        command.args(arguments).env_remove("CELOSIA_LOG").envs(variables.iter().copied());
        Self::listening(demo, started(command))
    }

    fn listening(
        demo: &Arc<Demo>,
        (mut process, log, _lines): (Child, Arc<Mutex<String>>, Receiver<String>),
    ) -> Self {
        let address = eventually("the address in the log", || {
            let ended = process.try_wait().unwrap();
            let log = log.lock().unwrap();
            assert!(ended.is_none(), "it does not serve: {log}");
            let line = log.lines().find(|line| line.contains("serving MCP at"))?;
            line.rsplit_once("address=")?.1.parse().ok()
        });
        Self { address, demo: demo.clone(), process, log }
    }

    /// A demo that tests share which change nothing.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Self::demo());
            *shared = Arc::downgrade(&server);
            server
        })
    }

    /// Where MCP is served.
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs a command of the binary to its end, with an empty input.
pub fn celosia(arguments: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.args(arguments).env_remove("CELOSIA_LOG").stdin(Stdio::null()).output().unwrap()
}

/// Waits until a process uses no processor time: whatever ran in it has ended.
pub fn settles(process: &Child, what: &str) {
    let mut before = processor_time(process.id());
    let mut quiet = 0;
    eventually(what, || {
        let now = processor_time(process.id());
        quiet = if now == before { quiet + 1 } else { 0 };
        before = now;
        // Something that runs shows within half a second, on a busy machine too.
        (quiet >= 10).then_some(())
    });
}

/// Clock ticks that the process has used.
fn processor_time(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

fn start(arguments: &[&str]) -> (Child, Arc<Mutex<String>>, Receiver<String>) {
    let mut command = Command::new(BINARY);
    command.args(arguments).env_remove("CELOSIA_LOG");
    started(command)
}

fn started(mut command: Command) -> (Child, Arc<Mutex<String>>, Receiver<String>) {
    command.stdin(Stdio::null());
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let log = drain(process.stderr.take().unwrap());
    let (lines, received) = channel();
    let output = BufReader::new(process.stdout.take().unwrap());
    std::thread::spawn(move || {
        output.lines().map_while(Result::ok).for_each(|line| drop(lines.send(line)));
    });
    (process, log, received)
}

/// Reads a pipe to its end, so that its writer never waits.
pub fn drain(pipe: impl std::io::Read + Send + 'static) -> Arc<Mutex<String>> {
    let log = Arc::new(Mutex::new(String::new()));
    let written = log.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let mut log = written.lock().unwrap();
            log.push_str(&line);
            log.push('\n');
        }
    });
    log
}

fn address(lines: &Receiver<String>, before: &str) -> SocketAddr {
    loop {
        let line = lines.recv_timeout(PATIENCE).expect("the server says where it listens");
        if let Some((_, rest)) = line.split_once(before) {
            return rest.split('/').next().unwrap().parse().unwrap();
        }
    }
}
