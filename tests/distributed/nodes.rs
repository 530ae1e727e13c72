//! A scheduler and executors, inside the test's own process or as processes of their own.

use crate::mcp::server::BINARY;
use crate::support::policy;
use celosia::limits::{Meter, Plans};
use celosia::policy::Rules;
use celosia::query::{ExecutorNode, Executors, Spread, Worker, execute, schedule};
use celosia_connector_api::Connector;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::TcpListener;

pub const KEY: &str = "a key of a deployment with executors";
pub const TRANSPORT_KEY: &str = "the key by which its processes know each other";
pub const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A port that is free now.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind((LOCAL, 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

/// What a server says of its executors: everything that can goes there.
pub fn executors(port: u16) -> Executors {
    Executors {
        scheduler: format!("http://127.0.0.1:{port}"),
        key: KEY.into(),
        transport_key: None,
        spread: Spread::Always,
        above: 0,
        partitions: 3,
        compress: false,
    }
}

/// A scheduler and executors as tasks of the test's own process.
#[derive(Debug)]
pub struct Inside {
    pub port: u16,
    /// Where the executors write.
    pub work: TempDir,
}

impl Inside {
    /// Executors over their own connectors to `sources`, each made anew.
    pub async fn start(
        sources: impl AsyncFn() -> Vec<(String, Arc<dyn Connector>)>,
        rules: &Rules,
        count: usize,
    ) -> Self {
        Self::of(sources, rules, count, 256 << 20).await
    }

    /// The same, each with so much memory.
    pub async fn of(
        sources: impl AsyncFn() -> Vec<(String, Arc<dyn Connector>)>,
        rules: &Rules,
        count: usize,
        memory: usize,
    ) -> Self {
        let listener = TcpListener::bind((LOCAL, 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(
            async move { schedule(listener, "127.0.0.1", None).await.expect("it serves") },
        );
        let work = tempfile::tempdir().expect("a directory");
        for _ in 0..count {
            let worker = Arc::new(worker(sources().await, rules.version(), KEY));
            let node = ExecutorNode { memory, ..node(port, work.path()) };
            tokio::spawn(async move { execute(worker, node).await.expect("it serves") });
        }
        Self { port, work }
    }
}

/// A worker of the policy with this version, with the key of pseudonyms of all tests.
pub fn worker(sources: Vec<(String, Arc<dyn Connector>)>, version: &str, key: &str) -> Worker {
    let meter = Meter::new(Plans::default(), None);
    Worker::new(sources, version, policy::key(), meter, key).expect("a worker")
}

/// An executor at free ports.
pub fn node(scheduler: u16, work: &Path) -> ExecutorNode {
    ExecutorNode {
        bind: LOCAL,
        name: "127.0.0.1".into(),
        port: free_port(),
        control_port: free_port(),
        scheduler: ("127.0.0.1".into(), scheduler),
        cores: 2,
        memory: 256 << 20,
        work: work.to_path_buf(),
        transport: None,
    }
}

/// A deployment in a directory: one configuration for the server, the scheduler and each executor, which differ in
/// the executor's ports alone.
#[derive(Debug)]
pub struct Outside {
    pub directory: TempDir,
    /// The scheduler's port, then two of each executor: for rows and for work.
    pub ports: Vec<u16>,
    text: String,
    scheduler: Option<Child>,
    executors: Vec<(PathBuf, Option<Child>)>,
    /// What is an executor's own in its configuration.
    own: Vec<String>,
}

impl Outside {
    /// A deployment with this configuration but its engine, and `count` executors.
    pub fn start(text: &str, files: &[(&str, &str)], count: usize) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a directory")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        for (name, key) in [("engine.key", KEY), ("transport.key", TRANSPORT_KEY)] {
            std::fs::write(directory.path().join(name), key).expect("written");
        }
        let (ports, text) = (vec![free_port()], text.to_string());
        let (executors, own) = (Vec::new(), Vec::new());
        let mut this = Self { directory, ports, text, scheduler: None, executors, own };
        this.start_scheduler();
        for number in 0..count {
            let name = format!("executor-{number}.yaml");
            let (rows, control) = (free_port(), free_port());
            let more = format!(
                "executor: {{ port: {rows}, control_port: {control}, cores: 2, memory: 256MiB, work: work-{number} }}"
            );
            let path = this.write(&name, "never", &more);
            this.executors.push((path, None));
            this.own.push(more);
            this.ports.extend([rows, control]);
            this.start_executor(number);
        }
        this
    }

    /// Writes a configuration of the deployment.
    pub fn write(&self, name: &str, mode: &str, more: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        let text = format!(
            "{}\nengine: {{ kind: ballista, scheduler: 'https://127.0.0.1:{}', key: 'file:engine.key', \
             transport_key: 'file:transport.key', mode: {mode}, partitions: 3, {more} }}\n",
            self.text, self.ports[0]
        );
        std::fs::write(&path, text).expect("written");
        path
    }

    /// The part `engine` for the configuration of a server in another directory.
    pub fn engine(&self, mode: &str) -> String {
        let key = |name: &str| self.directory.path().join(name).display().to_string();
        format!(
            "engine: {{ kind: ballista, scheduler: 'https://127.0.0.1:{}', key: 'file:{}', \
             transport_key: 'file:{}', mode: {mode} }}",
            self.ports[0],
            key("engine.key"),
            key("transport.key")
        )
    }

    /// Changes the configuration of all executors, which run.
    pub fn change(&mut self, from: &str, to: &str) {
        assert!(self.text.contains(from), "{}", self.text);
        self.text = self.text.replace(from, to);
        for (number, own) in self.own.iter().enumerate() {
            self.write(&format!("executor-{number}.yaml"), "never", own);
        }
    }

    pub fn start_scheduler(&mut self) {
        let path = self.write("scheduler.yaml", "never", "");
        self.scheduler = Some(process("scheduler", &path));
    }

    pub fn kill_scheduler(&mut self) {
        if let Some(scheduler) = self.scheduler.take() {
            killed(scheduler);
        }
    }

    pub fn start_executor(&mut self, number: usize) {
        let path = self.executors[number].0.clone();
        self.executors[number].1 = Some(process("executor", &path));
    }

    /// As if its machine lost power.
    pub fn kill_executor(&mut self, number: usize) {
        if let Some(executor) = self.executors[number].1.take() {
            killed(executor);
        }
    }

    /// As an operator stops it.
    pub fn stop_executor(&mut self, number: usize) {
        let Some(mut child) = self.executors[number].1.take() else { return };
        let told = Command::new("kill").arg(child.id().to_string()).status().expect("kill runs");
        assert!(told.success());
        child.wait().expect("it ends");
    }

    /// Where an executor writes.
    pub fn work(&self, number: usize) -> PathBuf {
        self.directory.path().join(format!("work-{number}"))
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let executors = self.executors.iter_mut().filter_map(|(_, child)| child.take());
        executors.chain(self.scheduler.take()).for_each(|child| {
            killed(child);
        });
    }
}

/// A process of a deployment, before it starts.
pub fn told(command: &str, config: &Path) -> Command {
    let mut process = Command::new(BINARY);
    process.args([command, "--config", config.to_str().expect("text")]);
    process.stdin(Stdio::null()).stdout(Stdio::null());
    process
}

fn process(command: &str, config: &Path) -> Child {
    let mut process = told(command, config);
    if std::env::var_os("RUST_LOG").is_none() {
        process.stderr(Stdio::null());
    }
    process.spawn().expect("the binary runs")
}

fn killed(mut child: Child) {
    let _ = child.kill();
    child.wait().expect("it is gone");
}

/// Every file below a directory.
pub fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| {
            let path = entry.path();
            if path.is_dir() { files(&path) } else { vec![path] }
        })
        .collect()
}
